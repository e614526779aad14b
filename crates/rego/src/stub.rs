//! A server for tests that speaks as an Open Policy Agent does: the data, policy and health APIs, with their shapes of
//! answers and errors. What it is asked it has the embedded evaluator work out, so that a test can hold both engines to the
//! same answers; and it can be told to misbehave.
//!
//! No real agent is at hand where the tests run. The shapes follow its REST API reference.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use grc_kernel::OrgId;
use grc_policy::engine::{EngineError, Module};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    pool::{Pool, WorkerCommand},
    worker::protocol::{Said, Task},
};

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As an agent does.
    Well,
    /// It takes no policies, as one whose policies come from bundles.
    ReadOnly,
    /// It answers nothing.
    Silent,
    /// It answers a byte every second.
    Slow,
    /// It closes the connection in the middle of an answer.
    Broken,
    /// It answers what is no JSON.
    Garbage,
    /// It answers a list where an object belongs.
    WrongShape,
    /// It answers without an end.
    Endless,
    /// It has a failure of its own, without a document.
    Failing,
    /// It refuses the caller.
    Refusing,
    /// It sends the caller elsewhere.
    Redirecting,
}

/// What the server saw of one request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// The bearer token, where there was one.
    pub token: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

struct State {
    mood: Mutex<Mood>,
    policies: Mutex<BTreeMap<String, String>>,
    seen: Mutex<Vec<Seen>>,
    pool: Pool,
}

/// A running server; it ends when it is dropped.
pub struct Stub {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stub {
    /// Starts one, whose evaluations a worker carries out.
    pub async fn start(worker: WorkerCommand) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            mood: Mutex::new(Mood::Well),
            policies: Mutex::default(),
            seen: Mutex::default(),
            pool: Pool::new(worker, 2),
        });
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move { state.serve(stream).await });
            }
        });
        Ok(Self { address, state, serving })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes it behave so from now on.
    pub fn set(&self, mood: Mood) {
        *lock(&self.state.mood) = mood;
    }

    /// Gives it a policy, as its operator would.
    pub fn put(&self, id: &str, rego: &str) {
        lock(&self.state.policies).insert(id.to_owned(), rego.to_owned());
    }

    /// Takes all its policies away, as when it was started again.
    pub fn forget(&self) {
        lock(&self.state.policies).clear();
    }

    /// The ids of its policies.
    pub fn policies(&self) -> Vec<String> {
        lock(&self.state.policies).keys().cloned().collect()
    }

    /// The requests that came since this was asked last.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *lock(&self.state.seen))
    }
}

impl State {
    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(seen) = read(&mut stream).await {
            lock(&self.seen).push(seen.clone());
            let mood = *lock(&self.mood);
            let output = stream.get_mut();
            let done = match mood {
                Mood::Well | Mood::ReadOnly => {
                    let (status, body) = self.answer(&seen, mood).await;
                    send(output, status, &body).await
                }
                Mood::Silent => std::future::pending().await,
                Mood::Slow => {
                    let _ = output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n").await;
                    for byte in b"{\"result\": true                                             }" {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        if output.write_all(&[*byte]).await.is_err() {
                            return;
                        }
                    }
                    Ok(())
                }
                Mood::Broken => {
                    let _ = output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"result\":").await;
                    return;
                }
                Mood::Garbage => send(output, 200, "<html>true</html>").await,
                Mood::WrongShape => send(output, 200, "[{\"result\": true}]").await,
                Mood::Endless => {
                    let _ = output.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
                    while output.write_all(b"400\r\n").await.is_ok()
                        && output.write_all(&[b' '; 1024]).await.is_ok()
                        && output.write_all(b"\r\n").await.is_ok()
                    {}
                    return;
                }
                Mood::Failing => send(output, 502, "bad gateway").await,
                Mood::Refusing => {
                    let body = json!({"code": "unauthorized", "message": "request rejected by administrative policy"});
                    send(output, 401, &body.to_string()).await
                }
                Mood::Redirecting => {
                    let head = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
                    output.write_all(head.as_bytes()).await
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, seen: &Seen, mood: Mood) -> (u16, String) {
        let path = seen.target.split('?').next().unwrap_or_default();
        let ok = |body: Value| (200, body.to_string());
        let wrong = |status, code: &str, message: &str| (status, json!({"code": code, "message": message}).to_string());
        match (seen.method.as_str(), path) {
            ("GET", "/health") => ok(json!({})),
            ("POST", path) if path.starts_with("/v1/data") => {
                let Ok(body) = serde_json::from_slice::<Value>(&seen.body) else {
                    return wrong(400, "invalid_parameter", "body contains malformed input document");
                };
                let path = path.trim_start_matches("/v1/data").trim_start_matches('/').split('/');
                let modules = lock(&self.policies).iter().map(module).collect();
                let input = body.get("input").cloned().unwrap_or_default();
                let task = Task::Evaluate { modules, path: path.map(str::to_owned).collect(), input };
                match self.pool.carry_out(OrgId::PLATFORM, &task).await {
                    Ok(Said::Result(result)) => {
                        let mut answer =
                            json!({"provenance": {"version": "1.9.0", "build_commit": "stub", "bundles": {}}});
                        if let (Value::Object(members), Some(result)) = (&mut answer, result) {
                            members.insert("result".to_owned(), result);
                        }
                        ok(answer)
                    }
                    Err(EngineError::Failed(message)) => {
                        let error = json!({"code": "eval_conflict_error", "message": message,
                            "location": {"file": "p.rego", "row": 1, "col": 1}});
                        let body = json!({"code": "internal_error", "errors": [error],
                            "message": "error(s) occurred while evaluating query"});
                        (500, body.to_string())
                    }
                    other => wrong(500, "internal_error", &format!("{other:?}")),
                }
            }
            (method @ ("GET" | "PUT"), path) if path.starts_with("/v1/policies/") => {
                let id = path.trim_start_matches("/v1/policies/").to_owned();
                if method == "PUT" && mood == Mood::ReadOnly {
                    return wrong(400, "invalid_parameter", "path is owned by bundle");
                }
                if method == "PUT" {
                    lock(&self.policies).insert(id, String::from_utf8_lossy(&seen.body).into_owned());
                    return ok(json!({}));
                }
                match lock(&self.policies).get(&id) {
                    Some(raw) => ok(json!({"result": {"id": id, "raw": raw, "ast": {}}})),
                    None => wrong(404, "resource_not_found", "storage_not_found_error: policy id not found"),
                }
            }
            _ => wrong(404, "resource_not_found", "not found"),
        }
    }
}

fn module((id, rego): (&String, &String)) -> Module {
    Module { name: id.clone(), rego: rego.clone() }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut first = String::new();
    stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let (mut length, mut token) = (0, None);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => token = value.trim().strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { method, target, token, body })
}

async fn send(output: &mut TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    let head =
        format!("HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    output.write_all(format!("{head}{body}").as_bytes()).await
}

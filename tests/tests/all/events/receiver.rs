//! A receiver of webhooks that answers as a test wants it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What it was told.
#[derive(Clone, Debug)]
pub struct Told {
    /// The headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// When.
    pub at: Instant,
}

impl Told {
    /// The id of the event.
    pub fn id(&self) -> String {
        self.headers["webhook-id"].clone()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether one of the signatures is that of a secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let timestamp: i64 = self.headers["webhook-timestamp"].parse().unwrap();
        let expected = grc_events::Secret::written(secret).sign(&self.id(), timestamp, &self.body).unwrap();
        self.headers["webhook-signature"].split(' ').any(|signature| signature == expected)
    }
}

/// How it answers.
#[derive(Clone, Debug)]
pub enum Says {
    /// With a status.
    Status(u16),
    /// With these bytes.
    Bytes(Vec<u8>),
    /// Not at all.
    Nothing,
}

/// A receiver.
pub struct Receiver {
    /// Where it is.
    pub url: String,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Receiver {
    /// Starts one that answers the nth request, from 0 on, as it is said.
    pub async fn start(says: impl Fn(usize, &Told) -> Says + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let (log, says) = (Arc::clone(&told), Arc::new(says));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, says) = (Arc::clone(&log), Arc::clone(&says));
                tokio::spawn(async move {
                    let _ = serve(stream, &log, says.as_ref()).await;
                });
            }
        });
        Self { url, told }
    }

    /// One that takes everything.
    pub async fn willing() -> Self {
        Self::start(|_, _| Says::Status(204)).await
    }

    /// All that it was told.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until it was told so often.
    pub async fn until(&self, count: usize) -> Vec<Told> {
        for _ in 0..3_000 {
            let told = self.told();
            if told.len() >= count {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("told {} times, not {count}", self.told().len());
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Told>>,
    says: &(impl Fn(usize, &Told) -> Says + ?Sized),
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8_192];
    let (head, length) = loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        bytes.drain(..end + 4);
        break (head, length);
    };
    while bytes.len() < length {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let told = Told { headers, body: bytes, at: Instant::now() };
    let nth = {
        let mut log = log.lock().unwrap();
        log.push(told.clone());
        log.len() - 1
    };
    match says(nth, &told) {
        Says::Status(status) => {
            let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            let answer =
                if status == 204 { "HTTP/1.1 204 Said\r\nconnection: close\r\n\r\n".to_owned() } else { answer };
            stream.write_all(answer.as_bytes()).await?;
        }
        Says::Bytes(answer) => stream.write_all(&answer).await?,
        Says::Nothing => tokio::time::sleep(Duration::from_secs(60)).await,
    }
    stream.shutdown().await
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, v)| v)
}

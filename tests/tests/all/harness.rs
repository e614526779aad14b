//! A cluster for the whole run, a database cloned from a migrated template for each test, and a service on it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use grc_api::{
    config::Config,
    serve::{self, Running},
};
use grc_cluster::{Cluster, ClusterConfig};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The admin of every test service.
pub const EMAIL: &str = "admin@example.com";
/// Their password.
pub const PASSWORD: &str = "violet tractor humming";

/// A folder of this run, in memory where there is room.
pub fn scratch() -> PathBuf {
    let base = PathBuf::from("/dev/shm");
    let base = if base.is_dir() { base } else { std::env::temp_dir() };
    base.join(format!("grc-tests-{}", std::process::id()))
}

/// The workspace's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

struct Shared {
    cluster: Cluster,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        // A run that was killed leaves its folder; its cluster has ended with it.
        for entry in scratch().parent().unwrap().read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(pid) = name.strip_prefix("grc-tests-")
                && !PathBuf::from(format!("/proc/{pid}")).exists()
            {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let cluster =
            Cluster::start(&ClusterConfig { folder: scratch().join("cluster"), durable: false, path: None }).unwrap();
        let template = cluster.url("template_grc");
        let postgres = cluster.url("postgres");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                grc_postgres::migrate::create_database(&postgres, "template_grc").await.unwrap();
                grc_postgres::migrate::up(&template).await.unwrap();
                let pool = grc_postgres::PoolConfig { url: template, size: 1, durable: false };
                grc_postgres::PgBackend::new(&pool).unwrap().seed().await.unwrap();
            });
        })
        .join()
        .unwrap();
        Shared { cluster }
    })
}

/// Runs SQL as the owner.
pub fn psql(database: &str, sql: &str) -> String {
    psql_at(&shared().cluster.url(database), sql)
}

fn psql_at(url: &str, sql: &str) -> String {
    let binaries = grc_cluster::binaries::find(None).unwrap();
    let output = std::process::Command::new(binaries.program("psql"))
        .args([url, "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", sql])
        .output()
        .unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The connection string of a database.
pub fn url(database: &str) -> String {
    shared().cluster.url(database)
}

/// A new database: a copy of the template, or an empty one.
pub fn database(migrated: bool) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let template = if migrated { "template_grc STRATEGY file_copy" } else { "template0" };
    // Two copies at once would refuse each other's template.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared();
    psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
    name
}

/// A runtime as the service has one.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

/// A running service with a logged-in admin.
pub struct Service {
    /// The service.
    pub running: Running,
    /// Its database.
    pub database: String,
    client: reqwest::Client,
    base: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Got {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its body as text.
    pub text: String,
    /// Its body.
    pub bytes: Vec<u8>,
}

impl Got {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body, which must have come with this status.
    pub fn must(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem, which must have this status and code.
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["code"], code);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        body
    }

    /// A header.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}

/// Fields of a problem's errors.
pub fn fields(problem: &Value) -> Vec<(String, String)> {
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    problem["errors"].as_array().unwrap().iter().map(|error| (text(error, "field"), text(error, "code"))).collect()
}

/// The program that does what is done in other processes: cargo names it to tests; an example finds it in the folder above its own.
fn worker() -> PathBuf {
    option_env!("CARGO_BIN_EXE_worker").map_or_else(
        || std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().join("worker"),
        PathBuf::from,
    )
}

impl Service {
    /// Starts one, with more configuration.
    pub async fn start(more: &[(&str, &str)]) -> Self {
        Self::start_with(more, |_| {}).await
    }

    /// Starts one, with configuration that has no variable.
    pub async fn start_with(more: &[(&str, &str)], adjust: impl FnOnce(&mut Config)) -> Self {
        let database = tokio::task::spawn_blocking(|| database(true)).await.unwrap();
        Self::set_up(&database, more, adjust).await
    }

    /// Starts another on the same database, with the same data directory.
    pub async fn another(&self, more: &[(&str, &str)]) -> Self {
        Self::on(&self.database, more).await
    }

    /// Starts one on a database that another one may have worked on.
    pub async fn on(database: &str, more: &[(&str, &str)]) -> Self {
        Self::set_up(database, more, |_| {}).await
    }

    async fn set_up(database: &str, more: &[(&str, &str)], adjust: impl FnOnce(&mut Config)) -> Self {
        let mut values: BTreeMap<String, String> = [
            ("GRC_BIND", "127.0.0.1:0".to_owned()),
            ("GRC_DATA_DIR", scratch().join(database).display().to_string()),
            ("GRC_DATABASE_URL", url(database)),
            ("GRC_DATABASE_POOL", "6".to_owned()),
            ("GRC_BOOTSTRAP_EMAIL", EMAIL.to_owned()),
            ("GRC_BOOTSTRAP_PASSWORD", PASSWORD.to_owned()),
            ("GRC_RATE_LIMIT_PER_MINUTE", "0".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        values.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut config = Config::read(values).unwrap();
        config.durable = false;
        config.worker = Some(worker());
        adjust(&mut config);
        let running = serve::start(config).await.unwrap();
        let base = format!("http://{}", running.address);
        Self { running, database: database.to_owned(), client: reqwest::Client::new(), base }
    }

    /// Sends a request as somebody.
    pub async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Got {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else if path.starts_with("//") {
            format!("{}{}", self.base, &path[1..])
        } else {
            format!("{}/api/v1{path}", self.base)
        };
        let mut request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let status: StatusCode = response.status();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.unwrap().to_vec();
        Got { status: status.as_u16(), headers, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }

    /// Reads.
    pub async fn get(&self, token: &str, path: &str) -> Got {
        self.send(token, "GET", path, &[], None).await
    }

    /// Reads a file, whatever its bytes.
    pub async fn file(&self, token: &str, path: &str) -> (String, Vec<u8>) {
        let request = self.client.get(format!("{}/api/v1{path}", self.base)).bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, response.bytes().await.unwrap().to_vec())
    }

    /// Sends JSON.
    pub async fn json(&self, token: &str, method: &str, path: &str, body: Value) -> Got {
        self.send(token, method, path, &[], Some(body.to_string().into_bytes())).await
    }

    /// Logs in.
    pub async fn login(&self, email: &str, password: &str) -> String {
        let got = self.json("", "POST", "/auth/login", json!({"email": email, "password": password})).await;
        got.must(200)["access_token"].as_str().unwrap().to_owned()
    }

    /// The platform admin's token.
    pub async fn admin(&self) -> String {
        self.login(EMAIL, PASSWORD).await
    }

    /// A new organization; its id.
    pub async fn org(&self, token: &str, name: &str) -> String {
        text(&self.json(token, "POST", "/orgs", json!({"name": name})).await.must(201), "id")
    }

    /// A new member of a role; their token.
    pub async fn member(&self, token: &str, org: &str, role: &str) -> String {
        let email = format!("{role}-{}@example.com", &org[24..]);
        let body = json!({"email": email, "name": format!("{role} of {org}"), "role": role, "password": PASSWORD});
        self.json(token, "POST", &format!("/orgs/{org}/users"), body).await.must(201);
        self.login(&email, PASSWORD).await
    }

    /// The id of a built-in framework.
    pub async fn framework(&self, token: &str, key: &str) -> String {
        let page = self.get(token, &format!("/frameworks?key={key}")).await.must(200);
        text(&page["items"][0], "id")
    }

    /// Uploads a file as evidence for controls; its id.
    pub async fn upload(
        &self,
        token: &str,
        org: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
        refs: &[&str],
    ) -> String {
        let body = json!({"filename": name, "content_type": content_type, "control_refs": refs});
        let target = self.json(token, "POST", &format!("/orgs/{org}/evidence/upload-url"), body).await.must(201);
        let put = self
            .send(
                "",
                "PUT",
                target["upload_url"].as_str().unwrap(),
                &[("content-type", content_type)],
                Some(bytes.to_vec()),
            )
            .await;
        assert_eq!(put.status, 200, "{}", put.text);
        let id = text(&target, "evidence_id");
        self.json(token, "POST", &format!("/orgs/{org}/evidence/{id}/complete"), json!({})).await.must(200);
        id
    }

    /// An organization that has been assessed against SOC 2, with approved evidence.
    pub async fn assessed(&self, token: &str, name: &str) -> String {
        let org = self.org(token, name).await;
        let framework = self.framework(token, "SOC2_TYPE2").await;
        let report = b"Access reviews are done each quarter and approved by the owner of the system.";
        let refs = ["SOC2_TYPE2:CC6.1"];
        let evidence = self.upload(token, &org, "Audit-Report 2026.txt", "text/plain", report, &refs).await;
        let approved = json!({"review": "approved"});
        self.json(token, "PATCH", &format!("/orgs/{org}/evidence/{evidence}"), approved).await.must(200);
        let body = json!({"framework_id": framework, "name": "SOC 2"});
        let id = text(&self.json(token, "POST", &format!("/orgs/{org}/assessments"), body).await.must(201), "id");
        let one = format!("/orgs/{org}/assessments/{id}");
        self.json(token, "POST", &format!("{one}/execute"), json!({})).await.must(202);
        self.until(token, &one, |body| body["status"] == "completed").await;
        org
    }

    /// Waits for a condition on an answer.
    pub async fn until(&self, token: &str, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..1_500 {
            let body = self.get(token, path).await.must(200);
            if done(&body) {
                return body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("{path} did not come to it");
    }
}

/// A text member.
pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// Puts what exists in place of an example's ids.
pub fn refer(body: &mut Value, vars: &BTreeMap<String, String>, me: &str, framework: &str) {
    match body {
        Value::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    "owner_id" | "commander_id" | "assignee_id" | "user_id" => *value = json!(me),
                    "framework_id" => *value = json!(framework),
                    "expires_at" => *value = json!("2099-01-01T00:00:00Z"),
                    name if value.is_string() && vars.contains_key(name) => *value = json!(vars[name]),
                    _ => refer(value, vars, me, framework),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, vars, me, framework)),
        _ => {}
    }
}

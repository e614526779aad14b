//! Wiring: from a configuration to a running service, and to its end.

use std::{
    ffi::OsString,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{App as ActixApp, HttpServer, middleware::Compress, web::Data};
use bytes::Bytes;
use grc_bcm::continuity::climate::HazardTable;
use grc_cluster::{Cluster, ClusterConfig};
use grc_evidence::ObjectStore;
use grc_identity::{Secrets, account};
use grc_kernel::{Actor, Ctx, IdSource, OrgId};
use grc_objects::S3Store;
use grc_outbound::Outbound;
use grc_pdf_text::PdfText;
use grc_postgres::{PgBackend, PoolConfig};
use grc_rego::{Embedded, Engines, Opa, WorkerCommand};
use grc_uow::Db;
use paperclip::actix::OpenApiExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    VERSION,
    a2a::A2a,
    adapters::{
        blobs::LocalStore,
        clock::{self, SystemSecrets, V7Ids},
        passwords::Argon2Passwords,
        tokens::Tokens,
    },
    audit::{notary, witness::Witness},
    bulk,
    config::{Config, StoreKind},
    http::{access::Door, caller::Callers, inner::Inner, limits::Limits, problem::Problem, shell},
    openapi::{self, Methods},
    routes,
    simulation::Simulator,
    webhooks::Webhooks,
    worker,
};

/// The command by which this program evaluates policies.
pub const POLICY_WORKER: &str = "policy-worker";
/// The command by which it reads a PDF.
pub const PDF_WORKER: &str = "pdf-worker";
/// The most processes that evaluate policies.
const EVALUATORS_MAX: usize = 8;
/// The database of the embedded cluster.
const DATABASE: &str = "grc";

/// The parts that every request and job works with.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The store.
    pub db: Db,
    /// The pool behind it, for its figures.
    pub backend: PgBackend,
    /// Whether the database is our own.
    pub embedded: bool,
    /// Tokens.
    pub tokens: Arc<Tokens>,
    /// Passwords.
    pub passwords: Argon2Passwords,
    /// Secrets.
    pub secrets: SystemSecrets,
    /// Ids.
    pub ids: Arc<dyn IdSource>,
    /// Evidence.
    pub store: Option<Arc<dyn ObjectStore>>,
    /// The same where it is the local one, for its routes.
    pub blobs: Option<LocalStore>,
    /// Limits.
    pub limits: Limits,
    /// Which credentials are let in.
    pub door: Arc<Door>,
    /// Callers.
    pub callers: Callers,
    /// The climate hazards of regions.
    pub hazards: Arc<HazardTable>,
    /// Fetches what imports name.
    pub fetcher: Outbound,
    /// How clients reach the service.
    pub public_url: String,
    /// Attestation machine to machine.
    pub a2a: A2a,
    /// Webhooks, and those that wait for changes.
    pub webhooks: Webhooks,
    /// What takes policy decisions.
    pub engine: Arc<dyn grc_policy::Engine>,
    /// What is kept of the audit logs outside of the database.
    pub witness: Witness,
    /// Reads PDF files.
    pub pdf: PdfText,
    /// Simulations.
    pub simulator: Simulator,
    /// Whether the service is about to stop.
    pub draining: AtomicBool,
    /// Wakes an idle worker.
    pub wake: Notify,
    /// The OpenAPI document.
    pub document: Bytes,
    /// The methods of each path.
    pub methods: Methods,
}

/// A problem on the way to a running service, with the exit code that the contract gives it.
#[derive(Debug)]
pub enum StartError {
    /// A dependency is not reachable: 3.
    Unreachable(String),
    /// Anything else: 2.
    Setup(String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(text) | Self::Setup(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StartError {}

impl StartError {
    fn setup(error: impl std::fmt::Display) -> Self {
        Self::Setup(error.to_string())
    }
}

/// A migrated database, and the cluster that runs it where that is ours.
pub struct Database {
    /// The connection string of the tables' owner.
    pub url: String,
    /// The cluster.
    pub cluster: Option<Cluster>,
}

/// Opens the database of a configuration: starts the embedded cluster where none is named, and migrates.
pub async fn open_database(config: &Config) -> Result<Database, StartError> {
    let (url, cluster) = match &config.database_url {
        Some(url) => (url.clone(), None),
        None => {
            let settings = ClusterConfig {
                folder: config.data_dir.join("postgres"),
                durable: config.durable,
                path: config.path.clone(),
            };
            let started =
                tokio::task::spawn_blocking(move || Cluster::start(&settings)).await.map_err(StartError::setup)?;
            let cluster = started.map_err(|error| StartError::Unreachable(error.to_string()))?;
            grc_postgres::migrate::create_database(&cluster.url("postgres"), DATABASE).await.map_err(unreachable)?;
            (cluster.url(DATABASE), Some(cluster))
        }
    };
    grc_postgres::migrate::up(&url).await.map_err(unreachable)?;
    Ok(Database { url, cluster })
}

fn unreachable(error: grc_kernel::StoreError) -> StartError {
    match error {
        grc_kernel::StoreError::Unavailable(text) => StartError::Unreachable(format!("the database: {text}")),
        other => StartError::Setup(format!(
            "the database: {}",
            std::error::Error::source(&other).map_or_else(|| other.to_string(), ToString::to_string)
        )),
    }
}

/// The OpenAPI document of this version.
pub fn document() -> serde_json::Value {
    static SWAGGER: OnceLock<serde_json::Value> = OnceLock::new();
    let swagger = SWAGGER.get_or_init(|| {
        let collected = Arc::new(std::sync::Mutex::new(serde_json::Value::Null));
        let into = Arc::clone(&collected);
        let _app = ActixApp::new()
            .wrap_api()
            .configure(routes::api)
            .with_raw_json_spec(move |app, spec| {
                *into.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = spec;
                app
            })
            .build();
        let spec = collected.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        spec.clone()
    });
    openapi::convert::convert(swagger, &routes::shapes(), VERSION)
}

/// A service that accepts requests.
pub struct Running {
    /// The parts.
    pub app: Data<App>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The password of the first platform admin, where one was generated.
    pub generated_password: Option<String>,
    server: actix_web::dev::ServerHandle,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    working: tokio::task::JoinHandle<()>,
    sealing: tokio::task::JoinHandle<()>,
    sealed: CancellationToken,
    stop: CancellationToken,
    cluster: Option<Cluster>,
}

/// Starts the service.
pub async fn start(config: Config) -> Result<Running, StartError> {
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| StartError::Setup(format!("GRC_DATA_DIR: {}: {error}", config.data_dir.display())))?;
    let listener = TcpListener::bind(config.bind)
        .map_err(|error| StartError::Setup(format!("GRC_BIND: {} cannot be listened on: {error}", config.bind)))?;
    let address = listener.local_addr().map_err(StartError::setup)?;
    let database = open_database(&config).await?;
    let pool = PoolConfig { url: database.url.clone(), size: config.database_pool, durable: config.durable };
    let backend = PgBackend::new(&pool).map_err(unreachable)?;
    backend.seed().await.map_err(unreachable)?;
    let limits = Limits::open(&config).await.map_err(|error| StartError::Setup(format!("GRC_REDIS_URL: {error}")))?;
    let app = Data::new(assemble(config, address, backend, database.cluster.is_some(), limits)?);
    if let Some(verifier) = app.door.verifier.clone() {
        // The first request is not to wait for the keys; and where they cannot be had, the log says so at once.
        tokio::spawn(async move { verifier.warm(clock::now()).await });
    }
    let generated_password = bootstrap(&app).await?;
    let stop = CancellationToken::new();
    let working = tokio::spawn(worker::run(app.clone(), app.config.workers, stop.clone()));
    let sealed = CancellationToken::new();
    let sealing = tokio::spawn(notary::run(app.clone(), sealed.clone()));
    let server = http_server(&app, listener)?;
    let handle = server.handle();
    let serving = tokio::spawn(server);
    Ok(Running {
        app,
        address,
        generated_password,
        server: handle,
        serving,
        working,
        sealing,
        sealed,
        stop,
        cluster: database.cluster,
    })
}

fn assemble(
    config: Config,
    address: SocketAddr,
    backend: PgBackend,
    embedded: bool,
    limits: Limits,
) -> Result<App, StartError> {
    let tokens = Arc::new(Tokens::open(&config.data_dir.join("keys")).map_err(StartError::setup)?);
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let blobs = (config.evidence_store == StoreKind::Local)
        .then(|| LocalStore::new(evidence_folder(&config.data_dir), Arc::clone(&tokens), public_url.clone()));
    let store: Option<Arc<dyn ObjectStore>> = match (&blobs, &config.s3) {
        (Some(local), _) => Some(Arc::new(local.clone())),
        (None, Some(settings)) => Some(Arc::new(S3Store::new(settings).map_err(StartError::setup)?)),
        (None, None) => None,
    };
    let db = Db::new(Arc::new(backend.clone()));
    let door = Door::new(config.auth_mode, config.cloudflare.as_ref(), &public_url).map_err(StartError::setup)?;
    let door = Arc::new(door);
    let ids: Arc<dyn IdSource> = Arc::new(V7Ids);
    let document = document();
    let (reader, reading) = apart(&config, PDF_WORKER)?;
    Ok(App {
        pdf: PdfText::new(reader, reading),
        witness: Witness::new(&config.data_dir),
        limits,
        callers: Callers::new(db.clone(), Arc::clone(&tokens), Arc::clone(&door), Arc::clone(&ids)),
        door,
        methods: Methods::of_document(&document),
        document: Bytes::from(document.to_string()),
        store,
        blobs,
        db,
        backend,
        embedded,
        tokens,
        passwords: Argon2Passwords::default(),
        secrets: SystemSecrets,
        ids,
        hazards: Arc::new(hazards(&config.data_dir)?),
        a2a: A2a::new(&config, &public_url),
        fetcher: bulk::fetch::fetcher(&config, &public_url),
        webhooks: Webhooks::new(&config, &public_url),
        public_url,
        engine: Arc::new(engines(&config)?),
        simulator: Simulator::default(),
        draining: AtomicBool::new(false),
        wake: Notify::new(),
        config,
    })
}

/// How this program is started to do a part of its work in a process of its own.
fn apart(config: &Config, command: &str) -> Result<(PathBuf, Vec<OsString>), StartError> {
    let program = config.worker.clone().map_or_else(std::env::current_exe, Ok).map_err(StartError::setup)?;
    Ok((program, vec![command.into()]))
}

/// What takes policy decisions: evaluators in processes of their own, and the operator's Open Policy Agent.
fn engines(config: &Config) -> Result<Engines, StartError> {
    let (program, arguments) = apart(config, POLICY_WORKER)?;
    let command = WorkerCommand { program, arguments };
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let remote = config.opa_url.as_deref().map(Opa::new).transpose();
    let remote = remote.map_err(|problem| StartError::Setup(format!("GRC_OPA_URL: {problem}")))?;
    Ok(Engines::new(Embedded::new(command, cores.clamp(2, EVALUATORS_MAX)), remote))
}

/// The operator's table of climate hazards, where the data directory holds one; else the built-in one.
fn hazards(data: &Path) -> Result<HazardTable, StartError> {
    let path = data.join("climate-hazards.json");
    let problem = |what: &str| StartError::Setup(format!("{}: {what}", path.display()));
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HazardTable::illustrative()),
        Err(error) => Err(problem(&error.to_string())),
        Ok(text) => HazardTable::parse(&text).map_err(|errors| {
            let all: Vec<String> = errors.iter().map(|error| format!("{} {}", error.field, error.detail)).collect();
            problem(&all.join("; "))
        }),
    }
}

fn evidence_folder(data: &Path) -> PathBuf {
    std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf()).join("evidence")
}

/// Makes the first platform admin where there is no account; the password, where it was generated.
async fn bootstrap(app: &App) -> Result<Option<String>, StartError> {
    let generated = grc_identity::rules::token(app.secrets.random());
    let password = app.config.bootstrap_password.clone().unwrap_or_else(|| generated.clone());
    let ctx = Ctx::new(OrgId::PLATFORM, Actor::system(), clock::now(), "bootstrap", Arc::clone(&app.ids));
    let email = &app.config.bootstrap_email;
    let made: Result<_, Problem> = app
        .db
        .write(OrgId::PLATFORM, async |uow| {
            Ok(account::bootstrap(&ctx, uow.identity(), &app.passwords, email, &password).await?)
        })
        .await;
    let made = made.map_err(|problem| {
        StartError::Setup(format!("GRC_BOOTSTRAP_EMAIL, GRC_BOOTSTRAP_PASSWORD: {}", problem.detail))
    })?;
    Ok(made.filter(|_| app.config.bootstrap_password.is_none()).map(|_| generated))
}

fn http_server(app: &Data<App>, listener: TcpListener) -> Result<actix_web::dev::Server, StartError> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let state = app.clone();
    let server = HttpServer::new(move || {
        let state = state.clone();
        ActixApp::new()
            .app_data(state.clone())
            .app_data(routes::paths())
            .app_data(Data::new(Inner::new(state.clone())))
            .wrap(actix_web::middleware::from_fn(shell::around))
            .wrap(Compress::default())
            .wrap(routes::cors::Cors::new(state.config.cors_origins.clone()))
            .configure(routes::plain)
            .wrap_api()
            .configure(routes::api)
            .build()
            .default_service(actix_web::web::to(routes::unknown))
    })
    .workers(cores)
    .client_request_timeout(Duration::from_secs(10))
    // A client that closes has gone away: what it asked for is dropped, and a simulation of it ends.
    .h1_allow_half_closed(false)
    .shutdown_timeout(30)
    .disable_signals()
    .listen(listener)
    .map_err(StartError::setup)?;
    Ok(server.run())
}

impl Running {
    /// Serves until SIGTERM or SIGINT, then stops.
    pub async fn until_signal(self) -> Result<(), StartError> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(StartError::setup)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::setup)?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        self.stop().await;
        Ok(())
    }

    /// Stops: readiness first, then requests under way, then jobs, then the database.
    pub async fn stop(self) {
        self.app.draining.store(true, Ordering::SeqCst);
        self.server.stop(true).await;
        let _ = self.serving.await;
        self.stop.cancel();
        let _ = self.working.await;
        // Last of all, so that nothing that was done is without a checkpoint.
        self.sealed.cancel();
        let _ = self.sealing.await;
        if let Some(cluster) = self.cluster {
            let _ = tokio::task::spawn_blocking(move || cluster.stop()).await;
        }
    }
}

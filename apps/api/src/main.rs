//! The command line.

use std::{
    io::{Read, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use grc_api::{
    a2a::{
        inquiry::{Inquiry, inquire},
        outbound,
    },
    adapters::{
        clock::{self, SystemSecrets, V7Ids},
        passwords::Argon2Passwords,
        tokens::Tokens,
    },
    audit::{check::check, witness::Witness},
    config::{Config, LogFormat},
    http::problem::Problem,
    serve::{self, StartError},
};
use grc_audit::Keys;
use grc_identity::{Secrets, account};
use grc_kernel::{Actor, Ctx, OrgId};
use grc_postgres::{PgBackend, PoolConfig};
use grc_uow::Db;
use grc_vendor::a2a::attestation::{Outcome, Silence};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Governance, risk and compliance, self-hosted. Configured by GRC_ variables; with none set, it is a
/// complete service.
#[derive(Parser)]
#[command(name = "sovereign-grc", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Migrates, then serves (the default).
    Serve {
        /// Loads the demo organization first.
        #[arg(long)]
        demo: bool,
    },
    /// Applies migrations and exits.
    Migrate,
    /// Makes or promotes a platform admin.
    CreateAdmin {
        /// The admin's address.
        #[arg(long)]
        email: String,
        /// Reads the password from standard input; else one is generated and printed.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Asks a vendor's A2A server for an attestation, checks its signature and prints it.
    Attest {
        /// The server, or the document that says where it is.
        #[arg(long)]
        endpoint: String,
        /// The keys of frameworks, separated by commas.
        #[arg(long, value_delimiter = ',', required = true)]
        frameworks: Vec<String>,
        /// The names of evidence, separated by commas.
        #[arg(long, value_delimiter = ',')]
        requested_evidence: Vec<String>,
        /// The key that the vendor granted.
        #[arg(long)]
        key: Option<String>,
    },
    /// Checks the audit logs: every entry, every checkpoint, and what was kept outside of the database.
    VerifyAudit {
        /// The organization; all of them and the platform's own where none is given.
        #[arg(long)]
        org: Option<uuid::Uuid>,
    },
    /// Prints the OpenAPI document.
    Openapi,
}

fn main() -> ExitCode {
    // Before anything else: what evaluates a policy or reads a PDF has neither a runtime nor a configuration.
    match std::env::args_os().nth(1) {
        Some(word) if word == serve::POLICY_WORKER => grc_rego::worker::run(),
        Some(word) if word == serve::PDF_WORKER => grc_pdf_text::worker::run(),
        _ => command(),
    }
}

#[tokio::main]
async fn command() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Openapi) = cli.command {
        say(&format!("{:#}", serve::document()));
        return ExitCode::SUCCESS;
    }
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                complain(&problem);
            }
            return ExitCode::from(2);
        }
    };
    log(&config);
    if let Some(Command::Attest { endpoint, frameworks, requested_evidence, key }) = cli.command {
        return attest(&config, endpoint, frameworks, requested_evidence, key).await;
    }
    if let Some(Command::VerifyAudit { org }) = cli.command {
        return match verify_audit(&config, org.map(OrgId)).await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => refused(&error),
        };
    }
    let outcome = match cli.command.unwrap_or(Command::Serve { demo: false }) {
        Command::Serve { demo } => serve_until_signal(config, demo).await,
        Command::Migrate => serve::open_database(&config).await.map(|_| ()),
        Command::CreateAdmin { email, password_stdin } => create_admin(&config, &email, password_stdin).await,
        Command::Attest { .. } | Command::VerifyAudit { .. } | Command::Openapi => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(&error),
    }
}

/// Says why a command could not be carried out, with the exit code of it.
fn refused(error: &StartError) -> ExitCode {
    complain(&error.to_string());
    match error {
        StartError::Setup(_) => ExitCode::from(2),
        StartError::Unreachable(_) => ExitCode::from(3),
    }
}

/// Says what the command was asked for. Nobody listening is no reason to stop serving.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Says what is wrong, before there is a log.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "sovereign-grc: {text}");
}

fn log(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let format = config.log_format.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Pretty => builder.compact().init(),
        LogFormat::Json => builder.json().init(),
    }
}

async fn serve_until_signal(config: Config, demo: bool) -> Result<(), StartError> {
    let metrics = config.metrics_bind;
    let recorder = grc_api::routes::metrics::install();
    let running = serve::start(config).await?;
    if let (Some(address), Ok(handle)) = (metrics, recorder) {
        let bound = grc_api::routes::metrics::listen(address, handle, running.app.clone());
        bound.await.map_err(|error| StartError::Setup(format!("GRC_METRICS_BIND: {address}: {error}")))?;
    }
    if demo {
        grc_api::demo::load(&running.app).await.map_err(|problem| StartError::Setup(format!("the demo: {problem}")))?;
    }
    let url = format!("http://{}", running.address);
    let config = &running.app.config;
    say(&format!("Sovereign GRC {} listens on {url}", grc_api::VERSION));
    say(&format!("  API documentation  {url}/api/v1/docs"));
    say(&format!("  Admin              {}", config.bootstrap_email));
    if let Some(password) = &running.generated_password {
        say(&format!("  Password           {password}   (shown this once)"));
    }
    say(&format!("  Data               {}", config.data_dir.display()));
    say(&format!("  Try                curl {url}/api/v1/health"));
    running.until_signal().await
}

/// 0 where the attestation is believed, 1 where it is not, 2 where the address is not one to ask, 3 where nobody answers.
async fn attest(
    config: &Config,
    endpoint: String,
    frameworks: Vec<String>,
    requested_evidence: Vec<String>,
    key: Option<String>,
) -> ExitCode {
    let audience = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.bind));
    let nonce = grc_identity::rules::token(SystemSecrets.random());
    let inquiry = Inquiry { endpoint, key, frameworks, requested_evidence, audience, nonce };
    let answer = inquire(&outbound(config, &inquiry.audience), &inquiry, clock::now).await;
    let (status, reason, detail, claims, code) = match answer.outcome {
        Outcome::Verified(claims) => ("verified", None, None, Some(claims.all), 0),
        Outcome::Rejected(rejection) => ("rejected", Some(rejection.reason.as_str()), Some(rejection.detail), None, 1),
        Outcome::Failed(silence, detail) => {
            let code = match silence {
                Silence::TargetRefused => 2,
                Silence::Unreachable | Silence::TimedOut => 3,
                _ => 1,
            };
            ("failed", Some(silence.as_str()), Some(detail), None, code)
        }
    };
    let document = serde_json::json!({
        "status": status, "reason": reason, "detail": detail, "endpoint": inquiry.endpoint,
        "protocol_version": answer.protocol_version, "claims": claims, "attestation": answer.token,
    });
    say(&format!("{document:#}"));
    ExitCode::from(code)
}

/// Checks the audit log of an organization, or all there are; whether they are what they must be.
async fn verify_audit(config: &Config, org: Option<OrgId>) -> Result<bool, StartError> {
    let database = serve::open_database(config).await?;
    let pool = PoolConfig { url: database.url.clone(), size: 4, durable: true };
    let backend = PgBackend::new(&pool).map_err(|error| StartError::Unreachable(error.to_string()))?;
    let db = Db::new(Arc::new(backend));
    let tokens = Tokens::open(&config.data_dir.join("keys")).map_err(|error| StartError::Setup(error.to_string()))?;
    let (keys, witness) = (Keys::new(tokens.keys()), Witness::new(&config.data_dir));
    let away = |error: grc_kernel::StoreError| StartError::Unreachable(error.to_string());
    let orgs = match org {
        Some(org) => vec![org],
        None => db.read(OrgId::PLATFORM, async |uow| uow.app().chained().await).await.map_err(away)?,
    };
    let mut valid = true;
    for org in orgs {
        let report = check(&db, &witness, &keys, org).await.map_err(|problem| StartError::Setup(problem.detail))?;
        let whose = if org.is_platform() { "platform".to_owned() } else { org.to_string() };
        match &report.first_bad {
            None => say(&format!(
                "{whose}: {} entries, {} checkpoints, {} entries and {} checkpoints outside: valid",
                report.entries, report.checkpoints, report.witnessed, report.witnessed_checkpoints
            )),
            Some(bad) => {
                let id = bad.id.map_or_else(|| "not there".to_owned(), |id| id.to_string());
                say(&format!("{whose}: entry {} ({id}): {}", bad.sequence, bad.reason.as_str()));
                valid = false;
            }
        }
    }
    Ok(valid)
}

async fn create_admin(config: &Config, email: &str, from_stdin: bool) -> Result<(), StartError> {
    let generated = grc_identity::rules::token(SystemSecrets.random());
    let mut password = generated.clone();
    if from_stdin {
        password.clear();
        let read = std::io::stdin().take(8_192).read_to_string(&mut password);
        read.map_err(|error| StartError::Setup(format!("standard input: {error}")))?;
        password = password.trim_end_matches(['\r', '\n']).to_owned();
    }
    let database = serve::open_database(config).await?;
    let pool = PoolConfig { url: database.url.clone(), size: 2, durable: true };
    let backend = PgBackend::new(&pool).map_err(|error| StartError::Unreachable(error.to_string()))?;
    let ctx = Ctx::new(OrgId::PLATFORM, Actor::system(), clock::now(), "create-admin", Arc::new(V7Ids));
    let passwords = Argon2Passwords::default();
    let made: Result<_, Problem> = Db::new(Arc::new(backend))
        .write(OrgId::PLATFORM, async |uow| {
            Ok(account::make_platform_admin(&ctx, uow.identity(), &passwords, email, &password).await?)
        })
        .await;
    made.map_err(|problem| StartError::Setup(problem.detail))?;
    if from_stdin {
        say(&format!("{email} is a platform admin."));
    } else {
        say(&format!("{email} is a platform admin. Password (shown this once): {generated}"));
    }
    Ok(())
}

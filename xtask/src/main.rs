//! The project's own commands, each of which does everything it needs: `cargo xtask run` on a fresh machine
//! installs what is missing, builds and starts the service.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool reads the environment and the clock, and prints"
)]

mod bench;
mod check;
mod clients;
mod install;
mod scaffold;
mod server;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what is missing, builds the service and starts it.
    Run {
        /// Builds with optimisations.
        #[arg(long)]
        release: bool,
        /// Passed on to the service, after `--`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Everything that must hold: format, lint, dependencies, documents, every test.
    Test,
    /// The same, as continuous integration runs it.
    Ci,
    /// Formats the source and writes generated files anew.
    Tidy,
    /// Writes docs/openapi.json anew.
    Openapi,
    /// Holds the service to its own document: schemathesis over every operation.
    Schema {
        /// What is tried: the examples, every value at a limit of the document, or what chance comes up with.
        #[arg(long, default_value = "examples,coverage,fuzzing")]
        phases: String,
        /// How many requests by chance an operation gets.
        #[arg(long, default_value_t = 3)]
        examples: u32,
    },
    /// Generates a TypeScript and a Python client from the document and uses each against every domain.
    Clients,
    /// Has a peer on the Python SDK of MCP ask the service for attestations, and the service ask the peer.
    Peers,
    /// Runs the tests and writes docs/test-report.txt, the demo's evidence of them.
    TestReport,
    /// Measures the release server against pgbench doing the same statements.
    Bench {
        /// Rows of the large table.
        #[arg(long, default_value_t = 100_000)]
        rows: u32,
        /// Seconds for each measurement.
        #[arg(long, default_value_t = 5)]
        seconds: u32,
    },
    /// Checks that a copy with a scaffolded domain and resource compiles.
    Scaffold,
    /// Checks the dependencies: licences, bans, sources, and advisories where they can be had.
    Deny,
    /// Makes a domain: its crate, and its name wherever domains are listed.
    NewDomain {
        /// Its name, such as `risk`.
        name: String,
    },
    /// Makes a resource in a domain: its declaration, its routes.
    NewResource {
        /// The domain, such as `risk`.
        domain: String,
        /// The resource's name, such as `treatment`.
        name: String,
    },
    /// Makes a migration: empty, or with the tables that declared resources call for.
    NewMigration {
        /// What it does, such as `add_risks`.
        name: String,
        /// The kinds of the resources whose tables it makes.
        #[arg(long, value_delimiter = ',')]
        of: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Task::Run { release, args } => run(release, &args),
        Task::Test | Task::Ci => check::all(),
        Task::Tidy => {
            cargo(&["fmt", "--all"])?;
            openapi()
        }
        Task::Openapi => openapi(),
        Task::Schema { phases, examples } => {
            check::document()?;
            check::schema(&phases, examples)
        }
        Task::Clients => clients::check(),
        Task::Peers => check::peers(),
        Task::TestReport => check::report(),
        Task::Bench { rows, seconds } => bench::run(rows, seconds),
        Task::Scaffold => check::scaffold(),
        Task::Deny => check::dependencies(),
        Task::NewDomain { name } => scaffold::domain(&root(), &name),
        Task::NewResource { domain, name } => scaffold::resource(&root(), &domain, &name),
        Task::NewMigration { name, of } => scaffold::migration(&root(), &name, &of),
    }
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Runs a command in the root and fails where it fails.
pub fn sh(program: &str, args: &[&str]) -> Result<()> {
    eprintln!("+ {program} {}", args.join(" "));
    let status =
        Command::new(program).args(args).current_dir(root()).status().with_context(|| format!("running {program}"))?;
    if !status.success() {
        bail!("{program} {} failed", args.join(" "));
    }
    Ok(())
}

/// When something must be over; what still runs then is stopped.
#[derive(Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// That long from now.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// Runs a command and fails where it fails, or is not done in time.
    pub fn run(self, command: &mut Command) -> Result<()> {
        eprintln!("+ {command:?}");
        let mut child = command.spawn().with_context(|| format!("running {:?}", command.get_program()))?;
        loop {
            if let Some(status) = child.try_wait()? {
                anyhow::ensure!(status.success(), "{:?} failed", command.get_program());
                return Ok(());
            }
            if Instant::now() >= self.0 {
                child.kill()?;
                child.wait()?;
                bail!("{:?} was not done in time", command.get_program());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Runs cargo.
pub fn cargo(args: &[&str]) -> Result<()> {
    sh(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), args)
}

fn run(release: bool, args: &[String]) -> Result<()> {
    install::postgres()?;
    let profile: &[&str] = if release { &["build", "-p", "grc-api", "--release"] } else { &["build", "-p", "grc-api"] };
    cargo(profile)?;
    let binary = target().join(if release { "release" } else { "debug" }).join("sovereign-grc");
    // The service takes this process's place, so that signals reach it.
    use std::os::unix::process::CommandExt;
    Err(Command::new(binary).args(args).exec().into())
}

fn openapi() -> Result<()> {
    cargo(&["build", "-p", "grc-api"])?;
    let output = Command::new(target().join("debug/sovereign-grc")).arg("openapi").output()?;
    if !output.status.success() {
        bail!("the document could not be made");
    }
    std::fs::write(root().join("docs/openapi.json"), output.stdout)?;
    Ok(())
}

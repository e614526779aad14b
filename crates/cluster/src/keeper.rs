//! The thread that keeps a server running: it begins it, begins it again when it dies, and ends it when asked to.

use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use crate::{
    account::Account,
    binaries::Binaries,
    error::ClusterError,
    folder::Folder,
    leftovers, log,
    pidfile::{PidFile, needs_recovery},
    probe,
    process::{self, Server},
    socket,
};

/// How often to look whether the server lives.
const WATCH: Duration = Duration::from_millis(100);
/// The pause before a dead server is started again; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that lived this long begins with the first pause again.
const CALM: Duration = Duration::from_secs(60);

/// All that it takes to begin a server.
pub(crate) struct Plan {
    pub(crate) binaries: Binaries,
    pub(crate) account: Account,
    pub(crate) folder: Folder,
    pub(crate) socket_directory: PathBuf,
    pub(crate) settings: Vec<String>,
    pub(crate) start_limit: Duration,
}

/// What others may know of the server.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Its process; 0 while there is none.
    pub(crate) pid: AtomicI32,
    /// How often it was started again.
    pub(crate) restarts: AtomicU32,
    /// Whether its last start had to recover from a crash.
    pub(crate) recovered: AtomicBool,
}

/// The life of the server. It is waited for here, so that it is never a zombie. Dropping the other end of `stopped`
/// ends it. How the first start went is told; later failures are logged and tried again.
pub(crate) fn keep(
    plan: &Plan,
    state: &State,
    told: Sender<Result<(), ClusterError>>,
    stopped: &Receiver<()>,
) -> Result<(), ClusterError> {
    let mut server = match begin(plan, state, stopped) {
        Ok(Some(server)) => server,
        Ok(None) => return Ok(()),
        Err(error) => {
            let _ = told.send(Err(error));
            return Ok(());
        }
    };
    let _ = told.send(Ok(()));
    let mut pause = FIRST_PAUSE;
    loop {
        let since = Instant::now();
        let status = loop {
            if asked_to_stop(stopped, WATCH) {
                state.pid.store(0, Ordering::SeqCst);
                return server.shut_down();
            }
            if let Some(status) = server.ended() {
                break status;
            }
        };
        state.pid.store(0, Ordering::SeqCst);
        let log = log::tail(&plan.folder.path("postgres.log"), 0);
        tracing::error!(%status, "the embedded PostgreSQL died and is started again; the end of its log: {log}");
        if since.elapsed() > CALM {
            pause = FIRST_PAUSE;
        }
        server = loop {
            if asked_to_stop(stopped, pause) {
                return Ok(());
            }
            pause = LONGEST_PAUSE.min(pause.saturating_mul(2));
            match begin(plan, state, stopped) {
                Ok(Some(server)) => break server,
                Ok(None) => return Ok(()),
                Err(error) => tracing::error!("the embedded PostgreSQL could not be started again: {error}"),
            }
        };
        state.restarts.fetch_add(1, Ordering::SeqCst);
        tracing::info!(pid = server.pid(), "the embedded PostgreSQL is back");
    }
}

/// Begins a server and waits until it answers; `None` when asked to stop meanwhile.
fn begin(plan: &Plan, state: &State, stopped: &Receiver<()>) -> Result<Option<Server>, ClusterError> {
    leftovers::clear(&plan.folder)?;
    state.recovered.store(needs_recovery(&plan.folder.data), Ordering::SeqCst);
    let log_path = plan.folder.path("postgres.log");
    let (log, from) = log::open(&log_path, &plan.account)?;
    let mut command = process::command(&plan.account, "INT", &plan.binaries.program("postgres"));
    command.arg("-D").arg(&plan.folder.data);
    for setting in &plan.settings {
        command.arg("-c").arg(setting);
    }
    let mut server = Server::spawn(command, log)?;
    let begun = Instant::now();
    let socket = socket::path(&plan.socket_directory);
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(status) = server.ended() {
            return Err(ClusterError::Start(format!("{status}: {}", log::tail(&log_path, from))));
        }
        // The pid file must be this server's: an orphan's socket would answer too.
        let ready = PidFile::read(&plan.folder.data).is_some_and(|file| file.pid == server.pid() && file.ready);
        if ready && probe::answers(&socket) {
            state.pid.store(server.pid(), Ordering::SeqCst);
            return Ok(Some(server));
        }
        if begun.elapsed() > plan.start_limit {
            let log = log::tail(&log_path, from);
            let _ = server.shut_down();
            return Err(ClusterError::StartTimedOut { limit: plan.start_limit, log });
        }
        if asked_to_stop(stopped, pause) {
            let _ = server.shut_down();
            return Ok(None);
        }
        pause = Duration::from_millis(50).min(pause.saturating_mul(2));
    }
}

/// Waits; whether the end was asked for meanwhile.
fn asked_to_stop(stopped: &Receiver<()>, wait: Duration) -> bool {
    !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}

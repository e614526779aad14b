//! Processes of PostgreSQL: begun as the account, bound to the life of the thread that began them, and ended.

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    account::Account,
    error::{ClusterError, Trying},
    proc,
};

/// How long a fast shutdown may take before an immediate one.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long an immediate shutdown may take before the process is killed.
pub(crate) const QUIT_LIMIT: Duration = Duration::from_secs(5);

/// A command that runs a program as the account and gets a signal when the calling thread ends.
///
/// `setpriv` changes the user first and asks for the signal last, in this order, because the kernel forgets the
/// signal at a change of user. It then becomes the program, so the child's pid is the program's.
pub(crate) fn command(account: &Account, signal: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal]);
    if account.change {
        let (uid, gid) = (account.uid.to_string(), account.gid.to_string());
        command.args(["--reuid", &uid, "--regid", &gid, "--clear-groups"]);
    }
    command.arg("--").arg(program);
    // A Ctrl-C at the terminal is for the service, which then ends its database in its own time.
    command.env_clear().current_dir("/").stdin(Stdio::null()).process_group(0);
    command
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pid: i32,
}

impl Server {
    pub(crate) fn spawn(mut command: Command, log: File) -> Result<Self, ClusterError> {
        let errors = log.try_clone().trying(|| "duplicating the log".to_owned())?;
        let child = command.stdout(log).stderr(errors).spawn();
        let mut child = child.trying(|| "starting postgres through setpriv (package util-linux)".to_owned())?;
        let Ok(pid) = i32::try_from(child.id()) else {
            let _ = child.kill();
            return Err(ClusterError::Start(format!("{} is no process id", child.id())));
        };
        Ok(Self { child, pid })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it: INT is PostgreSQL's fast shutdown (TERM would wait for open clients for ever), QUIT its immediate
    /// one. The error says that the fast one did not do.
    pub(crate) fn shut_down(mut self) -> Result<(), ClusterError> {
        if self.ended().is_some() {
            return Ok(());
        }
        for (signal, limit) in [(Signal::INT, STOP_LIMIT), (Signal::QUIT, QUIT_LIMIT)] {
            proc::signal(self.pid, signal);
            if let Some(status) = self.ended_within(limit) {
                return if signal == Signal::INT && status.success() { Ok(()) } else { Err(ClusterError::Forced) };
            }
            tracing::warn!(pid = self.pid, "the embedded PostgreSQL did not end within {} s", limit.as_secs());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        Err(ClusterError::Forced)
    }

    fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

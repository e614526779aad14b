//! What an earlier life left on the data directory: a server without an owner, its backends, a stale pid file.
//! Called with the folder's lock held, so whatever runs here has lost its owner, or is none of ours.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    error::{ClusterError, Trying},
    folder::Folder,
    pidfile::PidFile,
    proc,
    process::{QUIT_LIMIT, STOP_LIMIT},
    settings::{OWNER, cluster_name},
};

/// How long a server whose owner was killed may take to begin its end: the kernel has told it already.
const GRACE: Duration = Duration::from_millis(500);
/// How long backends may take to see that their server is gone.
const BACKEND_GRACE: Duration = Duration::from_secs(2);
/// How long a server that is none of ours may take to go away, should it be about to.
const STRANGER_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq)]
enum Holder {
    Nobody,
    /// Backends of a server that is gone.
    Backends(Vec<i32>),
    /// A server that we started in an earlier life.
    Orphan(i32),
    /// Somebody else's server.
    Stranger(i32),
}

/// Sees to it that no server works on the data directory. A stale pid file of a dead server is left to PostgreSQL,
/// which knows what to do, except where it would take the number for a living server.
pub(crate) fn clear(folder: &Folder) -> Result<(), ClusterError> {
    let begun = Instant::now();
    let mut sent = None;
    let mut send = |pid: i32, signal: Signal| {
        if sent.replace((pid, signal)) != Some((pid, signal)) {
            tracing::warn!(pid, "a database process that lost its owner is sent signal {}", signal.as_raw());
            proc::signal(pid, signal);
        }
    };
    loop {
        let waited = begun.elapsed();
        let held = |pid| Err(ClusterError::Held { path: folder.data.clone(), pid });
        match holder(folder) {
            Holder::Nobody => return clear_pid_file(&folder.data),
            Holder::Stranger(pid) if waited > STRANGER_PATIENCE => return held(pid),
            Holder::Orphan(pid) if waited > GRACE + STOP_LIMIT + QUIT_LIMIT => return held(pid),
            Holder::Orphan(pid) if waited > GRACE + STOP_LIMIT => send(pid, Signal::QUIT),
            Holder::Orphan(pid) if waited > GRACE => send(pid, Signal::INT),
            Holder::Backends(pids) if waited > GRACE + STOP_LIMIT + QUIT_LIMIT + QUIT_LIMIT => {
                return held(pids.first().copied().unwrap_or_default());
            }
            Holder::Backends(pids) if waited > BACKEND_GRACE => {
                pids.into_iter().for_each(|pid| send(pid, Signal::QUIT))
            }
            _ => {}
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn holder(folder: &Folder) -> Holder {
    let file = PidFile::read(&folder.data);
    if let Some(pid) = file.as_ref().map(|file| file.pid) {
        let arguments = proc::arguments(pid);
        if serves(&arguments, &folder.data) {
            let orphan = is_orphan(&arguments, &folder.name, proc::parent(pid));
            return if orphan { Holder::Orphan(pid) } else { Holder::Stranger(pid) };
        }
    }
    let backends = proc::titled(&format!("postgres: {}:", folder.name));
    if !backends.is_empty() {
        return Holder::Backends(backends);
    }
    match file {
        // Somebody works with this server's memory, whoever it is: the directory is not taken from them.
        Some(PidFile { pid, memory: Some(segment), .. }) if proc::attached(segment) > Some(0) => Holder::Stranger(pid),
        _ => Holder::Nobody,
    }
}

/// Whether these are the arguments of a server on this data directory.
fn serves(arguments: &[OsString], data: &Path) -> bool {
    let program = arguments.first().and_then(|first| Path::new(first).file_name());
    let is_server = program.is_some_and(|name| name == "postgres" || name == "postmaster");
    let mut rest = arguments.iter().skip_while(|argument| *argument != "-D");
    let directory = rest.nth(1).map(Path::new);
    is_server && directory.is_some_and(|path| path == data || path.canonicalize().is_ok_and(|real| real == data))
}

/// Whether a server is one of ours whose owner is not its parent any more.
fn is_orphan(arguments: &[OsString], name: &str, parent: Option<i32>) -> bool {
    let named = arguments.iter().any(|argument| *argument == OsStr::new(&cluster_name(name)));
    let mark = format!("{OWNER}=");
    let owner = arguments.iter().find_map(|argument| argument.as_bytes().strip_prefix(mark.as_bytes()));
    let owner: Option<i32> = owner.and_then(|pid| std::str::from_utf8(pid).ok()?.parse().ok());
    named && owner.is_some() && owner != parent
}

/// PostgreSQL refuses to start while a process of its user has the number in the pid file, be it an unreaped
/// zombie or another program that got the number later. Nobody works on the data: the file is stale.
fn clear_pid_file(data: &Path) -> Result<(), ClusterError> {
    match PidFile::read(data) {
        Some(file) if proc::exists(file.pid) => {
            let path = data.join("postmaster.pid");
            tracing::warn!(pid = file.pid, "removing {}, whose server is dead", path.display());
            fs::remove_file(&path).trying(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_server_is_known_by_its_data_directory() {
        let data = Path::new("/d/data");
        assert!(serves(&words("/usr/lib/postgresql/15/bin/postgres -D /d/data -c port=1"), data));
        assert!(!serves(&words("/usr/bin/postgres -D /other"), data));
        assert!(!serves(&words("/usr/bin/vim -D /d/data"), data));
        assert!(!serves(&words("postgres:"), data) && !serves(&[], data));
    }

    #[test]
    fn an_orphan_is_ours_and_has_another_parent_than_its_owner() {
        let ours = words("postgres -D /d -c cluster_name=grc-1 -c grc.owner=40");
        assert!(is_orphan(&ours, "grc-1", Some(1)));
        assert!(!is_orphan(&ours, "grc-1", Some(40)), "its owner lives");
        assert!(!is_orphan(&ours, "grc-2", Some(1)), "another cluster");
        assert!(!is_orphan(&words("postgres -D /d"), "grc-1", Some(1)), "started by hand");
    }
}

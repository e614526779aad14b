//! What can go wrong, each with what to do about it.

use std::{path::PathBuf, time::Duration};

/// A failure of the private cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL's programs (initdb, postgres) were not found {looked}. \
         On Debian and Ubuntu `apt-get install -y postgresql` installs them; elsewhere install PostgreSQL 15 or newer \
         and put its bin directory on the PATH, or name a running server in GRC_DATABASE_URL."
    )]
    NotInstalled {
        /// Where they were looked for.
        looked: String,
    },
    /// It is too old.
    #[error(
        "PostgreSQL 15 or newer is needed; {path} is {version}. Install a newer one, or name a running server in GRC_DATABASE_URL."
    )]
    TooOld {
        /// Where it is.
        path: PathBuf,
        /// What it says of itself.
        version: String,
    },
    /// Root has nobody to run it as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user «postgres» nor a user «nobody» to run it as: \
         add one (`useradd --system postgres`), or run the service as a normal user"
    )]
    NoAccount,
    /// The unprivileged user cannot get to the data directory.
    #[error(
        "the user «{user}», who runs PostgreSQL, may not enter {path}: choose another directory in GRC_DATA_DIR \
         (for example /var/lib/sovereign-grc), or run the service as a normal user"
    )]
    NotEnterable {
        /// Who.
        user: String,
        /// Which directory.
        path: PathBuf,
    },
    /// The data belongs to another user.
    #[error(
        "{path} belongs to the user id {owner}, but PostgreSQL would run as {user}: run the service as the user it \
         ran as before (or as root), or choose another GRC_DATA_DIR"
    )]
    NotOwner {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who would run PostgreSQL.
        user: String,
    },
    /// The directory belongs to another major version.
    #[error(
        "the database in {path} was made by PostgreSQL {found}, but {installed} is installed: install {found} again \
         (both can be installed side by side), or dump it with {found} and restore it with {installed}"
    )]
    OtherVersion {
        /// The data directory.
        path: PathBuf,
        /// The version that made it.
        found: String,
        /// The version installed.
        installed: String,
    },
    /// Another server holds the directory.
    #[error("another server (process {pid}) works on {path}: stop it, or choose another GRC_DATA_DIR")]
    Held {
        /// The cluster's folder or its data directory.
        path: PathBuf,
        /// The process.
        pid: i32,
    },
    /// The directory holds a database that lacks its version file.
    #[error("{path} holds a damaged database (it has no PG_VERSION): restore it from a backup, or move it away")]
    Damaged {
        /// The data directory.
        path: PathBuf,
    },
    /// There is data, but the password to it is gone.
    #[error("the database is there, but its password file {path} is not: restore the file, or move the database away")]
    PasswordLost {
        /// Where it should be.
        path: PathBuf,
    },
    /// No directory can hold the socket.
    #[error("no directory for the database's socket could be used; the last one tried: {tried}")]
    NoSocket {
        /// The last directory and what was wrong with it.
        tried: String,
    },
    /// initdb failed.
    #[error("the database directory could not be made: {0}")]
    Initdb(String),
    /// The server ended before it answered.
    #[error("PostgreSQL did not start: {0}")]
    Start(String),
    /// The server did not answer in time.
    #[error("PostgreSQL did not answer within {} s; the end of its log: {log}", limit.as_secs())]
    StartTimedOut {
        /// How long it was given.
        limit: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// The server had to be stopped by force.
    #[error("PostgreSQL had to be stopped by force: the next start recovers it, and nothing committed is lost")]
    Forced,
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Names what was tried when a system call fails.
pub(crate) trait Trying<T> {
    /// The error with its occasion.
    fn trying(self, what: impl FnOnce() -> String) -> Result<T, ClusterError>;
}

impl<T, E: Into<std::io::Error>> Trying<T> for Result<T, E> {
    fn trying(self, what: impl FnOnce() -> String) -> Result<T, ClusterError> {
        self.map_err(|source| ClusterError::Io { what: what(), source: source.into() })
    }
}

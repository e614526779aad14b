//! What can go wrong, each with what to do about it.

use std::path::PathBuf;

/// A failure of the private cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL's programs (initdb, postgres) were not found on the PATH or under /usr/lib/postgresql. \
         On Debian and Ubuntu `apt-get install -y postgresql` installs them; elsewhere install PostgreSQL 15 or newer \
         and put its bin directory on the PATH, or name a running server in GRC_DATABASE_URL."
    )]
    NotInstalled,
    /// It is too old.
    #[error("PostgreSQL 15 or newer is needed; {path} is {version}")]
    TooOld {
        /// Where it is.
        path: PathBuf,
        /// What it says of itself.
        version: String,
    },
    /// Root has nobody to run it as.
    #[error("PostgreSQL does not run as root, and there is neither a user «postgres» nor a user «nobody» to run it as")]
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
    /// The directory belongs to another major version.
    #[error(
        "the database in {path} was made by PostgreSQL {found}, but {installed} is installed: install {found} again, or dump and restore"
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
    #[error("another process (postgres, pid {pid}) works on {path}: stop it, or choose another GRC_DATA_DIR")]
    Held {
        /// The data directory.
        path: PathBuf,
        /// The process.
        pid: i32,
    },
    /// initdb failed.
    #[error("the database directory could not be made: {0}")]
    Initdb(String),
    /// The server did not come up.
    #[error("PostgreSQL did not start: {0}")]
    Start(String),
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

impl<T> Trying<T> for std::io::Result<T> {
    fn trying(self, what: impl FnOnce() -> String) -> Result<T, ClusterError> {
        self.map_err(|source| ClusterError::Io { what: what(), source })
    }
}

//! What the caller decides about a cluster. Nothing here reads the environment or the disk.

use std::{ffi::OsString, path::PathBuf, time::Duration};

/// How long a start may take by default; the crash recovery of a large database takes its time.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Its folder, which is its own; the data lies in `data` below it.
    pub folder: PathBuf,
    /// Whether a commit survives a power failure. Off only for tests, where it saves most of their time.
    pub durable: bool,
    /// The `PATH` to look for PostgreSQL on.
    pub path: Option<OsString>,
}

/// What few callers need to change.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// The directory of PostgreSQL's programs, instead of looking for them.
    pub bin_dir: Option<PathBuf>,
    /// Settings of the server, by name. Those that say how to reach it cannot be changed.
    pub settings: Vec<(String, String)>,
    /// How long the server may take to answer.
    pub start_limit: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { bin_dir: None, settings: Vec::new(), start_limit: START_LIMIT }
    }
}

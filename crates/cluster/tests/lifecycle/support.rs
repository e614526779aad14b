//! Folders, queries and processes of the tests.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use grc_cluster::{Cluster, ClusterConfig, ClusterError, Tuning};

/// A folder that is gone after the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        Self(std::env::temp_dir().join(format!("grc-cluster-test-{name}-{uid}-{}", std::process::id())))
    }

    pub fn config(&self) -> ClusterConfig {
        ClusterConfig { folder: self.0.clone(), durable: false, path: None }
    }

    pub fn start(&self) -> Result<Cluster, ClusterError> {
        Cluster::start(&self.config())
    }

    pub fn start_with(&self, tuning: &Tuning) -> Result<Cluster, ClusterError> {
        Cluster::start_with(&self.config(), tuning)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs SQL on the database `postgres`.
pub fn psql(cluster: &Cluster, sql: &str) -> String {
    try_psql(cluster, sql).unwrap()
}

pub fn try_psql(cluster: &Cluster, sql: &str) -> Result<String, String> {
    let binaries = grc_cluster::binaries::find(None).unwrap();
    let output =
        Command::new(binaries.program("psql")).args([&cluster.url("postgres"), "-XAtqc", sql]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Whether a process runs; a dead one that nobody has taken note of does not.
pub fn alive(pid: i32) -> bool {
    !std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty()
}

pub fn signal(name: &str, pid: i32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

pub fn pid(cluster: &Cluster) -> i32 {
    cluster.pid().expect("the server runs")
}

/// Waits until something holds.
pub fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An example of this crate, which cargo builds beside its tests.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is missing: cargo build -p grc-cluster --examples", path.display());
    path
}

/// Another process that owns a cluster.
pub struct Owner {
    pub process: Child,
    pub server: i32,
}

impl Owner {
    pub fn start(folder: &Folder) -> Self {
        let mut process =
            Command::new(program("hold")).arg(&folder.0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, server: line.trim().parse().expect("the pid of its server") }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).unwrap()
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let server = self.server;
        until("the server follows its owner", Duration::from_secs(20), || !alive(server));
    }
}

/// The command line of a process.
pub fn arguments(pid: i32) -> Vec<OsString> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    line.strip_suffix(b"\0").unwrap().split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

/// A command that runs as the owner of a folder.
pub fn command_as_owner(folder: &Path, program: impl Into<OsString>) -> Command {
    use std::os::unix::{fs::MetadataExt, process::CommandExt};
    let meta = folder.metadata().unwrap();
    let mut command = Command::new(program.into());
    if rustix::process::geteuid().is_root() {
        command.uid(meta.uid()).gid(meta.gid());
    }
    command
}

/// Gives a tree to a user.
pub fn give_to(path: &Path, uid: u32) {
    let id = format!("{uid}:{uid}");
    assert!(Command::new("chown").args(["-R", &id]).arg(path).status().unwrap().success());
}

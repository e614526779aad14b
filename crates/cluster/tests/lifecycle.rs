//! The cluster's life and its deaths, with real processes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use grc_cluster::{Cluster, ClusterConfig, ClusterError};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("grc-cluster-test-{name}-{}", std::process::id()));
        Self(path)
    }

    fn start(&self) -> Result<Cluster, ClusterError> {
        Cluster::start(&ClusterConfig { folder: self.0.clone(), durable: false, path: None })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn psql(cluster: &Cluster, sql: &str) -> String {
    let binaries = grc_cluster::binaries::find(None).unwrap();
    let output =
        Command::new(binaries.program("psql")).args([&cluster.url("postgres"), "-Atqc", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_stopped_cluster_keeps_its_data() {
    let folder = Folder::new("keeps");
    let cluster = folder.start().unwrap();
    psql(&cluster, "CREATE TABLE t AS SELECT 42 AS n");
    let pid = cluster.pid();
    cluster.stop();
    assert!(!alive(pid));
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT n FROM t"), "42");
}

#[test]
fn a_second_owner_is_refused() {
    let folder = Folder::new("second");
    let _cluster = folder.start().unwrap();
    assert!(matches!(folder.start(), Err(ClusterError::Held { .. })));
}

#[test]
fn a_killed_server_is_recovered_by_the_next_start() {
    let folder = Folder::new("killed");
    let cluster = folder.start().unwrap();
    psql(&cluster, "CREATE TABLE t AS SELECT 7 AS n");
    // Without fsync a commit lies in the buffers until a checkpoint.
    psql(&cluster, "CHECKPOINT");
    Command::new("kill").args(["-9", &cluster.pid().to_string()]).status().unwrap();
    until("the server dies", || !alive(cluster.pid()));
    drop(cluster);
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT n FROM t"), "7");
}

#[test]
fn the_server_ends_with_its_killed_owner_and_starts_again() {
    let folder = Folder::new("owner");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/examples/hold");
    let mut owner = Command::new(example).arg(&folder.0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid: i32 = line.trim().parse().unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("the server follows its owner", || !alive(pid));
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
}

#[test]
fn an_interrupted_initdb_does_no_harm_and_a_long_path_neither() {
    let folder = Folder::new(&"long-".repeat(20));
    std::fs::create_dir_all(folder.0.join("data")).unwrap();
    std::fs::write(folder.0.join("data/half"), "made").unwrap();
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT current_setting('fsync')"), "off");
}

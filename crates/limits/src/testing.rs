//! A Redis for tests: a process of its own, on a socket in a folder of its own, which ends with the test whatever becomes of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Starts Redis and stays until its standard input closes, which it does however the test ends.
const WATCH: &str = r#"redis-server "$@" >/dev/null & trap "kill -9 $! 2>/dev/null" EXIT; cat >/dev/null"#;

/// A Redis.
pub struct TestRedis {
    folder: tempfile::TempDir,
    watcher: Option<Child>,
}

impl TestRedis {
    /// A Redis that is not started yet.
    pub fn absent() -> Self {
        Self { folder: tempfile::Builder::new().prefix("grc-redis-").tempdir().unwrap(), watcher: None }
    }

    /// A running Redis.
    pub fn start() -> Self {
        let mut redis = Self::absent();
        redis.begin();
        redis
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Starts it, and waits until it answers. What it knew before is gone.
    pub fn begin(&mut self) {
        let (socket, pid) = (self.socket(), self.folder.path().join("pid"));
        let _ = std::fs::remove_file(&socket);
        let found = Command::new("redis-server").arg("--version").output();
        assert!(found.is_ok(), "redis-server is not installed: apt-get install redis-server (cargo xtask test does)");
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "redis", "--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .arg("--pidfile")
            .arg(&pid)
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        self.watcher = Some(watcher);
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() || !pid.exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "redis-server did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        let Some(mut watcher) = self.watcher.take() else { return };
        self.signal("KILL");
        drop(watcher.stdin.take());
        let _ = watcher.wait();
        let _ = std::fs::remove_file(self.folder.path().join("pid"));
    }

    /// Holds it still: it keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        let sent = Command::new("kill").args([&format!("-{name}"), pid.trim()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            let _ = watcher.wait();
        }
    }
}

//! A service of its own for a command: in a folder that the command removes, on a port that nobody has.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The first person's password.
pub const PASSWORD: &str = "violet tractor humming";

/// A running service, which ends with this value.
pub struct Server {
    /// Its process.
    pub child: Child,
    /// Where it answers.
    pub base: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// Starts one that counts no requests, with more settings.
pub fn start(binary: &Path, folder: &Path, more: &[(&str, &str)], log: Stdio) -> Result<Server> {
    let mut child = Command::new(binary)
        .envs([
            ("GRC_DATA_DIR", folder.display().to_string()),
            ("GRC_BIND", "127.0.0.1:0".to_owned()),
            ("GRC_METRICS_BIND", String::new()),
            ("GRC_BOOTSTRAP_PASSWORD", PASSWORD.to_owned()),
            ("GRC_RATE_LIMIT_PER_MINUTE", "0".to_owned()),
        ])
        .envs(more.iter().copied())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .with_context(|| format!("running {}", binary.display()))?;
    let output = child.stdout.take().context("no output")?;
    // Made before the output is read, so that a service that says nothing of use is stopped too.
    let mut server = Server { child, base: String::new() };
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    server.base = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    if !server.base.starts_with("http") {
        bail!("the service did not start");
    }
    Ok(server)
}

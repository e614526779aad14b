//! The server's log file: opened for the server to write to, and quoted in errors.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use rustix::fs::OFlags;

use crate::{
    account::Account,
    error::{ClusterError, Trying},
    folder::open_private,
};

/// From this size on a start begins a new file; one old file is kept.
const LARGE: u64 = 16 * 1024 * 1024;
/// As much of the end as an error needs.
const TAIL: u64 = 8 * 1024;
/// As many lines of it as an error shows.
const LINES: usize = 10;

/// Opens the log at its end. The number is the length it has now: what this server will say begins there.
pub(crate) fn open(path: &Path, account: &Account) -> Result<(File, u64), ClusterError> {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.len() > LARGE) {
        fs::rename(path, path.with_extension("log.1")).trying(|| format!("putting {} away", path.display()))?;
    }
    let file = open_private(path, OFlags::WRONLY | OFlags::APPEND, account)?;
    let length = file.metadata().trying(|| format!("measuring {}", path.display()))?.len();
    Ok((file, length))
}

/// The last lines that a server wrote, in one line, for an error message.
pub(crate) fn tail(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let begin = from.max(file.metadata()?.len().saturating_sub(TAIL));
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes)),
        Err(error) => format!("{} could not be read: {error}", path.display()),
    }
}

/// The last lines of a text, in one line.
pub(crate) fn last_lines(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).rev().take(LINES).collect();
    lines.reverse();
    if lines.is_empty() { "it said nothing".to_owned() } else { lines.join(" | ") }
}

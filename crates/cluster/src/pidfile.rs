//! `postmaster.pid`, which PostgreSQL keeps in the data directory while it runs, and the state of the control file.

use std::{fs, path::Path};

use crate::proc::Segment;

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq)]
pub(crate) struct PidFile {
    /// The server's process.
    pub(crate) pid: i32,
    /// Its System V shared memory; every process of the server is attached to it.
    pub(crate) memory: Option<Segment>,
    /// Whether it accepts connections.
    pub(crate) ready: bool,
}

impl PidFile {
    pub(crate) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    /// The lines are: pid, data directory, start time, port, socket directory, address, key and id of the shared
    /// memory, state. A file just begun has only the first of them.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        // A server in single-user mode writes its pid with a minus sign.
        let pid = lines.next()?.trim().parse::<i32>().ok()?.checked_abs()?;
        let memory = lines.nth(5).and_then(|line| Segment::parse(&mut line.split_whitespace()));
        let ready = lines.next().is_some_and(|line| line.trim() == "ready");
        Some(Self { pid, memory, ready })
    }
}

/// Whether the last server on the data ended without a clean shutdown, so that the next one has to recover. The
/// control file begins with an 8-byte identifier, two 4-byte versions and this 4-byte state, in all versions.
pub(crate) fn needs_recovery(data: &Path) -> bool {
    const SHUT_DOWN: [u32; 2] = [1, 2];
    let bytes = fs::read(data.join("global/pg_control")).unwrap_or_default();
    let state = bytes.get(16..20).and_then(|state| state.try_into().ok()).map(u32::from_ne_bytes);
    state.is_some_and(|state| !SHUT_DOWN.contains(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_and_a_begun_one_are_read() {
        let whole = "4711\n/d/data\n1700000000\n5432\n/s\n\n  65538    131072\nready   \n";
        assert_eq!(
            PidFile::parse(whole),
            Some(PidFile { pid: 4711, memory: Some(Segment { key: 65_538, id: 131_072 }), ready: true })
        );
        assert_eq!(PidFile::parse("-4711\n/d\n"), Some(PidFile { pid: 4711, memory: None, ready: false }));
        assert_eq!(PidFile::parse(&whole.replace("ready", "starting")).map(|f| f.ready), Some(false));
        assert_eq!(PidFile::parse(""), None);
    }
}

//! What the kernel says about other processes. Only what every user may read: in a container root cannot look into
//! the processes of another user either.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process, test_kill_process},
};

/// The arguments of a process, the first of them its program or its title. A dead one, also while nobody has
/// taken note of its death, has none.
pub(crate) fn arguments(pid: i32) -> Vec<OsString> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    if line.is_empty() {
        return Vec::new();
    }
    line.split(|byte| *byte == 0).map(|part| OsString::from_vec(part.to_vec())).collect()
}

/// The parent of a process.
pub(crate) fn parent(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether there is a process with this number, be it dead but not taken note of.
pub(crate) fn exists(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

/// Sends a signal; whether it arrived shows in what the process does.
pub(crate) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// The processes whose title begins with a text.
pub(crate) fn titled(title: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let begins = |first: &OsStr| first.as_bytes().starts_with(title.as_bytes());
    pids.filter(|pid| arguments(*pid).first().is_some_and(|first| begins(first))).collect()
}

/// A shared memory segment. The key is compared as well as the id, which the kernel gives out anew after a reboot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) key: u32,
    pub(crate) id: u32,
}

impl Segment {
    /// Reads a key and an id. The key is 32 bits, which some write with a sign and some stretch to 64 bits.
    pub(crate) fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let key = words.next()?.parse::<i128>().ok()?.rem_euclid(1 << 32);
        Some(Self { key: u32::try_from(key).ok()?, id: words.next()?.parse().ok()? })
    }
}

/// How many processes are attached to a segment; `None` where that cannot be known.
pub(crate) fn attached(segment: Segment) -> Option<u64> {
    let table = fs::read_to_string("/proc/sysvipc/shm").ok()?;
    let found = table.lines().skip(1).find_map(|line| {
        // The columns: key, id, permissions, size, creator, last user, attached.
        let mut row = line.split_whitespace();
        if Segment::parse(&mut row)? == segment { row.nth(4)?.parse().ok() } else { None }
    });
    Some(found.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_however_they_are_written() {
        let parse = |text: &str| Segment::parse(&mut text.split_whitespace());
        assert_eq!(parse("-2 7"), parse("18446744073709551614 7"));
        assert_eq!(parse("  65538    131072"), Some(Segment { key: 65_538, id: 131_072 }));
        assert_eq!(parse("65538"), None);
    }

    #[test]
    fn this_process_is_known_and_a_zombie_has_no_arguments() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(exists(own) && !arguments(own).is_empty());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert_eq!(parent(pid), Some(own));
        while !arguments(pid).is_empty() {
            std::thread::yield_now();
        }
        assert!(exists(pid));
        child.wait().unwrap();
        assert!(!exists(pid));
    }
}

//! What is kept of the journal outside of the database: a file for each organization, lines of JSON that are only ever added.
//!
//! ```text
//! {"first":1,"hashes":["9c56…","07a1…"]}
//! {"tree_size":2,"note":"sovereign-grc.audit/…\n2\n…"}
//! ```
//!
//! A line of hashes names the entries from a number on, without a gap; a line with a note is a checkpoint over all entries so
//! far. With the notes alone a changed past shows; the hashes say which entry it was that changed first. A line that broke off when
//! the machine did is no line; what it would have said stands in the next.

use grc_kernel::merkle::Hash;
use serde_json::{Value, json};

/// The most hashes of a line.
pub const HASHES_MAX: usize = 500;
/// More bytes than a line has: whoever looks for the last lines needs no more of the file's end than twice as many.
pub const LINE_MAX: usize = 64 * 1024;

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// The hashes of entries, from a number on.
    Hashes(i64, Vec<Hash>),
    /// A checkpoint over so many.
    Note(i64, String),
}

impl Line {
    /// Reads a line; none where it is none.
    pub fn read(text: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(text).ok()?;
        if let Some(note) = line.get("note").and_then(Value::as_str) {
            return Some(Self::Note(line.get("tree_size")?.as_i64()?, note.to_owned()));
        }
        let hash = |text: &Value| -> Option<Hash> { hex::decode(text.as_str()?).ok()?.try_into().ok() };
        let hashes: Option<Vec<Hash>> = line.get("hashes")?.as_array()?.iter().map(hash).collect();
        Some(Self::Hashes(line.get("first")?.as_i64()?, hashes?))
    }

    /// The line as it is written, its end included.
    pub fn text(&self) -> String {
        let line = match self {
            Self::Hashes(first, hashes) => {
                json!({"first": first, "hashes": hashes.iter().map(hex::encode).collect::<Vec<_>>()})
            }
            Self::Note(tree_size, note) => json!({"tree_size": tree_size, "note": note}),
        };
        format!("{line}\n")
    }
}

/// The last entry that the end of a file knows.
pub fn position(end: &str) -> Option<(i64, Hash)> {
    end.lines().rev().find_map(|line| match Line::read(line)? {
        Line::Hashes(first, hashes) => {
            let count = i64::try_from(hashes.len()).ok()?;
            hashes.last().map(|hash| (first + count - 1, *hash))
        }
        Line::Note(..) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_written_and_the_last_entry_is_found() {
        let lines =
            [Line::Hashes(1, vec![[1; 32], [2; 32]]), Line::Note(2, "a\nb".into()), Line::Hashes(3, vec![[3; 32]])];
        let text: String = lines.iter().map(Line::text).collect();
        let read: Vec<Line> = text.lines().filter_map(Line::read).collect();
        assert_eq!(read, lines);
        assert_eq!(position(&text), Some((3, [3; 32])));
        assert_eq!(position(&format!("{text}{{\"first\":4,\"hash")), Some((3, [3; 32])));
        assert_eq!(position(""), None);
        let longest = Line::Hashes(i64::MAX, vec![[9; 32]; HASHES_MAX]).text();
        assert!(longest.len() < LINE_MAX);
        for broken in ["", "{}", "{\"first\":1}", "{\"first\":1,\"hashes\":[\"zz\"]}", "{\"note\":\"x\"}", "[1]"] {
            assert_eq!(Line::read(broken), None, "{broken}");
        }
    }
}

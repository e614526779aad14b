//! The check of everything: every entry's content and link, the tree against every checkpoint, and both against what was kept
//! outside. The first entry that is not as it must be is named.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
};

use grc_kernel::{
    OrgId, Uuid,
    journal::{CANONICAL_VERSION, Entry},
    merkle::{Hash, Tree},
};

use crate::{
    checkpoint::Checkpoint,
    note::{Distrust, Keys},
    witness::Line,
};

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not there, though later ones are.
    Missing,
    /// Its `prev_hash` is not the hash of the entry before it.
    Unlinked,
    /// Its content does not have its hash.
    Altered,
    /// Its canonical form is of a version that this program does not know.
    UnknownForm,
    /// Its hash is not the one that was kept outside of the database.
    NotAsWitnessed,
    /// A checkpoint up to here has another root: this entry, or one since the checkpoint before, is not what it was.
    NotAsSigned,
    /// The checkpoint up to here is not signed by a key of ours, or states something else than it is kept as.
    BadCheckpoint,
    /// Entries from here on were signed or witnessed, and are not there.
    Truncated,
    /// The chain ends here, and its head says otherwise.
    HeadDiffers,
    /// What was kept outside leaves a gap here.
    WitnessGap,
}

impl Reason {
    /// The wire names.
    pub const NAMES: &'static [&'static str] = &[
        "missing",
        "unlinked",
        "altered",
        "unknown_form",
        "not_as_witnessed",
        "not_as_signed",
        "bad_checkpoint",
        "truncated",
        "head_differs",
        "witness_gap",
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unlinked => "unlinked",
            Self::Altered => "altered",
            Self::UnknownForm => "unknown_form",
            Self::NotAsWitnessed => "not_as_witnessed",
            Self::NotAsSigned => "not_as_signed",
            Self::BadCheckpoint => "bad_checkpoint",
            Self::Truncated => "truncated",
            Self::HeadDiffers => "head_differs",
            Self::WitnessGap => "witness_gap",
        }
    }
}

/// The first entry that is not as it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Bad {
    /// Its number.
    pub sequence: i64,
    /// Its id, where it is there.
    pub id: Option<Uuid>,
    /// What is wrong.
    pub reason: Reason,
}

/// What the check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many entries are as they must be, from the first on.
    pub entries: i64,
    /// How many checkpoints of the database were checked.
    pub checkpoints: i64,
    /// How many entries were compared with what was kept outside.
    pub witnessed: i64,
    /// How many checkpoints from outside were checked.
    pub witnessed_checkpoints: i64,
    /// How many lines from outside could not be read: such as a crash leaves them.
    pub unreadable: i64,
    /// The first bad entry.
    pub first_bad: Option<Bad>,
}

/// A check under way. Feed it, in the order of the numbers: what was kept outside and the checkpoints of the next entries, then those entries.
pub struct Verifier {
    org: OrgId,
    keys: Keys,
    tree: Tree,
    at: i64,
    prev: Hash,
    /// Roots that were claimed of trees yet to grow.
    claims: BTreeMap<i64, Vec<Claim>>,
    witnessed: VecDeque<Hash>,
    /// The last entry that was kept outside.
    known: i64,
    report: Report,
}

/// A claimed root; none where the claim itself is not to be believed.
struct Claim {
    root: Option<Hash>,
    outside: bool,
}

impl Verifier {
    /// A check of an organization's journal.
    pub fn new(org: OrgId, keys: Keys) -> Self {
        Self {
            org,
            keys,
            tree: Tree::new(),
            at: 0,
            prev: [0; 32],
            claims: BTreeMap::new(),
            witnessed: VecDeque::new(),
            known: 0,
            report: Report::default(),
        }
    }

    /// How far what was kept outside has been taken in.
    pub fn known(&self) -> i64 {
        self.known
    }

    fn claim(&mut self, size: i64, note: &str, root: Option<&Hash>, outside: bool) {
        let read = self.keys.read(note);
        let believed = read.ok().filter(|head| head.org == self.org && head.size == size);
        let believed = believed.filter(|head| root.is_none_or(|root| *root == head.root));
        let claim = Claim { root: believed.map(|head| head.root), outside };
        match size.cmp(&self.at) {
            Ordering::Greater => self.claims.entry(size).or_default().push(claim),
            Ordering::Equal => self.compare(&claim, None),
            // A server that was restarted says again what it said: it was compared when it was said first.
            Ordering::Less => {}
        }
    }

    /// Compares a claimed root with that of the tree as it is now.
    fn compare(&mut self, claim: &Claim, id: Option<Uuid>) {
        match claim.root {
            None => self.bad(self.at, id, Reason::BadCheckpoint),
            Some(root) if root != self.tree.root() => self.bad(self.at, id, Reason::NotAsSigned),
            Some(_) if claim.outside => self.report.witnessed_checkpoints += 1,
            Some(_) => self.report.checkpoints += 1,
        }
    }

    /// Takes in a checkpoint of the database.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.claim(checkpoint.tree_size, &checkpoint.note, Some(&checkpoint.root), false);
    }

    /// Takes in a line from outside.
    pub fn witness(&mut self, text: &str) {
        match Line::read(text) {
            None => self.report.unreadable += 1,
            // Whoever can write the file may say anything in it; what counts is a note that we signed.
            Some(Line::Note(size, note)) => match self.keys.read(&note) {
                Err(Distrust::Malformed) => self.report.unreadable += 1,
                _ => self.claim(size, &note, None, true),
            },
            Some(Line::Hashes(first, hashes)) => {
                if first > self.known + 1 {
                    self.bad(self.known + 1, None, Reason::WitnessGap);
                    return;
                }
                // A server that was restarted may say some of it twice.
                let again = usize::try_from(self.known + 1 - first).unwrap_or(usize::MAX);
                let new = hashes.get(again..).unwrap_or_default();
                self.known += i64::try_from(new.len()).unwrap_or(0);
                self.witnessed.extend(new);
            }
        }
    }

    fn bad(&mut self, sequence: i64, id: Option<Uuid>, reason: Reason) {
        if self.report.first_bad.as_ref().is_none_or(|bad| sequence < bad.sequence) {
            self.report.first_bad = Some(Bad { sequence, id, reason });
        }
    }

    /// Checks the next entry; whether it is worth going on.
    pub fn entry(&mut self, entry: &Entry) -> bool {
        let expected = self.at + 1;
        let problem = if entry.sequence != expected {
            self.bad(expected, None, Reason::Missing);
            return false;
        } else if entry.canonical_version != CANONICAL_VERSION {
            Some(Reason::UnknownForm)
        } else if entry.org != self.org || entry.compute_hash() != entry.hash {
            Some(Reason::Altered)
        } else if entry.prev_hash != self.prev {
            Some(Reason::Unlinked)
        } else {
            match self.witnessed.pop_front() {
                Some(hash) if hash != entry.hash => Some(Reason::NotAsWitnessed),
                Some(_) => {
                    self.report.witnessed += 1;
                    None
                }
                None => None,
            }
        };
        if let Some(reason) = problem {
            self.bad(expected, Some(entry.id), reason);
            return false;
        }
        self.tree.push(&entry.hash);
        (self.at, self.prev) = (expected, entry.hash);
        for claim in self.claims.remove(&expected).unwrap_or_default() {
            self.compare(&claim, Some(entry.id));
        }
        let good = self.report.first_bad.as_ref().is_none_or(|bad| bad.sequence > expected);
        if good {
            self.report.entries = expected;
        }
        good
    }

    /// What was found, where the chain's head is known.
    pub fn finish(mut self, head: Option<(i64, Hash)>) -> Report {
        if self.report.first_bad.as_ref().is_some_and(|bad| bad.sequence <= self.at) {
            return self.report;
        }
        let missing = !self.witnessed.is_empty() || !self.claims.is_empty();
        if missing {
            self.bad(self.at + 1, None, Reason::Truncated);
        } else if head.unwrap_or((0, [0; 32])) != (self.at, self.prev) {
            self.bad(self.at.max(1), None, Reason::HeadDiffers);
        }
        self.report
    }
}

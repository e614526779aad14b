//! What is limited, and where a limit stands.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// So many in a period, for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A word for it, which keeps its counts apart from other rules'.
    pub name: &'static str,
    /// How many.
    pub most: u32,
    /// In how long.
    pub period: Duration,
}

impl Rule {
    /// A rule; none where `most` is 0, which turns it off.
    pub fn new(name: &'static str, most: u32, period: Duration) -> Option<Self> {
        (most > 0).then_some(Self { name, most, period })
    }

    /// The period's share that is counted together, in milliseconds.
    pub(crate) fn width(&self) -> u64 {
        (u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX) / crate::window::SLICES).max(1)
    }

    /// Under which name a key's count is kept. Keys are addresses and the like, so only their digest is.
    pub(crate) fn place(&self, key: &str) -> String {
        let digest = hex::encode(Sha256::digest(key.as_bytes()));
        format!("grc:limit:{}:{}", self.name, digest.get(..32).unwrap_or_default())
    }
}

/// Where a limit stands for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many in all.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// Until all are back, in seconds.
    pub reset_in: u64,
}

impl Standing {
    /// The tighter of two: the one with fewer left.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        if other.remaining < self.remaining { other } else { self }
    }
}

/// A limit that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it stands.
    pub standing: Standing,
    /// In how many seconds there will be room, at least 1.
    pub wait: u64,
}

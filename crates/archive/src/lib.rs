//! ZIP archives from strangers.
//!
//! A reader for archives that somebody uploaded, not a general one: whatever two readers could understand differently is
//! refused, and so is whatever could do harm. Reading order: [`refused`] (the reasons), [`name`] (what an entry may be
//! called), [`directory`] (the list of entries, checked against the file as a whole), [`Archive`] (their bytes).
//!
//! Refused when the archive is opened, before a byte is unpacked: more entries, more bytes or a higher ratio than the
//! [`Limits`] allow; names that are absolute, leave the folder or come twice; links and devices; encrypted entries;
//! entries that overlap (the trick by which a small bomb becomes a large one); a directory that does not account for the
//! whole end of the file, or contradicts what stands before the data. Refused when an entry is read: a size or a checksum
//! that is not the one on record. The sizes on record are a claim: reading stops at the first byte beyond it.
//!
//! Why no general library: those keep one of two entries with the same name without a word, and say nothing of overlaps
//! or of a directory that contradicts its entries. Decompression is `flate2`'s.

pub mod directory;
pub mod name;
mod read;
pub mod refused;

pub use directory::{Entry, Limits};
pub use read::Archive;
pub use refused::{ArchiveError, Refused, Why};

#[cfg(test)]
mod forge;
#[cfg(test)]
mod tests;

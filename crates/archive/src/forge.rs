//! Archives written byte by byte, so that a test can make each of them wrong in one place.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

/// One entry, and what is claimed of it.
#[derive(Clone)]
pub(crate) struct Forged {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) data: Vec<u8>,
    pub(crate) packed: Option<u32>,
    pub(crate) size: u32,
    pub(crate) crc: u32,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) made: u16,
    pub(crate) attributes: u32,
    pub(crate) offset: Option<u32>,
}

pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

impl Forged {
    /// An honest stored entry.
    pub(crate) fn stored(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            local_name: None,
            data: bytes.to_vec(),
            packed: None,
            size: u32::try_from(bytes.len()).unwrap(),
            crc: crc32fast::hash(bytes),
            method: 0,
            flags: 1 << 11,
            made: 3 << 8 | 20,
            attributes: 0o100_644 << 16,
            offset: None,
        }
    }

    /// An honest deflated entry.
    pub(crate) fn deflated(name: &str, bytes: &[u8]) -> Self {
        Self { data: deflated(bytes), method: 8, ..Self::stored(name, bytes) }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn fixed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [20, self.flags, self.method, 0, 0x21] {
            out.extend(number.to_le_bytes());
        }
        let packed = self.packed.unwrap_or_else(|| u32::try_from(self.data.len()).unwrap());
        for number in [self.crc, packed, self.size] {
            out.extend(number.to_le_bytes());
        }
        out
    }
}

/// The archive of these entries.
pub(crate) fn archive(entries: &[Forged]) -> Vec<u8> {
    let count = u16::try_from(entries.len()).unwrap();
    archive_claiming(entries, count)
}

/// The same whose end claims another number of entries.
pub(crate) fn archive_claiming(entries: &[Forged], count: u16) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = u32::try_from(out.len()).unwrap();
        let local = entry.local_name.as_ref().unwrap_or(&entry.name);
        out.extend(b"PK\x03\x04");
        out.extend(entry.fixed());
        out.extend(u16::try_from(local.len()).unwrap().to_le_bytes());
        out.extend([0, 0]);
        out.extend(local);
        out.extend(&entry.data);
        directory.extend(b"PK\x01\x02");
        directory.extend(entry.made.to_le_bytes());
        directory.extend(entry.fixed());
        directory.extend(u16::try_from(entry.name.len()).unwrap().to_le_bytes());
        directory.extend([0; 8]);
        directory.extend(entry.attributes.to_le_bytes());
        directory.extend(entry.offset.unwrap_or(at).to_le_bytes());
        directory.extend(&entry.name);
    }
    let (start, size) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

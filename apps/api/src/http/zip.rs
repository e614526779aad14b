//! Zip archives that are written as they are sent: nothing is known ahead, nothing is gone back to, and what stays in
//! memory is a line for each file.
//!
//! Sizes and checksums follow their data (APPNOTE 4.3.9). Data is stored in the frames of Deflate (RFC 1951, 3.2.4),
//! uncompressed: readers that stream can tell where it ends, and evidence is mostly compressed already. Sizes beyond
//! 4 GiB are written in the Zip64 forms.

use time::OffsetDateTime;

/// From which size on a number does not fit the old fields.
const WIDE: u64 = 0xFFFF_FFFF;
/// Stored in frames, sizes after the data, names in UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// The versions that read it, with and without Zip64.
const VERSIONS: (u16, u16) = (20, 45);
/// A plain file that its owner may write and everybody may read, on Unix.
const MODE: u32 = 0o100_644 << 16;

/// A file that has more bytes than was announced for it, or an archive used out of order.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has 4 GiB or more, which was not announced")]
pub struct TooLarge(String);

struct Entry {
    name: String,
    start: u64,
    wide: bool,
    crc: u32,
    packed: u64,
    size: u64,
}

/// An archive under way. Every method appends what is to be sent.
pub struct Zip {
    at: (u16, u16),
    offset: u64,
    entries: Vec<Entry>,
    open: Option<(Entry, crc32fast::Hasher)>,
    wide: u64,
}

impl Zip {
    /// An archive whose files all have this time.
    pub fn new(now: OffsetDateTime) -> Self {
        let year = u16::try_from(now.year().clamp(1980, 2107) - 1980).unwrap_or(0);
        let date = year << 9 | u16::from(u8::from(now.month())) << 5 | u16::from(now.day());
        let time = u16::from(now.hour()) << 11 | u16::from(now.minute()) << 5 | u16::from(now.second() / 2);
        Self { at: (time, date), offset: 0, entries: Vec::new(), open: None, wide: WIDE }
    }

    /// Begins a file of which so many bytes are expected.
    pub fn begin(&mut self, name: &str, expected: u64, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        self.end(out)?;
        // The frames take more room, how much depends on the pieces that the data comes in.
        let wide = expected >= self.wide / 2;
        let sizes = if wide { u32::MAX } else { 0 };
        let extra: &[u8] = if wide { &[1, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] } else { &[] };
        let from = out.len();
        put(out, &0x0403_4b50_u32.to_le_bytes());
        self.common(wide, 0, [sizes, sizes], name, extra.len(), out);
        put(out, name.as_bytes());
        put(out, extra);
        let entry = Entry { name: name.to_owned(), start: self.offset, wide, crc: 0, packed: 0, size: 0 };
        self.open = Some((entry, crc32fast::Hasher::new()));
        self.sent(out, from);
        Ok(())
    }

    /// Adds bytes to the file.
    pub fn data(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        if let Some((entry, crc)) = &mut self.open {
            crc.update(bytes);
            entry.size += count(bytes.len());
            for piece in bytes.chunks(usize::from(u16::MAX)) {
                frame(piece, false, out);
            }
            entry.packed += count(out.len() - from);
        }
        self.sent(out, from);
    }

    /// Ends the file, if one is begun.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let Some((mut entry, crc)) = self.open.take() else { return Ok(()) };
        let from = out.len();
        frame(&[], true, out);
        entry.packed += count(out.len() - from);
        entry.crc = crc.finalize();
        put(out, &0x0807_4b50_u32.to_le_bytes());
        put(out, &entry.crc.to_le_bytes());
        for size in [entry.packed, entry.size] {
            match u32::try_from(size) {
                _ if entry.wide => put(out, &size.to_le_bytes()),
                Ok(narrow) if size < self.wide => put(out, &narrow.to_le_bytes()),
                _ => return Err(TooLarge(entry.name)),
            }
        }
        self.sent(out, from);
        self.entries.push(entry);
        Ok(())
    }

    /// Ends the archive with its directory.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        self.end(out)?;
        let (from, start) = (out.len(), self.offset);
        for entry in &self.entries {
            let far = entry.start >= self.wide;
            let mut extra: Vec<u8> = Vec::new();
            if entry.wide {
                put(&mut extra, &entry.size.to_le_bytes());
                put(&mut extra, &entry.packed.to_le_bytes());
            }
            if far {
                put(&mut extra, &entry.start.to_le_bytes());
            }
            if !extra.is_empty() {
                let length = u16::try_from(extra.len()).unwrap_or(0);
                extra.splice(0..0, [1_u16.to_le_bytes(), length.to_le_bytes()].concat());
            }
            let narrow = |size: u64, wide: bool| if wide { u32::MAX } else { u32::try_from(size).unwrap_or(u32::MAX) };
            let sizes = [narrow(entry.packed, entry.wide), narrow(entry.size, entry.wide)];
            put(out, &0x0201_4b50_u32.to_le_bytes());
            put(out, &(3_u16 << 8 | VERSIONS.1).to_le_bytes());
            self.common(entry.wide || far, entry.crc, sizes, &entry.name, extra.len(), out);
            // No comment, on this disk, nothing known of the data inside.
            put(out, &[0; 6]);
            put(out, &MODE.to_le_bytes());
            put(out, &narrow(entry.start, far).to_le_bytes());
            put(out, entry.name.as_bytes());
            put(out, &extra);
        }
        let size = count(out.len() - from);
        self.finish_with(start, size, out);
        Ok(())
    }

    fn finish_with(&self, start: u64, size: u64, out: &mut Vec<u8>) {
        let files = count(self.entries.len());
        if start >= self.wide || size >= self.wide || files >= 0xFFFF {
            let at = start + size;
            put(out, &0x0606_4b50_u32.to_le_bytes());
            put(out, &44_u64.to_le_bytes());
            put(out, &(3_u16 << 8 | VERSIONS.1).to_le_bytes());
            put(out, &VERSIONS.1.to_le_bytes());
            put(out, &[0; 8]);
            for number in [files, files, size, start] {
                put(out, &number.to_le_bytes());
            }
            put(out, &0x0706_4b50_u32.to_le_bytes());
            put(out, &[0; 4]);
            put(out, &at.to_le_bytes());
            put(out, &1_u32.to_le_bytes());
        }
        let narrow = |number: u64| u32::try_from(number).ok().filter(|_| number < self.wide).unwrap_or(u32::MAX);
        let files = u16::try_from(files).unwrap_or(u16::MAX);
        put(out, &0x0605_4b50_u32.to_le_bytes());
        put(out, &[0; 4]);
        put(out, &files.to_le_bytes());
        put(out, &files.to_le_bytes());
        put(out, &narrow(size).to_le_bytes());
        put(out, &narrow(start).to_le_bytes());
        put(out, &[0; 2]);
    }

    /// What a file's two headers have in common, from the version to the lengths.
    fn common(&self, wide: bool, crc: u32, sizes: [u32; 2], name: &str, extra: usize, out: &mut Vec<u8>) {
        let version = if wide { VERSIONS.1 } else { VERSIONS.0 };
        let length = |length: usize| u16::try_from(length).unwrap_or(0);
        let (time, date) = self.at;
        for number in [version, FLAGS, 8, time, date] {
            put(out, &number.to_le_bytes());
        }
        put(out, &crc.to_le_bytes());
        for size in sizes {
            put(out, &size.to_le_bytes());
        }
        put(out, &length(name.len()).to_le_bytes());
        put(out, &length(extra).to_le_bytes());
    }

    fn sent(&mut self, out: &[u8], from: usize) {
        self.offset += count(out.len() - from);
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A frame of Deflate that holds its bytes as they are; at most 65,535 of them.
fn frame(bytes: &[u8], last: bool, out: &mut Vec<u8>) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.push(u8::from(last));
    put(out, &length.to_le_bytes());
    put(out, &(!length).to_le_bytes());
    put(out, bytes);
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:34:56 UTC);

    /// An archive of files, each in pieces. `wide` is where the Zip64 forms begin.
    fn archive(files: &[(String, Vec<Vec<u8>>)], wide: u64) -> Vec<u8> {
        let mut zip = Zip { wide, ..Zip::new(NOW) };
        let mut out = Vec::new();
        for (name, pieces) in files {
            let size = pieces.iter().map(|piece| count(piece.len())).sum();
            zip.begin(name, size, &mut out).unwrap();
            for piece in pieces {
                zip.data(piece, &mut out);
            }
        }
        zip.finish(&mut out).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = ::zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        (0..archive.len())
            .map(|i| {
                let mut file = archive.by_index(i).unwrap();
                let at = file.last_modified().unwrap();
                assert_eq!((at.year(), at.month(), at.day(), at.hour(), at.minute()), (2026, 3, 1, 12, 34));
                let mut bytes = Vec::new();
                // The reader compares the checksum at the end.
                file.read_to_end(&mut bytes).unwrap();
                (file.name().unwrap().into_owned(), bytes)
            })
            .collect()
    }

    fn whole(files: &[(String, Vec<Vec<u8>>)]) -> Vec<(String, Vec<u8>)> {
        files.iter().map(|(name, pieces)| (name.clone(), pieces.concat())).collect()
    }

    #[test]
    fn large_pieces_and_many_files_come_back() {
        let mut files: Vec<(String, Vec<Vec<u8>>)> =
            (0..0x1_0002).map(|n| (format!("many/{n}"), vec![vec![7; n % 3]])).collect();
        files.push(("větší.bin".into(), vec![vec![1; 65_535], vec![2; 65_536], vec![], vec![3; 200_000]]));
        assert_eq!(read(&archive(&files, WIDE)), whole(&files));
    }

    #[test]
    fn what_was_not_announced_is_refused() {
        let mut zip = Zip { wide: 1_000, ..Zip::new(NOW) };
        let mut out = Vec::new();
        zip.begin("small", 10, &mut out).unwrap();
        zip.data(&[0; 2_000], &mut out);
        assert_eq!(zip.end(&mut out), Err(TooLarge("small".into())));
    }

    proptest! {
        #[test]
        fn whatever_is_packed_comes_back(
            files in proptest::collection::vec(("[a-z]{1,9}", proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4)), 0..6),
            wide in prop_oneof![Just(WIDE), 0_u64..2_000],
        ) {
            let files: Vec<_> = files.into_iter().enumerate().map(|(i, (name, pieces))| (format!("{i}/{name}"), pieces)).collect();
            // Where only the frames make a file wide it was not announced as such; those are another test's.
            let fits = |(_, pieces): &(String, Vec<Vec<u8>>)| {
                let size: u64 = pieces.iter().map(|piece| count(piece.len())).sum();
                size >= wide / 2 || size + 5 * (count(pieces.len()) + 1) < wide
            };
            prop_assume!(files.iter().all(fits));
            let bytes = archive(&files, wide);
            prop_assert_eq!(read(&bytes), whole(&files));
        }
    }
}

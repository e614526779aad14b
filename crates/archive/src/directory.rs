//! The directory of an archive (APPNOTE 6.3, section 4.3): found at the end of the file, read whole, and compared with
//! what stands before each entry's data.

use std::{
    collections::BTreeSet,
    io::{Read, Seek, SeekFrom},
};

use crate::{
    name,
    refused::{ArchiveError, Refused, Why},
};

/// What an archive may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries, folders included.
    pub entries: u64,
    /// Bytes after unpacking.
    pub unpacked: u64,
    /// Bytes after unpacking for each byte before.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 10_000, unpacked: 2 * 1024 * 1024 * 1024, ratio: 100 }
    }
}

/// Below this an entry alone is no bomb, however well it packs; all of them together are judged without it.
const SMALL: u64 = 64 * 1024;
/// The largest directory: far more than ten thousand entries of any sane writer need.
const DIRECTORY_MAX: u64 = 16 * 1024 * 1024;
/// The end of the directory, and the longest comment after it.
const END: u64 = 22;
const COMMENT_MAX: u64 = 65_535;
const WIDE_LOCATOR: u64 = 20;

/// How an entry is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    Deflated,
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path.
    pub name: String,
    /// How many bytes it has, as the archive says; no more are ever read.
    pub size: u64,
    pub(crate) packed: u64,
    pub(crate) crc: u32,
    pub(crate) method: Method,
    /// Where its data begins.
    pub(crate) data: u64,
}

/// Numbers in the order of the bytes, until there are no more.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn bytes(&mut self, count: usize) -> Result<&'b [u8], Why> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(Why::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Why> {
        self.bytes(N)?.try_into().map_err(|_| Why::Truncated)
    }

    fn u16(&mut self) -> Result<u16, Why> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Why> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Why> {
        self.array().map(u64::from_le_bytes)
    }

    fn expect(&mut self, signature: &[u8; 4], otherwise: Why) -> Result<(), Why> {
        if self.bytes(4)? == signature { Ok(()) } else { Err(otherwise) }
    }
}

fn read_at<R: Read + Seek>(reader: &mut R, at: u64, count: u64) -> Result<Vec<u8>, ArchiveError> {
    let count = usize::try_from(count).map_err(|_| Why::Truncated)?;
    let mut bytes = vec![0; count];
    reader.seek(SeekFrom::Start(at))?;
    reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Why::Truncated.into(),
        _ => ArchiveError::Io(error),
    })?;
    Ok(bytes)
}

/// Where the directory lies.
struct Place {
    start: u64,
    size: u64,
    entries: u64,
}

/// Finds the directory. Its end must be the end of the file, and it must end where its end begins: an archive with
/// something before, between or behind would be another archive to another reader.
fn place<R: Read + Seek>(reader: &mut R, length: u64) -> Result<Place, ArchiveError> {
    let tail_start = length.saturating_sub(END + COMMENT_MAX);
    let tail = read_at(reader, tail_start, length - tail_start)?;
    let found = (0..tail.len().saturating_sub(21)).rev().find(|&at| {
        let mut fields = Fields(tail.get(at..).unwrap_or_default());
        fields.expect(b"PK\x05\x06", Why::NotAnArchive).is_ok()
            && fields.bytes(16).is_ok()
            && fields.u16().is_ok_and(|comment| usize::from(comment) == fields.0.len())
    });
    let at = found.ok_or(Why::NotAnArchive)?;
    let mut fields = Fields(tail.get(at + 4..).unwrap_or_default());
    let disks = (fields.u16()?, fields.u16()?);
    let (here, entries) = (fields.u16()?, fields.u16()?);
    let (size, start) = (fields.u32()?, fields.u32()?);
    let end = tail_start + u64::try_from(at).map_err(|_| Why::Truncated)?;
    if let Some(place) = wide(reader, end, (entries, size, start))? {
        return Ok(place);
    }
    if disks != (0, 0) || here != entries {
        return Err(Why::Split.into());
    }
    check_end(Place { start: start.into(), size: size.into(), entries: entries.into() }, end)
}

fn check_end(place: Place, end: u64) -> Result<Place, ArchiveError> {
    if place.start.checked_add(place.size) == Some(end) { Ok(place) } else { Err(Why::Inconsistent.into()) }
}

/// The Zip64 form of the end, where there is one. What the old form says too must be the same.
fn wide<R: Read + Seek>(
    reader: &mut R,
    end: u64,
    (entries, size, start): (u16, u32, u32),
) -> Result<Option<Place>, ArchiveError> {
    let needed = entries == u16::MAX || size == u32::MAX || start == u32::MAX;
    let located = match end.checked_sub(WIDE_LOCATOR) {
        Some(at) => Some(read_at(reader, at, WIDE_LOCATOR)?).filter(|bytes| bytes.starts_with(b"PK\x06\x07")),
        None => None,
    };
    let Some(locator) = located else {
        return if needed { Err(Why::Truncated.into()) } else { Ok(None) };
    };
    let mut fields = Fields(locator.get(4..).unwrap_or_default());
    let (disk, at, disks) = (fields.u32()?, fields.u64()?, fields.u32()?);
    let record = read_at(reader, at, 56)?;
    let mut fields = Fields(&record);
    fields.expect(b"PK\x06\x06", Why::Inconsistent)?;
    let rest = fields.u64()?;
    fields.bytes(4)?;
    let own = (fields.u32()?, fields.u32()?);
    let (here, all, wide_size, wide_start) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
    if disk != 0 || disks > 1 || own != (0, 0) || here != all {
        return Err(Why::Split.into());
    }
    let agrees = |old: u64, most: u64, wide: u64| old == most || old == wide;
    let consistent = at.checked_add(12).and_then(|at| at.checked_add(rest)) == end.checked_sub(WIDE_LOCATOR)
        && agrees(entries.into(), u16::MAX.into(), all)
        && agrees(size.into(), u32::MAX.into(), wide_size)
        && agrees(start.into(), u32::MAX.into(), wide_start);
    if !consistent {
        return Err(Why::Inconsistent.into());
    }
    check_end(Place { start: wide_start, size: wide_size, entries: all }, at).map(Some)
}

/// What the directory says of an entry.
struct Listed<'b> {
    raw: &'b [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
    attributes: u32,
    unix: bool,
}

fn listed<'b>(fields: &mut Fields<'b>) -> Result<Listed<'b>, Why> {
    fields.expect(b"PK\x01\x02", Why::Inconsistent)?;
    let made = fields.u16()?;
    fields.u16()?;
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.u32()?;
    let (crc, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let disk = fields.u16()?;
    fields.u16()?;
    let (attributes, offset) = (fields.u32()?, fields.u32()?);
    let raw = fields.bytes(name.into())?;
    let extra = fields.bytes(extra.into())?;
    fields.bytes(comment.into())?;
    if disk != 0 && disk != u16::MAX {
        return Err(Why::Split);
    }
    let mut wide = Fields(wide_extra(extra)?);
    let mut widened = |old: u32| if old == u32::MAX { wide.u64() } else { Ok(u64::from(old)) };
    let (size, packed, offset) = (widened(size)?, widened(packed)?, widened(offset)?);
    let unix = matches!(made >> 8, 3 | 19);
    Ok(Listed { raw, flags, method, crc, packed, size, offset, attributes, unix })
}

/// The Zip64 numbers among the extra fields; empty where there are none.
fn wide_extra(extra: &[u8]) -> Result<&[u8], Why> {
    let mut fields = Fields(extra);
    while fields.0.len() >= 4 {
        let (id, length) = (fields.u16()?, fields.u16()?);
        let content = fields.bytes(length.into())?;
        if id == 1 {
            return Ok(content);
        }
    }
    Ok(&[])
}

/// What stands before an entry's data: it must say what the directory says. Where the data begins, and where it ends.
fn local<R: Read + Seek>(reader: &mut R, listed: &Listed<'_>) -> Result<(u64, u64), ArchiveError> {
    let header = read_at(reader, listed.offset, 30)?;
    let mut fields = Fields(&header);
    fields.expect(b"PK\x03\x04", Why::Inconsistent)?;
    fields.u16()?;
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.u32()?;
    let (crc, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name, extra) = (fields.u16()?, fields.u16()?);
    let raw = read_at(reader, listed.offset.saturating_add(30), name.into())?;
    let follows = listed.flags & 1 << 3 != 0;
    let told = |old: u32, value: u64| u64::from(old) == value || old == u32::MAX || (follows && old == 0);
    let same = raw == listed.raw
        && method == listed.method
        && (flags ^ listed.flags) & (1 | 1 << 3 | 1 << 6 | 1 << 11) == 0
        && told(packed, listed.packed)
        && told(size, listed.size)
        && (crc == listed.crc || (follows && crc == 0));
    if !same {
        return Err(Refused::entry(Why::Inconsistent, listed.raw).into());
    }
    let before = 30 + u64::from(name) + u64::from(extra);
    let data = listed.offset.checked_add(before).ok_or(Why::Inconsistent)?;
    let end = data.checked_add(listed.packed).ok_or(Why::Inconsistent)?;
    Ok((data, end))
}

/// The name of an entry that is acceptable, and whether it is a folder.
fn judge(listed: &Listed<'_>, limits: &Limits) -> Result<(String, bool), Why> {
    let (name, folder) = name::path(listed.raw)?;
    if listed.flags & (1 | 1 << 6 | 1 << 13) != 0 {
        return Err(Why::Encrypted);
    }
    // The upper half is the file's mode on Unix: a plain file, a folder, or nothing said.
    let kind = listed.attributes >> 28;
    let plain = match kind {
        0o10 => !folder,
        0o4 => folder,
        0 => true,
        0o12 => false,
        _ => !listed.unix,
    };
    if !plain {
        return Err(Why::Link);
    }
    if folder && listed.size != 0 {
        return Err(Why::Inconsistent);
    }
    if listed.size > SMALL && listed.size / limits.ratio.max(1) > listed.packed {
        return Err(Why::Ratio);
    }
    Ok((name, folder))
}

fn method(listed: &Listed<'_>) -> Result<Method, Why> {
    match listed.method {
        0 if listed.packed == listed.size => Ok(Method::Stored),
        0 => Err(Why::Lies),
        8 => Ok(Method::Deflated),
        _ => Err(Why::Method),
    }
}

/// Reads the directory, and refuses the archive where anything about it is not right. Folders are checked and left out.
pub(crate) fn read<R: Read + Seek>(reader: &mut R, limits: &Limits) -> Result<Vec<Entry>, ArchiveError> {
    let length = reader.seek(SeekFrom::End(0))?;
    let place = place(reader, length)?;
    if place.entries > limits.entries {
        return Err(Why::TooManyEntries.into());
    }
    if place.size > DIRECTORY_MAX {
        return Err(Why::TooLarge.into());
    }
    let bytes = read_at(reader, place.start, place.size)?;
    let mut fields = Fields(&bytes);
    let mut entries = Vec::new();
    let (mut names, mut extents) = (BTreeSet::new(), Vec::new());
    let mut total: u64 = 0;
    for _ in 0..place.entries {
        let listed = listed(&mut fields)?;
        let refused = |why| ArchiveError::from(Refused::entry(why, listed.raw));
        let (name, folder) = judge(&listed, limits).map_err(refused)?;
        let method = method(&listed).map_err(refused)?;
        if !names.insert(name.clone()) {
            return Err(refused(Why::Duplicate));
        }
        total = total.saturating_add(listed.size);
        if total > limits.unpacked {
            return Err(Why::TooLarge.into());
        }
        let (data, end) = local(reader, &listed)?;
        if end > place.start {
            return Err(refused(Why::Overlap));
        }
        extents.push((listed.offset, end));
        if !folder {
            entries.push(Entry { name, size: listed.size, packed: listed.packed, crc: listed.crc, method, data });
        }
    }
    if !fields.0.is_empty() {
        return Err(Why::Inconsistent.into());
    }
    if total / limits.ratio.max(1) > length {
        return Err(Why::Ratio.into());
    }
    extents.sort_unstable();
    let overlap = extents.iter().zip(extents.iter().skip(1)).any(|((_, end), (next, _))| end > next);
    if overlap { Err(Why::Overlap.into()) } else { Ok(entries) }
}

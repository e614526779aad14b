//! An open archive, and the bytes of its entries: through a buffer, never whole.

use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use flate2::bufread::DeflateDecoder;

use crate::{
    directory::{self, Entry, Limits, Method},
    refused::{ArchiveError, Refused, Why},
};

const BUFFER: usize = 64 * 1024;

/// An archive whose directory was found to be in order.
#[derive(Debug)]
pub struct Archive<R> {
    reader: R,
    entries: Vec<Entry>,
    places: BTreeMap<String, usize>,
}

impl<R: Read + Seek> Archive<R> {
    /// Opens an archive, or refuses it.
    pub fn open(mut reader: R, limits: &Limits) -> Result<Self, ArchiveError> {
        let entries = directory::read(&mut reader, limits)?;
        let places = entries.iter().enumerate().map(|(i, entry)| (entry.name.clone(), i)).collect();
        Ok(Self { reader, entries, places })
    }

    /// The files, in the order of the directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A file by its path.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.places.get(name).and_then(|place| self.entries.get(*place))
    }

    /// Unpacks a file into a sink, piece by piece. Where it fails, the sink has been given bytes that are not the file's.
    pub fn unpack(&mut self, name: &str, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), ArchiveError> {
        let entry = self.entry(name).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        unpack(&mut self.reader, &entry, sink)
    }

    /// A small file whole: refused where it is larger than `most`.
    pub fn whole(&mut self, name: &str, most: u64) -> Result<Vec<u8>, ArchiveError> {
        let size = self.entry(name).map_or(0, |entry| entry.size);
        if size > most {
            return Err(Refused::entry(Why::TooLarge, name.as_bytes()).into());
        }
        let mut bytes = Vec::new();
        self.unpack(name, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Reads every file to its end and keeps nothing: sizes and checksums are true afterwards.
    pub fn verify(&mut self) -> Result<(), ArchiveError> {
        for entry in &self.entries {
            unpack(&mut self.reader, entry, &mut |_| Ok(()))?;
        }
        Ok(())
    }
}

fn unpack<R: Read + Seek>(
    reader: &mut R,
    entry: &Entry,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ArchiveError> {
    reader.seek(SeekFrom::Start(entry.data))?;
    let mut packed = reader.by_ref().take(entry.packed);
    match entry.method {
        Method::Stored => copy(&mut packed, entry, sink),
        Method::Deflated => {
            let mut decoder = DeflateDecoder::new(BufReader::with_capacity(BUFFER, packed));
            copy(&mut decoder, entry, sink)?;
            // Bytes after the end of the data would be hidden from every reader but a forensic one.
            if decoder.total_in() == entry.packed { Ok(()) } else { Err(lies(entry)) }
        }
    }
}

fn copy(
    source: &mut dyn Read,
    entry: &Entry,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; BUFFER];
    let mut crc = crc32fast::Hasher::new();
    let mut left = entry.size;
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if is_damage(&error) => {
                return Err(Refused::entry(Why::Damaged, entry.name.as_bytes()).into());
            }
            Err(error) => return Err(error.into()),
        };
        let piece = buffer.get(..count).unwrap_or_default();
        let more = u64::try_from(count).unwrap_or(u64::MAX);
        left = left.checked_sub(more).ok_or_else(|| lies(entry))?;
        crc.update(piece);
        sink(piece)?;
    }
    if left == 0 && crc.finalize() == entry.crc { Ok(()) } else { Err(lies(entry)) }
}

fn lies(entry: &Entry) -> ArchiveError {
    Refused::entry(Why::Lies, entry.name.as_bytes()).into()
}

/// Whether an error is the archive's fault and not the disk's.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

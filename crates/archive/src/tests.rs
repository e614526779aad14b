//! Ordinary archives are read, hostile ones refused, and nothing makes the reader panic.

use std::io::{Cursor, Write};

use proptest::prelude::*;

use crate::{
    Archive, ArchiveError, Limits, Refused, Why,
    forge::{Forged, archive, archive_claiming, deflated},
};

const LIMITS: Limits = Limits { entries: 20, unpacked: 1 << 20, ratio: 100 };

fn open(bytes: &[u8]) -> Result<Archive<Cursor<&[u8]>>, ArchiveError> {
    Archive::open(Cursor::new(bytes), &LIMITS)
}

fn why<T>(result: Result<T, ArchiveError>) -> Option<Why> {
    match result {
        Err(ArchiveError::Refused(Refused { why, .. })) => Some(why),
        Err(ArchiveError::Io(error)) => panic!("{error}"),
        Ok(_) => None,
    }
}

fn refusal(entries: &[Forged]) -> Option<Why> {
    why(open(&archive(entries)))
}

/// Bytes that pack badly.
fn noise(count: usize) -> Vec<u8> {
    let mut state: u32 = 7;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn what_common_writers_make_is_read() {
    use zip::{CompressionMethod::Deflated, ZipWriter, write::SimpleFileOptions};
    let long = noise(300_000);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let packed = SimpleFileOptions::default().compression_method(Deflated);
    writer.add_directory("policies", packed).unwrap();
    writer.start_file("policies/Zugriffsprüfung.txt", packed.unix_permissions(0o600)).unwrap();
    writer.write_all(b"Reviewed.").unwrap();
    writer.start_file("long.bin", packed.large_file(true)).unwrap();
    writer.write_all(&long).unwrap();
    writer
        .start_file("empty", SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
        .unwrap();
    writer.set_comment("made for a test").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let mut archive = open(&bytes).unwrap();
    let names: Vec<&str> = archive.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["policies/Zugriffsprüfung.txt", "long.bin", "empty"]);
    archive.verify().unwrap();
    assert_eq!(archive.whole("policies/Zugriffsprüfung.txt", 100).unwrap(), b"Reviewed.");
    assert_eq!(archive.whole("long.bin", 1 << 20).unwrap(), long);
    assert_eq!(archive.whole("empty", 0).unwrap(), b"");
    assert_eq!(why(archive.whole("long.bin", 1_000)), Some(Why::TooLarge));
    assert!(matches!(archive.whole("absent", 9), Err(ArchiveError::Io(_))));
}

#[test]
fn what_writers_that_stream_make_is_read() {
    use zip::{ZipWriter, write::SimpleFileOptions};
    let mut writer = ZipWriter::new_stream(Vec::new());
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for name in ["a.txt", "b.txt"] {
        writer.start_file(name, options).unwrap();
        writer.write_all(name.as_bytes()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let mut archive = open(&bytes).unwrap();
    archive.verify().unwrap();
    assert_eq!(archive.whole("b.txt", 100).unwrap(), b"b.txt");
}

#[test]
fn hostile_entries_are_refused_when_the_archive_is_opened() {
    let good = || Forged::stored("a.txt", b"hello");
    assert_eq!(refusal(&[good()]), None);
    for (entry, wanted) in [
        (Forged::stored("../a", b"x"), Why::Path),
        (Forged::stored("/etc/passwd", b"x"), Why::Path),
        (Forged::stored("C:\\a", b"x"), Why::Path),
        (Forged::stored("a\u{202e}b", b"x"), Why::Name),
        (good().with(|e| e.name = b"caf\x82".to_vec()), Why::Name),
        (Forged::stored("link", b"/etc/passwd").with(|e| e.attributes = 0o120_777 << 16), Why::Link),
        (Forged::stored("link", b"x").with(|e| (e.attributes, e.made) = (0o120_777 << 16, 20)), Why::Link),
        (good().with(|e| e.attributes = 0o020_644 << 16), Why::Link),
        (good().with(|e| e.attributes = 0o010_644 << 16), Why::Link),
        (good().with(|e| e.flags |= 1), Why::Encrypted),
        (good().with(|e| e.flags |= 1 << 6 | 1), Why::Encrypted),
        (good().with(|e| e.method = 12), Why::Method),
        (good().with(|e| e.method = 99), Why::Method),
        (good().with(|e| e.size = 500), Why::Lies),
        (good().with(|e| e.local_name = Some(b"b.txt".to_vec())), Why::Inconsistent),
        (good().with(|e| e.offset = Some(3)), Why::Inconsistent),
        (good().with(|e| e.offset = Some(u32::MAX - 1)), Why::Truncated),
        (Forged::stored("folder/", b"x").with(|e| e.attributes = 0o040_755 << 16), Why::Inconsistent),
        (Forged::deflated("zeros", &vec![0; 200_000]), Why::Ratio),
        (good().with(|e| e.packed = Some(1 << 19)).with(|e| e.size = 1 << 19), Why::Overlap),
    ] {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        assert_eq!(refusal(&[entry]), Some(wanted), "{name} {wanted:?}");
    }
    assert_eq!(refusal(&[good(), good()]), Some(Why::Duplicate));
    let folder = Forged::stored("a.txt/", b"").with(|e| e.attributes = 0o040_755 << 16);
    assert_eq!(refusal(&[good(), folder]), Some(Why::Duplicate), "a file and a folder of one name");
    let error = open(&archive(&[Forged::stored("../a\r\n", b"x")])).unwrap_err();
    assert!(!error.to_string().contains('\n'), "what is shown is harmless: {error}");
}

#[test]
fn bombs_are_refused_before_anything_is_unpacked() {
    let many: Vec<Forged> = (0..21).map(|i| Forged::stored(&format!("{i}"), b"")).collect();
    assert_eq!(refusal(&many), Some(Why::TooManyEntries));
    // A number that is too small hides entries, one that is too large invents them.
    assert_eq!(why(open(&archive_claiming(&many[..5], 4))), Some(Why::Inconsistent));
    assert_eq!(why(open(&archive_claiming(&many[..5], 6))), Some(Why::Truncated));
    let big: Vec<Forged> = (0..3).map(|i| Forged::stored(&format!("{i}"), &noise(400_000))).collect();
    assert_eq!(refusal(&big), Some(Why::TooLarge));
    // Each is small enough to be let through alone; together they are not.
    let small: Vec<Forged> = (0..16).map(|i| Forged::deflated(&format!("{i}"), &vec![0; 60_000])).collect();
    assert_eq!(refusal(&small), Some(Why::Ratio));
    // Sixteen names for the same bytes.
    let kernel = Forged::deflated("0", &noise(30_000));
    let overlapping: Vec<Forged> = (0..16)
        .map(|i| {
            let name = if i == 0 { "0".to_owned() } else { format!("{i}") };
            let entry = kernel.clone().with(|e| e.name = name.into_bytes());
            if i == 0 { entry } else { entry.with(|e| (e.local_name, e.offset) = (Some(b"0".to_vec()), Some(0))) }
        })
        .collect();
    assert!(matches!(refusal(&overlapping), Some(Why::Inconsistent | Why::Overlap)));
    let twice = [kernel.clone(), kernel.with(|e| e.offset = Some(0)).with(|e| e.name = b"0".to_vec())];
    assert!(matches!(refusal(&twice), Some(Why::Duplicate | Why::Overlap)));
}

#[test]
fn a_quoted_entry_within_another_overlaps() {
    // The data of the first holds the whole local header and data of the second, which the directory names too.
    let inner = archive(&[Forged::stored("inner", &noise(100))]);
    let body = &inner[..30 + 5 + 100];
    let outer = Forged::stored("outer", body);
    let second = Forged::stored("inner", &noise(100)).with(|e| e.offset = Some(30 + 5));
    assert_eq!(refusal(&[outer, second]), Some(Why::Overlap));
}

#[test]
fn archives_that_are_two_archives_are_none() {
    let bytes = archive(&[Forged::stored("a.txt", b"hello")]);
    assert_eq!(why(open(b"")), Some(Why::NotAnArchive));
    assert_eq!(why(open(b"PK\x03\x04 and then nothing of the kind")), Some(Why::NotAnArchive));
    assert_eq!(why(open(&bytes[..bytes.len() - 1])), Some(Why::NotAnArchive));
    assert_eq!(why(open(&[&bytes[..], b"behind"].concat())), Some(Why::NotAnArchive));
    assert_eq!(why(open(&[b"#!/bin/sh\n", &bytes[..]].concat())), Some(Why::Inconsistent));
    let mut split = bytes.clone();
    let end = split.len() - 22;
    split[end + 4] = 1;
    assert_eq!(why(open(&split)), Some(Why::Split));
    let mut wide = bytes;
    let end = wide.len() - 22;
    wide[end + 10..end + 12].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(why(open(&wide)), Some(Why::Truncated), "a Zip64 end that is not there");
}

#[test]
fn what_lies_about_its_size_is_found_out_at_the_first_byte_too_many() {
    let real = noise(5_000);
    let lying = |change: fn(&mut Forged)| archive(&[Forged::deflated("a", &real).with(change)]);
    for (bytes, wanted) in [
        (lying(|e| e.size = 4_999), Why::Lies),
        (lying(|e| e.size = 5_001), Why::Lies),
        (lying(|e| e.crc ^= 1), Why::Lies),
        (lying(|e| e.data.extend(b"more")), Why::Lies),
        (lying(|e| e.data[10] ^= 0xff), Why::Damaged),
        (lying(|e| e.data.truncate(100)), Why::Damaged),
    ] {
        let found = why(open(&bytes).unwrap().verify());
        assert!(found == Some(wanted) || found == Some(Why::Lies), "{found:?} {wanted:?}");
    }
    // Ten bytes on record, a megabyte in truth: no more than a buffer of it is ever looked at.
    let bomb = archive(&[Forged::stored("bomb", b"0123456789").with(|e| {
        (e.method, e.data) = (8, deflated(&vec![0; 1 << 20]));
    })]);
    let mut given = 0;
    let result = open(&bomb).unwrap().unpack("bomb", &mut |piece| {
        given += piece.len();
        Ok(())
    });
    assert_eq!((why(result), given), (Some(Why::Lies), 0));
    let mut archive = open(&bomb).unwrap();
    let full = archive.unpack("bomb", &mut |_| Err(std::io::ErrorKind::StorageFull.into()));
    assert!(matches!(full, Err(ArchiveError::Refused(_))), "it never came to the disk");
}

#[test]
fn a_full_disk_is_not_the_archives_fault() {
    let bytes = archive(&[Forged::deflated("a", &noise(100_000))]);
    let result = open(&bytes).unwrap().unpack("a", &mut |_| Err(std::io::ErrorKind::StorageFull.into()));
    assert!(matches!(result, Err(ArchiveError::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(mut archive) = open(&bytes) {
            let _ = archive.verify();
        }
    }

    #[test]
    fn an_archive_with_bytes_changed_is_read_or_refused(changes in proptest::collection::vec((0_usize..600, any::<u8>()), 1..6)) {
        let mut bytes = archive(&[Forged::deflated("a.txt", &noise(100)), Forged::stored("b/c", b"hello"), Forged::stored("d/", b"").with(|e| e.attributes = 0)]);
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(mut archive) = open(&bytes) {
            let total: u64 = archive.entries().iter().map(|entry| entry.size).sum();
            prop_assert!(total <= LIMITS.unpacked);
            let _ = archive.verify();
        }
    }

    #[test]
    fn what_was_packed_comes_out(files in proptest::collection::btree_map("[a-z]{1,8}", proptest::collection::vec(any::<u8>(), 0..2_000), 0..10)) {
        let forged: Vec<Forged> = files.iter().map(|(name, bytes)| Forged::deflated(name, bytes)).collect();
        let bytes = archive(&forged);
        let mut archive = open(&bytes).unwrap();
        prop_assert_eq!(archive.entries().len(), files.len());
        for (name, wanted) in &files {
            prop_assert_eq!(&archive.whole(name, 1 << 20).unwrap(), wanted);
        }
    }
}

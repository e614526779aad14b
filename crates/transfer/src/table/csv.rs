//! CSV (RFC 4180).

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
};

use csv::{ByteRecord, ErrorKind, ReaderBuilder, Terminator};

use super::{COLUMNS_MAX, Counting, Said, TableError};
use crate::cell::Raw;

/// How much of the file is looked at to find out what separates its cells.
const HEAD: usize = 64 * 1024;
const MARK: &[u8] = b"\xEF\xBB\xBF";

pub(super) fn read(mut file: File, rows: &mut Counting<'_>) -> Result<(), TableError> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(HEAD, file);
    let head = reader.fill_buf()?;
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return Err(TableError::refused("encoding", "the file is UTF-16: save it as CSV in UTF-8"));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err(TableError::no_table("the file is a workbook or an archive, and no CSV"));
    }
    let marked = head.starts_with(MARK);
    let delimiter = delimiter(head);
    // One end of a line throughout: what has both would not be counted as a spreadsheet does.
    let end = if head.contains(&b'\n') || !head.contains(&b'\r') { b'\n' } else { b'\r' };
    if marked {
        reader.consume(MARK.len());
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(end))
        .buffer_capacity(HEAD)
        .from_reader(reader);
    let mut record = ByteRecord::new();
    // A cell may have several lines, and lines without a cell count too: the number is that of a spreadsheet.
    let (mut number, mut next_line) = (0_u64, 1_u64);
    let mut width = 0;
    let broken = |error: csv::Error| match error.into_kind() {
        ErrorKind::Io(error) => TableError::Io(error),
        other => TableError::no_table(format!("the file is no CSV: {other:?}")),
    };
    while reader.read_byte_record(&mut record).map_err(broken)? {
        let inside: u64 = record.iter().map(|cell| count(cell, b'\n')).sum();
        let end = reader.position().line();
        // The lines that were read, without those of the record itself, were empty.
        let empty = end.saturating_sub(next_line).saturating_sub(inside).saturating_sub(1);
        number += 1 + empty;
        next_line = end;
        if record.len() > COLUMNS_MAX {
            return Err(TableError::too_many_columns());
        }
        let texts: Option<Vec<String>> = record.iter().map(|cell| String::from_utf8(cell.to_vec()).ok()).collect();
        let Some(mut texts) = texts else {
            let detail = format!("row {number} is not UTF-8: save the file as CSV in UTF-8");
            return Err(TableError::refused("encoding", detail));
        };
        if let Some(last) = texts.last_mut()
            && last.ends_with('\r')
        {
            last.pop();
        }
        if width == 0 && texts.iter().all(|text| text.is_empty()) {
            continue;
        }
        if width == 0 {
            width = texts.len();
            rows.heading(texts)?;
            continue;
        }
        rows.row(number, Said::Cells(texts.into_iter().map(Raw::Text).collect()))?;
    }
    if width == 0 {
        return Err(TableError::refused("no_heading", "the file is empty: the first row must name the columns"));
    }
    Ok(())
}

fn count(bytes: &[u8], wanted: u8) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == wanted)).sum()
}

/// What separates the cells of the heading: most often the comma, in parts of Europe the semicolon.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => {
                for (delimiter, count) in &mut counts {
                    *count += usize::from(byte == delimiter);
                }
            }
            _ => {}
        }
    }
    let [comma, semicolon, tab] = counts;
    let best = if semicolon.1 > comma.1 { semicolon } else { comma };
    if tab.1 > best.1 { tab.0 } else { best.0 }
}

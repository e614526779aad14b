//! XLSX: one worksheet, cell by cell. The archive is judged first: a workbook is a ZIP file from a stranger.

use std::{
    fs::File,
    io::{BufReader, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

use calamine::{Data, DataRef, Reader, Xlsx};
use grc_archive::{Archive, ArchiveError, Limits};
use time::{Date, Month, PrimitiveDateTime, Time};

use super::{COLUMNS_MAX, Counting, Said, TableError};
use crate::cell::Raw;

/// What a workbook may unpack to. Worksheets are read as they are unpacked; its texts are in memory as a whole.
const LIMITS: Limits = Limits { entries: 2_000, unpacked: 1024 * 1024 * 1024, ratio: 300 };
/// The most bytes of a part that is no worksheet, the table of texts among them.
const PART_MAX: u64 = 128 * 1024 * 1024;

pub(super) fn read(file: File, sheet: Option<&str>, rows: &mut Counting<'_>) -> Result<(), TableError> {
    judge(file.try_clone()?)?;
    // The library reads what strangers wrote; should it panic, the file is to blame, and nothing of it is kept.
    let read = catch_unwind(AssertUnwindSafe(|| sheet_of(file, sheet, rows)));
    read.unwrap_or_else(|_| Err(TableError::no_table("the workbook cannot be read")))
}

fn judge(mut file: File) -> Result<(), TableError> {
    file.seek(SeekFrom::Start(0))?;
    let refused = |error: ArchiveError| match error {
        ArchiveError::Io(error) => TableError::Io(error),
        ArchiveError::Refused(why) => TableError::no_table(format!("the workbook is refused: {why}")),
    };
    let mut archive = Archive::open(file, &LIMITS).map_err(refused)?;
    let large = archive.entries().iter().find(|part| part.size > PART_MAX && !part.name.contains("worksheets/"));
    if let Some(part) = large {
        return Err(TableError::no_table(format!("{} of the workbook has more than {PART_MAX} bytes", part.name)));
    }
    archive.verify().map_err(refused)
}

fn sheet_of(mut file: File, sheet: Option<&str>, rows: &mut Counting<'_>) -> Result<(), TableError> {
    let broken = |error: &dyn std::fmt::Display| TableError::no_table(format!("the file is no XLSX workbook: {error}"));
    file.seek(SeekFrom::Start(0))?;
    let mut book = Xlsx::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    let names = book.sheet_names();
    let name = match sheet {
        None => names.first().cloned(),
        Some(wanted) => names.iter().find(|name| name.as_str() == wanted).cloned(),
    };
    let Some(name) = name else {
        let detail = format!("the workbook has no such sheet; it has {}", names.join(", "));
        return Err(TableError::refused("unknown_sheet", detail));
    };
    let mut cells = book.worksheet_cells_reader(&name).map_err(|error| broken(&error))?;
    let mut line = Line::default();
    while let Some(cell) = cells.next_cell().map_err(|error| broken(&error))? {
        let (at, column) = cell.get_position();
        if at != line.at {
            line.hand_on(rows)?;
            line.at = at;
        }
        let value = raw(cell.get_value());
        if value == Raw::Empty {
            continue;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= COLUMNS_MAX {
            return Err(TableError::too_many_columns());
        }
        if line.cells.len() <= column {
            line.cells.resize(column + 1, Raw::Empty);
        }
        if let Some(place) = line.cells.get_mut(column) {
            *place = value;
        }
    }
    line.hand_on(rows)?;
    if line.headed {
        Ok(())
    } else {
        Err(TableError::refused("no_heading", "the sheet is empty: the first row must name the columns"))
    }
}

/// The row that is being read.
#[derive(Default)]
struct Line {
    at: u32,
    cells: Vec<Raw>,
    headed: bool,
}

impl Line {
    fn hand_on(&mut self, rows: &mut Counting<'_>) -> Result<(), TableError> {
        let cells = std::mem::take(&mut self.cells);
        if cells.is_empty() {
            return Ok(());
        }
        if self.headed {
            return rows.row(u64::from(self.at) + 1, Said::Cells(cells));
        }
        self.headed = true;
        rows.heading(cells.iter().map(Raw::shown).collect())
    }
}

fn raw(value: &DataRef<'_>) -> Raw {
    match Data::from(value.clone()) {
        Data::Empty => Raw::Empty,
        Data::Int(number) => Raw::Text(number.to_string()),
        Data::Float(number) => Raw::Number(number),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Raw::Text(text),
        Data::Bool(flag) => Raw::Bool(flag),
        Data::DateTime(at) if at.is_datetime() => {
            moment(at.to_ymd_hms_milli()).map_or(Raw::Number(at.as_f64()), Raw::Moment)
        }
        Data::DateTime(span) => Raw::Number(span.as_f64()),
        Data::Error(error) => Raw::Broken(error.to_string()),
    }
}

fn moment(
    (year, month, day, hour, minute, second, milli): (u16, u8, u8, u8, u8, u8, u16),
) -> Option<PrimitiveDateTime> {
    let date = Date::from_calendar_date(i32::from(year), Month::try_from(month).ok()?, day).ok()?;
    Some(date.with_time(Time::from_hms_milli(hour, minute, second, milli).ok()?))
}

//! Files as tables: a heading and rows, one after the other, in memory that does not grow with them.
//!
//! What is wrong with a file as a whole ends the reading: it is no such file, it is not UTF-8, it has too many rows or
//! columns. What is wrong with a row is the row's own matter, and the caller's.

mod csv;
mod json;
mod xlsx;

#[cfg(test)]
mod tests;

use std::{fs::File, io, ops::ControlFlow};

use grc_kernel::{shape::Ty, wire_enum};
use serde_json::{Map, Value};

use crate::cell::Raw;

/// The most rows of a table, the heading aside.
pub const ROWS_MAX: u64 = 200_000;
/// The most columns.
pub const COLUMNS_MAX: usize = 500;

wire_enum! {
    /// How a table is written.
    pub enum Format {
        /// Comma-separated values (RFC 4180) in UTF-8; semicolons and tabs separate too, where the heading has them.
        Csv = "csv",
        /// A worksheet of an Office Open XML workbook (ISO/IEC 29500).
        Xlsx = "xlsx",
        /// A JSON list of objects, or an object with such a list as `items`.
        Json = "json",
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number: as a spreadsheet counts, the heading being row 1; in JSON the first object is 1.
    pub number: u64,
    /// What it says.
    pub said: Said,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Its cells, in the order of the heading; fewer where the rest is left out.
    Cells(Vec<Raw>),
    /// The members of an object.
    Object(Map<String, Value>),
    /// Something that cannot be read as a row, and why.
    Nothing(String),
}

/// Why a file cannot be read.
#[derive(Debug)]
pub enum TableError {
    /// What it is not, or what it has too much of.
    Refused {
        /// As a stable name.
        code: &'static str,
        /// For a person.
        detail: String,
    },
    /// The caller's own reason.
    Stopped,
    /// It could not be read at all.
    Io(io::Error),
}

impl TableError {
    fn refused(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { code, detail: detail.into() }
    }

    fn no_table(detail: impl Into<String>) -> Self {
        Self::refused("format", detail)
    }

    fn too_many_rows() -> Self {
        Self::refused("too_many_rows", format!("a table may have at most {ROWS_MAX} rows beside its heading"))
    }

    fn too_many_columns() -> Self {
        Self::refused("too_many_columns", format!("a table may have at most {COLUMNS_MAX} columns"))
    }
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Takes what is read.
pub trait Sink {
    /// The heading, before any row. JSON has none.
    fn heading(&mut self, headings: Vec<String>) -> ControlFlow<()>;
    /// A row that says something.
    fn row(&mut self, row: Row) -> ControlFlow<()>;
}

/// Counts the rows that say something, and hands them on.
struct Counting<'a> {
    sink: &'a mut dyn Sink,
    rows: u64,
}

impl Counting<'_> {
    fn heading(&mut self, mut headings: Vec<String>) -> Result<(), TableError> {
        while headings.last().is_some_and(|last| last.trim().is_empty()) {
            headings.pop();
        }
        if headings.is_empty() {
            return Err(TableError::refused("no_heading", "the first row must name the columns"));
        }
        if headings.len() > COLUMNS_MAX {
            return Err(TableError::too_many_columns());
        }
        stopped(self.sink.heading(headings))
    }

    fn row(&mut self, number: u64, said: Said) -> Result<(), TableError> {
        if matches!(&said, Said::Cells(cells) if cells.iter().all(Raw::is_empty)) {
            return Ok(());
        }
        self.rows += 1;
        if self.rows > ROWS_MAX {
            return Err(TableError::too_many_rows());
        }
        stopped(self.sink.row(Row { number, said }))
    }
}

fn stopped(flow: ControlFlow<()>) -> Result<(), TableError> {
    if flow.is_break() { Err(TableError::Stopped) } else { Ok(()) }
}

/// Reads a file from its beginning to its end; how many rows say something. The sheet is the first one where none is
/// named.
pub fn read(file: File, format: Format, sheet: Option<&str>, sink: &mut dyn Sink) -> Result<u64, TableError> {
    let mut counting = Counting { sink, rows: 0 };
    match format {
        Format::Csv => csv::read(file, &mut counting)?,
        Format::Xlsx => xlsx::read(file, sheet, &mut counting)?,
        Format::Json => json::read(file, &mut counting)?,
    }
    Ok(counting.rows)
}

/// The type of a member in a word or two, for whoever fills a template in.
pub fn kind_of(ty: Ty) -> &'static str {
    match ty {
        Ty::Line(_) | Ty::Text(_) => "text",
        Ty::Word(_) => "word",
        Ty::Email => "email",
        Ty::Url => "url",
        Ty::Int(..) => "whole number",
        Ty::Number(..) => "number",
        Ty::Bool => "true or false",
        Ty::Time => "moment",
        Ty::Date => "date",
        Ty::Id => "id",
        Ty::Ref(_) => "reference",
        Ty::List(Ty::Ref(_), _) => "references",
        Ty::List(..) => "list",
        Ty::Scalar | Ty::Either(..) | Ty::Json => "value",
        Ty::Object(_) | Ty::Any | Ty::Counts | Ty::Map(_) => "JSON",
    }
}

//! Writes a document as a workbook: a first sheet with what stands on the cover and its figures, then a sheet a table.
//!
//! Numbers, dates and moments are what a spreadsheet counts with. A text is a text, which a workbook never runs; one
//! that a spreadsheet would run once the sheet is saved as CSV gets an apostrophe in front, as in the exports of lists.
//! Rows are written as they come, so memory does not grow with them. The same document gives the same bytes.

use grc_document::{Document, Fact, Generation, Table, Tone, Value, value::said};
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

/// Why there is no workbook.
#[derive(Debug, thiserror::Error)]
#[error("the workbook could not be written: {0}")]
pub struct WorkbookError(#[from] XlsxError);

/// The longest text that a cell of a workbook takes.
const CELL_MAX: usize = 32_767;

/// The document as a workbook.
pub fn write(document: &Document, generation: &Generation) -> Result<Vec<u8>, WorkbookError> {
    let mut workbook = Workbook::new();
    let mut properties = DocProperties::new()
        .set_title(cut(&document.title, 255))
        .set_author(cut(&document.organization, 255))
        .set_comment(format!("Sovereign GRC {}, data snapshot SHA-256 {}", generation.version, generation.digest));
    if let Some(made) = moment(generation.at) {
        properties = properties.set_creation_datetime(&made);
    }
    workbook.set_properties(&properties);
    let look = Look::new();
    let mut names = Names::default();
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name(names.take("Report"))?;
    cover(sheet, document, generation, &look)?;
    for table in document.tables() {
        let title = if table.title.is_empty() { said(&table.id) } else { table.title.clone() };
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(names.take(&title))?;
        one_table(sheet, table, &look)?;
    }
    Ok(workbook.save_to_buffer()?)
}

/// How cells look.
struct Look {
    head: Format,
    text: Format,
    strong: Format,
    title: Format,
    day: Format,
    moment: Format,
}

impl Look {
    fn new() -> Self {
        let text = || Format::new().set_align(FormatAlign::Top).set_text_wrap();
        Self {
            head: Format::new()
                .set_bold()
                .set_background_color(Color::RGB(0x00ea_eef4))
                .set_border_bottom(FormatBorder::Thin)
                .set_align(FormatAlign::Top)
                .set_text_wrap(),
            text: text(),
            strong: text().set_bold(),
            title: Format::new().set_bold().set_font_size(16),
            day: text().set_num_format("yyyy-mm-dd"),
            moment: text().set_num_format("yyyy-mm-dd hh:mm:ss"),
        }
    }

    fn number(&self, decimals: u8) -> Format {
        let zeros = "0".repeat(usize::from(decimals));
        let format = if decimals == 0 { "#,##0".to_owned() } else { format!("#,##0.{zeros}") };
        Format::new().set_align(FormatAlign::Top).set_num_format(format)
    }

    fn word(&self, tone: Tone) -> Format {
        let color = |ink: grc_document::Ink| Color::RGB(u32::from_be_bytes([0, ink.0, ink.1, ink.2]));
        Format::new()
            .set_align(FormatAlign::Top)
            .set_bold()
            .set_font_color(color(tone.word()))
            .set_background_color(color(tone.ground()))
    }
}

fn cover(sheet: &mut Worksheet, document: &Document, generation: &Generation, look: &Look) -> Result<(), XlsxError> {
    sheet.set_column_width(0, 34)?;
    sheet.set_column_width(1, 80)?;
    sheet.write_string_with_format(0, 0, neutral(&document.title), &look.title)?;
    let mut facts = vec![
        Fact::new("type", "Report", Value::word(document.kind.as_str())),
        Fact::new("organization", "Organization", Value::text(document.organization.as_str())),
    ];
    facts.extend(document.all_facts().cloned());
    facts.push(Fact::new("generated", "Generated (UTC)", Value::Time(generation.at)));
    facts.push(Fact::new("version", "By", Value::text(format!("Sovereign GRC {}", generation.version))));
    facts.push(Fact::new("digest", "Data snapshot SHA-256", Value::text(generation.digest.as_str())));
    let mut row = 2;
    for fact in facts {
        sheet.write_string_with_format(row, 0, neutral(&fact.label), &look.strong)?;
        cell(sheet, row, 1, &fact.value, look)?;
        row += 1;
    }
    row += 1;
    sheet.write_string_with_format(row, 0, "Sheets", &look.strong)?;
    for table in document.tables() {
        row += 1;
        let title = if table.title.is_empty() { said(&table.id) } else { table.title.clone() };
        sheet.write_string_with_format(row, 0, neutral(&title), &look.text)?;
        let rows = u32::try_from(table.rows.len()).unwrap_or(u32::MAX);
        sheet.write_string_with_format(row, 1, format!("{rows} rows"), &look.text)?;
    }
    Ok(())
}

fn one_table(sheet: &mut Worksheet, table: &Table, look: &Look) -> Result<(), XlsxError> {
    let mut columns: u16 = 0;
    for (at, column) in table.columns.iter().enumerate() {
        let longest =
            table.rows.iter().take(200).filter_map(|row| row.get(at)).map(|value| value.read().chars().count());
        let wide = longest.max().unwrap_or(0).max(heading(column).chars().count() + 3).clamp(8, 60);
        sheet.set_column_width(columns, f64::from(u32::try_from(wide).unwrap_or(60)))?;
        columns += 1;
    }
    for (column, at) in table.columns.iter().zip(0_u16..) {
        sheet.write_string_with_format(0, at, heading(column), &look.head)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    let mut last = 0;
    for (row, at) in table.rows.iter().zip(1_u32..) {
        for (value, column) in row.iter().zip(0_u16..) {
            cell(sheet, at, column, value, look)?;
        }
        last = at;
    }
    if columns > 0 && last > 0 {
        sheet.autofilter(0, 0, last, columns - 1)?;
    }
    sheet.set_landscape();
    sheet.set_paper_size(9);
    sheet.set_repeat_rows(0, 0)?;
    sheet.set_print_fit_to_pages(1, 0);
    Ok(())
}

/// A column's heading; one that stands under another on paper may have none.
fn heading(column: &grc_document::Column) -> String {
    if column.label.is_empty() { said(&column.key) } else { neutral(&column.label) }
}

fn cell(sheet: &mut Worksheet, row: u32, column: u16, value: &Value, look: &Look) -> Result<(), XlsxError> {
    match value {
        Value::None => {}
        Value::Int(n) => {
            // Beyond 2^53 a spreadsheet would count wrong: then it is told, not counted.
            match i32::try_from(*n).map(f64::from).or_else(|_| exact(*n).ok_or(())) {
                Ok(number) => sheet.write_number_with_format(row, column, number, &look.number(0))?,
                Err(()) => sheet.write_string_with_format(row, column, n.to_string(), &look.text)?,
            };
        }
        Value::Number(x, decimals) => {
            sheet.write_number_with_format(row, column, *x, &look.number(*decimals))?;
        }
        Value::Percent(x) => {
            // In percent already, as in every other format: 45.3 is 45.3 %.
            let format = Format::new().set_align(FormatAlign::Top).set_num_format("0.0\" %\"");
            sheet.write_number_with_format(row, column, *x, &format)?;
        }
        Value::Date(date) => {
            let day = u16::try_from(date.year())
                .ok()
                .and_then(|year| ExcelDateTime::from_ymd(year, u8::from(date.month()), date.day()).ok());
            match day {
                Some(day) => sheet.write_datetime_with_format(row, column, &day, &look.day)?,
                None => sheet.write_string_with_format(row, column, date.to_string(), &look.text)?,
            };
        }
        Value::Time(at) => {
            match moment(*at) {
                Some(at) => sheet.write_datetime_with_format(row, column, &at, &look.moment)?,
                None => sheet.write_string_with_format(row, column, value.read(), &look.text)?,
            };
        }
        Value::Bool(flag) => {
            sheet.write_boolean_with_format(row, column, *flag, &look.text)?;
        }
        Value::Word(_, Tone::Plain) => {
            sheet.write_string_with_format(row, column, value.read(), &look.text)?;
        }
        Value::Word(_, tone) => {
            sheet.write_string_with_format(row, column, neutral(&value.read()), &look.word(*tone))?;
        }
        Value::Text(_) | Value::List(_) => {
            sheet.write_string_with_format(row, column, neutral(&value.read()), &look.text)?;
        }
    }
    Ok(())
}

/// A whole number as a spreadsheet counts with it, where it can.
fn exact(n: i64) -> Option<f64> {
    (n.unsigned_abs() <= 1 << 53).then(|| n.to_string().parse().ok()).flatten()
}

/// A moment as a spreadsheet counts with it, in UTC and to the second.
fn moment(at: time::OffsetDateTime) -> Option<ExcelDateTime> {
    let at = at.to_offset(time::UtcOffset::UTC);
    let day = ExcelDateTime::from_ymd(u16::try_from(at.year()).ok()?, u8::from(at.month()), at.day()).ok()?;
    day.and_hms(u16::from(at.hour()), at.minute(), f64::from(at.second())).ok()
}

/// A text as a cell: no longer than a cell takes, without what is no XML, neutralised where a spreadsheet would run it.
fn neutral(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| {
            if (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    // Full-width signs count too: some spreadsheets read them as the plain ones.
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    cut(&if runs { format!("'{text}") } else { text }, CELL_MAX)
}

fn cut(text: &str, most: usize) -> String {
    // A workbook counts as UTF-16 does.
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += c.len_utf16();
            used <= most
        })
        .collect()
}

/// Names of sheets: at most 31 characters, without what a name may not hold, each once.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn take(&mut self, title: &str) -> String {
        let plain: String =
            title.chars().map(|c| if c.is_control() || "[]:*?/\\'".contains(c) { ' ' } else { c }).collect();
        let plain = cut(plain.trim(), 28);
        let plain = if plain.trim().is_empty() { "Table".to_owned() } else { plain.trim().to_owned() };
        let taken = |name: &str| self.0.iter().any(|other| other.to_lowercase() == name.to_lowercase());
        let mut name = plain.clone();
        for n in 2..1_000 {
            if !taken(&name) {
                break;
            }
            name = format!("{} {n}", cut(&plain, 26));
        }
        self.0.push(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, DataType, Reader, Xlsx, open_workbook_from_rs};
    use grc_document::sample;
    use time::macros::{date, datetime};

    use super::*;

    fn made(document: &Document) -> Vec<u8> {
        let generation =
            Generation { at: datetime!(2026-03-01 12:00 UTC), version: "1".into(), digest: document.digest() };
        write(document, &generation).unwrap()
    }

    fn read(bytes: Vec<u8>) -> Xlsx<Cursor<Vec<u8>>> {
        open_workbook_from_rs(Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn every_table_is_a_sheet_with_the_numbers_of_the_document() {
        let document = sample::document(40);
        let mut book = read(made(&document));
        assert_eq!(book.sheet_names(), ["Report", "Counts", "Findings", "Exceptions"]);
        for (table, name) in document.tables().zip(["Counts", "Findings", "Exceptions"]) {
            let sheet = book.worksheet_range(name).unwrap();
            let mut rows = sheet.rows();
            let heads: Vec<String> = rows.next().unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(heads, table.columns.iter().map(heading).collect::<Vec<_>>());
            assert_eq!(rows.len(), table.rows.len());
            for (cells, values) in rows.zip(&table.rows) {
                for (cell, value) in cells.iter().zip(values) {
                    match value {
                        Value::None => assert!(cell.is_empty(), "{cell:?}"),
                        Value::Int(n) => assert_eq!(cell.as_i64(), Some(*n)),
                        Value::Number(x, _) | Value::Percent(x) => assert_eq!(cell.as_f64(), Some(*x)),
                        Value::Date(day) => {
                            assert_eq!(cell.as_date().unwrap().to_string(), day.to_string());
                        }
                        other => assert_eq!(cell.as_string().unwrap(), neutral(&other.read())),
                    }
                }
            }
        }
    }

    #[test]
    fn no_cell_runs() {
        let mut document = sample::document(3);
        document.title = "+1+cmd|' /C calc'!A0".into();
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"] {
            document.facts.push(Fact::new("x", text, Value::text(text)));
        }
        let bytes = made(&document);
        let mut book = read(bytes);
        let names = book.sheet_names();
        for name in names {
            assert!(book.worksheet_formula(&name).unwrap().is_empty(), "{name} has formulas");
            for cell in book.worksheet_range(&name).unwrap().cells().map(|cell| cell.2) {
                if let Data::String(text) = cell {
                    assert!(!text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝']), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn equal_documents_are_equal_bytes() {
        assert_eq!(made(&sample::document(20)), made(&sample::document(20)));
    }

    #[test]
    fn texts_dates_and_names_at_the_edges_are_written() {
        let long = "é😀".repeat(20_000);
        let rows = [
            vec![Value::text(long), Value::Int(i64::MAX), Value::Date(date!(1600 - 01 - 01))],
            vec![Value::Bool(true), Value::Int(1 << 40), Value::Time(datetime!(2026-03-01 12:00:05 UTC))],
        ];
        let mut document = sample::document(1);
        for title in ["a/b[c]:*?", "A b c", "", "'quoted'", "Report"] {
            let columns = [("a", "A"), ("b", "B"), ("c", "C")];
            let table = Table::new("odd", title, &columns).rows(rows.clone());
            document.sections.push(grc_document::Section::new("odd", "Odd").table(table));
        }
        let mut book = read(made(&document));
        let sheet = book.worksheet_range("quoted").unwrap();
        assert_eq!(sheet.get_value((1, 0)).unwrap().as_string().unwrap().encode_utf16().count(), 32_767);
        assert_eq!(sheet.get_value((1, 1)).unwrap().as_string().unwrap(), i64::MAX.to_string());
        assert_eq!(sheet.get_value((1, 2)).unwrap().as_string().unwrap(), "1600-01-01");
        assert_eq!(sheet.get_value((2, 1)).unwrap().as_f64(), Some(1_099_511_627_776.0));
        assert_eq!(sheet.get_value((2, 2)).unwrap().as_datetime().unwrap().to_string(), "2026-03-01 12:00:05");
        assert_eq!(book.sheet_names().len(), 9);
    }
}

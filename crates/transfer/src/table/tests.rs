//! Files, good and bad.

use std::{fs::File, io::Write, ops::ControlFlow};

use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Formula, Workbook};
use time::macros::datetime;

use super::{COLUMNS_MAX, Format, ROWS_MAX, Row, Said, Sink, TableError, read};
use crate::cell::Raw;

#[derive(Default)]
struct Kept {
    headings: Vec<String>,
    rows: Vec<Row>,
    most: Option<usize>,
}

impl Sink for Kept {
    fn heading(&mut self, headings: Vec<String>) -> ControlFlow<()> {
        self.headings = headings;
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: Row) -> ControlFlow<()> {
        self.rows.push(row);
        if self.most == Some(self.rows.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn kept(bytes: &[u8], format: Format) -> Result<Kept, String> {
    let mut kept = Kept::default();
    match read(file(bytes), format, None, &mut kept) {
        Ok(count) => {
            assert_eq!(usize::try_from(count).unwrap(), kept.rows.len());
            Ok(kept)
        }
        Err(TableError::Refused { code, detail }) => Err(format!("{code}: {detail}")),
        Err(other) => panic!("{other:?}"),
    }
}

fn texts(row: &Row) -> Vec<String> {
    match &row.said {
        Said::Cells(cells) => cells.iter().map(Raw::shown).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn csv_is_read_with_the_numbers_of_a_spreadsheet() {
    let text = "\u{feff}title,owner\r\nfirst,a@x.eu\r\n\r\n,,\r\n\"two\nlines\",b\r\n\nlast,c,surplus\n";
    let kept = kept(text.as_bytes(), Format::Csv).unwrap();
    assert_eq!(kept.headings, ["title", "owner"]);
    let rows: Vec<(u64, Vec<String>)> = kept.rows.iter().map(|row| (row.number, texts(row))).collect();
    let expected: Vec<(u64, &[&str])> =
        vec![(2, &["first", "a@x.eu"]), (5, &["two\nlines", "b"]), (7, &["last", "c", "surplus"])];
    assert_eq!(rows.len(), expected.len());
    for ((number, cells), (wanted, words)) in rows.iter().zip(expected) {
        assert_eq!((*number, cells.as_slice()), (wanted, words.map_strings().as_slice()));
    }
    let old = self::kept(b"a,b\r1,2\r\r3,4\r", Format::Csv).unwrap();
    assert_eq!(old.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 3]);
    for (text, heading) in [("a;b,c;d\n1;2;3\n", vec!["a", "b,c", "d"]), ("a\t\"b\tc\"\n1\t2\n", vec!["a", "b\tc"])] {
        assert_eq!(self::kept(text.as_bytes(), Format::Csv).unwrap().headings, heading);
    }
}

trait Strings {
    fn map_strings(&self) -> Vec<String>;
}

impl Strings for &[&str] {
    fn map_strings(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[test]
fn what_is_no_csv_is_refused_with_a_reason() {
    let wide = "a,".repeat(1_000_000);
    let mut long = String::from("a\n");
    for _ in 0..=ROWS_MAX {
        long.push_str("1\n");
    }
    let cases: Vec<(&[u8], &str)> = vec![
        (b"", "no_heading"),
        (b"\n\n", "no_heading"),
        (b"\xff\xfea\x00", "encoding"),
        (b"title\nok\nM\xfcller\n", "encoding: row 3"),
        (b"PK\x03\x04....", "format"),
        (wide.as_bytes(), "too_many_columns"),
        (long.as_bytes(), "too_many_rows"),
    ];
    for (bytes, code) in cases {
        let said = kept(bytes, Format::Csv).map(|_| ()).unwrap_err();
        assert!(said.starts_with(code), "{said}");
    }
}

#[test]
fn json_is_a_list_of_objects_or_has_one() {
    for text in
        [r#"[{"title": "a"}, {"title": "b"}]"#, r#"{"next": {"items": 1}, "items": [{"title": "a"}, {"title": "b"}]}"#]
    {
        let kept = kept(text.as_bytes(), Format::Json).unwrap();
        assert_eq!(kept.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2]);
        assert!(matches!(&kept.rows[0].said, Said::Object(members) if members["title"] == "a"));
    }
    let odd = kept(br#"[1, {"a": 1, "a": 2}, {"b": null}]"#, Format::Json).unwrap();
    assert!(matches!(&odd.rows[0].said, Said::Nothing(_)) && matches!(&odd.rows[1].said, Said::Nothing(_)));
    assert!(matches!(&odd.rows[2].said, Said::Object(_)));
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(&kept(deep.as_bytes(), Format::Json).unwrap().rows[0].said, Said::Nothing(_)));
    for text in ["", "{", "7", "{\"items\": 3}", "{\"a\": []}", "[{}", "[{}] x", "\u{1}"] {
        let said = kept(text.as_bytes(), Format::Json).map(|_| ()).unwrap_err();
        assert!(said.starts_with("format"), "{text:.20}: {said}");
    }
    assert!(kept(b"[{\"a\": \"\xff\"}]", Format::Json).is_err());
}

#[test]
fn a_reader_stops_where_its_sink_does() {
    for (text, format) in [("a\n1\n2\n3\n", Format::Csv), ("[{},{},{}]", Format::Json)] {
        let mut kept = Kept { most: Some(2), ..Kept::default() };
        assert!(matches!(read(file(text.as_bytes()), format, None, &mut kept), Err(TableError::Stopped)));
        assert_eq!(kept.rows.len(), 2);
    }
}

#[test]
fn workbooks_keep_their_types_and_gaps() {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Notes").unwrap().write(0, 0, "nothing").unwrap();
    let sheet = book.add_worksheet().set_name("Risks").unwrap();
    for (column, name) in (0_u16..).zip(["title", "likelihood", "due", "seen", "ok"]) {
        sheet.write(0, column, name).unwrap();
    }
    let day = CellFormat::new().set_num_format("yyyy-mm-dd");
    sheet.write(2, 0, "Flood").unwrap();
    sheet.write(2, 1, 4).unwrap();
    let at = ExcelDateTime::from_ymd(2026, 3, 31).unwrap();
    sheet.write_datetime_with_format(2, 2, &at, &day).unwrap();
    sheet.write(2, 4, true).unwrap();
    sheet.write_formula(3, 0, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    sheet.write_formula(3, 1, Formula::new("=1+1").set_result("2")).unwrap();
    let bytes = book.save_to_buffer().unwrap();

    assert_eq!(kept(&bytes, Format::Xlsx).unwrap().headings, ["nothing"]);
    let mut kept = Kept::default();
    read(file(&bytes), Format::Xlsx, Some("Risks"), &mut kept).unwrap();
    assert_eq!(kept.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [3, 4]);
    let Said::Cells(cells) = &kept.rows[0].said else { panic!() };
    let expected = [
        Raw::Text("Flood".to_owned()),
        Raw::Number(4.0),
        Raw::Moment(datetime!(2026-03-31 0:00)),
        Raw::Empty,
        Raw::Bool(true),
    ];
    assert_eq!(cells, &expected);
    let missing = read(file(&bytes), Format::Xlsx, Some("Risk"), &mut Kept::default());
    assert!(matches!(missing, Err(TableError::Refused { code: "unknown_sheet", .. })), "{missing:?}");
}

#[test]
fn what_is_no_workbook_is_refused_with_a_reason() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, u16::try_from(COLUMNS_MAX).unwrap(), "far out").unwrap();
    let wide = book.save_to_buffer().unwrap();
    assert!(kept(&wide, Format::Xlsx).map(|_| ()).unwrap_err().starts_with("too_many_columns"));
    let empty = Workbook::new().save_to_buffer().unwrap();
    assert!(kept(&empty, Format::Xlsx).map(|_| ()).unwrap_err().starts_with("no_heading"));
    let mut cut = wide.clone();
    cut.truncate(wide.len() / 2);
    let mut bent = wide;
    for place in (0..bent.len()).step_by(97) {
        bent[place] ^= 0x5a;
    }
    for bytes in [b"".as_slice(), b"title,owner\n", &cut, &bent] {
        assert!(kept(bytes, Format::Xlsx).map(|_| ()).unwrap_err().starts_with("format"));
    }
}

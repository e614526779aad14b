//! The manifest: a row for each file, as CSV (`manifest.csv`) or as a JSON list (`manifest.json`, or a request body).
//!
//! | column | what |
//! |---|---|
//! | `filename` | the path in the archive; its last part is the evidence's name |
//! | `url` | instead of it, in a list of addresses: where to fetch the file |
//! | `content_type` | by the name where it is left out |
//! | `control_refs` | `KEY:ref`, several with `;` between them in CSV |
//! | `collected_at`, `valid_until`, `retention_until` | a moment, or a day |
//! | `finding_id`, `assessment_id`, `version_of` | ids |
//! | `sha256`, `size` | what the file must be |
//!
//! What is wrong with the list itself refuses it; what is wrong with a row is that row's matter, and the others are
//! imported. (Who takes a list from a program may hold it to stricter terms before, as the REST API does.)

use std::collections::BTreeSet;

use grc_kernel::{FieldError, check::ERRORS_MAX};
use serde_json::{Map, Value};

use super::types;

/// The most rows.
pub const ROWS_MAX: usize = 10_000;
/// The largest manifest, in bytes.
pub const BYTES_MAX: u64 = 8 * 1024 * 1024;

const COLUMNS: &[&str] = &[
    "filename",
    "url",
    "content_type",
    "control_refs",
    "collected_at",
    "valid_until",
    "retention_until",
    "finding_id",
    "assessment_id",
    "version_of",
    "sha256",
    "size",
];
const MOMENTS: [&str; 3] = ["collected_at", "valid_until", "retention_until"];

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number, as a spreadsheet counts; in JSON from 1.
    pub number: i64,
    /// The path in the archive, or the address.
    pub name: String,
    /// What is said of the evidence, as a request would say it.
    pub said: Map<String, Value>,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
}

fn refused(code: &'static str, detail: impl Into<String>) -> Vec<FieldError> {
    vec![FieldError::new("manifest", code, detail)]
}

/// Reads CSV. Lines end as they like; where the heading has semicolons and no commas, so have the rows.
pub fn read_csv(bytes: &[u8]) -> Result<Vec<Row>, Vec<FieldError>> {
    let text = std::str::from_utf8(bytes).map_err(|_| refused("encoding", "must be UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let heading = text.lines().next().unwrap_or_default();
    let delimiter = if heading.contains(';') && !heading.contains(',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let broken = |error: csv::Error| refused("invalid", error.to_string());
    let columns: Vec<String> =
        reader.headers().map_err(broken)?.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    check_columns(&columns)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() == ROWS_MAX {
            return Err(refused("too_many", format!("may have at most {ROWS_MAX} rows")));
        }
        let number = record.position().map_or(0, csv::Position::record) + 1;
        let mut said = Map::new();
        for (column, cell) in columns.iter().zip(record.iter()) {
            let cell = restore(cell.trim());
            if !cell.is_empty() {
                said.insert(column.clone(), from_cell(column, cell));
            }
        }
        let mut row = row(i64::try_from(number).unwrap_or(i64::MAX), said);
        if record.len() > columns.len() {
            row.errors.push(FieldError::new("filename", "too_many", "the row has more cells than the heading"));
        }
        rows.push(row);
    }
    filled(rows)
}

/// Reads a JSON list of objects, or an object whose `items` is one.
pub fn read_json(bytes: &[u8]) -> Result<Vec<Row>, Vec<FieldError>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value = grc_kernel::shape::strict(bytes).map_err(|why| refused("invalid", why))?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut members) => match members.remove("items") {
            Some(Value::Array(list)) if members.is_empty() => list,
            _ => return Err(refused("type", "must be a list, or an object with nothing but a list «items»")),
        },
        _ => return Err(refused("type", "must be a list of objects")),
    };
    if list.len() > ROWS_MAX {
        return Err(refused("too_many", format!("may have at most {ROWS_MAX} rows")));
    }
    let mut rows = Vec::with_capacity(list.len());
    let mut errors = Vec::new();
    for (i, item) in list.into_iter().enumerate() {
        let Value::Object(members) = item else {
            errors.push(FieldError::new(format!("items[{i}]"), "type", "must be an object"));
            continue;
        };
        for name in members.keys().filter(|name| !COLUMNS.contains(&name.as_str())) {
            errors.push(FieldError::new(format!("items[{i}].{name}"), "unknown", "is not known here"));
        }
        let said = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
        rows.push(row(i64::try_from(i).unwrap_or(i64::MAX).saturating_add(1), said));
    }
    errors.truncate(ERRORS_MAX);
    if errors.is_empty() { filled(rows) } else { Err(errors) }
}

fn filled(rows: Vec<Row>) -> Result<Vec<Row>, Vec<FieldError>> {
    if rows.is_empty() { Err(refused("required", "names no file")) } else { Ok(rows) }
}

fn check_columns(columns: &[String]) -> Result<(), Vec<FieldError>> {
    let mut seen = BTreeSet::new();
    let mut errors = Vec::new();
    for column in columns {
        let shown: String = column.chars().take(60).collect();
        if !COLUMNS.contains(&column.as_str()) {
            let detail = format!("there is no column «{shown}»: the columns are {}", COLUMNS.join(", "));
            errors.push(FieldError::new("manifest", "unknown", detail));
        } else if !seen.insert(column) {
            errors.push(FieldError::new("manifest", "duplicate", format!("the column {shown} comes twice")));
        }
    }
    if !columns.iter().any(|column| column == "filename" || column == "url") {
        errors.push(FieldError::new("manifest", "required", "must have a column filename"));
    }
    errors.truncate(20);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Takes off what an export puts before a text that a spreadsheet would run.
fn restore(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}

fn from_cell(column: &str, cell: &str) -> Value {
    match column {
        "control_refs" => {
            let names = cell.split([';', ',', '|', '\n']).map(str::trim).filter(|name| !name.is_empty());
            names.map(Value::from).collect()
        }
        "size" => cell.parse::<i64>().map_or_else(|_| cell.into(), Value::from),
        _ => cell.into(),
    }
}

/// Makes a row of what is said: names and types that are left out follow, and a day is the moment that it begins.
fn row(number: i64, mut said: Map<String, Value>) -> Row {
    let mut errors = Vec::new();
    for name in MOMENTS {
        if let Some(Value::String(text)) = said.get_mut(name)
            && text.len() == 10
        {
            text.push_str("T00:00:00Z");
        }
    }
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let url = text(said.remove("url"));
    let path = said.get("filename").and_then(Value::as_str).map(str::to_owned);
    let name = match (&url, &path) {
        (Some(url), _) => url.clone(),
        (None, Some(path)) => path.clone(),
        (None, None) => {
            errors.push(FieldError::new("filename", "required", "must be given"));
            String::new()
        }
    };
    let whole = match (&path, &url) {
        (Some(path), _) => path.as_str(),
        (None, Some(url)) => url.split(['?', '#']).next().unwrap_or_default(),
        (None, None) => "",
    };
    let last = whole.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or("download");
    if !name.is_empty() {
        said.insert("filename".to_owned(), last.into());
        said.entry("content_type").or_insert_with(|| types::of_name(last).into());
    }
    let name: String = name.chars().take(1_000).collect();
    Row { number, name, said, errors }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn codes(result: Result<Vec<Row>, Vec<FieldError>>) -> Vec<(String, &'static str)> {
        result.unwrap_err().into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn a_spreadsheet_says_what_a_request_would() {
        let text = "\u{feff}filename,control_refs,collected_at,size\r\n\
                    policies/Access.pdf,\"SOC2_TYPE2:CC6.1; ISO27001:A.5.15\",2026-03-01,12\r\n\
                    \r\n\
                    '=notes.txt,,2026-03-02T10:00:00+01:00,many\r\n";
        let rows = read_csv(text.as_bytes()).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].number, rows[0].name.as_str(), Value::Object(rows[0].said.clone())),
            (
                2,
                "policies/Access.pdf",
                json!({
                    "filename": "Access.pdf", "content_type": "application/pdf", "size": 12,
                    "control_refs": ["SOC2_TYPE2:CC6.1", "ISO27001:A.5.15"], "collected_at": "2026-03-01T00:00:00Z",
                })
            )
        );
        assert_eq!((rows[1].name.as_str(), &rows[1].said["size"]), ("=notes.txt", &json!("many")));
        let german = read_csv(b"filename;control_refs\na.txt;SOC2_TYPE2:CC6.1|SOC2_TYPE2:CC6.2\n").unwrap();
        assert_eq!(german[0].said["control_refs"], json!(["SOC2_TYPE2:CC6.1", "SOC2_TYPE2:CC6.2"]));
    }

    #[test]
    fn what_is_wrong_with_the_list_refuses_it() {
        let one = |code| vec![("manifest".to_owned(), code)];
        assert_eq!(codes(read_csv(b"filename,owner\na,b\n")), one("unknown"));
        assert_eq!(codes(read_csv(b"filename,filename\na,b\n")), one("duplicate"));
        assert_eq!(codes(read_csv(b"control_refs\nX:1\n")), one("required"));
        assert_eq!(codes(read_csv(b"filename\n")), one("required"));
        assert_eq!(codes(read_csv(b"filename\n\xff\n")), one("encoding"));
        assert_eq!(codes(read_csv(b"")).len(), 1);
        let many = format!("filename\n{}", "a\n".repeat(ROWS_MAX + 1));
        assert_eq!(codes(read_csv(many.as_bytes())), one("too_many"));
        assert_eq!(codes(read_json(b"[{\"filename\": \"a\"}")), one("invalid"));
        assert_eq!(
            codes(read_json(b"[{\"url\": \"https://a.example/a\", \"url\": \"https://b.example/b\"}]")),
            one("invalid")
        );
        assert_eq!(codes(read_json(b"{\"files\": []}")), one("type"));
        assert_eq!(codes(read_json(b"3")), one("type"));
        assert_eq!(codes(read_json(b"[]")), one("required"));
        assert_eq!(
            codes(read_json(b"[{\"filename\": \"a\", \"owner\": 1}, 5]")),
            [("items[0].owner".to_owned(), "unknown"), ("items[1]".to_owned(), "type")]
        );
    }

    #[test]
    fn addresses_name_their_files() {
        let rows = read_json(br#"{"items": [{"url": "https://x.example/a/report.pdf?v=2"}, {"url": "https://x.example/", "filename": "b.csv"}, {"content_type": "text/plain"}]}"#).unwrap();
        let named: Vec<_> = rows.iter().map(|row| (row.number, row.name.as_str(), row.said.get("filename"))).collect();
        assert_eq!(
            named,
            [
                (1, "https://x.example/a/report.pdf?v=2", Some(&json!("report.pdf"))),
                (2, "https://x.example/", Some(&json!("b.csv"))),
                (3, "", None),
            ]
        );
        assert_eq!(rows[0].said["content_type"], "application/pdf");
        assert_eq!(rows[2].errors[0].code, "required");
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_errors(bytes: Vec<u8>, text in "\\PC{0,200}") {
            for bytes in [&bytes[..], text.as_bytes(), format!("filename,size\n{text}").as_bytes()] {
                for found in [read_csv(bytes), read_json(bytes)] {
                    match found {
                        Ok(rows) => prop_assert!(!rows.is_empty()),
                        Err(errors) => prop_assert!(!errors.is_empty()),
                    }
                }
            }
        }
    }
}

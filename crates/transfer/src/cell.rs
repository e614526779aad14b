//! Cells: a value as the text of a cell, and what a cell says back. The one undoes the other.
//!
//! - Lists are separated by `;`, or by line breaks; a list that could be misread so is written as JSON, and JSON is always
//!   read. Objects are JSON.
//! - Words of an enumeration are read in any case, with spaces for underscores.
//! - Moments are RFC 3339; a date with a time and no zone is UTC, a date alone is its first moment. True is also `yes` and
//!   `1`, false `no` and `0`. Numbers have a point, and nothing between their digits.
//! - A text that a spreadsheet would run as a formula has an apostrophe in front, which is taken off again.

use grc_kernel::{Uuid, resource::CellRef, shape::Ty};
use serde_json::Value;
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// Whether a spreadsheet would run a text as a formula, or [`restore`] would take an apostrophe off it.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A text as a cell: neutralised where a spreadsheet would run it.
pub fn neutralise(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text of a cell that was exported.
pub fn restore(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(cell) => text,
        _ => cell,
    }
}

/// A value as the text of a cell.
pub fn text(value: &CellRef<'_>) -> String {
    match value {
        CellRef::Null => String::new(),
        CellRef::Text(text) => neutralise(text),
        CellRef::Texts(texts) => {
            // A list that could be misread when it is split again is written as JSON.
            let plain = |text: &&str| !text.is_empty() && !text.contains([';', '\n']) && text.trim() == *text;
            if texts.iter().all(plain) && !texts.first().is_some_and(|text| text.starts_with(['[', '\''])) {
                neutralise(&texts.join("; "))
            } else {
                value.to_json().to_string()
            }
        }
        CellRef::Ids(ids) => ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join("; "),
        CellRef::Json(document) => document.to_string(),
        other => {
            let text = other.to_json();
            text.as_str().map_or_else(|| text.to_string(), str::to_owned)
        }
    }
}

/// A cell as a file has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// Nothing.
    Empty,
    /// Text, and whatever a file has as such.
    Text(String),
    /// A number of a workbook.
    Number(f64),
    /// A workbook's true or false.
    Bool(bool),
    /// A workbook's moment, which has no zone.
    Moment(PrimitiveDateTime),
    /// An error of a workbook: `#REF!`.
    Broken(String),
    /// A value of a JSON file.
    Json(Value),
}

impl Raw {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The text that a person sees in it.
    pub fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => restore(text).to_owned(),
            Self::Number(number) => plain(*number),
            Self::Bool(flag) => flag.to_string(),
            Self::Moment(at) => at.format(SECONDS).unwrap_or_default(),
            Self::Broken(what) => what.clone(),
            Self::Json(Value::String(text)) => text.clone(),
            Self::Json(other) => other.to_string(),
        }
    }
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// As a stable name.
    pub code: &'static str,
    /// For a person.
    pub detail: String,
    /// What would be right, where that can be listed.
    pub allowed: &'static [&'static str],
}

impl Wrong {
    fn kind(detail: &str) -> Self {
        Self { code: "type", detail: detail.to_owned(), allowed: &[] }
    }
}

type Shown = &'static [time::format_description::BorrowedFormatItem<'static>];

const SECONDS: Shown = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const SECONDS_T: Shown = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const MINUTES: Shown = format_description!("[year]-[month]-[day] [hour]:[minute]");
const DAY: Shown = format_description!("[year]-[month]-[day]");

/// A number as a person writes it: whole ones without a fraction.
fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 9e15 { format!("{number:.0}") } else { number.to_string() }
}

/// What a cell says of a member of a type, as JSON: null where it says nothing. A reference may still be a name.
pub fn read(ty: Ty, raw: &Raw) -> Result<Value, Wrong> {
    match raw {
        Raw::Broken(what) => {
            Err(Wrong { code: "broken_cell", detail: format!("the workbook shows {what} here"), allowed: &[] })
        }
        Raw::Json(value) => match (ty, value) {
            (Ty::Word(words), Value::String(text)) => word(words, text),
            _ => Ok(value.clone()),
        },
        raw if raw.is_empty() => Ok(Value::Null),
        Raw::Bool(flag) if matches!(ty, Ty::Bool | Ty::Scalar | Ty::Json) => Ok((*flag).into()),
        Raw::Number(number) if matches!(ty, Ty::Int(..) | Ty::Number(..) | Ty::Scalar | Ty::Json | Ty::Either(..)) => {
            number_of(*number)
        }
        Raw::Moment(at) => Ok(match ty {
            Ty::Date => at.date().format(DAY).unwrap_or_default().into(),
            Ty::Time => moment(at.assume_utc()),
            _ => raw.shown().into(),
        }),
        raw => of_text(ty, &raw.shown()),
    }
}

fn moment(at: OffsetDateTime) -> Value {
    at.format(&Rfc3339).unwrap_or_default().into()
}

fn number_of(number: f64) -> Result<Value, Wrong> {
    let whole = number.fract() == 0.0 && number.abs() < 9e15;
    let value = if whole { plain(number).parse::<i64>().ok().map(Value::from) } else { None };
    value
        .or_else(|| serde_json::Number::from_f64(number).map(Value::Number))
        .ok_or_else(|| Wrong::kind("must be a number"))
}

fn word(words: &'static [&'static str], text: &str) -> Result<Value, Wrong> {
    let said = text.trim().to_lowercase();
    let plain = |text: &str| text.replace([' ', '-'], "_");
    let known = words.iter().find(|word| **word == said || plain(word).eq_ignore_ascii_case(&plain(&said)));
    match known {
        Some(word) => Ok((*word).into()),
        None if said == "informational" && words.contains(&"info") => Ok("info".into()),
        None => Err(Wrong { code: "invalid", detail: format!("must be one of {}", words.join(", ")), allowed: words }),
    }
}

fn of_text(ty: Ty, text: &str) -> Result<Value, Wrong> {
    let trimmed = text.trim();
    Ok(match ty {
        Ty::Text(_) => text.into(),
        Ty::Line(_) | Ty::Email | Ty::Url | Ty::Id | Ty::Ref(_) => trimmed.into(),
        Ty::Word(words) => return word(words, trimmed),
        Ty::Int(..) => match trimmed.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => match trimmed.parse::<f64>().ok().filter(|number| number.fract() == 0.0) {
                Some(number) => return number_of(number),
                None => return Err(Wrong::kind("must be a whole number")),
            },
        },
        Ty::Number(..) => match trimmed.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => return number_of(number),
            None => return Err(Wrong::kind("must be a number, with a point and no other mark")),
        },
        Ty::Bool => match trimmed.to_lowercase().as_str() {
            "true" | "yes" | "1" => true.into(),
            "false" | "no" | "0" => false.into(),
            _ => {
                let detail = "must be true or false".to_owned();
                return Err(Wrong { code: "type", detail, allowed: &["true", "false"] });
            }
        },
        Ty::Time => {
            match OffsetDateTime::parse(trimmed, &Rfc3339) {
                Ok(_) => trimmed.into(),
                Err(_) => moment(without_zone(trimmed).ok_or_else(|| {
                    Wrong::kind("must be a moment: 2026-03-31T09:30:00Z, or 2026-03-31 09:30:00 in UTC")
                })?),
            }
        }
        Ty::Date => match time::Date::parse(trimmed, DAY) {
            Ok(_) => trimmed.into(),
            Err(_) => match without_zone(trimmed) {
                Some(at) => at.date().format(DAY).unwrap_or_default().into(),
                None => return Err(Wrong::kind("must be a date, YYYY-MM-DD")),
            },
        },
        Ty::List(item, _) => return list(*item, trimmed),
        Ty::Scalar => serde_json::from_str::<Value>(trimmed)
            .ok()
            .filter(|value| value.is_number() || value.is_boolean())
            .unwrap_or_else(|| trimmed.into()),
        Ty::Either(..) | Ty::Json => serde_json::from_str(trimmed).unwrap_or_else(|_| trimmed.into()),
        Ty::Object(_) | Ty::Any | Ty::Counts | Ty::Map(_) => json(trimmed)?,
    })
}

fn without_zone(text: &str) -> Option<OffsetDateTime> {
    let at = [SECONDS, SECONDS_T, MINUTES].into_iter().find_map(|shown| PrimitiveDateTime::parse(text, shown).ok());
    at.or_else(|| time::Date::parse(text, DAY).ok().map(time::Date::midnight)).map(PrimitiveDateTime::assume_utc)
}

fn json(text: &str) -> Result<Value, Wrong> {
    grc_kernel::shape::strict(text.as_bytes()).map_err(|_| Wrong::kind("must be JSON"))
}

fn list(item: Ty, text: &str) -> Result<Value, Wrong> {
    if text.starts_with('[') {
        return json(text);
    }
    match item {
        Ty::Object(_) | Ty::Any | Ty::Map(_) | Ty::List(..) => Err(Wrong::kind("must be a JSON list")),
        item => {
            let parts = text.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty());
            Ok(Value::Array(parts.map(|part| of_text(item, part)).collect::<Result<_, _>>()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use grc_kernel::resource::Cell;
    use proptest::prelude::*;
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const WORDS: &[&str] = &["in_progress", "info", "low"];

    fn text_of(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    #[test]
    fn cells_are_read_as_people_write_them() {
        let list = Ty::List(&Ty::Line(50), 10);
        let cases: &[(Ty, Raw, Value)] = &[
            (Ty::Word(WORDS), text_of(" In progress "), json!("in_progress")),
            (Ty::Word(WORDS), text_of("Informational"), json!("info")),
            (Ty::Int(0, 9), text_of("3.0"), json!(3)),
            (Ty::Int(0, 9), Raw::Number(4.0), json!(4)),
            (Ty::Number(0.0, 9.0), text_of("-1.5"), json!(-1.5)),
            (Ty::Number(0.0, 9.0), text_of("'-1.5"), json!(-1.5)),
            (Ty::Line(9), Raw::Number(2026.0), json!("2026")),
            (Ty::Line(9), text_of("'=1+1"), json!("=1+1")),
            (Ty::Line(9), text_of("''=1"), json!("'=1")),
            (Ty::Bool, text_of("Yes"), json!(true)),
            (Ty::Date, Raw::Moment(datetime!(2026-03-31 0:00)), json!("2026-03-31")),
            (Ty::Time, Raw::Moment(datetime!(2026-03-31 9:30)), json!("2026-03-31T09:30:00Z")),
            (Ty::Time, text_of("2026-03-31 09:30"), json!("2026-03-31T09:30:00Z")),
            (Ty::Time, text_of("2026-03-31"), json!("2026-03-31T00:00:00Z")),
            (list, text_of("a; b;; c"), json!(["a", "b", "c"])),
            (list, text_of("a\nb"), json!(["a", "b"])),
            (list, text_of("[\"a;b\"]"), json!(["a;b"])),
            (Ty::Any, text_of("{\"a\": [1]}"), json!({"a": [1]})),
            (Ty::Scalar, text_of("12"), json!(12)),
            (Ty::Scalar, text_of("twelve"), json!("twelve")),
            (Ty::Text(9), text_of("  "), Value::Null),
        ];
        for (ty, raw, expected) in cases {
            assert_eq!(read(*ty, raw).as_ref(), Ok(expected), "{ty:?} {raw:?}");
        }
        let wrong: &[(Ty, Raw, &str)] = &[
            (Ty::Word(WORDS), text_of("severe"), "invalid"),
            (Ty::Int(0, 9), text_of("1,000"), "type"),
            (Ty::Int(0, 9), text_of("1.5"), "type"),
            (Ty::Number(0.0, 9.0), text_of("NaN"), "type"),
            (Ty::Bool, text_of("maybe"), "type"),
            (Ty::Date, text_of("31.3.2026"), "type"),
            (Ty::Any, text_of("{\"a\": 1, \"a\": 2}"), "type"),
            (Ty::List(&Ty::Any, 3), text_of("a; b"), "type"),
            (Ty::Line(9), Raw::Broken("#REF!".to_owned()), "broken_cell"),
        ];
        for (ty, raw, code) in wrong {
            assert_eq!(read(*ty, raw).map_err(|wrong| wrong.code), Err(*code), "{ty:?} {raw:?}");
        }
        assert_eq!(read(Ty::Word(WORDS), &text_of("severe")).map_err(|wrong| wrong.allowed), Err(WORDS));
    }

    proptest! {
        #[test]
        fn whatever_is_neutralised_is_restored(text in "['=+@\\-a\t\r]{0,6}") {
            let cell = neutralise(&text);
            prop_assert_eq!(restore(&cell), text.as_str());
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
        }

        #[test]
        fn lists_survive(texts in prop::collection::vec("['=;\\[ a\n\"]{0,4}", 0..4)) {
            let cell = Cell::Texts(texts.clone());
            let expected = if texts.is_empty() { Value::Null } else { json!(texts) };
            prop_assert_eq!(read(Ty::List(&Ty::Text(9), 9), &Raw::Text(text(&cell.view()))), Ok(expected));
        }
    }
}

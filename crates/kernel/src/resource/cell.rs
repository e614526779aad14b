//! The values of a record's members, between the typed record and whatever keeps or shows it.

use serde_json::Value;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    list::Scalar,
    record::{push_date, push_timestamp},
};

/// A member's value, owned: what a table gives back and a client sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Absent.
    Null,
    /// Text, or an enumeration's word.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// A moment.
    Time(OffsetDateTime),
    /// A day.
    Date(Date),
    /// An id.
    Id(Uuid),
    /// Several texts or words.
    Texts(Vec<String>),
    /// Several ids.
    Ids(Vec<Uuid>),
    /// A document.
    Json(Value),
}

impl Cell {
    /// The value, borrowed.
    pub fn view(&self) -> CellRef<'_> {
        match self {
            Self::Null => CellRef::Null,
            Self::Text(text) => CellRef::Text(text),
            Self::Int(number) => CellRef::Int(*number),
            Self::Number(number) => CellRef::Number(*number),
            Self::Bool(flag) => CellRef::Bool(*flag),
            Self::Time(at) => CellRef::Time(*at),
            Self::Date(date) => CellRef::Date(*date),
            Self::Id(id) => CellRef::Id(*id),
            Self::Texts(texts) => CellRef::Texts(texts.iter().map(String::as_str).collect()),
            Self::Ids(ids) => CellRef::Ids(ids.clone()),
            Self::Json(value) => CellRef::Json(value.clone()),
        }
    }
}

/// A member's value, borrowed from its record.
#[derive(Clone, Debug, PartialEq)]
pub enum CellRef<'a> {
    /// Absent.
    Null,
    /// Text, or an enumeration's word.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// A moment.
    Time(OffsetDateTime),
    /// A day.
    Date(Date),
    /// An id.
    Id(Uuid),
    /// Several texts or words.
    Texts(Vec<&'a str>),
    /// Several ids.
    Ids(Vec<Uuid>),
    /// A document.
    Json(Value),
}

impl CellRef<'_> {
    /// The value, owned.
    pub fn to_cell(&self) -> Cell {
        match self {
            Self::Null => Cell::Null,
            Self::Text(text) => Cell::Text((*text).to_owned()),
            Self::Int(number) => Cell::Int(*number),
            Self::Number(number) => Cell::Number(*number),
            Self::Bool(flag) => Cell::Bool(*flag),
            Self::Time(at) => Cell::Time(*at),
            Self::Date(date) => Cell::Date(*date),
            Self::Id(id) => Cell::Id(*id),
            Self::Texts(texts) => Cell::Texts(texts.iter().map(|text| (*text).to_owned()).collect()),
            Self::Ids(ids) => Cell::Ids(ids.clone()),
            Self::Json(value) => Cell::Json(value.clone()),
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Value {
        let mut text = String::new();
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::from(*text),
            Self::Int(number) => Value::from(*number),
            Self::Number(number) => Value::from(*number),
            Self::Bool(flag) => Value::from(*flag),
            Self::Time(at) => {
                push_timestamp(&mut text, *at);
                Value::String(text)
            }
            Self::Date(date) => {
                push_date(&mut text, *date);
                Value::String(text)
            }
            Self::Id(id) => Value::String(id.to_string()),
            Self::Texts(texts) => Value::from(texts.clone()),
            Self::Ids(ids) => Value::from(ids.iter().map(Uuid::to_string).collect::<Vec<_>>()),
            Self::Json(value) => value.clone(),
        }
    }

    /// The value as a list compares it; none where it is absent or no single value.
    pub fn to_scalar(&self) -> Option<Scalar> {
        Some(match self {
            Self::Text(text) => Scalar::Text((*text).to_owned()),
            Self::Int(number) => Scalar::Int(*number),
            Self::Number(number) => Scalar::Number(*number),
            Self::Bool(flag) => Scalar::Bool(*flag),
            Self::Time(at) => Scalar::Time(*at),
            Self::Date(date) => Scalar::Date(*date),
            Self::Id(id) => Scalar::Id(*id),
            Self::Null | Self::Texts(_) | Self::Ids(_) | Self::Json(_) => return None,
        })
    }

    /// Appends the value as JSON text.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Text(text) => push_json_str(out, text),
            Self::Int(number) => push_display(out, number),
            Self::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Time(at) => quoted(out, |out| push_timestamp(out, *at)),
            Self::Date(date) => quoted(out, |out| push_date(out, *date)),
            Self::Id(id) => quoted(out, |out| push_id(out, *id)),
            Self::Texts(texts) => list(out, texts, |out, text| push_json_str(out, text)),
            Self::Ids(ids) => list(out, ids, |out, id| quoted(out, |out| push_id(out, *id))),
            Self::Number(_) | Self::Json(_) => out.push_str(&self.to_json().to_string()),
        }
    }
}

fn quoted(out: &mut String, inner: impl FnOnce(&mut String)) {
    out.push('"');
    inner(out);
    out.push('"');
}

fn list<T>(out: &mut String, items: &[T], each: impl Fn(&mut String, &T)) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(']');
}

fn push_display(out: &mut String, value: impl std::fmt::Display) {
    use std::fmt::Write;
    let _ = write!(out, "{value}");
}

fn push_id(out: &mut String, id: Uuid) {
    out.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

/// Appends a text as a JSON string.
pub fn push_json_str(out: &mut String, text: &str) {
    out.push('"');
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    // Piece by piece, each looked at to its end: many bytes at a time.
    if text.as_bytes().chunks(64).all(|piece| piece.iter().fold(true, |good, byte| good & plain(*byte))) {
        out.push_str(text);
    } else {
        let escaped = Value::from(text).to_string();
        out.push_str(escaped.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default());
    }
    out.push('"');
}

//! The types that members have, each with its limits.

use serde_json::Value;
use time::{
    Date, OffsetDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};
use uuid::Uuid;

use super::Shape;
use crate::{check::Checker, list::Kind};

/// The type of a member, with its limits.
#[derive(Clone, Copy, Debug)]
pub enum Ty {
    /// One line of text of at most so many characters, never empty; white space around it is taken off.
    Line(usize),
    /// Text of at most so many characters.
    Text(usize),
    /// One of these words. Where `info` is one, `informational` means it.
    Word(&'static [&'static str]),
    /// An e-mail address.
    Email,
    /// An http or https URL.
    Url,
    /// A whole number in a range.
    Int(i64, i64),
    /// A number in a range.
    Number(f64, f64),
    /// True or false.
    Bool,
    /// A moment, RFC 3339.
    Time,
    /// A day.
    Date,
    /// A UUID.
    Id,
    /// The id of a record of this type in the same organization.
    Ref(&'static str),
    /// At most so many of these.
    List(&'static Ty, usize),
    /// An object of this shape.
    Object(&'static Shape),
    /// A text of at most 200 characters, a number, or true or false.
    Scalar,
    /// Any JSON object.
    Any,
    /// Any JSON value, null among them.
    Json,
    /// An object whose members are whole numbers.
    Counts,
    /// An object whose members all are of this type.
    Map(&'static Ty),
    /// One of the first type, or else of the second: a number or a list of numbers. Kept as a document.
    Either(&'static Ty, &'static Ty),
}

impl Ty {
    /// Whether every list filters by members of this type without being told: enumerations, references, moments,
    /// numbers.
    pub(super) const fn filters(self) -> bool {
        match self {
            Self::Word(_) | Self::Int(..) | Self::Number(..) | Self::Bool | Self::Time | Self::Date => true,
            Self::Id | Self::Ref(_) | Self::Email => true,
            Self::List(item, _) => matches!(item, Self::Line(_) | Self::Word(_) | Self::Id | Self::Ref(_)),
            _ => false,
        }
    }

    /// How lists compare it and a table stores it; none where it is stored as a document.
    pub const fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Line(_) | Self::Text(_) | Self::Email | Self::Url => Kind::Text,
            Self::Word(words) => Kind::Choice(words),
            Self::Int(..) => Kind::Int,
            Self::Number(..) => Kind::Number,
            Self::Bool => Kind::Bool,
            Self::Time => Kind::Time,
            Self::Date => Kind::Date,
            Self::Id | Self::Ref(_) => Kind::Id,
            Self::List(Self::Line(_) | Self::Text(_) | Self::Word(_), _) => Kind::Texts,
            Self::List(Self::Id | Self::Ref(_), _) => Kind::Ids,
            Self::List(..)
            | Self::Object(_)
            | Self::Scalar
            | Self::Any
            | Self::Json
            | Self::Counts
            | Self::Map(_)
            | Self::Either(..) => return None,
        })
    }

    /// Notes everything that is wrong with a value.
    pub fn check(self, path: &str, value: &Value, check: &mut Checker) {
        if let Self::Either(one, other) = self {
            return Self::check_either([*one, *other], path, value, check);
        }
        let right = match (self, value) {
            (Self::Line(max), Value::String(text)) => {
                check.line(path, text, max);
                true
            }
            (Self::Text(max), Value::String(text)) => {
                check.text_to(path, text, max);
                true
            }
            (Self::Word(words), Value::String(text)) => {
                let known = words.contains(&word(words, text));
                check.ensure(known, path, "invalid", format!("must be one of {}", words.join(", ")));
                true
            }
            (Self::Email, Value::String(text)) => {
                check.email(path, text);
                true
            }
            (Self::Url, Value::String(text)) => {
                check.url(path, text);
                true
            }
            (Self::Int(min, max), Value::Number(_)) => match whole(value) {
                Some(number) => {
                    check.range(path, number, min, max);
                    true
                }
                None => false,
            },
            (Self::Number(min, max), Value::Number(number)) => {
                check.range(path, number.as_f64().unwrap_or(f64::NAN), min, max);
                true
            }
            (Self::Scalar, Value::String(text)) => {
                check.line(path, text, crate::check::NAME_MAX);
                true
            }
            (Self::Scalar, Value::Number(_) | Value::Bool(_)) => true,
            (Self::Bool, Value::Bool(_)) | (Self::Any, Value::Object(_)) | (Self::Json, _) => true,
            (Self::Time, Value::String(text)) => moment(text).is_some(),
            (Self::Date, Value::String(text)) => day(text).is_some(),
            (Self::Id | Self::Ref(_), Value::String(text)) => Uuid::parse_str(text).is_ok(),
            (Self::Object(shape), Value::Object(members)) => {
                shape.check(path, members, check);
                true
            }
            (Self::Counts, Value::Object(members)) => members.values().all(Value::is_i64),
            (Self::Map(ty), Value::Object(members)) => {
                for (name, member) in members {
                    ty.check(&format!("{path}.{name}"), member, check);
                }
                true
            }
            (Self::List(ty, max), Value::Array(items)) => {
                check.count(path, items.len(), max);
                for (i, item) in items.iter().enumerate().take(max.saturating_add(1)) {
                    ty.check(&format!("{path}[{i}]"), item, check);
                }
                true
            }
            _ => false,
        };
        if !right {
            check.malformed(path, "type", format!("must be {}", self.name()));
        }
    }

    /// A value that has the form of one of the types is held to that type's limits.
    fn check_either(types: [Self; 2], path: &str, value: &Value, check: &mut Checker) {
        for ty in types {
            let mut apart = Checker::new();
            ty.check(path, value, &mut apart);
            if apart.is_well_formed() {
                check.extend(apart.finish().err().unwrap_or_default());
                return;
            }
        }
        let [one, other] = types.map(Self::name);
        check.malformed(path, "type", format!("must be {one} or {other}"));
    }

    fn name(self) -> &'static str {
        match self {
            Self::Either(one, _) => one.name(),
            Self::Line(_) | Self::Text(_) | Self::Word(_) => "a text",
            Self::Email => "an e-mail address",
            Self::Url => "a URL",
            Self::Int(..) => "a whole number",
            Self::Number(..) => "a number",
            Self::Bool => "true or false",
            Self::Time => "an RFC 3339 timestamp",
            Self::Date => "a date, YYYY-MM-DD",
            Self::Id | Self::Ref(_) => "a UUID",
            Self::List(..) => "a list",
            Self::Scalar => "a text, a number, true or false",
            Self::Json => "a JSON value",
            Self::Object(_) | Self::Any | Self::Counts | Self::Map(_) => "an object",
        }
    }
}

/// A whole number, also where JSON writes it with a fraction of zero.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15)?;
        format!("{number:.0}").parse().ok()
    })
}

/// A word as it is kept: `informational` is `info` where that is one of the words.
pub(crate) fn word<'a>(words: &[&'static str], text: &'a str) -> &'a str {
    if text == "informational" && words.contains(&"info") { "info" } else { text }
}

/// A moment in UTC, to the microsecond that PostgreSQL keeps. Years outside 1-9999 are refused: PostgreSQL and
/// the wire could not agree on them.
pub(crate) fn moment(text: &str) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(time::UtcOffset::UTC)?;
    let at = at.replace_nanosecond(at.microsecond().checked_mul(1_000)?).ok()?;
    (1..=9999).contains(&at.year()).then_some(at)
}

/// A day.
pub(crate) fn day(text: &str) -> Option<Date> {
    Date::parse(text, &Iso8601::DATE).ok().filter(|date| (1..=9999).contains(&date.year()))
}

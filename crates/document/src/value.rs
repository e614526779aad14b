//! What a cell holds: typed, so that a workbook has real numbers and dates, and every format reads alike.

use grc_kernel::record::timestamp;
use serde_json::{Value as Json, json};
use time::{Date, OffsetDateTime};

use crate::{num, picture::Ink};

/// How a word is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not quite.
    Fair,
    /// Not as it should be.
    Bad,
    /// Far from it.
    Grave,
    /// Of little weight.
    Mild,
    /// Neither.
    Plain,
    /// In the organization's own colour.
    Own(Ink),
}

impl Tone {
    /// Its strong colour: bars, points, edges.
    pub fn ink(self) -> Ink {
        match self {
            Self::Good => Ink(0x00, 0x9e, 0x73),
            Self::Fair => Ink(0xe6, 0x9f, 0x00),
            Self::Bad => Ink(0xd5, 0x5e, 0x00),
            Self::Grave => Ink(0x8e, 0x1b, 0x3e),
            Self::Mild => Ink(0x56, 0xb4, 0xe9),
            Self::Plain => Ink(0xb4, 0xba, 0xc4),
            Self::Own(ink) => ink,
        }
    }

    /// The pale ground that a word stands on.
    pub fn ground(self) -> Ink {
        self.ink().towards(Ink(0xff, 0xff, 0xff), 0.84)
    }

    /// The colour of the word itself, dark enough to be read on its ground.
    pub fn word(self) -> Ink {
        self.ink().towards(Ink(0x10, 0x14, 0x1c), 0.55)
    }

    /// The tone of a severity or a level by its usual name.
    pub fn of_severity(word: &str) -> Self {
        match word {
            "critical" => Self::Grave,
            "high" => Self::Bad,
            "medium" => Self::Fair,
            "low" => Self::Mild,
            _ => Self::Plain,
        }
    }
}

/// What a cell or a fact holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    None,
    /// Text, as somebody wrote it.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with so many decimals; made by [`Value::number`], which rounds it.
    Number(f64, u8),
    /// A percentage with one decimal; made by [`Value::percent`].
    Percent(f64),
    /// A day.
    Date(Date),
    /// A moment.
    Time(OffsetDateTime),
    /// Yes or no.
    Bool(bool),
    /// A word of the service's own, with its tone.
    Word(String, Tone),
    /// Several texts.
    List(Vec<String>),
}

impl Value {
    /// A text; nothing where it is empty.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::None } else { Self::Text(text) }
    }

    /// A number, rounded; nothing where it is none.
    pub fn number(x: f64, decimals: u8) -> Self {
        if x.is_finite() { Self::Number(num::round(x, decimals), decimals) } else { Self::None }
    }

    /// A percentage, rounded.
    pub fn percent(x: f64) -> Self {
        if x.is_finite() { Self::Percent(num::round(x, 1)) } else { Self::None }
    }

    /// A word of a plain tone.
    pub fn word(word: impl Into<String>) -> Self {
        Self::Word(word.into(), Tone::Plain)
    }

    /// What an option holds, or nothing.
    pub fn maybe<T>(value: Option<T>, of: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::None, of)
    }

    /// Whether there is nothing.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None) || matches!(self, Self::List(items) if items.is_empty())
    }

    /// Whether it stands to the right in a column.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Number(..) | Self::Percent(_))
    }

    /// As people read it.
    pub fn read(&self) -> String {
        match self {
            Self::None => "–".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Int(n) => num::grouped(*n),
            Self::Number(x, decimals) => num::decimal(*x, *decimals),
            Self::Percent(x) => format!("{x:.1} %"),
            Self::Date(date) => date.to_string(),
            Self::Time(at) => minute(*at),
            Self::Bool(true) => "yes".to_owned(),
            Self::Bool(false) => "no".to_owned(),
            Self::Word(word, _) => said(word),
            Self::List(items) if items.is_empty() => "–".to_owned(),
            Self::List(items) => items.join(", "),
        }
    }

    /// As programs read it.
    pub fn to_json(&self) -> Json {
        match self {
            Self::None => Json::Null,
            Self::Text(text) | Self::Word(text, _) => text.clone().into(),
            Self::Int(n) => (*n).into(),
            Self::Number(x, _) | Self::Percent(x) => json!(x),
            Self::Date(date) => date.to_string().into(),
            Self::Time(at) => timestamp(*at).into(),
            Self::Bool(flag) => (*flag).into(),
            Self::List(items) => json!(items),
        }
    }
}

/// A moment to the minute, in UTC.
pub fn minute(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute())
}

/// A word of the wire as people say it: `not_applicable` is «Not applicable».
pub fn said(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_the_same_for_people_and_programs() {
        for (value, read, program) in [
            (Value::Int(1_014), "1,014", json!(1014)),
            (Value::percent(45.3125), "45.3 %", json!(45.3)),
            (Value::number(2.0 / 3.0, 2), "0.67", json!(0.67)),
            (Value::word("not_applicable"), "Not applicable", json!("not_applicable")),
            (Value::text(""), "–", Json::Null),
            (Value::List(vec!["a".into(), "b".into()]), "a, b", json!(["a", "b"])),
            (
                Value::Time(time::macros::datetime!(2026-03-01 09:05 UTC)),
                "2026-03-01 09:05 UTC",
                json!("2026-03-01T09:05:00Z"),
            ),
            (Value::number(f64::NAN, 2), "–", Json::Null),
        ] {
            assert_eq!(value.read(), read);
            assert_eq!(value.to_json(), program);
        }
    }
}

//! Opaque cursors: where a page ended, bound to the list they came from.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Filter, ListQuery, Scalar, Test, parse};
use crate::{
    fault::FieldError,
    record::{Record, timestamp},
};

/// The position after a row: its sort value (none where the field is absent) and its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// The row's sort value.
    pub value: Option<Scalar>,
    /// The row's id.
    pub id: Uuid,
}

impl Cursor {
    /// The position after a record in the request's order.
    pub fn of<T: Record>(query: &ListQuery, record: &T) -> Self {
        Self { value: record.sort_value(query.sort.field), id: record.id() }
    }

    /// The opaque text of the cursor.
    pub fn encode(&self, query: &ListQuery) -> String {
        let value = self.value.as_ref().map_or(Value::Null, |value| Value::String(value.to_text()));
        URL_SAFE_NO_PAD.encode(json!([digest(query), value, self.id.to_string()]).to_string())
    }

    /// Reads a cursor and checks that it belongs to the request.
    pub fn decode(text: &str, query: &ListQuery) -> Result<Self, FieldError> {
        let broken = || FieldError::new("cursor", "invalid", "is not a cursor of this list");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| broken())?;
        let [Value::String(seen), sort_value, Value::String(id)] =
            value.as_array().map(Vec::as_slice).ok_or_else(broken)?
        else {
            return Err(broken());
        };
        if *seen != digest(query) {
            return Err(FieldError::new("cursor", "other_list", "belongs to a list with another sort or filter"));
        }
        let id = Uuid::parse_str(id).map_err(|_| broken())?;
        let value = match sort_value {
            Value::Null => None,
            Value::String(text) => Some(parse::scalar(query.sort.field.kind, text).map_err(|_| broken())?),
            _ => return Err(broken()),
        };
        Ok(Self { value, id })
    }
}

/// A digest of the resource, the sort and the filter. The page size may change between pages.
fn digest(query: &ListQuery) -> String {
    let mut text = format!(
        "{}|{}|{}|{}",
        query.spec.resource,
        query.sort.field.name,
        query.sort.descending,
        query.search.join(" ")
    );
    for filter in &query.filters {
        text.push('|');
        text.push_str(&describe(filter));
    }
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    hex::encode(hash.first_chunk::<8>().unwrap_or(&[0; 8]))
}

fn describe(filter: &Filter) -> String {
    let (op, values): (&str, Vec<String>) = match &filter.test {
        Test::AnyOf(values) => ("=", values.iter().map(Scalar::to_text).collect()),
        Test::NoneOf(values) => ("!", values.iter().map(Scalar::to_text).collect()),
        Test::AtLeast(value) => (">", vec![value.to_text()]),
        Test::AtMost(value) => ("<", vec![value.to_text()]),
        Test::Null(null) => ("0", vec![null.to_string()]),
        Test::Any(filters) => ("?", filters.iter().map(describe).collect()),
    };
    format!("{}{op}{}", filter.field.name, Value::from(values))
}

impl Scalar {
    /// The text that [`parse::scalar`] reads back.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Bool(flag) => flag.to_string(),
            Self::Time(at) => timestamp(*at),
            Self::Date(date) => date.to_string(),
            Self::Id(id) => id.to_string(),
        }
    }
}

//! What was read: an object that follows its shape.

use serde_json::{Map, Value};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::ty::{day, moment};
use crate::{fault::FieldError, patch::Patch};

/// A body that follows its shape.
#[derive(Clone, Debug, Default)]
pub struct Input(Map<String, Value>, Vec<FieldError>);

impl Input {
    /// The members of a body that was checked.
    pub(super) fn new(members: Map<String, Value>, broken: Vec<FieldError>) -> Self {
        Self(members, broken)
    }

    /// The limits that it breaks, where its reader let them pass.
    pub fn broken(&self) -> &[FieldError] {
        &self.1
    }

    /// The members, as they were sent.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A member's value; none where it is absent or null.
    pub fn get<T: FromJson>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(T::from_json)
    }

    /// A member as a merge patch sees it.
    pub fn patch<T: FromJson>(&self, name: &str) -> Patch<T> {
        match self.0.get(name) {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            Some(value) => T::from_json(value).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// A required text; the shape saw to it that it is there.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }
}

/// What a member can be read as.
pub trait FromJson: Sized {
    /// The value; none where the JSON is of another type, which the shape has ruled out.
    fn from_json(value: &Value) -> Option<Self>;
}

impl FromJson for String {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromJson for i64 {
    fn from_json(value: &Value) -> Option<Self> {
        super::whole(value)
    }
}

impl FromJson for f64 {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

impl FromJson for bool {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromJson for Uuid {
    fn from_json(value: &Value) -> Option<Self> {
        Self::parse_str(value.as_str()?).ok()
    }
}

impl FromJson for OffsetDateTime {
    fn from_json(value: &Value) -> Option<Self> {
        moment(value.as_str()?)
    }
}

impl FromJson for Date {
    fn from_json(value: &Value) -> Option<Self> {
        day(value.as_str()?)
    }
}

impl FromJson for Map<String, Value> {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_object().cloned()
    }
}

impl FromJson for Input {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(|members| Self(members, Vec::new()))
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value) -> Option<Self> {
        Some(value.as_array()?.iter().filter_map(T::from_json).collect())
    }
}

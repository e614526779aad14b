//! JSON objects, declared once: the declaration reads request bodies (every mistake reported at once) and is
//! the schema in the OpenAPI document.

use grc_kernel::{Checker, FieldError, Patch};
use serde_json::{Map, Value, json};
use time::{
    Date, OffsetDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};
use uuid::Uuid;

/// The type of a member.
#[derive(Clone, Copy, Debug)]
pub enum Ty {
    /// One line of text of at most so many characters, never empty.
    Line(usize),
    /// Text of at most so many characters.
    Text(usize),
    /// One of these words.
    Word(&'static [&'static str]),
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
    /// At most so many of these.
    List(&'static Ty, usize),
    /// An object of this shape.
    Object(&'static Shape),
    /// Any JSON object.
    Any,
    /// An object whose members are whole numbers.
    Counts,
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Ty,
    /// What it is.
    pub doc: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be null.
    pub nullable: bool,
}

/// A member that may be absent, and null.
pub const fn may(name: &'static str, ty: Ty, doc: &'static str) -> Member {
    Member { name, ty, doc, required: false, nullable: true }
}

/// A member that must be there.
pub const fn must(name: &'static str, ty: Ty, doc: &'static str) -> Member {
    Member { name, ty, doc, required: true, nullable: false }
}

/// A member that is always there in an answer, but may be null.
pub const fn null(name: &'static str, ty: Ty, doc: &'static str) -> Member {
    Member { name, ty, doc, required: true, nullable: true }
}

/// An object.
#[derive(Debug)]
pub struct Shape {
    /// Its name among the document's components.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its members; the shapes' members concatenated.
    pub members: &'static [&'static [Member]],
    /// Whether it carries the bookkeeping of a stored resource.
    pub stored: bool,
}

/// The bookkeeping of a stored resource.
pub const META: &[Member] = &[
    must("id", Ty::Id, "Its id."),
    must("created_at", Ty::Time, "When it was created."),
    must("updated_at", Ty::Time, "When it last changed."),
    must("created_by", Ty::Id, "The user or key that created it; nil for the service itself."),
    must("revision", Ty::Int(1, i64::MAX), "1 at first, one more with every change."),
];

impl Shape {
    /// All members.
    pub fn all(&self) -> impl Iterator<Item = &'static Member> {
        let meta: &'static [Member] = if self.stored { META } else { &[] };
        meta.iter().chain(self.members.iter().copied().flatten())
    }

    /// Reads a request body: unknown members, missing ones and wrong types are all reported.
    pub fn read(&self, bytes: &[u8]) -> Result<Input, ReadError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Syntax("the body is not UTF-8".to_owned()))?;
        let value: Value =
            serde_json::from_str(text).map_err(|error| ReadError::Syntax(format!("the body is not JSON: {error}")))?;
        let Value::Object(members) = value else {
            return Err(ReadError::Fields(vec![FieldError::new("body", "type", "must be an object")]));
        };
        let mut check = Checker::new();
        self.check("", &members, &mut check);
        check.finish().map_err(ReadError::Fields)?;
        Ok(Input(members))
    }

    fn check(&self, path: &str, members: &Map<String, Value>, check: &mut Checker) {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for name in members.keys() {
            if !self.all().any(|member| member.name == name) {
                check.note(at(name), "unknown", "is not a member that may be set here");
            }
        }
        for member in self.all() {
            match members.get(member.name) {
                None | Some(Value::Null) if member.required => check.note(at(member.name), "required", "must be given"),
                None | Some(Value::Null) => {}
                Some(value) => member.ty.check(&at(member.name), value, check),
            }
        }
    }

    /// The schema, with references to the shapes it holds.
    pub fn schema(&self) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for member in self.all() {
            let mut schema = member.ty.schema();
            if member.nullable {
                schema = nullable(schema);
            }
            if let Value::Object(members) = &mut schema
                && !members.contains_key("$ref")
            {
                members.insert("description".into(), member.doc.into());
            }
            properties.insert(member.name.to_owned(), schema);
            if member.required {
                required.push(member.name);
            }
        }
        let mut schema = json!({
            "type": "object", "title": self.name, "description": self.doc, "properties": properties, "additionalProperties": false,
        });
        if !required.is_empty()
            && let Value::Object(members) = &mut schema
        {
            members.insert("required".into(), json!(required));
        }
        schema
    }

    /// An example that follows the schema.
    pub fn example(&self) -> Value {
        Value::Object(
            self.all()
                .filter(|m| m.required)
                .map(|member| (member.name.to_owned(), member.ty.example(member.name)))
                .collect(),
        )
    }

    /// The shapes that this one holds, itself included.
    pub fn walk(&'static self, visit: &mut dyn FnMut(&'static Self)) {
        visit(self);
        for member in self.all() {
            member.ty.walk(visit);
        }
    }
}

/// Adds `null` to what a schema allows.
fn nullable(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    match members.get("type").cloned() {
        Some(Value::String(name)) => {
            members.insert("type".into(), json!([name, "null"]));
            if let Some(Value::Array(words)) = members.get_mut("enum") {
                words.push(Value::Null);
            }
            Value::Object(members)
        }
        _ => json!({"anyOf": [Value::Object(members), {"type": "null"}]}),
    }
}

impl Ty {
    fn check(self, path: &str, value: &Value, check: &mut Checker) {
        let right = match (self, value) {
            (Self::Line(_) | Self::Text(_) | Self::Word(_), Value::String(_)) => true,
            (Self::Int(..), Value::Number(number)) => number.is_i64(),
            (Self::Number(..), Value::Number(_)) | (Self::Bool, Value::Bool(_)) | (Self::Any, Value::Object(_)) => true,
            (Self::Time, Value::String(text)) => time(text).is_some(),
            (Self::Date, Value::String(text)) => {
                Date::parse(text, &Iso8601::DATE).is_ok_and(|date| (1..=9999).contains(&date.year()))
            }
            (Self::Id, Value::String(text)) => Uuid::parse_str(text).is_ok(),
            (Self::Object(shape), Value::Object(members)) => {
                shape.check(path, members, check);
                true
            }
            (Self::List(ty, _), Value::Array(items)) => {
                // The number of entries is the use case's question; what is read here is bounded by the body.
                for (i, item) in items.iter().enumerate() {
                    ty.check(&format!("{path}[{i}]"), item, check);
                }
                true
            }
            _ => false,
        };
        check.ensure(right, path, "type", format!("must be {}", self.name()));
    }

    fn name(self) -> &'static str {
        match self {
            Self::Line(_) | Self::Text(_) | Self::Word(_) => "a text",
            Self::Int(..) => "a whole number",
            Self::Number(..) => "a number",
            Self::Bool => "true or false",
            Self::Time => "an RFC 3339 timestamp",
            Self::Date => "a date, YYYY-MM-DD",
            Self::Id => "a UUID",
            Self::List(..) => "a list",
            Self::Object(_) | Self::Any | Self::Counts => "an object",
        }
    }

    /// The schema.
    pub fn schema(self) -> Value {
        match self {
            Self::Line(max) => json!({"type": "string", "minLength": 1, "maxLength": max}),
            Self::Text(max) => json!({"type": "string", "maxLength": max}),
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::Int(min, i64::MAX) => json!({"type": "integer", "minimum": min}),
            Self::Int(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
            Self::Number(min, max) => json!({"type": "number", "minimum": min, "maximum": max}),
            Self::Bool => json!({"type": "boolean"}),
            Self::Time => json!({"type": "string", "format": "date-time"}),
            Self::Date => json!({"type": "string", "format": "date"}),
            Self::Id => json!({"type": "string", "format": "uuid"}),
            Self::List(ty, max) => json!({"type": "array", "items": ty.schema(), "maxItems": max}),
            Self::Object(shape) => json!({"$ref": format!("#/components/schemas/{}", shape.name)}),
            Self::Any => json!({"type": "object", "additionalProperties": true}),
            Self::Counts => json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        }
    }

    fn example(self, name: &str) -> Value {
        match self {
            Self::Line(_) | Self::Text(_) if name == "email" => json!("ada@example.com"),
            Self::Line(max) | Self::Text(max) => json!(name.replace('_', " ").chars().take(max).collect::<String>()),
            Self::Word(words) => json!(words.first()),
            Self::Int(min, _) => json!(min),
            Self::Number(min, _) => json!(min),
            Self::Bool => json!(false),
            Self::Time => json!("2026-03-01T12:00:00Z"),
            Self::Date => json!("2026-03-01"),
            Self::Id => json!("019cdf6a-6000-7a5b-8c1d-2e3f40516273"),
            Self::List(ty, _) => json!([ty.example(name)]),
            Self::Object(shape) => shape.example(),
            Self::Any | Self::Counts => json!({}),
        }
    }

    fn walk(self, visit: &mut dyn FnMut(&'static Shape)) {
        match self {
            Self::Object(shape) => shape.walk(visit),
            Self::List(ty, _) => ty.walk(visit),
            _ => {}
        }
    }
}

fn time(text: &str) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(time::UtcOffset::UTC)?;
    // PostgreSQL keeps microseconds.
    let at = at.replace_nanosecond(at.microsecond().checked_mul(1_000)?).ok()?;
    (1..=9999).contains(&at.year()).then_some(at)
}

/// Why a body could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// It is not JSON.
    Syntax(String),
    /// It does not follow its shape.
    Fields(Vec<FieldError>),
}

/// A body that follows its shape.
#[derive(Clone, Debug, Default)]
pub struct Input(Map<String, Value>);

impl Input {
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
        value.as_i64()
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
        time(value.as_str()?)
    }
}

impl FromJson for Date {
    fn from_json(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?, &Iso8601::DATE).ok()
    }
}

impl FromJson for Map<String, Value> {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_object().cloned()
    }
}

impl FromJson for Input {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value) -> Option<Self> {
        Some(value.as_array()?.iter().filter_map(T::from_json).collect())
    }
}

/// A type that stands for a shape, for handlers' signatures.
pub trait Shaped: 'static {
    /// The shape.
    const SHAPE: &'static Shape;
}

/// Declares shapes: `shapes! { FindingPatch { ... } }`.
#[macro_export]
macro_rules! shapes {
    ($($(#[doc = $doc:literal])+ $(@$stored:ident)? $name:ident [$($members:expr),* $(,)?]),+ $(,)?) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub struct $name;

            impl $crate::http::shape::Shaped for $name {
                const SHAPE: &'static $crate::http::shape::Shape = &$crate::http::shape::Shape {
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    members: &[$($members),*],
                    stored: $crate::shapes!(@stored $($stored)?),
                };
            }
        )+

        /// The shapes of this file, for the OpenAPI document.
        pub static SHAPES: &[&$crate::http::shape::Shape] = &[$(<$name as $crate::http::shape::Shaped>::SHAPE),+];
    };
    (@stored stored) => { true };
    (@stored) => { false };
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: Shape =
        Shape { name: "Inner", doc: "", members: &[&[must("size", Ty::Int(0, 9), "")]], stored: false };
    const OUTER: Shape = Shape {
        name: "Outer",
        doc: "",
        members: &[&[
            must("name", Ty::Line(5), ""),
            may("at", Ty::Time, ""),
            may("parts", Ty::List(&Ty::Object(&INNER), 3), ""),
            may("ids", Ty::List(&Ty::Id, 3), ""),
        ]],
        stored: false,
    };

    #[test]
    fn every_mistake_is_reported_with_its_path() {
        let body =
            br#"{"names": "x", "at": "yesterday", "parts": [{"size": 1}, {"size": "1", "id": 4}], "ids": ["x"]}"#;
        let Err(ReadError::Fields(errors)) = OUTER.read(body) else { panic!("it is wrong") };
        let found: Vec<String> = errors.into_iter().map(|e| format!("{} {}", e.field, e.code)).collect();
        assert_eq!(
            found,
            ["names unknown", "name required", "at type", "parts[1].id unknown", "parts[1].size type", "ids[0] type"]
        );
        assert!(matches!(OUTER.read(b"{"), Err(ReadError::Syntax(_))));
        assert!(matches!(OUTER.read(b"\xff"), Err(ReadError::Syntax(_))));
        assert!(matches!(OUTER.read(b"[]"), Err(ReadError::Fields(_))));
    }

    #[test]
    fn a_patch_has_three_states() {
        const SHAPE: Shape = Shape {
            name: "P",
            doc: "",
            members: &[&[may("a", Ty::Text(9), ""), may("b", Ty::Text(9), ""), may("c", Ty::Text(9), "")]],
            stored: false,
        };
        let input = SHAPE.read(br#"{"a": null, "b": "x"}"#).unwrap();
        assert_eq!(input.patch::<String>("a"), Patch::Clear);
        assert_eq!(input.patch::<String>("b"), Patch::Set("x".into()));
        assert_eq!(input.patch::<String>("c"), Patch::Keep);
    }
}

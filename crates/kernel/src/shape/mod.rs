//! JSON objects, declared once: the declaration reads what a client sends (every mistake reported at once, every
//! limit enforced) and is the schema in the OpenAPI document.
//!
//! [`Ty`] is the type of a member with its limits, [`Member`] a member, [`Shape`] an object. What was read is an
//! [`Input`].

pub mod forms;
mod input;
mod json;
mod schema;
mod ty;

pub use input::{FromJson, Input};
pub use json::{parse, strict};
pub use ty::Ty;
pub(crate) use ty::{day, moment, whole, word};

use serde_json::{Map, Value};

use crate::{check::Checker, fault::FieldError};

/// Who sets a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Clients, at any time.
    Settable,
    /// Clients, when the record is created.
    Fixed,
    /// Clients, once the record is there.
    Later,
    /// The service.
    Computed,
    /// Clients, but nobody is shown it: a secret.
    WriteOnly,
    /// The service, for itself: nobody sets it and nobody is shown it.
    Hidden,
}

impl Role {
    /// Whether answers and the journal show such a member.
    pub const fn is_shown(self) -> bool {
        !matches!(self, Self::WriteOnly | Self::Hidden)
    }

    /// Whether the service sets such a member, and no client.
    pub const fn is_the_services(self) -> bool {
        matches!(self, Self::Computed | Self::Hidden)
    }
}

/// What an absent member of a new record is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    /// This word or text.
    Text(&'static str),
    /// This number.
    Int(i64),
    /// This number.
    Number(f64),
    /// This.
    Bool(bool),
    /// The time of the request.
    Now,
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// The column that keeps it.
    pub column: &'static str,
    /// The parameter by which a list filters by it.
    pub param: &'static str,
    /// Its type and limits.
    pub ty: Ty,
    /// What it is.
    pub doc: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// Who sets it.
    pub role: Role,
    /// What it is where a new record does not say.
    pub preset: Option<Preset>,
    /// Whether `sort=` takes it.
    pub sortable: bool,
    /// Whether `q=` searches it.
    pub searched: bool,
    /// Whether a list filters by it.
    pub filtered: bool,
    /// Whether no two records of an organization may have the same.
    pub unique: bool,
    /// JSON text of an example, where the type's own would say nothing or be refused.
    pub sample: Option<&'static str>,
    /// Whether only some answers have it.
    pub occasional: bool,
    /// The fewest entries or characters of it.
    pub least: usize,
    /// The form of the text, of each of a list of texts, or of the names of an object's members.
    pub form: Option<forms::Form>,
}

impl Member {
    /// A member of a stored resource. Whether it may be null follows from its Rust type.
    pub const fn stored(name: &'static str, ty: Ty, nullable: bool, doc: &'static str) -> Self {
        Self {
            name,
            column: name,
            param: name,
            ty,
            doc,
            required: false,
            nullable,
            role: Role::Settable,
            preset: None,
            sortable: false,
            searched: false,
            filtered: ty.filters(),
            unique: false,
            sample: None,
            occasional: false,
            least: 0,
            form: None,
        }
    }

    /// A new record must have it.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// It is set when the record is created, and never again.
    #[must_use]
    pub const fn fixed(mut self) -> Self {
        self.role = Role::Fixed;
        self
    }

    /// It is no part of a new record; clients set it once the record is there.
    #[must_use]
    pub const fn later(mut self) -> Self {
        self.role = Role::Later;
        self
    }

    /// The service sets it.
    #[must_use]
    pub const fn computed(mut self) -> Self {
        self.role = Role::Computed;
        self
    }

    /// Clients set it and are never shown it; nor is the journal.
    #[must_use]
    pub const fn write_only(mut self) -> Self {
        self.role = Role::WriteOnly;
        self.filtered = false;
        self
    }

    /// The service keeps it for itself: no client sets it or is shown it, nor is the journal.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.role = Role::Hidden;
        self.filtered = false;
        self
    }

    /// `sort=` takes it.
    #[must_use]
    pub const fn sorts(mut self) -> Self {
        self.sortable = true;
        self.filtered = true;
        self
    }

    /// Lists filter by it.
    #[must_use]
    pub const fn filters(mut self) -> Self {
        self.filtered = true;
        self
    }

    /// `q=` searches it.
    #[must_use]
    pub const fn searches(mut self) -> Self {
        self.searched = true;
        self
    }

    /// Only some answers have it.
    #[must_use]
    pub const fn occasional(mut self) -> Self {
        self.occasional = true;
        self
    }

    /// It has at least so many entries or characters. This is for the document: the record's rules see to it, wherever
    /// the record comes from.
    #[must_use]
    pub const fn at_least(mut self, least: usize) -> Self {
        self.least = least;
        self
    }

    /// Its form: of the text, of each of a list of texts, of the names of an object's members. This is for the document: the record's rules see to it, wherever the record comes from.
    #[must_use]
    pub const fn of_form(mut self, form: forms::Form) -> Self {
        self.form = Some(form);
        self
    }

    /// No two records of an organization may have the same.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// An example of it, as JSON text.
    #[must_use]
    pub const fn sample(mut self, json: &'static str) -> Self {
        self.sample = Some(json);
        self
    }

    /// What it is where a new record does not say.
    #[must_use]
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// It has another name on the wire and in the table than in Rust.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self.column = name;
        self.param = name;
        self
    }

    /// Its column has another name than the wire.
    #[must_use]
    pub const fn stored_as(mut self, column: &'static str) -> Self {
        self.column = column;
        self
    }

    /// Lists filter by it under another name.
    #[must_use]
    pub const fn asked_as(mut self, param: &'static str) -> Self {
        self.param = param;
        self
    }
}

/// A member that may be absent, and null.
pub const fn may(name: &'static str, ty: Ty, doc: &'static str) -> Member {
    Member::stored(name, ty, true, doc)
}

/// A member that may be absent, but not null.
pub const fn absent(name: &'static str, ty: Ty, doc: &'static str) -> Member {
    Member::stored(name, ty, false, doc)
}

/// A member that must be there.
pub const fn must(name: &'static str, ty: Ty, doc: &'static str) -> Member {
    Member::stored(name, ty, false, doc).required()
}

/// A member that is always there in an answer, but may be null.
pub const fn null(name: &'static str, ty: Ty, doc: &'static str) -> Member {
    Member::stored(name, ty, true, doc).required()
}

/// Which side of a resource an object shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// An object of its own, with exactly its members.
    Plain,
    /// A stored thing as it is answered: its members as they are declared, and its bookkeeping.
    Stored,
    /// A resource as it is answered: all that may be shown is there, and its bookkeeping.
    Shown,
    /// What creates it.
    Create,
    /// What changes it.
    Patch,
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
    /// Which of them it shows.
    pub view: View,
}

/// The bookkeeping of a stored resource.
pub const META: &[Member] = &[
    must("id", Ty::Id, "Its id."),
    must("created_at", Ty::Time, "When it was created."),
    must("updated_at", Ty::Time, "When it last changed."),
    must("created_by", Ty::Id, "The user or key that created it; nil for the service itself."),
    must(
        "revision",
        Ty::Int(0, i64::MAX),
        "1 at first, one more with every change; 0 of a setting that nobody set yet.",
    ),
];

/// Why a body could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// It is not JSON.
    Syntax(String),
    /// It does not follow its shape.
    Fields(Vec<FieldError>),
}

impl Shape {
    /// All members that this view shows.
    ///
    /// In what a client sends, null means what it does in a merge patch (RFC 7396), absence: of a new record's member
    /// that need not be given, and of a list, which is then empty.
    pub fn all(&self) -> impl Iterator<Item = Member> {
        let stored = matches!(self.view, View::Stored | View::Shown);
        let meta: &'static [Member] = if stored { META } else { &[] };
        let view = self.view;
        meta.iter().chain(self.members.iter().copied().flatten()).filter_map(move |member| {
            let mut member = *member;
            match (view, member.role) {
                (View::Plain | View::Stored, _) => {}
                (View::Shown, role) if !role.is_shown() => return None,
                (View::Create | View::Patch, role) if role.is_the_services() => return None,
                (View::Create, Role::Later) | (View::Patch, Role::Fixed) => return None,
                (View::Shown, _) => member.required |= !member.occasional,
                (View::Create, _) => member.nullable |= !member.required,
                (View::Patch, _) => {
                    member.required = false;
                    // Without an entry it would be empty.
                    member.nullable |= matches!(member.ty, Ty::List(..)) && member.least == 0;
                }
            }
            Some(member)
        })
    }

    /// Reads a request body: unknown members, missing ones, wrong types and broken limits are all reported.
    pub fn read(&self, bytes: &[u8]) -> Result<Input, ReadError> {
        let input = self.read_form(bytes)?;
        if input.broken().is_empty() { Ok(input) } else { Err(ReadError::Fields(input.broken().to_vec())) }
    }

    /// Reads a request body for a use case that goes on to look for errors of its own, so that all are reported
    /// together: a body that is well-formed passes, with the limits that it breaks.
    pub fn read_form(&self, bytes: &[u8]) -> Result<Input, ReadError> {
        let Value::Object(members) = parse(bytes).map_err(ReadError::Syntax)? else {
            return Err(ReadError::Fields(vec![FieldError::new("body", "type", "must be an object")]));
        };
        let mut check = Checker::new();
        self.check("", &members, &mut check);
        let formed = check.is_well_formed();
        match check.finish() {
            Ok(()) => Ok(Input::new(members, Vec::new())),
            Err(broken) if formed => Ok(Input::new(members, broken)),
            Err(errors) => Err(ReadError::Fields(errors)),
        }
    }

    /// Notes everything that is wrong with an object.
    pub fn check(&self, path: &str, members: &Map<String, Value>, check: &mut Checker) {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for name in members.keys() {
            if !self.all().any(|member| member.name == name) {
                check.malformed(at(name), "unknown", "is not a member that may be set here");
            }
        }
        for member in self.all() {
            match members.get(member.name) {
                None | Some(Value::Null) if member.required => {
                    check.malformed(at(member.name), "required", "must be given");
                }
                Some(Value::Null) if !member.nullable && matches!(self.view, View::Create | View::Patch) => {
                    check.malformed(at(member.name), "required", "may not be null");
                }
                None | Some(Value::Null) => {}
                Some(value) => match (self.view, member.ty, value) {
                    // A merge patch goes into objects (RFC 7396): what it leaves out there is kept too.
                    (View::Patch, Ty::Object(shape), Value::Object(part)) => {
                        shape.check_part(&at(member.name), part, check);
                    }
                    (_, ty, value) => ty.check(&at(member.name), value, check),
                },
            }
        }
    }

    /// Notes everything that is wrong with a part of an object, in a merge patch. Whether what comes of it is whole can
    /// only be said once it is merged.
    fn check_part(&self, path: &str, part: &Map<String, Value>, check: &mut Checker) {
        for (name, value) in part {
            let at = format!("{path}.{name}");
            match (self.all().find(|member| member.name == name), value) {
                (None, _) => check.malformed(at, "unknown", "is not a member that may be set here"),
                (Some(_), Value::Null) => {}
                (Some(Member { ty: Ty::Object(shape), .. }), Value::Object(part)) => {
                    shape.check_part(&at, part, check);
                }
                (Some(member), value) => member.ty.check(&at, value, check),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Patch;

    const INNER: Shape =
        Shape { name: "Inner", doc: "", members: &[&[must("size", Ty::Int(0, 9), "")]], view: View::Plain };
    const OUTER: Shape = Shape {
        name: "Outer",
        doc: "",
        members: &[&[
            must("name", Ty::Line(5), ""),
            may("at", Ty::Time, ""),
            may("parts", Ty::List(&Ty::Object(&INNER), 3), ""),
            may("ids", Ty::List(&Ty::Id, 3), ""),
            may("bound", Ty::Either(&Ty::Number(0.0, 9.0), &Ty::List(&Ty::Number(0.0, 9.0), 2)), ""),
        ]],
        view: View::Plain,
    };

    fn errors(body: &[u8]) -> Vec<String> {
        let Err(ReadError::Fields(errors)) = OUTER.read(body) else { panic!("it is wrong") };
        errors.into_iter().map(|e| format!("{} {}", e.field, e.code)).collect()
    }

    #[test]
    fn every_mistake_is_reported_with_its_path() {
        let body =
            br#"{"names": "x", "at": "yesterday", "parts": [{"size": 1}, {"size": "1", "id": 4}], "ids": ["x"]}"#;
        let found = errors(body);
        let expected =
            ["names unknown", "name required", "at type", "parts[1].id unknown", "parts[1].size type", "ids[0] type"];
        assert_eq!(found, expected);
        for broken in [&b"{"[..], b"\xff", br#"{"name": "a", "name": "b"}"#, br#"{"name": 1e999}"#] {
            assert!(matches!(OUTER.read(broken), Err(ReadError::Syntax(_))), "{broken:?}");
        }
        assert!(matches!(OUTER.read(b"[]"), Err(ReadError::Fields(_))));
    }

    #[test]
    fn every_limit_is_enforced() {
        let body =
            br#"{"name": "123456", "parts": [{"size": 10}, {"size": -1}, {"size": 1}, {"size": 2.5}], "ids": []}"#;
        let expected = [
            "name too_long",
            "parts too_many",
            "parts[0].size out_of_range",
            "parts[1].size out_of_range",
            "parts[3].size type",
        ];
        assert_eq!(errors(body), expected);
        assert_eq!(errors(br#"{"name": " "}"#), ["name required"]);
        assert_eq!(errors(br#"{"name": "a", "bound": 10}"#), ["bound out_of_range"]);
        assert_eq!(errors(br#"{"name": "a", "bound": [1, 10]}"#), ["bound[1] out_of_range"]);
        assert_eq!(errors(br#"{"name": "a", "bound": "1"}"#), ["bound type"]);
        assert!(OUTER.read(br#"{"name": "a", "bound": [1, 2]}"#).is_ok());
        assert_eq!(errors(br#"{"name": "a\u0000b"}"#), ["name control_character"]);
    }

    #[test]
    fn the_schema_states_the_form_and_the_least() {
        const NAMED: Shape = Shape {
            name: "Named",
            doc: "",
            members: &[&[
                must("country", Ty::Line(2), "").of_form(forms::COUNTRY),
                must("refs", Ty::List(&Ty::Line(200), 9), "").of_form(forms::REQUIREMENT).at_least(1),
                may("by_name", Ty::Map(&Ty::Bool), "").of_form(forms::form("^(a|b)$", "a")),
                may("why", Ty::Text(9), "").at_least(2),
            ]],
            view: View::Patch,
        };
        let schema = NAMED.schema();
        let of = |member: &str| schema["properties"][member].clone();
        assert_eq!(of("country")["pattern"], forms::COUNTRY.pattern);
        assert_eq!(
            (&of("refs")["items"]["pattern"], &of("refs")["minItems"]),
            (&forms::REQUIREMENT.pattern.into(), &1.into())
        );
        assert_eq!(of("refs")["type"], "array", "it may not be emptied");
        assert_eq!(of("by_name")["propertyNames"]["pattern"], "^(a|b)$");
        assert_eq!(of("why")["minLength"], 2);
        assert_eq!(NAMED.example(), serde_json::json!({"country": "DE", "refs": ["SOC2_TYPE2:CC6.1"]}));
    }

    #[test]
    fn a_patch_has_three_states() {
        const SHAPE: Shape = Shape {
            name: "P",
            doc: "",
            members: &[&[may("a", Ty::Text(9), ""), may("b", Ty::Text(9), ""), may("c", Ty::Text(9), "")]],
            view: View::Plain,
        };
        let input = SHAPE.read(br#"{"a": null, "b": "x"}"#).unwrap();
        assert_eq!(input.patch::<String>("a"), Patch::Clear);
        assert_eq!(input.patch::<String>("b"), Patch::Set("x".into()));
        assert_eq!(input.patch::<String>("c"), Patch::Keep);
    }
}

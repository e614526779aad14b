//! Reading JSON members with every mistake noted: unknown ones, missing ones, wrong types.

use grc_kernel::Checker;
use serde_json::{Map, Value};

/// One object of the input, and the path to it.
#[derive(Clone)]
pub(crate) struct Reader<'v> {
    path: String,
    members: &'v Map<String, Value>,
}

impl<'v> Reader<'v> {
    /// The object at `path`, or a noted error.
    pub(crate) fn new(value: &'v Value, path: &str, check: &mut Checker) -> Option<Self> {
        match value.as_object() {
            Some(members) => Some(Self { path: path.to_owned(), members }),
            None => {
                check.note(if path.is_empty() { "body" } else { path }, "type", "must be an object");
                None
            }
        }
    }

    /// The path of the object itself.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Whether the member is given. Null counts as not given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The member, unless it is absent or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// The names of all members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'v str> {
        self.members.keys().map(String::as_str)
    }

    /// Notes every member that is not known here.
    pub(crate) fn only(&self, known: &[&str], check: &mut Checker) {
        for name in self.names().filter(|name| !known.contains(name)) {
            let detail = format!("is not a member here; known are {}", known.join(", "));
            check.note(self.at(name), "unknown", detail);
        }
    }

    /// A number, if given.
    pub(crate) fn number(&self, name: &str, check: &mut Checker) -> Option<f64> {
        let value = self.get(name)?;
        let number = value.as_f64().filter(|number| number.is_finite());
        if number.is_none() {
            check.note(self.at(name), "type", "must be a number");
        }
        // Minus zero is zero, and must not give another digest.
        number.map(|number| number + 0.0)
    }

    /// A number that must be given.
    pub(crate) fn required(&self, name: &str, check: &mut Checker) -> Option<f64> {
        if !self.has(name) {
            check.note(self.at(name), "required", "must be given");
            return None;
        }
        self.number(name, check)
    }

    /// A whole number from 0 up, if given.
    pub(crate) fn integer(&self, name: &str, check: &mut Checker) -> Option<u64> {
        let value = self.get(name)?;
        let integer = value.as_u64().or_else(|| {
            // 1e6 and 1000000.0 are whole numbers too, up to where JSON readers agree on them.
            let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..4e15).contains(number))?;
            Some(crate::num::whole(number))
        });
        if integer.is_none() {
            check.note(self.at(name), "type", "must be a whole number from 0 to 18446744073709551615");
        }
        integer
    }

    /// A word, if given.
    pub(crate) fn word(&self, name: &str, check: &mut Checker) -> Option<&'v str> {
        let value = self.get(name)?;
        let word = value.as_str();
        if word.is_none() {
            check.note(self.at(name), "type", "must be a string");
        }
        word
    }

    /// An object, if given.
    pub(crate) fn object(&self, name: &str, check: &mut Checker) -> Option<Reader<'v>> {
        Reader::new(self.get(name)?, &self.at(name), check)
    }
}

/// A path and a member's name.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

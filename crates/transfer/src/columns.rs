//! Which column is which member, and what a row says of a record.

use std::collections::{BTreeMap, HashSet};

use grc_kernel::{
    FieldError, Uuid,
    shape::{Member, Ty},
};
use serde_json::{Map, Value};

use crate::{
    cell::{self, Raw},
    model::RowError,
    table::Said,
};

/// What a table of a register can have as columns.
#[derive(Debug)]
pub struct Known {
    /// What a client may say, the id and the record that it belongs to first.
    pub members: Vec<Member>,
    /// What the service shows beside it, which an import leaves alone.
    pub others: HashSet<&'static str>,
    /// The members by which a new record must be described.
    pub required: Vec<&'static str>,
}

impl Known {
    /// A member by its name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

/// Which member each heading of a client's file means; none for a column that is to be left out.
pub type Mapping = BTreeMap<String, Option<String>>;

/// The columns of one file.
#[derive(Debug, Default)]
pub struct Columns {
    headings: Vec<String>,
    places: Vec<Option<Member>>,
    mapping: Mapping,
    /// The columns that are left alone.
    pub ignored: Vec<String>,
}

/// A heading as a member would be written.
fn as_member(heading: &str) -> String {
    let words = heading.trim().trim_start_matches('\u{feff}').to_lowercase();
    words.split([' ', '-', '_']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

impl Columns {
    /// The columns of a file without a heading: each of its objects names its members.
    pub fn of_objects(mapping: Mapping) -> Self {
        Self { mapping, ..Self::default() }
    }

    /// The columns of a heading, where rows may find their records by some members. Every mistake is reported.
    pub fn of_heading(
        headings: Vec<String>,
        mapping: Mapping,
        matching: &[&'static str],
        known: &Known,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut seen: BTreeMap<&'static str, &str> = BTreeMap::new();
        let mut columns = Self::default();
        for name in mapping.keys().filter(|name| !headings.contains(name)) {
            errors.push(FieldError::new("mapping", "unknown_column", format!("the file has no column «{name}»")));
        }
        for (i, heading) in headings.iter().enumerate() {
            let field = || format!("columns[{i}]");
            let place = match columns_member(heading, &mapping, known) {
                Meant::Member(member) => {
                    if let Some(other) = seen.insert(member.name, heading) {
                        let detail = format!("«{heading}» and «{other}» are both {}", member.name);
                        errors.push(FieldError::new(field(), "doubled_column", detail));
                    }
                    Some(member)
                }
                Meant::Nothing => {
                    columns.ignored.push(heading.clone());
                    None
                }
                Meant::Unknown(name) => {
                    errors.push(FieldError::new(field(), "unknown_column", unknown(heading, &name, known)));
                    None
                }
            };
            columns.places.push(place);
        }
        let absent = known.required.iter().filter(|name| !seen.contains_key(*name));
        let absent: Vec<&str> = absent.copied().collect();
        // Records that are there already need no more than what they are found by.
        if !absent.is_empty() && !seen.keys().any(|name| *name == "id" || matching.contains(name)) {
            let detail = format!("a new record needs {}", absent.join(", "));
            errors.push(FieldError::new("columns", "missing_column", detail));
        }
        (columns.headings, columns.mapping) = (headings, mapping);
        if errors.is_empty() { Ok(columns) } else { Err(errors) }
    }

    /// The heading of the column that a member stands in.
    pub fn heading_of(&self, member: &str) -> Option<&str> {
        let place = self.places.iter().position(|place| place.is_some_and(|known| known.name == member));
        let place = place.and_then(|place| self.headings.get(place)).map(String::as_str);
        place.or_else(|| {
            let mapped = self.mapping.iter().find(|(_, to)| to.as_deref() == Some(member));
            mapped.map(|(heading, _)| heading.as_str())
        })
    }

    /// What a row says, and what is wrong with its cells.
    pub fn read(&self, said: Said, known: &Known) -> Written {
        let mut written = Written::default();
        match said {
            Said::Nothing(detail) => written.errors.push(RowError::whole("type", detail)),
            Said::Cells(cells) => {
                let more = cells.iter().skip(self.places.len()).any(|cell| !cell.is_empty());
                if more {
                    let detail = format!("has more cells than the heading, which has {}", self.places.len());
                    written.errors.push(RowError::whole("too_many_cells", detail));
                }
                for ((place, cell), heading) in self.places.iter().zip(&cells).zip(&self.headings) {
                    if let Some(member) = place {
                        written.take(member, heading, cell);
                    }
                }
            }
            Said::Object(members) => {
                for (name, value) in members {
                    match columns_member(&name, &self.mapping, known) {
                        Meant::Member(member) => written.take(&member, &name, &Raw::Json(value)),
                        Meant::Nothing => {}
                        Meant::Unknown(meant) => {
                            let mut error = RowError::whole("unknown_column", unknown(&name, &meant, known));
                            error.column = Some(name);
                            written.errors.push(error);
                        }
                    }
                }
            }
        }
        written
    }
}

enum Meant {
    Member(Member),
    Nothing,
    Unknown(String),
}

fn columns_member(heading: &str, mapping: &Mapping, known: &Known) -> Meant {
    let name = match mapping.get(heading) {
        Some(None) => return Meant::Nothing,
        Some(Some(name)) => name.clone(),
        None if known.member(heading).is_some() || known.others.contains(heading) => heading.to_owned(),
        None => as_member(heading),
    };
    match known.member(&name) {
        Some(member) => Meant::Member(*member),
        None if known.others.contains(name.as_str()) => Meant::Nothing,
        None => Meant::Unknown(name),
    }
}

fn unknown(heading: &str, name: &str, known: &Known) -> String {
    let all: Vec<&str> = known.members.iter().map(|member| member.name).collect();
    let said = if heading == name { format!("«{heading}»") } else { format!("«{heading}» (read as {name})") };
    format!("there is no column {said}; those that there are: {}", all.join(", "))
}

/// What a row says of a record: members that a client may say, as a request would; an absent one is not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The record's id.
    pub id: Option<Uuid>,
    /// The members, null for an empty cell.
    pub members: Map<String, Value>,
    /// What is wrong with its cells.
    pub errors: Vec<RowError>,
}

impl Written {
    fn take(&mut self, member: &Member, heading: &str, raw: &Raw) {
        // A heading was looked at as a whole; an object may say the same under two names.
        if self.members.contains_key(member.name) || (member.name == "id" && self.id.is_some()) {
            let detail = format!("says {} a second time", member.name);
            self.errors.push(RowError::cell(heading, member.name, "doubled_column", detail));
            return;
        }
        match cell::read(member.ty, raw) {
            Ok(value) if member.name == "id" => match value.as_str().map(Uuid::parse_str) {
                None if value.is_null() => {}
                Some(Ok(id)) => self.id = Some(id),
                _ => self.errors.push(RowError::cell(heading, "id", "type", "must be an id, or empty")),
            },
            Ok(value) => {
                self.members.insert(member.name.to_owned(), value);
            }
            Err(wrong) => {
                let mut error = RowError::cell(heading, member.name, wrong.code, wrong.detail);
                if !wrong.allowed.is_empty() {
                    error.allowed = Some(wrong.allowed.iter().map(|word| (*word).to_owned()).collect());
                }
                self.errors.push(error);
            }
        }
    }

    /// The names that stand where a reference should be: the kind that is referred to, and the text.
    pub fn names<'a>(&'a self, known: &'a Known) -> impl Iterator<Item = (&'static str, &'a str)> {
        known.members.iter().filter_map(|member| Some((kind_of(member.ty)?, self.members.get(member.name)?))).flat_map(
            |(kind, value)| {
                let texts: Vec<&str> = match value {
                    Value::String(text) => vec![text],
                    Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                    _ => Vec::new(),
                };
                texts.into_iter().filter(|text| Uuid::parse_str(text).is_err()).map(move |text| (kind, text))
            },
        )
    }

    /// Puts ids where names stand. What names nothing, or several, is an error of its cell.
    pub fn resolve(
        &mut self,
        known: &Known,
        columns: &Columns,
        found: &dyn Fn(&'static str, &str) -> Result<Uuid, Wanting>,
    ) {
        for member in &known.members {
            let Some(kind) = kind_of(member.ty) else { continue };
            let Some(value) = self.members.get_mut(member.name) else { continue };
            let mut wanting = Vec::new();
            let mut one = |text: &mut Value| {
                let Some(name) = text.as_str().filter(|name| Uuid::parse_str(name).is_err()) else { return };
                match found(kind, name) {
                    Ok(id) => *text = id.to_string().into(),
                    Err(why) => wanting.push(why.of(kind, name)),
                }
            };
            match value {
                Value::Array(items) => items.iter_mut().for_each(&mut one),
                value => one(value),
            }
            let heading = columns.heading_of(member.name).unwrap_or(member.name);
            self.errors
                .extend(wanting.into_iter().map(|(code, detail)| RowError::cell(heading, member.name, code, detail)));
        }
    }
}

/// Why a name stands for no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanting {
    /// No record is called so.
    None,
    /// Several are.
    Several,
    /// The caller may not read those records.
    Hidden,
}

impl Wanting {
    fn of(self, kind: &str, name: &str) -> (&'static str, String) {
        let what = kind.replace('_', " ");
        match self {
            Self::None if kind == "user" => {
                ("unknown_reference", format!("no active member has the e-mail address «{name}»"))
            }
            Self::None => ("unknown_reference", format!("no {what} has the id, reference or name «{name}»")),
            Self::Several => {
                ("ambiguous_reference", format!("several records of type {what} are called «{name}»: use the id"))
            }
            Self::Hidden => ("forbidden_reference", format!("finding a {what} by its name needs the right to read it")),
        }
    }
}

/// The kind of record that a member refers to.
pub fn kind_of(ty: Ty) -> Option<&'static str> {
    match ty {
        Ty::Ref(kind) => Some(kind),
        Ty::List(Ty::Ref(kind), _) => Some(*kind),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use grc_kernel::shape::must;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_that_says_a_member_under_two_names_is_no_row() {
        let members = vec![must("id", Ty::Id, "Its id."), must("title", Ty::Line(9), "Its title.")];
        let known = Known { members, others: HashSet::new(), required: vec!["title"] };
        let columns = Columns::of_objects(Mapping::new());
        let codes = |row: Value| {
            let row = row.as_object().cloned().unwrap();
            let written = columns.read(Said::Object(row), &known);
            written.errors.iter().map(|error| (error.column.clone().unwrap(), error.code.clone())).collect::<Vec<_>>()
        };
        let doubled = |name: &str| vec![(name.to_owned(), "doubled_column".to_owned())];
        assert_eq!(codes(json!({"title": "A"})), []);
        assert_eq!(codes(json!({"Title": "A", "title": "B"})), doubled("title"));
        assert_eq!(codes(json!({"ID": Uuid::nil(), "id": Uuid::nil()})), doubled("id"));
        assert_eq!(codes(json!({"weather": 1})), [("weather".to_owned(), "unknown_column".to_owned())]);
    }
}

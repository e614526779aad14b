//! What somebody wants a record to become: the members that a client sent, or what Rust code does to it.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{Cell, CellRef, Misfit, Resource};
use crate::{
    check::Checker,
    fault::FieldError,
    shape::{Input, Preset, Shape, Ty},
};

type Change<R> = Box<dyn FnOnce(&mut R, &mut Checker) + Send>;

enum Said<R> {
    /// Members by their place, with values that were checked against their types.
    Cells(Vec<(usize, Cell)>),
    /// Rust code, whose result is checked afterwards.
    Typed(Change<R>),
}

/// What a record is to become. In a merge patch (RFC 7396) absent members keep their values and null clears.
pub struct Changes<R> {
    said: Said<R>,
    broken: Vec<FieldError>,
    anywhere: bool,
}

impl<R> std::fmt::Debug for Changes<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secret.
        f.write_str("Changes")
    }
}

impl<R: Resource> Changes<R> {
    /// What a body says that was read by one of the resource's shapes. The limits that it breaks are reported with
    /// whatever else the use case finds.
    pub fn read(input: &Input) -> Self {
        let cells = R::MEMBERS.iter().enumerate().filter_map(|(i, member)| {
            let value = input.members().get(member.name)?;
            // The shape saw to it that the value fits.
            member.ty.to_cell(value).ok().map(|cell| (i, cell))
        });
        Self { said: Said::Cells(cells.collect()), broken: input.broken().to_vec(), anywhere: false }
    }

    /// Nothing is said.
    pub fn none() -> Self {
        Self { said: Said::Cells(Vec::new()), broken: Vec::new(), anywhere: false }
    }

    /// What Rust code does to the record.
    pub fn with(change: impl FnOnce(&mut R) + Send + 'static) -> Self {
        Self { said: Said::Typed(Box::new(move |record, _| change(record))), broken: Vec::new(), anywhere: false }
    }

    /// The same, and this on top, whatever was said of it before.
    #[must_use]
    pub fn and(self, change: impl FnOnce(&mut R) + Send + 'static) -> Self {
        let (first, broken, anywhere) = (self.said, self.broken, self.anywhere);
        let both = move |record: &mut R, check: &mut Checker| {
            match first {
                Said::Cells(cells) => set_all(record, cells, check),
                Said::Typed(before) => before(record, check),
            }
            change(record);
        };
        Self { said: Said::Typed(Box::new(both)), broken, anywhere }
    }

    /// The same, and this value of a member on top: the service says it, a client could not.
    #[must_use]
    pub fn set(mut self, name: &str, cell: Cell) -> Self {
        let Some(place) = R::MEMBERS.iter().position(|member| member.name == name) else { return self };
        match &mut self.said {
            Said::Cells(cells) => {
                cells.push((place, cell));
                self
            }
            Said::Typed(_) => self.and(move |record| {
                if let Some(attr) = R::ATTRS.get(place) {
                    let _ = (attr.set)(record, cell);
                }
            }),
        }
    }

    /// The same, and the machine's moves do not bind it: for a use case that decides itself where its record may go.
    #[must_use]
    pub fn anywhere(mut self) -> Self {
        self.anywhere = true;
        self
    }

    /// Whether the machine's moves bind it.
    pub(super) fn is_bound(&self) -> bool {
        !self.anywhere
    }

    /// The value that is said of a member; none where nothing is (Rust code is not asked).
    pub fn value(&self, name: &str) -> Option<&Cell> {
        let place = R::MEMBERS.iter().position(|member| member.name == name)?;
        match &self.said {
            Said::Cells(cells) => cells.iter().find(|(i, _)| *i == place).map(|(_, cell)| cell),
            Said::Typed(_) => None,
        }
    }

    /// Whether it surely leaves a record as it is: all that a client said is so already. Rust code is not asked.
    pub fn says_nothing_new(&self, record: &R) -> bool {
        let Said::Cells(cells) = &self.said else { return false };
        let so = |place: usize, cell: &Cell| R::ATTRS.get(place).is_some_and(|a| (a.get)(record).to_cell() == *cell);
        self.broken.is_empty() && cells.iter().all(|(place, cell)| so(*place, cell))
    }

    /// Makes a new record of it: what is not said is preset.
    pub(super) fn found(self, record: &mut R, now: OffsetDateTime, check: &mut Checker) {
        for (member, attr) in R::members() {
            let Some(cell) = member.preset.map(|preset| preset.cell(now)) else { continue };
            if (attr.set)(record, cell).is_err() {
                check.note(member.name, "type", "has a preset of another type");
            }
        }
        self.apply(record, check);
    }

    /// Does it to a record.
    pub(super) fn apply(self, record: &mut R, check: &mut Checker) {
        check.extend(self.broken);
        match self.said {
            Said::Cells(cells) => set_all(record, cells, check),
            Said::Typed(change) => {
                change(record, check);
                verify(record, check);
            }
        }
    }
}

fn set_all<R: Resource>(record: &mut R, cells: Vec<(usize, Cell)>, check: &mut Checker) {
    for (place, cell) in cells {
        let (Some(member), Some(attr)) = (R::MEMBERS.get(place), R::ATTRS.get(place)) else { continue };
        let cell = match (member.ty, cell) {
            (Ty::Object(_) | Ty::Map(_) | Ty::Any | Ty::Counts, Cell::Json(patch)) => {
                let mut whole = (attr.get)(record).to_json();
                merge(&mut whole, patch);
                let mut merged = Checker::new();
                member.ty.check(member.name, &whole, &mut merged);
                check.extend(merged.finish().err().unwrap_or_default());
                Cell::Json(whole)
            }
            (_, cell) => cell,
        };
        // What a shape let through fits; a member that does not keeps what it was.
        let _ = (attr.set)(record, cell);
    }
}

/// A merge patch applied to a document (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Holds a record that Rust code made to the limits that a client's is held to.
fn verify<R: Resource>(record: &R, check: &mut Checker) {
    for (member, attr) in R::members().filter(|(member, _)| !member.role.is_the_services()) {
        let value = (attr.get)(record).to_json();
        match (&value, member.nullable) {
            (Value::Null, true) => {}
            _ => member.ty.check(member.name, &value, check),
        }
    }
}

impl Preset {
    fn cell(self, now: OffsetDateTime) -> Cell {
        match self {
            Self::Text(text) => Cell::Text(text.to_owned()),
            Self::Int(number) => Cell::Int(number),
            Self::Number(number) => Cell::Number(number),
            Self::Bool(flag) => Cell::Bool(flag),
            Self::Now => Cell::Time(now),
        }
    }
}

impl Ty {
    /// The cell of a JSON value that the type let through.
    pub fn to_cell(self, value: &Value) -> Result<Cell, Misfit> {
        let text = || value.as_str().ok_or(Misfit);
        Ok(match (self, value) {
            (_, Value::Null) => Cell::Null,
            (Self::Line(_) | Self::Email | Self::Url, _) => Cell::Text(text()?.trim().to_owned()),
            (Self::Text(_), _) => Cell::Text(text()?.to_owned()),
            (Self::Word(words), _) => Cell::Text(crate::shape::word(words, text()?).to_owned()),
            (Self::Int(..), _) => Cell::Int(crate::shape::whole(value).ok_or(Misfit)?),
            (Self::Number(..), _) => Cell::Number(value.as_f64().ok_or(Misfit)?),
            (Self::Bool, _) => Cell::Bool(value.as_bool().ok_or(Misfit)?),
            (Self::Time, _) => Cell::Time(crate::shape::moment(text()?).ok_or(Misfit)?),
            (Self::Date, _) => Cell::Date(crate::shape::day(text()?).ok_or(Misfit)?),
            (Self::Id | Self::Ref(_), _) => Cell::Id(uuid::Uuid::parse_str(text()?).map_err(|_| Misfit)?),
            (Self::List(item @ (Self::Line(_) | Self::Text(_) | Self::Word(_)), _), Value::Array(items)) => {
                let texts = items.iter().map(|value| match item.to_cell(value)? {
                    Cell::Text(text) => Ok(text),
                    _ => Err(Misfit),
                });
                Cell::Texts(texts.collect::<Result<_, _>>()?)
            }
            (Self::List(item @ (Self::Id | Self::Ref(_)), _), Value::Array(items)) => {
                let ids = items.iter().map(|value| match item.to_cell(value)? {
                    Cell::Id(id) => Ok(id),
                    _ => Err(Misfit),
                });
                Cell::Ids(ids.collect::<Result<_, _>>()?)
            }
            _ => Cell::Json(value.clone()),
        })
    }
}

/// An object of a shape's members.
#[doc(hidden)]
pub fn object_of(shape: &Shape, cells: &[CellRef<'_>]) -> Value {
    let names = shape.members.iter().copied().flatten().map(|member| member.name.to_owned());
    Value::Object(names.zip(cells.iter().map(CellRef::to_json)).collect())
}

/// The cells of a shape's members; none where a member is absent or null.
#[doc(hidden)]
pub fn cells_of(shape: &Shape, members: &Map<String, Value>) -> Result<Vec<Option<Cell>>, Misfit> {
    let cells = shape.members.iter().copied().flatten().map(|member| match members.get(member.name) {
        // Inside a document nothing is preset to a moment.
        None | Some(Value::Null) => Ok(member.preset.map(|preset| preset.cell(OffsetDateTime::UNIX_EPOCH))),
        Some(value) => member.ty.to_cell(value).map(Some),
    });
    cells.collect()
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "what the macros declare is public elsewhere")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Meta, OrgId, ctx::Ctx, nested, resource, resource::One, typed_id};

    typed_id! {
        /// A chest.
        ChestId,
    }

    nested! {
        /// How large something is.
        pub struct Size as "TestSize" {
            /// Its width.
            width: i64 = Ty::Int(1, 9), required;
            /// Its height.
            height: i64 = Ty::Int(1, 9), required;
            /// How thick its walls are.
            walls: Option<i64> = Ty::Int(1, 9);
        }
    }

    resource! {
        /// A chest.
        pub struct Chest(ChestId) as "TestChest" {
            kind: "chest", table: "chests", area: "bcm", name: "label", sort: ("created_at", true),
        }
        /// What stands on it.
        label: Option<String> = Ty::Line(9);
        /// How large it is.
        size: Option<One<Size>> = Ty::Object(<Size as resource::Nested>::SHAPE);
    }

    /// What a merge patch makes of a chest whose size is 1 x 2, or what is wrong with it.
    fn patched(body: &str) -> Result<Value, Vec<String>> {
        let ctx = Ctx::for_tests(OrgId(uuid::Uuid::from_u128(1)));
        let mut record = Chest::blank(ChestId(uuid::Uuid::from_u128(2)), ctx.org, Meta::new(&ctx));
        record.size = Some(One(Size { width: 1, height: 2, walls: Some(3) }));
        let named = |errors: Vec<FieldError>| errors.into_iter().map(|e| format!("{} {}", e.field, e.code)).collect();
        let [_, _, patch] = Chest::SHAPES;
        let input = match patch.read_form(body.as_bytes()) {
            Ok(input) => input,
            Err(crate::shape::ReadError::Fields(errors)) => return Err(named(errors)),
            Err(crate::shape::ReadError::Syntax(text)) => return Err(vec![text]),
        };
        let mut check = Checker::new();
        Changes::read(&input).apply(&mut record, &mut check);
        check.finish().map_err(named)?;
        Ok((Chest::ATTRS[1].get)(&record).to_json())
    }

    #[test]
    fn a_merge_patch_goes_into_objects() {
        for (body, expected) in [
            (r#"{}"#, json!({"width": 1, "height": 2, "walls": 3})),
            (r#"{"size": {}}"#, json!({"width": 1, "height": 2, "walls": 3})),
            (r#"{"size": {"height": 5}}"#, json!({"width": 1, "height": 5, "walls": 3})),
            (r#"{"size": {"walls": null}}"#, json!({"width": 1, "height": 2, "walls": null})),
            (r#"{"size": null}"#, json!(null)),
        ] {
            assert_eq!(patched(body), Ok(expected), "{body}");
        }
        for (body, expected) in [
            (r#"{"size": {"height": null}}"#, "size.height required"),
            (r#"{"size": {"height": 10}}"#, "size.height out_of_range"),
            (r#"{"size": {"height": "5"}}"#, "size.height type"),
            (r#"{"size": {"depth": 5}}"#, "size.depth unknown"),
            (r#"{"size": 5}"#, "size type"),
        ] {
            assert_eq!(patched(body), Err(vec![expected.to_owned()]), "{body}");
        }
    }

    #[test]
    fn patches_merge_as_rfc_7396_has_it() {
        // The examples of its appendix A.
        for (original, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut target = original.clone();
            merge(&mut target, patch.clone());
            assert_eq!(target, result, "{original} and {patch}");
        }
    }
}

//! What somebody wants a record to become: the members that a client sent, or what Rust code does to it.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{Cell, CellRef, Misfit, Resource};
use crate::{
    check::Checker,
    fault::FieldError,
    shape::{Input, Preset, Shape, Ty},
};

enum Said<R> {
    /// Members by their place, with values that were checked against their types.
    Cells(Vec<(usize, Cell)>),
    /// Rust code, whose result is checked afterwards.
    Typed(Box<dyn FnOnce(&mut R) + Send>),
}

/// What a record is to become. In a merge patch (RFC 7396) absent members keep their values and null clears.
pub struct Changes<R> {
    said: Said<R>,
    broken: Vec<FieldError>,
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
        Self { said: Said::Cells(cells.collect()), broken: input.broken().to_vec() }
    }

    /// Nothing is said.
    pub fn none() -> Self {
        Self { said: Said::Cells(Vec::new()), broken: Vec::new() }
    }

    /// What Rust code does to the record.
    pub fn with(change: impl FnOnce(&mut R) + Send + 'static) -> Self {
        Self { said: Said::Typed(Box::new(change)), broken: Vec::new() }
    }

    /// The same, and this on top, whatever was said of it before.
    #[must_use]
    pub fn and(self, change: impl FnOnce(&mut R) + Send + 'static) -> Self {
        let (first, broken) = (self.said, self.broken);
        let both = Self::with(move |record| {
            match first {
                Said::Cells(cells) => set_all(record, cells),
                Said::Typed(before) => before(record),
            }
            change(record);
        });
        Self { broken, ..both }
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
            Said::Typed(_) => self.and(move |record| set_all(record, vec![(place, cell)])),
        }
    }

    /// The value that is said of a member; none where nothing is (Rust code is not asked).
    pub fn value(&self, name: &str) -> Option<&Cell> {
        let place = R::MEMBERS.iter().position(|member| member.name == name)?;
        match &self.said {
            Said::Cells(cells) => cells.iter().find(|(i, _)| *i == place).map(|(_, cell)| cell),
            Said::Typed(_) => None,
        }
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
            Said::Cells(cells) => set_all(record, cells),
            Said::Typed(change) => {
                change(record);
                verify(record, check);
            }
        }
    }
}

fn set_all<R: Resource>(record: &mut R, cells: Vec<(usize, Cell)>) {
    for (place, cell) in cells {
        if let Some(attr) = R::ATTRS.get(place) {
            // What a shape let through fits; a member that does not keeps what it was.
            let _ = (attr.set)(record, cell);
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
            (Self::Int(..), _) => Cell::Int(value.as_i64().ok_or(Misfit)?),
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

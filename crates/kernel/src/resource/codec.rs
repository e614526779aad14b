//! How the Rust types of members become cells and come back.

use serde_json::{Map, Value};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::cell::{Cell, CellRef};
use crate::shape::Shape;

/// A cell that its member cannot hold: a defect, or a row that a later version wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

/// A Rust type that a member of a resource can have.
pub trait Codec: Sized {
    /// Whether it can be absent.
    const NULLABLE: bool = false;
    /// The value before anything was said.
    fn blank() -> Self;
    /// The value as a cell.
    fn cell(&self) -> CellRef<'_>;
    /// The value of a cell.
    fn from_cell(cell: Cell) -> Result<Self, Misfit>;
}

macro_rules! plain {
    ($($ty:ty: $variant:ident, $blank:expr),+ $(,)?) => {$(
        impl Codec for $ty {
            fn blank() -> Self {
                $blank
            }

            fn cell(&self) -> CellRef<'_> {
                CellRef::$variant(*self)
            }

            fn from_cell(cell: Cell) -> Result<Self, Misfit> {
                match cell {
                    Cell::$variant(value) => Ok(value),
                    _ => Err(Misfit),
                }
            }
        }
    )+};
}

plain!(
    i64: Int, 0,
    bool: Bool, false,
    OffsetDateTime: Time, OffsetDateTime::UNIX_EPOCH,
    Date: Date, OffsetDateTime::UNIX_EPOCH.date(),
    Uuid: Id, Uuid::nil(),
);

/// A count or a place in a text.
impl Codec for usize {
    fn blank() -> Self {
        0
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Int(i64::try_from(*self).unwrap_or(i64::MAX))
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Int(number) => Self::try_from(number).map_err(|_| Misfit),
            _ => Err(Misfit),
        }
    }
}

impl Codec for f64 {
    fn blank() -> Self {
        0.0
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Number(*self)
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Number(number) => Ok(number),
            // JSON does not tell 4 from 4.0.
            Cell::Int(number) => number.to_string().parse().map_err(|_| Misfit),
            _ => Err(Misfit),
        }
    }
}

impl Codec for String {
    fn blank() -> Self {
        Self::new()
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Text(self)
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Text(text) => Ok(text),
            _ => Err(Misfit),
        }
    }
}

impl<T: Codec> Codec for Option<T> {
    const NULLABLE: bool = true;

    fn blank() -> Self {
        None
    }

    fn cell(&self) -> CellRef<'_> {
        self.as_ref().map_or(CellRef::Null, T::cell)
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

impl Codec for Vec<String> {
    fn blank() -> Self {
        Self::new()
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Texts(self.iter().map(String::as_str).collect())
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Texts(texts) => Ok(texts),
            // A list that is absent has no entries.
            Cell::Null => Ok(Self::new()),
            _ => Err(Misfit),
        }
    }
}

/// An object with any members.
impl Codec for Map<String, Value> {
    fn blank() -> Self {
        Self::new()
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Json(Value::Object(self.clone()))
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Json(Value::Object(members)) => Ok(members),
            _ => Err(Misfit),
        }
    }
}

/// Any document.
impl Codec for Value {
    fn blank() -> Self {
        Self::Null
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Json(self.clone())
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Json(value) => Ok(value),
            _ => Err(Misfit),
        }
    }
}

/// A list of ids. A type of its own because `Vec<Id>` would overlap with lists of objects.
impl<I: Copy + Into<Uuid> + From<Uuid>> Codec for Ids<I> {
    fn blank() -> Self {
        Self(Vec::new())
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Ids(self.0.iter().map(|id| (*id).into()).collect())
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Ids(ids) => Ok(Self(ids.into_iter().map(I::from).collect())),
            Cell::Null => Ok(Self::blank()),
            _ => Err(Misfit),
        }
    }
}

/// Several ids of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids<I>(pub Vec<I>);

/// Several words of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<W>(pub Vec<W>);

/// An enumeration with wire names, as [`crate::wire_enum!`] declares it.
pub trait Word: Copy {
    /// The wire name.
    fn to_word(self) -> &'static str;
    /// The value of a wire name.
    fn from_word(name: &str) -> Option<Self>;
}

impl<W: Word> Codec for Words<W> {
    fn blank() -> Self {
        Self(Vec::new())
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Texts(self.0.iter().map(|word| word.to_word()).collect())
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Texts(texts) => {
                texts.iter().map(|text| W::from_word(text).ok_or(Misfit)).collect::<Result<_, _>>().map(Self)
            }
            Cell::Null => Ok(Self::blank()),
            _ => Err(Misfit),
        }
    }
}

/// An object inside a resource, as [`crate::nested!`] declares it: kept as a document.
pub trait Nested: Sized {
    /// Its members and their limits.
    const SHAPE: &'static Shape;
    /// The object before anything was said.
    fn blank() -> Self;
    /// The object as JSON.
    fn to_json(&self) -> Value;
    /// The object of JSON that follows the shape.
    fn from_json(members: &Map<String, Value>) -> Result<Self, Misfit>;
}

/// A list of objects.
impl<N: Nested> Codec for Vec<N> {
    fn blank() -> Self {
        Self::new()
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Json(Value::Array(self.iter().map(N::to_json).collect()))
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Json(Value::Array(items)) => {
                items.iter().map(|item| item.as_object().ok_or(Misfit).and_then(N::from_json)).collect()
            }
            Cell::Null => Ok(Self::new()),
            _ => Err(Misfit),
        }
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct One<N>(pub N);

impl<N: Nested> Codec for One<N> {
    fn blank() -> Self {
        Self(N::blank())
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Json(self.0.to_json())
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Json(Value::Object(members)) => N::from_json(&members).map(Self),
            _ => Err(Misfit),
        }
    }
}

//! Lists: filters, sorts and keyset pages, declared once per resource.
//!
//! A resource declares its fields in a [`ListSpec`]. From that follow the accepted query parameters (and
//! their documentation), the SQL of the Postgres adapter and the behaviour of the in-memory one.
//! Pages are keyset pages: a cursor holds the last row's sort value and id, and a digest of the sort and
//! filter it belongs to, so that a cursor used with another list is refused rather than misread.

mod cursor;
mod memory;
mod parse;

use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub use cursor::Cursor;
pub(crate) use memory::value as value_in_memory;
pub use memory::{matches_in_memory, page_in_memory};
pub use parse::{ListRequest, RESERVED};

use crate::{record::Record, shape::Member};

/// The default page size.
pub const LIMIT_DEFAULT: usize = 50;
/// The largest page size.
pub const LIMIT_MAX: usize = 200;
/// The most filter values that one list request may have.
pub const FILTER_VALUES_MAX: usize = 200;

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; equality is exact.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A moment, RFC 3339.
    Time,
    /// A day.
    Date,
    /// An id.
    Id,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Several texts; a filter asks whether any is among them.
    Texts,
    /// Several ids; likewise.
    Ids,
}

impl Kind {
    /// Whether a field of this kind holds several values.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::Ids)
    }

    /// Whether `__gte` and `__lte` make sense.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Int | Self::Number | Self::Time | Self::Date)
    }
}

/// A field that a list can filter by, and perhaps sort by or search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The wire name, and the member of the record's snapshot.
    pub name: &'static str,
    /// The column (or a column expression) in the adapter's table.
    pub column: &'static str,
    /// The type.
    pub kind: Kind,
    /// Whether `sort=` takes it.
    pub sortable: bool,
    /// Whether `q=` searches it.
    pub searched: bool,
    /// Whether it can be absent, which `__null` asks and keyset pages must respect.
    pub nullable: bool,
    /// Whether lists filter by it; one that is only searched is no parameter.
    pub filtered: bool,
}

impl Field {
    /// A filterable field whose column has its name.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, column: name, kind, sortable: false, searched: false, nullable: false, filtered: true }
    }

    /// `sort=` takes it.
    #[must_use]
    pub const fn sorts(mut self) -> Self {
        self.sortable = true;
        self
    }

    /// `q=` searches it.
    #[must_use]
    pub const fn searches(mut self) -> Self {
        self.searched = true;
        self
    }

    /// It can be absent.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Its column has another name.
    #[must_use]
    pub const fn stored_as(mut self, column: &'static str) -> Self {
        self.column = column;
        self
    }
}

/// What a resource's list can do.
#[derive(Debug)]
pub struct ListSpec {
    /// The resource's name; part of every cursor's digest.
    pub resource: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// The sort where none is asked for: a sortable field, and whether descending.
    pub default_sort: (&'static str, bool),
    /// Whether the bookkeeping of a stored resource belongs to its fields.
    pub stored: bool,
}

/// The bookkeeping that every list of a stored resource sorts and filters by.
static META: [Field; 3] = [
    Field::new("created_at", Kind::Time).sorts(),
    Field::new("updated_at", Kind::Time).sorts(),
    Field::new("created_by", Kind::Id),
];

/// The fields of a resource's members.
#[doc(hidden)]
pub const fn fields_of<const N: usize>(members: &'static [Member]) -> [Field; N] {
    let mut fields = [Field::new("", Kind::Text); N];
    let (mut rest, mut free): (&[Member], &mut [Field]) = (members, &mut fields);
    while let ([member, more @ ..], [field, left @ ..]) = (rest, free) {
        let (kind, stored) = match member.ty.kind() {
            Some(kind) => (kind, true),
            None => (Kind::Text, false),
        };
        *field = Field {
            name: member.param,
            column: member.column,
            kind,
            sortable: member.sortable,
            searched: member.searched && stored,
            nullable: member.nullable,
            filtered: member.filtered && stored,
        };
        (rest, free) = (more, left);
    }
    fields
}

impl ListSpec {
    /// All fields, in the order of the document.
    pub fn all(&self) -> impl Iterator<Item = &'static Field> {
        let meta: &'static [Field] = if self.stored { &META } else { &[] };
        self.fields.iter().chain(meta)
    }

    /// The filterable field of a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.all().find(|field| field.name == name && field.filtered)
    }

    /// The names that `sort=` takes.
    pub fn sortable(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.all().filter(|field| field.sortable).map(|field| field.name)
    }

    /// The default list request, for callers inside the service.
    pub fn query(&'static self) -> ListQuery {
        let (name, descending) = self.default_sort;
        let field = self.field(name).unwrap_or(&ID_FIELD);
        ListQuery {
            spec: self,
            filters: Vec::new(),
            search: Vec::new(),
            sort: Sort { field, descending },
            limit: LIMIT_DEFAULT,
            after: None,
            total: false,
            frame: Vec::new(),
        }
    }
}

const ID_FIELD: Field = Field::new("id", Kind::Id).sorts();

/// A typed value of a filter or a sort key.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Of [`Kind::Text`], [`Kind::Choice`], [`Kind::Texts`].
    Text(String),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Number`].
    Number(f64),
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Time`].
    Time(OffsetDateTime),
    /// Of [`Kind::Date`].
    Date(Date),
    /// Of [`Kind::Id`], [`Kind::Ids`].
    Id(Uuid),
}

/// How a filter compares.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Equal to any of these.
    AnyOf(Vec<Scalar>),
    /// Equal to none of these (an absent value is equal to nothing).
    NoneOf(Vec<Scalar>),
    /// At least this.
    AtLeast(Scalar),
    /// At most this.
    AtMost(Scalar),
    /// Absent, or present.
    Null(bool),
    /// Whether any of these holds, whatever fields they look at: no parameter says it, a domain does.
    Any(Vec<Filter>),
}

/// One filter of a list request.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// What it looks at.
    pub field: &'static Field,
    /// How it compares.
    pub test: Test,
}

/// The order of a list. The id breaks ties, in the same direction; absent values come as the greatest.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// By what.
    pub field: &'static Field,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// A list request, parsed and typed.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The resource.
    pub spec: &'static ListSpec,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Words that must all occur in the searched fields, in lower case.
    pub search: Vec<String>,
    /// The order.
    pub sort: Sort,
    /// At most this many rows.
    pub limit: usize,
    /// Rows after this one.
    pub after: Option<Cursor>,
    /// Whether to count all rows too.
    pub total: bool,
    /// What holds whatever the client asks for: the record that a nested list belongs to. No part of a cursor.
    pub frame: Vec<Filter>,
}

impl ListQuery {
    /// The same request with one more filter, for callers inside the service.
    ///
    /// A name that the spec does not have matches nothing rather than everything.
    #[must_use]
    pub fn only(mut self, name: &str, values: Vec<Scalar>) -> Self {
        let filter = self.filter(name, Test::AnyOf(values));
        self.filters.extend(filter);
        self
    }

    /// The same request inside what a test of a field leaves. Of the fields that clients do not filter by too.
    #[must_use]
    pub fn within(mut self, name: &str, test: Test) -> Self {
        let filter = self.filter(name, test);
        self.frame.extend(filter);
        self
    }

    fn filter(&mut self, name: &str, test: Test) -> Option<Filter> {
        let field = self.spec.all().find(|field| field.name == name || field.column == name);
        if field.is_none() {
            self.limit = 0;
        }
        field.map(|field| Filter { field, test })
    }

    /// Everything that must hold.
    pub fn conditions(&self) -> impl Iterator<Item = &Filter> {
        self.frame.iter().chain(&self.filters)
    }

    /// The same request with another page size (which may exceed that of the wire).
    #[must_use]
    pub fn limited(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; none on the last.
    pub next_cursor: Option<String>,
    /// How many rows the filter matches in all, where that was asked.
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// The same page over another type.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor, total: self.total }
    }
}

impl<T: Record> Page<T> {
    /// Makes a page of up to `limit + 1` rows in the request's order: one too many means that there is more.
    pub fn cut(query: &ListQuery, mut rows: Vec<T>, total: Option<i64>) -> Self {
        let more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let next_cursor = match rows.last() {
            Some(last) if more => Some(Cursor::of(query, last).encode(query)),
            _ => None,
        };
        Self { items: rows, next_cursor, total }
    }
}

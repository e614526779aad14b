//! Resources: what every stored record can do, declared once.
//!
//! A domain declares a resource with [`crate::resource!`]: its members, their types and limits, who sets them,
//! which of them lists sort, filter and search by. From that follow the typed record, the request bodies and their
//! validation, the answers, the OpenAPI schemas, the lists, the exports, the table's statements, the memory of the
//! tests and the pictures in the journal. [`kit`] holds the use cases that all have in common, [`Rules`] is where
//! a domain says what is its own.
//!
//! Reading order: [`Resource`], [`cell`] and [`codec`] (values between Rust, SQL and JSON), [`changes`] (what a
//! client wants), [`machine`] (states and moves), [`ports`] (what an adapter does), [`kit`].

pub mod cell;
pub mod changes;
pub mod codec;
mod declare;
mod declared;
pub mod kit;
pub mod machine;
pub mod mem;
pub mod ports;
pub mod refusal;
mod write;

pub use cell::{Cell, CellRef};
pub use changes::Changes;
pub use codec::{Codec, Ids, Misfit, Nested, One, Word, Words};
pub use declared::Declared;
pub use kit::Rules;
pub use machine::Machine;
pub use mem::{InMemory, MemTables};
pub use ports::{References, Repo, Tally};
pub use refusal::Refusal;
pub use write::write_record;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    access::{Access, Permission},
    id::OrgId,
    list::{Field, ListSpec},
    record::{Meta, Record, push_timestamp},
    shape::{Member, Shape},
};

/// How a member is read from its record and set in it.
pub struct Attr<R: 'static> {
    /// The value.
    pub get: for<'a> fn(&'a R) -> CellRef<'a>,
    /// Sets it.
    pub set: fn(&mut R, Cell) -> Result<(), Misfit>,
}

/// A stored record of an organization, as [`crate::resource!`] declares it.
pub trait Resource: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// Its id's type.
    type Id: Copy + Into<Uuid> + From<Uuid> + Send + Sync;
    /// The type's name in the journal and in links: `risk`.
    const KIND: &'static str;
    /// Its table.
    const TABLE: &'static str;
    /// The area of its permissions.
    const AREA: &'static str;
    /// What reading it takes.
    const READ: Access;
    /// What creating and changing it takes.
    const WRITE: Access;
    /// What deleting it takes.
    const DELETE: Access;
    /// Its members, without the bookkeeping, in the order of the wire and the table.
    const MEMBERS: &'static [Member];
    /// The member of its answer that names the moves, where it has a machine.
    const MOVES: &'static [Member];
    /// How each is read and set, in the same order.
    const ATTRS: &'static [Attr<Self>];
    /// What a list of it can do.
    const LIST: &'static ListSpec;
    /// The answer, what creates it, what changes it.
    const SHAPES: [&'static Shape; 3];
    /// Its states and moves.
    const MACHINE: Option<Machine>;
    /// The state in which a record counts as removed although it is kept: a member and its word. Such a record is in
    /// no list, found by no use case and named by no reference.
    const GONE: Option<(&'static str, &'static str)>;
    /// What follows from its members alone and is shown, by name; what it is stands in the declaration's `extra`.
    const DERIVED: fn(&Self) -> Vec<(&'static str, Value)>;
    /// The member that names it to a person.
    const NAME: &'static str;

    /// A record of which nothing was said yet.
    fn blank(id: Self::Id, org: OrgId, meta: Meta) -> Self;
    /// Its id.
    fn id(&self) -> Self::Id;
    /// Its organization.
    fn org(&self) -> OrgId;
    /// Its bookkeeping.
    fn meta(&self) -> &Meta;
    /// Its bookkeeping, to be changed.
    fn meta_mut(&mut self) -> &mut Meta;

    /// A permission on it.
    fn permission(access: Access) -> Permission {
        Permission::new(Self::AREA, access)
    }

    /// Members with how they are read and set.
    fn members() -> impl Iterator<Item = (&'static Member, &'static Attr<Self>)> + Send {
        Self::MEMBERS.iter().zip(Self::ATTRS)
    }

    /// The value of a member, the bookkeeping included.
    fn value(&self, name: &str) -> Option<CellRef<'_>> {
        let meta = self.meta();
        Some(match name {
            "id" => CellRef::Id(self.id().into()),
            "org_id" => CellRef::Id(self.org().0),
            "created_at" => CellRef::Time(meta.created_at),
            "updated_at" => CellRef::Time(meta.updated_at),
            "created_by" => CellRef::Id(meta.created_by),
            "revision" => CellRef::Int(meta.revision),
            _ => {
                let (_, attr) = Self::members().find(|(member, _)| member.name == name)?;
                (attr.get)(self)
            }
        })
    }

    /// Whether it counts as removed.
    fn is_gone(&self) -> bool {
        Self::GONE.is_some_and(|(member, word)| self.value(member) == Some(CellRef::Text(word)))
    }

    /// The moves that its state allows.
    fn available_transitions(&self) -> Option<&'static [&'static str]> {
        let machine = Self::MACHINE?;
        match self.value(machine.field)? {
            CellRef::Text(state) => Some(machine.from(state)),
            _ => None,
        }
    }
}

impl<R: Resource> Record for R {
    const TYPE: &'static str = R::KIND;

    fn id(&self) -> Uuid {
        Resource::id(self).into()
    }

    fn revision(&self) -> i64 {
        self.meta().revision
    }

    fn sort_value(&self, field: &Field) -> Option<crate::list::Scalar> {
        self.value(field.name)?.to_scalar()
    }

    fn snapshot(&self) -> Value {
        let mut out = Map::new();
        out.insert("id".into(), Resource::id(self).into().to_string().into());
        out.insert("org_id".into(), self.org().to_string().into());
        for (member, attr) in R::members().filter(|(member, _)| member.role.is_shown()) {
            out.insert(member.name.to_owned(), (attr.get)(self).to_json());
        }
        out.extend((R::DERIVED)(self).into_iter().map(|(name, value)| (name.to_owned(), value)));
        if let Some(moves) = self.available_transitions() {
            out.insert("available_transitions".into(), moves.into());
        }
        let meta = self.meta();
        for (name, at) in [("created_at", meta.created_at), ("updated_at", meta.updated_at)] {
            let mut text = String::new();
            push_timestamp(&mut text, at);
            out.insert(name.into(), text.into());
        }
        out.insert("created_by".into(), meta.created_by.to_string().into());
        out.insert("revision".into(), meta.revision.into());
        Value::Object(out)
    }
}

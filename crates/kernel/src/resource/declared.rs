//! What a resource declares, without its type: for what walks over all resources.

use super::{Machine, Resource};
use crate::{
    access::Access,
    list::ListSpec,
    shape::{Member, Shape},
};

/// What a resource declares, without its type.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// Its name in the journal and in links.
    pub kind: &'static str,
    /// Its table.
    pub table: &'static str,
    /// The area of its permissions.
    pub area: &'static str,
    /// What reading it takes.
    pub read: Access,
    /// The member that names it to a person.
    pub name: &'static str,
    /// Its members.
    pub members: &'static [Member],
    /// What its list can do.
    pub list: &'static ListSpec,
    /// The answer, what creates it, what changes it.
    pub shapes: [&'static Shape; 3],
    /// Its states and moves.
    pub machine: Option<Machine>,
    /// The state in which a record counts as removed.
    pub gone: Option<(&'static str, &'static str)>,
}

impl Declared {
    /// The declaration of a resource.
    pub const fn of<R: Resource>() -> Self {
        Self {
            kind: R::KIND,
            table: R::TABLE,
            area: R::AREA,
            read: R::READ,
            name: R::NAME,
            members: R::MEMBERS,
            list: R::LIST,
            shapes: R::SHAPES,
            machine: R::MACHINE,
            gone: R::GONE,
        }
    }
}

//! THE list of resources. Adding one here gives it its table's checks, its import and export, its place in links,
//! search and batches; a test refuses a resource that is declared and not listed.

use grc_kernel::{
    ListSpec, Resource,
    resource::Machine,
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
}

impl Declared {
    /// The declaration of a resource.
    pub const fn of<R: Resource>() -> Self {
        Self {
            kind: R::KIND,
            table: R::TABLE,
            area: R::AREA,
            name: R::NAME,
            members: R::MEMBERS,
            list: R::LIST,
            shapes: R::SHAPES,
            machine: R::MACHINE,
        }
    }
}

/// Every resource.
pub static RESOURCES: &[Declared] = &[
    Declared::of::<grc_risk::Entry>(),
    Declared::of::<grc_risk::Treatment>(),
    Declared::of::<grc_risk::Acceptance>(),
    Declared::of::<grc_risk::Matrix>(),
    Declared::of::<grc_risk::Appetite>(),
];

/// The resource of a kind.
pub fn of_kind(kind: &str) -> Option<&'static Declared> {
    RESOURCES.iter().find(|resource| resource.kind == kind)
}

/// The table of a kind.
pub fn table_of(kind: &str) -> Option<&'static str> {
    of_kind(kind).map(|resource| resource.table)
}

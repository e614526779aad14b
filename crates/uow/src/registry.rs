//! THE list of resources, domain by domain. From being in it a resource has its table's checks, its import and
//! export, its place in links, search and batches.

use grc_kernel::{Access, Permission, resource::Declared};

/// The resources of each domain.
static DOMAINS: &[&[Declared]] = &[
    grc_assessments::RESOURCES,
    grc_evidence::RESOURCES,
    grc_reports::RESOURCES,
    grc_risk::RESOURCES,
    grc_vendor::RESOURCES,
    grc_incident::RESOURCES,
    grc_policy::RESOURCES,
    grc_bcm::RESOURCES,
    grc_coordination::RESOURCES,
    grc_events::RESOURCES,
    grc_transfer::RESOURCES,
];

/// Every resource.
pub fn resources() -> impl Iterator<Item = &'static Declared> {
    DOMAINS.iter().copied().flatten()
}

/// The resource of a kind.
pub fn of_kind(kind: &str) -> Option<&'static Declared> {
    resources().find(|resource| resource.kind == kind)
}

/// The kind of a name, and what reading its records takes.
pub fn named(name: &str) -> Option<(&'static str, Permission)> {
    readable().find(|(kind, _)| *kind == name)
}

/// The table of a kind.
pub fn table_of(kind: &str) -> Option<&'static str> {
    of_kind(kind).map(|resource| resource.table)
}

/// What reading a kind of record takes, of all kinds whose changes the feed shows: the resources, and those that no
/// declaration makes.
pub fn readable() -> impl Iterator<Item = (&'static str, Permission)> {
    let others = [
        ("organization", "organization", Access::Read),
        ("user", "user", Access::Read),
        ("api_key", "api_key", Access::Admin),
        ("framework", "framework", Access::Read),
    ];
    let others = others.into_iter().map(|(kind, area, access)| (kind, Permission::new(area, access)));
    resources().map(|resource| (resource.kind, Permission::new(resource.area, resource.read))).chain(others)
}

//! THE list of resources, domain by domain. From being in it a resource has its table's checks, its import and
//! export, its place in links, search and batches.

use grc_kernel::resource::Declared;

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
];

/// Every resource.
pub fn resources() -> impl Iterator<Item = &'static Declared> {
    DOMAINS.iter().copied().flatten()
}

/// The resource of a kind.
pub fn of_kind(kind: &str) -> Option<&'static Declared> {
    resources().find(|resource| resource.kind == kind)
}

/// The table of a kind.
pub fn table_of(kind: &str) -> Option<&'static str> {
    of_kind(kind).map(|resource| resource.table)
}

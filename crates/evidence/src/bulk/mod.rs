//! Bulk import: many pieces of evidence in one archive with a manifest, or fetched from a list of addresses.
//!
//! Reading order: [`manifest`] (the list, as CSV or JSON), [`plan`] (which file of the archive each row means),
//! [`model`] (the import and its items as they are kept), [`service`] (the use cases), [`types`] (what a file is by its
//! name, where nobody says).
//!
//! An import is a durable job, and each item of it is a step: its bytes are written and inspected outside of any
//! transaction, under a key that was chosen when the import was taken; then one transaction stores the evidence, its
//! custody entry, its journal entry and what became of the item. A worker that takes over goes on with the items that
//! wait, so that none is stored twice and none is left out.

pub mod manifest;
pub mod model;
pub mod plan;
pub mod service;
pub mod types;

#[cfg(test)]
mod tests;

pub use model::{BulkImport, BulkItem, ImportId, ImportStatus, ItemId, ItemStatus};
pub use plan::Planned;

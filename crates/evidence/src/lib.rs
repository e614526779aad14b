//! Evidence: files that show something, from upload to deletion, with a record of every touch.
//!
//! Reading order: [`model`], [`rules`] (names, keys, retention), [`sniff`] and [`extract`] (what a file really is,
//! and its text), [`store`] (the object-store port and the inspection of an upload), [`service`] (the use cases),
//! [`handing`] (evidence in other domains' hands), [`bulk`] (many pieces of evidence at once).
//!
//! An upload has two phases, and no store is called inside a transaction: `announce` makes the record and its
//! object key, the client puts the bytes, `inspect` reads them back outside any transaction, `settle` stores the
//! outcome.

pub mod bulk;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod extract;
pub mod handing;
pub mod mem;
pub mod model;
mod office;
pub mod ports;
pub mod rules;
pub mod service;
pub mod sniff;
pub mod store;

use grc_kernel::resource::Declared;

pub use model::{CustodyEvent, Evidence, EvidenceStatus, Review, Source};
pub use ports::EvidenceTx;
pub use store::{Inspection, ObjectError, ObjectReader, ObjectStore};

/// The resources of this domain.
pub const RESOURCES: &[Declared] =
    &[Declared::of::<Evidence>(), Declared::of::<bulk::BulkImport>(), Declared::of::<bulk::BulkItem>()];

//! Reports: a request, a frozen snapshot of the data, and pure renderers that all draw from it, so that the
//! numbers of every format agree.
//!
//! Reading order: [`model`] (the request), [`snapshot`] (the data), [`render`] (JSON, HTML), [`service`].

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod mem;
pub mod model;
pub mod ports;
pub mod render;
pub mod service;
pub mod snapshot;

use grc_kernel::resource::Declared;

pub use model::{Format, Report, ReportStatus, ReportType};
pub use ports::ReportsTx;
pub use snapshot::ComplianceSnapshot;

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[Declared::of::<Report>()];

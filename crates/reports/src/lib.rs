//! Reports: a request, and the file that a job makes of it.
//!
//! Reading order: [`model`] (the request), [`service`] (its rules, and what a job does with it). What a report says is
//! composed in `grc-flows` as one document, from which every format is drawn: so the numbers of all formats agree.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod mem;
pub mod model;
pub mod ports;
pub mod service;

use grc_kernel::resource::Declared;

pub use model::{Format, Report, ReportStatus, ReportType};
pub use ports::ReportsTx;

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[Declared::of::<Report>()];

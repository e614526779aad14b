//! The incident domain: what happened, the phases of the response (NIST SP 800-61), its clocks and its record.

pub mod ports;

use grc_kernel::resource::Declared;

pub use ports::IncidentTx;

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[];

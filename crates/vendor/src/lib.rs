//! The vendor domain: who supplies what, on which terms, how risky they are, and what they attest.

pub mod ports;

use grc_kernel::resource::Declared;

pub use ports::VendorTx;

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[];

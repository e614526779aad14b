//! The business continuity domain: processes, what they depend on, and how they come back.

pub mod ports;

use grc_kernel::resource::Declared;

pub use ports::BcmTx;

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[];

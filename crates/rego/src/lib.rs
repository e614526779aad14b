//! Engines that decide.
//!
//! [`worker`] is the process that evaluates Rego and may be stopped at any time; [`pool`] starts, uses and stops such
//! processes; [`Embedded`] is the engine over them, [`Opa`] asks an Open Policy Agent; [`Engines`] is the
//! [`grc_policy::Engine`] that the service has, which says who decides what.

pub mod embedded;
pub mod engines;
pub mod opa;
pub mod pool;
#[cfg(feature = "stub")]
pub mod stub;
pub mod worker;

pub use embedded::Embedded;
pub use engines::Engines;
pub use opa::Opa;
pub use pool::WorkerCommand;

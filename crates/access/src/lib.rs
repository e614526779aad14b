//! Cloudflare Access in front of the service: whose token a request carries, and whether a cookie may speak for it.
//!
//! Reading order: [`token`] (what a token says, before anybody believes it), [`jwks`] (the published keys), [`keys`] (when they
//! are fetched, and how often at most), [`verifier`] (all of it together), [`origin`] (the rule against other sites' requests).
//!
//! Nothing here speaks HTTP or reads a clock: keys come through [`KeySource`], the time with every question.

pub mod jwks;
pub mod keys;
pub mod origin;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod token;
pub mod verifier;

pub use keys::{KeySource, Keys, Status};
pub use token::Identity;
pub use verifier::{Refusal, Team, Verifier};

//! Signed attestations between organizations: what one says, the form it is signed in, and when one is believed.
//!
//! Reading order: [`statement`] (what an issuer says of itself), [`jws`] (compact serialisation, RFC 7515, signed with
//! EdDSA, RFC 8037), [`claims`] (what was received, read as data and nothing else), [`verdict`] (whether it is believed
//! and, if not, why).
//!
//! A calculation without IO, clock or key: signing and the check of a signature come in as functions. It stands alone,
//! because both sides need it and neither is the other: the server that issues, the register of vendors that receives,
//! and the command that asks on behalf of nobody's organization.

pub mod claims;
pub mod jws;
pub mod statement;
pub mod verdict;

pub use claims::Claims;
pub use jws::{Sealed, seal};
pub use statement::{Absence, Exhibit, Missing, Statement, Subject};
pub use verdict::{Expected, KeyCheck, Reason, Rejection, judge};

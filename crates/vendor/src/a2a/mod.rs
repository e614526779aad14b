//! Attestation machine to machine, from both ends: what partners may ask of us ([`grant`]) and what we attested
//! ([`issued`]); what we asked of vendors and whether we believe the answer ([`attestation`]).
//!
//! It is part of this domain because both ends are one relationship: a supplier's word to its customer. The form of the
//! word itself, and when it is believed, is the crate `grc-attest`, which knows no organization.

pub mod attestation;
pub mod grant;
pub mod issued;
pub mod key;

pub use attestation::{Attestation, AttestationId, Proof};
pub use grant::{Grant, GrantId};
pub use issued::{Issued, IssuedId};

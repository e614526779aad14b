//! The audit log's proofs, as the service makes them: checkpoints while it runs ([`notary`]), what is kept outside of the database
//! ([`witness`]), the check of everything ([`check`]).

pub mod check;
pub mod notary;
pub mod witness;

//! An audit log that proves itself.
//!
//! The journal of an organization is a chain: every entry's hash covers the one before. A chain alone shows an entry that was
//! altered, and hides a tail that was cut off, or a whole that was computed anew. So there is a Merkle tree over the chain
//! (RFC 9162), whose root is signed again and again ([`note`]) and kept outside of the database too ([`witness`]). From then on the past can
//! be changed only by whoever has the database, the signing key and every copy of what was kept outside.
//!
//! Reading order: [`note`] (a signed tree head), [`checkpoint`] (one as it is kept), [`ports`], [`mod@seal`] (making one),
//! [`mod@prove`] (that an entry is in it, that it goes on from an earlier one), [`witness`] (what is kept outside), [`verify`] (all of
//! it at once).

pub mod checkpoint;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod mem;
pub mod note;
pub mod ports;
pub mod prove;
pub mod seal;
pub mod verify;
pub mod witness;

pub use checkpoint::Checkpoint;
pub use note::{Head, Keys, Signer};
pub use ports::Ledger;

/// The area of permissions that reading proofs needs.
pub const AREA: &str = "audit";

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, OrgId, Uuid, resource::MemTables};

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tables = MemTables::default();
        futures::executor::block_on(crate::contract::suite(&ctx, &mut tables)).unwrap();
    }
}

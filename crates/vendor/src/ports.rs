//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{JobsTx, JournalTx, OrgId, Repo, StoreResult, resource::References};

use crate::{
    Assessment, Attestation, Contract, Grant, Issued, Proof, Questionnaire, Service, Vendor, VendorId,
    a2a::grant::Partners,
};

/// What the register needs beyond what every resource has.
#[async_trait]
pub trait Hierarchy: Send {
    /// A vendor and those above it, from parent to parent. Until the transaction ends no other one is told them: two
    /// that each put one vendor under the other would not see the circle that they make.
    async fn lineage(&mut self, org: OrgId, of: VendorId) -> StoreResult<Vec<VendorId>>;
}

macro_rules! transaction {
    ($($part:path),+ $(,)?) => {
        /// A transaction over this domain's repositories.
        pub trait VendorTx: JournalTx + JobsTx + References $(+ $part)+ {}

        impl<T: JournalTx + JobsTx + References $(+ $part)+> VendorTx for T {}
    };
}

transaction!(
    Hierarchy,
    Partners,
    Repo<Vendor>,
    Repo<Service>,
    Repo<Contract>,
    Repo<Questionnaire>,
    Repo<Assessment>,
    Repo<Attestation>,
    Repo<Proof>,
    Repo<Grant>,
    Repo<Issued>,
);

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn VendorTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn VendorTx;

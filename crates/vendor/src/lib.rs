//! The vendor domain: who supplies what, on which terms, how risky they are, and how they answer for it.
//!
//! Reading order: [`rules`] (tiers, scores, what questionnaires may ask: pure functions), [`vendor`] (the register),
//! [`service`] and [`agreement`] (what is supplied, and on which terms), [`questionnaire`] and [`assessment`] (what is
//! asked and answered), [`a2a`] (attestation machine to machine), [`stats`], [`ports`].
//!
//! A vendor's *tier* says how much depends on it and how often it is reviewed; its *inherent* score is that before
//! anything is known of its controls, its *residual* score what its last assessment leaves of that.

pub mod a2a;
pub mod agreement;
pub mod assessment;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod mem;
pub mod ports;
pub mod questionnaire;
pub mod rules;
pub mod service;
pub mod stats;
pub mod vendor;

use grc_kernel::resource::Declared;

pub use a2a::{Attestation, AttestationId, Grant, GrantId, Issued, IssuedId, Proof};
pub use agreement::{Contract, ContractId};
pub use assessment::{Assessment, AssessmentId};
pub use ports::{Hierarchy, VendorTx};
pub use questionnaire::{Questionnaire, QuestionnaireId};
pub use service::{Service, ServiceId};
pub use vendor::{Vendor, VendorId};

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[
    Declared::of::<Vendor>(),
    Declared::of::<Service>(),
    Declared::of::<Contract>(),
    Declared::of::<Questionnaire>(),
    Declared::of::<Assessment>(),
    Declared::of::<Attestation>(),
    Declared::of::<Grant>(),
    Declared::of::<Issued>(),
];

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, OrgId, Uuid, resource::MemTables};

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tables = MemTables::default();
        tables.members.insert((ctx.org, ctx.actor.id));
        futures::executor::block_on(crate::contract::suite(&ctx, &mut tables)).unwrap();
    }
}

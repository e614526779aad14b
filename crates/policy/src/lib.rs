//! The policy domain: policies in Rego of each organization, playbooks, decisions and their log.
//!
//! Reading order: [`engine`] (the port that decides), [`path`] (what may be asked for), [`playbook`] (what is shipped, and
//! the actions of a result), [`mod@policy`], [`decision`], [`applied`], [`ports`].

pub mod applied;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod decision;
pub mod engine;
pub mod path;
pub mod playbook;
pub mod policy;
pub mod ports;

use grc_kernel::resource::Declared;

pub use applied::{Applied, AppliedId};
pub use decision::{Decision, DecisionId, Input};
pub use engine::Engine;
pub use policy::{Policy, PolicyId, Version, VersionId};
pub use ports::PolicyTx;

/// The resources of this domain's register. (Inputs and applied actions are reached through what they belong to.)
pub const RESOURCES: &[Declared] = &[Declared::of::<Policy>(), Declared::of::<Version>(), Declared::of::<Decision>()];

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

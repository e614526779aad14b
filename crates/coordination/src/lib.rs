//! What spans the registers: tasks on any record, once or again and again, and links between any two records.
//!
//! Reading order: [`reference`](mod@reference) (a record of any kind), [`mod@task`], [`link`], [`ports`].

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod link;
pub mod ports;
pub mod reference;
pub mod task;

use grc_kernel::resource::Declared;

pub use link::{Link, LinkId};
pub use ports::CoordinationTx;
pub use task::{Task, TaskId};

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[Declared::of::<Task>(), Declared::of::<Link>()];

#[cfg(test)]
mod tests {
    use grc_kernel::{Access, Ctx, OrgId, Permission, Uuid, resource::MemTables};

    use crate::ports::Kinds;

    /// The registry is the workspace's; here tasks themselves are what can be referred to.
    impl Kinds for MemTables {
        fn kind_named(&self, name: &str) -> Option<(&'static str, Permission)> {
            (name == "task").then_some(("task", Permission::new("task", Access::Read)))
        }
    }

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tables = MemTables::default();
        tables.members.insert((ctx.org, ctx.actor.id));
        futures::executor::block_on(crate::contract::suite(&ctx, &mut tables)).unwrap();
    }
}

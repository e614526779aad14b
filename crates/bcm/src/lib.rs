//! The business continuity domain: processes, what they depend on, and how they come back.
//!
//! Reading order: [`process`] and [`asset`] (the nodes), [`dependency`] (the edges), [`map`] (all of them as one
//! graph, and what is asked of it), [`plan`] and [`exercise`] (recovery on paper and in fact), [`ports`].
//!
//! The rules over the graph are those of [`continuity`], a library without storage: this crate keeps the records,
//! loads them and asks. Terms are those of ISO 22301:2019 and ISO/TS 22317:2021.

pub mod asset;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod dependency;
pub mod exercise;
pub mod map;
pub mod mem;
pub mod plan;
pub mod ports;
pub mod process;

use grc_kernel::resource::Declared;

pub use asset::{Asset, AssetId};
pub use dependency::{Dependency, DependencyId, End, NodeType};
pub use exercise::{Exercise, ExerciseId};
/// The rules over the graph.
pub use grc_continuity as continuity;
pub use plan::{Plan, PlanId};
pub use ports::{BcmTx, GraphStore, Supplier, Suppliers};
pub use process::{Process, ProcessId};

/// The area of this domain's permissions.
pub const AREA: &str = "bcm";
/// The longest time that a record may state, in hours: a century.
pub const HOURS_MAX: f64 = 876_000.0;

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[
    Declared::of::<Process>(),
    Declared::of::<Asset>(),
    Declared::of::<Dependency>(),
    Declared::of::<Plan>(),
    Declared::of::<Exercise>(),
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

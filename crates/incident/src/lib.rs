//! The incident domain: what happened, the phases of the response (NIST SP 800-61), its clocks and its record.
//!
//! Reading order: [`phase`] (phases, moves, status), [`sla`] (clocks), [`incident`], [`response`] (the use cases),
//! [`timeline`] and `story` (what is told of every change), [`task`], [`review`], [`exhibit`] (evidence),
//! [`playbook`] (what one gives), [`bundle`] (what an export consists of), [`metrics`], [`ports`]. The numbers are data: [`defaults`].

pub mod bundle;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod defaults;
pub mod exhibit;
pub mod incident;
pub mod mem;
pub mod metrics;
pub mod phase;
pub mod playbook;
pub mod ports;
pub mod response;
pub mod review;
pub mod sla;
mod story;
pub mod task;
pub mod timeline;

use grc_kernel::resource::Declared;

pub use exhibit::{Exhibit, ExhibitId};
pub use incident::{Incident, IncidentId};
pub use phase::{Phase, Status};
pub use ports::{IncidentTx, ResponseTimes};
pub use review::{Review, ReviewId};
pub use task::{Task, TaskId};
pub use timeline::{TimelineEntry, TimelineEntryId};

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[
    Declared::of::<Incident>(),
    Declared::of::<TimelineEntry>(),
    Declared::of::<Task>(),
    Declared::of::<Review>(),
    Declared::of::<Exhibit>(),
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

//! The events domain: the change feed, webhooks after Standard Webhooks 1.0, and their deliveries.
//!
//! Reading order: [`pattern`] (which events), [`feed`] (what a reader may see of the journal, and how the feed asks for
//! it), [`secret`] (signatures), [`schedule`] (when an attempt is made again), [`payload`] (what is sent), [`webhook`],
//! [`delivery`], [`dispatch`] (from changes to deliveries to attempts), [`ports`].
//!
//! There is no second log of events: the feed is the journal, and a webhook keeps how far into the journal deliveries
//! have been made. Sending is the caller's: nothing here has a network.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod delivery;
pub mod dispatch;
pub mod feed;
mod mem;
pub mod pattern;
pub mod payload;
pub mod ports;
pub mod schedule;
pub mod secret;
pub mod webhook;

use grc_kernel::resource::Declared;

pub use delivery::{Delivery, DeliveryId};
pub use feed::Sight;
pub use pattern::Pattern;
pub use ports::EventsTx;
pub use schedule::Schedule;
pub use secret::Secret;
pub use webhook::{Webhook, WebhookId};

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[Declared::of::<Webhook>(), Declared::of::<Delivery>()];

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

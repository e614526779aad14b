//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{JournalTx, OrgId, Repo, StoreResult, Uuid, journal::Entry, resource::References};
use time::OffsetDateTime;

use crate::{Delivery, Webhook, WebhookId};

/// The right to work on a webhook's queue, for a time. Whoever takes it later has a greater fence, and then this one
/// writes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The organization.
    pub org: OrgId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The fencing token.
    pub fence: i64,
}

/// How far a queue has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The sequence up to which deliveries were made.
    pub position: i64,
    /// When the last of them were.
    pub stamped_at: Option<OffsetDateTime>,
}

/// An event, without its pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: Uuid,
    /// Its place in the journal.
    pub sequence: i64,
    /// Its type.
    pub action: String,
}

/// The queues of webhooks: one row each, by which those that send take turns.
#[async_trait]
pub trait Queues: Send {
    /// The sequence of the organization's newest journal entry, 0 where there is none.
    async fn head(&mut self, org: OrgId) -> StoreResult<i64>;
    /// The same; until the transaction ends nobody else appends to the journal.
    async fn hold_head(&mut self, org: OrgId) -> StoreResult<i64>;
    /// Opens the queue of a webhook, which is told of what comes after a position.
    async fn open(&mut self, org: OrgId, webhook: WebhookId, position: i64, active: bool) -> StoreResult<()>;
    /// Says whether a queue is worked on, and ends its rest.
    async fn switch(&mut self, org: OrgId, webhook: WebhookId, active: bool) -> StoreResult<()>;
    /// Has a queue looked at from a time on, and ends its rest.
    async fn wake(&mut self, org: OrgId, webhook: WebhookId, at: OffsetDateTime) -> StoreResult<()>;
    /// Removes a queue and its webhook's deliveries.
    async fn forget(&mut self, org: OrgId, webhook: WebhookId) -> StoreResult<()>;
    /// Takes the queues in which something is to be done and that nobody works on, those first whose turn was longest
    /// ago: of all organizations, in the platform's scope.
    async fn claim(&mut self, now: OffsetDateTime, until: OffsetDateTime, most: usize) -> StoreResult<Vec<Turn>>;
    /// Holds a queue for the rest of the transaction and prolongs the turn; `Stale` where another has it.
    async fn hold(&mut self, turn: &Turn, until: OffsetDateTime) -> StoreResult<Place>;
    /// Events of the feed after a position and up to another, in their order.
    async fn events(&mut self, org: OrgId, after: i64, upto: i64, most: usize) -> StoreResult<Vec<Seen>>;
    /// Notes how far deliveries were made.
    async fn advance(&mut self, turn: &Turn, place: Place) -> StoreResult<()>;
    /// The delivery that is due first: by its time, and among equals by the order of the changes.
    async fn due(&mut self, org: OrgId, webhook: WebhookId, now: OffsetDateTime) -> StoreResult<Option<Delivery>>;
    /// An entry of the journal by its sequence.
    async fn event(&mut self, org: OrgId, sequence: i64) -> StoreResult<Option<Entry>>;
    /// Ends a turn. The queue rests until a time, if one is given.
    async fn release(&mut self, turn: &Turn, rest_until: Option<OffsetDateTime>) -> StoreResult<()>;
    /// Removes deliveries that succeeded, and that died, before a time each: at most so many; how many.
    async fn expire(
        &mut self,
        org: OrgId,
        succeeded: OffsetDateTime,
        dead: OffsetDateTime,
        most: usize,
    ) -> StoreResult<usize>;
}

/// A transaction over this domain's repositories.
pub trait EventsTx: JournalTx + References + Queues + Repo<Webhook> + Repo<Delivery> {}

impl<T> EventsTx for T where T: JournalTx + References + Queues + Repo<Webhook> + Repo<Delivery> {}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn EventsTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn EventsTx;

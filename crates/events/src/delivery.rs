//! Deliveries: an event that a webhook is told of, and how far that has come. There is one for each event and webhook,
//! however often it is attempted.

use async_trait::async_trait;
use grc_kernel::{Access, Ctx, Fact, Meta, Permission, Refusal, Repo, Resource, Rules, Uuid, kit, resource, shape::Ty};
use grc_kernel::{typed_id, wire_enum};
use time::OffsetDateTime;

use crate::{
    Webhook, WebhookId,
    ports::{Seen, Tx},
    webhook,
};

/// The type of the event that only tests a webhook.
pub const TEST_EVENT: &str = "webhook.test";

typed_id! {
    /// A delivery.
    DeliveryId,
}

wire_enum! {
    /// How far a delivery has come.
    pub enum Status {
        /// It was not attempted yet.
        Pending = "pending",
        /// Its receiver has taken it.
        Succeeded = "succeeded",
        /// It failed, and will be attempted again.
        Failed = "failed",
        /// It failed for the last time.
        Dead = "dead",
    }
}

resource! {
    /// An event that a webhook is told of, and how far that has come.
    pub struct Delivery(DeliveryId) as "WebhookDelivery" {
        kind: "webhook_delivery", table: "webhook_deliveries", area: "webhook", name: "event_type",
        sort: ("created_at", true), read: Access::Admin, write: Access::Admin, delete: Access::Admin,
    }
    /// The webhook.
    webhook_id: WebhookId = Ty::Ref("webhook"), computed;
    /// The change, as the feed names it; of its own where it only tests. The receiver has it as `webhook-id`.
    event_id: Uuid = Ty::Id, computed;
    /// The type of the event.
    event_type: String = Ty::Line(200), computed, filters;
    /// How far it has come.
    status: Status = Ty::Word(Status::NAMES), computed;
    /// How often it was attempted.
    attempts: i64 = Ty::Int(0, i64::MAX), computed;
    /// The HTTP status of the last answer; null where there was none.
    response_status: Option<i64> = Ty::Int(0, 999), computed;
    /// What was wrong the last time.
    error: Option<String> = Ty::Text(500), computed;
    /// When it was last attempted.
    last_attempt_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// When it is attempted next; null where it is not.
    next_attempt_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// The place of its change in the journal; none where it only tests.
    sequence: Option<i64> = Ty::Int(1, i64::MAX), hidden;
}

#[async_trait]
impl Rules for Delivery {
    type Tx = Tx;
}

const ADMIN: Permission = Permission::new("webhook", Access::Admin);

impl Delivery {
    /// The delivery of an event to a webhook, due at once.
    pub(crate) fn of(ctx: &Ctx, webhook: WebhookId, event: Option<&Seen>, at: OffsetDateTime) -> Self {
        let meta = Meta { created_at: at, updated_at: at, ..Meta::new(ctx) };
        let mut delivery = Self::blank(ctx.new_id(), ctx.org, meta);
        delivery.webhook_id = webhook;
        delivery.event_id = event.map_or_else(|| ctx.new_id(), |event| event.id);
        delivery.event_type = event.map_or_else(|| TEST_EVENT.to_owned(), |event| event.action.clone());
        delivery.sequence = event.map(|event| event.sequence);
        delivery.next_attempt_at = Some(at);
        delivery
    }
}

/// Tells a webhook of an event that only tests it.
pub async fn test(ctx: &Ctx, tx: &mut Tx, id: WebhookId) -> Result<Delivery, Refusal> {
    ctx.require(ADMIN)?;
    let webhook = kit::find::<Webhook>(ctx, tx, id).await?;
    active(&webhook)?;
    tx.wake(ctx.org, id, ctx.now).await?;
    let delivery = Delivery::of(ctx, id, None, ctx.now);
    Repo::<Delivery>::insert(tx, &delivery).await?;
    let told = serde_json::json!({"delivery_id": delivery.id.to_string()});
    tx.journal().record(ctx, Fact::note(Webhook::KIND, id.0, "tested").with(told)).await?;
    Ok(delivery)
}

/// Delivers again, from the first attempt on, whatever became of it before.
pub async fn redeliver(ctx: &Ctx, tx: &mut Tx, of: WebhookId, id: DeliveryId) -> Result<Delivery, Refusal> {
    ctx.require(ADMIN)?;
    let webhook = kit::find::<Webhook>(ctx, tx, of).await?;
    active(&webhook)?;
    // The queue before the delivery, as whoever sends takes them.
    tx.wake(ctx.org, of, ctx.now).await?;
    let found = Repo::<Delivery>::lock(tx, ctx.org, id).await?.filter(|delivery| delivery.webhook_id == of);
    let Some(before) = found else { return Err(Refusal::NotFound(Delivery::KIND)) };
    let mut after = before.clone();
    after.status = Status::Pending;
    after.attempts = 0;
    after.next_attempt_at = Some(ctx.now);
    after.meta.touch(ctx);
    Repo::<Delivery>::update(tx, &after, before.meta.revision).await?;
    // The feed shows the changes that are delivered, not their deliveries.
    let fact = Fact { feed: false, ..Fact::moved("redelivered", &before, &after) };
    tx.journal().record(ctx, fact).await?;
    Ok(after)
}

fn active(webhook: &Webhook) -> Result<(), Refusal> {
    if webhook.status == webhook::Status::Active {
        return Ok(());
    }
    Err(Refusal::Conflict("the webhook is disabled: set its status to active first".to_owned()))
}

//! From changes to deliveries to attempts.
//!
//! Whoever sends takes a turn at a webhook's queue ([`crate::ports::Queues::claim`]) and goes from [`step`] to step:
//! each is one transaction that notes what became of the last attempt, makes deliveries of changes where none is due,
//! and names the next one to attempt, which is then sent outside of any transaction. A crash between the sending and the
//! noting has it sent once more, under the same id.

use grc_kernel::{Changes, Ctx, Refusal, Repo, StoreError, kit};
use time::{Duration, OffsetDateTime};

use crate::{
    Delivery, Schedule, Secret, Webhook,
    delivery::Status,
    payload,
    ports::{Place, Turn, Tx},
    schedule::spread,
    webhook,
};

/// How many changes are looked at at a time.
pub const BATCH: usize = 500;
/// How often that is done in one step, where none of the changes is the webhook's.
const BATCHES: usize = 10;
/// A receiver that takes longer than this to fail rests afterwards.
const SLOW: Duration = Duration::seconds(3);
/// How long it rests, as a multiple of the time that it took: so it never takes more than a quarter of a place.
const REST: i32 = 3;
/// How long deliveries that succeeded are kept.
pub const KEPT: Duration = Duration::days(30);
/// How long those that died are.
pub const DEAD_KEPT: Duration = Duration::days(90);
/// The status by which a receiver says that it is gone.
const GONE: i64 = 410;

/// An attempt to be made.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Where to.
    pub url: String,
    /// What signs it, the newest first.
    pub secrets: Vec<Secret>,
    /// The body.
    pub body: String,
    delivery: Delivery,
}

impl Attempt {
    /// The id that the receiver knows the event by, however often it is sent.
    #[must_use]
    pub fn event_id(&self) -> String {
        self.delivery.event_id.to_string()
    }

    /// The signatures at a time, in seconds since 1970: one for each secret.
    #[must_use]
    pub fn signature(&self, timestamp: i64) -> String {
        let id = self.event_id();
        let signed: Vec<String> =
            self.secrets.iter().filter_map(|secret| secret.sign(&id, timestamp, self.body.as_bytes())).collect();
        signed.join(" ")
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The status of the answer, where there was one.
    pub status: Option<i64>,
    /// What was wrong, where there was none: nothing of what lies behind the address.
    pub error: Option<String>,
    /// How long the receiver asks to be left alone.
    pub retry_after: Option<Duration>,
    /// How long it took.
    pub took: Duration,
}

impl Heard {
    fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Until when its receiver is left alone, whatever is due.
    fn rest(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        (!self.succeeded() && self.took > SLOW).then(|| now + self.took * REST)
    }
}

/// One step of a turn; none ends it. `go_on` says whether there may be another attempt.
pub async fn step(
    ctx: &Ctx,
    tx: &mut Tx,
    turn: &Turn,
    done: Option<(&Attempt, &Heard)>,
    go_on: bool,
    until: OffsetDateTime,
    schedule: &Schedule,
) -> Result<Option<Attempt>, Refusal> {
    let gone = done.is_some_and(|(_, heard)| heard.status == Some(GONE));
    // Whoever changes a webhook takes it before its queue, and so is it here.
    let found = if gone {
        Repo::<Webhook>::lock(tx, turn.org, turn.webhook).await?
    } else {
        Repo::<Webhook>::find(tx, turn.org, turn.webhook).await?
    };
    let Some(mut webhook) = found else { return Err(StoreError::Stale.into()) };
    let place = tx.hold(turn, until).await?;
    let mut rest = None;
    if let Some((attempt, heard)) = done {
        rest = heard.rest(ctx.now);
        note(ctx, tx, &attempt.delivery, heard, schedule).await?;
        if gone && webhook.status == webhook::Status::Active {
            let disable = Changes::with(|webhook: &mut Webhook| {
                webhook.status = webhook::Status::Disabled;
                webhook.disabled_reason = Some(webhook::Reason::Gone);
            });
            webhook = kit::change(ctx, tx, "disabled", webhook, disable).await?;
        }
    }
    let next = if go_on && rest.is_none() && webhook.status == webhook::Status::Active {
        next(ctx, tx, turn, &webhook, place).await?
    } else {
        None
    };
    let Some(delivery) = next else {
        tx.release(turn, rest).await?;
        return Ok(None);
    };
    let body = match delivery.sequence {
        None => payload::test_body(&delivery),
        Some(sequence) => {
            let entry = tx.event(turn.org, sequence).await?;
            payload::body(&entry.ok_or_else(|| StoreError::internal("a delivery is of no journal entry"))?)
        }
    };
    let secrets = webhook.secrets_at(ctx.now);
    Ok(Some(Attempt { url: webhook.url, secrets, body: body.to_string(), delivery }))
}

/// Notes what became of an attempt, unless the delivery was begun anew meanwhile.
async fn note(ctx: &Ctx, tx: &mut Tx, attempted: &Delivery, heard: &Heard, schedule: &Schedule) -> Result<(), Refusal> {
    let found = Repo::<Delivery>::find(tx, attempted.org, attempted.id).await?;
    let Some(mut delivery) = found.filter(|found| found.meta.revision == attempted.meta.revision) else {
        return Ok(());
    };
    let seen = delivery.meta.revision;
    delivery.attempts += 1;
    delivery.response_status = heard.status;
    delivery.last_attempt_at = Some(ctx.now);
    delivery.next_attempt_at = None;
    if heard.succeeded() {
        delivery.status = Status::Succeeded;
        delivery.error = None;
    } else {
        let answered = || heard.status.map(|status| format!("the address answered {status}"));
        delivery.error = heard.error.clone().or_else(answered).map(|text| text.chars().take(500).collect());
        let wait = schedule
            .after(delivery.attempts, heard.retry_after)
            .map(|wait| wait + spread(wait, delivery.id.0))
            .filter(|_| heard.status != Some(GONE));
        delivery.next_attempt_at = wait.map(|wait| ctx.now + wait);
        delivery.status = if wait.is_some() { Status::Failed } else { Status::Dead };
    }
    delivery.meta.touch(ctx);
    Ok(Repo::<Delivery>::update(tx, &delivery, seen).await?)
}

/// The delivery to attempt next. New ones are made only where none is due, so that a receiver that falls behind leaves
/// the rest in the journal.
async fn next(
    ctx: &Ctx,
    tx: &mut Tx,
    turn: &Turn,
    webhook: &Webhook,
    mut place: Place,
) -> Result<Option<Delivery>, Refusal> {
    for _ in 0..BATCHES {
        if let Some(delivery) = tx.due(turn.org, turn.webhook, ctx.now).await? {
            return Ok(Some(delivery));
        }
        // Everything up to the head is there to be seen by whatever is read after it.
        let head = tx.head(turn.org).await?;
        if head <= place.position {
            return Ok(None);
        }
        let events = tx.events(turn.org, place.position, head, BATCH).await?;
        // Never before those made earlier, by whichever clock: attempts are made in the order of these times.
        let at = place.stamped_at.map_or(ctx.now, |stamped| stamped.max(ctx.now));
        let wanted = events.iter().filter(|event| webhook.wants(&event.action));
        let made: Vec<Delivery> = wanted.map(|event| Delivery::of(ctx, webhook.id, Some(event), at)).collect();
        let position = match events.last() {
            Some(last) if events.len() >= BATCH => last.sequence,
            _ => head,
        };
        place.position = position;
        if !made.is_empty() {
            Repo::<Delivery>::insert_many(tx, &made).await?;
            place.stamped_at = Some(at);
        }
        tx.advance(turn, place).await?;
    }
    Ok(tx.due(turn.org, turn.webhook, ctx.now).await?)
}

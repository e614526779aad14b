//! What every adapter of this domain must show: run on memory and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row exists and of which the actor is an active member.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a suite fails by panicking")]

use grc_kernel::{
    Access, Changes, Ctx, Fact, Fault, FaultKind, FieldError, IfMatch, Permission, Refusal, Repo, Resource, Role, Uuid,
    kit, list::Scalar,
};
use time::Duration;

use crate::{
    Delivery, Schedule, Sight, Webhook, WebhookId, delivery,
    delivery::Status,
    dispatch::{self, Attempt, Heard},
    ports::{Turn, Tx},
    webhook,
};

type Outcome = Result<(), Refusal>;

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    setting_up(ctx, tx).await?;
    telling(ctx, tx).await?;
    giving_up(ctx, tx).await?;
    tidying(ctx, tx).await
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> FaultKind {
    outcome.unwrap_err().kind()
}

fn wrong<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Vec<String> {
    outcome.unwrap_err().fields().iter().map(|error| format!("{} {}", error.field, error.code)).collect()
}

fn sight(ctx: &Ctx) -> Sight {
    let kinds = [("risk", "risk"), ("vendor", "vendor"), ("webhook", "webhook")];
    Sight::of(&ctx.actor, kinds.map(|(kind, area)| (kind, Permission::new(area, Access::Read))))
}

fn wanting(url: &str, events: &[&str]) -> Changes<Webhook> {
    let (url, events) = (url.to_owned(), events.iter().map(|event| (*event).to_owned()).collect());
    Changes::with(move |webhook: &mut Webhook| {
        webhook.url = url;
        webhook.events = events;
    })
}

async fn made(ctx: &Ctx, tx: &mut Tx, events: &[&str]) -> Result<Webhook, Refusal> {
    let changes = wanting("https://hooks.example.org/grc", events);
    Ok(webhook::create(ctx, tx, changes, None, &sight(ctx), [7; 32]).await?.0)
}

/// Something happens to a record.
async fn happens(ctx: &Ctx, tx: &mut Tx, kind: &'static str, verb: &str) -> Outcome {
    let fact = Fact { feed: true, ..Fact::note(kind, Uuid::from_u128(5), verb) };
    Ok(tx.journal().record(ctx, fact).await?)
}

/// Webhooks are admins' to set up; what is wrong is said together; secrets are in no picture.
async fn setting_up(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let judged = || Some(FieldError::new("url", "refused", "must be a host on the open internet"));
    let bad = wanting("https://10.0.0.1/", &["risk", "risk.*"]);
    assert_eq!(
        wrong(webhook::create(ctx, tx, bad, judged(), &sight(ctx), [7; 32]).await),
        ["events[0] invalid", "url refused"]
    );
    let none = wanting("https://hooks.example.org/", &[]);
    assert_eq!(wrong(webhook::create(ctx, tx, none, None, &sight(ctx), [7; 32]).await), ["events required"]);
    for role in [Role::Analyst, Role::Auditor, Role::Viewer] {
        let ctx = ctx.clone().with_role(role);
        assert_eq!(kind(made(&ctx, tx, &["*"]).await), FaultKind::Forbidden);
        assert_eq!(kind(kit::page::<Webhook>(&ctx, tx, &Webhook::LIST.query()).await), FaultKind::Forbidden);
    }
    Ok(())
}

/// Takes the one turn that there is.
async fn turn(ctx: &Ctx, tx: &mut Tx) -> Result<Turn, Refusal> {
    let turns = tx.claim(ctx.now, ctx.now + Duration::seconds(45), 10).await?;
    assert_eq!(turns.len(), 1, "{turns:?}");
    Ok(turns[0])
}

async fn nothing_to_do(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let turns = tx.claim(ctx.now, ctx.now + Duration::seconds(45), 10).await?;
    assert!(turns.is_empty(), "{turns:?}");
    Ok(())
}

async fn step(ctx: &Ctx, tx: &mut Tx, turn: &Turn, done: Option<(&Attempt, i64)>) -> Result<Option<Attempt>, Refusal> {
    let heard = |status| Heard { status: Some(status), ..Heard::default() };
    let heard = done.map(|(attempt, status)| (attempt, heard(status)));
    let done = heard.as_ref().map(|(attempt, heard)| (*attempt, heard));
    dispatch::step(ctx, tx, turn, done, true, ctx.now + Duration::seconds(45), &Schedule::default()).await
}

async fn all(ctx: &Ctx, tx: &mut Tx, of: WebhookId) -> Result<Vec<Delivery>, Refusal> {
    let query = Delivery::LIST.query().only("webhook_id", vec![Scalar::Id(of.0)]).limited(1_000);
    let mut all = kit::page::<Delivery>(ctx, tx, &query).await?.items;
    all.sort_by_key(|one| (one.sequence, one.id));
    Ok(all)
}

/// What comes after a webhook was made is delivered in order, once each, whatever else is in the journal.
async fn telling(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    happens(ctx, tx, "risk", "created").await?;
    let hook = made(ctx, tx, &["risk.*"]).await?;
    nothing_to_do(ctx, tx).await?;
    for (kind, verb) in [("risk", "created"), ("vendor", "created"), ("risk", "updated"), ("risk", "deleted")] {
        happens(ctx, tx, kind, verb).await?;
    }
    tx.journal().record(ctx, Fact::note("risk", Uuid::from_u128(5), "looked_at")).await?;
    let first_turn = turn(ctx, tx).await?;
    assert_eq!((first_turn.org, first_turn.webhook), (ctx.org, hook.id));
    nothing_to_do(ctx, tx).await?;
    let first = step(ctx, tx, &first_turn, None).await?.unwrap();
    assert!(first.body.contains("\"type\":\"risk.created\"") && first.body.contains(&ctx.org.to_string()));
    assert_eq!(first.url, hook.url);
    assert_eq!(first.signature(1).split(' ').count(), 1);
    let second = step(ctx, tx, &first_turn, Some((&first, 204))).await?.unwrap();
    assert!(second.body.contains("\"type\":\"risk.updated\""));
    let third = step(ctx, tx, &first_turn, Some((&second, 500))).await?.unwrap();
    assert!(third.body.contains("\"type\":\"risk.deleted\""));
    assert!(step(ctx, tx, &first_turn, Some((&third, 200))).await?.is_none());
    let states: Vec<_> = all(ctx, tx, hook.id).await?.iter().map(|one| (one.status, one.attempts)).collect();
    assert_eq!(states, [(Status::Succeeded, 1), (Status::Failed, 1), (Status::Succeeded, 1)]);
    // The retry comes when it is due, under the same id.
    nothing_to_do(ctx, tx).await?;
    nothing_to_do(&ctx.clone().at(ctx.now + Duration::seconds(4)), tx).await?;
    // A wait is longer by up to a tenth, so that what failed at once is not tried again at once.
    let later = ctx.clone().at(ctx.now + Duration::milliseconds(5_500));
    let second_turn = turn(&later, tx).await?;
    assert!(second_turn.fence > first_turn.fence);
    assert_eq!(kind(step(&later, tx, &first_turn, None).await), FaultKind::Stale);
    let again = step(&later, tx, &second_turn, None).await?.unwrap();
    assert_eq!((again.event_id(), &again.body), (second.event_id(), &second.body));
    // Whoever sends vanishes; its turn runs out and another begins.
    nothing_to_do(&later, tx).await?;
    let after = later.clone().at(later.now + Duration::seconds(46));
    let third_turn = turn(&after, tx).await?;
    let again = step(&after, tx, &third_turn, None).await?.unwrap();
    assert_eq!(again.event_id(), second.event_id());
    assert_eq!(kind(step(&after, tx, &second_turn, Some((&again, 200))).await), FaultKind::Stale);
    assert!(step(&after, tx, &third_turn, Some((&again, 200))).await?.is_none());
    let states: Vec<_> = all(ctx, tx, hook.id).await?.iter().map(|one| (one.status, one.attempts)).collect();
    assert_eq!(states, [(Status::Succeeded, 1), (Status::Succeeded, 2), (Status::Succeeded, 1)]);
    // Two secrets sign for a day.
    let (rotated, secret) = webhook::rotate(&after, tx, hook.id, [8; 32]).await?;
    assert_eq!(rotated.previous_secret_expires_at, Some(after.now + Duration::hours(24)));
    let tested = delivery::test(&after, tx, hook.id).await?;
    assert_eq!((tested.status, tested.event_type.as_str()), (Status::Pending, delivery::TEST_EVENT));
    let fourth_turn = turn(&after, tx).await?;
    let attempt = step(&after, tx, &fourth_turn, None).await?.unwrap();
    assert_eq!(attempt.event_id(), tested.event_id.to_string());
    let signed = attempt.signature(9);
    let own = secret.sign(&attempt.event_id(), 9, attempt.body.as_bytes()).unwrap();
    assert!(signed.starts_with(&own) && signed.split(' ').count() == 2, "{signed}");
    assert_eq!(rotated.secrets_at(after.now + Duration::hours(24)).len(), 1);
    assert!(step(&after, tx, &fourth_turn, Some((&attempt, 200))).await?.is_none());
    kit::remove::<Webhook>(ctx, tx, hook.id, None).await?;
    assert!(all(ctx, tx, hook.id).await?.is_empty());
    nothing_to_do(&after, tx).await
}

/// After ten attempts a delivery is dead until somebody has it begun anew; a receiver that is gone is told nothing more.
async fn giving_up(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let hook = made(ctx, tx, &["vendor.created"]).await?;
    happens(ctx, tx, "vendor", "created").await?;
    let mut now = ctx.clone();
    for attempt in 1..=10 {
        let turn = turn(&now, tx).await?;
        let sending = step(&now, tx, &turn, None).await?.unwrap();
        assert!(step(&now, tx, &turn, Some((&sending, 503))).await?.is_none());
        let one = all(&now, tx, hook.id).await?.remove(0);
        assert_eq!((one.attempts, one.response_status), (attempt, Some(503)));
        assert_eq!(one.error.as_deref(), Some("the address answered 503"));
        match one.next_attempt_at {
            Some(at) => now = now.at(at),
            None => assert_eq!((one.status, attempt), (Status::Dead, 10)),
        }
    }
    let waits = Duration::seconds(5 + 30 + 120 + 600 + 1_800 + 3_600 + 10_800 + 21_600 + 43_200);
    assert!((waits..=waits * 11 / 10).contains(&(now.now - ctx.now)), "{}", now.now - ctx.now);
    nothing_to_do(&now.clone().at(now.now + Duration::days(9)), tx).await?;
    let dead = all(&now, tx, hook.id).await?.remove(0);
    let anew = delivery::redeliver(&now, tx, hook.id, dead.id).await?;
    assert_eq!((anew.id, anew.status, anew.attempts, anew.event_id), (dead.id, Status::Pending, 0, dead.event_id));
    assert_eq!(kind(delivery::redeliver(&now, tx, hook.id, Uuid::from_u128(1).into()).await), FaultKind::NotFound);
    assert_eq!(kind(delivery::redeliver(&now, tx, Uuid::from_u128(1).into(), dead.id).await), FaultKind::NotFound);
    let one = turn(&now, tx).await?;
    let sending = step(&now, tx, &one, None).await?.unwrap();
    assert!(step(&now, tx, &one, Some((&sending, 410))).await?.is_none());
    let gone = kit::get::<Webhook>(&now, tx, hook.id).await?;
    assert_eq!(
        (gone.status, gone.disabled_reason, gone.disabled_at),
        (webhook::Status::Disabled, Some(webhook::Reason::Gone), Some(now.now))
    );
    assert_eq!(all(&now, tx, hook.id).await?.remove(0).status, Status::Dead);
    assert_eq!(kind(delivery::test(&now, tx, hook.id).await), FaultKind::Conflict);
    assert_eq!(kind(delivery::redeliver(&now, tx, hook.id, dead.id).await), FaultKind::Conflict);
    // What happens meanwhile waits until it is told again.
    happens(&now, tx, "vendor", "created").await?;
    nothing_to_do(&now, tx).await?;
    let back = Changes::with(|webhook: &mut Webhook| webhook.status = webhook::Status::Active);
    let back = webhook::amend(&now, tx, hook.id, IfMatch::ANY, back, None, &sight(&now)).await?;
    assert_eq!((back.disabled_reason, back.disabled_at), (None, None));
    let one = turn(&now, tx).await?;
    let sending = step(&now, tx, &one, None).await?.unwrap();
    // A slow failure has its receiver rest.
    let slow = Heard { error: Some("late".to_owned()), took: Duration::seconds(15), ..Heard::default() };
    let until = now.now + Duration::seconds(45);
    let done = Some((&sending, &slow));
    assert!(dispatch::step(&now, tx, &one, done, true, until, &Schedule::default()).await?.is_none());
    nothing_to_do(&now.clone().at(now.now + Duration::seconds(44)), tx).await?;
    let rested = now.clone().at(now.now + Duration::seconds(45));
    let one = turn(&rested, tx).await?;
    // Begun anew while it is sent: what came of that attempt is not noted.
    let sending = step(&rested, tx, &one, None).await?.unwrap();
    let last = all(&rested, tx, hook.id).await?.remove(1);
    delivery::redeliver(&rested, tx, hook.id, last.id).await?;
    let again = step(&rested, tx, &one, Some((&sending, 200))).await?.unwrap();
    assert_eq!(again.event_id(), sending.event_id());
    assert!(step(&rested, tx, &one, Some((&again, 200))).await?.is_none());
    assert_eq!(all(&rested, tx, hook.id).await?.remove(1).attempts, 1);
    kit::remove::<Webhook>(ctx, tx, hook.id, None).await?;
    Ok(())
}

/// Old deliveries go, those that still wait stay; an organization has so many webhooks at most.
async fn tidying(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let hook = made(ctx, tx, &["*"]).await?;
    for _ in 0..4 {
        happens(ctx, tx, "risk", "updated").await?;
    }
    let one = turn(ctx, tx).await?;
    let mut sending = step(ctx, tx, &one, None).await?;
    let mut answers = [200, 200, 500, 200].into_iter();
    while let Some(attempt) = sending {
        sending = step(ctx, tx, &one, Some((&attempt, answers.next().unwrap()))).await?;
    }
    let (soon, late) = (ctx.now, ctx.now + Duration::seconds(1));
    assert_eq!(tx.expire(ctx.org, soon, late, 100).await?, 0);
    assert_eq!(tx.expire(ctx.org, late, late, 2).await?, 2);
    assert_eq!(tx.expire(ctx.org, late, late, 100).await?, 1);
    assert_eq!(all(ctx, tx, hook.id).await?.len(), 1);
    for _ in 1..webhook::WEBHOOKS_MAX {
        made(ctx, tx, &["risk.created"]).await?;
    }
    assert_eq!(kind(made(ctx, tx, &["risk.created"]).await), FaultKind::Conflict);
    let found = Repo::<Webhook>::find(tx, ctx.org, hook.id).await?.unwrap();
    let picture = grc_kernel::Record::snapshot(&found).to_string();
    assert!(!picture.contains("whsec_") && !picture.contains("signing_secret"), "{picture}");
    Ok(())
}

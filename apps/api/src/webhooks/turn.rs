//! A turn at one webhook's queue: attempt after attempt, each noted in the transaction that names the next.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web::Data;
use grc_events::{
    dispatch::{self, Attempt, Heard},
    ports::Turn,
};
use grc_kernel::{Actor, Ctx};
use grc_outbound::{
    OutboundError, Reaction, Request,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use tokio_util::sync::CancellationToken;

use super::LEASE;
use crate::{adapters::clock, http::problem::Problem, serve::App};

/// How long a webhook is sent to while others may wait.
const TURN: Duration = Duration::from_secs(10);
/// How often it is tried to note what became of an attempt.
const TRIES: u32 = 3;

/// Takes a turn.
pub(super) async fn take(app: Data<App>, turn: Turn, stop: CancellationToken) {
    let begun = Instant::now();
    let mut done: Option<(Attempt, Heard)> = None;
    loop {
        let go_on = !stop.is_cancelled() && begun.elapsed() < TURN;
        match step(&app, &turn, done.as_ref(), go_on).await {
            Ok(Some(attempt)) => {
                let heard = send(&app, &attempt).await;
                done = Some((attempt, heard));
            }
            Ok(None) => return,
            // Somebody else has the queue, or the webhook is gone.
            Err(problem) if problem.status == 412 => return,
            Err(problem) => {
                // The turn runs out, and what was sent last is sent again under the same id.
                tracing::warn!(%problem, webhook = %turn.webhook, "a turn at a webhook's queue broke off");
                return;
            }
        }
    }
}

async fn step(
    app: &App,
    turn: &Turn,
    done: Option<&(Attempt, Heard)>,
    go_on: bool,
) -> Result<Option<Attempt>, Problem> {
    let mut tries = 0;
    loop {
        let outcome = once(app, turn, done, go_on).await;
        tries += 1;
        match outcome {
            Err(problem) if problem.status == 503 && tries < TRIES => tokio::time::sleep(Duration::from_secs(1)).await,
            outcome => return outcome,
        }
    }
}

async fn once(
    app: &App,
    turn: &Turn,
    done: Option<&(Attempt, Heard)>,
    go_on: bool,
) -> Result<Option<Attempt>, Problem> {
    let webhooks = &app.webhooks;
    let _desk = webhooks.desks.acquire().await;
    let request = format!("webhook-{}", turn.webhook);
    let ctx = Ctx::new(turn.org, Actor::system(), clock::now(), request, Arc::clone(&app.ids));
    let (until, schedule) = (ctx.now + LEASE, &webhooks.schedule);
    app.db
        .write(turn.org, async |uow| {
            let done = done.map(|(attempt, heard)| (attempt, heard));
            Ok(dispatch::step(&ctx, uow.events(), turn, done, go_on, until, schedule).await?)
        })
        .await
}

/// Makes an attempt. What it says of a failure tells nothing of what lies behind the address.
async fn send(app: &App, attempt: &Attempt) -> Heard {
    let begun = Instant::now();
    let outcome = post(app, attempt).await;
    let took = time::Duration::try_from(begun.elapsed()).unwrap_or(time::Duration::MAX);
    match outcome {
        Ok(reaction) => Heard {
            status: Some(i64::from(reaction.status)),
            error: (300..400).contains(&reaction.status).then(|| OutboundError::Redirected.to_string()),
            retry_after: retry_after(&reaction),
            took,
        },
        Err(error) => Heard { error: Some(error.to_string()), took, ..Heard::default() },
    }
}

async fn post(app: &App, attempt: &Attempt) -> Result<Reaction, OutboundError> {
    let outbound = &app.webhooks.outbound;
    let timestamp = clock::now().unix_timestamp();
    // Ids, numbers and base64 are header values all of them.
    let value = |text: String| HeaderValue::from_str(&text).map_err(|_| OutboundError::Unreachable);
    let request = Request::post(outbound.target(&attempt.url)?, attempt.body.clone().into_bytes())
        .with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with(HeaderName::from_static("webhook-id"), value(attempt.event_id())?)
        .with(HeaderName::from_static("webhook-timestamp"), value(timestamp.to_string())?)
        .with(HeaderName::from_static("webhook-signature"), value(attempt.signature(timestamp))?);
    outbound.tell(request).await
}

/// The seconds of `Retry-After` (RFC 9110, 10.2.3), where a receiver is busy; a date is not looked at.
fn retry_after(reaction: &Reaction) -> Option<time::Duration> {
    if !matches!(reaction.status, 429 | 503) {
        return None;
    }
    let seconds: u32 = reaction.headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(time::Duration::seconds(i64::from(seconds)))
}

//! Webhooks at work: who is told that something changed ([`Webhooks::changed`]), and the dispatcher ([`run`]), which
//! takes turns at the queues of webhooks (`turn`).
//!
//! Any number of replicas run one: a turn is a lease with a fencing token. Commits of this process wake it, those of
//! others it finds within a second.

mod turn;

use std::time::Duration;

use actix_web::web::Data;
use grc_events::{Schedule, dispatch, ports::Turn};
use grc_kernel::{OrgId, StoreError};
use grc_outbound::{Limits, Outbound, Policy, Url};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{adapters::clock, config::Config, http::problem::Problem, serve::App};

/// How many webhooks are sent to at once.
const PLACES: usize = 64;
/// How many of those use the database at once.
const DESKS: usize = 4;
/// How many requests may wait for a change at once.
const WAITERS: usize = 64;
/// How much of an answer is read before it is thrown away.
const ANSWER_MAX: usize = 64 * 1024;
/// How long a turn of which nothing is heard keeps its queue: longer than an attempt takes.
const LEASE: time::Duration = time::Duration::seconds(45);
/// How often an idle dispatcher looks, where nothing wakes it.
const IDLE: Duration = Duration::from_secs(1);
/// How long it lets commits gather that wake it.
const GATHER: Duration = Duration::from_millis(50);
/// How many old deliveries are removed at a time.
const SWEEP: usize = 5_000;

/// How webhooks are sent to; other than usual only in tests.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The waits between attempts.
    pub schedule: Schedule,
    /// How long an attempt may take.
    pub attempt: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { schedule: Schedule::default(), attempt: Duration::from_secs(15) }
    }
}

/// What the service needs for webhooks and for those that wait for changes.
pub struct Webhooks {
    /// The door to the addresses.
    pub outbound: Outbound,
    /// Those who may wait for a change.
    pub waiters: Semaphore,
    schedule: Schedule,
    desks: Semaphore,
    change: Notify,
    wake: Notify,
}

impl Webhooks {
    /// Sets it up.
    pub fn new(config: &Config, public_url: &str) -> Self {
        let own = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let policy = Policy { private: config.allow_private_targets, own_hosts: own.into_iter().collect() };
        let pace = &config.webhook_pace;
        let limits = Limits { body: ANSWER_MAX, connect: Duration::from_secs(5), total: pace.attempt };
        Self {
            outbound: Outbound::new(policy, limits),
            waiters: Semaphore::new(WAITERS),
            schedule: pace.schedule.clone(),
            desks: Semaphore::new(DESKS),
            change: Notify::new(),
            wake: Notify::new(),
        }
    }

    /// Says that something was committed.
    pub fn changed(&self) {
        self.change.notify_waiters();
        self.wake.notify_one();
    }

    /// Ends with the next commit of this process.
    pub fn change(&self) -> tokio::sync::futures::Notified<'_> {
        self.change.notified()
    }
}

/// Sends until the token is cancelled; each attempt that is under way is finished and noted.
pub async fn run(app: Data<App>, stop: CancellationToken) {
    let mut turns = JoinSet::new();
    while !stop.is_cancelled() {
        while turns.try_join_next().is_some() {}
        let free = PLACES.saturating_sub(turns.len());
        match claim(&app, free).await {
            Ok(taken) => {
                for one in taken {
                    turns.spawn(turn::take(app.clone(), one, stop.clone()));
                }
            }
            Err(error) => tracing::warn!(%error, "no webhook's queue could be taken"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.webhooks.wake.notified() => tokio::time::sleep(GATHER).await,
            Some(_) = turns.join_next() => {}
            () = tokio::time::sleep(IDLE) => {}
        }
    }
    while turns.join_next().await.is_some() {}
}

async fn claim(app: &App, most: usize) -> Result<Vec<Turn>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let now = clock::now();
    app.db.write(OrgId::PLATFORM, async |uow| uow.events().claim(now, now + LEASE, most).await).await
}

/// Removes an organization's old deliveries.
pub async fn tidy(app: &App, org: OrgId) -> Result<(), Problem> {
    let now = clock::now();
    let (succeeded, dead) = (now - dispatch::KEPT, now - dispatch::DEAD_KEPT);
    loop {
        let expired: Result<usize, Problem> =
            app.db.write(org, async |uow| Ok(uow.events().expire(org, succeeded, dead, SWEEP).await?)).await;
        if expired? < SWEEP {
            return Ok(());
        }
    }
}

//! The keys that are known, and when they are asked for anew.
//!
//! Cloudflare rotates its keys every six weeks and publishes the next one ahead, so an unknown key id is rare in earnest and
//! cheap to make up. Hence: one fetch at a time, which everybody who needs it waits for and nobody else; at most one a minute
//! once there are keys; what is known stays until a better set has arrived; and no lock is held while the network is asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jsonwebtoken::DecodingKey;
use time::{Duration, OffsetDateTime};

use crate::{jwks::KeySet, verifier::Refusal};

/// Between two fetches once there are keys.
pub const SPACING: Duration = Duration::MINUTE;
/// Between two attempts while there are none at all: there is nothing yet to go on with.
pub const SPACING_WITHOUT_KEYS: Duration = Duration::seconds(5);
/// When keys are old enough to be looked at again, without anybody waiting: a key that was withdrawn is to stop working.
pub const REFRESH: Duration = Duration::HOUR;
/// How long a fetch may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(4);

/// Where the key set comes from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The key set's document.
    async fn fetch(&self) -> Result<String, String>;
}

/// How the keys stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// How many are known.
    pub keys: usize,
    /// When they were fetched.
    pub fetched_at: Option<OffsetDateTime>,
    /// Why the last attempt failed, where it did.
    pub failure: Option<String>,
}

type Flight = Shared<BoxFuture<'static, ()>>;

#[derive(Default)]
struct State {
    set: Arc<KeySet>,
    fetched_at: Option<OffsetDateTime>,
    attempted_at: Option<OffsetDateTime>,
    /// The last attempt that was made although there were keys.
    refetched_at: Option<OffsetDateTime>,
    failure: Option<String>,
    flight: Option<(u64, Flight)>,
    flights: u64,
}

/// The known keys.
pub struct Keys {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn KeySource>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("status", &self.status()).finish()
    }
}

impl Keys {
    /// No keys yet, and where to get them.
    pub fn new(source: Arc<dyn KeySource>) -> Self {
        Self { inner: Arc::new(Inner { source, state: Mutex::default() }) }
    }

    /// The key of an id, fetched where it is unknown and the time has come.
    pub async fn find(&self, kid: &str, now: OffsetDateTime) -> Result<DecodingKey, Refusal> {
        let flight = {
            let mut state = self.inner.lock();
            if let Some(key) = state.set.get(kid).cloned() {
                let old = state.fetched_at.is_none_or(|at| passed(at, now, REFRESH));
                if old && state.may_fetch(now) {
                    // Nobody waits for it: what is known goes on meanwhile.
                    drop(self.inner.depart(&mut state, now));
                }
                return Ok(key);
            }
            match &state.flight {
                Some((_, flight)) => Some(flight.clone()),
                None if state.may_fetch(now) => Some(self.inner.depart(&mut state, now)),
                None => None,
            }
        };
        if let Some(flight) = flight {
            flight.await;
        }
        let state = self.inner.lock();
        match state.set.get(kid) {
            Some(key) => Ok(key.clone()),
            None if state.set.is_empty() => Err(Refusal::Unavailable),
            None => Err(Refusal::UnknownKey),
        }
    }

    /// Fetches where there are no keys yet.
    pub async fn warm(&self, now: OffsetDateTime) {
        let flight = {
            let mut state = self.inner.lock();
            let wanted = state.set.is_empty() && state.flight.is_none() && state.may_fetch(now);
            wanted.then(|| self.inner.depart(&mut state, now))
        };
        if let Some(flight) = flight {
            flight.await;
        }
    }

    /// How the keys stand.
    pub fn status(&self) -> Status {
        let state = self.inner.lock();
        Status { keys: state.set.len(), fetched_at: state.fetched_at, failure: state.failure.clone() }
    }
}

/// Whether a while has passed. A clock that was set back counts as passed: it must not block fetches for good.
fn passed(since: OffsetDateTime, now: OffsetDateTime, while_: Duration) -> bool {
    now < since || now - since >= while_
}

impl State {
    /// Whether the network may be asked now.
    fn may_fetch(&self, now: OffsetDateTime) -> bool {
        if self.flight.is_some() {
            return false;
        }
        let (last, spacing) =
            if self.set.is_empty() { (self.attempted_at, SPACING_WITHOUT_KEYS) } else { (self.refetched_at, SPACING) };
        last.is_none_or(|at| passed(at, now, spacing))
    }
}

impl Inner {
    /// Held for look-ups and for putting results in place, never across an await.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends for the keys. The fetch is a task of its own, so that a caller who goes away takes it from nobody.
    fn depart(self: &Arc<Self>, state: &mut State, now: OffsetDateTime) -> Flight {
        state.attempted_at = Some(now);
        if !state.set.is_empty() {
            state.refetched_at = Some(now);
        }
        state.flights += 1;
        let number = state.flights;
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move {
            let fetched = tokio::time::timeout(PATIENCE, inner.source.fetch()).await;
            let parsed = match fetched {
                Ok(Ok(document)) => KeySet::parse(&document),
                Ok(Err(problem)) => Err(problem),
                Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            inner.land(number, Some((parsed, now)));
        });
        let inner = Arc::clone(self);
        let flight = async move {
            // A task that was ended from outside must not leave everybody waiting for it.
            if task.await.is_err() {
                inner.land(number, None);
            }
        };
        let flight = flight.boxed().shared();
        state.flight = Some((number, flight.clone()));
        flight
    }

    fn land(&self, number: u64, outcome: Option<(Result<KeySet, String>, OffsetDateTime)>) {
        let mut state = self.lock();
        if state.flight.as_ref().is_some_and(|(current, _)| *current == number) {
            state.flight = None;
        }
        match outcome {
            None => state.failure = Some("the fetch was broken off".to_owned()),
            Some((Ok(set), now)) => {
                tracing::info!(keys = ?set, "fetched the keys of Cloudflare Access");
                state.set = Arc::new(set);
                state.fetched_at = Some(now);
                state.failure = None;
            }
            Some((Err(problem), _)) => {
                let kept = state.set.len();
                tracing::warn!(problem, kept, "the keys of Cloudflare Access could not be fetched");
                state.failure = Some(problem);
            }
        }
    }
}

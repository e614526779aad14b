//! Which count holds: that of all servers while Redis answers, else that of this process.

use std::{sync::Arc, time::Duration};

use crate::{
    local::{Ask, Drawn, Local},
    rule::{Refused, Rule, Standing},
    shared::Shared,
};

/// How often an absent Redis is tried.
const TRIED_EVERY: Duration = Duration::from_millis(500);

/// Limits.
pub struct Limiter {
    requests: Option<Rule>,
    local: Local,
    shared: Option<Arc<Shared>>,
}

/// One that was taken, and can be given back.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    /// Where the limit stands now.
    pub standing: Standing,
    place: String,
    slice: u64,
    shared: bool,
}

/// How Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisState {
    /// None is configured.
    None,
    /// It counts.
    Up,
    /// It does not, and why.
    Down(String),
}

impl Limiter {
    /// Limits of this process alone. `requests` is the rule of [`Limiter::request`].
    pub fn in_process(requests: Option<Rule>) -> Self {
        Self { requests, local: Local::new(requests), shared: None }
    }

    /// Limits over all servers that use the same Redis. It need not be there yet: until it is, and whenever it is away, the
    /// limits of this process hold. The error says what is wrong with the URL.
    pub async fn over_redis(url: &str, requests: Option<Rule>) -> Result<Self, String> {
        let shared = Arc::new(Shared::new(url)?);
        shared.probe().await;
        let watched = Arc::downgrade(&shared);
        // Ends with the limiter.
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(TRIED_EVERY).await;
                let Some(shared) = watched.upgrade() else { return };
                if !shared.is_up() {
                    shared.probe().await;
                }
            }
        });
        Ok(Self { requests, local: Local::new(requests), shared: Some(shared) })
    }

    /// One request of a caller; none where requests are not limited.
    pub async fn request(&self, key: &str) -> Option<Result<Standing, Refused>> {
        let rule = self.requests?;
        match self.over_all(&[Ask::new(rule, key)], true).await {
            Some(drawn) => Some(drawn.map(|drawn| drawn.first().map_or(full(&rule), |(standing, _)| *standing))),
            None => self.local.request(key),
        }
    }

    /// Takes one.
    pub async fn take(&self, rule: &Rule, key: &str) -> Result<Permit, Refused> {
        let ask = [Ask::new(*rule, key)];
        let over_all = self.over_all(&ask, true).await;
        let shared = over_all.is_some();
        let drawn = over_all.unwrap_or_else(|| self.local.draw(&ask, true))?;
        let (standing, slice) = drawn.first().copied().unwrap_or((full(rule), 0));
        let [Ask { place, .. }] = ask;
        Ok(Permit { standing, place, slice, shared })
    }

    /// Gives back what was not used after all; where the limit stands then.
    pub async fn give_back(&self, permit: Permit) -> Standing {
        match &self.shared {
            Some(shared) if permit.shared => shared.give_back(&permit.place, permit.slice).await,
            _ => self.local.give_back(&permit.place, permit.slice),
        }
        let remaining = permit.standing.remaining.saturating_add(1).min(permit.standing.limit);
        Standing { remaining, ..permit.standing }
    }

    /// Whether there is room under all of these rules; nothing is taken.
    pub async fn look(&self, asks: &[(Rule, String)]) -> Result<(), Refused> {
        self.several(asks, false).await
    }

    /// Takes one under each of these rules, or none where one of them has no room.
    pub async fn take_all(&self, asks: &[(Rule, String)]) -> Result<(), Refused> {
        self.several(asks, true).await
    }

    /// Asks Redis now, where there is one.
    pub async fn check(&self) -> RedisState {
        if let Some(shared) = &self.shared {
            shared.probe().await;
        }
        self.redis()
    }

    /// How Redis was when it was last needed.
    pub fn redis(&self) -> RedisState {
        match &self.shared {
            None => RedisState::None,
            Some(shared) if shared.is_up() => RedisState::Up,
            Some(shared) => RedisState::Down(shared.failure().unwrap_or_else(|| "not reached yet".to_owned())),
        }
    }

    /// Forgets what no longer matters.
    pub fn tidy(&self) {
        self.local.tidy();
    }

    async fn several(&self, asks: &[(Rule, String)], take: bool) -> Result<(), Refused> {
        let asks: Vec<Ask> = asks.iter().map(|(rule, key)| Ask::new(*rule, key)).collect();
        let drawn = match self.over_all(&asks, take).await {
            Some(drawn) => drawn,
            None => self.local.draw(&asks, take),
        };
        drawn.map(|_| ())
    }

    /// What Redis says; none where this process has to say it.
    async fn over_all(&self, asks: &[Ask], take: bool) -> Option<Drawn> {
        let shared = self.shared.as_ref()?;
        if shared.is_up() {
            match shared.draw(asks, take).await {
                Ok(drawn) => return Some(drawn),
                Err(problem) => shared.went_down(problem),
            }
        }
        metrics::counter!("grc_limits_in_process_total").increment(1);
        None
    }
}

/// A rule of which nothing is used.
fn full(rule: &Rule) -> Standing {
    Standing { limit: rule.most, remaining: rule.most, reset_in: 0 }
}

//! Limits of this process.
//!
//! Requests are limited by `governor`: a burst of the whole limit, then evenly. What is rare and dear (a report, an upload, a
//! failed log-in) is counted in windows, exactly, and can be given back.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use crate::{
    rule::{Refused, Rule, Standing},
    window::Window,
};

type Rates = RateLimiter<String, DashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// From how many keys on old ones are looked for and forgotten.
const CROWDED: usize = 100_000;

/// What is asked of one rule.
pub(crate) struct Ask {
    pub(crate) rule: Rule,
    pub(crate) place: String,
}

impl Ask {
    pub(crate) fn new(rule: Rule, key: &str) -> Self {
        Self { place: rule.place(key), rule }
    }
}

/// What became of it: where each rule stands, and the slice that it was counted in.
pub(crate) type Drawn = Result<Vec<(Standing, u64)>, Refused>;

struct Windows {
    of: HashMap<String, (Rule, Window)>,
    crowded: usize,
}

/// Counts of this process.
pub(crate) struct Local {
    begun: Instant,
    rates: Option<(Rule, Rates)>,
    windows: Mutex<Windows>,
}

impl Local {
    pub(crate) fn new(requests: Option<Rule>) -> Self {
        let rates = requests.and_then(|rule| {
            let burst = std::num::NonZeroU32::new(rule.most)?;
            let quota = Quota::with_period(rule.period / rule.most)?.allow_burst(burst);
            Some((rule, RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>()))
        });
        let windows = Mutex::new(Windows { of: HashMap::new(), crowded: CROWDED });
        Self { begun: Instant::now(), rates, windows }
    }

    /// One request of a caller.
    pub(crate) fn request(&self, key: &str) -> Option<Result<Standing, Refused>> {
        let (rule, limiter) = self.rates.as_ref()?;
        Some(match limiter.check_key(&key.to_owned()) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = u64::from(rule.most.saturating_sub(remaining));
                let reset_in = (rule.period.as_secs() * used).div_ceil(u64::from(rule.most));
                Ok(Standing { limit: rule.most, remaining, reset_in })
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
                let standing = Standing { limit: rule.most, remaining: 0, reset_in: rule.period.as_secs() };
                Err(Refused { standing, wait })
            }
        })
    }

    /// Takes one of each, or only looks; where one has no room, none is taken.
    pub(crate) fn draw(&self, asks: &[Ask], take: bool) -> Drawn {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut windows = self.lock();
        windows.tidy(now);
        let mut refused: Option<Refused> = None;
        for ask in asks {
            let Some((_, window)) = windows.of.get_mut(&ask.place) else { continue };
            let stand = window.stand(&ask.rule, now);
            if stand.used >= ask.rule.most {
                let wait = stand.first_back.div_ceil(1_000).max(1);
                if refused.is_none_or(|known| known.wait < wait) {
                    refused = Some(Refused { standing: stand.standing(&ask.rule), wait });
                }
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let drawn = asks.iter().map(|ask| {
            let (_, window) = windows.of.entry(ask.place.clone()).or_insert_with(|| (ask.rule, Window::default()));
            let slice = if take { window.add(&ask.rule, now) } else { 0 };
            (window.stand(&ask.rule, now).standing(&ask.rule), slice)
        });
        Ok(drawn.collect())
    }

    /// Gives one back.
    pub(crate) fn give_back(&self, place: &str, slice: u64) {
        if let Some((_, window)) = self.lock().of.get_mut(place) {
            window.take_back(slice);
        }
    }

    /// Forgets callers that have all of theirs back.
    pub(crate) fn tidy(&self) {
        if let Some((_, rates)) = &self.rates {
            rates.retain_recent();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Windows {
    /// A flood of made-up keys must not grow this without end: what no longer counts goes, each time it has doubled.
    fn tidy(&mut self, now: u64) {
        if self.of.len() < self.crowded {
            return;
        }
        self.of.retain(|_, (rule, window)| {
            window.stand(rule, now);
            !window.is_empty()
        });
        self.crowded = CROWDED.max(self.of.len().saturating_mul(2));
    }
}

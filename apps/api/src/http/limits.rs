//! Limits: requests a minute for each caller, reports and uploads an hour for each organization, failed
//! log-ins. They hold per process; exact ones over replicas come with Redis.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use grc_kernel::OrgId;

use super::problem::Problem;
use crate::{adapters::clock, config::Config};

/// Where a limit stands, for the three headers.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// How many in all.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// Until all are back, in seconds.
    pub reset_in: u64,
}

impl Standing {
    /// The tighter of two: the one with fewer left.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        if other.remaining < self.remaining { other } else { self }
    }

    /// The headers: limit, remaining, and reset in Unix seconds.
    pub fn headers(self) -> [(&'static str, String); 3] {
        let reset = clock::now().unix_timestamp().saturating_add(i64::try_from(self.reset_in).unwrap_or(0));
        [
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", self.remaining.to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ]
    }
}

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// One limit over keys.
pub struct Limit<K: Hash + Eq + Clone> {
    inner: Option<(Keyed<K>, u32, Duration)>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// So many in a period; 0 is off.
    pub fn new(count: u32, period: Duration) -> Self {
        let inner = NonZeroU32::new(count).and_then(|burst| {
            let quota = Quota::with_period(period / count)?.allow_burst(burst);
            Some((RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>(), count, period))
        });
        Self { inner }
    }

    /// Takes one; where none is left, the problem says when to come again.
    pub fn take(&self, key: &K) -> Result<Option<Standing>, (Standing, Problem)> {
        let Some((limiter, limit, period)) = &self.inner else { return Ok(None) };
        match limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = u64::from(limit.saturating_sub(remaining));
                let reset_in = (period.as_secs() * used).div_ceil(u64::from(*limit));
                Ok(Some(Standing { limit: *limit, remaining, reset_in }))
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
                let detail = format!("at most {limit} in {} s; try again in {wait} s", period.as_secs());
                let problem = Problem { retry_after: Some(wait), ..Problem::new(429, detail) };
                Err((Standing { limit: *limit, remaining: 0, reset_in: period.as_secs() }, problem))
            }
        }
    }

    /// Forgets keys that have all of theirs back.
    pub fn tidy(&self) {
        if let Some((limiter, ..)) = &self.inner {
            limiter.retain_recent();
        }
    }
}

/// Counts failures in a sliding window: successes cost nothing.
pub struct Failures {
    window: Duration,
    most: usize,
    seen: Mutex<HashMap<String, VecDeque<Instant>>>,
}

impl Failures {
    fn new(most: usize, window: Duration) -> Self {
        Self { window, most, seen: Mutex::default() }
    }

    fn blocked(&self, key: &str) -> Option<u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.get_mut(key)?;
        while times.front().is_some_and(|at| at.elapsed() > self.window) {
            times.pop_front();
        }
        let first = *times.front()?;
        (times.len() >= self.most).then(|| self.window.saturating_sub(first.elapsed()).as_secs() + 1)
    }

    fn note(&self, key: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() > 100_000 {
            // A flood of made-up accounts must not grow this without end.
            seen.retain(|_, times| times.back().is_some_and(|at| at.elapsed() < self.window));
        }
        seen.entry(key.to_owned()).or_default().push_back(Instant::now());
    }
}

/// All limits.
pub struct Limits {
    /// Requests of a caller.
    pub requests: Limit<String>,
    /// Reports of an organization.
    pub reports: Limit<OrgId>,
    /// Uploads of an organization.
    pub uploads: Limit<OrgId>,
    login_pair: Failures,
    login_address: Failures,
    login_account: Failures,
}

impl Limits {
    /// The limits of a configuration.
    pub fn new(config: &Config) -> Self {
        let (minute, hour, quarter) = (Duration::from_secs(60), Duration::from_secs(3_600), Duration::from_secs(900));
        Self {
            requests: Limit::new(config.rate_per_minute, minute),
            reports: Limit::new(config.reports_per_hour, hour),
            uploads: Limit::new(config.uploads_per_hour, hour),
            login_pair: Failures::new(10, quarter),
            login_address: Failures::new(50, quarter),
            login_account: Failures::new(100, quarter),
        }
    }

    /// Refuses a log-in after too many failures: 10 of an account from an address, 50 from an address, 100 of
    /// an account, in 15 minutes.
    pub fn may_log_in(&self, account: &str, address: &str) -> Result<(), Problem> {
        let account = account.trim().to_lowercase();
        let waits = [
            self.login_pair.blocked(&format!("{account}|{address}")),
            self.login_address.blocked(address),
            self.login_account.blocked(&account),
        ];
        match waits.into_iter().flatten().max() {
            None => Ok(()),
            Some(wait) => Err(Problem { retry_after: Some(wait), ..Problem::new(429, "too many failed log-ins") }),
        }
    }

    /// Notes a failed log-in.
    pub fn failed_log_in(&self, account: &str, address: &str) {
        let account = account.trim().to_lowercase();
        self.login_pair.note(&format!("{account}|{address}"));
        self.login_address.note(address);
        self.login_account.note(&account);
    }

    /// Forgets what no longer matters.
    pub fn tidy(&self) {
        self.requests.tidy();
        self.reports.tidy();
        self.uploads.tidy();
    }
}

//! Limits: requests a minute for each caller, reports and uploads an hour for each organization, failed log-ins.
//!
//! How they are counted, and where, is `grc-limits`' matter; here stand what is limited and how an answer says so.

use std::{cell::RefCell, time::Duration};

use grc_kernel::OrgId;
use grc_limits::{Limiter, Permit, RedisState, Refused, Rule};

pub use grc_limits::Standing;

use super::problem::Problem;
use crate::{adapters::clock, config::Config};

/// What an organization may do so often an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Have reports generated.
    Reports,
    /// Upload evidence.
    Uploads,
}

tokio::task_local! {
    /// What the parts of a whole took of quotas.
    static TAKEN: RefCell<Vec<Permit>>;
}

/// A refusal: where the limit stands, and the answer.
pub type Spent = (Standing, Problem);

/// All limits.
pub struct Limits {
    limiter: Limiter,
    reports: Option<Rule>,
    uploads: Option<Rule>,
    pair: Rule,
    address: Rule,
    account: Rule,
}

/// The three headers: limit, remaining, and reset in Unix seconds.
pub fn headers(standing: Standing) -> [(&'static str, String); 3] {
    let reset = clock::now().unix_timestamp().saturating_add(i64::try_from(standing.reset_in).unwrap_or(0));
    [
        ("x-ratelimit-limit", standing.limit.to_string()),
        ("x-ratelimit-remaining", standing.remaining.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
    ]
}

fn spent(rule_says: &str, refused: Refused) -> Spent {
    let Refused { standing, wait } = refused;
    let detail = format!("at most {} {rule_says}; try again in {wait} s", standing.limit);
    (standing, Problem { retry_after: Some(wait), ..Problem::new(429, detail) })
}

impl Limits {
    /// The limits of a configuration; an error where its Redis URL is none.
    pub async fn open(config: &Config) -> Result<Self, String> {
        let (minute, hour, quarter) = (Duration::from_secs(60), Duration::from_secs(3_600), Duration::from_secs(900));
        let requests = Rule::new("requests", config.rate_per_minute, minute);
        let limiter = match &config.redis_url {
            None => Limiter::in_process(requests),
            Some(url) => Limiter::over_redis(url, requests).await?,
        };
        let failures = |name, most| Rule { name, most, period: quarter };
        Ok(Self {
            limiter,
            reports: Rule::new("reports", config.reports_per_hour, hour),
            uploads: Rule::new("uploads", config.uploads_per_hour, hour),
            pair: failures("login-pair", 10),
            address: failures("login-address", 50),
            account: failures("login-account", 100),
        })
    }

    /// Counts a request of a caller; where it stands, unless requests are not limited.
    pub async fn request(&self, caller: &str) -> Result<Option<Standing>, Spent> {
        self.limiter.request(caller).await.transpose().map_err(|refused| spent("requests a minute", refused))
    }

    /// Takes one of an organization's quota, unless that is not limited.
    pub async fn take(&self, quota: Quota, org: OrgId) -> Result<Option<Permit>, Spent> {
        let (rule, says) = match quota {
            Quota::Reports => (&self.reports, "reports an hour"),
            Quota::Uploads => (&self.uploads, "evidence uploads an hour"),
        };
        let Some(rule) = rule else { return Ok(None) };
        self.limiter.take(rule, &org.to_string()).await.map(Some).map_err(|refused| spent(says, refused))
    }

    /// Does a whole of which nothing counts unless it says so: what its parts took of quotas is given back then.
    pub async fn as_one<T>(&self, work: impl Future<Output = (T, bool)>) -> T {
        let work = async {
            let (outcome, counts) = work.await;
            (outcome, counts, TAKEN.with(RefCell::take))
        };
        let (outcome, counts, taken) = TAKEN.scope(RefCell::default(), work).await;
        for permit in taken.into_iter().filter(|_| !counts) {
            self.limiter.give_back(permit).await;
        }
        outcome
    }

    /// Notes that a permit counts, as far as the whole does that it is a part of; where the limit stands.
    pub fn spend(permit: Permit) -> Standing {
        let standing = permit.standing;
        let _ = TAKEN.try_with(|taken| taken.borrow_mut().push(permit));
        standing
    }

    /// Gives back what came to nothing; where the limit stands then.
    pub async fn give_back(&self, permit: Permit) -> Standing {
        self.limiter.give_back(permit).await
    }

    /// Refuses a log-in after too many failures: 10 of an account from an address, 50 from an address, 100 of an account,
    /// in 15 minutes.
    pub async fn may_log_in(&self, account: &str, address: &str) -> Result<(), Problem> {
        self.limiter.look(&self.log_in(account, address)).await.map_err(too_many)
    }

    /// Says how a log-in went. Asked after the password was checked, it refuses what the failures in the meantime forbid, a
    /// right password too: so many guesses at once get no more answers than one after the other.
    pub async fn logged_in(&self, account: &str, address: &str, right: bool) -> Result<(), Problem> {
        let asks = self.log_in(account, address);
        let outcome = if right { self.limiter.look(&asks).await } else { self.limiter.take_all(&asks).await };
        outcome.map_err(too_many)
    }

    fn log_in(&self, account: &str, address: &str) -> [(Rule, String); 3] {
        let account = account.trim().to_lowercase();
        [(self.pair, format!("{account}|{address}")), (self.address, address.to_owned()), (self.account, account)]
    }

    /// How Redis is, asked now.
    pub async fn check(&self) -> RedisState {
        self.limiter.check().await
    }

    /// How Redis was when it was last needed.
    pub fn redis(&self) -> RedisState {
        self.limiter.redis()
    }

    /// Forgets what no longer matters.
    pub fn tidy(&self) {
        self.limiter.tidy();
    }
}

fn too_many(refused: Refused) -> Problem {
    Problem { retry_after: Some(refused.wait), ..Problem::new(429, "too many failed log-ins") }
}

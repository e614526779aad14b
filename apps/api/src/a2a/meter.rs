//! What was asked and answered since the process began, in numbers that say nothing of whom.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

/// The upper bounds of the latency's classes, in milliseconds.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 30_000];

/// The numbers.
#[derive(Debug, Default)]
pub struct Meter {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    requests: BTreeMap<&'static str, u64>,
    issued: u64,
    verified: u64,
    rejected: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    classes: [u64; BOUNDS.len() + 1],
    slowest: u64,
}

impl Meter {
    /// A tool was called.
    pub fn asked(&self, tool: &'static str, took: Duration) {
        metrics::counter!("grc_a2a_requests_total", "tool" => tool).increment(1);
        metrics::histogram!("grc_a2a_request_seconds", "tool" => tool).record(took.as_secs_f64());
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.note(|state| {
            *state.requests.entry(tool).or_default() += 1;
            let class = BOUNDS.iter().position(|bound| millis <= *bound).unwrap_or(BOUNDS.len());
            if let Some(count) = state.classes.get_mut(class) {
                *count += 1;
            }
            state.slowest = state.slowest.max(millis);
        });
    }

    /// An attestation was issued.
    pub fn issued(&self) {
        metrics::counter!("grc_a2a_issued_total").increment(1);
        self.note(|state| state.issued += 1);
    }

    /// An attestation is believed.
    pub fn verified(&self) {
        metrics::counter!("grc_a2a_verified_total").increment(1);
        self.note(|state| state.verified += 1);
    }

    /// An attestation is not believed.
    pub fn rejected(&self, reason: &'static str) {
        metrics::counter!("grc_a2a_rejected_total", "reason" => reason).increment(1);
        self.note(|state| *state.rejected.entry(reason.to_owned()).or_default() += 1);
    }

    /// A vendor did not answer.
    pub fn failed(&self, reason: &'static str) {
        metrics::counter!("grc_a2a_failed_total", "reason" => reason).increment(1);
        self.note(|state| *state.failed.entry(reason.to_owned()).or_default() += 1);
    }

    fn note(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The numbers as JSON. Latencies are the upper bounds of classes.
    pub fn to_json(&self) -> Value {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u64 = state.classes.iter().sum();
        let quantile = |percent: u64| {
            let wanted = (all * percent).div_ceil(100);
            let mut seen = 0;
            let class = state.classes.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            let bound = class.and_then(|class| BOUNDS.get(class).copied()).unwrap_or(state.slowest);
            (all > 0).then(|| bound.min(state.slowest))
        };
        json!({
            "requests": state.requests,
            "requests_total": state.requests.values().sum::<u64>(),
            "issued": state.issued,
            "verified": state.verified,
            "rejected": state.rejected,
            "failed": state.failed,
            "latency_ms": {"p50": quantile(50), "p95": quantile(95), "p99": quantile(99), "max": (all > 0).then_some(state.slowest)},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_bounds_of_classes() {
        let meter = Meter::default();
        assert_eq!(meter.to_json()["latency_ms"]["p50"], Value::Null);
        for millis in [1, 1, 3, 40, 700] {
            meter.asked("list_frameworks", Duration::from_millis(millis));
        }
        let numbers = meter.to_json();
        assert_eq!(numbers["latency_ms"], json!({"p50": 5, "p95": 700, "p99": 700, "max": 700}));
        assert_eq!(numbers["requests"], json!({"list_frameworks": 5}));
    }
}

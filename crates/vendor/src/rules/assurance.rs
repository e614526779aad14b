//! How much of a vendor's inherent risk is answered for.
//!
//! Assurance is coverage times effectiveness, less what open findings take from it, and fades as the assessment that it
//! rests on grows old. Residual risk is what it leaves of the inherent risk, but never less than a fifth of it: no
//! questionnaire makes a vendor harmless.

use grc_kernel::wire_enum;
use time::{Duration, OffsetDateTime};

/// What no assurance takes away, of the inherent score.
pub const RESIDUAL_FLOOR: f64 = 0.2;
/// How long an assessment counts in full, in months; from then on it loses half every further twelve.
const FRESH_MONTHS: f64 = 12.0;
/// The days of a month, on the average of the Gregorian calendar.
const MONTH_DAYS: f64 = 365.2425 / 12.0;
/// What open findings together can take from the assurance.
const PENALTY_MAX: f64 = 0.5;

wire_enum! {
    /// How bad a finding is.
    pub enum Severity {
        /// It must be mended before anything else.
        Critical = "critical",
        /// It must be mended soon.
        High = "high",
        /// It is to be mended.
        Medium = "medium",
        /// It is worth mending.
        Low = "low",
        /// It is only worth knowing.
        Info = "info",
    }
}

impl Severity {
    /// What an open finding takes from the assurance.
    pub fn penalty(self) -> f64 {
        match self {
            Self::Critical => 0.25,
            Self::High => 0.1,
            Self::Medium => 0.05,
            Self::Low => 0.02,
            Self::Info => 0.0,
        }
    }
}

/// The assurance that an assessment gives on the day it is completed, from 0 to 1: its coverage (0 to 1), its score (0
/// to 100, none where nothing of it was scored) and the findings of it that are open.
pub fn assurance(coverage: f64, score: Option<f64>, open: impl Iterator<Item = Severity>) -> f64 {
    let effectiveness = score.unwrap_or(0.0).clamp(0.0, 100.0) / 100.0;
    let penalty = open.map(Severity::penalty).sum::<f64>().min(PENALTY_MAX);
    coverage.clamp(0.0, 1.0) * effectiveness * (1.0 - penalty)
}

/// How much an assessment still counts after a time, from 1 down towards 0.
pub fn freshness(age: Duration) -> f64 {
    let days = i32::try_from(age.whole_days()).map_or(f64::INFINITY, f64::from);
    let months = (days / MONTH_DAYS - FRESH_MONTHS).max(0.0);
    0.5_f64.powf(months / 12.0)
}

/// The assurance at a time, of an assessment that was completed at another.
pub fn at(assurance: f64, completed: OffsetDateTime, now: OffsetDateTime) -> f64 {
    assurance * freshness(now - completed)
}

/// The residual score: what an assurance leaves of an inherent score.
pub fn residual(inherent: f64, assurance: f64) -> f64 {
    inherent * (1.0 - assurance.clamp(0.0, 1.0)).max(RESIDUAL_FLOOR)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn residual_is_what_assurance_leaves_and_at_least_a_fifth() {
        for (inherent, coverage, score, open, expected) in [
            (80.0, 1.0, Some(100.0), &[][..], 16.0),
            (80.0, 1.0, Some(50.0), &[], 40.0),
            (80.0, 0.5, Some(50.0), &[], 60.0),
            (80.0, 1.0, Some(0.0), &[], 80.0),
            (80.0, 1.0, None, &[], 80.0),
            (80.0, 0.0, Some(100.0), &[], 80.0),
            (80.0, 1.0, Some(50.0), &[Severity::Info], 40.0),
            (80.0, 1.0, Some(50.0), &[Severity::Low], 40.8),
            (80.0, 1.0, Some(50.0), &[Severity::Medium, Severity::Medium], 44.0),
            (80.0, 1.0, Some(50.0), &[Severity::High], 44.0),
            (80.0, 1.0, Some(50.0), &[Severity::Critical, Severity::Critical, Severity::Critical], 60.0),
            (0.0, 1.0, Some(50.0), &[], 0.0),
        ] {
            let found = residual(inherent, assurance(coverage, score, open.iter().copied()));
            assert!(near(found, expected), "{inherent} {coverage} {score:?} {open:?}: {found}, not {expected}");
        }
    }

    #[test]
    fn an_assessment_counts_in_full_for_a_year_and_half_as_much_with_every_further_one() {
        for (days, expected) in [(0, 1.0), (200, 1.0), (365, 1.0), (-5, 1.0)] {
            assert!(near(freshness(Duration::days(days)), expected), "{days}");
        }
        for (years, expected) in [(2, 0.5), (3, 0.25), (4, 0.125)] {
            let found = freshness(Duration::days(years * 146_097 / 400));
            assert!((found - expected).abs() < 1e-3, "{years}: {found}");
        }
        assert!(near(freshness(Duration::MAX), 0.0));
    }

    proptest! {
        #[test]
        fn residual_lies_between_a_fifth_and_all_of_the_inherent_score(
            inherent in 0.0..=100.0_f64,
            coverage in 0.0..=1.0_f64,
            score in prop::option::of(0.0..=100.0_f64),
            open in prop::collection::vec(prop::sample::select(Severity::ALL), 0..8),
            days in 0_i64..5_000,
        ) {
            let fresh = assurance(coverage, score, open.iter().copied());
            prop_assert!((0.0..=1.0).contains(&fresh));
            let old = fresh * freshness(Duration::days(days));
            prop_assert!(old <= fresh);
            let (now, later) = (residual(inherent, fresh), residual(inherent, old));
            prop_assert!(now >= inherent * RESIDUAL_FLOOR - 1e-9 && later <= inherent + 1e-9 && now <= later + 1e-9);
            let fewer = assurance(coverage, score, open.iter().copied().skip(1));
            prop_assert!(residual(inherent, fewer) <= now + 1e-9, "an open finding never lowers the residual");
        }
    }
}

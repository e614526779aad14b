//! How long responses take: the time to detect, to acknowledge, to contain, to resolve.
//!
//! Each is taken over the incidents that came so far; those that are not over yet are counted apart (`open`), because
//! as zeros they would flatter and left out they would be forgotten. An incident that ended without being acknowledged
//! or contained never will be, and counts with neither. Times are minutes; the median is the middle (or the mean of the
//! two middle ones), the 90th percentile the nearest rank: the least time that nine tenths do not exceed.

use grc_kernel::{Access, Ctx, ListQuery, Refusal, Resource, wire_enum};

use crate::{
    incident::{Incident, IncidentId, Severity},
    ports::Tx,
};

wire_enum! {
    /// A time that is measured.
    pub enum Span {
        /// From the beginning to the detection.
        Detect = "mttd",
        /// From the detection to the acknowledgement.
        Acknowledge = "mtta",
        /// From the detection to the containment.
        Contain = "mttc",
        /// From the detection to the resolution.
        Resolve = "mttr",
    }
}

/// A time, taken over incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    /// How many came so far.
    pub n: i64,
    /// The middle of their times.
    pub median: Option<f64>,
    /// What nine tenths of their times do not exceed.
    pub p90: Option<f64>,
    /// The mean of their times.
    pub mean: Option<f64>,
    /// How many are not over yet.
    pub open: i64,
}

/// The four times, in the order of [`Span::ALL`].
pub type Measures = [Measure; 4];

/// What a group of incidents has in common.
#[derive(Clone, Debug, PartialEq)]
pub enum Group {
    /// Nothing: all of them.
    All,
    /// Their severity.
    Severity(Severity),
    /// The month of their detection, `2026-03`.
    Month(String),
}

/// The times of an organization's incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Over all of them.
    pub all: Measures,
    /// By severity, the gravest first; only those that occur.
    pub by_severity: Vec<(Severity, Measures)>,
    /// By month of detection, the earliest first; only those that occur.
    pub by_month: Vec<(String, Measures)>,
}

impl Measure {
    /// Takes a time over incidents: those that came so far in minutes, and how many are open.
    pub fn of(mut minutes: Vec<f64>, open: i64) -> Self {
        minutes.sort_by(f64::total_cmp);
        let count = minutes.len();
        let at = |i: usize| minutes.get(i).copied();
        let middle = match (at(count / 2), count % 2) {
            (Some(upper), 0) => at(count / 2 - 1).map(|lower| lower + (upper - lower) / 2.0),
            (middle, _) => middle,
        };
        let n = i64::try_from(count).unwrap_or(i64::MAX);
        // A count of incidents is exact as a float.
        let divisor: f64 = i32::try_from(count).map_or(f64::from(i32::MAX), f64::from);
        let mean = (count > 0).then(|| minutes.iter().sum::<f64>() / divisor);
        let p90 = nearest_rank(count, 9, 10).and_then(at);
        Self { n, median: middle, p90, mean, open }.rounded()
    }

    /// The same to a ten-thousandth of a minute, so that it does not depend on who computed it.
    #[must_use]
    pub fn rounded(self) -> Self {
        let round = |minutes: Option<f64>| minutes.map(|minutes| (minutes * 10_000.0).round() / 10_000.0);
        Self { median: round(self.median), p90: round(self.p90), mean: round(self.mean), ..self }
    }
}

/// The place (from 0) of a percentile among so many sorted values: the least value that the part does not exceed.
pub fn nearest_rank(count: usize, part: usize, of: usize) -> Option<usize> {
    count.checked_mul(part)?.div_ceil(of).checked_sub(1)
}

impl Incident {
    /// A time of this incident in minutes; none where it has not come, or never will.
    pub fn minutes(&self, span: Span) -> Option<f64> {
        let (from, to) = match span {
            Span::Detect => (self.occurred_at?, self.detected_at),
            Span::Acknowledge => (self.detected_at, self.acknowledged_at?),
            Span::Contain => (self.detected_at, self.contained_at?),
            Span::Resolve => (self.detected_at, self.resolved_at?),
        };
        // A client's clock may be a little ahead of ours.
        Some(((to - from).as_seconds_f64() / 60.0).max(0.0))
    }

    /// Whether a time may still come. What is recorded here was detected.
    pub fn is_open(&self, span: Span) -> bool {
        let never = match span {
            Span::Detect => true,
            Span::Acknowledge => self.acknowledged_at.is_some(),
            Span::Contain => self.contained_at.is_some(),
            Span::Resolve => false,
        };
        !never && self.resolved_at.is_none()
    }
}

/// The times over incidents in memory.
pub fn over<'a>(incidents: impl Iterator<Item = &'a Incident> + Clone) -> Measures {
    [Span::Detect, Span::Acknowledge, Span::Contain, Span::Resolve].map(|span| {
        let minutes = incidents.clone().filter_map(|incident| incident.minutes(span)).collect();
        let open = incidents.clone().filter(|incident| incident.is_open(span)).count();
        Measure::of(minutes, i64::try_from(open).unwrap_or(i64::MAX))
    })
}

/// The times of the organization's incidents that a list request matches.
pub async fn overall(ctx: &Ctx, tx: &mut Tx, query: &ListQuery) -> Result<Metrics, Refusal> {
    ctx.require(Incident::permission(Access::Read))?;
    let mut metrics = Metrics::default();
    for (group, measures) in tx.response_times(ctx.org, query).await? {
        match group {
            Group::All => metrics.all = measures,
            Group::Severity(severity) => metrics.by_severity.push((severity, measures)),
            Group::Month(month) => metrics.by_month.push((month, measures)),
        }
    }
    metrics.by_severity.sort_by_key(|(severity, _)| *severity);
    metrics.by_month.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(metrics)
}

/// The times of one incident.
pub async fn of_one(ctx: &Ctx, tx: &mut Tx, id: IncidentId) -> Result<Measures, Refusal> {
    let incident = grc_kernel::kit::get::<Incident>(ctx, tx, id).await?;
    Ok(over(std::iter::once(&incident)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_measures_are_the_tables() {
        let measure = |minutes: &[f64]| {
            let m = Measure::of(minutes.to_vec(), 2);
            (m.n, m.median, m.p90, m.mean, m.open)
        };
        assert_eq!(measure(&[]), (0, None, None, None, 2));
        assert_eq!(measure(&[7.0]), (1, Some(7.0), Some(7.0), Some(7.0), 2));
        assert_eq!(measure(&[30.0, 10.0]), (2, Some(20.0), Some(30.0), Some(20.0), 2));
        assert_eq!(measure(&[1.0, 2.0, 90.0]), (3, Some(2.0), Some(90.0), Some(31.0), 2));
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(measure(&ten), (10, Some(5.5), Some(9.0), Some(5.5), 2), "nine of ten do not exceed 9");
        let eleven: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(measure(&eleven).2, Some(10.0));
        assert_eq!(measure(&[1.0 / 3.0]).1, Some(0.3333));
    }

    proptest! {
        #[test]
        fn nine_tenths_do_not_exceed_the_percentile_and_nothing_less_does(minutes in proptest::collection::vec(0_i32..500, 1..60)) {
            let minutes: Vec<f64> = minutes.into_iter().map(f64::from).collect();
            let p90 = Measure::of(minutes.clone(), 0).p90.unwrap();
            let within = |bound: f64| minutes.iter().filter(|m| **m <= bound).count() * 10;
            prop_assert!(within(p90) >= minutes.len() * 9);
            let below = minutes.iter().copied().filter(|m| *m < p90).fold(-1.0, f64::max);
            prop_assert!(within(below) < minutes.len() * 9);
        }

        #[test]
        fn the_median_has_as_many_below_as_above(minutes in proptest::collection::vec(0_i32..500, 1..60)) {
            let minutes: Vec<f64> = minutes.into_iter().map(f64::from).collect();
            let median = Measure::of(minutes.clone(), 0).median.unwrap();
            let (below, above) = (minutes.iter().filter(|m| **m < median).count(), minutes.iter().filter(|m| **m > median).count());
            prop_assert!(below * 2 <= minutes.len() && above * 2 <= minutes.len());
        }
    }
}

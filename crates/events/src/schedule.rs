//! When an attempt that failed is made again.

use grc_kernel::Uuid;
use time::Duration;

/// The longest that a receiver's `Retry-After` puts an attempt off.
pub const ASKED_MAX: Duration = Duration::hours(1);

/// The waits between attempts: one more attempt than there are waits, and then none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    waits: Vec<Duration>,
}

impl Default for Schedule {
    /// Ten attempts: at once, then after 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h.
    fn default() -> Self {
        let seconds = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
        Self { waits: seconds.into_iter().map(Duration::seconds).collect() }
    }
}

impl Schedule {
    /// A schedule of other waits.
    #[must_use]
    pub fn of(waits: Vec<Duration>) -> Self {
        Self { waits }
    }

    /// How long to wait after so many attempts, the last of which failed; none where that was the last one. A receiver
    /// may ask for a longer wait, within bounds.
    #[must_use]
    pub fn after(&self, attempts: i64, asked: Option<Duration>) -> Option<Duration> {
        let made = usize::try_from(attempts).ok()?;
        let wait = *self.waits.get(made.checked_sub(1)?)?;
        Some(asked.map_or(wait, |asked| wait.max(asked.min(ASKED_MAX))))
    }
}

/// What a delivery waits beyond its wait, up to a tenth of it: what failed at once is not all tried again at once.
#[must_use]
pub fn spread(wait: Duration, delivery: Uuid) -> Duration {
    let place = i32::try_from(delivery.as_u128() % 1_000).unwrap_or(0);
    wait * place / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_attempts() {
        let schedule = Schedule::default();
        let waits: Vec<Option<i64>> =
            (0..=11).map(|made| schedule.after(made, None).map(Duration::whole_seconds)).collect();
        let expected = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200].map(Some);
        assert_eq!(waits[0], None, "the first is made at once");
        assert_eq!(waits[1..=9], expected);
        assert_eq!(waits[10..], [None, None]);
        assert_eq!(schedule.after(-1, None), None);
    }

    #[test]
    fn what_failed_at_once_is_not_tried_again_at_once() {
        let hour = Duration::hours(1);
        let waits: std::collections::BTreeSet<Duration> =
            (0..500).map(|id| spread(hour, Uuid::from_u128(id))).collect();
        assert_eq!(waits.len(), 500);
        assert!(waits.iter().all(|more| *more >= Duration::ZERO && *more <= hour / 10));
    }

    #[test]
    fn a_receiver_may_ask_for_longer_but_not_for_ever() {
        let schedule = Schedule::default();
        for (made, asked, wait) in [(1, 2, 5), (1, 60, 60), (1, 1_000_000, 3_600), (9, 60, 43_200)] {
            assert_eq!(schedule.after(made, Some(Duration::seconds(asked))), Some(Duration::seconds(wait)));
        }
        assert_eq!(schedule.after(10, Some(Duration::seconds(1))), None);
    }
}

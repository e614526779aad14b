//! A count over a sliding window.
//!
//! The period is cut into slices and each slice has a count. A slice counts until the whole of it is older than the period, so
//! that no window of that length, wherever it begins, ever holds more than the limit; what is used comes back a slice late at
//! most. The memory of a key is that of its slices, however high the limit. The script in [`crate::shared`] does the same
//! arithmetic.

use std::collections::VecDeque;

use crate::rule::{Rule, Standing};

/// Slices of a period.
pub const SLICES: u64 = 60;

/// The counts of one key, the oldest slice first.
#[derive(Clone, Debug, Default)]
pub struct Window {
    slices: VecDeque<(u64, u32)>,
}

/// How a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// How many are used.
    pub used: u32,
    /// In how many milliseconds the first of them are back; 0 where none is used.
    pub first_back: u64,
    /// In how many milliseconds all of them are.
    pub all_back: u64,
}

impl Stand {
    /// As the headers of an answer say it.
    pub fn standing(self, rule: &Rule) -> Standing {
        Standing {
            limit: rule.most,
            remaining: rule.most.saturating_sub(self.used),
            reset_in: self.all_back.div_ceil(1_000),
        }
    }
}

impl Window {
    /// How it stands at a time, in milliseconds of any clock that does not go back.
    pub fn stand(&mut self, rule: &Rule, now: u64) -> Stand {
        let width = rule.width();
        let current = now / width;
        while self.slices.front().is_some_and(|(slice, _)| slice + SLICES < current) {
            self.slices.pop_front();
        }
        let back =
            |slice: Option<&(u64, u32)>| slice.map_or(0, |(at, _)| ((at + SLICES + 1) * width).saturating_sub(now));
        Stand {
            used: self.slices.iter().fold(0, |sum: u32, (_, count)| sum.saturating_add(*count)),
            first_back: back(self.slices.front()),
            all_back: back(self.slices.back()),
        }
    }

    /// Counts one more; in which slice.
    pub fn add(&mut self, rule: &Rule, now: u64) -> u64 {
        let current = now / rule.width();
        match self.slices.back_mut() {
            // A clock that went back counts in the newest slice: nothing is forgotten early.
            Some((slice, count)) if *slice >= current => {
                *count = count.saturating_add(1);
                *slice
            }
            _ => {
                self.slices.push_back((current, 1));
                current
            }
        }
    }

    /// Takes one back out of a slice, if the slice still counts.
    pub fn take_back(&mut self, slice: u64) {
        if let Some((_, count)) = self.slices.iter_mut().find(|(at, _)| *at == slice) {
            *count = count.saturating_sub(1);
        }
        self.slices.retain(|(_, count)| *count > 0);
    }

    /// Whether nothing counts any more.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn rule(most: u32, seconds: u64) -> Rule {
        Rule::new("test", most, Duration::from_secs(seconds)).unwrap()
    }

    /// Asks and counts where there is room.
    fn take(window: &mut Window, rule: &Rule, now: u64) -> bool {
        let room = window.stand(rule, now).used < rule.most;
        if room {
            window.add(rule, now);
        }
        room
    }

    #[test]
    fn exactly_so_many_go_through_and_all_come_back() {
        let rule = rule(10, 3_600);
        let mut window = Window::default();
        assert_eq!((0..64).filter(|_| take(&mut window, &rule, 5)).count(), 10);
        let stand = window.stand(&rule, 5);
        assert_eq!((stand.used, stand.first_back, stand.all_back), (10, 3_660_000 - 5, 3_660_000 - 5));
        assert!(!take(&mut window, &rule, 3_600_004), "not within the hour");
        assert!(take(&mut window, &rule, 3_660_000), "and a slice later at the latest");
        assert_eq!(window.stand(&rule, 3_660_000).used, 1);
    }

    #[test]
    fn what_is_taken_back_can_be_used_again() {
        let rule = rule(2, 60);
        let mut window = Window::default();
        let first = window.add(&rule, 0);
        window.add(&rule, 5_000);
        assert!(!take(&mut window, &rule, 6_000));
        window.take_back(first);
        assert!(take(&mut window, &rule, 6_000));
        window.take_back(999);
        assert_eq!(window.stand(&rule, 6_000).used, 2, "a slice that is not there takes nothing back");
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_limit(
            most in 1_u32..20,
            steps in proptest::collection::vec(0_u64..9_000, 1..300),
        ) {
            let rule = rule(most, 60);
            let mut window = Window::default();
            let mut now = 0;
            let mut through: Vec<u64> = Vec::new();
            for step in steps {
                now += step;
                let stand = window.stand(&rule, now);
                prop_assert!(stand.first_back <= stand.all_back);
                if take(&mut window, &rule, now) {
                    through.push(now);
                } else {
                    // There is room again when the answer said so, and not before.
                    prop_assert!(window.clone().stand(&rule, now + stand.first_back - 1).used >= most);
                    prop_assert!(window.clone().stand(&rule, now + stand.first_back).used < most);
                }
                let recent = through.iter().filter(|at| **at + 60_000 > now).count();
                prop_assert!(recent <= usize::try_from(most).unwrap());
                prop_assert!(window.slices.len() <= 61);
            }
        }
    }
}

//! Tier and inherent score of a vendor, and how often it is reviewed.
//!
//! Eight answers from 0 to 4 are weighted to a score from 0 to 100; its quarters are the tiers. What the answers cannot
//! say lifts a vendor to at least high: that it supports a critical or important function, that a mission-critical
//! process depends on it, that it holds regulated personal data at scale.

use grc_kernel::{nested, shape::Ty, wire_enum};
use time::Date;

/// The version of the formula. Scores keep the version that made them; a change of weights or bounds is a new one.
pub const FORMULA: &str = "tiering-1";

wire_enum! {
    /// How much depends on a vendor.
    pub enum Tier {
        /// The organization fails with it.
        Critical = "critical",
        /// It is hard to do without.
        High = "high",
        /// It matters.
        Medium = "medium",
        /// Little depends on it.
        Low = "low",
    }
}

wire_enum! {
    /// Why a tier is at least high, whatever the answers say.
    pub enum Floor {
        /// It supports a critical or important function.
        CriticalFunction = "critical_function",
        /// A mission-critical process depends on it and has no alternative.
        MissionCriticalProcess = "mission_critical_process",
        /// It holds regulated personal data at scale.
        RegulatedData = "regulated_data",
    }
}

nested! {
    /// The answers that a vendor's tier is computed of, each from 0 (none) to 4 (the most).
    pub struct Tiering as "VendorTiering" {
        /// How sensitive the data is that it sees.
        data_sensitivity: i64 = Ty::Int(0, 4), required;
        /// How far its access reaches, and with which privileges.
        access: i64 = Ty::Int(0, 4), required;
        /// How much of the business stops without it.
        business_criticality: i64 = Ty::Int(0, 4), required;
        /// How hard it is to replace: 4 where nobody could.
        substitutability: i64 = Ty::Int(0, 4), required;
        /// How much is spent on it or runs over it.
        volume: i64 = Ty::Int(0, 4), required;
        /// How much of what it does is regulated.
        regulatory_reach: i64 = Ty::Int(0, 4), required;
        /// How much else already depends on it or on its group.
        concentration: i64 = Ty::Int(0, 4), required;
        /// How risky the places are that it works from.
        geography: i64 = Ty::Int(0, 4), required;
    }
}

impl Tier {
    /// The tier of a score.
    pub fn of(score: f64) -> Self {
        match score {
            score if score >= 75.0 => Self::Critical,
            score if score >= 50.0 => Self::High,
            score if score >= 25.0 => Self::Medium,
            _ => Self::Low,
        }
    }

    /// The middle of the tier's scores: what stands in for an inherent score where no answers were given.
    pub fn middle(self) -> f64 {
        match self {
            Self::Critical => 87.5,
            Self::High => 62.5,
            Self::Medium => 37.5,
            Self::Low => 12.5,
        }
    }

    /// How many months may pass from one review to the next.
    pub fn review_months(self) -> u16 {
        match self {
            Self::Critical | Self::High => 12,
            Self::Medium => 24,
            Self::Low => 36,
        }
    }
}

impl Tiering {
    /// The answers with their weights, in hundredths.
    fn weighted(&self) -> [(i64, i64); 8] {
        [
            (25, self.data_sensitivity),
            (15, self.access),
            (25, self.business_criticality),
            (10, self.substitutability),
            (5, self.volume),
            (10, self.regulatory_reach),
            (5, self.concentration),
            (5, self.geography),
        ]
    }

    /// The inherent score, from 0 to 100. Whole numbers as far as it goes: a score on a bound is on it exactly.
    pub fn inherent(&self) -> f64 {
        let quarters: i64 = self.weighted().iter().map(|(weight, answer)| weight * (*answer).clamp(0, 4)).sum();
        i32::try_from(quarters).map_or(100.0, |quarters| f64::from(quarters) / 4.0)
    }

    /// The tier, with whatever lifts it.
    pub fn tier(&self, floors: &[Floor]) -> Tier {
        let by_score = Tier::of(self.inherent());
        // The stricter of two tiers is the smaller one.
        if floors.is_empty() { by_score } else { by_score.min(Tier::High) }
    }
}

/// The same day so many months later, or the last day of that month where it has no such day.
pub fn plus_months(date: Date, months: u16) -> Date {
    let whole = i32::from(u8::from(date.month())) - 1 + i32::from(months);
    let year = date.year() + whole / 12;
    let month = u8::try_from(whole % 12 + 1).ok().and_then(|month| time::Month::try_from(month).ok());
    let Some(month) = month else { return Date::MAX };
    Date::from_calendar_date(year, month, date.day().min(month.length(year))).unwrap_or(Date::MAX)
}

/// When a vendor is reviewed next, after something moved: a review that was brought forward stays so.
pub fn moved_review(planned: Option<Date>, was_due: Date, is_due: Date) -> Date {
    match planned {
        Some(planned) if planned < was_due => planned.min(is_due),
        _ => is_due,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    fn answers(all: [i64; 8]) -> Tiering {
        let [
            data_sensitivity,
            access,
            business_criticality,
            substitutability,
            volume,
            regulatory_reach,
            concentration,
            geography,
        ] = all;
        Tiering {
            data_sensitivity,
            access,
            business_criticality,
            substitutability,
            volume,
            regulatory_reach,
            concentration,
            geography,
        }
    }

    #[test]
    fn the_score_is_the_weighted_sum_and_its_quarters_are_the_tiers() {
        for (all, score, tier) in [
            ([0; 8], 0.0, Tier::Low),
            ([1; 8], 25.0, Tier::Medium),
            ([2; 8], 50.0, Tier::High),
            ([3; 8], 75.0, Tier::Critical),
            ([4; 8], 100.0, Tier::Critical),
            ([4, 0, 0, 0, 0, 0, 0, 0], 25.0, Tier::Medium),
            ([0, 4, 0, 0, 0, 0, 0, 0], 15.0, Tier::Low),
            ([0, 0, 4, 0, 0, 0, 0, 0], 25.0, Tier::Medium),
            ([0, 0, 0, 4, 0, 0, 0, 0], 10.0, Tier::Low),
            ([0, 0, 0, 0, 4, 0, 0, 0], 5.0, Tier::Low),
            ([0, 0, 0, 0, 0, 4, 0, 0], 10.0, Tier::Low),
            ([0, 0, 0, 0, 0, 0, 4, 0], 5.0, Tier::Low),
            ([0, 0, 0, 0, 0, 0, 0, 4], 5.0, Tier::Low),
            ([4, 4, 4, 1, 1, 1, 1, 0], 72.5, Tier::High),
            ([4, 4, 4, 2, 1, 1, 1, 0], 75.0, Tier::Critical),
            ([3, 0, 1, 0, 0, 0, 0, 0], 25.0, Tier::Medium),
            ([3, 0, 0, 2, 0, 0, 0, 0], 23.75, Tier::Low),
            ([4, 3, 0, 3, 1, 1, 0, 1], 48.75, Tier::Medium),
        ] {
            assert_eq!((answers(all).inherent(), answers(all).tier(&[])), (score, tier), "{all:?}");
        }
    }

    #[test]
    fn a_floor_lifts_to_high_and_never_lowers() {
        for floor in Floor::ALL {
            for (all, tier) in [(0, Tier::High), (1, Tier::High), (2, Tier::High), (3, Tier::Critical)] {
                assert_eq!(answers([all; 8]).tier(&[*floor]), tier);
            }
        }
    }

    #[test]
    fn months_are_added_to_the_end_of_shorter_ones() {
        for (from, months, to) in [
            (date!(2026 - 03 - 01), 12, date!(2027 - 03 - 01)),
            (date!(2026 - 01 - 31), 1, date!(2026 - 02 - 28)),
            (date!(2024 - 02 - 29), 12, date!(2025 - 02 - 28)),
            (date!(2024 - 02 - 29), 48, date!(2028 - 02 - 29)),
            (date!(2026 - 12 - 15), 24, date!(2028 - 12 - 15)),
            (date!(2026 - 11 - 30), 36, date!(2029 - 11 - 30)),
            (date!(9998 - 12 - 31), 36, Date::MAX),
        ] {
            assert_eq!(plus_months(from, months), to, "{from} and {months}");
        }
        assert_eq!(Tier::ALL.iter().map(|tier| tier.review_months()).collect::<Vec<_>>(), [12, 12, 24, 36]);
    }

    #[test]
    fn a_review_that_was_brought_forward_stays_so() {
        let (soon, then, later) = (date!(2026 - 04 - 01), date!(2027 - 03 - 01), date!(2028 - 03 - 01));
        assert_eq!(moved_review(Some(then), then, later), later);
        assert_eq!(moved_review(Some(later), later, then), then);
        assert_eq!(moved_review(Some(soon), then, later), soon);
        assert_eq!(moved_review(Some(then), later, soon), soon);
        assert_eq!(moved_review(None, then, later), later);
    }

    proptest! {
        #[test]
        fn a_greater_answer_never_lowers_score_or_tier(all in prop::array::uniform8(0_i64..=4), at in 0_usize..8, floored: bool) {
            let floors: &[Floor] = if floored { &[Floor::RegulatedData] } else { &[] };
            let mut more = all;
            more[at] = (more[at] + 1).min(4);
            let (less, more) = (answers(all), answers(more));
            prop_assert!((0.0..=100.0).contains(&less.inherent()));
            prop_assert!(more.inherent() >= less.inherent());
            prop_assert!(more.tier(floors) <= less.tier(floors));
            prop_assert!(!floored || less.tier(floors) <= Tier::High);
        }

        #[test]
        fn the_middle_of_a_tier_lies_in_it(tier in prop::sample::select(Tier::ALL)) {
            prop_assert_eq!(Tier::of(tier.middle()), tier);
        }

        #[test]
        fn months_move_the_month_and_keep_the_day_where_there_is_one(days in 0_i64..20_000, months in 0_u16..120) {
            let from = date!(2000 - 01 - 01) + time::Duration::days(days);
            let to = plus_months(from, months);
            let count = |date: Date| date.year() * 12 + i32::from(u8::from(date.month()));
            prop_assert_eq!(count(to) - count(from), i32::from(months));
            prop_assert!(to.day() == from.day() || (to.day() < from.day() && to.day() == to.month().length(to.year())));
        }
    }
}

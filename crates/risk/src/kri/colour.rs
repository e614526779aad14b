//! Colours: from a value and thresholds to a colour, and where the values are going.

use grc_kernel::{
    Checker,
    resource::{Cell, CellRef, Codec, Misfit},
    wire_enum,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

wire_enum! {
    /// How an indicator stands.
    pub enum Colour {
        /// No threshold is crossed.
        Green = "green",
        /// It deserves attention.
        Amber = "amber",
        /// Somebody must act.
        Red = "red",
        /// Nobody knows: there is no reading, or none in time.
        Grey = "grey",
    }
}

impl Colour {
    /// How much a colour worries. Grey worries as green does: what is not known is no breach.
    pub fn weight(self) -> u8 {
        match self {
            Self::Green | Self::Grey => 0,
            Self::Amber => 1,
            Self::Red => 2,
        }
    }
}

wire_enum! {
    /// Which way an indicator gets worse.
    pub enum Direction {
        /// Upwards: the amber threshold is the lower one.
        HigherIsWorse = "higher_is_worse",
        /// Downwards: the amber threshold is the higher one.
        LowerIsWorse = "lower_is_worse",
        /// Both ways: thresholds are pairs, the red pair around the amber one.
        InRange = "in_range",
    }
}

/// A threshold: one number, or as many as there should be two.
#[derive(Clone, Debug, PartialEq)]
pub enum Threshold {
    /// One number.
    One(f64),
    /// The lower and the upper end of a range.
    Range(Vec<f64>),
}

impl Codec for Threshold {
    fn blank() -> Self {
        Self::One(0.0)
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Json(match self {
            Self::One(number) => json!(number),
            Self::Range(ends) => json!(ends),
        })
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        match cell {
            Cell::Json(Value::Number(number)) => number.as_f64().map(Self::One).ok_or(Misfit),
            Cell::Json(Value::Array(ends)) => {
                ends.iter().map(|end| end.as_f64().ok_or(Misfit)).collect::<Result<_, _>>().map(Self::Range)
            }
            _ => Err(Misfit),
        }
    }
}

impl Threshold {
    fn one(&self) -> Option<f64> {
        match self {
            Self::One(number) => Some(*number),
            Self::Range(_) => None,
        }
    }

    fn range(&self) -> Option<(f64, f64)> {
        match self {
            Self::Range(ends) => match ends.as_slice() {
                [low, high] => Some((*low, *high)),
                _ => None,
            },
            Self::One(_) => None,
        }
    }

    fn crossed(&self, direction: Direction, value: f64) -> bool {
        match (direction, self.one(), self.range()) {
            (Direction::HigherIsWorse, Some(bound), _) => value >= bound,
            (Direction::LowerIsWorse, Some(bound), _) => value <= bound,
            (Direction::InRange, _, Some((low, high))) => value <= low || value >= high,
            _ => false,
        }
    }

    /// The number of the threshold that lies nearest to a value.
    pub fn nearest(&self, value: f64) -> Option<f64> {
        match self.range() {
            Some((low, high)) => Some(if value - low < high - value { low } else { high }),
            None => self.one(),
        }
    }
}

/// The colour of a value. A value on a threshold crosses it.
pub fn of(direction: Direction, amber: &Threshold, red: &Threshold, value: f64) -> Colour {
    if red.crossed(direction, value) {
        Colour::Red
    } else if amber.crossed(direction, value) {
        Colour::Amber
    } else {
        Colour::Green
    }
}

/// Notes thresholds that do not suit the direction or are out of order. Where both are the same there is no amber.
pub fn ordered(direction: Direction, amber: &Threshold, red: &Threshold, check: &mut Checker) {
    let pairs = direction == Direction::InRange;
    for (field, threshold) in [("amber", amber), ("red", red)] {
        let suits = if pairs { threshold.range().is_some() } else { threshold.one().is_some() };
        let detail = if pairs { "must be a pair, [low, high], for in_range" } else { "must be one number" };
        check.ensure(suits, field, "type", detail);
    }
    match (direction, amber.one().zip(red.one()), amber.range().zip(red.range())) {
        (Direction::HigherIsWorse, Some((amber, red)), _) => {
            check.ensure(amber <= red, "red", "out_of_order", "may not be below amber where higher is worse");
        }
        (Direction::LowerIsWorse, Some((amber, red)), _) => {
            check.ensure(red <= amber, "red", "out_of_order", "may not be above amber where lower is worse");
        }
        (Direction::InRange, _, Some((amber, red))) => {
            check.ensure(amber.0 < amber.1, "amber", "out_of_order", "the lower end must be below the upper one");
            let around = red.0 <= amber.0 && amber.1 <= red.1;
            check.ensure(around, "red", "out_of_order", "must lie around amber");
        }
        _ => {}
    }
}

/// The least-squares slope of values over time, in units per day; none of fewer than two moments.
pub fn slope(points: &[(f64, OffsetDateTime)]) -> Option<f64> {
    let (_, origin) = points.first()?;
    // Days from the first point and not since an epoch: the squares keep their digits.
    let days = |at: &OffsetDateTime| (*at - *origin).as_seconds_f64() / 86_400.0;
    let count = points.iter().fold(0.0, |count, _| count + 1.0);
    let mean_day = points.iter().map(|(_, at)| days(at)).sum::<f64>() / count;
    let mean = points.iter().map(|(value, _)| value / count).sum::<f64>();
    let (mut above, mut below) = (0.0, 0.0);
    for (value, at) in points {
        let off = days(at) - mean_day;
        above += off * (value - mean);
        below += off * off;
    }
    (below > 0.0).then_some(above / below).filter(|slope| slope.is_finite())
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    fn range(low: f64, high: f64) -> Threshold {
        Threshold::Range(vec![low, high])
    }

    #[test]
    fn a_value_on_a_threshold_crosses_it() {
        use Colour::{Amber, Green, Red};
        use Direction::{HigherIsWorse, InRange, LowerIsWorse};
        let (one, two) = (Threshold::One(10.0), Threshold::One(20.0));
        for (direction, amber, red, value, colour) in [
            (HigherIsWorse, &one, &two, 9.999, Green),
            (HigherIsWorse, &one, &two, 10.0, Amber),
            (HigherIsWorse, &one, &two, 19.999, Amber),
            (HigherIsWorse, &one, &two, 20.0, Red),
            (HigherIsWorse, &one, &one, 10.0, Red),
            (LowerIsWorse, &two, &one, 20.001, Green),
            (LowerIsWorse, &two, &one, 20.0, Amber),
            (LowerIsWorse, &two, &one, 10.0, Red),
            (InRange, &range(10.0, 20.0), &range(5.0, 25.0), 15.0, Green),
            (InRange, &range(10.0, 20.0), &range(5.0, 25.0), 10.0, Amber),
            (InRange, &range(10.0, 20.0), &range(5.0, 25.0), 20.0, Amber),
            (InRange, &range(10.0, 20.0), &range(5.0, 25.0), 5.0, Red),
            (InRange, &range(10.0, 20.0), &range(5.0, 25.0), 25.0, Red),
            (InRange, &range(10.0, 20.0), &range(5.0, 25.0), 30.0, Red),
        ] {
            assert_eq!(of(direction, amber, red, value), colour, "{direction} {value}");
        }
    }

    #[test]
    fn thresholds_are_ordered_by_the_direction() {
        use Direction::{HigherIsWorse, InRange, LowerIsWorse};
        let (one, two) = (Threshold::One(10.0), Threshold::One(20.0));
        for (direction, amber, red, wrong) in [
            (HigherIsWorse, &one, &two, &[][..]),
            (HigherIsWorse, &one, &one, &[]),
            (HigherIsWorse, &two, &one, &["red out_of_order"]),
            (LowerIsWorse, &two, &one, &[]),
            (LowerIsWorse, &one, &two, &["red out_of_order"]),
            (LowerIsWorse, &range(1.0, 2.0), &two, &["amber type"]),
            (InRange, &one, &two, &["amber type", "red type"]),
            (InRange, &Threshold::Range(vec![1.0]), &range(0.0, 9.0), &["amber type"]),
            (InRange, &range(2.0, 3.0), &range(1.0, 4.0), &[]),
            (InRange, &range(2.0, 3.0), &range(2.0, 3.0), &[]),
            (InRange, &range(3.0, 3.0), &range(1.0, 4.0), &["amber out_of_order"]),
            (InRange, &range(2.0, 5.0), &range(1.0, 4.0), &["red out_of_order"]),
        ] {
            let mut check = Checker::new();
            ordered(direction, amber, red, &mut check);
            let found: Vec<_> = check.finish().err().unwrap_or_default();
            let found: Vec<_> = found.into_iter().map(|e| format!("{} {}", e.field, e.code)).collect();
            assert_eq!(found, wrong, "{direction} {amber:?} {red:?}");
        }
    }

    #[test]
    fn the_trend_is_the_slope_in_units_per_day() {
        let from = datetime!(2026-03-01 00:00 UTC);
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[(5.0, from)]), None);
        assert_eq!(slope(&[(5.0, from), (9.0, from)]), None, "two values of a moment go nowhere");
        let line: Vec<_> =
            (0_i32..12).map(|i| (f64::from(i) * 2.0 + 1e9, from + Duration::hours(i64::from(i) * 12))).collect();
        assert!((slope(&line).unwrap() - 4.0).abs() < 1e-6, "two units in half a day");
        let bent = [(0.0, from), (10.0, from + Duration::days(1)), (2.0, from + Duration::days(2))];
        assert!((slope(&bent).unwrap() - 1.0).abs() < 1e-12);
        let reversed: Vec<_> = line.iter().rev().copied().collect();
        assert!((slope(&reversed).unwrap() - 4.0).abs() < 1e-6, "whatever the order");
    }
}

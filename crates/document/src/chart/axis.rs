//! Axes: where ticks go, what they say, and legends.

use crate::{
    num::{float, short},
    picture::{Anchor, Ink, Picture, width},
};

use super::Series;

/// Round steps from nothing to a number: at most about so many.
pub(super) fn ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![low];
    }
    let rough = span / float(most.max(1));
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * magnitude).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(magnitude * 10.0);
    let first = (low / step).ceil();
    (0..64).map(|i| (first + f64::from(i)) * step).take_while(|at| *at <= high + step * 1e-9).collect()
}

/// The powers of ten within a range.
pub(super) fn decades(low: f64, high: f64) -> Vec<f64> {
    let (from, to) = (low.max(1e-12).log10().ceil(), high.max(1e-12).log10().floor());
    (0..30)
        .map(|i| from + f64::from(i))
        .take_while(|power| *power <= to + 1e-9)
        .map(|power| 10_f64.powf(power))
        .collect()
}

/// What a tick says.
pub(super) fn tick_label(at: f64, percent: bool) -> String {
    if percent { format!("{} %", short(at * 100.0)) } else { short(at) }
}

/// Names of series with their colours, in a line or more; how high it is.
pub(super) fn legend(picture: &mut Picture, series: &[Series], left: f64, top: f64) -> f64 {
    let (mut x, mut y) = (left, top);
    for (name, ink) in series {
        let wide = width(name, 8.0, false) + 26.0;
        if x + wide > picture.width && x > left {
            x = left;
            y += 13.0;
        }
        picture.rect(x, y + 1.0, 8.0, 8.0, *ink);
        let room = picture.width - x - 14.0;
        picture.label((x + 12.0, y + 8.0), 8.0, Anchor::Start, Ink::SOFT, name, room);
        x += wide;
    }
    y - top + 16.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.0, 0.0, 5), [0.0]);
        assert_eq!(ticks(0.0, 1_050_000.0, 5), [0.0, 250_000.0, 500_000.0, 750_000.0, 1_000_000.0]);
        assert_eq!(decades(50.0, 20_000.0), [100.0, 1_000.0, 10_000.0]);
    }
}

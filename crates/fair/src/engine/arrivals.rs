//! Poisson counts, where every year has another rate.

use libm::exp;

use super::count::Law;
use crate::{
    dist::LN_UNDERFLOW,
    num::{index, nearest, unit},
};

/// A probability that can be neglected.
const NEGLIGIBLE: f64 = 1e-18;
/// Cells of the finer table of exponentials to one of the coarser.
const FINE: u32 = 256;

/// Adds probabilities from zero up until they reach `u`; `none` is that of zero.
#[inline]
pub(crate) fn poisson(u: f64, mean: f64, none: f64) -> u64 {
    // Most counts are small. Comparing with the first few sums at once is cheaper than to guess which is the one.
    let one = none * mean;
    let two = one * mean * 0.5;
    let three = two * mean * (1.0 / 3.0);
    let sums = [none, none + one, none + one + two];
    let mut sum = none + one + two + three;
    if u <= sum {
        return sums.iter().map(|sum| u64::from(u > *sum)).sum();
    }
    let mut at = three;
    let mut n = 3;
    let mut k = 3.0;
    while u > sum {
        n += 1;
        k += 1.0;
        at *= mean / k;
        sum += at;
        // Past the mean the rest is less than what rounding has already taken.
        if at < NEGLIGIBLE && k > mean {
            break;
        }
    }
    n
}

/// Poisson counts whose mean differs from draw to draw: nothing takes longer there than the exponential, which
/// two small tables and a short polynomial give to the last digit or two.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    /// `exp(-k)`.
    units: Vec<f64>,
    /// `exp(-j / 256)`.
    fractions: Vec<f64>,
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self {
            units: (0..=512_u32).map(|k| exp(-f64::from(k))).collect(),
            fractions: (0..FINE).map(|j| exp(-f64::from(j) / f64::from(FINE))).collect(),
        }
    }

    /// `exp(-x)` for `x` from 0 to [`LN_UNDERFLOW`].
    #[inline]
    fn none(&self, x: f64) -> f64 {
        let (steps, nearest) = nearest(x * f64::from(FINE));
        let r = nearest / f64::from(FINE) - x;
        let unit = self.units.get(index(steps / u64::from(FINE))).copied().unwrap_or(0.0);
        let fraction = self.fractions.get(index(steps % u64::from(FINE))).copied().unwrap_or(0.0);
        // The rest is below 1/512 in size: the next term is below 2^-52.
        let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0))));
        unit * fraction * series
    }

    /// The count at `bits / 2^64` for a mean.
    #[inline]
    pub(crate) fn draw(&self, mean: f64, bits: u64) -> u64 {
        if mean < LN_UNDERFLOW { poisson(unit(bits), mean, self.none(mean)) } else { Law::Poisson.draw(mean, bits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_exponential_is_the_exponential() {
        let arrivals = Arrivals::new();
        for k in 0..50_000_u32 {
            let x = f64::from(k) * 0.009_973;
            assert!((arrivals.none(x) / exp(-x) - 1.0).abs() < 1e-15, "{x}");
        }
    }
}

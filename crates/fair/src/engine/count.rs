//! How many events a year has: exact quantiles of counts, one number for 64 bits, rising with them and with the
//! rate.
//!
//! Thinning is part of the rate. A Poisson count of which each event counts with probability `v` is a Poisson
//! count of `v` times the rate; a negative binomial, which is a Poisson count with a gamma rate, keeps its size;
//! and a Bernoulli event stays one. A year's rising rate therefore only ever adds events.

use libm::{exp, log1p};

use super::arrivals::poisson;
use crate::{
    dist::{Dist, LN_UNDERFLOW, negative_binomial_quantile, poisson_quantile},
    num::{float, index, unit, whole},
    special::{ln_negative_binomial, ln_poisson},
};

/// The longest table of a count.
const TABLE_MAX: u32 = 65_536;
/// Where a search in the table may start: one hint for each value of the first eight bits.
const HINTS: u32 = 256;
/// A probability that can be neglected.
const NEGLIGIBLE: f64 = 1e-18;

/// The law of a count, up to its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Law {
    Poisson,
    NegativeBinomial { size: f64 },
    Bernoulli,
}

impl Law {
    /// The law of the events that a base frequency makes.
    pub(crate) fn of(base: &Dist) -> Self {
        match *base {
            Dist::NegativeBinomial { size, .. } => Self::NegativeBinomial { size },
            Dist::Bernoulli { .. } => Self::Bernoulli,
            _ => Self::Poisson,
        }
    }

    /// The count at `bits / 2^64` for a mean.
    #[inline]
    pub(crate) fn draw(self, mean: f64, bits: u64) -> u64 {
        let u = unit(bits);
        match self {
            Self::Poisson if mean < LN_UNDERFLOW => poisson(u, mean, exp(-mean)),
            Self::Poisson => whole(poisson_quantile(u, mean)),
            Self::NegativeBinomial { size } => negative_binomial(u, mean, size),
            Self::Bernoulli => u64::from(u > 1.0 - mean),
        }
    }

    fn probability(self, n: f64, mean: f64) -> f64 {
        match self {
            Self::Poisson => exp(ln_poisson(n, mean)),
            Self::NegativeBinomial { size } => exp(ln_negative_binomial(n, mean, size)),
            Self::Bernoulli => 0.0,
        }
    }
}

fn negative_binomial(u: f64, mean: f64, size: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    let ln_none = size * log1p(mean / size);
    if ln_none >= LN_UNDERFLOW {
        return whole(negative_binomial_quantile(u, mean, size));
    }
    let share = mean / (mean + size);
    // Past the mean each probability is at most so much of the one before, and what is left a geometric sum.
    let negligible = NEGLIGIBLE * (1.0 - share);
    let mut at = exp(-ln_none);
    let mut sum = at;
    let mut n = 0;
    let mut k = 0.0;
    while u > sum {
        at *= share * (size + k) / (k + 1.0);
        n += 1;
        k += 1.0;
        sum += at;
        if at < negligible && k > mean {
            break;
        }
    }
    n
}

/// Counts of one law and one mean.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    law: Law,
    mean: f64,
    /// The distribution function from zero up; empty where it would be too long.
    table: Vec<f64>,
    hints: Vec<u64>,
}

impl Counts {
    pub(crate) fn new(law: Law, mean: f64) -> Self {
        let table = if mean > 0.0 { table(law, mean) } else { vec![1.0] };
        let hints = (0..HINTS)
            .map(|hint| {
                let u = f64::from(hint) / f64::from(HINTS);
                crate::num::len(table.partition_point(|cdf| *cdf < u))
            })
            .collect();
        Self { law, mean, table, hints }
    }

    /// The count at `bits / 2^64`.
    #[inline]
    pub(crate) fn draw(&self, bits: u64) -> u64 {
        if self.table.is_empty() {
            return self.law.draw(self.mean, bits);
        }
        let u = unit(bits);
        let mut n = self.hints.get(index(bits >> 56)).copied().unwrap_or(0);
        while self.table.get(index(n)).is_some_and(|cdf| *cdf < u) {
            n += 1;
        }
        n
    }
}

/// The distribution function up to where the rest is negligible; nothing if that is too far.
fn table(law: Law, mean: f64) -> Vec<f64> {
    if law == Law::Bernoulli {
        return vec![1.0 - mean, 1.0];
    }
    let mut table = Vec::new();
    // A cluster's tail falls by a factor of e over mean / size counts, and forty such are needed.
    if let Law::NegativeBinomial { size } = law
        && 40.0 * mean / size > f64::from(TABLE_MAX)
    {
        return table;
    }
    let mut sum = 0.0;
    for n in 0..TABLE_MAX {
        let n = f64::from(n);
        let at = law.probability(n, mean);
        sum += at;
        table.push(sum);
        let ratio = match law {
            Law::Poisson => mean / (n + 1.0),
            Law::NegativeBinomial { size } => mean / (mean + size) * (n + size) / (n + 1.0),
            Law::Bernoulli => 0.0,
        };
        if n + 1.0 > mean && ratio < 1.0 && at * ratio / (1.0 - ratio) < NEGLIGIBLE {
            // Whatever rounding left open at the top belongs to the last count.
            if let Some(last) = table.last_mut() {
                *last = 1.0;
            }
            return table;
        }
    }
    Vec::new()
}

/// The most that a count can be and still be told apart as a 32-bit event number.
pub(crate) fn bounded(count: u64) -> u64 {
    count.min(u64::from(u32::MAX))
}

/// A count as a number.
pub(crate) fn number(count: u64) -> f64 {
    float(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean and variance over a fine grid of the unit interval.
    fn moments(draw: impl Fn(u64) -> u64) -> (f64, f64) {
        let n = 100_000_u64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for k in 0..n {
            let x = float(draw((u64::MAX / n) * k + u64::MAX / n / 2));
            sum += x;
            squares += x * x;
        }
        let mean = sum / float(n);
        (mean, squares / float(n) - mean * mean)
    }

    #[test]
    fn tables_and_sums_give_the_same_counts() {
        let laws = [
            (Law::Poisson, 0.1),
            (Law::Poisson, 12.0),
            (Law::Poisson, 800.0),
            (Law::NegativeBinomial { size: 0.5 }, 2.0),
            (Law::NegativeBinomial { size: 0.01 }, 100.0),
            (Law::NegativeBinomial { size: 1e6 }, 900.0),
            (Law::Bernoulli, 0.3),
        ];
        for (law, mean) in laws {
            let counts = Counts::new(law, mean);
            let mut different = 0;
            for k in 0..10_000_u64 {
                let bits = k.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                different += u32::from(counts.draw(bits) != law.draw(mean, bits));
            }
            assert_eq!(different, 0, "{law:?} {mean}");
        }
    }

    #[test]
    fn counts_have_the_moments_of_their_law() {
        for (law, mean, variance) in [
            (Law::Poisson, 0.683, 0.683),
            (Law::Poisson, 30.0, 30.0),
            (Law::Poisson, 5_000.0, 5_000.0),
            (Law::NegativeBinomial { size: 0.5 }, 2.0, 10.0),
            (Law::NegativeBinomial { size: 2_000.0 }, 1_000.0, 1_500.0),
            (Law::Bernoulli, 0.2, 0.16),
        ] {
            let counts = Counts::new(law, mean);
            for (m, v) in [moments(|bits| law.draw(mean, bits)), moments(|bits| counts.draw(bits))] {
                assert!((m - mean).abs() < 1e-3 * mean, "{law:?} {mean}: mean {m}");
                assert!((v - variance).abs() < 1e-2 * variance, "{law:?} {mean}: variance {v}");
            }
        }
    }

    #[test]
    fn more_of_a_rate_never_means_fewer_events() {
        for law in [Law::Poisson, Law::NegativeBinomial { size: 3.0 }, Law::Bernoulli] {
            for k in 0..500_u64 {
                let bits = k.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let mut last = 0;
                for rate in [0.0, 1e-9, 0.01, 0.3, 0.9] {
                    let n = law.draw(rate, bits);
                    assert!(n >= last);
                    last = n;
                }
            }
        }
    }

    #[test]
    fn the_last_bits_end() {
        assert!(Law::Poisson.draw(400.0, u64::MAX) < 1_000);
        assert!(Law::NegativeBinomial { size: 0.01 }.draw(1_000.0, u64::MAX) < 10_000_000);
        assert_eq!(Law::Poisson.draw(0.0, u64::MAX), 0);
    }
}

//! Distribution functions and quantiles, accurate rather than fast: for tables, tornado bars and bounds.

use libm::{exp, log1p, sqrt};

use super::Dist;
use crate::special::{Beta, ln_negative_binomial, ln_poisson, normal_cdf, normal_quantile, poisson_cdf};

/// The least and the greatest value that a distribution can give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// The least value.
    pub min: f64,
    /// The greatest value; infinite where there is none.
    pub max: f64,
}

impl Dist {
    /// The least and greatest values.
    pub fn reach(&self) -> Reach {
        let (min, max) = match *self {
            Self::Constant { value } => (value, value),
            Self::Pert { min, max, .. }
            | Self::Triangular { min, max, .. }
            | Self::Uniform { min, max }
            | Self::Beta { min, max, .. } => (min, max),
            Self::Bernoulli { p } => (if p < 1.0 { 0.0 } else { 1.0 }, if p > 0.0 { 1.0 } else { 0.0 }),
            Self::Lognormal { .. }
            | Self::LognormalPercentiles { .. }
            | Self::Poisson { .. }
            | Self::NegativeBinomial { .. } => (0.0, f64::INFINITY),
        };
        Reach { min, max }
    }

    /// The probability of at most `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        let Reach { min, max } = self.reach();
        if x < min {
            return 0.0;
        }
        if x >= max {
            return 1.0;
        }
        match *self {
            Self::Constant { .. } => 1.0,
            Self::Pert { .. } | Self::Beta { .. } => self.scaled_beta().map_or(1.0, |shape| {
                let beta = Beta::new(shape.alpha, shape.beta);
                beta.cdf((x - min) / shape.width, (max - x) / shape.width)
            }),
            Self::Triangular { min, mode, max } => {
                if x < mode {
                    (x - min) / (max - min) * ((x - min) / (mode - min))
                } else {
                    1.0 - (max - x) / (max - min) * ((max - x) / (max - mode))
                }
            }
            Self::Uniform { min, max } => (x - min) / (max - min),
            Self::Lognormal { .. } | Self::LognormalPercentiles { .. } => {
                let (mu, sigma) = self.log_parameters();
                normal_cdf((libm::log(x) - mu) / sigma)
            }
            Self::Poisson { rate } => {
                if rate > 0.0 {
                    poisson_cdf(x.floor(), rate)
                } else {
                    1.0
                }
            }
            Self::NegativeBinomial { mean, size } => negative_binomial_cdf(x.floor(), mean, size),
            Self::Bernoulli { p } => 1.0 - p,
        }
    }

    /// The value that is not exceeded with probability `u`, from 0 to 1.
    pub fn quantile(&self, u: f64) -> f64 {
        let v = 1.0 - u;
        match *self {
            Self::Constant { value } => value,
            Self::Pert { .. } | Self::Beta { .. } => self.scaled_beta().map_or(0.0, |shape| {
                let beta = Beta::new(shape.alpha, shape.beta);
                shape.min + shape.width * beta.quantile(u, v)
            }),
            Self::Triangular { min, mode, max } => {
                let width = max - min;
                if u * width < mode - min {
                    min + sqrt(u * width * (mode - min))
                } else {
                    max - sqrt(v * width * (max - mode))
                }
            }
            Self::Uniform { min, max } => min + u * (max - min),
            Self::Lognormal { .. } | Self::LognormalPercentiles { .. } => {
                let (mu, sigma) = self.log_parameters();
                exp(mu + sigma * normal_quantile(u, v))
            }
            Self::Poisson { rate } => poisson_quantile(u, rate),
            Self::NegativeBinomial { mean, size } => negative_binomial_quantile(u, mean, size),
            Self::Bernoulli { p } => {
                if u <= 1.0 - p {
                    0.0
                } else {
                    1.0
                }
            }
        }
    }
}

/// The probability of at most `n`, a count, of a negative binomial.
fn negative_binomial_cdf(n: f64, mean: f64, size: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    Beta::new(size, n + 1.0).cdf(size / (size + mean), mean / (size + mean))
}

/// The least `n` whose probability of not being exceeded reaches `u`.
pub(crate) fn poisson_quantile(u: f64, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    let z = normal_quantile(u, 1.0 - u).clamp(-9.0, 9.0);
    let start = (mean + z * sqrt(mean) + (z * z - 1.0) / 6.0).floor().max(0.0);
    walk(u, start, poisson_cdf(start, mean), exp(ln_poisson(start, mean)), |n| mean / n)
}

/// The least `n` whose probability of not being exceeded reaches `u`.
pub(crate) fn negative_binomial_quantile(u: f64, mean: f64, size: f64) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    let z = normal_quantile(u, 1.0 - u).clamp(-9.0, 9.0);
    let share = mean / (mean + size);
    let ratio = |n: f64| share * (n - 1.0 + size) / n;
    if size * log1p(mean / size) < LN_UNDERFLOW {
        let none = exp(-size * log1p(mean / size));
        return walk(u, 0.0, none, none, ratio);
    }
    // Cornish and Fisher's first correction of the normal quantile, for the skewness.
    let sd = sqrt(mean + mean * share / (1.0 - share));
    let skewness = (1.0 + share) / (1.0 - share) / sd;
    let start = (mean + sd * (z + skewness * (z * z - 1.0) / 6.0)).floor().max(0.0);
    let at = exp(ln_negative_binomial(start, mean, size));
    walk(u, start, negative_binomial_cdf(start, mean, size), at, ratio)
}

/// Above this, `exp(-x)` loses digits as a starting point of a recurrence.
pub(crate) const LN_UNDERFLOW: f64 = 500.0;

/// Walks from `n`, where the distribution function is `cdf` and the probability `at`, to the quantile.
/// `ratio(n)` is the probability of `n` over that of `n - 1`.
fn walk(u: f64, mut n: f64, mut cdf: f64, mut at: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    if cdf >= u {
        while n > 0.0 && cdf - at >= u {
            cdf -= at;
            at /= ratio(n);
            n -= 1.0;
        }
        return n;
    }
    while cdf < u {
        n += 1.0;
        let step = ratio(n);
        at *= step;
        cdf += at;
        // Past the peak, what is left is less than a geometric tail, and may be less than rounding has eaten.
        if step < 1.0 && at / (1.0 - step) < 1e-18 {
            break;
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_invert_the_distribution_function() {
        let dists = [
            Dist::pert(0.1, 0.5, 2.0),
            Dist::Pert { min: 0.0, mode: 0.0, max: 10.0, lambda: 8.0 },
            Dist::Triangular { min: 1.0, mode: 2.0, max: 9.0 },
            Dist::Triangular { min: 1.0, mode: 9.0, max: 9.0 },
            Dist::Uniform { min: 3.0, max: 4.0 },
            Dist::lognormal(1e5, 1e7),
            Dist::LognormalPercentiles { median: 10.0, p95: 100.0 },
            Dist::Beta { alpha: 0.5, beta: 0.5, min: 0.0, max: 1.0 },
        ];
        for dist in dists {
            for u in [1e-6, 0.05, 0.1, 0.5, 0.77, 0.9, 0.999_999] {
                let x = dist.quantile(u);
                assert!((dist.cdf(x) - u).abs() < 1e-9, "{dist:?} at {u}: {x}");
            }
        }
    }

    #[test]
    fn a_count_quantile_is_the_least_count_that_reaches_the_probability() {
        let counts = [
            Dist::Poisson { rate: 0.1 },
            Dist::Poisson { rate: 40.0 },
            Dist::Poisson { rate: 9_000.0 },
            Dist::NegativeBinomial { mean: 2.0, size: 0.5 },
            Dist::NegativeBinomial { mean: 5_000.0, size: 5_000.0 },
            Dist::NegativeBinomial { mean: 30.0, size: 1e6 },
        ];
        for dist in counts {
            for u in [1e-9, 0.1, 0.5, 0.9, 0.999, 1.0 - 1e-9] {
                let n = dist.quantile(u);
                assert!(dist.cdf(n) >= u * (1.0 - 1e-12) - 1e-12, "{dist:?} at {u}: {n}");
                assert!(n == 0.0 || dist.cdf(n - 1.0) < u + 1e-12, "{dist:?} at {u}: {n}");
            }
        }
        assert!((poisson_quantile(0.1, 0.0) - 0.0).abs() < f64::EPSILON);
    }
}

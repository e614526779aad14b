//! The distributions that an analyst may state, with their exact moments.
//!
//! A [`Dist`] says a shape and nothing of its place in the tree; whether it may stand there is
//! [`crate::model::check`]'s to judge. Drawing from it quickly is [`crate::engine`]'s.

mod quantile;

use libm::{exp, log};

pub use quantile::Reach;
pub(crate) use quantile::{LN_UNDERFLOW, negative_binomial_quantile, poisson_quantile};

use crate::special::normal_quantile;

/// How peaked a PERT is where nothing is said: Vose's customary weight of the mode.
pub const DEFAULT_LAMBDA: f64 = 4.0;
/// The share of outcomes inside a lognormal's interval where nothing is said.
pub const DEFAULT_CONFIDENCE: f64 = 0.9;

/// A distribution.
///
/// The last three are counts of events in a year; they are at home only as a frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dist {
    /// One value, without doubt.
    Constant {
        /// The value.
        value: f64,
    },
    /// Vose's PERT: a beta over `min..max` with shapes `1 + lambda (mode - min) / (max - min)` and
    /// `1 + lambda (max - mode) / (max - min)`.
    Pert {
        /// The least value.
        min: f64,
        /// The most likely value.
        mode: f64,
        /// The greatest value.
        max: f64,
        /// The weight of the mode: 4 by custom, 0 makes it uniform.
        lambda: f64,
    },
    /// A triangle over `min..max` with its peak at `mode`.
    Triangular {
        /// The least value.
        min: f64,
        /// The most likely value.
        mode: f64,
        /// The greatest value.
        max: f64,
    },
    /// Every value of `min..max` alike.
    Uniform {
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
    /// A lognormal by the interval that holds `confidence` of it, the same share left out on either side.
    Lognormal {
        /// The lower end of the interval.
        low: f64,
        /// The upper end of the interval.
        high: f64,
        /// The share of outcomes inside: 0.9 by custom.
        confidence: f64,
    },
    /// A lognormal by two of its percentiles.
    LognormalPercentiles {
        /// The 50th percentile.
        median: f64,
        /// The 95th percentile.
        p95: f64,
    },
    /// A beta of shapes `alpha` and `beta` over `min..max` (0 to 1 where nothing is said).
    Beta {
        /// The shape at the lower end.
        alpha: f64,
        /// The shape at the upper end.
        beta: f64,
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
    /// A count: events that come independently at a steady rate.
    Poisson {
        /// Events a year.
        rate: f64,
    },
    /// A count that scatters more than Poisson: variance `mean + mean² / size`.
    NegativeBinomial {
        /// Events a year.
        mean: f64,
        /// The smaller, the more the years differ.
        size: f64,
    },
    /// A count of at most one event a year.
    Bernoulli {
        /// The probability of the event.
        p: f64,
    },
}

/// A beta over an interval: what PERT and beta both are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScaledBeta {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) min: f64,
    pub(crate) width: f64,
}

impl Dist {
    /// One value.
    pub fn constant(value: f64) -> Self {
        Self::Constant { value }
    }

    /// A PERT with the customary weight of the mode.
    pub fn pert(min: f64, mode: f64, max: f64) -> Self {
        Self::Pert { min, mode, max, lambda: DEFAULT_LAMBDA }
    }

    /// A lognormal by its 90 % interval.
    pub fn lognormal(low: f64, high: f64) -> Self {
        Self::Lognormal { low, high, confidence: DEFAULT_CONFIDENCE }
    }

    /// The wire's word for the distribution.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Pert { .. } => "pert",
            Self::Triangular { .. } => "triangular",
            Self::Uniform { .. } => "uniform",
            Self::Lognormal { .. } | Self::LognormalPercentiles { .. } => "lognormal",
            Self::Beta { .. } => "beta",
            Self::Poisson { .. } => "poisson",
            Self::NegativeBinomial { .. } => "negative_binomial",
            Self::Bernoulli { .. } => "bernoulli",
        }
    }

    /// Whether it counts events, rather than measuring something.
    pub fn is_count(&self) -> bool {
        matches!(self, Self::Poisson { .. } | Self::NegativeBinomial { .. } | Self::Bernoulli { .. })
    }

    /// The same distribution, a range without width made the constant that it is.
    pub fn folded(self) -> Self {
        match self {
            Self::Pert { min, max, .. }
            | Self::Triangular { min, max, .. }
            | Self::Uniform { min, max }
            | Self::Beta { min, max, .. }
                if min == max =>
            {
                Self::Constant { value: min }
            }
            other => other,
        }
    }

    /// The mean, exactly.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Constant { value } => value,
            Self::Pert { min, mode, max, lambda } => (min + lambda * mode + max) / (lambda + 2.0),
            Self::Triangular { min, mode, max } => (min + mode + max) / 3.0,
            Self::Uniform { min, max } => 0.5 * (min + max),
            Self::Lognormal { .. } | Self::LognormalPercentiles { .. } => {
                let (mu, sigma) = self.log_parameters();
                exp(mu + 0.5 * sigma * sigma)
            }
            Self::Beta { alpha, beta, min, max } => min + (max - min) * (alpha / (alpha + beta)),
            Self::Poisson { rate } => rate,
            Self::NegativeBinomial { mean, .. } => mean,
            Self::Bernoulli { p } => p,
        }
    }

    /// The variance, exactly.
    pub fn variance(&self) -> f64 {
        match *self {
            Self::Constant { .. } => 0.0,
            Self::Pert { min, max, lambda, .. } => {
                let mean = self.mean();
                (mean - min) * (max - mean) / (lambda + 3.0)
            }
            Self::Triangular { min, mode, max } => {
                let (left, right) = (mode - min, max - mode);
                (left * left + left * right + right * right) / 18.0
            }
            Self::Uniform { min, max } => (max - min) * (max - min) / 12.0,
            Self::Lognormal { .. } | Self::LognormalPercentiles { .. } => {
                let (mu, sigma) = self.log_parameters();
                libm::expm1(sigma * sigma) * exp(2.0 * mu + sigma * sigma)
            }
            Self::Beta { alpha, beta, min, max } => {
                let (sum, width) = (alpha + beta, max - min);
                width * width * alpha * beta / (sum * sum * (sum + 1.0))
            }
            Self::Poisson { rate } => rate,
            Self::NegativeBinomial { mean, size } => mean + mean * mean / size,
            Self::Bernoulli { p } => p * (1.0 - p),
        }
    }

    /// The mean and standard deviation of a lognormal's logarithm; of anything else, of no use.
    pub(crate) fn log_parameters(&self) -> (f64, f64) {
        match *self {
            Self::Lognormal { low, high, confidence } => {
                let (ln_low, ln_high) = (log(low), log(high));
                let beyond = 0.5 * (1.0 - confidence);
                let z = normal_quantile(1.0 - beyond, beyond);
                (0.5 * (ln_low + ln_high), (ln_high - ln_low) / (2.0 * z))
            }
            Self::LognormalPercentiles { median, p95 } => {
                (log(median), (log(p95) - log(median)) / normal_quantile(0.95, 0.05))
            }
            _ => (0.0, 0.0),
        }
    }

    /// PERT and beta in their common form.
    pub(crate) fn scaled_beta(&self) -> Option<ScaledBeta> {
        match *self {
            Self::Pert { min, mode, max, lambda } => {
                let width = max - min;
                Some(ScaledBeta {
                    alpha: 1.0 + lambda * (mode - min) / width,
                    beta: 1.0 + lambda * (max - mode) / width,
                    min,
                    width,
                })
            }
            Self::Beta { alpha, beta, min, max } => Some(ScaledBeta { alpha, beta, min, width: max - min }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_the_reference_cases() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs(), "{a} is not {b}");
        close(Dist::pert(0.1, 0.5, 2.0).mean(), 0.683_333_333_333_333_3);
        close(Dist::pert(1e4, 1e5, 1e6).variance(), 24_589_285_714.285_717);
        close(Dist::lognormal(1.0, 10.0).mean(), 4.040_012_826_945_727);
        close(Dist::lognormal(1e5, 1e7).mean(), 2_663_980.097_735_544_7);
        close(Dist::lognormal(1e5, 1e7).variance(), 43_267_637_791_279.92);
        let (mu, sigma) = Dist::lognormal(1e5, 1e7).log_parameters();
        close(mu, 13.815_510_557_964_274);
        close(sigma, 1.399_872_338_343_926_4);
        let p95 = 5e4 * exp(1.2 * 1.644_853_626_951_472_2);
        close(Dist::LognormalPercentiles { median: 5e4, p95 }.variance(), 33_983_943_406.539_158);
        close(Dist::NegativeBinomial { mean: 2.0, size: 0.5 }.variance(), 10.0);
    }

    #[test]
    fn a_range_without_width_is_a_constant() {
        assert_eq!(Dist::pert(5.0, 5.0, 5.0).folded(), Dist::constant(5.0));
        assert_eq!(Dist::Uniform { min: 1.0, max: 1.0 }.folded(), Dist::constant(1.0));
        assert_eq!(Dist::pert(1.0, 1.0, 2.0).folded(), Dist::pert(1.0, 1.0, 2.0));
    }
}

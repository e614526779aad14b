//! Special functions: the normal, beta and gamma distributions' integrals.
//!
//! They are built on `libm`, not on the platform's mathematics library, so that a result does not depend on
//! which C library a machine carries.

mod normal;

use libm::{exp, expm1, lgamma, log, log1p};

pub(crate) use self::normal::{normal_cdf, normal_pdf, normal_quantile};

/// How small a relative change ends an iteration.
const CLOSE: f64 = 1e-15;
/// Stands in for zero in Lentz's continued fraction.
const TINY: f64 = 1e-300;
/// Below this logarithm a number is zero for every purpose here.
const LN_ZERO: f64 = -740.0;

/// A beta distribution on 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beta {
    a: f64,
    b: f64,
    ln_beta: f64,
}

impl Beta {
    /// Both shapes are above zero.
    pub(crate) fn new(a: f64, b: f64) -> Self {
        Self { a, b, ln_beta: lgamma(a) + lgamma(b) - lgamma(a + b) }
    }

    /// The mirror image.
    pub(crate) fn mirrored(self) -> Self {
        Self { a: self.b, b: self.a, ..self }
    }

    /// The density at `x`, where `y = 1 - x`.
    pub(crate) fn pdf(self, x: f64, y: f64) -> f64 {
        if x <= 0.0 || y <= 0.0 {
            return 0.0;
        }
        exp((self.a - 1.0) * log(x) + (self.b - 1.0) * log(y) - self.ln_beta)
    }

    /// The probability of at most `x`, where `y = 1 - x`.
    pub(crate) fn cdf(self, x: f64, y: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        if y <= 0.0 {
            return 1.0;
        }
        // The fraction converges fast on the near side of the mean only.
        if x < (self.a + 1.0) / (self.a + self.b + 2.0) { self.tail(x, y) } else { 1.0 - self.mirrored().tail(y, x) }
    }

    fn tail(self, x: f64, y: f64) -> f64 {
        let front = exp(self.a * log(x) + self.b * log(y) - self.ln_beta) / self.a;
        (front * self.fraction(x)).clamp(0.0, 1.0)
    }

    /// The continued fraction of the incomplete beta function, by the modified Lentz method.
    fn fraction(self, x: f64) -> f64 {
        let (a, b) = (self.a, self.b);
        let safe = |v: f64| if v.abs() < TINY { TINY } else { v };
        let mut c = 1.0;
        let mut d = 1.0 / safe(1.0 - (a + b) * x / (a + 1.0));
        let mut h = d;
        let mut m = 0.0;
        for _ in 0..100_000 {
            m += 1.0;
            let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
            d = 1.0 / safe(1.0 + even * d);
            c = safe(1.0 + even / c);
            h *= d * c;
            let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
            d = 1.0 / safe(1.0 + odd * d);
            c = safe(1.0 + odd / c);
            let step = d * c;
            h *= step;
            if (step - 1.0).abs() < CLOSE {
                break;
            }
        }
        h
    }

    /// The logarithm of the quantile at `u`, from 0 to one half. Newton's method on the logarithms, where the
    /// function is concave and almost straight far out, inside a bracket that bisection keeps.
    pub(crate) fn ln_lower_quantile(self, u: f64, guess: Option<f64>) -> f64 {
        let target = log(u);
        let (mut low, mut high) = (LN_ZERO, 0.0);
        let first = (target + log(self.a) + self.ln_beta) / self.a;
        if first < LN_ZERO {
            return LN_ZERO;
        }
        let mut w = guess.unwrap_or(if first < 0.0 { first } else { log(self.a / (self.a + self.b)) });
        for _ in 0..200 {
            if !(w > low && w < high) {
                w = 0.5 * (low + high);
            }
            let (x, y) = (exp(w), -expm1(w));
            let cdf = self.cdf(x, y);
            let miss = log(cdf) - target;
            if miss > 0.0 {
                high = w;
            } else {
                low = w;
            }
            let slope = x * self.pdf(x, y) / cdf;
            let step = miss / slope;
            if step.abs() <= CLOSE * w.abs().max(1e-3) || high - low < CLOSE * w.abs() {
                break;
            }
            w = if step.is_finite() { w - step } else { 0.5 * (low + high) };
        }
        w.min(0.0)
    }

    /// The quantile at `u`, where `v = 1 - u`.
    pub(crate) fn quantile(self, u: f64, v: f64) -> f64 {
        if u <= 0.0 {
            return 0.0;
        }
        if v <= 0.0 {
            return 1.0;
        }
        if u <= 0.5 { exp(self.ln_lower_quantile(u, None)) } else { -expm1(self.mirrored().ln_lower_quantile(v, None)) }
    }
}

/// The probability that a Poisson count of this mean is at most `n`: the upper incomplete gamma function,
/// regularised, at `n + 1`.
pub(crate) fn poisson_cdf(n: f64, mean: f64) -> f64 {
    let a = n + 1.0;
    let front = exp(a * log(mean) - mean - lgamma(a));
    if mean < a + 1.0 {
        let mut term = 1.0 / a;
        let mut sum = term;
        let mut k = a;
        for _ in 0..1_000_000 {
            k += 1.0;
            term *= mean / k;
            sum += term;
            if term < sum * CLOSE {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let mut b = mean + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    let mut i = 0.0;
    for _ in 0..1_000_000 {
        i += 1.0;
        let an = -i * (i - a);
        b += 2.0;
        d = 1.0 / if (an * d + b).abs() < TINY { TINY } else { an * d + b };
        c = if (b + an / c).abs() < TINY { TINY } else { b + an / c };
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < CLOSE {
            break;
        }
    }
    (front * h).clamp(0.0, 1.0)
}

/// The logarithm of a Poisson probability.
pub(crate) fn ln_poisson(n: f64, mean: f64) -> f64 {
    n * log(mean) - mean - lgamma(n + 1.0)
}

/// The logarithm of a negative binomial probability, by mean and size.
pub(crate) fn ln_negative_binomial(n: f64, mean: f64, size: f64) -> f64 {
    lgamma(n + size) - lgamma(size) - lgamma(n + 1.0) - size * log1p(mean / size) - n * log1p(size / mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, relative: f64) {
        assert!((a - b).abs() <= relative * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn the_beta_integral_agrees_with_closed_forms() {
        for x in [1e-9, 0.01, 0.3, 0.5, 0.9, 0.999] {
            close(Beta::new(1.0, 1.0).cdf(x, 1.0 - x), x, 1e-13);
            close(Beta::new(3.0, 1.0).cdf(x, 1.0 - x), x.powi(3), 1e-12);
            close(Beta::new(1.0, 4.0).cdf(x, 1.0 - x), -expm1(4.0 * log1p(-x)), 1e-12);
            let arcsine = 2.0 / core::f64::consts::PI * x.sqrt().asin();
            close(Beta::new(0.5, 0.5).cdf(x, 1.0 - x), arcsine, 1e-12);
        }
    }

    #[test]
    fn the_beta_quantile_inverts_the_integral_for_shapes_of_every_size() {
        for (a, b) in [(0.05, 0.05), (0.5, 3.0), (1.0, 5.0), (1.84, 4.16), (2.0, 0.3), (60.0, 2.0), (1e6, 3e5)] {
            let beta = Beta::new(a, b);
            for u in [1e-18, 1e-9, 1e-3, 0.1, 0.3, 0.5] {
                let x = exp(beta.ln_lower_quantile(u, None));
                if x > 1e-300 {
                    close(beta.cdf(x, 1.0 - x), u, 1e-8);
                }
                let y = exp(beta.mirrored().ln_lower_quantile(u, None));
                if y > 1e-300 {
                    close(beta.mirrored().cdf(y, 1.0 - y), u, 1e-8);
                }
            }
        }
    }

    #[test]
    fn the_poisson_integral_sums_its_probabilities() {
        for mean in [0.3, 5.0, 40.0, 700.0] {
            let mut sum = 0.0;
            for n in 0..1_000_u32 {
                sum += exp(ln_poisson(f64::from(n), mean));
                close(poisson_cdf(f64::from(n), mean), sum, 1e-10);
            }
        }
        close(exp(ln_negative_binomial(0.0, 2.0, 0.5)), 0.447_213_595_499_957_9, 1e-13);
    }
}

//! Special functions: the normal, beta and gamma distributions' integrals.
//!
//! They are built on `libm`, not on the platform's mathematics library, so that a result does not depend on
//! which C library a machine carries.

use libm::{erfc, exp, expm1, lgamma, log, log1p, sqrt};

/// How small a relative change ends an iteration.
const CLOSE: f64 = 1e-15;
/// Stands in for zero in Lentz's continued fraction.
const TINY: f64 = 1e-300;
/// Below this logarithm a number is zero for every purpose here.
const LN_ZERO: f64 = -740.0;

/// The standard normal distribution function.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * core::f64::consts::FRAC_1_SQRT_2)
}

/// The standard normal density.
pub(crate) fn normal_pdf(z: f64) -> f64 {
    const INVERSE_ROOT_TWO_PI: f64 = 0.398_942_280_401_432_7;
    INVERSE_ROOT_TWO_PI * exp(-0.5 * z * z)
}

/// The standard normal quantile; `p` and `q = 1 - p` both given, so that neither tail loses digits.
///
/// Wichura's algorithm AS 241 (PPND16), about 16 digits.
pub(crate) fn normal_quantile(p: f64, q: f64) -> f64 {
    let centred = if p < q { p - 0.5 } else { 0.5 - q };
    if centred.abs() <= 0.425 {
        let r = 0.180_625 - centred * centred;
        return centred * ratio(r, &CENTRE_OVER, &CENTRE_UNDER);
    }
    let r = sqrt(-log(p.min(q)));
    let z = if r <= 5.0 { ratio(r - 1.6, &MIDDLE_OVER, &MIDDLE_UNDER) } else { ratio(r - 5.0, &FAR_OVER, &FAR_UNDER) };
    if p < q { -z } else { z }
}

fn ratio(x: f64, over: &[f64; 8], under: &[f64; 8]) -> f64 {
    let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(over) / horner(under)
}

const CENTRE_OVER: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTRE_UNDER: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_545,
];
const MIDDLE_OVER: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    7.745_450_142_783_414e-4,
];
const MIDDLE_UNDER: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const FAR_OVER: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_UNDER: [f64; 8] = [
    1.0,
    0.599_832_206_555_887_9,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

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
    fn the_normal_quantile_inverts_the_normal_integral_in_both_tails() {
        close(normal_quantile(0.975, 0.025), 1.959_963_984_540_054, 1e-15);
        close(normal_quantile(0.95, 0.05), 1.644_853_626_951_472_2, 1e-15);
        for z in [-37.0, -12.0, -6.0, -3.0, -1.2, -0.1, 0.4, 1.0] {
            close(normal_quantile(normal_cdf(z), normal_cdf(-z)), z, 1e-13);
            close(normal_quantile(normal_cdf(-z), normal_cdf(z)), -z, 1e-13);
        }
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

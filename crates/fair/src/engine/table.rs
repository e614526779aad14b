//! Quantile functions as tables: how a beta or a lognormal is drawn in a few nanoseconds.
//!
//! The unit interval is cut at one half; each half is cut into octaves, each half as long as the one before,
//! down to 2^-64; each octave into equal cells; and on each cell the quantile is a cubic that has the right
//! value and the right slope at both ends. A tail is resolved as finely, in proportion, as the middle. The
//! relative error of a draw stays below 1e-6 (the tests measure it), a thousandth of the sampling error of the
//! longest run.

use libm::exp;

use crate::{
    dist::Dist,
    num::{fraction, index},
    special::{Beta, normal_pdf, normal_quantile},
};

/// Octaves of a half: a 63-bit number has as many leading bits.
const OCTAVES: u32 = 63;

/// A quantile function.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The cubics, lower half first, from the middle outward.
    cells: Vec<[f64; 4]>,
    /// Cells to an octave, as a power of two.
    split: u32,
}

/// The value and the slope of a quantile function at distance `p` from one end.
type Point = (f64, f64);

impl Table {
    /// The table of a distribution that has a smooth density.
    pub(crate) fn of(dist: &Dist) -> Option<Self> {
        if let Some(shape) = dist.scaled_beta() {
            let beta = Beta::new(shape.alpha, shape.beta);
            // A shape below one half makes the quantile a high power near that end.
            let split = if shape.alpha.min(shape.beta) < 0.5 { 7 } else { 4 };
            let mut near = Ladder::new(beta);
            let mut far = Ladder::new(beta.mirrored());
            let (min, width) = (shape.min, shape.width);
            let max = min + width;
            return Some(Self::build(
                split,
                |p| near.at(p, |x, slope| (min + width * x, width * slope)),
                |p| far.at(p, |y, slope| (max - width * y, -width * slope)),
            ));
        }
        if !matches!(dist, Dist::Lognormal { .. } | Dist::LognormalPercentiles { .. }) {
            return None;
        }
        let (mu, sigma) = dist.log_parameters();
        let at = |z: f64| {
            let x = exp(mu + sigma * z);
            (x, sigma * x / normal_pdf(z))
        };
        let upper = |p: f64| {
            let (x, slope) = at(normal_quantile(1.0 - p, p));
            (x, -slope)
        };
        Some(Self::build(if sigma < 2.0 { 5 } else { 6 }, |p| at(normal_quantile(p, 1.0 - p)), upper))
    }

    /// The standard normal.
    pub(crate) fn normal() -> Self {
        let lower = |p: f64| {
            let z = normal_quantile(p, 1.0 - p);
            (z, 1.0 / normal_pdf(z))
        };
        Self::build(4, lower, |p| {
            let (z, slope) = lower(p);
            (-z, -slope)
        })
    }

    fn build(split: u32, mut lower: impl FnMut(f64) -> Point, mut upper: impl FnMut(f64) -> Point) -> Self {
        let per_octave = 1_u32 << split;
        let mut cells = Vec::with_capacity(index(u64::from(2 * OCTAVES * per_octave)));
        let halves: [&mut dyn FnMut(f64) -> Point; 2] = [&mut lower, &mut upper];
        for half in halves {
            // From the middle outward, so that a solver may start where it was last.
            let mut octave_top = 0.5;
            let mut top = half(octave_top);
            for _ in 0..OCTAVES {
                let bottom = 0.5 * octave_top;
                let width = bottom / f64::from(per_octave);
                let start = cells.len();
                for cell in (0..per_octave).rev() {
                    let here = half(bottom + width * f64::from(cell));
                    cells.push(cubic(here, top, width));
                    top = here;
                }
                if let Some(octave) = cells.get_mut(start..) {
                    octave.reverse();
                }
                octave_top = bottom;
            }
        }
        Self { cells, split }
    }

    /// The quantile at `bits / 2^64`.
    #[inline]
    pub(crate) fn draw(&self, bits: u64) -> f64 {
        let upper = bits >> 63;
        // The distance from the nearer end, in units of 2^-64; zero would have no leading bit.
        let tail = (bits ^ upper.wrapping_neg()) | 1;
        let octave = tail.leading_zeros() - 1;
        let below = (tail << (octave + 1)) << 1;
        let row = u64::from(octave + OCTAVES * u32::from(upper == 1));
        let cell = (row << self.split) + (below >> (64 - self.split));
        let t = fraction(below << self.split);
        match self.cells.get(index(cell)) {
            Some([a, b, c, d]) => a + t * (b + t * (c + t * d)),
            None => 0.0,
        }
    }
}

/// The cubic through two points a `width` apart with their slopes, over 0 to 1.
fn cubic((x0, d0): Point, (x1, d1): Point, width: f64) -> [f64; 4] {
    let (d0, d1) = (d0 * width, d1 * width);
    // A density that vanishes at its end has no slope of the quantile there: a straight line will do, for a cell
    // that one draw in 2^60 meets.
    if !(d0.is_finite() && d1.is_finite()) {
        return [x0, x1 - x0, 0.0, 0.0];
    }
    [x0, d0, 3.0 * (x1 - x0) - 2.0 * d0 - d1, 2.0 * (x0 - x1) + d0 + d1]
}

/// The quantiles of a beta at falling probabilities, each found from the one before.
struct Ladder {
    beta: Beta,
    last: Option<(f64, f64)>,
}

impl Ladder {
    fn new(beta: Beta) -> Self {
        Self { beta, last: None }
    }

    fn at(&mut self, p: f64, place: impl Fn(f64, f64) -> Point) -> Point {
        let guess = self.last.map(|(w, slope)| w + slope * libm::log(p));
        let ln_x = self.beta.ln_lower_quantile(p, guess);
        let (x, y) = (exp(ln_x), -libm::expm1(ln_x));
        let density = self.beta.pdf(x, y);
        // d ln x / d ln p, by which the next guess follows the tangent.
        let slope = p / (x * density);
        self.last = slope.is_finite().then(|| (ln_x - slope * libm::log(p), slope));
        place(x, 1.0 / density)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::float;

    /// The worst error of a table's draws against the exact quantile, in proportion to the value or, near a
    /// lower end of zero, to a millionth of the mean.
    fn worst(dist: &Dist) -> f64 {
        let table = Table::of(dist).unwrap();
        let mut worst = 0.0_f64;
        let mut state = 1_u64;
        for k in 0..4_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Every third draw far out in a tail.
            let far = if k % 3 == 0 { state >> (k % 30) } else { state };
            let bits = if k % 2 == 0 { far } else { !far };
            let upper = bits >> 63 == 1;
            let p = (float(if upper { !bits } else { bits }) + 0.5) / 18_446_744_073_709_551_616.0;
            let exact = match (dist.scaled_beta(), upper) {
                (Some(s), false) => s.min + s.width * Beta::new(s.alpha, s.beta).quantile(p, 1.0 - p),
                (Some(s), true) => s.min + s.width * (1.0 - Beta::new(s.beta, s.alpha).quantile(p, 1.0 - p)),
                (None, _) => {
                    let (mu, sigma) = dist.log_parameters();
                    let z = normal_quantile(p, 1.0 - p);
                    exp(mu + sigma * if upper { -z } else { z })
                }
            };
            let error = (table.draw(bits) - exact).abs() / (exact.abs() + 1e-6 * dist.mean());
            worst = worst.max(error);
        }
        worst
    }

    #[test]
    fn a_draw_is_the_quantile_to_a_millionth() {
        let beta = |alpha, beta| Dist::Beta { alpha, beta, min: 0.0, max: 1.0 };
        let dists = [
            Dist::pert(0.1, 0.5, 2.0),
            Dist::pert(1e4, 1e5, 1e6),
            Dist::pert(0.0, 0.0, 1.0),
            Dist::pert(0.0, 1.0, 1.0),
            Dist::Pert { min: 0.0, mode: 3.0, max: 10.0, lambda: 1_000.0 },
            Dist::Pert { min: 0.0, mode: 3.0, max: 10.0, lambda: 0.0 },
            Dist::lognormal(1e5, 1e7),
            Dist::lognormal(1.0, 1e7),
            Dist::LognormalPercentiles { median: 1.0, p95: 1.000_1 },
            beta(0.5, 0.5),
            beta(0.5, 20.0),
            beta(1e6, 1e6),
            beta(1e6, 0.5),
        ];
        for dist in dists {
            let error = worst(&dist);
            assert!(error < 1e-6, "{dist:?}: {error}");
        }
    }

    #[test]
    fn shapes_far_below_one_are_drawn_to_a_ten_thousandth() {
        for (alpha, beta) in [(0.05, 0.05), (0.05, 8.0), (0.2, 0.3)] {
            let error = worst(&Dist::Beta { alpha, beta, min: 0.0, max: 1.0 });
            assert!(error < 1e-4, "{alpha} {beta}: {error}");
        }
    }

    #[test]
    fn draws_rise_with_their_bits() {
        let table = Table::of(&Dist::pert(1.0, 2.0, 9.0)).unwrap();
        let mut last = 0.0;
        for k in 0..=1_000_u64 {
            let x = table.draw(k.saturating_mul(u64::MAX / 1_000));
            assert!(x >= last && (1.0..=9.0).contains(&x), "{k}: {x} after {last}");
            last = x;
        }
    }
}

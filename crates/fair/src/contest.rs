//! The probability that a threat's capability exceeds the resistance.
//!
//! Both are drawn anew for each event, so that each threat event succeeds with this one probability: thinning by
//! it is exact, and no event needs the two draws.

use libm::{exp, sinh, tanh};

use crate::dist::Dist;

/// Half the number of points of the quadrature on each panel.
const POINTS: u32 = 26;
/// The spacing of the points before they are mapped onto the panel.
const STEP: f64 = 0.125;
/// Where a resistance is cut into panels, so that a narrow one, whose distribution function is close to a step,
/// is resolved as finely as a wide one.
const CUTS: [f64; 7] = [1e-6, 1e-3, 0.1, 0.5, 0.9, 1.0 - 1e-3, 1.0 - 1e-6];

/// `P(threat > resistance)` for independent draws.
pub(crate) fn probability(threat: &Dist, resistance: &Dist) -> f64 {
    match (*threat, *resistance) {
        (Dist::Constant { value: t }, Dist::Constant { value: r }) => f64::from(u8::from(t > r)),
        (Dist::Constant { value }, _) => resistance.cdf(value),
        (_, Dist::Constant { value }) => 1.0 - threat.cdf(value),
        _ => integral(threat, resistance).clamp(0.0, 1.0),
    }
}

/// The integral over `u` of the resistance's distribution function at the threat's quantile. The integrand is
/// smooth between the points where either distribution begins, ends or peaks.
fn integral(threat: &Dist, resistance: &Dist) -> f64 {
    let mut ends = vec![0.0, 1.0];
    let kinks = |dist: &Dist| {
        let reach = dist.reach();
        let peak = match *dist {
            Dist::Triangular { mode, .. } => Some(mode),
            _ => None,
        };
        [Some(reach.min), Some(reach.max), peak]
    };
    let cuts = CUTS.map(|u| resistance.quantile(u));
    for x in kinks(threat).into_iter().chain(kinks(resistance)).flatten().chain(cuts) {
        ends.push(threat.cdf(x));
    }
    ends.sort_by(f64::total_cmp);
    ends.iter().zip(ends.iter().skip(1)).map(|(from, to)| panel(*from, *to, threat, resistance)).sum()
}

/// Tanh-sinh quadrature, which bears any behaviour at the two ends of a panel.
fn panel(from: f64, to: f64, threat: &Dist, resistance: &Dist) -> f64 {
    if to <= from {
        return 0.0;
    }
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    let value = |t: f64| {
        let s = core::f64::consts::FRAC_PI_2 * sinh(t);
        let cosh_s = 0.5 * (exp(s) + exp(-s));
        let weight = core::f64::consts::FRAC_PI_2 * 0.5 * (exp(t) + exp(-t)) / (cosh_s * cosh_s);
        let u = (middle + half * tanh(s)).clamp(from, to);
        weight * resistance.cdf(threat.quantile(u))
    };
    let sum: f64 = (1..=POINTS).map(|k| STEP * f64::from(k)).map(|t| value(t) + value(-t)).sum();
    half * STEP * (sum + value(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn known_contests_come_out_exactly() {
        let unit = Dist::Uniform { min: 0.0, max: 1.0 };
        close(probability(&unit, &unit), 0.5);
        close(probability(&unit, &Dist::Uniform { min: 0.5, max: 1.0 }), 0.25);
        close(probability(&Dist::Uniform { min: 0.5, max: 1.0 }, &unit), 0.75);
        close(probability(&unit, &Dist::Uniform { min: 0.2, max: 0.3 }), 0.75);
        let cube = Dist::Beta { alpha: 3.0, beta: 1.0, min: 0.0, max: 1.0 };
        close(probability(&cube, &unit), 0.75);
        close(probability(&unit, &cube), 0.25);
        let peak = Dist::Triangular { min: 0.0, mode: 0.5, max: 1.0 };
        close(probability(&peak, &Dist::Triangular { min: 0.0, mode: 0.5, max: 1.0 }), 0.5);
        close(probability(&unit, &peak), 0.5);
        close(probability(&Dist::constant(0.25), &peak), 0.125);
        close(probability(&peak, &Dist::constant(0.25)), 0.875);
        close(probability(&Dist::constant(0.5), &Dist::constant(0.5)), 0.0);
    }

    #[test]
    fn against_a_uniform_side_a_contest_is_the_mean_of_the_other() {
        let unit = Dist::Uniform { min: 0.0, max: 1.0 };
        let others = [
            Dist::Pert { min: 0.0, mode: 0.37, max: 1.0, lambda: 1_000.0 },
            Dist::Pert { min: 0.1, mode: 0.2, max: 0.3, lambda: 4.0 },
            Dist::Beta { alpha: 1e6, beta: 3e6, min: 0.0, max: 1.0 },
            Dist::Beta { alpha: 0.05, beta: 0.2, min: 0.0, max: 1.0 },
            Dist::Triangular { min: 0.2, mode: 0.9, max: 1.0 },
        ];
        for other in others {
            close(probability(&other, &unit), other.mean());
            close(probability(&unit, &other), 1.0 - other.mean());
        }
    }

    #[test]
    fn a_contest_and_its_mirror_add_up_to_one() {
        let pairs = [
            (Dist::pert(10.0, 25.0, 60.0), Dist::pert(20.0, 50.0, 90.0)),
            (Dist::pert(0.0, 0.0, 100.0), Dist::Triangular { min: 30.0, mode: 30.0, max: 40.0 }),
            (
                Dist::Beta { alpha: 0.05, beta: 0.3, min: 0.0, max: 1.0 },
                Dist::Beta { alpha: 0.5, beta: 0.5, min: 0.0, max: 1.0 },
            ),
        ];
        for (a, b) in pairs {
            let (one, other) = (probability(&a, &b), probability(&b, &a));
            assert!((one + other - 1.0).abs() < 1e-7, "{a:?} {b:?}: {one} {other}");
        }
    }
}

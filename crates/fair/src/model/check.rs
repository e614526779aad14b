//! Which numbers make sense, and which are refused with a reason.
//!
//! The bounds are wide. They keep out what no simulation can answer honestly: a year of a million events that
//! would be better stated as fewer, larger ones, or a loss so spread out that its mean lives where no trial
//! ever goes.

use grc_kernel::Checker;

use super::{Analysis, Mode, Model, Role, Vulnerability, reader::join};
use crate::dist::Dist;

/// The most loss events that a year may be expected to have.
pub const EVENTS_MAX: f64 = 10_000.0;
/// The most loss events that a year may have at all, but for one year in a thousand million.
pub const YEAR_MAX: f64 = 10_000_000.0;
/// The highest rate of anything that is yet to be thinned.
pub const RATE_MAX: f64 = 1e9;
/// The greatest amount of money.
pub const MONEY_MAX: f64 = 1e18;
/// The widest lognormal, as the standard deviation of the logarithm.
pub const SIGMA_MAX: f64 = 5.0;
/// The most events to a cluster, mean over size, of a negative binomial.
pub const CLUSTER_MAX: f64 = 100_000.0;
/// The heaviest mode of a PERT.
pub const LAMBDA_MAX: f64 = 1_000.0;

/// Notes whatever is wrong with the numbers of an analysis at `path`.
pub(crate) fn analysis(analysis: &Analysis, path: &str, check: &mut Checker) {
    amounts(analysis.appetite, analysis.tolerance, path, check);
    let root = join(path, "model");
    let mut sound = true;
    for i in analysis.model.inputs() {
        sound &= input(&join(&root, &i.name), i.role, i.dist, check);
    }
    if sound {
        whole(analysis, path, check);
    }
}

/// Notes whatever is wrong with what the result is held against.
pub(crate) fn amounts(appetite: Option<f64>, tolerance: Option<f64>, path: &str, check: &mut Checker) {
    for (name, amount) in [("appetite", appetite), ("tolerance", tolerance)] {
        if let Some(amount) = amount {
            check.range(&join(path, name), amount, 0.0, MONEY_MAX);
        }
    }
}

/// Notes whatever is wrong with one distribution at `path`; false if anything is.
pub(crate) fn input(path: &str, role: Role, dist: &Dist, check: &mut Checker) -> bool {
    let mut at = At { path: path.to_owned(), check, sound: true };
    at.shape(dist);
    if at.sound {
        at.role(role, dist);
    }
    at.sound
}

/// Notes whatever is wrong among distributions that are each right.
pub(crate) fn whole(analysis: &Analysis, path: &str, check: &mut Checker) {
    let root = join(path, "model");
    scales(&analysis.model, &root, check);
    load(analysis, &root, check);
}

/// One input and whether anything was wrong with it.
struct At<'c> {
    path: String,
    check: &'c mut Checker,
    sound: bool,
}

impl At<'_> {
    fn note(&mut self, name: &str, detail: impl Into<String>) {
        self.sound = false;
        let field = if name.is_empty() { self.path.clone() } else { join(&self.path, name) };
        self.check.note(field, "out_of_range", detail);
    }

    /// A number within a closed range. NaN is in none.
    fn within(&mut self, name: &str, value: f64, min: f64, max: f64) {
        if !(value >= min && value <= max) {
            self.note(name, format!("must be from {min} to {max}"));
        }
    }

    fn ordered(&mut self, name: &str, value: f64, above: &str, bound: f64) {
        if value > bound {
            self.note(name, format!("may not be above {above}"));
        }
    }

    /// The parameters among each other.
    fn shape(&mut self, dist: &Dist) {
        match *dist {
            Dist::Constant { value } => self.within("value", value, 0.0, MONEY_MAX),
            Dist::Pert { min, mode, max, lambda } => {
                self.peaked(min, mode, max);
                self.within("lambda", lambda, 0.0, LAMBDA_MAX);
            }
            Dist::Triangular { min, mode, max } => self.peaked(min, mode, max),
            Dist::Uniform { min, max } => self.span(min, max),
            Dist::Lognormal { low, high, confidence } => {
                self.positive("low", low);
                self.positive("high", high);
                if !(confidence > 0.0 && confidence < 1.0) {
                    self.note("confidence", "must be between 0 and 1, both excluded");
                }
                if self.sound && low >= high {
                    self.note("low", "must be below high; a value without doubt is a constant");
                }
                self.spread("high", dist);
            }
            Dist::LognormalPercentiles { median, p95 } => {
                self.positive("median", median);
                self.positive("p95", p95);
                if self.sound && median >= p95 {
                    self.note("median", "must be below p95; a value without doubt is a constant");
                }
                self.spread("p95", dist);
            }
            Dist::Beta { alpha, beta, min, max } => {
                self.within("alpha", alpha, 0.05, 1e6);
                self.within("beta", beta, 0.05, 1e6);
                self.span(min, max);
            }
            Dist::Poisson { rate } => self.within("rate", rate, 0.0, RATE_MAX),
            Dist::NegativeBinomial { mean, size } => {
                self.within("mean", mean, 0.0, RATE_MAX);
                self.within("size", size, 0.001, 1e6);
            }
            Dist::Bernoulli { p } => self.within("p", p, 0.0, 1.0),
        }
    }

    fn peaked(&mut self, min: f64, mode: f64, max: f64) {
        for (name, value) in [("min", min), ("mode", mode), ("max", max)] {
            self.within(name, value, 0.0, MONEY_MAX);
        }
        self.ordered("min", min, "mode", mode);
        self.ordered("mode", mode, "max", max);
        if mode <= max {
            self.ordered("min", min, "max", max);
        }
    }

    fn span(&mut self, min: f64, max: f64) {
        self.within("min", min, 0.0, MONEY_MAX);
        self.within("max", max, 0.0, MONEY_MAX);
        self.ordered("min", min, "max", max);
    }

    fn positive(&mut self, name: &str, value: f64) {
        if !(value > 0.0 && value <= MONEY_MAX) {
            self.note(name, format!("must be above 0 and at most {MONEY_MAX}"));
        }
    }

    fn spread(&mut self, name: &str, dist: &Dist) {
        let within = |sigma: f64| sigma <= SIGMA_MAX;
        if self.sound && !within(dist.log_parameters().1) {
            self.note(
                name,
                format!(
                    "is too far above the other end: the logarithm's standard deviation would exceed {SIGMA_MAX}, \
                     and the mean would come from events that no simulation meets"
                ),
            );
        }
    }

    /// The distribution in its place.
    fn role(&mut self, role: Role, dist: &Dist) {
        let reach = dist.reach();
        match role {
            Role::Frequency => {
                let highest = if reach.max.is_finite() { reach.max } else { dist.mean() };
                if highest > RATE_MAX {
                    self.note("", format!("may not exceed {RATE_MAX} a year"));
                }
            }
            Role::Probability => {
                if dist.is_count() {
                    self.note("type", format!("{} counts events; a probability is from 0 to 1", dist.kind()));
                } else if reach.max > 1.0 {
                    self.upper(dist, "a probability is from 0 to 1");
                }
            }
            Role::Capability => {
                if dist.is_count() {
                    self.note("type", format!("{} counts events; this is a percentile", dist.kind()));
                } else if reach.max > 100.0 {
                    self.upper(dist, "a percentile of the threat community is from 0 to 100, or from 0 to 1");
                }
            }
            Role::Loss => {
                if dist.is_count() {
                    self.note("type", format!("{} counts events; a loss is an amount", dist.kind()));
                } else if dist.mean() > MONEY_MAX {
                    self.upper(dist, &format!("the mean may not exceed {MONEY_MAX}"));
                }
            }
        }
    }

    /// Notes the parameter that carries the upper end.
    fn upper(&mut self, dist: &Dist, detail: &str) {
        let name = match dist {
            Dist::Constant { .. } => "value",
            Dist::Lognormal { .. } => "high",
            Dist::LognormalPercentiles { .. } => "p95",
            _ => "max",
        };
        let why = if dist.reach().max.is_finite() { "" } else { "; a lognormal has no upper end" };
        self.note(name, format!("{detail}{why}"));
    }
}

/// Percentiles of 0 to 1 against percentiles of 0 to 100 would make every threat win, or none.
fn scales(model: &Model, root: &str, check: &mut Checker) {
    let Some(Vulnerability::Contest { threat_capability, resistance_strength }) = model.frequency.vulnerability()
    else {
        return;
    };
    let (threat, resistance) = (threat_capability.reach().max, resistance_strength.reach().max);
    let fraction = |max: f64| max > 0.0 && max <= 1.0;
    if (fraction(threat) && resistance > 1.0) || (fraction(resistance) && threat > 1.0) {
        check.note(
            join(root, "resistance_strength"),
            "out_of_range",
            "is on another scale than threat_capability: give both from 0 to 1 or both from 0 to 100",
        );
    }
}

/// How many events the years will have.
fn load(analysis: &Analysis, root: &str, check: &mut Checker) {
    let (name, base) = analysis.model.frequency.base();
    let field = join(root, name);
    if analysis.mode == Mode::Product {
        // One draw a year whatever the rate: only a count, which is drawn as such, has a bound.
        if base.is_count() && base.mean() > EVENTS_MAX {
            check.note(field, "out_of_range", format!("a count may not expect more than {EVENTS_MAX} events a year"));
        }
        return;
    }
    let frequency = &analysis.model.frequency;
    let expected = frequency.expected();
    if expected > EVENTS_MAX {
        check.note(
            field,
            "out_of_range",
            format!(
                "expects {expected:.0} loss events a year, more than {EVENTS_MAX}: state fewer and larger events, such \
                 as the loss of a day"
            ),
        );
        return;
    }
    if let Dist::NegativeBinomial { mean, size } = base
        && mean / size > CLUSTER_MAX
    {
        check.note(
            join(&field, "size"),
            "out_of_range",
            format!("is too small for the mean: mean / size may not exceed {CLUSTER_MAX}"),
        );
    } else if frequency.nearly_highest() > YEAR_MAX {
        check.note(
            field,
            "out_of_range",
            format!("is spread so far that a year of more than {YEAR_MAX} events would have to be simulated"),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn errors(lef: Value) -> Vec<(String, &'static str)> {
        let body = json!({"model": {"lef": lef, "loss_magnitude": {"type": "constant", "value": 1}}});
        match Analysis::parse(&body) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|e| (e.field, e.code)).collect(),
        }
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let all = errors(json!({"type": "pert", "min": 3, "mode": 2, "max": 1, "lambda": -1}));
        let names: Vec<_> = all.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(names, ["model.lef.min", "model.lef.mode", "model.lef.lambda"]);
        assert_eq!(
            errors(json!({"type": "lognormal", "low": 0, "high": 1})),
            [("model.lef.low".into(), "out_of_range")]
        );
        assert_eq!(
            errors(json!({"type": "lognormal", "low": 5e-324, "high": 1e18})),
            [("model.lef.high".into(), "out_of_range")]
        );
        assert_eq!(errors(json!({"type": "bernoulli", "p": 1.1})), [("model.lef.p".into(), "out_of_range")]);
        assert_eq!(errors(json!({"type": "poisson", "rate": -1e308})), [("model.lef.rate".into(), "out_of_range")]);
    }

    #[test]
    fn a_year_has_a_bounded_number_of_events() {
        assert_eq!(errors(json!({"type": "poisson", "rate": 10_000})), []);
        assert_eq!(errors(json!({"type": "poisson", "rate": 10_001})), [("model.lef".into(), "out_of_range")]);
        assert_eq!(
            errors(json!({"type": "negative_binomial", "mean": 9_000, "size": 0.01})),
            [("model.lef.size".into(), "out_of_range")]
        );
        assert_eq!(
            errors(json!({"type": "lognormal", "low": 1e-4, "high": 1e3})),
            [("model.lef".into(), "out_of_range")]
        );
    }
}

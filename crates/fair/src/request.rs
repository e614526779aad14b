//! The bodies of the stateless requests, as the wire has them.

use grc_kernel::{Checker, FieldError};
use serde_json::Value;

use crate::{
    engine::{TRIALS_DEFAULT, TRIALS_MAX, TRIALS_MIN},
    model::{Analysis, Reader, check::MONEY_MAX},
};

/// What a caller may say of a run beside the analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The number of years: 100,000 where nothing is said.
    pub trials: u64,
    /// Where the random numbers begin; the caller chooses, and tells, one where nothing is said.
    pub seed: Option<u64>,
}

impl Settings {
    /// Reads `trials` and `seed` out of an object that may have other members; what is wrong is noted.
    fn read(reader: &Reader<'_>, check: &mut Checker) -> Self {
        let trials = match reader.integer("trials", check) {
            Some(trials) => check.range(&reader.at("trials"), trials, TRIALS_MIN, TRIALS_MAX),
            None => TRIALS_DEFAULT,
        };
        Self { trials, seed: reader.integer("seed", check) }
    }

    /// Reads `{"trials"?, "seed"?}`.
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldError>> {
        let mut check = Checker::new();
        let settings = Reader::new(value, "", &mut check).map(|reader| {
            reader.only(&["trials", "seed"], &mut check);
            Self::read(&reader, &mut check)
        });
        check.finish()?;
        settings.ok_or_else(nothing)
    }
}

/// `simulate`: an analysis and how to run it.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationRequest {
    /// What to simulate.
    pub analysis: Analysis,
    /// How.
    pub settings: Settings,
}

impl SimulationRequest {
    /// Reads `{"name"?, "model", "mode"?, "appetite"?, "tolerance"?, "trials"?, "seed"?}`; the name is ignored.
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldError>> {
        let mut check = Checker::new();
        let request = Reader::new(value, "", &mut check).and_then(|reader| {
            let analysis = Analysis::read(&reader, &["name", "trials", "seed"], &mut check);
            let settings = Settings::read(&reader, &mut check);
            reader.word("name", &mut check);
            analysis.map(|analysis| Self { analysis, settings })
        });
        check.finish()?;
        request.ok_or_else(nothing)
    }
}

/// `compare`: two analyses, the cost of what lies between them, and how to run them.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonRequest {
    /// Without the treatment.
    pub before: Analysis,
    /// With it.
    pub after: Analysis,
    /// What it costs a year; nothing where nothing is said.
    pub annual_cost: f64,
    /// How to run.
    pub settings: Settings,
}

impl ComparisonRequest {
    /// Reads `{"before", "after", "annual_cost"?, "trials"?, "seed"?}`.
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldError>> {
        let mut check = Checker::new();
        let request = Reader::new(value, "", &mut check).and_then(|reader| {
            reader.only(&["before", "after", "annual_cost", "trials", "seed"], &mut check);
            let mut side = |name: &str| {
                if !reader.has(name) {
                    check.note(reader.at(name), "required", "must be given");
                }
                let side = reader.object(name, &mut check)?;
                side.word("name", &mut check);
                Analysis::read(&side, &["name"], &mut check)
            };
            let (before, after) = (side("before"), side("after"));
            let annual_cost = reader.number("annual_cost", &mut check).unwrap_or(0.0);
            check.range("annual_cost", annual_cost, 0.0, MONEY_MAX);
            let settings = Settings::read(&reader, &mut check);
            Some(Self { before: before?, after: after?, annual_cost, settings })
        });
        check.finish()?;
        request.ok_or_else(nothing)
    }
}

/// Stands for an error that was noted already.
fn nothing() -> Vec<FieldError> {
    vec![FieldError::new("body", "invalid", "is not a request")]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(errors: Vec<FieldError>) -> Vec<(String, &'static str)> {
        errors.into_iter().map(|e| (e.field, e.code)).collect()
    }

    #[test]
    fn a_simulation_is_an_analysis_with_trials_and_a_seed() {
        let lef = json!({"type": "poisson", "rate": 1});
        let lm = json!({"type": "constant", "value": 5});
        let model = json!({"lef": lef, "loss_magnitude": lm});
        let request = SimulationRequest::parse(&json!({"name": "x", "model": model, "seed": 7})).unwrap();
        assert_eq!(request.settings, Settings { trials: 100_000, seed: Some(7) });
        let wrong = SimulationRequest::parse(&json!({"name": 1, "model": model, "seed": -7, "trials": 999, "x": 1}));
        let expected = [("x", "unknown"), ("trials", "out_of_range"), ("seed", "type"), ("name", "type")];
        assert_eq!(fields(wrong.unwrap_err()), expected.map(|(f, c)| (f.to_owned(), c)));
    }

    #[test]
    fn a_comparison_names_what_is_wrong_on_either_side() {
        let side = json!({"model": {"lef": {"type": "poisson", "rate": -1}}});
        let wrong = ComparisonRequest::parse(&json!({"before": side, "annual_cost": -5, "trials": 1.5}));
        let expected = [
            ("before.model.lef.rate", "out_of_range"),
            ("before.model.loss_magnitude", "required"),
            ("after", "required"),
            ("annual_cost", "out_of_range"),
            ("trials", "type"),
        ];
        assert_eq!(fields(wrong.unwrap_err()), expected.map(|(f, c)| (f.to_owned(), c)));
        assert_eq!(fields(Settings::parse(&json!([])).unwrap_err()), [("body".to_owned(), "type")]);
    }
}

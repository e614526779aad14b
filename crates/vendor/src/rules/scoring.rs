//! What answers are worth.
//!
//! A question is visible unless it has a condition that does not hold; a condition on a question that is itself not
//! visible does not. The score is the weighted mean over the visible questions whose answer has a score: sum(weight x
//! score) / sum(weight). Coverage is the share of the visible questions that are answered at all.

use std::collections::{BTreeMap, HashMap};

use grc_kernel::{
    nested,
    resource::One,
    shape::{Preset, Ty},
};
use serde_json::{Map, Value};

use super::template::{Question, Section, same};

nested! {
    /// What the answers of a category are worth.
    pub struct CategoryScore as "VendorCategoryScore" {
        /// The category.
        category: String = Ty::Line(200), required;
        /// The score, from 0 to 100; none where no answer has one.
        score: Option<f64> = Ty::Number(0.0, 100.0);
        /// The share of its visible questions that are answered, from 0 to 1.
        coverage: f64 = Ty::Number(0.0, 1.0), preset(Preset::Number(0.0));
        /// How many of its questions are answered.
        answered: i64 = Ty::Int(0, 1_000), preset(Preset::Int(0));
        /// How many are visible.
        visible: i64 = Ty::Int(0, 1_000), preset(Preset::Int(0));
    }
}

/// What answers are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The score, from 0 to 100; none where no answer has one.
    pub score: Option<f64>,
    /// The share of the visible questions that are answered, from 0 to 1.
    pub coverage: f64,
    /// How many questions are answered.
    pub answered: i64,
    /// How many are visible.
    pub visible: i64,
    /// The same for each category, by name.
    pub categories: Vec<CategoryScore>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    weight: f64,
    weighted: f64,
    answered: u16,
    visible: u16,
}

impl Sums {
    fn add(&mut self, weight: f64, answer: Option<Option<f64>>) {
        self.visible = self.visible.saturating_add(1);
        let Some(score) = answer else { return };
        self.answered = self.answered.saturating_add(1);
        if let Some(score) = score {
            self.weight += weight;
            self.weighted += weight * score;
        }
    }

    fn score(&self) -> Option<f64> {
        // Rounding may not carry a mean of equal scores beyond them.
        (self.weight > 0.0).then(|| (self.weighted / self.weight).clamp(0.0, 100.0))
    }

    fn coverage(&self) -> f64 {
        if self.visible == 0 { 0.0 } else { f64::from(self.answered) / f64::from(self.visible) }
    }
}

/// Scores answers that [`super::answers::read`] let through.
pub fn score(sections: &[Section], answers: &Map<String, Value>) -> Outcome {
    let mut all = Sums::default();
    let mut categories: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut asked: HashMap<&str, &Question> = HashMap::new();
    for section in sections {
        for question in &section.questions {
            let visible = question.visible_if.as_ref().is_none_or(|One(condition)| {
                let other = asked.get(condition.question.as_str());
                other.is_some_and(|other| chosen(other, answers.get(&other.key), &condition.equals))
            });
            if !visible {
                continue;
            }
            asked.insert(&question.key, question);
            let answer = answers.get(&question.key).map(|answer| worth(question, answer));
            let category = question.category.as_deref().unwrap_or(&section.title);
            all.add(question.weight, answer);
            categories.entry(category).or_default().add(question.weight, answer);
        }
    }
    let categories = categories.into_iter().map(|(category, sums)| CategoryScore {
        category: category.to_owned(),
        score: sums.score(),
        coverage: sums.coverage(),
        answered: sums.answered.into(),
        visible: sums.visible.into(),
    });
    Outcome {
        score: all.score(),
        coverage: all.coverage(),
        answered: all.answered.into(),
        visible: all.visible.into(),
        categories: categories.collect(),
    }
}

/// Whether an answer chooses the option that a value names.
fn chosen(question: &Question, answer: Option<&Value>, value: &Value) -> bool {
    let (Some(answer), Some(option)) = (answer, question.option(value)) else { return false };
    match answer {
        Value::Array(values) => values.iter().any(|value| same(value, &option.value)),
        answer => same(answer, &option.value),
    }
}

/// The score of an answer: that of the option, or of all chosen ones together up to 100; none where no option has any.
fn worth(question: &Question, answer: &Value) -> Option<f64> {
    let score = |value: &Value| question.option(value).and_then(|option| option.score);
    match answer {
        Value::Array(values) => {
            let scores: Vec<f64> = values.iter().filter_map(score).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>().min(100.0))
        }
        answer => score(answer),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::rules::answers::{
        read,
        tests::{object, sections, template},
    };

    #[test]
    fn the_score_is_the_weighted_mean_of_what_is_visible_and_answered() {
        let template = template();
        for (answers, score, answered, visible) in [
            (json!({}), None, 0, 3),
            (json!({"mfa": true}), Some(100.0), 1, 4),
            (json!({"mfa": "no"}), Some(0.0), 1, 3),
            (json!({"mfa": false, "mfa_kind": "key"}), Some(0.0), 1, 3),
            (json!({"mfa": "yes", "mfa_kind": "sms"}), Some((3.0 * 100.0 + 40.0) / 4.0), 2, 5),
            (json!({"mfa": "yes", "mfa_kind": "sms", "why_sms": "cheap"}), Some((3.0 * 100.0 + 40.0) / 4.0), 3, 5),
            (json!({"mfa": "yes", "mfa_kind": "n/a"}), Some(100.0), 2, 4),
            (json!({"mfa_kind": "n/a"}), None, 0, 3),
            (json!({"at_rest": [1]}), Some(60.0), 1, 3),
            (json!({"at_rest": [3, 1]}), Some(90.0), 1, 3),
            (json!({"at_rest": [1, 2, 3]}), Some(100.0), 1, 4),
            (json!({"at_rest": [2.0], "backups": 3.5, "mfa": "yes"}), Some((2.0 * 30.0 + 3.0 * 100.0) / 5.0), 3, 5),
            (json!({"since": "2026-01-01"}), None, 1, 3),
            (json!({"mfa": null, "since": " ", "at_rest": []}), None, 0, 3),
        ] {
            let read = read(&template, &object(answers.clone())).unwrap();
            let outcome = super::score(&template, &read);
            assert_eq!((outcome.score, outcome.answered, outcome.visible), (score, answered, visible), "{answers}");
            let share = if visible == 0 {
                0.0
            } else {
                f64::from(i32::try_from(answered).unwrap()) / f64::from(i32::try_from(visible).unwrap())
            };
            assert_eq!(outcome.coverage, share, "{answers}");
        }
    }

    #[test]
    fn categories_are_scored_by_themselves() {
        let template = template();
        let answers = object(json!({"mfa": true, "mfa_kind": "sms", "at_rest": [1]}));
        let outcome = score(&template, &read(&template, &answers).unwrap());
        let found: Vec<_> =
            outcome.categories.iter().map(|c| (c.category.as_str(), c.score, c.answered, c.visible)).collect();
        let expected = [("Access", Some(100.0), 1, 2), ("Data", Some(60.0), 1, 2), ("Factors", Some(40.0), 1, 1)];
        assert_eq!(found, expected);
    }

    /// A template of so many questions, each asked only where its place's condition names one before it.
    fn chain(weights: &[f64], conditions: &[Option<usize>]) -> Vec<Section> {
        let questions: Vec<_> = weights
            .iter()
            .zip(conditions)
            .enumerate()
            .map(|(n, (weight, on))| {
                let on = on.filter(|_| n > 0).map(|on| json!({"question": (on % n).to_string(), "equals": "yes"}));
                json!({"key": n.to_string(), "text": "?", "type": "yes_no", "weight": weight, "visible_if": on,
                    "category": if n % 2 == 0 { "even" } else { "odd" }})
            })
            .collect();
        sections(json!([{"title": "S", "questions": questions}]))
    }

    proptest! {
        #[test]
        fn scores_agree_with_the_formula_written_out(
            drawn in prop::collection::vec((0.0..10.0_f64, prop::option::of(0_usize..20), prop::option::of(any::<bool>())), 1..20),
        ) {
            let weights: Vec<f64> = drawn.iter().map(|d| d.0).collect();
            let conditions: Vec<Option<usize>> = drawn.iter().map(|d| d.1).collect();
            let template = chain(&weights, &conditions);
            let answers: Map<String, Value> =
                drawn.iter().enumerate().filter_map(|(n, d)| Some((n.to_string(), json!(d.2?)))).collect();
            let outcome = score(&template, &read(&template, &answers).unwrap());
            // By the definition: a question is visible where all conditions up to it hold.
            let mut visible = vec![false; drawn.len()];
            for (n, on) in conditions.iter().enumerate() {
                let on = on.filter(|_| n > 0).map(|on| on % n);
                visible[n] = on.is_none_or(|on| visible[on] && drawn[on].2 == Some(true));
            }
            let counted: Vec<usize> = (0..drawn.len()).filter(|n| visible[*n] && drawn[*n].2.is_some()).collect();
            let weight: f64 = counted.iter().map(|n| weights[*n]).sum();
            let weighted: f64 = counted.iter().filter(|n| drawn[**n].2 == Some(true)).map(|n| weights[*n] * 100.0).sum();
            match outcome.score {
                Some(score) => {
                    prop_assert!((0.0..=100.0).contains(&score));
                    prop_assert!((score - weighted / weight).abs() < 1e-9);
                }
                None => prop_assert!(weight == 0.0),
            }
            prop_assert_eq!(usize::try_from(outcome.answered).unwrap(), counted.len());
            prop_assert_eq!(usize::try_from(outcome.visible).unwrap(), visible.iter().filter(|v| **v).count());
            prop_assert!((0.0..=1.0).contains(&outcome.coverage));
            let sum: i64 = outcome.categories.iter().map(|category| category.answered).sum();
            prop_assert_eq!(sum, outcome.answered);
        }
    }
}

//! The arithmetic of a bow-tie: each barrier lets through what it does not hold back, independently of the others.
//!
//! The top event's frequency is the sum over the threats of `f x prod(1 - e)`; a consequence's is the top event's times
//! `prod(1 - e)`; a year's loss is that times the loss of each. Of each barrier it says what its failure would mean.

use std::collections::BTreeMap;

use grc_kernel::{Checker, FieldError};

use super::{Scenario, Side};

/// A threat and what of it reaches the top event.
#[derive(Clone, Debug, PartialEq)]
pub struct Passing {
    /// Its name.
    pub name: String,
    /// How often it comes, in times a year.
    pub frequency: f64,
    /// How often it brings the top event about.
    pub mitigated_frequency: f64,
}

/// A consequence and how often it follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Following {
    /// Its name.
    pub name: String,
    /// How often it follows, in times a year.
    pub frequency: f64,
    /// What it costs each time, where that is known.
    pub loss: Option<f64>,
    /// What it costs a year.
    pub annual_loss: Option<f64>,
}

/// What the failure of a barrier would mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub side: Side,
    /// On what.
    pub on: String,
    /// What it holds back, as it was evaluated.
    pub effectiveness: f64,
    /// The top event's frequency without it.
    pub top_frequency_without: f64,
    /// A year's loss without it.
    pub annual_loss_without: Option<f64>,
}

/// A scenario in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How often the top event comes, in times a year.
    pub top_frequency: f64,
    /// The threats, in their order.
    pub threats: Vec<Passing>,
    /// The consequences, in their order.
    pub consequences: Vec<Following>,
    /// A year's loss over the consequences that have one; none where none has.
    pub annual_loss: Option<f64>,
    /// The barriers, in their order.
    pub barriers: Vec<Worth>,
}

/// What gets past barriers, and past all of them but one, by where they stand.
struct Gaps<'a>(BTreeMap<(Side, &'a str), Vec<(usize, f64)>>);

impl<'a> Gaps<'a> {
    fn of(scenario: &'a Scenario, failed: &[String]) -> Self {
        let mut gaps: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (i, barrier) in scenario.barriers.iter().enumerate() {
            let holds = if failed.contains(&barrier.name) { 0.0 } else { barrier.effectiveness };
            gaps.entry((barrier.side, barrier.on.as_str())).or_default().push((i, 1.0 - holds));
        }
        Self(gaps)
    }

    /// The part that gets through, as if one barrier were not there.
    fn through(&self, side: Side, name: &str, without: Option<usize>) -> f64 {
        let there = self.0.get(&(side, name)).into_iter().flatten();
        there.filter(|(i, _)| Some(*i) != without).map(|(_, gap)| gap).product()
    }
}

/// Notes barriers that are said to have failed and are not there.
pub fn check_failed(scenario: &Scenario, failed: &[String]) -> Result<(), Vec<FieldError>> {
    let mut check = Checker::new();
    for (i, name) in failed.iter().enumerate() {
        let there = scenario.barriers.iter().any(|barrier| barrier.name == *name);
        check.ensure(there, &format!("failed[{i}]"), "unknown_reference", "is not the name of a barrier");
    }
    check.finish()
}

/// Evaluates a scenario as if the barriers of these names held nothing back.
pub fn evaluate(scenario: &Scenario, failed: &[String]) -> Evaluation {
    let gaps = Gaps::of(scenario, failed);
    let threats: Vec<Passing> = scenario
        .threats
        .iter()
        .map(|threat| Passing {
            name: threat.name.clone(),
            frequency: threat.frequency,
            mitigated_frequency: threat.frequency * gaps.through(Side::Threat, &threat.name, None),
        })
        .collect();
    let top_frequency: f64 = threats.iter().fold(0.0, |sum, threat| sum + threat.mitigated_frequency);
    let consequences: Vec<Following> = scenario
        .consequences
        .iter()
        .map(|consequence| {
            let frequency = top_frequency * gaps.through(Side::Consequence, &consequence.name, None);
            let (name, loss) = (consequence.name.clone(), consequence.loss);
            Following { name, frequency, loss, annual_loss: loss.map(|loss| frequency * loss) }
        })
        .collect();
    let known: Vec<f64> = consequences.iter().filter_map(|consequence| consequence.annual_loss).collect();
    let annual_loss = (!known.is_empty()).then(|| known.iter().sum());
    let worth = Worths { scenario, gaps: &gaps, top_frequency, annual_loss };
    let barriers = (0..scenario.barriers.len()).filter_map(|i| worth.of(i, failed)).collect();
    Evaluation { top_frequency, threats, consequences, annual_loss, barriers }
}

struct Worths<'a> {
    scenario: &'a Scenario,
    gaps: &'a Gaps<'a>,
    top_frequency: f64,
    annual_loss: Option<f64>,
}

impl Worths<'_> {
    fn of(&self, place: usize, failed: &[String]) -> Option<Worth> {
        let barrier = self.scenario.barriers.get(place)?;
        let let_through = |without| self.gaps.through(barrier.side, &barrier.on, without);
        let more = let_through(Some(place)) - let_through(None);
        let (top, loss) = match barrier.side {
            Side::Threat => {
                let threat = self.scenario.threats.iter().find(|threat| threat.name == barrier.on)?;
                let added = threat.frequency * more;
                (self.top_frequency + added, self.annual_loss.map(|loss| loss + added * self.loss_of_one()))
            }
            Side::Consequence => {
                let consequence = self.scenario.consequences.iter().find(|one| one.name == barrier.on)?;
                let added = self.top_frequency * more * consequence.loss.unwrap_or(0.0);
                (self.top_frequency, self.annual_loss.map(|loss| loss + added))
            }
        };
        Some(Worth {
            name: barrier.name.clone(),
            side: barrier.side,
            on: barrier.on.clone(),
            effectiveness: if failed.contains(&barrier.name) { 0.0 } else { barrier.effectiveness },
            top_frequency_without: top,
            annual_loss_without: loss,
        })
    }

    /// The loss of one top event.
    fn loss_of_one(&self) -> f64 {
        let losses = self.scenario.consequences.iter();
        losses.map(|one| one.loss.unwrap_or(0.0) * self.gaps.through(Side::Consequence, &one.name, None)).sum()
    }
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, Meta, OrgId, Resource};

    use super::*;
    use crate::scenario::{Barrier, Consequence, ScenarioId, Threat};

    fn barrier(side: Side, on: &str, name: &str, effectiveness: f64) -> Barrier {
        Barrier { side, on: on.to_owned(), name: name.to_owned(), effectiveness, control_id: None }
    }

    pub(crate) fn phishing() -> Scenario {
        let ctx = Ctx::for_tests(OrgId(grc_kernel::Uuid::from_u128(1)));
        let mut scenario = Scenario::blank(ScenarioId(ctx.new_id()), ctx.org, Meta::new(&ctx));
        scenario.top_event = "Ransomware runs".to_owned();
        let threat = |name: &str, frequency| Threat { name: name.to_owned(), frequency };
        scenario.threats = vec![threat("Phishing", 12.0), threat("Exposed service", 2.0)];
        let consequence = |name: &str, loss| Consequence { name: name.to_owned(), loss };
        scenario.consequences = vec![consequence("Outage", Some(400_000.0)), consequence("Headlines", None)];
        scenario.barriers = vec![
            barrier(Side::Threat, "Phishing", "Mail filter", 0.9),
            barrier(Side::Threat, "Phishing", "Training", 0.5),
            barrier(Side::Threat, "Exposed service", "Patching", 0.75),
            barrier(Side::Consequence, "Outage", "Backups", 0.8),
        ];
        scenario
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1e-9)
    }

    #[test]
    fn frequencies_are_sums_of_products() {
        let evaluation = evaluate(&phishing(), &[]);
        assert!(close(evaluation.top_frequency, 12.0 * 0.1 * 0.5 + 2.0 * 0.25));
        assert!(close(evaluation.threats[0].mitigated_frequency, 0.6));
        assert!(close(evaluation.consequences[0].frequency, 1.1 * 0.2));
        assert!(close(evaluation.consequences[0].annual_loss.unwrap(), 88_000.0));
        assert!(close(evaluation.consequences[1].frequency, 1.1));
        assert_eq!(evaluation.consequences[1].annual_loss, None);
        assert!(close(evaluation.annual_loss.unwrap(), 88_000.0));
    }

    #[test]
    fn a_barriers_worth_is_what_its_failure_would_mean() {
        let scenario = phishing();
        let evaluation = evaluate(&scenario, &[]);
        for (worth, barrier) in evaluation.barriers.iter().zip(&scenario.barriers) {
            let without = evaluate(&scenario, std::slice::from_ref(&barrier.name));
            assert!(close(worth.top_frequency_without, without.top_frequency), "{}", barrier.name);
            assert!(close(worth.annual_loss_without.unwrap(), without.annual_loss.unwrap()), "{}", barrier.name);
            assert!(without.barriers.iter().any(|b| b.name == barrier.name && b.effectiveness == 0.0));
        }
        let perfect = {
            let mut perfect = scenario.clone();
            perfect.barriers[0].effectiveness = 1.0;
            perfect
        };
        let worth = &evaluate(&perfect, &[]).barriers[0];
        assert!(close(worth.top_frequency_without, 6.5), "also of one that lets nothing through");
    }

    #[test]
    fn an_empty_bow_tie_is_evaluated_too() {
        let mut scenario = phishing();
        scenario.barriers.clear();
        scenario.threats.clear();
        let evaluation = evaluate(&scenario, &[]);
        assert_eq!((evaluation.top_frequency, evaluation.annual_loss), (0.0, Some(0.0)));
        scenario.consequences.clear();
        assert_eq!(evaluate(&scenario, &[]).annual_loss, None);
        assert!(check_failed(&scenario, &["Mail filter".to_owned()]).is_err());
    }
}

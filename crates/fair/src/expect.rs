//! What can be said without simulating: expectations of nodes, shares of loss forms, and the tornado.
//!
//! The inputs of a tree are independent and an expected annual loss is linear in each of them, so that it is a
//! product of means. Where a simulation would answer with a sampling error, this answers exactly; and the
//! simulated mean can be held against it.

use std::collections::BTreeMap;

use crate::{
    contest,
    dist::Dist,
    model::{Frequency, Loss, LossForm, Mode, Model, Role, Side, Vulnerability},
};

/// A bar of the tornado.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The input, `lef` or `primary_loss.response`.
    pub factor: String,
    /// The expected annual loss with the input held at its 10th percentile, all others varying.
    pub low: f64,
    /// The expected annual loss with the input held at its 90th percentile.
    pub high: f64,
    /// How far the two are apart.
    pub swing: f64,
}

impl Frequency {
    /// Loss events a year, expected.
    pub fn expected(&self) -> f64 {
        self.base().1.mean() * self.chance()
    }

    /// The probability that what the base counts becomes a loss event.
    pub fn chance(&self) -> f64 {
        let action = match self {
            Self::Contact { probability_of_action, .. } => probability_of_action.mean(),
            Self::Lef(_) | Self::Tef { .. } => 1.0,
        };
        action * self.vulnerability().map_or(1.0, Vulnerability::expected)
    }

    /// A rate of loss events that next to no year exceeds: each factor at the end that it has, or at the point
    /// that it passes once in a thousand million.
    pub(crate) fn nearly_highest(&self) -> f64 {
        let top = |dist: &Dist| match *dist {
            Dist::Poisson { rate } => rate,
            Dist::NegativeBinomial { mean, .. } => mean,
            _ => {
                let max = dist.reach().max;
                if max.is_finite() { max } else { dist.quantile(1.0 - 1e-9) }
            }
        };
        let action = match self {
            Self::Contact { probability_of_action, .. } => top(probability_of_action),
            Self::Lef(_) | Self::Tef { .. } => 1.0,
        };
        let vulnerability = match self.vulnerability() {
            Some(Vulnerability::Stated(stated)) => top(stated),
            Some(contest) => contest.expected(),
            None => 1.0,
        };
        top(self.base().1) * action * vulnerability
    }
}

impl Vulnerability {
    /// The probability that a threat event becomes a loss event.
    pub fn expected(&self) -> f64 {
        match self {
            Self::Stated(stated) => stated.mean(),
            Self::Contest { threat_capability, resistance_strength } => {
                contest::probability(threat_capability, resistance_strength)
            }
        }
    }
}

impl Side {
    fn expected(&self) -> f64 {
        match self {
            Self::Whole(dist) => dist.mean(),
            Self::Forms(forms) => forms.values().map(Dist::mean).sum(),
        }
    }
}

impl Loss {
    /// The loss of an event, expected.
    pub fn expected(&self) -> f64 {
        match self {
            Self::Magnitude(magnitude) => magnitude.mean(),
            Self::Sides { primary, secondary_event_frequency, secondary } => {
                primary.expected() + secondary_event_frequency.mean() * secondary.expected()
            }
        }
    }
}

impl Model {
    /// The annual loss, expected.
    pub fn expected(&self) -> f64 {
        self.frequency.expected() * self.loss.expected()
    }

    /// The expectation of every node that is given, and of those above it: `lef` and `loss_magnitude` always.
    pub fn node_means(&self) -> BTreeMap<String, f64> {
        let mut means: BTreeMap<_, _> = self.inputs().into_iter().map(|i| (i.name, i.dist.mean())).collect();
        means.insert("lef".to_owned(), self.frequency.expected());
        if let Some(vulnerability) = self.frequency.vulnerability() {
            let chance = vulnerability.expected();
            means.insert("vulnerability".to_owned(), chance);
            if let Frequency::Contact { contact_frequency, probability_of_action, .. } = &self.frequency {
                means.insert("tef".to_owned(), contact_frequency.mean() * probability_of_action.mean());
            }
        }
        means.insert("loss_magnitude".to_owned(), self.loss.expected());
        if let Loss::Sides { primary, secondary, .. } = &self.loss {
            means.insert("primary_loss".to_owned(), primary.expected());
            means.insert("secondary_loss".to_owned(), secondary.expected());
        }
        means
    }

    /// The share of the expected loss that each loss form has, both sides together. A side that is stated whole
    /// stands under its own name. Without any loss there are no shares.
    pub fn loss_form_shares(&self) -> BTreeMap<String, f64> {
        let total = self.loss.expected();
        let mut shares = BTreeMap::new();
        let mut add = |name: &str, loss: f64| {
            if total > 0.0 {
                *shares.entry(name.to_owned()).or_insert(0.0) += loss / total;
            }
        };
        let mut side = |name: &str, side: &Side, weight: f64| match side {
            Side::Whole(dist) => add(name, weight * dist.mean()),
            Side::Forms(forms) => {
                for (form, dist) in forms {
                    add(LossForm::key(*form), weight * dist.mean());
                }
            }
        };
        match &self.loss {
            Loss::Magnitude(magnitude) => side("loss_magnitude", &Side::Whole(*magnitude), 1.0),
            Loss::Sides { primary, secondary_event_frequency, secondary } => {
                side("primary_loss", primary, 1.0);
                side("secondary_loss", secondary, secondary_event_frequency.mean());
            }
        }
        shares
    }

    /// What each input moves: the expected annual loss with it held at its 10th and at its 90th percentile while
    /// the others vary as they do, the widest swing first.
    pub fn tornado(&self) -> Vec<Bar> {
        let (rest_of_base, whole) = (self.frequency.chance() * self.loss.expected(), self.expected());
        let (events, loss) = (self.frequency.expected(), self.loss.expected());
        let mut bars: Vec<_> = self
            .inputs()
            .iter()
            .enumerate()
            .map(|(at, input)| {
                let held = |u: f64| {
                    let value = input.dist.quantile(u);
                    let mean = input.dist.mean();
                    match input.role {
                        Role::Frequency => value * rest_of_base,
                        Role::Loss => events * self.hold(at, value).loss.expected(),
                        Role::Capability => self.hold(at, value).frequency.expected() * loss,
                        Role::Probability if input.name == "secondary_event_frequency" => {
                            events * self.hold(at, value).loss.expected()
                        }
                        // A probability on the way to the loss event is a factor of the whole.
                        Role::Probability if mean > 0.0 => whole * value / mean,
                        Role::Probability => 0.0,
                    }
                };
                let (low, high) = (held(0.1), held(0.9));
                Bar { factor: input.name.clone(), low, high, swing: (high - low).abs() }
            })
            .collect();
        // The sort is stable, so that equal swings keep the order of the tree.
        bars.sort_by(|a, b| b.swing.total_cmp(&a.swing));
        bars
    }

    /// The model with its input number `at` held at a value.
    #[must_use]
    pub fn hold(&self, at: usize, value: f64) -> Self {
        let seen = std::cell::Cell::new(0_usize);
        self.map(&|_, dist| {
            let here = seen.replace(seen.get() + 1);
            if here == at { Dist::Constant { value } } else { *dist }
        })
    }
}

impl Mode {
    /// How many numbers a simulation of one year draws, roughly: what its time is proportional to.
    pub(crate) fn draws(self, model: &Model) -> f64 {
        let inputs = crate::num::float_len(model.inputs().len());
        match self {
            Self::Product => inputs,
            Self::Event => inputs + model.frequency.expected() * inputs,
        }
    }
}

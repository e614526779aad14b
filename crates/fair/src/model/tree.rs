//! Going through a tree: every distribution of it, with its place and what its numbers mean.

use super::{Frequency, Loss, Model, Side, Vulnerability};
use crate::dist::Dist;

/// What a number at some place of the tree means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Events a year.
    Frequency,
    /// From 0 to 1.
    Probability,
    /// From 0 to 1 or from 0 to 100.
    Capability,
    /// Money, without a currency.
    Loss,
}

/// One distribution of the tree, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Input<'m> {
    /// The place, `lef` or `primary_loss.response`.
    pub name: String,
    /// What its numbers mean.
    pub role: Role,
    /// The distribution.
    pub dist: &'m Dist,
}

impl Model {
    /// Every distribution of the tree, in the order of the tree.
    pub fn inputs(&self) -> Vec<Input<'_>> {
        let mut inputs = Vec::new();
        let mut add = |name: &str, role, dist| inputs.push(Input { name: name.to_owned(), role, dist });
        match &self.frequency {
            Frequency::Lef(lef) => add("lef", Role::Frequency, lef),
            Frequency::Tef { tef, .. } => add("tef", Role::Frequency, tef),
            Frequency::Contact { contact_frequency, probability_of_action, .. } => {
                add("contact_frequency", Role::Frequency, contact_frequency);
                add("probability_of_action", Role::Probability, probability_of_action);
            }
        }
        match self.frequency.vulnerability() {
            Some(Vulnerability::Stated(stated)) => add("vulnerability", Role::Probability, stated),
            Some(Vulnerability::Contest { threat_capability, resistance_strength }) => {
                add("threat_capability", Role::Capability, threat_capability);
                add("resistance_strength", Role::Capability, resistance_strength);
            }
            None => {}
        }
        match &self.loss {
            Loss::Magnitude(magnitude) => add("loss_magnitude", Role::Loss, magnitude),
            Loss::Sides { primary, secondary_event_frequency, secondary } => {
                for (name, dist) in primary.parts("primary_loss") {
                    add(&name, Role::Loss, dist);
                }
                add("secondary_event_frequency", Role::Probability, secondary_event_frequency);
                for (name, dist) in secondary.parts("secondary_loss") {
                    add(&name, Role::Loss, dist);
                }
            }
        }
        inputs
    }

    /// The same tree with every distribution replaced, in the order of [`Model::inputs`].
    #[must_use]
    pub fn map(&self, change: &dyn Fn(Role, &Dist) -> Dist) -> Self {
        let rate = |dist: &Dist| change(Role::Frequency, dist);
        let chance = |dist: &Dist| change(Role::Probability, dist);
        let vulnerability = |v: &Vulnerability| match v {
            Vulnerability::Stated(stated) => Vulnerability::Stated(chance(stated)),
            Vulnerability::Contest { threat_capability, resistance_strength } => Vulnerability::Contest {
                threat_capability: change(Role::Capability, threat_capability),
                resistance_strength: change(Role::Capability, resistance_strength),
            },
        };
        let side = |side: &Side| match side {
            Side::Whole(dist) => Side::Whole(change(Role::Loss, dist)),
            Side::Forms(forms) => {
                Side::Forms(forms.iter().map(|(form, dist)| (*form, change(Role::Loss, dist))).collect())
            }
        };
        let frequency = match &self.frequency {
            Frequency::Lef(lef) => Frequency::Lef(rate(lef)),
            Frequency::Tef { tef, vulnerability: v } => {
                Frequency::Tef { tef: rate(tef), vulnerability: vulnerability(v) }
            }
            Frequency::Contact { contact_frequency, probability_of_action, vulnerability: v } => Frequency::Contact {
                contact_frequency: rate(contact_frequency),
                probability_of_action: chance(probability_of_action),
                vulnerability: vulnerability(v),
            },
        };
        let loss = match &self.loss {
            Loss::Magnitude(magnitude) => Loss::Magnitude(change(Role::Loss, magnitude)),
            Loss::Sides { primary, secondary_event_frequency, secondary } => Loss::Sides {
                primary: side(primary),
                secondary_event_frequency: chance(secondary_event_frequency),
                secondary: side(secondary),
            },
        };
        Self { frequency, loss }
    }

    /// The same model in the fewest words.
    pub(super) fn folded(&self) -> Self {
        self.map(&|role, dist| dist.folded_as(role))
    }
}

impl Frequency {
    /// The distribution at the root of the branch, and its name: what is counted before anything thins it.
    pub fn base(&self) -> (&'static str, &Dist) {
        match self {
            Self::Lef(lef) => ("lef", lef),
            Self::Tef { tef, .. } => ("tef", tef),
            Self::Contact { contact_frequency, .. } => ("contact_frequency", contact_frequency),
        }
    }

    /// The vulnerability, where the branch has one.
    pub fn vulnerability(&self) -> Option<&Vulnerability> {
        match self {
            Self::Lef(_) => None,
            Self::Tef { vulnerability, .. } | Self::Contact { vulnerability, .. } => Some(vulnerability),
        }
    }
}

impl Side {
    /// The distributions that add up to the side, each with its name under `name`.
    pub fn parts(&self, name: &str) -> Vec<(String, &Dist)> {
        match self {
            Self::Whole(dist) => vec![(name.to_owned(), dist)],
            Self::Forms(forms) => forms.iter().map(|(form, dist)| (format!("{name}.{}", form.key()), dist)).collect(),
        }
    }
}

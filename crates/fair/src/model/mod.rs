//! The tree of an analysis, with exactly the cuts that FAIR allows.
//!
//! A [`Model`] cannot say a branch twice or leave one out: its types have no place for that. Whether the
//! numbers make sense is judged once, by [`Analysis::new`]; an [`Analysis`] is therefore always fit to run.

pub mod check;
mod parse;
mod reader;
mod render;

use std::collections::BTreeMap;

use grc_kernel::{Checker, FieldError};

pub(crate) use self::reader::Reader;
use crate::dist::Dist;

/// A kind of loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossForm {
    /// Work not done and revenue not earned.
    Productivity,
    /// Handling the event.
    Response,
    /// Putting back what was lost.
    Replacement,
    /// What courts, regulators and contracts take.
    FinesAndJudgements,
    /// The edge over competitors.
    CompetitiveAdvantage,
    /// What others think.
    Reputation,
}

impl LossForm {
    /// Every form, in the order of the standard.
    pub const ALL: [Self; 6] = [
        Self::Productivity,
        Self::Response,
        Self::Replacement,
        Self::FinesAndJudgements,
        Self::CompetitiveAdvantage,
        Self::Reputation,
    ];

    /// The wire's word.
    pub fn key(self) -> &'static str {
        match self {
            Self::Productivity => "productivity",
            Self::Response => "response",
            Self::Replacement => "replacement",
            Self::FinesAndJudgements => "fines_and_judgements",
            Self::CompetitiveAdvantage => "competitive_advantage",
            Self::Reputation => "reputation",
        }
    }

    /// The form of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.key() == word)
    }
}

/// How often losses happen: `lef`, or what it is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Frequency {
    /// Loss events a year.
    Lef(Dist),
    /// Threat events a year, some of which become loss events.
    Tef {
        /// Threat events a year.
        tef: Dist,
        /// The probability that a threat event becomes a loss event.
        vulnerability: Vulnerability,
    },
    /// Contacts a year, some of which become threat events.
    Contact {
        /// Contacts a year.
        contact_frequency: Dist,
        /// The probability that a contact becomes a threat event.
        probability_of_action: Dist,
        /// The probability that a threat event becomes a loss event.
        vulnerability: Vulnerability,
    },
}

/// The probability that a threat event becomes a loss event.
#[derive(Clone, Debug, PartialEq)]
pub enum Vulnerability {
    /// Stated.
    Stated(Dist),
    /// The probability that the threat's capability exceeds the resistance, each drawn for each event.
    Contest {
        /// How able the threat is, as a percentile of the threat community.
        threat_capability: Dist,
        /// How able a threat must be to succeed, on the same scale.
        resistance_strength: Dist,
    },
}

/// What an event costs.
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// The whole loss of an event.
    Magnitude(Dist),
    /// What the event itself costs, and what others' reactions to it may.
    Sides {
        /// The loss of every event.
        primary: Side,
        /// The probability that an event has a secondary loss.
        secondary_event_frequency: Dist,
        /// The loss of those events, beside the primary one.
        secondary: Side,
    },
}

/// One side of the loss: stated whole, or by its forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Side {
    /// Stated whole.
    Whole(Dist),
    /// The sum of at least one of the six forms.
    Forms(BTreeMap<LossForm, Dist>),
}

/// The tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// How often losses happen.
    pub frequency: Frequency,
    /// What an event costs.
    pub loss: Loss,
}

impl Dist {
    /// The same distribution in the fewest words: a range without width is a constant, and so is a probability
    /// that is given as one toss of a coin.
    pub(crate) fn folded_as(self, role: Role) -> Self {
        match (role, self.folded()) {
            (Role::Probability, Self::Bernoulli { p }) => Self::Constant { value: p },
            (_, folded) => folded,
        }
    }
}

/// What a simulated year is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// A count of events, each with a loss of its own: what an exceedance curve means.
    #[default]
    Event,
    /// One frequency times one loss: what many spreadsheets do. The mean is the same, the tail too thin.
    Product,
}

impl Mode {
    /// The wire's word.
    pub fn key(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Product => "product",
        }
    }

    /// The mode of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Event, Self::Product].into_iter().find(|mode| mode.key() == word)
    }
}

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
    fn folded(&self) -> Self {
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

/// A model that is fit to run, and what its results are held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    model: Model,
    mode: Mode,
    appetite: Option<f64>,
    tolerance: Option<f64>,
}

impl Analysis {
    /// Judges the numbers; every error is reported, under `model.lef.min` and the like.
    pub fn new(
        model: Model,
        mode: Mode,
        appetite: Option<f64>,
        tolerance: Option<f64>,
    ) -> Result<Self, Vec<FieldError>> {
        let analysis = Self { model: model.folded(), mode, appetite, tolerance };
        let mut check = Checker::new();
        check::analysis(&analysis, "", &mut check);
        check.finish().map(|()| analysis)
    }

    /// The tree.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What a year is.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The annual loss that the organization is content with.
    pub fn appetite(&self) -> Option<f64> {
        self.appetite
    }

    /// The annual loss that it can bear.
    pub fn tolerance(&self) -> Option<f64> {
        self.tolerance
    }
}

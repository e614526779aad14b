//! The tree of an analysis, with exactly the cuts that FAIR allows.
//!
//! A [`Model`] cannot say a branch twice or leave one out: its types have no place for that. Whether the
//! numbers make sense is judged once, by [`Analysis::new`]; an [`Analysis`] is therefore always fit to run.

pub mod check;
mod parse;
mod reader;
mod render;
mod tree;

use std::collections::BTreeMap;

use grc_kernel::{Checker, FieldError};

pub(crate) use self::reader::Reader;
pub use self::tree::{Input, Role};
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

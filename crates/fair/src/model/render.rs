//! From an [`Analysis`] to the wire's form, and to the digest that names its content.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Analysis, Frequency, Loss, Model, Side, Vulnerability};
use crate::dist::Dist;

impl Analysis {
    /// The wire's form, with every default written out. [`Analysis::parse`] reads it back to the same analysis.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        for (name, amount) in [("appetite", self.appetite), ("tolerance", self.tolerance)] {
            if let Some(amount) = amount {
                members.insert(name.to_owned(), amount.into());
            }
        }
        members.insert("mode".to_owned(), self.mode.key().into());
        members.insert("model".to_owned(), self.model.to_json());
        Value::Object(members)
    }

    /// The SHA-256 of the wire's form with sorted members and no spaces, in hexadecimal: two analyses that say
    /// the same have the same digest, however they were written down.
    pub fn digest(&self) -> String {
        let mut text = String::new();
        canonical(&self.to_json(), &mut text);
        hex::encode(Sha256::digest(text.as_bytes()))
    }
}

impl Model {
    /// The wire's form of the tree.
    pub fn to_json(&self) -> Value {
        let mut nodes = Map::new();
        let mut add = |name: &str, value: Value| drop(nodes.insert(name.to_owned(), value));
        let (base, dist) = self.frequency.base();
        add(base, dist.to_json());
        if let Frequency::Contact { probability_of_action, .. } = &self.frequency {
            add("probability_of_action", probability_of_action.to_json());
        }
        match self.frequency.vulnerability() {
            Some(Vulnerability::Stated(stated)) => add("vulnerability", stated.to_json()),
            Some(Vulnerability::Contest { threat_capability, resistance_strength }) => {
                add("threat_capability", threat_capability.to_json());
                add("resistance_strength", resistance_strength.to_json());
            }
            None => {}
        }
        match &self.loss {
            Loss::Magnitude(magnitude) => add("loss_magnitude", magnitude.to_json()),
            Loss::Sides { primary, secondary_event_frequency, secondary } => {
                add("primary_loss", primary.to_json());
                add("secondary_event_frequency", secondary_event_frequency.to_json());
                add("secondary_loss", secondary.to_json());
            }
        }
        Value::Object(nodes)
    }
}

impl Side {
    fn to_json(&self) -> Value {
        match self {
            Self::Whole(dist) => dist.to_json(),
            Self::Forms(forms) => {
                Value::Object(forms.iter().map(|(form, dist)| (form.key().to_owned(), dist.to_json())).collect())
            }
        }
    }
}

impl Dist {
    /// The wire's form.
    pub fn to_json(&self) -> Value {
        let members: &[(&str, f64)] = match *self {
            Self::Constant { value } => &[("value", value)],
            Self::Pert { min, mode, max, lambda } => &[("min", min), ("mode", mode), ("max", max), ("lambda", lambda)],
            Self::Triangular { min, mode, max } => &[("min", min), ("mode", mode), ("max", max)],
            Self::Uniform { min, max } => &[("min", min), ("max", max)],
            Self::Lognormal { low, high, confidence } => &[("low", low), ("high", high), ("confidence", confidence)],
            Self::LognormalPercentiles { median, p95 } => &[("median", median), ("p95", p95)],
            Self::Beta { alpha, beta, min, max } => &[("alpha", alpha), ("beta", beta), ("min", min), ("max", max)],
            Self::Poisson { rate } => &[("rate", rate)],
            Self::NegativeBinomial { mean, size } => &[("mean", mean), ("size", size)],
            Self::Bernoulli { p } => &[("p", p)],
        };
        let mut object = Map::new();
        object.insert("type".to_owned(), self.kind().into());
        for (name, value) in members {
            object.insert((*name).to_owned(), (*value).into());
        }
        Value::Object(object)
    }
}

/// Writes a value with its members sorted, whatever order the map keeps.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_unstable_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (i, (name, member)) in names.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(member, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

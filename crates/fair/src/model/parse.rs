//! From the wire's form to an [`Analysis`], with every mistake noted at its path.

use std::collections::BTreeMap;

use grc_kernel::{Checker, FieldError};
use serde_json::Value;

use super::{Analysis, Frequency, Loss, LossForm, Mode, Model, Role, Side, Vulnerability, check, reader::Reader};
use crate::dist::{DEFAULT_CONFIDENCE, DEFAULT_LAMBDA, Dist};

/// The distributions' words.
const KINDS: [&str; 9] =
    ["constant", "pert", "triangular", "uniform", "lognormal", "beta", "poisson", "negative_binomial", "bernoulli"];
/// The nodes' names.
const NODES: [&str; 11] = [
    "lef",
    "tef",
    "contact_frequency",
    "probability_of_action",
    "vulnerability",
    "threat_capability",
    "resistance_strength",
    "loss_magnitude",
    "primary_loss",
    "secondary_event_frequency",
    "secondary_loss",
];
/// An analysis's members.
const MEMBERS: [&str; 4] = ["model", "mode", "appetite", "tolerance"];

impl Analysis {
    /// Reads `{"model", "mode"?, "appetite"?, "tolerance"?}` and nothing else.
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldError>> {
        Self::parse_with(value, &[])
    }

    /// Reads an analysis out of an object that may have members of the caller's beside it (`name`, say), which
    /// are left to the caller.
    pub fn parse_with(value: &Value, others: &[&str]) -> Result<Self, Vec<FieldError>> {
        let mut check = Checker::new();
        let analysis = Reader::new(value, "", &mut check).and_then(|reader| Self::read(&reader, others, &mut check));
        check.finish()?;
        analysis.ok_or_else(|| vec![FieldError::new("model", "invalid", "is not an analysis")])
    }

    /// Reads the object; none after an error was noted.
    pub(crate) fn read(reader: &Reader<'_>, others: &[&str], check: &mut Checker) -> Option<Self> {
        let known: Vec<_> = MEMBERS.iter().chain(others).copied().collect();
        reader.only(&known, check);
        let mode = match reader.word("mode", check) {
            Some(word) => check.word(&reader.at("mode"), word, Mode::parse, &["event", "product"], Mode::Event),
            None => Mode::Event,
        };
        let (appetite, tolerance) = (reader.number("appetite", check), reader.number("tolerance", check));
        check::amounts(appetite, tolerance, reader.path(), check);
        if !reader.has("model") {
            check.note(reader.at("model"), "required", "must be given");
        }
        let model = reader.object("model", check).and_then(|tree| model(&tree, check))?;
        let analysis = Self { model, mode, appetite, tolerance };
        check::whole(&analysis, reader.path(), check);
        Some(analysis)
    }
}

fn model(tree: &Reader<'_>, check: &mut Checker) -> Option<Model> {
    tree.only(&NODES, check);
    let frequency = frequency(tree, check);
    let loss = loss(tree, check);
    Some(Model { frequency: frequency?, loss: loss? })
}

/// Notes each of `others` that is given although `given` says the same already.
fn exclude(tree: &Reader<'_>, given: &str, others: &[&str], check: &mut Checker) {
    for other in others.iter().filter(|other| tree.has(other)) {
        let detail = format!("{given} is given already, and {other} would say the same branch a second time");
        check.note(tree.at(other), "conflict", detail);
    }
}

/// The distribution of a node that must be there.
fn node(tree: &Reader<'_>, name: &str, role: Role, why: &str, check: &mut Checker) -> Option<Dist> {
    if !tree.has(name) {
        check.note(tree.at(name), "required", format!("is missing: {why}"));
        return None;
    }
    tree.object(name, check).and_then(|object| dist(&object, role, check))
}

fn frequency(tree: &Reader<'_>, check: &mut Checker) -> Option<Frequency> {
    const BELOW: [&str; 6] = [
        "tef",
        "contact_frequency",
        "probability_of_action",
        "vulnerability",
        "threat_capability",
        "resistance_strength",
    ];
    if tree.has("lef") {
        exclude(tree, "lef", &BELOW, check);
        return node(tree, "lef", Role::Frequency, "", check).map(Frequency::Lef);
    }
    if tree.has("tef") {
        exclude(tree, "tef", &["contact_frequency", "probability_of_action"], check);
        let tef = node(tree, "tef", Role::Frequency, "", check);
        let vulnerability = vulnerability(tree, "tef", check);
        return Some(Frequency::Tef { tef: tef?, vulnerability: vulnerability? });
    }
    if tree.has("contact_frequency") || tree.has("probability_of_action") {
        let why = "contact_frequency and probability_of_action go together";
        let contact_frequency = node(tree, "contact_frequency", Role::Frequency, why, check);
        let probability_of_action = node(tree, "probability_of_action", Role::Probability, why, check);
        let vulnerability = vulnerability(tree, "contact_frequency", check);
        return Some(Frequency::Contact {
            contact_frequency: contact_frequency?,
            probability_of_action: probability_of_action?,
            vulnerability: vulnerability?,
        });
    }
    let given = BELOW.iter().any(|name| tree.has(name));
    let (missing, detail) = if given {
        vulnerability(tree, "vulnerability", check);
        ("tef", "is missing: vulnerability needs tef, or contact_frequency with probability_of_action, beside it")
    } else {
        (
            "lef",
            "is missing: give lef; or tef and vulnerability; or contact_frequency, probability_of_action and \
             vulnerability",
        )
    };
    check.note(tree.at(missing), "required", detail);
    None
}

fn vulnerability(tree: &Reader<'_>, beside: &str, check: &mut Checker) -> Option<Vulnerability> {
    const CONTEST: [&str; 2] = ["threat_capability", "resistance_strength"];
    if tree.has("vulnerability") {
        exclude(tree, "vulnerability", &CONTEST, check);
        return node(tree, "vulnerability", Role::Probability, "", check).map(Vulnerability::Stated);
    }
    if !CONTEST.iter().any(|name| tree.has(name)) {
        let detail = format!(
            "is missing: {beside} needs vulnerability, or threat_capability and resistance_strength, beside it"
        );
        check.note(tree.at("vulnerability"), "required", detail);
        return None;
    }
    let why = "threat_capability and resistance_strength go together";
    let threat_capability = node(tree, "threat_capability", Role::Capability, why, check);
    let resistance_strength = node(tree, "resistance_strength", Role::Capability, why, check);
    Some(Vulnerability::Contest { threat_capability: threat_capability?, resistance_strength: resistance_strength? })
}

fn loss(tree: &Reader<'_>, check: &mut Checker) -> Option<Loss> {
    const SIDES: [&str; 3] = ["primary_loss", "secondary_event_frequency", "secondary_loss"];
    if tree.has("loss_magnitude") {
        exclude(tree, "loss_magnitude", &SIDES, check);
        return node(tree, "loss_magnitude", Role::Loss, "", check).map(Loss::Magnitude);
    }
    if !SIDES.iter().any(|name| tree.has(name)) {
        let detail = "is missing: give loss_magnitude; or primary_loss, secondary_event_frequency and secondary_loss";
        check.note(tree.at("loss_magnitude"), "required", detail);
        return None;
    }
    let why = "primary_loss, secondary_event_frequency and secondary_loss go together; without secondary losses \
               give loss_magnitude, or a secondary_event_frequency of 0";
    let primary = side(tree, "primary_loss", why, check);
    let secondary_event_frequency = node(tree, "secondary_event_frequency", Role::Probability, why, check);
    let secondary = side(tree, "secondary_loss", why, check);
    Some(Loss::Sides {
        primary: primary?,
        secondary_event_frequency: secondary_event_frequency?,
        secondary: secondary?,
    })
}

/// A side is a distribution, which has a `type`, or an object of loss forms.
fn side(tree: &Reader<'_>, name: &str, why: &str, check: &mut Checker) -> Option<Side> {
    let form_names = LossForm::ALL.map(LossForm::key);
    if !tree.has(name) {
        check.note(tree.at(name), "required", format!("is missing: {why}"));
        return None;
    }
    let object = tree.object(name, check)?;
    let formed = object.names().any(|member| form_names.contains(&member));
    if object.has("type") && !formed {
        return dist(&object, Role::Loss, check).map(Side::Whole);
    }
    if !formed {
        let detail = format!("a side of the loss is a distribution, or has some of {}", form_names.join(", "));
        check.note(object.at("type"), "required", detail);
        return None;
    }
    object.only(&form_names, check);
    let mut forms = BTreeMap::new();
    let mut complete = true;
    for form in LossForm::ALL.into_iter().filter(|form| object.names().any(|name| name == form.key())) {
        match node(&object, form.key(), Role::Loss, "a loss form that is named has a distribution", check) {
            Some(dist) => drop(forms.insert(form, dist)),
            None => complete = false,
        }
    }
    complete.then_some(Side::Forms(forms))
}

/// A distribution: its `type` and that type's parameters; none if they make no sense in their place.
fn dist(object: &Reader<'_>, role: Role, check: &mut Checker) -> Option<Dist> {
    if !object.has("type") {
        check.note(object.at("type"), "required", format!("must be one of {}", KINDS.join(", ")));
        return None;
    }
    let kind = object.word("type", check)?;
    let mut shape = Shape { object, check, names: vec!["type"] };
    let dist = match kind {
        "constant" => shape.need("value").map(|value| Dist::Constant { value }),
        "pert" => {
            let (min, mode, max) = (shape.need("min"), shape.need("mode"), shape.need("max"));
            let lambda = shape.may("lambda", DEFAULT_LAMBDA);
            Some(()).and_then(|()| Some(Dist::Pert { min: min?, mode: mode?, max: max?, lambda }))
        }
        "triangular" => {
            let (min, mode, max) = (shape.need("min"), shape.need("mode"), shape.need("max"));
            Some(()).and_then(|()| Some(Dist::Triangular { min: min?, mode: mode?, max: max? }))
        }
        "uniform" => {
            let (min, max) = (shape.need("min"), shape.need("max"));
            min.zip(max).map(|(min, max)| Dist::Uniform { min, max })
        }
        "lognormal" if object.has("median") || object.has("p95") => {
            let (median, p95) = (shape.need("median"), shape.need("p95"));
            median.zip(p95).map(|(median, p95)| Dist::LognormalPercentiles { median, p95 })
        }
        "lognormal" => {
            let (low, high) = (shape.need("low"), shape.need("high"));
            let confidence = shape.may("confidence", DEFAULT_CONFIDENCE);
            low.zip(high).map(|(low, high)| Dist::Lognormal { low, high, confidence })
        }
        "beta" => {
            let (alpha, beta) = (shape.need("alpha"), shape.need("beta"));
            let (min, max) = (shape.may("min", 0.0), shape.may("max", 1.0));
            alpha.zip(beta).map(|(alpha, beta)| Dist::Beta { alpha, beta, min, max })
        }
        "poisson" => shape.need("rate").map(|rate| Dist::Poisson { rate }),
        "negative_binomial" => {
            let (mean, size) = (shape.need("mean"), shape.need("size"));
            mean.zip(size).map(|(mean, size)| Dist::NegativeBinomial { mean, size })
        }
        "bernoulli" => shape.need("p").map(|p| Dist::Bernoulli { p }),
        _ => {
            shape.check.note(object.at("type"), "invalid", format!("must be one of {}", KINDS.join(", ")));
            return None;
        }
    };
    let Shape { check, names, .. } = shape;
    object.only(&names, check);
    let folded = dist?.folded_as(role);
    check::input(object.path(), role, &folded, check).then_some(folded)
}

/// The parameters asked for so far; whatever else the object has is unknown.
struct Shape<'r, 'v, 'c> {
    object: &'r Reader<'v>,
    check: &'c mut Checker,
    names: Vec<&'static str>,
}

impl Shape<'_, '_, '_> {
    fn need(&mut self, name: &'static str) -> Option<f64> {
        self.names.push(name);
        self.object.required(name, self.check)
    }

    fn may(&mut self, name: &'static str, default: f64) -> f64 {
        self.names.push(name);
        self.object.number(name, self.check).unwrap_or(default)
    }
}

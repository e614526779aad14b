//! Which trees are legal, and what is said about those that are not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use grc_fair::{Analysis, Dist, Loss, LossForm, Mode, Side};
use serde_json::{Map, Value, json};

/// A model of the named nodes, each a distribution that is right in its place.
fn model(nodes: &[&str]) -> Value {
    let mut members = Map::new();
    for node in nodes {
        let dist = match *node {
            "lef" | "tef" | "contact_frequency" => json!({"type": "pert", "min": 1, "mode": 2, "max": 4}),
            "probability_of_action" | "vulnerability" | "secondary_event_frequency" => {
                json!({"type": "beta", "alpha": 2, "beta": 5})
            }
            "threat_capability" | "resistance_strength" => json!({"type": "uniform", "min": 0, "max": 100}),
            _ => json!({"type": "lognormal", "low": 10, "high": 1000}),
        };
        members.insert((*node).to_owned(), dist);
    }
    json!({"model": members})
}

fn errors(value: &Value) -> Vec<(String, &'static str)> {
    Analysis::parse(value).err().unwrap_or_default().into_iter().map(|e| (e.field, e.code)).collect()
}

const FREQUENCIES: [&[&str]; 5] = [
    &["lef"],
    &["tef", "vulnerability"],
    &["tef", "threat_capability", "resistance_strength"],
    &["contact_frequency", "probability_of_action", "vulnerability"],
    &["contact_frequency", "probability_of_action", "threat_capability", "resistance_strength"],
];
const LOSSES: [&[&str]; 2] = [&["loss_magnitude"], &["primary_loss", "secondary_event_frequency", "secondary_loss"]];

#[test]
fn every_legal_cut_is_read_and_written_back() {
    for frequency in FREQUENCIES {
        for loss in LOSSES {
            let analysis = Analysis::parse(&model(&[frequency, loss].concat())).unwrap();
            let written = analysis.to_json();
            assert_eq!(Analysis::parse(&written).unwrap(), analysis, "{written}");
            assert_eq!(written["model"].as_object().unwrap().len(), frequency.len() + loss.len());
        }
    }
}

#[test]
fn no_other_set_of_nodes_is_legal() {
    let nodes: Vec<&str> = vec![
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
    let mut legal = 0;
    for set in 0..1_u32 << nodes.len() {
        let given: Vec<_> = nodes.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, n)| *n).collect();
        let (loss, frequency): (Vec<_>, Vec<_>) = given.iter().partition(|n| nodes[7..].contains(n));
        let expected = FREQUENCIES.contains(&frequency.as_slice()) && LOSSES.contains(&loss.as_slice());
        let errors = errors(&model(&given));
        assert_eq!(errors.is_empty(), expected, "{given:?}: {errors:?}");
        assert!(errors.iter().all(|(field, _)| field.starts_with("model.")), "{errors:?}");
        legal += u32::from(expected);
    }
    assert_eq!(legal, 10);
}

#[test]
fn a_missing_or_double_branch_is_named() {
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
    let cases: [Case<'_>; 9] = [
        (&[], &[("model.lef", "required"), ("model.loss_magnitude", "required")]),
        (&["lef", "tef", "loss_magnitude"], &[("model.tef", "conflict")]),
        (&["lef", "vulnerability", "loss_magnitude"], &[("model.vulnerability", "conflict")]),
        (&["tef", "loss_magnitude"], &[("model.vulnerability", "required")]),
        (&["vulnerability", "loss_magnitude"], &[("model.tef", "required")]),
        (&["tef", "threat_capability", "loss_magnitude"], &[("model.resistance_strength", "required")]),
        (
            &["tef", "vulnerability", "resistance_strength", "loss_magnitude"],
            &[("model.resistance_strength", "conflict")],
        ),
        (
            &["probability_of_action", "lef", "primary_loss"],
            &[
                ("model.probability_of_action", "conflict"),
                ("model.secondary_event_frequency", "required"),
                ("model.secondary_loss", "required"),
            ],
        ),
        (
            &["contact_frequency", "loss_magnitude", "secondary_loss"],
            &[
                ("model.probability_of_action", "required"),
                ("model.vulnerability", "required"),
                ("model.secondary_loss", "conflict"),
            ],
        ),
    ];
    for (nodes, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(f, c)| ((*f).to_owned(), *c)).collect();
        assert_eq!(errors(&model(nodes)), expected, "{nodes:?}");
    }
}

#[test]
fn every_mistake_in_a_tree_is_reported_at_once() {
    let value = json!({
        "model": {
            "lef": {"type": "pert", "min": 5, "mode": 2, "max": "x", "lamda": 4},
            "primary_loss": {
                "response": {"type": "lognormal", "low": 10},
                "productivity": {"type": "gamma"},
                "replacement": null,
                "goodwill": {"type": "constant", "value": 1},
            },
            "secondary_event_frequency": {"type": "uniform", "min": 0.5, "max": 1.5},
            "secondary_loss": {"min": 1},
            "colour": 1,
        },
        "mode": "fast",
        "appetite": -1,
        "tolerance": "much",
        "trials": 5,
    });
    let mut fields: Vec<_> = errors(&value).into_iter().map(|(field, code)| format!("{field} {code}")).collect();
    fields.sort();
    let expected = [
        "appetite out_of_range",
        "mode invalid",
        "model.colour unknown",
        "model.lef.lamda unknown",
        "model.lef.max type",
        "model.primary_loss.goodwill unknown",
        "model.primary_loss.productivity.type invalid",
        "model.primary_loss.replacement required",
        "model.primary_loss.response.high required",
        "model.secondary_event_frequency.max out_of_range",
        "model.secondary_loss.type required",
        "tolerance type",
        "trials unknown",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn a_distribution_must_suit_its_place() {
    let count = json!({"type": "poisson", "rate": 1});
    let wide = json!({"type": "lognormal", "low": 0.1, "high": 0.9});
    let cases = [
        ("vulnerability", &count, "model.vulnerability.type"),
        ("vulnerability", &wide, "model.vulnerability.high"),
        ("loss_magnitude", &count, "model.loss_magnitude.type"),
        ("threat_capability", &count, "model.threat_capability.type"),
        ("threat_capability", &json!({"type": "constant", "value": 101}), "model.threat_capability.value"),
        ("threat_capability", &json!({"type": "uniform", "min": 0.1, "max": 0.9}), "model.resistance_strength"),
        ("tef", &json!({"type": "uniform", "min": 0, "max": 1e10}), "model.tef"),
        ("loss_magnitude", &json!({"type": "constant", "value": -1}), "model.loss_magnitude.value"),
        ("loss_magnitude", &json!({"type": "constant", "value": 1e308}), "model.loss_magnitude.value"),
    ];
    for (node, dist, field) in cases {
        let frequency = if node == "vulnerability" { FREQUENCIES[1] } else { FREQUENCIES[2] };
        let mut value = model(&[frequency, LOSSES[0]].concat());
        value["model"][node] = dist.clone();
        assert_eq!(errors(&value), [(field.to_owned(), "out_of_range")], "{node} {dist}");
    }
}

#[test]
fn a_range_without_width_and_a_coin_at_a_probability_become_constants() {
    let mut value = model(&["tef", "vulnerability", "loss_magnitude"]);
    value["model"]["vulnerability"] = json!({"type": "bernoulli", "p": 0.25});
    value["model"]["loss_magnitude"] = json!({"type": "pert", "min": 7, "mode": 7, "max": 7});
    let analysis = Analysis::parse(&value).unwrap();
    assert_eq!(analysis.model().loss, Loss::Magnitude(Dist::constant(7.0)));
    assert_eq!(analysis.to_json()["model"]["vulnerability"], json!({"type": "constant", "value": 0.25}));
}

#[test]
fn the_digest_names_the_content_and_not_the_writing() {
    let digest = |text: &str| Analysis::parse(&serde_json::from_str(text).unwrap()).unwrap().digest();
    let plain = digest(
        r#"{"model": {"lef": {"type": "pert", "min": 0, "mode": 1, "max": 2},
            "loss_magnitude": {"type": "constant", "value": 10}}}"#,
    );
    let other = digest(
        r#"{"mode": "event", "tolerance": null, "model": {"loss_magnitude": {"value": 1e1, "type": "constant"},
            "lef": {"max": 2.0, "mode": 1, "min": -0.0, "lambda": 4, "type": "pert"}}}"#,
    );
    assert_eq!(plain, other);
    assert_eq!(plain.len(), 64);
    let changed = digest(
        r#"{"mode": "product", "model": {"lef": {"type": "pert", "min": 0, "mode": 1, "max": 2},
            "loss_magnitude": {"type": "constant", "value": 10}}}"#,
    );
    assert_ne!(plain, changed);
}

#[test]
fn words_are_those_of_the_contract() {
    let forms = LossForm::ALL.map(LossForm::key);
    assert_eq!(
        forms,
        ["productivity", "response", "replacement", "fines_and_judgements", "competitive_advantage", "reputation"]
    );
    assert_eq!((Mode::Event.key(), Mode::Product.key()), ("event", "product"));
    assert_eq!(LossForm::parse("reputation"), Some(LossForm::Reputation));
    let mut value = model(&["lef", "primary_loss", "secondary_event_frequency", "secondary_loss"]);
    value["model"]["primary_loss"] =
        forms.iter().map(|form| ((*form).to_owned(), json!({"type": "constant", "value": 1}))).collect();
    let analysis = Analysis::parse(&value).unwrap();
    let Loss::Sides { primary: Side::Forms(forms), .. } = &analysis.model().loss else { unreachable!() };
    assert_eq!(forms.len(), 6);
}

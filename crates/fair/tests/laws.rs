//! What a simulation must agree with: closed forms, expectations, itself in another guise.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use grc_fair::{Analysis, Outcome, Run, Watch, simulate};
use serde_json::{Value, json};

fn run_trials(value: &Value, trials: u64, seed: u64) -> Outcome {
    let analysis = Analysis::parse(value).unwrap();
    simulate(&analysis, &Run::new(trials, seed).unwrap().on_threads(2), &Watch::nobody()).unwrap()
}

fn run(value: &Value) -> Outcome {
    run_trials(value, 300_000, 11)
}

fn pert(min: f64, mode: f64, max: f64) -> Value {
    json!({"type": "pert", "min": min, "mode": mode, "max": max})
}

fn tree() -> Value {
    json!({
        "contact_frequency": pert(5.0, 20.0, 60.0),
        "probability_of_action": {"type": "triangular", "min": 0.1, "mode": 0.3, "max": 0.5},
        "threat_capability": pert(10.0, 50.0, 90.0),
        "resistance_strength": pert(40.0, 60.0, 95.0),
        "primary_loss": {"productivity": pert(1e4, 1e5, 1e6), "response": {"type": "uniform", "min": 0, "max": 1e4}},
        "secondary_event_frequency": {"type": "beta", "alpha": 2, "beta": 8},
        "secondary_loss": {"fines_and_judgements": pert(0.0, 1e5, 2e6), "response": {"type": "constant", "value": 5e3}},
    })
}

/// A mean within four standard errors of what it must be.
fn agree(outcome: &Outcome, exact: f64) {
    let (mean, error) = (outcome.losses.mean, outcome.losses.standard_error);
    assert!((mean - exact).abs() <= 4.0 * error, "{mean} +- {error} is not {exact}");
}

fn expected(outcome: &Outcome) -> f64 {
    outcome.node_means["lef"] * outcome.node_means["loss_magnitude"]
}

#[test]
fn the_mean_is_the_expectation_in_either_mode() {
    for mode in ["event", "product"] {
        let outcome = run(&json!({"model": tree(), "mode": mode}));
        agree(&outcome, expected(&outcome));
    }
}

#[test]
fn product_mode_has_the_mean_of_event_mode_and_a_thinner_tail() {
    let model = json!({"lef": pert(0.1, 0.5, 2.0), "loss_magnitude": pert(1e4, 1e5, 1e6)});
    let (event, product) = (run(&json!({"model": model})), run(&json!({"model": model, "mode": "product"})));
    agree(&product, event.node_means["lef"] * event.node_means["loss_magnitude"]);
    assert!(event.losses.var_95 > 1.4 * product.losses.var_95);
    assert!(event.losses.p_zero > 0.5 && product.losses.p_zero == 0.0);
}

#[test]
fn counts_keep_their_law_when_they_are_thinned() {
    let thinned = |tef: Value| {
        run(&json!({"model": {
            "tef": tef, "vulnerability": {"type": "constant", "value": 0.3},
            "loss_magnitude": {"type": "constant", "value": 1},
        }}))
        .losses
    };
    // (the law before thinning, the probability of none after it, the variance after it)
    let cases = [
        (json!({"type": "poisson", "rate": 2}), (-0.6_f64).exp(), 0.6),
        (json!({"type": "constant", "value": 2}), (-0.6_f64).exp(), 0.6),
        (json!({"type": "negative_binomial", "mean": 2, "size": 0.5}), 2.2_f64.powf(-0.5), 0.6 + 0.36 / 0.5),
        (json!({"type": "bernoulli", "p": 0.5}), 0.85, 0.15 * 0.85),
    ];
    for (tef, none, variance) in cases {
        let losses = thinned(tef.clone());
        assert!(
            (losses.p_zero - none).abs() < 4.0 * (none * (1.0 - none) / 3e5_f64).sqrt(),
            "{tef}: {}",
            losses.p_zero
        );
        assert!((losses.sd * losses.sd / variance - 1.0).abs() < 0.03, "{tef}: {}", losses.sd);
    }
}

#[test]
fn a_doubtful_vulnerability_makes_years_differ_more_than_a_known_one() {
    let with = |vulnerability: Value| {
        let model = json!({"tef": {"type": "poisson", "rate": 10}, "vulnerability": vulnerability,
            "loss_magnitude": {"type": "constant", "value": 1}});
        run(&json!({"model": model}))
    };
    let (known, doubtful) =
        (with(json!({"type": "constant", "value": 0.5})), with(json!({"type": "uniform", "min": 0, "max": 1})));
    agree(&doubtful, 5.0);
    // A mixed Poisson: the mean rate, and the variance of the rate.
    assert!((doubtful.losses.sd.powi(2) / (5.0 + 100.0 / 12.0) - 1.0).abs() < 0.02);
    assert!((known.losses.sd.powi(2) / 5.0 - 1.0).abs() < 0.02);
}

#[test]
fn only_some_events_have_a_secondary_loss() {
    let outcome = run(&json!({"model": {
        "lef": {"type": "bernoulli", "p": 1}, "primary_loss": {"type": "constant", "value": 1},
        "secondary_event_frequency": {"type": "constant", "value": 0.2},
        "secondary_loss": {"type": "constant", "value": 9},
    }, "appetite": 1, "tolerance": 10}));
    let over = outcome.losses.p_over_appetite.unwrap();
    assert!((over - 0.2).abs() < 4.0 * (0.16 / 3e5_f64).sqrt(), "{over}");
    assert_eq!(outcome.losses.p_over_tolerance, Some(0.0));
    assert_eq!((outcome.losses.percentiles[0].1, outcome.losses.var_95), (1.0, 10.0));
    assert!((outcome.losses.tvar_95 - 10.0).abs() < 1e-9);
    assert!((outcome.severity.mean - outcome.losses.mean).abs() < 1e-9);
    assert!((outcome.loss_form_shares["primary_loss"] - 1.0 / 2.8).abs() < 1e-12);
    assert!((outcome.loss_form_shares["secondary_loss"] - 1.8 / 2.8).abs() < 1e-12);
}

#[test]
fn a_tornado_bar_is_what_a_simulation_with_the_input_held_gives() {
    let analysis = Analysis::parse(&json!({"model": tree()})).unwrap();
    let outcome = run(&json!({"model": tree()}));
    assert_eq!(outcome.tornado.len(), analysis.model().inputs().len());
    assert!(outcome.tornado.iter().zip(outcome.tornado.iter().skip(1)).all(|(a, b)| a.swing >= b.swing));
    for (at, input) in analysis.model().inputs().into_iter().enumerate() {
        let bar = outcome.tornado.iter().find(|bar| bar.factor == input.name).unwrap();
        for (u, said) in [(0.1, bar.low), (0.9, bar.high)] {
            let held = analysis.model().hold(at, input.dist.quantile(u));
            let held = Analysis::new(held, analysis.mode(), None, None).unwrap();
            agree(&simulate(&held, &Run::new(60_000, 5).unwrap(), &Watch::nobody()).unwrap(), said);
        }
        assert!((bar.swing - (bar.high - bar.low).abs()).abs() < 1e-9);
    }
    let bar = |name: &str| outcome.tornado.iter().find(|bar| bar.factor == name).unwrap();
    assert!(bar("resistance_strength").low > bar("resistance_strength").high, "resistance lowers the loss");
    assert!(bar("secondary_loss.response").swing < 1e-9, "a constant moves nothing");
}

#[test]
fn shares_of_the_loss_forms_add_up() {
    let outcome = run(&json!({"model": tree()}));
    assert!((outcome.loss_form_shares.values().sum::<f64>() - 1.0).abs() < 1e-12);
    let names: Vec<_> = outcome.loss_form_shares.keys().map(String::as_str).collect();
    assert_eq!(names, ["fines_and_judgements", "productivity", "response"]);
}

#[test]
fn a_year_that_always_loses_the_same_has_but_one_number() {
    let value = json!({"mode": "product", "appetite": 2e5, "model": {
        "lef": {"type": "constant", "value": 2}, "loss_magnitude": {"type": "constant", "value": 1e5},
    }});
    let outcome = run(&value);
    let losses = &outcome.losses;
    assert_eq!((losses.mean, losses.sd, losses.standard_error, losses.p_zero), (2e5, 0.0, 0.0, 0.0));
    assert!(losses.percentiles.iter().all(|(_, loss)| *loss == 2e5));
    assert!(outcome.severity.percentiles.iter().all(|(_, loss)| *loss == 1e5));
    assert_eq!((losses.tvar_99, losses.p_over_appetite, losses.p_over_tolerance), (2e5, Some(0.0), None));
    assert!(losses.exceedance_curve.iter().all(|p| p.probability == f64::from(u8::from(p.loss <= 2e5))));
}

#[test]
fn a_year_without_events_loses_nothing() {
    let value = json!({"appetite": 0, "model": {
        "lef": {"type": "poisson", "rate": 0}, "loss_magnitude": {"type": "constant", "value": 1e5},
    }});
    let outcome = run(&value);
    assert_eq!((outcome.losses.mean, outcome.losses.p_zero, outcome.losses.tvar_99), (0.0, 1.0, 0.0));
    assert_eq!((outcome.losses.exceedance_curve.len(), outcome.severity.mean), (0, 0.0));
    assert_eq!(outcome.losses.p_over_appetite, Some(0.0));
    assert!(!outcome.to_json().to_string().contains("NaN"));
}

#[test]
fn a_run_too_long_to_be_kept_agrees_with_one_that_is() {
    let value = json!({"tolerance": 1e6, "model": {
        "lef": {"type": "poisson", "rate": 0.1}, "loss_magnitude": {"type": "lognormal", "low": 1e5, "high": 1e7},
    }});
    // The first ten million trials are the same, so that the two differ by the histogram and three trials.
    let (kept, counted) = (run_trials(&value, 10_000_000, 1).losses, run_trials(&value, 10_000_003, 1).losses);
    let close = |a: f64, b: f64, tolerance: f64| assert!((a - b).abs() <= tolerance * a.abs(), "{a} is not {b}");
    for ((_, a), (_, b)) in kept.percentiles.iter().zip(&counted.percentiles) {
        close(*a, *b, 1.3e-4);
    }
    for (a, b) in kept.return_periods.iter().zip(&counted.return_periods) {
        close(a.loss, b.loss, 1.3e-4);
    }
    close(kept.tvar_95, counted.tvar_95, 1.3e-4);
    close(kept.tvar_99, counted.tvar_99, 1.3e-4);
    close(kept.mean, counted.mean, 1e-5);
    close(kept.p_zero, counted.p_zero, 1e-6);
    close(kept.p_over_tolerance.unwrap(), counted.p_over_tolerance.unwrap(), 1e-4);
}

#[test]
fn the_wire_has_every_member_of_the_contract() {
    let value = run(&json!({"model": tree(), "appetite": 1, "tolerance": 2})).to_json();
    let names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "mean",
        "standard_error",
        "sd",
        "percentiles",
        "p_zero",
        "var_95",
        "var_99",
        "tvar_95",
        "tvar_99",
        "exceedance_curve",
        "return_periods",
        "severity",
        "node_means",
        "loss_form_shares",
        "tornado",
        "p_over_appetite",
        "p_over_tolerance",
        "trials",
        "seed",
        "engine_version",
        "input_digest",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    for at in ["/percentiles", "/severity/percentiles"] {
        let mut keys: Vec<_> =
            value.pointer(at).unwrap().as_object().unwrap().keys().map(|k| k.parse::<f64>().unwrap()).collect();
        keys.sort_by(f64::total_cmp);
        assert_eq!(keys, [5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9]);
    }
    let years: Vec<_> =
        value["return_periods"].as_array().unwrap().iter().map(|p| p["years"].as_u64().unwrap()).collect();
    assert_eq!(years, [2, 5, 10, 20, 50, 100, 200, 250]);
    assert_eq!(value["return_periods"][3]["loss"], value["percentiles"]["95"]);
}

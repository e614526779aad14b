//! The engine against independent reference numbers: at a million trials the mean and every percentile lie
//! within four standard errors.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use grc_fair::{Analysis, Dist, Outcome, Run, Watch, simulate};
use serde_json::{Value, json};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// Every model of the reference; the classic PERT is a beta whose shapes the reference gives.
fn models() -> Vec<(&'static str, Value)> {
    let pert = |min: f64, mode: f64, max: f64| json!({"type": "pert", "min": min, "mode": mode, "max": max});
    let (lef, lm) = (pert(0.1, 0.5, 2.0), pert(1e4, 1e5, 1e6));
    let classic = |case: &str, min: f64, max: f64| {
        let shape = reference()["pert"]["cases"][case].clone();
        json!({"type": "beta", "alpha": shape["alpha"], "beta": shape["beta"], "min": min, "max": max})
    };
    let p95 = 5e4 * (1.2 * 1.644_853_626_951_472_2_f64).exp();
    vec![
        ("M1_product_vose", json!({"mode": "product", "model": {"lef": lef, "loss_magnitude": lm}})),
        (
            "M1_product_classic",
            json!({"mode": "product", "model": {
                "lef": classic("classic_0.1_0.5_2_l4", 0.1, 2.0),
                "loss_magnitude": classic("classic_10000_100000_1e+06_l4", 1e4, 1e6),
            }}),
        ),
        ("M1_compound_vose", json!({"mode": "event", "model": {"lef": lef, "loss_magnitude": lm}})),
        (
            "M3_poisson_lognormal",
            json!({"model": {
                "lef": {"type": "poisson", "rate": 0.1},
                "loss_magnitude": {"type": "lognormal", "low": 1e5, "high": 1e7},
            }}),
        ),
        (
            "M5_negbin_lognormal",
            json!({"model": {
                "lef": {"type": "negative_binomial", "mean": 2, "size": 0.5},
                "loss_magnitude": {"type": "lognormal", "median": 5e4, "p95": p95},
            }}),
        ),
    ]
}

fn run(model: &Value, seed: u64) -> Outcome {
    let analysis = Analysis::parse(model).unwrap();
    simulate(&analysis, &Run::new(1_000_000, seed).unwrap().on_threads(2), &Watch::nobody()).unwrap()
}

/// Every number of the reference that has a standard error, as (name, ours, theirs, standard error).
fn compared(name: &str, outcome: &Outcome) -> Vec<(String, f64, f64, f64)> {
    let results = &reference()["results"][name];
    let error = |key: &str| results["mc_se_at_1e6"][key].as_f64().unwrap();
    // The closed form where there is one, else the numeric convolution, else the long simulation.
    let theirs = |key: &str| {
        let closed =
            if key == "mean" || key == "sd" || key == "p_zero" { &results["closed_form"][key] } else { &Value::Null };
        let grid = if key == "p_zero" { &results["fft"]["p_zero_cell"] } else { &results["fft"][key] };
        [closed, grid, &results["mc_20x1e6"][key]].into_iter().find_map(Value::as_f64).unwrap()
    };
    let losses = &outcome.losses;
    let mut all = vec![
        ("mean".to_owned(), losses.mean),
        ("sd".to_owned(), losses.sd),
        ("p_zero".to_owned(), losses.p_zero),
        ("tvar95".to_owned(), losses.tvar_95),
        ("tvar99".to_owned(), losses.tvar_99),
    ];
    all.extend(losses.percentiles.iter().map(|(p, loss)| (format!("p{p}"), *loss)));
    all.into_iter().map(|(key, ours)| (format!("{name} {key}"), ours, theirs(&key), error(&key))).collect()
}

/// How many standard errors lie between; with none at all, the numbers must be equal.
fn z(ours: f64, theirs: f64, error: f64) -> f64 {
    if ours == theirs { 0.0 } else { (ours - theirs).abs() / error }
}

#[test]
fn mean_and_percentiles_agree_with_every_reference_model() {
    let mut worst = (0.0, String::new());
    for (name, model) in models() {
        let outcome = run(&model, 20_261_123);
        for (what, ours, theirs, error) in compared(name, &outcome) {
            let z = z(ours, theirs, error);
            assert!(z <= 4.0, "{what}: {ours}, not {theirs}: {z:.2} standard errors");
            if z > worst.0 {
                worst = (z, what);
            }
        }
        let exact = outcome.node_means["lef"] * outcome.node_means["loss_magnitude"];
        let closed = reference()["results"][name]["closed_form"]["mean"].as_f64().unwrap();
        assert!((exact - closed).abs() < 1e-9 * closed, "{name}: {exact} is not {closed}");
    }
    assert!(worst.0 > 0.0, "{worst:?}");
}

#[test]
fn exceedance_probabilities_agree_with_the_exact_ones() {
    for (name, model) in models() {
        let Some(exact) = reference()["lec_exact"][name].as_object().cloned() else { continue };
        for (loss, probability) in exact {
            let (loss, p) = (loss.parse::<f64>().unwrap(), probability.as_f64().unwrap());
            let mut model = model.clone();
            model["tolerance"] = json!(loss);
            let ours = run(&model, 7).losses.p_over_tolerance.unwrap();
            // The reference counts a loss in the cell of its grid, half a step of it either way.
            let error = (p * (1.0 - p) / 1e6).sqrt() + 1e-6;
            assert!((ours - p).abs() < 4.0 * error, "{name} over {loss}: {ours}, not {p}");
        }
    }
}

#[test]
fn pert_quantiles_agree_with_the_reference_cases() {
    for (name, case) in reference()["pert"]["cases"].as_object().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let parts: Vec<_> = name.split('_').collect();
        let at = |i: usize| parts[i].trim_start_matches('l').parse::<f64>().unwrap();
        let (min, mode, max, lambda) = (at(1), at(2), at(3), at(4));
        let beta = Dist::Beta { alpha: number("alpha"), beta: number("beta"), min, max };
        let dists = if parts[0] == "vose" { vec![beta, Dist::Pert { min, mode, max, lambda }] } else { vec![beta] };
        for dist in dists {
            let close = |ours: f64, key: &str| {
                assert!((ours - number(key)).abs() < 1e-9 * max, "{name} {key}: {ours}, not {}", number(key));
            };
            close(dist.mean(), "mean");
            close(dist.variance(), "var");
            close(dist.quantile(0.05), "p05");
            close(dist.quantile(0.5), "p50");
            close(dist.quantile(0.95), "p95");
        }
    }
}

#[test]
fn lognormal_means_agree_with_the_reference_cases() {
    for (name, case) in reference()["lognormal_90ci"]["cases"].as_object().unwrap() {
        let (low, high) = name.split_once("..").unwrap();
        let ours = Dist::lognormal(low.parse().unwrap(), high.parse().unwrap()).mean();
        let theirs = case["mean"].as_f64().unwrap();
        assert!((ours - theirs).abs() < 1e-12 * theirs, "{name}: {ours}, not {theirs}");
    }
}

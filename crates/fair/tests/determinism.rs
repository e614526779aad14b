//! The same analysis, seed and trials give the same bytes, whoever computes them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::atomic::{AtomicU64, Ordering};

use grc_fair::{Analysis, Run, SimulationError, Watch, simulate};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn tree(mode: &str) -> Value {
    let pert = |min: f64, mode: f64, max: f64| json!({"type": "pert", "min": min, "mode": mode, "max": max});
    json!({
        "model": {
            "contact_frequency": pert(5.0, 20.0, 60.0),
            "probability_of_action": pert(0.1, 0.3, 0.5),
            "threat_capability": pert(10.0, 50.0, 90.0),
            "resistance_strength": {"type": "triangular", "min": 40, "mode": 60, "max": 95},
            "primary_loss": {"productivity": pert(1e4, 1e5, 1e6), "response": {"type": "uniform", "min": 0, "max": 1e4}},
            "secondary_event_frequency": {"type": "beta", "alpha": 2, "beta": 8},
            "secondary_loss": {"type": "lognormal", "low": 1e5, "high": 1e7},
        },
        "mode": mode,
        "appetite": 1e5,
        "tolerance": 1e6,
    })
}

fn digest(model: &Value, trials: u64, threads: usize) -> String {
    let analysis = Analysis::parse(model).unwrap();
    let run = Run::new(trials, 42).unwrap().on_threads(threads);
    let outcome = simulate(&analysis, &run, &Watch::nobody()).unwrap();
    hex::encode(Sha256::digest(outcome.to_json().to_string().as_bytes()))
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    for mode in ["event", "product"] {
        let model = tree(mode);
        let one = digest(&model, 123_457, 1);
        for threads in [2, 3, 8, 1_000] {
            assert_eq!(digest(&model, 123_457, threads), one, "{mode} on {threads} threads");
        }
    }
}

#[test]
fn these_bytes_belong_to_this_version_of_the_engine() {
    // Another digest is another engine: stored results could no longer be reproduced under its old name.
    let digests = [digest(&tree("event"), 20_000, 2), digest(&tree("product"), 20_000, 2)];
    let expected = [
        "728e5b473b16d56077335643b6d19c26673aa07862915e4e97c4b451a42fdc92",
        "e99b1435ed2c44b0bf8fe3773e4fb79d4b1b4dc5166c31916199054204d098a2",
    ];
    assert_eq!((grc_fair::ENGINE_VERSION, digests), ("grc-fair/1", expected.map(str::to_owned)));
}

#[test]
fn another_seed_gives_other_numbers() {
    let analysis = Analysis::parse(&tree("event")).unwrap();
    let mean = |seed| simulate(&analysis, &Run::new(10_000, seed).unwrap(), &Watch::nobody()).unwrap().losses.mean;
    assert!((mean(1) - mean(2)).abs() > 1.0);
}

#[test]
fn a_run_tells_how_far_it_is_and_ends_when_asked() {
    let analysis = Analysis::parse(&tree("event")).unwrap();
    let run = Run::new(500_000, 1).unwrap().on_threads(3);
    let seen = AtomicU64::new(0);
    let progress = |done: u64, total: u64| {
        assert_eq!(total, 500_000);
        assert!(seen.swap(done, Ordering::Relaxed) < done, "a run never goes backwards");
    };
    simulate(&analysis, &run, &Watch { cancelled: &|| false, progress: &progress }).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 500_000);

    let half = AtomicU64::new(0);
    let cancelled = || half.load(Ordering::Relaxed) > 250_000;
    let stopped = simulate(
        &analysis,
        &run,
        &Watch { cancelled: &cancelled, progress: &|done, _| half.store(done, Ordering::Relaxed) },
    );
    assert_eq!(stopped.unwrap_err(), SimulationError::Cancelled);
    assert!(half.load(Ordering::Relaxed) < 500_000);
}

//! Measures simulated years a second: `cargo run --release -p grc-fair --example speed`.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::time::Instant;

use grc_fair::{Analysis, Run, SimulationError, Watch, simulate};
use serde_json::{Value, json};

fn main() -> Result<(), SimulationError> {
    let pert = |min: f64, mode: f64, max: f64| json!({"type": "pert", "min": min, "mode": mode, "max": max});
    let (lef, lm) = (pert(0.1, 0.5, 2.0), pert(1e4, 1e5, 1e6));
    let tree = json!({
        "contact_frequency": pert(5.0, 20.0, 60.0),
        "probability_of_action": pert(0.1, 0.3, 0.5),
        "threat_capability": pert(10.0, 50.0, 90.0),
        "resistance_strength": pert(40.0, 60.0, 95.0),
        "primary_loss": {"productivity": lm, "response": pert(1e3, 1e4, 1e5)},
        "secondary_event_frequency": pert(0.05, 0.1, 0.3),
        "secondary_loss": {"fines_and_judgements": {"type": "lognormal", "low": 1e5, "high": 1e7}},
    });
    let lognormal = json!({"type": "lognormal", "low": 1e5, "high": 1e7});
    let models = [
        ("M1 event", json!({"model": {"lef": lef, "loss_magnitude": lm}})),
        ("M1 product", json!({"mode": "product", "model": {"lef": lef, "loss_magnitude": lm}})),
        (
            "M3 Poisson, lognormal",
            json!({"model": {"lef": {"type": "poisson", "rate": 0.1}, "loss_magnitude": lognormal}}),
        ),
        (
            "M5 negative binomial, lognormal",
            json!({"model": {"lef": {"type": "negative_binomial", "mean": 2, "size": 0.5}, "loss_magnitude": lognormal}}),
        ),
        ("a full tree", json!({"model": tree})),
        ("a hundred events a year", json!({"model": {"lef": pert(50.0, 100.0, 150.0), "loss_magnitude": lm}})),
    ];
    println!("{:<34}{:>9}{:>13}{:>16}", "model", "threads", "trials", "trials/s");
    for (name, model) in &models {
        for (threads, trials) in [(1, 1_000_000), (2, 1_000_000), (1, 10_000_000), (2, 10_000_000)] {
            let best = (0..3).map(|_| measure(model, threads, trials)).collect::<Result<Vec<_>, _>>()?;
            let rate = best.into_iter().fold(0.0, f64::max);
            println!("{name:<34}{threads:>9}{trials:>13}{:>13.2} M", rate / 1e6);
        }
    }
    Ok(())
}

fn measure(model: &Value, threads: usize, trials: u32) -> Result<f64, SimulationError> {
    let start = Instant::now();
    let analysis = Analysis::parse(model).map_err(SimulationError::Invalid)?;
    let run = Run::new(trials.into(), 1).map_err(|field| SimulationError::Invalid(vec![field]))?;
    simulate(&analysis, &run.on_threads(threads), &Watch::nobody())?;
    Ok(f64::from(trials) / start.elapsed().as_secs_f64())
}

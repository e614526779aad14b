//! Another service asks what a control is worth, with this crate alone: no HTTP, no database.
//!
//! `cargo run -p grc-fair --example embed_fair [curve.svg]` prints the answer and, given a file name, writes the
//! exceedance curves before and after.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
};

use grc_fair::{
    Analysis, Comparison, Dist, Frequency, Loss, LossForm, Mode, Model, Run, Side, SimulationError, Vulnerability,
    Watch, compare,
    curve::{Chart, Series, svg},
};

/// Ransomware: some threat events a year, a contest of skill, and losses of several forms.
fn ransomware(resistance: Dist) -> Result<Analysis, SimulationError> {
    let frequency = Frequency::Tef {
        tef: Dist::pert(2.0, 6.0, 20.0),
        vulnerability: Vulnerability::Contest {
            threat_capability: Dist::pert(20.0, 55.0, 95.0),
            resistance_strength: resistance,
        },
    };
    let primary = [
        (LossForm::Productivity, Dist::lognormal(20_000.0, 400_000.0)),
        (LossForm::Response, Dist::pert(10_000.0, 40_000.0, 200_000.0)),
    ];
    let secondary = [(LossForm::FinesAndJudgements, Dist::lognormal(50_000.0, 2_000_000.0))];
    let loss = Loss::Sides {
        primary: Side::Forms(primary.into()),
        secondary_event_frequency: Dist::pert(0.05, 0.1, 0.3),
        secondary: Side::Forms(secondary.into()),
    };
    Analysis::new(Model { frequency, loss }, Mode::Event, Some(250_000.0), Some(2_000_000.0))
        .map_err(SimulationError::Invalid)
}

fn main() -> Result<(), Box<dyn Error>> {
    let before = ransomware(Dist::pert(30.0, 60.0, 85.0))?;
    let after = ransomware(Dist::pert(55.0, 75.0, 95.0))?;

    // A service would set this from another thread, when its client goes away.
    let gone = AtomicBool::new(false);
    let cancelled = || gone.load(Ordering::Relaxed);
    let watch = Watch { cancelled: &cancelled, progress: &|_, _| () };

    let run = Run::new(1_000_000, 2_026).map_err(|wrong| wrong.detail)?.on_threads(2);
    let worth = compare(&before, &after, 120_000.0, &run, &watch)?;
    report(&worth);

    if let Some(path) = std::env::args().nth(1) {
        let chart = Chart {
            title: "Ransomware: annual loss before and after network segmentation",
            unit: Some("EUR"),
            series: vec![
                Series { name: "before", points: &worth.before.losses.exceedance_curve },
                Series { name: "after", points: &worth.after.losses.exceedance_curve },
            ],
            appetite: before.appetite(),
            tolerance: before.tolerance(),
        };
        std::fs::write(path, svg(&chart))?;
    }
    Ok(())
}

fn report(worth: &Comparison) {
    let (before, after) = (&worth.before.losses, &worth.after.losses);
    println!("a year's loss, mean:        {:>12.0} before, {:>12.0} after", before.mean, after.mean);
    println!("one year in twenty exceeds: {:>12.0} before, {:>12.0} after", before.var_95, after.var_95);
    println!("reduction:                  {:>12.0} +- {:.0}", worth.reduction, worth.reduction_standard_error);
    if let (Some(rosi), Some(payback)) = (worth.rosi, worth.payback_years) {
        println!("return on the investment:   {:>11.0} %, earned back in {payback:.2} years", 100.0 * rosi);
    }
    println!("what moves the loss most before the control:");
    for bar in worth.before.tornado.iter().take(3) {
        println!("  {:<36} from {:>10.0} to {:>10.0}", bar.factor, bar.low, bar.high);
    }
}

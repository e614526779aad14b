//! What a simulation answers.

mod render;

use std::collections::BTreeMap;

use crate::{
    engine::{ENGINE_VERSION, Run, Sample, Tally},
    expect::Bar,
    model::{Analysis, Mode},
    num::float,
};

/// The percentiles of a result, as the wire names them and as probabilities.
pub const PERCENTILES: [(&str, f64); 10] = [
    ("5", 0.05),
    ("10", 0.10),
    ("25", 0.25),
    ("50", 0.50),
    ("75", 0.75),
    ("90", 0.90),
    ("95", 0.95),
    ("99", 0.99),
    ("99.5", 0.995),
    ("99.9", 0.999),
];
/// The return periods of a result, in years.
pub const RETURN_YEARS: [u32; 8] = [2, 5, 10, 20, 50, 100, 200, 250];

/// Percentiles by the names of [`PERCENTILES`], in their order.
pub type Percentiles = Vec<(&'static str, f64)>;

/// A point of the exceedance curve: the probability that a year loses at least so much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The annual loss.
    pub loss: f64,
    /// The probability of at least that.
    pub probability: f64,
}

/// A loss that is reached once in so many years.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReturnPeriod {
    /// The years.
    pub years: u32,
    /// The annual loss at the probability `1 - 1/years`.
    pub loss: f64,
}

/// The distribution of a year's loss.
#[derive(Clone, Debug, PartialEq)]
pub struct LossSummary {
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean.
    pub standard_error: f64,
    /// The standard deviation.
    pub sd: f64,
    /// Percentiles, type 7.
    pub percentiles: Percentiles,
    /// The share of years without loss.
    pub p_zero: f64,
    /// The 95th percentile.
    pub var_95: f64,
    /// The 99th percentile.
    pub var_99: f64,
    /// The mean of the losses of at least `var_95`.
    pub tvar_95: f64,
    /// The mean of the losses of at least `var_99`.
    pub tvar_99: f64,
    /// The exceedance curve at losses a fixed ratio apart.
    pub exceedance_curve: Vec<CurvePoint>,
    /// Losses by return period.
    pub return_periods: Vec<ReturnPeriod>,
    /// The share of years above the appetite, where there is one.
    pub p_over_appetite: Option<f64>,
    /// The share of years above the tolerance, where there is one.
    pub p_over_tolerance: Option<f64>,
}

/// The distribution of one event's loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Severity {
    /// The mean of all simulated events; zero where there was none.
    pub mean: f64,
    /// Percentiles of up to the first million of them, spread evenly over the run.
    pub percentiles: Percentiles,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The distribution of a year's loss.
    pub losses: LossSummary,
    /// The distribution of one event's loss.
    pub severity: Severity,
    /// The exact expectation of every node.
    pub node_means: BTreeMap<String, f64>,
    /// The share of each loss form in the expected loss.
    pub loss_form_shares: BTreeMap<String, f64>,
    /// What each input moves, the widest swing first.
    pub tornado: Vec<Bar>,
    /// The number of simulated years.
    pub trials: u64,
    /// Where the random numbers began.
    pub seed: u64,
    /// The engine whose numbers these are.
    pub engine_version: &'static str,
    /// The digest of the analysis.
    pub input_digest: String,
}

impl Outcome {
    pub(crate) fn of(analysis: &Analysis, run: &Run, tally: &Tally) -> Self {
        let model = analysis.model();
        Self {
            losses: LossSummary::of(tally, analysis.appetite(), analysis.tolerance()),
            severity: Severity::of(analysis.mode(), tally),
            node_means: model.node_means(),
            loss_form_shares: model.loss_form_shares(),
            tornado: model.tornado(),
            trials: run.trials(),
            seed: run.seed(),
            engine_version: ENGINE_VERSION,
            input_digest: analysis.digest(),
        }
    }
}

impl Severity {
    fn of(mode: Mode, tally: &Tally) -> Self {
        // In event mode the years' losses are those of all events, of which only the first were kept.
        let mean = match mode {
            Mode::Event if tally.events > 0 => tally.moments.mean * float(tally.trials) / float(tally.events),
            Mode::Event => 0.0,
            Mode::Product => tally.mean_of_kept_events,
        };
        Self { mean, percentiles: percentiles(&tally.event_losses) }
    }
}

impl LossSummary {
    pub(crate) fn of(tally: &Tally, appetite: Option<f64>, tolerance: Option<f64>) -> Self {
        let losses = &tally.losses;
        // All order statistics at once: finding them passes over the losses.
        let years = RETURN_YEARS.map(|years| 1.0 - 1.0 / f64::from(years));
        let wanted: Vec<_> = PERCENTILES.iter().map(|(_, p)| *p).chain(years).collect();
        let mut found = losses.quantiles(&wanted).into_iter();
        let percentiles: Percentiles = PERCENTILES.iter().map(|(name, _)| *name).zip(found.by_ref()).collect();
        let return_periods =
            RETURN_YEARS.into_iter().zip(found).map(|(years, loss)| ReturnPeriod { years, loss }).collect();
        let percentile = |name| percentiles.iter().find(|(n, _)| *n == name).map_or(0.0, |(_, loss)| *loss);
        let (var_95, var_99) = (percentile("95"), percentile("99"));
        let mean = tally.moments.mean;
        let share = |n: u64| float(n) / float(tally.trials);
        Self {
            mean,
            standard_error: tally.moments.standard_error(),
            sd: tally.moments.sd(),
            p_zero: losses.share_of_zeros(),
            var_95,
            var_99,
            tvar_95: losses.mean_from(var_95, mean),
            tvar_99: losses.mean_from(var_99, mean),
            exceedance_curve: curve(losses),
            return_periods,
            p_over_appetite: appetite.map(|_| share(tally.over_appetite)),
            p_over_tolerance: tolerance.map(|_| share(tally.over_tolerance)),
            percentiles,
        }
    }
}

fn percentiles(sample: &Sample) -> Percentiles {
    let at = PERCENTILES.map(|(_, p)| p);
    PERCENTILES.iter().map(|(name, _)| *name).zip(sample.quantiles(&at)).collect()
}

/// The exceedance curve from the first percentile of the positive losses to beyond the greatest, at whole powers
/// of ten's tenth or twentieth root: the same losses in every run, so that curves can be laid over each other.
fn curve(losses: &Sample) -> Vec<CurvePoint> {
    let Some((least, most)) = losses.span() else {
        return Vec::new();
    };
    let zeros = losses.share_of_zeros();
    let low = losses.quantiles(&[zeros + 0.01 * (1.0 - zeros)]).first().copied().unwrap_or(least).max(least);
    let decades = libm::log10(most / low);
    let per_decade = match decades {
        few if few < 5.0 => 20.0,
        some if some < 20.0 => 10.0,
        _ => 1.0,
    };
    let first = (libm::log10(low) * per_decade).floor();
    let last = (libm::log10(most) * per_decade).ceil().max(first + 1.0);
    let mut grid = Vec::new();
    let mut step = first;
    // Money is bounded, so that this is; the bound is for the reader of the code.
    while step <= last && grid.len() < 1_000 {
        grid.push(libm::pow(10.0, step / per_decade));
        step += 1.0;
    }
    losses.exceedance(&grid).into_iter().map(|(loss, probability)| CurvePoint { loss, probability }).collect()
}

//! The simulation of a model: many years, each with its events.
//!
//! [`simulate`] is the whole of it. The draws do not depend on threads or blocks (see `draws`), sums are formed
//! block by block in the blocks' order, and everything else is counting; the same analysis, seed and number of
//! trials give the same result to the last bit on any number of threads.

mod arrivals;
mod costs;
mod count;
mod draws;
mod histogram;
mod pool;
mod sample;
mod sampler;
mod table;
mod tally;
mod watch;
mod year;

use grc_kernel::FieldError;

pub(crate) use self::{
    draws::Stream,
    histogram::Histogram,
    pool::{BLOCK, Pool},
    sample::Sample,
    table::Table,
    tally::{Block, Bounds, Gathering, Keep, Moments, Tally},
    year::{Events, Shocks, Years},
};
pub use self::{tally::KEPT_MAX, watch::Watch};
use crate::{
    error::SimulationError,
    model::{Analysis, Model},
    num::float,
    result::Outcome,
};

/// Names the engine whose numbers a result holds. It changes whenever the same inputs would give other bytes.
pub const ENGINE_VERSION: &str = "grc-fair/1";
/// The fewest trials.
pub const TRIALS_MIN: u64 = 1_000;
/// The most trials.
pub const TRIALS_MAX: u64 = 100_000_000;
/// The trials where nothing is said.
pub const TRIALS_DEFAULT: u64 = 100_000;

/// How to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    trials: u64,
    seed: u64,
    threads: usize,
}

impl Run {
    /// A run of 1,000 to 100,000,000 trials on one thread.
    pub fn new(trials: u64, seed: u64) -> Result<Self, FieldError> {
        if (TRIALS_MIN..=TRIALS_MAX).contains(&trials) {
            return Ok(Self { trials, seed, threads: 1 });
        }
        Err(FieldError::new("trials", "out_of_range", format!("must be from {TRIALS_MIN} to {TRIALS_MAX}")))
    }

    /// The same run on so many threads: it ends sooner, with the same result.
    #[must_use]
    pub fn on_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// The number of simulated years.
    pub fn trials(&self) -> u64 {
        self.trials
    }

    /// Where the random numbers begin.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn pool<'a>(&self, watch: &'a Watch<'a>) -> Pool<'a> {
        Pool { trials: self.trials, threads: self.threads, watch }
    }

    pub(crate) fn keep(&self) -> Keep {
        Keep::of(self.trials, self.trials.div_ceil(BLOCK))
    }
}

impl Analysis {
    /// About how many random numbers a run of so many trials draws. A core draws some hundred million a second;
    /// a caller decides by it whether to answer at once or to make a job of it.
    pub fn work(&self, trials: u64) -> f64 {
        let model: &Model = self.model();
        float(trials) * self.mode().draws(model)
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { appetite: self.appetite(), tolerance: self.tolerance() }
    }
}

/// Simulates an analysis.
pub fn simulate(analysis: &Analysis, run: &Run, watch: &Watch<'_>) -> Result<Outcome, SimulationError> {
    let years = Years::new(analysis, run.seed, 0);
    let (keep, bounds) = (run.keep(), analysis.bounds());
    let (blocks, workers) = run
        .pool(watch)
        .run(Worker::new, |worker, first, trials| worker.block(&years, (first, trials), keep, bounds, watch))?;
    let tally = Tally::of(run.trials, blocks, workers.into_iter().map(|worker| worker.gathering).collect());
    Ok(Outcome::of(analysis, run, &tally))
}

/// One thread's share of a run of one model.
pub(crate) struct Worker {
    pub(crate) gathering: Gathering,
    /// The annual losses of the block at hand.
    pub(crate) losses: Vec<f64>,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self { gathering: Gathering::new(), losses: Vec::new() }
    }

    /// Simulates and counts one block, by its first trial and its length; nothing if it was told to stop.
    pub(crate) fn block(
        &mut self,
        years: &Years,
        (first, trials): (u64, u64),
        keep: Keep,
        bounds: Bounds,
        watch: &Watch<'_>,
    ) -> Option<Block> {
        self.losses.resize(crate::num::index(trials), 0.0);
        let mut events = keep.events();
        years
            .fill(first, &mut self.losses, None, &mut events, watch)
            .then(|| Block::of(&self.losses, events, keep, bounds, &mut self.gathering))
    }
}

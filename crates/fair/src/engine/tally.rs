//! The moments and counts of a block of annual losses, and how blocks add up.

use super::{
    histogram::Histogram,
    sample::{SPLIT, Sample},
    year::Events,
};
use crate::num::{float, float_len, index, len};

/// The most annual losses that a run keeps; above it, quantiles come from the histogram.
pub const KEPT_MAX: u64 = 10_000_000;
/// The most event losses that a run keeps.
pub(crate) const EVENTS_KEPT_MAX: u64 = 1_000_000;

/// Count, mean and squared deviations, which add up without losing digits (Chan, Golub and LeVeque).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    n: f64,
    pub(crate) mean: f64,
    squares: f64,
}

impl Moments {
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let n = float_len(numbers.len()).max(1.0);
        let mean = numbers.iter().sum::<f64>() / n;
        let squares = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
        Self { n, mean, squares }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let n = self.n + other.n;
        if n == 0.0 {
            return self;
        }
        let apart = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + apart * other.n / n,
            squares: self.squares + other.squares + apart * apart * self.n * other.n / n,
        }
    }

    /// The standard deviation of the numbers as a sample.
    pub(crate) fn sd(self) -> f64 {
        if self.n > 1.0 { libm::sqrt(self.squares / (self.n - 1.0)) } else { 0.0 }
    }

    /// The standard error of the mean.
    pub(crate) fn standard_error(self) -> f64 {
        if self.n > 0.0 { self.sd() / libm::sqrt(self.n) } else { 0.0 }
    }
}

/// What a run counts beside the losses themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) appetite: Option<f64>,
    pub(crate) tolerance: Option<f64>,
}

/// How much a run keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    losses: bool,
    events: usize,
}

impl Keep {
    pub(crate) fn of(trials: u64, blocks: u64) -> Self {
        Self { losses: trials <= KEPT_MAX, events: index(EVENTS_KEPT_MAX.div_ceil(blocks.max(1))) }
    }

    /// Fresh events of a block.
    pub(crate) fn events(self) -> Events {
        Events { quota: self.events, ..Events::default() }
    }
}

/// What one worker gathers over all of its blocks.
#[derive(Clone, Debug)]
pub(crate) struct Gathering {
    losses: Histogram,
    events: Histogram,
}

impl Gathering {
    pub(crate) fn new() -> Self {
        Self { losses: Histogram::new(SPLIT), events: Histogram::new(SPLIT) }
    }
}

/// What one block comes to.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    moments: Moments,
    zeros: u64,
    over_appetite: u64,
    over_tolerance: u64,
    kept: Vec<f64>,
    events: u64,
    zero_events: u64,
    kept_events: Vec<f64>,
    sum_of_event_losses: f64,
}

impl Block {
    /// Counts a block's annual losses and events.
    pub(crate) fn of(losses: &[f64], events: Events, keep: Keep, bounds: Bounds, gathering: &mut Gathering) -> Self {
        let over = |bound: Option<f64>| match bound {
            Some(bound) => len(losses.iter().filter(|loss| **loss > bound).count()),
            None => 0,
        };
        let mut kept = Vec::with_capacity(if keep.losses { losses.len() } else { 0 });
        let mut zeros = 0;
        for loss in losses {
            if *loss == 0.0 {
                zeros += 1;
                continue;
            }
            gathering.losses.add(*loss);
            if keep.losses {
                kept.push(*loss);
            }
        }
        // Most blocks of a rare event are zeros nearly all.
        kept.shrink_to_fit();
        let mut kept_events = events.first;
        let all_events = kept_events.len();
        let sum_of_event_losses = kept_events.iter().sum();
        kept_events.retain(|loss| *loss > 0.0);
        kept_events.iter().for_each(|loss| gathering.events.add(*loss));
        Self {
            moments: Moments::of(losses),
            zeros,
            over_appetite: over(bounds.appetite),
            over_tolerance: over(bounds.tolerance),
            kept,
            events: events.number,
            zero_events: len(all_events - kept_events.len()),
            kept_events,
            sum_of_event_losses,
        }
    }
}

/// What a whole run comes to.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) trials: u64,
    pub(crate) moments: Moments,
    pub(crate) losses: Sample,
    pub(crate) over_appetite: u64,
    pub(crate) over_tolerance: u64,
    pub(crate) events: u64,
    pub(crate) event_losses: Sample,
    /// The mean of the event losses that were kept.
    pub(crate) mean_of_kept_events: f64,
}

impl Tally {
    /// Adds up blocks in their order, so that the sums are the same whoever formed them.
    pub(crate) fn of(trials: u64, blocks: Vec<Block>, gatherings: Vec<Gathering>) -> Self {
        let (mut losses, mut event_bins) = (Histogram::new(SPLIT), Histogram::new(SPLIT));
        for gathering in &gatherings {
            losses.merge(&gathering.losses);
            event_bins.merge(&gathering.events);
        }
        let mut moments = Moments::default();
        let (mut zeros, mut zero_events, mut events, mut event_sum) = (0, 0, 0, 0.0);
        let (mut over_appetite, mut over_tolerance) = (0, 0);
        let (mut kept, mut kept_events) = (Vec::with_capacity(blocks.len()), Vec::with_capacity(blocks.len()));
        for block in blocks {
            moments = moments.and(block.moments);
            zeros += block.zeros;
            zero_events += block.zero_events;
            events += block.events;
            event_sum += block.sum_of_event_losses;
            over_appetite += block.over_appetite;
            over_tolerance += block.over_tolerance;
            kept.push(block.kept);
            kept_events.push(block.kept_events);
        }
        let event_losses = Sample::new(zero_events, event_bins, Some(kept_events));
        let seen = float(event_losses.len());
        Self {
            trials,
            moments,
            losses: Sample::new(zeros, losses, (trials <= KEPT_MAX).then_some(kept)),
            over_appetite,
            over_tolerance,
            events,
            event_losses,
            mean_of_kept_events: if seen > 0.0 { event_sum / seen } else { 0.0 },
        }
    }
}

//! Years of a model: how many events, and what each costs.
//!
//! What a year draws once: the rate, and the probabilities on the way from a contact to a loss event and to a
//! secondary loss, each of them the analyst's doubt about a number that holds for the whole year. What an event
//! draws: its losses, and whether it has a secondary one. A threat's capability and the resistance are drawn by
//! the event too, but only their comparison matters, which is a coin of known probability and so a factor of the
//! rate.

use super::{
    arrivals::Arrivals,
    costs::{Costs, Due, Keys, Node},
    count::{Counts, Law, bounded, number},
    draws::Stream,
    watch::Watch,
};
use crate::{
    model::{Analysis, Frequency, Mode, Vulnerability},
    num::{index, len},
};

/// How many events may be drawn before the onlooker is asked again.
const EVENTS_UNASKED: u64 = 1 << 20;
/// How many years are worked on together.
const TOGETHER: usize = 256;
/// Above how many events a year is worked on alone.
const LONG: u64 = 24;

/// How the events of a year are counted.
#[derive(Clone, Debug)]
enum Counting {
    /// Every year has the same mean.
    Steady(Counts),
    /// The mean is drawn first, and the count is Poisson.
    Arriving(Arrivals),
    /// The mean is drawn first.
    Varying(Law),
}

/// A model made ready for simulating.
#[derive(Clone, Debug)]
pub(crate) struct Years {
    mode: Mode,
    /// The rate before thinning; of a count, its mean.
    base: Node,
    /// Probabilities that a year draws.
    factors: Vec<Node>,
    /// Probabilities that are the same every year, multiplied.
    scale: f64,
    law: Law,
    /// Whether the base is a count, drawn as such in product mode too.
    counted: bool,
    counting: Counting,
    arrivals: Stream,
    costs: Costs,
}

/// Draws for a block of years that were made elsewhere, so that several models' frequencies go together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shocks {
    pub(crate) rates: Vec<u64>,
    pub(crate) counts: Vec<u64>,
}

/// What became of the events of a block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    /// How many there were.
    pub(crate) number: u64,
    /// The losses of the first of them.
    pub(crate) first: Vec<f64>,
    /// How many of those to keep.
    pub(crate) quota: usize,
}

impl Events {
    fn saw(&mut self, losses: &[f64]) {
        self.number += len(losses.len());
        let room = self.quota.saturating_sub(self.first.len());
        self.first.extend(losses.iter().take(room));
    }
}

impl Years {
    pub(crate) fn new(analysis: &Analysis, seed: u64, member: u64) -> Self {
        let keys = Keys { seed, member };
        let model = analysis.model();
        let (name, base) = model.frequency.base();
        let mut years = Self {
            mode: analysis.mode(),
            base: keys.node(name, base),
            factors: Vec::new(),
            scale: 1.0,
            law: Law::of(base),
            counted: base.is_count(),
            counting: match Law::of(base) {
                Law::Poisson => Counting::Arriving(Arrivals::new()),
                law => Counting::Varying(law),
            },
            arrivals: keys.stream("arrivals"),
            costs: Costs::new(&model.loss, &keys),
        };
        if let Frequency::Contact { probability_of_action, .. } = &model.frequency {
            years.thin(keys.node("probability_of_action", probability_of_action));
        }
        match model.frequency.vulnerability() {
            Some(Vulnerability::Stated(stated)) => years.thin(keys.node("vulnerability", stated)),
            Some(contest) => years.scale *= contest.expected(),
            None => {}
        }
        if let Some(rate) = years.base.sampler.constant()
            && years.factors.is_empty()
            && years.mode == Mode::Event
        {
            years.counting = Counting::Steady(Counts::new(years.law, rate * years.scale));
        }
        years
    }

    /// Whether a shock of the rate, and one of the count, would have something to move.
    pub(crate) fn shocked(&self) -> (bool, bool) {
        (self.base.sampler.constant().is_none(), self.counted || self.mode == Mode::Event)
    }

    fn thin(&mut self, probability: Node) {
        match probability.sampler.constant() {
            Some(chance) => self.scale *= chance,
            None => self.factors.push(probability),
        }
    }

    /// Simulates as many years as `losses` has places, from trial `first` on. False if it was told to stop.
    pub(crate) fn fill(
        &self,
        first: u64,
        losses: &mut [f64],
        shocks: Option<&Shocks>,
        events: &mut Events,
        watch: &Watch<'_>,
    ) -> bool {
        match self.mode {
            Mode::Event => self.fill_events(first, losses, shocks, events, watch),
            Mode::Product => {
                self.fill_products(first, losses, shocks, events);
                true
            }
        }
    }

    /// Works on some years at a time, one thing after the other: first all counts, then a list of all events,
    /// then their costs. A processor guesses what a count will be and pays for each wrong guess; a list leaves
    /// nothing to guess.
    fn fill_events(
        &self,
        first: u64,
        losses: &mut [f64],
        shocks: Option<&Shocks>,
        events: &mut Events,
        watch: &Watch<'_>,
    ) -> bool {
        let mut counts = [0_u64; TOGETHER];
        let mut due = Due::new();
        for (batch, losses) in losses.chunks_mut(TOGETHER).enumerate() {
            let start = batch * TOGETHER;
            due.first = first + len(start);
            let Some(counts) = counts.get_mut(..losses.len()) else { continue };
            self.count(due.first, start, shocks, counts);
            losses.fill(0.0);
            for (place, count) in (0_u32..).zip(counts.iter()) {
                // Many events of one year are settled by themselves: their sum need not be looked up for each.
                let long = *count > LONG;
                if long && !self.settle(&mut due, losses, events, watch) {
                    return false;
                }
                let mut event = 0;
                while event < *count {
                    event += due.list(place, event, *count - event);
                    if (long || due.is_full()) && !self.settle(&mut due, losses, events, watch) {
                        return false;
                    }
                }
            }
            if !self.settle(&mut due, losses, events, watch) {
                return false;
            }
            losses.iter_mut().for_each(|loss| *loss = settled(*loss));
        }
        true
    }

    /// Draws what is due and adds it to its years' losses. False if it was told to stop.
    fn settle(&self, due: &mut Due, losses: &mut [f64], events: &mut Events, watch: &Watch<'_>) -> bool {
        let costs = self.costs.draw(due);
        events.saw(costs);
        let listed = due.events();
        let at = |place: &u32| index(u64::from(*place));
        match (listed.first(), listed.last()) {
            (Some((one, _)), Some((last, _))) if one == last => {
                if let Some(loss) = losses.get_mut(at(one)) {
                    *loss = due.costs.iter().fold(*loss, |sum, cost| sum + cost);
                }
            }
            _ => {
                for ((place, _), cost) in listed.iter().zip(&due.costs) {
                    if let Some(loss) = losses.get_mut(at(place)) {
                        *loss += cost;
                    }
                }
            }
        }
        due.unasked += len(due.costs.len());
        due.listed = 0;
        if due.unasked < EVENTS_UNASKED {
            return true;
        }
        due.unasked = 0;
        !(watch.cancelled)()
    }

    /// The counts of as many years as there are places for them.
    fn count(&self, first: u64, start: usize, shocks: Option<&Shocks>, counts: &mut [u64]) {
        let shocked = shocks.filter(|shocks| !shocks.counts.is_empty());
        let arrivals = |place: usize, trial: u64| match shocked {
            Some(shocks) => shock(&shocks.counts, place).unwrap_or(0),
            None => self.arrivals.bits(trial, 0),
        };
        for (place, (trial, count)) in (first..).zip(counts.iter_mut()).enumerate() {
            let place = start + place;
            *count = bounded(match &self.counting {
                Counting::Steady(counts) => counts.draw(arrivals(place, trial)),
                Counting::Arriving(poisson) => poisson.draw(self.rate(trial, place, shocks), arrivals(place, trial)),
                Counting::Varying(law) => law.draw(self.rate(trial, place, shocks), arrivals(place, trial)),
            });
        }
    }

    /// The rate of loss events in a year.
    #[inline]
    fn rate(&self, trial: u64, place: usize, shocks: Option<&Shocks>) -> f64 {
        let base = match shocks.and_then(|shocks| shock(&shocks.rates, place)) {
            Some(bits) => self.base.sampler.draw(bits),
            None => self.base.draw(trial, 0),
        };
        self.factors.iter().fold(base * self.scale, |rate, factor| rate * factor.draw(trial, 0))
    }

    fn fill_products(&self, first: u64, losses: &mut [f64], shocks: Option<&Shocks>, events: &mut Events) {
        for (place, (trial, loss)) in (first..).zip(losses.iter_mut()).enumerate() {
            let frequency = if self.counted {
                let shock = shocks.and_then(|shocks| shock(&shocks.counts, place));
                let bits = shock.unwrap_or_else(|| self.arrivals.bits(trial, 0));
                let count = number(self.law.draw(self.base.sampler.draw(0), bits));
                self.factors.iter().fold(count * self.scale, |sum, factor| sum * factor.draw(trial, 0))
            } else {
                self.rate(trial, place, shocks)
            };
            let cost = self.costs.product(trial);
            events.saw(&[settled(cost)]);
            *loss = settled(frequency * cost);
        }
    }
}

#[inline]
fn shock(column: &[u64], place: usize) -> Option<u64> {
    column.get(place).copied()
}

/// A loss too small for a normal floating point number is none.
#[inline]
fn settled(loss: f64) -> f64 {
    if loss < f64::MIN_POSITIVE { 0.0 } else { loss }
}

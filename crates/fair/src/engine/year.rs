//! Years of a model: how many events, and what each costs.
//!
//! What a year draws once: the rate, and the probabilities on the way from a contact to a loss event and to a
//! secondary loss, each of them the analyst's doubt about a number that holds for the whole year. What an event
//! draws: its losses, and whether it has a secondary one. A threat's capability and the resistance are drawn by
//! the event too, but only their comparison matters, which is a coin of known probability and so a factor of the
//! rate.

use super::{
    count::{Arrivals, Counts, Law, bounded, number},
    draws::Stream,
    sampler::Sampler,
    watch::Watch,
};
use crate::{
    dist::Dist,
    model::{Analysis, Frequency, Loss, Mode, Side, Vulnerability},
    num::unit,
};

/// How many events may be drawn before the onlooker is asked again.
const EVENTS_UNASKED: u64 = 1 << 20;

/// A distribution and the stream that it is drawn from.
#[derive(Clone, Debug)]
struct Node {
    sampler: Sampler,
    stream: Stream,
}

impl Node {
    #[inline]
    fn draw(&self, trial: u64, event: u64) -> f64 {
        self.sampler.draw(self.stream.bits(trial, event))
    }
}

/// Where the seed and a member's number go into.
struct Keys {
    seed: u64,
    member: u64,
}

impl Keys {
    fn stream(&self, name: &str) -> Stream {
        Stream::new(self.seed, self.member, name)
    }

    fn node(&self, name: &str, dist: &Dist) -> Node {
        Node { sampler: Sampler::new(dist), stream: self.stream(name) }
    }

    fn side(&self, name: &str, side: &Side) -> Vec<Node> {
        side.parts(name).into_iter().map(|(name, dist)| self.node(&name, dist)).collect()
    }
}

/// The losses that only some events have.
#[derive(Clone, Debug)]
struct Secondary {
    chance: Node,
    coin: Stream,
    parts: Vec<Node>,
}

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
    primary: Vec<Node>,
    secondary: Option<Secondary>,
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
    #[inline]
    fn saw(&mut self, loss: f64) {
        if self.first.len() < self.quota {
            self.first.push(loss);
        }
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
            primary: Vec::new(),
            secondary: None,
        };
        if let Frequency::Contact { probability_of_action, .. } = &model.frequency {
            years.thin(keys.node("probability_of_action", probability_of_action));
        }
        match model.frequency.vulnerability() {
            Some(Vulnerability::Stated(stated)) => years.thin(keys.node("vulnerability", stated)),
            Some(contest) => years.scale *= contest.expected(),
            None => {}
        }
        match &model.loss {
            Loss::Magnitude(magnitude) => years.primary.push(keys.node("loss_magnitude", magnitude)),
            Loss::Sides { primary, secondary_event_frequency, secondary } => {
                years.primary = keys.side("primary_loss", primary);
                years.secondary = Some(Secondary {
                    chance: keys.node("secondary_event_frequency", secondary_event_frequency),
                    coin: keys.stream("secondary_event"),
                    parts: keys.side("secondary_loss", secondary),
                });
            }
        }
        if let Some(rate) = years.base.sampler.constant()
            && years.factors.is_empty()
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

    fn fill_events(
        &self,
        first: u64,
        losses: &mut [f64],
        shocks: Option<&Shocks>,
        events: &mut Events,
        watch: &Watch<'_>,
    ) -> bool {
        let mut ask_at = events.number + EVENTS_UNASKED;
        for (place, (trial, loss)) in (first..).zip(losses.iter_mut()).enumerate() {
            let arrivals = shock(shocks.map(|s| &s.counts), place).unwrap_or_else(|| self.arrivals.bits(trial, 0));
            let count = bounded(match &self.counting {
                Counting::Steady(counts) => counts.draw(arrivals),
                Counting::Arriving(poisson) => poisson.draw(self.rate(trial, place, shocks), arrivals),
                Counting::Varying(law) => law.draw(self.rate(trial, place, shocks), arrivals),
            });
            let mut sum = 0.0;
            if count > 0 {
                let chance = self.secondary.as_ref().map_or(0.0, |secondary| secondary.chance.draw(trial, 0));
                for event in 0..count {
                    let cost = self.event(trial, event, chance);
                    events.saw(cost);
                    sum += cost;
                    if event % EVENTS_UNASKED == EVENTS_UNASKED - 1 && (watch.cancelled)() {
                        return false;
                    }
                }
                events.number += count;
                if events.number > ask_at {
                    if (watch.cancelled)() {
                        return false;
                    }
                    ask_at = events.number + EVENTS_UNASKED;
                }
            }
            *loss = settled(sum);
        }
        true
    }

    /// The rate of loss events in a year.
    #[inline]
    fn rate(&self, trial: u64, place: usize, shocks: Option<&Shocks>) -> f64 {
        let base = match shock(shocks.map(|s| &s.rates), place) {
            Some(bits) => self.base.sampler.draw(bits),
            None => self.base.draw(trial, 0),
        };
        self.factors.iter().fold(base * self.scale, |rate, factor| rate * factor.draw(trial, 0))
    }

    #[inline]
    fn event(&self, trial: u64, event: u64, chance: f64) -> f64 {
        let mut cost = 0.0;
        for part in &self.primary {
            cost += part.draw(trial, event);
        }
        if let Some(secondary) = &self.secondary
            && unit(secondary.coin.bits(trial, event)) < chance
        {
            for part in &secondary.parts {
                cost += part.draw(trial, event);
            }
        }
        cost
    }

    fn fill_products(&self, first: u64, losses: &mut [f64], shocks: Option<&Shocks>, events: &mut Events) {
        for (place, (trial, loss)) in (first..).zip(losses.iter_mut()).enumerate() {
            let frequency = if self.counted {
                let bits = shock(shocks.map(|s| &s.counts), place).unwrap_or_else(|| self.arrivals.bits(trial, 0));
                let count = number(self.law.draw(self.base.sampler.draw(0), bits));
                self.factors.iter().fold(count * self.scale, |sum, factor| sum * factor.draw(trial, 0))
            } else {
                self.rate(trial, place, shocks)
            };
            let mut cost: f64 = self.primary.iter().map(|part| part.draw(trial, 0)).sum();
            if let Some(secondary) = &self.secondary {
                let loss: f64 = secondary.parts.iter().map(|part| part.draw(trial, 0)).sum();
                cost += secondary.chance.draw(trial, 0) * loss;
            }
            events.number += 1;
            events.saw(settled(cost));
            *loss = settled(frequency * cost);
        }
    }
}

#[inline]
fn shock(column: Option<&Vec<u64>>, place: usize) -> Option<u64> {
    column.and_then(|column| column.get(place).copied())
}

/// A loss too small for a normal floating point number is none.
#[inline]
fn settled(loss: f64) -> f64 {
    if loss < f64::MIN_POSITIVE { 0.0 } else { loss }
}

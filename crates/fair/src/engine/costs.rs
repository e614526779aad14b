//! What an event costs, and the nodes that are drawn for it.

use super::{draws::Stream, sampler::Sampler};
use crate::{
    dist::Dist,
    model::{Loss, Side},
    num::{index, len, unit},
};

/// A distribution and the stream that it is drawn from.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) sampler: Sampler,
    stream: Stream,
}

impl Node {
    #[inline]
    pub(crate) fn draw(&self, trial: u64, event: u64) -> f64 {
        self.sampler.draw(self.stream.bits(trial, event))
    }

    /// Adds a draw for each event to its cost. What kind of sampler it is, is asked once for all of them.
    fn add(&self, first: u64, events: &[(u32, u32)], costs: &mut [f64]) {
        let bits = |(place, event): &(u32, u32)| self.stream.bits(first + u64::from(*place), u64::from(*event));
        let due = events.iter().zip(costs);
        match &self.sampler {
            Sampler::Constant(value) => due.for_each(|(_, cost)| *cost += value),
            Sampler::Table(table) => due.for_each(|(event, cost)| *cost += table.draw(bits(event))),
            other => due.for_each(|(event, cost)| *cost += other.draw(bits(event))),
        }
    }
}

/// The most events that are drawn together.
const DUE_MAX: usize = 4_096;

/// Events that are listed and yet to be drawn, each by the place of its year and its number in the year.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    /// The trial of the first place.
    pub(crate) first: u64,
    list: Vec<(u32, u32)>,
    pub(crate) listed: usize,
    /// What the events drawn last have cost.
    pub(crate) costs: Vec<f64>,
    /// Events drawn since the onlooker was asked.
    pub(crate) unasked: u64,
}

impl Due {
    pub(crate) fn new() -> Self {
        Self { first: 0, list: vec![(0, 0); DUE_MAX + 2], listed: 0, costs: Vec::new(), unasked: 0 }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.listed >= DUE_MAX
    }

    pub(crate) fn events(&self) -> &[(u32, u32)] {
        self.list.get(..self.listed).unwrap_or_default()
    }

    /// Lists up to `count` events of a year from number `event` on, and says how many found room. Two places are
    /// written whether or not there are so many events: the next year writes over what was too much.
    #[inline]
    pub(crate) fn list(&mut self, place: u32, event: u64, count: u64) -> u64 {
        // Counts are bounded to 32 bits.
        let event = u32::try_from(event).unwrap_or(u32::MAX);
        let taken = index(count).min(DUE_MAX - self.listed);
        if let Some([one, two]) = self.list.get_mut(self.listed..self.listed + 2) {
            *one = (place, event);
            *two = (place, event + 1);
        }
        if taken > 2
            && let Some(rest) = self.list.get_mut(self.listed + 2..self.listed + taken)
        {
            rest.iter_mut().zip(event + 2..).for_each(|(slot, event)| *slot = (place, event));
        }
        self.listed += taken;
        len(taken)
    }
}

/// What the streams of a model's nodes are made of.
pub(crate) struct Keys {
    pub(crate) seed: u64,
    pub(crate) member: u64,
}

impl Keys {
    pub(crate) fn stream(&self, name: &str) -> Stream {
        Stream::new(self.seed, self.member, name)
    }

    pub(crate) fn node(&self, name: &str, dist: &Dist) -> Node {
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

/// The losses of an event.
#[derive(Clone, Debug)]
pub(crate) struct Costs {
    primary: Vec<Node>,
    secondary: Option<Secondary>,
}

impl Costs {
    pub(crate) fn new(loss: &Loss, keys: &Keys) -> Self {
        match loss {
            Loss::Magnitude(magnitude) => {
                Self { primary: vec![keys.node("loss_magnitude", magnitude)], secondary: None }
            }
            Loss::Sides { primary, secondary_event_frequency, secondary } => Self {
                primary: keys.side("primary_loss", primary),
                secondary: Some(Secondary {
                    chance: keys.node("secondary_event_frequency", secondary_event_frequency),
                    coin: keys.stream("secondary_event"),
                    parts: keys.side("secondary_loss", secondary),
                }),
            },
        }
    }

    /// The probability that holds all year for an event to have a secondary loss.
    #[inline]
    fn chance(&self, trial: u64) -> f64 {
        self.secondary.as_ref().map_or(0.0, |secondary| secondary.chance.draw(trial, 0))
    }

    /// The losses of the events that are due.
    pub(crate) fn draw<'d>(&self, due: &'d mut Due) -> &'d [f64] {
        let Due { first, list, listed, costs, .. } = due;
        let events = list.get(..*listed).unwrap_or_default();
        costs.clear();
        costs.resize(events.len(), 0.0);
        for part in &self.primary {
            part.add(*first, events, costs);
        }
        let Some(secondary) = &self.secondary else { return costs };
        // The events of a year stand together and share its chance.
        let (mut year, mut chance) = (None, 0.0);
        for ((place, event), cost) in events.iter().zip(costs.iter_mut()) {
            let (trial, event) = (*first + u64::from(*place), u64::from(*event));
            if year != Some(trial) {
                (year, chance) = (Some(trial), self.chance(trial));
            }
            if unit(secondary.coin.bits(trial, event)) < chance {
                for part in &secondary.parts {
                    *cost += part.draw(trial, event);
                }
            }
        }
        costs
    }

    /// The year's one loss of product mode: the secondary one by its probability.
    pub(crate) fn product(&self, trial: u64) -> f64 {
        let sum = |parts: &[Node]| parts.iter().map(|part| part.draw(trial, 0)).sum::<f64>();
        let secondary = self.secondary.as_ref().map(|secondary| self.chance(trial) * sum(&secondary.parts));
        sum(&self.primary) + secondary.unwrap_or(0.0)
    }
}

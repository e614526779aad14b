//! What an event costs, and the nodes that are drawn for it.

use super::{draws::Stream, sampler::Sampler};
use crate::{
    dist::Dist,
    model::{Loss, Side},
    num::unit,
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
    pub(crate) fn chance(&self, trial: u64) -> f64 {
        self.secondary.as_ref().map_or(0.0, |secondary| secondary.chance.draw(trial, 0))
    }

    /// One event's loss.
    #[inline]
    pub(crate) fn event(&self, trial: u64, event: u64, chance: f64) -> f64 {
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

    /// The year's one loss of product mode: the secondary one by its probability.
    pub(crate) fn product(&self, trial: u64) -> f64 {
        let sum = |parts: &[Node]| parts.iter().map(|part| part.draw(trial, 0)).sum::<f64>();
        let secondary = self.secondary.as_ref().map(|secondary| self.chance(trial) * sum(&secondary.parts));
        sum(&self.primary) + secondary.unwrap_or(0.0)
    }
}

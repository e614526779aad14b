//! Where the slots of each row stand, once their order is known.

use super::layers::{Plan, SWEEPS, Slots, mean};
use crate::adjacency::PerNode;

impl Slots {
    fn size(&self, slot: usize, plan: &Plan<'_>) -> f64 {
        if slot < self.nodes { plan.pitch } else { plan.lane }
    }

    /// Finds the places: each slot wishes to stand in the middle of its neighbours, and a row grants the wishes with
    /// the least squared deviation that keeps its order and the gaps.
    pub(super) fn places(&self, rows: &[Vec<usize>], plan: &Plan<'_>) -> PerNode<f64> {
        let size = |slot: usize| self.size(slot, plan);
        let mut x = PerNode::<f64>::new(self.row.len());
        for row in rows {
            let total: f64 = row.iter().map(|&slot| size(slot)).sum();
            let mut at = -total / 2.0;
            for &slot in row {
                x.set(slot, at + size(slot) / 2.0);
                at += size(slot);
            }
        }
        for sweep in 0..SWEEPS {
            let (down, last) = (sweep % 2 == 0, sweep + 2 >= SWEEPS);
            for at in 0..rows.len() {
                let Some(row) = rows.get(if down { at } else { rows.len() - 1 - at }) else { continue };
                let wishes: Vec<(f64, f64)> = row.iter().map(|&slot| self.wish(slot, &x, down, last)).collect();
                let mut offset = 0.0;
                let mut offsets = Vec::with_capacity(row.len());
                for (at, &slot) in row.iter().enumerate() {
                    let before = at.checked_sub(1).and_then(|at| row.get(at));
                    offset += before.map_or(0.0, |&before| (size(before) + size(slot)) / 2.0);
                    offsets.push(offset);
                }
                let free: Vec<_> =
                    wishes.iter().zip(&offsets).map(|((wish, weight), off)| (wish - off, *weight)).collect();
                for ((&slot, value), offset) in row.iter().zip(monotone(&free)).zip(&offsets) {
                    x.set(slot, value + offset);
                }
            }
        }
        x
    }

    /// Where a slot wishes to stand, and how much it does. Bends wish more, so that long lines are straight.
    fn wish(&self, slot: usize, x: &PerNode<f64>, down: bool, both: bool) -> (f64, f64) {
        let (above, below) = (self.above.row(slot), self.below.row(slot));
        let neighbours: Vec<usize> = match (both, down) {
            (true, _) => above.iter().chain(below).copied().collect(),
            (false, true) => above.to_vec(),
            (false, false) => below.to_vec(),
        };
        let weight = if slot < self.nodes { 1.0 } else { 3.0 };
        match mean(neighbours.iter().map(|&other| x.get(other))) {
            Some(middle) => (middle, weight),
            None => (x.get(slot), 0.1),
        }
    }
}

/// How far each row is filled, so that parts of the picture can be put beside each other.
#[derive(Default)]
pub(super) struct Skyline(Vec<f64>);

impl Skyline {
    /// Moves a part to the right of everything in its rows, and fills them.
    pub(super) fn add(&mut self, slots: &Slots, order: &[Vec<usize>], x: &mut PerNode<f64>, plan: &Plan<'_>) {
        if self.0.len() < order.len() {
            self.0.resize(order.len(), 0.0);
        }
        let half = |slot: usize| slots.size(slot, plan) / 2.0;
        let starts = order.iter().map(|row| row.first().map(|&slot| x.get(slot) - half(slot)));
        let shift =
            starts.zip(&self.0).filter_map(|(start, filled)| Some(filled - start?)).fold(f64::NEG_INFINITY, f64::max);
        for (row, filled) in order.iter().zip(&mut self.0) {
            row.iter().for_each(|&slot| x.set(slot, x.get(slot) + shift));
            *filled = row.last().map_or(*filled, |&slot| x.get(slot) + half(slot));
        }
    }

    /// The width of everything.
    pub(super) fn width(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }
}

/// The closest sequence that never falls, by pooling neighbours that violate that (isotonic regression).
fn monotone(wishes: &[(f64, f64)]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for &(value, weight) in wishes {
        let mut pool = (value, weight, 1);
        while let Some(&(before, its, count)) = pools.last() {
            if before <= pool.0 {
                break;
            }
            pool = ((before * its + pool.0 * pool.1) / (its + pool.1), its + pool.1, count + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, _, count)| std::iter::repeat_n(value, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_keeps_what_rises_and_averages_what_falls() {
        let ones = |values: &[f64]| monotone(&values.iter().map(|&value| (value, 1.0)).collect::<Vec<_>>());
        assert_eq!(ones(&[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
        assert_eq!(ones(&[3.0, 1.0, 5.0, 4.0]), [2.0, 2.0, 4.5, 4.5]);
    }
}

//! What a run knows of a distribution: how many zeros, a histogram of the rest, and the rest itself while there
//! is room for it.
//!
//! With the numbers kept, quantiles and tail means are exact. Without, they come from the histogram, whose bins
//! are 1/8192 of an octave wide: a quantile is then off by at most 0.013 %.

use std::collections::BTreeMap;

use super::histogram::{Bins, Histogram};
use crate::num::{float, index, whole};

/// Bits of the mantissa that the bins tell apart.
pub(crate) const SPLIT: u32 = 13;

/// The numbers of a run.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    zeros: u64,
    bins: Histogram,
    /// The positive numbers, in the order of the blocks that made them.
    kept: Option<Vec<Vec<f64>>>,
}

/// A place in the sorted numbers.
struct Place {
    /// The lower edge of the bin it is in; zero for the zeros.
    edge: f64,
    /// How many numbers come before the bin, and how many are in it.
    before: u64,
    within: u64,
}

impl Sample {
    pub(crate) fn new(zeros: u64, bins: Histogram, kept: Option<Vec<Vec<f64>>>) -> Self {
        Self { zeros, bins, kept }
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> u64 {
        self.zeros + self.bins.total()
    }

    /// The share that is zero.
    pub(crate) fn share_of_zeros(&self) -> f64 {
        let all = self.len();
        if all == 0 { 1.0 } else { float(self.zeros) / float(all) }
    }

    /// The quantiles at the given probabilities by linear interpolation between order statistics (type 7 of
    /// Hyndman and Fan). Nothing has the quantile zero.
    pub(crate) fn quantiles(&self, at: &[f64]) -> Vec<f64> {
        let all = self.len();
        if all == 0 {
            return vec![0.0; at.len()];
        }
        let positions: Vec<_> = at.iter().map(|p| p.clamp(0.0, 1.0) * float(all - 1)).collect();
        let mut ranks: Vec<_> = positions.iter().flat_map(|h| [whole(*h), (whole(*h) + 1).min(all - 1)]).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let values = self.order_statistics(&ranks);
        let value = |rank: u64| values.get(&rank).copied().unwrap_or(0.0);
        let between = |h: f64| {
            let rank = whole(h);
            let (low, high) = (value(rank), value((rank + 1).min(all - 1)));
            low + (h - float(rank)) * (high - low)
        };
        positions.into_iter().map(between).collect()
    }

    /// The numbers of the given ranks, which are in rising order and count from zero.
    fn order_statistics(&self, ranks: &[u64]) -> BTreeMap<u64, f64> {
        let places = self.places(ranks);
        let gathered = self.gather(&places);
        let value = |rank: u64, place: &Place| {
            if place.edge == 0.0 {
                return 0.0;
            }
            let inside = rank - place.before;
            match gathered.get(&place.edge.to_bits()).and_then(|members| members.get(index(inside))) {
                Some(exact) => *exact,
                None => {
                    let width = self.bins.next_edge(place.edge) - place.edge;
                    place.edge + width * (float(inside) + 0.5) / float(place.within)
                }
            }
        };
        ranks.iter().zip(&places).map(|(rank, place)| (*rank, value(*rank, place))).collect()
    }

    fn places(&self, ranks: &[u64]) -> Vec<Place> {
        let mut places = Vec::with_capacity(ranks.len());
        let mut wanted = ranks.iter().copied().peekable();
        while wanted.next_if(|rank| *rank < self.zeros).is_some() {
            places.push(Place { edge: 0.0, before: 0, within: self.zeros });
        }
        let mut before = self.zeros;
        for (edge, within) in self.bins.iter() {
            while wanted.next_if(|rank| *rank < before + within).is_some() {
                places.push(Place { edge, before, within });
            }
            before += within;
            if wanted.peek().is_none() {
                break;
            }
        }
        places
    }

    /// The numbers of the bins that a place is in, sorted, by the bin's edge; nothing if they were not kept.
    fn gather(&self, places: &[Place]) -> BTreeMap<u64, Vec<f64>> {
        let Some(kept) = &self.kept else {
            return BTreeMap::new();
        };
        let mut wanted = Bins::<u16>::new(SPLIT);
        let mut lists: Vec<(u64, Vec<f64>)> = Vec::new();
        for place in places.iter().filter(|place| place.edge > 0.0) {
            let next = u16::try_from(lists.len() + 1).unwrap_or(0);
            if let Some(slot) = wanted.slot(place.edge)
                && *slot == 0
            {
                *slot = next;
                lists.push((place.edge.to_bits(), Vec::with_capacity(index(place.within))));
            }
        }
        for x in kept.iter().flatten() {
            let list = wanted.get(*x);
            if list > 0
                && let Some((_, list)) = lists.get_mut(usize::from(list) - 1)
            {
                list.push(*x);
            }
        }
        for (_, list) in &mut lists {
            list.sort_unstable_by(f64::total_cmp);
        }
        lists.into_iter().collect()
    }

    /// The mean of the numbers that are at least `bound`; `bound` itself where there is none.
    pub(crate) fn mean_from(&self, bound: f64, mean: f64) -> f64 {
        // Every number is at least zero.
        if bound <= 0.0 {
            return mean;
        }
        let (mut sum, mut n) = (0.0, 0.0);
        if let Some(kept) = &self.kept {
            for block in kept {
                let (mut block_sum, mut block_n) = (0.0, 0.0);
                for x in block.iter().filter(|x| **x >= bound) {
                    block_sum += x;
                    block_n += 1.0;
                }
                sum += block_sum;
                n += block_n;
            }
        } else {
            for (edge, within) in self.bins.iter().filter(|(_, within)| *within > 0) {
                let next = self.bins.next_edge(edge);
                let from = edge.max(bound);
                if from < next {
                    let part = float(within) * (next - from) / (next - edge);
                    sum += part * 0.5 * (from + next);
                    n += part;
                }
            }
        }
        if n > 0.0 { sum / n } else { bound }
    }

    /// The share that is at least each of the given losses, which rise: each is first lowered to the edge of its
    /// bin, where the share is exact.
    pub(crate) fn exceedance(&self, losses: &[f64]) -> Vec<(f64, f64)> {
        let all = float(self.len()).max(1.0);
        let mut below = self.zeros;
        let mut bins = self.bins.iter().peekable();
        let mut curve: Vec<(f64, f64)> = Vec::with_capacity(losses.len());
        for loss in losses {
            let edge = self.bins.edge(*loss);
            while let Some((_, within)) = bins.next_if(|(bin, _)| *bin < edge) {
                below += within;
            }
            curve.push((edge, float(self.len() - below) / all));
        }
        curve
    }

    /// The least and the greatest positive number, to the edges of their bins; nothing if all are zero.
    pub(crate) fn span(&self) -> Option<(f64, f64)> {
        let mut used = self.bins.iter().filter(|(_, within)| *within > 0).map(|(edge, _)| edge);
        let first = used.next()?;
        let last = used.last().unwrap_or(first);
        Some((first, self.bins.next_edge(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(numbers: &[f64], keep: bool) -> Sample {
        let mut bins = Histogram::new(SPLIT);
        let positive: Vec<_> = numbers.iter().copied().filter(|x| *x > 0.0).collect();
        positive.iter().for_each(|x| bins.add(*x));
        let zeros = crate::num::len(numbers.len() - positive.len());
        Sample::new(zeros, bins, keep.then(|| positive.chunks(3).map(<[f64]>::to_vec).collect()))
    }

    fn numbers() -> Vec<f64> {
        (0..1_001_u32).map(|k| f64::from(k * 7_919 % 1_001) * 10.0).collect()
    }

    #[test]
    fn quantiles_are_those_of_type_seven() {
        let five = sample(&[40.0, 0.0, 10.0, 0.0, 20.0], true);
        assert_eq!(five.quantiles(&[0.0, 0.25, 0.5, 0.6, 0.75, 0.9, 1.0]), [0.0, 0.0, 10.0, 14.0, 20.0, 32.0, 40.0]);
        let many = sample(&numbers(), true);
        assert_eq!(many.quantiles(&[0.05, 0.5, 0.999]), [500.0, 5_000.0, 9_990.0]);
        assert!(sample(&[], true).quantiles(&[0.5]).iter().all(|x| *x == 0.0));
    }

    #[test]
    fn without_the_numbers_a_quantile_is_close() {
        let (exact, rough) = (sample(&numbers(), true), sample(&numbers(), false));
        for p in [0.05, 0.5, 0.9, 0.99] {
            let (a, b) = (exact.quantiles(&[p]), rough.quantiles(&[p]));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1.3e-4 * a), "{a:?} {b:?}");
        }
        let (a, b) = (exact.mean_from(9_000.0, 0.0), rough.mean_from(9_000.0, 0.0));
        assert!((a - b).abs() < 2e-4 * a, "{a} {b}");
    }

    #[test]
    fn a_tail_mean_takes_the_losses_from_the_bound_up() {
        let five = sample(&[40.0, 0.0, 10.0, 0.0, 20.0], true);
        assert_eq!(
            (five.mean_from(20.0, 14.0), five.mean_from(0.0, 14.0), five.mean_from(50.0, 14.0)),
            (30.0, 14.0, 50.0)
        );
    }

    #[test]
    fn exceedance_is_exact_at_its_losses() {
        let five = sample(&[40.0, 0.0, 10.0, 0.0, 20.0], false);
        assert_eq!(
            five.exceedance(&[1.0, 10.0, 16.0, 40.0, 64.0]),
            [(1.0, 0.6), (10.0, 0.6), (16.0, 0.4), (40.0, 0.2), (64.0, 0.0)]
        );
        assert_eq!(five.share_of_zeros(), 0.4);
    }
}

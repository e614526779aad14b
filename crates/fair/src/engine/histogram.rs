//! Counting positive numbers in bins whose width is a fixed share of the number.
//!
//! A bin is the exponent of a floating point number and the first bits of its mantissa: finding it takes a
//! shift, and the same bins are right for cents and for billions. Counts add up to the same whatever the order.

use crate::num::{index, len};

/// Every exponent of a positive `f64`.
const PAGES: usize = 2_048;

/// Something for each bin, where there is anything; one page an octave.
#[derive(Clone, Debug)]
pub(crate) struct Bins<T> {
    pages: Vec<Vec<T>>,
    /// Bits of the mantissa that tell bins apart.
    split: u32,
}

impl<T: Copy + Default> Bins<T> {
    pub(crate) fn new(split: u32) -> Self {
        Self { pages: vec![Vec::new(); PAGES], split }
    }

    fn place(&self, x: f64) -> (usize, usize) {
        let bits = x.to_bits() >> (52 - self.split);
        (index(bits >> self.split), index(bits & ((1 << self.split) - 1)))
    }

    /// What is kept for the bin of a positive number.
    #[inline]
    pub(crate) fn get(&self, x: f64) -> T {
        let (page, bin) = self.place(x);
        self.pages.get(page).and_then(|page| page.get(bin)).copied().unwrap_or_default()
    }

    /// Where to keep something for the bin of a positive number.
    #[inline]
    pub(crate) fn slot(&mut self, x: f64) -> Option<&mut T> {
        let (page, bin) = self.place(x);
        let size = 1 << self.split;
        let page = self.pages.get_mut(page)?;
        if page.is_empty() {
            page.resize(size, T::default());
        }
        page.get_mut(bin)
    }

    /// The lower edge of the bin.
    pub(crate) fn edge(&self, x: f64) -> f64 {
        let low = 52 - self.split;
        f64::from_bits((x.to_bits() >> low) << low)
    }

    /// The lower edge of the bin after it.
    pub(crate) fn next_edge(&self, x: f64) -> f64 {
        let low = 52 - self.split;
        f64::from_bits(((x.to_bits() >> low) + 1) << low)
    }

    /// Every bin of the pages in use, by its lower edge, rising.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (f64, T)> {
        self.pages.iter().enumerate().flat_map(move |(exponent, page)| {
            let first = len(exponent) << self.split;
            page.iter()
                .enumerate()
                .map(move |(bin, kept)| (f64::from_bits((first + len(bin)) << (52 - self.split)), *kept))
        })
    }
}

/// How many numbers fell into each bin.
pub(crate) type Histogram = Bins<u64>;

impl Histogram {
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        if let Some(count) = self.slot(x) {
            *count += 1;
        }
    }

    /// Adds the counts of another histogram of the same bins.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.pages.iter_mut().zip(&other.pages) {
            if mine.is_empty() {
                mine.clone_from(theirs);
            } else {
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    *mine += theirs;
                }
            }
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.pages.iter().flatten().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_holds_what_shares_its_leading_digits() {
        let mut bins = Histogram::new(3);
        for x in [1.0, 1.1, 1.124, 1.125, 7.9, 8.0, 1e-300, 1e300] {
            bins.add(x);
        }
        assert_eq!((bins.get(1.05), bins.get(1.2), bins.get(7.6), bins.get(8.5)), (3, 1, 1, 1));
        assert_eq!((bins.edge(1.3), bins.next_edge(1.3)), (1.25, 1.375));
        assert_eq!(bins.next_edge(7.9), 8.0);
        assert_eq!(bins.total(), 8);
        let used: Vec<_> = bins.iter().filter(|(_, n)| *n > 0).map(|(edge, _)| edge).collect();
        assert!(used.is_sorted());
    }
}

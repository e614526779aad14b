//! Index-based tables with total access: out of range is empty or the default, so that no index can panic. A
//! node's index is its place in the input.

/// One value for each node.
#[derive(Clone, Debug)]
pub(crate) struct PerNode<T>(Vec<T>);

impl<T: Copy + Default> PerNode<T> {
    /// The default for each of so many nodes.
    pub(crate) fn new(nodes: usize) -> Self {
        Self(vec![T::default(); nodes])
    }

    /// The value of a node.
    pub(crate) fn get(&self, node: usize) -> T {
        self.0.get(node).copied().unwrap_or_default()
    }

    /// Changes the value of a node.
    pub(crate) fn set(&mut self, node: usize, value: T) {
        if let Some(slot) = self.0.get_mut(node) {
            *slot = value;
        }
    }

    /// All values, by node.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, T)> + Clone {
        self.0.iter().copied().enumerate()
    }
}

impl PerNode<bool> {
    /// Marks a node; whether it was unmarked before.
    pub(crate) fn mark(&mut self, node: usize) -> bool {
        !std::mem::replace(self.0.get_mut(node).unwrap_or(&mut true), true)
    }
}

/// Lists of numbers, one for each row, in two flat arrays (compressed sparse rows).
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    starts: Vec<usize>,
    items: Vec<usize>,
}

impl Rows {
    /// Gathers (row, item) pairs; the items of a row keep their order.
    pub(crate) fn new(rows: usize, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut starts = vec![0_usize; rows + 1];
        for (row, _) in pairs.clone() {
            if let Some(count) = starts.get_mut(row + 1) {
                *count += 1;
            }
        }
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let mut next = starts.clone();
        let mut items = vec![0; total];
        for (row, item) in pairs {
            if row < rows
                && let Some(at) = next.get_mut(row)
                && let Some(slot) = items.get_mut(*at)
            {
                *slot = item;
                *at += 1;
            }
        }
        Self { starts, items }
    }

    /// The items of a row.
    pub(crate) fn row(&self, row: usize) -> &[usize] {
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(&from), Some(&to)) => self.items.get(from..to).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// A count as a number to calculate with. Counts here are far below the 2^32 where this would stop being exact.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Whether one number of hours is beyond another by more than rounding: 0.1 + 0.2 does not exceed 0.3.
pub(crate) fn exceeds(hours: f64, limit: f64) -> bool {
    hours > limit + 1e-9 * limit.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_the_order_of_their_items_and_are_empty_elsewhere() {
        let rows = Rows::new(4, [(2, 7), (0, 1), (2, 5), (3, 9)].into_iter());
        assert_eq!((rows.row(0), rows.row(1), rows.row(2), rows.row(3)), (&[1][..], &[][..], &[7, 5][..], &[9][..]));
        assert!(rows.row(4).is_empty() && rows.row(usize::MAX - 1).is_empty());
    }

    #[test]
    fn a_mark_is_new_once_and_never_outside() {
        let mut marks = PerNode::new(2);
        assert!(marks.mark(1) && !marks.mark(1) && !marks.mark(2));
    }

    #[test]
    fn rounding_is_not_an_excess() {
        assert!(!exceeds(0.1 + 0.2, 0.3) && exceeds(0.31, 0.3) && exceeds(1e-6, 0.0));
    }
}

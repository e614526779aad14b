//! Layered layout after Sugiyama: nodes lie in rows, long edges bend between the nodes of the rows that they cross,
//! rows are ordered so that few edges cross, and nodes stand above what they are connected with.
//!
//! The layout knows boxes and lines only. The caller says in which row each node lies.

use std::collections::HashMap;

use super::{parts::parts, places::Skyline};
use crate::adjacency::{PerNode, Rows, number};

/// How often the order of the rows and the places in them are improved. More does not show.
pub(super) const SWEEPS: usize = 24;

/// The most bends of a picture. In a denser one the longest lines run straight, behind the nodes: it would not be
/// legible anyway, and must not take long.
const BENDS_MAX: usize = 8_000;

/// What is to be laid out.
pub(super) struct Plan<'a> {
    /// The row of each node, 0 at the top.
    pub(super) row: &'a [usize],
    /// Nodes with the same number are kept side by side; each node alone has its own.
    pub(super) cluster: &'a [usize],
    /// Lines from node to node.
    pub(super) edges: &'a [(usize, usize)],
    /// How wide a node is with the gap to the next.
    pub(super) pitch: f64,
    /// How wide a line is that passes through a row.
    pub(super) lane: f64,
}

/// Where everything lies, in columns from 0; rows are the caller's to place.
pub(super) struct Layout {
    /// The middle of each node.
    pub(super) x: Vec<f64>,
    /// For each edge, its bends between its ends: (row, x), from the source on.
    pub(super) bends: Vec<Vec<(usize, f64)>>,
    /// The width of everything.
    pub(super) width: f64,
}

/// A node or a bend of an edge.
pub(super) struct Slots {
    pub(super) nodes: usize,
    pub(super) row: Vec<usize>,
    /// Bends of each edge, as slots.
    of_edge: Vec<Vec<usize>>,
    /// Connections to the row above and to the row below.
    pub(super) above: Rows,
    pub(super) below: Rows,
}

/// Lays out: each connected part by itself, then one beside the other, as close as their rows allow.
pub(super) fn layout(plan: &Plan<'_>) -> Layout {
    let mut x = vec![0.0; plan.row.len()];
    let mut bends = vec![Vec::new(); plan.edges.len()];
    let mut skyline = Skyline::default();
    for part in parts(plan) {
        let local: HashMap<usize, usize> = part.nodes.iter().enumerate().map(|(at, &node)| (node, at)).collect();
        let pick = |from: &[usize]| part.nodes.iter().filter_map(|&node| from.get(node).copied()).collect::<Vec<_>>();
        let (row, cluster) = (pick(plan.row), pick(plan.cluster));
        let ends = part.edges.iter().filter_map(|&edge| plan.edges.get(edge));
        let edges: Vec<_> = ends.filter_map(|(a, b)| Some((*local.get(a)?, *local.get(b)?))).collect();
        let slots = Slots::new(&Plan { row: &row, cluster: &cluster, edges: &edges, ..*plan });
        let order = slots.order(&cluster);
        let mut places = slots.places(&order, plan);
        skyline.add(&slots, &order, &mut places, plan);
        for (at, &node) in part.nodes.iter().enumerate() {
            x.get_mut(node).into_iter().for_each(|x| *x = places.get(at));
        }
        for (&edge, of_edge) in part.edges.iter().zip(&slots.of_edge) {
            let passed = of_edge.iter().map(|&slot| (slots.row_of(slot), places.get(slot))).collect();
            bends.get_mut(edge).into_iter().for_each(|bends| bends.clone_from(&passed));
        }
    }
    Layout { x, bends, width: skyline.width() }
}

impl Slots {
    fn new(plan: &Plan<'_>) -> Self {
        let nodes = plan.row.len();
        let mut row = plan.row.to_vec();
        let mut of_edge = Vec::with_capacity(plan.edges.len());
        let longest = longest_bent(plan);
        let mut pairs = Vec::new();
        for &(source, target) in plan.edges {
            let (Some(&from), Some(&to)) = (plan.row.get(source), plan.row.get(target)) else { continue };
            let mut bends = Vec::new();
            let mut last = source;
            let mut link = |a: usize, b: usize| pairs.push(if from < to { (a, b) } else { (b, a) });
            let between: Vec<usize> = match from.abs_diff(to) {
                span if span > longest => Vec::new(),
                _ if from < to => (from + 1..to).collect(),
                _ => (to + 1..from).rev().collect(),
            };
            for at in between {
                row.push(at);
                bends.push(row.len() - 1);
                link(last, row.len() - 1);
                last = row.len() - 1;
            }
            if from != to && from.abs_diff(to) <= longest {
                link(last, target);
            }
            of_edge.push(bends);
        }
        let below = Rows::new(row.len(), pairs.iter().copied());
        let above = Rows::new(row.len(), pairs.iter().map(|&(upper, lower)| (lower, upper)));
        Self { nodes, row, of_edge, above, below }
    }

    /// The rows with their slots in an order in which few lines cross.
    fn order(&self, cluster: &[usize]) -> Vec<Vec<usize>> {
        let mut rows = self.first_order(cluster);
        // The first order does not keep clusters together, so it never wins.
        let mut best = (usize::MAX, rows.clone());
        for sweep in 0..SWEEPS {
            self.reorder(&mut rows, cluster, sweep % 2 == 0);
            let crossings = self.crossings(&rows);
            if crossings < best.0 {
                best = (crossings, rows.clone());
            }
            if best.0 == 0 {
                break;
            }
        }
        best.1
    }

    pub(super) fn row_of(&self, slot: usize) -> usize {
        self.row.get(slot).copied().unwrap_or(0)
    }

    /// Depth first from the top, so that what belongs together starts out together.
    fn first_order(&self, cluster: &[usize]) -> Vec<Vec<usize>> {
        let count = self.row.iter().max().map_or(0, |last| last + 1);
        let mut rows = vec![Vec::new(); count];
        let mut seen = PerNode::<bool>::new(self.row.len());
        let mut starts: Vec<usize> = (0..self.row.len()).collect();
        starts.sort_by_key(|&slot| (self.row_of(slot), cluster.get(slot).copied()));
        for start in starts {
            let mut open = vec![start];
            while let Some(slot) = open.pop() {
                if seen.mark(slot) {
                    if let Some(row) = rows.get_mut(self.row_of(slot)) {
                        row.push(slot);
                    }
                    open.extend(self.below.row(slot).iter().rev());
                }
            }
        }
        rows
    }

    /// Sorts each row by where its neighbours in the row before stand, downwards or upwards.
    fn reorder(&self, rows: &mut [Vec<usize>], cluster: &[usize], down: bool) {
        let mut place = self.positions(rows);
        let order: Vec<usize> = if down { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for at in order {
            let Some(row) = rows.get_mut(at) else { continue };
            let neighbours = |slot: usize| if down { self.above.row(slot) } else { self.below.row(slot) };
            let wish = |slot: usize| mean(neighbours(slot).iter().map(|&other| place.get(other)));
            let wishes: Vec<(usize, f64)> =
                row.iter().map(|&slot| (slot, wish(slot).unwrap_or_else(|| place.get(slot)))).collect();
            let mut clusters: HashMap<usize, (f64, f64)> = HashMap::new();
            for (of, wish) in wishes.iter().filter_map(|(slot, wish)| Some((*cluster.get(*slot)?, wish))) {
                let (sum, count) = clusters.entry(of).or_default();
                (*sum, *count) = (*sum + wish, *count + 1.0);
            }
            let together = |slot: usize, own: f64| match cluster.get(slot) {
                Some(of) => (clusters.get(of).map_or(own, |(sum, count)| sum / count), *of),
                None => (own, usize::MAX),
            };
            let mut keyed: Vec<_> = wishes.iter().map(|&(slot, own)| (together(slot, own), own, slot)).collect();
            keyed.sort_by(|(a, own_a, _), (b, own_b, _)| {
                a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(own_a.total_cmp(own_b))
            });
            *row = keyed.into_iter().map(|(.., slot)| slot).collect();
            let count = number(row.len());
            for (at, &slot) in row.iter().enumerate() {
                place.set(slot, (number(at) + 0.5) / count);
            }
        }
    }

    /// Where in its row each slot stands, from 0 to 1.
    fn positions(&self, rows: &[Vec<usize>]) -> PerNode<f64> {
        let mut place = PerNode::new(self.row.len());
        for row in rows {
            for (at, &slot) in row.iter().enumerate() {
                place.set(slot, (number(at) + 0.5) / number(row.len()));
            }
        }
        place
    }

    /// How many pairs of lines cross.
    fn crossings(&self, rows: &[Vec<usize>]) -> usize {
        let mut rank = PerNode::<usize>::new(self.row.len());
        rows.iter().for_each(|row| row.iter().enumerate().for_each(|(at, &slot)| rank.set(slot, at)));
        let mut total = 0;
        for row in rows {
            // A line crosses those that were met before it and end further right; the tree counts them.
            let mut tree: Vec<usize> = vec![0; self.row.len() + 1];
            let mut met = 0;
            for &slot in row {
                let mut ends: Vec<usize> = self.below.row(slot).iter().map(|&other| rank.get(other)).collect();
                ends.sort_unstable();
                total += ends.iter().map(|&end| met - sum_to(&tree, end + 1)).sum::<usize>();
                met += ends.len();
                ends.into_iter().for_each(|end| add_at(&mut tree, end + 1));
            }
        }
        total
    }
}

/// The longest line, in rows, that may bend.
fn longest_bent(plan: &Plan<'_>) -> usize {
    let row = |node: usize| plan.row.get(node).copied().unwrap_or(0);
    let mut spans: Vec<usize> = plan.edges.iter().map(|&(a, b)| row(a).abs_diff(row(b))).collect();
    spans.sort_unstable();
    let mut bends = 0;
    let over = spans.iter().find(|&&span| {
        bends += span.saturating_sub(1);
        bends > BENDS_MAX
    });
    over.map_or(usize::MAX, |span| span - 1)
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The sum of the entries 1 to `at` of a binary indexed tree.
fn sum_to(tree: &[usize], mut at: usize) -> usize {
    let mut sum = 0;
    while at > 0 {
        sum += tree.get(at).copied().unwrap_or(0);
        at &= at - 1;
    }
    sum
}

/// Adds one to an entry of a binary indexed tree.
fn add_at(tree: &mut [usize], mut at: usize) {
    while let Some(entry) = tree.get_mut(at) {
        *entry += 1;
        at += at & at.wrapping_neg();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(row: &[usize], edges: &[(usize, usize)]) -> Layout {
        let cluster: Vec<usize> = (0..row.len()).collect();
        layout(&Plan { row, cluster: &cluster, edges, pitch: 10.0, lane: 2.0 })
    }

    #[test]
    fn lines_are_untangled() {
        // Two stars whose leaves come in mixed order.
        let row = [0, 0, 1, 1, 1, 1];
        let edges = [(0, 2), (0, 4), (1, 3), (1, 5)];
        let found = plain(&row, &edges);
        let (a, b) = (found.x[2].max(found.x[4]), found.x[3].min(found.x[5]));
        let (c, d) = (found.x[3].max(found.x[5]), found.x[2].min(found.x[4]));
        assert!(a < b || c < d, "{:?}", found.x);
    }

    #[test]
    fn nodes_of_a_row_never_overlap_and_long_lines_bend_in_each_row() {
        let row = [0, 1, 1, 1, 2, 2, 3];
        let edges = [(0, 6), (0, 1), (1, 4), (2, 4), (3, 5), (5, 6), (6, 0), (2, 3)];
        let found = plain(&row, &edges);
        for (a, b) in [(1, 2), (1, 3), (2, 3), (4, 5)] {
            assert!((found.x[a] - found.x[b]).abs() > 10.0 - 1e-9);
        }
        let rows = |edge: usize| found.bends[edge].iter().map(|(row, _)| *row).collect::<Vec<_>>();
        assert_eq!((rows(0), rows(6), rows(7)), (vec![1, 2], vec![2, 1], vec![]));
        assert!(found.x.iter().all(|x| *x >= 5.0 - 1e-9 && *x <= found.width - 5.0 + 1e-9));
    }

    #[test]
    fn nothing_has_no_width() {
        assert!(plain(&[], &[]).width.abs() < f64::EPSILON);
    }
}

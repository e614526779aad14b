//! The connected parts of a picture, each of which is laid out by itself: what is not connected cannot push.

use super::layers::Plan;
use crate::adjacency::{PerNode, Rows};

/// Nodes that are connected, with their edges.
pub(super) struct Part {
    pub(super) nodes: Vec<usize>,
    pub(super) edges: Vec<usize>,
}

/// The connected parts, the largest first.
pub(super) fn parts(plan: &Plan<'_>) -> Vec<Part> {
    let count = plan.row.len();
    let near = Rows::new(count, plan.edges.iter().flat_map(|&(a, b)| [(a, b), (b, a)]).collect::<Vec<_>>().into_iter());
    let mut part_of = PerNode::<usize>::new(count);
    let mut parts: Vec<Part> = Vec::new();
    let mut seen = PerNode::<bool>::new(count);
    for start in 0..count {
        let mut nodes: Vec<usize> = [start].into_iter().filter(|&node| seen.mark(node)).collect();
        let mut at = 0;
        while let Some(&node) = nodes.get(at) {
            part_of.set(node, parts.len());
            nodes.extend(near.row(node).iter().filter(|&&node| seen.mark(node)));
            at += 1;
        }
        if !nodes.is_empty() {
            nodes.sort_unstable();
            parts.push(Part { nodes, edges: Vec::new() });
        }
    }
    for (edge, &(source, _)) in plan.edges.iter().enumerate() {
        parts.get_mut(part_of.get(source)).into_iter().for_each(|part| part.edges.push(edge));
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.nodes.len()));
    parts
}

//! What dependants demand of their dependencies: the effective objective (the tightest of a node's own and those
//! of everything that needs it) and the inherited criticality.
//!
//! A demand follows hard requirements. A redundancy group passes it to the `needed` members with the best stated
//! values only: the rest are spares, and a slow spare breaks no promise.

use crate::{
    adjacency::PerNode,
    graph::Graph,
    model::{Criticality, Node},
    reach::closure,
    structure::components,
};

/// One of the two objectives that dependants pass down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    /// Recovery time.
    Rto,
    /// Recovery point.
    Rpo,
}

impl Objective {
    /// What the node states.
    pub(crate) fn of(self, node: &Node) -> Option<f64> {
        match self {
            Self::Rto => node.rto_hours,
            Self::Rpo => node.rpo_hours,
        }
    }
}

/// An effective objective and the node that it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Demand {
    pub(crate) hours: f64,
    pub(crate) from: usize,
}

/// The (source, target) pairs along which an objective is passed down.
pub(crate) fn bearing(graph: &Graph, objective: Objective) -> Vec<(usize, usize)> {
    let stated = |node: usize| graph.at(node).and_then(|node| objective.of(node));
    let mut pairs = Vec::new();
    for (number, need) in graph.needs.iter() {
        let mut members = graph.needs.members(number).to_vec();
        if need.spare > 0 {
            let key = |node: usize| stated(node).unwrap_or(f64::INFINITY);
            members.sort_by(|a, b| key(*a).total_cmp(&key(*b)).then(a.cmp(b)));
            members.truncate(members.len() - need.spare);
        }
        pairs.extend(members.into_iter().map(|member| (need.source, member)));
    }
    pairs
}

/// The effective objective of every node: the minimum of what it states and what all its dependants state. None
/// where nobody states anything.
pub(crate) fn demands(graph: &Graph, objective: Objective, bearing: &[(usize, usize)]) -> PerNode<Option<Demand>> {
    let components = components(graph.len(), bearing.iter().copied());
    let mut demands = PerNode::<Option<Demand>>::new(graph.len());
    for (from, node) in graph.nodes().iter().enumerate() {
        demands.set(from, objective.of(node).map(|hours| Demand { hours, from }));
    }
    let rows = crate::adjacency::Rows::new(graph.len(), bearing.iter().copied());
    // Dependants first. The members of a cycle all depend on each other, so they share the tightest demand.
    for nodes in components.members.iter().rev() {
        let tightest = nodes.iter().filter_map(|&node| demands.get(node)).reduce(tighter);
        for &node in nodes {
            demands.set(node, tightest);
            for &target in rows.row(node) {
                let both = demands.get(target).into_iter().chain(tightest);
                demands.set(target, both.reduce(tighter));
            }
        }
    }
    demands
}

/// The tighter of two demands, the first where they are equal: a node's own comes first.
fn tighter(a: Demand, b: Demand) -> Demand {
    if b.hours < a.hours { b } else { a }
}

/// The criticality of every node: the highest of its own and of everything that needs it (hard requirements, spares
/// of groups included). None for an asset that nothing needs.
pub(crate) fn importance(graph: &Graph) -> PerNode<Option<Criticality>> {
    let mut importance = PerNode::<Option<Criticality>>::new(graph.len());
    let members = |node: usize| graph.needs.of(node).iter().flat_map(|&need| graph.needs.members(need)).copied();
    for &criticality in Criticality::ALL {
        let starts = graph.nodes().iter().enumerate();
        let starts = starts.filter(|(_, node)| node.criticality == Some(criticality)).map(|(at, _)| at);
        for (node, found) in closure(graph.len(), starts, members).iter() {
            if found && importance.get(node).is_none() {
                importance.set(node, Some(criticality));
            }
        }
    }
    importance
}

/// What a node counts in shares: the weight of its importance, and the least weight where nothing needs it, so
/// that an inventory without dependencies still shows where it lies.
pub(crate) fn weight(importance: Option<Criticality>) -> f64 {
    importance.unwrap_or(Criticality::Administrative).weight()
}

//! What stops when something fails.
//!
//! - A node that fails is down.
//! - A node is down when a node that it requires (hard, outside groups) is down, or when fewer members of one of
//!   its redundancy groups are up than the group needs.
//! - A node that is not down is *degraded* when something it depends on by any edge is down, or when something it
//!   cannot do without is degraded.
//!
//! The states are the least fixed point: only what the failures force is down, so the members of a cycle hold each
//! other up until one of them fails. One evaluation takes time in proportion to the part of the graph that fails.

use uuid::Uuid;

use crate::{
    adjacency::PerNode,
    error::ContinuityError,
    graph::Graph,
    model::{Node, NodeRef},
};

/// How a node is after a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As before.
    #[default]
    Up,
    /// Working, with less below it than it should have.
    Degraded,
    /// Not working.
    Down,
}

/// The state of every node after a failure.
#[derive(Clone, Debug)]
pub struct Outcome<'g> {
    graph: &'g Graph,
    states: PerNode<State>,
}

/// The states after these nodes have failed together.
pub fn fail(graph: &Graph, failed: impl IntoIterator<Item = Uuid>) -> Result<Outcome<'_>, ContinuityError> {
    let failed = failed.into_iter().map(|id| graph.find(id)).collect::<Result<Vec<_>, _>>()?;
    Ok(Outcome { graph, states: states(graph, failed) })
}

impl<'g> Outcome<'g> {
    /// The state of a node; a node that is not there is up.
    pub fn state(&self, id: Uuid) -> State {
        self.graph.index(id).map_or(State::Up, |node| self.states.get(node))
    }

    /// The nodes in a state, in the order of the graph.
    pub fn nodes(&self, state: State) -> impl Iterator<Item = &'g Node> {
        let graph = self.graph;
        self.states.iter().filter(move |(_, is)| *is == state).filter_map(|(node, _)| graph.at(node))
    }
}

/// The states after the failure of some nodes, by index.
pub(crate) fn states(graph: &Graph, failed: impl IntoIterator<Item = usize>) -> PerNode<State> {
    let mut states = PerNode::new(graph.len());
    let mut lost = PerNode::<usize>::new(graph.needs.len());
    let mut down: Vec<usize> = Vec::new();
    for node in failed {
        if states.get(node) != State::Down {
            states.set(node, State::Down);
            down.push(node);
        }
    }
    let mut at = 0;
    while let Some(&node) = down.get(at) {
        at += 1;
        for &number in graph.needs.counting(node) {
            let Some(need) = graph.needs.get(number) else { continue };
            lost.set(number, lost.get(number) + 1);
            if lost.get(number) > need.spare && states.get(need.source) != State::Down {
                states.set(need.source, State::Down);
                down.push(need.source);
            }
        }
    }
    let mut degraded: Vec<usize> = down.iter().flat_map(|&node| graph.sources(node)).collect();
    while let Some(node) = degraded.pop() {
        if states.get(node) == State::Up {
            states.set(node, State::Degraded);
            let needs = graph.needs.counting(node).iter().filter_map(|&number| graph.needs.get(number));
            degraded.extend(needs.filter(|need| need.spare == 0).map(|need| need.source));
        }
    }
    states
}

/// Everything that depends on a node, over any edges and any number of steps, without the node itself.
pub fn dependants(graph: &Graph, id: Uuid) -> Result<Vec<NodeRef>, ContinuityError> {
    let start = graph.find(id)?;
    Ok(names(graph, start, &closure(graph.len(), [start], |node| graph.sources(node))))
}

/// Everything that a node depends on, over any edges and any number of steps, without the node itself.
pub fn dependencies(graph: &Graph, id: Uuid) -> Result<Vec<NodeRef>, ContinuityError> {
    let start = graph.find(id)?;
    Ok(names(graph, start, &closure(graph.len(), [start], |node| graph.targets(node))))
}

fn names(graph: &Graph, start: usize, found: &PerNode<bool>) -> Vec<NodeRef> {
    let others = found.iter().filter(|&(node, found)| found && node != start);
    others.filter_map(|(node, _)| Some(graph.at(node)?.to_ref())).collect()
}

/// The nodes that can be reached from some nodes, themselves included.
pub(crate) fn closure<I: Iterator<Item = usize>>(
    nodes: usize,
    starts: impl IntoIterator<Item = usize>,
    next: impl Fn(usize) -> I,
) -> PerNode<bool> {
    let mut found = PerNode::new(nodes);
    let mut open: Vec<usize> = starts.into_iter().filter(|&node| found.mark(node)).collect();
    while let Some(node) = open.pop() {
        open.extend(next(node).filter(|&node| found.mark(node)));
    }
    found
}

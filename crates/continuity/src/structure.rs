//! The shape of the graph, whatever its edges mean: cycles, levels, articulation points, dominators. The
//! algorithms are petgraph's iterative ones: the recursive kind would overflow the stack on a chain of 10,000.

use petgraph::{
    algo::{articulation_points::articulation_points as cut_nodes, dominators::simple_fast, kosaraju_scc},
    graph::{DiGraph, NodeIndex, UnGraph},
};
use uuid::Uuid;

use crate::{
    adjacency::{PerNode, Rows},
    graph::Graph,
    model::NodeRef,
};

/// Strongly connected components, dependencies first: an edge never leads from an earlier to a later one.
pub(crate) struct Components {
    /// The component of each node.
    pub(crate) of: PerNode<usize>,
    /// The nodes of each component, in the order of the input.
    pub(crate) members: Vec<Vec<usize>>,
}

/// The components of nodes 0 to `nodes` under these (source, target) edges.
pub(crate) fn components(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> Components {
    let mut graph = DiGraph::<(), (), usize>::with_capacity(nodes, 0);
    (0..nodes).for_each(|_| {
        graph.add_node(());
    });
    graph.extend_with_edges(edges);
    let mut of = PerNode::new(nodes);
    let mut members = Vec::new();
    for (number, component) in kosaraju_scc(&graph).into_iter().enumerate() {
        let mut nodes: Vec<usize> = component.into_iter().map(NodeIndex::index).collect();
        nodes.sort_unstable();
        nodes.iter().for_each(|&node| of.set(node, number));
        members.push(nodes);
    }
    Components { of, members }
}

/// The order of recovery: components and levels over the edges that bind.
pub(crate) struct Ordering {
    /// Cycles that cannot be taken apart, and single nodes; dependencies first.
    pub(crate) components: Components,
    /// The level of each node.
    pub(crate) levels: PerNode<usize>,
}

/// Orders the nodes, dependencies first. A soft or supporting edge inside a cycle does not bind: its source can
/// start without it, so the cycle opens there. What is still a cycle is one of hard requirements.
pub(crate) fn ordering(graph: &Graph) -> Ordering {
    let whole = components(graph.len(), graph.ends().iter().copied());
    let edges = graph.edges().iter().zip(graph.ends());
    let binding: Vec<(usize, usize)> = edges
        .filter(|(edge, (source, target))| edge.can_stop() || whole.of.get(*source) != whole.of.get(*target))
        .map(|(_, ends)| *ends)
        .collect();
    let components = components(graph.len(), binding.iter().copied());
    let below = Rows::new(graph.len(), binding.into_iter());
    let mut levels = PerNode::new(graph.len());
    for (number, nodes) in components.members.iter().enumerate() {
        let targets = nodes.iter().flat_map(|&node| below.row(node));
        let outside = targets.filter(|&&target| components.of.get(target) != number);
        let level = outside.map(|&target| levels.get(target) + 1).max().unwrap_or(0);
        nodes.iter().for_each(|&node| levels.set(node, level));
    }
    Ordering { components, levels }
}

/// The level of every node, in the order of [`Graph::nodes`]: the length of the longest chain of dependencies
/// below it, where the members of a cycle count as one. Level 0 depends on nothing. A cycle opens at its soft and
/// supporting edges, if it has any.
pub fn levels(graph: &Graph) -> Vec<usize> {
    ordering(graph).levels.iter().map(|(_, level)| level).collect()
}

/// The cycles: each maximal set of nodes that depend on each other, by any edges.
pub fn cycles(graph: &Graph) -> Vec<Vec<NodeRef>> {
    let mut cycles = components(graph.len(), graph.ends().iter().copied()).members;
    cycles.retain(|nodes| nodes.len() > 1);
    cycles.sort_unstable();
    let named = |nodes: Vec<usize>| nodes.into_iter().filter_map(|node| Some(graph.at(node)?.to_ref())).collect();
    cycles.into_iter().map(named).collect()
}

/// The nodes whose removal would cut the picture into more pieces than it has, were the edges without direction
/// and meaning. A hint, not a verdict: what stops is said by [`crate::reach`].
pub fn articulation_points(graph: &Graph) -> Vec<Uuid> {
    let table = articulation_table(graph);
    graph.nodes().iter().enumerate().filter(|(at, _)| table.get(*at)).map(|(_, node)| node.id).collect()
}

pub(crate) fn articulation_table(graph: &Graph) -> PerNode<bool> {
    let mut view = UnGraph::<(), (), usize>::with_capacity(graph.len(), graph.ends().len());
    (0..graph.len()).for_each(|_| {
        view.add_node(());
    });
    view.extend_with_edges(graph.ends().iter().copied());
    let mut table = PerNode::new(graph.len());
    cut_nodes(&view).into_iter().for_each(|node| table.set(node.index(), true));
    table
}

/// The dominator tree from a virtual root that is wired to every process: one node dominates another when every
/// way from any process to the other leads through it. Over all edges, whatever they mean.
pub struct Dominators<'g> {
    graph: &'g Graph,
    immediate: PerNode<Option<usize>>,
    dominated: PerNode<usize>,
}

/// Finds the dominators.
pub fn dominators(graph: &Graph) -> Dominators<'_> {
    let root = graph.len();
    let mut view = DiGraph::<(), (), usize>::with_capacity(root + 1, graph.ends().len());
    (0..=root).for_each(|_| {
        view.add_node(());
    });
    view.extend_with_edges(graph.processes().map(|process| (root, process)));
    view.extend_with_edges(graph.ends().iter().copied());
    let found = simple_fast(&view, NodeIndex::new(root));
    let mut immediate = PerNode::new(root);
    (0..root).for_each(|node| {
        immediate.set(node, found.immediate_dominator(NodeIndex::new(node)).map(NodeIndex::index));
    });
    // From the leaves of the tree to its root, each node hands its count up.
    let children = Rows::new(root + 1, immediate.iter().filter_map(|(node, above)| Some((above?, node))));
    let mut order = vec![root];
    let mut at = 0;
    while let Some(&node) = order.get(at) {
        order.extend_from_slice(children.row(node));
        at += 1;
    }
    let mut dominated = PerNode::new(root);
    for &node in order.iter().rev() {
        if let Some(above) = immediate.get(node) {
            dominated.set(above, dominated.get(above) + dominated.get(node) + 1);
        }
    }
    Dominators { graph, immediate, dominated }
}

impl Dominators<'_> {
    /// The closest dominator of a node; none when that is the virtual root, or when no process leads to the node.
    pub fn immediate(&self, id: Uuid) -> Option<Uuid> {
        Some(self.graph.at(self.immediate.get(self.graph.index(id)?)?)?.id)
    }

    /// How many other nodes a node dominates.
    pub fn dominated(&self, id: Uuid) -> usize {
        self.graph.index(id).map_or(0, |node| self.count(node))
    }

    pub(crate) fn count(&self, node: usize) -> usize {
        self.dominated.get(node)
    }
}

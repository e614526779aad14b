//! The graph: nodes and dependencies, checked once and indexed, so that every calculation after it is total.
//!
//! Beside the plain adjacency it holds the dependencies as *needs*: "this node stops when more than `spare` of
//! these members are down". All hard requirements of a node outside groups are one need without spares; each
//! redundancy group is one with `members - needed` spares. That form is what the k-of-n rules work on.

use std::collections::{HashMap, HashSet};

use grc_kernel::Checker;
use uuid::Uuid;

use crate::{
    adjacency::Rows,
    error::ContinuityError,
    model::{Edge, Node, NodeKind},
};

/// Processes, assets and the dependencies between them.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    by_id: HashMap<Uuid, usize>,
    ends: Vec<(usize, usize)>,
    outgoing: Rows,
    incoming: Rows,
    pub(crate) needs: Needs,
}

/// The hard requirements in k-of-n form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    all: Vec<Need>,
    members: Rows,
    of_node: Rows,
    with_member: Rows,
}

/// One need: its source stops when more than `spare` of its members are down.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) source: usize,
    pub(crate) spare: usize,
    /// The group's name and how many members it asks for; none for the hard requirements outside groups.
    pub(crate) group: Option<(String, u32)>,
}

impl Needs {
    /// A need by its number.
    pub(crate) fn get(&self, need: usize) -> Option<&Need> {
        self.all.get(need)
    }

    /// The nodes that a need counts.
    pub(crate) fn members(&self, need: usize) -> &[usize] {
        self.members.row(need)
    }

    /// The needs of a node.
    pub(crate) fn of(&self, node: usize) -> &[usize] {
        self.of_node.row(node)
    }

    /// The needs that count a node.
    pub(crate) fn counting(&self, node: usize) -> &[usize] {
        self.with_member.row(node)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Every need with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Need)> + Clone {
        self.all.iter().enumerate()
    }

    fn new(nodes: usize, edges: &[Edge], ends: &[(usize, usize)]) -> Self {
        let mut numbers: HashMap<(usize, Option<&str>), usize> = HashMap::new();
        let mut all: Vec<Need> = Vec::new();
        let mut pairs = Vec::new();
        for (edge, &(source, target)) in edges.iter().zip(ends).filter(|(edge, _)| edge.can_stop()) {
            let group = group_of(edge);
            let number = *numbers.entry((source, group)).or_insert_with(|| {
                all.push(Need { source, spare: 0, group: group.map(|name| (name.to_owned(), 1)) });
                all.len() - 1
            });
            // Only some members may say how many are needed; the check saw to it that they agree.
            if let (Some(Need { group: Some((_, needed)), .. }), Some(said)) = (all.get_mut(number), edge.needed) {
                *needed = said;
            }
            pairs.push((number, target));
        }
        let members = Rows::new(all.len(), pairs.iter().copied());
        for (number, need) in all.iter_mut().enumerate() {
            if let Some((_, needed)) = need.group {
                // A group that asks for more members than it has needs them all; `consistency` reports it.
                let needed = usize::try_from(needed).unwrap_or(usize::MAX);
                need.spare = members.row(number).len().saturating_sub(needed);
            }
        }
        let of_node = Rows::new(nodes, all.iter().enumerate().map(|(number, need)| (need.source, number)));
        let with_member = Rows::new(nodes, pairs.iter().map(|&(number, member)| (member, number)));
        Self { all, members, of_node, with_member }
    }
}

impl Graph {
    /// Checks and indexes. Every mistake is found before any is reported: ids that occur twice, numbers below
    /// zero, ends that are not there, groups whose members disagree on `needed`. A dependency of a node on itself
    /// and a second one between the same two nodes are a conflict. Cycles are welcome.
    pub fn new(nodes: Vec<Node>, edges: Vec<Edge>) -> Result<Self, ContinuityError> {
        let mut check = Checker::new();
        let mut by_id = HashMap::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            check_node(&mut check, at, node);
            if by_id.insert(node.id, at).is_some() {
                check.note(format!("nodes[{at}].id"), "duplicate", "occurs twice");
            }
        }
        let ends = check_edges(&mut check, &by_id, &edges);
        check.finish()?;
        let mut seen = HashSet::with_capacity(ends.len());
        for (at, &(source, target)) in ends.iter().enumerate() {
            if source == target {
                return Err(ContinuityError::Conflict(format!("edges[{at}]: a node cannot depend on itself")));
            }
            if !seen.insert((source, target)) {
                return Err(ContinuityError::Conflict(format!("edges[{at}]: this dependency exists already")));
            }
        }
        let outgoing = Rows::new(nodes.len(), ends.iter().enumerate().map(|(at, &(source, _))| (source, at)));
        let incoming = Rows::new(nodes.len(), ends.iter().enumerate().map(|(at, &(_, target))| (target, at)));
        let needs = Needs::new(nodes.len(), &edges, &ends);
        Ok(Self { nodes, edges, by_id, ends, outgoing, incoming, needs })
    }

    /// The nodes, in the order given.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The dependencies, in the order given.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// A node by its id.
    pub fn node(&self, id: Uuid) -> Option<&Node> {
        self.at(self.index(id)?)
    }

    pub(crate) fn index(&self, id: Uuid) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn find(&self, id: Uuid) -> Result<usize, ContinuityError> {
        self.index(id).ok_or(ContinuityError::NotFound(id))
    }

    pub(crate) fn at(&self, node: usize) -> Option<&Node> {
        self.nodes.get(node)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// (source, target) of every edge.
    pub(crate) fn ends(&self) -> &[(usize, usize)] {
        &self.ends
    }

    /// What a node depends on, by any edge.
    pub(crate) fn targets(&self, node: usize) -> impl Iterator<Item = usize> + Clone {
        self.outgoing.row(node).iter().filter_map(|&edge| Some(self.ends.get(edge)?.1))
    }

    /// What depends on a node, by any edge.
    pub(crate) fn sources(&self, node: usize) -> impl Iterator<Item = usize> + Clone {
        self.incoming.row(node).iter().filter_map(|&edge| Some(self.ends.get(edge)?.0))
    }

    /// The indices of the processes.
    pub(crate) fn processes(&self) -> impl Iterator<Item = usize> + Clone {
        self.nodes.iter().enumerate().filter(|(_, node)| node.kind == NodeKind::Process).map(|(at, _)| at)
    }
}

/// The group of an edge; an empty name is none.
fn group_of(edge: &Edge) -> Option<&str> {
    edge.redundancy_group.as_deref().map(str::trim).filter(|name| !name.is_empty())
}

fn check_node(check: &mut Checker, at: usize, node: &Node) {
    let numbers = [
        ("rto_hours", node.rto_hours),
        ("rpo_hours", node.rpo_hours),
        ("mtd_hours", node.mtd_hours),
        ("restore_hours", node.restore_hours),
        ("sla_hours", node.sla_hours),
        ("hourly_loss", node.hourly_loss),
    ];
    let impacts = node.impacts.iter().map(|impact| ("impacts", Some(impact.band_hours)));
    for (field, value) in numbers.into_iter().chain(impacts) {
        if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
            check.note(format!("nodes[{at}].{field}"), "out_of_range", "must be a number from 0");
        }
    }
}

/// Finds the ends of the edges. An unknown end is noted and stands in as no node, so that the rest is checked too.
fn check_edges(check: &mut Checker, by_id: &HashMap<Uuid, usize>, edges: &[Edge]) -> Vec<(usize, usize)> {
    let mut said: HashMap<(Uuid, &str), u32> = HashMap::new();
    let mut ends = Vec::with_capacity(edges.len());
    for (at, edge) in edges.iter().enumerate() {
        let mut end = |field: &str, id: Uuid| {
            by_id.get(&id).copied().unwrap_or_else(|| {
                check.note(format!("edges[{at}].{field}"), "unknown", "is not a node of the graph");
                usize::MAX
            })
        };
        ends.push((end("source", edge.source), end("target", edge.target)));
        let field = || format!("edges[{at}].needed");
        match (group_of(edge), edge.needed) {
            (_, Some(0)) => check.note(field(), "out_of_range", "must be from 1"),
            (None, Some(_)) => check.note(field(), "no_group", "makes sense in a redundancy group only"),
            (Some(group), Some(needed)) => {
                if *said.entry((edge.source, group)).or_insert(needed) != needed {
                    check.note(field(), "inconsistent", "must be the same on each member of the group");
                }
            }
            (_, None) => {}
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Fault, FaultKind};

    use super::*;
    use crate::model::{AssetType, Criticality};

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn nodes(n: u128) -> Vec<Node> {
        (0..n).map(|n| Node::asset(id(n), "x", AssetType::Other)).collect()
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let mut nodes = nodes(3);
        nodes.push(Node { rto_hours: Some(f64::NAN), ..Node::process(id(1), "p", Criticality::Administrative) });
        let edges = vec![
            Edge::requires(id(0), id(9)),
            Edge::requires(id(0), id(1)).in_group("g", 1),
            Edge::requires(id(0), id(2)).in_group(" g ", 2),
            Edge { needed: Some(1), ..Edge::requires(id(2), id(1)) },
            Edge::requires(id(2), id(0)).in_group("g", 0),
        ];
        let error = Graph::new(nodes, edges).unwrap_err();
        assert_eq!(error.kind(), FaultKind::Invalid);
        let fields: Vec<_> = error.fields().into_iter().map(|error| (error.field, error.code)).collect();
        let expected = [
            ("nodes[3].rto_hours", "out_of_range"),
            ("nodes[3].id", "duplicate"),
            ("edges[0].target", "unknown"),
            ("edges[2].needed", "inconsistent"),
            ("edges[3].needed", "no_group"),
            ("edges[4].needed", "out_of_range"),
        ];
        assert_eq!(fields, expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn loops_and_duplicates_are_conflicts_and_cycles_are_not() {
        let soft = Edge::supports(id(0), id(1)).soft();
        for edges in [vec![Edge::requires(id(0), id(0))], vec![Edge::requires(id(0), id(1)), soft]] {
            assert_eq!(Graph::new(nodes(2), edges).unwrap_err().kind(), FaultKind::Conflict);
        }
        assert!(Graph::new(nodes(2), vec![Edge::requires(id(0), id(1)), Edge::requires(id(1), id(0))]).is_ok());
        assert!(Graph::new(Vec::new(), Vec::new()).is_ok());
    }

    #[test]
    fn needs_count_hard_requirements_only_and_a_group_never_needs_more_than_it_has() {
        let edges = vec![
            Edge::requires(id(0), id(1)),
            Edge::requires(id(0), id(2)),
            Edge::requires(id(0), id(3)).soft(),
            Edge::requires(id(0), id(4)).in_group("g", 3),
            Edge { needed: None, ..Edge::requires(id(0), id(5)).in_group("g", 3) },
            Edge::supports(id(0), id(6)).in_group("g", 3),
            Edge::requires(id(1), id(5)).in_group("g", 1),
            Edge::requires(id(1), id(6)).in_group("g", 1),
        ];
        let graph = Graph::new(nodes(7), edges).unwrap();
        let seen: Vec<_> =
            graph.needs.iter().map(|(n, need)| (need.source, graph.needs.members(n).to_vec(), need.spare)).collect();
        assert_eq!(seen, [(0, vec![1, 2], 0), (0, vec![4, 5], 0), (1, vec![5, 6], 1)]);
    }
}

//! Single points of failure: the nodes whose removal alone stops a critical process.
//!
//! Removing every node in turn would be right and slow. Two facts make it quick:
//!
//! - "The failure of v stops u" is a closure: it is transitive. Nodes that need each other outright, without
//!   spares, therefore share one *fate*; each such cycle is a single candidate.
//! - All removals obey the same rule, u is stopped by whatever stops more than `spare` members of one of its needs,
//!   so 512 removals are evaluated at once, one in each bit, dependencies first. Only cycles that lead through
//!   redundancy groups need more than one look, and a queue gives them exactly as many as they need.
//!
//! The columns `articulation` and `dominates` come from [`crate::structure`]: they tell of shape, over all edges.

use std::{cmp::Reverse, collections::VecDeque};

use crate::{
    adjacency::{PerNode, Rows},
    graph::Graph,
    model::{Criticality, NodeRef},
    structure::{Components, articulation_table, components, dominators},
};

/// A single point of failure.
#[derive(Clone, Debug, PartialEq)]
pub struct SinglePoint {
    /// The node.
    pub node: NodeRef,
    /// How many other processes stop with it.
    pub processes_lost: usize,
    /// How many of them are critical.
    pub critical_lost: usize,
    /// The shortest RTO among the other processes that stop.
    pub tightest_rto_hours: Option<f64>,
    /// Whether it is an articulation point of the picture.
    pub articulation: bool,
    /// How many nodes no process reaches but through it.
    pub dominates: usize,
}

/// What may be adjusted.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The least criticality at which the loss of a process makes a single point of failure.
    pub critical_from: Criticality,
}

impl Default for Options {
    /// Mission critical and business critical processes count.
    fn default() -> Self {
        Self { critical_from: Criticality::BusinessCritical }
    }
}

/// Finds them, the gravest first: by critical processes lost, then the tightest RTO, then all processes lost, then
/// nodes dominated. A process is not its own single point of failure.
pub fn single_points(graph: &Graph, options: Options) -> Vec<SinglePoint> {
    let fates = Fates::new(graph);
    let tolls = fates.tolls(graph, options);
    let articulation = articulation_table(graph);
    let dominators = dominators(graph);
    let mut points: Vec<SinglePoint> = graph
        .nodes()
        .iter()
        .enumerate()
        .filter_map(|(at, node)| {
            let toll = tolls.get(fates.components.of.get(at))?.without(graph, at, options);
            (toll.critical > 0).then(|| SinglePoint {
                node: node.to_ref(),
                processes_lost: toll.processes,
                critical_lost: toll.critical,
                tightest_rto_hours: toll.tightest.first().copied().flatten().map(|(hours, _)| hours),
                articulation: articulation.get(at),
                dominates: dominators.count(at),
            })
        })
        .collect();
    points.sort_by(|a, b| {
        let hours = |point: &SinglePoint| point.tightest_rto_hours.unwrap_or(f64::INFINITY);
        (b.critical_lost.cmp(&a.critical_lost))
            .then_with(|| hours(a).total_cmp(&hours(b)))
            .then_with(|| Reverse((a.processes_lost, a.dominates)).cmp(&Reverse((b.processes_lost, b.dominates))))
            .then_with(|| a.node.cmp(&b.node))
    });
    points
}

/// What a removal costs: other processes, and the two tightest RTOs with their nodes, so that the removed node can
/// be left out.
#[derive(Clone, Copy, Debug, Default)]
struct Toll {
    processes: usize,
    critical: usize,
    tightest: [Option<(f64, usize)>; 2],
}

impl Toll {
    fn add(&mut self, other: &Self) {
        self.processes += other.processes;
        self.critical += other.critical;
        for (hours, node) in other.tightest.into_iter().flatten() {
            let [first, second] = &mut self.tightest;
            if first.is_none_or(|(known, _)| hours < known) {
                *second = first.replace((hours, node));
            } else if second.is_none_or(|(known, _)| hours < known) {
                *second = Some((hours, node));
            }
        }
    }

    fn of(graph: &Graph, at: usize, options: Options) -> Self {
        let Some(node) = graph.at(at).filter(|node| node.is_process()) else { return Self::default() };
        let critical = node.criticality.is_some_and(|is| is <= options.critical_from);
        let tightest = [node.rto_hours.map(|hours| (hours, at)), None];
        Self { processes: 1, critical: usize::from(critical), tightest }
    }

    fn without(mut self, graph: &Graph, at: usize, options: Options) -> Self {
        let own = Self::of(graph, at, options);
        self.processes = self.processes.saturating_sub(own.processes);
        self.critical = self.critical.saturating_sub(own.critical);
        if self.tightest.first().copied().flatten().is_some_and(|(_, node)| node == at) {
            self.tightest.rotate_left(1);
        }
        self
    }
}

/// How many 64-bit words of removals are evaluated at once. Eight keep the working set of 10,000 fates below a
/// megabyte.
const WORDS: usize = 8;
type Removals = [u64; WORDS];

/// The needs, between nodes of one fate merged.
struct Fates {
    /// Fate of each node.
    components: Components,
    /// The needs of each fate.
    needs: Rows,
    /// The fates that look at a fate.
    watchers: Rows,
    /// Fates in an order of evaluation: each group at once, dependencies first.
    groups: Components,
}

impl Fates {
    fn new(graph: &Graph) -> Self {
        let pairs = |spares: bool| {
            let needs = graph.needs.iter().filter(move |(_, need)| spares || need.spare == 0);
            needs
                .flat_map(|(number, need)| graph.needs.members(number).iter().map(move |&member| (need.source, member)))
        };
        let components = components(graph.len(), pairs(false));
        let fate = |node: usize| components.of.get(node);
        let count = components.members.len();
        let needs = Rows::new(count, graph.needs.iter().map(|(number, need)| (fate(need.source), number)));
        let between = || pairs(true).map(|(source, member)| (fate(source), fate(member)));
        let watchers =
            Rows::new(count, between().map(|(source, member)| (member, source)).collect::<Vec<_>>().into_iter());
        let groups = self::components(count, between());
        Self { components, needs, watchers, groups }
    }

    /// What the removal of each fate costs, itself included.
    fn tolls(&self, graph: &Graph, options: Options) -> Vec<Toll> {
        let count = self.components.members.len();
        let own: Vec<Toll> = (self.components.members.iter())
            .map(|nodes| {
                let mut toll = Toll::default();
                nodes.iter().for_each(|&node| toll.add(&Toll::of(graph, node, options)));
                toll
            })
            .collect();
        let mut tolls = vec![Toll::default(); count];
        let order: Vec<usize> = self.groups.members.iter().flatten().copied().collect();
        let mut queued = PerNode::new(count);
        for batch in order.chunks(WORDS * 64) {
            let mut stopped_by = PerNode::<Removals>::new(count);
            // Nothing before the group of the batch's first fate depends on the batch.
            let first = batch.first().map_or(0, |&fate| self.groups.of.get(fate));
            for (bit, &fate) in batch.iter().enumerate() {
                stopped_by.set(fate, single(bit));
            }
            for group in self.groups.members.iter().skip(first) {
                self.settle(graph, group, &mut stopped_by, &mut queued);
            }
            for fate in self.groups.members.iter().skip(first).flatten() {
                let Some(own) = own.get(*fate).filter(|own| own.processes > 0) else { continue };
                for bit in bits(stopped_by.get(*fate)) {
                    if let Some(toll) = batch.get(bit).and_then(|&candidate| tolls.get_mut(candidate)) {
                        toll.add(own);
                    }
                }
            }
        }
        tolls
    }

    /// Finds the least solution for the fates of one group, all groups below being settled.
    fn settle(&self, graph: &Graph, group: &[usize], stopped_by: &mut PerNode<Removals>, queued: &mut PerNode<bool>) {
        if let [single] = group {
            self.look(graph, *single, stopped_by);
            return;
        }
        let mut queue: VecDeque<usize> = group.iter().copied().filter(|&fate| queued.mark(fate)).collect();
        while let Some(fate) = queue.pop_front() {
            queued.set(fate, false);
            if self.look(graph, fate, stopped_by) {
                let watchers = self.watchers.row(fate).iter().copied();
                let inside = watchers.filter(|&other| self.groups.of.get(other) == self.groups.of.get(fate));
                queue.extend(inside.filter(|&other| queued.mark(other)));
            }
        }
    }

    /// Evaluates one fate; whether anything was added.
    fn look(&self, graph: &Graph, fate: usize, stopped_by: &mut PerNode<Removals>) -> bool {
        let before = stopped_by.get(fate);
        let mut after = before;
        for &number in self.needs.row(fate) {
            let Some(need) = graph.needs.get(number) else { continue };
            let members = graph.needs.members(number).iter();
            let members = members.map(|&member| stopped_by.get(self.components.of.get(member)));
            join(&mut after, more_than(need.spare, members));
        }
        stopped_by.set(fate, after);
        after != before
    }
}

/// The removals that stop more than `spare` of the members.
fn more_than(spare: usize, members: impl Iterator<Item = Removals>) -> Removals {
    if spare == 0 {
        return members.fold([0; WORDS], |mut any, member| {
            join(&mut any, member);
            any
        });
    }
    // Entry n holds the removals that stopped more than n members so far: a counter of its own for each bit.
    let mut over = vec![[0_u64; WORDS]; spare + 1];
    for member in members {
        let mut carry = member;
        for level in &mut over {
            for (level, carry) in level.iter_mut().zip(&mut carry) {
                (*level, *carry) = (*level | *carry, *level & *carry);
            }
        }
    }
    over.last().copied().unwrap_or_default()
}

fn join(into: &mut Removals, other: Removals) {
    into.iter_mut().zip(other).for_each(|(into, other)| *into |= other);
}

fn single(bit: usize) -> Removals {
    let mut removals = [0; WORDS];
    if let Some(word) = removals.get_mut(bit / 64) {
        *word = 1 << (bit % 64);
    }
    removals
}

/// The positions of the bits that are set.
fn bits(removals: Removals) -> impl Iterator<Item = usize> {
    removals.into_iter().enumerate().flat_map(|(at, mut word)| {
        std::iter::from_fn(move || {
            let bit = usize::try_from(word.trailing_zeros()).ok().filter(|&bit| bit < 64)?;
            word &= word - 1;
            Some(at * 64 + bit)
        })
    })
}

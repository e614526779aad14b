//! The recovery plan of one process: everything it depends on, in tiers, dependencies first.
//!
//! - A tier is a level of [`crate::structure::levels`], from 1. The members of a cycle of hard requirements lie in
//!   one tier and are recovered together (`co_recover`).
//! - Inside a tier the item with the tightest effective RTO comes first, then the more critical one.
//! - An item begins when what it cannot do without is back: its hard requirements, and of each redundancy group
//!   the `needed` fastest members. Soft and supporting dependencies order the tiers but hold nothing up.
//! - It takes `restore_hours`. An asset without them is taken to need its stated RTO. A process without them
//!   resumes as soon as what it needs is back: its RTO is a demand, not a duration.
//! - The members of a cycle begin together, once everything outside it that any of them waits for is back, and are
//!   done together, when the slowest is.
//! - A tier's `finish_hours` is when the last of its items is back, each on its own critical path. A later tier may
//!   therefore be done before a slow item of an earlier one that it does not wait for.

use uuid::Uuid;

use crate::{
    adjacency::{PerNode, exceeds},
    demand::{Objective, bearing, demands, importance},
    error::ContinuityError,
    graph::Graph,
    model::{Criticality, Node, NodeKind, NodeRef},
    reach::closure,
    structure::{Ordering, ordering},
};

/// A recovery plan.
#[derive(Clone, Debug, PartialEq)]
pub struct DrPlan {
    /// The process that it recovers.
    pub process: NodeRef,
    /// What to recover, in order.
    pub tiers: Vec<Tier>,
    /// When the process is back, in hours after the work begins.
    pub finish_hours: f64,
    /// The processes that are back too late.
    pub missed: Vec<Missed>,
}

/// Items that are recovered side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// Its place, from 1.
    pub tier: usize,
    /// The longest RTO among its items.
    pub rto_hours: Option<f64>,
    /// Its items, the most urgent first.
    pub items: Vec<Item>,
    /// The cycles in it, each as the items that have to be recovered together.
    pub co_recover: Vec<Vec<Uuid>>,
    /// When the last of its items is back.
    pub finish_hours: f64,
}

/// One thing to recover.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What.
    pub node: NodeRef,
    /// Its RTO as stated, or as its dependants demand it.
    pub rto_hours: Option<f64>,
    /// The tightest RTO among its own and its dependants'.
    pub effective_rto_hours: Option<f64>,
    /// How critical it or its most critical dependant is.
    pub criticality: Option<Criticality>,
    /// When its recovery begins.
    pub start_hours: f64,
    /// When it is back.
    pub finish_hours: f64,
    /// Whether nobody says how long an asset takes; it counts as 0 hours.
    pub duration_unknown: bool,
}

/// A process that is back too late.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// Which.
    pub process_id: Uuid,
    /// What it asks for.
    pub rto_hours: f64,
    /// What it gets.
    pub finish_hours: f64,
}

/// Plans the recovery of one process, or of one asset, from nothing.
pub fn plan(graph: &Graph, process: Uuid) -> Result<DrPlan, ContinuityError> {
    let root = graph.find(process)?;
    let part = closure(graph.len(), [root], |node| graph.targets(node));
    let ordering = ordering(graph);
    let times = times(graph, &ordering, &part);
    let effective = demands(graph, Objective::Rto, &bearing(graph, Objective::Rto));
    let importance = importance(graph);

    let inside = part.iter().filter(|(_, inside)| *inside).map(|(node, _)| node);
    let mut items: Vec<(usize, usize, Item)> = inside
        .filter_map(|at| {
            let node = graph.at(at)?;
            let effective_rto_hours = effective.get(at).map(|demand| demand.hours);
            let item = Item {
                node: node.to_ref(),
                rto_hours: node.rto_hours.or(effective_rto_hours),
                effective_rto_hours,
                criticality: importance.get(at),
                start_hours: times.get(at).0,
                finish_hours: times.get(at).1,
                duration_unknown: !node.is_process() && duration(node).is_none(),
            };
            Some((ordering.levels.get(at), at, item))
        })
        .collect();
    items.sort_by(|(level, at, item), (other_level, other_at, other)| {
        let urgency = |item: &Item| item.effective_rto_hours.unwrap_or(f64::INFINITY);
        let rank = |item: &Item| (item.criticality.is_none(), item.criticality);
        (level.cmp(other_level))
            .then_with(|| urgency(item).total_cmp(&urgency(other)))
            .then_with(|| rank(item).cmp(&rank(other)))
            .then_with(|| item.node.name.cmp(&other.node.name))
            .then_with(|| at.cmp(other_at))
    });

    let missed = items.iter().filter_map(|(_, _, item)| item.missed()).collect();
    let mut tiers: Vec<Tier> = Vec::new();
    for level in items.chunk_by(|(a, _, _), (b, _, _)| a == b) {
        let mut cycles: Vec<usize> = level.iter().map(|(_, at, _)| ordering.components.of.get(*at)).collect();
        cycles.sort_unstable();
        cycles.dedup();
        let members = cycles.iter().filter_map(|&cycle| ordering.components.members.get(cycle));
        let ids = |nodes: &Vec<usize>| nodes.iter().filter_map(|&at| Some(graph.at(at)?.id)).collect();
        tiers.push(Tier {
            tier: tiers.len() + 1,
            rto_hours: level.iter().filter_map(|(_, _, item)| item.rto_hours).reduce(f64::max),
            co_recover: members.filter(|nodes| nodes.len() > 1).map(ids).collect(),
            finish_hours: level.iter().map(|(_, _, item)| item.finish_hours).fold(0.0, f64::max),
            items: level.iter().map(|(_, _, item)| item.clone()).collect(),
        });
    }
    let process = graph.at(root).ok_or(ContinuityError::NotFound(process))?.to_ref();
    Ok(DrPlan { process, tiers, finish_hours: times.get(root).1, missed })
}

impl Item {
    fn missed(&self) -> Option<Missed> {
        let rto_hours = self.rto_hours?;
        let late = self.node.kind == NodeKind::Process && exceeds(self.finish_hours, rto_hours);
        late.then_some(Missed { process_id: self.node.id, rto_hours, finish_hours: self.finish_hours })
    }
}

/// How long recovering a node takes by itself.
fn duration(node: &Node) -> Option<f64> {
    node.restore_hours.or(if node.is_process() { Some(0.0) } else { node.rto_hours })
}

/// When the recovery of each node begins and ends.
fn times(graph: &Graph, ordering: &Ordering, part: &PerNode<bool>) -> PerNode<(f64, f64)> {
    let mut times = PerNode::<(f64, f64)>::new(graph.len());
    for nodes in &ordering.components.members {
        if !nodes.iter().any(|&node| part.get(node)) {
            continue;
        }
        let wait = |need: usize| {
            let spare = graph.needs.get(need).map_or(0, |need| need.spare);
            // Members of the same cycle still stand at 0 here: they come back with the source and delay nothing.
            let mut ready: Vec<f64> = graph.needs.members(need).iter().map(|&member| times.get(member).1).collect();
            ready.sort_by(f64::total_cmp);
            ready.len().checked_sub(spare + 1).and_then(|last| ready.get(last).copied()).unwrap_or(0.0)
        };
        let start = nodes.iter().flat_map(|&node| graph.needs.of(node)).map(|&need| wait(need)).fold(0.0, f64::max);
        let slowest = nodes.iter().filter_map(|&node| duration(graph.at(node)?)).fold(0.0, f64::max);
        nodes.iter().for_each(|&node| times.set(node, (start, start + slowest)));
    }
    times
}

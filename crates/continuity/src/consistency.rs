//! Whether what is stated can be true together.
//!
//! | kind | it is a conflict when |
//! |---|---|
//! | `rto`, direct | u requires v, and v's stated RTO is longer than u's |
//! | `rto`, transitive | v's stated RTO is longer than the shortest among all its dependants, near and far |
//! | `rpo` | the same with the RPO |
//! | `sla` | a contract promises a recovery later than the shortest RTO of the node and its dependants |
//! | `exercise` | the last exercise of a plan took longer than the RTO of its process |
//! | `rto_over_mtd` | a node's RTO is longer than its MTD |
//! | `no_slack` | they are equal: a warning, for nothing may go wrong |
//!
//! Only hard requirements make demands, and of a redundancy group only the `needed` members with the best stated
//! values are held to them. A node with both a direct and a transitive conflict appears with both. Reviews and
//! exercises are stale after 12 months (ISO 22301:2019 asks for planned intervals, 8.5 and 9; the length is ours).

use std::collections::HashSet;

use grc_kernel::wire_enum;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    adjacency::exceeds,
    demand::{Objective, bearing, demands},
    graph::Graph,
    model::{Node, NodeRef},
    structure::cycles,
};

wire_enum! {
    /// What contradicts what; the table above says when.
    pub enum ConflictKind {
        /// A recovery time objective.
        Rto = "rto",
        /// A recovery point objective.
        Rpo = "rpo",
        /// The recovery that a contract promises.
        Sla = "sla",
        /// What an exercise showed.
        Exercise = "exercise",
        /// An objective beyond what is tolerable.
        RtoOverMtd = "rto_over_mtd",
        /// An objective at the edge of what is tolerable.
        NoSlack = "no_slack",
    }
}

impl ConflictKind {
    /// Whether it is worth a look rather than wrong.
    pub fn is_warning(self) -> bool {
        self == Self::NoSlack
    }
}

/// Two statements that do not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// What about.
    pub kind: ConflictKind,
    /// Who demands. For statements of one node about itself, that node.
    pub dependant: NodeRef,
    /// Who does not comply.
    pub dependency: NodeRef,
    /// What is demanded.
    pub required_hours: f64,
    /// What is stated, promised or shown.
    pub stated_hours: f64,
    /// Whether the demand is the minimum over all dependants rather than that of one edge.
    pub transitive: bool,
}

wire_enum! {
    /// What has not been done for too long.
    pub enum StaleKind {
        /// The review of a process.
        Review = "review",
        /// The exercise of a recovery plan.
        Exercise = "exercise",
    }
}

/// Something that was last done more than 12 months ago, or never.
#[derive(Clone, Debug, PartialEq)]
pub struct Stale {
    /// What.
    pub kind: StaleKind,
    /// The id of the process or of the plan.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it was done, if ever.
    pub last_at: Option<OffsetDateTime>,
}

/// A redundancy group that asks for more members than it has. All of them are taken to be needed.
#[derive(Clone, Debug, PartialEq)]
pub struct ShortGroup {
    /// Whose group.
    pub source: NodeRef,
    /// Its name.
    pub group: String,
    /// How many it asks for.
    pub needed: u32,
    /// How many it has, hard requirements only.
    pub members: usize,
}

/// A recovery plan in force, as far as the check looks at it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanState {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The process that it recovers.
    pub process: Option<Uuid>,
    /// When it was last exercised.
    pub last_exercised_at: Option<OffsetDateTime>,
    /// The recovery time of that exercise.
    pub achieved_rto_hours: Option<f64>,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// By kind, direct ones first, then in the order of the graph.
    pub conflicts: Vec<Conflict>,
    /// Nodes that depend on each other.
    pub cycles: Vec<Vec<NodeRef>>,
    /// Reviews and exercises that are due.
    pub stale: Vec<Stale>,
    /// Processes that nobody answers for.
    pub ownerless: Vec<NodeRef>,
    /// Groups that cannot have what they ask for.
    pub short_groups: Vec<ShortGroup>,
}

/// Checks a graph and the plans in force.
pub fn check(graph: &Graph, plans: &[PlanState], now: OffsetDateTime) -> Report {
    let mut conflicts = Vec::new();
    for (kind, objective) in [(ConflictKind::Rto, Objective::Rto), (ConflictKind::Rpo, Objective::Rpo)] {
        objectives(graph, kind, objective, &mut conflicts);
    }
    contracts(graph, &mut conflicts);
    let of_plan = |plan: &PlanState| graph.node(plan.process?);
    for (node, achieved) in plans.iter().filter_map(|plan| of_plan(plan).zip(plan.achieved_rto_hours)) {
        conflicts.extend(own(ConflictKind::Exercise, node, node.rto_hours, achieved));
    }
    for node in graph.nodes() {
        if let Some((rto, mtd)) = node.rto_hours.zip(node.mtd_hours) {
            let over = own(ConflictKind::RtoOverMtd, node, Some(mtd), rto);
            let equal = !exceeds(mtd, rto);
            let edge = || equal.then(|| conflict(ConflictKind::NoSlack, (node, node), mtd, rto, false));
            conflicts.extend(over.or_else(edge));
        }
    }
    conflicts.sort_by_key(|conflict| (conflict.kind, conflict.transitive));

    let processes = || graph.nodes().iter().filter(|node| node.is_process());
    Report {
        conflicts,
        cycles: cycles(graph),
        stale: stale(processes(), plans, now),
        ownerless: processes().filter(|node| !node.has_owner).map(Node::to_ref).collect(),
        short_groups: short_groups(graph),
    }
}

/// Objectives that are longer than a dependant's.
fn objectives(graph: &Graph, kind: ConflictKind, objective: Objective, conflicts: &mut Vec<Conflict>) {
    let bearing = bearing(graph, objective);
    for &(source, target) in &bearing {
        if let Some((u, v)) = graph.at(source).zip(graph.at(target))
            && let Some((required, stated)) = objective.of(u).zip(objective.of(v))
            && exceeds(stated, required)
        {
            conflicts.push(conflict(kind, (u, v), required, stated, false));
        }
    }
    for (at, demand) in demands(graph, objective, &bearing).iter() {
        if let Some((demand, v)) = demand.zip(graph.at(at))
            && let Some((u, stated)) = graph.at(demand.from).zip(objective.of(v))
            && exceeds(stated, demand.hours)
        {
            conflicts.push(conflict(kind, (u, v), demand.hours, stated, true));
        }
    }
}

/// Contracts that promise less than is demanded, each against its tightest demand.
fn contracts(graph: &Graph, conflicts: &mut Vec<Conflict>) {
    let bearing = bearing(graph, Objective::Rto);
    let direct: HashSet<(usize, usize)> = bearing.iter().copied().collect();
    for (at, demand) in demands(graph, Objective::Rto, &bearing).iter() {
        if let Some((demand, v)) = demand.zip(graph.at(at))
            && let Some((u, promised)) = graph.at(demand.from).zip(v.sla_hours)
            && exceeds(promised, demand.hours)
        {
            let near = demand.from == at || direct.contains(&(demand.from, at));
            conflicts.push(conflict(ConflictKind::Sla, (u, v), demand.hours, promised, !near));
        }
    }
}

fn conflict(kind: ConflictKind, (u, v): (&Node, &Node), required: f64, stated: f64, transitive: bool) -> Conflict {
    let (dependant, dependency) = (u.to_ref(), v.to_ref());
    Conflict { kind, dependant, dependency, required_hours: required, stated_hours: stated, transitive }
}

/// A node's conflict with itself.
fn own(kind: ConflictKind, node: &Node, required: Option<f64>, stated: f64) -> Option<Conflict> {
    let required = required.filter(|&required| exceeds(stated, required))?;
    Some(conflict(kind, (node, node), required, stated, false))
}

fn stale<'n>(processes: impl Iterator<Item = &'n Node>, plans: &[PlanState], now: OffsetDateTime) -> Vec<Stale> {
    let reviews = processes.map(|node| (StaleKind::Review, node.id, &node.name, node.last_reviewed_at));
    let exercises = plans.iter().map(|plan| (StaleKind::Exercise, plan.id, &plan.name, plan.last_exercised_at));
    let limit = year_before(now);
    reviews
        .chain(exercises)
        .filter(|(.., last_at)| last_at.is_none_or(|last_at| last_at < limit))
        .map(|(kind, id, name, last_at)| Stale { kind, id, name: name.clone(), last_at })
        .collect()
}

/// The same day 12 months earlier; for 29 February, the 28th.
fn year_before(now: OffsetDateTime) -> OffsetDateTime {
    let year = now.year() - 1;
    now.replace_year(year).or_else(|_| now.replace_day(28)?.replace_year(year)).unwrap_or(now)
}

fn short_groups(graph: &Graph) -> Vec<ShortGroup> {
    let groups = graph.needs.iter().filter_map(|(number, need)| {
        let (group, needed) = need.group.clone()?;
        let members = graph.needs.members(number).len();
        let short = usize::try_from(needed).map_or(true, |needed| needed > members);
        let source = graph.at(need.source)?.to_ref();
        short.then_some(ShortGroup { source, group, needed, members })
    });
    groups.collect()
}

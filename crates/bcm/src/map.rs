//! The organization's processes, assets and dependencies as one graph, and what is asked of it.
//!
//! Loading takes a few statements whatever the size, and is bounded: beyond [`NODES_MAX`] or [`EDGES_MAX`] the
//! questions are refused rather than answered for a part. What is loaded is plain data; the calculations are
//! functions of it without a transaction, so that a caller can run them on a thread of their own.

use std::collections::{BTreeMap, BTreeSet};

use grc_continuity::{
    ContinuityError, Criticality, Edge, Graph, Impact, Node, NodeRef,
    climate::{self, ClimateRisk, HazardTable},
    consistency::{self, PlanState, Report},
    simulate::{self, Simulation},
    spof,
    tiers::{self, DrPlan},
};
use grc_kernel::{Access, Checker, Ctx, Permission, Refusal, Uuid, kit};
use time::OffsetDateTime;

use crate::{AREA, DependencyId, End, NodeType, ProcessId, ports::Tx, process::Process};

/// The most processes and assets together that a calculation takes.
pub const NODES_MAX: usize = 20_000;
/// The most dependencies that a calculation takes.
pub const EDGES_MAX: usize = 100_000;
/// The most recovery plans that the consistency check takes.
pub const PLANS_MAX: usize = 20_000;

/// The records that make the graph.
#[derive(Clone, Debug)]
pub struct Records {
    nodes: Vec<Node>,
    edges: Vec<(DependencyId, Edge)>,
}

/// The graph, with the records that its edges come from.
#[derive(Clone, Debug)]
pub struct Map {
    /// The graph.
    pub graph: Graph,
    /// The dependency of each of its edges.
    pub dependencies: Vec<DependencyId>,
}

/// What the consistency check found, and what it adds from the plans.
#[derive(Clone, Debug)]
pub struct Review {
    /// What the rules found.
    pub report: Report,
    /// Mission and business critical processes that no plan in force brings back.
    pub without_plan: Vec<NodeRef>,
}

/// Loads the graph's records.
pub async fn load(ctx: &Ctx, tx: &mut Tx) -> Result<Records, Refusal> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    // Dependencies first: what is removed in between then only leaves an end open, which is dropped.
    let edges = tx.graph_edges(ctx.org, EDGES_MAX + 1).await?;
    let mut nodes = tx.graph_nodes(ctx.org, NODES_MAX + 1).await?;
    bounded("processes and assets", nodes.len(), NODES_MAX)?;
    bounded("dependencies", edges.len(), EDGES_MAX)?;
    let suppliers = tx.suppliers(ctx.org, ctx.now.date()).await?;
    for node in &mut nodes {
        let Some(supplier) = node.vendor.and_then(|id| suppliers.get(&id)) else { continue };
        node.sla_hours = node.sla_hours.or(supplier.sla_hours);
        node.vendor_name = Some(supplier.name.clone());
    }
    Ok(Records { nodes, edges })
}

/// Loads what the recovery of a process is planned from.
pub async fn load_for_recovery(ctx: &Ctx, tx: &mut Tx, process: ProcessId) -> Result<Records, Refusal> {
    kit::get::<Process>(ctx, tx, process).await?;
    load(ctx, tx).await
}

/// Loads what an outage is simulated on: the impact tables too.
pub async fn load_for_outage(ctx: &Ctx, tx: &mut Tx) -> Result<Records, Refusal> {
    let mut records = load(ctx, tx).await?;
    let mut tables: BTreeMap<Uuid, Vec<Impact>> = tx.graph_impacts(ctx.org).await?.into_iter().collect();
    for node in &mut records.nodes {
        node.impacts = tables.remove(&node.id).unwrap_or_default();
    }
    Ok(records)
}

/// Loads what is checked for consistency: the plans in force too.
pub async fn load_for_review(ctx: &Ctx, tx: &mut Tx) -> Result<(Records, Vec<PlanState>), Refusal> {
    let records = load(ctx, tx).await?;
    let plans = tx.plans_in_force(ctx.org, ctx.now.date(), PLANS_MAX + 1).await?;
    bounded("recovery plans in force", plans.len(), PLANS_MAX)?;
    Ok((records, plans))
}

fn bounded(what: &str, count: usize, most: usize) -> Result<(), Refusal> {
    if count <= most {
        return Ok(());
    }
    Err(Refusal::Conflict(format!("there are more than {most} {what}: the graph is not calculated beyond that")))
}

impl Records {
    /// Builds the graph.
    pub fn into_map(self) -> Result<Map, Refusal> {
        let known: BTreeSet<Uuid> = self.nodes.iter().map(|node| node.id).collect();
        let whole = |edge: &Edge| known.contains(&edge.source) && known.contains(&edge.target);
        let (dependencies, edges) = self.edges.into_iter().filter(|(_, edge)| whole(edge)).unzip();
        let graph = Graph::new(self.nodes, edges).map_err(refused)?;
        Ok(Map { graph, dependencies })
    }
}

/// Plans the recovery of a process.
pub fn recovery(graph: &Graph, process: ProcessId) -> Result<DrPlan, Refusal> {
    tiers::plan(graph, process.0).map_err(refused)
}

/// Simulates the failure of some nodes for some hours.
pub fn outage(graph: &Graph, failed: &[End], hours: f64) -> Result<Simulation, Refusal> {
    let mut check = Checker::new();
    check.ensure(!failed.is_empty(), "nodes", "too_few", "needs at least 1 entry");
    for (i, end) in failed.iter().enumerate() {
        let node = graph.node(end.id);
        let known = node.is_some_and(|node| node.is_process() == (end.kind == NodeType::Process));
        check.ensure(known, &format!("nodes[{i}].id"), "unknown_reference", format!("there is no such {}", end.kind));
    }
    check.finish()?;
    let ids: Vec<Uuid> = failed.iter().map(|end| end.id).collect();
    simulate::run(graph, &ids, hours).map_err(refused)
}

/// Checks the graph and the plans in force.
pub fn review(graph: &Graph, plans: &[PlanState], now: OffsetDateTime) -> Review {
    let planned: BTreeSet<Uuid> = plans.iter().filter_map(|plan| plan.process).collect();
    let critical =
        |node: &&Node| node.is_process() && node.criticality.is_some_and(|is| is <= Criticality::BusinessCritical);
    let without_plan = graph.nodes().iter().filter(critical).filter(|node| !planned.contains(&node.id));
    Review { report: consistency::check(graph, plans, now), without_plan: without_plan.map(Node::to_ref).collect() }
}

/// Assesses the climate risk of the graph, its single points of failure and its concentration.
pub fn climate_risk(graph: &Graph, table: &HazardTable) -> ClimateRisk {
    climate::assess(graph, table, spof::Options::default())
}

fn refused(error: ContinuityError) -> Refusal {
    match error {
        ContinuityError::Invalid(fields) => Refusal::Invalid(fields),
        ContinuityError::Conflict(detail) => Refusal::Conflict(detail),
        ContinuityError::NotFound(_) => Refusal::NotFound("process"),
    }
}

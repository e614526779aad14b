//! The calculations' results as JSON text, member by member as the shapes declare them.
//!
//! The long lists are written entry by entry: a graph of the largest size would take some hundred megabytes as JSON
//! values.

use grc_bcm::{
    DependencyId,
    continuity::{
        Edge, Node, NodeKind, NodeRef,
        climate::{ClimateRisk, RegionRisk},
        concentration::Concentration,
        consistency::{Conflict, ShortGroup, Stale},
        simulate::{ImpactCell, LostProcess, Simulation},
        spof::SinglePoint,
        tiers::{DrPlan, Item, Missed, Tier},
    },
    map::{Map, Review},
};
use grc_kernel::record::timestamp_value;
use serde_json::{Value, json};

fn named(node: &NodeRef) -> Value {
    json!({"id": node.id, "type": node.kind.as_str(), "name": node.name})
}

fn list<'a, T: 'a>(items: impl IntoIterator<Item = &'a T>, each: impl Fn(&T) -> Value) -> Value {
    items.into_iter().map(each).collect()
}

/// A JSON object that is written member by member.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn name(mut self, name: &str) -> Self {
        self.0.push_str(if self.0.len() > 1 { ",\"" } else { "\"" });
        self.0.push_str(name);
        self.0.push_str("\":");
        self
    }

    /// A member of any value.
    fn with(self, name: &str, value: impl Into<Value>) -> Self {
        let mut object = self.name(name);
        object.0.push_str(&value.into().to_string());
        object
    }

    /// A member that is a list.
    fn list<T>(self, name: &str, items: impl IntoIterator<Item = T>, each: impl Fn(T) -> Value) -> Self {
        let mut object = self.name(name);
        object.0.push('[');
        for (i, item) in items.into_iter().enumerate() {
            object.0.push_str(if i > 0 { "," } else { "" });
            object.0.push_str(&each(item).to_string());
        }
        object.0.push(']');
        object
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// The graph.
pub(super) fn graph(map: &Map) -> String {
    let node = |node: &Node| {
        let asset_type = match node.kind {
            NodeKind::Asset(kind) => Some(kind.as_str()),
            NodeKind::Process => None,
        };
        json!({
            "id": node.id, "type": node.kind.as_str(), "name": node.name, "asset_type": asset_type,
            "criticality": node.criticality.map(|is| is.as_str()), "rto_hours": node.rto_hours,
            "rpo_hours": node.rpo_hours, "region": node.region, "provider": node.provider,
        })
    };
    let edge = |(edge, id): (&Edge, &DependencyId)| {
        json!({
            "id": id.0, "source": edge.source, "target": edge.target, "dependency_type": edge.dependency_type.as_str(),
            "strength": edge.strength.as_str(), "redundancy_group": edge.redundancy_group, "needed": edge.needed,
        })
    };
    let edges = map.graph.edges().iter().zip(&map.dependencies);
    Object::new().list("nodes", map.graph.nodes(), node).list("edges", edges, edge).end()
}

/// A recovery plan out of the graph.
pub(super) fn dr_plan(plan: &DrPlan) -> String {
    let item = |item: &Item| {
        json!({
            "id": item.node.id, "type": item.node.kind.as_str(), "name": item.node.name, "rto_hours": item.rto_hours,
            "effective_rto_hours": item.effective_rto_hours, "criticality": item.criticality.map(|is| is.as_str()),
            "start_hours": item.start_hours, "finish_hours": item.finish_hours,
            "duration_unknown": item.duration_unknown,
        })
    };
    let tier = |tier: &Tier| {
        json!({
            "tier": tier.tier, "rto_hours": tier.rto_hours, "items": list(&tier.items, item),
            "co_recover": tier.co_recover, "finish_hours": tier.finish_hours,
        })
    };
    let missed = |missed: &Missed| {
        json!({
            "process_id": missed.process_id, "rto_hours": missed.rto_hours, "finish_hours": missed.finish_hours,
        })
    };
    Object::new()
        .with("process", named(&plan.process))
        .list("tiers", &plan.tiers, tier)
        .with("finish_hours", plan.finish_hours)
        .list("missed", &plan.missed, missed)
        .end()
}

/// The consistency check.
pub(super) fn consistency(review: &Review) -> String {
    let conflict = |conflict: &Conflict| {
        json!({
            "kind": conflict.kind.as_str(), "warning": conflict.kind.is_warning(),
            "dependant": named(&conflict.dependant), "dependency": named(&conflict.dependency),
            "required_hours": conflict.required_hours, "stated_hours": conflict.stated_hours,
            "transitive": conflict.transitive,
        })
    };
    let stale = |stale: &Stale| {
        json!({
            "kind": stale.kind.as_str(), "id": stale.id, "name": stale.name,
            "last_at": timestamp_value(stale.last_at),
        })
    };
    let short = |group: &ShortGroup| {
        json!({
            "source": named(&group.source), "group": group.group, "needed": group.needed, "members": group.members,
        })
    };
    let report = &review.report;
    Object::new()
        .list("conflicts", &report.conflicts, conflict)
        .list("cycles", &report.cycles, |cycle| list(cycle, named))
        .list("stale", &report.stale, stale)
        .list("ownerless", &report.ownerless, named)
        .list("without_plan", &review.without_plan, named)
        .list("short_groups", &report.short_groups, short)
        .end()
}

/// A simulated outage.
pub(super) fn outage(simulation: &Simulation) -> String {
    let lost = |lost: &LostProcess| {
        json!({
            "id": lost.process.id, "type": lost.process.kind.as_str(), "name": lost.process.name,
            "criticality": lost.criticality.map(|is| is.as_str()), "breach_at_hours": lost.breach_at_hours,
            "mtd_breach_at_hours": lost.mtd_breach_at_hours, "loss": lost.loss, "gross_loss": lost.gross_loss,
        })
    };
    let impact = |cell: &ImpactCell| {
        json!({
            "category": cell.category.as_str(), "band_hours": cell.band_hours, "level": cell.level,
            "processes": cell.processes,
        })
    };
    Object::new()
        .with("duration_hours", simulation.duration_hours)
        .list("lost", &simulation.lost, lost)
        .list("assets_down", &simulation.assets_down, named)
        .list("degraded", &simulation.degraded, named)
        .with("first_breach_hours", simulation.first_breach_hours)
        .with("loss", simulation.loss)
        .with("gross_loss", simulation.gross_loss)
        .list("impacts", &simulation.impacts, impact)
        .end()
}

/// The climate risk, the single points of failure and the concentration.
pub(super) fn climate(risk: &ClimateRisk) -> String {
    let point = |point: &SinglePoint| {
        json!({
            "node": named(&point.node), "processes_lost": point.processes_lost, "critical_lost": point.critical_lost,
            "tightest_rto_hours": point.tightest_rto_hours, "articulation": point.articulation,
            "dominates": point.dominates,
        })
    };
    Object::new()
        .with("table", risk.table.as_str())
        .list("regions", &risk.regions, region)
        .list("unassessed", &risk.unassessed, |region| json!(region))
        .with("unplaced", risk.unplaced)
        .list("single_points_of_failure", &risk.single_points, point)
        .list("concentration", &risk.concentrations, concentration)
        .list("warnings", &risk.warnings, |warning| json!(warning))
        .end()
}

fn region(region: &RegionRisk) -> Value {
    let hazards = region.hazards.iter().map(|hazard| {
        json!({
            "hazard": hazard.hazard.as_str(), "nature": hazard.hazard.nature().as_str(),
            "family": hazard.hazard.family().as_str(), "level": hazard.level, "score": hazard.score,
        })
    });
    json!({
        "region": region.region, "known_as": region.known_as, "nodes": region.nodes, "exposure": region.exposure,
        "vulnerability": region.vulnerability, "processes_lost": list(&region.processes_lost, named),
        "hazards": hazards.collect::<Value>(), "score": region.score,
    })
}

fn concentration(found: &Concentration) -> Value {
    let shares =
        found.shares.iter().map(|share| json!({"label": share.label, "share": share.share, "nodes": share.nodes}));
    json!({
        "dimension": found.dimension.as_str(), "hhi": found.hhi, "band": found.band.as_str(),
        "effective_number": found.effective_number, "shares": shares.collect::<Value>(), "unplaced": found.unplaced,
    })
}

//! What the calculations over the graph take and answer with.

use grc_bcm::{
    End, NodeType,
    continuity::{
        AssetType, Criticality, DependencyType, ImpactCategory, Strength,
        climate::{Family, Hazard, Nature},
        concentration::{Band, Dimension},
        consistency::{ConflictKind, StaleKind},
        simulate::DURATION_MAX,
    },
    map::{EDGES_MAX, NODES_MAX},
};
use grc_kernel::resource::Nested;

use crate::{
    http::shape::{Shaped, Ty, must, null},
    shapes,
};

/// Hours, money, weights: any number from 0.
const AMOUNT: Ty = Ty::Number(0.0, f64::MAX);
const COUNT: Ty = Ty::Int(0, i64::MAX);
const SHARE: Ty = Ty::Number(0.0, 1.0);
const NODES: Ty = Ty::List(&Ty::Object(NamedNode::SHAPE), NODES_MAX);
/// More than lists of findings, which grow with nodes and dependencies together, ever have.
const MANY: usize = 1_000_000;
/// Words of the rules, of no more than a sentence.
const TEXT: Ty = Ty::Text(1_000);

shapes! {
    /// Nothing need be said.
    ContinuityNothing [&[]],
    /// A process or an asset, with its name.
    NamedNode [&[
        must("id", Ty::Id, "Its id."),
        must("type", Ty::Word(NodeType::NAMES), "Whether it is a process or an asset."),
        must("name", Ty::Line(200), "Its name."),
    ]],
    /// A process or an asset in the graph.
    GraphNode [&[
        must("id", Ty::Id, "Its id."),
        must("type", Ty::Word(NodeType::NAMES), "Whether it is a process or an asset."),
        must("name", Ty::Line(200), "Its name."),
        null("asset_type", Ty::Word(AssetType::NAMES), "What an asset is; null for a process."),
        null("criticality", Ty::Word(Criticality::NAMES), "How critical a process is; null for an asset."),
        null("rto_hours", AMOUNT, "Its recovery time objective."),
        null("rpo_hours", AMOUNT, "Its recovery point objective."),
        null("region", Ty::Line(200), "Where an asset is."),
        null("provider", Ty::Line(200), "Whose infrastructure an asset runs on."),
    ]],
    /// A dependency in the graph.
    GraphEdge [&[
        must("id", Ty::Id, "The dependency."),
        must("source", Ty::Id, "What depends."),
        must("target", Ty::Id, "What it depends on."),
        must("dependency_type", Ty::Word(DependencyType::NAMES), "What the dependency means."),
        must("strength", Ty::Word(Strength::NAMES), "Whether the loss of the target stops the source."),
        null("redundancy_group", Ty::Line(100), "What the target is one of."),
        null("needed", Ty::Int(1, 1_000), "How many of the group have to work."),
    ]],
    /// All processes and assets, and what depends on what.
    DependencyGraph [&[
        must("nodes", Ty::List(&Ty::Object(GraphNode::SHAPE), NODES_MAX), "Processes, then assets."),
        must("edges", Ty::List(&Ty::Object(GraphEdge::SHAPE), EDGES_MAX), "Dependencies, from what depends."),
    ]],
    /// Something to recover.
    DrPlanItem [&[
        must("id", Ty::Id, "Its id."),
        must("type", Ty::Word(NodeType::NAMES), "Whether it is a process or an asset."),
        must("name", Ty::Line(200), "Its name."),
        null("rto_hours", AMOUNT, "Its objective as stated, or as its dependants demand it."),
        null("effective_rto_hours", AMOUNT, "The tightest objective among its own and its dependants'."),
        null("criticality", Ty::Word(Criticality::NAMES), "How critical it or its most critical dependant is."),
        must("start_hours", AMOUNT, "When its recovery begins."),
        must("finish_hours", AMOUNT, "When it is back."),
        must("duration_unknown", Ty::Bool, "Whether nobody says how long it takes; it counts as 0 hours."),
    ]],
    /// What is recovered side by side.
    DrPlanTier [&[
        must("tier", Ty::Int(1, i64::MAX), "Its place, from 1."),
        null("rto_hours", AMOUNT, "The longest objective among its items."),
        must("items", Ty::List(&Ty::Object(DrPlanItem::SHAPE), NODES_MAX), "What to recover, the most urgent first."),
        must("co_recover", Ty::List(&Ty::List(&Ty::Id, NODES_MAX), NODES_MAX), "Cycles in it: items that only come back together."),
        must("finish_hours", AMOUNT, "When the last of its items is back, each on its own critical path."),
    ]],
    /// A process that is back too late.
    MissedRecovery [&[
        must("process_id", Ty::Id, "Which."),
        must("rto_hours", AMOUNT, "What it asks for."),
        must("finish_hours", AMOUNT, "What it gets."),
    ]],
    /// The recovery of a process from nothing, dependencies first.
    DrPlan [&[
        must("process", Ty::Object(NamedNode::SHAPE), "The process."),
        must("tiers", Ty::List(&Ty::Object(DrPlanTier::SHAPE), NODES_MAX), "What to recover, in order."),
        must("finish_hours", AMOUNT, "When the process is back, in hours after the work begins."),
        must("missed", Ty::List(&Ty::Object(MissedRecovery::SHAPE), NODES_MAX), "Every process whose objective the plan misses."),
    ]],
    /// Two statements that do not fit.
    ConsistencyConflict [&[
        must("kind", Ty::Word(ConflictKind::NAMES), "What about."),
        must("warning", Ty::Bool, "Whether it is worth a look rather than wrong."),
        must("dependant", Ty::Object(NamedNode::SHAPE), "Who demands; for statements of one node about itself, that node."),
        must("dependency", Ty::Object(NamedNode::SHAPE), "Who does not comply."),
        must("required_hours", AMOUNT, "What is demanded."),
        must("stated_hours", AMOUNT, "What is stated, promised or shown."),
        must("transitive", Ty::Bool, "Whether the demand is the tightest of all dependants, near and far, rather than that of one dependency."),
    ]],
    /// Something that was last done more than 12 months ago, or never.
    StaleItem [&[
        must("kind", Ty::Word(StaleKind::NAMES), "What was not done: the review of a process, the exercise of a plan."),
        must("id", Ty::Id, "The process or plan."),
        must("name", Ty::Line(200), "Its name."),
        null("last_at", Ty::Time, "When it was last done."),
    ]],
    /// A redundancy group that asks for more members than it has.
    ShortGroup [&[
        must("source", Ty::Object(NamedNode::SHAPE), "Whose group."),
        must("group", Ty::Line(100), "Its name."),
        must("needed", COUNT, "How many it asks for."),
        must("members", COUNT, "How many it has, hard requirements only."),
    ]],
    /// What does not fit together, and what is due.
    ConsistencyReport [&[
        must("conflicts", Ty::List(&Ty::Object(ConsistencyConflict::SHAPE), MANY), "By kind, direct ones first."),
        must("cycles", Ty::List(&NODES, NODES_MAX), "What depends on itself by way of others."),
        must("stale", Ty::List(&Ty::Object(StaleItem::SHAPE), MANY), "Reviews and exercises that are due."),
        must("ownerless", NODES, "Processes that nobody answers for."),
        must("without_plan", NODES, "Mission and business critical processes without an active recovery plan."),
        must("short_groups", Ty::List(&Ty::Object(ShortGroup::SHAPE), EDGES_MAX), "Groups that cannot have what they ask for."),
    ]],
    /// An outage to simulate.
    OutageRequest [&[
        must("nodes", Ty::List(&Ty::Object(End::SHAPE), 1_000), "What fails."),
        must("duration_hours", Ty::Number(0.0, DURATION_MAX), "For how long."),
    ]],
    /// A process that stops.
    LostProcess [&[
        must("id", Ty::Id, "Its id."),
        must("type", Ty::Word(NodeType::NAMES), "process."),
        must("name", Ty::Line(200), "Its name."),
        null("criticality", Ty::Word(Criticality::NAMES), "How critical it is."),
        null("breach_at_hours", AMOUNT, "When it passes its recovery time objective; null where the outage is shorter."),
        null("mtd_breach_at_hours", AMOUNT, "When it passes its maximum tolerable downtime; likewise."),
        must("loss", AMOUNT, "Money lost beyond the objective."),
        must("gross_loss", AMOUNT, "Money lost over the whole outage."),
    ]],
    /// The harm of one kind once the outage has lasted so long.
    OutageImpact [&[
        must("category", Ty::Word(ImpactCategory::NAMES), "The kind of harm."),
        must("band_hours", AMOUNT, "The age of the outage."),
        must("level", Ty::Int(0, 5), "The worst level among the processes that stopped."),
        must("processes", COUNT, "How many of them do harm of this kind by then."),
    ]],
    /// What an outage does. Money is in the organization's currency.
    Outage [&[
        must("duration_hours", AMOUNT, "How long it lasts."),
        must("lost", Ty::List(&Ty::Object(LostProcess::SHAPE), NODES_MAX), "The processes that stop, the first to pass its limit first."),
        must("assets_down", NODES, "The assets that stop, the failed ones included."),
        must("degraded", NODES, "The processes that go on with less below them."),
        null("first_breach_hours", AMOUNT, "When the first process passes its limit."),
        must("loss", AMOUNT, "The sum of the processes' losses."),
        must("gross_loss", AMOUNT, "The sum of the processes' gross losses."),
        must("impacts", Ty::List(&Ty::Object(OutageImpact::SHAPE), MANY), "The harm as it grows, as far as impact tables say."),
    ]],
    /// A node whose loss alone stops a critical process.
    SinglePointOfFailure [&[
        must("node", Ty::Object(NamedNode::SHAPE), "The node."),
        must("processes_lost", COUNT, "How many other processes stop with it."),
        must("critical_lost", COUNT, "How many of them are mission or business critical."),
        null("tightest_rto_hours", AMOUNT, "The shortest objective among the processes that stop."),
        must("articulation", Ty::Bool, "Whether the picture falls apart without it."),
        must("dominates", COUNT, "How many nodes no process reaches but through it."),
    ]],
    /// One value's share.
    ConcentrationShare [&[
        must("label", Ty::Text(200), "The value; for a vendor or site its name."),
        must("share", SHARE, "The part of the weight of all nodes that have a value."),
        must("nodes", COUNT, "How many nodes lie there, in whole or in part."),
    ]],
    /// How much lies in one place or hand.
    Concentration [&[
        must("dimension", Ty::Word(Dimension::NAMES), "What the nodes have in common."),
        must("hhi", Ty::Number(0.0, 10_000.0), "The Herfindahl-Hirschman index, weighted by criticality."),
        must("band", Ty::Word(Band::NAMES), "How to read it: from 1,000 moderate, above 1,800 high."),
        must("effective_number", AMOUNT, "How many equal shares would have this index."),
        must("shares", Ty::List(&Ty::Object(ConcentrationShare::SHAPE), NODES_MAX), "The shares, the largest first."),
        must("unplaced", COUNT, "How many nodes have no value here and are left out."),
    ]],
    /// A hazard in a region.
    HazardScore [&[
        must("hazard", Ty::Word(Hazard::NAMES), "One of the 28 of the EU taxonomy."),
        must("nature", Ty::Word(Nature::NAMES), "Whether it strikes or creeps."),
        must("family", Ty::Word(Family::NAMES), "What it is about."),
        must("level", SHARE, "The hazard table's value."),
        must("score", SHARE, "Level x exposure x vulnerability."),
    ]],
    /// The climate risk of one region.
    RegionRisk [&[
        must("region", Ty::Text(200), "Its name, as the assets give it, in lower case."),
        must("known_as", TEXT, "Its name in the hazard table."),
        must("nodes", COUNT, "How many nodes lie there."),
        must("exposure", SHARE, "Its share of the weighted nodes."),
        must("vulnerability", SHARE, "How little stands in for it."),
        must("processes_lost", NODES, "The processes that stop when all of it fails."),
        must("hazards", Ty::List(&Ty::Object(HazardScore::SHAPE), 28), "Its hazards, the highest score first."),
        must("score", SHARE, "The highest of their scores."),
    ]],
    /// Physical climate risk, single points of failure and concentration. Scores rank; they are no probabilities.
    ClimateRisk [&[
        must("table", TEXT, "What the hazard table says about itself; to be shown wherever the scores are."),
        must("regions", Ty::List(&Ty::Object(RegionRisk::SHAPE), NODES_MAX), "The regions that the table knows, the highest score first."),
        must("unassessed", Ty::List(&Ty::Text(200), NODES_MAX), "The regions that it does not know."),
        must("unplaced", COUNT, "How many nodes lie in no region."),
        must("single_points_of_failure", Ty::List(&Ty::Object(SinglePointOfFailure::SHAPE), NODES_MAX), "The gravest first."),
        must("concentration", Ty::List(&Ty::Object(Concentration::SHAPE), 4), "By region, provider, vendor and site."),
        must("warnings", Ty::List(&TEXT, MANY), "What a reader should not overlook, in sentences."),
    ]],
}

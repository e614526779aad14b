//! A business impact analysis: what the organization does, how soon it must be back, and what stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use grc_bcm::{
    Exercise, Plan, Process,
    continuity::{
        Criticality, Graph, Node, NodeRef,
        climate::{ClimateRisk, HazardTable},
        consistency::PlanState,
        tiers::DrPlan,
    },
    map::{self, Records, Review},
    plan::PlanId,
};
use grc_document::{
    Block, Chart, Data, Document, Fact, Ink, Section, Table, Tone, Value,
    chart::{Curve, Link, Scale, Span, Vertex},
    num::{coordinate, float},
    value::said,
};
use grc_kernel::{Ctx, ListQuery, Refusal, Resource, UserId, Uuid};
use grc_risk::Scenario;
use grc_uow::Uow;
use time::OffsetDateTime;

use super::{
    Frozen, Short, Wanted, all, beside, count, cut, name_of, names, narrowing, organization, scenarios, whole,
};

/// How many nodes the picture of the graph shows.
const NODES_SHOWN: usize = 40;
/// How many processes have their impact curves in one picture.
const CURVES: usize = 6;

/// Everything that was read.
struct Loaded {
    organization: String,
    processes: Vec<Process>,
    more: bool,
    owners: BTreeMap<UserId, String>,
    records: Records,
    states: Vec<PlanState>,
    plans: Vec<Plan>,
    exercises: Vec<Exercise>,
    scenarios: Vec<Scenario>,
    now: OffsetDateTime,
}

/// What was calculated of the graph.
struct Analysis {
    graph: Graph,
    review: Review,
    climate: ClimateRisk,
    recovery: Option<DrPlan>,
}

pub(super) async fn load(
    ctx: &Ctx,
    uow: &mut Uow,
    wanted: &Wanted,
    query: ListQuery,
    hazards: &HazardTable,
    short: &mut Short,
) -> Result<Frozen, Refusal> {
    let (records, states) = map::load_for_review(ctx, uow.bcm()).await?;
    let organization = organization(ctx, uow).await?;
    let (processes, more) = all::<Process, _>(ctx, uow.bcm(), &query).await?;
    let plans = beside::<Plan, _>(ctx, uow.bcm(), &whole(Plan::LIST), short).await?;
    let exercises = beside::<Exercise, _>(ctx, uow.bcm(), &whole(Exercise::LIST), short).await?;
    let scenarios = scenarios::load(ctx, uow, short).await?;
    let people: Vec<Option<UserId>> = processes.iter().map(|process| process.owner_id).collect();
    let owners = names(ctx, uow, people.into_iter()).await?;
    let loaded =
        Loaded { organization, processes, more, owners, records, states, plans, exercises, scenarios, now: ctx.now };
    let (wanted, hazards) = (wanted.clone(), hazards.clone());
    Ok(Box::new(move || loaded.compose(&wanted, &hazards)))
}

fn hours(value: f64) -> Value {
    Value::number(value, 2)
}

fn tone(criticality: Criticality) -> Tone {
    match criticality {
        Criticality::MissionCritical => Tone::Grave,
        Criticality::BusinessCritical => Tone::Bad,
        Criticality::BusinessOperational => Tone::Fair,
        Criticality::Administrative => Tone::Plain,
    }
}

fn critical(word: Criticality) -> Value {
    Value::Word(word.as_str().to_owned(), tone(word))
}

impl Loaded {
    fn compose(self, wanted: &Wanted, hazards: &HazardTable) -> Result<Document, Refusal> {
        let graph = self.records.clone().into_map()?.graph;
        let review = map::review(&graph, &self.states, self.now);
        let climate = map::climate_risk(&graph, hazards);
        // The recovery of the process that is wanted back first.
        let urgent = self.processes.iter().min_by(|a, b| {
            a.criticality.cmp(&b.criticality).then(a.rto_hours.total_cmp(&b.rto_hours)).then(a.id.0.cmp(&b.id.0))
        });
        let recovery = urgent.and_then(|process| map::recovery(&graph, process.id).ok());
        let analysis = Analysis { graph, review, climate, recovery };
        let facts = vec![
            Fact::new("as_of", "As of", Value::Date(self.now.date())),
            Fact::new("processes", "Processes", count(self.processes.len())),
            Fact::new(
                "assets",
                "Assets",
                count(analysis.graph.nodes().iter().filter(|node| !node.is_process()).count()),
            ),
            Fact::new("dependencies", "Dependencies", count(analysis.graph.edges().len())),
            narrowing(&wanted.filters),
        ];
        let mut sections = vec![
            self.overview(&analysis),
            self.impact(),
            self.table(),
            dependencies(&analysis),
            points(&analysis),
            checks(&analysis),
            concentration(&analysis),
            climate_section(&analysis),
            recovery_section(&analysis),
            self.exercises(),
        ];
        sections.extend(scenarios::sections(&self.scenarios));
        sections.push(method());
        Ok(Document {
            kind: wanted.kind.as_str().to_owned(),
            title: wanted.title.clone().unwrap_or_else(|| "Business impact analysis".to_owned()),
            organization: self.organization.clone(),
            facts,
            sections,
        })
    }

    fn overview(&self, analysis: &Analysis) -> Section {
        let tightest = self.processes.iter().map(|process| process.rto_hours).min_by(f64::total_cmp);
        let rows = Criticality::ALL.iter().map(|level| {
            let n = self.processes.iter().filter(|process| process.criticality == *level).count();
            (said(level.as_str()), vec![float(n)], n.to_string())
        });
        let data = Data::Bars { series: vec![("Processes".to_owned(), Ink::ACCENT)], rows: rows.collect() };
        let loss: f64 = self.processes.iter().filter_map(|process| process.hourly_loss).sum();
        let conflicts = analysis.review.report.conflicts.iter().filter(|conflict| !conflict.kind.is_warning()).count();
        Section::new("overview", "Overview")
            .with(Block::Figures(vec![
                Fact::new("tightest_rto_hours", "Tightest RTO, hours", Value::maybe(tightest, hours)),
                Fact::new("hourly_loss", "Loss an hour, all together", Value::number(loss, 2)),
                Fact::new("single_points", "Single points of failure", count(analysis.climate.single_points.len())),
                Fact::new("conflicts", "Times that do not fit", count(conflicts)),
            ]))
            .chart(Chart::new(
                "by_criticality",
                "Processes by criticality",
                "How many processes are how critical",
                data,
            ))
    }

    fn impact(&self) -> Section {
        let mut drawn: Vec<&Process> = self.processes.iter().filter(|process| !process.impacts.is_empty()).collect();
        drawn.sort_by(|a, b| {
            a.criticality.cmp(&b.criticality).then(a.rto_hours.total_cmp(&b.rto_hours)).then(a.id.0.cmp(&b.id.0))
        });
        let inks =
            [Ink::ACCENT, Tone::Bad.ink(), Tone::Good.ink(), Tone::Fair.ink(), Tone::Mild.ink(), Tone::Grave.ink()];
        let curves = drawn.iter().take(CURVES).zip(inks).map(|(process, ink)| {
            let mut bands: BTreeMap<u64, i64> = BTreeMap::new();
            for impact in &process.impacts {
                // Bands are not negative, so their bits are in their order.
                let level = bands.entry(impact.band_hours.to_bits()).or_default();
                *level = (*level).max(impact.level);
            }
            let mut worst = 0;
            let mut points: Vec<(f64, f64)> = Vec::new();
            for (bits, level) in bands {
                worst = worst.max(level);
                points.push((f64::from_bits(bits), coordinate(worst)));
            }
            Curve { name: process.name.clone(), ink, points, steps: true }
        });
        let curves: Vec<Curve> = curves.collect();
        let columns = [("process", "Process"), ("category", "Harm"), ("band_hours", "From hour"), ("level", "Level")];
        let rows = drawn.iter().flat_map(|process| {
            process.impacts.iter().map(|impact| {
                vec![
                    Value::text(process.name.as_str()),
                    Value::word(impact.category.as_str()),
                    hours(impact.band_hours),
                    Value::Int(impact.level),
                ]
            })
        });
        let table = Table::new("impacts", "", &columns)
            .grouped("process")
            .or_else("No process says what its absence does.")
            .rows(rows);
        let section = Section::new("impact", "Impact over time");
        if curves.is_empty() {
            return section.table(table);
        }
        let data = Data::Lines {
            across: ("Hours without the process".to_owned(), Scale::Linear),
            up: ("Worst level of harm".to_owned(), Scale::Linear),
            curves,
            marks: Vec::new(),
        };
        section
            .chart(Chart::new("impact", "Impact over time", "The worst level of harm by the age of an outage", data))
            .note("Levels from 0 (none) to 5 (the worst).")
            .table(table)
    }

    fn table(&self) -> Section {
        let columns = [
            ("name", "Process"),
            ("description", ""),
            ("criticality", "Criticality"),
            ("rto_hours", "RTO, h"),
            ("rpo_hours", "RPO, h"),
            ("mtd_hours", "MTD, h"),
            ("mbco_percent", "Least capacity, %"),
            ("hourly_loss", "Loss an hour"),
            ("peak_periods", "Peaks"),
            ("last_reviewed_on", "Reviewed"),
            ("owner", "Owner"),
        ];
        let rows = self.processes.iter().map(|process| {
            vec![
                Value::text(process.name.as_str()),
                Value::maybe(process.description.as_ref(), |text| Value::text(text.as_str())),
                critical(process.criticality),
                hours(process.rto_hours),
                hours(process.rpo_hours),
                hours(process.mtd_hours),
                Value::maybe(process.mbco_percent, |part| Value::number(part, 1)),
                Value::maybe(process.hourly_loss, |loss| Value::number(loss, 2)),
                Value::List(process.peak_periods.clone()),
                Value::maybe(process.last_reviewed_at, |at| Value::Date(at.date())),
                name_of(&self.owners, process.owner_id),
            ]
        });
        let table = Table::new("processes", "", &columns)
            .strong("name")
            .under("name", &["description", "peak_periods"])
            .under("hourly_loss", &["mbco_percent"])
            .under("owner", &["last_reviewed_on"])
            .or_else("There are no processes.")
            .rows(rows);
        cut(Section::new("processes", "Processes").table(table), self.more)
    }

    fn exercises(&self) -> Section {
        let plans: BTreeMap<PlanId, &Plan> = self.plans.iter().map(|plan| (plan.id, plan)).collect();
        let columns = [
            ("plan", "Recovery plan"),
            ("type", "Exercise"),
            ("date", "Date"),
            ("achieved_rto_hours", "Achieved RTO, h"),
            ("target_rto_hours", "Target, h"),
            ("rto_met", "Met"),
            ("result", "Result"),
            ("lessons", "Lessons"),
        ];
        let met = |flag: bool| {
            let (word, tone) = if flag { ("yes", Tone::Good) } else { ("no", Tone::Bad) };
            Value::Word(word.to_owned(), tone)
        };
        let rows = self.exercises.iter().map(|exercise| {
            vec![
                Value::text(plans.get(&exercise.plan_id).map(|plan| plan.name.as_str()).unwrap_or_default()),
                Value::word(exercise.kind.as_str()),
                Value::Date(exercise.date),
                Value::maybe(exercise.achieved_rto_hours, hours),
                Value::maybe(exercise.target_rto_hours, hours),
                Value::maybe(exercise.rto_met, met),
                Value::maybe(exercise.result.as_ref(), |text| Value::text(text.as_str())),
                Value::maybe(exercise.lessons.as_ref(), |text| Value::text(text.as_str())),
            ]
        });
        let active = self.plans.iter().filter(|plan| plan.status.as_str() == "active").count();
        Section::new("exercises", "Plans and exercises")
            .with(Block::Figures(vec![
                Fact::new("plans", "Recovery plans", count(self.plans.len())),
                Fact::new("plans_active", "Active", count(active)),
                Fact::new("exercises", "Exercises", count(self.exercises.len())),
            ]))
            .table(
                Table::new("exercises", "", &columns)
                    .strong("plan")
                    .under("result", &["lessons"])
                    .or_else("No plan was exercised.")
                    .rows(rows),
            )
    }
}

fn node(reference: &NodeRef) -> Value {
    Value::text(reference.name.as_str())
}

fn dependencies(analysis: &Analysis) -> Section {
    let nodes = analysis.graph.nodes();
    let places: BTreeMap<Uuid, usize> = nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
    let ends: Vec<(usize, usize, bool)> = analysis
        .graph
        .edges()
        .iter()
        .filter_map(|edge| Some((*places.get(&edge.source)?, *places.get(&edge.target)?, !edge.can_stop())))
        .collect();
    let grave: BTreeSet<Uuid> = analysis.climate.single_points.iter().map(|point| point.node.id).collect();
    let mut degree = vec![0_usize; nodes.len()];
    for (from, to, _) in &ends {
        for at in [from, to] {
            if let Some(n) = degree.get_mut(*at) {
                *n += 1;
            }
        }
    }
    let joined = |at: usize| degree.get(at).copied().unwrap_or(0);
    let mut shown: Vec<usize> = (0..nodes.len()).filter(|at| joined(*at) > 0).collect();
    let total = shown.len();
    shown.sort_by_key(|at| {
        let node = nodes.get(*at);
        let weight = node.and_then(|node| node.criticality).unwrap_or(Criticality::Administrative);
        (!node.is_some_and(|node| grave.contains(&node.id)), weight, std::cmp::Reverse(joined(*at)), *at)
    });
    shown.truncate(NODES_SHOWN);
    shown.sort_unstable();
    let small: BTreeMap<usize, usize> = shown.iter().enumerate().map(|(place, at)| (*at, place)).collect();
    let links: Vec<Link> = ends
        .iter()
        .filter_map(|(from, to, weak)| Some(Link { from: *small.get(from)?, to: *small.get(to)?, weak: *weak }))
        .collect();
    let layers = layers(shown.len(), &links);
    let process = |node: &Node| if node.is_process() { Ink::ACCENT } else { Tone::Good.ink() };
    let vertices = shown.iter().zip(layers).filter_map(|(at, layer)| {
        let node = nodes.get(*at)?;
        Some(Vertex { label: node.name.clone(), layer, ink: process(node), marked: grave.contains(&node.id) })
    });
    let data = Data::Graph {
        nodes: vertices.collect(),
        links,
        legend: vec![
            ("Process".to_owned(), Ink::ACCENT),
            ("Asset".to_owned(), Tone::Good.ink()),
            ("Single point of failure".to_owned(), Tone::Grave.ink()),
        ],
    };
    let section = Section::new("dependencies", "Dependencies");
    if total == 0 {
        return section.text("No dependencies are recorded.");
    }
    let alt = "Processes and assets; what depends stands above what it depends on, broken lines only help";
    let section = section.chart(Chart::new("dependencies", "What depends on what", alt, data));
    if total > NODES_SHOWN {
        section.note(format!("The {NODES_SHOWN} nodes that matter most of {total}."))
    } else {
        section
    }
}

/// How high each node stands: above whatever it depends on. Cycles end where they were entered.
fn layers(count: usize, links: &[Link]) -> Vec<usize> {
    let mut layers = vec![0_usize; count];
    // A way through the picture is no longer than this; what is in a cycle stops rising here.
    for _ in 0..8 {
        let mut changed = false;
        for link in links {
            let below = layers.get(link.to).copied().unwrap_or(0);
            if let Some(layer) = layers.get_mut(link.from)
                && *layer <= below
                && below < 8
            {
                *layer = below + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    layers
}

fn points(analysis: &Analysis) -> Section {
    let columns = [
        ("node", "Node"),
        ("type", "Type"),
        ("critical_lost", "Critical processes lost"),
        ("processes_lost", "Processes lost"),
        ("tightest_rto_hours", "Tightest RTO, h"),
        ("articulation", "Articulation"),
        ("dominates", "Dominates"),
    ];
    let rows = analysis.climate.single_points.iter().map(|point| {
        vec![
            node(&point.node),
            Value::word(point.node.kind.as_str()),
            count(point.critical_lost),
            count(point.processes_lost),
            Value::maybe(point.tightest_rto_hours, hours),
            Value::Bool(point.articulation),
            count(point.dominates),
        ]
    });
    Section::new("single_points", "Single points of failure")
        .text("Nodes whose loss stops a mission or business critical process, redundancy taken into account; the gravest first.")
        .table(Table::new("single_points", "", &columns).strong("node").or_else("There are none.").rows(rows))
}

fn checks(analysis: &Analysis) -> Section {
    let report = &analysis.review.report;
    let columns = [
        ("kind", "What"),
        ("dependant", "Wanted by"),
        ("dependency", "Of"),
        ("required_hours", "Required, h"),
        ("stated_hours", "Stated, h"),
        ("transitive", "Over others"),
    ];
    let conflicts = report.conflicts.iter().map(|conflict| {
        let tone = if conflict.kind.is_warning() { Tone::Fair } else { Tone::Bad };
        vec![
            Value::Word(conflict.kind.as_str().to_owned(), tone),
            node(&conflict.dependant),
            node(&conflict.dependency),
            hours(conflict.required_hours),
            hours(conflict.stated_hours),
            Value::Bool(conflict.transitive),
        ]
    });
    let stale = report.stale.iter().map(|stale| {
        vec![
            Value::word(stale.kind.as_str()),
            Value::text(stale.name.as_str()),
            Value::maybe(stale.last_at, |at| Value::Date(at.date())),
        ]
    });
    let without = |list: &[NodeRef]| list.iter().map(|reference| vec![node(reference)]).collect::<Vec<_>>();
    let cycles =
        report.cycles.iter().map(|cycle| vec![Value::List(cycle.iter().map(|node| node.name.clone()).collect())]);
    Section::new("checks", "Checks")
        .table(Table::new("conflicts", "Times that do not fit", &columns).or_else("All times fit.").rows(conflicts))
        .table(
            Table::new(
                "stale",
                "Older than twelve months, or never done",
                &[("kind", "What"), ("name", "Of"), ("last_on", "Last")],
            )
            .or_else("All reviews and exercises are fresh.")
            .rows(stale),
        )
        .table(
            Table::new("ownerless", "Processes without an owner", &[("name", "Process")])
                .rows(without(&report.ownerless)),
        )
        .table(
            Table::new("without_plan", "Critical processes without a plan in force", &[("name", "Process")])
                .rows(without(&analysis.review.without_plan)),
        )
        .table(Table::new("cycles", "Cycles", &[("nodes", "Nodes that depend on each other")]).rows(cycles))
}

fn concentration(analysis: &Analysis) -> Section {
    let columns = [
        ("dimension", "By"),
        ("hhi", "Index"),
        ("band", "Band"),
        ("effective_number", "Effective number"),
        ("largest", "Largest"),
        ("share", "Its share"),
        ("unplaced", "Unplaced"),
    ];
    let tone = |word: &str| match word {
        "high" => Tone::Bad,
        "moderate" => Tone::Fair,
        _ => Tone::Good,
    };
    let rows = analysis.climate.concentrations.iter().map(|concentration| {
        let largest = concentration.shares.first();
        vec![
            Value::word(concentration.dimension.as_str()),
            Value::number(concentration.hhi, 0),
            Value::Word(concentration.band.as_str().to_owned(), tone(concentration.band.as_str())),
            Value::number(concentration.effective_number, 2),
            Value::maybe(largest, |share| Value::text(share.label.as_str())),
            Value::maybe(largest, |share| Value::percent(share.share * 100.0)),
            count(concentration.unplaced),
        ]
    });
    Section::new("concentration", "Concentration")
        .text("The Herfindahl-Hirschman index of nodes, weighted by criticality: 10,000 where all is in one place.")
        .table(
            Table::new("concentration", "", &columns)
                .strong("dimension")
                .or_else("Nothing is placed anywhere.")
                .rows(rows),
        )
}

fn climate_section(analysis: &Analysis) -> Section {
    let columns = [
        ("region", "Region"),
        ("nodes", "Nodes"),
        ("worst_hazard", "Worst hazard"),
        ("score", "Score"),
        ("exposure", "Exposure"),
        ("vulnerability", "Vulnerability"),
    ];
    let rows = analysis.climate.regions.iter().map(|region| {
        vec![
            Value::text(region.known_as.as_str()),
            count(region.nodes),
            Value::maybe(region.hazards.first(), |hazard| Value::word(hazard.hazard.as_str())),
            Value::number(region.score, 3),
            Value::number(region.exposure, 3),
            Value::number(region.vulnerability, 3),
        ]
    });
    let bars = analysis
        .climate
        .regions
        .iter()
        .map(|region| (region.known_as.clone(), vec![region.score], grc_document::num::decimal(region.score, 3)));
    let data = Data::Bars { series: vec![("Score".to_owned(), Tone::Bad.ink())], rows: bars.collect() };
    let section = Section::new("climate", "Physical climate risk")
        .text("Score = hazard x exposure x vulnerability. Scores rank regions; they are no probabilities.");
    let section = section.with(Block::Points(analysis.climate.warnings.clone())).note(analysis.climate.table.as_str());
    let section = if analysis.climate.regions.is_empty() {
        section
    } else {
        section.chart(Chart::new("climate", "Physical climate risk by region", "The score of each region", data))
    };
    section.table(Table::new("climate", "", &columns).strong("region").or_else("Nothing has a region.").rows(rows))
}

fn recovery_section(analysis: &Analysis) -> Section {
    let section = Section::new("recovery", "Recovery order");
    let Some(plan) = &analysis.recovery else {
        return section.text("There is no process to recover.");
    };
    let mut spans = Vec::new();
    let mut rows = Vec::new();
    for tier in &plan.tiers {
        for item in &tier.items {
            let ink = item.criticality.map_or(Ink::ACCENT, |level| tone(level).ink());
            spans.push(Span {
                label: format!("{} {}", tier.tier, item.node.name),
                pieces: vec![(item.start_hours, item.finish_hours, ink)],
                mark: item.effective_rto_hours.filter(|hours| hours.is_finite()),
                note: format!("{} h", grc_document::num::trimmed(item.finish_hours, 2)),
            });
            rows.push(vec![
                count(tier.tier),
                node(&item.node),
                Value::word(item.node.kind.as_str()),
                Value::maybe(item.effective_rto_hours, hours),
                hours(item.start_hours),
                hours(item.finish_hours),
                if item.duration_unknown { Value::Bool(true) } else { Value::None },
            ]);
        }
    }
    let legend = Criticality::ALL.iter().map(|level| (said(level.as_str()), tone(*level).ink()));
    let data = Data::Spans {
        across: "Hours after the work begins".to_owned(),
        ticks: Vec::new(),
        legend: legend.collect(),
        rows: spans,
    };
    let columns = [
        ("tier", "Tier"),
        ("node", "Node"),
        ("type", "Type"),
        ("rto_hours", "Tightest RTO, h"),
        ("start_hours", "Begins, h"),
        ("finish_hours", "Back, h"),
        ("duration_unknown", "Duration unknown"),
    ];
    section
        .text(format!(
            "What has to come back, and when, so that «{}» does: in {} hours at the earliest.",
            plan.process.name,
            grc_document::num::trimmed(plan.finish_hours, 2)
        ))
        .chart(Chart::new(
            "tiers",
            "Recovery by tiers",
            "From when to when each node is recovered; marks are limits",
            data,
        ))
        .note("Marks are the tightest recovery time that anything above demands.")
        .table(Table::new("tiers", "", &columns).strong("node").rows(rows))
}

fn method() -> Section {
    Section::new("method", "Method").text(
        "Terms are those of ISO 22301:2019: RTO and RPO are objectives, MTD is the longest downtime that can be borne. A \
         requirement stops what depends on it unless enough of its redundancy group work; whatever only supports does not.",
    )
}

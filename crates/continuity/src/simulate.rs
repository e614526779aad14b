//! What an outage does: which processes stop, when each passes its limit, what it costs.
//!
//! - The failed nodes are away from hour 0 to `duration_hours`; so is everything that they stop (see
//!   [`crate::reach`]). Recovery afterwards is the recovery plan's matter and is not added.
//! - The tolerated time of a process is its RTO, the objective that the organization has agreed to live with;
//!   without an RTO its MTD; without either, none.
//! - `breach_at_hours` is that time, if the outage lasts longer: the first limit that is passed. Passing the MTD, the
//!   graver one, is `mtd_breach_at_hours`.
//! - `loss` is `hourly_loss` for each hour beyond the tolerated time. `gross_loss` counts every hour of the outage;
//!   it is what insurers ask for.

use grc_kernel::Checker;
use uuid::Uuid;

use crate::{
    adjacency::exceeds,
    error::ContinuityError,
    graph::Graph,
    model::{Criticality, Impact, ImpactCategory, Node, NodeRef},
    reach::{State, states},
};

/// The longest outage that can be simulated: ten years.
pub const DURATION_MAX: f64 = 87_600.0;

/// What an outage does.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// How long it lasts.
    pub duration_hours: f64,
    /// The processes that stop: the first to pass its limit first, then the more critical.
    pub lost: Vec<LostProcess>,
    /// The assets that stop, the failed ones included.
    pub assets_down: Vec<NodeRef>,
    /// The processes that go on with less below them.
    pub degraded: Vec<NodeRef>,
    /// When the first process passes its limit.
    pub first_breach_hours: Option<f64>,
    /// The sum of the processes' losses.
    pub loss: f64,
    /// The sum of the processes' gross losses.
    pub gross_loss: f64,
    /// The harm as it grows, by category and time band, as far as impact tables say.
    pub impacts: Vec<ImpactCell>,
}

/// A process that stops.
#[derive(Clone, Debug, PartialEq)]
pub struct LostProcess {
    /// Which.
    pub process: NodeRef,
    /// How critical it is.
    pub criticality: Option<Criticality>,
    /// When it passes the time that is tolerated, if it does.
    pub breach_at_hours: Option<f64>,
    /// When it passes its MTD, if it does.
    pub mtd_breach_at_hours: Option<f64>,
    /// Money lost beyond the tolerated time.
    pub loss: f64,
    /// Money lost over the whole outage.
    pub gross_loss: f64,
}

/// The harm of one kind once the outage has lasted so long.
#[derive(Clone, Debug, PartialEq)]
pub struct ImpactCell {
    /// The kind of harm.
    pub category: ImpactCategory,
    /// The age of the outage.
    pub band_hours: f64,
    /// The worst level among the processes that stopped, 0 to 5.
    pub level: u8,
    /// How many of them do harm of this kind by then.
    pub processes: usize,
}

/// Simulates the failure of some nodes for some hours.
pub fn run(graph: &Graph, failed: &[Uuid], duration_hours: f64) -> Result<Simulation, ContinuityError> {
    let mut check = Checker::new();
    check.range("duration_hours", duration_hours, 0.0, DURATION_MAX);
    let mut indices = Vec::with_capacity(failed.len());
    for (at, &id) in failed.iter().enumerate() {
        match graph.index(id) {
            Some(node) => indices.push(node),
            None => check.note(format!("nodes[{at}].id"), "unknown", "is not a node of the graph"),
        }
    }
    check.finish()?;
    let states = states(graph, indices);
    let nodes = |state: State| {
        let of_state = states.iter().filter(move |(_, is)| *is == state);
        of_state.filter_map(|(node, _)| graph.at(node)).collect::<Vec<_>>()
    };
    let down = nodes(State::Down);
    let mut lost: Vec<LostProcess> =
        down.iter().filter(|node| node.is_process()).map(|node| lose(node, duration_hours)).collect();
    lost.sort_by(|a, b| {
        let hours = |process: &LostProcess| process.breach_at_hours.unwrap_or(f64::INFINITY);
        (hours(a).total_cmp(&hours(b)))
            .then_with(|| a.criticality.cmp(&b.criticality))
            .then_with(|| a.process.name.cmp(&b.process.name))
            .then_with(|| a.process.id.cmp(&b.process.id))
    });
    Ok(Simulation {
        duration_hours,
        first_breach_hours: lost.iter().filter_map(|process| process.breach_at_hours).reduce(f64::min),
        loss: lost.iter().map(|process| process.loss).sum(),
        gross_loss: lost.iter().map(|process| process.gross_loss).sum(),
        impacts: impacts(&down, duration_hours),
        assets_down: down.iter().filter(|node| !node.is_process()).map(|node| node.to_ref()).collect(),
        degraded: nodes(State::Degraded).iter().filter(|node| node.is_process()).map(|node| node.to_ref()).collect(),
        lost,
    })
}

fn lose(node: &Node, duration: f64) -> LostProcess {
    let hourly = node.hourly_loss.unwrap_or(0.0);
    let tolerated = node.rto_hours.or(node.mtd_hours);
    LostProcess {
        process: node.to_ref(),
        criticality: node.criticality,
        breach_at_hours: tolerated.filter(|&limit| exceeds(duration, limit)),
        mtd_breach_at_hours: node.mtd_hours.filter(|&limit| exceeds(duration, limit)),
        loss: hourly * (duration - tolerated.unwrap_or(0.0)).max(0.0),
        gross_loss: hourly * duration,
    }
}

/// The harm at every time band that any of the processes knows and the outage reaches. A level holds from its band
/// until the next band of the same process.
fn impacts(down: &[&Node], duration: f64) -> Vec<ImpactCell> {
    let reached = |impact: &&Impact| !exceeds(impact.band_hours, duration);
    let mut cells = Vec::new();
    for &category in ImpactCategory::ALL {
        let tables: Vec<Vec<&Impact>> = down
            .iter()
            .map(|node| node.impacts.iter().filter(|impact| impact.category == category).filter(reached).collect())
            .collect();
        let mut bands: Vec<f64> = tables.iter().flatten().map(|impact| impact.band_hours).collect();
        bands.sort_by(f64::total_cmp);
        bands.dedup();
        for band_hours in bands {
            let levels = tables.iter().filter_map(|table| {
                let begun = table.iter().filter(|impact| impact.band_hours <= band_hours);
                Some(begun.max_by(|a, b| a.band_hours.total_cmp(&b.band_hours))?.level)
            });
            let levels: Vec<u8> = levels.filter(|&level| level > 0).collect();
            let level = levels.iter().copied().max().unwrap_or(0);
            cells.push(ImpactCell { category, band_hours, level, processes: levels.len() });
        }
    }
    cells
}

//! Physical climate risk: what the regions threaten, how much of the organization lies there, and how little would
//! stand in for it.
//!
//! - *Hazard*: the table's score for the region, 0 to 1.
//! - *Exposure*: the region's share of the weight of all nodes that lie in a region, as in [`crate::concentration`].
//! - *Vulnerability*: when the whole region fails, the share, by weight, of the processes depending on it that stop;
//!   one that goes on degraded counts a quarter. Redundancy in another region lowers it, redundancy in the same
//!   region does not. A region that no process depends on is taken as unprotected: 1.
//! - *Score* = hazard x exposure x vulnerability, 0 to 1. It ranks; it is not a probability and not money.

mod hazard;
mod table;

use std::collections::BTreeMap;

use crate::{
    adjacency::PerNode,
    concentration::{Concentration, concentrations, folded},
    demand::{importance, weight},
    graph::Graph,
    model::{Criticality, NodeRef},
    reach::{State, closure, states},
    spof::{Options, SinglePoint, single_points},
};

pub use hazard::{Family, Hazard, Nature};
pub use table::{HazardTable, REGIONS_MAX};

/// How much of a process that goes on degraded counts as stopped.
const DEGRADED: f64 = 0.25;

/// The climate risk of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct ClimateRisk {
    /// What the hazard table says about itself. Show it wherever the scores are shown.
    pub table: String,
    /// The regions that the table knows, the highest score first.
    pub regions: Vec<RegionRisk>,
    /// The regions that it does not know, as the nodes name them.
    pub unassessed: Vec<String>,
    /// How many nodes lie in no region.
    pub unplaced: usize,
    /// The single points of failure.
    pub single_points: Vec<SinglePoint>,
    /// The concentration by region, provider, vendor and site.
    pub concentrations: Vec<Concentration>,
    /// What a reader should not overlook, in sentences.
    pub warnings: Vec<String>,
}

/// The risk of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionRisk {
    /// Its name, as the nodes give it, in lower case.
    pub region: String,
    /// Its name in the table.
    pub known_as: String,
    /// How many nodes lie there.
    pub nodes: usize,
    /// Its share of the weighted nodes.
    pub exposure: f64,
    /// How little stands in for it.
    pub vulnerability: f64,
    /// The processes that stop when all of it fails.
    pub processes_lost: Vec<NodeRef>,
    /// Its hazards, the highest score first.
    pub hazards: Vec<HazardScore>,
    /// The highest of their scores.
    pub score: f64,
}

/// The score of one hazard in one region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HazardScore {
    /// Which.
    pub hazard: Hazard,
    /// The table's value.
    pub level: f64,
    /// Level x exposure x vulnerability.
    pub score: f64,
}

/// Assesses a graph against a hazard table.
pub fn assess(graph: &Graph, table: &HazardTable, options: Options) -> ClimateRisk {
    let importance = importance(graph);
    let weight_of = |node: usize| weight(importance.get(node));
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut unplaced = 0;
    for (at, node) in graph.nodes().iter().enumerate() {
        match folded(node.region.as_deref()) {
            Some(region) => places.entry(region).or_default().push(at),
            None => unplaced += 1,
        }
    }
    let total: f64 = places.values().flatten().map(|&node| weight_of(node)).sum();
    let mut regions = Vec::new();
    let mut unassessed = Vec::new();
    for (region, nodes) in places {
        let Some((known_as, levels)) = table.region(&region) else {
            unassessed.push(region);
            continue;
        };
        let exposure = nodes.iter().map(|&node| weight_of(node)).sum::<f64>() / total;
        let (vulnerability, processes_lost) = vulnerability(graph, &nodes, &importance);
        let score = |level: f64| level * exposure * vulnerability;
        let mut hazards: Vec<HazardScore> =
            levels.iter().map(|(&hazard, &level)| HazardScore { hazard, level, score: score(level) }).collect();
        hazards.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.hazard.cmp(&b.hazard)));
        regions.push(RegionRisk {
            known_as: known_as.to_owned(),
            nodes: nodes.len(),
            score: hazards.first().map_or(0.0, |worst| worst.score),
            region,
            exposure,
            vulnerability,
            processes_lost,
            hazards,
        });
    }
    regions.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.region.cmp(&b.region)));
    let concentrations = concentrations(graph);
    let mut warnings: Vec<String> = concentrations.iter().filter_map(Concentration::warning).collect();
    warnings.extend(unassessed.iter().map(|region| format!("the hazard table does not know the region {region}")));
    let single_points = single_points(graph, options);
    ClimateRisk {
        table: table.label().to_owned(),
        regions,
        unassessed,
        unplaced,
        single_points,
        concentrations,
        warnings,
    }
}

/// The vulnerability of some nodes that fail together, and the processes that stop with them.
fn vulnerability(graph: &Graph, nodes: &[usize], importance: &PerNode<Option<Criticality>>) -> (f64, Vec<NodeRef>) {
    let states = states(graph, nodes.iter().copied());
    let touched = closure(graph.len(), nodes.iter().copied(), |node| graph.sources(node));
    let (mut all, mut harmed, mut lost) = (0.0, 0.0, Vec::new());
    for process in graph.processes().filter(|&process| touched.get(process)) {
        let weight = weight(importance.get(process));
        all += weight;
        match states.get(process) {
            State::Up => {}
            State::Degraded => harmed += DEGRADED * weight,
            State::Down => {
                harmed += weight;
                lost.extend(graph.at(process).map(|node| node.to_ref()));
            }
        }
    }
    (if all > 0.0 { harmed / all } else { 1.0 }, lost)
}

//! Climate risk: the hazards against the list, tables with mistakes, scores by example.

use std::collections::BTreeSet;

use grc_continuity::{
    Edge, Graph, Node,
    climate::{self, ClimateRisk, Hazard, HazardTable, Nature},
    spof::Options,
};
use serde_json::Value;

use crate::world::{asset, graph, id, needs, process};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn the_hazards_are_the_twenty_eight_of_the_regulation_with_their_classes() {
    let list: Value = serde_json::from_str(include_str!("../data/climate-hazards.json")).unwrap();
    let mut expected = BTreeSet::new();
    for nature in ["acute", "chronic"] {
        for (family, hazards) in list[nature].as_object().unwrap() {
            for hazard in hazards.as_array().unwrap() {
                expected.insert((hazard.as_str().unwrap(), nature, family.as_str()));
            }
        }
    }
    let known: BTreeSet<_> = Hazard::ALL
        .iter()
        .map(|hazard| (hazard.as_str(), hazard.nature().as_str(), hazard.family().as_str()))
        .collect();
    assert_eq!((known.len(), &known), (28, &expected));
    assert_eq!(Hazard::ALL.iter().filter(|hazard| hazard.nature() == Nature::Acute).count(), 13);
}

#[test]
fn the_built_in_table_is_sound_labelled_and_ordinal() {
    let table = HazardTable::parse(include_str!("../../data/climate-illustrative.json")).unwrap();
    assert_eq!(table, HazardTable::illustrative());
    assert!(table.label().contains("llustrative") && table.label().contains("not measured"));
    assert!(table.len() > 70);
    for region in ["eu-central-1", "EU-CENTRAL-1b", "us-central1-a", "West Europe", "de", "ap-southeast-3", "uksouth"] {
        let (_, scores) = table.region(region).unwrap_or_else(|| panic!("{region}"));
        assert!(scores.len() > 3 && scores.values().all(|score| [0.25, 0.5, 0.75, 1.0].contains(score)));
    }
    assert_eq!((table.region("atlantis"), table.region(" ")), (None, None));
}

#[test]
fn every_mistake_of_a_table_is_named() {
    let json = r#"{
        "label": 3,
        "source": "x",
        "regions": {
            "north": {"flood": 1.5, "flod": 0.5, "heat_wave": 0.5, "Heat Wave": 0.5},
            "North ": {"storm": "much"},
            "south": [],
            "": {}
        },
        "aliases": {"n": "north", "N": "north", "north": "north", "w": "west", "v": 1}
    }"#;
    let mut found: Vec<_> = HazardTable::parse(json).unwrap_err().into_iter().map(|e| (e.field, e.code)).collect();
    found.sort();
    let expected = [
        ("aliases.n", "duplicate"),
        ("aliases.north", "duplicate"),
        ("aliases.v", "unknown"),
        ("aliases.w", "unknown"),
        ("label", "type"),
        ("regions.", "required"),
        ("regions.North .storm", "out_of_range"),
        ("regions.north", "duplicate"),
        ("regions.north.flod", "unknown"),
        ("regions.north.flood", "out_of_range"),
        ("regions.north.heat_wave", "duplicate"),
        ("regions.south", "type"),
        ("source", "unknown"),
    ];
    assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code)));
    for (json, code) in [("{", "json"), ("[]", "type"), ("{}", "required"), (r#"{"regions":{},"aliases":1}"#, "type")] {
        assert_eq!(HazardTable::parse(json).unwrap_err()[0].code, code, "{json}");
    }
}

fn placed(name: &str, region: &str) -> Node {
    Node { region: Some(region.to_owned()), ..asset(name) }
}

fn table() -> HazardTable {
    let json = r#"{"label": "test", "regions": {"wet": {"flood": 0.8, "storm": 0.4}, "dry": {"drought": 1}}}"#;
    HazardTable::parse(json).unwrap()
}

fn assess(graph: &Graph) -> ClimateRisk {
    climate::assess(graph, &table(), Options::default())
}

#[test]
fn a_score_is_hazard_times_exposure_times_vulnerability() {
    let nodes = vec![process("p", 1.0), placed("db", "Wet"), placed("log", "dry"), placed("x", "moon"), asset("y")];
    let risk = assess(&graph(nodes, vec![needs("p", "db"), needs("p", "log").soft()]));
    let seen: Vec<_> = risk.regions.iter().map(|r| (r.region.as_str(), r.nodes, r.processes_lost.len())).collect();
    assert_eq!(seen, [("wet", 1, 1), ("dry", 1, 0)]);
    // db weighs 4, log and x, which nothing needs, 1 each. Without log, p goes on degraded.
    let (wet, dry) = (&risk.regions[0], &risk.regions[1]);
    assert!(close(wet.exposure, 4.0 / 6.0) && close(wet.vulnerability, 1.0));
    assert!(close(wet.hazards[0].score, 0.8 * 4.0 / 6.0) && wet.hazards[0].hazard == Hazard::Flood);
    assert!(close(dry.vulnerability, 0.25) && close(dry.score, 1.0 / 6.0 * 0.25));
    assert_eq!((risk.unassessed.as_slice(), risk.unplaced, risk.table.as_str()), (&["moon".to_owned()][..], 2, "test"));
    assert_eq!(risk.single_points[0].node.id, id("db"));
    assert!(risk.warnings.iter().any(|warning| warning.contains("moon")));
    assert!(risk.warnings.iter().any(|warning| warning.starts_with("region concentration is high")));
}

#[test]
fn redundancy_protects_across_regions_and_not_within_one() {
    let nodes = |second: &str| vec![process("p", 1.0), placed("a", "wet"), placed("b", second)];
    let pair: Vec<Edge> = ["a", "b"].map(|name| needs("p", name).in_group("db", 1)).to_vec();
    let apart = assess(&graph(nodes("dry"), pair.clone()));
    assert!(apart.regions.iter().all(|region| close(region.vulnerability, 0.25) && close(region.exposure, 0.5)));
    let together = assess(&graph(nodes("wet"), pair));
    assert!(close(together.regions[0].vulnerability, 1.0) && close(together.regions[0].exposure, 1.0));
    assert!(together.single_points.is_empty());
}

#[test]
fn a_region_that_nothing_depends_on_is_taken_as_unprotected() {
    let risk = assess(&graph(vec![placed("a", "wet")], Vec::new()));
    assert!(close(risk.regions[0].score, 0.8));
    assert!(assess(&graph(Vec::new(), Vec::new())).regions.is_empty());
}

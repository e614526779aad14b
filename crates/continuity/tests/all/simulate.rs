//! Outages, by example.

use grc_continuity::{Impact, ImpactCategory, Node, simulate};
use grc_kernel::Fault;

use crate::world::{asset, graph, id, needs, process};

fn costly(name: &str, rto: Option<f64>, mtd: Option<f64>) -> Node {
    Node { rto_hours: rto, mtd_hours: mtd, hourly_loss: Some(100.0), ..process(name, 0.0) }
}

#[test]
fn what_stops_what_it_costs_and_when_it_is_too_late() {
    let nodes = vec![
        costly("strict", Some(4.0), Some(24.0)),
        costly("lenient", Some(48.0), Some(72.0)),
        costly("vague", None, Some(8.0)),
        costly("silent", None, None),
        costly("paired", Some(1.0), None),
        costly("apart", Some(1.0), None),
        asset("db"),
        asset("replica"),
    ];
    let mut edges: Vec<_> = ["strict", "lenient", "vague", "silent"].map(|name| needs(name, "db")).to_vec();
    edges.extend(["db", "replica"].map(|name| needs("paired", name).in_group("pair", 1)));
    let outcome = simulate::run(&graph(nodes, edges), &[id("db")], 30.0).unwrap();
    let seen: Vec<_> = outcome
        .lost
        .iter()
        .map(|l| (l.process.name.as_str(), l.breach_at_hours, l.mtd_breach_at_hours, l.loss, l.gross_loss))
        .collect();
    let expected = [
        ("strict", Some(4.0), Some(24.0), 2_600.0, 3_000.0),
        ("vague", Some(8.0), Some(8.0), 2_200.0, 3_000.0),
        ("lenient", None, None, 0.0, 3_000.0),
        ("silent", None, None, 3_000.0, 3_000.0),
    ];
    assert_eq!(seen, expected);
    assert_eq!((outcome.first_breach_hours, outcome.loss, outcome.gross_loss), (Some(4.0), 7_800.0, 12_000.0));
    assert_eq!(outcome.assets_down.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["db"]);
    assert_eq!(outcome.degraded.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["paired"]);
}

#[test]
fn an_outage_as_long_as_the_objective_breaches_nothing() {
    let graph = graph(vec![costly("p", Some(4.0), Some(4.0))], Vec::new());
    let outcome = simulate::run(&graph, &[id("p")], 4.0).unwrap();
    assert_eq!((outcome.lost[0].breach_at_hours, outcome.lost[0].loss), (None, 0.0));
    assert_eq!(outcome.lost.len(), 1);
}

#[test]
fn harm_grows_by_category_and_band() {
    let impact = |category, band_hours, level| Impact { category, band_hours, level };
    let with = |name: &str, impacts| Node { impacts, ..process(name, 1.0) };
    let nodes = vec![
        with("a", vec![impact(ImpactCategory::Financial, 1.0, 1), impact(ImpactCategory::Financial, 24.0, 4)]),
        with("b", vec![impact(ImpactCategory::Financial, 4.0, 2), impact(ImpactCategory::Legal, 72.0, 5)]),
    ];
    let outcome = simulate::run(&graph(nodes, Vec::new()), &[id("a"), id("b")], 24.0).unwrap();
    let seen: Vec<_> = outcome.impacts.iter().map(|c| (c.category, c.band_hours, c.level, c.processes)).collect();
    let financial = ImpactCategory::Financial;
    assert_eq!(seen, [(financial, 1.0, 1, 1), (financial, 4.0, 2, 2), (financial, 24.0, 4, 2)]);
}

#[test]
fn every_mistake_of_the_request_is_named() {
    let graph = graph(vec![process("p", 1.0)], Vec::new());
    let error = simulate::run(&graph, &[id("p"), id("q")], f64::NAN).unwrap_err();
    let fields: Vec<_> = error.fields().into_iter().map(|error| error.field).collect();
    assert_eq!(fields, ["duration_hours", "nodes[1].id"]);
    assert!(simulate::run(&graph, &[], 0.0).unwrap().lost.is_empty());
}

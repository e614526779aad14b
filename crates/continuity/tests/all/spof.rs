//! Single points of failure, by example.

use grc_continuity::{Criticality, Graph, Node, spof};

use crate::world::{asset, graph, id, needs, process};

fn points(graph: &Graph) -> Vec<(String, usize, Option<f64>)> {
    let points = spof::single_points(graph, spof::Options::default());
    points.into_iter().map(|point| (point.node.name, point.processes_lost, point.tightest_rto_hours)).collect()
}

#[test]
fn redundancy_takes_a_node_off_the_list() {
    let nodes = || vec![process("order", 4.0), asset("a"), asset("b"), asset("power")];
    let alone = graph(nodes(), vec![needs("order", "a"), needs("order", "b")]);
    assert_eq!(points(&alone), [("a".to_owned(), 1, Some(4.0)), ("b".to_owned(), 1, Some(4.0))]);
    let pair = |needed| vec![needs("order", "a").in_group("db", needed), needs("order", "b").in_group("db", needed)];
    assert_eq!(points(&graph(nodes(), pair(1))), []);
    assert_eq!(points(&graph(nodes(), pair(2))).len(), 2);
    // What both members stand on is the single point that redundancy hides.
    let shared = [pair(1), vec![needs("a", "power"), needs("b", "power")]].concat();
    assert_eq!(points(&graph(nodes(), shared)), [("power".to_owned(), 1, Some(4.0))]);
}

#[test]
fn the_ranking_is_by_critical_processes_then_by_the_tightest_objective() {
    let minor = Node { criticality: Some(Criticality::Administrative), ..process("minor", 1.0) };
    let nodes = vec![process("p", 8.0), process("q", 2.0), minor, asset("x"), asset("y"), asset("z"), asset("m")];
    let edges = vec![
        needs("p", "x"),
        needs("q", "y"),
        needs("p", "z"),
        needs("q", "z"),
        needs("minor", "m"),
        needs("minor", "x"),
    ];
    let graph = graph(nodes, edges);
    let expected = [("z", 2, 2.0), ("x", 2, 1.0), ("y", 1, 2.0)];
    assert_eq!(points(&graph), expected.map(|(name, lost, hours)| (name.to_owned(), lost, Some(hours))));
    let options = spof::Options { critical_from: Criticality::Administrative };
    assert!(spof::single_points(&graph, options).iter().any(|point| point.node.id == id("m")));
}

#[test]
fn a_process_counts_for_others_and_not_for_itself() {
    let nodes = vec![process("sell", 1.0), process("bill", 8.0)];
    assert_eq!(points(&graph(nodes, vec![needs("sell", "bill")])), [("bill".to_owned(), 1, Some(1.0))]);
}

#[test]
fn the_members_of_a_hard_cycle_share_one_fate() {
    let nodes = vec![process("p", 3.0), process("q", 5.0), asset("a")];
    let edges = vec![needs("p", "q"), needs("q", "a"), needs("a", "p")];
    let expected = [("q", 1, 3.0), ("a", 2, 3.0), ("p", 1, 5.0)];
    let mut found = points(&graph(nodes, edges));
    found.sort_by(|a, b| a.2.unwrap().total_cmp(&b.2.unwrap()).then(a.1.cmp(&b.1)));
    assert_eq!(found, expected.map(|(name, lost, hours)| (name.to_owned(), lost, Some(hours))));
}

#[test]
fn the_columns_tell_of_shape() {
    let nodes = vec![process("p", 1.0), asset("gate"), asset("inner")];
    let graph = graph(nodes, vec![needs("p", "gate"), needs("gate", "inner")]);
    let points = spof::single_points(&graph, spof::Options::default());
    let seen: Vec<_> = points.iter().map(|p| (p.node.name.as_str(), p.articulation, p.dominates)).collect();
    assert_eq!(seen, [("gate", true, 1), ("inner", false, 0)]);
}

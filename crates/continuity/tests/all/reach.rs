//! What stops and what is degraded, by example.

use grc_continuity::{
    Edge, Graph,
    reach::{State, dependants, dependencies, fail},
};
use grc_kernel::{Fault, FaultKind};

use crate::world::{asset, graph, id, needs, process};

fn states(graph: &Graph, failed: &[&str], names: &str) -> String {
    let outcome = fail(graph, failed.iter().map(|name| id(name))).unwrap();
    let letter = |name: &str| match outcome.state(id(name)) {
        State::Up => 'u',
        State::Degraded => 'd',
        State::Down => 'x',
    };
    names.split(' ').map(letter).collect()
}

#[test]
fn degradation_rises_through_what_is_needed_outright_and_stops_at_spares_and_soft_edges() {
    let nodes = ["outer", "app", "soft", "pair", "wiki", "other"].map(asset).to_vec();
    let edges = vec![
        needs("outer", "app"),
        needs("app", "wiki").soft(),
        Edge::supports(id("soft"), id("app")),
        needs("pair", "app").in_group("g", 1),
        needs("pair", "other").in_group("g", 1),
    ];
    let graph = graph(nodes, edges);
    assert_eq!(states(&graph, &["wiki"], "wiki app outer soft pair other"), "xdduuu");
    assert_eq!(states(&graph, &["app"], "wiki app outer soft pair other"), "uxxddu");
    assert_eq!(states(&graph, &["app", "other"], "pair soft"), "xd");
}

#[test]
fn two_of_three_hold_until_the_second_is_lost() {
    let nodes = ["p", "a", "b", "c"].map(asset).to_vec();
    let graph = graph(nodes, ["a", "b", "c"].map(|name| needs("p", name).in_group("quorum", 2)).to_vec());
    assert_eq!(states(&graph, &["a"], "p"), "d");
    assert_eq!(states(&graph, &["a", "a"], "p"), "d");
    assert_eq!(states(&graph, &["a", "c"], "p"), "x");
}

#[test]
fn a_cycle_stands_until_one_of_it_fails() {
    let graph = graph(vec![process("p", 1.0), asset("a")], vec![needs("p", "a"), needs("a", "p")]);
    assert_eq!((states(&graph, &[], "p a"), states(&graph, &["a"], "p a")), ("uu".to_owned(), "xx".to_owned()));
}

#[test]
fn neighbours_near_and_far_are_named_without_the_node_itself() {
    let nodes = ["a", "b", "c"].map(asset).to_vec();
    let graph = graph(nodes, vec![needs("a", "b"), needs("b", "c").soft(), needs("c", "a")]);
    let names = |found: Vec<grc_continuity::NodeRef>| found.into_iter().map(|node| node.name).collect::<String>();
    assert_eq!(names(dependencies(&graph, id("a")).unwrap()), "bc");
    assert_eq!(names(dependants(&graph, id("a")).unwrap()), "bc");
    let unknown = id("z");
    assert_eq!(dependants(&graph, unknown).unwrap_err().kind(), FaultKind::NotFound);
    assert!(fail(&graph, [unknown]).is_err());
}

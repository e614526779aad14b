//! Pictures: well-formed, self-contained, and true to the graph.

use grc_continuity::{
    Edge, Graph, Node,
    picture::{GraphOptions, dependency_graph, recovery_gantt},
    tiers,
};
use proptest::prelude::*;

use crate::{
    naive::graphs,
    world::{asset, graph, id, needs, process, timed},
};

/// The text between the tags, after checking that tags nest, attributes are quoted and nothing points outside.
fn read(svg: &str) -> String {
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    let (mut open, mut text, mut rest) = (Vec::new(), String::new(), svg);
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').expect("a tag ends");
        rest = after;
        assert!(tag.matches('"').count().is_multiple_of(2) && !tag.contains("NaN") && !tag.contains("inf"), "{tag}");
        let name = tag.split([' ', '\n', '/']).next().unwrap().to_owned();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    assert_eq!(svg.matches("http").count(), 1, "only the name space");
    for outside in ["href", "<script", "<image", "<style", "@import", "<foreignObject"] {
        assert!(!svg.contains(outside), "{outside}");
    }
    text
}

fn draw(graph: &Graph) -> String {
    dependency_graph(graph, &GraphOptions::default())
}

#[test]
fn names_are_escaped_and_nothing_points_outside() {
    let evil = "</text><script>alert('1')</script> & \"co\" \u{1}";
    let nodes = vec![process(evil, 4.0), asset("db")];
    let graph = graph(nodes, vec![needs(evil, "db").in_group(evil, 1)]);
    let svg = dependency_graph(&graph, &GraphOptions { title: evil.to_owned(), ..GraphOptions::default() });
    assert!(read(&svg).contains("&lt;script&gt;") && !svg.contains('\u{1}'));
    read(&recovery_gantt(&tiers::plan(&graph, id(evil)).unwrap()));
}

#[test]
fn the_picture_says_what_the_graph_is() {
    let nodes = vec![process("order", 4.0), asset("app"), asset("a"), asset("b"), timed("power", 1.0)];
    let pair = ["a", "b"].map(|name| needs("app", name).in_group("pair", 1));
    let mut edges = vec![needs("order", "app"), needs("a", "power"), needs("power", "a"), needs("b", "power").soft()];
    edges.extend(pair);
    let text = read(&draw(&graph(nodes, edges)));
    for words in [
        "5 nodes, 6 dependencies, 1 single point of failure, 1 cycle",
        "order requires app (hard)",
        "app requires a (hard, group pair)",
        "b requires power (soft)",
        "1 of 2",
        "app (other); single point of failure, stops 1 process",
        "cycle: these need each other",
        "Tier 4",
        "mission critical",
        "redundancy group",
        "soft or supporting",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("Tier 5") && !text.contains("database"));
}

#[test]
fn a_large_graph_shows_its_most_critical_part_and_says_so() {
    let count = 400;
    let nodes = (0..count).map(|at| asset(&format!("n{at}"))).chain([process("p", 1.0)]).collect();
    let edges = (0..count).map(|at| needs("p", &format!("n{at}"))).collect();
    let svg = draw(&graph(nodes, edges));
    let text = read(&svg);
    assert!(text.contains("the 200 most critical of 401 nodes") && text.contains("p (mission critical"));
    assert_eq!(svg.matches("single point of failure, stops 1").count(), 199);
}

#[test]
fn the_densest_graph_is_drawn_too() {
    let names: Vec<String> = (0..120).map(|at| format!("n{at}")).collect();
    let pairs = (0..120).flat_map(|a| (a + 1..120).map(move |b| (a, b)));
    let edges: Vec<_> = pairs.map(|(a, b)| needs(&names[a], &names[b])).collect();
    let svg = draw(&graph(names.iter().map(|name| asset(name)).collect(), edges));
    assert_eq!(svg.matches("marker-end").count(), 120 * 119 / 2);
}

#[test]
fn an_empty_graph_is_a_picture_too() {
    assert!(read(&draw(&graph(Vec::new(), Vec::new()))).contains("0 nodes"));
}

#[test]
fn the_plan_shows_what_is_late() {
    let slow = Node { restore_hours: Some(6.0), ..timed("db", 8.0) };
    let nodes = vec![process("order", 4.0), slow, asset("mute"), process("bill", 48.0)];
    let edges = vec![needs("order", "db"), needs("db", "mute"), Edge::supports(id("order"), id("bill"))];
    let text = read(&recovery_gantt(&tiers::plan(&graph(nodes, edges), id("order")).unwrap()));
    for words in [
        "Back after 6 h; 1 process is back later than its RTO",
        "order (mission critical): from 6 h until 6 h, RTO 4 h",
        "RTO 4 h, 2 h late",
        "tier 2 is done after 6 h",
        "duration unknown",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_graph_can_be_drawn_and_always_in_the_same_way(graph in graphs(40), pick in any::<prop::sample::Index>()) {
        let svg = draw(&graph);
        read(&svg);
        prop_assert_eq!(svg, draw(&graph));
        read(&recovery_gantt(&tiers::plan(&graph, pick.get(graph.nodes()).id).unwrap()));
    }
}

//! Measures the calculations at 10,000 nodes on one core, over graphs that are easy, large and awkward:
//! `cargo run --release -p grc-continuity --example measure_graph`.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a program for people")]

use std::time::Instant;

use grc_continuity::{
    AssetType, Criticality, Edge, Graph, Node, climate, concentration, consistency, picture, reach, simulate, spof,
    structure, tiers,
};
use time::macros::datetime;
use uuid::Uuid;

const NODES: usize = 10_000;

/// A small generator of its own (PCG multiplier), so that every run measures the same graphs.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn id(at: usize) -> Uuid {
    Uuid::from_u128(u128::try_from(at).unwrap() + 1)
}

/// A tenth are processes, at the front.
fn nodes() -> Vec<Node> {
    let nodes = (0..NODES).map(|at| {
        let node = if at < NODES / 10 {
            Node::process(id(at), format!("process {at}"), Criticality::ALL[at % 4])
        } else {
            Node::asset(id(at), format!("asset {at}"), AssetType::ALL[at % 8])
        };
        Node {
            rto_hours: Some(f64::from(u32::try_from(at % 96).unwrap())),
            region: Some(["eu-west-1", "us-east-1", "de", "sg", "jp", "br", "nl"][at % 7].to_owned()),
            ..node
        }
    });
    nodes.collect()
}

/// Random pairs in which the source comes before the target, or any pairs; a part of them in groups of two.
fn random(edges: usize, acyclic: bool, grouped: usize) -> Vec<Edge> {
    let mut dice = Dice(7);
    let mut seen = std::collections::HashSet::new();
    let mut list = Vec::with_capacity(edges);
    while list.len() < edges {
        let (a, b) = (dice.below(NODES), dice.below(NODES));
        let (source, target) = if acyclic { (a.min(b), a.max(b)) } else { (a, b) };
        if source == target || !seen.insert((source, target)) {
            continue;
        }
        let edge = Edge::requires(id(source), id(target));
        list.push(if dice.below(100) < grouped { edge.in_group("pair", 1) } else { edge });
    }
    list
}

/// Each node needs the next, and the next the node before: a cycle of everything.
fn ladder(group: bool) -> Vec<Edge> {
    let pairs = (0..NODES - 1).flat_map(|at| [(at, at + 1), (at + 1, at)]);
    pairs
        .map(|(source, target)| {
            let edge = Edge::requires(id(source), id(target));
            if group { edge.in_group("either", 1) } else { edge }
        })
        .collect()
}

fn main() {
    let chain: Vec<_> = (0..NODES - 1).map(|at| Edge::requires(id(at), id(at + 1))).collect();
    let shapes = [
        ("acyclic, 30,000 edges", random(30_000, true, 0)),
        ("acyclic, 30,000 edges, 40 % in pairs", random(30_000, true, 40)),
        ("acyclic, 50,000 edges, 20 % in pairs", random(50_000, true, 20)),
        ("cyclic, 30,000 edges", random(30_000, false, 0)),
        ("cyclic, 30,000 edges, 40 % in pairs", random(30_000, false, 40)),
        ("cyclic, 30,000 edges, all in groups", random(30_000, false, 100)),
        ("one chain", chain),
        ("one ladder up and down", ladder(false)),
        ("the same, either neighbour is enough", ladder(true)),
    ];
    println!("{NODES} nodes, milliseconds");
    for (name, edges) in shapes {
        let begun = Instant::now();
        let graph = Graph::new(nodes(), edges).unwrap();
        let mut times = vec![("build", begun.elapsed())];
        let mut timed = |name, work: &mut dyn FnMut() -> usize| {
            let begun = Instant::now();
            let size = work();
            times.push((name, begun.elapsed()));
            size
        };
        let points = timed("spof", &mut || spof::single_points(&graph, spof::Options::default()).len());
        timed("fail one", &mut || reach::fail(&graph, [id(NODES - 1)]).unwrap().nodes(reach::State::Down).count());
        timed("articulation", &mut || structure::articulation_points(&graph).len());
        timed("dominators", &mut || structure::dominators(&graph).dominated(id(0)));
        timed("plan", &mut || tiers::plan(&graph, id(0)).unwrap().tiers.len());
        let now = datetime!(2026-11-23 12:00 UTC);
        timed("consistency", &mut || consistency::check(&graph, &[], now).conflicts.len());
        timed("simulate", &mut || simulate::run(&graph, &[id(NODES - 1)], 24.0).unwrap().lost.len());
        timed("concentration", &mut || concentration::concentrations(&graph).len());
        let table = climate::HazardTable::illustrative();
        timed("climate", &mut || climate::assess(&graph, &table, spof::Options::default()).regions.len());
        timed("picture of 200", &mut || picture::dependency_graph(&graph, &picture::GraphOptions::default()).len());
        let times: Vec<_> =
            times.iter().map(|(name, time)| format!("{name} {:.1}", time.as_secs_f64() * 1e3)).collect();
        println!("{name}: {}; {points} single points", times.join(", "));
    }
}

//! The rules again, in the plainest way, and random graphs on which both must agree.

use std::collections::{BTreeMap, BTreeSet};

use grc_continuity::{
    AssetType, Criticality, DependencyType, Edge, Graph, Node, Strength, reach, reach::State, spof, structure,
};
use proptest::prelude::*;
use uuid::Uuid;

/// Applies the k-of-n rule until nothing changes.
fn down(graph: &Graph, failed: &[Uuid]) -> BTreeSet<Uuid> {
    let mut down: BTreeSet<Uuid> = failed.iter().copied().collect();
    loop {
        let mut groups: BTreeMap<(Uuid, String), (usize, usize, usize)> = BTreeMap::new();
        let mut next = down.clone();
        for edge in graph.edges() {
            if edge.dependency_type != DependencyType::Requires || edge.strength != Strength::Hard {
                continue;
            }
            match &edge.redundancy_group {
                None => {
                    if down.contains(&edge.target) {
                        next.insert(edge.source);
                    }
                }
                Some(group) => {
                    let (up, all, needed) = groups.entry((edge.source, group.clone())).or_insert((0, 0, 1));
                    *all += 1;
                    *up += usize::from(!down.contains(&edge.target));
                    *needed = edge.needed.map_or(*needed, |needed| needed.try_into().unwrap());
                }
            }
        }
        for ((source, _), (up, all, needed)) in groups {
            if up < needed.min(all) {
                next.insert(source);
            }
        }
        if next == down {
            return down;
        }
        down = next;
    }
}

/// Removes every node in turn: (node, processes lost, critical ones, tightest RTO).
fn points(graph: &Graph) -> BTreeMap<Uuid, (usize, usize, Option<f64>)> {
    let mut points = BTreeMap::new();
    for removed in graph.nodes() {
        let down = down(graph, &[removed.id]);
        let lost: Vec<_> = graph
            .nodes()
            .iter()
            .filter(|node| node.is_process() && node.id != removed.id && down.contains(&node.id))
            .collect();
        let critical = lost.iter().filter(|node| node.criticality.unwrap() <= Criticality::BusinessCritical).count();
        let tightest = lost.iter().filter_map(|node| node.rto_hours).reduce(f64::min);
        if critical > 0 {
            points.insert(removed.id, (lost.len(), critical, tightest));
        }
    }
    points
}

/// Random graphs: about a third processes, groups of any size and need, soft and supporting edges, cycles.
pub(crate) fn graphs(max: usize) -> impl Strategy<Value = Graph> {
    (2..=max).prop_flat_map(|count| {
        let nodes = proptest::collection::vec((0..3_u8, 0..4_usize, proptest::option::of(0..50_u8)), count);
        let edge = (0..count, 0..count, 0..8_u8, proptest::option::weighted(0.5, 0..3_u8));
        let edges = proptest::collection::vec(edge, 0..count * 3);
        let needed = proptest::collection::vec(1..4_u32, count * 3);
        (nodes, edges, needed).prop_map(move |(nodes, edges, needed)| {
            let id = |at: usize| Uuid::from_u128(u128::try_from(at).unwrap() + 1);
            let nodes = nodes.into_iter().enumerate().map(|(at, (kind, criticality, rto))| {
                let node = if kind == 0 {
                    Node::process(id(at), format!("p{at}"), Criticality::ALL[criticality])
                } else {
                    Node::asset(id(at), format!("a{at}"), AssetType::Other)
                };
                Node { rto_hours: rto.map(f64::from), ..node }
            });
            let mut seen = BTreeSet::new();
            let edges = edges.into_iter().filter(|(a, b, ..)| a != b && seen.insert((*a, *b)));
            let edges = edges.map(|(source, target, kind, group)| {
                let edge = match kind {
                    0 => Edge::supports(id(source), id(target)),
                    1 => Edge::requires(id(source), id(target)).soft(),
                    _ => Edge::requires(id(source), id(target)),
                };
                match group {
                    Some(group) => edge.in_group(format!("g{group}"), needed[source * 3 + usize::from(group)]),
                    None => edge,
                }
            });
            Graph::new(nodes.collect(), edges.collect()).unwrap()
        })
    })
}

/// Removals are evaluated 512 at a time; this graph needs several rounds, with groups and cycles across them.
#[test]
fn single_points_of_a_large_graph_are_those_of_the_removal_of_each_node() {
    let count: u128 = 1_400;
    let mut state: u64 = 11;
    let mut below = |limit: u128| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u128::from(state >> 33) % limit
    };
    let nodes: Vec<Node> = (0..count)
        .map(|at| match at % 5 {
            0 => Node {
                rto_hours: u32::try_from(at % 71).ok().map(f64::from),
                ..Node::process(Uuid::from_u128(at), "p", Criticality::ALL[usize::try_from(below(4)).unwrap()])
            },
            _ => Node::asset(Uuid::from_u128(at), "a", AssetType::Other),
        })
        .collect();
    let mut seen = BTreeSet::new();
    let mut edges = Vec::new();
    while edges.len() < 2_600 {
        let (source, target) = (below(count), below(count));
        if source != target && seen.insert((source, target)) {
            let edge = Edge::requires(Uuid::from_u128(source), Uuid::from_u128(target));
            edges.push(if below(3) > 0 { edge.in_group("g", 1) } else { edge });
        }
    }
    let graph = Graph::new(nodes, edges).unwrap();
    let mut expected = BTreeMap::new();
    for removed in graph.nodes() {
        let outcome = reach::fail(&graph, [removed.id]).unwrap();
        let lost: Vec<_> =
            outcome.nodes(State::Down).filter(|node| node.is_process() && node.id != removed.id).collect();
        let critical = lost.iter().filter(|node| node.criticality <= Some(Criticality::BusinessCritical)).count();
        if critical > 0 {
            let tightest = lost.iter().filter_map(|node| node.rto_hours).reduce(f64::min);
            expected.insert(removed.id, (lost.len(), critical, tightest));
        }
    }
    let found = spof::single_points(&graph, spof::Options::default());
    let found: BTreeMap<_, _> =
        found.iter().map(|p| (p.node.id, (p.processes_lost, p.critical_lost, p.tightest_rto_hours))).collect();
    assert!(expected.len() > 300 && expected.values().any(|(lost, ..)| *lost > 20), "{}", expected.len());
    assert_eq!(found, expected);
}

fn ids(graph: &Graph, picks: &[prop::sample::Index]) -> Vec<Uuid> {
    picks.iter().map(|pick| pick.get(graph.nodes()).id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_stops_is_what_the_plain_rule_stops(graph in graphs(14), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let failed = ids(&graph, &picks);
        let outcome = reach::fail(&graph, failed.iter().copied()).unwrap();
        let found: BTreeSet<_> = outcome.nodes(State::Down).map(|node| node.id).collect();
        prop_assert_eq!(found, down(&graph, &failed));
    }

    #[test]
    fn more_failures_never_stop_less(graph in graphs(14), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..5)) {
        let failed = ids(&graph, &picks);
        let more = reach::fail(&graph, failed.iter().copied()).unwrap();
        let fewer = reach::fail(&graph, failed.iter().copied().skip(1)).unwrap();
        for node in graph.nodes() {
            prop_assert!(fewer.state(node.id) <= more.state(node.id));
        }
    }

    #[test]
    fn single_points_are_those_of_the_removal_of_each_node(graph in graphs(18)) {
        let found = spof::single_points(&graph, spof::Options::default());
        let map: BTreeMap<_, _> = found.iter().map(|point| {
            (point.node.id, (point.processes_lost, point.critical_lost, point.tightest_rto_hours))
        }).collect();
        prop_assert_eq!(map.len(), found.len());
        prop_assert_eq!(map, points(&graph));
        for pair in found.windows(2) {
            prop_assert!(pair[0].critical_lost >= pair[1].critical_lost);
        }
    }

    #[test]
    fn tiers_respect_hard_requirements_and_hold_everything_once(graph in graphs(14), pick in any::<prop::sample::Index>()) {
        let root = pick.get(graph.nodes()).id;
        let plan = grc_continuity::tiers::plan(&graph, root).unwrap();
        let mut tier_of = BTreeMap::new();
        let mut items = BTreeMap::new();
        let mut cycles: BTreeMap<Uuid, usize> = BTreeMap::new();
        for tier in &plan.tiers {
            for item in &tier.items {
                prop_assert!(tier_of.insert(item.node.id, tier.tier).is_none());
                prop_assert!(item.start_hours <= item.finish_hours && item.finish_hours <= tier.finish_hours);
                items.insert(item.node.id, item.clone());
            }
            for cycle in &tier.co_recover {
                cycles.extend(cycle.iter().map(|id| (*id, cycles.len())).collect::<Vec<_>>());
            }
        }
        let mut expected: BTreeSet<_> = reach::dependencies(&graph, root).unwrap().into_iter().map(|node| node.id).collect();
        expected.insert(root);
        prop_assert_eq!(tier_of.keys().copied().collect::<BTreeSet<_>>(), expected);
        for edge in graph.edges().iter().filter(|edge| edge.can_stop() && tier_of.contains_key(&edge.source)) {
            let (above, below) = (tier_of[&edge.source], tier_of[&edge.target]);
            let together = cycles.contains_key(&edge.source) && cycles.get(&edge.source) == cycles.get(&edge.target);
            prop_assert!(above > below || (above == below && together));
            if edge.redundancy_group.is_none() && !together {
                prop_assert!(items[&edge.source].start_hours >= items[&edge.target].finish_hours);
            }
        }
        prop_assert_eq!(items[&root].finish_hours, plan.finish_hours);
    }

    #[test]
    fn a_dominator_is_on_every_way_from_the_processes(graph in graphs(10)) {
        let dominators = structure::dominators(&graph);
        // Without v, a walk from the processes finds exactly what v does not dominate.
        let walk = |without: Option<Uuid>| {
            let mut seen = BTreeSet::new();
            let mut open: Vec<Uuid> = graph.nodes().iter().filter(|node| node.is_process()).map(|node| node.id).collect();
            while let Some(node) = open.pop() {
                if Some(node) != without && seen.insert(node) {
                    open.extend(graph.edges().iter().filter(|edge| edge.source == node).map(|edge| edge.target));
                }
            }
            seen
        };
        let all = walk(None);
        for node in graph.nodes().iter().filter(|node| all.contains(&node.id)) {
            prop_assert_eq!(dominators.dominated(node.id), all.len() - 1 - walk(Some(node.id)).len());
        }
    }
}

//! The numbers that networkx found.

use std::collections::BTreeMap;

use grc_continuity::{reach, structure};

use crate::world::{case, id, map, reference, strings};

#[test]
fn shape_is_as_networkx_sees_it() {
    let reference = reference();
    for oracle in reference["cases"].as_array().unwrap() {
        let graph = case(oracle, &BTreeMap::new());
        let name = |id| graph.node(id).unwrap().name.clone();

        let mut cuts: Vec<_> = structure::articulation_points(&graph).into_iter().map(name).collect();
        cuts.sort();
        assert_eq!(cuts, strings(&oracle["articulation"]));

        let dominators = structure::dominators(&graph);
        for (node, expected) in map(&oracle["idom"]) {
            let immediate = dominators.immediate(id(&node)).map_or("ROOT".to_owned(), name);
            assert_eq!(immediate, expected.as_str().unwrap(), "{node}");
        }

        let cycles: Vec<Vec<_>> = structure::cycles(&graph)
            .into_iter()
            .map(|cycle| cycle.into_iter().map(|node| node.name).collect())
            .collect();
        let expected: Vec<_> = oracle["scc"].as_array().unwrap().iter().map(strings).collect();
        assert_eq!(cycles, expected);

        let tiers: BTreeMap<_, _> =
            graph.nodes().iter().map(|node| node.name.clone()).zip(structure::levels(&graph)).collect();
        for (node, expected) in map(&oracle["tiers"]) {
            assert_eq!(Some(tiers[&node]), expected.as_u64().and_then(|level| level.try_into().ok()), "{node}");
        }

        for (node, expected) in map(&oracle["transitive_dependants"]) {
            assert_eq!(reach::dependants(&graph, id(&node)).unwrap().len().to_string(), expected.to_string(), "{node}");
        }
    }
}

#[test]
fn what_dominates_is_counted_over_the_whole_tree() {
    let reference = reference();
    let graph = case(&reference["cases"][0], &BTreeMap::new());
    let dominators = structure::dominators(&graph);
    // app: auth, db, dc1, power. dc1: power. order: mail, dc2.
    let expected = [("app", 4), ("dc1", 1), ("order", 2), ("billing", 1), ("mail", 1), ("power", 0)];
    for (name, count) in expected {
        assert_eq!(dominators.dominated(id(name)), count, "{name}");
    }
}

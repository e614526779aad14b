//! Recovery plans, by example.

use grc_continuity::{Criticality, Edge, Node, tiers};

use crate::world::{asset, graph, id, needs, process, timed};

fn restoring(name: &str, hours: f64) -> Node {
    Node { restore_hours: Some(hours), ..asset(name) }
}

#[test]
fn the_example_of_the_api_reference_comes_out() {
    let order = Node { rpo_hours: Some(1.0), mtd_hours: Some(24.0), ..process("Order Fulfillment", 4.0) };
    let graph = graph(vec![order, timed("Core Database", 1.0)], vec![needs("Order Fulfillment", "Core Database")]);
    let plan = tiers::plan(&graph, id("Order Fulfillment")).unwrap();
    let seen: Vec<_> = plan
        .tiers
        .iter()
        .map(|tier| (tier.tier, tier.rto_hours, tier.items[0].node.kind.as_str(), tier.items[0].node.name.as_str()))
        .collect();
    assert_eq!(seen, [(1, Some(1.0), "asset", "Core Database"), (2, Some(4.0), "process", "Order Fulfillment")]);
    assert_eq!((plan.finish_hours, plan.missed.as_slice()), (1.0, &[][..]));
}

#[test]
fn the_critical_path_adds_up_and_says_which_processes_are_late() {
    let nodes = vec![
        process("sell", 4.0),
        process("bill", 2.0),
        restoring("app", 1.5),
        restoring("db", 3.0),
        restoring("cache", 9.0),
    ];
    let edges = vec![needs("sell", "bill"), needs("bill", "app"), needs("app", "db"), needs("app", "cache").soft()];
    let plan = tiers::plan(&graph(nodes, edges), id("sell")).unwrap();
    let finishes: Vec<_> = plan.tiers.iter().map(|tier| tier.finish_hours).collect();
    // The cache is soft: it stands in tier 1, which is done only with it, and delays nobody above.
    assert_eq!(finishes, [9.0, 4.5, 4.5, 4.5]);
    assert_eq!(plan.finish_hours, 4.5);
    let missed: Vec<_> = plan.missed.iter().map(|m| (m.process_id, m.rto_hours, m.finish_hours)).collect();
    assert_eq!(missed, [(id("bill"), 2.0, 4.5), (id("sell"), 4.0, 4.5)]);
}

#[test]
fn a_group_waits_for_its_fastest_members_only() {
    let nodes = vec![process("p", 2.0), restoring("fast", 1.0), restoring("mid", 2.0), restoring("slow", 8.0)];
    let group = |needed| ["fast", "mid", "slow"].map(|name| needs("p", name).in_group("g", needed)).to_vec();
    for (needed, finish) in [(1, 1.0), (2, 2.0), (3, 8.0), (9, 8.0)] {
        assert_eq!(tiers::plan(&graph(nodes.clone(), group(needed)), id("p")).unwrap().finish_hours, finish);
    }
}

#[test]
fn a_cycle_is_recovered_together_unless_a_soft_edge_opens_it() {
    let nodes = vec![process("p", 9.0), restoring("a", 1.0), restoring("b", 2.0), restoring("base", 4.0)];
    let edges = |back: Edge| vec![needs("p", "a"), needs("a", "b"), back, needs("b", "base")];
    let plan = tiers::plan(&graph(nodes.clone(), edges(needs("b", "a"))), id("p")).unwrap();
    assert_eq!(plan.tiers.len(), 3);
    assert_eq!(plan.tiers[1].co_recover, [vec![id("a"), id("b")]]);
    assert_eq!((plan.tiers[1].finish_hours, plan.finish_hours), (6.0, 6.0));
    let plan = tiers::plan(&graph(nodes, edges(needs("b", "a").soft())), id("p")).unwrap();
    assert!(plan.tiers.iter().all(|tier| tier.co_recover.is_empty()));
    assert_eq!((plan.tiers.len(), plan.finish_hours), (4, 7.0));
}

#[test]
fn inside_a_tier_the_urgent_come_first_and_the_critical_break_ties() {
    let minor = Node { criticality: Some(Criticality::Administrative), ..process("minor", 6.0) };
    let nodes = vec![process("p", 6.0), minor, timed("x", 3.0), timed("y", 8.0), timed("z", 6.0), asset("silent")];
    let soft = needs("p", "silent").soft();
    let edges = vec![needs("p", "x"), needs("p", "minor"), needs("minor", "z"), needs("p", "y"), soft];
    let plan = tiers::plan(&graph(nodes, edges), id("p")).unwrap();
    let names: Vec<_> = plan.tiers[0].items.iter().map(|item| item.node.name.as_str()).collect();
    // y states 8 hours but p demands 6; z inherits from p through minor.
    assert_eq!(names, ["x", "y", "z", "silent"]);
    assert_eq!(plan.tiers[0].rto_hours, Some(8.0));
    let silent = plan.tiers[0].items.last().unwrap();
    assert!(silent.duration_unknown && silent.rto_hours.is_none());
}

#[test]
fn an_unknown_process_is_not_found() {
    assert!(tiers::plan(&graph(Vec::new(), Vec::new()), id("p")).is_err());
}

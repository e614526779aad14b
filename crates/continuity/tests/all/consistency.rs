//! Conflicts, against the oracle and by example.

use grc_continuity::{
    Edge, Graph, Node,
    consistency::{Conflict, ConflictKind, PlanState, StaleKind, check},
};
use proptest::prelude::*;
use time::{OffsetDateTime, macros::datetime};

use crate::naive::graphs;
use crate::world::{asset, case, graph, id, map, needs, process, reference, timed};

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

fn tidy(node: Node) -> Node {
    Node { has_owner: true, last_reviewed_at: Some(NOW), ..node }
}

fn found(graph: &Graph, kind: ConflictKind, transitive: bool) -> Vec<(String, String, f64, f64)> {
    let of = |conflict: &Conflict| conflict.kind == kind && conflict.transitive == transitive;
    let conflicts = check(graph, &[], NOW).conflicts.into_iter().filter(of);
    let mut rows: Vec<_> = conflicts
        .map(|conflict| {
            (conflict.dependant.name, conflict.dependency.name, conflict.required_hours, conflict.stated_hours)
        })
        .collect();
    rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    rows
}

#[test]
fn the_conflicts_of_the_oracle_come_out_direct_and_transitive() {
    let reference = reference();
    let example = &reference["rto_example"];
    let graph = case(&reference["cases"][0], &map(&example["stated_rto_hours"]));
    let direct = found(&graph, ConflictKind::Rto, false);
    let expected = example["conflicts"].as_array().unwrap();
    assert_eq!(direct.len(), expected.len());
    for (row, oracle) in direct.iter().zip(expected) {
        assert_eq!((Some(row.0.as_str()), Some(row.1.as_str())), (oracle[0].as_str(), oracle[1].as_str()));
        assert_eq!((Some(row.2), Some(row.3)), (oracle[2].as_f64(), oracle[3].as_f64()));
    }
    let transitive = found(&graph, ConflictKind::Rto, true);
    let seen: Vec<_> = transitive.iter().map(|row| (row.0.as_str(), row.1.as_str(), row.3, row.2)).collect();
    assert_eq!(seen, [("auth", "db", 3.0, 1.0), ("billing", "paygw", 12.0, 8.0), ("order", "mail", 24.0, 4.0)]);
    let oracle = example["transitive_conflicts"].as_array().unwrap();
    assert_eq!(oracle.len(), 3);
    for row in oracle {
        let of = |seen: &&(&str, &str, f64, f64)| Some(seen.1) == row[0].as_str();
        let seen = seen.iter().find(of).unwrap();
        assert_eq!((Some(seen.2), Some(seen.3)), (row[1].as_f64(), row[2].as_f64()));
    }
}

#[test]
fn the_effective_objectives_of_the_oracle_are_those_that_a_plan_sorts_by() {
    let reference = reference();
    let example = &reference["rto_example"];
    let graph = case(&reference["cases"][0], &map(&example["stated_rto_hours"]));
    let effective = map(&example["effective_required_rto_hours"]);
    for root in ["order", "billing"] {
        for item in grc_continuity::tiers::plan(&graph, id(root)).unwrap().tiers.iter().flat_map(|tier| &tier.items) {
            assert_eq!(item.effective_rto_hours, effective[&item.node.name].as_f64(), "{}", item.node.name);
        }
    }
}

#[test]
fn a_demand_reaches_through_nodes_that_state_nothing() {
    let graph =
        graph(vec![process("p", 2.0), asset("mute"), timed("db", 5.0)], vec![needs("p", "mute"), needs("mute", "db")]);
    assert_eq!(found(&graph, ConflictKind::Rto, false), []);
    assert_eq!(found(&graph, ConflictKind::Rto, true), [("p".to_owned(), "db".to_owned(), 2.0, 5.0)]);
}

#[test]
fn soft_edges_and_spares_make_no_demands() {
    let nodes = || vec![process("p", 2.0), timed("hot", 1.0), timed("cold", 24.0)];
    let soft = graph(nodes(), vec![needs("p", "cold").soft(), Edge::supports(id("p"), id("hot"))]);
    let pair = |needed| vec![needs("p", "cold").in_group("db", needed), needs("p", "hot").in_group("db", needed)];
    for calm in [soft, graph(nodes(), pair(1))] {
        assert_eq!(found(&calm, ConflictKind::Rto, false), []);
        assert_eq!(found(&calm, ConflictKind::Rto, true), []);
    }
    assert_eq!(
        found(&graph(nodes(), pair(2)), ConflictKind::Rto, false),
        [("p".to_owned(), "cold".to_owned(), 2.0, 24.0)]
    );
}

#[test]
fn a_cycle_shares_its_tightest_objective_and_is_reported() {
    let graph = graph(
        vec![timed("a", 1.0), timed("b", 3.0), timed("c", 9.0)],
        vec![needs("a", "b"), needs("b", "a"), needs("b", "c")],
    );
    let report = check(&graph, &[], NOW);
    assert_eq!(report.cycles.len(), 1);
    assert_eq!(
        found(&graph, ConflictKind::Rto, true),
        [("a".to_owned(), "b".to_owned(), 1.0, 3.0), ("a".to_owned(), "c".to_owned(), 1.0, 9.0)]
    );
}

#[test]
fn data_loss_adds_up_the_same_way() {
    let with = |node: Node, rpo| Node { rpo_hours: Some(rpo), ..node };
    let graph = graph(vec![with(process("p", 4.0), 1.0), with(timed("db", 1.0), 24.0)], vec![needs("p", "db")]);
    let row = ("p".to_owned(), "db".to_owned(), 1.0, 24.0);
    assert_eq!(found(&graph, ConflictKind::Rpo, false), std::slice::from_ref(&row));
    assert_eq!(found(&graph, ConflictKind::Rpo, true), [row]);
    assert_eq!(found(&graph, ConflictKind::Rto, false), []);
}

#[test]
fn a_contract_may_not_promise_less_than_is_demanded() {
    let vendor = |name, sla| Node { sla_hours: Some(sla), ..asset(name) };
    let nodes = vec![process("p", 4.0), asset("app"), vendor("near", 8.0), vendor("far", 8.0), vendor("good", 4.0)];
    let nodes = [nodes, vec![Node { rto_hours: Some(1.0), ..vendor("self", 2.0) }]].concat();
    let edges = vec![needs("p", "near"), needs("p", "app"), needs("app", "far"), needs("p", "good")];
    let graph = graph(nodes, edges);
    let row = |a: &str, b: &str, required, stated| (a.to_owned(), b.to_owned(), required, stated);
    assert_eq!(found(&graph, ConflictKind::Sla, false), [row("p", "near", 4.0, 8.0), row("self", "self", 1.0, 2.0)]);
    assert_eq!(found(&graph, ConflictKind::Sla, true), [row("p", "far", 4.0, 8.0)]);
}

#[test]
fn an_objective_at_the_edge_of_the_tolerable_is_a_warning_and_beyond_it_a_conflict() {
    let with = |name, mtd| Node { mtd_hours: Some(mtd), ..process(name, 4.0) };
    let report = check(&graph(vec![with("fine", 8.0), with("edge", 4.0), with("over", 2.0)], Vec::new()), &[], NOW);
    let seen: Vec<_> =
        report.conflicts.iter().map(|c| (c.kind, c.kind.is_warning(), c.dependency.name.as_str())).collect();
    assert_eq!(seen, [(ConflictKind::RtoOverMtd, false, "over"), (ConflictKind::NoSlack, true, "edge")]);
}

#[test]
fn what_was_not_looked_at_for_a_year_is_stale() {
    let nodes = vec![
        Node { last_reviewed_at: Some(datetime!(2025-11-23 12:00 UTC)), has_owner: true, ..process("in time", 4.0) },
        Node { last_reviewed_at: Some(datetime!(2025-11-23 11:59 UTC)), has_owner: true, ..process("late", 4.0) },
        Node { last_reviewed_at: None, ..process("never", 4.0) },
        asset("assets are not reviewed here"),
    ];
    let plan = |name: &str, last_exercised_at, achieved_rto_hours| PlanState {
        id: id(name),
        name: name.to_owned(),
        process: Some(id("late")),
        last_exercised_at,
        achieved_rto_hours,
    };
    let plans = [plan("slow", Some(NOW), Some(6.0)), plan("quick", Some(NOW), Some(4.0)), plan("paper", None, None)];
    let report = check(&graph(nodes, Vec::new()), &plans, NOW);
    let seen: Vec<_> = report.stale.iter().map(|stale| (stale.kind, stale.name.as_str())).collect();
    assert_eq!(seen, [(StaleKind::Review, "late"), (StaleKind::Review, "never"), (StaleKind::Exercise, "paper")]);
    assert_eq!(report.ownerless.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["never"]);
    let seen: Vec<_> = report.conflicts.iter().map(|c| (c.kind, c.required_hours, c.stated_hours)).collect();
    assert_eq!(seen, [(ConflictKind::Exercise, 4.0, 6.0)]);
}

#[test]
fn a_leap_day_has_a_year_before_it() {
    let reviewed = |at| vec![Node { last_reviewed_at: Some(at), ..tidy(process("p", 1.0)) }];
    let now = datetime!(2028-02-29 08:00 UTC);
    let stale = |at| check(&graph(reviewed(at), Vec::new()), &[], now).stale.len();
    assert_eq!((stale(datetime!(2027-02-28 08:00 UTC)), stale(datetime!(2027-02-28 07:59 UTC))), (0, 1));
}

#[test]
fn a_group_that_asks_for_more_than_it_has_is_named() {
    let edges = vec![needs("p", "a").in_group("trio", 3), needs("p", "b").in_group("trio", 3)];
    let report = check(&graph(vec![tidy(process("p", 1.0)), asset("a"), asset("b")], edges), &[], NOW);
    let group = &report.short_groups[0];
    assert_eq!((group.source.name.as_str(), group.group.as_str(), group.needed, group.members), ("p", "trio", 3, 2));
}

proptest! {
    #[test]
    fn a_transitive_conflict_is_a_stated_objective_above_the_minimum_of_all_dependants(graph in graphs(16)) {
        let alone = |edge: &Edge| Edge { redundancy_group: None, needed: None, ..edge.clone() };
        let hard: Vec<_> = graph.edges().iter().filter(|edge| edge.can_stop()).map(alone).collect();
        let graph = Graph::new(graph.nodes().to_vec(), hard).unwrap();
        let conflicts = check(&graph, &[], NOW).conflicts;
        let found = |transitive| {
            let of = |c: &&Conflict| c.kind == ConflictKind::Rto && c.transitive == transitive;
            let mut rows: Vec<_> = conflicts.iter().filter(of).map(|c| (c.dependency.id, c.required_hours)).collect();
            rows.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            rows
        };
        let rto = |id| graph.node(id).and_then(|node| node.rto_hours);
        let mut transitive = Vec::new();
        for node in graph.nodes() {
            let above = grc_continuity::reach::dependants(&graph, node.id).unwrap();
            let least = above.iter().filter_map(|other| rto(other.id)).reduce(f64::min);
            transitive.extend(least.filter(|least| node.rto_hours > Some(*least)).map(|least| (node.id, least)));
        }
        prop_assert_eq!(found(true), transitive);
        let mut direct: Vec<_> = graph.edges().iter()
            .filter(|edge| rto(edge.source).is_some() && rto(edge.target) > rto(edge.source))
            .map(|edge| (edge.target, rto(edge.source).unwrap()))
            .collect();
        direct.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        prop_assert_eq!(found(false), direct);
    }
}

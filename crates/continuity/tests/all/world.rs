//! Small graphs for the tests: nodes by name, and the graphs of the oracle file.

use std::collections::BTreeMap;

use grc_continuity::{AssetType, Criticality, Edge, Graph, Node};
use serde_json::Value;
use uuid::Uuid;

/// An id that follows from the name.
pub(crate) fn id(name: &str) -> Uuid {
    Uuid::from_u128(name.bytes().fold(1, |sum: u128, byte| sum.wrapping_mul(257).wrapping_add(byte.into())))
}

pub(crate) fn process(name: &str, rto_hours: f64) -> Node {
    Node { rto_hours: Some(rto_hours), ..Node::process(id(name), name, Criticality::MissionCritical) }
}

pub(crate) fn asset(name: &str) -> Node {
    Node::asset(id(name), name, AssetType::Other)
}

pub(crate) fn timed(name: &str, rto_hours: f64) -> Node {
    Node { rto_hours: Some(rto_hours), ..asset(name) }
}

pub(crate) fn needs(source: &str, target: &str) -> Edge {
    Edge::requires(id(source), id(target))
}

pub(crate) fn graph(nodes: Vec<Node>, edges: Vec<Edge>) -> Graph {
    Graph::new(nodes, edges).unwrap()
}

/// The oracle file.
pub(crate) fn reference() -> Value {
    serde_json::from_str(include_str!("../data/bcm-graph-reference.json")).unwrap()
}

pub(crate) fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

pub(crate) fn map(value: &Value) -> BTreeMap<String, Value> {
    value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The graph of one case; `rto` fills in the stated objectives.
pub(crate) fn case(case: &Value, rto: &BTreeMap<String, Value>) -> Graph {
    let processes = strings(&case["processes"]);
    let nodes = strings(&case["nodes"]).into_iter().map(|name| {
        let node = if processes.contains(&name) { process(&name, 0.0) } else { asset(&name) };
        Node { rto_hours: rto.get(&name).and_then(Value::as_f64), ..node }
    });
    let edges = case["edges"].as_array().unwrap().iter().map(|edge| {
        let ends = strings(edge);
        needs(&ends[0], &ends[1])
    });
    graph(nodes.collect(), edges.collect())
}

//! Concentration, against the oracle and by example.

use grc_continuity::{
    AssetType, Criticality, Node,
    concentration::{Band, Dimension, concentrations, hhi},
};
use uuid::Uuid;

use crate::world::{asset, graph, id, needs, process, reference};

#[test]
fn the_index_of_the_oracle_comes_out() {
    let reference = reference();
    let example = &reference["hhi_example"];
    let shares: Vec<f64> = example["shares"].as_array().unwrap().iter().filter_map(|share| share.as_f64()).collect();
    let (index, number) = hhi(&shares).unwrap();
    assert!((index - example["hhi_0_10000"].as_f64().unwrap()).abs() < 1e-9);
    assert!((number - example["effective_number"].as_f64().unwrap()).abs() < 1e-12);
    let bands = &example["bands_2023_us_merger_guidelines"];
    let (moderate, high) = (bands["moderate"].as_f64().unwrap(), bands["high"].as_f64().unwrap());
    assert_eq!(
        [moderate - 0.1, moderate, high, high + 0.1].map(Band::of),
        [Band::Low, Band::Moderate, Band::Moderate, Band::High]
    );
    assert_eq!((hhi(&[]), hhi(&[0.0])), (None, None));
    // The scale of the weights does not matter.
    assert_eq!(hhi(&[5.0, 2.0, 2.0, 1.0]).unwrap().0.round(), 3_400.0);
}

#[test]
fn weights_follow_what_needs_a_node_and_names_are_compared_without_case() {
    let region = |name: &str, region: &str| Node { region: Some(region.to_owned()), ..asset(name) };
    let minor = Node { criticality: Some(Criticality::Administrative), ..process("minor", 9.0) };
    let nodes = vec![
        process("p", 1.0),
        minor,
        region("db", "EU-West-1"),
        region("cache", " eu-west-1"),
        region("log", "us-east-1"),
    ];
    let edges = vec![needs("p", "db"), needs("minor", "log"), needs("minor", "db")];
    let found = concentrations(&graph(nodes, edges));
    assert_eq!(found.len(), 1);
    let seen: Vec<_> = found[0].shares.iter().map(|s| (s.label.as_str(), s.nodes, (s.share * 6.0).round())).collect();
    // db inherits 4 from p, log 1 from minor, and cache, which nothing needs, counts 1.
    assert_eq!(seen, [("eu-west-1", 2, 5.0), ("us-east-1", 1, 1.0)]);
    assert_eq!((found[0].dimension, found[0].unplaced, found[0].band), (Dimension::Region, 2, Band::High));
    let warning = found[0].warning().unwrap();
    assert!(warning.starts_with("region concentration is high (index 7222 of 10,000): 83 %"), "{warning}");
}

#[test]
fn sites_and_vendors_are_found_along_the_dependencies() {
    let site = |name: &str| Node::asset(id(name), name, AssetType::Site);
    let vendor = Node { vendor: Some(Uuid::from_u128(9)), ..Node::asset(id("Acme"), "Acme", AssetType::Vendor) };
    let direct = Node { vendor: Some(Uuid::from_u128(9)), ..asset("saas") };
    let nodes =
        vec![site("north"), site("south"), asset("db"), asset("split"), vendor, direct, asset("tool"), asset("free")];
    let edges = vec![needs("db", "north"), needs("split", "north"), needs("split", "south"), needs("tool", "Acme")];
    let found = concentrations(&graph(nodes, edges));
    let of = |dimension| found.iter().find(|found| found.dimension == dimension).unwrap();
    let vendors = of(Dimension::Vendor);
    assert_eq!((vendors.shares[0].label.as_str(), vendors.shares[0].nodes, vendors.hhi), ("Acme", 3, 10_000.0));
    let sites: Vec<_> = of(Dimension::Site).shares.iter().map(|s| (s.label.as_str(), s.nodes, s.share)).collect();
    assert_eq!(sites, [("north", 3, 2.5 / 4.0), ("south", 2, 1.5 / 4.0)]);
}

#[test]
fn an_even_spread_is_no_concentration() {
    let nodes = (0..20).map(|at| Node { provider: Some(format!("p{at}")), ..asset(&format!("a{at}")) }).collect();
    let found = concentrations(&graph(nodes, Vec::new()));
    assert_eq!((found[0].band, found[0].effective_number.round(), found[0].warning()), (Band::Low, 20.0, None));
}

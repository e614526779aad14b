//! Another service uses the crate: it has its own records of what depends on what, and asks what would stop, what to
//! recover first and what does not fit. Nothing is needed but the records; no database, no server.
//!
//! `cargo run -p grc-continuity --example embed_graph [FOLDER]` also writes the two pictures to a folder.

#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{error::Error, path::PathBuf};

use grc_continuity::{
    AssetType, Criticality, Edge, Graph, Node,
    climate::{self, HazardTable},
    consistency, picture, simulate, spof, tiers,
};
use time::macros::datetime;
use uuid::Uuid;

/// The service's own records: (name, what it is, RTO, restore time, region).
const ASSETS: &[(&str, AssetType, f64, f64, &str)] = &[
    ("Web shop", AssetType::Application, 2.0, 0.5, "eu-central-1"),
    ("Sign-in", AssetType::Application, 1.0, 0.5, "eu-central-1"),
    ("Order database (primary)", AssetType::Database, 3.0, 1.0, "eu-central-1"),
    ("Order database (replica)", AssetType::Database, 3.0, 1.0, "eu-west-1"),
    ("Payment gateway", AssetType::Vendor, 12.0, 4.0, "eu-west-1"),
    ("Mail relay", AssetType::Vendor, 24.0, 8.0, "us-east-1"),
    ("Frankfurt data centre", AssetType::Site, 8.0, 6.0, "eu-central-1"),
    ("Warehouse team", AssetType::People, 8.0, 2.0, "de"),
    ("Customer master data", AssetType::Data, 4.0, 1.0, "eu-central-1"),
];

fn id(name: &str) -> Uuid {
    // A real service has ids already; here they follow from the names.
    Uuid::from_u128(name.bytes().fold(0, |sum: u128, byte| sum.wrapping_mul(257).wrapping_add(byte.into())))
}

fn records() -> Result<Graph, grc_continuity::ContinuityError> {
    let process = |name: &str, criticality, rto, hourly_loss| Node {
        rto_hours: Some(rto),
        mtd_hours: Some(rto * 3.0),
        hourly_loss: Some(hourly_loss),
        has_owner: true,
        last_reviewed_at: Some(datetime!(2026-03-01 00:00 UTC)),
        ..Node::process(id(name), name, criticality)
    };
    let mut nodes = vec![
        process("Order fulfilment", Criticality::MissionCritical, 4.0, 12_000.0),
        process("Billing", Criticality::BusinessCritical, 8.0, 3_000.0),
        process("Returns handling", Criticality::BusinessOperational, 48.0, 200.0),
    ];
    nodes.extend(ASSETS.iter().map(|&(name, kind, rto, restore, region)| Node {
        rto_hours: Some(rto),
        restore_hours: Some(restore),
        region: Some(region.to_owned()),
        ..Node::asset(id(name), name, kind)
    }));
    let needs = |source: &str, target: &str| Edge::requires(id(source), id(target));
    let edges = vec![
        needs("Order fulfilment", "Web shop"),
        needs("Order fulfilment", "Warehouse team"),
        needs("Order fulfilment", "Mail relay").soft(),
        needs("Billing", "Payment gateway"),
        needs("Billing", "Customer master data"),
        needs("Returns handling", "Order fulfilment"),
        needs("Web shop", "Sign-in"),
        needs("Web shop", "Order database (primary)").in_group("orders", 1),
        needs("Web shop", "Order database (replica)").in_group("orders", 1),
        needs("Sign-in", "Customer master data"),
        needs("Customer master data", "Sign-in"),
        needs("Order database (primary)", "Frankfurt data centre"),
        needs("Customer master data", "Frankfurt data centre"),
    ];
    Graph::new(nodes, edges)
}

fn main() -> Result<(), Box<dyn Error>> {
    run(std::env::args().nth(1).map(PathBuf::from))
}

fn run(folder: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let graph = records()?;

    println!("Single points of failure");
    for point in spof::single_points(&graph, spof::Options::default()) {
        let hours = point.tightest_rto_hours.unwrap_or_default();
        println!("  {}: stops {} processes, the tightest RTO is {hours} h", point.node.name, point.processes_lost);
    }

    let plan = tiers::plan(&graph, id("Order fulfilment"))?;
    println!("Recovery of {}, done after {} h", plan.process.name, plan.finish_hours);
    for tier in &plan.tiers {
        let names: Vec<_> = tier.items.iter().map(|item| item.node.name.as_str()).collect();
        println!("  tier {} until hour {}: {}", tier.tier, tier.finish_hours, names.join(", "));
    }
    for missed in &plan.missed {
        println!("  too late: RTO {} h, back after {} h", missed.rto_hours, missed.finish_hours);
    }

    println!("What does not fit");
    for conflict in consistency::check(&graph, &[], datetime!(2026-11-23 12:00 UTC)).conflicts {
        let (a, b) = (&conflict.dependant.name, &conflict.dependency.name);
        println!(
            "  {}: {a} asks for {} h, {b} states {} h",
            conflict.kind, conflict.required_hours, conflict.stated_hours
        );
    }

    let outage = simulate::run(&graph, &[id("Frankfurt data centre")], 12.0)?;
    println!("Frankfurt is away for 12 h: {} processes stop, {:.0} lost", outage.lost.len(), outage.loss);

    let climate = climate::assess(&graph, &HazardTable::illustrative(), spof::Options::default());
    println!("Climate ({})", climate.table);
    for region in climate.regions.iter().take(2) {
        println!("  {} as {}: score {:.2}", region.region, region.known_as, region.score);
    }
    climate.warnings.iter().for_each(|warning| println!("  {warning}"));

    if let Some(folder) = folder {
        std::fs::write(folder.join("graph.svg"), picture::dependency_graph(&graph, &picture::GraphOptions::default()))?;
        std::fs::write(folder.join("plan.svg"), picture::recovery_gantt(&plan))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_runs() {
        super::run(None).unwrap();
    }
}

//! Business continuity as calculation: pure rules over a graph, no storage, no clock, no HTTP.
#![doc = include_str!("../README.md")]

mod adjacency;
pub mod climate;
pub mod concentration;
pub mod consistency;
mod demand;
pub mod error;
pub mod graph;
pub mod model;
pub mod picture;
pub mod reach;
pub mod simulate;
pub mod spof;
pub mod structure;
pub mod tiers;

pub use error::ContinuityError;
pub use graph::Graph;
pub use model::{
    AssetType, Criticality, DependencyType, Edge, Impact, ImpactCategory, Node, NodeKind, NodeRef, Strength,
};

//! How much lies in one place or in one hand: the Herfindahl-Hirschman index of where the organization's important
//! nodes are.
//!
//! - Each node counts with the weight of its importance (4 to 1), which an asset inherits from what needs it.
//! - A share is a value's part of the weight of the nodes that have a value at all. The index is the sum of the
//!   squared shares on a scale of 10,000; its inverse is the number of equal shares that would give the same index.
//! - The bands are those of the US merger guidelines of 2023: above 1,800 high, from 1,000 moderate. They were made
//!   for markets; here they are a convention for reading the number, not a legal test.
//! - A node without a site or vendor of its own lies with the site or vendor assets that it depends on directly, in
//!   equal parts. Such an asset itself counts for itself.

use std::collections::{BTreeMap, HashMap};

use grc_kernel::wire_enum;
use uuid::Uuid;

use crate::{
    demand::{importance, weight},
    graph::Graph,
    model::{AssetType, Node, NodeKind},
};

wire_enum! {
    /// What nodes can have in common.
    pub enum Dimension {
        /// Where they run.
        Region = "region",
        /// Whose infrastructure they run on.
        Provider = "provider",
        /// Who delivers them.
        Vendor = "vendor",
        /// The place where they stand.
        Site = "site",
    }
}

wire_enum! {
    /// How to read an index.
    pub enum Band {
        /// Below 1,000.
        Low = "low",
        /// From 1,000 to 1,800.
        Moderate = "moderate",
        /// Above 1,800.
        High = "high",
    }
}

impl Band {
    /// The band of an index from 0 to 10,000.
    pub fn of(hhi: f64) -> Self {
        if hhi > 1_800.0 {
            Self::High
        } else if hhi >= 1_000.0 {
            Self::Moderate
        } else {
            Self::Low
        }
    }
}

/// The concentration in one dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Concentration {
    /// Which.
    pub dimension: Dimension,
    /// The index, 0 to 10,000.
    pub hhi: f64,
    /// Its band.
    pub band: Band,
    /// How many equal shares would have this index.
    pub effective_number: f64,
    /// The shares, the largest first.
    pub shares: Vec<Share>,
    /// How many nodes have no value in this dimension and are left out.
    pub unplaced: usize,
}

/// One value's share.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The value; for a vendor or site its name.
    pub label: String,
    /// The part of the weight, 0 to 1.
    pub share: f64,
    /// How many nodes lie there, in whole or in part.
    pub nodes: usize,
}

/// The index of some weights, 0 to 10,000, and the effective number. None when nothing has weight.
pub fn hhi(weights: &[f64]) -> Option<(f64, f64)> {
    let total: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|weight| (weight / total) * (weight / total)).sum();
    (total > 0.0 && squares > 0.0).then(|| (10_000.0 * squares, 1.0 / squares))
}

impl Concentration {
    /// A sentence for people, from moderate concentration on.
    pub fn warning(&self) -> Option<String> {
        let largest = self.shares.first().filter(|_| self.band > Band::Low)?;
        Some(format!(
            "{} concentration is {} (index {:.0} of 10,000): {:.0} % of the weighted nodes have {} in common",
            self.dimension,
            self.band,
            self.hhi,
            largest.share * 100.0,
            largest.label
        ))
    }
}

/// The concentration in every dimension in which any node has a value.
pub fn concentrations(graph: &Graph) -> Vec<Concentration> {
    let importance = importance(graph);
    let mut vendors: HashMap<Uuid, &str> = graph
        .nodes()
        .iter()
        .filter(|node| node.kind == NodeKind::Asset(AssetType::Vendor))
        .filter_map(|node| Some((node.vendor?, node.name.as_str())))
        .collect();
    // The vendor's own name comes before that of an asset that stands for it.
    vendors.extend(graph.nodes().iter().filter_map(|node| Some((node.vendor?, node.vendor_name.as_deref()?))));
    let measure = |&dimension: &Dimension| {
        let mut held: BTreeMap<Key, (f64, usize)> = BTreeMap::new();
        let mut unplaced = 0;
        for (at, node) in graph.nodes().iter().enumerate() {
            let keys = places(graph, dimension, at, node);
            unplaced += usize::from(keys.is_empty());
            let parts: f64 = keys.iter().map(|_| 1.0).sum();
            for key in keys {
                let (total, nodes) = held.entry(key).or_default();
                *total += weight(importance.get(at)) / parts;
                *nodes += 1;
            }
        }
        let weights: Vec<f64> = held.values().map(|(weight, _)| *weight).collect();
        let (hhi, effective_number) = hhi(&weights)?;
        let total: f64 = weights.iter().sum();
        let mut shares: Vec<Share> = held
            .into_iter()
            .map(|(key, (weight, nodes))| Share { label: key.label(graph, &vendors), share: weight / total, nodes })
            .collect();
        shares.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.label.cmp(&b.label)));
        Some(Concentration { dimension, hhi, band: Band::of(hhi), effective_number, shares, unplaced })
    };
    Dimension::ALL.iter().filter_map(measure).collect()
}

/// A value: a word, compared without regard to case, or a thing with an id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Word(String),
    Vendor(Uuid),
    Asset(Uuid),
}

impl Key {
    fn label(self, graph: &Graph, vendors: &HashMap<Uuid, &str>) -> String {
        let (name, id) = match self {
            Self::Word(word) => return word,
            Self::Asset(id) => (graph.node(id).map(|node| node.name.as_str()), id),
            Self::Vendor(id) => (vendors.get(&id).copied(), id),
        };
        name.map_or_else(|| id.to_string(), str::to_owned)
    }
}

/// A region's or provider's name in the form in which it is compared.
pub(crate) fn folded(name: Option<&str>) -> Option<String> {
    name.map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty())
}

fn places(graph: &Graph, dimension: Dimension, at: usize, node: &Node) -> Vec<Key> {
    match dimension {
        Dimension::Region => folded(node.region.as_deref()).map(Key::Word).into_iter().collect(),
        Dimension::Provider => folded(node.provider.as_deref()).map(Key::Word).into_iter().collect(),
        Dimension::Vendor => assigned(graph, at, AssetType::Vendor, |node| match node.vendor {
            Some(vendor) => Some(Key::Vendor(vendor)),
            None => (node.kind == NodeKind::Asset(AssetType::Vendor)).then_some(Key::Asset(node.id)),
        }),
        Dimension::Site => assigned(graph, at, AssetType::Site, |node| match node.site {
            Some(site) => Some(Key::Asset(site)),
            None => (node.kind == NodeKind::Asset(AssetType::Site)).then_some(Key::Asset(node.id)),
        }),
    }
}

/// The node's own value, or those of the assets of this kind that it depends on directly.
fn assigned(graph: &Graph, at: usize, kind: AssetType, own: impl Fn(&Node) -> Option<Key>) -> Vec<Key> {
    if let Some(key) = graph.at(at).and_then(&own) {
        return vec![key];
    }
    let below = graph.targets(at).filter_map(|target| graph.at(target));
    let mut keys: Vec<Key> = below.filter(|node| node.kind == NodeKind::Asset(kind)).filter_map(own).collect();
    keys.sort();
    keys.dedup();
    keys
}

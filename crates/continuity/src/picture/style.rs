//! The colours of the pictures. They tell kinds apart in print and for most colour-blind readers: processes are
//! dark to light blue by criticality and round, assets are pale, angular and outlined by type.

use crate::model::{AssetType, Criticality, NodeKind};

/// How a node looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) fill: &'static str,
    pub(super) stroke: &'static str,
    pub(super) ink: &'static str,
    pub(super) radius: f64,
}

pub(super) const INK: &str = "#1d2433";
pub(super) const QUIET: &str = "#667085";
pub(super) const GRID: &str = "#d5d9e0";
pub(super) const BAND: &str = "#f6f7f9";
pub(super) const ALARM: &str = "#d0212f";
pub(super) const HARD: &str = "#5b6577";
pub(super) const SOFT: &str = "#a3abb8";
pub(super) const GROUP: &str = "#0f8a80";
pub(super) const CYCLE: &str = "#dd7400";

/// The look of a node.
pub(super) fn look(kind: NodeKind, criticality: Option<Criticality>) -> Look {
    let (fill, stroke, ink) = match kind {
        NodeKind::Process => match criticality {
            Some(Criticality::MissionCritical) => ("#1e2a63", "#1e2a63", "#ffffff"),
            Some(Criticality::BusinessCritical) => ("#4658b3", "#4658b3", "#ffffff"),
            Some(Criticality::BusinessOperational) => ("#a9b5e8", "#6f7fc9", INK),
            Some(Criticality::Administrative) | None => ("#e2e6f8", "#9aa6dc", INK),
        },
        NodeKind::Asset(AssetType::Application) => ("#e1f1fb", "#3c8dc0", INK),
        NodeKind::Asset(AssetType::Database) => ("#dcf1e2", "#3b9158", INK),
        NodeKind::Asset(AssetType::Infrastructure) => ("#e8e8ec", "#777a88", INK),
        NodeKind::Asset(AssetType::Site) => ("#f7edd0", "#b0861d", INK),
        NodeKind::Asset(AssetType::Vendor) => ("#efe3f7", "#8d5bb5", INK),
        NodeKind::Asset(AssetType::People) => ("#fbe6d6", "#c7712e", INK),
        NodeKind::Asset(AssetType::Data) => ("#d9f1f1", "#2b8f92", INK),
        NodeKind::Asset(AssetType::Other) => ("#f4f4f4", "#9b9b9b", INK),
    };
    Look { fill, stroke, ink, radius: if kind == NodeKind::Process { 18.0 } else { 4.0 } }
}

/// What a legend calls a node that looks like this.
pub(super) fn kind_name(kind: NodeKind, criticality: Option<Criticality>) -> String {
    match kind {
        NodeKind::Process => criticality.map_or("process", Criticality::as_str).replace('_', " "),
        NodeKind::Asset(kind) => kind.as_str().to_owned(),
    }
}

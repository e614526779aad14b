//! Pictures for people: the dependency graph and the recovery plan as self-contained SVG, without scripts, fonts or
//! links. Names are escaped; every element has a tool tip.

mod dependencies;
mod edges;
mod gantt;
mod layers;
mod legend;
mod parts;
mod places;
mod style;
mod svg;

pub use dependencies::{GraphOptions, dependency_graph};
pub use gantt::recovery_gantt;

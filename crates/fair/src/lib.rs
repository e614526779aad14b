//! The crate's modules and its front door. What it does, and how well, is in the README, which follows.

#![doc = include_str!("../README.md")]

pub mod compare;
mod contest;
pub mod copula;
pub mod curve;
pub mod dist;
pub mod engine;
pub mod error;
pub mod expect;
pub mod model;
mod num;
pub mod portfolio;
pub mod request;
pub mod result;
mod special;

pub use compare::{Comparison, compare};
pub use copula::Correlation;
pub use dist::Dist;
pub use engine::{ENGINE_VERSION, Run, Watch, simulate};
pub use error::SimulationError;
pub use expect::Bar;
pub use model::{Analysis, Frequency, Loss, LossForm, Mode, Model, Side, Vulnerability};
pub use portfolio::{Portfolio, PortfolioOutcome, portfolio};
pub use request::{ComparisonRequest, SimulationRequest};
pub use result::{CurvePoint, LossSummary, Outcome};

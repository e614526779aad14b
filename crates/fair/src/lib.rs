#![doc = include_str!("../README.md")]

mod contest;
pub mod dist;
pub mod engine;
pub mod error;
pub mod expect;
pub mod model;
mod num;
pub mod result;
mod special;

pub use dist::Dist;
pub use engine::{ENGINE_VERSION, Run, Watch, simulate};
pub use error::SimulationError;
pub use expect::Bar;
pub use model::{Analysis, Frequency, Loss, LossForm, Mode, Model, Side, Vulnerability};
pub use result::{CurvePoint, LossSummary, Outcome};

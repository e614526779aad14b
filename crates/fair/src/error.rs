//! Why there is no result.

use grc_kernel::{Fault, FaultKind, FieldError};

/// A simulation that was not carried out, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// The request is wrong; the fields say where.
    #[error("the analysis is not fit to run")]
    Invalid(Vec<FieldError>),
    /// The onlooker asked for an end.
    #[error("the simulation was cancelled")]
    Cancelled,
    /// A defect of ours: a thread of the run ended by itself.
    #[error("internal error")]
    Defect,
}

impl Fault for SimulationError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::Cancelled => FaultKind::Conflict,
            Self::Defect => FaultKind::Internal,
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(fields) => fields.clone(),
            Self::Cancelled | Self::Defect => Vec::new(),
        }
    }
}

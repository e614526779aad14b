//! What the calculations can refuse.

use grc_kernel::{Fault, FaultKind, FieldError};
use uuid::Uuid;

/// A refusal.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ContinuityError {
    /// Fields of the input are wrong: `edges[3].target`, `duration_hours`.
    #[error("the input has errors")]
    Invalid(Vec<FieldError>),
    /// A dependency of a node on itself, or one that exists already.
    #[error("{0}")]
    Conflict(String),
    /// The graph has no such node.
    #[error("there is no node {0}")]
    NotFound(Uuid),
}

impl From<Vec<FieldError>> for ContinuityError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl Fault for ContinuityError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::Conflict(_) => FaultKind::Conflict,
            Self::NotFound(_) => FaultKind::NotFound,
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors.clone(),
            _ => Vec::new(),
        }
    }
}

//! What the use cases of this crate can fail with.

use grc_kernel::{Fault, FaultKind, FieldError, Forbidden, Permission, StoreError};

/// A failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Fields of the input are wrong.
    #[error("the input has errors")]
    Invalid(Vec<FieldError>),
    /// The actor lacks a permission.
    #[error("this needs the permission {0}")]
    Forbidden(Permission),
    /// The thing is not there.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Something still refers to the thing, or it exists already.
    #[error("{0}")]
    Conflict(String),
    /// The caller saw an older revision.
    #[error("the record has revision {0} now")]
    Stale(i64),
    /// No object store is configured, or it does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for EvidenceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Forbidden> for EvidenceError {
    fn from(Forbidden(permission): Forbidden) -> Self {
        Self::Forbidden(permission)
    }
}

impl From<Vec<FieldError>> for EvidenceError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<FieldError> for EvidenceError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl Fault for EvidenceError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::Forbidden(_) => FaultKind::Forbidden,
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Conflict(_) => FaultKind::Conflict,
            Self::Stale(_) => FaultKind::Stale,
            Self::Unavailable(_) => FaultKind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors.clone(),
            _ => Vec::new(),
        }
    }
}

/// Refuses a caller who saw another revision than the current one.
pub(crate) fn unchanged(if_match: Option<i64>, current: i64) -> Result<(), EvidenceError> {
    match if_match {
        Some(seen) if seen != current => Err(EvidenceError::Stale(current)),
        _ => Ok(()),
    }
}

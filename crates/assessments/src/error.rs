//! What the use cases of this crate can fail with.

use grc_kernel::{Fault, FaultKind, FieldError, Forbidden, Permission, StoreError};

/// A failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum AssessmentsError {
    /// Fields of the input are wrong.
    #[error("the input has errors")]
    Invalid(Vec<FieldError>),
    /// The actor lacks a permission.
    #[error("this needs the permission {0}")]
    Forbidden(Permission),
    /// The thing is not there.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The state does not allow the move.
    #[error("{detail}")]
    Illegal {
        /// Why.
        detail: String,
        /// What the state allows.
        available: Vec<&'static str>,
    },
    /// Something still refers to the thing, or it exists already.
    #[error("{0}")]
    Conflict(String),
    /// The caller saw an older revision.
    #[error("the record has revision {0} now")]
    Stale(i64),
    /// As many run at once as may.
    #[error("{0} assessments of the organization are running, which is the limit")]
    TooManyRunning(i64),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AssessmentsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Forbidden> for AssessmentsError {
    fn from(Forbidden(permission): Forbidden) -> Self {
        Self::Forbidden(permission)
    }
}

impl From<Vec<FieldError>> for AssessmentsError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<FieldError> for AssessmentsError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl Fault for AssessmentsError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::Forbidden(_) => FaultKind::Forbidden,
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Illegal { .. } | Self::Conflict(_) => FaultKind::Conflict,
            Self::Stale(_) => FaultKind::Stale,
            Self::TooManyRunning(_) => FaultKind::Limited,
            Self::Store(error) => error.kind(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors.clone(),
            _ => Vec::new(),
        }
    }

    fn available_transitions(&self) -> Option<Vec<&'static str>> {
        match self {
            Self::Illegal { available, .. } => Some(available.clone()),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        matches!(self, Self::TooManyRunning(_)).then_some(30)
    }
}

/// Refuses a caller who saw another revision than the current one.
pub(crate) fn unchanged(if_match: Option<i64>, current: i64) -> Result<(), AssessmentsError> {
    match if_match {
        Some(seen) if seen != current => Err(AssessmentsError::Stale(current)),
        _ => Ok(()),
    }
}

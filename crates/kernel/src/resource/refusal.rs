//! What a use case can fail with. One for all domains: what they refuse for differs, the ways of refusing do not.

use crate::{Fault, FaultKind, FieldError, Forbidden, Permission, StoreError};

/// A refused use case.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Members of the input are wrong.
    #[error("the input has errors")]
    Invalid(Vec<FieldError>),
    /// The credential is not valid; the same for every reason.
    #[error("the credentials are not valid")]
    Credentials,
    /// The actor lacks a permission.
    #[error("this needs the permission {0}")]
    Forbidden(Permission),
    /// The actor may not do this, whatever permissions it holds: separation of duties, the platform's own.
    #[error("{0}")]
    Duty(String),
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
    /// Something else stands against it.
    #[error("{0}")]
    Conflict(String),
    /// The caller saw an older revision.
    #[error("the record has revision {0} now")]
    Stale(i64),
    /// Too many at once, or too often; worth trying again after so many seconds.
    #[error("{0}")]
    Limited(String, u64),
    /// A dependency is down or not configured.
    #[error("{0}")]
    Unavailable(String),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl Refusal {
    /// One member of the input is wrong.
    pub fn field(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, detail)])
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Forbidden> for Refusal {
    fn from(Forbidden(permission): Forbidden) -> Self {
        Self::Forbidden(permission)
    }
}

impl From<Vec<FieldError>> for Refusal {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl Fault for Refusal {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::Credentials => FaultKind::Unauthorized,
            Self::Forbidden(_) | Self::Duty(_) => FaultKind::Forbidden,
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Illegal { .. } | Self::Conflict(_) => FaultKind::Conflict,
            Self::Stale(_) => FaultKind::Stale,
            Self::Limited(..) => FaultKind::Limited,
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

    fn available_transitions(&self) -> Option<Vec<&'static str>> {
        match self {
            Self::Illegal { available, .. } => Some(available.clone()),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Limited(_, seconds) => Some(*seconds),
            _ => None,
        }
    }
}

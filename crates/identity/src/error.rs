//! What the use cases of this crate can fail with.

use grc_kernel::{Fault, FaultKind, FieldError, Forbidden, Permission, StoreError};

/// A failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Fields of the input are wrong.
    #[error("the input has errors")]
    Invalid(Vec<FieldError>),
    /// The credential is not valid; the same for every reason.
    #[error("the credentials are not valid")]
    InvalidCredentials,
    /// The actor lacks a permission.
    #[error("this needs the permission {0}")]
    Forbidden(Permission),
    /// Only a platform admin may do this.
    #[error("this is for platform admins")]
    PlatformOnly,
    /// The thing is not there.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The state does not allow it; the text says why.
    #[error("{0}")]
    Conflict(String),
    /// The caller saw an older revision.
    #[error("the record has revision {0} now")]
    Stale(i64),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Forbidden> for IdentityError {
    fn from(Forbidden(permission): Forbidden) -> Self {
        Self::Forbidden(permission)
    }
}

impl From<Vec<FieldError>> for IdentityError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl Fault for IdentityError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::InvalidCredentials => FaultKind::Unauthorized,
            Self::Forbidden(_) | Self::PlatformOnly => FaultKind::Forbidden,
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Conflict(_) => FaultKind::Conflict,
            Self::Stale(_) => FaultKind::Stale,
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
pub(crate) fn unchanged(if_match: Option<i64>, current: i64) -> Result<(), IdentityError> {
    match if_match {
        Some(seen) if seen != current => Err(IdentityError::Stale(current)),
        _ => Ok(()),
    }
}

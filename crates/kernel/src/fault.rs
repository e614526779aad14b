//! How a failure presents itself to whoever called.
//!
//! Use cases fail with [`crate::Refusal`]; implementing [`Fault`] tells the shell which HTTP answer it is. The
//! storage ports speak [`StoreError`].

use std::fmt;

/// The families of failure that a caller can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The input is wrong; [`Fault::fields`] says where.
    Invalid,
    /// No credential, or not a valid one.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// The thing is not there, or not the caller's to see.
    NotFound,
    /// The thing's state does not allow this, or it would be a duplicate.
    Conflict,
    /// The caller saw an older revision.
    Stale,
    /// Too many at once or too often.
    Limited,
    /// A dependency is down or not configured.
    Unavailable,
    /// A defect of ours.
    Internal,
}

/// What is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The path of the field, `steps[2].minutes`.
    pub field: String,
    /// A stable code: `required`, `too_long`, `out_of_range`, `unknown`.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
}

impl FieldError {
    /// A field error.
    pub fn new(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code, detail: detail.into() }
    }
}

/// A domain error that the shell can answer with.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// The family.
    fn kind(&self) -> FaultKind;
    /// The bad fields of an [`FaultKind::Invalid`] fault.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }
    /// The moves that would be legal, for an illegal state move.
    fn available_transitions(&self) -> Option<Vec<&'static str>> {
        None
    }
    /// Seconds until it is worth trying again, for [`FaultKind::Limited`].
    fn retry_after(&self) -> Option<u64> {
        None
    }
}

/// What a repository can fail with. Absence is `Ok(None)`, never an error.
#[derive(Debug)]
pub enum StoreError {
    /// A unique value exists already; the name says which.
    Duplicate(&'static str),
    /// The record moved on since it was read, or the job's lease was lost.
    Stale,
    /// Something else still refers to the record, or the record refers to something absent.
    Reference(&'static str),
    /// The database is not reachable or did not answer in time.
    Unavailable(String),
    /// The change reaches beyond the organization, where the batch that it is part of could not take it back.
    Elsewhere,
    /// A defect: an impossible row, a broken statement.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// The result of a repository call.
pub type StoreResult<T> = Result<T, StoreError>;

impl StoreError {
    /// A defect described in words.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::Internal(text.into().into())
    }

    /// The family of the failure.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Duplicate(_) | Self::Reference(_) | Self::Elsewhere => FaultKind::Conflict,
            Self::Stale => FaultKind::Stale,
            Self::Unavailable(_) => FaultKind::Unavailable,
            Self::Internal(_) => FaultKind::Internal,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(what) => write!(f, "{what} exists already"),
            Self::Stale => f.write_str("the record was changed in the meantime"),
            Self::Reference(what) => write!(f, "{what} is referred to, or does not exist"),
            Self::Elsewhere => {
                f.write_str("this changes more than the organization, and cannot be part of an atomic batch")
            }
            Self::Unavailable(_) => f.write_str("the database is not available"),
            Self::Internal(_) => f.write_str("internal error"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Internal(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl Fault for StoreError {
    fn kind(&self) -> FaultKind {
        StoreError::kind(self)
    }
}

/// A row that always converts never fails to.
impl From<std::convert::Infallible> for StoreError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

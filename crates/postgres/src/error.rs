//! From Diesel's errors to the ports' [`StoreError`].
//!
//! The database's own words go to the log, never to a caller: they may hold another row's values.

use diesel::result::{DatabaseErrorKind, Error};
use grc_kernel::StoreError;

/// What a failed statement means to a use case.
///
/// Unique violations are not expected here: repositories insert with `ON CONFLICT DO NOTHING` and look at
/// the row count, because a violation would poison the transaction. One that does arrive is a duplicate all
/// the same.
pub(crate) fn store(error: Error) -> StoreError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => StoreError::Duplicate("the record"),
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => StoreError::Reference("the record"),
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, info) => {
            StoreError::Unavailable(info.message().to_owned())
        }
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => StoreError::Stale,
        Error::DatabaseError(kind, info) => match info.message() {
            // The statement or lock timeout, a deadlock, or an administrator's shutdown: worth trying again.
            text if ["canceling statement", "deadlock detected", "terminating connection"]
                .iter()
                .any(|known| text.contains(known)) =>
            {
                StoreError::Unavailable(text.to_owned())
            }
            text => StoreError::internal(format!("{kind:?}: {text}")),
        },
        other => StoreError::Internal(Box::new(other)),
    }
}

/// A stored value that the domain does not know: a defect, or a row written by a later version.
pub(crate) fn corrupt(table: &'static str, column: &'static str, value: &str) -> StoreError {
    StoreError::internal(format!("{table}.{column} holds «{value}», which this version does not know"))
}

/// An update that must have met exactly one row: none means that another revision was stored meanwhile.
pub(crate) fn met(rows: usize) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// An insert with `ON CONFLICT DO NOTHING`: no row means that the named value exists already.
pub(crate) fn inserted(rows: usize, what: &'static str) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Duplicate(what)) }
}

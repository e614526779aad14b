//! How long each step may take. A store that does not answer must cost a request seconds, not minutes: `rust-s3`'s own
//! timeout covers a whole transfer, which for five gibibytes would have to be hours, so it is off and these are on.

use std::time::Duration;

use grc_evidence::ObjectError;

/// Until an answer begins.
pub(crate) const ANSWER: Duration = Duration::from_secs(4);
/// For one stretch of a download, of [`STRETCH`] bytes.
pub(crate) const READ: Duration = Duration::from_secs(5);
/// The bytes that must arrive in that time: a store that sends a byte a second is as good as gone.
pub(crate) const STRETCH: usize = 16 * 1024;
/// To take one part of an upload.
pub(crate) const WRITE: Duration = Duration::from_secs(60);
/// To say whether the store is there at all.
pub(crate) const CHECK: Duration = Duration::from_secs(2);
/// For how long that answer holds.
pub(crate) const CHECKED: Duration = Duration::from_secs(5);

/// Waits so long and no longer.
pub(crate) async fn within<T, E: Into<ObjectError>>(
    time: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, ObjectError> {
    match tokio::time::timeout(time, work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(ObjectError::Unavailable(format!("no answer within {} s", time.as_secs()))),
    }
}

//! The clock, ids and secrets of the running service.

use grc_identity::Secrets;
use grc_kernel::IdSource;
use time::OffsetDateTime;
use uuid::Uuid;

/// The time.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Ids of UUID version 7, rising within the process.
#[derive(Debug, Default)]
pub struct V7Ids;

impl IdSource for V7Ids {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Secrets from the system's source of randomness.
#[derive(Debug, Default)]
pub struct SystemSecrets;

impl Secrets for SystemSecrets {
    fn random(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        if getrandom::fill(&mut bytes).is_err() {
            // Without randomness no secret may be made: the process cannot go on safely.
            tracing::error!("the system has no randomness");
            std::process::abort();
        }
        bytes
    }
}

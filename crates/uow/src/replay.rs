//! Replies kept for `Idempotency-Key`: they commit with the change itself, so a crash in between can neither
//! lose nor double it.

use async_trait::async_trait;
use grc_kernel::{OrgId, StoreResult};
use time::OffsetDateTime;
use uuid::Uuid;

/// How long a reply is kept, in hours.
pub const KEPT_HOURS: i64 = 24;

/// A reply as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredReply {
    /// SHA-256 of the request it answers: method, path and body.
    pub request_digest: [u8; 32],
    /// The status.
    pub status: u16,
    /// The headers that matter.
    pub headers: Vec<(String, String)>,
    /// The body, without any secret that is shown once.
    pub body: Vec<u8>,
}

/// What a key stands for at the moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Reservation {
    /// Nothing yet: the transaction holds the key now.
    Fresh,
    /// A reply was kept.
    Stored(StoredReply),
    /// Another transaction is at work on it.
    Running,
}

/// The kept replies, inside a transaction.
#[async_trait]
pub trait Replays: Send {
    /// Reserves a caller's key until the transaction ends.
    async fn reserve(&mut self, org: OrgId, caller: Uuid, key: &str, now: OffsetDateTime) -> StoreResult<Reservation>;
    /// Keeps the reply of a reserved key.
    async fn keep(
        &mut self,
        org: OrgId,
        caller: Uuid,
        key: &str,
        reply: &StoredReply,
        now: OffsetDateTime,
    ) -> StoreResult<()>;
}

//! What every stored thing has: an id, a revision, and a picture of itself.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::ctx::Ctx;

/// The bookkeeping members of every stored resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
    /// The user or key that created it; nil for the service itself.
    pub created_by: Uuid,
    /// 1 at first, one more with every change.
    pub revision: i64,
}

impl Meta {
    /// The bookkeeping of a new record.
    pub fn new(ctx: &Ctx) -> Self {
        Self { created_at: ctx.now, updated_at: ctx.now, created_by: ctx.actor.id, revision: 1 }
    }

    /// Notes a change.
    pub fn touch(&mut self, ctx: &Ctx) {
        self.updated_at = ctx.now;
        self.revision += 1;
    }
}

/// A stored thing. Its snapshot is what the journal keeps as before and after, and what lists in memory
/// filter and sort by: a JSON object whose members are the resource's field names. It never holds a secret,
/// a hash of one, or bulk text.
pub trait Record {
    /// The type's name in the journal: `finding`, `risk`.
    const TYPE: &'static str;
    /// The record's id.
    fn id(&self) -> Uuid;
    /// Its revision.
    fn revision(&self) -> i64;
    /// Its picture.
    fn snapshot(&self) -> Value;
}

/// A timestamp as the wire and the snapshots write it: RFC 3339, UTC.
pub fn timestamp(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
}

/// A timestamp as JSON, null when there is none.
pub fn timestamp_value(at: Option<OffsetDateTime>) -> Value {
    at.map_or(Value::Null, |at| Value::String(timestamp(at)))
}

/// A date as JSON, null when there is none.
pub fn date_value(date: Option<time::Date>) -> Value {
    date.map_or(Value::Null, |date| Value::String(date.to_string()))
}

/// Adds the bookkeeping members to a snapshot.
pub fn with_meta(mut snapshot: Value, meta: &Meta) -> Value {
    if let Value::Object(members) = &mut snapshot {
        members.insert("created_at".into(), timestamp(meta.created_at).into());
        members.insert("updated_at".into(), timestamp(meta.updated_at).into());
        members.insert("created_by".into(), meta.created_by.to_string().into());
        members.insert("revision".into(), meta.revision.into());
    }
    snapshot
}

//! What every stored thing has: an id, a revision, and a picture of itself.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    ctx::Ctx,
    list::{Field, Scalar},
};

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
    /// The value that a list sorts it by.
    fn sort_value(&self, field: &Field) -> Option<Scalar> {
        crate::list::value_in_memory(&self.snapshot(), field)
    }
}

/// A timestamp as the wire and the snapshots write it: RFC 3339, UTC.
pub fn timestamp(at: OffsetDateTime) -> String {
    let mut text = String::with_capacity(27);
    push_timestamp(&mut text, at);
    text
}

/// Appends a timestamp: `2026-03-01T12:00:00.5Z`, the fraction without trailing zeros. By hand because a page of a
/// list writes hundreds of them, and the general formatter takes ten times as long.
pub fn push_timestamp(out: &mut String, at: OffsetDateTime) {
    let at = at.to_offset(time::UtcOffset::UTC);
    push_date(out, at.date());
    for (before, number) in [('T', at.hour()), (':', at.minute()), (':', at.second())] {
        out.push(before);
        push_two(out, number);
    }
    let mut fraction = at.nanosecond();
    if fraction > 0 {
        out.push('.');
        let mut unit = 100_000_000;
        while fraction > 0 {
            push_digit(out, fraction / unit);
            fraction %= unit;
            unit /= 10;
        }
    }
    out.push('Z');
}

/// Appends a day: `2026-03-01`.
pub fn push_date(out: &mut String, date: time::Date) {
    let year = date.year().unsigned_abs();
    for unit in [1_000, 100, 10, 1] {
        push_digit(out, year / unit % 10);
    }
    for number in [u8::from(date.month()), date.day()] {
        out.push('-');
        push_two(out, number);
    }
}

fn push_two(out: &mut String, number: u8) {
    push_digit(out, u32::from(number / 10));
    push_digit(out, u32::from(number % 10));
}

fn push_digit(out: &mut String, digit: u32) {
    out.push(char::from_digit(digit, 10).unwrap_or('0'));
}

/// A timestamp as JSON, null when there is none.
pub fn timestamp_value(at: Option<OffsetDateTime>) -> Value {
    at.map_or(Value::Null, |at| Value::String(timestamp(at)))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::format_description::well_known::Rfc3339;

    use super::*;

    proptest! {
        #[test]
        fn a_timestamp_is_written_as_rfc_3339_writes_it(seconds in -62_135_596_800_i64..=253_402_300_799, micros in 0_i64..1_000_000) {
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap() + time::Duration::microseconds(micros);
            prop_assume!(at.year() <= 9999);
            prop_assert_eq!(timestamp(at), at.format(&Rfc3339).unwrap());
        }
    }
}

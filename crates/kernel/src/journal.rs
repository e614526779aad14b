//! What every change leaves behind: one entry, hash-chained per organization, in the change's own transaction.
//!
//! An entry is both the audit record and the change-feed event. Its hash is SHA-256 over the previous
//! entry's hash and the canonical form of the entry (RFC 8785, JSON Canonicalization Scheme); the form's
//! version is stored with the entry so that it can change without breaking old chains.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    ctx::Ctx,
    fault::StoreResult,
    id::OrgId,
    list::{Field, Kind, ListSpec},
    record::{Record, timestamp},
    resource::{CellRef, cell::push_json_str},
};

/// The version of the canonical form that new entries use.
pub const CANONICAL_VERSION: i16 = 1;

/// What happened, as a use case reports it.
#[derive(Clone, Debug)]
pub struct Fact {
    /// `risk.created`, `assessment.executed`.
    pub action: String,
    /// The type of the record.
    pub resource_type: &'static str,
    /// Its id.
    pub resource_id: Uuid,
    /// Its revision after the change; none for things without one.
    pub revision: Option<i64>,
    /// The picture before; none for a creation.
    pub before: Option<Value>,
    /// The picture after; none for a deletion.
    pub after: Option<Value>,
    /// Whether the change feed shows it: changes do, log-ins do not.
    pub feed: bool,
}

impl Fact {
    /// A record was created.
    pub fn created<R: Record>(record: &R) -> Self {
        Self::change("created", None, Some(record)).unwrap_or_else(|| Self::note(R::TYPE, Uuid::nil(), "created"))
    }

    /// A record was changed.
    pub fn updated<R: Record>(before: &R, after: &R) -> Self {
        Self::moved("updated", before, after)
    }

    /// A record was changed by a use case with a name of its own: `finding.judged`.
    pub fn moved<R: Record>(verb: &str, before: &R, after: &R) -> Self {
        Self::change(verb, Some(before), Some(after)).unwrap_or_else(|| Self::note(R::TYPE, Uuid::nil(), verb))
    }

    /// A record was deleted.
    pub fn deleted<R: Record>(record: &R) -> Self {
        Self::change("deleted", Some(record), None).unwrap_or_else(|| Self::note(R::TYPE, Uuid::nil(), "deleted"))
    }

    /// Something happened that changed no record: a log-in, a download. Kept out of the change feed.
    pub fn note(resource_type: &'static str, resource_id: Uuid, verb: &str) -> Self {
        Self {
            action: format!("{resource_type}.{verb}"),
            resource_type,
            resource_id,
            revision: None,
            before: None,
            after: None,
            feed: false,
        }
    }

    /// The same fact with details in its after picture.
    #[must_use]
    pub fn with(mut self, after: Value) -> Self {
        self.after = Some(after);
        self
    }

    fn change<R: Record>(verb: &str, before: Option<&R>, after: Option<&R>) -> Option<Self> {
        let subject = after.or(before)?;
        Some(Self {
            action: format!("{}.{verb}", R::TYPE),
            resource_type: R::TYPE,
            resource_id: subject.id(),
            revision: Some(subject.revision()),
            before: before.map(Record::snapshot),
            after: after.map(Record::snapshot),
            feed: true,
        })
    }
}

/// An entry as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// Its organization.
    pub org: OrgId,
    /// 1, 2, 3 within the organization, without a gap.
    pub sequence: i64,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// What kind of actor did it.
    pub actor_kind: String,
    /// Which one.
    pub actor_id: Uuid,
    /// Its name at the time.
    pub actor_name: String,
    /// What was done.
    pub action: String,
    /// To what kind of record.
    pub resource_type: String,
    /// To which one.
    pub resource_id: Uuid,
    /// The record's revision after it.
    pub revision: Option<i64>,
    /// The picture before.
    pub before: Option<Value>,
    /// The picture after.
    pub after: Option<Value>,
    /// In which request.
    pub request_id: String,
    /// Whether the change feed shows it.
    pub feed: bool,
    /// The hash of the entry before it; zeros for the first.
    pub prev_hash: [u8; 32],
    /// Its own hash.
    pub hash: [u8; 32],
    /// The version of the canonical form hashed.
    pub canonical_version: i16,
}

impl Entry {
    /// The entry of a fact, chained to the one before it.
    pub fn chain(ctx: &Ctx, fact: Fact, sequence: i64, prev_hash: [u8; 32]) -> Self {
        let mut entry = Self {
            id: ctx.new_id(),
            org: ctx.org,
            sequence,
            occurred_at: ctx.now,
            actor_kind: ctx.actor.kind.as_str().to_owned(),
            actor_id: ctx.actor.id,
            actor_name: ctx.actor.name.clone(),
            action: fact.action,
            resource_type: fact.resource_type.to_owned(),
            resource_id: fact.resource_id,
            revision: fact.revision,
            before: fact.before,
            after: fact.after,
            request_id: ctx.request.clone(),
            feed: fact.feed,
            prev_hash,
            hash: [0; 32],
            canonical_version: CANONICAL_VERSION,
        };
        entry.hash = entry.compute_hash();
        entry
    }

    /// The hash that the entry's content calls for.
    pub fn compute_hash(&self) -> [u8; 32] {
        let mut sha = Sha256::new();
        sha.update(self.prev_hash);
        sha.update(self.canonical_form().as_bytes());
        sha.finalize().into()
    }

    /// The canonical form of what [`Self::canonical_value`] shows, written at once: the members stand in their order
    /// already, and the records are not copied. A check of a log does this for every entry.
    fn canonical_form(&self) -> String {
        let mut out = String::with_capacity(1_024);
        let mut first = true;
        let mut member = |name: &str, write: &dyn Fn(&mut String)| {
            out.push(if first { '{' } else { ',' });
            first = false;
            push_json_str(&mut out, name);
            out.push(':');
            write(&mut out);
        };
        let id = |id: Uuid| move |out: &mut String| CellRef::Id(id).write(out);
        let record = |value: &Option<Value>, out: &mut String| match value {
            Some(value) => write_canonical(value, out),
            None => out.push_str("null"),
        };
        member("action", &|out| push_json_str(out, &self.action));
        member("actor", &|out| {
            out.push_str("{\"id\":");
            CellRef::Id(self.actor_id).write(out);
            out.push_str(",\"name\":");
            push_json_str(out, &self.actor_name);
            out.push_str(",\"type\":");
            push_json_str(out, &self.actor_kind);
            out.push('}');
        });
        member("after", &|out| record(&self.after, out));
        member("before", &|out| record(&self.before, out));
        member("feed", &|out| CellRef::Bool(self.feed).write(out));
        member("id", &id(self.id));
        member("occurred_at", &|out| CellRef::Time(self.occurred_at).write(out));
        member("org_id", &id(self.org.0));
        member("request_id", &|out| push_json_str(out, &self.request_id));
        member("resource_id", &id(self.resource_id));
        member("resource_type", &|out| push_json_str(out, &self.resource_type));
        member("revision", &|out| self.revision.map_or(CellRef::Null, CellRef::Int).write(out));
        member("sequence", &|out| CellRef::Int(self.sequence).write(out));
        out.push('}');
        out
    }

    fn canonical_value(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "sequence": self.sequence,
            "occurred_at": timestamp(self.occurred_at),
            "actor": {"type": self.actor_kind, "id": self.actor_id.to_string(), "name": self.actor_name},
            "action": self.action,
            "resource_type": self.resource_type,
            "resource_id": self.resource_id.to_string(),
            "revision": self.revision,
            "before": self.before,
            "after": self.after,
            "request_id": self.request_id,
            "feed": self.feed,
        })
    }
}

/// What lists of the journal can do. `sequence` is the order of the changes.
pub static LIST: ListSpec = ListSpec {
    resource: "journal",
    fields: &[
        Field::new("sequence", Kind::Int).sorts(),
        Field::new("occurred_at", Kind::Time).sorts(),
        Field::new("id", Kind::Id),
        Field::new("actor_id", Kind::Id),
        Field::new("action", Kind::Text),
        Field::new("resource_type", Kind::Text),
        Field::new("resource_id", Kind::Id),
        Field::new("feed", Kind::Bool),
    ],
    default_sort: ("sequence", false),
    stored: false,
};

impl Record for Entry {
    const TYPE: &'static str = "journal_entry";

    fn id(&self) -> Uuid {
        self.id
    }

    fn revision(&self) -> i64 {
        1
    }

    fn snapshot(&self) -> Value {
        self.canonical_value()
    }
}

/// The journal, inside a transaction.
#[async_trait]
pub trait Journal: Send {
    /// Appends one entry to the organization's chain. Where it fails, the change must fail too: the caller
    /// propagates the error and the transaction rolls back.
    async fn record(&mut self, ctx: &Ctx, fact: Fact) -> StoreResult<()>;
}

/// A transaction that keeps a journal.
pub trait JournalTx: Send {
    /// The journal.
    fn journal(&mut self) -> &mut dyn Journal;
}

/// A journal in memory, for service tests.
#[derive(Clone, Debug, Default)]
pub struct MemJournal {
    /// All entries, the oldest first.
    pub entries: Vec<Entry>,
}

#[async_trait]
impl Journal for MemJournal {
    async fn record(&mut self, ctx: &Ctx, fact: Fact) -> StoreResult<()> {
        let last = self.entries.iter().rev().find(|entry| entry.org == ctx.org);
        let (sequence, prev) = last.map_or((1, [0; 32]), |entry| (entry.sequence + 1, entry.hash));
        self.entries.push(Entry::chain(ctx, fact, sequence, prev));
        Ok(())
    }
}

/// The canonical form of a JSON value by RFC 8785: members sorted by UTF-16 code units, no white space,
/// numbers as ECMAScript writes them.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => write_object(members, out),
        Value::Number(number) => out.push_str(&canonical_number(number)),
        // The string escapes of serde_json are those of RFC 8785: two-character ones where they exist,
        // \u00xx in lower case for the other control characters, everything else literal.
        Value::String(text) => push_json_str(out, text),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Null => out.push_str("null"),
    }
}

fn write_object(members: &Map<String, Value>, out: &mut String) {
    if members.is_empty() {
        return out.push_str("{}");
    }
    let mut first = true;
    let mut push = |name: &str, member: &Value| {
        out.push(if first { '{' } else { ',' });
        first = false;
        push_json_str(out, name);
        out.push(':');
        write_canonical(member, out);
    };
    // A map has its names in the order of their characters, which is that of their UTF-16 units but for rare ones.
    if members.keys().all(|name| name.is_ascii()) && members.keys().is_sorted() {
        members.iter().for_each(|(name, member)| push(name, member));
    } else {
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        sorted.into_iter().for_each(|(name, member)| push(name, member));
    }
    out.push('}');
}

/// ECMAScript's Number::toString. Integers keep all their digits (beyond 2^53 RFC 8785 would round them,
/// which a hash must not).
fn canonical_number(number: &serde_json::Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let Some(float) = number.as_f64() else { return number.to_string() };
    if float == 0.0 {
        return "0".to_owned();
    }
    // Rust prints the shortest digits that read back the same, as ECMAScript does; only the layout differs.
    let text = format!("{:e}", float.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let point = exponent + 1;
    let body = if (1..=21).contains(&point) {
        if count <= point {
            format!("{digits}{}", zeros(point - count))
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            format!("{whole}.{fraction}")
        }
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{dot}{rest}e{sign}{}", exponent.abs())
    };
    if float < 0.0 { format!("-{body}") } else { body }
}

fn zeros(count: i32) -> String {
    "0".repeat(usize::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 8785, sections 3.2.2 and 3.2.3 and appendix B.
    #[test]
    fn the_canonical_form_is_rfc_8785s() {
        let value: Value = serde_json::from_str(
            r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
                "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
        )
        .unwrap();
        assert_eq!(
            canonical(&value),
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        let keys: Value =
            serde_json::from_str(r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#)
                .unwrap();
        assert_eq!(canonical(&keys), "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}");
        for (bits, text) in [
            (0x0000_0000_0000_0001_u64, "5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0001, "9007199254740994"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x8000_0000_0000_0000, "0"),
        ] {
            let number = serde_json::Number::from_f64(f64::from_bits(bits)).unwrap();
            assert_eq!(canonical_number(&number), text);
        }
    }

    #[test]
    fn an_entry_is_written_as_its_picture_is() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let picture = json!({"b": [1.5, null, {}], "a": {"\u{fb33}": 1, "\u{1f600}": "\u{1}\"\\/é"}, "": true});
        let mut entry = Entry::chain(&ctx, Fact::note("risk", Uuid::from_u128(2), "updated"), 1, [0; 32]);
        for (before, after, revision) in [(None, None, None), (Some(picture.clone()), Some(json!("x")), Some(-3))] {
            (entry.before, entry.after, entry.revision) = (before, after, revision);
            assert_eq!(entry.canonical_form(), canonical(&entry.canonical_value()));
        }
    }

    #[test]
    fn an_altered_entry_no_longer_matches_its_hash() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let entry = Entry::chain(&ctx, Fact::note("session", Uuid::from_u128(2), "opened"), 1, [0; 32]);
        assert_eq!(entry.compute_hash(), entry.hash);
        let altered = Entry { action: "session.closed".into(), ..entry.clone() };
        assert_ne!(altered.compute_hash(), altered.hash);
        let moved = Entry { prev_hash: [1; 32], ..entry };
        assert_ne!(moved.compute_hash(), moved.hash);
    }
}

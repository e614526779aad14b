//! The timeline of an incident: what happened and what was done, in entries that are linked by hash and never changed.
//!
//! Every change of an incident, its tasks, its review and its evidence adds entries; people add others by hand. An entry's
//! hash is SHA-256 over the hash of the entry before it (32 bytes, zeros before the first) and the canonical form of
//! the entry (RFC 8785) without its hashes and bookkeeping. The entries of a removed incident stay.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, Refusal, Repo, Resource, Rules, StoreResult, Uuid, journal,
    list::{Scalar, Sort},
    record::timestamp,
    resource,
    shape::{Preset, Ty, forms},
    typed_id, wire_enum,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{
    incident::{IncidentId, SKEW},
    ports::Tx,
    response,
};

typed_id! {
    /// An entry of a timeline.
    TimelineEntryId,
}

wire_enum! {
    /// Who wrote an entry.
    pub enum Origin {
        /// The service, of a change.
        Service = "service",
        /// Somebody, by hand.
        Manual = "manual",
    }
}

resource! {
    /// An entry of an incident's timeline.
    pub struct TimelineEntry(TimelineEntryId) as "IncidentTimelineEntry" {
        kind: "incident_timeline_entry", table: "incident_timeline", area: "incident", name: "description",
        sort: ("timestamp", false), delete: Access::Admin,
    }
    /// The incident.
    incident_id: IncidentId = Ty::Ref("incident"), computed;
    /// 1, 2, 3 within the incident, without a gap: the order in which entries were written.
    sequence: i64 = Ty::Int(1, i64::MAX), computed, sorts;
    /// When it happened; now where an entry does not say.
    timestamp: OffsetDateTime = Ty::Time, preset(Preset::Now), sorts;
    /// What kind of entry it is: `phase_transition`, `severity_changed`, or a word of one's own.
    event_type: String = Ty::Line(100), required, filters;
    /// What happened.
    description: String = Ty::Text(20_000), required, at_least(1), of_form(forms::SOMETHING), searches;
    /// Who did or noticed it.
    actor: String = Ty::Line(200), computed, filters;
    /// The same by id; nil for the service itself.
    actor_id: Uuid = Ty::Id, computed;
    /// Who wrote the entry.
    origin: Origin = Ty::Word(Origin::NAMES), computed, preset(Preset::Text("manual"));
    /// The particulars of an entry by the service.
    details: Map<String, Value> = Ty::Any, computed;
    /// The hash of the entry before it, in hex; zeros before the first.
    prev_hash: String = Ty::Line(64), computed;
    /// SHA-256 in hex over the bytes of prev_hash and the RFC 8785 form of: id, org_id, incident_id, sequence, timestamp, event_type, description, actor, actor_id, origin, details, created_at.
    hash: String = Ty::Line(64), computed;
}

#[async_trait]
impl Rules for TimelineEntry {
    type Tx = Tx;
    const APPEND_ONLY: bool = true;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        check.ensure(!after.description.trim().is_empty(), "description", "required", "may not be empty");
        check.ensure(after.timestamp <= ctx.now + SKEW, "timestamp", "out_of_range", "lies in the future");
        response::hold(ctx, tx, after.incident_id).await?;
        after.link(ctx, &Head::of(ctx, tx, after.incident_id).await?);
        Ok(())
    }
}

/// The end of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub sequence: i64,
    /// The hash of the last; zeros where there is none.
    pub hash: [u8; 32],
}

impl Head {
    /// The head of a timeline without entries.
    pub const EMPTY: Self = Self { sequence: 0, hash: [0; 32] };

    /// The head of an incident's timeline.
    pub async fn of(ctx: &Ctx, tx: &mut Tx, id: IncidentId) -> StoreResult<Self> {
        let mut query = TimelineEntry::LIST.query().only("incident_id", vec![Scalar::Id(id.0)]).limited(1);
        if let Some(field) = TimelineEntry::LIST.field("sequence") {
            query.sort = Sort { field, descending: true };
        }
        let last = Repo::<TimelineEntry>::page(tx, ctx.org, &query).await?.items.pop();
        Ok(last.map_or(Self::EMPTY, |entry| entry.head()))
    }
}

/// What the service tells of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What kind of entry it is.
    pub event_type: &'static str,
    /// What happened, in a sentence.
    pub description: String,
    /// Its particulars.
    pub details: Map<String, Value>,
}

impl TimelineEntry {
    /// Links the entry to the one before it. Nothing of it may change afterwards.
    fn link(&mut self, ctx: &Ctx, head: &Head) {
        self.sequence = head.sequence + 1;
        self.actor.clone_from(&ctx.actor.name);
        self.actor_id = ctx.actor.id;
        self.prev_hash = hex::encode(head.hash);
        self.hash = hex::encode(self.hash_after(&head.hash));
    }

    /// The hash that the entry's content calls for after another entry.
    pub fn hash_after(&self, previous: &[u8; 32]) -> [u8; 32] {
        let hashed = json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "incident_id": self.incident_id.to_string(),
            "sequence": self.sequence,
            "timestamp": timestamp(self.timestamp),
            "event_type": self.event_type,
            "description": self.description,
            "actor": self.actor,
            "actor_id": self.actor_id.to_string(),
            "origin": self.origin.as_str(),
            "details": self.details,
            "created_at": timestamp(self.meta.created_at),
        });
        Sha256::new().chain_update(previous).chain_update(journal::canonical(&hashed)).finalize().into()
    }

    /// The timeline's head where this is its last entry.
    pub fn head(&self) -> Head {
        let mut hash = [0; 32];
        // A hash that is none links to nothing, which is what a check of the chain then says.
        let _ = hex::decode_to_slice(&self.hash, &mut hash);
        Head { sequence: self.sequence, hash }
    }
}

/// The sequence of the first entry that does not follow from those before it, where there is one.
pub fn first_bad<'a>(entries: impl IntoIterator<Item = &'a TimelineEntry>) -> Option<i64> {
    let mut head = Head::EMPTY;
    for entry in entries {
        let follows = entry.sequence == head.sequence + 1
            && entry.prev_hash == hex::encode(head.hash)
            && entry.hash == hex::encode(entry.hash_after(&head.hash));
        if !follows {
            return Some(entry.sequence);
        }
        head = entry.head();
    }
    None
}

/// Adds what the service tells of a change. Whoever calls it [holds](crate::response::hold) the incident.
pub(crate) async fn tell(ctx: &Ctx, tx: &mut Tx, id: IncidentId, events: Vec<Event>) -> Result<(), Refusal> {
    if events.is_empty() {
        return Ok(());
    }
    let mut head = Head::of(ctx, tx, id).await?;
    let mut entries = Vec::with_capacity(events.len());
    for event in events {
        let mut entry = TimelineEntry::blank(ctx.new_id(), ctx.org, grc_kernel::Meta::new(ctx));
        entry.incident_id = id;
        entry.timestamp = ctx.now;
        entry.event_type = event.event_type.to_owned();
        entry.description = event.description;
        entry.origin = Origin::Service;
        entry.details = event.details;
        entry.link(ctx, &head);
        head = entry.head();
        entries.push(entry);
    }
    Ok(Repo::<TimelineEntry>::insert_many(tx, &entries).await?)
}

/// An entry that Rust code adds by hand.
pub fn noted(id: IncidentId, event_type: &str, description: &str) -> Changes<TimelineEntry> {
    let (event_type, description) = (event_type.to_owned(), description.to_owned());
    Changes::with(move |entry: &mut TimelineEntry| {
        entry.incident_id = id;
        entry.event_type = event_type;
        entry.description = description;
    })
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Meta, OrgId};
    use proptest::prelude::*;

    use super::*;

    fn chain(texts: &[String]) -> Vec<TimelineEntry> {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut head = Head::EMPTY;
        let entry = |text: &String| {
            let mut entry = TimelineEntry::blank(ctx.new_id(), ctx.org, Meta::new(&ctx));
            entry.description.clone_from(text);
            entry.details.insert("text".into(), text.as_str().into());
            entry.link(&ctx, &head);
            head = entry.head();
            entry
        };
        texts.iter().map(entry).collect()
    }

    /// A hash that another implementation computed: what is hashed may not change between versions.
    #[test]
    fn the_hash_of_an_entry_is_known() {
        let [entry] = chain(&["Disk \"C:\"\\\n\u{1}é😀".to_owned()]).try_into().unwrap();
        assert_eq!(entry.prev_hash, "0".repeat(64));
        assert_eq!(entry.hash, "2e5879ba59cb84ef0080fedb6683d8d2bfaba1926fb17099320d74d3c4d1d4d3");
    }

    type Tamper = fn(&mut TimelineEntry);

    proptest! {
        #[test]
        fn whatever_is_altered_is_found(texts in proptest::collection::vec(".{0,8}", 1..8), at in 0_usize..8, how in 0_usize..9) {
            let mut entries = chain(&texts);
            prop_assert_eq!(first_bad(&entries), None);
            let at = at % entries.len();
            let tampers: [Tamper; 9] = [
                |e| e.description.push('x'),
                |e| e.event_type.push('x'),
                |e| e.actor.push('x'),
                |e| e.actor_id = Uuid::from_u128(9),
                |e| e.timestamp += time::Duration::microseconds(1),
                |e| e.origin = if e.origin == Origin::Manual { Origin::Service } else { Origin::Manual },
                |e| drop(e.details.insert("more".into(), 1.into())),
                |e| e.incident_id = IncidentId(Uuid::from_u128(9)),
                |e| e.meta.created_at += time::Duration::seconds(1),
            ];
            tampers[how](&mut entries[at]);
            let sequence = entries[at].sequence;
            prop_assert_eq!(first_bad(&entries), Some(sequence));
        }

        #[test]
        fn an_entry_that_is_left_out_or_moved_is_found(count in 3_usize..8, at in 0_usize..6) {
            let texts: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            let whole = chain(&texts);
            let at = at % (count - 1);
            let mut short = whole.clone();
            short.remove(at);
            prop_assert!(first_bad(&short).is_some());
            let mut swapped = whole;
            swapped.swap(at, at + 1);
            prop_assert!(first_bad(&swapped).is_some());
        }
    }
}

//! The entities.

use grc_kernel::{
    AssessmentId, Ctx, EvidenceId, Field, FindingId, Kind, ListSpec, Meta, OrgId, Record,
    record::{timestamp, timestamp_value, with_meta},
    wire_enum,
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

wire_enum! {
    /// Where evidence comes from.
    pub enum Source {
        /// A person or a machine uploaded it.
        Upload = "upload",
        /// It came with an archive.
        Bulk = "bulk",
        /// It was collected for an incident.
        Incident = "incident",
        /// A collector fetched it.
        Collector = "collector",
        /// It came with an attestation.
        Attestation = "attestation",
    }
}

wire_enum! {
    /// Where evidence stands.
    pub enum EvidenceStatus {
        /// Announced; the bytes are not there yet, or not inspected.
        Pending = "pending",
        /// Inspected and kept.
        Stored = "stored",
        /// Refused by the inspection.
        Rejected = "rejected",
        /// Never completed.
        Expired = "expired",
        /// Removed.
        Deleted = "deleted",
    }
}

wire_enum! {
    /// What a reviewer said.
    pub enum Review {
        /// Nothing yet.
        Unreviewed = "unreviewed",
        /// It shows what it should.
        Approved = "approved",
        /// It does not.
        Rejected = "rejected",
    }
}

/// A file that shows something.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its id.
    pub id: EvidenceId,
    /// Its organization.
    pub org: OrgId,
    /// The name that the client gave it.
    pub filename: String,
    /// The media type that the client declared, checked against the bytes.
    pub content_type: String,
    /// How many bytes it has; as announced, then as counted.
    pub size: Option<i64>,
    /// SHA-256 in hex; as announced, then as computed.
    pub sha256: Option<String>,
    /// The finding it belongs to.
    pub finding_id: Option<FindingId>,
    /// The assessment it belongs to.
    pub assessment_id: Option<AssessmentId>,
    /// The requirements it speaks to, `KEY:ref`.
    pub control_refs: Vec<String>,
    /// When it was collected.
    pub collected_at: OffsetDateTime,
    /// Until when it is valid.
    pub valid_until: Option<OffsetDateTime>,
    /// Until when it may not be deleted.
    pub retention_until: Option<OffsetDateTime>,
    /// Where it comes from.
    pub source: Source,
    /// Where it stands.
    pub status: EvidenceStatus,
    /// Why it was refused.
    pub status_reason: Option<String>,
    /// What a reviewer said.
    pub review: Review,
    /// And why.
    pub review_note: Option<String>,
    /// Where the bytes lie in the store.
    pub object_key: String,
    /// The evidence that it replaces.
    pub version_of: Option<EvidenceId>,
    /// Whether it may not be deleted at all.
    pub legal_hold: bool,
    /// Why.
    pub hold_reason: Option<String>,
    /// How many characters of text were extracted; none where there is no text.
    pub text_length: Option<i32>,
    /// Bookkeeping.
    pub meta: Meta,
}

impl Record for Evidence {
    const TYPE: &'static str = "evidence";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let value = json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "filename": self.filename,
            "content_type": self.content_type,
            "size": self.size,
            "sha256": self.sha256,
            "finding_id": self.finding_id.map(|id| id.to_string()),
            "assessment_id": self.assessment_id.map(|id| id.to_string()),
            "control_refs": self.control_refs,
            "collected_at": timestamp(self.collected_at),
            "valid_until": timestamp_value(self.valid_until),
            "retention_until": timestamp_value(self.retention_until),
            "source": self.source.as_str(),
            "status": self.status.as_str(),
            "status_reason": self.status_reason,
            "review": self.review.as_str(),
            "review_note": self.review_note,
            "object_key": self.object_key,
            "version_of": self.version_of.map(|id| id.to_string()),
            "legal_hold": self.legal_hold,
            "hold_reason": self.hold_reason,
            "text_length": self.text_length,
        });
        with_meta(value, &self.meta)
    }
}

/// What the list of evidence can do.
pub static LIST: ListSpec = ListSpec {
    resource: "evidence",
    fields: &[
        Field::new("filename", Kind::Text).sorts().searches(),
        Field::new("content_type", Kind::Text),
        Field::new("finding_id", Kind::Id).optional(),
        Field::new("assessment_id", Kind::Id).optional(),
        Field::new("control_ref", Kind::Texts).stored_as("control_refs"),
        Field::new("source", Kind::Choice(Source::NAMES)),
        Field::new("status", Kind::Choice(EvidenceStatus::NAMES)),
        Field::new("review", Kind::Choice(Review::NAMES)),
        Field::new("version_of", Kind::Id).optional(),
        Field::new("legal_hold", Kind::Bool),
        Field::new("collected_at", Kind::Time).sorts(),
        Field::new("valid_until", Kind::Time).sorts().optional(),
        Field::new("retention_until", Kind::Time).sorts().optional(),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("updated_at", Kind::Time).sorts(),
        Field::new("created_by", Kind::Id),
    ],
    default_sort: ("created_at", true),
    stored: false,
};

wire_enum! {
    /// What happened to a piece of evidence.
    pub enum Touch {
        /// Its bytes arrived and were inspected.
        Uploaded = "uploaded",
        /// Its hash was recomputed.
        Verified = "verified",
        /// It was linked to something else.
        Linked = "linked",
        /// It was downloaded.
        Downloaded = "downloaded",
        /// It was exported.
        Exported = "exported",
        /// It was put under a legal hold.
        Held = "held",
        /// The hold was lifted.
        Released = "released",
        /// A reviewer judged it.
        Reviewed = "reviewed",
        /// It was deleted.
        Deleted = "deleted",
    }
}

/// One touch of a piece of evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct CustodyEvent {
    /// Its id.
    pub id: Uuid,
    /// The organization.
    pub org: OrgId,
    /// The evidence.
    pub evidence: EvidenceId,
    /// When.
    pub at: OffsetDateTime,
    /// Who, by id.
    pub actor_id: Uuid,
    /// Who, by name.
    pub actor: String,
    /// What.
    pub event: Touch,
    /// Why.
    pub reason: Option<String>,
    /// The evidence's hash at the time.
    pub sha256: Option<String>,
}

impl CustodyEvent {
    /// What the actor does to a piece of evidence now.
    pub fn of(ctx: &Ctx, evidence: &Evidence, event: Touch, reason: Option<String>) -> Self {
        Self {
            id: ctx.new_id(),
            org: ctx.org,
            evidence: evidence.id,
            at: ctx.now,
            actor_id: ctx.actor.id,
            actor: ctx.actor.name.clone(),
            event,
            reason,
            sha256: evidence.sha256.clone(),
        }
    }
}

impl Record for CustodyEvent {
    const TYPE: &'static str = "custody_event";

    fn id(&self) -> Uuid {
        self.id
    }

    fn revision(&self) -> i64 {
        1
    }

    fn snapshot(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "evidence_id": self.evidence.to_string(),
            "timestamp": timestamp(self.at),
            "actor_id": self.actor_id.to_string(),
            "actor": self.actor,
            "event": self.event.as_str(),
            "reason": self.reason,
            "sha256": self.sha256,
        })
    }
}

/// What the custody record can do.
pub static CUSTODY: ListSpec = ListSpec {
    resource: "custody",
    fields: &[
        Field::new("timestamp", Kind::Time).sorts().stored_as("at"),
        Field::new("event", Kind::Choice(Touch::NAMES)),
        Field::new("actor_id", Kind::Id),
    ],
    default_sort: ("timestamp", false),
    stored: false,
};

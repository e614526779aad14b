//! The entities.

use grc_kernel::{
    Access, AssessmentId, Ctx, EvidenceId, Field, FindingId, Kind, ListSpec, OrgId, Record,
    record::timestamp,
    resource,
    shape::{Preset, Ty, forms, may},
    wire_enum,
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rules::SIZE_MAX;

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

resource! {
    /// A piece of evidence: a file that shows something.
    pub struct Evidence(EvidenceId) as "Evidence" {
        kind: "evidence", table: "evidence", area: "evidence", name: "filename", sort: ("created_at", true),
        write: Access::Review, delete: Access::Write, answer: "EvidenceBody", request: "UploadRequest",
        gone: ("status", "deleted"),
        extra: &[may("text", Ty::Text(1_000_000), "The text, when one piece is read.").occasional()],
    }
    /// The name that the client gave it.
    filename: String = Ty::Line(255), required, fixed, sorts, searches, sample(r#""access-review.pdf""#);
    /// Its media type, checked against the bytes.
    content_type: String = Ty::Line(127), required, fixed, filters, of_form(forms::MEDIA_TYPE), sample(r#""application/pdf""#);
    /// Its size in bytes; as announced, then as counted.
    size: Option<i64> = Ty::Int(0, SIZE_MAX), fixed;
    /// Its SHA-256 in hex; as announced, then as computed by the service.
    sha256: Option<String> = Ty::Line(64), fixed, of_form(forms::SHA256);
    /// The finding it belongs to.
    finding_id: Option<FindingId> = Ty::Ref("finding");
    /// The assessment it belongs to.
    assessment_id: Option<AssessmentId> = Ty::Ref("assessment");
    /// The requirements it speaks to, KEY:ref.
    control_refs: Vec<String> = Ty::List(&Ty::Line(200), 1_000), of_form(forms::REQUIREMENT), asked_as("control_ref");
    /// When it was collected; now where a new one does not say.
    collected_at: OffsetDateTime = Ty::Time, preset(Preset::Now), sorts;
    /// Until when it is valid.
    valid_until: Option<OffsetDateTime> = Ty::Time, later, sorts;
    /// Until when it may not be deleted.
    retention_until: Option<OffsetDateTime> = Ty::Time, later, sorts;
    /// Where it comes from.
    source: Source = Ty::Word(Source::NAMES), computed;
    /// Where it stands.
    status: EvidenceStatus = Ty::Word(EvidenceStatus::NAMES), computed;
    /// Why it was refused.
    status_reason: Option<String> = Ty::Text(1_000), computed;
    /// What a reviewer said.
    review: Review = Ty::Word(Review::NAMES), later;
    /// And why.
    review_note: Option<String> = Ty::Text(20_000), later;
    /// Where the bytes lie in the store.
    object_key: String = Ty::Line(500), computed;
    /// The evidence that it replaces.
    version_of: Option<EvidenceId> = Ty::Id, fixed;
    /// Whether it may not be deleted at all.
    legal_hold: bool = Ty::Bool, computed;
    /// Why.
    hold_reason: Option<String> = Ty::Line(1_000), computed;
    /// How many characters of text were extracted.
    text_length: Option<i64> = Ty::Int(0, i64::MAX), computed;
}

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

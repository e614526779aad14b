//! What this domain needs from the outside, besides the object store.

use async_trait::async_trait;
use grc_kernel::{AssessmentId, EvidenceId, FindingId, JobsTx, JournalTx, ListQuery, OrgId, Page, StoreResult};
use time::OffsetDateTime;

use crate::model::{CustodyEvent, Evidence};

/// Evidence. Deleted evidence is absent from lists but still found by id.
#[async_trait]
pub trait EvidenceRepo: Send {
    /// By id.
    async fn find(&mut self, org: OrgId, id: EvidenceId) -> StoreResult<Option<Evidence>>;
    /// By ids, in no particular order.
    async fn find_many(&mut self, org: OrgId, ids: &[EvidenceId]) -> StoreResult<Vec<Evidence>>;
    /// By object key.
    async fn find_by_key(&mut self, org: OrgId, key: &str) -> StoreResult<Option<Evidence>>;
    /// A page of what is not deleted.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Evidence>>;
    /// Stores a new one.
    async fn insert(&mut self, evidence: &Evidence) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, evidence: &Evidence, seen: i64) -> StoreResult<()>;
    /// Stores the extracted text.
    async fn set_text(&mut self, org: OrgId, id: EvidenceId, text: &str) -> StoreResult<()>;
    /// The extracted text.
    async fn text(&mut self, org: OrgId, id: EvidenceId) -> StoreResult<Option<String>>;
    /// Stored evidence that names one of these requirements or has one of these ids, each with its text.
    async fn with_texts(
        &mut self,
        org: OrgId,
        names: &[String],
        ids: &[EvidenceId],
    ) -> StoreResult<Vec<(Evidence, Option<String>)>>;
    /// Evidence that was announced before a time and never completed.
    async fn stale_pending(&mut self, org: OrgId, before: OffsetDateTime, limit: i64) -> StoreResult<Vec<Evidence>>;
    /// Adds to the custody record, in one statement.
    async fn touch(&mut self, events: &[CustodyEvent]) -> StoreResult<()>;
    /// A page of the custody record of some evidence.
    async fn custody(&mut self, org: OrgId, ids: &[EvidenceId], query: &ListQuery) -> StoreResult<Page<CustodyEvent>>;
}

/// Looks at other domains' records.
#[async_trait]
pub trait EvidenceReferences: Send {
    /// Whether the finding exists.
    async fn finding_exists(&mut self, org: OrgId, id: FindingId) -> StoreResult<bool>;
    /// Whether the assessment exists.
    async fn assessment_exists(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<bool>;
    /// Those of these `KEY:ref` names that no framework visible to the organization has.
    async fn unknown_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>>;
}

/// A transaction over this domain's repositories.
pub trait EvidenceTx: JournalTx + JobsTx {
    /// Evidence.
    fn evidence_repo(&mut self) -> &mut dyn EvidenceRepo;
    /// Other domains' records.
    fn evidence_references(&mut self) -> &mut dyn EvidenceReferences;
}

//! What this domain needs from the outside, beyond what every resource has and besides the object store.

use async_trait::async_trait;
use grc_kernel::{EvidenceId, JobsTx, JournalTx, ListQuery, OrgId, Page, Repo, StoreResult, resource::References};

use crate::{
    bulk::{BulkImport, BulkItem},
    model::{CustodyEvent, Evidence},
};

/// What belongs to evidence: its texts, and the record of every touch.
#[async_trait]
pub trait Files: Send {
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
    /// Adds to the custody record, in one statement.
    async fn touch(&mut self, events: &[CustodyEvent]) -> StoreResult<()>;
    /// A page of the custody record of some evidence.
    async fn custody(&mut self, org: OrgId, ids: &[EvidenceId], query: &ListQuery) -> StoreResult<Page<CustodyEvent>>;
}

/// A look at the frameworks.
#[async_trait]
pub trait Requirements: Send {
    /// Those of these `KEY:ref` names that no framework visible to the organization has.
    async fn unknown_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>>;
}

/// A transaction over this domain's repositories.
pub trait EvidenceTx:
    JournalTx + JobsTx + References + Files + Requirements + Repo<Evidence> + Repo<BulkImport> + Repo<BulkItem>
{
}

impl<T> EvidenceTx for T where
    T: JournalTx + JobsTx + References + Files + Requirements + Repo<Evidence> + Repo<BulkImport> + Repo<BulkItem>
{
}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn EvidenceTx` would mean a
/// shorter life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn EvidenceTx;

//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{AssessmentId, JobsTx, JournalTx, ListQuery, OrgId, Page, ReportId, StoreResult};

use crate::model::Report;

/// Reports and their files.
#[async_trait]
pub trait ReportRepo: Send {
    /// By id.
    async fn find(&mut self, org: OrgId, id: ReportId) -> StoreResult<Option<Report>>;
    /// A page.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Report>>;
    /// Stores a new one.
    async fn insert(&mut self, report: &Report) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, report: &Report, seen: i64) -> StoreResult<()>;
    /// Removes one with its file.
    async fn delete(&mut self, org: OrgId, id: ReportId) -> StoreResult<()>;
    /// Stores the file.
    async fn put_output(&mut self, org: OrgId, id: ReportId, bytes: &[u8]) -> StoreResult<()>;
    /// The file.
    async fn output(&mut self, org: OrgId, id: ReportId) -> StoreResult<Option<Vec<u8>>>;
}

/// Looks at other domains' records.
#[async_trait]
pub trait ReportReferences: Send {
    /// The name of an assessment, if it exists.
    async fn assessment_name(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<String>>;
}

/// A transaction over this domain's repositories.
pub trait ReportsTx: JournalTx + JobsTx {
    /// Reports.
    fn report_repo(&mut self) -> &mut dyn ReportRepo;
    /// Other domains' records.
    fn report_references(&mut self) -> &mut dyn ReportReferences;
}

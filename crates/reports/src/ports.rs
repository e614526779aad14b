//! What this domain needs from the outside, beyond what every resource has.

use async_trait::async_trait;
use grc_kernel::{AssessmentId, JobsTx, JournalTx, OrgId, Repo, ReportId, StoreResult, resource::References};

use crate::model::Report;

/// The files of reports, and a look at what they are about.
#[async_trait]
pub trait Outputs: Send {
    /// Stores the file.
    async fn put_output(&mut self, org: OrgId, id: ReportId, bytes: &[u8]) -> StoreResult<()>;
    /// The file, which goes with its report.
    async fn output(&mut self, org: OrgId, id: ReportId) -> StoreResult<Option<Vec<u8>>>;
    /// Notes that a report is being generated, and how far it is. No change of it in the sense of its revision.
    async fn note_progress(&mut self, org: OrgId, id: ReportId, percent: i64) -> StoreResult<()>;
    /// The name of an assessment, if it exists.
    async fn assessment_name(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<String>>;
}

/// A transaction over this domain's repositories.
pub trait ReportsTx: JournalTx + JobsTx + References + Outputs + Repo<Report> {}

impl<T: JournalTx + JobsTx + References + Outputs + Repo<Report>> ReportsTx for T {}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn ReportsTx` would mean a
/// shorter life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn ReportsTx;

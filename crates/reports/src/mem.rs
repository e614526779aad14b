//! The files of reports in memory, for tests of this crate and of whoever embeds it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_kernel::{AssessmentId, OrgId, Repo, ReportId, StoreResult, resource::InMemory};

use crate::{
    model::{OPEN, Report, ReportStatus},
    ports::Outputs,
};

#[derive(Clone, Default)]
struct Kept(BTreeMap<ReportId, Vec<u8>>);

#[async_trait]
impl<T: InMemory> Outputs for T {
    async fn put_output(&mut self, _org: OrgId, id: ReportId, bytes: &[u8]) -> StoreResult<()> {
        self.tables().keep(|outputs: &mut Kept| outputs.0.insert(id, bytes.to_vec()));
        Ok(())
    }

    async fn output(&mut self, org: OrgId, id: ReportId) -> StoreResult<Option<Vec<u8>>> {
        let there = self.tables().exists(org, <Report as grc_kernel::Resource>::KIND, id.0);
        Ok(self.tables().keep(|outputs: &mut Kept| outputs.0.get(&id).cloned()).filter(|_| there))
    }

    async fn note_progress(&mut self, org: OrgId, id: ReportId, percent: i64) -> StoreResult<()> {
        match Repo::<Report>::find(self, org, id).await? {
            Some(report) if OPEN.contains(&report.status) => {
                let after = Report { status: ReportStatus::Running, progress: percent, ..report.clone() };
                Repo::<Report>::update(self, &after, report.meta.revision).await
            }
            _ => Ok(()),
        }
    }

    async fn assessment_name(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<String>> {
        let picture = self.tables().picture(org, "assessment", id.0);
        Ok(picture.and_then(|picture| Some(picture.get("name")?.as_str()?.to_owned())))
    }
}

//! The repositories in memory, for tests of this crate and of whoever embeds it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_kernel::{
    AssessmentId, JobQueue, JobsTx, Journal, JournalTx, ListQuery, OrgId, Page, ReportId, StoreError, StoreResult,
    job::MemJobs, journal::MemJournal, list::page_in_memory,
};

use crate::{
    model::Report,
    ports::{ReportReferences, ReportRepo, ReportsTx},
};

/// All records of this domain, and what it knows of others'.
#[derive(Clone, Debug, Default)]
pub struct Store {
    reports: BTreeMap<ReportId, Report>,
    outputs: BTreeMap<ReportId, Vec<u8>>,
    /// Assessments' names, of the assessments domain.
    pub assessments: BTreeMap<(OrgId, AssessmentId), String>,
}

#[async_trait]
impl ReportRepo for Store {
    async fn find(&mut self, org: OrgId, id: ReportId) -> StoreResult<Option<Report>> {
        Ok(self.reports.get(&id).filter(|report| report.org == org).cloned())
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Report>> {
        Ok(page_in_memory(self.reports.values().filter(|report| report.org == org), query))
    }

    async fn insert(&mut self, report: &Report) -> StoreResult<()> {
        self.reports.insert(report.id, report.clone());
        Ok(())
    }

    async fn update(&mut self, report: &Report, seen: i64) -> StoreResult<()> {
        match self.reports.get_mut(&report.id) {
            Some(stored) if stored.meta.revision == seen => {
                *stored = report.clone();
                Ok(())
            }
            _ => Err(StoreError::Stale),
        }
    }

    async fn delete(&mut self, _org: OrgId, id: ReportId) -> StoreResult<()> {
        self.reports.remove(&id);
        self.outputs.remove(&id);
        Ok(())
    }

    async fn put_output(&mut self, _org: OrgId, id: ReportId, bytes: &[u8]) -> StoreResult<()> {
        self.outputs.insert(id, bytes.to_vec());
        Ok(())
    }

    async fn output(&mut self, _org: OrgId, id: ReportId) -> StoreResult<Option<Vec<u8>>> {
        Ok(self.outputs.get(&id).cloned())
    }
}

#[async_trait]
impl ReportReferences for Store {
    async fn assessment_name(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<String>> {
        Ok(self.assessments.get(&(org, id)).cloned())
    }
}

/// A transaction over a store of its own.
#[derive(Clone, Debug, Default)]
pub struct MemTx {
    /// The records.
    pub store: Store,
    /// The journal.
    pub journal: MemJournal,
    /// The queue.
    pub jobs: MemJobs,
}

impl JournalTx for MemTx {
    fn journal(&mut self) -> &mut dyn Journal {
        &mut self.journal
    }
}

impl JobsTx for MemTx {
    fn jobs(&mut self) -> &mut dyn JobQueue {
        &mut self.jobs
    }
}

impl ReportsTx for MemTx {
    fn report_repo(&mut self) -> &mut dyn ReportRepo {
        &mut self.store
    }
    fn report_references(&mut self) -> &mut dyn ReportReferences {
        &mut self.store
    }
}

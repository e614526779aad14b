//! The repositories and an object store in memory, for tests of this crate and of whoever embeds it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use async_trait::async_trait;
use bytes::Bytes;
use grc_kernel::{
    AssessmentId, EvidenceId, FindingId, JobQueue, JobsTx, Journal, JournalTx, ListQuery, OrgId, Page, StoreError,
    StoreResult, job::MemJobs, journal::MemJournal, list::page_in_memory,
};
use time::OffsetDateTime;

use crate::{
    model::{CustodyEvent, Evidence, EvidenceStatus},
    ports::{EvidenceReferences, EvidenceRepo, EvidenceTx},
    store::{ObjectError, ObjectReader, ObjectStore, Presigned, UploadTerms},
};

/// All records of this domain, and what it knows of others'.
#[derive(Clone, Debug, Default)]
pub struct Store {
    evidence: BTreeMap<EvidenceId, Evidence>,
    texts: BTreeMap<EvidenceId, String>,
    custody: Vec<CustodyEvent>,
    /// Findings, of the assessments domain.
    pub findings: BTreeSet<(OrgId, FindingId)>,
    /// Assessments, of the assessments domain.
    pub assessments: BTreeSet<(OrgId, AssessmentId)>,
    /// `KEY:ref` names, of the assessments domain.
    pub requirements: BTreeSet<String>,
}

#[async_trait]
impl EvidenceRepo for Store {
    async fn find(&mut self, org: OrgId, id: EvidenceId) -> StoreResult<Option<Evidence>> {
        Ok(self.evidence.get(&id).filter(|evidence| evidence.org == org).cloned())
    }

    async fn find_many(&mut self, org: OrgId, ids: &[EvidenceId]) -> StoreResult<Vec<Evidence>> {
        Ok(self.evidence.values().filter(|e| e.org == org && ids.contains(&e.id)).cloned().collect())
    }

    async fn find_by_key(&mut self, org: OrgId, key: &str) -> StoreResult<Option<Evidence>> {
        Ok(self.evidence.values().find(|evidence| evidence.org == org && evidence.object_key == key).cloned())
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Evidence>> {
        let there = |evidence: &&Evidence| evidence.org == org && evidence.status != EvidenceStatus::Deleted;
        Ok(page_in_memory(self.evidence.values().filter(there), query))
    }

    async fn insert(&mut self, evidence: &Evidence) -> StoreResult<()> {
        self.evidence.insert(evidence.id, evidence.clone());
        Ok(())
    }

    async fn update(&mut self, evidence: &Evidence, seen: i64) -> StoreResult<()> {
        match self.evidence.get_mut(&evidence.id) {
            Some(stored) if stored.meta.revision == seen => {
                *stored = evidence.clone();
                Ok(())
            }
            _ => Err(StoreError::Stale),
        }
    }

    async fn set_text(&mut self, _org: OrgId, id: EvidenceId, text: &str) -> StoreResult<()> {
        self.texts.insert(id, text.to_owned());
        Ok(())
    }

    async fn text(&mut self, _org: OrgId, id: EvidenceId) -> StoreResult<Option<String>> {
        Ok(self.texts.get(&id).cloned())
    }

    async fn with_texts(
        &mut self,
        org: OrgId,
        names: &[String],
        ids: &[EvidenceId],
    ) -> StoreResult<Vec<(Evidence, Option<String>)>> {
        let wanted = |e: &&Evidence| {
            e.org == org
                && e.status == EvidenceStatus::Stored
                && (ids.contains(&e.id) || e.control_refs.iter().any(|name| names.contains(name)))
        };
        Ok(self.evidence.values().filter(wanted).map(|e| (e.clone(), self.texts.get(&e.id).cloned())).collect())
    }

    async fn stale_pending(&mut self, org: OrgId, before: OffsetDateTime, limit: i64) -> StoreResult<Vec<Evidence>> {
        let stale = |e: &&Evidence| e.org == org && e.status == EvidenceStatus::Pending && e.meta.created_at < before;
        Ok(self.evidence.values().filter(stale).take(usize::try_from(limit).unwrap_or(0)).cloned().collect())
    }

    async fn touch(&mut self, events: &[CustodyEvent]) -> StoreResult<()> {
        self.custody.extend_from_slice(events);
        Ok(())
    }

    async fn custody(&mut self, org: OrgId, ids: &[EvidenceId], query: &ListQuery) -> StoreResult<Page<CustodyEvent>> {
        let of = |event: &&CustodyEvent| event.org == org && ids.contains(&event.evidence);
        Ok(page_in_memory(self.custody.iter().filter(of), query))
    }
}

#[async_trait]
impl EvidenceReferences for Store {
    async fn finding_exists(&mut self, org: OrgId, id: FindingId) -> StoreResult<bool> {
        Ok(self.findings.contains(&(org, id)))
    }

    async fn assessment_exists(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<bool> {
        Ok(self.assessments.contains(&(org, id)))
    }

    async fn unknown_requirements(&mut self, _org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        Ok(names.iter().filter(|name| !self.requirements.contains(*name)).cloned().collect())
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

impl EvidenceTx for MemTx {
    fn evidence_repo(&mut self) -> &mut dyn EvidenceRepo {
        &mut self.store
    }
    fn evidence_references(&mut self) -> &mut dyn EvidenceReferences {
        &mut self.store
    }
}

/// An object store in memory. Its URLs lead nowhere: tests put objects themselves.
#[derive(Debug, Default)]
pub struct MemObjects {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemObjects {
    fn objects(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

struct MemReader(Option<Bytes>);

#[async_trait]
impl ObjectReader for MemReader {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        Ok(self.0.take())
    }
}

#[async_trait]
impl ObjectStore for MemObjects {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn presign_put(&self, terms: &UploadTerms) -> Result<Presigned, ObjectError> {
        Ok(Presigned { url: format!("memory:{}", terms.key), headers: Vec::new() })
    }

    async fn presign_get(&self, key: &str, _filename: &str, _seconds: i64) -> Result<Presigned, ObjectError> {
        Ok(Presigned { url: format!("memory:{key}"), headers: Vec::new() })
    }

    async fn open(&self, key: &str) -> Result<Box<dyn ObjectReader>, ObjectError> {
        let bytes = self.objects().get(key).cloned().ok_or(ObjectError::Missing)?;
        Ok(Box::new(MemReader(Some(bytes.into()))))
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        self.objects().insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn put_from(&self, key: &str, source: &mut dyn ObjectReader) -> Result<(), ObjectError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = source.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        self.put(key, &bytes).await
    }

    async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        self.objects().remove(key);
        Ok(())
    }

    async fn check(&self) -> Result<(), ObjectError> {
        Ok(())
    }
}

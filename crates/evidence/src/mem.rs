//! What this domain keeps in memory beside its records, and an object store in memory: for tests of this crate and of
//! whoever embeds it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use async_trait::async_trait;
use bytes::Bytes;
use grc_kernel::{
    EvidenceId, ListQuery, OrgId, Page, Repo, Resource, StoreResult,
    list::{Scalar, page_in_memory},
    resource::{InMemory, MemTables},
};

use crate::{
    model::{CustodyEvent, Evidence, EvidenceStatus},
    ports::{Files, Requirements},
    store::{ObjectError, ObjectReader, ObjectStore, Presigned, UploadTerms},
};

/// The texts of evidence.
#[derive(Clone, Default)]
struct Texts(BTreeMap<EvidenceId, String>);

/// The custody record.
#[derive(Clone, Default)]
struct Custody(Vec<CustodyEvent>);

#[async_trait]
impl<T: InMemory> Files for T {
    async fn set_text(&mut self, _org: OrgId, id: EvidenceId, text: &str) -> StoreResult<()> {
        self.tables().keep(|texts: &mut Texts| texts.0.insert(id, text.to_owned()));
        Ok(())
    }

    async fn text(&mut self, _org: OrgId, id: EvidenceId) -> StoreResult<Option<String>> {
        Ok(self.tables().keep(|texts: &mut Texts| texts.0.get(&id).cloned()))
    }

    async fn with_texts(
        &mut self,
        org: OrgId,
        names: &[String],
        ids: &[EvidenceId],
    ) -> StoreResult<Vec<(Evidence, Option<String>)>> {
        let stored = vec![Scalar::Text(EvidenceStatus::Stored.as_str().to_owned())];
        let query = Evidence::LIST.query().only("status", stored).limited(usize::MAX);
        let mut found = Repo::<Evidence>::page(self, org, &query).await?.items;
        found.retain(|e| ids.contains(&e.id) || e.control_refs.iter().any(|name| names.contains(name)));
        let texts = self.tables().keep(|texts: &mut Texts| texts.0.clone());
        let with_text = |evidence: Evidence| {
            let text = texts.get(&evidence.id).cloned();
            (evidence, text)
        };
        Ok(found.into_iter().map(with_text).collect())
    }

    async fn touch(&mut self, events: &[CustodyEvent]) -> StoreResult<()> {
        self.tables().keep(|custody: &mut Custody| custody.0.extend_from_slice(events));
        Ok(())
    }

    async fn custody(&mut self, org: OrgId, ids: &[EvidenceId], query: &ListQuery) -> StoreResult<Page<CustodyEvent>> {
        let of = |event: &&CustodyEvent| event.org == org && ids.contains(&event.evidence);
        Ok(self.tables().keep(|custody: &mut Custody| page_in_memory(custody.0.iter().filter(of), query)))
    }
}

/// The `KEY:ref` names that are known where there are no frameworks.
#[derive(Clone, Debug, Default)]
pub struct KnownRequirements(pub BTreeSet<String>);

#[async_trait]
impl Requirements for MemTables {
    async fn unknown_requirements(&mut self, _org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        Ok(self.keep(|known: &mut KnownRequirements| {
            names.iter().filter(|name| !known.0.contains(*name)).cloned().collect()
        }))
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

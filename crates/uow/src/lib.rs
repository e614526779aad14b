//! The unit of work: one transaction over every domain.
//!
//! [`AppTx`] is the only list of domains. A [`Backend`] begins transactions; [`Db`] runs a use case in one and
//! commits it when the use case succeeds. Nothing outside the adapters begins a transaction except through
//! [`Db`].

pub mod mem;
pub mod registry;
pub mod replay;
pub mod searched;
mod share;

use std::sync::Arc;

use async_trait::async_trait;
use grc_assessments::AssessmentsTx;
use grc_audit::Ledger;
use grc_bcm::BcmTx;
use grc_coordination::CoordinationTx;
use grc_events::EventsTx;
use grc_evidence::EvidenceTx;
use grc_identity::IdentityTx;
use grc_incident::IncidentTx;
use grc_kernel::{Job, JobsTx, JournalTx, ListQuery, OrgId, Page, StoreError, StoreResult, journal::Entry};
use grc_policy::PolicyTx;
use grc_reports::ReportsTx;
use grc_risk::RiskTx;
use grc_search::Search;
use grc_transfer::TransferTx;
use grc_vendor::VendorTx;
use time::{Duration, OffsetDateTime};

pub use replay::{Replays, Reservation, StoredReply};
use share::Shared;
pub use share::is_shared;

/// A transaction over every domain, bound to one organization.
#[async_trait]
pub trait AppTx:
    IdentityTx
    + AssessmentsTx
    + EvidenceTx
    + ReportsTx
    + RiskTx
    + BcmTx
    + IncidentTx
    + PolicyTx
    + VendorTx
    + EventsTx
    + CoordinationTx
    + TransferTx
    + JournalTx
    + Ledger
    + JobsTx
    + Replays
    + Search
    + Send
{
    /// A page of the organization's journal.
    async fn journal_page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Entry>>;
    /// Takes the job that has waited longest, of the organizations with the fewest running. In the platform's scope.
    async fn claim_job(&mut self, now: OffsetDateTime, lease: Duration) -> StoreResult<Option<Job>>;
    /// Prolongs a job's lease; `Stale` when it was lost. In the platform's scope.
    async fn renew_job(&mut self, job: &Job, until: OffsetDateTime) -> StoreResult<()>;
    /// Puts a job back for a time, or gives it up; a failure says why. In the platform's scope.
    async fn return_job(&mut self, job: &Job, again: Option<OffsetDateTime>, failure: Option<&str>) -> StoreResult<()>;
    /// Removes replies kept before a time, of any organization. In the platform's scope.
    async fn expire_replies(&mut self, before: OffsetDateTime) -> StoreResult<usize>;
    /// Sets a mark, to which the transaction can go back.
    async fn mark(&mut self) -> StoreResult<()>;
    /// Forgets the newest mark; what was changed since then counts.
    async fn forget_mark(&mut self) -> StoreResult<()>;
    /// Takes back what was changed since the newest mark, and forgets it.
    async fn back_to_mark(&mut self) -> StoreResult<()>;
    /// Makes the changes lasting.
    async fn commit(self: Box<Self>) -> StoreResult<()>;
    /// Takes everything back, and waits until that is done: what the transaction held is free then.
    async fn abort(self: Box<Self>);
    /// Ends a transaction that changed nothing.
    async fn finish(self: Box<Self>);
}

/// Where transactions come from.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Begins a transaction bound to an organization. Dropped without a commit it rolls back.
    async fn begin(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>>;
    /// Begins work that only reads, bound to an organization. A write in it fails.
    async fn reading(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>>;
    /// Begins work that only reads, and whose every statement sees the data as the first one found it.
    async fn frozen(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>>;
    /// Whether the store answers.
    async fn check(&self) -> StoreResult<()>;
}

/// One transaction, as use cases' callers see it.
pub struct Uow {
    tx: Box<dyn AppTx>,
}

impl Uow {
    /// The transaction as the identity domain sees it.
    pub fn identity(&mut self) -> &mut dyn IdentityTx {
        self.tx.as_mut()
    }
    /// The transaction as the assessments domain sees it.
    pub fn assessments(&mut self) -> &mut grc_assessments::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the evidence domain sees it.
    pub fn evidence(&mut self) -> &mut grc_evidence::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the reports domain sees it.
    pub fn reports(&mut self) -> &mut grc_reports::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the risk domain sees it.
    pub fn risk(&mut self) -> &mut grc_risk::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the vendor domain sees it.
    pub fn vendor(&mut self) -> &mut grc_vendor::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the incident domain sees it.
    pub fn incident(&mut self) -> &mut grc_incident::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the policy domain sees it.
    pub fn policy(&mut self) -> &mut grc_policy::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the bcm domain sees it.
    pub fn bcm(&mut self) -> &mut grc_bcm::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as the events domain sees it.
    pub fn events(&mut self) -> &mut grc_events::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as tasks and links see it.
    pub fn coordination(&mut self) -> &mut grc_coordination::ports::Tx {
        self.tx.as_mut()
    }
    /// The transaction as imports see it.
    pub fn transfer(&mut self) -> &mut grc_transfer::ports::Tx {
        self.tx.as_mut()
    }
    /// The whole transaction.
    pub fn app(&mut self) -> &mut dyn AppTx {
        self.tx.as_mut()
    }
}

/// The store, from which every transaction starts.
#[derive(Clone)]
pub struct Db {
    backend: Arc<dyn Backend>,
}

impl Db {
    /// A store over a backend.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Runs a use case in a transaction and commits it where it succeeds.
    pub async fn write<T, E, F>(&self, org: OrgId, use_case: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Uow) -> Result<T, E>,
        E: From<StoreError>,
    {
        if let Some(shared) = Shared::current() {
            return if shared.is_of(org) { shared.work(use_case).await } else { Err(StoreError::Elsewhere.into()) };
        }
        let mut uow = Uow { tx: self.backend.begin(org).await? };
        match use_case(&mut uow).await {
            Ok(answer) => {
                uow.tx.commit().await?;
                Ok(answer)
            }
            // The caller may try again at once, with the same Idempotency-Key.
            Err(error) => {
                uow.tx.abort().await;
                Err(error)
            }
        }
    }

    /// Runs a use case that changes nothing.
    pub async fn read<T, E, F>(&self, org: OrgId, use_case: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Uow) -> Result<T, E>,
        E: From<StoreError>,
    {
        if let Some(shared) = Shared::current().filter(|shared| shared.is_of(org)) {
            return shared.work(use_case).await;
        }
        let mut uow = Uow { tx: self.backend.reading(org).await? };
        let answer = use_case(&mut uow).await?;
        uow.tx.finish().await;
        Ok(answer)
    }

    /// Runs a use case that changes nothing and sees one frozen state of the data, however many statements it takes.
    pub async fn frozen<T, E, F>(&self, org: OrgId, use_case: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Uow) -> Result<T, E>,
        E: From<StoreError>,
    {
        if let Some(shared) = Shared::current().filter(|shared| shared.is_of(org)) {
            return shared.work(use_case).await;
        }
        let mut uow = Uow { tx: self.backend.frozen(org).await? };
        let answer = use_case(&mut uow).await?;
        uow.tx.finish().await;
        Ok(answer)
    }

    /// Whether the store answers.
    pub async fn check(&self) -> StoreResult<()> {
        self.backend.check().await
    }
}

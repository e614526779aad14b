//! The backend in memory: a transaction works on a copy of everything and puts it back when it commits, so a
//! rollback is real. Transactions run one after the other.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use grc_assessments::{framework, ports::FrameworkRepo};
use grc_coordination::ports::Kinds;
use grc_evidence::ports::{Files, Requirements};
use grc_identity::{IdentityTx, MembershipStatus, ports as identity};
use grc_kernel::{
    Job, JobQueue, JobStatus, JobsTx, Journal, JournalTx, ListQuery, OrgId, Page, Permission, StoreError, StoreResult,
    UserId, Uuid,
    journal::Entry,
    list::page_in_memory,
    resource::{InMemory, MemTables, References},
};
use grc_search::{
    Found, Search, Source, Wanted,
    memory::{self, Document},
};
use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    AppTx, Backend, registry,
    replay::{KEPT_HOURS, Replays, Reservation, StoredReply},
    searched,
};

/// Everything that is stored.
#[derive(Clone, Debug, Default)]
pub struct State {
    identity: grc_identity::mem::Store,
    tables: MemTables,
    leases: BTreeMap<grc_kernel::JobId, OffsetDateTime>,
    replies: BTreeMap<(OrgId, Uuid, String), (StoredReply, OffsetDateTime)>,
}

/// A store in memory, with the built-in frameworks.
#[derive(Clone, Debug, Default)]
pub struct MemBackend {
    state: Arc<Mutex<State>>,
}

#[async_trait]
impl Backend for MemBackend {
    async fn begin(&self, _org: OrgId) -> StoreResult<Box<dyn AppTx>> {
        let shared = Arc::clone(&self.state).lock_owned().await;
        let work = shared.clone();
        Ok(Box::new(MemTx { shared, work, marks: Vec::new() }))
    }

    async fn reading(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>> {
        self.begin(org).await
    }

    async fn frozen(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>> {
        // A reader here has a copy of its own anyway.
        self.reading(org).await
    }

    async fn check(&self) -> StoreResult<()> {
        Ok(())
    }
}

struct MemTx {
    shared: OwnedMutexGuard<State>,
    work: State,
    marks: Vec<State>,
}

impl JournalTx for MemTx {
    fn journal(&mut self) -> &mut dyn Journal {
        &mut self.work.tables.journal
    }
}

impl JobsTx for MemTx {
    fn jobs(&mut self) -> &mut dyn JobQueue {
        &mut self.work.tables.jobs
    }
}

impl IdentityTx for MemTx {
    fn organizations(&mut self) -> &mut dyn identity::OrganizationRepo {
        &mut self.work.identity
    }
    fn accounts(&mut self) -> &mut dyn identity::AccountRepo {
        &mut self.work.identity
    }
    fn members(&mut self) -> &mut dyn identity::MemberRepo {
        &mut self.work.identity
    }
    fn sessions(&mut self) -> &mut dyn identity::SessionRepo {
        &mut self.work.identity
    }
    fn api_keys(&mut self) -> &mut dyn identity::ApiKeyRepo {
        &mut self.work.identity
    }
    fn invitations(&mut self) -> &mut dyn identity::InvitationRepo {
        &mut self.work.identity
    }
}

impl InMemory for MemTx {
    fn tables(&mut self) -> &mut MemTables {
        &mut self.work.tables
    }
}

#[async_trait]
impl References for MemTx {
    async fn missing(&mut self, org: OrgId, kind: &'static str, ids: &[Uuid]) -> StoreResult<Vec<Uuid>> {
        if kind != "user" {
            return self.work.tables.missing(org, kind, ids).await;
        }
        let mut missing = Vec::new();
        for id in ids {
            let member = identity::MemberRepo::find(&mut self.work.identity, org, UserId(*id)).await?;
            if member.is_none_or(|member| member.membership.status != MembershipStatus::Active) {
                missing.push(*id);
            }
        }
        Ok(missing)
    }
}

impl Kinds for MemTx {
    fn kind_named(&self, name: &str) -> Option<(&'static str, Permission)> {
        registry::named(name)
    }
}

#[async_trait]
impl Requirements for MemTx {
    async fn unknown_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        self.unknown_names(org, names).await
    }
}

#[async_trait]
impl Replays for MemTx {
    async fn reserve(&mut self, org: OrgId, caller: Uuid, key: &str, now: OffsetDateTime) -> StoreResult<Reservation> {
        let kept = self.work.replies.get(&(org, caller, key.to_owned()));
        let fresh = kept.filter(|(_, at)| now - *at < Duration::hours(KEPT_HOURS));
        Ok(fresh.map_or(Reservation::Fresh, |(reply, _)| Reservation::Stored(reply.clone())))
    }

    async fn keep(
        &mut self,
        org: OrgId,
        caller: Uuid,
        key: &str,
        reply: &StoredReply,
        now: OffsetDateTime,
    ) -> StoreResult<()> {
        self.work.replies.insert((org, caller, key.to_owned()), (reply.clone(), now));
        Ok(())
    }
}

#[async_trait]
impl Search for MemTx {
    async fn search(&mut self, org: OrgId, wanted: &Wanted) -> StoreResult<Found> {
        let mut documents = Vec::new();
        for source in searched::sources().iter().filter(|source| wanted.kinds.contains(&source.kind)) {
            match registry::of_kind(source.kind) {
                Some(declared) => {
                    let pictures = self.work.tables.pictures(org, source.kind);
                    documents.extend(pictures.filter_map(|picture| Document::of(declared, source, &picture)));
                }
                None => self.others(org, source, &mut documents).await?,
            }
        }
        for document in documents.iter_mut().filter(|document| document.kind == "evidence") {
            document.deep = self.text(org, document.id.into()).await?;
        }
        Ok(memory::find(documents.into_iter(), wanted))
    }
}

impl MemTx {
    /// The documents of what is no declared resource.
    async fn others(&mut self, org: OrgId, source: &Source, documents: &mut Vec<Document>) -> StoreResult<()> {
        let blank = Document {
            kind: source.kind,
            id: Uuid::nil(),
            title: None,
            names: Vec::new(),
            texts: Vec::new(),
            deep: None,
            parent: None,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        };
        if source.kind == "user" {
            let all = grc_identity::query::MEMBERS.query().limited(usize::MAX);
            let members = identity::MemberRepo::page(&mut self.work.identity, org, &all).await?;
            documents.extend(members.items.into_iter().map(|member| Document {
                id: member.account.id.0,
                title: Some(member.account.name),
                names: vec![member.account.email],
                updated_at: member.membership.meta.updated_at,
                ..blank.clone()
            }));
            return Ok(());
        }
        let all = framework::LIST.query().limited(usize::MAX);
        let frameworks = FrameworkRepo::page(self, &[org], &all).await?.items;
        for own in frameworks.into_iter().filter(|framework| framework.org == Some(org)) {
            if source.kind == "framework" {
                documents.push(Document {
                    id: own.id.0,
                    title: Some(own.name),
                    names: vec![own.key],
                    texts: vec![own.description],
                    updated_at: own.meta.updated_at,
                    ..blank.clone()
                });
                continue;
            }
            let controls = self.requirements(own.id).await?;
            documents.extend(controls.into_iter().map(|control| Document {
                id: control.id.0,
                title: Some(control.title),
                names: vec![control.control_ref],
                texts: std::iter::once(control.description).chain(control.guidance).collect(),
                parent: Some(("framework", own.id.0)),
                updated_at: own.meta.updated_at,
                ..blank.clone()
            }));
        }
        Ok(())
    }
}

#[async_trait]
impl AppTx for MemTx {
    async fn journal_page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Entry>> {
        Ok(page_in_memory(self.work.tables.journal.entries.iter().filter(|entry| entry.org == org), query))
    }

    async fn claim_job(&mut self, now: OffsetDateTime, lease: Duration) -> StoreResult<Option<Job>> {
        let leases = &mut self.work.leases;
        let lost = |job: &Job| leases.get(&job.id).is_none_or(|until| *until < now);
        let due = |job: &&mut Job| match job.status {
            JobStatus::Queued => job.run_at <= now,
            JobStatus::Running => lost(job),
            _ => false,
        };
        let jobs = &mut self.work.tables.jobs.jobs;
        let mut busy: BTreeMap<OrgId, usize> = BTreeMap::new();
        for job in jobs.iter().filter(|job| job.status == JobStatus::Running && !lost(job)) {
            *busy.entry(job.org).or_default() += 1;
        }
        let next = jobs.iter_mut().filter(due).min_by_key(|job| (busy.get(&job.org).copied(), job.run_at));
        let Some(job) = next else { return Ok(None) };
        job.status = JobStatus::Running;
        job.fence += 1;
        job.attempts += 1;
        let job = job.clone();
        self.work.leases.insert(job.id, now + lease);
        Ok(Some(job))
    }

    async fn renew_job(&mut self, job: &Job, until: OffsetDateTime) -> StoreResult<()> {
        self.work.tables.jobs.hold(job).await?;
        self.work.leases.insert(job.id, until);
        Ok(())
    }

    async fn return_job(&mut self, job: &Job, again: Option<OffsetDateTime>, failure: Option<&str>) -> StoreResult<()> {
        self.work.tables.jobs.hold(job).await?;
        let stored =
            self.work.tables.jobs.jobs.iter_mut().find(|stored| stored.id == job.id).ok_or(StoreError::Stale)?;
        stored.error = failure.map(str::to_owned);
        match again {
            Some(at) => {
                stored.status = JobStatus::Queued;
                stored.run_at = at;
                if failure.is_none() {
                    stored.attempts -= 1;
                }
            }
            None => stored.status = JobStatus::Failed,
        }
        Ok(())
    }

    async fn expire_replies(&mut self, before: OffsetDateTime) -> StoreResult<usize> {
        let kept = self.work.replies.len();
        self.work.replies.retain(|_, (_, at)| *at >= before);
        Ok(kept - self.work.replies.len())
    }

    async fn mark(&mut self) -> StoreResult<()> {
        self.marks.push(self.work.clone());
        Ok(())
    }

    async fn forget_mark(&mut self) -> StoreResult<()> {
        self.marks.pop();
        Ok(())
    }

    async fn back_to_mark(&mut self) -> StoreResult<()> {
        self.work = self.marks.pop().ok_or_else(|| StoreError::internal("there is no mark"))?;
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> StoreResult<()> {
        *self.shared = self.work;
        Ok(())
    }

    async fn abort(self: Box<Self>) {}

    async fn finish(self: Box<Self>) {}
}

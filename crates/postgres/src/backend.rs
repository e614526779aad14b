//! The backend: where transactions begin, and the parts of them that belong to no domain.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use deadpool::managed::PoolError;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, dsl::sql, sql_types::Bool};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use grc_coordination::ports::Kinds;
use grc_kernel::{Job, ListQuery, OrgId, Page, Permission, StoreError, StoreResult, journal::Entry};
use grc_uow::{AppTx, Backend, Replays, Reservation, StoredReply, registry, replay::KEPT_HOURS};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    assessments, error, pool,
    pool::{Lent, Pool, PoolConfig},
    schema::replies,
    tx::PgTx,
};

/// A PostgreSQL database.
///
/// Each thread that asks has a pool of its own, as far as they go: a connection's driver runs on the runtime that
/// opened it, and a request that borrowed another thread's would pay two wake-ups across threads for every
/// statement.
#[derive(Clone)]
pub struct PgBackend {
    pools: Vec<Pool>,
}

/// Numbers the threads that ask for connections.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

impl PgBackend {
    /// A backend over a migrated database. Connections are opened when first needed.
    pub fn new(config: &PoolConfig) -> StoreResult<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let count = cores.min(config.size).max(1);
        let share = PoolConfig { size: (config.size / count).max(1), ..config.clone() };
        let pools = (0..count).map(|_| pool::build(&share)).collect::<StoreResult<Vec<_>>>()?;
        Ok(Self { pools })
    }

    /// Puts the built-in frameworks into the database where it holds others; whether it did.
    pub async fn seed(&self) -> StoreResult<bool> {
        let mut tx = self.transaction(OrgId::PLATFORM).await?;
        let changed = assessments::seed(&mut tx).await?;
        tx.commit_now().await?;
        Ok(changed)
    }

    /// How many connections there are, and how many of them are idle.
    pub fn connections(&self) -> (usize, usize) {
        let all = self.pools.iter().map(Pool::status);
        all.fold((0, 0), |(size, idle), status| (size + status.size, idle + status.available))
    }

    async fn session(&self) -> StoreResult<Lent> {
        let index = THREAD.with(|thread| *thread) % self.pools.len().max(1);
        let pool = self.pools.get(index).ok_or_else(|| StoreError::internal("there is no pool"))?;
        pool.get().await.map_err(|failure| match failure {
            PoolError::Timeout(_) => StoreError::Unavailable("no database connection came free in time".to_owned()),
            other => StoreError::Unavailable(other.to_string()),
        })
    }

    pub(crate) async fn transaction(&self, org: OrgId) -> StoreResult<PgTx> {
        PgTx::begin(self.session().await?, org).await
    }

    pub(crate) async fn reader(&self, org: OrgId) -> StoreResult<PgTx> {
        PgTx::reading(self.session().await?, org).await
    }
}

#[async_trait]
impl Backend for PgBackend {
    async fn begin(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>> {
        Ok(Box::new(self.transaction(org).await?))
    }

    async fn reading(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>> {
        Ok(Box::new(self.reader(org).await?))
    }

    async fn frozen(&self, org: OrgId) -> StoreResult<Box<dyn AppTx>> {
        Ok(Box::new(PgTx::frozen(self.session().await?, org).await?))
    }

    async fn check(&self) -> StoreResult<()> {
        let mut tx = self.reader(OrgId::PLATFORM).await?;
        let one: i32 = diesel::select(sql::<diesel::sql_types::Integer>("1"))
            .get_result(tx.connection()?)
            .await
            .map_err(error::store)?;
        tx.finish_read();
        if one == 1 { Ok(()) } else { Err(StoreError::internal("the database answered nonsense")) }
    }
}

impl Kinds for PgTx {
    fn kind_named(&self, name: &str) -> Option<(&'static str, Permission)> {
        registry::named(name)
    }
}

#[async_trait]
impl Replays for PgTx {
    async fn reserve(&mut self, org: OrgId, caller: Uuid, key: &str, now: OffsetDateTime) -> StoreResult<Reservation> {
        // The lock is the transaction's: whoever holds it is still at work on the same key.
        let name = sql::<Bool>("pg_try_advisory_xact_lock(hashtextextended(")
            .bind::<diesel::sql_types::Text, _>(format!("reply:{org}:{caller}:{key}"))
            .sql(", 0))");
        let held: bool = diesel::select(name).get_result(self.connection()?).await.map_err(error::store)?;
        if !held {
            return Ok(Reservation::Running);
        }
        let kept: Option<(Vec<u8>, i32, Value, Vec<u8>)> = replies::table
            .filter(replies::org_id.eq(org.0))
            .filter(replies::caller.eq(caller))
            .filter(replies::key.eq(key))
            .filter(replies::created_at.gt(now - Duration::hours(KEPT_HOURS)))
            .select((replies::request_digest, replies::status, replies::headers, replies::body))
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        let Some((digest, status, headers, body)) = kept else { return Ok(Reservation::Fresh) };
        let corrupt = || error::corrupt("replies", "request_digest", "an impossible row");
        let headers = headers.as_object().into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        Ok(Reservation::Stored(StoredReply {
            request_digest: digest.try_into().map_err(|_| corrupt())?,
            status: u16::try_from(status).map_err(|_| corrupt())?,
            headers,
            body,
        }))
    }

    async fn keep(
        &mut self,
        org: OrgId,
        caller: Uuid,
        key: &str,
        reply: &StoredReply,
        now: OffsetDateTime,
    ) -> StoreResult<()> {
        let headers: Value = Value::Object(
            reply.headers.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect(),
        );
        let values = (
            replies::org_id.eq(org.0),
            replies::caller.eq(caller),
            replies::key.eq(key),
            replies::request_digest.eq(reply.request_digest.to_vec()),
            replies::status.eq(i32::from(reply.status)),
            replies::headers.eq(&headers),
            replies::body.eq(&reply.body),
            replies::created_at.eq(now),
        );
        diesel::insert_into(replies::table)
            .values(values)
            .on_conflict((replies::org_id, replies::caller, replies::key))
            .do_update()
            // Only an expired reply can still be there.
            .set((
                replies::request_digest.eq(reply.request_digest.to_vec()),
                replies::status.eq(i32::from(reply.status)),
                replies::headers.eq(&headers),
                replies::body.eq(&reply.body),
                replies::created_at.eq(now),
            ))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

#[async_trait]
impl AppTx for PgTx {
    async fn journal_page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Entry>> {
        self.page_journal(org, query).await
    }

    async fn claim_job(&mut self, now: OffsetDateTime, lease: Duration) -> StoreResult<Option<Job>> {
        self.claim(now, lease).await
    }

    async fn renew_job(&mut self, job: &Job, until: OffsetDateTime) -> StoreResult<()> {
        self.renew(job, until).await
    }

    async fn return_job(&mut self, job: &Job, again: Option<OffsetDateTime>, failure: Option<&str>) -> StoreResult<()> {
        self.put_back(job, again, failure).await
    }

    async fn expire_replies(&mut self, before: OffsetDateTime) -> StoreResult<usize> {
        diesel::delete(replies::table.filter(replies::created_at.lt(before)))
            .execute(self.connection()?)
            .await
            .map_err(error::store)
    }

    async fn mark(&mut self) -> StoreResult<()> {
        // A savepoint of the same name hides the one before, and its release shows that again.
        self.ahead("SAVEPOINT mark").await
    }

    async fn forget_mark(&mut self) -> StoreResult<()> {
        // Waited for: where a statement failed and nobody minded, this fails, and a COMMIT would not.
        self.connection()?.batch_execute("RELEASE SAVEPOINT mark").await.map_err(error::store)
    }

    async fn back_to_mark(&mut self) -> StoreResult<()> {
        self.connection()?
            .batch_execute("ROLLBACK TO SAVEPOINT mark; RELEASE SAVEPOINT mark")
            .await
            .map_err(error::store)
    }

    async fn commit(self: Box<Self>) -> StoreResult<()> {
        self.commit_now().await
    }

    async fn abort(self: Box<Self>) {
        self.roll_back().await;
    }

    async fn finish(self: Box<Self>) {
        self.finish_read();
    }
}

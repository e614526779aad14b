//! The job queue on a table: `FOR UPDATE SKIP LOCKED`, leases, fencing tokens.

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use grc_kernel::{
    Ctx, Job, JobId, JobQueue, JobStatus, JobsTx, ListQuery, NewJob, OrgId, Page, StoreError, StoreResult, list::Scalar,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts, Rows},
    resource::plan_of,
    schema::jobs,
    tx::PgTx,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    kind: String,
    subject_id: Uuid,
    payload: serde_json::Value,
    status: String,
    progress: i32,
    attempts: i32,
    max_attempts: i32,
    run_at: OffsetDateTime,
    fence: i64,
    error: Option<String>,
    created_by: Uuid,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: JobId(row.id),
            org: OrgId(row.org_id),
            kind: row.kind,
            subject: row.subject_id,
            payload: row.payload,
            status: JobStatus::parse(&row.status).ok_or_else(|| error::corrupt("jobs", "status", &row.status))?,
            progress: row.progress,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            run_at: row.run_at,
            fence: row.fence,
            error: row.error,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

#[async_trait]
impl JobQueue for PgTx {
    async fn enqueue_at(&mut self, ctx: &Ctx, job: NewJob, at: OffsetDateTime) -> StoreResult<JobId> {
        let id: JobId = ctx.new_id();
        diesel::insert_into(jobs::table)
            .values((
                jobs::id.eq(id.0),
                jobs::org_id.eq(ctx.org.0),
                jobs::kind.eq(job.kind),
                jobs::subject_id.eq(job.subject),
                jobs::payload.eq(job.payload),
                jobs::status.eq(JobStatus::Queued.as_str()),
                jobs::max_attempts.eq(job.max_attempts),
                jobs::run_at.eq(at),
                jobs::created_by.eq(ctx.actor.id),
                jobs::created_at.eq(ctx.now),
                jobs::updated_at.eq(ctx.now),
            ))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(id)
    }

    async fn cancel(&mut self, org: OrgId, kind: &str, subject: Uuid) -> StoreResult<()> {
        diesel::update(jobs::table)
            .filter(jobs::org_id.eq(org.0))
            .filter(jobs::kind.eq(kind))
            .filter(jobs::subject_id.eq(subject))
            .filter(jobs::status.eq_any([JobStatus::Queued.as_str(), JobStatus::Running.as_str()]))
            .set((jobs::status.eq(JobStatus::Cancelled.as_str()), jobs::updated_at.eq(diesel::dsl::now)))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn find(&mut self, org: OrgId, id: JobId) -> StoreResult<Option<Job>> {
        let found: Option<Row> = jobs::table
            .filter(jobs::org_id.eq(org.0))
            .filter(jobs::id.eq(id.0))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        found.map(Job::try_from).transpose()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Job>> {
        let from = Parts::default().sql("FROM jobs WHERE org_id = ").id(org);
        list::page::<Row, Job>(self.connection()?, from, "id", query).await
    }

    async fn of_subject(&mut self, org: OrgId, kind: &str, subject: Uuid) -> StoreResult<Option<Job>> {
        let found: Option<Row> = jobs::table
            .filter(jobs::org_id.eq(org.0))
            .filter(jobs::kind.eq(kind))
            .filter(jobs::subject_id.eq(subject))
            .order(jobs::created_at.desc())
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        found.map(Job::try_from).transpose()
    }

    async fn hold(&mut self, job: &Job) -> StoreResult<()> {
        let held: Option<Uuid> = QueryDsl::for_update(
            jobs::table
                .filter(jobs::id.eq(job.id.0))
                .filter(jobs::fence.eq(job.fence))
                .filter(jobs::status.eq(JobStatus::Running.as_str()))
                .select(jobs::id),
        )
        .get_result(self.connection()?)
        .await
        .map(Some)
        .or_else(|failure| if failure == diesel::result::Error::NotFound { Ok(None) } else { Err(failure) })
        .map_err(error::store)?;
        held.map(|_| ()).ok_or(StoreError::Stale)
    }

    async fn progress(&mut self, job: &Job, percent: i32) -> StoreResult<()> {
        self.settle(job, JobStatus::Running, percent, None).await
    }

    async fn complete(&mut self, job: &Job) -> StoreResult<()> {
        self.settle(job, JobStatus::Completed, 100, None).await
    }
}

impl JobsTx for PgTx {
    fn jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}

/// How many jobs are looked at: more than the workers of all processes take in the same moment, so that one is left
/// when the others have theirs.
const CANDIDATES: usize = 32;

/// The job to be worked on next. Whoever has the fewest jobs running comes first, so that nobody's thousand keep the
/// others waiting.
///
/// Neither a long queue nor what is due one day costs anything here: `jobs_waiting` is skipped through from
/// organization to organization, and of each only the oldest that are due are read. Where nothing at all is due, the
/// first condition ends it.
fn next(now: OffsetDateTime) -> Parts {
    let late = || Parts::default().sql("(status = 'running' AND lease_until < ").bind(Scalar::Time(now)).sql(")");
    Parts::default()
        .sql(
            "FROM (WITH RECURSIVE waiting (org) AS ((SELECT org_id FROM jobs WHERE status = 'queued' \
             AND (SELECT min(run_at) FROM jobs WHERE status = 'queued') <= ",
        )
        .bind(Scalar::Time(now))
        .sql(
            " ORDER BY org_id LIMIT 1) UNION ALL SELECT (SELECT org_id FROM jobs WHERE status = 'queued' AND org_id > org \
             ORDER BY org_id LIMIT 1) FROM waiting WHERE org IS NOT NULL), \
             open AS (SELECT due.* FROM waiting CROSS JOIN LATERAL (SELECT id, org_id, run_at FROM jobs \
             WHERE status = 'queued' AND org_id = org AND run_at <= ",
        )
        .bind(Scalar::Time(now))
        .sql(format!(
            " ORDER BY run_at LIMIT {CANDIDATES}) AS due UNION ALL SELECT id, org_id, run_at FROM jobs WHERE "
        ))
        .and(late())
        .sql("), load AS (SELECT org_id, count(*) AS busy FROM jobs WHERE status = 'running' AND lease_until >= ")
        .bind(Scalar::Time(now))
        .sql(format!(
            " GROUP BY org_id) SELECT id AS next_id, row_number() OVER (ORDER BY coalesce(busy, 0), run_at) AS place \
             FROM open LEFT JOIN load USING (org_id) ORDER BY place LIMIT {CANDIDATES}) AS next \
             JOIN jobs ON jobs.id = next_id WHERE ",
        ))
        // Asked again of the row as it is once it is locked.
        .sql("((status = 'queued' AND run_at <= ")
        .bind(Scalar::Time(now))
        .sql(") OR ")
        .and(late())
        .sql(") ORDER BY place LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED")
}

impl PgTx {
    /// Has the rest of the transaction follow the indexes. Row-level security lets the planner expect one row where
    /// there may be thousands, and then it reads and sorts them all rather than the first few in the index's order.
    async fn in_order(&mut self) -> StoreResult<()> {
        self.ahead("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off").await
    }

    async fn settle(&mut self, job: &Job, status: JobStatus, percent: i32, failure: Option<&str>) -> StoreResult<()> {
        let rows = diesel::update(jobs::table)
            .filter(jobs::id.eq(job.id.0))
            .filter(jobs::fence.eq(job.fence))
            .filter(jobs::status.eq(JobStatus::Running.as_str()))
            .set((
                jobs::status.eq(status.as_str()),
                jobs::progress.eq(percent),
                jobs::error.eq(failure),
                jobs::updated_at.eq(diesel::dsl::now),
            ))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    /// Takes the job that has waited longest, of the organizations with the fewest running: one that is due, or one
    /// whose worker let its lease run out. The fencing token rises, so the former worker can no longer write.
    pub(crate) async fn claim(&mut self, now: OffsetDateTime, lease: Duration) -> StoreResult<Option<Job>> {
        self.in_order().await?;
        let rows: Vec<Row> = Rows::<Row>::from(next(now)).load(self.connection()?).await.map_err(error::store)?;
        let Some(found) = rows.into_iter().next() else { return Ok(None) };
        let row: Row = diesel::update(jobs::table.filter(jobs::id.eq(found.id)))
            .set((
                jobs::status.eq(JobStatus::Running.as_str()),
                jobs::fence.eq(jobs::fence + 1),
                jobs::attempts.eq(jobs::attempts + 1),
                jobs::lease_until.eq(now + lease),
                jobs::updated_at.eq(now),
            ))
            .returning(Row::as_returning())
            .get_result(self.connection()?)
            .await
            .map_err(error::store)?;
        Job::try_from(row).map(Some)
    }

    /// Prolongs the lease of a job that is being worked on.
    pub(crate) async fn renew(&mut self, job: &Job, until: OffsetDateTime) -> StoreResult<()> {
        let rows = diesel::update(jobs::table)
            .filter(jobs::id.eq(job.id.0))
            .filter(jobs::fence.eq(job.fence))
            .filter(jobs::status.eq(JobStatus::Running.as_str()))
            .set(jobs::lease_until.eq(until))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    /// Puts a job back: to be tried again at a time, or given up.
    pub(crate) async fn put_back(
        &mut self,
        job: &Job,
        again: Option<OffsetDateTime>,
        failure: Option<&str>,
    ) -> StoreResult<()> {
        let Some(run_at) = again else {
            return self.settle(job, JobStatus::Failed, job.progress, failure).await;
        };
        let rows = diesel::update(jobs::table)
            .filter(jobs::id.eq(job.id.0))
            .filter(jobs::fence.eq(job.fence))
            .filter(jobs::status.eq(JobStatus::Running.as_str()))
            .set((
                jobs::status.eq(JobStatus::Queued.as_str()),
                jobs::run_at.eq(run_at),
                jobs::error.eq(failure),
                jobs::updated_at.eq(diesel::dsl::now),
                // A job that is handed back without having failed has not used up its attempt.
                jobs::attempts.eq(if failure.is_some() { job.attempts } else { job.attempts - 1 }),
            ))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }
}

impl crate::PgBackend {
    /// How PostgreSQL would find the next job: the text of `EXPLAIN`.
    pub async fn explain_claim(&self, now: OffsetDateTime) -> StoreResult<String> {
        let mut tx = self.transaction(OrgId::PLATFORM).await?;
        tx.in_order().await?;
        plan_of(&mut tx, Parts::default().sql("SELECT jobs.* ").and(next(now))).await
    }
}

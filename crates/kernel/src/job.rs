//! Durable background work: a job is a row, wanted in the transaction that needs it, carried out afterwards.
//!
//! Workers take jobs with a lease and a fencing token. A step holds its job by that token inside its own
//! transaction, so that a worker which lost its lease can no longer write.

use async_trait::async_trait;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    fault::StoreResult,
    id::{JobId, OrgId},
    list::{Field, Kind, ListQuery, ListSpec, Page, page_in_memory},
    record::{Record, timestamp},
};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Waiting for a worker.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Done.
    Completed,
    /// Given up after its last attempt.
    Failed,
    /// Stopped on request.
    Cancelled,
}

impl JobStatus {
    /// The wire names.
    pub const NAMES: &'static [&'static str] = &["queued", "running", "completed", "failed", "cancelled"];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of a wire name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Completed, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// A job that a use case wants done.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What to do: `assessment.execute`.
    pub kind: &'static str,
    /// What it is about.
    pub subject: Uuid,
    /// Anything else that the work needs to know.
    pub payload: Value,
    /// How often to try.
    pub max_attempts: i32,
}

/// A job as stored.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its organization.
    pub org: OrgId,
    /// What to do.
    pub kind: String,
    /// What it is about.
    pub subject: Uuid,
    /// Anything else that the work needs to know.
    pub payload: Value,
    /// Where it stands.
    pub status: JobStatus,
    /// 0 to 100.
    pub progress: i32,
    /// How often it was taken.
    pub attempts: i32,
    /// How often it may be taken.
    pub max_attempts: i32,
    /// When it may be taken next.
    pub run_at: OffsetDateTime,
    /// Counts the takings: the fencing token.
    pub fence: i64,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Who wanted it, for the journal entries it makes.
    pub created_by: Uuid,
    /// When it was wanted.
    pub created_at: OffsetDateTime,
    /// When it last moved.
    pub updated_at: OffsetDateTime,
}

/// The jobs of an organization.
pub static LIST: ListSpec = ListSpec {
    resource: "jobs",
    fields: &[
        Field::new("kind", Kind::Text).sorts(),
        Field::new("status", Kind::Choice(JobStatus::NAMES)),
        Field::new("subject_id", Kind::Id),
        Field::new("progress", Kind::Int),
    ],
    default_sort: ("created_at", true),
    stored: true,
};

impl Record for Job {
    const TYPE: &'static str = "job";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        1
    }

    fn snapshot(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "kind": self.kind,
            "status": self.status.as_str(),
            "progress": self.progress,
            "subject_id": self.subject.to_string(),
            "attempts": self.attempts,
            "error": self.error,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
            "created_by": self.created_by.to_string(),
        })
    }
}

/// The queue, inside a transaction.
#[async_trait]
pub trait JobQueue: Send {
    /// Wants a job done. It becomes visible to workers when the transaction commits.
    async fn enqueue(&mut self, ctx: &crate::Ctx, job: NewJob) -> StoreResult<JobId> {
        self.enqueue_at(ctx, job, ctx.now).await
    }
    /// The same, not before a time.
    async fn enqueue_at(&mut self, ctx: &crate::Ctx, job: NewJob, at: OffsetDateTime) -> StoreResult<JobId>;
    /// Cancels the jobs of a subject that are waiting or running; their workers notice at the next step.
    async fn cancel(&mut self, org: OrgId, kind: &str, subject: Uuid) -> StoreResult<()>;
    /// A job by its id.
    async fn find(&mut self, org: OrgId, id: JobId) -> StoreResult<Option<Job>>;
    /// A page of an organization's jobs.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Job>>;
    /// The newest job of a subject.
    async fn of_subject(&mut self, org: OrgId, kind: &str, subject: Uuid) -> StoreResult<Option<Job>>;
    /// Locks the job for this transaction and fails with [`crate::StoreError::Stale`] unless the fencing
    /// token is still the newest and the job is running.
    async fn hold(&mut self, job: &Job) -> StoreResult<()>;
    /// Notes progress, under the same condition as [`Self::hold`].
    async fn progress(&mut self, job: &Job, percent: i32) -> StoreResult<()>;
    /// Ends the job as completed, under the same condition.
    async fn complete(&mut self, job: &Job) -> StoreResult<()>;
}

/// A transaction that can want jobs done.
pub trait JobsTx: Send {
    /// The queue.
    fn jobs(&mut self) -> &mut dyn JobQueue;
}

/// A queue in memory, for service tests.
#[derive(Clone, Debug, Default)]
pub struct MemJobs {
    /// All jobs, the oldest first.
    pub jobs: Vec<Job>,
}

impl MemJobs {
    fn held(&mut self, job: &Job) -> StoreResult<&mut Job> {
        self.jobs
            .iter_mut()
            .find(|stored| stored.id == job.id && stored.fence == job.fence && stored.status == JobStatus::Running)
            .ok_or(crate::StoreError::Stale)
    }
}

#[async_trait]
impl JobQueue for MemJobs {
    async fn enqueue_at(&mut self, ctx: &crate::Ctx, job: NewJob, at: OffsetDateTime) -> StoreResult<JobId> {
        let id = ctx.new_id();
        self.jobs.push(Job {
            id,
            org: ctx.org,
            kind: job.kind.to_owned(),
            subject: job.subject,
            payload: job.payload,
            status: JobStatus::Queued,
            progress: 0,
            attempts: 0,
            max_attempts: job.max_attempts,
            run_at: at,
            fence: 0,
            error: None,
            created_by: ctx.actor.id,
            created_at: ctx.now,
            updated_at: ctx.now,
        });
        Ok(id)
    }

    async fn cancel(&mut self, org: OrgId, kind: &str, subject: Uuid) -> StoreResult<()> {
        let open = |job: &&mut Job| matches!(job.status, JobStatus::Queued | JobStatus::Running);
        for job in self.jobs.iter_mut().filter(open) {
            if job.org == org && job.kind == kind && job.subject == subject {
                job.status = JobStatus::Cancelled;
            }
        }
        Ok(())
    }

    async fn find(&mut self, org: OrgId, id: JobId) -> StoreResult<Option<Job>> {
        Ok(self.jobs.iter().find(|job| job.org == org && job.id == id).cloned())
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Job>> {
        Ok(page_in_memory(self.jobs.iter().filter(|job| job.org == org), query))
    }

    async fn of_subject(&mut self, org: OrgId, kind: &str, subject: Uuid) -> StoreResult<Option<Job>> {
        let of = |job: &&Job| job.org == org && job.kind == kind && job.subject == subject;
        Ok(self.jobs.iter().rev().find(of).cloned())
    }

    async fn hold(&mut self, job: &Job) -> StoreResult<()> {
        self.held(job).map(|_| ())
    }

    async fn progress(&mut self, job: &Job, percent: i32) -> StoreResult<()> {
        self.held(job)?.progress = percent;
        Ok(())
    }

    async fn complete(&mut self, job: &Job) -> StoreResult<()> {
        let held = self.held(job)?;
        held.status = JobStatus::Completed;
        held.progress = 100;
        Ok(())
    }
}

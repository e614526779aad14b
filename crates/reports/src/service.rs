//! The rules of reports, and the use cases beyond those that every resource has.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, IfMatch, Job, NewJob, Permission, Refusal, Repo, ReportId, Resource, Rules, kit,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    model::{Report, ReportStatus},
    ports::Tx,
};

/// The job that generates a report.
pub const JOB: &str = "report.generate";

#[async_trait]
impl Rules for Report {
    type Tx = Tx;
    const THOROUGH: bool = true;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_some() {
            return Ok(());
        }
        for area in after.kind.areas() {
            ctx.require(Permission::new(area, Access::Read))?;
        }
        let needed = after.kind.needs_assessment();
        match after.assessment_id {
            None if needed => check.note("assessment_id", "required", "a report of this type is about an assessment"),
            Some(_) if !needed => {
                check.note("assessment_id", "not_applicable", "a report of this type is about no assessment");
            }
            Some(id) if after.title.is_empty() => {
                let subject = tx.assessment_name(ctx.org, id).await?.unwrap_or_default();
                let title = format!("{}: {subject}", after.kind.label());
                after.title = title.chars().take(grc_kernel::check::NAME_MAX).collect();
            }
            None if after.title.is_empty() => after.title = after.kind.label().to_owned(),
            _ => {}
        }
        Ok(())
    }

    /// A job generates it.
    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        if before.is_none() {
            let job = NewJob { kind: JOB, subject: after.id.0, payload: json!({}), max_attempts: 3 };
            tx.jobs().enqueue(ctx, job).await?;
        }
        Ok(())
    }

    /// The job goes before the report, in the order in which a worker holds them: neither waits for the other.
    async fn remove(ctx: &Ctx, tx: &mut Tx, id: ReportId, if_match: IfMatch) -> Result<Self, Refusal> {
        ctx.require(Self::permission(Self::DELETE))?;
        tx.jobs().cancel(ctx.org, JOB, id.0).await?;
        kit::remove(ctx, tx, id, if_match).await
    }
}

/// The file of a completed report.
pub async fn download(ctx: &Ctx, tx: &mut Tx, id: ReportId) -> Result<(Report, Vec<u8>), Refusal> {
    let report = kit::get::<Report>(ctx, tx, id).await?;
    match tx.output(ctx.org, id).await? {
        Some(bytes) if report.status == ReportStatus::Completed => Ok((report, bytes)),
        _ => Err(Refusal::Conflict(format!("the report is {}", report.status))),
    }
}

/// Stores the generated file and completes the job. Called by the job worker.
pub async fn finish(ctx: &Ctx, tx: &mut Tx, job: &Job, snapshot_digest: String, bytes: &[u8]) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    let id = ReportId(job.subject);
    if let Some(before) = Repo::<Report>::lock(tx, ctx.org, id).await? {
        let sha256 = hex::encode(Sha256::digest(bytes));
        let size = i64::try_from(bytes.len()).ok();
        let done = Changes::with(move |report: &mut Report| {
            report.status = ReportStatus::Completed;
            report.progress = 100;
            report.error = None;
            report.snapshot_digest = Some(snapshot_digest);
            report.sha256 = Some(sha256);
            report.size = size;
        });
        tx.put_output(ctx.org, id, bytes).await?;
        kit::change(ctx, tx, "completed", before, done).await?;
    }
    tx.jobs().complete(job).await?;
    Ok(())
}

/// Notes that the report could not be generated. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut Tx, id: ReportId, why: &str) -> Result<(), Refusal> {
    let Some(before) = Repo::<Report>::lock(tx, ctx.org, id).await? else { return Ok(()) };
    let why = why.to_owned();
    let failed = Changes::with(move |report: &mut Report| {
        report.status = ReportStatus::Failed;
        report.error = Some(why);
    });
    kit::change(ctx, tx, "failed", before, failed).await.map(|_| ())
}

/// Notes how far the report is. No change of it in the sense of its revision: the job's step comes to nothing without it.
pub async fn begin(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    Ok(tx.note_progress(ctx.org, ReportId(job.subject), 10).await?)
}

//! The use cases.

use grc_kernel::{Access, AssessmentId, Checker, Ctx, Fact, Job, ListQuery, Meta, NewJob, Page, Permission, ReportId};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    error::{ReportsError, unchanged},
    model::{Format, Report, ReportStatus, ReportType},
    ports::ReportsTx,
};

const AREA: &str = "report";
/// The job that generates a report.
pub const JOB: &str = "report.generate";

/// A report that somebody wants.
#[derive(Clone, Debug, Default)]
pub struct RequestReport {
    /// What it is about, by wire name.
    pub kind: String,
    /// How it is written, by wire name.
    pub format: String,
    /// The assessment; required for a compliance summary.
    pub assessment_id: Option<AssessmentId>,
    /// A title, else one is made.
    pub title: Option<String>,
}

/// Requests a report: makes its record and wants the job done.
pub async fn request(ctx: &Ctx, tx: &mut dyn ReportsTx, command: RequestReport) -> Result<Report, ReportsError> {
    ctx.require(Permission::new(AREA, Access::Review))?;
    let mut check = Checker::new();
    let kind = check.word("type", &command.kind, ReportType::parse, ReportType::NAMES, ReportType::ComplianceSummary);
    let format = check.word("format", &command.format, Format::parse, Format::NAMES, Format::Json);
    let title = command.title.map(|title| check.name("title", &title));
    let mut subject = None;
    match command.assessment_id {
        None => check.note("assessment_id", "required", "a report of this type is about an assessment"),
        Some(id) => {
            subject = tx.report_references().assessment_name(ctx.org, id).await?;
            check.ensure(subject.is_some(), "assessment_id", "unknown_reference", "there is no such assessment");
        }
    }
    check.finish()?;
    let title = title.unwrap_or_else(|| {
        format!("Compliance summary: {}", subject.unwrap_or_default())
            .chars()
            .take(grc_kernel::check::NAME_MAX)
            .collect()
    });
    let report = Report {
        id: ctx.new_id(),
        org: ctx.org,
        kind,
        format,
        assessment_id: command.assessment_id,
        title,
        status: ReportStatus::Queued,
        progress: 0,
        error: None,
        snapshot_digest: None,
        sha256: None,
        size: None,
        meta: Meta::new(ctx),
    };
    tx.report_repo().insert(&report).await?;
    let job = NewJob { kind: JOB, subject: report.id.0, payload: json!({}), max_attempts: 3 };
    tx.jobs().enqueue(ctx, job).await?;
    tx.journal().record(ctx, Fact::created(&report)).await?;
    Ok(report)
}

/// One report.
pub async fn get(ctx: &Ctx, tx: &mut dyn ReportsTx, id: ReportId) -> Result<Report, ReportsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    tx.report_repo().find(ctx.org, id).await?.ok_or(ReportsError::NotFound("report"))
}

/// A page of reports.
pub async fn page(ctx: &Ctx, tx: &mut dyn ReportsTx, query: &ListQuery) -> Result<Page<Report>, ReportsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    Ok(tx.report_repo().page(ctx.org, query).await?)
}

/// The file of a completed report.
pub async fn download(ctx: &Ctx, tx: &mut dyn ReportsTx, id: ReportId) -> Result<(Report, Vec<u8>), ReportsError> {
    let report = get(ctx, tx, id).await?;
    match tx.report_repo().output(ctx.org, id).await? {
        Some(bytes) if report.status == ReportStatus::Completed => Ok((report, bytes)),
        _ => Err(ReportsError::Conflict(format!("the report is {}", report.status))),
    }
}

/// Deletes a report with its file.
pub async fn delete(
    ctx: &Ctx,
    tx: &mut dyn ReportsTx,
    id: ReportId,
    if_match: Option<i64>,
) -> Result<(), ReportsError> {
    ctx.require(Permission::new(AREA, Access::Write))?;
    let report = tx.report_repo().find(ctx.org, id).await?.ok_or(ReportsError::NotFound("report"))?;
    unchanged(if_match, report.meta.revision)?;
    tx.jobs().cancel(ctx.org, JOB, id.0).await?;
    tx.report_repo().delete(ctx.org, id).await?;
    tx.journal().record(ctx, Fact::deleted(&report)).await?;
    Ok(())
}

/// Stores the generated file and completes the job. Called by the job worker.
pub async fn finish(
    ctx: &Ctx,
    tx: &mut dyn ReportsTx,
    job: &Job,
    snapshot_digest: String,
    bytes: &[u8],
) -> Result<(), ReportsError> {
    tx.jobs().hold(job).await?;
    let id = ReportId(job.subject);
    if let Some(before) = tx.report_repo().find(ctx.org, id).await? {
        let mut after = before.clone();
        after.status = ReportStatus::Completed;
        after.progress = 100;
        after.error = None;
        after.snapshot_digest = Some(snapshot_digest);
        after.sha256 = Some(hex::encode(Sha256::digest(bytes)));
        after.size = i64::try_from(bytes.len()).ok();
        after.meta.touch(ctx);
        tx.report_repo().put_output(ctx.org, id, bytes).await?;
        tx.report_repo().update(&after, before.meta.revision).await?;
        tx.journal().record(ctx, Fact::moved("completed", &before, &after)).await?;
    }
    tx.jobs().complete(job).await?;
    Ok(())
}

/// Notes that the report could not be generated. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut dyn ReportsTx, id: ReportId, why: &str) -> Result<(), ReportsError> {
    let Some(before) = tx.report_repo().find(ctx.org, id).await? else { return Ok(()) };
    let mut after = before.clone();
    after.status = ReportStatus::Failed;
    after.error = Some(why.to_owned());
    after.meta.touch(ctx);
    tx.report_repo().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::moved("failed", &before, &after)).await?;
    Ok(())
}

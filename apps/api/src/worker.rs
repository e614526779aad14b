//! Job workers: take a job, carry it out step by step, prolong its lease, retry what fails.
//!
//! A step is one transaction that holds its job by the fencing token. After a crash the lease runs out and
//! another worker goes on with the next step.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web::Data;
use grc_assessments::{assessment, evaluator::Builtin, execution::Step};
use grc_coordination::task;
use grc_evidence::{
    bulk::{ImportId, service as imports},
    service as evidence,
};
use grc_flows::reporting::Wanted;
use grc_kernel::{Actor, AssessmentId, Ctx, Fault, FaultKind, Job, OrgId, ReportId, StoreError, UserId, kit};
use grc_reports::{Report, service as reports};
use grc_risk::fair::run as fair;
use grc_transfer::service as transfers;
use grc_vendor::a2a::attestation::{self, AttestationId};
use tokio_util::sync::CancellationToken;

use crate::{
    a2a,
    adapters::clock,
    bulk,
    drawing::{self, Drawn},
    http::problem::Problem,
    serve::App,
    simulation, transfer, webhooks,
};

/// How long a worker that says nothing keeps its job.
pub(crate) const LEASE: time::Duration = time::Duration::seconds(30);

/// How long a job is worked on while others may wait.
pub(crate) const TURN: Duration = Duration::from_secs(20);
/// How often a worker that draws says so.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often an idle worker looks, where nothing wakes it.
const IDLE: Duration = Duration::from_millis(500);

/// Runs the workers until the token is cancelled; each finishes the step that it is at.
pub async fn run(app: Data<App>, count: usize, stop: CancellationToken) {
    let workers = (0..count).map(|_| {
        let (app, stop) = (app.clone(), stop.clone());
        tokio::spawn(async move { work(app, stop).await })
    });
    let workers: Vec<_> = workers.collect();
    // Without workers nothing is done in the background, webhooks are not sent to either.
    let dispatcher = (count > 0).then(|| tokio::spawn(webhooks::run(app.clone(), stop.clone())));
    let keeper = tokio::spawn(housekeeping(app, stop));
    for worker in workers {
        if let Err(error) = worker.await {
            tracing::error!(%error, "a job worker ended");
        }
    }
    if let Some(dispatcher) = dispatcher
        && let Err(error) = dispatcher.await
    {
        tracing::error!(%error, "the dispatcher of webhooks ended");
    }
    keeper.abort();
}

async fn work(app: Data<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let claimed = app.db.write(OrgId::PLATFORM, async |uow| uow.app().claim_job(clock::now(), LEASE).await).await;
        match claimed {
            Ok(Some(job)) => carry_out(&app, job, &stop).await,
            Ok(None) => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = app.wake.notified() => {}
                    () = tokio::time::sleep(IDLE) => {}
                }
            }
            Err(error) => {
                let error: StoreError = error;
                tracing::warn!(%error, "no job could be taken");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// What became of a job's step.
enum Outcome {
    More,
    Over,
}

async fn carry_out(app: &Data<App>, job: Job, stop: &CancellationToken) {
    let begun = Instant::now();
    loop {
        match step(app, &job, stop).await {
            Ok(Outcome::Over) => return,
            // The jobs that wait have their turn too, whosever they are.
            Ok(Outcome::More) if stop.is_cancelled() || begun.elapsed() > TURN => {
                return put_back(app, &job, Some(clock::now()), None).await;
            }
            Ok(Outcome::More) => {
                let until = clock::now() + LEASE;
                let renewed = app.db.write(OrgId::PLATFORM, async |uow| uow.app().renew_job(&job, until).await).await;
                let renewed: Result<(), StoreError> = renewed;
                if renewed.is_err() {
                    tracing::info!(job = %job.id, "the job was taken over or cancelled");
                    return;
                }
            }
            // Somebody else has the job, or it was cancelled: there is nothing left to do here.
            Err(problem) if problem.status == 412 => return,
            Err(problem) => return failed(app, &job, &problem).await,
        }
    }
}

async fn failed(app: &Data<App>, job: &Job, problem: &Problem) {
    tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempts, %problem, "a job's step failed");
    if job.attempts < job.max_attempts {
        let wait = time::Duration::seconds(1 << job.attempts.clamp(0, 8));
        return put_back(app, job, Some(clock::now() + wait), Some(&problem.detail)).await;
    }
    put_back(app, job, None, Some(&problem.detail)).await;
    let ctx = ctx(app, job);
    let why = format!("given up after {} attempts: {}", job.attempts, problem.detail);
    let noted: Result<(), Problem> = app
        .db
        .write(job.org, async |uow| {
            match job.kind.as_str() {
                assessment::JOB => assessment::fail(&ctx, uow.assessments(), AssessmentId(job.subject), &why).await?,
                attestation::JOB => attestation::fail(&ctx, uow.vendor(), AttestationId(job.subject), &why).await?,
                fair::JOB => fair::fail(&ctx, uow.risk(), fair::RunId(job.subject), &why).await?,
                imports::JOB => imports::fail(&ctx, uow.evidence(), ImportId(job.subject), &why).await?,
                transfers::JOB => {
                    transfers::fail(&ctx, uow.transfer(), grc_transfer::ImportId(job.subject), &why).await?
                }
                reports::JOB => reports::fail(&ctx, uow.reports(), ReportId(job.subject), &why).await?,
                _ => {}
            }
            Ok(())
        })
        .await;
    if let Err(problem) = noted {
        tracing::error!(%problem, job = %job.id, "a failed job could not be noted");
    }
}

async fn put_back(app: &Data<App>, job: &Job, again: Option<time::OffsetDateTime>, why: Option<&str>) {
    let outcome: Result<(), StoreError> =
        app.db.write(OrgId::PLATFORM, async |uow| uow.app().return_job(job, again, why).await).await;
    if let Err(error) = outcome {
        // Its lease runs out, and another worker takes it.
        tracing::info!(%error, job = %job.id, "a job could not be put back");
    }
}

/// The context of a job: the service acts, on behalf of whoever wanted the job.
fn ctx(app: &App, job: &Job) -> Ctx {
    let mut actor = Actor::system();
    actor.id = UserId(job.created_by).0;
    Ctx::new(job.org, actor, clock::now(), format!("job-{}", job.id), Arc::clone(&app.ids))
}

async fn step(app: &Data<App>, job: &Job, stop: &CancellationToken) -> Result<Outcome, Problem> {
    let ctx = ctx(app, job);
    match job.kind.as_str() {
        assessment::JOB => {
            let step =
                app.db.write(job.org, async |uow| grc_flows::execution::step(&ctx, uow, job, &Builtin).await).await?;
            Ok(if step == Step::More { Outcome::More } else { Outcome::Over })
        }
        fair::JOB => {
            let over = simulation::job::carry_out(app, &ctx, job, stop).await?;
            Ok(if over { Outcome::Over } else { Outcome::More })
        }
        attestation::JOB => a2a::job::carry_out(app, &ctx, job).await.map(|()| Outcome::Over),
        imports::JOB => {
            let over = bulk::job::carry_out(app, &ctx, job, stop).await?;
            Ok(if over { Outcome::Over } else { Outcome::More })
        }
        transfers::JOB => {
            let over = transfer::job::carry_out(app, &ctx, job, stop).await?;
            Ok(if over { Outcome::Over } else { Outcome::More })
        }
        task::REMINDER => {
            app.db.write(job.org, async |uow| task::remind(&ctx, uow.coordination(), job).await).await?;
            app.webhooks.changed();
            Ok(Outcome::Over)
        }
        reports::JOB => generate(app, &ctx, job).await.map(|()| Outcome::Over),
        evidence::PURGE_JOB => {
            // The bytes go first: a crash in between only means to remove them again.
            if let (Some(store), Some(key)) = (&app.store, job.payload.get("object_key").and_then(|key| key.as_str())) {
                store.delete(key).await?;
            }
            app.db.write(job.org, async |uow| uow.assessments().jobs().complete(job).await).await?;
            Ok(Outcome::Over)
        }
        other => Err(Problem::new(500, format!("this version knows no job «{other}»"))),
    }
}

/// The data is read in one frozen view, drawn in no transaction, and the file stored in another. Meanwhile the lease is
/// prolonged: a long report is not begun anew by somebody else.
async fn generate(app: &Data<App>, ctx: &Ctx, job: &Job) -> Result<(), Problem> {
    let id = ReportId(job.subject);
    let found: Result<_, Problem> = app
        .db
        .write(job.org, async |uow| {
            let report = match kit::get::<Report>(ctx, uow.reports(), id).await {
                Ok(report) => report,
                Err(gone) if gone.kind() == FaultKind::NotFound => {
                    uow.reports().jobs().complete(job).await?;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
            reports::begin(ctx, uow.reports(), job).await?;
            Ok(Some(report))
        })
        .await;
    let Some(report) = found? else { return Ok(()) };
    let wanted = Wanted::of(&report);
    let drawing = drawing::draw(app, ctx, job.org, &wanted, report.format);
    tokio::pin!(drawing);
    let drawn = loop {
        tokio::select! {
            drawn = &mut drawing => break drawn?,
            () = tokio::time::sleep(HEARTBEAT) => {
                let until = clock::now() + LEASE;
                let renewed: Result<(), StoreError> =
                    app.db.write(OrgId::PLATFORM, async |uow| uow.app().renew_job(job, until).await).await;
                renewed?;
            }
        }
    };
    let Drawn { bytes, digest } = drawn;
    Ok(app.db.write(job.org, async |uow| reports::finish(ctx, uow.reports(), job, digest, &bytes).await).await?)
}

/// What is done from time to time: expired replies, limits that are back, uploads that never came.
async fn housekeeping(app: Data<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(600)) => {}
        }
        app.limits.tidy();
        let before = clock::now() - time::Duration::hours(grc_uow::replay::KEPT_HOURS);
        let expired: Result<usize, StoreError> =
            app.db.write(OrgId::PLATFORM, async |uow| uow.app().expire_replies(before).await).await;
        if let Err(error) = expired {
            tracing::warn!(%error, "expired replies could not be removed");
        }
        if let Err(problem) = sweep(&app).await {
            tracing::warn!(%problem, "old uploads and deliveries could not be swept");
        }
    }
}

async fn sweep(app: &Data<App>) -> Result<(), Problem> {
    let query = grc_identity::query::ORGANIZATIONS.query().limited(10_000);
    let orgs: Result<Vec<OrgId>, StoreError> = app
        .db
        .read(OrgId::PLATFORM, async |uow| {
            let page = uow.identity().organizations().page(None, &query).await?;
            Ok(page.items.into_iter().map(|organization| organization.id).collect())
        })
        .await;
    for org in orgs? {
        webhooks::tidy(app, org).await?;
        let ctx = Ctx::new(org, Actor::system(), clock::now(), "sweep", Arc::clone(&app.ids));
        app.db.write(org, async |uow| evidence::sweep(&ctx, uow.evidence(), 500).await).await?;
        let Some(store) = &app.store else { continue };
        let keys: Vec<String> =
            app.db.read(org, async |uow| evidence::leftovers(&ctx, uow.evidence(), 500).await).await?;
        for key in keys {
            store.delete(&key).await?;
        }
    }
    Ok(())
}

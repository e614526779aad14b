//! Runs that outlast a request: one at a time, with their lease prolonged and their progress noted as they go.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use actix_web::web::Data;
use grc_fair::{Outcome, Watch, simulate};
use grc_kernel::{Ctx, Job, OrgId, StoreError};
use grc_risk::fair::run::{self, Plan};
use tokio_util::sync::CancellationToken;

use super::aside;
use crate::{adapters::clock, http::problem::Problem, serve::App, worker};

/// How often progress is noted, and with it that the job is still ours.
const BEAT: Duration = Duration::from_secs(1);

/// Carries out a run. False where the service stops: the job is then begun again elsewhere.
pub async fn carry_out(app: &Data<App>, ctx: &Ctx, job: &Job, stop: &CancellationToken) -> Result<bool, Problem> {
    let plan = app.db.read(job.org, async |uow| run::begin(ctx, uow.risk(), job).await).await?;
    let Some(plan) = plan else {
        app.db.write(job.org, async |uow| uow.risk().jobs().complete(job).await).await?;
        return Ok(true);
    };
    let percent = Arc::new(AtomicI32::new(0));
    let work = start(app, plan, Arc::clone(&percent))?;
    tokio::pin!(work);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome?,
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(BEAT) => beat(app, ctx, job, percent.load(Ordering::Relaxed)).await?,
        }
    };
    // The result was a while in the making: it is of now.
    let ctx = ctx.clone().at(clock::now());
    app.db.write(job.org, async |uow| run::finish(&ctx, uow.risk(), job, &outcome).await).await?;
    Ok(true)
}

/// Waits for the slot and simulates. Dropping the future ends it.
fn start(
    app: &Data<App>,
    plan: Plan,
    percent: Arc<AtomicI32>,
) -> Result<impl Future<Output = Result<Outcome, Problem>> + use<>, Problem> {
    let settings = plan.run.settings()?.on_threads(app.simulator.threads);
    let slot = Arc::clone(&app.simulator.jobs);
    Ok(async move {
        let slot = slot.acquire_owned().await.map_err(|_| Problem::new(503, "the simulators are closed"))?;
        let work = aside(move |gone| {
            let _held = slot;
            let cancelled = || gone.load(Ordering::Relaxed);
            let progress = |done: u64, all: u64| {
                // The last hundredth is that of storing the result.
                let hundredths = (done * 100 / all.max(1)).min(99);
                percent.store(i32::try_from(hundredths).unwrap_or(99), Ordering::Relaxed);
            };
            simulate(&plan.analysis, &settings, &Watch { cancelled: &cancelled, progress: &progress })
        });
        Ok(work.await?)
    })
}

/// Prolongs the lease and notes progress. A database that does not answer for a moment is no reason to throw away what
/// was simulated: should the lease run out meanwhile, the result is refused by its fence.
async fn beat(app: &Data<App>, ctx: &Ctx, job: &Job, percent: i32) -> Result<(), Problem> {
    match noted(app, ctx, job, percent).await {
        Err(problem) if problem.status == 503 => {
            tracing::warn!(job = %job.id, %problem, "progress could not be noted");
            Ok(())
        }
        outcome => outcome,
    }
}

async fn noted(app: &Data<App>, ctx: &Ctx, job: &Job, percent: i32) -> Result<(), Problem> {
    let until = clock::now() + worker::LEASE;
    let renewed: Result<(), StoreError> =
        app.db.write(OrgId::PLATFORM, async |uow| uow.app().renew_job(job, until).await).await;
    renewed?;
    Ok(app.db.write(job.org, async |uow| run::advance(ctx, uow.risk(), job, percent).await).await?)
}

//! Analyses and runs: what the engine refuses is refused, outcomes come back the same, jobs hold their runs.

use grc_fair::{Outcome, Watch, simulate};
use grc_kernel::{Changes, Ctx, Fault, FaultKind, Job, JobId, JobStatus, Repo, Role, Uuid, kit, resource::Cell};
use serde_json::{Map, Value, json};
use time::Duration;

use super::{Outcome as Passed, fields};
use crate::{
    Analysis, AnalysisId,
    entry::{Category, Entry, named},
    fair::{
        self,
        run::{self, Plan, Run, RunStatus},
    },
    ports::Tx,
};

fn analysis(model: Value) -> Changes<Analysis> {
    let model: Map<String, Value> = model.as_object().cloned().unwrap_or_default();
    Changes::with(|analysis: &mut Analysis| {
        analysis.name = "Ransomware".to_owned();
        analysis.model = model;
        analysis.tolerance = Some(1e6);
    })
}

fn ransomware() -> Value {
    json!({
        "lef": {"type": "pert", "min": 0.1, "mode": 0.5, "max": 2},
        "loss_magnitude": {"type": "lognormal", "low": 10_000, "high": 1_000_000},
    })
}

fn simulated(plan: &Plan) -> Outcome {
    simulate(&plan.analysis, &plan.run.settings().unwrap(), &Watch::nobody()).unwrap()
}

fn trials(number: i64) -> Changes<Run> {
    Changes::none().set("trials", Cell::Int(number))
}

/// The analyses' part of the suite.
pub(super) async fn suite(ctx: &Ctx, tx: &mut Tx) -> Passed {
    let wrong = json!({"lef": {"type": "pert", "min": 3, "mode": 2, "max": 5}, "tef": {"type": "poisson", "rate": 1}});
    let found = fields(kit::create(ctx, tx, analysis(wrong)).await);
    assert_eq!(found, ["model.tef conflict", "model.lef.min out_of_range", "model.loss_magnitude required"]);
    let risk = kit::create(ctx, tx, named("Extortion", Category::Cyber, 3, 4)).await?.id;
    let linked = analysis(ransomware()).and(move |analysis: &mut Analysis| analysis.risk_id = Some(risk));
    let stored = kit::create(ctx, tx, linked).await?;
    assert_eq!(kit::get::<Analysis>(ctx, tx, stored.id).await?, stored);

    let plan = run::plan(ctx, tx, stored.id, trials(1_000)).await?;
    assert!(!plan.outlasts_a_request() && plan.run.seed.is_some_and(|seed| seed >= 0));
    let outcome = simulated(&plan);
    let (first, result) = run::record(ctx, tx, plan, &outcome).await?;
    assert_eq!((first.status, first.mean), (RunStatus::Completed, Some(outcome.losses.mean)));
    assert_eq!(run::get(ctx, tx, stored.id, first.id).await?, (first.clone(), Some(result)));
    let again = trials(1_000).set("seed", Cell::Int(first.seed.unwrap_or(-1)));
    let again = run::plan(ctx, tx, stored.id, again).await?;
    assert_eq!(simulated(&again).to_json(), outcome.to_json(), "the same seed, the same result");
    let latest = fair::latest_runs(ctx, tx, std::slice::from_ref(&stored)).await?;
    assert_eq!(latest.get(&stored.id), Some(&first));
    assert_eq!(stored.latest(Some(&first))["current"], true);
    let narrower = Changes::with(|analysis: &mut Analysis| analysis.tolerance = Some(2e6));
    let stored = kit::amend(ctx, tx, stored.id, None, narrower).await?;
    assert_eq!(stored.latest(Some(&first))["current"], false);

    jobs(ctx, tx, &stored).await?;
    let viewer = ctx.clone().with_role(Role::Viewer);
    assert_eq!(run::plan(&viewer, tx, stored.id, trials(1_000)).await.unwrap_err().kind(), FaultKind::Forbidden);
    let absent = run::plan(ctx, tx, AnalysisId(Uuid::from_u128(5)), trials(1_000)).await;
    assert_eq!(absent.unwrap_err().kind(), FaultKind::NotFound);
    let foreign = run::get(ctx, tx, AnalysisId(Uuid::from_u128(5)), first.id).await;
    assert_eq!(foreign.unwrap_err().kind(), FaultKind::NotFound, "of another analysis");
    kit::remove::<Entry>(ctx, tx, risk, None).await?;
    kit::remove::<Analysis>(ctx, tx, stored.id, None).await?;
    Ok(())
}

async fn jobs(ctx: &Ctx, tx: &mut Tx, stored: &Analysis) -> Passed {
    let plan = run::plan(ctx, tx, stored.id, trials(10_000_001)).await?;
    assert!(plan.outlasts_a_request(), "trials alone");
    let heavy = analysis(json!({
        "lef": {"type": "poisson", "rate": 9_000}, "loss_magnitude": {"type": "uniform", "min": 1, "max": 2},
    }));
    let heavy = kit::create(ctx, tx, heavy).await?;
    assert!(run::plan(ctx, tx, heavy.id, trials(1_000_000)).await?.outlasts_a_request(), "or the work of each");
    assert!(!run::plan(ctx, tx, heavy.id, trials(10_000)).await?.outlasts_a_request());

    let mut small = run::plan(ctx, tx, stored.id, trials(1_000)).await?;
    small.run.appetite = Some(5e5);
    let queued = run::queue(ctx, tx, small.clone()).await?;
    assert_eq!((queued.status, queued.progress, queued.mean), (RunStatus::Queued, 0, None));
    assert_eq!(run::get(ctx, tx, stored.id, queued.id).await?, (queued.clone(), None));
    // No worker took it: whoever did not hold it cannot end it.
    let job = Job {
        id: JobId(Uuid::from_u128(9)),
        org: ctx.org,
        kind: run::JOB.to_owned(),
        subject: queued.id.0,
        payload: json!({"analysis": small.analysis.to_json()}),
        status: JobStatus::Running,
        progress: 0,
        attempts: 1,
        max_attempts: 3,
        run_at: ctx.now,
        fence: 1,
        error: None,
        created_by: ctx.actor.id,
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    let begun = run::begin(ctx, tx, &job).await?.unwrap();
    assert_eq!(begun.analysis.digest(), queued.input_digest, "what was frozen is what was asked");
    let lost = run::finish(ctx, tx, &job, &simulated(&begun)).await.unwrap_err();
    assert_eq!(lost.kind(), FaultKind::Stale);
    tx.advance_run(ctx.org, queued.id, 40).await?;
    let running = run::get(ctx, tx, stored.id, queued.id).await?.0;
    assert_eq!((running.status, running.progress, running.meta.revision), (RunStatus::Running, 40, 1));
    let late = ctx.clone().at(ctx.now + Duration::seconds(5));
    let cancelled = run::cancel(&late, tx, stored.id, queued.id).await?;
    assert_eq!((cancelled.status, cancelled.finished_at), (RunStatus::Cancelled, Some(late.now)));
    tx.advance_run(ctx.org, queued.id, 50).await?;
    assert_eq!(run::get(ctx, tx, stored.id, queued.id).await?.0, cancelled, "what is over stays as it is");
    assert!(run::begin(ctx, tx, &job).await?.is_none());
    assert_eq!(run::cancel(ctx, tx, stored.id, queued.id).await.unwrap_err().kind(), FaultKind::Conflict);

    let failing = run::plan(ctx, tx, stored.id, trials(2_000)).await?;
    let failing = run::queue(ctx, tx, failing).await?;
    run::fail(ctx, tx, failing.id, "out of luck").await?;
    let failed = Repo::<Run>::find(tx, ctx.org, failing.id).await?.unwrap();
    assert_eq!((failed.status, failed.error.as_deref()), (RunStatus::Failed, Some("out of luck")));
    kit::remove::<Analysis>(ctx, tx, heavy.id, None).await?;
    Ok(())
}

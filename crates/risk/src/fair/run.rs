//! Runs of an analysis: the simulation itself is done outside of any transaction, at once or by a job.
//!
//! [`plan`] reads what is to be simulated and [`record`] keeps the outcome; a run that would outlast a request is
//! [`queue`]d with its inputs frozen, and the worker calls [`begin`], [`advance`] and [`finish`]. The same inputs and
//! seed give the same result, so a job that is begun again after a crash loses nothing but time.

use async_trait::async_trait;
use grc_fair::Outcome;
use grc_kernel::{
    Changes, Checker, Ctx, Fact, Job, NewJob, Refusal, Repo, Resource, Rules, StoreError, Uuid, kit, resource,
    resource::Cell,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use serde_json::json;
use time::OffsetDateTime;

use super::{Analysis, AnalysisId, FairResult, MONEY, result};
use crate::ports::Tx;

/// The job that carries out a run.
pub const JOB: &str = "fair.run";
/// Runs of more trials are jobs.
pub const TRIALS_AT_ONCE: i64 = 10_000_000;
/// So are runs that draw more random numbers than this: a hundred thousand a millisecond, half a minute on one core.
pub const DRAWS_AT_ONCE: f64 = 3e9;
/// The states in which a run is not over.
pub const OPEN: [RunStatus; 2] = [RunStatus::Queued, RunStatus::Running];
/// Seeds that the service chooses stay within what every reader of JSON takes for a whole number.
const SEED_MASK: u64 = (1 << 53) - 1;

typed_id! {
    /// A run of an analysis.
    RunId,
}

wire_enum! {
    /// Where a run stands.
    pub enum RunStatus {
        /// It waits for a worker.
        Queued = "queued",
        /// It is being simulated.
        Running = "running",
        /// It has a result.
        Completed = "completed",
        /// It was given up.
        Failed = "failed",
        /// It was stopped on request.
        Cancelled = "cancelled",
    }
}

resource! {
    /// A run of a quantitative analysis.
    pub struct Run(RunId) as "FairRun" {
        kind: "fair_run", table: "fair_runs", area: "risk", name: "id", sort: ("created_at", true),
    }
    /// The analysis.
    analysis_id: AnalysisId = Ty::Ref("fair_analysis"), computed;
    /// Where it stands.
    status: RunStatus = Ty::Word(RunStatus::NAMES), computed, preset(Preset::Text("queued"));
    /// How far it is.
    progress: i64 = Ty::Int(0, 100), computed;
    /// Why it failed.
    error: Option<String> = Ty::Text(20_000), computed;
    /// The simulated years.
    trials: i64 = Ty::Int(1_000, 100_000_000), fixed, preset(Preset::Int(100_000));
    /// Where the random numbers begin; chosen where nothing is said.
    seed: Option<i64> = Ty::Int(0, i64::MAX), fixed;
    /// The annual loss that was to be borne willingly.
    appetite: Option<f64> = MONEY, computed;
    /// The annual loss that was to be borne at most.
    tolerance: Option<f64> = MONEY, computed;
    /// The expected annual loss.
    mean: Option<f64> = MONEY, computed, sorts;
    /// The standard error of the mean.
    standard_error: Option<f64> = MONEY, computed;
    /// The standard deviation of a year's loss.
    sd: Option<f64> = MONEY, computed;
    /// The share of years without a loss.
    p_zero: Option<f64> = Ty::Number(0.0, 1.0), computed;
    /// Value at risk: the annual loss that one year in twenty exceeds.
    var_95: Option<f64> = MONEY, computed, sorts;
    /// The annual loss that one year in a hundred exceeds.
    var_99: Option<f64> = MONEY, computed;
    /// The mean of the years that lose at least var_95.
    tvar_95: Option<f64> = MONEY, computed;
    /// The mean of the years that lose at least var_99.
    tvar_99: Option<f64> = MONEY, computed;
    /// How likely a year above the appetite is.
    p_over_appetite: Option<f64> = Ty::Number(0.0, 1.0), computed;
    /// How likely a year above the tolerance is.
    p_over_tolerance: Option<f64> = Ty::Number(0.0, 1.0), computed;
    /// The engine whose numbers these are.
    engine_version: Option<String> = Ty::Line(50), computed;
    /// The digest of the analysis as it was simulated.
    input_digest: String = Ty::Line(64), computed, filters;
    /// When it was over.
    finished_at: Option<OffsetDateTime> = Ty::Time, computed;
}

#[async_trait]
impl Rules for Run {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        _: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        _: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_none() && after.seed.is_none() {
            after.seed = i64::try_from(any_seed(ctx)).ok();
        }
        Ok(())
    }
}

/// A seed for a run that was given none: out of the random part of an id.
pub fn any_seed(ctx: &Ctx) -> u64 {
    let id: Uuid = ctx.new_id();
    let (_, random) = id.as_u64_pair();
    random & SEED_MASK
}

impl Run {
    fn take(&mut self, outcome: &Outcome, now: OffsetDateTime) {
        let losses = &outcome.losses;
        self.status = RunStatus::Completed;
        self.progress = 100;
        self.error = None;
        self.mean = Some(losses.mean);
        self.standard_error = Some(losses.standard_error);
        self.sd = Some(losses.sd);
        self.p_zero = Some(losses.p_zero);
        self.var_95 = Some(losses.var_95);
        self.var_99 = Some(losses.var_99);
        self.tvar_95 = Some(losses.tvar_95);
        self.tvar_99 = Some(losses.tvar_99);
        self.p_over_appetite = losses.p_over_appetite;
        self.p_over_tolerance = losses.p_over_tolerance;
        self.engine_version = Some(outcome.engine_version.to_owned());
        self.finished_at = Some(now);
    }

    /// How the engine is to run it.
    pub fn settings(&self) -> Result<grc_fair::Run, Refusal> {
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        Ok(grc_fair::Run::new(number(self.trials), number(self.seed.unwrap_or_default()))?)
    }
}

/// What is to be simulated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The analysis as the engine takes it.
    pub analysis: grc_fair::Analysis,
    /// The run, not stored yet.
    pub run: Run,
}

impl Plan {
    /// Whether it would outlast a request: then it is a job's.
    pub fn outlasts_a_request(&self) -> bool {
        let trials = u64::try_from(self.run.trials).unwrap_or_default();
        self.run.trials > TRIALS_AT_ONCE || self.analysis.work(trials) > DRAWS_AT_ONCE
    }
}

/// Reads what a run of an analysis is to simulate.
pub async fn plan(ctx: &Ctx, tx: &mut Tx, id: AnalysisId, changes: Changes<Run>) -> Result<Plan, Refusal> {
    ctx.require(Run::permission(Run::WRITE))?;
    let record = kit::find::<Analysis>(ctx, tx, id).await?;
    let mut run = kit::draft(ctx, tx, changes.set("analysis_id", Cell::Id(id.0))).await?;
    let analysis = record.parse()?;
    run.input_digest = analysis.digest();
    (run.appetite, run.tolerance) = (record.appetite, record.tolerance);
    Ok(Plan { analysis, run })
}

/// Keeps the outcome of a run that was simulated at once.
pub async fn record(ctx: &Ctx, tx: &mut Tx, plan: Plan, outcome: &Outcome) -> Result<(Run, FairResult), Refusal> {
    ctx.require(Run::permission(Run::WRITE))?;
    let mut run = plan.run;
    // It may have been removed while the simulation ran.
    kit::find::<Analysis>(ctx, tx, run.analysis_id).await?;
    run.take(outcome, ctx.now);
    Repo::<Run>::insert(tx, &run).await?;
    let result = result::of(ctx, &run, outcome);
    Repo::<FairResult>::insert(tx, &result).await?;
    tx.journal().record(ctx, Fact::created(&run)).await?;
    Ok((run, result))
}

/// Wants a run done by a job, with its inputs as they are now.
pub async fn queue(ctx: &Ctx, tx: &mut Tx, plan: Plan) -> Result<Run, Refusal> {
    ctx.require(Run::permission(Run::WRITE))?;
    let Plan { analysis, run } = plan;
    kit::find::<Analysis>(ctx, tx, run.analysis_id).await?;
    Repo::<Run>::insert(tx, &run).await?;
    let payload = json!({"analysis": analysis.to_json()});
    tx.jobs().enqueue(ctx, NewJob { kind: JOB, subject: run.id.0, payload, max_attempts: 3 }).await?;
    tx.journal().record(ctx, Fact::created(&run)).await?;
    Ok(run)
}

/// One run of an analysis, with its result where it has one.
pub async fn get(
    ctx: &Ctx,
    tx: &mut Tx,
    analysis: AnalysisId,
    id: RunId,
) -> Result<(Run, Option<FairResult>), Refusal> {
    ctx.require(Run::permission(Run::READ))?;
    let run = of_analysis(ctx, tx, analysis, id).await?;
    let result = match run.status {
        RunStatus::Completed => Repo::<FairResult>::find(tx, ctx.org, result::ResultId(id.0)).await?,
        _ => None,
    };
    Ok((run, result))
}

async fn of_analysis(ctx: &Ctx, tx: &mut Tx, analysis: AnalysisId, id: RunId) -> Result<Run, Refusal> {
    let run = kit::find::<Run>(ctx, tx, id).await?;
    if run.analysis_id == analysis { Ok(run) } else { Err(Refusal::NotFound(Run::KIND)) }
}

/// Stops a run that is not over.
pub async fn cancel(ctx: &Ctx, tx: &mut Tx, analysis: AnalysisId, id: RunId) -> Result<Run, Refusal> {
    ctx.require(Run::permission(Run::WRITE))?;
    let run = of_analysis(ctx, tx, analysis, id).await?;
    if !OPEN.contains(&run.status) {
        return Err(Refusal::Conflict(format!("the run is {}", run.status)));
    }
    tx.jobs().cancel(ctx.org, JOB, id.0).await?;
    end(ctx, tx, run, "cancelled", |run| run.status = RunStatus::Cancelled).await
}

async fn end(ctx: &Ctx, tx: &mut Tx, before: Run, verb: &str, change: impl FnOnce(&mut Run)) -> Result<Run, Refusal> {
    let mut after = before.clone();
    change(&mut after);
    after.finished_at = Some(ctx.now);
    after.meta.touch(ctx);
    Repo::<Run>::update(tx, &after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::moved(verb, &before, &after)).await?;
    Ok(after)
}

/// What a job is to simulate; none where there is nothing left to do. Called by the job worker.
pub async fn begin(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<Option<Plan>, Refusal> {
    let Some(run) = Repo::<Run>::find(tx, ctx.org, RunId(job.subject)).await? else { return Ok(None) };
    if !OPEN.contains(&run.status) {
        return Ok(None);
    }
    let frozen = job.payload.get("analysis").ok_or_else(|| StoreError::internal("the job has no analysis"))?;
    let analysis = grc_fair::Analysis::parse(frozen)?;
    Ok(Some(Plan { analysis, run }))
}

/// Notes how far a job is; `Stale` where the worker lost it. Called by the job worker.
pub async fn advance(ctx: &Ctx, tx: &mut Tx, job: &Job, percent: i32) -> Result<(), Refusal> {
    tx.jobs().progress(job, percent).await?;
    Ok(tx.advance_run(ctx.org, RunId(job.subject), percent.into()).await?)
}

/// Keeps the outcome of a job and completes it. Called by the job worker.
pub async fn finish(ctx: &Ctx, tx: &mut Tx, job: &Job, outcome: &Outcome) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    if let Some(run) = Repo::<Run>::find(tx, ctx.org, RunId(job.subject)).await? {
        Repo::<FairResult>::insert(tx, &result::of(ctx, &run, outcome)).await?;
        end(ctx, tx, run, "completed", |run| run.take(outcome, ctx.now)).await?;
    }
    Ok(tx.jobs().complete(job).await?)
}

/// Notes that a run was given up. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut Tx, id: RunId, why: &str) -> Result<(), Refusal> {
    match Repo::<Run>::find(tx, ctx.org, id).await? {
        Some(run) if OPEN.contains(&run.status) => {
            let why = why.to_owned();
            end(ctx, tx, run, "failed", |run| {
                run.status = RunStatus::Failed;
                run.error = Some(why);
            })
            .await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

//! Assessments: an organization measured against a framework, as a state machine.
//!
//! ```text
//! pending -> in_progress (execute) -> paused | completed | failed | cancelled
//! paused, failed -> in_progress (resume) | cancelled
//! ```

use async_trait::async_trait;
use grc_kernel::{
    Access, AssessmentId, Changes, Checker, Ctx, FrameworkId, NewJob, Refusal, Repo, Resource, Rules, StoreResult, kit,
    list::Scalar,
    resource,
    resource::Machine,
    shape::{Preset, Ty, must},
    wire_enum,
};
use serde_json::{Value, json};
use time::{Date, OffsetDateTime};

use crate::{
    finding::Summary,
    framework::{Framework, Requirement},
    ports::Tx,
};

/// The job that executes an assessment.
pub const JOB: &str = "assessment.execute";
/// The baseline that takes every active control.
const ALL_CONTROLS: &str = "ALL";
/// The baseline of SP 800-53 where none is named: its 1,014 controls are a library, not a target.
const DEFAULT_800_53: (&str, &str) = ("NIST_800_53_R5", "MODERATE");
/// How many controls an assessment may name.
const CONTROLS_MAX: usize = 2_000;

wire_enum! {
    /// Where an assessment stands.
    pub enum AssessmentStatus {
        /// Not executed yet.
        Pending = "pending",
        /// Being executed.
        InProgress = "in_progress",
        /// Halted by a person.
        Paused = "paused",
        /// Every control in scope has its finding.
        Completed = "completed",
        /// Halted by a failure.
        Failed = "failed",
        /// Given up.
        Cancelled = "cancelled",
    }
}

wire_enum! {
    /// Who judges.
    pub enum EvaluatorKind {
        /// The deterministic rules.
        Builtin = "builtin",
    }
}

/// The moves of an assessment; each is a use case.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["pending"],
    moves: &[
        ("pending", &["in_progress"]),
        ("in_progress", &["paused", "completed", "failed", "cancelled"]),
        ("paused", &["in_progress", "cancelled"]),
        ("failed", &["in_progress", "cancelled"]),
    ],
};

resource! {
    /// An assessment.
    pub struct Assessment(AssessmentId) as "Assessment" {
        kind: "assessment", table: "assessments", area: "assessment", name: "name", sort: ("created_at", true),
        machine: MACHINE, write: Access::Review, delete: Access::Write, answer: "AssessmentBody",
        extra: &[must("progress", Ty::Int(0, 100), "The share of controls evaluated, in whole percent.")],
        derived: Assessment::derived,
    }
    /// The framework measured against.
    framework_id: FrameworkId = Ty::Id, required, fixed;
    /// The framework's key.
    framework_key: String = Ty::Line(64), computed, filters;
    /// Its name.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What of the organization is assessed.
    scope: Option<String> = Ty::Text(20_000), searches, filters;
    /// The baseline of the framework in scope, in any case; ALL takes every active control.
    baseline: Option<String> = Ty::Line(50), fixed, filters;
    /// Only these controls, where given.
    control_refs: Vec<String> = Ty::List(&Ty::Line(100), CONTROLS_MAX), fixed;
    /// An assessment of the same framework, whose owners, notes and human verdicts are carried forward.
    carry_forward_from: Option<AssessmentId> = Ty::Ref("assessment"), fixed;
    /// Who judges.
    evaluator: EvaluatorKind = Ty::Word(EvaluatorKind::NAMES), fixed, preset(Preset::Text("builtin"));
    /// By when it should be done.
    due_date: Option<Date> = Ty::Date, sorts;
    /// Where it stands.
    status: AssessmentStatus = Ty::Word(AssessmentStatus::NAMES), computed, preset(Preset::Text("pending"));
    /// Controls in scope, from the snapshot taken at execution.
    controls_total: i64 = Ty::Int(0, i64::MAX), computed;
    /// Of them evaluated.
    controls_evaluated: i64 = Ty::Int(0, i64::MAX), computed;
    /// The control evaluated last.
    current_control: Option<String> = Ty::Line(100), computed;
    /// When execution began.
    started_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// When it was completed.
    completed_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// Why it failed.
    error: Option<String> = Ty::Text(20_000), computed;
}

impl Assessment {
    /// The share of controls evaluated, in whole percent, rounded down: 29 of 64 are 45.
    pub fn progress(&self) -> i64 {
        if self.controls_total == 0 { 0 } else { self.controls_evaluated * 100 / self.controls_total }
    }

    fn derived(&self) -> Vec<(&'static str, Value)> {
        vec![("progress", self.progress().into())]
    }

    /// Refuses what its state does not allow.
    fn refuse(&self, what: &str) -> Refusal {
        let available = self.available_transitions().unwrap_or_default().to_vec();
        Refusal::Illegal { detail: format!("an assessment that is {} cannot be {what}", self.status), available }
    }
}

#[async_trait]
impl Rules for Assessment {
    type Tx = Tx;
    const THOROUGH: bool = true;

    /// What is assessed is settled at creation.
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
        let Some(framework) = tx.frameworks().find(&[ctx.org], after.framework_id).await? else {
            check.note("framework_id", "unknown_reference", "there is no such framework");
            return Ok(());
        };
        after.baseline = baseline(check, &framework, after.baseline.as_deref());
        if !after.control_refs.is_empty() && after.control_refs.len() <= CONTROLS_MAX {
            let mut known = tx.frameworks().requirements(framework.id).await?;
            known.retain(|requirement| requirement.assessable);
            let known: std::collections::BTreeSet<_> = known.into_iter().map(|r| r.control_ref).collect();
            for (i, name) in after.control_refs.iter().enumerate().filter(|(_, name)| !known.contains(*name)) {
                let detail = format!("{} has no assessable control {name}", framework.key);
                check.note(format!("control_refs[{i}]"), "unknown_reference", detail);
            }
        }
        if let Some(id) = after.carry_forward_from
            && let Some(former) = Repo::<Self>::find(tx, ctx.org, id).await?
        {
            let fits = former.framework_id == framework.id;
            check.ensure(
                fits,
                "carry_forward_from",
                "unknown_reference",
                "must be an assessment of the same framework",
            );
        }
        after.framework_key = framework.key;
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        if matches!(record.status, AssessmentStatus::InProgress | AssessmentStatus::Paused) {
            return Err(record.refuse("deleted"));
        }
        Ok(tx.drop_results(ctx.org, record.id).await?)
    }
}

/// One control in scope, as it was when execution began.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeItem {
    /// Its place, from 0.
    pub ordinal: i32,
    /// The control.
    pub control_ref: String,
    /// Whether it has been evaluated.
    pub evaluated: bool,
}

/// Begins the execution: takes the snapshot of the controls in scope and wants the job done. At most `limit`
/// run at once in an organization; 0 is no limit.
pub async fn execute(ctx: &Ctx, tx: &mut Tx, id: AssessmentId, limit: i64) -> Result<Assessment, Refusal> {
    let before = held(ctx, tx, id).await?;
    if before.status != AssessmentStatus::Pending {
        return Err(before.refuse("executed"));
    }
    under_limit(ctx, tx, limit).await?;
    let requirements = tx.frameworks().requirements(before.framework_id).await?;
    let scope: Vec<ScopeItem> = (0_i32..)
        .zip(requirements.into_iter().filter(|requirement| in_scope(&before, requirement)))
        .map(|(ordinal, requirement)| ScopeItem { ordinal, control_ref: requirement.control_ref, evaluated: false })
        .collect();
    if scope.is_empty() {
        return Err(Refusal::Conflict("no control of the framework is in scope".into()));
    }
    tx.set_scope(ctx.org, id, &scope).await?;
    let (total, now) = (i64::try_from(scope.len()).unwrap_or(i64::MAX), ctx.now);
    let begun = Changes::with(move |assessment: &mut Assessment| {
        assessment.controls_total = total;
        assessment.started_at = Some(now);
    });
    start(ctx, tx, "executed", before, begun).await
}

/// Goes on where the execution stopped.
pub async fn resume(ctx: &Ctx, tx: &mut Tx, id: AssessmentId, limit: i64) -> Result<Assessment, Refusal> {
    let before = held(ctx, tx, id).await?;
    if !matches!(before.status, AssessmentStatus::Paused | AssessmentStatus::Failed) {
        return Err(before.refuse("resumed"));
    }
    under_limit(ctx, tx, limit).await?;
    start(ctx, tx, "resumed", before, Changes::with(|assessment: &mut Assessment| assessment.error = None)).await
}

/// Halts the execution; what is evaluated stays.
pub async fn pause(ctx: &Ctx, tx: &mut Tx, id: AssessmentId) -> Result<Assessment, Refusal> {
    halt(ctx, tx, id, AssessmentStatus::Paused).await
}

/// Gives the assessment up.
pub async fn cancel(ctx: &Ctx, tx: &mut Tx, id: AssessmentId) -> Result<Assessment, Refusal> {
    halt(ctx, tx, id, AssessmentStatus::Cancelled).await
}

/// Notes that the execution failed for good, so that a person can resume it. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut Tx, id: AssessmentId, why: &str) -> Result<(), Refusal> {
    let found = Repo::<Assessment>::lock(tx, ctx.org, id).await?;
    let Some(before) = found.filter(|assessment| assessment.status == AssessmentStatus::InProgress) else {
        return Ok(());
    };
    let why = why.to_owned();
    let failed = Changes::with(|assessment: &mut Assessment| assessment.error = Some(why));
    let status = AssessmentStatus::Failed.as_str();
    kit::step(ctx, tx, status, before, status, failed).await.map(|_| ())
}

/// The results so far.
pub async fn summary(ctx: &Ctx, tx: &mut Tx, id: AssessmentId) -> Result<(Assessment, Summary), Refusal> {
    let assessment = kit::get(ctx, tx, id).await?;
    let tallies = tx.tally_findings(ctx.org, Some(id)).await?;
    Ok((assessment, Summary::of(&tallies)))
}

/// The assessment, held for a move.
async fn held(ctx: &Ctx, tx: &mut Tx, id: AssessmentId) -> Result<Assessment, Refusal> {
    ctx.require(Assessment::permission(Access::Review))?;
    kit::hold(ctx, tx, id, None).await
}

async fn start(
    ctx: &Ctx,
    tx: &mut Tx,
    verb: &str,
    before: Assessment,
    changes: Changes<Assessment>,
) -> Result<Assessment, Refusal> {
    let job = NewJob { kind: JOB, subject: before.id.0, payload: json!({}), max_attempts: 5 };
    tx.jobs().enqueue(ctx, job).await?;
    kit::step(ctx, tx, verb, before, AssessmentStatus::InProgress.as_str(), changes).await
}

/// The verbs of these moves are the names of the states. The job goes before the assessment, in the order in which a
/// worker holds them: neither waits for the other.
async fn halt(ctx: &Ctx, tx: &mut Tx, id: AssessmentId, next: AssessmentStatus) -> Result<Assessment, Refusal> {
    ctx.require(Assessment::permission(Access::Review))?;
    tx.jobs().cancel(ctx.org, JOB, id.0).await?;
    let before = kit::hold(ctx, tx, id, None).await?;
    kit::step(ctx, tx, next.as_str(), before, next.as_str(), Changes::none()).await
}

/// How many assessments of the organization are in progress.
pub(crate) async fn count_running(ctx: &Ctx, tx: &mut Tx) -> StoreResult<i64> {
    let running = vec![Scalar::Text(AssessmentStatus::InProgress.as_str().to_owned())];
    kit::count::<Assessment>(ctx, tx, &Assessment::LIST.query().only("status", running)).await
}

async fn under_limit(ctx: &Ctx, tx: &mut Tx, limit: i64) -> Result<(), Refusal> {
    if limit > 0 {
        tx.one_at_a_time(ctx.org).await?;
        let running = count_running(ctx, tx).await?;
        if running >= limit {
            let detail = format!("{running} assessments of the organization are running, which is the limit");
            return Err(Refusal::Limited(detail, 30));
        }
    }
    Ok(())
}

fn in_scope(assessment: &Assessment, requirement: &Requirement) -> bool {
    requirement.assessable
        && (assessment.control_refs.is_empty() || assessment.control_refs.contains(&requirement.control_ref))
        && match assessment.baseline.as_deref() {
            None | Some(ALL_CONTROLS) => true,
            // Controls that are named are wanted, whatever baseline they belong to.
            Some(_) if !assessment.control_refs.is_empty() => true,
            Some(baseline) => requirement.baselines.iter().any(|name| name == baseline),
        }
}

fn baseline(check: &mut Checker, framework: &Framework, wanted: Option<&str>) -> Option<String> {
    match wanted {
        None => (framework.key == DEFAULT_800_53.0 && framework.org.is_none()).then(|| DEFAULT_800_53.1.to_owned()),
        Some(text) => {
            let name = text.trim().to_uppercase();
            if name != ALL_CONTROLS && !framework.baselines.contains(&name) {
                let mut names = framework.baselines.clone();
                names.push(ALL_CONTROLS.to_owned());
                check.note("baseline", "invalid", format!("must be one of {}", names.join(", ")));
            }
            Some(name)
        }
    }
}

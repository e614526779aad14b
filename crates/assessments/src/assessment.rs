//! Assessments: an organization measured against a framework, as a state machine.
//!
//! ```text
//! pending -> in_progress (execute) -> paused | completed | failed | cancelled
//! paused, failed -> in_progress (resume) | cancelled
//! ```

use grc_kernel::{
    Access, AssessmentId, Checker, Ctx, Fact, Field, FrameworkId, Kind, ListQuery, ListSpec, Meta, NewJob, OrgId, Page,
    Patch, Permission, Record,
    record::{date_value, timestamp_value, with_meta},
    wire_enum,
};
use serde_json::{Value, json};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::{AssessmentsError, unchanged},
    finding::Summary,
    framework::{Framework, Requirement},
    ports::AssessmentsTx,
};

const AREA: &str = "assessment";
/// The job that executes an assessment.
pub const JOB: &str = "assessment.execute";
/// The baseline that takes every active control.
const ALL_CONTROLS: &str = "ALL";
/// The baseline of SP 800-53 where none is named: its 1,014 controls are a library, not a target.
const DEFAULT_800_53: (&str, &str) = ("NIST_800_53_R5", "MODERATE");

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

impl AssessmentStatus {
    /// The legal next states.
    pub fn transitions(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::InProgress],
            Self::InProgress => &[Self::Paused, Self::Completed, Self::Failed, Self::Cancelled],
            Self::Paused | Self::Failed => &[Self::InProgress, Self::Cancelled],
            Self::Completed | Self::Cancelled => &[],
        }
    }

    /// Their wire names.
    pub fn available(self) -> Vec<&'static str> {
        self.transitions().iter().map(|next| next.as_str()).collect()
    }

    fn to(self, next: Self) -> Result<Self, AssessmentsError> {
        if self.transitions().contains(&next) {
            Ok(next)
        } else {
            let detail = format!("an assessment that is {self} cannot become {next}");
            Err(AssessmentsError::Illegal { detail, available: self.available() })
        }
    }
}

wire_enum! {
    /// Who judges.
    pub enum EvaluatorKind {
        /// The deterministic rules.
        Builtin = "builtin",
    }
}

/// An assessment.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Its id.
    pub id: AssessmentId,
    /// Its organization.
    pub org: OrgId,
    /// The framework measured against.
    pub framework_id: FrameworkId,
    /// The framework's key.
    pub framework_key: String,
    /// Its name.
    pub name: String,
    /// What of the organization is assessed, in words.
    pub scope: Option<String>,
    /// The baseline in scope, in capitals.
    pub baseline: Option<String>,
    /// Only these controls, where given.
    pub control_refs: Vec<String>,
    /// The assessment whose owners, notes and human verdicts are carried over.
    pub carry_forward_from: Option<AssessmentId>,
    /// Who judges.
    pub evaluator: EvaluatorKind,
    /// By when it should be done.
    pub due_date: Option<Date>,
    /// Where it stands.
    pub status: AssessmentStatus,
    /// Controls in scope, from the snapshot taken at execution.
    pub controls_total: i32,
    /// Of them evaluated.
    pub controls_evaluated: i32,
    /// The control evaluated last.
    pub current_control: Option<String>,
    /// When execution began.
    pub started_at: Option<OffsetDateTime>,
    /// When it was completed.
    pub completed_at: Option<OffsetDateTime>,
    /// Why it failed.
    pub error: Option<String>,
    /// Bookkeeping.
    pub meta: Meta,
}

impl Assessment {
    /// The share of controls evaluated, in whole percent, rounded down: 29 of 64 are 45.
    pub fn progress(&self) -> i32 {
        if self.controls_total == 0 { 0 } else { self.controls_evaluated * 100 / self.controls_total }
    }
}

impl Record for Assessment {
    const TYPE: &'static str = "assessment";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let value = json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "framework_id": self.framework_id.to_string(),
            "framework_key": self.framework_key,
            "name": self.name,
            "scope": self.scope,
            "baseline": self.baseline,
            "control_refs": self.control_refs,
            "carry_forward_from": self.carry_forward_from.map(|id| id.to_string()),
            "evaluator": self.evaluator.as_str(),
            "due_date": date_value(self.due_date),
            "status": self.status.as_str(),
            "available_transitions": self.status.available(),
            "progress": self.progress(),
            "controls_total": self.controls_total,
            "controls_evaluated": self.controls_evaluated,
            "current_control": self.current_control,
            "started_at": timestamp_value(self.started_at),
            "completed_at": timestamp_value(self.completed_at),
            "error": self.error,
        });
        with_meta(value, &self.meta)
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

/// What the list of assessments can do.
pub static LIST: ListSpec = ListSpec {
    resource: "assessments",
    fields: &[
        Field::new("name", Kind::Text).sorts().searches(),
        Field::new("scope", Kind::Text).searches().optional(),
        Field::new("framework_id", Kind::Id),
        Field::new("framework_key", Kind::Text),
        Field::new("status", Kind::Choice(AssessmentStatus::NAMES)),
        Field::new("evaluator", Kind::Choice(EvaluatorKind::NAMES)),
        Field::new("baseline", Kind::Text).optional(),
        Field::new("carry_forward_from", Kind::Id).optional(),
        Field::new("due_date", Kind::Date).sorts().optional(),
        Field::new("started_at", Kind::Time).sorts().optional(),
        Field::new("completed_at", Kind::Time).sorts().optional(),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("updated_at", Kind::Time).sorts(),
        Field::new("created_by", Kind::Id),
    ],
    default_sort: ("created_at", true),
    stored: false,
};

/// A new assessment.
#[derive(Clone, Debug)]
pub struct OpenAssessment {
    /// The framework.
    pub framework_id: FrameworkId,
    /// Its name.
    pub name: String,
    /// What of the organization is assessed, in words.
    pub scope: Option<String>,
    /// A baseline of the framework, in any case; `ALL` takes every active control.
    pub baseline: Option<String>,
    /// Only these controls.
    pub control_refs: Option<Vec<String>>,
    /// The assessment to carry forward from.
    pub carry_forward_from: Option<AssessmentId>,
    /// Who judges, by wire name.
    pub evaluator: Option<String>,
    /// By when it should be done.
    pub due_date: Option<Date>,
}

/// A change of an assessment.
#[derive(Clone, Debug, Default)]
pub struct AmendAssessment {
    /// Its name.
    pub name: Patch<String>,
    /// What of the organization is assessed.
    pub scope: Patch<String>,
    /// By when it should be done.
    pub due_date: Patch<Date>,
}

/// Opens an assessment.
pub async fn open(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    command: OpenAssessment,
) -> Result<Assessment, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Review))?;
    let mut check = Checker::new();
    let name = check.name("name", &command.name);
    let scope = command.scope.map(|text| check.text("scope", &text));
    let evaluator = command.evaluator.as_deref().map_or(EvaluatorKind::Builtin, |word| {
        check.word("evaluator", word, EvaluatorKind::parse, EvaluatorKind::NAMES, EvaluatorKind::Builtin)
    });
    let control_refs = command.control_refs.unwrap_or_default();
    check.count("control_refs", control_refs.len(), 2_000);
    let framework = tx.frameworks().find(&[ctx.org], command.framework_id).await?;
    let Some(framework) = framework else {
        check.note("framework_id", "unknown_reference", "there is no such framework");
        check.finish()?;
        return Err(AssessmentsError::NotFound("framework"));
    };
    let baseline = baseline(&mut check, &framework, command.baseline.as_deref());
    if !control_refs.is_empty() && control_refs.len() <= 2_000 {
        let known: std::collections::BTreeSet<String> = tx
            .frameworks()
            .requirements(framework.id)
            .await?
            .into_iter()
            .filter(|requirement| requirement.assessable)
            .map(|requirement| requirement.control_ref)
            .collect();
        for (i, control_ref) in control_refs.iter().enumerate().filter(|(_, control_ref)| !known.contains(*control_ref))
        {
            let detail = format!("{} has no assessable control {control_ref}", framework.key);
            check.note(format!("control_refs[{i}]"), "unknown_reference", detail);
        }
    }
    if let Some(id) = command.carry_forward_from {
        let former = tx.assessment_repo().find(ctx.org, id).await?;
        let fits = former.is_some_and(|former| former.framework_id == framework.id);
        check.ensure(fits, "carry_forward_from", "unknown_reference", "must be an assessment of the same framework");
    }
    check.finish()?;
    let assessment = Assessment {
        id: ctx.new_id(),
        org: ctx.org,
        framework_id: framework.id,
        framework_key: framework.key,
        name,
        scope,
        baseline,
        control_refs,
        carry_forward_from: command.carry_forward_from,
        evaluator,
        due_date: command.due_date,
        status: AssessmentStatus::Pending,
        controls_total: 0,
        controls_evaluated: 0,
        current_control: None,
        started_at: None,
        completed_at: None,
        error: None,
        meta: Meta::new(ctx),
    };
    tx.assessment_repo().insert(&assessment).await?;
    tx.journal().record(ctx, Fact::created(&assessment)).await?;
    Ok(assessment)
}

/// One assessment.
pub async fn get(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: AssessmentId) -> Result<Assessment, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    tx.assessment_repo().find(ctx.org, id).await?.ok_or(AssessmentsError::NotFound("assessment"))
}

/// A page of assessments.
pub async fn page(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    query: &ListQuery,
) -> Result<Page<Assessment>, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    Ok(tx.assessment_repo().page(ctx.org, query).await?)
}

/// Changes an assessment's description; its scope of controls is fixed at creation.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: AssessmentId,
    if_match: Option<i64>,
    command: AmendAssessment,
) -> Result<Assessment, AssessmentsError> {
    let before = locked(ctx, tx, id, if_match, Access::Review).await?;
    let mut after = before.clone();
    let mut check = Checker::new();
    if let Some(name) = check.required("name", command.name) {
        after.name = check.name("name", &name);
    }
    command.scope.map(|text| check.text("scope", &text)).apply(&mut after.scope);
    command.due_date.apply(&mut after.due_date);
    check.finish()?;
    save(ctx, tx, "updated", &before, after).await
}

/// Deletes an assessment with its findings; not while it runs or is paused.
pub async fn delete(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: AssessmentId,
    if_match: Option<i64>,
) -> Result<(), AssessmentsError> {
    let assessment = locked(ctx, tx, id, if_match, Access::Write).await?;
    if matches!(assessment.status, AssessmentStatus::InProgress | AssessmentStatus::Paused) {
        let detail = format!("an assessment that is {} cannot be deleted", assessment.status);
        return Err(AssessmentsError::Illegal { detail, available: assessment.status.available() });
    }
    tx.assessment_repo().delete(ctx.org, id).await?;
    tx.journal().record(ctx, Fact::deleted(&assessment)).await?;
    Ok(())
}

/// Begins the execution: takes the snapshot of the controls in scope and wants the job done. At most `limit`
/// run at once in an organization; 0 is no limit.
pub async fn execute(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: AssessmentId,
    limit: i64,
) -> Result<Assessment, AssessmentsError> {
    let before = locked(ctx, tx, id, None, Access::Review).await?;
    if before.status != AssessmentStatus::Pending {
        let detail = format!("an assessment that is {} cannot be executed", before.status);
        return Err(AssessmentsError::Illegal { detail, available: before.status.available() });
    }
    under_limit(ctx, tx, limit).await?;
    let requirements = tx.frameworks().requirements(before.framework_id).await?;
    let scope: Vec<ScopeItem> = (0_i32..)
        .zip(requirements.iter().filter(|requirement| in_scope(&before, requirement)))
        .map(|(ordinal, requirement)| ScopeItem {
            ordinal,
            control_ref: requirement.control_ref.clone(),
            evaluated: false,
        })
        .collect();
    if scope.is_empty() {
        return Err(AssessmentsError::Conflict("no control of the framework is in scope".into()));
    }
    tx.assessment_repo().set_scope(ctx.org, id, &scope).await?;
    let mut after = before.clone();
    after.status = before.status.to(AssessmentStatus::InProgress)?;
    after.controls_total = i32::try_from(scope.len()).unwrap_or(i32::MAX);
    after.started_at = Some(ctx.now);
    enqueue(ctx, tx, id).await?;
    save(ctx, tx, "executed", &before, after).await
}

/// Halts the execution; what is evaluated stays.
pub async fn pause(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: AssessmentId) -> Result<Assessment, AssessmentsError> {
    halt(ctx, tx, id, AssessmentStatus::Paused, "paused").await
}

/// Gives the assessment up.
pub async fn cancel(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: AssessmentId) -> Result<Assessment, AssessmentsError> {
    halt(ctx, tx, id, AssessmentStatus::Cancelled, "cancelled").await
}

/// Goes on where the execution stopped.
pub async fn resume(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: AssessmentId,
    limit: i64,
) -> Result<Assessment, AssessmentsError> {
    let before = locked(ctx, tx, id, None, Access::Review).await?;
    if !matches!(before.status, AssessmentStatus::Paused | AssessmentStatus::Failed) {
        let detail = format!("an assessment that is {} cannot be resumed", before.status);
        return Err(AssessmentsError::Illegal { detail, available: before.status.available() });
    }
    under_limit(ctx, tx, limit).await?;
    let mut after = before.clone();
    after.status = before.status.to(AssessmentStatus::InProgress)?;
    after.error = None;
    enqueue(ctx, tx, id).await?;
    save(ctx, tx, "resumed", &before, after).await
}

/// Notes that the execution failed for good, so that a person can resume it. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: AssessmentId, why: &str) -> Result<(), AssessmentsError> {
    let Some(before) = tx.assessment_repo().lock(ctx.org, id).await? else { return Ok(()) };
    if before.status != AssessmentStatus::InProgress {
        return Ok(());
    }
    let mut after = before.clone();
    after.status = AssessmentStatus::Failed;
    after.error = Some(why.to_owned());
    save(ctx, tx, "failed", &before, after).await.map(|_| ())
}

/// The results so far.
pub async fn summary(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: AssessmentId,
) -> Result<(Assessment, Summary), AssessmentsError> {
    let assessment = get(ctx, tx, id).await?;
    let tallies = tx.findings().tally(ctx.org, Some(id)).await?;
    Ok((assessment, Summary::of(&tallies)))
}

async fn halt(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: AssessmentId,
    next: AssessmentStatus,
    verb: &str,
) -> Result<Assessment, AssessmentsError> {
    let before = locked(ctx, tx, id, None, Access::Review).await?;
    let mut after = before.clone();
    after.status = before.status.to(next)?;
    tx.jobs().cancel(ctx.org, JOB, id.0).await?;
    save(ctx, tx, verb, &before, after).await
}

async fn enqueue(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: AssessmentId) -> Result<(), AssessmentsError> {
    let job = NewJob { kind: JOB, subject: id.0, payload: json!({}), max_attempts: 5 };
    tx.jobs().enqueue(ctx, job).await?;
    Ok(())
}

async fn under_limit(ctx: &Ctx, tx: &mut dyn AssessmentsTx, limit: i64) -> Result<(), AssessmentsError> {
    if limit > 0 {
        let running = tx.assessment_repo().count_running(ctx.org).await?;
        if running >= limit {
            return Err(AssessmentsError::TooManyRunning(running));
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

async fn locked(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: AssessmentId,
    if_match: Option<i64>,
    access: Access,
) -> Result<Assessment, AssessmentsError> {
    ctx.require(Permission::new(AREA, access))?;
    let assessment = tx.assessment_repo().lock(ctx.org, id).await?.ok_or(AssessmentsError::NotFound("assessment"))?;
    unchanged(if_match, assessment.meta.revision)?;
    Ok(assessment)
}

async fn save(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    verb: &str,
    before: &Assessment,
    mut after: Assessment,
) -> Result<Assessment, AssessmentsError> {
    after.meta.touch(ctx);
    tx.assessment_repo().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::moved(verb, before, &after)).await?;
    Ok(after)
}

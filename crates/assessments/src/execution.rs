//! One step of a running assessment: plan a batch, judge it, settle it, all in one transaction.
//!
//! A step holds its job by the fencing token, so that a worker whose lease ran out writes nothing; a control
//! that has a finding in the assessment keeps it, so that no control is judged into two. Evidence comes from
//! another domain between plan and judgement: the caller brings it.

use grc_kernel::{AssessmentId, Ctx, EvidenceId, Fact, Job, Meta, Refusal, Repo, Resource, list::Scalar};
use serde_json::json;

use crate::{
    assessment::{Assessment, AssessmentStatus, ScopeItem},
    control::{Control, Status},
    evaluator::{Corpus, Evaluator},
    finding::{EvaluatedBy, Finding, Lifecycle, Verdict},
    framework::Requirement,
    ports::Tx,
};

/// What remains after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More controls are waiting.
    More,
    /// All are evaluated: the assessment is completed.
    Done,
    /// The assessment is no longer in progress.
    Stopped,
}

/// A batch to judge.
#[derive(Clone, Debug)]
pub struct Plan {
    assessment: Assessment,
    items: Vec<ScopeItem>,
    requirements: Vec<Requirement>,
    controls: Vec<Control>,
    former: Vec<Finding>,
}

impl Plan {
    /// The requirements of the batch, `KEY:ref`.
    pub fn names(&self) -> Vec<String> {
        self.items.iter().map(|item| format!("{}:{}", self.assessment.framework_key, item.control_ref)).collect()
    }

    /// The evidence that the batch's implemented controls name.
    pub fn evidence(&self) -> Vec<EvidenceId> {
        let mut ids: Vec<EvidenceId> =
            self.controls.iter().flat_map(|control| control.evidence.0.iter().copied()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Judges the batch. Slow where evidence is large: call it off the request threads.
    pub fn judge(&self, ctx: &Ctx, evaluator: &dyn Evaluator, corpus: &Corpus) -> Vec<Finding> {
        self.requirements.iter().map(|requirement| self.finding(ctx, requirement, evaluator, corpus)).collect()
    }

    fn finding(&self, ctx: &Ctx, requirement: &Requirement, evaluator: &dyn Evaluator, corpus: &Corpus) -> Finding {
        let key = &self.assessment.framework_key;
        let judgement = evaluator.judge(key, requirement, &self.controls, corpus, ctx.now);
        let mut finding = Finding {
            id: ctx.new_id(),
            org: ctx.org,
            assessment_id: self.assessment.id,
            framework_key: key.clone(),
            control_ref: requirement.control_ref.clone(),
            control_title: requirement.title.clone(),
            family: requirement.family.clone(),
            family_title: requirement.family_title.clone(),
            status: judgement.status,
            severity: judgement.severity,
            lifecycle: if judgement.status == Verdict::Pass { Lifecycle::Resolved } else { Lifecycle::Open },
            rationale: judgement.rationale,
            citations: judgement.citations,
            confidence: judgement.confidence,
            needs_review: false,
            remediation_notes: None,
            owner_id: self.owner(requirement),
            due_date: None,
            evaluated_by: EvaluatedBy::Builtin,
            evidence_digest: judgement.evidence_digest,
            meta: Meta::new(ctx),
        };
        if let Some(former) = self.former.iter().find(|former| former.control_ref == requirement.control_ref) {
            carry_forward(&mut finding, former);
        }
        finding
    }

    /// Whoever answers for the only control behind a requirement answers for its finding.
    fn owner(&self, requirement: &Requirement) -> Option<grc_kernel::UserId> {
        let name = format!("{}:{}", self.assessment.framework_key, requirement.control_ref);
        let mut owners = self
            .controls
            .iter()
            .filter(|control| control.status != Status::Retired && control.requirements.contains(&name))
            .map(|control| control.owner_id);
        match (owners.next(), owners.next()) {
            (Some(owner), None) => owner,
            _ => None,
        }
    }
}

/// Carries over what people added to the former finding: owner, due date, notes, lifecycle, and a human
/// verdict whose evidence has not changed.
fn carry_forward(finding: &mut Finding, former: &Finding) {
    finding.owner_id = former.owner_id.or(finding.owner_id);
    finding.due_date = former.due_date;
    finding.remediation_notes.clone_from(&former.remediation_notes);
    if former.evaluated_by == EvaluatedBy::Human && former.evidence_digest == finding.evidence_digest {
        finding.status = former.status;
        finding.severity = former.severity;
        finding.rationale.clone_from(&former.rationale);
        finding.citations.clone_from(&former.citations);
        finding.confidence = former.confidence;
        finding.evaluated_by = EvaluatedBy::Human;
    }
    if finding.status != Verdict::Pass {
        finding.lifecycle = former.lifecycle;
    }
}

/// Takes the next batch of the job's assessment; none where the assessment is no longer in progress, in which
/// case the job is completed.
pub async fn plan(ctx: &Ctx, tx: &mut Tx, job: &Job, batch: usize) -> Result<Option<Plan>, Refusal> {
    tx.jobs().hold(job).await?;
    let id = AssessmentId(job.subject);
    let assessment = Repo::<Assessment>::lock(tx, ctx.org, id).await?;
    let Some(assessment) = assessment.filter(|assessment| assessment.status == AssessmentStatus::InProgress) else {
        tx.jobs().complete(job).await?;
        return Ok(None);
    };
    let items = tx.next_scope(ctx.org, id, batch).await?;
    let refs: Vec<String> = items.iter().map(|item| item.control_ref.clone()).collect();
    let mut requirements = tx.frameworks().requirements(assessment.framework_id).await?;
    requirements.retain(|requirement| refs.contains(&requirement.control_ref));
    let mut plan = Plan { assessment, items, requirements, controls: Vec::new(), former: Vec::new() };
    plan.controls = naming(ctx, tx, &plan.names()).await?;
    if let Some(former) = plan.assessment.carry_forward_from {
        let query = Finding::LIST.query().only("assessment_id", vec![Scalar::Id(former.0)]).limited(refs.len());
        plan.former = Repo::<Finding>::page(tx, ctx.org, &query.only("control_ref", texts(&refs))).await?.items;
    }
    Ok(Some(plan))
}

/// The controls that name any of these requirements (`KEY:ref`).
pub(crate) async fn naming(ctx: &Ctx, tx: &mut Tx, names: &[String]) -> Result<Vec<Control>, Refusal> {
    let query = Control::LIST.query().only("requirements", texts(names)).limited(usize::MAX);
    Ok(Repo::<Control>::page(tx, ctx.org, &query).await?.items)
}

fn texts(names: &[String]) -> Vec<Scalar> {
    names.iter().cloned().map(Scalar::Text).collect()
}

/// Stores the batch's findings, advances the assessment, and completes it and the job after the last batch.
pub async fn settle(ctx: &Ctx, tx: &mut Tx, job: &Job, plan: Plan, findings: Vec<Finding>) -> Result<Step, Refusal> {
    tx.insert_new(&findings).await?;
    let ordinals: Vec<i32> = plan.items.iter().map(|item| item.ordinal).collect();
    tx.mark_evaluated(ctx.org, plan.assessment.id, &ordinals).await?;
    let before = plan.assessment;
    let mut after = before.clone();
    after.controls_evaluated += i64::try_from(ordinals.len()).unwrap_or(0);
    after.current_control = plan.items.last().map(|item| item.control_ref.clone()).or(after.current_control);
    let step = if after.controls_evaluated >= after.controls_total || ordinals.is_empty() {
        after.status = AssessmentStatus::Completed;
        after.completed_at = Some(ctx.now);
        after.current_control = None;
        tx.jobs().complete(job).await?;
        Step::Done
    } else {
        tx.jobs().progress(job, i32::try_from(after.progress()).unwrap_or(0)).await?;
        Step::More
    };
    after.meta.touch(ctx);
    Repo::<Assessment>::update(tx, &after, before.meta.revision).await?;
    let results: Vec<_> = findings
        .iter()
        .map(|f| json!({"finding_id": f.id.to_string(), "control_ref": f.control_ref, "status": f.status.as_str()}))
        .collect();
    let verb = if step == Step::Done { "completed" } else { "evaluated" };
    let mut fact = Fact::moved(verb, &before, &after);
    if let Some(serde_json::Value::Object(picture)) = &mut fact.after {
        picture.insert("results".into(), results.into());
    }
    tx.journal().record(ctx, fact).await?;
    Ok(step)
}

/// The next batch of an assessment without a job, for the contract suite.
#[cfg(any(test, feature = "contract"))]
pub(crate) async fn batch_for_tests(
    ctx: &Ctx,
    tx: &mut Tx,
    assessment: &Assessment,
    batch: usize,
) -> Result<Plan, Refusal> {
    let items = tx.next_scope(ctx.org, assessment.id, batch).await?;
    let mut requirements = tx.frameworks().requirements(assessment.framework_id).await?;
    requirements.retain(|requirement| items.iter().any(|item| item.control_ref == requirement.control_ref));
    Ok(Plan { assessment: assessment.clone(), items, requirements, controls: Vec::new(), former: Vec::new() })
}

//! To answer an assessment, and to judge the answers.

use grc_kernel::{
    Access, Changes, Ctx, IfMatch, Refusal, Repo, Resource, kit,
    list::{Scalar, Sort},
};
use serde_json::{Map, Value};

use super::{Assessment, AssessmentId, AssessmentStatus, Finding, MACHINE};
use crate::{Questionnaire, Vendor, VendorId, ports::Tx, rules::answers, vendor};

impl Vendor {
    /// Puts a completed assessment, or none, under the vendor's residual score and its next review.
    pub(super) fn rest_on(&mut self, assessment: Option<&Assessment>) {
        self.last_assessment_id = assessment.map(|assessment| assessment.id.0);
        self.last_assessed_at = assessment.and_then(|assessment| assessment.completed_at);
        self.assurance = assessment.map(Assessment::assurance);
        self.next_review_date = None;
    }
}

/// The last completed assessments of a vendor, the newest first.
pub(super) async fn completed(
    ctx: &Ctx,
    tx: &mut Tx,
    vendor: VendorId,
    count: usize,
) -> Result<Vec<Assessment>, Refusal> {
    let status = AssessmentStatus::Completed.as_str().to_owned();
    let mut query = Assessment::LIST
        .query()
        .only("vendor_id", vec![Scalar::Id(vendor.0)])
        .only("status", vec![Scalar::Text(status)])
        .limited(count);
    if let Some(field) = Assessment::LIST.field("completed_at") {
        query.sort = Sort { field, descending: true };
    }
    Ok(Repo::<Assessment>::page(tx, ctx.org, &query).await?.items)
}

/// Gives the answers of an assessment: all of them, as they are from now on.
pub async fn answer(
    ctx: &Ctx,
    tx: &mut Tx,
    id: AssessmentId,
    if_match: impl Into<IfMatch> + Send,
    given: &Map<String, Value>,
) -> Result<Assessment, Refusal> {
    ctx.require(Assessment::permission(Access::Write))?;
    let before = kit::hold::<Assessment>(ctx, tx, id, if_match).await?;
    fill(ctx, tx, before, given).await
}

/// The same, for use cases that asked for their own permission.
pub async fn fill(
    ctx: &Ctx,
    tx: &mut Tx,
    before: Assessment,
    given: &Map<String, Value>,
) -> Result<Assessment, Refusal> {
    use AssessmentStatus::{Draft, InProgress, Sent};
    if !matches!(before.status, Draft | Sent | InProgress) {
        return Err(Refusal::Illegal {
            detail: format!("the answers of an assessment that is {} stay as they are", before.status),
            available: MACHINE.from(before.status.as_str()).to_vec(),
        });
    }
    let template = kit::find::<Questionnaire>(ctx, tx, before.template_id).await?;
    let answers = answers::read(&template.sections, given)?;
    let changes = Changes::with(move |assessment: &mut Assessment| {
        assessment.answers = answers;
        assessment.score_by(&template);
        assessment.status = InProgress;
    });
    kit::change(ctx, tx, "answered", before, changes).await
}

/// Completes an assessment: it is scored for good, and the vendor's residual score and next review rest on it.
pub async fn complete(
    ctx: &Ctx,
    tx: &mut Tx,
    id: AssessmentId,
    findings: Option<Vec<Finding>>,
    notes: Option<String>,
) -> Result<Assessment, Refusal> {
    ctx.require(Assessment::permission(Access::Review))?;
    let before = kit::hold::<Assessment>(ctx, tx, id, None).await?;
    let state = before.status.as_str();
    if !MACHINE.from(state).contains(&AssessmentStatus::Completed.as_str()) {
        return Err(kit::illegal::<Assessment>(state, AssessmentStatus::Completed.as_str()));
    }
    if before.answers.is_empty() {
        return Err(Refusal::Conflict("no question is answered: there is nothing to judge".to_owned()));
    }
    let vendor = kit::hold::<Vendor>(ctx, tx, before.vendor_id, None).await?;
    let template = kit::find::<Questionnaire>(ctx, tx, before.template_id).await?;
    let mut judged = before.clone();
    judged.findings = findings.unwrap_or(judged.findings);
    judged.notes = notes.or(judged.notes);
    judged.score_by(&template);
    judged.completed_at = Some(ctx.now);
    judged.completed_by = Some(ctx.actor.id);
    let critical = vendor::critical_services(ctx, tx, vendor.id).await? > 0;
    let vendor = vendor::rejudge(ctx, tx, vendor, critical, |vendor| vendor.rest_on(Some(&judged))).await?;
    judged.residual_score = vendor.residual_score;
    let changes = Changes::with(move |assessment: &mut Assessment| *assessment = judged);
    kit::step(ctx, tx, "completed", before, AssessmentStatus::Completed.as_str(), changes).await
}

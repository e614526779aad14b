//! Assessments of vendors: a questionnaire sent, answered, judged.
//!
//! Answers may be given until they are submitted, and every answer shows what they are worth so far. Whoever reviews them
//! completes the assessment: from then on it is what the vendor's residual score rests on, with the findings of it that
//! are open, until a later one is completed.

mod judging;

use std::collections::BTreeSet;

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, Refusal, Rules, UserId, Uuid, kit, nested, resource,
    resource::{Machine, Nested},
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use serde_json::{Map, Value};
use time::{Date, OffsetDateTime};

pub use judging::{answer, complete, fill};

use crate::{
    Questionnaire, QuestionnaireId, Vendor, VendorId,
    ports::Tx,
    rules::{
        assurance::{Severity, assurance},
        scoring::{self, CategoryScore},
    },
    vendor,
};

typed_id! {
    /// An assessment of a vendor.
    AssessmentId,
}

wire_enum! {
    /// Where it stands.
    pub enum AssessmentStatus {
        /// It is prepared.
        Draft = "draft",
        /// The vendor has it.
        Sent = "sent",
        /// It is being answered.
        InProgress = "in_progress",
        /// The answers are given.
        Submitted = "submitted",
        /// The answers are judged.
        Completed = "completed",
        /// It was given up.
        Cancelled = "cancelled",
    }
}

wire_enum! {
    /// Where a finding stands.
    pub enum FindingStatus {
        /// It is there.
        Open = "open",
        /// It is mended.
        Closed = "closed",
    }
}

/// The moves of an assessment. To complete one is a use case of its own.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["draft", "sent", "in_progress"],
    moves: &[
        ("draft", &["sent", "in_progress", "cancelled"]),
        ("sent", &["in_progress", "submitted", "cancelled"]),
        ("in_progress", &["submitted", "completed", "cancelled"]),
        ("submitted", &["in_progress", "completed", "cancelled"]),
        ("completed", &[]),
        ("cancelled", &["draft"]),
    ],
};

nested! {
    /// Something that an assessment found wanting.
    pub struct Finding as "VendorFinding" {
        /// What it is.
        title: String = Ty::Line(200), required;
        /// How bad it is.
        severity: Severity = Ty::Word(Severity::NAMES), required;
        /// Whether it is still there.
        status: FindingStatus = Ty::Word(FindingStatus::NAMES), preset(Preset::Text("open"));
        /// The key of the question that showed it.
        question: Option<String> = Ty::Line(100);
        /// Until when it is to be mended.
        due_date: Option<Date> = Ty::Date;
        /// What was said of it.
        notes: Option<String> = Ty::Text(2_000);
    }
}

resource! {
    /// An assessment of a vendor by a questionnaire.
    pub struct Assessment(AssessmentId) as "VendorAssessment" {
        kind: "vendor_assessment", table: "vendor_assessments", area: "vendor", name: "title",
        sort: ("created_at", true), machine: MACHINE,
    }
    /// The vendor.
    vendor_id: VendorId = Ty::Ref("vendor"), required, fixed;
    /// The questionnaire.
    template_id: QuestionnaireId = Ty::Ref("vendor_questionnaire"), required, fixed;
    /// What it is called; as the questionnaire, where that is not said.
    title: Option<String> = Ty::Line(200), sorts, searches;
    /// Where it stands.
    status: AssessmentStatus = Ty::Word(AssessmentStatus::NAMES), preset(Preset::Text("draft"));
    /// Who judges it: an active member.
    assessor_id: Option<UserId> = Ty::Ref("user");
    /// Who answers it.
    respondent_name: Option<String> = Ty::Line(200);
    /// Where to write to them.
    respondent_email: Option<String> = Ty::Email;
    /// Until when it is to be answered.
    due_date: Option<Date> = Ty::Date, sorts;
    /// What was noted of it.
    notes: Option<String> = Ty::Text(20_000), searches;
    /// What it found wanting. Open findings raise the vendor's residual score.
    findings: Vec<Finding> = Ty::List(&Ty::Object(Finding::SHAPE), 200);
    /// The answers, by the key of their question.
    answers: Map<String, Value> = Ty::Any, computed;
    /// How many questions are answered, of those that are visible.
    questions_answered: i64 = Ty::Int(0, 1_000), computed;
    /// How many questions are visible, by the answers.
    questions_visible: i64 = Ty::Int(0, 1_000), computed;
    /// The share of the visible questions that are answered, from 0 to 1.
    coverage: f64 = Ty::Number(0.0, 1.0), computed, sorts;
    /// sum(weight x score) / sum(weight) over the visible answered questions, from 0 to 100; none where no answer has a
    /// score.
    score: Option<f64> = Ty::Number(0.0, 100.0), computed, sorts;
    /// The same by category.
    by_category: Vec<CategoryScore> = Ty::List(&Ty::Object(CategoryScore::SHAPE), 1_000), computed;
    /// When it was sent.
    sent_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// When the answers were submitted.
    submitted_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// When it was completed.
    completed_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// By whom.
    completed_by: Option<Uuid> = Ty::Id, computed;
    /// The residual score that the vendor had by it then.
    residual_score: Option<f64> = Ty::Number(0.0, 100.0), computed;
}

#[async_trait]
impl Rules for Assessment {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        let shows = |finding: &Finding| finding.question.is_some();
        let found = before.is_none_or(|before| before.findings != after.findings);
        if before.is_none() || (found && after.findings.iter().any(shows)) {
            let template = kit::find::<Questionnaire>(ctx, tx, after.template_id).await?;
            after.verify_findings(&template, check);
            if before.is_none() {
                check.ensure(!template.retired, "template_id", "retired", "the questionnaire is retired");
                after.title.get_or_insert(template.name.clone());
                after.score_by(&template);
            }
        }
        if let Some(before) = before.filter(|before| before.status != after.status) {
            after.note_move(before, ctx.now)?;
        } else if before.is_none() && after.status == AssessmentStatus::Sent {
            after.sent_at = Some(ctx.now);
        }
        Ok(())
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        if after.moves_vendor(before) {
            let vendor = kit::hold::<Vendor>(ctx, tx, after.vendor_id, None).await?;
            if vendor.last_assessment_id == Some(after.id.0) {
                let assured = after.assurance();
                let critical = vendor::critical_services(ctx, tx, vendor.id).await? > 0;
                vendor::rejudge(ctx, tx, vendor, critical, |vendor| vendor.assurance = Some(assured)).await?;
            }
        }
        Ok(())
    }

    /// With the assessment that a vendor's residual score rests on goes what it rests on: the one before takes its place.
    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        if record.status != AssessmentStatus::Completed {
            return Ok(());
        }
        let vendor = kit::hold::<Vendor>(ctx, tx, record.vendor_id, None).await?;
        if vendor.last_assessment_id != Some(record.id.0) {
            return Ok(());
        }
        let earlier = judging::completed(ctx, tx, vendor.id, 2).await?.into_iter().find(|other| other.id != record.id);
        let critical = vendor::critical_services(ctx, tx, vendor.id).await? > 0;
        vendor::rejudge(ctx, tx, vendor, critical, |vendor| vendor.rest_on(earlier.as_ref())).await?;
        Ok(())
    }
}

impl Assessment {
    /// How far it answers for the vendor's inherent risk, on the day it was completed.
    pub fn assurance(&self) -> f64 {
        let open = self.findings.iter().filter(|finding| finding.status == FindingStatus::Open);
        assurance(self.coverage, self.score, open.map(|finding| finding.severity))
    }

    fn verify_findings(&self, template: &Questionnaire, check: &mut Checker) {
        let keys: BTreeSet<&str> =
            template.sections.iter().flat_map(|section| &section.questions).map(|q| q.key.as_str()).collect();
        for (i, finding) in self.findings.iter().enumerate() {
            let known = finding.question.as_deref().is_none_or(|key| keys.contains(key));
            let field = format!("findings[{i}].question");
            check.ensure(known, &field, "unknown_reference", "the questionnaire has no such question");
        }
    }

    fn score_by(&mut self, template: &Questionnaire) {
        let outcome = scoring::score(&template.sections, &self.answers);
        self.questions_answered = outcome.answered;
        self.questions_visible = outcome.visible;
        self.coverage = outcome.coverage;
        self.score = outcome.score;
        self.by_category = outcome.categories;
    }

    /// Whether a change of it may change the vendor.
    fn moves_vendor(&self, before: Option<&Self>) -> bool {
        self.status == AssessmentStatus::Completed
            && before.is_some_and(|before| before.status == self.status && before.findings != self.findings)
    }

    /// Notes when it moved. Only [`complete`] leads to completed.
    fn note_move(&mut self, before: &Self, now: OffsetDateTime) -> Result<(), Refusal> {
        match self.status {
            AssessmentStatus::Sent => self.sent_at = Some(now),
            AssessmentStatus::Submitted => self.submitted_at = Some(now),
            AssessmentStatus::Completed if self.completed_at.is_none() => {
                let available = MACHINE.from(before.status.as_str()).iter().copied();
                return Err(Refusal::Illegal {
                    detail: "an assessment is completed by POST to its path and /complete".to_owned(),
                    available: available.filter(|state| *state != AssessmentStatus::Completed.as_str()).collect(),
                });
            }
            _ => {}
        }
        Ok(())
    }
}

//! Findings: what an assessment found for one control, and what became of it.

pub mod summary;

use async_trait::async_trait;
use grc_kernel::{
    Access, AssessmentId, Changes, Ctx, EvidenceId, FindingId, Refusal, Resource, Rules, UserId, nested, resource,
    resource::{Cell, Nested},
    shape::Ty,
    wire_enum,
};
use time::Date;

pub use summary::{Counts, FamilyResult, Stats, Summary, Tally};

use crate::ports::Tx;

/// The longest rationale, in characters.
pub const RATIONALE_MAX: usize = 20_000;

wire_enum! {
    /// The verdict.
    pub enum Verdict {
        /// The control is met.
        Pass = "pass",
        /// It is not.
        Fail = "fail",
        /// It is in part.
        Partial = "partial",
        /// It does not apply.
        NotApplicable = "not_applicable",
    }
}

wire_enum! {
    /// How grave a finding is.
    pub enum Severity {
        /// At once.
        Critical = "critical",
        /// Soon.
        High = "high",
        /// In its turn.
        Medium = "medium",
        /// When there is time.
        Low = "low",
        /// For information.
        Info = "info",
    }
}

wire_enum! {
    /// What becomes of a finding.
    pub enum Lifecycle {
        /// Nothing yet.
        Open = "open",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// Mended.
        Resolved = "resolved",
        /// Lived with.
        RiskAccepted = "risk_accepted",
        /// Over.
        Closed = "closed",
    }
}

wire_enum! {
    /// Who judged.
    pub enum EvaluatedBy {
        /// The deterministic rules.
        Builtin = "builtin",
        /// A language model.
        Ai = "ai",
        /// A person.
        Human = "human",
    }
}

nested! {
    /// A passage of evidence that a verdict rests on.
    pub struct Citation as "CitationBody" {
        /// The evidence.
        evidence_id: EvidenceId = Ty::Id, required;
        /// Its file name.
        filename: String = Ty::Line(255), required;
        /// The passage.
        excerpt: String = Ty::Text(1_000), required;
        /// Where it begins in the extracted text, in bytes.
        start: usize = Ty::Int(0, i64::MAX), required;
        /// Where it ends.
        end: usize = Ty::Int(0, i64::MAX), required;
    }
}

resource! {
    /// What an assessment found for one control. Changing the verdict, severity or rationale makes it a person's.
    pub struct Finding(FindingId) as "Finding" {
        kind: "finding", table: "findings", area: "finding", name: "control_title", sort: ("created_at", false),
        write: Access::Review, answer: "FindingBody",
    }
    /// The assessment.
    assessment_id: AssessmentId = Ty::Ref("assessment"), computed;
    /// The framework's key.
    framework_key: String = Ty::Line(64), computed, filters;
    /// The control.
    control_ref: String = Ty::Line(100), computed, sorts, searches;
    /// Its title.
    control_title: String = Ty::Line(200), computed, sorts, searches;
    /// Its family.
    family: String = Ty::Text(100), computed, sorts;
    /// The family's title.
    family_title: String = Ty::Text(200), computed;
    /// The verdict.
    status: Verdict = Ty::Word(Verdict::NAMES);
    /// How grave it is; informational is taken for info.
    severity: Severity = Ty::Word(Severity::NAMES);
    /// What becomes of it.
    lifecycle: Lifecycle = Ty::Word(Lifecycle::NAMES);
    /// Why the verdict is what it is.
    rationale: String = Ty::Text(RATIONALE_MAX), searches, filters;
    /// What it rests on.
    citations: Vec<Citation> = Ty::List(&Ty::Object(Citation::SHAPE), 100), computed;
    /// How sure the evaluator is.
    confidence: f64 = Ty::Number(0.0, 1.0), computed, sorts;
    /// Whether a person should look at it.
    needs_review: bool = Ty::Bool, computed;
    /// How it was or will be mended.
    remediation_notes: Option<String> = Ty::Text(20_000), searches, filters;
    /// Who answers for it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// By when.
    due_date: Option<Date> = Ty::Date, sorts;
    /// Who judged.
    evaluated_by: EvaluatedBy = Ty::Word(EvaluatedBy::NAMES), computed;
    /// A digest of the evidence seen, by which a later assessment tells whether it changed.
    evidence_digest: String = Ty::Line(64), hidden;
}

#[async_trait]
impl Rules for Finding {
    type Tx = Tx;

    /// A person who states the verdict, its severity or its rationale takes the finding over, even where they say what
    /// it says already: it is theirs from then on, and no longer in need of review.
    fn imply(_: Option<&Self>, changes: Changes<Self>) -> Changes<Self> {
        if ["status", "severity", "rationale"].iter().all(|member| changes.value(member).is_none()) {
            return changes;
        }
        changes
            .set("evaluated_by", Cell::Text(EvaluatedBy::Human.as_str().to_owned()))
            .set("needs_review", Cell::Bool(false))
            .set("confidence", Cell::Number(1.0))
    }
}

/// Counts over the findings of one assessment, or of all.
pub async fn stats(ctx: &Ctx, tx: &mut Tx, assessment: Option<AssessmentId>) -> Result<Stats, Refusal> {
    ctx.require(Finding::permission(Access::Read))?;
    Ok(Stats::of(&tx.tally_findings(ctx.org, assessment).await?))
}

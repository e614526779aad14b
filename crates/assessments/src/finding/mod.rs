//! Findings: what an assessment found for one control, and what became of it.

pub mod summary;

use grc_kernel::{
    Access, AssessmentId, Checker, Ctx, EvidenceId, Fact, Field, FindingId, Kind, ListQuery, ListSpec, Meta, OrgId,
    Page, Patch, Permission, Record, UserId,
    record::{date_value, with_meta},
    wire_enum,
};
use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

pub use summary::{Counts, FamilyResult, Stats, Summary, Tally};

use crate::{
    error::{AssessmentsError, unchanged},
    ports::AssessmentsTx,
};

const AREA: &str = "finding";

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

impl Severity {
    /// The severity of a wire name; `informational` is accepted for `info`.
    pub fn read(name: &str) -> Option<Self> {
        Self::parse(if name == "informational" { "info" } else { name })
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

/// A passage of evidence that a verdict rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Citation {
    /// The evidence.
    pub evidence_id: EvidenceId,
    /// Its file name.
    pub filename: String,
    /// The passage.
    pub excerpt: String,
    /// Where it begins in the extracted text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Citation {
    /// As JSON, as it is stored and shown.
    pub fn to_value(&self) -> Value {
        json!({
            "evidence_id": self.evidence_id.to_string(),
            "filename": self.filename,
            "excerpt": self.excerpt,
            "start": self.start,
            "end": self.end,
        })
    }

    /// From JSON; `None` where a member is missing.
    pub fn from_value(value: &Value) -> Option<Self> {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        let number = |member: &str| value.get(member).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        Some(Self {
            evidence_id: EvidenceId(Uuid::parse_str(text("evidence_id")?).ok()?),
            filename: text("filename")?.to_owned(),
            excerpt: text("excerpt")?.to_owned(),
            start: number("start")?,
            end: number("end")?,
        })
    }
}

/// What an assessment found for one control.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Its id.
    pub id: FindingId,
    /// Its organization.
    pub org: OrgId,
    /// Its assessment.
    pub assessment_id: AssessmentId,
    /// The framework's key, so that `KEY:ref` is at hand.
    pub framework_key: String,
    /// The control, within the assessment's framework.
    pub control_ref: String,
    /// The control's title.
    pub control_title: String,
    /// The control's family.
    pub family: String,
    /// The family's title.
    pub family_title: String,
    /// The verdict.
    pub status: Verdict,
    /// How grave it is.
    pub severity: Severity,
    /// What becomes of it.
    pub lifecycle: Lifecycle,
    /// Why the verdict is what it is.
    pub rationale: String,
    /// What it rests on.
    pub citations: Vec<Citation>,
    /// How sure the evaluator is, 0 to 1.
    pub confidence: f64,
    /// Whether a person should look at it.
    pub needs_review: bool,
    /// How it was or will be mended.
    pub remediation_notes: Option<String>,
    /// Who answers for it.
    pub owner_id: Option<UserId>,
    /// By when.
    pub due_date: Option<Date>,
    /// Who judged.
    pub evaluated_by: EvaluatedBy,
    /// A digest of the evidence seen, by which a later assessment tells whether it changed.
    pub evidence_digest: String,
    /// Bookkeeping.
    pub meta: Meta,
}

impl Record for Finding {
    const TYPE: &'static str = "finding";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let citations: Vec<Value> = self.citations.iter().map(Citation::to_value).collect();
        let value = json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "assessment_id": self.assessment_id.to_string(),
            "framework_key": self.framework_key,
            "control_ref": self.control_ref,
            "control_title": self.control_title,
            "family": self.family,
            "family_title": self.family_title,
            "status": self.status.as_str(),
            "severity": self.severity.as_str(),
            "lifecycle": self.lifecycle.as_str(),
            "rationale": self.rationale,
            "citations": citations,
            "confidence": self.confidence,
            "needs_review": self.needs_review,
            "remediation_notes": self.remediation_notes,
            "owner_id": self.owner_id.map(|id| id.to_string()),
            "due_date": date_value(self.due_date),
            "evaluated_by": self.evaluated_by.as_str(),
        });
        with_meta(value, &self.meta)
    }
}

/// What the list of findings can do.
pub static LIST: ListSpec = ListSpec {
    resource: "findings",
    fields: &[
        Field::new("assessment_id", Kind::Id),
        Field::new("framework_key", Kind::Text),
        Field::new("control_ref", Kind::Text).sorts().searches(),
        Field::new("control_title", Kind::Text).sorts().searches(),
        Field::new("family", Kind::Text).sorts(),
        Field::new("status", Kind::Choice(Verdict::NAMES)),
        Field::new("severity", Kind::Choice(Severity::NAMES)),
        Field::new("lifecycle", Kind::Choice(Lifecycle::NAMES)),
        Field::new("evaluated_by", Kind::Choice(EvaluatedBy::NAMES)),
        Field::new("needs_review", Kind::Bool),
        Field::new("owner_id", Kind::Id).optional(),
        Field::new("confidence", Kind::Number).sorts(),
        Field::new("rationale", Kind::Text).searches(),
        Field::new("remediation_notes", Kind::Text).searches().optional(),
        Field::new("due_date", Kind::Date).sorts().optional(),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("updated_at", Kind::Time).sorts(),
        Field::new("created_by", Kind::Id),
    ],
    default_sort: ("created_at", false),
    stored: false,
};

/// A change of a finding.
#[derive(Clone, Debug, Default)]
pub struct AmendFinding {
    /// The verdict, by wire name.
    pub status: Patch<String>,
    /// The severity, by wire name.
    pub severity: Patch<String>,
    /// What becomes of it, by wire name.
    pub lifecycle: Patch<String>,
    /// Why.
    pub rationale: Patch<String>,
    /// How it was or will be mended.
    pub remediation_notes: Patch<String>,
    /// Who answers for it.
    pub owner_id: Patch<UserId>,
    /// By when.
    pub due_date: Patch<Date>,
}

/// One finding.
pub async fn get(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: FindingId) -> Result<Finding, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    tx.findings().find(ctx.org, id).await?.ok_or(AssessmentsError::NotFound("finding"))
}

/// A page of findings.
pub async fn page(ctx: &Ctx, tx: &mut dyn AssessmentsTx, query: &ListQuery) -> Result<Page<Finding>, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    Ok(tx.findings().page(ctx.org, query).await?)
}

/// Changes a finding. A person who changes the verdict, its severity or its rationale takes it over: it is
/// theirs from then on, and no longer in need of review.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: FindingId,
    if_match: Option<i64>,
    command: AmendFinding,
) -> Result<Finding, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Review))?;
    let before = tx.findings().find(ctx.org, id).await?.ok_or(AssessmentsError::NotFound("finding"))?;
    unchanged(if_match, before.meta.revision)?;
    let mut after = before.clone();
    let mut check = Checker::new();
    let judged = !(command.status.is_keep() && command.severity.is_keep() && command.rationale.is_keep());
    if let Some(word) = check.required("status", command.status) {
        after.status = check.word("status", &word, Verdict::parse, Verdict::NAMES, after.status);
    }
    if let Some(word) = check.required("severity", command.severity) {
        after.severity = check.word("severity", &word, Severity::read, Severity::NAMES, after.severity);
    }
    if let Some(word) = check.required("lifecycle", command.lifecycle) {
        after.lifecycle = check.word("lifecycle", &word, Lifecycle::parse, Lifecycle::NAMES, after.lifecycle);
    }
    if let Some(text) = check.required("rationale", command.rationale) {
        after.rationale = check.text("rationale", &text);
    }
    command.remediation_notes.map(|text| check.text("remediation_notes", &text)).apply(&mut after.remediation_notes);
    if let Patch::Set(owner) = &command.owner_id {
        let known = tx.references().is_member(ctx.org, *owner).await?;
        check.ensure(known, "owner_id", "unknown_reference", "is not an active member of the organization");
    }
    command.owner_id.apply(&mut after.owner_id);
    command.due_date.apply(&mut after.due_date);
    check.finish()?;
    if judged {
        after.evaluated_by = EvaluatedBy::Human;
        after.needs_review = false;
        after.confidence = 1.0;
    }
    after.meta.touch(ctx);
    tx.findings().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::updated(&before, &after)).await?;
    Ok(after)
}

/// Counts over the findings of one assessment, or of all.
pub async fn stats(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    assessment: Option<AssessmentId>,
) -> Result<Stats, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    Ok(Stats::of(&tx.findings().tally(ctx.org, assessment).await?))
}

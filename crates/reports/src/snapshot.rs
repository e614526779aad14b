//! The frozen data of a compliance summary. Every format draws from it and from nothing else.

use grc_kernel::journal::canonical;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How the score is computed, in words.
pub const SCORE_FORMULA: &str = "score = (pass + 0.5 x partial) / (pass + partial + fail), in percent with one decimal; what does not apply is left out";

/// Findings by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Met.
    pub pass: i64,
    /// Met in part.
    pub partial: i64,
    /// Not met.
    pub fail: i64,
    /// Not applicable.
    pub not_applicable: i64,
    /// The score in percent; none where nothing counts.
    pub score: Option<f64>,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> i64 {
        self.pass + self.partial + self.fail + self.not_applicable
    }

    fn to_value(self) -> Value {
        json!({"pass": self.pass, "partial": self.partial, "fail": self.fail, "not_applicable": self.not_applicable, "score": self.score})
    }
}

/// The results of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its counts.
    pub counts: Counts,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingRow {
    /// The control.
    pub control_ref: String,
    /// Its title.
    pub title: String,
    /// Its family.
    pub family: String,
    /// The verdict.
    pub status: String,
    /// How grave it is.
    pub severity: String,
    /// How sure the evaluator is.
    pub confidence: f64,
    /// Why.
    pub rationale: String,
    /// Who judged.
    pub evaluated_by: String,
    /// Whether a person should look.
    pub needs_review: bool,
    /// Who answers for it.
    pub owner: Option<String>,
    /// By when.
    pub due_date: Option<String>,
    /// How it was or will be mended.
    pub remediation: Option<String>,
    /// The files cited.
    pub cited: Vec<String>,
}

/// A file that findings cite.
#[derive(Clone, Debug, PartialEq)]
pub struct CitedFile {
    /// Its name.
    pub filename: String,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// When it was collected, RFC 3339.
    pub collected_at: String,
    /// The controls whose findings cite it.
    pub controls: Vec<String>,
}

/// Everything that a compliance summary says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComplianceSnapshot {
    /// The report's title.
    pub title: String,
    /// The organization's name.
    pub organization: String,
    /// The assessment's id.
    pub assessment_id: String,
    /// Its name.
    pub assessment: String,
    /// What of the organization it covers.
    pub scope: Option<String>,
    /// Its status.
    pub status: String,
    /// Who judged.
    pub evaluator: String,
    /// When execution began, RFC 3339.
    pub started_at: Option<String>,
    /// When it was completed.
    pub completed_at: Option<String>,
    /// The framework's key.
    pub framework_key: String,
    /// Its name.
    pub framework: String,
    /// Its version.
    pub framework_version: String,
    /// The baseline.
    pub baseline: Option<String>,
    /// Controls in scope.
    pub controls_total: i64,
    /// All findings.
    pub counts: Counts,
    /// By family.
    pub by_family: Vec<Family>,
    /// Failing and partial findings by severity, the gravest first.
    pub by_severity: Vec<(String, i64)>,
    /// Findings that cite evidence.
    pub with_evidence: i64,
    /// Findings that cite none.
    pub without_evidence: i64,
    /// The files cited.
    pub files: Vec<CitedFile>,
    /// The findings, in the framework's order.
    pub findings: Vec<FindingRow>,
}

impl ComplianceSnapshot {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        let families: Vec<Value> = self
            .by_family
            .iter()
            .map(|family| {
                let mut value = family.counts.to_value();
                if let Value::Object(members) = &mut value {
                    members.insert("family".into(), family.id.clone().into());
                    members.insert("title".into(), family.title.clone().into());
                }
                value
            })
            .collect();
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|f| {
                json!({
                    "control_ref": f.control_ref, "title": f.title, "family": f.family, "status": f.status,
                    "severity": f.severity, "confidence": f.confidence, "rationale": f.rationale,
                    "evaluated_by": f.evaluated_by, "needs_review": f.needs_review, "owner": f.owner,
                    "due_date": f.due_date, "remediation": f.remediation, "cited": f.cited,
                })
            })
            .collect();
        let files: Vec<Value> = self
            .files
            .iter()
            .map(|f| json!({"filename": f.filename, "sha256": f.sha256, "collected_at": f.collected_at, "controls": f.controls}))
            .collect();
        let severities: serde_json::Map<String, Value> =
            self.by_severity.iter().map(|(severity, count)| (severity.clone(), (*count).into())).collect();
        json!({
            "title": self.title,
            "organization": self.organization,
            "assessment": {
                "id": self.assessment_id, "name": self.assessment, "scope": self.scope, "status": self.status,
                "evaluator": self.evaluator, "started_at": self.started_at, "completed_at": self.completed_at,
                "baseline": self.baseline, "controls_total": self.controls_total,
            },
            "framework": {"key": self.framework_key, "name": self.framework, "version": self.framework_version},
            "score_formula": SCORE_FORMULA,
            "counts": self.counts.to_value(),
            "by_family": families,
            "by_severity": severities,
            "evidence": {"with_evidence": self.with_evidence, "without_evidence": self.without_evidence, "files": files},
            "findings": findings,
        })
    }

    /// SHA-256 of the canonical data: equal state, equal digest.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(canonical(&self.to_value()).as_bytes()))
    }
}

/// When and by what a report was generated: beside the data, not of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// When, RFC 3339.
    pub at: String,
    /// By which version.
    pub version: String,
    /// The digest of the data.
    pub digest: String,
}

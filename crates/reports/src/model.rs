//! The entity: a report as requested and as generated.

use grc_kernel::{
    Access, AssessmentId, ReportId, resource,
    shape::{Preset, Ty, must},
    wire_enum,
};
use serde_json::Value;

wire_enum! {
    /// What a report is about.
    pub enum ReportType {
        /// Where an assessment stands.
        ComplianceSummary = "compliance_summary",
    }
}

wire_enum! {
    /// How it is written.
    pub enum Format {
        /// For machines.
        Json = "json",
        /// For people: one self-contained page.
        Html = "html",
    }
}

impl Format {
    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

wire_enum! {
    /// Where a report stands.
    pub enum ReportStatus {
        /// Wanted.
        Queued = "queued",
        /// Being generated.
        Running = "running",
        /// There.
        Completed = "completed",
        /// Given up.
        Failed = "failed",
    }
}

resource! {
    /// A report.
    pub struct Report(ReportId) as "Report" {
        kind: "report", table: "reports", area: "report", name: "title", sort: ("created_at", true),
        write: Access::Review, delete: Access::Write, answer: "ReportBody",
        extra: &[must("content_type", Ty::Line(127), "The file's media type.")], derived: Report::derived,
    }
    /// What it is about.
    kind: ReportType = Ty::Word(ReportType::NAMES), required, fixed, named("type"), stored_as("kind");
    /// How it is written.
    format: Format = Ty::Word(Format::NAMES), required, fixed;
    /// The assessment it is about; required for a compliance summary.
    assessment_id: Option<AssessmentId> = Ty::Ref("assessment"), fixed;
    /// Its title; one is made where a new report has none.
    title: String = Ty::Line(200), fixed, sorts, searches;
    /// Where it stands.
    status: ReportStatus = Ty::Word(ReportStatus::NAMES), computed, preset(Preset::Text("queued"));
    /// How far it is.
    progress: i64 = Ty::Int(0, 100), computed;
    /// Why it failed.
    error: Option<String> = Ty::Text(20_000), computed;
    /// SHA-256 of the data it draws from, without the time of generation: equal state, equal digest.
    snapshot_digest: Option<String> = Ty::Line(64), computed;
    /// SHA-256 of the file.
    sha256: Option<String> = Ty::Line(64), computed;
    /// The file's size in bytes.
    size: Option<i64> = Ty::Int(0, i64::MAX), computed;
}

impl Report {
    fn derived(&self) -> Vec<(&'static str, Value)> {
        vec![("content_type", self.format.content_type().into())]
    }
}

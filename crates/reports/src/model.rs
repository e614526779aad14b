//! The entity: a report as requested and as generated.

use grc_kernel::{
    Access, AssessmentId, ReportId, resource,
    shape::{Preset, Ty, must},
    wire_enum,
};
use serde_json::{Map, Value};

wire_enum! {
    /// What a report is about.
    pub enum ReportType {
        /// Where an assessment stands.
        ComplianceSummary = "compliance_summary",
        /// What is missing in an assessment, and what it takes.
        GapAnalysis = "gap_analysis",
        /// The risks, what is done about them, and what they may cost.
        RiskRegister = "risk_register",
        /// What happened, and how it was answered.
        IncidentSummary = "incident_summary",
        /// What the organization does, and what its absence does.
        BcmImpactAnalysis = "bcm_impact_analysis",
    }
}

wire_enum! {
    /// How it is written.
    pub enum Format {
        /// For machines.
        Json = "json",
        /// For people: one self-contained page.
        Html = "html",
        /// For people: pages to print, to sign and to keep.
        Pdf = "pdf",
        /// For people who calculate: a workbook.
        Xlsx = "xlsx",
    }
}

impl ReportType {
    /// Whether it is about an assessment.
    pub fn needs_assessment(self) -> bool {
        matches!(self, Self::ComplianceSummary | Self::GapAnalysis)
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::ComplianceSummary => "Compliance summary",
            Self::GapAnalysis => "Gap analysis",
            Self::RiskRegister => "Risk register",
            Self::IncidentSummary => "Incident summary",
            Self::BcmImpactAnalysis => "Business impact analysis",
        }
    }

    /// The areas that it reads: who asks for it must be allowed to read them too.
    pub fn areas(self) -> &'static [&'static str] {
        match self {
            Self::ComplianceSummary | Self::GapAnalysis => &["assessment", "finding", "control", "evidence"],
            Self::RiskRegister => &["risk"],
            Self::IncidentSummary => &["incident"],
            Self::BcmImpactAnalysis => &["bcm", "risk"],
        }
    }
}

impl Format {
    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
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

/// The states of a report that is still to come.
pub const OPEN: [ReportStatus; 2] = [ReportStatus::Queued, ReportStatus::Running];

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
    /// The assessment it is about; required for a compliance summary and a gap analysis.
    assessment_id: Option<AssessmentId> = Ty::Ref("assessment"), fixed;
    /// Which records it is about: the filters of their list (findings, risks, incidents, processes) by name, each with a
    /// value or a list of values.
    filters: Option<Map<String, Value>> = Ty::Any, fixed;
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

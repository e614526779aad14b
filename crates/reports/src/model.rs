//! The entity: a report as requested and as generated.

use grc_kernel::{AssessmentId, Field, Kind, ListSpec, Meta, OrgId, Record, ReportId, record::with_meta, wire_enum};
use serde_json::{Value, json};
use uuid::Uuid;

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

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// Its organization.
    pub org: OrgId,
    /// What it is about.
    pub kind: ReportType,
    /// How it is written.
    pub format: Format,
    /// The assessment it is about.
    pub assessment_id: Option<AssessmentId>,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: ReportStatus,
    /// 0 to 100.
    pub progress: i32,
    /// Why it failed.
    pub error: Option<String>,
    /// SHA-256 of the data it draws from, without the time of generation: equal state, equal digest.
    pub snapshot_digest: Option<String>,
    /// SHA-256 of the file.
    pub sha256: Option<String>,
    /// The file's size in bytes.
    pub size: Option<i64>,
    /// Bookkeeping.
    pub meta: Meta,
}

impl Record for Report {
    const TYPE: &'static str = "report";

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
            "type": self.kind.as_str(),
            "format": self.format.as_str(),
            "assessment_id": self.assessment_id.map(|id| id.to_string()),
            "title": self.title,
            "status": self.status.as_str(),
            "progress": self.progress,
            "error": self.error,
            "snapshot_digest": self.snapshot_digest,
            "sha256": self.sha256,
            "size": self.size,
            "content_type": self.format.content_type(),
        });
        with_meta(value, &self.meta)
    }
}

/// What the list of reports can do.
pub static LIST: ListSpec = ListSpec {
    resource: "reports",
    fields: &[
        Field::new("title", Kind::Text).sorts().searches(),
        Field::new("type", Kind::Choice(ReportType::NAMES)).stored_as("kind"),
        Field::new("format", Kind::Choice(Format::NAMES)),
        Field::new("status", Kind::Choice(ReportStatus::NAMES)),
        Field::new("assessment_id", Kind::Id).optional(),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("updated_at", Kind::Time).sorts(),
        Field::new("created_by", Kind::Id),
    ],
    default_sort: ("created_at", true),
    stored: false,
};

//! An import and the rows of it that failed, as they are kept.

use grc_kernel::{
    FieldError, nested, resource,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::table::{COLUMNS_MAX, Format};

typed_id! {
    /// An import of a table.
    ImportId,
    /// A row of it that failed.
    RowId,
}

wire_enum! {
    /// Whether an import changes anything.
    pub enum Mode {
        /// Everything is done as it would be, and taken back.
        DryRun = "dry_run",
        /// Everything is done.
        Apply = "apply",
    }
}

wire_enum! {
    /// Where an import stands: as a job does.
    pub enum Status {
        /// It waits for a worker.
        Queued = "queued",
        /// Its rows are being carried out.
        Running = "running",
        /// Each of its rows was carried out, or failed for itself.
        Completed = "completed",
        /// Nothing of it counts: it was all or nothing and a row failed; or it was given up.
        Failed = "failed",
        /// It was stopped on request.
        Cancelled = "cancelled",
    }
}

impl Status {
    /// Whether nothing more becomes of it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// The most failed rows that are kept, each with its errors.
pub const FAILED_MAX: usize = 1_000;

const NUMBER: Ty = Ty::Int(0, i64::MAX);

resource! {
    /// An import of a table into a register.
    pub struct Import(ImportId) as "TableImport" {
        kind: "import", table: "imports", area: "import", name: "resource", sort: ("created_at", true),
    }
    /// The register: `risks`.
    resource: String = Ty::Line(100), computed, sorts;
    /// How the table is written.
    format: Format = Ty::Word(Format::NAMES), computed;
    /// Whether it changes anything.
    mode: Mode = Ty::Word(Mode::NAMES), computed;
    /// Whether all rows count or none; else each for itself.
    atomic: bool = Ty::Bool, computed;
    /// Where it stands.
    status: Status = Ty::Word(Status::NAMES), computed, preset(Preset::Text("queued"));
    /// The SHA-256 of the file in hex.
    sha256: String = Ty::Line(64), computed;
    /// The size of the file in bytes.
    size: i64 = NUMBER, computed;
    /// The rows of the table that say something, without its heading.
    rows_total: i64 = NUMBER, computed;
    /// How many of them were carried out, or failed.
    rows_done: i64 = NUMBER, computed;
    /// How many records were created, or would be.
    created: i64 = NUMBER, computed;
    /// How many were changed, or would be.
    updated: i64 = NUMBER, computed;
    /// How many are as the table has them already.
    unchanged: i64 = NUMBER, computed;
    /// How many rows failed.
    failed: i64 = NUMBER, computed;
    /// Columns that the service sets itself, or that were to be left out.
    ignored_columns: Vec<String> = Ty::List(&Ty::Line(500), COLUMNS_MAX), computed;
    /// Why nothing of it counts.
    error: Option<String> = Ty::Text(20_000), computed;
    /// When it was over.
    finished_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// What the request said beyond that: mapping, sheet, match.
    options: Map<String, Value> = Ty::Any, hidden;
    /// Who asked for it, as whom its rows are carried out.
    caller: Map<String, Value> = Ty::Any, hidden;
    /// Where the file lies until the import is over.
    object_key: Option<String> = Ty::Line(500), hidden;
}

nested! {
    /// What is wrong with a row.
    pub struct RowError as "TableImportError" {
        /// The heading of the column; none where it is the row as a whole.
        column: Option<String> = Ty::Text(2_000);
        /// The member that it stands for.
        field: Option<String> = Ty::Text(2_000);
        /// What is wrong, as a stable name.
        code: String = Ty::Line(100), required;
        /// The same for a person.
        detail: String = Ty::Text(20_000), required;
        /// What would be right, where that can be listed.
        allowed: Option<Vec<String>> = Ty::List(&Ty::Line(200), 500);
    }
}

fn cut(text: &str) -> String {
    text.chars().take(2_000).collect()
}

impl RowError {
    /// An error of the row as a whole.
    pub fn whole(code: &str, detail: impl AsRef<str>) -> Self {
        Self { column: None, field: None, code: code.to_owned(), detail: cut(detail.as_ref()), allowed: None }
    }

    /// An error of a cell.
    pub fn cell(column: &str, field: &str, code: &str, detail: impl AsRef<str>) -> Self {
        Self { column: Some(cut(column)), field: Some(cut(field)), ..Self::whole(code, detail) }
    }
}

impl From<&FieldError> for RowError {
    fn from(error: &FieldError) -> Self {
        Self { field: Some(cut(&error.field)), ..Self::whole(error.code, &error.detail) }
    }
}

resource! {
    /// A row of an import that failed.
    pub struct ImportRow(RowId) as "TableImportRow" {
        kind: "import_row", table: "import_rows", area: "import", name: "id", sort: ("number", false),
    }
    /// The import.
    import_id: ImportId = Ty::Ref("import"), computed;
    /// Its number, as a spreadsheet counts.
    number: i64 = NUMBER, computed, sorts;
    /// What is wrong with it.
    errors: Vec<RowError> = Ty::List(&Ty::Object(<RowError as resource::Nested>::SHAPE), COLUMNS_MAX), computed;
}

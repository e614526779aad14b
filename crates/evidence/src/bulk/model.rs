//! The import and its items, as they are kept.

use grc_kernel::{
    Access, EvidenceId, FieldError, nested, resource,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::manifest::ROWS_MAX;

typed_id! {
    /// An import of many pieces of evidence.
    ImportId,
    /// An item of an import.
    ItemId,
}

wire_enum! {
    /// Where an import stands: as a job does.
    pub enum ImportStatus {
        /// It waits for a worker.
        Queued = "queued",
        /// Its items are being stored.
        Running = "running",
        /// Each of its items is stored or failed.
        Completed = "completed",
        /// It was given up, or its archive was refused.
        Failed = "failed",
    }
}

wire_enum! {
    /// Where an item stands.
    pub enum ItemStatus {
        /// It waits.
        Queued = "queued",
        /// It is evidence now.
        Stored = "stored",
        /// It is not, and its errors say why.
        Failed = "failed",
    }
}

/// The most items: every row, and every file that no row names.
const ITEMS_MAX: i64 = 20_000;

resource! {
    /// An import of many pieces of evidence.
    pub struct BulkImport(ImportId) as "EvidenceImport" {
        kind: "evidence_import", table: "evidence_imports", area: "evidence", name: "id", sort: ("created_at", true),
        write: Access::Review,
    }
    /// Where it stands.
    status: ImportStatus = Ty::Word(ImportStatus::NAMES), computed, preset(Preset::Text("queued"));
    /// Where the archive lies in the store until the import is over; none where files are fetched.
    archive_key: Option<String> = Ty::Line(500), hidden;
    /// The archive's SHA-256 in hex.
    archive_sha256: Option<String> = Ty::Line(64), computed;
    /// The archive's size in bytes.
    archive_size: Option<i64> = Ty::Int(0, i64::MAX), computed;
    /// How many items it has.
    items_total: i64 = Ty::Int(0, ITEMS_MAX), computed;
    /// How many of them are evidence now.
    items_stored: i64 = Ty::Int(0, ITEMS_MAX), computed;
    /// How many of them failed.
    items_failed: i64 = Ty::Int(0, ITEMS_MAX), computed;
    /// Why it was given up.
    error: Option<String> = Ty::Text(20_000), computed;
    /// When it was over.
    finished_at: Option<OffsetDateTime> = Ty::Time, computed;
}

nested! {
    /// What is wrong with an item.
    pub struct ItemError as "EvidenceImportError" {
        /// The field.
        field: String = Ty::Line(1_000), required;
        /// What is wrong with it, as a stable name.
        code: String = Ty::Line(100), required;
        /// The same for a person.
        detail: String = Ty::Text(20_000), required;
    }
}

impl From<&FieldError> for ItemError {
    fn from(error: &FieldError) -> Self {
        let cut = |text: &str, most: usize| text.chars().take(most).collect();
        Self { field: cut(&error.field, 1_000), code: error.code.to_owned(), detail: cut(&error.detail, 2_000) }
    }
}

impl ItemError {
    /// An error of the item as a whole.
    pub fn whole(code: &str, detail: impl Into<String>) -> Self {
        Self { field: "filename".to_owned(), code: code.to_owned(), detail: detail.into() }
    }
}

resource! {
    /// An item of an import.
    pub struct BulkItem(ItemId) as "EvidenceImportItem" {
        kind: "evidence_import_item", table: "evidence_import_items", area: "evidence", name: "name",
        sort: ("position", false), write: Access::Review,
    }
    /// The import.
    import_id: ImportId = Ty::Ref("evidence_import"), computed;
    /// Its place in the import.
    position: i64 = Ty::Int(0, ITEMS_MAX), computed, sorts;
    /// Its row in the manifest; none where no row names it.
    manifest_row: Option<i64> = Ty::Int(1, i64::MAX), computed;
    /// Its path in the archive, or its address.
    name: String = Ty::Text(1_000), computed;
    /// Where it stands.
    status: ItemStatus = Ty::Word(ItemStatus::NAMES), computed, preset(Preset::Text("queued"));
    /// The evidence that it became.
    evidence_id: Option<EvidenceId> = Ty::Id, computed;
    /// The evidence that it is to become: chosen before its bytes are written, so that they have one place.
    planned_id: Uuid = Ty::Id, hidden;
    /// What the manifest says of it.
    said: Map<String, Value> = Ty::Any, hidden;
    /// What is wrong with it.
    errors: Vec<ItemError> = Ty::List(&Ty::Object(<ItemError as resource::Nested>::SHAPE), ROWS_MAX), computed;
}

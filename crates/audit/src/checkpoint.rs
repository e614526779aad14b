//! A checkpoint as it is kept.

use grc_kernel::{
    OrgId, Uuid,
    list::{Field, Kind, ListSpec},
    merkle::Hash,
    record::{Record, timestamp},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A signed tree head over the first entries of an organization's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Its id.
    pub id: Uuid,
    /// Whose journal.
    pub org: OrgId,
    /// Over how many entries.
    pub tree_size: i64,
    /// The root of their tree.
    pub root: Hash,
    /// The signed note.
    pub note: String,
    /// When it was signed.
    pub created_at: OffsetDateTime,
}

/// What lists of checkpoints can do.
pub static LIST: ListSpec = ListSpec {
    resource: "audit_checkpoints",
    fields: &[
        Field::new("tree_size", Kind::Int).sorts(),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("id", Kind::Id),
    ],
    default_sort: ("tree_size", true),
    stored: false,
};

impl Record for Checkpoint {
    const TYPE: &'static str = "audit_checkpoint";

    fn id(&self) -> Uuid {
        self.id
    }

    fn revision(&self) -> i64 {
        1
    }

    fn snapshot(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "tree_size": self.tree_size,
            "root_hash": hex::encode(self.root),
            "note": self.note,
            "created_at": timestamp(self.created_at),
        })
    }
}

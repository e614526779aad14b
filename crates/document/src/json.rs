//! A document for programs: figures and tables by name, the charts' data, and the texts in their order.

use grc_kernel::{journal::canonical, record::timestamp};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::model::{Block, Document, Generation, Section, Table};

impl Document {
    /// The document as a value.
    pub fn to_json(&self) -> Json {
        let figures: Map<String, Json> =
            self.all_facts().map(|fact| (fact.key.clone(), fact.value.to_json())).collect();
        let tables: Map<String, Json> = self.tables().map(|table| (table.id.clone(), rows(table))).collect();
        let charts: Map<String, Json> = self.charts().map(|chart| (chart.id.clone(), chart.to_json())).collect();
        json!({
            "type": self.kind, "title": self.title, "organization": self.organization,
            "figures": figures, "tables": tables, "charts": charts,
            "sections": self.sections.iter().map(section).collect::<Vec<_>>(),
        })
    }

    /// SHA-256 of the canonical data (RFC 8785): equal state, equal digest.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(canonical(&self.to_json()).as_bytes()))
    }
}

/// The document as a JSON file.
pub fn file(document: &Document, generation: &Generation) -> Vec<u8> {
    let value = json!({
        "generated": {"at": timestamp(generation.at), "by": "sovereign-grc", "version": generation.version},
        "snapshot_digest": generation.digest,
        "report": document.to_json(),
    });
    format!("{value:#}\n").into_bytes()
}

fn rows(table: &Table) -> Json {
    let row = |row: &Vec<crate::Value>| -> Json {
        let cells = table.columns.iter().zip(row);
        cells.map(|(column, value)| (column.key.clone(), value.to_json())).collect::<Map<_, _>>().into()
    };
    table.rows.iter().map(row).collect::<Vec<_>>().into()
}

fn section(section: &Section) -> Json {
    let blocks: Vec<Json> = section
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text(text) | Block::Lead(text) => json!({"text": text}),
            Block::Note(text) => json!({"note": text}),
            Block::Rule(text) => json!({"rule": text}),
            Block::Points(points) => json!({"points": points}),
            Block::Figures(facts) | Block::Facts(facts) => {
                json!({"figures": facts.iter().map(|fact| json!({"key": fact.key, "label": fact.label})).collect::<Vec<_>>()})
            }
            Block::Table(table) => {
                let columns = table.columns.iter().map(|column| json!({"key": column.key, "label": column.label}));
                json!({"table": table.id, "title": table.title, "columns": columns.collect::<Vec<_>>()})
            }
            Block::Chart(chart) => json!({"chart": chart.id}),
            Block::SignOff(roles) => json!({"sign_off": roles}),
        })
        .collect();
    json!({"id": section.id, "title": section.title, "level": section.level, "blocks": blocks})
}

//! Pure renderers: the same snapshot gives the same bytes.

mod chart;
pub mod html;

use serde_json::json;

use crate::{
    model::Format,
    snapshot::{ComplianceSnapshot, Generation},
};

/// Writes the report in a format.
pub fn render(format: Format, snapshot: &ComplianceSnapshot, generation: &Generation) -> Vec<u8> {
    match format {
        Format::Json => json(snapshot, generation),
        Format::Html => html::page(snapshot, generation).into_bytes(),
    }
}

fn json(snapshot: &ComplianceSnapshot, generation: &Generation) -> Vec<u8> {
    let value = json!({
        "generated": {"at": generation.at, "by": "sovereign-grc", "version": generation.version},
        "snapshot_digest": generation.digest,
        "report": snapshot.to_value(),
    });
    format!("{value:#}\n").into_bytes()
}

/// Text of a user's, made safe for HTML and SVG, in elements and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

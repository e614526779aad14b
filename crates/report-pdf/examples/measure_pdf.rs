//! Draws the sample document with so many findings and says what it cost: `measure 1014 out.pdf`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "an example speaks and measures"
)]

use std::time::Instant;

use grc_document::{Generation, sample};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let findings = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1_014);
    let document = sample::document(findings);
    let at = time::macros::datetime!(2026-03-01 12:00 UTC);
    let generation = Generation { at, version: "0.1.0".into(), digest: document.digest() };
    // The first one reads the typefaces too.
    for round in ["first", "second"] {
        let begun = Instant::now();
        let bytes = grc_report_pdf::draw(&document, &generation).unwrap();
        println!("{round}: {findings} findings, {} bytes, {:?}", bytes.len(), begun.elapsed());
        if round == "second"
            && let Some(path) = arguments.next()
        {
            std::fs::write(path, bytes).unwrap();
        }
    }
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("no peak"));
}

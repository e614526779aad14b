//! Draws a document as a PDF: cover, contents, headers and footers, tables that go on over pages, charts as vectors.
//!
//! Reading order: [`fonts`] (the typefaces that come along), `shape` (from text to glyphs), `wrap` (from text to lines),
//! `sheet` (what stands on a page, and what it is to a reader who does not see it), `table`, `flow` (what goes where),
//! `paint` (from pages to a file).
//!
//! The file is PDF/A-2a and PDF/UA-1: it can be archived, searched, copied from and read aloud. The same document gives
//! the same bytes. `fonts/` says what is bundled and under which licences.

mod flow;
pub mod fonts;
mod paint;
mod shape;
mod sheet;
mod table;
mod wrap;

use grc_document::{Document, Generation};

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
#[error("the PDF could not be written: {0}")]
pub struct PdfError(String);

/// The document as a PDF file.
pub fn draw(document: &Document, generation: &Generation) -> Result<Vec<u8>, PdfError> {
    let mut shaper = shape::Shaper::new();
    let book = flow::lay_out(document, generation, &mut shaper);
    paint::paint(&book, document, generation, &mut shaper)
}

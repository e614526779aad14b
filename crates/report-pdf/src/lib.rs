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

#[cfg(test)]
mod tests {
    use grc_document::{Table, Value, sample};
    use time::macros::datetime;

    use super::*;

    fn made(document: &Document) -> Vec<u8> {
        let generation =
            Generation { at: datetime!(2026-03-01 12:00 UTC), version: "1".into(), digest: document.digest() };
        draw(document, &generation).unwrap()
    }

    /// The text of a file as a reader's program finds it, without white space.
    fn text(bytes: &[u8]) -> String {
        let text = pdf_extract::extract_text_from_mem(bytes).unwrap();
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    /// Whether the program of this test can find a character: a letter that the typeface puts together from two signs has
    /// its text beside them (ActualText), where it does not look. Readers do.
    fn found(c: char) -> bool {
        fonts::covers(c) && !('\u{1e00}'..='\u{1eff}').contains(&c)
    }

    fn packed(text: &str) -> String {
        shape::clean(text).chars().filter(|c| !c.is_whitespace()).collect()
    }

    #[test]
    fn the_text_of_the_file_is_the_documents() {
        let document = sample::document(30);
        let text = text(&made(&document));
        for fact in document.all_facts() {
            // Word by word: lines of columns side by side come one after another.
            for part in fact.value.read().split(|c: char| c.is_whitespace() || !found(c)) {
                assert!(text.contains(&packed(part)), "{part} is not in the file");
            }
        }
        for table in document.tables() {
            for (row, at) in table.rows.iter().zip(0..) {
                for value in
                    row.iter().filter(|value| value.is_number() || matches!(value, Value::Date(_) | Value::Word(..)))
                {
                    assert!(text.contains(&packed(&value.read())), "row {at}: {} is not in the file", value.read());
                }
            }
        }
        for name in sample::NAMES.split(" · ").filter(|name| name.chars().all(found)).chain([sample::LONG]) {
            assert!(text.contains(&packed(name)), "{name} is not in the file");
        }
    }

    #[test]
    fn equal_documents_are_equal_bytes() {
        assert_eq!(made(&sample::document(5)), made(&sample::document(5)));
    }

    #[test]
    fn whatever_stands_in_a_document_it_is_drawn() {
        let odd = [
            String::new(),
            " ".into(),
            "\n\n\n".into(),
            "\u{0}\u{feff}\u{fffe}\u{e000}\u{200d}\u{fe0f}\u{ad}\u{301}".into(),
            "😀👩‍👩‍👧 مرحبا שלום नमस्ते 漢字".into(),
            "x".repeat(5_000),
            "word ".repeat(4_000),
            "\u{301}".repeat(300),
        ];
        for text in odd {
            let mut document = sample::document(1);
            document.title = text.clone();
            document.organization = text.clone();
            for section in &mut document.sections {
                section.title = text.clone();
            }
            let columns = [("a", text.as_str()), ("b", text.as_str()), ("c", text.as_str())];
            let row = vec![Value::text(text.clone()), Value::List(vec![text.clone()]), Value::text(text.clone())];
            let table = Table::new("odd", &text, &columns).under("a", &["c"]).grouped("b").rows([row]);
            document.sections.push(grc_document::Section::new("odd", &text).table(table).text(text.clone()));
            assert!(made(&document).starts_with(b"%PDF-1.7"));
        }
    }

    #[test]
    fn a_document_with_nothing_in_it_is_a_file_all_the_same() {
        let text = text(&made(&Document { title: "Nothing".into(), ..Document::default() }));
        assert!(text.contains("Nothing") && text.contains("Contents"));
    }
}

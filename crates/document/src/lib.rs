//! A report as data: what it says, once, from which every format is drawn.
//!
//! Reading order: [`value`] (what a cell holds), [`model`] (sections, tables, charts), [`chart`] (from data to a
//! picture), [`picture`] (rectangles, paths and words, which SVG and PDF draw alike), [`json`] and [`html`]. The PDF and
//! the workbook have crates of their own, because they bring libraries along.
//!
//! Everything here is a calculation: the same document gives the same bytes. Nothing knows a domain, so a report's
//! numbers are decided where the document is made and nowhere else.

pub mod chart;
pub mod html;
pub mod json;
pub mod model;
pub mod num;
pub mod picture;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
mod style;
pub mod value;

pub use chart::{Chart, Data};
pub use model::{Block, Column, Document, Fact, Generation, Section, Table};
pub use picture::{Ink, Picture};
pub use value::{Tone, Value};

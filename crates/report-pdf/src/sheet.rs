//! What stands on a page, and what it is to a reader who does not see it.

use grc_document::{Ink, picture::Step};

/// How wide a page is: A4, in points.
pub(crate) const WIDTH: f32 = 595.28;
/// How high.
pub(crate) const HEIGHT: f32 = 841.89;
/// What is free on either side.
pub(crate) const SIDE: f32 = 56.0;
/// Where the text begins.
pub(crate) const TOP: f32 = 76.0;
/// Where it ends.
pub(crate) const BOTTOM: f32 = HEIGHT - 62.0;
/// How wide the text is.
pub(crate) const TEXT: f32 = WIDTH - 2.0 * SIDE;

/// Where in the tree of tags something belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it decorates.
    Decoration,
    /// It heads or ends every page.
    Margin,
    /// In this node.
    Node(usize),
}

/// Something drawn.
#[derive(Clone, Debug)]
pub(crate) enum Drawn {
    /// A line of text by its base line.
    Text { x: f32, y: f32, size: f32, bold: bool, ink: Ink, text: String, upright: bool },
    /// A path.
    Path { steps: Vec<Step>, fill: Option<Ink>, stroke: Option<(Ink, f32, bool)> },
}

/// Something drawn, and where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) place: Place,
    pub(crate) drawn: Drawn,
}

/// A place that leads to another page.
#[derive(Clone, Debug)]
pub(crate) struct Jump {
    pub(crate) node: usize,
    /// Left, top, right, bottom.
    pub(crate) from: (f32, f32, f32, f32),
    pub(crate) page: usize,
    pub(crate) y: f32,
    pub(crate) says: String,
}

/// A page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) marks: Vec<Mark>,
    pub(crate) jumps: Vec<Jump>,
}

/// What a part of the document is.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// The whole.
    Whole,
    /// A section.
    Section,
    /// A heading of a depth.
    Heading(u8, String),
    /// A paragraph.
    Paragraph,
    /// The table of contents.
    Contents,
    /// A line of it.
    Entry,
    /// What leads elsewhere.
    Link,
    /// A list.
    List,
    /// A point of it.
    Item,
    /// The body of a point.
    ItemBody,
    /// A table.
    Table,
    /// Its head.
    Head,
    /// Its body.
    Body,
    /// A row.
    Row,
    /// A heading of a column.
    HeadCell,
    /// A heading of a group of rows, so many columns wide.
    GroupCell(u32),
    /// A cell.
    Cell,
    /// A picture: what it shows, its page, and where it is (left, top, right, bottom).
    Figure(String, usize, (f32, f32, f32, f32)),
    /// Its title.
    Caption,
}

/// A node of the tree of tags.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) role: Role,
    pub(crate) parts: Vec<usize>,
}

/// A heading, where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    pub(crate) title: String,
    pub(crate) level: u8,
    pub(crate) page: usize,
    pub(crate) y: f32,
}

/// A document, laid out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub(crate) sheets: Vec<Sheet>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) headings: Vec<Heading>,
}

impl Book {
    /// A new node within another; the first is the whole.
    pub(crate) fn node(&mut self, parent: Option<usize>, role: Role) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node { role, parts: Vec::new() });
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
            parent.parts.push(at);
        }
        at
    }

    /// Draws on a page.
    pub(crate) fn draw(&mut self, page: usize, place: Place, drawn: Drawn) {
        if let Some(sheet) = self.sheets.get_mut(page) {
            sheet.marks.push(Mark { place, drawn });
        }
    }

    /// A filled rectangle that decorates.
    pub(crate) fn rect(&mut self, page: usize, corner: (f32, f32), size: (f32, f32), fill: Ink) {
        let (x, y) = (f64::from(corner.0), f64::from(corner.1));
        let (right, bottom) = (x + f64::from(size.0), y + f64::from(size.1));
        let steps =
            vec![Step::Move(x, y), Step::Line(right, y), Step::Line(right, bottom), Step::Line(x, bottom), Step::Close];
        self.draw(page, Place::Decoration, Drawn::Path { steps, fill: Some(fill), stroke: None });
    }

    /// A line from left to right that decorates.
    pub(crate) fn rule(&mut self, page: usize, x: (f32, f32), y: f32, ink: Ink, width: f32) {
        let steps = vec![Step::Move(f64::from(x.0), f64::from(y)), Step::Line(f64::from(x.1), f64::from(y))];
        self.draw(page, Place::Decoration, Drawn::Path { steps, fill: None, stroke: Some((ink, width, false)) });
    }
}

/// A length of a picture on a page.
pub(crate) fn points(x: f64) -> f32 {
    #[allow(clippy::as_conversions, reason = "there is no other way from f64 to f32, and lengths of a page fit")]
    {
        x as f32
    }
}

/// A count as a length.
pub(crate) fn times(n: usize) -> f32 {
    f32::from(u16::try_from(n).unwrap_or(u16::MAX))
}

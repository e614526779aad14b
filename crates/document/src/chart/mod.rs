//! Charts: from data to a picture.
//!
//! A chart is its data; the picture follows. Colours tell apart also for those who do not see red and green, and every
//! chart names in words what it shows.

mod axis;
mod bars;
mod bowtie;
mod graph;
mod grid;
mod lines;
mod spans;

use serde_json::{Value as Json, json};

use crate::picture::{Ink, Picture};

pub use bars::Swing;
pub use bowtie::End;
pub use graph::{Link, Vertex};
pub use grid::{Cell, Grid};
pub use lines::{Curve, Scale};
pub use spans::Span;

/// How wide charts are, in points: the text of a page.
pub const WIDTH: f64 = 480.0;

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its name for programs; unique in the document.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub alt: String,
    /// What it is drawn from.
    pub data: Data,
}

/// A named colour of a legend.
pub type Series = (String, Ink);

/// What a chart is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Bars of parts, one a row: a label, a number for each series, and what stands at the end.
    Bars {
        /// The parts.
        series: Vec<Series>,
        /// The rows.
        rows: Vec<(String, Vec<f64>, String)>,
    },
    /// A ring of parts, with words in the middle.
    Ring {
        /// The parts and how large they are.
        parts: Vec<(String, Ink, f64)>,
        /// The words in the middle, large and small.
        middle: (String, String),
    },
    /// Coloured cells, in one or two panels of the same axes.
    Grids {
        /// What runs to the right.
        across: (String, Vec<String>),
        /// What runs upwards, the lowest first.
        up: (String, Vec<String>),
        /// The panels.
        panels: Vec<Grid>,
    },
    /// Curves over an axis.
    Lines {
        /// What runs to the right, and how.
        across: (String, Scale),
        /// What runs upwards, and how.
        up: (String, Scale),
        /// The curves.
        curves: Vec<Curve>,
        /// Lines across that mean something.
        marks: Vec<(String, f64)>,
    },
    /// Discs, as large as they count: across, up, how many, label.
    Bubbles {
        /// What runs to the right.
        across: (String, Vec<String>),
        /// What runs upwards, the lowest first.
        up: (String, Vec<String>),
        /// The discs by position, and their colours.
        discs: Vec<(usize, usize, f64, Ink)>,
    },
    /// How far each factor moves a result: the widest first.
    Swings {
        /// The result where nothing moves.
        base: f64,
        /// What the numbers are.
        unit: String,
        /// The factors.
        rows: Vec<Swing>,
    },
    /// What lasts from when to when.
    Spans {
        /// What runs to the right, and its ticks.
        across: String,
        /// The ticks: where, and what is written there. None: made of the numbers.
        ticks: Vec<(f64, String)>,
        /// The legend.
        legend: Vec<Series>,
        /// The rows.
        rows: Vec<Span>,
    },
    /// What leads to an event and what follows from it.
    BowTie {
        /// The event.
        event: String,
        /// What leads to it.
        left: Vec<End>,
        /// What follows from it.
        right: Vec<End>,
    },
    /// What depends on what: above depends on below.
    Graph {
        /// The nodes.
        nodes: Vec<Vertex>,
        /// The edges.
        links: Vec<Link>,
        /// The legend.
        legend: Vec<Series>,
    },
}

impl Chart {
    /// A chart.
    pub fn new(id: &str, title: &str, alt: impl Into<String>, data: Data) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), alt: alt.into(), data }
    }

    /// The picture.
    pub fn picture(&self) -> Picture {
        match &self.data {
            Data::Bars { series, rows } => bars::bars(series, rows),
            Data::Ring { parts, middle } => bars::ring(parts, middle),
            Data::Swings { base, unit, rows } => bars::swings(*base, unit, rows),
            Data::Grids { across, up, panels } => grid::grids(across, up, panels),
            Data::Bubbles { across, up, discs } => grid::bubbles(across, up, discs),
            Data::Lines { across, up, curves, marks } => lines::lines(across, up, curves, marks),
            Data::Spans { across, ticks, legend, rows } => spans::spans(across, ticks, legend, rows),
            Data::BowTie { event, left, right } => bowtie::bow_tie(event, left, right),
            Data::Graph { nodes, links, legend } => graph::graph(nodes, links, legend),
        }
    }

    /// Its data.
    pub fn to_json(&self) -> Json {
        let data = match &self.data {
            Data::Bars { series, rows } => json!({
                "series": names(series),
                "rows": rows.iter().map(|(label, values, end)| json!({"label": label, "values": values, "end": end})).collect::<Vec<_>>(),
            }),
            Data::Ring { parts, middle } => json!({
                "parts": parts.iter().map(|(label, _, value)| json!({"label": label, "value": value})).collect::<Vec<_>>(),
                "middle": middle.0,
            }),
            Data::Grids { across, up, panels } => json!({
                "across": across.1, "up": up.1, "panels": panels.iter().map(Grid::to_json).collect::<Vec<_>>(),
            }),
            Data::Lines { across, up, curves, marks } => json!({
                "across": across.0, "up": up.0, "curves": curves.iter().map(Curve::to_json).collect::<Vec<_>>(),
                "marks": marks.iter().map(|(label, at)| json!({"label": label, "at": at})).collect::<Vec<_>>(),
            }),
            Data::Bubbles { across, up, discs } => json!({
                "across": across.1, "up": up.1,
                "discs": discs.iter().map(|(x, y, count, _)| json!({"across": x, "up": y, "count": count})).collect::<Vec<_>>(),
            }),
            Data::Swings { base, unit, rows } => json!({
                "base": base, "unit": unit,
                "rows": rows.iter().map(|row| json!({"label": row.label, "low": row.low, "high": row.high})).collect::<Vec<_>>(),
            }),
            Data::Spans { across, rows, .. } => json!({
                "across": across, "rows": rows.iter().map(Span::to_json).collect::<Vec<_>>(),
            }),
            Data::BowTie { event, left, right } => json!({
                "event": event, "left": left.iter().map(End::to_json).collect::<Vec<_>>(),
                "right": right.iter().map(End::to_json).collect::<Vec<_>>(),
            }),
            Data::Graph { nodes, links, .. } => json!({
                "nodes": nodes.iter().map(|node| json!({"label": node.label, "layer": node.layer})).collect::<Vec<_>>(),
                "links": links.iter().map(|link| json!([link.from, link.to])).collect::<Vec<_>>(),
            }),
        };
        json!({"title": self.title, "alt": self.alt, "data": data})
    }
}

fn names(series: &[Series]) -> Vec<&str> {
    series.iter().map(|(name, _)| name.as_str()).collect()
}

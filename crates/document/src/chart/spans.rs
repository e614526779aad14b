//! What lasts from when to when: recovery tiers, the lives of incidents, timelines.

use serde_json::{Value as Json, json};

use super::{Series, WIDTH, axis};
use crate::{
    num::float,
    picture::{Anchor, Ink, Picture, width},
};

/// The most rows that a picture shows.
const ROWS_MAX: usize = 40;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What it is.
    pub label: String,
    /// Its pieces: from, to, colour.
    pub pieces: Vec<(f64, f64, Ink)>,
    /// A point that matters, such as a limit.
    pub mark: Option<f64>,
    /// What stands at the end.
    pub note: String,
}

impl Span {
    pub(super) fn to_json(&self) -> Json {
        let pieces = self.pieces.iter().map(|(from, to, _)| json!([from, to])).collect::<Vec<_>>();
        json!({"label": self.label, "pieces": pieces, "mark": self.mark, "note": self.note})
    }
}

pub(super) fn spans(across: &str, ticks: &[(f64, String)], legend: &[Series], rows: &[Span]) -> Picture {
    let shown = rows.len().min(ROWS_MAX);
    let step = if shown > 20 { 13.0 } else { 18.0 };
    let mut picture = Picture::new(WIDTH, 60.0);
    let top = if legend.is_empty() { 6.0 } else { axis::legend(&mut picture, legend, 0.0, 0.0) + 4.0 };
    let bottom = top + float(shown) * step;
    picture.height = bottom + if rows.len() > shown { 46.0 } else { 34.0 };
    let left = rows.iter().map(|row| width(&row.label, 8.0, false)).fold(30.0_f64, f64::max).min(170.0) + 10.0;
    let ends = rows.iter().flat_map(|row| row.pieces.iter().flat_map(|piece| [piece.0, piece.1]).chain(row.mark));
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let (low, high) = if ticks.is_empty() { (low.min(0.0), high) } else { (low, high) };
    let (low, high) = if low.is_finite() && high > low { (low, high) } else { (0.0, 1.0) };
    let right = WIDTH - 62.0;
    let place = |at: f64| left + (right - left) * ((at - low) / (high - low)).clamp(0.0, 1.0);
    let made = || axis::ticks(low, high, 6).into_iter().map(|at| (at, axis::tick_label(at, false))).collect();
    let ticks: Vec<(f64, String)> = if ticks.is_empty() { made() } else { ticks.to_vec() };
    let room = (right - left) / float(ticks.len().max(1));
    for (at, label) in &ticks {
        picture.line((place(*at), top - 2.0), (place(*at), bottom), Ink::LINE, 0.6);
        picture.label((place(*at), bottom + 11.0), 7.5, Anchor::Middle, Ink::SOFT, label, room.max(34.0));
    }
    for (i, row) in rows.iter().take(shown).enumerate() {
        let y = top + float(i) * step;
        let high = step - 6.0;
        picture.label((left - 8.0, y + high / 2.0 + 3.0), 8.0, Anchor::End, Ink::TEXT, &row.label, left - 10.0);
        let mut end = left;
        for (from, to, ink) in &row.pieces {
            // What lasts no time is seen all the same.
            let (from, to) = (place(*from), place(*to).max(place(*from) + 1.5));
            picture.rect(from, y, to - from, high, *ink);
            end = end.max(to);
        }
        if let Some(mark) = row.mark {
            let x = place(mark);
            picture.line((x, y - 1.5), (x, y + high + 1.5), Ink::TEXT, 1.4);
            end = end.max(x);
        }
        picture.label((end + 4.0, y + high / 2.0 + 3.0), 7.5, Anchor::Start, Ink::SOFT, &row.note, WIDTH - end - 4.0);
    }
    picture.line((left, bottom), (right, bottom), Ink::SOFT, 0.8);
    picture.label(((left + right) / 2.0, bottom + 26.0), 8.5, Anchor::Middle, Ink::TEXT, across, right - left);
    if rows.len() > shown {
        let rest = format!("and {} more in the table", rows.len() - shown);
        picture.label((left, bottom + 40.0), 8.0, Anchor::Start, Ink::SOFT, &rest, right - left);
    }
    picture
}

//! Bars of parts, rings, and bars of swings.

use super::{Series, WIDTH, axis};
use crate::{
    num::{float, short, trimmed},
    picture::{Anchor, Ink, Picture, Step, width},
};

/// The most rows that a picture shows; the table beside it has the rest.
const ROWS_MAX: usize = 48;

/// How far one factor moves a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Swing {
    /// The factor.
    pub label: String,
    /// The result at its low end.
    pub low: f64,
    /// The result at its high end.
    pub high: f64,
}

pub(super) fn bars(series: &[Series], rows: &[(String, Vec<f64>, String)]) -> Picture {
    let shown = rows.len().min(ROWS_MAX);
    let step = if shown > 24 { 13.0 } else { 20.0 };
    let mut picture = Picture::new(WIDTH, 20.0 + float(shown) * step + if rows.len() > shown { 14.0 } else { 4.0 });
    let top = if series.len() > 1 { axis::legend(&mut picture, series, 0.0, 0.0) + 4.0 } else { 4.0 };
    picture.height += top - 16.0;
    let widest = |texts: &mut dyn Iterator<Item = &String>, most: f64| {
        texts.map(|text| width(text, 8.0, false)).fold(24.0_f64, f64::max).min(most)
    };
    let left = widest(&mut rows.iter().map(|row| &row.0), 190.0) + 8.0;
    let right = widest(&mut rows.iter().map(|row| &row.2), 80.0) + 8.0;
    let span = WIDTH - left - right;
    let most = rows.iter().map(|row| row.1.iter().sum::<f64>()).fold(0.0_f64, f64::max);
    for (i, (label, values, end)) in rows.iter().take(shown).enumerate() {
        let y = top + float(i) * step;
        let high = step - 5.0;
        picture.label((left - 6.0, y + high / 2.0 + 3.0), 8.0, Anchor::End, Ink::TEXT, label, left - 6.0);
        let mut x = left;
        for ((_, ink), value) in series.iter().zip(values) {
            let wide = if most > 0.0 { span * value / most } else { 0.0 };
            if wide > 0.0 {
                picture.rect(x, y, wide, high, *ink);
                let number = trimmed(*value, 1);
                if wide > width(&number, 7.0, true) + 4.0 && step > 15.0 {
                    let at = (x + wide / 2.0, y + high / 2.0 + 2.6);
                    picture.bold(at, 7.0, Anchor::Middle, ink.contrast(), &number, wide);
                }
            }
            x += wide;
        }
        picture.label((x + 5.0, y + high / 2.0 + 3.0), 8.0, Anchor::Start, Ink::SOFT, end, WIDTH - x - 5.0);
    }
    if rows.len() > shown {
        let rest = format!("and {} more in the table", rows.len() - shown);
        let y = top + float(shown) * step + 8.0;
        picture.label((left, y), 8.0, Anchor::Start, Ink::SOFT, &rest, span);
    }
    picture
}

pub(super) fn ring(parts: &[(String, Ink, f64)], middle: &(String, String)) -> Picture {
    let mut picture = Picture::new(WIDTH, 150.0);
    let (x, y, outer, inner) = (95.0, 75.0, 68.0, 46.0);
    let total: f64 = parts.iter().map(|part| part.2.max(0.0)).sum();
    if total <= 0.0 {
        picture.area(segment((x, y), outer, inner, 0.0, 1.0), Ink::LINE);
    }
    let mut begun = 0.0;
    for (_, ink, value) in parts.iter().filter(|part| part.2 > 0.0 && total > 0.0) {
        let part = value / total;
        picture.area(segment((x, y), outer, inner, begun, begun + part), *ink);
        begun += part;
    }
    picture.bold((x, y + 5.0), 19.0, Anchor::Middle, Ink::TEXT, &middle.0, 2.0 * inner - 8.0);
    picture.label((x, y + 18.0), 8.0, Anchor::Middle, Ink::SOFT, &middle.1, 2.0 * inner - 12.0);
    let top = y - float(parts.len()) * 11.0;
    for (i, (name, ink, value)) in parts.iter().enumerate() {
        let y = top + float(i) * 22.0;
        picture.rect(210.0, y + 2.0, 11.0, 11.0, *ink);
        picture.label((228.0, y + 11.0), 9.5, Anchor::Start, Ink::TEXT, name, 130.0);
        picture.bold((390.0, y + 11.0), 9.5, Anchor::End, Ink::TEXT, &trimmed(*value, 1), 60.0);
        let share = if total > 0.0 { format!("{:.1} %", value / total * 100.0) } else { "–".to_owned() };
        picture.label((450.0, y + 11.0), 9.5, Anchor::End, Ink::SOFT, &share, 60.0);
    }
    picture
}

/// A piece of a ring; angles are parts of a turn, clockwise from the top.
fn segment(middle: (f64, f64), outer: f64, inner: f64, from: f64, to: f64) -> Vec<Step> {
    let point = |turn: f64, radius: f64| {
        let angle = (turn - 0.25) * std::f64::consts::TAU;
        (middle.0 + radius * angle.cos(), middle.1 + radius * angle.sin())
    };
    let pieces = 1 + (0..60).take_while(|n| f64::from(*n) / 60.0 < to - from).count();
    let along = |i: usize| from + (to - from) * float(i) / float(pieces);
    let mut steps = Vec::with_capacity(2 * pieces + 3);
    for i in 0..=pieces {
        let (x, y) = point(along(i), outer);
        steps.push(if i == 0 { Step::Move(x, y) } else { Step::Line(x, y) });
    }
    for i in (0..=pieces).rev() {
        let (x, y) = point(along(i), inner);
        steps.push(Step::Line(x, y));
    }
    steps.push(Step::Close);
    steps
}

pub(super) fn swings(base: f64, unit: &str, rows: &[Swing]) -> Picture {
    let step = 20.0;
    let mut picture = Picture::new(WIDTH, 46.0 + float(rows.len()) * step);
    let left = rows.iter().map(|row| width(&row.label, 8.0, false)).fold(40.0_f64, f64::max).min(160.0) + 10.0;
    let ends = rows.iter().flat_map(|row| [row.low, row.high]).chain([base]);
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let pad = ((high - low) * 0.12).max(f64::EPSILON);
    let (low, high) = (low - pad, high + pad);
    let place = |value: f64| left + (WIDTH - left - 10.0) * (value - low) / (high - low);
    let bottom = 14.0 + float(rows.len()) * step;
    for at in axis::ticks(low, high, 5) {
        picture.line((place(at), 10.0), (place(at), bottom), Ink::LINE, 0.6);
        picture.label((place(at), bottom + 11.0), 7.5, Anchor::Middle, Ink::SOFT, &short(at), 70.0);
    }
    for (i, row) in rows.iter().enumerate() {
        let y = 14.0 + float(i) * step;
        picture.label((left - 8.0, y + 9.5), 8.0, Anchor::End, Ink::TEXT, &row.label, left - 10.0);
        for (end, ink) in [(row.low, Ink(0x56, 0xb4, 0xe9)), (row.high, Ink(0xd5, 0x5e, 0x00))] {
            let (from, to) = (place(base).min(place(end)), place(base).max(place(end)));
            picture.rect(from, y, to - from, step - 6.0, ink);
        }
    }
    picture.line((place(base), 6.0), (place(base), bottom), Ink::TEXT, 1.0);
    picture.label(
        (place(base), bottom + 24.0),
        8.0,
        Anchor::Middle,
        Ink::TEXT,
        &format!("{unit}, mean {}", short(base)),
        300.0,
    );
    picture
}

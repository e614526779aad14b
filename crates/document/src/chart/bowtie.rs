//! A bow-tie: threats on the left, the event in the middle, consequences on the right, and barriers on the ways.

use serde_json::{Value as Json, json};

use super::WIDTH;
use crate::{
    num::{float, trimmed},
    picture::{Anchor, Ink, Picture, Step, Stroke, lines},
};

/// The most ends of a side that a picture shows.
const ENDS_MAX: usize = 10;
/// The most barriers of a way that it shows.
const BARRIERS_MAX: usize = 4;

/// A threat or a consequence.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// What it is.
    pub label: String,
    /// What is said of it: how often, how much.
    pub note: String,
    /// The barriers on its way, and what part they hold back.
    pub barriers: Vec<(String, f64)>,
}

impl End {
    pub(super) fn to_json(&self) -> Json {
        let barriers = self.barriers.iter().map(|(name, holds)| json!({"name": name, "effectiveness": holds}));
        json!({"label": self.label, "note": self.note, "barriers": barriers.collect::<Vec<_>>()})
    }
}

const BOX: f64 = 92.0;
const STEP: f64 = 46.0;

pub(super) fn bow_tie(event: &str, left: &[End], right: &[End]) -> Picture {
    let rows = left.len().max(right.len()).clamp(1, ENDS_MAX);
    let high = float(rows) * STEP + 10.0;
    let mut picture = Picture::new(WIDTH, high + 14.0);
    let (x, y) = (WIDTH / 2.0, high / 2.0);
    for (ends, outer) in [(left, BOX), (right, WIDTH - BOX)] {
        let shown = ends.len().min(ENDS_MAX);
        let top = (high - float(shown) * STEP) / 2.0;
        for (i, end) in ends.iter().take(shown).enumerate() {
            let at = top + (float(i) + 0.5) * STEP;
            way(&mut picture, (outer, at), (x, y), end);
        }
    }
    for (ends, corner, ink) in [(left, 0.0, Ink(0xe6, 0x9f, 0x00)), (right, WIDTH - BOX, Ink(0xd5, 0x5e, 0x00))] {
        let shown = ends.len().min(ENDS_MAX);
        let top = (high - float(shown) * STEP) / 2.0;
        for (i, end) in ends.iter().take(shown).enumerate() {
            let at = top + (float(i) + 0.5) * STEP;
            one(&mut picture, (corner, at), end, ink);
        }
        if ends.len() > shown {
            let rest = format!("and {} more", ends.len() - shown);
            picture.label((corner, high + 10.0), 7.0, Anchor::Start, Ink::SOFT, &rest, BOX);
        }
    }
    picture.disc(x, y, 34.0, Ink(0x8e, 0x1b, 0x3e), Some(Ink::WHITE));
    let words = lines(event, 7.5, 56.0, 4);
    let first = y + 2.7 - 4.6 * float(words.len().saturating_sub(1));
    for (i, line) in words.iter().enumerate() {
        picture.label((x, first + 9.2 * float(i)), 7.5, Anchor::Middle, Ink::WHITE, line, 58.0);
    }
    picture
}

fn one(picture: &mut Picture, at: (f64, f64), end: &End, ink: Ink) {
    let edge = Stroke { ink, width: 1.0, dashed: false };
    picture.frame(at.0, at.1 - 17.0, BOX, 34.0, Some(ink.towards(Ink::WHITE, 0.84)), Some(edge));
    let words = lines(&end.label, 7.2, BOX - 8.0, 2);
    for (i, line) in words.iter().enumerate() {
        picture.label((at.0 + 4.0, at.1 - 7.5 + 8.6 * float(i)), 7.2, Anchor::Start, Ink::TEXT, line, BOX - 6.0);
    }
    picture.label((at.0 + 4.0, at.1 + 12.5), 6.6, Anchor::Start, Ink::SOFT, &end.note, BOX - 6.0);
}

/// The way between an end and the event, with its barriers across it: the fuller, the more they hold back.
fn way(picture: &mut Picture, from: (f64, f64), to: (f64, f64), end: &End) {
    let bend = (to.0 - from.0) * 0.5;
    let steps = vec![Step::Move(from.0, from.1), Step::Curve(from.0 + bend, from.1, to.0 - bend, to.1, to.0, to.1)];
    let stroke = Some(Stroke { ink: Ink(0x8a, 0x93, 0xa1), width: 1.0, dashed: false });
    picture.shapes.push(crate::picture::Shape::Path { steps, fill: None, stroke });
    let shown = end.barriers.len().min(BARRIERS_MAX);
    let reach = (to.0 - from.0) * 0.56;
    for (i, (name, holds)) in end.barriers.iter().take(shown).enumerate() {
        let part = (float(i) + 0.5) / float(shown.max(1));
        let x = from.0 + reach * part;
        // The way is nearly level where the barriers stand.
        let t = reach * part / (to.0 - from.0);
        let y = from.1 + (to.1 - from.1) * t * t * (3.0 - 2.0 * t);
        let full = 20.0 * holds.clamp(0.0, 1.0);
        picture.rect(x - 2.5, y - 10.0, 5.0, 20.0, Ink::LINE);
        picture.rect(x - 2.5, y + 10.0 - full, 5.0, full, Ink::ACCENT);
        let room = reach.abs() / float(shown.max(1)) - 2.0;
        let text = format!("{name} {} %", trimmed(holds * 100.0, 0));
        picture.label((x, y + 17.5), 6.0, Anchor::Middle, Ink::SOFT, &text, room);
    }
}

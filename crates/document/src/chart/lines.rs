//! Curves over linear, logarithmic and named axes.

use serde_json::{Value as Json, json};

use super::{Series, WIDTH, axis};
use crate::{
    num::float,
    picture::{Anchor, Ink, Picture},
};

/// How an axis runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Evenly, from 0 to 1, told in percent.
    Share,
    /// By powers of ten.
    Log,
    /// By names, one after another.
    Named(Vec<String>),
}

/// A curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What it is.
    pub name: String,
    /// Its colour.
    pub ink: Ink,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
    /// Whether it stays until the next point rather than going towards it.
    pub steps: bool,
}

impl Curve {
    pub(super) fn to_json(&self) -> Json {
        json!({"name": self.name, "points": self.points.iter().map(|(x, y)| json!([x, y])).collect::<Vec<_>>()})
    }
}

const LEFT: f64 = 46.0;
const HIGH: f64 = 170.0;

/// One axis: from a number to a part of its length.
struct Axis<'a> {
    scale: &'a Scale,
    low: f64,
    high: f64,
}

impl<'a> Axis<'a> {
    fn new(scale: &'a Scale, values: impl Iterator<Item = f64>) -> Self {
        let usable = |x: &f64| x.is_finite() && (*scale != Scale::Log || *x > 0.0);
        let (low, high) =
            values.filter(usable).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = match scale {
            Scale::Share => (0.0, 1.0),
            Scale::Named(names) => (-0.5, float(names.len().max(1)) - 0.5),
            Scale::Linear => (low.min(0.0), high),
            Scale::Log => (low, high),
        };
        if low.is_finite() && high > low { Self { scale, low, high } } else { Self { scale, low: 0.1, high: 1.0 } }
    }

    fn part(&self, x: f64) -> f64 {
        let part = if *self.scale == Scale::Log {
            (x.max(self.low).ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (x - self.low) / (self.high - self.low)
        };
        part.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Named(names) => {
                // As many as there is room for, the last always.
                let every = names.len().div_ceil(12).max(1);
                let last = names.len().saturating_sub(1);
                let shown = names.iter().enumerate().filter(|(i, _)| (last - i).is_multiple_of(every));
                shown.map(|(i, name)| (float(i), name.clone())).collect()
            }
            Scale::Log => {
                let decades = axis::decades(self.low, self.high);
                let decades = if decades.len() < 2 { vec![self.low, self.high] } else { decades };
                decades.into_iter().map(|at| (at, axis::tick_label(at, false))).collect()
            }
            scale => {
                let ticks = axis::ticks(self.low, self.high, 5).into_iter();
                ticks.map(|at| (at, axis::tick_label(at, *scale == Scale::Share))).collect()
            }
        }
    }
}

pub(super) fn lines(
    across: &(String, Scale),
    up: &(String, Scale),
    curves: &[Curve],
    marks: &[(String, f64)],
) -> Picture {
    let mut picture = Picture::new(WIDTH, HIGH + 70.0);
    let named: Vec<Series> = curves.iter().map(|curve| (curve.name.clone(), curve.ink)).collect();
    let top = if named.len() > 1 { axis::legend(&mut picture, &named, 0.0, 0.0) + 6.0 } else { 10.0 };
    let (right, bottom) = (WIDTH - 14.0, top + HIGH);
    picture.height = bottom + 36.0;
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x_axis = Axis::new(&across.1, points().map(|point| point.0).chain(marks.iter().map(|mark| mark.1)));
    let y_axis = Axis::new(&up.1, points().map(|point| point.1));
    let place = |x: f64, y: f64| (LEFT + (right - LEFT) * x_axis.part(x), bottom - HIGH * y_axis.part(y));
    for (at, label) in y_axis.ticks() {
        let y = bottom - HIGH * y_axis.part(at);
        picture.line((LEFT, y), (right, y), Ink::LINE, 0.6);
        picture.label((LEFT - 5.0, y + 2.7), 7.5, Anchor::End, Ink::SOFT, &label, LEFT - 16.0);
    }
    let ticks = x_axis.ticks();
    let room = (right - LEFT) / float(ticks.len().max(1));
    for (at, label) in ticks {
        let x = LEFT + (right - LEFT) * x_axis.part(at);
        picture.line((x, bottom), (x, bottom + 3.0), Ink::SOFT, 0.6);
        picture.label((x, bottom + 12.0), 7.5, Anchor::Middle, Ink::SOFT, &label, room.max(24.0));
    }
    picture.line((LEFT, bottom), (right, bottom), Ink::SOFT, 0.8);
    picture.label(((LEFT + right) / 2.0, bottom + 28.0), 8.5, Anchor::Middle, Ink::TEXT, &across.0, right - LEFT);
    picture.upright((9.0, top + HIGH / 2.0), 8.5, Ink::TEXT, &up.0);
    for (label, at) in marks {
        let x = LEFT + (right - LEFT) * x_axis.part(*at);
        picture.way(&[(x, top), (x, bottom)], Ink::SOFT, 0.9, true);
        let (x, anchor) = if x > right - 70.0 { (x - 3.0, Anchor::End) } else { (x + 3.0, Anchor::Start) };
        picture.label((x, top + 8.0), 7.5, anchor, Ink::SOFT, label, 110.0);
    }
    for curve in curves {
        draw(&mut picture, curve, &place, matches!(across.1, Scale::Named(_)));
    }
    picture
}

fn draw(picture: &mut Picture, curve: &Curve, place: &dyn Fn(f64, f64) -> (f64, f64), dots: bool) {
    let mut way: Vec<(f64, f64)> = Vec::with_capacity(curve.points.len());
    for &(x, y) in curve.points.iter().filter(|point| point.0.is_finite() && point.1.is_finite()) {
        let at = place(x, y);
        if let Some(&before) = way.last().filter(|_| curve.steps) {
            way.push((at.0, before.1));
        }
        way.push(at);
    }
    if way.len() > 1 {
        picture.way(&way, curve.ink, 1.6, false);
    }
    if dots || way.len() == 1 {
        for &(x, y) in &way {
            picture.disc(x, y, 2.6, curve.ink, Some(Ink::WHITE));
        }
    }
}

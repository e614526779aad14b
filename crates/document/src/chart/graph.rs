//! What depends on what: nodes in layers, those that depend above those that they depend on.
//!
//! Within a layer, nodes go towards the middle of what they are joined to (two sweeps of the barycentre rule), which
//! keeps most lines apart. A layer that is wider than the page goes on in another row.

use super::{Series, WIDTH, axis};
use crate::{
    num::float,
    picture::{Anchor, Ink, Picture, Step, Stroke, lines},
};

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Vertex {
    /// Its name.
    pub label: String,
    /// Its layer, from the bottom, from 0.
    pub layer: usize,
    /// Its colour.
    pub ink: Ink,
    /// Whether it is to be seen first.
    pub marked: bool,
}

/// An edge, by the positions of its ends: `from` depends on `to`.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// What depends.
    pub from: usize,
    /// What it depends on.
    pub to: usize,
    /// Whether it is broken: it only helps.
    pub weak: bool,
}

const PER_ROW: usize = 6;
const BOX_HIGH: f64 = 27.0;
const ROW_STEP: f64 = 54.0;

pub(super) fn graph(nodes: &[Vertex], links: &[Link], legend: &[Series]) -> Picture {
    let rows = rows(nodes, links);
    let mut picture = Picture::new(WIDTH, 40.0);
    let top = axis::legend(&mut picture, legend, 0.0, 0.0) + 6.0;
    picture.height = top + float(rows.len()) * ROW_STEP - (ROW_STEP - BOX_HIGH) + 6.0;
    let mut places = vec![(0.0, 0.0, 0.0); nodes.len()];
    for (i, row) in rows.iter().enumerate() {
        let cell = WIDTH / float(row.len().max(1));
        let wide = (cell - 10.0).min(128.0);
        for (j, node) in row.iter().enumerate() {
            if let Some(place) = places.get_mut(*node) {
                *place = ((float(j) + 0.5) * cell, top + float(i) * ROW_STEP, wide);
            }
        }
    }
    for link in links {
        if let Some((from, to)) = places.get(link.from).zip(places.get(link.to)) {
            edge(&mut picture, *from, *to, link.weak);
        }
    }
    for (node, (x, y, wide)) in nodes.iter().zip(&places) {
        let ink = if node.marked { Ink(0x8e, 0x1b, 0x3e) } else { node.ink };
        let edge = Stroke { ink, width: if node.marked { 2.0 } else { 1.0 }, dashed: false };
        picture.frame(x - wide / 2.0, *y, *wide, BOX_HIGH, Some(node.ink.towards(Ink::WHITE, 0.8)), Some(edge));
        let words = lines(&node.label, 7.5, wide - 8.0, 2);
        let first = y + BOX_HIGH / 2.0 + 2.7 - 4.6 * float(words.len() - 1);
        for (i, line) in words.iter().enumerate() {
            picture.label((*x, first + 9.2 * float(i)), 7.5, Anchor::Middle, Ink::TEXT, line, wide - 6.0);
        }
    }
    picture
}

/// A curve from the lower edge of one box to the upper edge of another; within a row it swings below.
fn edge(picture: &mut Picture, from: (f64, f64, f64), to: (f64, f64, f64), weak: bool) {
    let ink = Ink(0x8a, 0x93, 0xa1);
    let start = (from.0, from.1 + BOX_HIGH);
    let (end, bend) =
        if to.1 > from.1 { ((to.0, to.1), (to.1 - start.1) * 0.45) } else { ((to.0, to.1 + BOX_HIGH), 20.0) };
    let into = if to.1 > from.1 { end.1 - bend } else { end.1 + bend };
    let steps = vec![Step::Move(start.0, start.1), Step::Curve(start.0, start.1 + bend, end.0, into, end.0, end.1)];
    let stroke = Some(Stroke { ink, width: 0.9, dashed: weak });
    picture.shapes.push(crate::picture::Shape::Path { steps, fill: None, stroke });
    let back = if to.1 > from.1 { -5.0 } else { 5.0 };
    picture.area(
        vec![
            Step::Move(end.0, end.1),
            Step::Line(end.0 - 2.6, end.1 + back),
            Step::Line(end.0 + 2.6, end.1 + back),
            Step::Close,
        ],
        ink,
    );
}

/// The nodes by rows, from the top.
fn rows(nodes: &[Vertex], links: &[Link]) -> Vec<Vec<usize>> {
    let layers = nodes.iter().map(|node| node.layer + 1).max().unwrap_or(0);
    let mut ordered: Vec<Vec<usize>> = (0..layers)
        .rev()
        .map(|layer| nodes.iter().enumerate().filter(|(_, node)| node.layer == layer).map(|(at, _)| at).collect())
        .collect();
    let mut position = vec![0.5_f64; nodes.len()];
    for _ in 0..2 {
        for layer in &mut ordered {
            for (j, node) in layer.iter().enumerate() {
                if let Some(place) = position.get_mut(*node) {
                    *place = (float(j) + 0.5) / float(layer.len());
                }
            }
            let middle = |node: usize| {
                let near = links.iter().filter_map(|link| match (link.from == node, link.to == node) {
                    (true, false) => position.get(link.to),
                    (false, true) => position.get(link.from),
                    _ => None,
                });
                let (sum, count) = near.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
                if count > 0.0 { sum / count } else { position.get(node).copied().unwrap_or(0.5) }
            };
            let mut keyed: Vec<(f64, usize)> = layer.iter().map(|&node| (middle(node), node)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            *layer = keyed.into_iter().map(|(_, node)| node).collect();
        }
    }
    ordered
        .into_iter()
        .flat_map(|layer| {
            // Rows of the same layer are about as long as each other.
            let parts = layer.len().div_ceil(PER_ROW).max(1);
            let each = layer.len().div_ceil(parts).max(1);
            layer.chunks(each).map(<[usize]>::to_vec).collect::<Vec<_>>()
        })
        .filter(|row| !row.is_empty())
        .collect()
}

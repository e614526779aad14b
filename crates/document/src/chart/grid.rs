//! Cells by two ordered scales: heat maps, moves within them, and discs.

use serde_json::{Value as Json, json};

use super::WIDTH;
use crate::{
    num::float,
    picture::{Anchor, Ink, Picture, Step, Stroke, lines},
};

/// A cell: its column and its row.
pub(crate) type Place = (usize, usize);

/// A cell: where it is (across, up), its colour, and how many lie in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// How far across, from 0.
    pub across: usize,
    /// How far up, from 0.
    pub up: usize,
    /// Its colour.
    pub ink: Ink,
    /// How many lie in it.
    pub count: i64,
}

/// One panel of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// What it is called.
    pub title: String,
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Moves from cell to cell (across, up), and how many made them.
    pub moves: Vec<(Place, Place, i64)>,
}

impl Grid {
    pub(super) fn to_json(&self) -> Json {
        let cells = self.cells.iter().filter(|cell| cell.count > 0);
        let cells = cells.map(|cell| json!({"across": cell.across, "up": cell.up, "count": cell.count}));
        let moves = self
            .moves
            .iter()
            .map(|(from, to, count)| json!({"from": [from.0, from.1], "to": [to.0, to.1], "count": count}));
        json!({"title": self.title, "cells": cells.collect::<Vec<_>>(), "moves": moves.collect::<Vec<_>>()})
    }
}

const LEFT: f64 = 84.0;

pub(super) fn grids(across: &(String, Vec<String>), up: &(String, Vec<String>), panels: &[Grid]) -> Picture {
    let (columns, rows) = (across.1.len().max(1), up.1.len().max(1));
    let gap = 16.0;
    let panel = (WIDTH - LEFT - gap * float(panels.len().saturating_sub(1))) / float(panels.len().max(1));
    let wide = (panel / float(columns)).min(64.0);
    let high = wide.min(38.0).max(190.0 / float(rows)).min(38.0);
    let (top, bottom) = (22.0, 22.0 + high * float(rows));
    let mut picture = Picture::new(WIDTH, bottom + 46.0);
    for (row, label) in up.1.iter().enumerate() {
        let y = bottom - float(row) * high - high / 2.0;
        stacked(&mut picture, (LEFT - 6.0, y), Anchor::End, label, LEFT - 24.0);
    }
    picture.upright((9.0, (top + bottom) / 2.0), 8.5, Ink::TEXT, &up.0);
    for (i, grid) in panels.iter().enumerate() {
        let left = LEFT + float(i) * (panel + gap);
        let middle = left + wide * float(columns) / 2.0;
        picture.bold((middle, 12.0), 9.5, Anchor::Middle, Ink::TEXT, &grid.title, panel);
        for cell in &grid.cells {
            one(&mut picture, (left, bottom), (wide, high), cell, grid.moves.is_empty());
        }
        for (from, to, count) in &grid.moves {
            let at = |(x, y): (usize, usize)| (left + (float(x) + 0.5) * wide, bottom - (float(y) + 0.5) * high);
            arrow(&mut picture, at(*from), at(*to), *count);
        }
        for (column, label) in across.1.iter().enumerate() {
            let x = left + (float(column) + 0.5) * wide;
            stacked(&mut picture, (x, bottom + 11.0), Anchor::Middle, label, wide - 2.0);
        }
        picture.label((middle, bottom + 38.0), 8.5, Anchor::Middle, Ink::TEXT, &across.0, panel);
    }
    picture
}

/// A label of at most two lines around or below a point.
fn stacked(picture: &mut Picture, at: (f64, f64), anchor: Anchor, text: &str, room: f64) {
    let lines = lines(text, 7.0, room, 2);
    let first = if anchor == Anchor::End { at.1 + 2.5 - 4.5 * float(lines.len() - 1) } else { at.1 };
    for (i, line) in lines.iter().enumerate() {
        picture.label((at.0, first + 9.0 * float(i)), 7.0, anchor, Ink::SOFT, line, room);
    }
}

fn one(picture: &mut Picture, corner: (f64, f64), size: (f64, f64), cell: &Cell, numbers: bool) {
    let x = corner.0 + float(cell.across) * size.0;
    let y = corner.1 - float(cell.up + 1) * size.1;
    let full = cell.count > 0 && numbers;
    let ink = if full { cell.ink } else { cell.ink.towards(Ink::WHITE, 0.62) };
    let edge = Stroke { ink: Ink::WHITE, width: 1.2, dashed: false };
    picture.frame(x, y, size.0, size.1, Some(ink), Some(edge));
    if full {
        let at = (x + size.0 / 2.0, y + size.1 / 2.0 + 4.0);
        picture.bold(at, 11.0, Anchor::Middle, ink.contrast(), &cell.count.to_string(), size.0);
    }
}

/// An arrow as thick as many made the move, with their number where it is more than one.
fn arrow(picture: &mut Picture, from: (f64, f64), to: (f64, f64), count: i64) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length < 1.0 {
        picture.disc(from.0, from.1, 3.0, Ink::TEXT, Some(Ink::WHITE));
        return;
    }
    let (ux, uy) = (dx / length, dy / length);
    let width = 1.0 + crate::num::coordinate(count.min(20)) * 0.12;
    let tip = (to.0 - ux * 3.0, to.1 - uy * 3.0);
    let neck = (tip.0 - ux * 6.0, tip.1 - uy * 6.0);
    picture.disc(from.0, from.1, 2.2, Ink::TEXT, None);
    picture.line(from, neck, Ink::TEXT, width);
    let side = 3.2;
    picture.area(
        vec![
            Step::Move(tip.0, tip.1),
            Step::Line(neck.0 - uy * side, neck.1 + ux * side),
            Step::Line(neck.0 + uy * side, neck.1 - ux * side),
            Step::Close,
        ],
        Ink::TEXT,
    );
    if count > 1 {
        let at = ((from.0 + to.0) / 2.0 - uy * 6.0, (from.1 + to.1) / 2.0 + ux * 6.0 + 2.5);
        picture.bold(at, 7.5, Anchor::Middle, Ink::TEXT, &count.to_string(), 30.0);
    }
}

pub(super) fn bubbles(
    across: &(String, Vec<String>),
    up: &(String, Vec<String>),
    discs: &[(usize, usize, f64, Ink)],
) -> Picture {
    let (columns, rows) = (across.1.len().max(1), up.1.len().max(1));
    let (wide, high) = ((WIDTH - LEFT - 20.0) / float(columns), 46.0);
    let (top, bottom) = (10.0, 10.0 + high * float(rows));
    let mut picture = Picture::new(WIDTH, bottom + 40.0);
    picture.frame(LEFT, top, wide * float(columns), bottom - top, Some(Ink::TINT), None);
    for (row, label) in up.1.iter().enumerate() {
        let y = bottom - float(row) * high;
        picture.line((LEFT, y), (LEFT + wide * float(columns), y), Ink::LINE, 0.7);
        stacked(&mut picture, (LEFT - 6.0, y - high / 2.0), Anchor::End, label, LEFT - 24.0);
    }
    picture.upright((9.0, (top + bottom) / 2.0), 8.5, Ink::TEXT, &up.0);
    for (column, label) in across.1.iter().enumerate() {
        let x = LEFT + float(column) * wide;
        picture.line((x, top), (x, bottom), Ink::LINE, 0.7);
        picture.label((x + wide / 2.0, bottom + 12.0), 8.0, Anchor::Middle, Ink::SOFT, label, wide - 4.0);
    }
    picture.label(
        (LEFT + wide * float(columns) / 2.0, bottom + 30.0),
        8.5,
        Anchor::Middle,
        Ink::TEXT,
        &across.0,
        WIDTH - LEFT,
    );
    let most = discs.iter().map(|disc| disc.2).fold(1.0_f64, f64::max);
    for (x, y, count, ink) in discs {
        let at = (LEFT + (float(*x) + 0.5) * wide, bottom - (float(*y) + 0.5) * high);
        // The area tells the number.
        let radius = (7.0 + 13.5 * (count / most).sqrt()).min(high / 2.0 - 2.0);
        picture.disc(at.0, at.1, radius, *ink, Some(Ink::WHITE));
        let number = crate::num::trimmed(*count, 0);
        picture.bold((at.0, at.1 + 3.0), 8.5, Anchor::Middle, ink.contrast(), &number, wide);
    }
    picture
}

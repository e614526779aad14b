//! The legend of the dependency graph.

use std::collections::BTreeSet;

use super::{
    dependencies::{MARGIN, Scene},
    edges::Lines,
    style::{ALARM, CYCLE, GROUP, HARD, INK, SOFT, kind_name, look},
    svg::{Svg, width},
};
use crate::model::{Criticality, NodeKind};

impl Scene<'_> {
    /// Explains what the picture shows, and nothing that it does not. Returns the bottom.
    pub(super) fn legend(&self, svg: &mut Svg, right: f64, lines: &Lines, points: bool) -> f64 {
        let mut entries: Vec<(String, Mark)> = Vec::new();
        let kinds: BTreeSet<(NodeKind, Option<Criticality>)> = (self.nodes.iter())
            .filter_map(|&at| self.graph.at(at))
            .map(|node| (node.kind, node.criticality.filter(|_| node.is_process())))
            .collect();
        entries.extend(kinds.into_iter().map(|(kind, is)| (kind_name(kind, is), Mark::Node(kind, is))));
        let mut line = |shown: bool, name: &str, colour, dash| {
            if shown {
                entries.push((name.to_owned(), Mark::Line(colour, dash)));
            }
        };
        line(lines.hard, "hard requirement", HARD, "");
        line(lines.group, "redundancy group", GROUP, "");
        line(lines.soft, "soft or supporting", SOFT, "4 4");
        line(lines.cycle, "in a cycle", CYCLE, "");
        if points {
            entries.push(("single point of failure, with the processes lost".to_owned(), Mark::Point));
        }
        let (mut x, mut y) = (MARGIN, Self::top(self.tiers.len()) + 4.0);
        for (name, mark) in entries {
            let room = 34.0 + width(&name) * 11.0 + 20.0;
            if x > MARGIN && x + room > right {
                (x, y) = (MARGIN, y + 24.0);
            }
            mark.draw(svg, (x, y));
            svg.text((x + 32.0, y + 4.0), &format!(r#"font-size="11" fill="{INK}""#), &name);
            x += room;
        }
        y + MARGIN
    }
}

/// A number in a red disc: a single point of failure and the processes that it stops.
pub(super) fn badge(svg: &mut Svg, (x, y): (f64, f64), words: &str) {
    let room = (width(words) * 11.0 + 10.0).max(20.0);
    svg.rect(
        (x - room / 2.0, y - 10.0),
        (room, 20.0),
        10.0,
        &format!(r##"fill="{ALARM}" stroke="#ffffff" stroke-width="1.5""##),
    );
    svg.text((x, y + 4.0), r##"font-size="11" font-weight="bold" text-anchor="middle" fill="#ffffff""##, words);
}

/// A sample in the legend.
enum Mark {
    Node(NodeKind, Option<Criticality>),
    Line(&'static str, &'static str),
    Point,
}

impl Mark {
    fn draw(&self, svg: &mut Svg, (x, y): (f64, f64)) {
        match self {
            Self::Node(kind, criticality) => {
                let style = look(*kind, *criticality);
                let paint = format!(r#"fill="{}" stroke="{}""#, style.fill, style.stroke);
                svg.rect((x, y - 7.0), (26.0, 14.0), style.radius.min(7.0), &paint);
            }
            Self::Line(colour, dash) => {
                let paint = format!(r#"stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}""#);
                svg.line((x, y), (x + 26.0, y), &paint);
            }
            Self::Point => badge(svg, (x + 13.0, y), "n"),
        }
    }
}

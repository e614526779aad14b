//! The lines of the dependency graph: curves from the foot of what depends to the head of what it needs.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

use super::{
    dependencies::{NODE, Scene},
    style::{CYCLE, GROUP, HARD, SOFT},
    svg::{PAPER, Svg},
};
use crate::{adjacency::number, model::Edge};

/// The room of a group's label.
const LABEL: (f64, f64) = (36.0, 12.0);

/// Which kinds of lines there are, for the legend.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) hard: bool,
    pub(super) soft: bool,
    pub(super) group: bool,
    pub(super) cycle: bool,
}

/// Where an edge leaves its source and enters its target, so that edges of one node do not lie on each other.
type Ports = HashMap<usize, (f64, f64)>;

/// Draws all edges.
pub(super) fn draw_edges(svg: &mut Svg, scene: &Scene<'_>) -> Lines {
    let mut lines = Lines::default();
    for (colour, id) in [(HARD, "hard"), (SOFT, "soft"), (GROUP, "group"), (CYCLE, "cycle")] {
        svg.raw(format_args!(
            r#"<marker id="to-{id}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.8 L8 4 L0 7.2 Z" fill="{colour}"/></marker>"#
        ));
    }
    let ports = ports(scene);
    // The quiet lines first, so that the telling ones lie on top.
    let mut order: Vec<usize> = (0..scene.edges.len()).collect();
    let kind = |at: usize| scene.edges.get(at).map(|&(edge, ..)| kind(scene, edge));
    order.sort_by_key(|&at| (kind(at).map(|kind| kind.0), at));
    let mut labels: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for at in order {
        let Some(&(place, source, target)) = scene.edges.get(at) else { continue };
        let Some(edge) = scene.graph.edges().get(place) else { continue };
        let (_, id, colour, dash) = self::kind(scene, place);
        match id {
            "hard" => lines.hard = true,
            "soft" => lines.soft = true,
            "group" => lines.group = true,
            _ => lines.cycle = true,
        }
        let (leave, enter) = ports.get(&at).copied().unwrap_or((scene.middle(source), scene.middle(target)));
        let (path, start) = path(scene, at, (source, leave), (target, enter));
        svg.open(&tip(scene, edge));
        svg.raw(format_args!(
            r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}" marker-end="url(#to-{id})"/>"#
        ));
        svg.close();
        if let Some(need) = group(scene, place) {
            labels.entry(need).or_default().push(start);
        }
    }
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for (need, starts) in labels {
        let middle = starts.iter().map(|(x, _)| x).sum::<f64>() / number(starts.len());
        let mut top = starts.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
        // The labels of two groups of one node would stand on each other.
        while taken.iter().any(|(x, y)| (x - middle).abs() < LABEL.0 && (y - top).abs() < LABEL.1) {
            top += LABEL.1;
        }
        taken.push((middle, top));
        let members = scene.graph.needs.members(need).len();
        let spare = scene.graph.needs.get(need).map_or(0, |need| need.spare);
        let style = format!(
            r#"font-size="9.5" font-weight="bold" text-anchor="middle" fill="{GROUP}" stroke="{PAPER}" stroke-width="3" paint-order="stroke""#
        );
        svg.text((middle, top), &style, &format!("{} of {members}", members - spare));
    }
    lines
}

/// Order of drawing, marker, colour and dashes of an edge.
fn kind(scene: &Scene<'_>, edge: usize) -> (usize, &'static str, &'static str, &'static str) {
    let Some((edge, &(source, target))) = scene.graph.edges().get(edge).zip(scene.graph.ends().get(edge)) else {
        return (1, "hard", HARD, "");
    };
    let component = |node: usize| scene.ordering.components.of.get(node);
    let dash = if edge.can_stop() { "" } else { "4 4" };
    if component(source) == component(target) {
        (3, "cycle", CYCLE, dash)
    } else if !edge.can_stop() {
        (0, "soft", SOFT, dash)
    } else if edge.redundancy_group.is_some() {
        (2, "group", GROUP, dash)
    } else {
        (1, "hard", HARD, dash)
    }
}

fn tip(scene: &Scene<'_>, edge: &Edge) -> String {
    let name = |id| scene.graph.node(id).map_or("", |node| node.name.as_str());
    let group = edge.redundancy_group.as_deref().map(|group| format!(", group {group}")).unwrap_or_default();
    let (kind, strength) = (edge.dependency_type, edge.strength);
    format!("{} {kind} {} ({strength}{group})", name(edge.source), name(edge.target))
}

/// The group that an edge counts in.
fn group(scene: &Scene<'_>, edge: usize) -> Option<usize> {
    let &(source, target) = scene.graph.ends().get(edge)?;
    scene.graph.edges().get(edge).filter(|edge| edge.can_stop() && edge.redundancy_group.is_some())?;
    let needs = &scene.graph.needs;
    needs.of(source).iter().copied().find(|&need| needs.members(need).contains(&target))
}

/// Spreads the ends of the edges over the foot and the head of each node, in the order of where they come from.
fn ports(scene: &Scene<'_>) -> Ports {
    let row = |place: usize| scene.row.get(place).copied().unwrap_or(0);
    let mut feet: HashMap<usize, Vec<(f64, usize)>> = HashMap::new();
    let mut heads: HashMap<usize, Vec<(f64, usize)>> = HashMap::new();
    for (at, &(_, source, target)) in scene.edges.iter().enumerate().filter(|(_, (_, a, b))| row(*a) < row(*b)) {
        let bends = scene.layout.bends.get(at);
        let (first, last) = (bends.and_then(|bends| bends.first()), bends.and_then(|bends| bends.last()));
        let toward =
            |bend: Option<&(usize, f64)>, other: usize| bend.map_or(scene.middle(other), |(_, x)| scene.bend(*x));
        feet.entry(source).or_default().push((toward(first, target), at));
        heads.entry(target).or_default().push((toward(last, source), at));
    }
    let spread = |ends: HashMap<usize, Vec<(f64, usize)>>| {
        let mut found: HashMap<usize, f64> = HashMap::new();
        for (place, mut ends) in ends {
            ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let step = (NODE.0 * 0.7 / number(ends.len())).min(22.0);
            let first = scene.middle(place) - step * (number(ends.len()) - 1.0) / 2.0;
            found.extend(ends.iter().enumerate().map(|(rank, (_, at))| (*at, first + step * number(rank))));
        }
        found
    };
    let (feet, heads) = (spread(feet), spread(heads));
    feet.into_iter().filter_map(|(at, foot)| Some((at, (foot, *heads.get(&at)?)))).collect()
}

/// The curve of an edge, and where a label at its beginning stands.
fn path(
    scene: &Scene<'_>,
    at: usize,
    (source, leave): (usize, f64),
    (target, enter): (usize, f64),
) -> (String, (f64, f64)) {
    let row = |place: usize| scene.row.get(place).copied().unwrap_or(0);
    let (from, to) = (row(source), row(target));
    if from == to {
        return arc(scene, source, target, Scene::top(from));
    }
    let down = from < to;
    // Up-going lines, which only cycles have, keep to the side so that they do not lie on the down-going ones.
    let shift = if down { 0.0 } else { NODE.0 * 0.38 };
    let (near, far) = if down { (NODE.1, 0.0) } else { (0.0, NODE.1) };
    let mut out = String::new();
    let mut pen = (leave + shift, Scene::top(from) + near);
    let start = (pen.0, pen.1 + if down { 15.0 } else { -8.0 });
    let _ = write!(out, "M{:.1} {:.1}", pen.0, pen.1);
    let mut curve = |x: f64, y: f64| {
        let middle = (pen.1 + y) / 2.0;
        let _ = write!(out, " C{:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}", pen.0);
        pen = (x, y);
    };
    for &(row, x) in scene.layout.bends.get(at).into_iter().flatten() {
        let x = scene.bend(x);
        let (enter, leave) = (Scene::top(row) + far, Scene::top(row) + near);
        curve(x, enter);
        curve(x, leave);
    }
    curve(enter + shift, Scene::top(to) + far + if down { -1.0 } else { 1.0 });
    (out, start)
}

/// An arc between two nodes of a row: over them to the right, under them to the left.
fn arc(scene: &Scene<'_>, source: usize, target: usize, top: f64) -> (String, (f64, f64)) {
    let (a, b) = (scene.middle(source), scene.middle(target));
    let (y, reach) = if a < b { (top, -24.0) } else { (top + NODE.1, 24.0) };
    let inset = NODE.0 * 0.25 * (b - a).signum();
    let (a, b) = (a + inset, b - inset);
    (format!("M{a:.1} {y:.1} C{a:.1} {:.1} {b:.1} {:.1} {b:.1} {y:.1}", y + reach, y + reach), (a, y + reach / 2.0))
}

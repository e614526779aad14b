//! The dependency graph: a row for each tier, what is needed below what needs it.

use std::collections::HashMap;

use super::{
    edges::draw_edges,
    layers::{Layout, Plan, layout},
    legend::badge,
    style::{ALARM, BAND, CYCLE, INK, QUIET, kind_name, look},
    svg::{Svg, fitted, hours, two_lines, width},
};
use crate::{
    adjacency::{PerNode, number},
    graph::Graph,
    model::Node,
    spof::{Options, SinglePoint, single_points},
    structure::{Ordering, ordering},
};

/// The size of a node, the gaps around it, and the margins.
pub(super) const NODE: (f64, f64) = (168.0, 56.0);
const PITCH: f64 = 194.0;
const LANE: f64 = 16.0;
const GAP: f64 = 54.0;
const LEFT: f64 = 92.0;
const TOP: f64 = 84.0;
pub(super) const MARGIN: f64 = 28.0;

/// What may be adjusted.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    /// The heading.
    pub title: String,
    /// The most nodes that are drawn. Of a larger graph the most critical ones and those with the most
    /// dependencies are chosen, and the picture says so.
    pub nodes_max: usize,
    /// What a single point of failure is.
    pub single_points: Options,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self { title: "Dependency graph".to_owned(), nodes_max: 200, single_points: Options::default() }
    }
}

/// The part of the graph that is drawn, and where.
pub(super) struct Scene<'g> {
    pub(super) graph: &'g Graph,
    /// The nodes drawn, by index in the graph.
    pub(super) nodes: Vec<usize>,
    /// The edges drawn: index in the graph, source and target as places in `nodes`.
    pub(super) edges: Vec<(usize, usize, usize)>,
    /// Row of each node drawn.
    pub(super) row: Vec<usize>,
    pub(super) layout: Layout,
    /// The component of each node of the graph, to tell cycles.
    pub(super) ordering: Ordering,
    /// Tier of each row, from 1.
    pub(super) tiers: Vec<usize>,
}

/// Draws the graph.
pub fn dependency_graph(graph: &Graph, options: &GraphOptions) -> String {
    let scene = Scene::new(graph, options.nodes_max);
    let points: HashMap<_, _> =
        single_points(graph, options.single_points).into_iter().map(|point| (point.node.id, point)).collect();
    let caption = scene.caption(points.len());
    let right = (LEFT + scene.layout.width).max(MARGIN + width(&caption) * 12.0) + MARGIN;
    let mut svg = Svg::new();
    svg.text(
        (MARGIN, 36.0),
        &format!(r#"font-size="19" font-weight="bold" fill="{INK}""#),
        &fitted(&options.title, (right - 2.0 * MARGIN) / 19.0),
    );
    svg.text((MARGIN, 57.0), &format!(r#"font-size="12" fill="{QUIET}""#), &caption);
    scene.bands(&mut svg, right);
    scene.cycles(&mut svg);
    let lines = draw_edges(&mut svg, &scene);
    for (place, &at) in scene.nodes.iter().enumerate() {
        if let Some(node) = graph.at(at) {
            draw_node(&mut svg, scene.corner(place), node, points.get(&node.id));
        }
    }
    let bottom = scene.legend(&mut svg, right, &lines, !points.is_empty());
    let description = "Processes and assets in recovery tiers; arrows point from what depends to what it needs.";
    svg.finish((right, bottom), &options.title, description)
}

impl<'g> Scene<'g> {
    fn new(graph: &'g Graph, nodes_max: usize) -> Self {
        let ordering = ordering(graph);
        let nodes = chosen(graph, nodes_max);
        let place: HashMap<usize, usize> = nodes.iter().enumerate().map(|(place, &at)| (at, place)).collect();
        let ends = graph.ends().iter().enumerate();
        let edges: Vec<_> = ends
            .filter_map(|(edge, (source, target))| Some((edge, *place.get(source)?, *place.get(target)?)))
            .collect();
        let (row, tiers) = rows(graph, &nodes, &ordering);
        let cluster: Vec<usize> = nodes.iter().map(|&at| ordering.components.of.get(at)).collect();
        let pairs: Vec<_> = edges.iter().map(|&(_, source, target)| (source, target)).collect();
        let layout = layout(&Plan { row: &row, cluster: &cluster, edges: &pairs, pitch: PITCH, lane: LANE });
        Self { graph, nodes, edges, row, layout, ordering, tiers }
    }

    /// The top of a row.
    pub(super) fn top(row: usize) -> f64 {
        TOP + GAP / 2.0 + number(row) * (NODE.1 + GAP)
    }

    /// The middle of a node, horizontally.
    pub(super) fn middle(&self, place: usize) -> f64 {
        LEFT + self.layout.x.get(place).copied().unwrap_or(0.0)
    }

    /// Where a bend of an edge passes, horizontally.
    pub(super) fn bend(&self, x: f64) -> f64 {
        LEFT + x
    }

    fn corner(&self, place: usize) -> (f64, f64) {
        (self.middle(place) - NODE.0 / 2.0, Self::top(self.row.get(place).copied().unwrap_or(0)))
    }

    fn caption(&self, points: usize) -> String {
        let all = self.graph.len();
        let shown = match self.nodes.len() {
            shown if shown < all => format!("the {shown} most critical of {all} nodes"),
            shown => format!("{shown} nodes"),
        };
        let cycles = self.ordering.components.members.iter().filter(|nodes| nodes.len() > 1).count();
        let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let edges = count(self.edges.len(), "dependency", "dependencies");
        let points = count(points, "single point of failure", "single points of failure");
        format!("{shown}, {edges}, {points}, {}. Arrows point to what is needed.", count(cycles, "cycle", "cycles"))
    }

    /// A band behind each tier, and its name.
    fn bands(&self, svg: &mut Svg, right: f64) {
        let mut row = 0;
        for (at, rows) in self.tiers.chunk_by(|a, b| a == b).enumerate() {
            let (top, height) = (Self::top(row) - GAP / 2.0, number(rows.len()) * (NODE.1 + GAP));
            if at % 2 == 0 {
                svg.rect((0.0, top), (right, height), 0.0, &format!(r#"fill="{BAND}""#));
            }
            let style = format!(r#"font-size="12" font-weight="bold" fill="{QUIET}""#);
            let tier = rows.first().copied().unwrap_or(0);
            svg.text((MARGIN, top + height / 2.0 + 4.0), &style, &format!("Tier {tier}"));
            row += rows.len();
        }
    }

    /// A dashed box around the members of a cycle that share a row.
    fn cycles(&self, svg: &mut Svg) {
        let mut boxes: HashMap<(usize, usize), (f64, f64)> = HashMap::new();
        for (place, (&at, &row)) in self.nodes.iter().zip(&self.row).enumerate() {
            let component = self.ordering.components.of.get(at);
            if self.ordering.components.members.get(component).is_some_and(|nodes| nodes.len() > 1) {
                let x = self.middle(place);
                let (left, right) = boxes.entry((row, component)).or_insert((x, x));
                (*left, *right) = (left.min(x), right.max(x));
            }
        }
        let mut boxes: Vec<_> = boxes.into_iter().collect();
        boxes.sort_by_key(|(key, _)| *key);
        for ((row, _), (left, right)) in boxes {
            svg.open("cycle: these need each other and are recovered together");
            let style = format!(r#"fill="{CYCLE}" fill-opacity="0.07" stroke="{CYCLE}" stroke-dasharray="5 4""#);
            let size = (right - left + NODE.0 + 20.0, NODE.1 + 20.0);
            svg.rect((left - NODE.0 / 2.0 - 10.0, Self::top(row) - 10.0), size, 12.0, &style);
            svg.close();
        }
    }
}

/// The nodes to draw, in the order of the graph.
fn chosen(graph: &Graph, max: usize) -> Vec<usize> {
    let importance = crate::demand::importance(graph);
    let mut nodes: Vec<usize> = (0..graph.len()).collect();
    if nodes.len() > max {
        let degree = |node: usize| graph.sources(node).count() + graph.targets(node).count();
        nodes.sort_by_key(|&node| {
            let is = importance.get(node);
            (is.is_none(), is, std::cmp::Reverse(degree(node)), node)
        });
        nodes.truncate(max);
        nodes.sort_unstable();
    }
    nodes
}

/// The row of each node and the tier of each row. Empty tiers are left out, and a tier too wide for a screen takes
/// several rows.
fn rows(graph: &Graph, nodes: &[usize], ordering: &Ordering) -> (Vec<usize>, Vec<usize>) {
    let widest = (6..16).find(|width| width * width >= nodes.len()).unwrap_or(16);
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    let at = |place: usize| nodes.get(place).copied().unwrap_or(usize::MAX);
    let level = |place: usize| ordering.levels.get(at(place));
    // Inside a tier, what is needed by the nearest rows comes first; what nothing needs comes last.
    let nearest = |place: usize| graph.sources(at(place)).map(|source| ordering.levels.get(source)).min();
    order.sort_by_key(|&place| {
        let nearest = nearest(place);
        let component = ordering.components.of.get(at(place));
        (std::cmp::Reverse(level(place)), nearest.is_none(), nearest, component, place)
    });
    let (mut row, mut tiers) = (PerNode::<usize>::new(nodes.len()), Vec::new());
    for tier in order.chunk_by(|&a, &b| level(a) == level(b)) {
        let lines = tier.len().div_ceil(widest).max(1);
        for part in tier.chunks(tier.len().div_ceil(lines).max(1)) {
            part.iter().for_each(|&place| row.set(place, tiers.len()));
            tiers.push(part.first().map_or(0, |&place| level(place)) + 1);
        }
    }
    (row.iter().map(|(_, row)| row).collect(), tiers)
}

fn draw_node(svg: &mut Svg, (x, y): (f64, f64), node: &Node, point: Option<&SinglePoint>) {
    let style = look(node.kind, node.criticality);
    let rto = node.rto_hours.map(|rto| format!(" \u{b7} RTO {}", hours(rto))).unwrap_or_default();
    let kind = kind_name(node.kind, node.criticality);
    let lost = point.map(|point| match point.processes_lost {
        1 => "; single point of failure, stops 1 process".to_owned(),
        lost => format!("; single point of failure, stops {lost} processes"),
    });
    svg.open(&format!("{} ({kind}{rto}){}", node.name, lost.unwrap_or_default()));
    if point.is_some() {
        let ring = format!(r#"fill="none" stroke="{ALARM}" stroke-width="2.5""#);
        svg.rect((x - 4.0, y - 4.0), (NODE.0 + 8.0, NODE.1 + 8.0), style.radius + 4.0, &ring);
    }
    svg.rect(
        (x, y),
        NODE,
        style.radius,
        &format!(r#"fill="{}" stroke="{}" stroke-width="1.4""#, style.fill, style.stroke),
    );
    let middle = x + NODE.0 / 2.0;
    let words =
        |size: f64, extra: &str| format!(r#"font-size="{size}" text-anchor="middle" fill="{}" {extra}"#, style.ink);
    let (first, second) = two_lines(&node.name, (NODE.0 - 20.0) / 12.0);
    let baseline = if second.is_some() { y + 18.0 } else { y + 25.0 };
    svg.text((middle, baseline), &words(12.0, r#"font-weight="bold""#), &first);
    if let Some(second) = second {
        svg.text((middle, y + 32.0), &words(12.0, r#"font-weight="bold""#), &second);
    }
    let short = kind.strip_prefix("business ").filter(|short| *short == "operational").unwrap_or(&kind);
    let meta = fitted(&format!("{short}{rto}"), (NODE.0 - 10.0) / 9.5);
    svg.text((middle, y + 46.0), &words(9.5, r#"opacity="0.85""#), &meta);
    if let Some(point) = point {
        badge(svg, (x + NODE.0, y), &point.processes_lost.to_string());
    }
    svg.close();
}

//! The recovery plan as a bar chart: a row for each item, a band for each tier, objectives as marks.

use super::{
    style::{ALARM, BAND, GRID, INK, QUIET, kind_name, look},
    svg::{Svg, fitted, hours, width},
};
use crate::{
    adjacency::{exceeds, number},
    model::NodeKind,
    tiers::{DrPlan, Item, Tier},
};

const NAMES: f64 = 290.0;
const CHART: f64 = 620.0;
const NOTES: f64 = 190.0;
const TOP: f64 = 104.0;
const ROW: f64 = 26.0;
const MARGIN: f64 = 28.0;
/// The most rows; a longer plan says how many it leaves out.
const ROWS_MAX: usize = 300;

/// The scale of hours.
struct Axis {
    end: f64,
    step: f64,
}

/// Draws the plan: tiers from the first to the last, a bar from when the recovery of an item begins until it is
/// back, and a mark at its RTO. What is late is red.
pub fn recovery_gantt(plan: &DrPlan) -> String {
    let axis = Axis::new(plan);
    let shown: usize = plan.tiers.iter().map(|tier| tier.items.len()).sum::<usize>().min(ROWS_MAX);
    let all: usize = plan.tiers.iter().map(|tier| tier.items.len()).sum();
    let bottom = TOP + number(shown) * ROW;
    let right = NAMES + CHART + NOTES;
    let title = format!("Recovery of {}", plan.process.name);
    let mut svg = Svg::new();
    svg.text((MARGIN, 36.0), &format!(r#"font-size="19" font-weight="bold" fill="{INK}""#), &fitted(&title, 44.0));
    svg.text((MARGIN, 57.0), &format!(r#"font-size="12" fill="{QUIET}""#), &caption(plan, all - shown));
    let mut y = TOP;
    let mut left = shown;
    for (at, tier) in plan.tiers.iter().enumerate() {
        let items = tier.items.get(..left.min(tier.items.len())).unwrap_or_default();
        if !items.is_empty() && at % 2 == 0 {
            let style = format!(r#"fill="{BAND}""#);
            svg.rect((0.0, y), (right, number(items.len()) * ROW), 0.0, &style);
        }
        left -= items.len();
        y += number(items.len()) * ROW;
    }
    axis.draw(&mut svg, bottom);
    let (mut y, mut left) = (TOP, shown);
    for tier in &plan.tiers {
        let items = tier.items.get(..left.min(tier.items.len())).unwrap_or_default();
        draw_tier(&mut svg, &axis, tier, items, y);
        left -= items.len();
        y += number(items.len()) * ROW;
    }
    let bottom = legend(&mut svg, bottom + 30.0);
    svg.finish((right, bottom), &title, "Bars run from when the recovery of an item begins until it is back.")
}

fn caption(plan: &DrPlan, hidden: usize) -> String {
    let late = match plan.missed.len() {
        0 => "every process is back within its RTO".to_owned(),
        1 => "1 process is back later than its RTO".to_owned(),
        late => format!("{late} processes are back later than their RTO"),
    };
    let hidden = if hidden > 0 { format!("; {hidden} more items are not shown") } else { String::new() };
    format!("Back after {}; {late}{hidden}.", hours(plan.finish_hours))
}

impl Axis {
    /// Room for everything that happens, and for objectives that are not far beyond it.
    fn new(plan: &DrPlan) -> Self {
        let items = || plan.tiers.iter().flat_map(|tier| &tier.items);
        let finish = items().map(|item| item.finish_hours).fold(0.0, f64::max);
        let near = if finish > 0.0 { finish * 1.6 } else { f64::INFINITY };
        let objectives = items().filter_map(|item| item.rto_hours).filter(|rto| *rto <= near).fold(0.0, f64::max);
        let reach = finish.max(objectives);
        let steps = [0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 12.0, 24.0, 48.0, 96.0, 168.0, 336.0, 720.0];
        let step = steps.into_iter().find(|step| reach / step <= 10.0).unwrap_or((reach / 10.0).ceil());
        Self { end: (reach / step).floor().max(0.0).mul_add(step, step), step }
    }

    fn x(&self, hours: f64) -> f64 {
        NAMES + CHART * (hours / self.end).min(1.0)
    }

    fn draw(&self, svg: &mut Svg, bottom: f64) {
        let mut at = 0.0;
        while at <= self.end + self.step / 2.0 {
            let x = self.x(at);
            svg.line((x, TOP - 6.0), (x, bottom), &format!(r#"stroke="{GRID}""#));
            let style = format!(r#"font-size="11" text-anchor="middle" fill="{QUIET}""#);
            svg.text((x, TOP - 12.0), &style, &hours(at));
            at += self.step;
        }
    }
}

fn draw_tier(svg: &mut Svg, axis: &Axis, tier: &Tier, items: &[Item], top: f64) {
    if items.is_empty() {
        return;
    }
    let cycles: Vec<_> = tier.co_recover.iter().flatten().collect();
    for (at, item) in items.iter().enumerate() {
        draw_item(svg, axis, item, top + number(at) * ROW, cycles.contains(&&item.node.id));
    }
    let style = format!(r#"font-size="12" font-weight="bold" fill="{QUIET}""#);
    svg.text((MARGIN, top + 17.0), &style, &format!("Tier {}", tier.tier));
    let height = number(items.len()) * ROW;
    let x = axis.x(tier.finish_hours);
    svg.open(&format!("tier {} is done after {}", tier.tier, hours(tier.finish_hours)));
    svg.line((x, top), (x, top + height), &format!(r#"stroke="{INK}" stroke-width="1.5" stroke-dasharray="2 3""#));
    svg.close();
}

fn draw_item(svg: &mut Svg, axis: &Axis, item: &Item, y: f64, cycle: bool) {
    let kind = kind_name(item.node.kind, item.criticality);
    let style = look(item.node.kind, item.criticality);
    let rto = item.rto_hours.map_or_else(|| "no RTO".to_owned(), |rto| format!("RTO {}", hours(rto)));
    let late = item.rto_hours.is_some_and(|rto| item.node.kind == NodeKind::Process && exceeds(item.finish_hours, rto));
    let begins = if item.start_hours > 0.0 { format!("from {} ", hours(item.start_hours)) } else { String::new() };
    svg.open(&format!("{} ({kind}): {begins}until {}, {rto}", item.node.name, hours(item.finish_hours)));
    let name = if cycle { format!("\u{27f3} {}", item.node.name) } else { item.node.name.clone() };
    let ink = if late { ALARM } else { INK };
    svg.text(
        (MARGIN + 52.0, y + 17.0),
        &format!(r#"font-size="12" fill="{ink}""#),
        &fitted(&name, (NAMES - MARGIN - 66.0) / 12.0),
    );
    let (x1, x2) = (axis.x(item.start_hours), axis.x(item.finish_hours));
    let paint =
        if late { format!(r#"fill="{ALARM}""#) } else { format!(r#"fill="{}" stroke="{}""#, style.fill, style.stroke) };
    if x2 - x1 < 3.0 {
        // Back at once: a milestone.
        let y = y + ROW / 2.0;
        svg.raw(format_args!(r#"<path d="M{:.1} {y:.1} l7 -7 l7 7 l-7 7 Z" {paint}/>"#, x2 - 7.0));
    } else {
        svg.rect((x1, y + 5.0), (x2 - x1, ROW - 10.0), 3.0, &paint);
    }
    if let Some(rto) = item.rto_hours.filter(|rto| *rto <= axis.end) {
        let x = axis.x(rto);
        svg.line((x, y + 3.0), (x, y + ROW - 3.0), &format!(r#"stroke="{ink}" stroke-width="2.5""#));
    }
    let words = match item.rto_hours {
        Some(rto) if late => format!("RTO {}, {} late", hours(rto), hours(item.finish_hours - rto)),
        _ if item.duration_unknown => format!("{rto}, duration unknown"),
        _ => rto,
    };
    svg.text((NAMES + CHART + 14.0, y + 17.0), &format!(r#"font-size="11" fill="{ink}""#), &words);
    svg.close();
}

fn legend(svg: &mut Svg, y: f64) -> f64 {
    let mut x = MARGIN;
    let mut entry = |words: &str, draw: &mut dyn FnMut(&mut Svg, f64)| {
        draw(svg, x);
        svg.text((x + 30.0, y + 4.0), &format!(r#"font-size="11" fill="{INK}""#), words);
        x += 30.0 + width(words) * 11.0 + 22.0;
    };
    entry("its RTO", &mut |svg, x| {
        svg.line((x + 12.0, y - 8.0), (x + 12.0, y + 8.0), &format!(r#"stroke="{INK}" stroke-width="2.5""#));
    });
    entry("the tier is done", &mut |svg, x| {
        let style = format!(r#"stroke="{INK}" stroke-width="1.5" stroke-dasharray="2 3""#);
        svg.line((x + 12.0, y - 8.0), (x + 12.0, y + 8.0), &style);
    });
    entry("back as soon as what it needs is", &mut |svg, x| {
        svg.raw(format_args!(r#"<path d="M{:.1} {y:.1} l7 -7 l7 7 l-7 7 Z" fill="{QUIET}"/>"#, x + 5.0));
    });
    entry("later than its RTO", &mut |svg, x| {
        svg.rect((x, y - 7.0), (24.0, 14.0), 3.0, &format!(r#"fill="{ALARM}""#));
    });
    y + MARGIN
}

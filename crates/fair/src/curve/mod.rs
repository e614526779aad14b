//! The exceedance curve as a picture: one self-contained SVG for a report or a browser.
//!
//! The losses are on a logarithmic axis, the probabilities on a linear one that ends above the highest. Dark on
//! white, told apart by dashes as well as by colour, with a title and a description for who cannot see it.

mod text;

use std::fmt::Write as _;

use serde_json::Value;

use self::text::{amount, cut, escaped, per_cent};
use crate::result::CurvePoint;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 64.0;
const FONT: &str = "font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\"";
const INK: &str = "#1f2933";
/// Colour and dashes of each curve in turn.
const STROKES: [(&str, &str); 4] =
    [("#1d4e89", "none"), ("#b45309", "9 4"), ("#5b21b6", "3 3"), ("#0f766e", "12 3 3 3")];

/// What a picture shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart<'a> {
    /// The heading.
    pub title: &'a str,
    /// What the losses are counted in, `EUR` for instance; nothing where no currency matters.
    pub unit: Option<&'a str>,
    /// The curves. Up to four can be told apart.
    pub series: Vec<Series<'a>>,
    /// A loss to mark as the appetite.
    pub appetite: Option<f64>,
    /// A loss to mark as the tolerance.
    pub tolerance: Option<f64>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Series<'a> {
    /// Its name in the legend, which is drawn where there are several.
    pub name: &'a str,
    /// Its points, the losses rising.
    pub points: &'a [CurvePoint],
}

/// The curve out of a stored result, `exceedance_curve` or the whole; nothing if it is not one.
pub fn points(result: &Value) -> Option<Vec<CurvePoint>> {
    let list = result.get("exceedance_curve").unwrap_or(result).as_array()?;
    let number = |point: &Value, name: &str| point.get(name)?.as_f64();
    list.iter().map(|p| Some(CurvePoint { loss: number(p, "loss")?, probability: number(p, "probability")? })).collect()
}

/// Where things are in the picture.
struct Frame {
    /// The decimal logarithms of the losses at either end.
    from: f64,
    to: f64,
    /// The probability at the top.
    top: f64,
}

impl Frame {
    fn of(chart: &Chart<'_>) -> Self {
        let points = || chart.series.iter().flat_map(|series| series.points);
        let highest = points().map(|point| point.probability).fold(0.0, f64::max);
        // Where a curve cannot be told from the axis there is nothing to see: it does not stretch the axis.
        let seen = points().filter(|point| point.probability * 1_000.0 >= highest).map(|point| point.loss);
        let drawn = seen.chain(chart.appetite).chain(chart.tolerance);
        let (from, to) =
            drawn.filter(|loss| *loss > 0.0).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| {
                let log = libm::log10(loss);
                (low.min(log), high.max(log))
            });
        let top = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5].into_iter().find(|top| *top >= highest);
        let top = top.filter(|_| highest > 0.0).unwrap_or(1.0);
        // Nothing to draw is a picture too: of a year that loses nothing.
        if from > to {
            return Self { from: 3.0, to: 6.0, top };
        }
        let (from, to) = if to - from < 1.0 { (from - 0.5, to + 0.5) } else { (from, to) };
        Self { from, to, top }
    }

    fn x(&self, loss: f64) -> f64 {
        let share = (libm::log10(loss) - self.from) / (self.to - self.from);
        LEFT + (WIDTH - LEFT - RIGHT) * share.clamp(0.0, 1.0)
    }

    fn y(&self, probability: f64) -> f64 {
        let share = (probability / self.top).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    }

    /// Losses to label: whole powers of ten, with twos and fives between them where there is room.
    fn losses(&self) -> Vec<f64> {
        let decades = self.to - self.from;
        let steps: &[f64] = if decades <= 3.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / 9.0).ceil().max(1.0);
        let mut ticks = Vec::new();
        let mut power = self.from.floor();
        while power <= self.to && ticks.len() < 64 {
            for step in steps {
                let log = power + libm::log10(*step);
                if log >= self.from - 1e-9 && log <= self.to + 1e-9 {
                    ticks.push(libm::pow(10.0, power) * step);
                }
            }
            power += stride;
        }
        ticks
    }
}

/// Draws the chart.
pub fn svg(chart: &Chart<'_>) -> String {
    let frame = Frame::of(chart);
    let mut out = String::with_capacity(8_192);
    let title = escaped(chart.title);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" {FONT} fill=\"{INK}\"><title>{title}</title><desc>{}</desc>\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\
         <text x=\"24\" y=\"28\" font-size=\"16\" font-weight=\"bold\">{}</text>",
        escaped(&description(chart)),
        escaped(&cut(chart.title)),
    );
    axes(&mut out, chart, &frame);
    for (series, (colour, dashes)) in chart.series.iter().zip(STROKES.iter().cycle()) {
        let path: Vec<_> =
            series.points.iter().map(|p| format!("{:.1},{:.1}", frame.x(p.loss), frame.y(p.probability))).collect();
        let _ = write!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-linejoin=\"round\" \
             stroke-dasharray=\"{dashes}\" points=\"{}\"/>",
            path.join(" ")
        );
    }
    for (row, (name, loss, colour)) in
        [("appetite", chart.appetite, "#15703c"), ("tolerance", chart.tolerance, "#b3261e")].into_iter().enumerate()
    {
        if let Some(loss) = loss.filter(|loss| *loss > 0.0) {
            threshold(&mut out, &frame, row, name, loss, colour);
        }
    }
    if chart.series.len() > 1 {
        legend(&mut out, chart);
    }
    if chart.series.iter().all(|series| series.points.is_empty()) {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"14\" \
             stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\">No simulated year had a loss.</text>",
            0.5 * (LEFT + WIDTH - RIGHT),
            0.5 * (TOP + HEIGHT - BOTTOM)
        );
    }
    out.push_str("</svg>");
    out
}

fn axes(out: &mut String, chart: &Chart<'_>, frame: &Frame) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for step in 0..=5_u32 {
        let probability = frame.top * f64::from(step) / 5.0;
        let y = frame.y(probability);
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#d9dee3\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"12\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            per_cent(probability)
        );
    }
    for loss in frame.losses() {
        let x = frame.x(loss);
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#eceff2\"/>\
             <line x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"{INK}\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"12\">{}</text>",
            bottom + 5.0,
            bottom + 20.0,
            amount(loss)
        );
    }
    let unit = chart.unit.map(|unit| format!(", {}", escaped(unit))).unwrap_or_default();
    let _ = write!(
        out,
        "<line x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\" stroke=\"{INK}\"/>\
         <line x1=\"{LEFT}\" y1=\"{TOP}\" x2=\"{LEFT}\" y2=\"{bottom}\" stroke=\"{INK}\"/>\
         <text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"13\">Annual loss{unit} (logarithmic)</text>\
         <text transform=\"translate(18 {:.1}) rotate(-90)\" text-anchor=\"middle\" font-size=\"13\">\
         Probability of losing at least as much</text>",
        0.5 * (LEFT + right),
        HEIGHT - 18.0,
        0.5 * (TOP + bottom)
    );
}

fn threshold(out: &mut String, frame: &Frame, row: usize, name: &str, loss: f64, colour: &str) {
    let x = frame.x(loss);
    // Each name has a line and a side of its own, so that two thresholds close together stay readable.
    let y = if row == 0 { TOP - 8.0 } else { TOP + 14.0 };
    let room = 130.0;
    let left = if row == 0 { x > LEFT + room } else { x > WIDTH - RIGHT - room };
    let (anchor, gap) = if left { ("end", -5.0) } else { ("start", 5.0) };
    let dashes = if row == 0 { "6 4" } else { "2 3" };
    let _ = write!(
        out,
        "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"2\" \
         stroke-dasharray=\"{dashes}\"/>\
         <text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"12\" fill=\"{colour}\" \
         stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\">{name} {}</text>",
        TOP - 18.0,
        HEIGHT - BOTTOM,
        x + gap,
        amount(loss)
    );
}

fn legend(out: &mut String, chart: &Chart<'_>) {
    let mut y = TOP + 40.0;
    for (series, (colour, dashes)) in chart.series.iter().zip(STROKES.iter().cycle()) {
        let right = WIDTH - RIGHT - 10.0;
        let _ = write!(
            out,
            "<line x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"{colour}\" stroke-width=\"2.5\" \
             stroke-dasharray=\"{dashes}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"12\" stroke=\"#ffffff\" \
             stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
            right - 36.0,
            right - 42.0,
            y + 4.0,
            escaped(&cut(series.name))
        );
        y += 18.0;
    }
}

/// The curve in a sentence: where it begins and a few places on the way.
fn description(chart: &Chart<'_>) -> String {
    let mut text = String::from("Probability that a year's loss is at least as much as shown.");
    for series in &chart.series {
        let _ = write!(text, " {}:", series.name);
        for wanted in [0.5, 0.1, 0.01] {
            let reached = series.points.iter().rev().find(|point| point.probability >= wanted);
            if let Some(point) = reached {
                let _ = write!(text, " {} at {}.", per_cent(wanted), amount(point.loss));
            }
        }
    }
    for (name, loss) in [("Appetite", chart.appetite), ("Tolerance", chart.tolerance)] {
        if let Some(loss) = loss {
            let _ = write!(text, " {name} {}.", amount(loss));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        let chart = Chart {
            title: "</title><script>alert(1)</script>\u{0} & \"x\"",
            unit: Some("<EUR>"),
            series: vec![Series { name: "a<b", points: &[] }, Series { name: "c", points: &[] }],
            appetite: None,
            tolerance: None,
        };
        let picture = svg(&chart);
        assert!(!picture.contains("<script") && !picture.contains('\u{0}') && !picture.contains("a<b"));
        assert!(picture.contains("&lt;script&gt;") && picture.contains("&lt;EUR&gt;"));
        assert!(picture.contains("No simulated year had a loss."));
    }

    #[test]
    fn a_stored_result_gives_its_curve_back() {
        let stored = json!({"mean": 1, "exceedance_curve": [{"loss": 10, "probability": 0.5}]});
        assert_eq!(points(&stored), Some(vec![CurvePoint { loss: 10.0, probability: 0.5 }]));
        assert_eq!(points(&json!({"mean": 1})), None);
        assert_eq!(points(&json!([{"loss": 10}])), None);
    }

    #[test]
    fn no_coordinate_is_anything_but_a_number() {
        for losses in [&[][..], &[5.0][..], &[1e-300, 1e18][..]] {
            let points: Vec<_> = losses.iter().map(|loss| CurvePoint { loss: *loss, probability: 0.3 }).collect();
            let series = vec![Series { name: "x", points: &points }];
            let chart = Chart { title: "t", unit: None, series, appetite: Some(0.0), tolerance: Some(1e18) };
            let picture = svg(&chart);
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
        }
    }
}

//! Pictures as inline SVG: every mark has its number beside it, so that colour is never the only carrier.

use std::fmt::Write;

use super::escape;
use crate::snapshot::{Counts, Family};

/// Verdicts with their colours (Okabe and Ito's palette, told apart by every kind of eye).
const SHADES: [(&str, &str); 4] =
    [("Pass", "#009e73"), ("Partial", "#e69f00"), ("Fail", "#d55e00"), ("Not applicable", "#b9bec7")];

fn parts(counts: &Counts) -> [i64; 4] {
    [counts.pass, counts.partial, counts.fail, counts.not_applicable]
}

fn number(value: i64) -> f64 {
    i32::try_from(value).map_or(f64::from(i32::MAX), f64::from)
}

/// A stacked bar for each family.
pub(super) fn families(families: &[Family]) -> String {
    const ROW: i32 = 30;
    const LEFT: f64 = 250.0;
    const WIDTH: f64 = 380.0;
    let most = families.iter().map(|f| f.counts.total()).max().unwrap_or(1).max(1);
    let rows = i32::try_from(families.len()).unwrap_or(0);
    let height = rows * ROW + 40;
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 720 {height}\" role=\"img\" aria-labelledby=\"families-title\"><title id=\"families-title\">Findings by family and verdict</title>"
    );
    for (i, (name, shade)) in (0_i32..).zip(SHADES) {
        let x = LEFT + f64::from(i) * 110.0;
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"4\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{shade}\"/><text x=\"{}\" y=\"14\" class=\"key\">{name}</text>",
            x + 17.0
        );
    }
    for (i, family) in (0_i32..).zip(families) {
        let y = f64::from(i * ROW + 30);
        let label: String =
            if family.title.is_empty() { family.id.clone() } else { format!("{}  {}", family.id, family.title) };
        let short: String =
            if label.chars().count() > 38 { label.chars().take(37).chain(['…']).collect() } else { label };
        let _ = write!(svg, "<text x=\"{}\" y=\"{}\" class=\"label\">{}</text>", LEFT - 10.0, y + 15.0, escape(&short));
        let mut x = LEFT;
        for (count, (name, shade)) in parts(&family.counts).into_iter().zip(SHADES) {
            if count == 0 {
                continue;
            }
            let width = WIDTH * number(count) / number(most);
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"20\" fill=\"{shade}\"><title>{name}: {count}</title></rect>"
            );
            if width > 14.0 {
                let _ = write!(
                    svg,
                    "<text x=\"{:.1}\" y=\"{}\" class=\"inside\">{count}</text>",
                    x + width / 2.0,
                    y + 14.5
                );
            }
            x += width;
        }
        let score = family.counts.score.map_or_else(|| "–".to_owned(), |score| format!("{score:.1} %"));
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{}\" class=\"score\">{score}</text>", x + 8.0, y + 15.0);
    }
    svg.push_str("</svg>");
    svg
}

/// The overall score as a ring of verdicts.
pub(super) fn ring(counts: &Counts) -> String {
    const RADIUS: f64 = 70.0;
    let around = 2.0 * std::f64::consts::PI * RADIUS;
    let total = number(counts.total().max(1));
    let mut svg = String::from(
        "<svg class=\"ring\" viewBox=\"0 0 200 200\" role=\"img\" aria-labelledby=\"ring-title\"><title id=\"ring-title\">Share of verdicts and overall score</title><circle cx=\"100\" cy=\"100\" r=\"70\" class=\"track\"/>",
    );
    let mut offset = 0.0;
    for (count, (name, shade)) in parts(counts).into_iter().zip(SHADES) {
        if count == 0 {
            continue;
        }
        let length = around * number(count) / total;
        let _ = write!(
            svg,
            "<circle cx=\"100\" cy=\"100\" r=\"70\" fill=\"none\" stroke=\"{shade}\" stroke-width=\"26\" stroke-dasharray=\"{length:.2} {:.2}\" stroke-dashoffset=\"{:.2}\" transform=\"rotate(-90 100 100)\"><title>{name}: {count}</title></circle>",
            around - length,
            -offset
        );
        offset += length;
    }
    let score = counts.score.map_or_else(|| "–".to_owned(), |score| format!("{score:.1}"));
    let _ = write!(
        svg,
        "<text x=\"100\" y=\"104\" class=\"big\">{score}</text><text x=\"100\" y=\"124\" class=\"unit\">percent</text></svg>"
    );
    svg
}

//! The heat maps of the register.

use super::{escape, short, text, upright};
use crate::{
    heatmap::{Counts, HeatMap},
    matrix::Matrix,
};

const CELL: usize = 64;
const LEFT: usize = 130;
const TOP: usize = 62;
const GAP: usize = 70;

/// The two heat maps side by side: before and with treatment, likelihood upwards, impact to the right.
pub fn heat_map(map: &HeatMap) -> String {
    let (rows, columns) = (map.matrix.likelihood_labels.len(), map.matrix.impact_labels.len());
    let panel = columns * CELL;
    let (width, height) = (LEFT + 2 * panel + GAP + 20, TOP + rows * CELL + 70);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" role=\"img\"><title>Risk heat map: inherent and residual</title>\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    for (row, label) in map.matrix.likelihood_labels.iter().rev().enumerate() {
        text(&mut svg, LEFT - 10, TOP + row * CELL + CELL / 2 + 4, 12, "end", "#333333", &short(label, 17));
    }
    upright(&mut svg, 16, TOP + rows * CELL / 2, "Likelihood");
    for (i, (title, counts)) in
        [("Inherent risk", &map.inherent), ("Residual risk", &map.residual)].into_iter().enumerate()
    {
        let left = LEFT + i * (panel + GAP);
        let total: i64 = counts.values().sum();
        text(&mut svg, left + panel / 2, 34, 16, "middle", "#111111", &format!("{title} ({total})"));
        grid(&mut svg, left, &map.matrix, counts);
        for (column, label) in map.matrix.impact_labels.iter().enumerate() {
            let at = left + column * CELL + CELL / 2;
            text(&mut svg, at, TOP + rows * CELL + 20, 11, "middle", "#333333", &short(label, 10));
        }
        text(&mut svg, left + panel / 2, TOP + rows * CELL + 48, 13, "middle", "#111111", "Impact");
    }
    svg.push_str("</svg>");
    svg
}

fn grid(svg: &mut String, left: usize, matrix: &Matrix, counts: &Counts) {
    for (row, likelihood) in (1..=matrix.likelihoods()).rev().enumerate() {
        for (column, impact) in (1..=matrix.impacts()).enumerate() {
            let level = matrix.level(likelihood, impact).and_then(|key| matrix.level_of(key));
            let (color, label) =
                level.map_or(("#cccccc", "none"), |level| (level.color.as_str(), level.label.as_str()));
            let count = counts.get(&(likelihood, impact)).copied().unwrap_or(0);
            let (x, y) = (left + column * CELL, TOP + row * CELL);
            svg.push_str(&format!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"{color}\" fill-opacity=\"{}\" \
                 stroke=\"#ffffff\" stroke-width=\"2\"><title>{}: likelihood {likelihood}, impact {impact}, {count} risks</title></rect>",
                if count > 0 { "1" } else { "0.35" },
                escape(label),
            ));
            if count > 0 {
                let ink = if dark(color) { "#ffffff" } else { "#111111" };
                text(svg, x + CELL / 2, y + CELL / 2 + 7, 20, "middle", ink, &count.to_string());
            }
        }
    }
}

/// Whether white reads better on a colour than black: its relative luminance, roughly.
fn dark(color: &str) -> bool {
    let part = |from: usize| color.get(from..from + 2).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(128);
    2 * part(1) + 7 * part(3) + part(5) < 1_300
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, Meta, OrgId, Uuid};

    use super::*;

    #[test]
    fn what_a_person_typed_is_text_in_the_picture() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut matrix = Matrix::standard(ctx.org, Meta::new(&ctx));
        matrix.impact_labels[0] = "<script>".into();
        matrix.levels[0].label = "\"><b>".into();
        let counts = Counts::from([((1, 1), 3), ((5, 5), 12)]);
        let svg = heat_map(&HeatMap { inherent: counts.clone(), residual: counts, matrix });
        assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
        assert_eq!(svg.matches(">12</text>").count(), 2);
        assert_eq!(svg.matches("<rect ").count(), 51, "a background and two grids");
    }
}

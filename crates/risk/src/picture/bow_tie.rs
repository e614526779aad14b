//! A scenario as a bow-tie: threats on the left, the top event as the knot, consequences on the right, and on each line
//! its barriers, with the frequencies that come out.

use super::{escape, figure, lines, short, text};
use crate::scenario::{
    Barrier, Scenario, Side,
    evaluation::{Evaluation, Following, Passing},
};

const BOX_WIDTH: usize = 200;
const BOX_HEIGHT: usize = 56;
const ROW: usize = 96;
const TOP: usize = 86;
const MARGIN: usize = 20;
/// The room of a barrier on its line.
const STEP: usize = 104;
/// The radius of the knot.
const KNOT: usize = 62;
/// From the last barrier to the knot.
const BEND: usize = 120;
/// What a line shows of its barriers, and a side of its rows; beyond that it says how many more there are.
const BARRIERS: usize = 5;
const ROWS: usize = 50;

const INK: &str = "#1f2933";
const PALE: &str = "#52606d";

/// A line from a box to the knot.
struct Row<'a> {
    name: &'a str,
    figures: String,
    barriers: Vec<&'a Barrier>,
    hidden: usize,
}

/// One side of the tie.
struct Half<'a> {
    rows: Vec<Row<'a>>,
    hidden: usize,
    colours: (&'static str, &'static str),
}

impl<'a> Half<'a> {
    fn of(
        scenario: &'a Scenario,
        side: Side,
        named: impl ExactSizeIterator<Item = (&'a str, String)>,
        colours: (&'static str, &'static str),
    ) -> Self {
        let hidden = named.len().saturating_sub(ROWS);
        let row = |(name, figures)| {
            let mut barriers: Vec<&Barrier> = scenario.barriers_on(side, name).collect();
            let hidden = barriers.len().saturating_sub(BARRIERS);
            barriers.truncate(BARRIERS);
            Row { name, figures, barriers, hidden }
        };
        Self { rows: named.take(ROWS).map(row).collect(), hidden, colours }
    }

    /// How many barriers stand side by side at most.
    fn columns(&self) -> usize {
        let wide = |row: &Row<'_>| row.barriers.len() + usize::from(row.hidden > 0);
        self.rows.iter().map(wide).max().unwrap_or(0).max(1)
    }
}

/// Draws a scenario and what it evaluates to.
pub fn bow_tie(scenario: &Scenario, evaluation: &Evaluation) -> String {
    let threat = |(threat, passing): (_, &Passing)| -> (&str, String) {
        let _: &crate::scenario::Threat = threat;
        let through = figure(passing.mitigated_frequency);
        (&threat.name, format!("{} a year, {through} get through", figure(passing.frequency)))
    };
    let consequence = |(consequence, following): (_, &Following)| -> (&str, String) {
        let _: &crate::scenario::Consequence = consequence;
        let loss = following.annual_loss.map(|loss| format!(", {} lost", figure(loss))).unwrap_or_default();
        (&consequence.name, format!("{} a year{loss}", figure(following.frequency)))
    };
    let threats = scenario.threats.iter().zip(&evaluation.threats).map(threat);
    let consequences = scenario.consequences.iter().zip(&evaluation.consequences).map(consequence);
    let left = Half::of(scenario, Side::Threat, threats, ("#e8f0fe", "#1d4e89"));
    let right = Half::of(scenario, Side::Consequence, consequences, ("#fdf0e3", "#b45309"));
    let rows = left.rows.len().max(right.rows.len()).max(2);
    let knot_x = MARGIN + BOX_WIDTH + left.columns() * STEP + BEND + KNOT;
    let width = knot_x + KNOT + BEND + right.columns() * STEP + BOX_WIDTH + MARGIN;
    let height = TOP + rows * ROW + 40;
    let knot_y = TOP + rows * ROW / 2;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" role=\"img\"><title>Bow-tie: {}</title><desc>{}</desc>\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>",
        escape(&scenario.top_event),
        escape(&description(evaluation)),
    );
    text(&mut svg, MARGIN, 34, 18, "start", INK, &short(&scenario.top_event, 90));
    text(&mut svg, MARGIN, 60, 13, "start", PALE, &description(evaluation));
    let place = Place { knot: (knot_x, knot_y), rows, width };
    half(&mut svg, &left, &place, false);
    half(&mut svg, &right, &place, true);
    knot(&mut svg, &scenario.top_event, evaluation, place.knot);
    svg.push_str("</svg>");
    svg
}

fn description(evaluation: &Evaluation) -> String {
    let loss = evaluation.annual_loss.map(|loss| format!(", with an annual loss of {}", figure(loss)));
    format!("The top event comes {} times a year{}.", figure(evaluation.top_frequency), loss.unwrap_or_default())
}

/// Where the halves have their room.
struct Place {
    knot: (usize, usize),
    rows: usize,
    width: usize,
}

fn half(svg: &mut String, half: &Half<'_>, place: &Place, mirrored: bool) {
    let (knot_x, knot_y) = place.knot;
    let (fill, stroke) = half.colours;
    // The side with fewer rows spreads over the height of the other.
    let pitch = place.rows * ROW / half.rows.len().max(1);
    let at = |x: usize| if mirrored { place.width - x } else { x };
    for (i, row) in half.rows.iter().enumerate() {
        let y = TOP + i * pitch + pitch / 2;
        let (from, bend) = (at(MARGIN + BOX_WIDTH), at(MARGIN + BOX_WIDTH + half.columns() * STEP));
        let (to, pull) = (if mirrored { knot_x + KNOT } else { knot_x - KNOT }, bend.midpoint(knot_x));
        svg.push_str(&format!(
            "<path d=\"M {from} {y} H {bend} C {pull} {y}, {pull} {knot_y}, {to} {knot_y}\" fill=\"none\" \
             stroke=\"{stroke}\" stroke-width=\"2\"/>"
        ));
        let left = if mirrored { at(MARGIN + BOX_WIDTH) } else { MARGIN };
        boxed(svg, (left, y - BOX_HEIGHT / 2), row, (fill, stroke));
        for (column, shown) in row.barriers.iter().enumerate() {
            // On the right the barrier next to the knot is the first one, as on the left it is the last.
            let column = if mirrored { half.columns() - 1 - column } else { column };
            barrier(svg, (at(MARGIN + BOX_WIDTH + column * STEP + STEP / 2), y), shown);
        }
        if row.hidden > 0 {
            let column = if mirrored { half.columns() - 1 - row.barriers.len() } else { row.barriers.len() };
            let x = at(MARGIN + BOX_WIDTH + column * STEP + STEP / 2);
            text(svg, x, y - 8, 12, "middle", PALE, &format!("and {} more", row.hidden));
        }
    }
    if half.hidden > 0 {
        let (x, anchor) = if mirrored { (place.width - MARGIN, "end") } else { (MARGIN, "start") };
        text(svg, x, TOP + place.rows * ROW + 24, 13, anchor, PALE, &format!("and {} more", half.hidden));
    }
}

fn boxed(svg: &mut String, (x, y): (usize, usize), row: &Row<'_>, (fill, stroke): (&str, &str)) {
    svg.push_str(&format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"{fill}\" \
         stroke=\"{stroke}\"><title>{}</title></rect>",
        escape(row.name)
    ));
    let middle = x + BOX_WIDTH / 2;
    let words = lines(row.name, 26, 2);
    let first = if words.len() > 1 { y + 18 } else { y + 24 };
    for (i, line) in words.iter().enumerate() {
        text(svg, middle, first + i * 15, 13, "middle", INK, line);
    }
    text(svg, middle, if words.len() > 1 { y + 49 } else { y + 43 }, 11, "middle", PALE, &short(&row.figures, 34));
}

fn barrier(svg: &mut String, (x, y): (usize, usize), barrier: &Barrier) {
    // The height of the bar that is filled is what the barrier holds back.
    let held = 40.0 * barrier.effectiveness.clamp(0.0, 1.0);
    let open = 40.0 - held;
    let name = escape(&barrier.name);
    svg.push_str(&format!(
        "<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"40\" fill=\"#ffffff\" stroke=\"#15703c\"><title>{name}</title></rect>\
         <rect x=\"{}\" y=\"{open:.1}\" width=\"12\" height=\"{held:.1}\" fill=\"#15703c\" transform=\"translate(0 {})\"/>",
        x - 6,
        y - 20,
        x - 6,
        y - 20,
    ));
    let words = lines(&barrier.name, 15, 2);
    for (line, above) in words.iter().rev().zip(0..) {
        text(svg, x, y - 26 - above * 12, 11, "middle", INK, line);
    }
    text(svg, x, y + 34, 11, "middle", PALE, &format!("{} %", figure(100.0 * barrier.effectiveness)));
}

fn knot(svg: &mut String, top_event: &str, evaluation: &Evaluation, (x, y): (usize, usize)) {
    svg.push_str(&format!(
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"{KNOT}\" fill=\"#b3261e\"><title>{}</title></circle>",
        escape(top_event)
    ));
    let words = lines(top_event, 15, 4);
    let first = (y + 4).saturating_sub(words.len() * 8);
    for (i, line) in words.iter().enumerate() {
        text(svg, x, first + i * 16, 13, "middle", "#ffffff", line);
    }
    text(
        svg,
        x,
        first + words.len() * 16 + 2,
        11,
        "middle",
        "#ffffff",
        &format!("{} a year", figure(evaluation.top_frequency)),
    );
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, Meta, OrgId, Resource, Uuid};

    use super::*;
    use crate::scenario::{Consequence, ScenarioId, Threat, evaluation::evaluate};

    fn scenario(threats: usize, barriers: usize) -> Scenario {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut scenario = Scenario::blank(ScenarioId(ctx.new_id()), ctx.org, Meta::new(&ctx));
        scenario.top_event = "<script>alert('top')</script> and a long name that goes on".to_owned();
        scenario.threats =
            (0..threats).map(|i| Threat { name: format!("Threat \"{i}\" <b>"), frequency: 2.5 }).collect();
        scenario.consequences = vec![Consequence { name: "A & B".to_owned(), loss: Some(1e6) }];
        scenario.barriers = (0..barriers)
            .map(|i| Barrier {
                side: Side::Threat,
                on: "Threat \"0\" <b>".to_owned(),
                name: format!("Barrier\u{0} {i}"),
                effectiveness: 0.5,
                control_id: None,
            })
            .collect();
        scenario
    }

    #[test]
    fn what_a_person_typed_is_text_in_the_picture() {
        let scenario = scenario(2, 2);
        let svg = bow_tie(&scenario, &evaluate(&scenario, &[]));
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains('\u{0}'), "{svg}");
        assert!(svg.contains("A &amp; B") && svg.contains("50 %"));
        assert_eq!(svg.matches("<path ").count(), 3, "a line for each threat and consequence");
    }

    #[test]
    fn names_are_read_in_full_where_two_lines_hold_them() {
        let mut scenario = scenario(1, 1);
        scenario.threats[0].name = "Stolen credentials of an engineer".to_owned();
        scenario.barriers[0].on = scenario.threats[0].name.clone();
        scenario.barriers[0].name = "Reviewed and tested changes".to_owned();
        let svg = bow_tie(&scenario, &evaluate(&scenario, &[]));
        for line in [">Stolen credentials of an<", ">engineer<", ">Reviewed and<", ">tested changes<"] {
            assert!(svg.contains(line), "{line}");
        }
    }

    #[test]
    fn a_bow_tie_of_any_size_has_a_picture_of_bounded_size() {
        let large = scenario(1_000, 1_000);
        let svg = bow_tie(&large, &evaluate(&large, &[]));
        assert!(svg.len() < 100_000, "{}", svg.len());
        assert!(svg.contains("and 950 more") && svg.contains("and 995 more"));
        let mut empty = scenario(0, 0);
        empty.consequences.clear();
        let svg = bow_tie(&empty, &evaluate(&empty, &[]));
        assert!(svg.contains("<circle ") && !svg.contains("NaN"));
    }
}

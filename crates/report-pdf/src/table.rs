//! Tables: columns as wide as they need, a head on every page, rows that go on overleaf where they have to.

use grc_document::{Ink, Table, Tone, Value};

use crate::{
    flow::{Flow, Style},
    sheet::{BOTTOM, Place, Role, SIDE, TEXT, TOP, times},
    wrap::wrap,
};

const CELL: Style = Style { size: 7.9, lead: 10.8, bold: false, ink: Ink::TEXT };
const SMALL: Style = Style { size: 7.1, lead: 9.6, ink: Ink::SOFT, ..CELL };
const HEAD: Style = Style { size: 7.6, lead: 10.4, bold: true, ..CELL };
const GROUP: Style = Style { size: 8.0, lead: 11.0, bold: true, ink: Ink::ACCENT };
/// What is free between a cell's edge and its text.
const PAD: f32 = 4.5;
/// What is free above and below it.
const RISE: f32 = 3.6;

/// The most lines of a head.
const HEAD_LINES: usize = 5;

/// A column on paper.
struct Pillar {
    at: usize,
    x: f32,
    wide: f32,
    right: bool,
    strong: bool,
}

/// A line of a cell.
struct Line {
    text: String,
    style: Style,
    /// The ground of a word that stands out.
    ground: Option<Ink>,
}

/// Draws a table.
pub(crate) fn table(flow: &mut Flow<'_>, table: &Table) {
    if !table.title.is_empty() {
        let style = Style { size: 9.8, lead: 15.0, bold: true, ink: Ink::TEXT };
        flow.gap(4.0);
        flow.need(style.lead + 60.0);
        let node = flow.book.node(Some(flow.parent), Role::Caption);
        let title = crate::wrap::cut(flow.shaper, &table.title, style.size, true, TEXT);
        flow.write(Place::Node(node), SIDE, flow.y, style, &title);
        flow.y += style.lead + 2.0;
    }
    if table.rows.is_empty() {
        let node = flow.book.node(Some(flow.parent), Role::Paragraph);
        for line in wrap(flow.shaper, &table.empty, 8.2, false, TEXT) {
            flow.need(11.6);
            flow.write(Place::Node(node), SIDE, flow.y, Style { size: 8.2, lead: 11.6, ..SMALL }, &line);
            flow.y += 11.6;
        }
        return;
    }
    let pillars = pillars(flow, table);
    let node = flow.book.node(Some(flow.parent), Role::Table);
    let head = heading(flow, table, &pillars);
    flow.need(head_height(&head) + 40.0);
    let head_node = flow.book.node(Some(node), Role::Head);
    draw_head(flow, &pillars, &head, Some(head_node));
    let body = flow.book.node(Some(node), Role::Body);
    let mut group: Option<&Value> = None;
    for row in &table.rows {
        let cells: Vec<Vec<Line>> = pillars.iter().map(|pillar| cell(flow, table, row, pillar)).collect();
        if let Some(value) = table.grouped_by.and_then(|at| row.get(at)).filter(|value| group != Some(value)) {
            group = Some(value);
            let high = cells.iter().map(|lines| height(lines)).fold(0.0, f32::max).min(120.0);
            draw_group(flow, &pillars, &head, (&value.read(), body), high);
        }
        draw_row(flow, &pillars, &head, &cells, body);
    }
}

/// Lines to sign on.
pub(crate) fn sign_off(flow: &mut Flow<'_>, roles: &[String]) {
    let mut table =
        Table::new("sign_off", "", &[("role", "Role"), ("name", "Name"), ("date", "Date"), ("signature", "Signature")]);
    table.rows = roles.iter().map(|role| vec![Value::text(role.as_str())]).collect();
    let columns: Vec<(usize, f32)> = vec![(0, 0.25), (1, 0.3), (2, 0.15), (3, 0.3)];
    let mut x = SIDE;
    let mut pillars = Vec::new();
    for (at, part) in columns {
        let wide = TEXT * part;
        pillars.push(Pillar { at, x, wide, right: false, strong: false });
        x += wide;
    }
    let head = heading(flow, &table, &pillars);
    flow.need(head_height(&head) + 38.0 * times(roles.len()));
    let node = flow.book.node(Some(flow.parent), Role::Table);
    let head_node = flow.book.node(Some(node), Role::Head);
    draw_head(flow, &pillars, &head, Some(head_node));
    let body = flow.book.node(Some(node), Role::Body);
    for role in roles {
        flow.need(38.0);
        let row = flow.book.node(Some(body), Role::Row);
        for pillar in &pillars {
            let node = flow.book.node(Some(row), Role::Cell);
            // What is still to be written is a cell all the same.
            let text = if pillar.at == 0 { role.as_str() } else { " " };
            let text = crate::wrap::cut(flow.shaper, text, CELL.size, false, pillar.wide - 2.0 * PAD);
            flow.write(Place::Node(node), pillar.x + PAD, flow.y + 12.0, CELL, &text);
        }
        flow.y += 38.0;
        flow.book.rule(flow.page, (SIDE, SIDE + TEXT), flow.y, Ink::LINE, 0.7);
    }
}

/// How wide the columns are: each as wide as its longest word at least, the rest by how much text they hold.
fn pillars(flow: &mut Flow<'_>, table: &Table) -> Vec<Pillar> {
    let mut wants: Vec<(usize, bool, bool, f32, f32)> = Vec::new();
    for (at, column) in table.printed() {
        let strong = column.strong;
        let (mut least, mut most) = (0.0_f32, 0.0_f32);
        let mut measure = |flow: &mut Flow<'_>, text: &str, size: f32, bold: bool, short: usize| {
            // A text this long wants all it can get, whatever its letters are.
            let whole = if text.len() > 160 { 330.0 } else { flow.shaper.width(text, size, bold) };
            let words = text.split([' ', '/', '-', '\n']).take(40);
            let word = words.map(|word| flow.shaper.width(word, size, bold)).fold(0.0, f32::max);
            // What is short stays in one line: moments, verdicts, numbers with their names.
            let word = if text.chars().count() <= short { whole } else { word };
            least = least.max(word.min(86.0));
            most = most.max(whole.min(330.0));
        };
        // A head may have several lines.
        measure(flow, &column.label, HEAD.size, true, 0);
        for row in &table.rows {
            if let Some(value) = row.get(at) {
                let chip = matches!(value, Value::Word(_, tone) if *tone != Tone::Plain);
                let bold = strong || chip;
                measure(flow, &value.read(), CELL.size, bold, 20);
            }
            for (below, name) in table.beneath(at) {
                if let Some(value) = row.get(below).filter(|value| !value.is_none()) {
                    let text = beneath(&name.label, value);
                    let begin = text.chars().take(34).collect::<String>();
                    measure(flow, &begin, SMALL.size, false, 20);
                }
            }
        }
        // Two points more, so that what just fits is not broken by a rounding.
        let pad = 2.0 * PAD + 2.0;
        wants.push((at, table.is_numeric(at), strong, least + pad, most.max(least) + pad));
    }
    let widths = share(&wants.iter().map(|want| (want.3, want.4)).collect::<Vec<_>>(), TEXT);
    let mut x = SIDE;
    let mut out = Vec::new();
    for ((at, right, strong, ..), wide) in wants.into_iter().zip(widths) {
        out.push(Pillar { at, x, wide, right, strong });
        x += wide;
    }
    out
}

/// Shares a width out: from what each needs to what each wants.
fn share(wants: &[(f32, f32)], room: f32) -> Vec<f32> {
    let (least, most) = wants.iter().fold((0.0, 0.0), |(least, most), want| (least + want.0, most + want.1));
    if most <= room {
        // What is left over goes to all in proportion.
        return wants.iter().map(|want| want.1 * room / most.max(1.0)).collect();
    }
    if least >= room {
        return wants.iter().map(|want| want.0 * room / least.max(1.0)).collect();
    }
    let part = (room - least) / (most - least);
    wants.iter().map(|(least, most)| least + (most - least) * part).collect()
}

fn beneath(label: &str, value: &Value) -> String {
    if label.is_empty() { value.read() } else { format!("{label}: {}", value.read()) }
}

fn cell(flow: &mut Flow<'_>, table: &Table, row: &[Value], pillar: &Pillar) -> Vec<Line> {
    let room = pillar.wide - 2.0 * PAD;
    let mut lines = Vec::new();
    if let Some(value) = row.get(pillar.at) {
        let (style, ground) = match value {
            Value::Word(_, tone) if *tone != Tone::Plain => {
                (Style { bold: true, ink: tone.word(), size: 7.5, ..CELL }, Some(tone.ground()))
            }
            Value::None => (Style { ink: Ink(0xa0, 0xa8, 0xb4), ..CELL }, None),
            _ => (Style { bold: pillar.strong, ..CELL }, None),
        };
        for text in wrap(flow.shaper, &value.read(), style.size, style.bold, room) {
            lines.push(Line { text, style, ground });
        }
    }
    for (below, name) in table.beneath(pillar.at) {
        if let Some(value) = row.get(below).filter(|value| !value.is_none()) {
            for text in wrap(flow.shaper, &beneath(&name.label, value), SMALL.size, false, room) {
                lines.push(Line { text, style: SMALL, ground: None });
            }
        }
    }
    // The words of a cell end where the next cell's begin.
    if let Some(last) = lines.last_mut() {
        last.text = format!("{} ", last.text.trim_end());
    }
    lines
}

fn height(lines: &[Line]) -> f32 {
    lines.iter().map(|line| line.style.lead).sum::<f32>() + 2.0 * RISE
}

fn heading(flow: &mut Flow<'_>, table: &Table, pillars: &[Pillar]) -> Vec<Vec<Line>> {
    pillars
        .iter()
        .map(|pillar| {
            let label = table.columns.get(pillar.at).map(|column| column.label.as_str()).unwrap_or_default();
            let lines = wrap(flow.shaper, label, HEAD.size, true, pillar.wide - 2.0 * PAD);
            // A head leaves room for its rows, whatever it says.
            lines.into_iter().take(HEAD_LINES).map(|text| Line { text, style: HEAD, ground: None }).collect()
        })
        .collect()
}

fn head_height(head: &[Vec<Line>]) -> f32 {
    head.iter().map(|lines| height(lines)).fold(0.0, f32::max)
}

/// The head. Where it only repeats on another page it decorates.
fn draw_head(flow: &mut Flow<'_>, pillars: &[Pillar], head: &[Vec<Line>], node: Option<usize>) {
    let high = head_height(head);
    flow.book.rect(flow.page, (SIDE, flow.y), (TEXT, high), Ink(0xea, 0xee, 0xf4));
    let row = node.map(|node| flow.book.node(Some(node), Role::Row));
    for (pillar, lines) in pillars.iter().zip(head) {
        let place = match row {
            Some(row) => Place::Node(flow.book.node(Some(row), Role::HeadCell)),
            None => Place::Decoration,
        };
        draw_lines(flow, pillar, lines, place, flow.y + RISE);
    }
    flow.y += high;
    flow.book.rule(flow.page, (SIDE, SIDE + TEXT), flow.y, Ink::ACCENT, 0.9);
}

/// Goes on overleaf, under the same head.
fn turn(flow: &mut Flow<'_>, pillars: &[Pillar], head: &[Vec<Line>]) {
    flow.open();
    draw_head(flow, pillars, head, None);
}

fn draw_group(flow: &mut Flow<'_>, pillars: &[Pillar], head: &[Vec<Line>], group: (&str, usize), first: f32) {
    let mut lines = wrap(flow.shaper, group.0, GROUP.size, true, TEXT - 2.0 * PAD);
    lines.truncate(HEAD_LINES);
    let high = times(lines.len()) * GROUP.lead + 2.0 * RISE;
    // A group's heading stands with its first row.
    if flow.y + high + first > BOTTOM {
        turn(flow, pillars, head);
    }
    flow.book.rect(flow.page, (SIDE, flow.y), (TEXT, high), Ink(0xf1, 0xf5, 0xfa));
    let row = flow.book.node(Some(group.1), Role::Row);
    let columns = u32::try_from(pillars.len()).unwrap_or(1);
    let node = flow.book.node(Some(row), Role::GroupCell(columns));
    for (i, line) in lines.iter().enumerate() {
        let top = flow.y + RISE + times(i) * GROUP.lead;
        flow.write(Place::Node(node), SIDE + PAD, top, GROUP, line);
    }
    flow.y += high;
    flow.book.rule(flow.page, (SIDE, SIDE + TEXT), flow.y, Ink::LINE, 0.6);
}

fn draw_row(flow: &mut Flow<'_>, pillars: &[Pillar], head: &[Vec<Line>], cells: &[Vec<Line>], body: usize) {
    let high = cells.iter().map(|lines| height(lines)).fold(0.0, f32::max);
    let page = BOTTOM - TOP - head_height(head);
    // A row that fits on a page stands on one; only what is higher is divided.
    if flow.y + high > BOTTOM && high <= page * 0.6 {
        turn(flow, pillars, head);
    }
    let row = flow.book.node(Some(body), Role::Row);
    let nodes: Vec<usize> = cells.iter().map(|_| flow.book.node(Some(row), Role::Cell)).collect();
    let mut rest: Vec<&[Line]> = cells.iter().map(Vec::as_slice).collect();
    let mut fresh = false;
    loop {
        let room = BOTTOM - flow.y - 2.0 * RISE;
        let mut used = 0.0_f32;
        let mut left = false;
        let top = flow.y + RISE;
        for ((pillar, lines), node) in pillars.iter().zip(&mut rest).zip(&nodes) {
            let mut high = 0.0;
            let fitting = lines.iter().take_while(|line| {
                high += line.style.lead;
                high <= room + 0.01
            });
            // At the head of a page a line stands whatever its height: otherwise no page would ever do.
            let count = fitting.count().max(usize::from(fresh));
            let (now, later) = lines.split_at_checked(count).unwrap_or((lines, &[]));
            draw_lines(flow, pillar, now, Place::Node(*node), top);
            used = used.max(now.iter().map(|line| line.style.lead).sum());
            left |= !later.is_empty();
            *lines = later;
        }
        flow.y += used + 2.0 * RISE;
        if !left {
            break;
        }
        turn(flow, pillars, head);
        fresh = true;
    }
    flow.book.rule(flow.page, (SIDE, SIDE + TEXT), flow.y, Ink::LINE, 0.6);
}

fn draw_lines(flow: &mut Flow<'_>, pillar: &Pillar, lines: &[Line], place: Place, top: f32) {
    let mut y = top;
    for line in lines {
        let wide = flow.shaper.width(line.text.trim_end(), line.style.size, line.style.bold);
        let x = if pillar.right { pillar.x + pillar.wide - PAD - wide } else { pillar.x + PAD };
        if let Some(ground) = line.ground {
            flow.book.rect(flow.page, (x - 2.5, y + 0.4), (wide + 5.0, line.style.lead - 0.8), ground);
        }
        flow.write(place, x, y, line.style, &line.text);
        y += line.style.lead;
    }
}

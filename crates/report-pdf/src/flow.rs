//! What goes where: the cover, the contents, and the sections one after another.

use grc_document::{
    Block, Chart, Document, Fact, Generation, Ink, Section, Value,
    picture::{Anchor, Picture, Shape},
    value::{minute, said},
};

use crate::{
    shape::{Shaper, name},
    sheet::{BOTTOM, Book, Drawn, HEIGHT, Heading, Jump, Place, Role, SIDE, Sheet, TEXT, TOP, WIDTH, points, times},
    table,
    wrap::{cut, wrap},
};

/// How many lines of contents a page holds.
const ENTRIES: usize = 38;

/// How letters look.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) size: f32,
    pub(crate) lead: f32,
    pub(crate) bold: bool,
    pub(crate) ink: Ink,
}

/// The most that a heading of one line takes, with what is under it.
const HEADING: f32 = 60.0;
/// What a picture takes besides itself: its caption, and what is free around it.
const FRAME: f32 = 32.0;

const BODY: Style = Style { size: 9.5, lead: 14.0, bold: false, ink: Ink::TEXT };
const LEAD: Style = Style { size: 11.5, lead: 17.0, ..BODY };
const NOTE: Style = Style { size: 8.2, lead: 11.6, ink: Ink::SOFT, ..BODY };
const LABEL: Style = Style { size: 7.6, lead: 10.0, ink: Ink::SOFT, ..BODY };

/// Where the next thing goes.
pub(crate) struct Flow<'a> {
    pub(crate) book: Book,
    pub(crate) shaper: &'a mut Shaper,
    pub(crate) page: usize,
    pub(crate) y: f32,
    /// The node that new parts belong to.
    pub(crate) parent: usize,
}

/// Lays a document out.
pub(crate) fn lay_out(document: &Document, generation: &Generation, shaper: &mut Shaper) -> Book {
    let mut book = Book::default();
    let whole = book.node(None, Role::Whole);
    let mut flow = Flow { book, shaper, page: 0, y: TOP, parent: whole };
    flow.cover(document, generation);
    let contents = flow.book.node(Some(whole), Role::Section);
    let pages = document.sections.len().div_ceil(ENTRIES).max(1);
    for _ in 0..pages {
        flow.book.sheets.push(Sheet::default());
    }
    flow.open();
    for section in &document.sections {
        flow.section(section, whole);
    }
    flow.contents(contents, pages);
    flow.margins(document, generation);
    flow.book
}

impl Flow<'_> {
    /// Begins a page.
    pub(crate) fn open(&mut self) {
        self.book.sheets.push(Sheet::default());
        self.page = self.book.sheets.len() - 1;
        self.y = TOP;
    }

    /// Begins a page where there is less room than this.
    pub(crate) fn need(&mut self, room: f32) {
        if self.y + room > BOTTOM && self.y > TOP {
            self.open();
        }
    }

    /// Goes down, not over the edge.
    pub(crate) fn gap(&mut self, room: f32) {
        if self.y > TOP {
            self.y = (self.y + room).min(BOTTOM);
        }
    }

    /// Draws a line of text whose row begins at a height.
    pub(crate) fn write(&mut self, place: Place, x: f32, top: f32, style: Style, text: &str) {
        self.write_on(self.page, place, x, top, style, text);
    }

    fn write_on(&mut self, page: usize, place: Place, x: f32, top: f32, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        // Capitals stand in the middle of their row.
        let y = top + style.lead * 0.5 + style.size * 0.357;
        let Style { size, bold, ink, .. } = style;
        self.book.draw(page, place, Drawn::Text { x, y, size, bold, ink, text: text.to_owned(), upright: false });
    }

    /// A paragraph of a role, from a place to the right of the text's edge.
    fn paragraph(&mut self, role: Role, text: &str, style: Style, inset: f32) {
        let node = self.book.node(Some(self.parent), role);
        let lines = wrap(self.shaper, text, style.size, style.bold, TEXT - inset);
        let count = lines.len();
        for (i, line) in lines.iter().enumerate() {
            // Neither the first nor the last line stands alone.
            let rest = count - i;
            let alone = if (i == 0 && count > 1) || rest == 2 { 2.0 } else { 1.0 };
            self.need(style.lead * alone);
            self.write(Place::Node(node), SIDE + inset, self.y, style, line);
            self.y += style.lead;
        }
    }

    fn section(&mut self, section: &Section, whole: usize) {
        self.parent = self.book.node(Some(whole), Role::Section);
        let first = section.level <= 1;
        let style = if first {
            Style { size: 16.0, lead: 22.0, bold: true, ink: Ink::ACCENT }
        } else {
            Style { size: 12.0, lead: 17.0, bold: true, ink: Ink::TEXT }
        };
        self.gap(if first { 26.0 } else { 16.0 });
        // A heading does not stand at the foot of a page, nor without the picture that it is of.
        let room = if first { 170.0 } else { 110.0 };
        let picture = match section.blocks.first() {
            Some(Block::Chart(chart)) => HEADING + FRAME + sized(&chart.picture(), BOTTOM - TOP - HEADING - FRAME).1,
            _ => 0.0,
        };
        self.need(picture.max(room));
        let title = name(&section.title);
        let heading = Heading { title: title.clone(), level: section.level, page: self.page, y: self.y };
        self.book.headings.push(heading);
        let role = Role::Heading(section.level.clamp(1, 2), title);
        self.paragraph(role, &section.title, style, 0.0);
        if first {
            self.book.rule(self.page, (SIDE, SIDE + TEXT), self.y + 2.0, Ink::ACCENT, 1.2);
            self.y += 6.0;
        }
        self.y += 5.0;
        for block in &section.blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Text(text) => self.paragraph(Role::Paragraph, text, BODY, 0.0),
            Block::Lead(text) => self.paragraph(Role::Paragraph, text, LEAD, 0.0),
            Block::Note(text) => self.paragraph(Role::Paragraph, text, NOTE, 0.0),
            Block::Rule(text) => self.rule(text),
            Block::Points(points) => self.points(points),
            Block::Figures(facts) => self.figures(facts),
            Block::Facts(facts) => self.facts(facts),
            Block::Table(table) => table::table(self, table),
            Block::Chart(chart) => self.chart(chart),
            Block::SignOff(roles) => table::sign_off(self, roles),
        }
        self.gap(9.0);
    }

    /// A rule, set apart on a ground of its own.
    fn rule(&mut self, text: &str) {
        let lines = wrap(self.shaper, text, BODY.size, false, TEXT - 26.0).len();
        let high = times(lines) * BODY.lead + 10.0;
        self.need(high);
        self.book.rect(self.page, (SIDE, self.y), (TEXT, high), Ink::TINT);
        self.book.rect(self.page, (SIDE, self.y), (3.0, high), Ink::ACCENT);
        self.y += 5.0;
        self.paragraph(Role::Paragraph, text, BODY, 14.0);
        self.y += 5.0;
    }

    fn points(&mut self, points: &[String]) {
        let outer = self.parent;
        let list = self.book.node(Some(outer), Role::List);
        for point in points {
            self.parent = self.book.node(Some(list), Role::Item);
            self.need(BODY.lead);
            let (page, y) = (self.page, self.y);
            self.paragraph(Role::ItemBody, point, BODY, 12.0);
            self.write_on(page, Place::Decoration, SIDE + 1.0, y, BODY, "•");
            self.y += 2.0;
        }
        self.parent = outer;
    }

    /// Numbers to be seen at once, in boxes side by side.
    fn figures(&mut self, facts: &[Fact]) {
        let each = match facts.len() {
            0 => return,
            n if n <= 5 => n,
            6 => 3,
            _ => 4,
        };
        let gap = 9.0;
        let wide = (TEXT - gap * times(each - 1)) / times(each);
        for row in facts.chunks(each) {
            self.need(52.0);
            for (i, fact) in row.iter().enumerate() {
                let x = SIDE + times(i) * (wide + gap);
                let edge = match &fact.value {
                    Value::Word(_, tone) => tone.ink(),
                    _ => Ink::ACCENT,
                };
                self.book.rect(self.page, (x, self.y), (wide, 46.0), Ink::TINT);
                self.book.rect(self.page, (x, self.y), (wide, 2.5), edge);
                let node = self.book.node(Some(self.parent), Role::Paragraph);
                let number = Style { size: 16.0, lead: 22.0, bold: true, ink: Ink::TEXT };
                let text = fact.value.read();
                let size = (16.0 * (wide - 16.0) / self.shaper.width(&text, 16.0, true).max(1.0)).clamp(9.0, 16.0);
                let text = cut(self.shaper, &text, size, true, wide - 16.0);
                self.write(Place::Node(node), x + 8.0, self.y + 6.0, Style { size, ..number }, &format!("{text} "));
                let label = cut(self.shaper, &fact.label, LABEL.size, false, wide - 16.0);
                self.write(Place::Node(node), x + 8.0, self.y + 29.0, LABEL, &label);
            }
            self.y += 53.0;
        }
    }

    /// Names and values in two columns.
    fn facts(&mut self, facts: &[Fact]) {
        let gap = 20.0;
        let wide = (TEXT - gap) / 2.0;
        let shown: Vec<&Fact> = facts.iter().filter(|fact| !fact.value.is_none()).collect();
        for pair in shown.chunks(2) {
            let cells: Vec<(String, Vec<String>)> = pair
                .iter()
                .map(|fact| {
                    let label = cut(self.shaper, &fact.label, LABEL.size, false, wide);
                    (label, wrap(self.shaper, &fact.value.read(), BODY.size, false, wide))
                })
                .collect();
            let most = cells.iter().map(|(_, lines)| lines.len()).max().unwrap_or(1).min(40);
            self.need(LABEL.lead + times(most) * 13.0);
            for (i, (label, lines)) in cells.iter().enumerate() {
                let x = SIDE + times(i) * (wide + gap);
                let node = self.book.node(Some(self.parent), Role::Paragraph);
                self.write(Place::Node(node), x, self.y, LABEL, &format!("{label} "));
                for (j, line) in lines.iter().take(most).enumerate() {
                    let top = self.y + LABEL.lead + times(j) * 13.0;
                    self.write(Place::Node(node), x, top, Style { lead: 13.0, ..BODY }, line);
                }
            }
            self.y += LABEL.lead + times(most) * 13.0 + 5.0;
        }
    }

    fn chart(&mut self, chart: &Chart) {
        let picture = chart.picture();
        let title = Style { size: 9.8, lead: 16.0, bold: true, ink: Ink::TEXT };
        self.gap(4.0);
        // A page's first picture leaves room for the heading over it.
        let above = if self.y < TOP + HEADING { self.y - TOP } else { 0.0 };
        let (scale, high) = sized(&picture, BOTTOM - TOP - above - FRAME);
        self.need(title.lead + 4.0 + high);
        let node = self.book.node(Some(self.parent), Role::Caption);
        let caption = cut(self.shaper, &chart.title, title.size, true, TEXT);
        self.write(Place::Node(node), SIDE, self.y, title, &caption);
        self.y += title.lead + 4.0;
        let (left, top) = (SIDE, self.y);
        let right = left + points(picture.width) * scale;
        let frame = (left, top, right, top + high);
        let node = self.book.node(Some(self.parent), Role::Figure(name(&chart.alt), self.page, frame));
        for shape in &picture.shapes {
            let drawn = self.shape(shape, (left, top), scale);
            self.book.draw(self.page, Place::Node(node), drawn);
        }
        self.y += high + 4.0;
    }

    /// A shape of a picture on the page.
    fn shape(&mut self, shape: &Shape, corner: (f32, f32), scale: f32) -> Drawn {
        match shape {
            Shape::Path { steps, fill, stroke } => {
                let steps = steps.iter().map(|step| moved(*step, corner, scale)).collect();
                let stroke = stroke.map(|stroke| (stroke.ink, points(stroke.width) * scale, stroke.dashed));
                Drawn::Path { steps, fill: *fill, stroke }
            }
            Shape::Label(label) => {
                let size = points(label.size) * scale;
                let text = crate::shape::clean(&label.text);
                let wide = self.shaper.width(&text, size, label.bold);
                let back = match label.anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => wide / 2.0,
                    Anchor::End => wide,
                };
                let (x, y) = (corner.0 + points(label.x) * scale, corner.1 + points(label.y) * scale);
                let (x, y) = if label.upright { (x, y + back) } else { (x - back, y) };
                // What belongs together is told apart from what comes after it.
                let text = format!("{text} ");
                Drawn::Text { x, y, size, bold: label.bold, ink: label.ink, text, upright: label.upright }
            }
        }
    }

    fn cover(&mut self, document: &Document, generation: &Generation) {
        self.book.sheets.push(Sheet::default());
        let whole = self.parent;
        self.parent = self.book.node(Some(whole), Role::Section);
        let band = 330.0;
        self.book.rect(0, (0.0, 0.0), (WIDTH, band), Ink(0x16, 0x36, 0x62));
        self.book.rect(0, (0.0, band), (WIDTH, 5.0), Ink(0xe6, 0x9f, 0x00));
        let white = Style { size: 10.0, lead: 14.0, bold: true, ink: Ink(0xc9, 0xd8, 0xec) };
        self.y = 84.0;
        self.paragraph(Role::Paragraph, &said(&document.kind).to_uppercase(), white, 0.0);
        self.y += 10.0;
        // A long title is set smaller, so that the cover keeps its shape.
        let title = if document.title.chars().count() > 80 { (19.0, 25.0) } else { (28.0, 36.0) };
        let style = Style { size: title.0, lead: title.1, bold: true, ink: Ink::WHITE };
        self.paragraph(Role::Heading(1, name(&document.title)), &document.title, style, 0.0);
        self.y += 10.0;
        let whose = Style { size: 14.0, lead: 19.0, bold: false, ink: Ink::WHITE };
        self.paragraph(Role::Paragraph, &document.organization, whose, 0.0);
        self.y = self.y.max(band + 36.0);
        let mut facts = document.facts.clone();
        facts.push(Fact::new("generated", "Generated", Value::Time(generation.at)));
        facts.push(Fact::new("version", "By", Value::text(format!("Sovereign GRC {}", generation.version))));
        self.facts(&facts);
        let top = (HEIGHT - 132.0).max(self.y + 10.0);
        self.book.rule(self.page, (SIDE, SIDE + TEXT), top, Ink::LINE, 0.8);
        self.y = top + 8.0;
        let says = "Every number of this report comes from one frozen snapshot of the data; PDF, workbook, HTML and JSON \
                    of it agree number for number. Equal data has an equal digest.";
        self.paragraph(Role::Paragraph, says, NOTE, 0.0);
        self.y += 3.0;
        self.paragraph(Role::Paragraph, &format!("Data snapshot SHA-256  {}", generation.digest), NOTE, 0.0);
        self.parent = whole;
    }

    fn contents(&mut self, node: usize, pages: usize) {
        let heading = self.book.node(Some(node), Role::Heading(1, "Contents".to_owned()));
        let style = Style { size: 16.0, lead: 22.0, bold: true, ink: Ink::ACCENT };
        self.write_on(1, Place::Node(heading), SIDE, TOP, style, "Contents");
        self.book.rule(1, (SIDE, SIDE + TEXT), TOP + 24.0, Ink::ACCENT, 1.2);
        let list = self.book.node(Some(node), Role::Contents);
        for (i, heading) in self.book.headings.clone().iter().enumerate() {
            let page = 1 + i / ENTRIES;
            let y = TOP + 38.0 + times(i % ENTRIES) * 17.0;
            let sub = heading.level > 1;
            let style = Style { size: if sub { 9.2 } else { 10.0 }, lead: 17.0, bold: !sub, ink: Ink::TEXT };
            let x = SIDE + if sub { 14.0 } else { 0.0 };
            let number = (heading.page + 1).to_string();
            let plain = Style { bold: false, ..style };
            let wide = self.shaper.width(&number, plain.size, false);
            let title = cut(self.shaper, &heading.title, style.size, style.bold, TEXT - 60.0);
            let end = x + self.shaper.width(&title, style.size, style.bold) + 5.0;
            let entry = self.book.node(Some(list), Role::Entry);
            let link = self.book.node(Some(entry), Role::Link);
            self.write_on(page, Place::Node(link), x, y, style, &format!("{title} "));
            let dots = Drawn::Path {
                steps: vec![
                    grc_document::picture::Step::Move(f64::from(end), f64::from(y + 12.0)),
                    grc_document::picture::Step::Line(f64::from(SIDE + TEXT - wide - 5.0), f64::from(y + 12.0)),
                ],
                fill: None,
                stroke: Some((Ink(0xb4, 0xba, 0xc4), 0.6, true)),
            };
            self.book.draw(page, Place::Decoration, dots);
            self.write_on(page, Place::Node(link), SIDE + TEXT - wide, y, plain, &number);
            let jump = Jump {
                node: link,
                from: (x, y, SIDE + TEXT, y + 17.0),
                page: heading.page,
                y: heading.y,
                says: format!("{}, page {number}", heading.title),
            };
            if let Some(sheet) = self.book.sheets.get_mut(page) {
                sheet.jumps.push(jump);
            }
        }
        debug_assert!(pages > 0);
    }

    /// What stands at the head and the foot of every page but the cover.
    fn margins(&mut self, document: &Document, generation: &Generation) {
        let style = Style { size: 7.6, lead: 10.0, bold: false, ink: Ink::SOFT };
        let count = self.book.sheets.len();
        let digest: String = generation.digest.chars().take(16).collect();
        let title = cut(self.shaper, &document.title, style.size, false, TEXT * 0.62);
        let whose = cut(self.shaper, &document.organization, style.size, false, TEXT * 0.34);
        let whose_wide = self.shaper.width(&whose, style.size, false);
        let made = format!("Sovereign GRC {} · {} · snapshot {digest}", generation.version, minute(generation.at));
        for page in 1..count {
            self.write_on(page, Place::Margin, SIDE, 40.0, style, &title);
            self.write_on(page, Place::Margin, SIDE + TEXT - whose_wide, 40.0, style, &whose);
            self.book.rule(page, (SIDE, SIDE + TEXT), 54.0, Ink::LINE, 0.7);
            self.book.rule(page, (SIDE, SIDE + TEXT), HEIGHT - 46.0, Ink::LINE, 0.7);
            self.write_on(page, Place::Margin, SIDE, HEIGHT - 41.0, style, &made);
            let number = format!("Page {} of {count}", page + 1);
            let wide = self.shaper.width(&number, style.size, false);
            self.write_on(page, Place::Margin, SIDE + TEXT - wide, HEIGHT - 41.0, style, &number);
        }
    }
}

/// How large a picture is drawn: as wide as the text, but no higher than the room. Its scale and its height.
fn sized(picture: &Picture, room: f32) -> (f32, f32) {
    let scale = (TEXT / points(picture.width)).min(room / points(picture.height));
    (scale, points(picture.height) * scale)
}

fn moved(step: grc_document::picture::Step, corner: (f32, f32), scale: f32) -> grc_document::picture::Step {
    use grc_document::picture::Step;
    let (left, top, scale) = (f64::from(corner.0), f64::from(corner.1), f64::from(scale));
    let (x, y) = (|x: f64| left + x * scale, |y: f64| top + y * scale);
    match step {
        Step::Move(a, b) => Step::Move(x(a), y(b)),
        Step::Line(a, b) => Step::Line(x(a), y(b)),
        Step::Curve(a, b, c, d, e, f) => Step::Curve(x(a), y(b), x(c), y(d), x(e), y(f)),
        Step::Close => Step::Close,
    }
}

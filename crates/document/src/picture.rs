//! A picture as a few kinds of shapes, drawn to SVG here and to PDF elsewhere: one description, one look.
//!
//! Lengths are points of a page. Words are measured by a table of widths that is a little generous, so that what fits
//! here fits in every font that it is drawn with.

use std::fmt::Write;

use crate::num::trimmed;

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink(pub u8, pub u8, pub u8);

impl Ink {
    /// For text.
    pub const TEXT: Self = Self(0x1d, 0x24, 0x30);
    /// For text of less weight.
    pub const SOFT: Self = Self(0x5c, 0x66, 0x75);
    /// For lines.
    pub const LINE: Self = Self(0xdd, 0xe2, 0xea);
    /// For grounds.
    pub const TINT: Self = Self(0xf5, 0xf7, 0xfa);
    /// For what is to be seen first.
    pub const ACCENT: Self = Self(0x1f, 0x4e, 0x8c);
    /// Paper.
    pub const WHITE: Self = Self(0xff, 0xff, 0xff);

    /// A colour written as `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |from: usize| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok();
        Some(Self(part(0)?, part(2)?, part(4)?))
    }

    /// The colour so far on the way to another, from 0 to 1.
    #[must_use]
    pub fn towards(self, other: Self, part: f64) -> Self {
        let mix = |from: u8, to: u8| {
            let value = (f64::from(from) * (1.0 - part) + f64::from(to) * part).round();
            (0..=u8::MAX).find(|n| f64::from(*n) >= value).unwrap_or(u8::MAX)
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// The ink that reads best on it: black or white.
    pub fn contrast(self) -> Self {
        let luminance = 0.299 * f64::from(self.0) + 0.587 * f64::from(self.1) + 0.114 * f64::from(self.2);
        if luminance < 150.0 { Self::WHITE } else { Self(0x11, 0x11, 0x11) }
    }

    fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// A piece of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Begin here.
    Move(f64, f64),
    /// A straight line to here.
    Line(f64, f64),
    /// A curve by two points to a third.
    Curve(f64, f64, f64, f64, f64, f64),
    /// Back to where it began.
    Close,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A line around or along something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub ink: Ink,
    /// Its width.
    pub width: f64,
    /// Whether it is broken.
    pub dashed: bool,
}

/// A line of words.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where its base line is.
    pub x: f64,
    /// Likewise.
    pub y: f64,
    /// The size of its letters.
    pub size: f64,
    /// Where it stands relative to that point.
    pub anchor: Anchor,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it reads upwards.
    pub upright: bool,
    /// Its colour.
    pub ink: Ink,
    /// The words.
    pub text: String,
}

/// A shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A path, filled, drawn along, or both.
    Path {
        /// Its pieces.
        steps: Vec<Step>,
        /// What it is filled with.
        fill: Option<Ink>,
        /// What is drawn along it.
        stroke: Option<Stroke>,
    },
    /// Words.
    Label(Label),
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// What is on it, from the bottom up.
    pub shapes: Vec<Shape>,
}

impl Picture {
    /// An empty picture.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Ink) {
        self.frame(x, y, width, height, Some(fill), None);
    }

    /// A rectangle, filled, drawn around, or both.
    pub fn frame(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Option<Ink>, stroke: Option<Stroke>) {
        let (right, bottom) = (x + width.max(0.0), y + height.max(0.0));
        let steps =
            vec![Step::Move(x, y), Step::Line(right, y), Step::Line(right, bottom), Step::Line(x, bottom), Step::Close];
        self.shapes.push(Shape::Path { steps, fill, stroke });
    }

    /// A line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        self.way(&[from, to], ink, width, false);
    }

    /// A line through points.
    pub fn way(&mut self, points: &[(f64, f64)], ink: Ink, width: f64, dashed: bool) {
        let steps =
            points.iter().enumerate().map(|(i, &(x, y))| if i == 0 { Step::Move(x, y) } else { Step::Line(x, y) });
        let stroke = Some(Stroke { ink, width, dashed });
        self.shapes.push(Shape::Path { steps: steps.collect(), fill: None, stroke });
    }

    /// A disc.
    pub fn disc(&mut self, x: f64, y: f64, radius: f64, fill: Ink, edge: Option<Ink>) {
        // Four curves that differ from a circle by less than a thousandth.
        let k = radius * 0.552_284_75;
        let steps = vec![
            Step::Move(x + radius, y),
            Step::Curve(x + radius, y + k, x + k, y + radius, x, y + radius),
            Step::Curve(x - k, y + radius, x - radius, y + k, x - radius, y),
            Step::Curve(x - radius, y - k, x - k, y - radius, x, y - radius),
            Step::Curve(x + k, y - radius, x + radius, y - k, x + radius, y),
            Step::Close,
        ];
        let stroke = edge.map(|ink| Stroke { ink, width: 1.0, dashed: false });
        self.shapes.push(Shape::Path { steps, fill: Some(fill), stroke });
    }

    /// A filled outline.
    pub fn area(&mut self, steps: Vec<Step>, fill: Ink) {
        self.shapes.push(Shape::Path { steps, fill: Some(fill), stroke: None });
    }

    /// Words, cut where they are wider than there is room.
    pub fn label(&mut self, at: (f64, f64), size: f64, anchor: Anchor, ink: Ink, text: &str, room: f64) {
        self.words(at, size, anchor, ink, text, room, false);
    }

    /// The same in bold.
    pub fn bold(&mut self, at: (f64, f64), size: f64, anchor: Anchor, ink: Ink, text: &str, room: f64) {
        self.words(at, size, anchor, ink, text, room, true);
    }

    /// Words that read upwards, their middle at the point.
    pub fn upright(&mut self, at: (f64, f64), size: f64, ink: Ink, text: &str) {
        let label = Label {
            x: at.0,
            y: at.1,
            size,
            anchor: Anchor::Middle,
            bold: false,
            upright: true,
            ink,
            text: text.to_owned(),
        };
        self.shapes.push(Shape::Label(label));
    }

    #[allow(clippy::too_many_arguments, reason = "the two callers above name them")]
    fn words(&mut self, at: (f64, f64), size: f64, anchor: Anchor, ink: Ink, text: &str, room: f64, bold: bool) {
        let text = fit(text, size, room, bold);
        self.shapes.push(Shape::Label(Label { x: at.0, y: at.1, size, anchor, bold, upright: false, ink, text }));
    }

    /// The picture as SVG, to stand inside HTML. It loads nothing.
    pub fn to_svg(&self, alt: &str) -> String {
        let mut out = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
            trimmed(self.width, 2),
            trimmed(self.height, 2),
            crate::html::escape(alt)
        );
        for shape in &self.shapes {
            match shape {
                Shape::Path { steps, fill, stroke } => path(&mut out, steps, *fill, *stroke),
                Shape::Label(label) => words(&mut out, label),
            }
        }
        out.push_str("</svg>");
        out
    }
}

fn path(out: &mut String, steps: &[Step], fill: Option<Ink>, stroke: Option<Stroke>) {
    out.push_str("<path d=\"");
    let number = |x: f64| trimmed(x, 2);
    for step in steps {
        let _ = match *step {
            Step::Move(x, y) => write!(out, "M{} {}", number(x), number(y)),
            Step::Line(x, y) => write!(out, "L{} {}", number(x), number(y)),
            Step::Curve(a, b, c, d, x, y) => {
                write!(out, "C{} {} {} {} {} {}", number(a), number(b), number(c), number(d), number(x), number(y))
            }
            Step::Close => write!(out, "Z"),
        };
    }
    let _ = write!(out, "\" fill=\"{}\"", fill.map_or_else(|| "none".to_owned(), Ink::hex));
    if let Some(stroke) = stroke {
        let _ = write!(out, " stroke=\"{}\" stroke-width=\"{}\"", stroke.ink.hex(), number(stroke.width));
        if stroke.dashed {
            out.push_str(" stroke-dasharray=\"4 3\"");
        }
    }
    out.push_str("/>");
}

fn words(out: &mut String, label: &Label) {
    let anchor = match label.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let (x, y) = (trimmed(label.x, 2), trimmed(label.y, 2));
    let _ = write!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\"",
        trimmed(label.size, 2),
        label.ink.hex()
    );
    if label.bold {
        out.push_str(" font-weight=\"600\"");
    }
    if label.upright {
        let _ = write!(out, " transform=\"rotate(-90 {x} {y})\"");
    }
    let _ = write!(out, ">{}</text>", crate::html::escape(&label.text));
}

/// How wide a text is at a size, rather too wide than too narrow.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let ems: f64 = text.chars().map(em).sum();
    ems * size * if bold { 1.07 } else { 1.0 }
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'l' | 'j' | '.' | ',' | '\'' | '|' | ':' | ';' | '!' | ' ' => 0.28,
        'I' | 'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | '/' => 0.4,
        's' | 'c' | 'z' | 'k' | 'v' | 'x' | 'y' => 0.54,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        'A'..='Z' => 0.7,
        '0'..='9' => 0.58,
        'a'..='z' => 0.62,
        '\u{300}'..='\u{36f}' => 0.0,
        // Scripts whose letters fill a square.
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{ffdc}' | '\u{1f000}'..='\u{3ffff}' => 1.05,
        _ => 0.72,
    }
}

/// A text, cut with an ellipsis where it is wider than there is room.
pub fn fit(text: &str, size: f64, room: f64, bold: bool) -> String {
    let text: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    if width(&text, size, bold) <= room {
        return text;
    }
    let room = room - width("…", size, bold);
    let mut used = 0.0;
    let mut out = String::new();
    for c in text.chars() {
        used += em(c) * size * if bold { 1.07 } else { 1.0 };
        if used > room {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// A text in at most so many lines, broken at spaces where it can be, the last line cut.
pub fn lines(text: &str, size: f64, room: f64, most: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if width(&longer, size, false) <= room || line.is_empty() {
            line = longer;
        } else if out.len() + 1 < most {
            out.push(std::mem::replace(&mut line, word.to_owned()));
        } else {
            line = longer;
            for word in words.by_ref() {
                line.push(' ');
                line.push_str(word);
            }
        }
    }
    out.push(line);
    out.iter().map(|line| fit(line, size, room, false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_to_their_room_and_escaped() {
        let mut picture = Picture::new(100.0, 50.0);
        picture.label((10.0, 10.0), 10.0, Anchor::Start, Ink::TEXT, "<b>\"&' a name that is far too long", 80.0);
        let svg = picture.to_svg("a <chart>");
        assert!(svg.contains("&lt;b&gt;&quot;&amp;&#39;") && svg.contains('…') && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("aria-label=\"a &lt;chart&gt;\""));
        assert!(width(&fit("wwwwwwwwwwwwww", 9.0, 40.0, true), 9.0, true) <= 40.0);
        assert_eq!(lines("one two three four five", 10.0, 45.0, 2).len(), 2);
    }

    #[test]
    fn colours_are_read_mixed_and_told_dark_from_light() {
        assert_eq!(Ink::parse("#1f4e8c"), Some(Ink::ACCENT));
        assert_eq!(Ink::parse("red"), None);
        assert_eq!(Ink::parse("#é2345"), None);
        assert_eq!(Ink(0, 0, 0).towards(Ink::WHITE, 0.5), Ink(128, 128, 128));
        assert_eq!(Ink::ACCENT.contrast(), Ink::WHITE);
        assert_ne!(Ink::TINT.contrast(), Ink::WHITE);
    }
}

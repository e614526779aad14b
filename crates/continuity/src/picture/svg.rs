//! SVG as text: shapes, escaped words, and how wide words are without asking a font.

use std::fmt::Write;

/// A drawing in the making. Everything that comes from outside passes [`escaped`].
pub(super) struct Svg {
    body: String,
}

impl Svg {
    /// An empty drawing.
    pub(super) fn new() -> Self {
        Self { body: String::new() }
    }

    /// Markup of our own; numbers and constants only.
    pub(super) fn raw(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(markup);
        self.body.push('\n');
    }

    /// A box with rounded corners.
    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), radius: f64, style: &str) {
        self.raw(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="{radius:.1}" {style}/>"#
        ));
    }

    /// A straight line.
    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str) {
        self.raw(format_args!(r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" {style}/>"#));
    }

    /// A line of words at a point.
    pub(super) fn text(&mut self, (x, y): (f64, f64), style: &str, words: &str) {
        self.raw(format_args!(r#"<text x="{x:.1}" y="{y:.1}" {style}>{}</text>"#, escaped(words)));
    }

    /// Opens a group with a tool tip.
    pub(super) fn open(&mut self, title: &str) {
        self.raw(format_args!("<g><title>{}</title>", escaped(title)));
    }

    /// Closes a group.
    pub(super) fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// The whole document. It refers to nothing outside itself.
    pub(super) fn finish(self, (width, height): (f64, f64), title: &str, description: &str) -> String {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">
<title>{}</title>
<desc>{}</desc>
<rect width="100%" height="100%" fill="{PAPER}"/>
{}</svg>
"#,
            escaped(title),
            escaped(description),
            self.body
        )
    }
}

/// The background.
pub(super) const PAPER: &str = "#ffffff";

/// Text as XML 1.0 can hold it: markup escaped, characters that XML forbids replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// How wide a text is, in units of the font's size. Fonts differ; this errs on the wide side.
pub(super) fn width(text: &str) -> f64 {
    let wide = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.34,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        'A'..='Z' => 0.7,
        '\0'..='\u{10ff}' => 0.59,
        _ => 1.05,
    };
    text.chars().map(wide).sum()
}

/// The beginning of a text that fits, with an ellipsis where something is cut.
pub(super) fn fitted(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        let mut longer = out.clone();
        longer.push(c);
        if width(&longer) > room - 1.0 {
            break;
        }
        out = longer;
    }
    format!("{}\u{2026}", out.trim_end())
}

/// A text in at most two lines, broken between words where that is possible.
pub(super) fn two_lines(text: &str, room: f64) -> (String, Option<String>) {
    if width(text) <= room {
        return (text.to_owned(), None);
    }
    let breaks = text.char_indices().filter(|(_, c)| matches!(c, ' ' | '-' | '/' | '_' | '.'));
    let fit = |at: &usize| text.get(..*at).is_some_and(|head| width(head) <= room);
    match breaks.map(|(at, c)| at + c.len_utf8()).take_while(fit).last() {
        Some(at) if at > 3 => {
            let (head, tail) = text.split_at(at);
            (head.trim_end().to_owned(), Some(fitted(tail.trim_start(), room)))
        }
        _ => (fitted(text, room), None),
    }
}

/// Hours for people: `45 min`, `4 h`, `1.5 h`, `3 d`.
pub(super) fn hours(hours: f64) -> String {
    let (value, unit) = match hours {
        h if h <= 0.0 => (0.0, "h"),
        h if h < 1.0 => (h * 60.0, "min"),
        h if h >= 72.0 => (h / 24.0, "d"),
        h => (h, "h"),
    };
    let text = format!("{value:.1}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("<a b='\"&\u{1}\u{ffff}>"), "&lt;a b=&#39;&quot;&amp; \u{fffd}&gt;");
    }

    #[test]
    fn long_names_are_broken_between_words_and_cut_at_the_end() {
        assert_eq!(two_lines("Ledger", 10.0), ("Ledger".to_owned(), None));
        let (first, second) = two_lines("Customer order database of the northern region", 14.0);
        assert_eq!(first, "Customer order");
        assert!(second.is_some_and(|second| second.starts_with("database of") && second.ends_with('\u{2026}')));
        let (first, second) = two_lines(&"x".repeat(50), 10.0);
        assert!(first.ends_with('\u{2026}') && second.is_none() && width(&first) <= 10.0);
    }

    #[test]
    fn hours_read_well() {
        assert_eq!(
            [0.0, 0.75, 1.5, 4.0, 71.0, 72.0, 84.0].map(hours),
            ["0 h", "45 min", "1.5 h", "4 h", "71 h", "3 d", "3.5 d"]
        );
    }
}

//! From text to lines: broken where Unicode allows it (UAX #14), and inside a word only where the word is wider than
//! the line.

use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_segmentation::UnicodeSegmentation;

use crate::shape::{Shaper, clean};

/// Breaks a text into lines of at most a width. A line that ends between words ends with a space, so that whoever
/// copies it gets the words apart.
pub(crate) fn wrap(shaper: &mut Shaper, text: &str, size: f32, bold: bool, room: f32) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in clean(text).trim_end().split('\n') {
        // One empty line tells paragraphs apart; more would only fill pages.
        if paragraph.is_empty() && lines.last().is_some_and(|line: &String| !line.is_empty()) {
            lines.push(String::new());
        }
        let mut line = Line::default();
        let mut begun = 0;
        for (at, kind) in linebreaks(paragraph) {
            let part = paragraph.get(begun..at).unwrap_or_default();
            begun = at;
            let bare = shaper.width(part.trim_end_matches(' '), size, bold);
            if line.width + bare > room && !line.text.is_empty() {
                lines.push(std::mem::take(&mut line.text));
                line.width = 0.0;
            }
            if bare > room {
                split(shaper, part, (size, bold, room), &mut line, &mut lines);
            } else {
                line.text.push_str(part);
                line.width += shaper.width(part, size, bold);
            }
            if kind == BreakOpportunity::Mandatory && !line.text.is_empty() {
                lines.push(std::mem::take(&mut line.text));
                line.width = 0.0;
            }
        }
        if !line.text.is_empty() {
            lines.push(line.text);
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

#[derive(Default)]
struct Line {
    text: String,
    width: f32,
}

/// A word that is wider than the line, by what a reader takes for one character.
fn split(shaper: &mut Shaper, word: &str, style: (f32, bool, f32), line: &mut Line, lines: &mut Vec<String>) {
    let (size, bold, room) = style;
    for letter in word.graphemes(true) {
        let width = shaper.width(letter, size, bold);
        if line.width + width > room && !line.text.is_empty() {
            lines.push(std::mem::take(&mut line.text));
            line.width = 0.0;
        }
        line.text.push_str(letter);
        line.width += width;
    }
}

/// A text in one line, cut with an ellipsis where it is wider than there is room.
pub(crate) fn cut(shaper: &mut Shaper, text: &str, size: f32, bold: bool, room: f32) -> String {
    let text = clean(text).replace('\n', " ");
    if shaper.width(&text, size, bold) <= room {
        return text;
    }
    let mut out = String::new();
    let mut width = shaper.width("…", size, bold);
    for letter in text.graphemes(true) {
        width += shaper.width(letter, size, bold);
        if width > room {
            break;
        }
        out.push_str(letter);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn lines_break_between_words_and_inside_only_what_is_too_long() {
        let mut shaper = Shaper::new();
        let lines = wrap(&mut shaper, "Beweismittelzusammenstellung und Prüfung", 10.0, false, 90.0);
        assert_eq!(lines.concat(), "Beweismittelzusammenstellung und Prüfung");
        assert!(lines.len() > 2 && lines.iter().any(|line| line.ends_with(' ')), "{lines:?}");
        assert_eq!(wrap(&mut shaper, "one\n\nthree", 10.0, false, 90.0), ["one", "", "three"]);
        assert_eq!(wrap(&mut shaper, "one\n\n\n\nthree\n\n", 10.0, false, 90.0), ["one", "", "three"]);
        assert_eq!(wrap(&mut shaper, "a/path/to/a/file", 10.0, false, 40.0).concat(), "a/path/to/a/file");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_its_room_and_nothing_is_lost(text in "[a-zA-ZäöüΩЖ漢字/_ .-]{0,120}", room in 30.0_f32..300.0) {
            let mut shaper = Shaper::new();
            let lines = wrap(&mut shaper, &text, 9.0, false, room);
            for line in &lines {
                let width = shaper.width(line.trim_end(), 9.0, false);
                prop_assert!(width <= room + 0.05 || line.trim_end().graphemes(true).count() == 1, "{line:?}: {width}");
            }
            let whole = lines.concat();
            prop_assert_eq!(whole.trim_end(), text.trim_end());
        }
    }
}

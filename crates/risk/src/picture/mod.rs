//! Pictures as SVG, self-contained: no script, no font, nothing loaded. Everything that a person typed is text.

mod bow_tie;
mod heat_map;

pub use bow_tie::bow_tie;
pub use heat_map::heat_map;

fn text(svg: &mut String, x: usize, y: usize, size: usize, anchor: &str, ink: &str, content: &str) {
    svg.push_str(&format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{ink}\">{}</text>",
        escape(content)
    ));
}

fn upright(svg: &mut String, x: usize, y: usize, content: &str) {
    svg.push_str(&format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"13\" text-anchor=\"middle\" fill=\"#111111\" transform=\"rotate(-90 {x} {y})\">{}</text>",
        escape(content)
    ));
}

fn short(label: &str, most: usize) -> String {
    if label.chars().count() <= most {
        return label.to_owned();
    }
    label.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Text inside an element or a quoted attribute.
pub(crate) fn escape(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    for c in content.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Other control characters are no XML.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A text in lines of about so many characters, broken between words; what does not fit ends in an ellipsis.
fn lines(content: &str, wide: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in content.split_whitespace() {
        let full = lines.len() == most;
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= wide => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) if full => {
                *line = format!("{}…", line.chars().take(wide.saturating_sub(1)).collect::<String>());
                return lines;
            }
            _ => lines.push(short(word, wide)),
        }
    }
    lines
}

/// A number in a few characters: 0.055, 12.5, 250k, 1.5M.
fn figure(number: f64) -> String {
    let scales = [(1e15, "e15"), (1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e4, "k")];
    let (scaled, unit) = match scales.into_iter().find(|(scale, _)| number >= 0.999_5 * scale) {
        Some((_, "k")) => (number / 1e3, "k"),
        Some((scale, unit)) => (number / scale, unit),
        None => (number, ""),
    };
    let digits = match scaled {
        large if large >= 100.0 => format!("{large:.0}"),
        some if some >= 1.0 => trimmed(format!("{some:.2}")),
        small if small >= 0.001 => trimmed(format!("{small:.4}")),
        0.0 => "0".to_owned(),
        tiny => format!("{tiny:.1e}"),
    };
    digits + unit
}

/// Without zeros at the end of its fraction.
fn trimmed(number: String) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let all = [0.0, 4e-7, 0.055, 1.0, 12.5, 250.0, 9_990.0, 10_000.0, 250_000.0, 1.5e6, 2e9, 5e17].map(figure);
        assert_eq!(all, ["0", "4.0e-7", "0.055", "1", "12.5", "250", "9990", "10k", "250k", "1.5M", "2bn", "500e15"]);
    }

    #[test]
    fn a_long_text_is_broken_between_words() {
        assert_eq!(lines("Ransomware runs on servers", 15, 4), ["Ransomware runs", "on servers"]);
        assert_eq!(lines("one two three four five", 5, 2), ["one", "two…"]);
        assert_eq!(lines("Donaudampfschifffahrt", 10, 2), ["Donaudamp…"]);
        assert_eq!(lines("", 10, 2), [""; 0]);
    }
}

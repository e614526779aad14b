//! Numbers and names in a picture: short, and unable to leave the element they stand in.

/// A longer heading is cut; the title element has it whole.
const HEADING_MAX: usize = 64;

pub(super) fn per_cent(probability: f64) -> String {
    format!("{} %", trimmed(format!("{:.3}", 100.0 * probability)))
}

/// An amount in a few characters: 250k, 1.5M, 2bn.
pub(super) fn amount(loss: f64) -> String {
    let scales = [(1e15, "e15"), (1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k"), (1.0, "")];
    // Rounding may lift a number to the next scale: 999,996 is 1M.
    match scales.into_iter().find(|(scale, _)| loss >= 0.999_5 * scale) {
        Some((scale, name)) => format!("{}{name}", trimmed(format!("{:.2}", loss / scale))),
        None if loss >= 0.01 => trimmed(format!("{loss:.3}")),
        None => format!("{loss:.0e}"),
    }
}

/// Without zeros at the end of its fraction.
fn trimmed(number: String) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= HEADING_MAX {
        return text.to_owned();
    }
    text.chars().take(HEADING_MAX - 1).chain(['…']).collect()
}

/// Text that XML takes as text. What XML cannot hold at all is left out.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let all = [0.0, 0.05, 1.0, 999.96, 250_000.0, 1.5e6, 2e9, 3.25e12, 5e17].map(amount);
        assert_eq!(all, ["0e0", "0.05", "1", "1k", "250k", "1.5M", "2bn", "3.25tn", "500e15"]);
        assert_eq!([0.25, 0.001, 1.0].map(per_cent), ["25 %", "0.1 %", "100 %"]);
    }
}

//! Numbers: counts as coordinates, rounding, and how people read them.

/// A count as a coordinate; what is beyond any page stays at the edge.
pub fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// A whole number as a coordinate.
pub fn coordinate(n: i64) -> f64 {
    let magnitude = f64::from(u32::try_from(n.unsigned_abs()).unwrap_or(u32::MAX));
    if n < 0 { -magnitude } else { magnitude }
}

/// A number rounded to so many decimals, so that every format shows the same one.
pub fn round(x: f64, decimals: u8) -> f64 {
    let scale = 10_f64.powi(i32::from(decimals));
    let rounded = (x * scale).round() / scale;
    // What is too large to have decimals stays as it is; a negative zero is a zero.
    if rounded.is_finite() { rounded + 0.0 } else { x }
}

/// A whole number with its thousands set apart.
pub fn grouped(n: i64) -> String {
    group(&n.unsigned_abs().to_string(), n < 0)
}

/// A number with so many decimals, its thousands set apart.
pub fn decimal(x: f64, decimals: u8) -> String {
    let text = format!("{:.*}", usize::from(decimals), x.abs());
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut out = group(whole, x < 0.0);
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

/// A number as short as an axis has room for: 1.2 M rather than 1,200,000.
pub fn short(x: f64) -> String {
    let size = x.abs();
    for (unit, name) in [(1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")] {
        if size >= unit {
            return format!("{}{name}", trimmed(x / unit, 1));
        }
    }
    trimmed(x, if size < 0.1 { 3 } else { 2 })
}

/// A number without the zeros at its end.
pub fn trimmed(x: f64, decimals: u8) -> String {
    let text = format!("{:.*}", usize::from(decimals), round(x, decimals));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn group(digits: &str, negative: bool) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if negative {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (n, text) in [(0, "0"), (999, "999"), (1_014, "1,014"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(n), text);
        }
        assert_eq!(decimal(1234.5, 2), "1,234.50");
        assert_eq!(decimal(-0.25, 1), "-0.2");
        assert_eq!((short(1_250_000.0), short(950.0), short(0.05)), ("1.3 M".into(), "950".into(), "0.05".into()));
        assert_eq!(round(45.349_999, 1).to_string(), "45.3");
        assert_eq!(round(-0.01, 1).to_string(), "0");
    }
}

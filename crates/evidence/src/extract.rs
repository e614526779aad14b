//! The text of files, bounded, from any bytes without a panic.
//!
//! Plain text, Markdown, CSV, JSON, YAML, TOML and logs are taken as they are; of HTML and XML the tags go, and
//! with them scripts and styles. Of office documents `office` takes the text. PDF files are read in another process
//! (`ReadBack::pdf`). UTF-8 (faulty bytes replaced) and UTF-16 with a byte-order mark are read.

use crate::{office, sniff::is_text_type};

/// The most characters kept.
pub const TEXT_MAX: usize = 1_000_000;
/// The most bytes read for the text.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most bytes of a PDF whose text is read.
pub const PDF_MAX: usize = 32 * 1024 * 1024;

/// The text of a file, if its type has one.
pub fn extract(content_type: &str, bytes: &[u8]) -> Option<String> {
    let is_office = content_type.contains("officedocument") || content_type.contains("opendocument");
    if !is_text_type(content_type) && !is_office {
        return None;
    }
    let text = if is_office {
        office::text(bytes)?
    } else if content_type == "text/html" || content_type.ends_with("xml") {
        strip_tags(&decode(bytes))
    } else {
        decode(bytes)
    };
    Some(bounded(&text))
}

/// A text as it is kept: PostgreSQL cannot store NUL, and no other control character helps a reader.
pub(crate) fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).take(TEXT_MAX).collect()
}

fn decode(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], big: bool| {
        let units = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
        let units = units.map(|pair| if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) });
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, false),
        [0xfe, 0xff, rest @ ..] => utf16(rest, true),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Takes the tags out of HTML or XML. A scanner, not a parser: it never fails, and what it leaves is text.
fn strip_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len() / 2);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        push_entities(before, &mut out);
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, tail)| tail);
            continue;
        }
        let name: String = after
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '/')
            .take(12)
            .collect::<String>()
            .to_ascii_lowercase();
        let tail = after.split_once('>').map_or("", |(_, tail)| tail);
        rest = match name.as_str() {
            "script" | "style" => skip_element(tail, &name),
            _ => tail,
        };
        if matches!(
            name.trim_matches('/'),
            "p" | "br" | "div" | "li" | "tr" | "h1" | "h2" | "h3" | "h4" | "td" | "th" | "section"
        ) {
            out.push('\n');
        } else {
            out.push(' ');
        }
    }
    push_entities(rest, &mut out);
    let mut tidy = String::with_capacity(out.len());
    for line in
        out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty())
    {
        tidy.push_str(&line);
        tidy.push('\n');
    }
    tidy
}

/// What follows the end of an element whose content is no text.
fn skip_element<'a>(tail: &'a str, name: &str) -> &'a str {
    let close = format!("</{name}");
    // Without a copy: a page may have as many of these elements as it likes.
    let end = tail.as_bytes().windows(close.len()).position(|part| part.eq_ignore_ascii_case(close.as_bytes()));
    end.and_then(|at| tail.get(at..)).and_then(|end| end.split_once('>')).map_or("", |(_, tail)| tail)
}

/// Adds a text whose entities are resolved, those that HTML and XML have in common and the numbered ones.
pub(crate) fn push_entities(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        // A name is short: looking for its end any further would look at the same text once for each ampersand.
        let end = after.bytes().take(9).position(|byte| byte == b';');
        let known = end.and_then(|at| Some((after.get(..at)?, after.get(at.checked_add(1)?..)?)));
        let known = known.and_then(|(name, tail)| {
            let c = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => ' ',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, tail))
        });
        match known {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_that_is_all_marks_takes_no_longer_than_another() {
        // Looking ahead from each mark to the end would take hours over this.
        let pages =
            ["&".repeat(8 << 20), "<script></script>".repeat(490_000), "<script>".repeat(1 << 20), "<".repeat(8 << 20)];
        for page in pages {
            assert!(extract("text/html", page.as_bytes()).is_some());
        }
    }

    #[test]
    fn text_comes_out_of_its_wrappings() {
        let html = b"<html><style>p{}</style><script>if (a < b) alert(1)</SCRIPT><p>Access &amp; reviews &#x2713;</p><!-- no --><b>done</b>";
        assert_eq!(extract("text/html", html).unwrap(), "Access & reviews \u{2713}\ndone\n");
        assert_eq!(extract("text/plain", b"\xff\xfeh\x00i\x00").unwrap(), "hi");
        assert_eq!(extract("text/markdown", b"\xef\xbb\xbf# T\x00itle\n").unwrap(), "# Title\n");
        assert_eq!(extract("application/pdf", b"%PDF"), None);
        assert_eq!(extract("text/plain", &b"x".repeat(TEXT_MAX + 10)).unwrap().len(), TEXT_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_give_text_without_control_characters(bytes: Vec<u8>, html: bool) {
            let text = extract(if html { "text/html" } else { "text/plain" }, &bytes).unwrap();
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}

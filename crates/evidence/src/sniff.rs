//! What a file really is, from its first bytes, and whether that agrees with what was declared.
//!
//! | declared | must be |
//! |---|---|
//! | `application/pdf`, `image/png`, `image/jpeg`, `image/gif`, `application/zip`, `application/gzip` | that magic number |
//! | Office Open XML (`…officedocument…`) | a ZIP archive |
//! | `text/*`, JSON, XML, YAML, TOML, CSV | text: UTF-8 or UTF-16 without control characters |
//! | `application/octet-stream` and whatever else | anything but a program |
//!
//! Programs (ELF, PE, Mach-O) are refused whatever was declared. The SVG of a drawing is XML and counts as text.

/// How much of a file is looked at.
pub const HEAD: usize = 8 * 1024;

/// What the first bytes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniffed {
    /// PDF.
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// ZIP, and with it Office Open XML.
    Zip,
    /// gzip.
    Gzip,
    /// A program.
    Program,
    /// Text in UTF-8 or UTF-16.
    Text,
    /// None of these.
    Binary,
}

impl Sniffed {
    /// The media type, as far as the bytes tell.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Zip => "application/zip",
            Self::Gzip => "application/gzip",
            Self::Program => "application/x-executable",
            Self::Text => "text/plain",
            Self::Binary => "application/octet-stream",
        }
    }
}

/// Looks at the beginning of a file.
pub fn sniff(head: &[u8]) -> Sniffed {
    const MAGIC: &[(&[u8], Sniffed)] = &[
        (b"%PDF-", Sniffed::Pdf),
        (b"\x89PNG\r\n\x1a\n", Sniffed::Png),
        (b"\xff\xd8\xff", Sniffed::Jpeg),
        (b"GIF87a", Sniffed::Gif),
        (b"GIF89a", Sniffed::Gif),
        (b"PK\x03\x04", Sniffed::Zip),
        (b"PK\x05\x06", Sniffed::Zip),
        (b"\x1f\x8b", Sniffed::Gzip),
        (b"\x7fELF", Sniffed::Program),
        (b"\xfe\xed\xfa\xce", Sniffed::Program),
        (b"\xfe\xed\xfa\xcf", Sniffed::Program),
        (b"\xce\xfa\xed\xfe", Sniffed::Program),
        (b"\xcf\xfa\xed\xfe", Sniffed::Program),
        (b"\xca\xfe\xba\xbe", Sniffed::Program),
    ];
    if let Some((_, sniffed)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *sniffed;
    }
    if head.starts_with(b"MZ") && !is_text(head) {
        return Sniffed::Program;
    }
    if is_text(head) { Sniffed::Text } else { Sniffed::Binary }
}

fn is_text(head: &[u8]) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return true;
    }
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end within a character.
        Err(error) if head.len() - error.valid_up_to() < 4 && error.error_len().is_none() => {
            match head.get(..error.valid_up_to()).and_then(|head| std::str::from_utf8(head).ok()) {
                Some(text) => text,
                None => return false,
            }
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}'))
}

/// Whether a media type is text of some kind.
pub fn is_text_type(declared: &str) -> bool {
    declared.starts_with("text/")
        || declared.ends_with("+json")
        || declared.ends_with("+xml")
        || matches!(
            declared,
            "application/json"
                | "application/xml"
                | "application/yaml"
                | "application/x-yaml"
                | "application/toml"
                | "application/csv"
                | "application/x-ndjson"
        )
}

/// Whether the bytes agree with what was declared; the error says what they are instead.
pub fn agree(declared: &str, head: &[u8]) -> Result<Sniffed, String> {
    let sniffed = sniff(head);
    let fits = match declared {
        _ if sniffed == Sniffed::Program => return Err("programs are not accepted as evidence".to_owned()),
        // A file without a byte is empty text, and nothing else.
        _ if head.is_empty() => is_text_type(declared) || declared == "application/octet-stream",
        "application/pdf" => sniffed == Sniffed::Pdf,
        "image/png" => sniffed == Sniffed::Png,
        "image/jpeg" => sniffed == Sniffed::Jpeg,
        "image/gif" => sniffed == Sniffed::Gif,
        "application/zip" => sniffed == Sniffed::Zip,
        "application/gzip" => sniffed == Sniffed::Gzip,
        _ if declared.contains("officedocument") || declared.contains("opendocument") => sniffed == Sniffed::Zip,
        _ if is_text_type(declared) => sniffed == Sniffed::Text,
        _ => true,
    };
    if fits { Ok(sniffed) } else { Err(format!("the file was declared as {declared} but is {}", sniffed.media_type())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_that_the_bytes_contradict_is_refused() {
        for (declared, bytes, fits) in [
            ("application/pdf", b"%PDF-1.7 ...".as_slice(), true),
            ("application/pdf", b"<html>", false),
            ("text/plain", b"hello \xc3\xa4", true),
            ("text/plain", b"hello \xc3", true),
            ("text/plain", b"hel\x00lo", false),
            ("text/plain", b"\xff\xfeh\x00i\x00", true),
            ("text/plain", b"%PDF-1.7", false),
            ("application/json", b"{\"a\": 1}", true),
            ("image/png", b"\x89PNG\r\n\x1a\n....", true),
            ("image/png", b"\xff\xd8\xff\xe0", false),
            ("application/octet-stream", b"\x7fELF....", false),
            ("text/plain", b"MZ is how this sentence begins", true),
            ("application/octet-stream", b"MZ\x90\x00\x03", false),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04", true),
            ("text/csv", b"", true),
            ("application/pdf", b"", false),
        ] {
            assert_eq!(agree(declared, bytes).is_ok(), fits, "{declared} {bytes:?}");
        }
    }
}

//! Forms of texts, as the document states them.

/// A form: a regular expression (ECMA-262), and a text that has it.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The expression.
    pub pattern: &'static str,
    /// The text.
    pub example: &'static str,
}

/// A form that a rule of one resource asks for.
pub const fn form(pattern: &'static str, example: &'static str) -> Form {
    Form { pattern, example }
}

/// Something other than white space, and no control characters.
pub const ONE_LINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// No control characters but line breaks and tabs.
pub const LINES: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";
/// No control characters at all.
pub const WORDS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// No NUL, which PostgreSQL cannot hold.
pub const NO_NUL: &str = r"^[^\u0000]*$";

/// Lines of text with something other than white space.
pub const SOMETHING: Form = form(
    concat!(
        r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f]",
        r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
    ),
    "What there is to say.",
);
/// A country's code of two letters (ISO 3166-1 alpha-2).
pub const COUNTRY: Form = form("^[A-Za-z]{2}$", "DE");
/// An IANA time zone's name.
pub const ZONE: Form = form("^(UTC|[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*)+)$", "Europe/Athens");
/// A SHA-256 in hex.
pub const SHA256: Form = form("^[0-9A-Fa-f]{64}$", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// A media type, with or without parameters.
pub const MEDIA_TYPE: Form =
    form(r"^ *[A-Za-z0-9.+_-]+/[A-Za-z0-9.+_-]+ *(;[^\u0000-\u001f\u007f-\u009f]*)?$", "application/pdf");
/// A requirement: the key of a framework, a colon, the requirement's reference.
pub const REQUIREMENT: Form = form(
    concat!(
        r"^ *[^\s:\u0000-\u001f\u007f-\u009f][^:\u0000-\u001f\u007f-\u009f]*:",
        r"[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    ),
    "SOC2_TYPE2:CC6.1",
);

//! Pure rules: file names and the keys made of them, media types, `KEY:ref` names.

use grc_kernel::Checker;
use time::OffsetDateTime;
use uuid::Uuid;

/// The most bytes that one piece of evidence may have: 5 GiB.
pub const SIZE_MAX: i64 = 5 * 1024 * 1024 * 1024;

/// Checks the name that a client gives a file, besides its length: no direction characters, no path.
pub fn check_filename(check: &mut Checker, name: &str) {
    // A direction override makes `exe.fdp` of `pdf.exe`.
    let deceptive = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    check.ensure(
        !name.chars().any(deceptive),
        "filename",
        "invalid",
        "may not hold characters that change the direction",
    );
    check.ensure(!name.contains(['/', '\\']), "filename", "invalid", "is a name, not a path");
    check.ensure(!matches!(name, "." | ".."), "filename", "invalid", "is not a name");
}

/// The object key of a piece of evidence: `{org}/{year}/{id}/{safe name}`. Keys are the server's; nothing of a
/// client's name but letters, digits, dot, hyphen and underscore gets into one.
pub fn object_key(org: Uuid, id: Uuid, now: OffsetDateTime, filename: &str) -> String {
    format!("{org}/{}/{id}/{}", now.year(), safe_name(filename))
}

/// A file name that is safe in any store and on any file system: at most 100 characters of ASCII.
pub fn safe_name(filename: &str) -> String {
    let mut safe = String::new();
    for c in filename.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            safe.push(c);
        } else if !safe.ends_with('_') {
            safe.push('_');
        }
    }
    let safe = safe.trim_start_matches(['.', '_', '-']).trim_end_matches(['.', '_']);
    let (stem, extension) = match safe.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 10 => (stem, Some(extension)),
        _ => (safe, None),
    };
    let stem: String = stem.chars().take(88).collect();
    const RESERVED: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt", "conin$", "conout$"];
    let bare = stem.to_ascii_lowercase();
    let bare = bare.split('.').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = if stem.is_empty() || RESERVED.contains(&bare) { format!("file_{stem}") } else { stem };
    match extension {
        Some(extension) if !extension.is_empty() => format!("{stem}.{extension}"),
        _ => stem,
    }
}

/// The `Content-Disposition` of a download (RFC 6266): a plain name for old clients, the whole one in UTF-8 for the
/// others.
pub fn disposition(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{}\"; filename*=UTF-8''{encoded}", safe_name(name))
}

/// Checks a media type: `type/subtype`, lower case, parameters dropped.
pub fn check_content_type(check: &mut Checker, text: &str) -> String {
    let plain = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_'))
    };
    let shaped = plain.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
    check.ensure(shaped, "content_type", "invalid", "must be a media type such as application/pdf");
    plain
}

/// Checks a SHA-256 in hex.
pub fn check_sha256(check: &mut Checker, text: &str) -> String {
    let hash = text.to_ascii_lowercase();
    let shaped = hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
    check.ensure(shaped, "sha256", "invalid", "must be 64 hexadecimal digits");
    hash
}

/// Checks the shape of requirement names; whether they exist is the caller's question.
pub fn check_control_refs(check: &mut Checker, names: &[String]) -> Vec<String> {
    for (i, name) in names.iter().enumerate() {
        let shaped = name.split_once(':').is_some_and(|(key, tail)| !key.is_empty() && !tail.trim().is_empty());
        check.ensure(shaped, &format!("control_refs[{i}]"), "invalid", "must be KEY:ref, such as SOC2_TYPE2:CC6.1");
    }
    let mut seen = std::collections::BTreeSet::new();
    names.iter().filter(|name| seen.insert((*name).clone())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_names_make_harmless_keys() {
        for (name, safe) in [
            ("../../etc/passwd", "etc_passwd"),
            ("C:\\Windows\\system32.dll", "C_Windows_system32.dll"),
            ("CON.txt", "file_CON.txt"),
            ("com1", "file_com1"),
            (".htaccess", "htaccess"),
            ("Zugriffsprüfung 2026.pdf", "Zugriffspr_fung_2026.pdf"),
            ("...", "file_"),
            ("日本語", "file_"),
            ("a\u{202e}fdp.exe", "a_fdp.exe"),
        ] {
            assert_eq!(safe_name(name), safe, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_makes_a_key_of_safe_characters(name in "\\PC{0,300}") {
            let safe = safe_name(&name);
            prop_assert!(!safe.is_empty() && safe.len() <= 110, "{}", safe);
            prop_assert!(safe.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')));
            prop_assert!(!safe.starts_with('.'));
        }
    }
}

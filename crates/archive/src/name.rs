//! What an entry may be called: a relative path of ordinary names with `/` between them.

use crate::refused::Why;

/// The longest path, in bytes.
pub const PATH_MAX: usize = 1_000;

/// A character that shows a name as another one than it is.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The path that raw bytes stand for, without the slash by which a folder ends; and whether it is a folder.
pub fn path(raw: &[u8]) -> Result<(String, bool), Why> {
    if raw.is_empty() || raw.len() > PATH_MAX {
        return Err(Why::Name);
    }
    let text = std::str::from_utf8(raw).map_err(|_| Why::Name)?;
    if text.chars().any(deceives) {
        return Err(Why::Name);
    }
    let (bare, folder) = text.strip_suffix('/').map_or((text, false), |bare| (bare, true));
    // On Windows a backslash separates, and `C:` is a drive.
    let mut first = bare.chars();
    let drive = first.next().is_some_and(|c| c.is_ascii_alphabetic()) && first.next() == Some(':');
    if drive || bare.contains('\\') || bare.split('/').any(|part| part.is_empty() || escapes(part)) {
        return Err(Why::Path);
    }
    Ok((bare.to_owned(), folder))
}

/// Windows drops the dots and spaces at the end of a name, so `.. ` is `..` there.
fn escapes(part: &str) -> bool {
    part.chars().all(|c| c == '.' || c == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_their_folder() {
        for (raw, wanted) in [
            ("a.txt", Ok(("a.txt", false))),
            ("policies/2026/Zugriffsprüfung.pdf", Ok(("policies/2026/Zugriffsprüfung.pdf", false))),
            ("folder/", Ok(("folder", true))),
            ("..data/.hidden", Ok(("..data/.hidden", false))),
            ("../a", Err(Why::Path)),
            ("a/../../b", Err(Why::Path)),
            ("a/.. /b", Err(Why::Path)),
            ("./a", Err(Why::Path)),
            ("/etc/passwd", Err(Why::Path)),
            ("//server/share", Err(Why::Path)),
            ("a//b", Err(Why::Path)),
            ("/", Err(Why::Path)),
            ("..\\a", Err(Why::Path)),
            ("C:\\a", Err(Why::Path)),
            ("c:a", Err(Why::Path)),
            ("", Err(Why::Name)),
            ("a\0.txt", Err(Why::Name)),
            ("a\nb", Err(Why::Name)),
            ("a\u{202e}fdp.exe", Err(Why::Name)),
        ] {
            let found = path(raw.as_bytes());
            assert_eq!(
                found.as_ref().map(|(name, folder)| (name.as_str(), *folder)).map_err(|why| *why),
                wanted,
                "{raw:?}"
            );
        }
        assert_eq!(path(b"caf\x82.txt"), Err(Why::Name), "not UTF-8");
        assert_eq!(path(&[b'a'; PATH_MAX + 1]), Err(Why::Name));
    }
}

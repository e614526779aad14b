//! The text of office documents: Office Open XML (Word, Excel, PowerPoint) and OpenDocument. They are ZIP archives of
//! XML, and come from strangers: the archive is read by [`grc_archive`] within limits, and of the XML only the text
//! between the tags is taken, by a scanner that no document can confuse into more than wrong text. Entities of their own
//! are never resolved.

use std::io::Cursor;

use grc_archive::{Archive, Limits};

use crate::extract::{TEXT_MAX, push_entities};

/// What a document may unpack to: XML packs well, and what is kept of it is bounded anyway.
const LIMITS: Limits = Limits { entries: 5_000, unpacked: 64 * 1024 * 1024, ratio: 300 };
/// The largest part that is read.
const PART_MAX: u64 = 32 * 1024 * 1024;

/// Whether a part of the archive holds text that a reader of the document sees.
fn is_text(name: &str) -> bool {
    let sheet = |prefix: &str| name.starts_with(prefix) && name.ends_with(".xml");
    matches!(name, "word/document.xml" | "xl/sharedStrings.xml" | "content.xml")
        || sheet("word/header")
        || sheet("word/footer")
        || sheet("xl/worksheets/sheet")
        || sheet("ppt/slides/slide")
}

/// The text of a document, where it can be read.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let mut archive = Archive::open(Cursor::new(bytes), &LIMITS).ok()?;
    let mut names: Vec<String> =
        archive.entries().iter().map(|entry| entry.name.clone()).filter(|name| is_text(name)).collect();
    // slide2 before slide10.
    names.sort_by_key(|name| (name.len(), name.clone()));
    let mut out = String::new();
    for name in names {
        if out.len() > TEXT_MAX * 4 {
            break;
        }
        let xml = archive.whole(&name, PART_MAX).ok()?;
        // In a worksheet the cells are numbers and places in the shared strings; what is written in it stands in `t`.
        let only = name.starts_with("xl/worksheets/").then_some("t");
        between_tags(&String::from_utf8_lossy(&xml), only, &mut out);
    }
    Some(out)
}

/// The local name of a tag, and whether it closes.
fn tag(inner: &str) -> (&str, bool) {
    let (inner, closes) = inner.strip_prefix('/').map_or((inner, false), |inner| (inner, true));
    let name = inner.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
    (name.rsplit(':').next().unwrap_or_default(), closes)
}

/// Takes the text between the tags, of one element or of all; what ends a line in the document ends one here. Words that
/// are split over several runs stay words.
fn between_tags(xml: &str, only: Option<&str>, out: &mut String) {
    let mut rest = xml;
    let mut inside = only.is_none();
    while let Some((before, after)) = rest.split_once('<') {
        if inside && out.len() <= TEXT_MAX * 4 {
            push_entities(before, out);
        }
        let (inner, tail) = after.split_once('>').unwrap_or((after, ""));
        let (name, closes) = tag(inner);
        if only == Some(name) {
            inside = !closes && !inner.ends_with('/');
        }
        match name {
            "p" | "h" | "br" | "line-break" | "si" | "is" if closes || inner.ends_with('/') => out.push('\n'),
            "tab" | "s" | "tc" | "table-cell" => out.push(' '),
            _ => {}
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn pack(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
            writer.start_file(*name, options).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn documents_of_each_kind_have_their_text() {
        let word = pack(&[
            ("[Content_Types].xml", "<Types/>"),
            (
                "word/document.xml",
                "<?xml version=\"1.0\"?><w:document><w:p><w:r><w:t>Ac</w:t></w:r><w:r><w:t>cess &amp; review</w:t></w:r></w:p><w:p><w:t>done</w:t></w:p></w:document>",
            ),
        ]);
        assert_eq!(text(&word).unwrap(), "Access & review\ndone\n");
        let excel = pack(&[
            ("xl/worksheets/sheet1.xml", "<sheetData><c t=\"s\"><v>0</v></c><c><is><t>inline</t></is></c></sheetData>"),
            ("xl/sharedStrings.xml", "<sst><si><t>Backup</t></si><si><r><t>res</t></r><r><t>tored</t></r></si></sst>"),
        ]);
        assert_eq!(text(&excel).unwrap(), "Backup\nrestored\ninline\n");
        let slides: Vec<(String, String)> = [10, 2]
            .iter()
            .map(|n| (format!("ppt/slides/slide{n}.xml"), format!("<a:p><a:t>{n}</a:t></a:p>")))
            .collect();
        let slides: Vec<(&str, &str)> = slides.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(text(&pack(&slides)).unwrap(), "2\n10\n");
        let writer = pack(&[(
            "content.xml",
            "<office:body><text:h>Title</text:h><text:p>a<text:s/>b<text:line-break/>c</text:p></office:body>",
        )]);
        assert_eq!(text(&writer).unwrap(), "Title\na b\nc\n");
    }

    #[test]
    fn what_is_no_document_or_a_bomb_has_none() {
        assert_eq!(text(b"PK\x03\x04 not really"), None);
        let zeros = "x".repeat(40_000_000);
        assert_eq!(text(&pack(&[("word/document.xml", &zeros)])), None);
        assert_eq!(text(&pack(&[("other.txt", "x")])).as_deref(), Some(""));
        let entities = "<!DOCTYPE a [<!ENTITY b \"bomb\"><!ENTITY c \"&b;&b;\">]><w:p>&c;</w:p>";
        assert!(!text(&pack(&[("word/document.xml", entities)])).unwrap().contains("bomb;bomb"));
    }

    proptest! {
        #[test]
        fn any_xml_gives_text(xml in "[<>/a-z:&; ]{0,200}") {
            let packed = pack(&[("word/document.xml", &xml)]);
            prop_assert!(text(&packed).is_some());
        }
    }
}

//! What is read of good files, and what hostile ones come to.

#![allow(clippy::unwrap_used, reason = "tests may")]

use std::{
    fmt::Write as _,
    io::Write as _,
    time::{Duration, Instant},
};

use grc_document::{Generation, sample};
use grc_pdf_text::{FILE_MAX, PdfText};

fn reader() -> PdfText {
    PdfText::new(env!("CARGO_BIN_EXE_pdf-worker").into(), Vec::new())
}

/// A PDF of these objects, the first of which is its catalogue.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend(format!("{} 0 obj\n", i + 1).bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let start = file.len();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        writeln!(table, "{place:010} 00000 n ").unwrap();
    }
    write!(table, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).unwrap();
    file.extend(table.bytes());
    file
}

fn page(content: &[u8], filter: &str) -> Vec<u8> {
    let mut stream = format!("<< /Length {} {filter} >>\nstream\n", content.len()).into_bytes();
    stream.extend(content);
    stream.extend(b"\nendstream");
    pdf(&[
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>".to_vec(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
        stream,
    ])
}

#[tokio::test]
async fn the_text_of_a_file_is_its_words() {
    let content =
        b"BT /F1 12 Tf 72 720 Td (Access reviews are performed) Tj 0 -14 Td (every quarter by the owner.) Tj ET";
    let text = reader().text(&page(content, "")).await.unwrap();
    assert!(text.contains("Access reviews are performed") && text.contains("every quarter by the owner."), "{text}");
    assert_eq!(reader().text(&page(b"", "")).await, None);
}

#[tokio::test]
async fn our_own_reports_can_be_read() {
    let document = sample::document(30);
    let at = time::macros::datetime!(2026-03-01 12:00 UTC);
    let file = grc_report_pdf::draw(&document, &Generation { at, version: "1".into(), digest: document.digest() });
    let text = reader().text(&file.unwrap()).await.unwrap();
    for line in ["Framework NIST SP 800-53 r5", "Controls in scope", "Ελληνική Τράπεζα & Söhne <AG>"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn a_hostile_file_costs_little_and_harms_nobody() {
    let begun = Instant::now();
    // A page tree that is its own child, and a page that is its own parent.
    let circle = pdf(&[
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 /Parent 3 0 R >>".to_vec(),
        b"<< /Type /Page /Parent 3 0 R /Contents 2 0 R >>".to_vec(),
    ]);
    assert_eq!(reader().text(&circle).await, None);
    // Arrays in arrays, a hundred thousand deep.
    let mut deep = b"<< /Type /Catalog /Pages ".to_vec();
    deep.extend(std::iter::repeat_n(b'[', 100_000));
    assert_eq!(reader().text(&pdf(&[deep])).await, None);
    // A form that draws itself.
    let form = b"BT /F1 12 Tf (x) Tj ET /F1 Do";
    let _ = reader().text(&page(form, "")).await;
    // A stream that unpacks to a thousand times its size, twice.
    let mut packed = vec![b' '; 512 * 1024 * 1024];
    for _ in 0..2 {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&packed).unwrap();
        packed = encoder.finish().unwrap();
    }
    assert_eq!(reader().text(&page(&packed, "/Filter [/FlateDecode /FlateDecode]")).await, None);
    // Anything at all.
    let mut noise = b"%PDF-1.7\n".to_vec();
    let mut state = 1_u32;
    noise.extend(
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(state >> 24).unwrap()
        })
        .take(1_000_000),
    );
    assert_eq!(reader().text(&noise).await, None);
    assert_eq!(reader().text(b"").await, None);
    assert_eq!(reader().text(&vec![b' '; FILE_MAX + 1]).await, None);
    // A good file cut off anywhere.
    let whole = page(b"BT /F1 12 Tf 72 720 Td (Words) Tj ET", "");
    for at in (0..whole.len()).step_by(37) {
        let _ = reader().text(whole.get(..at).unwrap()).await;
    }
    // Text without an end: what is taken is bounded.
    let line = b"BT /F1 12 Tf 72 720 Td (All work and no play makes a dull boy.) Tj ET\n";
    let much = line.repeat(200_000);
    let text = reader().text(&page(&much, "")).await;
    assert!(text.is_none_or(|text| text.len() <= grc_pdf_text::TEXT_MAX));
    assert!(begun.elapsed() < Duration::from_secs(150), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_reader_that_cannot_start_or_ends_at_once_reads_nothing() {
    assert_eq!(PdfText::new("/nowhere".into(), Vec::new()).text(&page(b"", "")).await, None);
    assert_eq!(PdfText::new("/bin/false".into(), Vec::new()).text(&vec![b'x'; 1_000_000]).await, None);
}

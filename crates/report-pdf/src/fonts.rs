//! The typefaces that come along, and which of them draws a character.
//!
//! Noto Sans draws Latin, Greek, Cyrillic and Devanagari; DejaVu Sans what it lacks: Armenian, Georgian, Arabic,
//! symbols. A character that neither has is drawn as a replacement mark, and is still the character itself to whoever
//! searches or copies.

use std::sync::LazyLock;

use krilla::text::Font;
use rustybuzz::Face;

/// One typeface: as it is measured, and as it is embedded.
pub(crate) struct Typeface {
    pub(crate) face: Face<'static>,
    pub(crate) font: Font,
    pub(crate) units: f32,
}

impl Typeface {
    fn load(bytes: &'static [u8]) -> Option<Self> {
        let face = Face::from_slice(bytes, 0)?;
        let font = Font::new(bytes.into(), 0)?;
        let units = font.units_per_em();
        Some(Self { face, font, units })
    }
}

/// Where the plain typeface is.
pub(crate) const PLAIN: usize = 0;
/// Where the bold one is.
pub(crate) const BOLD: usize = 1;
/// Where the one is that draws what the others lack.
pub(crate) const OTHERS: usize = 2;

static FACES: LazyLock<Vec<Typeface>> = LazyLock::new(|| {
    let bytes: [&'static [u8]; 3] = [
        include_bytes!("../fonts/NotoSans-Regular.ttf"),
        include_bytes!("../fonts/NotoSans-SemiBold.ttf"),
        include_bytes!("../fonts/DejaVuSans.ttf"),
    ];
    bytes.into_iter().filter_map(Typeface::load).collect()
});

/// The typefaces, by position.
pub(crate) fn faces() -> &'static [Typeface] {
    &FACES
}

/// Whether a character has a picture in the typefaces that come along.
pub fn covers(c: char) -> bool {
    FACES.iter().any(|face| face.face.glyph_index(c).is_some_and(|glyph| glyph.0 != 0))
}

/// The typeface that draws a character: the wanted one where it can.
pub(crate) fn face_for(c: char, bold: bool) -> usize {
    let wanted = if bold { BOLD } else { PLAIN };
    let draws =
        |at: usize| FACES.get(at).is_some_and(|face| face.face.glyph_index(c).is_some_and(|glyph| glyph.0 != 0));
    if draws(wanted) || !draws(OTHERS) { wanted } else { OTHERS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabets_of_europe_are_covered() {
        assert_eq!(FACES.len(), 3, "every typeface can be read");
        for range in [
            '\u{20}'..='\u{7e}',
            '\u{a1}'..='\u{17f}',
            '\u{3b1}'..='\u{3c9}',
            '\u{410}'..='\u{44f}',
            '\u{1e00}'..='\u{1e99}',
        ] {
            for c in range {
                assert!(covers(c), "U+{:04X}", u32::from(c));
            }
        }
        for c in "ΆέŁűßþЇґќἀḂşțẅ€£–—“”…•→≥≤±×✓\u{fffd}".chars() {
            assert!(covers(c), "U+{:04X}", u32::from(c));
        }
        assert!(!covers('漢'), "the documentation says so");
    }
}

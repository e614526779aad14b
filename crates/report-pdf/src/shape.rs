//! From text to glyphs: shaped by word, remembered, so that a word costs once however often it occurs.

use std::{collections::HashMap, rc::Rc};

use krilla::text::{GlyphId, KrillaGlyph};
use rustybuzz::UnicodeBuffer;

use crate::fonts::{self, BOLD, OTHERS, PLAIN};

/// What stands for a character that no typeface has.
const REPLACEMENT: char = '\u{fffd}';
/// How many words are remembered before they are forgotten again.
const CACHE_MAX: usize = 60_000;

/// A glyph of a word; lengths are parts of the size.
#[derive(Clone, Debug)]
struct Glyph {
    id: u32,
    advance: f32,
    dx: f32,
    dy: f32,
    from: usize,
    to: usize,
}

/// Glyphs of one typeface in a row.
#[derive(Debug)]
struct Piece {
    face: usize,
    glyphs: Vec<Glyph>,
}

/// A word.
#[derive(Debug)]
pub(crate) struct Word {
    pieces: Vec<Piece>,
    width: f32,
}

/// A row of glyphs to be drawn at once.
pub(crate) struct Run {
    pub(crate) face: usize,
    pub(crate) x: f32,
    pub(crate) glyphs: Vec<KrillaGlyph>,
}

/// Shapes words and remembers them.
pub(crate) struct Shaper {
    words: [HashMap<Box<str>, Rc<Word>>; 2],
    buffer: Option<UnicodeBuffer>,
}

impl Shaper {
    pub(crate) fn new() -> Self {
        Self { words: [HashMap::new(), HashMap::new()], buffer: Some(UnicodeBuffer::new()) }
    }

    /// How wide a text without line breaks is.
    pub(crate) fn width(&mut self, text: &str, size: f32, bold: bool) -> f32 {
        let mut width = 0.0;
        for part in text.split_inclusive(' ') {
            let word = part.strip_suffix(' ').unwrap_or(part);
            width += self.word(word, bold).width;
            if word.len() < part.len() {
                width += self.word(" ", bold).width;
            }
        }
        width * size
    }

    /// The glyphs of a line, in rows of one typeface each; positions are from its begin.
    pub(crate) fn line(&mut self, text: &str, size: f32, bold: bool) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let (mut x, mut at) = (0.0, 0);
        for part in text.split_inclusive(' ') {
            let word = part.strip_suffix(' ').unwrap_or(part);
            self.append(&mut runs, &mut x, at, word, size, bold);
            if word.len() < part.len() {
                self.append(&mut runs, &mut x, at + word.len(), " ", size, bold);
            }
            at += part.len();
        }
        runs
    }

    fn append(&mut self, runs: &mut Vec<Run>, x: &mut f32, at: usize, word: &str, size: f32, bold: bool) {
        let word = self.word(word, bold);
        for piece in &word.pieces {
            if runs.last().is_none_or(|run| run.face != piece.face) {
                runs.push(Run { face: piece.face, x: *x, glyphs: Vec::new() });
            }
            for glyph in &piece.glyphs {
                let range = at + glyph.from..at + glyph.to;
                let id = GlyphId::new(glyph.id);
                let made = KrillaGlyph::new(id, glyph.advance, glyph.dx, glyph.dy, 0.0, range, None);
                if let Some(run) = runs.last_mut() {
                    run.glyphs.push(made);
                }
                *x += glyph.advance * size;
            }
        }
    }

    fn word(&mut self, text: &str, bold: bool) -> Rc<Word> {
        let [plain, strong] = &mut self.words;
        let words = if bold { strong } else { plain };
        if let Some(word) = words.get(text) {
            return Rc::clone(word);
        }
        let buffer = self.buffer.take().unwrap_or_default();
        let (word, buffer) = shape(text, bold, buffer);
        self.buffer = Some(buffer);
        let word = Rc::new(word);
        if words.len() >= CACHE_MAX {
            words.clear();
        }
        words.insert(text.into(), Rc::clone(&word));
        word
    }
}

fn shape(text: &str, bold: bool, mut buffer: UnicodeBuffer) -> (Word, UnicodeBuffer) {
    let mut pieces = Vec::new();
    let mut width = 0.0;
    for (face, from, to) in by_face(text, bold) {
        let Some(typeface) = fonts::faces().get(face) else { continue };
        buffer.push_str(text.get(from..to).unwrap_or_default());
        buffer.guess_segment_properties();
        let shaped = rustybuzz::shape(&typeface.face, &[], buffer);
        let mut starts: Vec<usize> =
            shaped.glyph_infos().iter().filter_map(|info| usize::try_from(info.cluster).ok()).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut piece = Piece { face, glyphs: Vec::with_capacity(shaped.len()) };
        for (info, place) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            let cluster = usize::try_from(info.cluster).unwrap_or(0);
            let end = starts.iter().find(|start| **start > cluster).copied().unwrap_or(to - from);
            let (from, to) = (from + cluster, from + end);
            if info.glyph_id == 0 {
                // It stands in a piece of its own, because another typeface draws the mark.
                let before = std::mem::replace(&mut piece, Piece { face, glyphs: Vec::new() });
                pieces.push(before);
                let (mark, advance) = replacement(from, to);
                width += advance;
                pieces.push(mark);
                continue;
            }
            let unit = |n: i32| small(n) / typeface.units;
            let advance = unit(place.x_advance);
            width += advance;
            let (dx, dy) = (unit(place.x_offset), unit(place.y_offset));
            piece.glyphs.push(Glyph { id: info.glyph_id, advance, dx, dy, from, to });
        }
        pieces.push(piece);
        buffer = shaped.clear();
    }
    pieces.retain(|piece| !piece.glyphs.is_empty());
    (Word { pieces, width }, buffer)
}

fn replacement(from: usize, to: usize) -> (Piece, f32) {
    let found = fonts::faces().get(OTHERS).and_then(|typeface| {
        let glyph = typeface.face.glyph_index(REPLACEMENT)?;
        let advance = f32::from(typeface.face.glyph_hor_advance(glyph)?) / typeface.units;
        Some((u32::from(glyph.0), advance))
    });
    let Some((id, advance)) = found else { return (Piece { face: OTHERS, glyphs: Vec::new() }, 0.0) };
    (Piece { face: OTHERS, glyphs: vec![Glyph { id, advance, dx: 0.0, dy: 0.0, from, to }] }, advance)
}

/// The parts of a word that one typeface draws. Marks and joiners stay with the letter before them.
fn by_face(text: &str, bold: bool) -> Vec<(usize, usize, usize)> {
    let mut parts: Vec<(usize, usize, usize)> = Vec::new();
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let follows = matches!(c, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{ad}');
        let face = match parts.last() {
            Some(last) if follows => last.0,
            _ => fonts::face_for(c, bold),
        };
        match parts.last_mut() {
            Some(last) if last.0 == face => last.2 = end,
            _ => parts.push((face, at, end)),
        }
    }
    if parts.is_empty() && !text.is_empty() {
        parts.push((if bold { BOLD } else { PLAIN }, 0, text.len()));
    }
    parts
}

/// A length in font units, which are small, as a number.
fn small(n: i32) -> f32 {
    f32::from(i16::try_from(n).unwrap_or(if n < 0 { i16::MIN } else { i16::MAX }))
}

/// A text as the file may hold it: controls, halves of pairs, private characters and what turns the reading around are
/// not text.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        .map(|c| match c {
            '\n' => '\n',
            '\t' | '\u{2028}' | '\u{2029}' | '\u{85}' => ' ',
            c if c.is_control() => REPLACEMENT,
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => REPLACEMENT,
            c => c,
        })
        .collect()
}

/// A text as a name in the file: one line, not too long, never nothing.
pub(crate) fn name(text: &str) -> String {
    let text: String = clean(text).replace('\n', " ").chars().take(500).collect();
    if text.trim().is_empty() { "–".to_owned() } else { text }
}

//! Words of a text, folded so that what a person takes for the same word is the same.
//!
//! Folding is compatibility decomposition (Unicode's NFKD), without diacritics and invisible signs, in lower case,
//! with the letters written out that decompose into nothing (ß as ss, ø as o, ł as l). There are no stop words and no
//! stems: registers are written in many languages, often in several at once. The function `search_fold` of the
//! database does the same to what is stored, and a test compares the two.

use std::ops::Range;

use unicode_normalization::char::decompose_compatible;

/// Words that are longer are cut to so many characters, in the index and in a query.
pub const WORD_MAX: usize = 64;

/// What a decomposed character is to a word.
enum Piece {
    /// Part of it.
    Letter(&'static str, Option<char>),
    /// A word by itself: a sign of a script that puts no space between words.
    Sign(char),
    /// Nothing: a diacritic, an invisible sign.
    Nothing,
    /// Its end.
    Gap,
}

/// Visits the words of a text, each with where it stands, until told to stop. The word is lent.
pub fn visit(text: &str, mut see: impl FnMut(&str, Range<usize>) -> bool) {
    let mut word = String::new();
    let mut start = 0;
    let mut end = 0;
    let mut stopped = false;
    for (at, c) in text.char_indices() {
        let next = at + c.len_utf8();
        let mut piece = |piece: Piece| {
            let (letters, letter) = match piece {
                Piece::Letter(letters, letter) => (letters, letter),
                Piece::Nothing => return,
                Piece::Sign(_) | Piece::Gap => {
                    if !word.is_empty() {
                        stopped = stopped || !see(&word, start..end);
                        word.clear();
                    }
                    if let Piece::Sign(sign) = piece {
                        stopped = stopped || !see(sign.encode_utf8(&mut [0; 4]), at..next);
                    }
                    return;
                }
            };
            if word.is_empty() {
                start = at;
            }
            end = next;
            word.push_str(letters);
            word.extend(letter);
        };
        if c.is_ascii() {
            piece(if c.is_ascii_alphanumeric() { Piece::Letter("", Some(c.to_ascii_lowercase())) } else { Piece::Gap });
        } else {
            decompose_compatible(c, |part| {
                // Only now is it known what a character of its decomposition is.
                for lower in part.to_lowercase() {
                    piece(kind(lower));
                }
            });
        }
        if stopped {
            return;
        }
    }
    if !word.is_empty() {
        see(&word, start..end);
    }
}

fn kind(c: char) -> Piece {
    match c {
        'a'..='z' | '0'..='9' => Piece::Letter("", Some(c)),
        '\u{300}'..='\u{36F}'
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FE20}'..='\u{FE2F}'
        | '\u{AD}'
        | '\u{200B}'..='\u{200D}'
        | '\u{2060}'
        | '\u{FEFF}' => Piece::Nothing,
        'ø' => Piece::Letter("o", None),
        'ł' => Piece::Letter("l", None),
        'đ' | 'ð' => Piece::Letter("d", None),
        'ħ' => Piece::Letter("h", None),
        'ı' => Piece::Letter("i", None),
        'ŧ' => Piece::Letter("t", None),
        'ς' => Piece::Letter("", Some('σ')),
        'ß' => Piece::Letter("ss", None),
        'æ' => Piece::Letter("ae", None),
        'œ' => Piece::Letter("oe", None),
        'þ' => Piece::Letter("th", None),
        '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}' => Piece::Sign(c),
        c if is_letter(c) => Piece::Letter("", Some(c)),
        _ => Piece::Gap,
    }
}

/// What is part of a word beyond ASCII: everything in the blocks of scripts, but for their punctuation. Written out
/// rather than asked of a property, because the database must agree whatever its locale and version of Unicode.
fn is_letter(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{588}' | '\u{590}'..='\u{5BD}'
        | '\u{5BF}'..='\u{60B}' | '\u{60D}'..='\u{61A}' | '\u{61C}'..='\u{61E}' | '\u{620}'..='\u{963}'
        | '\u{966}'..='\u{167F}' | '\u{1681}'..='\u{1FFF}' | '\u{2C00}'..='\u{2DFF}' | '\u{3040}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}' | '\u{10000}'..='\u{1EFFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// The words of a text.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    visit(text, |word, _| {
        words.push(word.to_owned());
        true
    });
    words
}

/// The words of a text, cut as the index cuts them.
pub fn indexed(text: &str) -> Vec<String> {
    words(text).iter().map(|word| cut(word).to_owned()).collect()
}

/// A word as the index keeps it.
pub fn cut(word: &str) -> &str {
    first(word, WORD_MAX)
}

/// The first characters of a text.
pub fn first(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_takes_for_the_same_word_is_the_same() {
        for (text, folded) in [
            ("Škoda Straße ÅNGSTRÖM", "skoda strasse angstrom"),
            ("ŁÓDŹ Ærø đakovo", "lodz aero dakovo"),
            ("Ελληνικός ΏΡΑΣ", "ελληνικοσ ωρασ"),
            ("Ёлка Й", "елка и"),
            ("İstanbul ISPARTA ısı", "istanbul isparta isi"),
            ("ﬁne Ａ１ co\u{AD}op", "fine a1 coop"),
            ("CC6.1, foo@bar.com — 24/7", "cc6 1 foo bar com 24 7"),
            ("東京タワー", "東 京 タ ワ ー"),
            ("<b>&amp;</b>\0x", "b amp b x"),
            ("½ × 3", "1 2 3"),
            ("!?—…", ""),
        ] {
            assert_eq!(words(text).join(" "), folded, "{text}");
        }
    }

    #[test]
    fn a_word_is_found_where_it_stands() {
        let text = "À Łódź: e\u{301}té.";
        let mut found = Vec::new();
        visit(text, |word, at| {
            found.push((word.to_owned(), text[at].to_owned()));
            true
        });
        let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found, [("a", "À"), ("lodz", "Łódź"), ("ete", "e\u{301}té")]);
    }

    #[test]
    fn a_word_is_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(70)).chars().count(), WORD_MAX);
        assert_eq!(first("né", 2), "né");
        assert_eq!(first("né", 1), "n");
    }
}

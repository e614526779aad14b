//! What is asked: words, `"phrases"`, `-excluded` ones.
//!
//! All must occur. A word of three letters or more, and the last one whatever its length, also finds what begins with
//! it; in quotes it does not. What is written together with signs in between (`CC6.1`, `state-of-the-art`) is a phrase.
//! Nothing that a person may type is an error but its length.

use grc_kernel::FieldError;

use crate::fold;

/// The most characters of a query.
pub const MAX: usize = 200;

/// From so many letters on a word finds what begins with it.
const PREFIX_MIN: usize = 3;

/// One thing that must occur, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Words that follow each other.
    pub words: Vec<String>,
    /// Whether the last of them may go on.
    pub open: bool,
}

impl Term {
    /// Whether a word of a text is the word at a place.
    pub fn fits(&self, place: usize, word: &str) -> bool {
        let open = self.open && place + 1 == self.words.len();
        self.words.get(place).is_some_and(|own| if open { word.starts_with(own.as_str()) } else { word == own })
    }
}

/// A query, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What must occur.
    pub wanted: Vec<Term>,
    /// What must not.
    pub unwanted: Vec<Term>,
}

impl Query {
    /// Takes a query apart.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        if text.is_empty() {
            return Err(FieldError::new("q", "required", "must say what to look for"));
        }
        if text.chars().count() > MAX {
            return Err(FieldError::new("q", "too_long", format!("must have at most {MAX} characters")));
        }
        let mut query = Self::default();
        let mut last = None;
        for piece in pieces(text) {
            let words = fold::indexed(piece.text);
            if words.is_empty() {
                continue;
            }
            let long = words.last().is_some_and(|word| word.chars().count() >= PREFIX_MIN);
            let open = !piece.quoted && !piece.excluded && words.len() == 1 && long;
            let terms = if piece.excluded { &mut query.unwanted } else { &mut query.wanted };
            let term = Term { words, open };
            if !terms.contains(&term) {
                terms.push(term);
            }
            last = (!piece.quoted && !piece.excluded).then(|| query.wanted.len().saturating_sub(1));
        }
        // Whoever is still typing has not ended the last word.
        if let Some(term) = last.and_then(|last| query.wanted.get_mut(last)) {
            term.open = true;
        }
        Ok(query)
    }

    /// Whether there is nothing to look for: no word, or excluded ones only.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// The words that must occur, in their order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().flat_map(|term| term.words.iter().map(String::as_str))
    }
}

/// A piece of a query as it was written.
struct Piece<'a> {
    text: &'a str,
    quoted: bool,
    excluded: bool,
}

/// Quotation marks open and close phrases; one that is never closed goes to the end.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    const QUOTES: [char; 4] = ['"', '\u{201C}', '\u{201D}', '\u{201E}'];
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let without = rest.strip_prefix('-');
        let excluded = without.is_some_and(|after| after.starts_with(|c: char| !c.is_whitespace() && c != '-'));
        if let Some(after) = without.filter(|_| excluded) {
            rest = after;
        }
        let quoted = rest.strip_prefix(QUOTES);
        let (piece, after) = match quoted {
            Some(inside) => inside.split_once(QUOTES).unwrap_or((inside, "")),
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || QUOTES.contains(&c)).unwrap_or(rest.len());
                rest.split_at_checked(end).unwrap_or((rest, ""))
            }
        };
        pieces.push(Piece { text: piece, quoted: quoted.is_some(), excluded });
        rest = after.trim_start();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let query = Query::parse(text).unwrap();
        let one =
            |sign: &str, term: &Term| format!("{sign}{}{}", term.words.join("+"), if term.open { "*" } else { "" });
        let wanted = query.wanted.iter().map(|term| one("", term));
        wanted.chain(query.unwanted.iter().map(|term| one("-", term))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn queries_are_taken_apart() {
        for (text, parts) in [
            ("vendor", "vendor*"),
            ("Vendor of Łódź", "vendor* of lodz*"),
            ("a b", "a b*"),
            ("\"access control\" po", "access+control po*"),
            ("policy \"access control\"", "policy* access+control"),
            ("CC6.1", "cc6+1*"),
            ("CC6.1 review", "cc6+1 review*"),
            ("backup -tape", "backup* -tape"),
            ("backup -\"tape drive\" -x", "backup* -tape+drive -x"),
            ("- -- a - b", "a b*"),
            ("--x", "x*"),
            ("\"never closed", "never+closed"),
            ("a\"b\"c", "a b c*"),
            ("„Straße“ und", "strasse und*"),
            ("東京", "東+京*"),
            ("risk risk", "risk*"),
            ("!!! & | <-> :* \\ '", ""),
            ("   ", ""),
            ("-only", "-only"),
            ("a\0b", "a+b*"),
        ] {
            assert_eq!(shown(text), parts, "{text}");
        }
    }

    #[test]
    fn only_the_length_is_wrong() {
        assert_eq!(Query::parse("").unwrap_err().code, "required");
        assert_eq!(Query::parse(&"é".repeat(201)).unwrap_err().code, "too_long");
        assert!(Query::parse(&"é".repeat(200)).is_ok());
        assert!(Query::parse("-only").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn whatever_is_typed_becomes_plain_words(text in "\\PC{1,200}") {
            let query = Query::parse(&text).unwrap();
            for word in query.wanted.iter().chain(&query.unwanted).flat_map(|term| &term.words) {
                prop_assert!(!word.is_empty());
                let odd = |c: char| c.is_whitespace() || (c.is_ascii() && !c.is_ascii_lowercase() && !c.is_ascii_digit());
                prop_assert!(!word.contains(odd), "{word}");
            }
        }
    }
}

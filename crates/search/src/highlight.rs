//! Fragments of a hit: where the words stand, marked. Users' text in them is escaped, so they may be put into a page as
//! they are: the only markup is `<mark>`.

use std::{collections::VecDeque, ops::Range};

use crate::{
    fold,
    query::{Query, Term},
};

/// The most fragments of a text.
pub const FRAGMENTS: usize = 3;
/// About so many bytes of text are a fragment.
const LENGTH: usize = 180;
/// How much of it goes before the first word.
const BEFORE: usize = 50;
/// The most places that are looked at.
const PLACES: usize = 200;

/// The fragments of a hit: its title where that has any of the words, then the best places of its text.
pub fn fragments(query: &Query, title: &str, body: &str) -> Vec<String> {
    let mut fragments = Vec::new();
    let places = places(query, title);
    if !places.is_empty() {
        fragments.push(marked(title, 0..title.len(), &places));
    }
    fragments.extend(best(query, body));
    fragments
}

/// A place of a text where a term stands.
struct Place {
    at: Range<usize>,
    term: usize,
}

/// Where the terms stand, in order.
fn places(query: &Query, text: &str) -> Vec<Place> {
    let longest = query.wanted.iter().map(|term| term.words.len()).max().unwrap_or(0);
    let mut recent: VecDeque<(String, Range<usize>)> = VecDeque::with_capacity(longest + 1);
    let mut places: Vec<Place> = Vec::new();
    fold::visit(text, |word, at| {
        let word = fold::cut(word);
        if longest == 1 {
            if let Some(term) = query.wanted.iter().position(|term| term.fits(0, word)) {
                places.push(Place { at, term });
            }
            return places.len() < PLACES;
        }
        if recent.len() == longest {
            recent.pop_front();
        }
        recent.push_back((word.to_owned(), at));
        if let Some(term) = query.wanted.iter().position(|term| ends(term, &recent)) {
            let length = query.wanted.get(term).map_or(0, |term| term.words.len());
            let start = recent.len().saturating_sub(length);
            places.extend(recent.iter().skip(start).map(|(_, at)| Place { at: at.clone(), term }));
        }
        places.len() < PLACES
    });
    // The words of two overlapping phrases are marked once.
    places.sort_by_key(|place| place.at.start);
    places.dedup_by(|next, kept| next.at.start < kept.at.end);
    places
}

/// Whether the last words are those of a term.
fn ends(term: &Term, recent: &VecDeque<(String, Range<usize>)>) -> bool {
    let Some(start) = recent.len().checked_sub(term.words.len()) else { return false };
    recent.iter().skip(start).enumerate().all(|(place, (word, _))| term.fits(place, word))
}

/// The places with the most different terms, in the order of the text.
fn best(query: &Query, text: &str) -> Vec<String> {
    let places = places(query, text);
    let mut windows: Vec<(usize, Range<usize>)> = Vec::new();
    for (i, first) in places.iter().enumerate() {
        let range = window(text, first.at.clone());
        let mut terms: Vec<usize> =
            places.iter().skip(i).take_while(|place| place.at.end <= range.end).map(|place| place.term).collect();
        let all = terms.len();
        terms.sort_unstable();
        terms.dedup();
        // More different terms first, then more of them; a word alone in its window still counts.
        windows.push((terms.len() * 1_000 + all, range));
    }
    let mut chosen: Vec<Range<usize>> = Vec::new();
    windows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
    for (_, range) in windows {
        if chosen.len() < FRAGMENTS && chosen.iter().all(|other| range.end <= other.start || other.end <= range.start) {
            chosen.push(range);
        }
    }
    chosen.sort_by_key(|range| range.start);
    chosen.into_iter().map(|range| marked(text, range, &places)).collect()
}

/// The surroundings of a place, from one gap between words to another.
fn window(text: &str, at: Range<usize>) -> Range<usize> {
    let mut start = text.floor_char_boundary(at.start.saturating_sub(BEFORE));
    if start > 0
        && let Some(before) = text.get(start..at.start)
        && let Some(gap) = before.find(char::is_whitespace)
    {
        start += gap + before.get(gap..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    }
    let mut end = text.floor_char_boundary(start.saturating_add(LENGTH).max(at.end).min(text.len()));
    if end < text.len()
        && let Some(after) = text.get(at.end..end)
        && let Some(gap) = after.rfind(char::is_whitespace)
    {
        end = at.end + gap;
    }
    start..end.max(at.end)
}

/// A piece of a text, escaped, with its places marked.
fn marked(text: &str, range: Range<usize>, places: &[Place]) -> String {
    let mut out = String::with_capacity(range.len() + 64);
    if range.start > 0 {
        out.push('…');
    }
    let mut from = range.start;
    for place in places.iter().filter(|place| place.at.start >= range.start && place.at.end <= range.end) {
        escape(text.get(from..place.at.start).unwrap_or_default(), &mut out);
        out.push_str("<mark>");
        escape(text.get(place.at.clone()).unwrap_or_default(), &mut out);
        out.push_str("</mark>");
        from = place.at.end;
    }
    escape(text.get(from..range.end).unwrap_or_default(), &mut out);
    if range.end < text.len() {
        out.push('…');
    }
    out
}

/// Text for HTML; line breaks and other controls become spaces.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(query: &str, title: &str, body: &str) -> Vec<String> {
        fragments(&Query::parse(query).unwrap(), title, body)
    }

    #[test]
    fn words_are_marked_as_they_were_written() {
        assert_eq!(of("lodz", "Łódź plant", ""), ["<mark>Łódź</mark> plant"]);
        assert_eq!(of("strasse cafe\u{301}", "x", "Café, Straßen"), ["<mark>Café</mark>, <mark>Straßen</mark>"]);
        assert_eq!(
            of("\"access control\"", "Control access", "No access; access control."),
            ["No access; <mark>access</mark> <mark>control</mark>."]
        );
        assert_eq!(of("nothing", "Title", "Body"), [""; 0]);
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            of("alert", "<script>alert('x')</script>", ""),
            ["&lt;script&gt;<mark>alert</mark>(&#39;x&#39;)&lt;/script&gt;"]
        );
        assert_eq!(of("mark", "<mark>", ""), ["&lt;<mark>mark</mark>&gt;"]);
    }

    #[test]
    fn the_places_with_the_most_words_are_shown() {
        let filler = "lorem ipsum ".repeat(40);
        let body = format!("tape here {filler} tape and drive here {filler} drive {filler} tape {filler} tape");
        let shown = of("tape drive", "t", &body);
        assert_eq!(shown.len(), FRAGMENTS);
        assert!(shown.iter().any(|one| one.contains("<mark>tape</mark> and <mark>drive</mark> here")), "{shown:?}");
        assert!(shown.iter().skip(1).all(|one| one.starts_with('…')), "{shown:?}");
        assert!(shown.iter().all(|one| one.len() < 300), "{shown:?}");
    }

    proptest! {
        #[test]
        fn a_fragment_is_the_text_with_marks(body in "[a-c<>&é \\n]{0,400}", query in "[a-c]{1,3}( [a-c]{1,2})?") {
            for fragment in of(&query, "", &body) {
                let bare = fragment.replace("<mark>", "").replace("</mark>", "");
                prop_assert!(!bare.contains(['<', '>']));
                let plain = bare.trim_matches('…').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
                prop_assert!(body.replace('\n', " ").contains(&plain));
                prop_assert!(fragment.contains("<mark>"));
            }
        }
    }
}

//! How a search behaves, over documents in memory. The Postgres adapter must agree with it; the contract suite holds
//! both to that. (Only the fractions of scores are its own.)

use grc_kernel::resource::Declared;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    fold,
    ports::{After, Found, Hit, ONE, RANKED, TEXT_MAX, WORDS_MAX, Wanted},
    query::{Query, Term},
    source::Source,
};

/// The most characters of a title.
pub const TITLE_MAX: usize = 200;
/// The most characters of the name by which a record is called exactly.
const CALLED_MAX: usize = 120;
/// So many words of a text make its score.
const HEAD: usize = 200;

/// A record as search sees it.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub title: Option<String>,
    /// Other names.
    pub names: Vec<String>,
    /// Longer text.
    pub texts: Vec<String>,
    /// The text of its file.
    pub deep: Option<String>,
    /// What it belongs to.
    pub parent: Option<(&'static str, Uuid)>,
    /// When it was changed.
    pub updated_at: OffsetDateTime,
}

impl Document {
    /// The document of a record's picture.
    pub fn of(declared: &Declared, source: &Source, picture: &Value) -> Option<Self> {
        let value = |column: &str| {
            let member = declared.members.iter().find(|member| member.column == column)?;
            picture.get(member.name)?.as_str().map(str::to_owned)
        };
        let all = |columns: &[&'static str]| columns.iter().filter_map(|column| value(column)).collect();
        let at = picture.get("updated_at")?.as_str()?;
        Some(Self {
            kind: source.kind,
            id: Uuid::parse_str(picture.get("id")?.as_str()?).ok()?,
            title: value(source.title),
            names: all(&source.names),
            texts: all(&source.texts),
            deep: None,
            parent: source.parent.and_then(|(column, kind)| Some((kind, Uuid::parse_str(&value(column)?).ok()?))),
            updated_at: OffsetDateTime::parse(at, &Rfc3339).ok()?,
        })
    }

    fn body(&self) -> String {
        fold::first(&self.texts.join("\n"), TEXT_MAX).to_owned()
    }

    /// What is shown of it.
    fn shown(&self) -> String {
        let given = [&self.title].into_iter().flatten().chain(&self.names).find(|name| !name.is_empty());
        fold::first(given.map_or(&self.body(), |name| name), TITLE_MAX).to_owned()
    }
}

/// The fields of a document as words.
struct Indexed {
    names: Vec<Vec<String>>,
    rest: Vec<Vec<String>>,
}

impl Indexed {
    fn of(document: &Document) -> Self {
        let mut names: Vec<Vec<String>> =
            document.names.iter().chain([&document.shown()]).map(|name| fold::indexed(name)).collect();
        names.retain(|words| !words.is_empty());
        let deep = document.deep.as_deref().map(|deep| fold::first(deep, TEXT_MAX).to_owned());
        let texts = [Some(document.body()), deep].into_iter().flatten();
        Self { names, rest: texts.map(|text| fold::indexed(&text).into_iter().take(WORDS_MAX).collect()).collect() }
    }

    fn has(&self, term: &Term) -> bool {
        self.names.iter().chain(&self.rest).any(|words| stands(term, words))
    }

    fn matches(&self, query: &Query) -> bool {
        query.wanted.iter().all(|term| self.has(term)) && !query.unwanted.iter().any(|term| self.has(term))
    }

    /// The whole part of the score.
    fn tier(&self, query: &Query) -> i64 {
        let asked = called(query.words());
        let named = |term: &Term| {
            let any = |place| self.names.iter().flatten().any(|word| term.fits(place, word));
            (0..term.words.len()).all(any)
        };
        if self.names.iter().any(|words| called(words.iter().map(String::as_str)) == asked) {
            3
        } else if query.wanted.iter().all(named) {
            2
        } else {
            1
        }
    }

    /// The fraction of the score.
    fn part(&self, query: &Query) -> i64 {
        let count = |words: &[String]| {
            let hit =
                |word: &&String| query.wanted.iter().any(|term| (0..term.words.len()).any(|at| term.fits(at, word)));
            i64::try_from(words.iter().take(HEAD).filter(hit).count()).unwrap_or(i64::MAX)
        };
        let names: i64 = self.names.iter().map(|words| count(words)).sum();
        let rest: i64 = self.rest.first().map_or(0, |words| count(words));
        let sum = names * 5 + rest * 2;
        (ONE - 1) * sum / (sum + 5)
    }
}

/// A name as it is compared whole.
pub fn called<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = words.collect();
    fold::first(&all.join("_"), CALLED_MAX).to_owned()
}

/// Whether the words of a term follow each other somewhere.
fn stands(term: &Term, words: &[String]) -> bool {
    words
        .windows(term.words.len().max(1))
        .any(|window| window.iter().enumerate().all(|(place, word)| term.fits(place, word)))
}

/// Searches documents.
pub fn find(documents: impl Iterator<Item = Document>, wanted: &Wanted) -> Found {
    if wanted.query.is_empty() || wanted.kinds.is_empty() {
        return Found::default();
    }
    let mut hits: Vec<Hit> = documents
        .filter(|document| wanted.kinds.contains(&document.kind))
        .filter_map(|document| {
            let indexed = Indexed::of(&document);
            indexed.matches(&wanted.query).then(|| Hit {
                kind: document.kind,
                id: document.id,
                title: document.shown(),
                body: [document.body(), document.deep.clone().unwrap_or_default()].join("\n").trim().to_owned(),
                parent: document.parent,
                score: indexed.tier(&wanted.query) * ONE + indexed.part(&wanted.query),
                updated_at: document.updated_at,
            })
        })
        .collect();
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.place()));
    let at_least = hits.len() >= RANKED;
    hits.truncate(RANKED);
    let total = i64::try_from(hits.len()).unwrap_or(i64::MAX);
    let hits = hits.into_iter().filter(|hit| wanted.after.is_none_or(|after| hit.place() < after));
    page(hits.take(wanted.limit.saturating_add(1)).collect(), wanted.limit, total, at_least)
}

/// A page of up to one hit more than asked for, which tells whether there are more.
pub fn page(mut hits: Vec<Hit>, limit: usize, total: i64, at_least: bool) -> Found {
    let more = hits.len() > limit;
    hits.truncate(limit);
    let next = if more { hits.last().map(Hit::place) } else { None };
    Found { hits, total, at_least, next }
}

/// The place before all others, for an adapter whose statement compares with one.
pub fn before_all() -> After {
    After { score: i64::MAX, at: OffsetDateTime::UNIX_EPOCH, id: Uuid::max() }
}

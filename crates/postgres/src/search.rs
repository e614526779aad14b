//! Search: tsqueries of folded words, and the hits of `search_candidates`.
//!
//! What a person typed arrives as words of letters and digits only ([`grc_search::fold`]), and is written into a
//! tsquery between quotation marks that no word can contain. The text of the statement never changes. (ADR 0009.)

use async_trait::async_trait;
use diesel::{
    deserialize::{self, FromSqlRow},
    pg::Pg,
    row::Row,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use grc_kernel::{Kind, OrgId, StoreResult, list::Scalar};
use grc_search::{
    Found, Hit, Query, Search, Wanted, fold, memory,
    ports::{RANKED, TEXT_MAX},
    query::Term,
};
use grc_uow::searched;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::Parts,
    resource::{Select, column},
    tx::PgTx,
};

/// The queries of one search, in which `~` stands for what lexemes begin with.
#[derive(Debug, PartialEq)]
struct Queries {
    called: String,
    terms: Vec<String>,
    rest: String,
    phrases: Option<String>,
    rank: String,
}

/// The lexemes of a term.
fn lexemes(term: &Term) -> impl Iterator<Item = String> {
    let last = term.words.len().saturating_sub(1);
    term.words
        .iter()
        .enumerate()
        .map(move |(i, word)| format!("'~{}'{}", fold::cut(word), if term.open && i == last { ":*" } else { "" }))
}

/// The words of a term, one after the other.
fn phrase(term: &Term) -> String {
    format!("({})", lexemes(term).collect::<Vec<_>>().join(" <-> "))
}

fn queries(wanted: &Wanted) -> Queries {
    let Query { wanted: terms, unwanted } = &wanted.query;
    // Single words the index leaves out by itself; a phrase is there only where its words follow each other.
    let several = |term: &&Term| term.words.len() > 1;
    let mut rest = String::new();
    for lexeme in unwanted.iter().filter(|term| !several(term)).flat_map(lexemes) {
        rest.push_str(" & !");
        rest.push_str(&lexeme);
    }
    if !wanted.every {
        let kinds: Vec<String> = wanted.kinds.iter().map(|kind| format!("'~.{kind}'")).collect();
        rest.push_str(&format!(" & ({})", kinds.join(" | ")));
    }
    let mut phrases: Vec<String> = terms.iter().filter(several).map(phrase).collect();
    phrases.extend(unwanted.iter().filter(several).map(|term| format!("!{}", phrase(term))));
    let mut words: Vec<String> = Vec::new();
    for lexeme in terms.iter().flat_map(lexemes) {
        if !words.contains(&lexeme) {
            words.push(lexeme);
        }
    }
    Queries {
        called: format!("'~={}'{rest}", memory::called(wanted.query.words())),
        rank: words.join(" | ").replace('~', ""),
        terms: words,
        rest,
        phrases: (!phrases.is_empty()).then(|| phrases.join(" & ")),
    }
}

/// A row of the page; the first of all has no hit, and says how many there are.
struct Line {
    hit: Option<Hit>,
    score: i64,
    cut: bool,
}

impl FromSqlRow<Untyped, Pg> for Line {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let kind: Option<String> = column::<_, Nullable<Text>>(row, 0)?;
        let score: i64 = column::<_, BigInt>(row, 2)?;
        let cut: bool = column::<_, Bool>(row, 3)?;
        let Some(kind) = kind else { return Ok(Self { hit: None, score, cut }) };
        let known = |kind: &str| searched::kind(kind).ok_or("a kind that this version does not know");
        let parent_kind: Option<String> = column::<_, Nullable<Text>>(row, 6)?;
        let parent_id: Option<Uuid> = column::<_, Nullable<SqlUuid>>(row, 7)?;
        let parent = match (parent_kind, parent_id) {
            (Some(kind), Some(id)) => Some((known(&kind)?, id)),
            _ => None,
        };
        let updated_at: OffsetDateTime = column::<_, Timestamptz>(row, 8)?;
        let hit = Hit {
            kind: known(&kind)?,
            id: column::<_, SqlUuid>(row, 1)?,
            title: column::<_, Text>(row, 4)?,
            body: column::<_, Text>(row, 5)?,
            parent,
            score,
            updated_at,
        };
        Ok(Self { hit: Some(hit), score, cut })
    }
}

#[async_trait]
impl Search for PgTx {
    async fn search(&mut self, org: OrgId, wanted: &Wanted) -> StoreResult<Found> {
        if wanted.query.is_empty() || wanted.kinds.is_empty() {
            return Ok(Found::default());
        }
        let queries = queries(wanted);
        let text = |text: &str| Scalar::Text(text.to_owned());
        let number = |number: usize| Scalar::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let after = wanted.after.unwrap_or_else(memory::before_all);
        let statement = Parts::default()
            .sql("WITH found AS MATERIALIZED (SELECT * FROM search_candidates(")
            .bind(text(&queries.called))
            .sql(", ")
            .array(Kind::Texts, queries.terms.iter().map(|term| text(term)).collect())
            .sql(", ")
            .bind(text(&queries.rest))
            .sql(", nullif(")
            .bind(text(queries.phrases.as_deref().unwrap_or_default()))
            .sql(", ''), ")
            .bind(text(&queries.rank))
            .sql(", ")
            .array(Kind::Texts, wanted.kinds.iter().map(|kind| text(kind)).collect())
            .sql(", ")
            .bind(number(RANKED))
            .sql("::int)), page AS (SELECT * FROM found WHERE record_id IS NULL OR (score, updated_at, record_id) < (")
            .bind(Scalar::Int(after.score))
            .sql(", ")
            .bind(Scalar::Time(after.at))
            .sql(", ")
            .id(after.id)
            .sql(") ORDER BY record_id IS NOT NULL, score DESC, updated_at DESC, record_id DESC LIMIT ")
            .bind(number(wanted.limit.saturating_add(2)))
            // The documents are read under the policy of their table, whatever the function answered.
            .sql(
                ") SELECT p.kind, p.record_id, p.score, p.cut, coalesce(d.title, ''), \
                 coalesce(d.body, '') || coalesce((SELECT E'\\n' || left(t.text, ",
            )
            .bind(number(TEXT_MAX))
            .sql("::int) FROM evidence_texts t WHERE p.kind = 'evidence' AND t.org_id = ")
            .id(org)
            .sql(
                " AND t.evidence_id = p.record_id), ''), d.parent_kind, d.parent_id, p.updated_at \
                 FROM page p LEFT JOIN search_documents d ON d.org_id = ",
            )
            .id(org)
            .sql(
                " AND d.kind = p.kind AND d.record_id = p.record_id WHERE p.record_id IS NULL OR d.record_id IS NOT NULL \
                 ORDER BY p.record_id IS NOT NULL, p.score DESC, p.updated_at DESC, p.record_id DESC",
            );
        let lines: Vec<Line> = Select(statement).load(self.connection()?).await.map_err(error::store)?;
        let (mut total, mut at_least, mut hits) = (0, false, Vec::with_capacity(lines.len()));
        for line in lines {
            match line.hit {
                Some(hit) => hits.push(hit),
                None => (total, at_least) = (line.score, line.cut),
            }
        }
        Ok(memory::page(hits, wanted.limit, total, at_least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, every: bool) -> Queries {
        let query = Query::parse(text).unwrap();
        queries(&Wanted { query, kinds: vec!["risk", "vendor"], every, limit: 20, after: None })
    }

    #[test]
    fn words_become_lexemes() {
        assert_eq!(
            // What was typed last is left out: the letter before it was ended by it, and is a word.
            of("Ba backup é -tape", true),
            Queries {
                called: "'~=ba_backup_e' & !'~tape'".into(),
                terms: vec!["'~ba'".into(), "'~backup':*".into(), "'~e'".into()],
                rest: " & !'~tape'".into(),
                phrases: None,
                rank: "'ba' | 'backup':* | 'e'".into(),
            }
        );
        let phrases = of("cc6.1 -\"a b\"", false);
        assert_eq!(phrases.phrases.as_deref(), Some("('~cc6' <-> '~1') & !('~a' <-> '~b')"));
        assert_eq!(phrases.terms, ["'~cc6'", "'~1'"]);
        assert_eq!(phrases.called, "'~=cc6_1' & ('~.risk' | '~.vendor')");
    }

    #[test]
    fn nothing_typed_leaves_its_quotation_marks() {
        for text in ["a' | 'b", "~^x ~=y", "\\' :*", "a':*b & !c <-> d"] {
            for lexeme in of(text, true).terms {
                let word = lexeme.strip_prefix("'~").unwrap().split('\'').next().unwrap();
                assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{text}: {lexeme}");
            }
        }
    }
}

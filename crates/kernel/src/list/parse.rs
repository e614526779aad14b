//! From query parameters to a typed list request, with every mistake reported at once.

use time::{
    Date, OffsetDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};
use uuid::Uuid;

use super::{
    Cursor, FILTER_VALUES_MAX, Field, Filter, Kind, LIMIT_DEFAULT, LIMIT_MAX, ListQuery, ListSpec, Scalar, Sort, Test,
};
use crate::{check::Checker, fault::FieldError};

/// The parameters that every list takes besides its filters.
pub const RESERVED: &[&str] = &["limit", "cursor", "sort", "q", "fields", "include_total"];

/// A list request and the members its caller wants to see.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// The request proper.
    pub query: ListQuery,
    /// Only these members (and `id`), where `fields=` was given.
    pub fields: Option<Vec<String>>,
}

impl ListRequest {
    /// Reads query parameters. `members` are the names that `fields=` may ask for.
    pub fn parse(
        spec: &'static ListSpec,
        members: &[&str],
        params: &[(String, String)],
    ) -> Result<Self, Vec<FieldError>> {
        Self::parse_within(spec.query(), members, params)
    }

    /// The same in a list that is narrowed already: what a client asks for narrows it further, never widens it, and
    /// the cursors belong to the narrowed list.
    pub fn parse_within(
        within: ListQuery,
        members: &[&str],
        params: &[(String, String)],
    ) -> Result<Self, Vec<FieldError>> {
        let mut check = Checker::new();
        let spec = within.spec;
        let mut query = ListQuery { filters: Vec::new(), ..within.clone() };
        let mut fields = None;
        let mut cursor = None;
        let mut values = 0;
        for (i, (name, text)) in params.iter().enumerate() {
            let repeated = params.iter().take(i).any(|(earlier, _)| earlier == name);
            if repeated && (RESERVED.contains(&name.as_str()) || name.contains("__")) && !name.ends_with("__ne") {
                check.note(name, "repeated", "may be given once");
                continue;
            }
            match name.as_str() {
                "limit" => query.limit = limit(text, &mut check),
                "cursor" => cursor = Some(text.as_str()),
                "sort" => sort(text, spec, &mut query, &mut check),
                "q" => search(text, spec, &mut query, &mut check),
                "include_total" => match text.as_str() {
                    "true" => query.total = true,
                    "false" => {}
                    _ => check.note("include_total", "type", "must be true or false"),
                },
                "fields" => {
                    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
                    for name in &names {
                        if !members.contains(&name.as_str()) {
                            check.note("fields", "unknown", format!("the resource has no member «{name}»"));
                        }
                    }
                    fields = Some(names);
                }
                _ => {
                    values += 1;
                    filter(name, text, &mut query, &mut check);
                }
            }
        }
        check.ensure(
            values <= FILTER_VALUES_MAX,
            "filter",
            "too_many",
            format!("at most {FILTER_VALUES_MAX} filter values are accepted"),
        );
        query.filters.extend(within.filters);
        if let Some(text) = cursor {
            match Cursor::decode(text, &query) {
                Ok(after) => query.after = Some(after),
                Err(error) => check.note(error.field, error.code, error.detail),
            }
        }
        check.finish().map(|()| Self { query, fields })
    }
}

fn limit(text: &str, check: &mut Checker) -> usize {
    match text.parse::<usize>() {
        Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => limit,
        _ => {
            check.note("limit", "out_of_range", format!("must be a whole number from 1 to {LIMIT_MAX}"));
            LIMIT_DEFAULT
        }
    }
}

fn sort(text: &str, spec: &'static ListSpec, query: &mut ListQuery, check: &mut Checker) {
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    match spec.field(name) {
        Some(field) if field.sortable => query.sort = Sort { field, descending },
        _ => {
            let names: Vec<_> = spec.sortable().collect();
            check.note(
                "sort",
                "unknown",
                format!("must be one of {}, with - before it for descending", names.join(", ")),
            );
        }
    }
}

fn search(text: &str, spec: &ListSpec, query: &mut ListQuery, check: &mut Checker) {
    if !spec.all().any(|field| field.searched) {
        check.note("q", "unknown", "this list has no text to search");
        return;
    }
    check.text_to("q", text, 500);
    query.search = text.split_whitespace().map(str::to_lowercase).collect();
    check.ensure(query.search.len() <= 20, "q", "too_many", "may have at most 20 words");
}

fn filter(name: &str, text: &str, query: &mut ListQuery, check: &mut Checker) {
    let (base, op) = name.split_once("__").unwrap_or((name, ""));
    let Some(field) = query.spec.field(base) else {
        check.note(name, "unknown", "is not a parameter of this list");
        return;
    };
    if op == "null" {
        match text {
            "true" | "false" => query.filters.push(Filter { field, test: Test::Null(text == "true") }),
            _ => check.note(name, "type", "must be true or false"),
        }
        return;
    }
    let ordered = matches!(op, "gte" | "lte") && field.kind.is_ordered();
    if !ordered && !matches!(op, "" | "ne") {
        check.note(name, "unknown", "is not a parameter of this list");
        return;
    }
    match scalar(field.kind, text) {
        Err(detail) => check.note(name, "type", detail),
        Ok(value) => match op {
            "" => merge(query, field, value, false),
            "ne" => merge(query, field, value, true),
            "gte" => query.filters.push(Filter { field, test: Test::AtLeast(value) }),
            _ => query.filters.push(Filter { field, test: Test::AtMost(value) }),
        },
    }
}

/// A repeated parameter means any of its values (or none of them, for `__ne`).
fn merge(query: &mut ListQuery, field: &'static Field, value: Scalar, negated: bool) {
    for filter in query.filters.iter_mut().filter(|filter| filter.field.name == field.name) {
        match &mut filter.test {
            Test::AnyOf(values) if !negated => return values.push(value),
            Test::NoneOf(values) if negated => return values.push(value),
            _ => {}
        }
    }
    let test = if negated { Test::NoneOf(vec![value]) } else { Test::AnyOf(vec![value]) };
    query.filters.push(Filter { field, test });
}

/// Reads a value of a kind; the error says what is expected.
pub(super) fn scalar(kind: Kind, text: &str) -> Result<Scalar, String> {
    match kind {
        Kind::Text | Kind::Texts => {
            if text.contains('\0') {
                Err("may not hold NUL".to_owned())
            } else {
                Ok(Scalar::Text(text.to_owned()))
            }
        }
        Kind::Int => text.parse().map(Scalar::Int).map_err(|_| "must be a whole number".to_owned()),
        Kind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Scalar::Number(number)),
            _ => Err("must be a number".to_owned()),
        },
        Kind::Bool => match text {
            "true" => Ok(Scalar::Bool(true)),
            "false" => Ok(Scalar::Bool(false)),
            _ => Err("must be true or false".to_owned()),
        },
        Kind::Time => time(text).map(Scalar::Time).ok_or_else(|| "must be an RFC 3339 timestamp".to_owned()),
        Kind::Date => {
            Date::parse(text, &Iso8601::DATE).map(Scalar::Date).map_err(|_| "must be a date, YYYY-MM-DD".to_owned())
        }
        Kind::Id | Kind::Ids => Uuid::parse_str(text).map(Scalar::Id).map_err(|_| "must be a UUID".to_owned()),
        Kind::Choice(words) => {
            let word = if text == "informational" { "info" } else { text };
            if words.contains(&word) {
                Ok(Scalar::Text(word.to_owned()))
            } else {
                Err(format!("must be one of {}", words.join(", ")))
            }
        }
    }
}

/// A timestamp, or a day's first moment in UTC. Years outside 1-9999 are refused: PostgreSQL and the wire
/// could not agree on them.
fn time(text: &str) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| Date::parse(text, &Iso8601::DATE).map(|date| date.midnight().assume_utc()))
        .ok()?;
    let at = at.checked_to_offset(time::UtcOffset::UTC)?;
    (1..=9999).contains(&at.year()).then_some(at)
}

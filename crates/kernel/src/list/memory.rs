//! The behaviour of a list over records in memory. The Postgres adapter must agree with it; the contract
//! suites hold them to that.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Field, Filter, Kind, ListQuery, Page, Scalar, Test, parse};
use crate::record::Record;

/// A page of the records that match.
pub fn page_in_memory<'a, T: Record + Clone + 'a>(records: impl Iterator<Item = &'a T>, query: &ListQuery) -> Page<T> {
    let mut rows: Vec<(Option<Scalar>, &T)> = records
        .filter(|record| matches_in_memory(*record, query))
        .map(|record| (record.sort_value(query.sort.field), record))
        .collect();
    let total = query.total.then(|| i64::try_from(rows.len()).unwrap_or(i64::MAX));
    let order = |a: (&Option<Scalar>, uuid::Uuid), b: (&Option<Scalar>, uuid::Uuid)| {
        let order = compare_keys(a.0.as_ref(), b.0.as_ref()).then_with(|| a.1.cmp(&b.1));
        if query.sort.descending { order.reverse() } else { order }
    };
    rows.sort_by(|a, b| order((&a.0, a.1.id()), (&b.0, b.1.id())));
    let page: Vec<T> = rows
        .into_iter()
        .filter(|(key, record)| {
            query
                .after
                .as_ref()
                .is_none_or(|after| order((key, record.id()), (&after.value, after.id)) == Ordering::Greater)
        })
        .take(query.limit.saturating_add(1))
        .map(|(_, record)| record.clone())
        .collect();
    Page::cut(query, page, total)
}

/// Whether a record is among those that a request asks for.
pub fn matches_in_memory<T: Record>(record: &T, query: &ListQuery) -> bool {
    matches(&record.snapshot(), query)
}

/// The value of a single-valued field in a snapshot.
pub(crate) fn value(snapshot: &Value, field: &Field) -> Option<Scalar> {
    read(member(snapshot, field)?, field.kind)
}

/// The member that a field looks at: of its own name, or of its column's (`control_ref` asks `control_refs`).
fn member<'a>(snapshot: &'a Value, field: &Field) -> Option<&'a Value> {
    let column = field.column.rsplit('.').next().unwrap_or(field.column);
    snapshot.get(field.name).or_else(|| snapshot.get(column))
}

fn read(value: &Value, kind: Kind) -> Option<Scalar> {
    match (kind, value) {
        (_, Value::Null) => None,
        (Kind::Int, Value::Number(number)) => number.as_i64().map(Scalar::Int),
        (Kind::Number, Value::Number(number)) => number.as_f64().map(Scalar::Number),
        (Kind::Bool, Value::Bool(flag)) => Some(Scalar::Bool(*flag)),
        (_, Value::String(text)) => parse::scalar(kind, text).ok(),
        _ => None,
    }
}

fn matches(snapshot: &Value, query: &ListQuery) -> bool {
    query.conditions().all(|filter| holds(snapshot, filter)) && found(snapshot, query)
}

fn found(snapshot: &Value, query: &ListQuery) -> bool {
    if query.search.is_empty() {
        return true;
    }
    let texts: Vec<String> = query
        .spec
        .all()
        .filter(|field| field.searched)
        .filter_map(|field| snapshot.get(field.name).and_then(Value::as_str))
        .map(str::to_lowercase)
        .collect();
    query.search.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

fn holds(snapshot: &Value, filter: &Filter) -> bool {
    let field = filter.field;
    let values: Vec<Scalar> = match member(snapshot, field) {
        Some(Value::Array(items)) if field.kind.is_list() => {
            items.iter().filter_map(|item| read(item, field.kind)).collect()
        }
        Some(value) => read(value, field.kind).into_iter().collect(),
        None => Vec::new(),
    };
    match &filter.test {
        Test::AnyOf(wanted) => values.iter().any(|value| wanted.contains(value)),
        Test::NoneOf(unwanted) => !values.iter().any(|value| unwanted.contains(value)),
        Test::AtLeast(bound) => values.iter().any(|value| compare(value, bound) != Ordering::Less),
        Test::AtMost(bound) => values.iter().any(|value| compare(value, bound) != Ordering::Greater),
        Test::Null(null) => values.is_empty() == *null,
        Test::Any(filters) => filters.iter().any(|filter| holds(snapshot, filter)),
    }
}

/// Absent values are the greatest, as PostgreSQL sorts them.
fn compare_keys(a: Option<&Scalar>, b: Option<&Scalar>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => compare(a, b),
    }
}

fn compare(a: &Scalar, b: &Scalar) -> Ordering {
    match (a, b) {
        (Scalar::Text(a), Scalar::Text(b)) => a.cmp(b),
        (Scalar::Int(a), Scalar::Int(b)) => a.cmp(b),
        (Scalar::Number(a), Scalar::Number(b)) => a.total_cmp(b),
        (Scalar::Bool(a), Scalar::Bool(b)) => a.cmp(b),
        (Scalar::Time(a), Scalar::Time(b)) => a.cmp(b),
        (Scalar::Date(a), Scalar::Date(b)) => a.cmp(b),
        (Scalar::Id(a), Scalar::Id(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::list::{ListRequest, ListSpec};

    #[derive(Clone, Debug, PartialEq)]
    struct Row(u128, Option<i64>, &'static str);

    impl Record for Row {
        const TYPE: &'static str = "row";
        fn id(&self) -> Uuid {
            Uuid::from_u128(self.0)
        }
        fn revision(&self) -> i64 {
            1
        }
        fn snapshot(&self) -> Value {
            json!({"id": self.id().to_string(), "size": self.1, "colour": self.2, "tags": [self.2, "all"]})
        }
    }

    static SPEC: ListSpec = ListSpec {
        resource: "row",
        fields: &[
            Field::new("size", Kind::Int).sorts().optional(),
            Field::new("colour", Kind::Choice(&["red", "green"])).sorts().searches(),
            Field::new("tags", Kind::Texts),
        ],
        default_sort: ("size", false),
        stored: false,
    };

    fn ask(params: &[(&str, &str)]) -> Result<ListQuery, Vec<String>> {
        let params: Vec<_> = params.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        ListRequest::parse(&SPEC, &["id", "size"], &params)
            .map(|request| request.query)
            .map_err(|errors| errors.into_iter().map(|e| format!("{} {}", e.field, e.code)).collect())
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let errors = ask(&[
            ("limit", "0"),
            ("sort", "tags"),
            ("size", "x"),
            ("colour", "blue"),
            ("colour__gte", "red"),
            ("nothing", "1"),
            ("fields", "id,secret"),
            ("include_total", "yes"),
            ("cursor", "!!"),
            ("limit", "7"),
        ])
        .unwrap_err();
        assert_eq!(
            errors,
            [
                "limit out_of_range",
                "sort unknown",
                "size type",
                "colour type",
                "colour__gte unknown",
                "nothing unknown",
                "fields unknown",
                "include_total type",
                "limit repeated",
                "cursor invalid"
            ]
        );
    }

    #[test]
    fn a_cursor_of_another_filter_is_refused() {
        let query = ask(&[("limit", "1")]).unwrap();
        let page = page_in_memory([Row(1, Some(1), "red"), Row(2, Some(2), "red")].iter(), &query);
        let cursor = page.next_cursor.unwrap();
        assert!(ask(&[("cursor", &cursor)]).is_ok());
        assert_eq!(ask(&[("cursor", &cursor), ("colour", "red")]).unwrap_err(), ["cursor other_list"]);
        assert_eq!(ask(&[("cursor", &cursor), ("sort", "-size")]).unwrap_err(), ["cursor other_list"]);
    }

    #[test]
    fn a_narrowed_list_has_cursors_of_its_own_and_is_never_widened() {
        let rows = [Row(1, Some(1), "red"), Row(2, Some(2), "green"), Row(3, Some(3), "red"), Row(4, Some(4), "red")];
        let red = || SPEC.query().only("colour", vec![Scalar::Text("red".into())]);
        let within = |params: &[(&str, &str)]| {
            let params: Vec<_> = params.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            ListRequest::parse_within(red(), &["id"], &params)
                .map(|request| page_in_memory(rows.iter(), &request.query))
        };
        let ids = |page: &Page<Row>| page.items.iter().map(|row| row.0).collect::<Vec<_>>();
        let first = within(&[("limit", "2")]).unwrap();
        assert_eq!(ids(&first), [1, 3]);
        let cursor = first.next_cursor.unwrap();
        assert_eq!(ids(&within(&[("limit", "2"), ("cursor", &cursor)]).unwrap()), [4]);
        assert!(ask(&[("limit", "2"), ("cursor", &cursor)]).is_err(), "it is not the whole list's");
        assert_eq!(ids(&within(&[("colour", "green")]).unwrap()), [0_u128; 0]);
        assert_eq!(ids(&within(&[("colour", "green"), ("colour", "red"), ("size__gte", "3")]).unwrap()), [3, 4]);
    }

    #[test]
    fn a_repeated_filter_means_any_of_its_values() {
        let rows = [Row(1, Some(1), "red"), Row(2, None, "green"), Row(3, Some(3), "green")];
        let sizes = |params: &[(&str, &str)]| -> Vec<u128> {
            page_in_memory(rows.iter(), &ask(params).unwrap()).items.into_iter().map(|row| row.0).collect()
        };
        assert_eq!(sizes(&[("size", "1"), ("size", "3")]), [1, 3]);
        assert_eq!(sizes(&[("size__ne", "1")]), [3, 2]);
        assert_eq!(sizes(&[("size__null", "true")]), [2]);
        assert_eq!(sizes(&[("tags", "green"), ("size__gte", "2")]), [3]);
        assert_eq!(sizes(&[("q", "REE")]), [3, 2]);
    }

    proptest! {
        #[test]
        fn pages_partition_the_set(
            keys in proptest::collection::vec(proptest::option::of(0_i64..5), 0..40),
            limit in 1_usize..7,
            descending: bool,
        ) {
            let rows: Vec<Row> = (1_u128..).zip(&keys).map(|(id, key)| Row(id, *key, "red")).collect();
            let sort = if descending { "-size" } else { "size" };
            let limit = limit.to_string();
            let mut seen = Vec::new();
            let mut cursor: Option<String> = None;
            loop {
                let mut params = vec![("limit", limit.as_str()), ("sort", sort)];
                if let Some(cursor) = &cursor {
                    params.push(("cursor", cursor));
                }
                let page = page_in_memory(rows.iter(), &ask(&params).unwrap());
                seen.extend(page.items);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            let mut expected = rows.clone();
            expected.sort_by_key(|row| (row.1.is_none(), row.1, row.0));
            if descending {
                expected.reverse();
            }
            prop_assert_eq!(seen, expected);
        }
    }
}

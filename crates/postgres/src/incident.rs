//! What the incident domain needs beyond what every resource has: times over many incidents, taken in one statement.

use async_trait::async_trait;
use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    pg::Pg,
    row::{Field as _, Row},
    sql_types::{BigInt, Double, Nullable, Text, Untyped},
};
use diesel_async::RunQueryDsl;
use grc_incident::{
    ResponseTimes,
    incident::Severity,
    metrics::{Group, Measure, Measures},
};
use grc_kernel::{ListQuery, OrgId, StoreResult};

use crate::{
    error,
    list::{self, Parts, Statement},
    tx::PgTx,
};

/// The spans: where each begins and ends, and when it may still end. In the order of the domain's.
const SPANS: [(&str, &str, &str); 4] = [
    ("occurred_at", "detected_at", "false"),
    ("detected_at", "acknowledged_at", "acknowledged_at IS NULL AND resolved_at IS NULL"),
    ("detected_at", "contained_at", "contained_at IS NULL AND resolved_at IS NULL"),
    ("detected_at", "resolved_at", "resolved_at IS NULL"),
];

/// A group: its severity or its month, and for each span five numbers.
struct Times {
    severity: Option<String>,
    month: Option<String>,
    measures: Measures,
}

impl FromSqlRow<Untyped, Pg> for Times {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let text = |at: usize| -> deserialize::Result<Option<String>> {
            FromSql::<Nullable<Text>, Pg>::from_nullable_sql(row.get(at).ok_or("a column is missing")?.value())
        };
        let count = |at: usize| -> deserialize::Result<i64> {
            FromSql::<BigInt, Pg>::from_nullable_sql(row.get(at).ok_or("a column is missing")?.value())
        };
        let number = |at: usize| -> deserialize::Result<Option<f64>> {
            FromSql::<Nullable<Double>, Pg>::from_nullable_sql(row.get(at).ok_or("a column is missing")?.value())
        };
        let mut measures = Measures::default();
        for (span, measure) in measures.iter_mut().enumerate() {
            let at = 2 + span * 5;
            let read = Measure {
                n: count(at)?,
                median: number(at + 1)?,
                p90: number(at + 2)?,
                mean: number(at + 3)?,
                open: count(at + 4)?,
            };
            *measure = read.rounded();
        }
        Ok(Self { severity: text(0)?, month: text(1)?, measures })
    }
}

/// The statement up to the condition on the organization, and what comes after the filters.
fn statement() -> (String, &'static str) {
    let mut outer = vec!["severity".to_owned(), "month".to_owned()];
    let mut inner =
        vec!["severity".to_owned(), "to_char(detected_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month".to_owned()];
    for (n, (from, to, open)) in SPANS.into_iter().enumerate() {
        // The nearest rank is what PostgreSQL calls the discrete percentile.
        outer.push(format!(
            "count(span{n}), percentile_cont(0.5) WITHIN GROUP (ORDER BY span{n}), \
             percentile_disc(0.9) WITHIN GROUP (ORDER BY span{n}), avg(span{n}), count(*) FILTER (WHERE open{n})"
        ));
        inner.push(format!(
            "CASE WHEN {from} IS NOT NULL AND {to} IS NOT NULL \
             THEN greatest(extract(epoch FROM {to} - {from}), 0)::double precision / 60 END AS span{n}, {open} AS open{n}"
        ));
    }
    let select =
        format!("SELECT {} FROM (SELECT {} FROM incidents WHERE org_id = ", outer.join(", "), inner.join(", "));
    (select, ") spans GROUP BY GROUPING SETS ((), (severity), (month))")
}

#[async_trait]
impl ResponseTimes for PgTx {
    async fn response_times(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Vec<(Group, Measures)>> {
        let (select, rest) = statement();
        let parts = list::filter(Parts::default().sql(select).id(org), query).sql(rest);
        let rows: Vec<Times> = Statement(parts).load(self.connection()?).await.map_err(error::store)?;
        let group = |times: Times| {
            let group = match (times.severity, times.month) {
                (Some(word), _) => Group::Severity(
                    Severity::parse(&word).ok_or_else(|| error::corrupt("incidents", "severity", &word))?,
                ),
                (None, Some(month)) => Group::Month(month),
                (None, None) => Group::All,
            };
            Ok((group, times.measures))
        };
        rows.into_iter().map(group).collect()
    }
}

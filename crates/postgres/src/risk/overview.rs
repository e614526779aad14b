//! The dashboard's own statements. Each asks the register's filters in a subselect of its own, where a column's name can
//! mean nothing but the register's.

use async_trait::async_trait;
use diesel::{
    deserialize::{self, FromSqlRow},
    pg::Pg,
    row::Row,
    sql_types::{BigInt, Date as SqlDate, Double, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use grc_kernel::{ListQuery, OrgId, StoreResult, UserId, Uuid, list::Scalar, resource::Word};
use grc_risk::{
    Overview,
    dashboard::{Expected, Firsts, Mover, OverdueTreatment},
};
use time::{Date, OffsetDateTime};

use crate::{
    error,
    list::{self, Parts},
    resource::{Select, column},
    tx::PgTx,
};

/// A row that this file reads.
struct Read<T>(T);

/// An enumeration's column.
fn word<'a, W: Word>(row: &impl Row<'a, Pg>, place: usize) -> deserialize::Result<W> {
    let text: String = column::<_, Text>(row, place)?;
    W::from_word(&text).ok_or_else(|| format!("this version knows no «{text}»").into())
}

impl FromSqlRow<Untyped, Pg> for Read<Mover> {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(Mover {
            id: column::<Uuid, SqlUuid>(row, 0)?.into(),
            title: column::<_, Text>(row, 1)?,
            category: word(row, 2)?,
            from_score: column::<_, BigInt>(row, 3)?,
            to_score: column::<_, BigInt>(row, 4)?,
            since: column::<_, Timestamptz>(row, 5)?,
        }))
    }
}

/// A treatment, and how many there are in all.
impl FromSqlRow<Untyped, Pg> for Read<(OverdueTreatment, i64)> {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let treatment = OverdueTreatment {
            id: column::<Uuid, SqlUuid>(row, 0)?.into(),
            title: column::<_, Text>(row, 1)?,
            risk_id: column::<Uuid, SqlUuid>(row, 2)?.into(),
            risk_title: column::<_, Text>(row, 3)?,
            owner_id: column::<Option<Uuid>, Nullable<SqlUuid>>(row, 4)?.map(UserId),
            status: word(row, 5)?,
            due_date: column::<_, SqlDate>(row, 6)?,
        };
        Ok(Self((treatment, column::<_, BigInt>(row, 7)?)))
    }
}

impl FromSqlRow<Untyped, Pg> for Read<Expected> {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(Expected {
            category: word(row, 0)?,
            annual_loss: column::<_, Double>(row, 1)?,
            analyses: column::<_, BigInt>(row, 2)?,
            money: None,
        }))
    }
}

/// `(SELECT id FROM risks WHERE ...)`: the risks that a request matches.
fn matching(parts: Parts, org: OrgId, query: &ListQuery) -> Parts {
    let from = Parts::default().sql("(SELECT risks.id FROM risks WHERE risks.org_id = ").id(org);
    parts.and(list::filter(from, query)).sql(")")
}

fn limit(parts: Parts, query: &ListQuery) -> Parts {
    parts.sql(" LIMIT ").bind(Scalar::Int(i64::try_from(query.limit).unwrap_or(i64::MAX)))
}

impl PgTx {
    async fn rows<T: Send + 'static>(&mut self, statement: Parts) -> StoreResult<Vec<T>>
    where
        Read<T>: FromSqlRow<Untyped, Pg>,
    {
        let rows: Vec<Read<T>> = Select(statement).load(self.connection()?).await.map_err(error::store)?;
        Ok(rows.into_iter().map(|Read(row)| row).collect())
    }
}

#[async_trait]
impl Overview for PgTx {
    async fn movers(&mut self, org: OrgId, query: &ListQuery, since: OffsetDateTime) -> StoreResult<Vec<Mover>> {
        let statement = Parts::default()
            .sql(
                "WITH moved AS (SELECT DISTINCT ON (resource_id) resource_id, occurred_at, \
                 coalesce(before ->> 'residual_score', before ->> 'inherent_score')::bigint AS score \
                 FROM journal WHERE action = 'risk.updated' AND org_id = ",
            )
            .id(org)
            .sql(" AND occurred_at >= ")
            .bind(Scalar::Time(since))
            .sql(
                " ORDER BY resource_id, sequence) \
                 SELECT r.id, r.title, r.category, moved.score, r.score, moved.occurred_at \
                 FROM moved JOIN risks r ON r.id = moved.resource_id WHERE r.score <> moved.score AND r.org_id = ",
            )
            .id(org)
            .sql(" AND r.id IN ");
        let statement = matching(statement, org, query).sql(" ORDER BY abs(r.score - moved.score) DESC, r.id");
        self.rows(limit(statement, query)).await
    }

    async fn overdue_treatments(
        &mut self,
        org: OrgId,
        query: &ListQuery,
        today: Date,
    ) -> StoreResult<Firsts<OverdueTreatment>> {
        let statement = Parts::default()
            .sql(
                "SELECT t.id, t.title, r.id, r.title, t.owner_id, t.status, t.due_date, count(*) OVER () \
                 FROM risk_treatments t JOIN risks r ON r.org_id = t.org_id AND r.id = t.risk_id \
                 WHERE t.status IN ('planned', 'in_progress') AND t.org_id = ",
            )
            .id(org)
            .sql(" AND t.due_date < ")
            .bind(Scalar::Date(today))
            .sql(" AND r.id IN ");
        let statement = matching(statement, org, query).sql(" ORDER BY t.due_date, t.id");
        let rows: Vec<(OverdueTreatment, i64)> = self.rows(limit(statement, query)).await?;
        let count = rows.as_slice().first().map_or(0, |(_, count)| *count);
        Ok(Firsts { count, items: rows.into_iter().map(|(treatment, _)| treatment).collect() })
    }

    async fn expected_losses(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Vec<Expected>> {
        let statement = Parts::default()
            .sql(
                "SELECT r.category, sum(latest.mean), count(*) \
                 FROM fair_analyses a JOIN risks r ON r.org_id = a.org_id AND r.id = a.risk_id \
                 CROSS JOIN LATERAL (SELECT mean FROM fair_runs WHERE org_id = a.org_id AND analysis_id = a.id \
                 AND status = 'completed' ORDER BY id DESC LIMIT 1) latest WHERE a.org_id = ",
            )
            .id(org)
            .sql(" AND r.id IN ");
        self.rows(matching(statement, org, query).sql(" GROUP BY r.category")).await
    }
}

//! The queues of webhooks on a table: `FOR UPDATE SKIP LOCKED`, leases, fencing tokens, as the job queue has them.

use async_trait::async_trait;
use diesel::{
    deserialize::{self, FromSqlRow},
    pg::Pg,
    row::Row,
    sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use grc_events::{
    Delivery, WebhookId,
    ports::{Place, Queues, Seen, Turn},
};
use grc_kernel::{Kind, OrgId, StoreError, StoreResult, Uuid, journal::Entry, list::Scalar, resource::Cell};
use time::OffsetDateTime;

use crate::{
    error,
    list::{Parts, Statement},
    resource::{Select, column},
    tx::PgTx,
};

struct Number(i64);

impl FromSqlRow<diesel::sql_types::Untyped, Pg> for Number {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(column::<i64, BigInt>(row, 0)?))
    }
}

struct Taken(Uuid, Uuid, i64);

impl FromSqlRow<diesel::sql_types::Untyped, Pg> for Taken {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(column::<Uuid, SqlUuid>(row, 0)?, column::<Uuid, SqlUuid>(row, 1)?, column::<i64, BigInt>(row, 2)?))
    }
}

struct Reached(i64, Option<OffsetDateTime>);

impl FromSqlRow<diesel::sql_types::Untyped, Pg> for Reached {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(column::<i64, BigInt>(row, 0)?, column::<Option<OffsetDateTime>, Nullable<Timestamptz>>(row, 1)?))
    }
}

struct Event(Uuid, i64, String);

impl FromSqlRow<diesel::sql_types::Untyped, Pg> for Event {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(column::<Uuid, SqlUuid>(row, 0)?, column::<i64, BigInt>(row, 1)?, column::<String, Text>(row, 2)?))
    }
}

/// ` WHERE org_id = $1 AND webhook_id = $2`, after a statement's beginning.
fn of(begun: Parts, org: OrgId, webhook: WebhookId) -> Parts {
    begun.sql(" WHERE org_id = ").id(org).sql(" AND webhook_id = ").id(webhook)
}

fn of_turn(begun: Parts, turn: &Turn) -> Parts {
    of(begun, turn.org, turn.webhook).sql(" AND fence = ").bind(Scalar::Int(turn.fence))
}

fn moment(at: Option<OffsetDateTime>) -> Cell {
    at.map_or(Cell::Null, Cell::Time)
}

fn whole(number: usize) -> Scalar {
    Scalar::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

impl PgTx {
    async fn run(&mut self, statement: Parts) -> StoreResult<usize> {
        Statement(statement).execute(self.connection()?).await.map_err(error::store)
    }

    async fn number(&mut self, statement: Parts) -> StoreResult<i64> {
        let rows: Vec<Number> = Select(statement).load(self.connection()?).await.map_err(error::store)?;
        Ok(rows.into_iter().next().map_or(0, |Number(number)| number))
    }
}

#[async_trait]
impl Queues for PgTx {
    async fn head(&mut self, org: OrgId) -> StoreResult<i64> {
        self.number(Parts::default().sql("SELECT sequence FROM journal_heads WHERE org_id = ").id(org)).await
    }

    async fn hold_head(&mut self, org: OrgId) -> StoreResult<i64> {
        let head = Parts::default().sql("SELECT sequence FROM journal_heads WHERE org_id = ").id(org);
        self.number(head.sql(" FOR UPDATE")).await
    }

    async fn open(&mut self, org: OrgId, webhook: WebhookId, position: i64, active: bool) -> StoreResult<()> {
        let opened = Parts::default()
            .sql("INSERT INTO webhook_queues (org_id, webhook_id, position, active) VALUES (")
            .id(org)
            .sql(", ")
            .id(webhook)
            .sql(", ")
            .bind(Scalar::Int(position))
            .sql(", ")
            .bind(Scalar::Bool(active))
            .sql(")");
        self.run(opened).await.map(|_| ())
    }

    async fn switch(&mut self, org: OrgId, webhook: WebhookId, active: bool) -> StoreResult<()> {
        let switched = Parts::default().sql("UPDATE webhook_queues SET rest_until = NULL, active = ");
        self.run(of(switched.bind(Scalar::Bool(active)), org, webhook)).await.map(|_| ())
    }

    async fn wake(&mut self, org: OrgId, webhook: WebhookId, at: OffsetDateTime) -> StoreResult<()> {
        // The least of a moment and null is the moment.
        let woken = Parts::default().sql("UPDATE webhook_queues SET rest_until = NULL, next_at = least(next_at, ");
        self.run(of(woken.bind(Scalar::Time(at)).sql(")"), org, webhook)).await.map(|_| ())
    }

    async fn forget(&mut self, org: OrgId, webhook: WebhookId) -> StoreResult<()> {
        // Whoever is at work on it is waited for; deliveries go with the webhook.
        self.run(of(Parts::default().sql("DELETE FROM webhook_queues"), org, webhook)).await.map(|_| ())
    }

    async fn claim(&mut self, now: OffsetDateTime, until: OffsetDateTime, most: usize) -> StoreResult<Vec<Turn>> {
        let now = || Scalar::Time(now);
        let claimed = Parts::default()
            .sql("UPDATE webhook_queues q SET fence = q.fence + 1, lease_until = ")
            .bind(Scalar::Time(until))
            .sql(", served_at = ")
            .bind(now())
            .sql(
                " FROM (SELECT w.org_id, w.webhook_id FROM webhook_queues w \
                 LEFT JOIN journal_heads h ON h.org_id = w.org_id \
                 WHERE w.active AND (w.lease_until IS NULL OR w.lease_until < ",
            )
            .bind(now())
            .sql(") AND (w.rest_until IS NULL OR w.rest_until <= ")
            .bind(now())
            .sql(") AND (w.next_at <= ")
            .bind(now())
            .sql(" OR h.sequence > w.position) ORDER BY w.served_at NULLS FIRST LIMIT ")
            .bind(whole(most))
            .sql(
                " FOR UPDATE OF w SKIP LOCKED) free WHERE q.org_id = free.org_id AND q.webhook_id = free.webhook_id \
                 RETURNING q.org_id, q.webhook_id, q.fence",
            );
        let taken: Vec<Taken> = Select(claimed).load(self.connection()?).await.map_err(error::store)?;
        let turn = |Taken(org, webhook, fence)| Turn { org: OrgId(org), webhook: WebhookId(webhook), fence };
        Ok(taken.into_iter().map(turn).collect())
    }

    async fn hold(&mut self, turn: &Turn, until: OffsetDateTime) -> StoreResult<Place> {
        let held = Parts::default().sql("UPDATE webhook_queues SET lease_until = ").bind(Scalar::Time(until));
        let held = of_turn(held, turn).sql(" RETURNING position, stamped_at");
        let rows: Vec<Reached> = Select(held).load(self.connection()?).await.map_err(error::store)?;
        let place = rows.into_iter().next().map(|Reached(position, stamped_at)| Place { position, stamped_at });
        place.ok_or(StoreError::Stale)
    }

    async fn events(&mut self, org: OrgId, after: i64, upto: i64, most: usize) -> StoreResult<Vec<Seen>> {
        let events = Parts::default()
            .sql("SELECT id, sequence, action FROM journal WHERE feed AND org_id = ")
            .id(org)
            .sql(" AND sequence > ")
            .bind(Scalar::Int(after))
            .sql(" AND sequence <= ")
            .bind(Scalar::Int(upto))
            .sql(" ORDER BY sequence LIMIT ")
            .bind(whole(most));
        let rows: Vec<Event> = Select(events).load(self.connection()?).await.map_err(error::store)?;
        Ok(rows.into_iter().map(|Event(id, sequence, action)| Seen { id, sequence, action }).collect())
    }

    async fn advance(&mut self, turn: &Turn, place: Place) -> StoreResult<()> {
        let advanced = Parts::default()
            .sql("UPDATE webhook_queues SET position = ")
            .bind(Scalar::Int(place.position))
            .sql(", stamped_at = ")
            .cell(Some(Kind::Time), moment(place.stamped_at))
            // Should this turn end without a word, the next one finds what it made.
            .sql(", next_at = coalesce(")
            .cell(Some(Kind::Time), moment(place.stamped_at))
            .sql(", next_at)");
        error::met(self.run(of_turn(advanced, turn)).await?)
    }

    async fn due(&mut self, org: OrgId, webhook: WebhookId, now: OffsetDateTime) -> StoreResult<Option<Delivery>> {
        let due = Parts::default()
            .sql(" AND webhook_id = ")
            .id(webhook)
            .sql(" AND next_attempt_at <= ")
            .bind(Scalar::Time(now))
            .sql(" ORDER BY next_attempt_at, sequence, id LIMIT 1");
        Ok(self.records::<Delivery>(org, due).await?.into_iter().next())
    }

    async fn event(&mut self, org: OrgId, sequence: i64) -> StoreResult<Option<Entry>> {
        self.journal_entry(org, sequence).await
    }

    async fn release(&mut self, turn: &Turn, rest_until: Option<OffsetDateTime>) -> StoreResult<()> {
        let next = Parts::default().sql("(SELECT min(next_attempt_at) FROM webhook_deliveries");
        let next = of(next, turn.org, turn.webhook).sql(" AND next_attempt_at IS NOT NULL)");
        let released = Parts::default()
            .sql("UPDATE webhook_queues SET lease_until = NULL, rest_until = ")
            .cell(Some(Kind::Time), moment(rest_until))
            .sql(", next_at = ")
            .and(next);
        error::met(self.run(of_turn(released, turn)).await?)
    }

    async fn expire(
        &mut self,
        org: OrgId,
        succeeded: OffsetDateTime,
        dead: OffsetDateTime,
        most: usize,
    ) -> StoreResult<usize> {
        // By webhook, as the index has them.
        let old = |status: &str, before| {
            Parts::default()
                .sql(
                    "SELECT d.id FROM webhook_queues q JOIN webhook_deliveries d ON d.org_id = q.org_id \
                      AND d.webhook_id = q.webhook_id WHERE q.org_id = ",
                )
                .id(org)
                .sql(format!(" AND d.status = '{status}' AND d.updated_at < "))
                .bind(Scalar::Time(before))
        };
        let expired = Parts::default()
            .sql("DELETE FROM webhook_deliveries WHERE org_id = ")
            .id(org)
            .sql(" AND id IN (SELECT id FROM (")
            .and(old("succeeded", succeeded))
            .sql(" UNION ALL ")
            .and(old("dead", dead))
            .sql(") old LIMIT ")
            .bind(whole(most))
            .sql(")");
        self.run(expired).await
    }
}

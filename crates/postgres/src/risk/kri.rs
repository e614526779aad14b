//! Readings of indicators: a whole batch in one statement.
//!
//! The batch travels as one document, so that its size changes neither the text of the statement nor the number of its
//! parameters, and the prepared statement serves them all.

use async_trait::async_trait;
use diesel::{
    deserialize::{self, FromSqlRow},
    pg::Pg,
    row::Row,
    sql_types::{BigInt, Double, Nullable, Timestamptz, Untyped, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use grc_kernel::{Ctx, Meta, StoreError, StoreResult, Uuid, list::Scalar, record::timestamp, resource::Cell};
use grc_risk::{EntryId, Indicators, Reading, kri::reading::Kept};
use serde_json::{Value, json};

use crate::{
    error,
    list::{Parts, Statement},
    resource::{Select, column},
    tx::PgTx,
};

/// A stored reading: its id and bookkeeping, and the value that it corrected.
struct Stored {
    id: Uuid,
    meta: Meta,
    former: Option<f64>,
}

impl FromSqlRow<Untyped, Pg> for Stored {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self {
            id: column::<_, SqlUuid>(row, 0)?,
            meta: Meta {
                created_at: column::<_, Timestamptz>(row, 1)?,
                updated_at: column::<_, Timestamptz>(row, 2)?,
                created_by: column::<_, SqlUuid>(row, 3)?,
                revision: column::<_, BigInt>(row, 4)?,
            },
            former: column::<_, Nullable<Double>>(row, 5)?,
        })
    }
}

const GIVEN: &str = "::jsonb) AS given (id uuid, value double precision, recorded_at timestamptz)), \
     former AS (SELECT r.recorded_at, r.value FROM kri_readings r JOIN given USING (recorded_at) WHERE r.org_id = ";

const CONFLICT: &str = " FROM given ON CONFLICT (org_id, kri_id, recorded_at) DO UPDATE SET value = EXCLUDED.value, \
     updated_at = CASE WHEN kri_readings.value = EXCLUDED.value THEN kri_readings.updated_at ELSE EXCLUDED.updated_at END, \
     revision = kri_readings.revision + CASE WHEN kri_readings.value = EXCLUDED.value THEN 0 ELSE 1 END \
     RETURNING id, created_at, updated_at, created_by, revision, recorded_at) \
     SELECT kept.id, kept.created_at, kept.updated_at, kept.created_by, kept.revision, former.value \
     FROM kept LEFT JOIN former USING (recorded_at) ORDER BY recorded_at";

#[async_trait]
impl Indicators for PgTx {
    async fn keep_readings(&mut self, readings: &[Reading]) -> StoreResult<Vec<Kept>> {
        let Some(first) = readings.first() else { return Ok(Vec::new()) };
        let given: Value = readings
            .iter()
            .map(|r| json!({"id": r.id.to_string(), "value": r.value, "recorded_at": timestamp(r.recorded_at)}))
            .collect();
        let statement = Parts::default()
            .sql("WITH given AS (SELECT * FROM jsonb_to_recordset(")
            .cell(None, Cell::Json(given))
            .sql(GIVEN)
            .id(first.org)
            .sql(" AND r.kri_id = ")
            .id(first.kri_id)
            .sql(
                "), kept AS (INSERT INTO kri_readings \
                 (org_id, kri_id, id, value, recorded_at, created_at, updated_at, created_by, revision) SELECT ",
            )
            .id(first.org)
            .sql(", ")
            .id(first.kri_id)
            .sql(", id, value, recorded_at, ")
            .bind(Scalar::Time(first.meta.created_at))
            .sql(", ")
            .bind(Scalar::Time(first.meta.updated_at))
            .sql(", ")
            .id(first.meta.created_by)
            .sql(", 1")
            .sql(CONFLICT);
        let stored: Vec<Stored> = Select(statement).load(self.connection()?).await.map_err(error::store)?;
        if stored.len() != readings.len() {
            return Err(StoreError::internal("not every reading was stored"));
        }
        let kept = readings.iter().zip(stored).map(|(reading, stored)| Kept {
            reading: Reading { id: stored.id.into(), meta: stored.meta, ..reading.clone() },
            replaced: stored.former,
        });
        Ok(kept.collect())
    }

    async fn forget_risk(&mut self, ctx: &Ctx, risk: EntryId) -> StoreResult<()> {
        let statement = Parts::default()
            .sql("UPDATE kris SET risk_ids = array_remove(risk_ids, ")
            .id(risk)
            .sql("), revision = revision + 1, updated_at = ")
            .bind(Scalar::Time(ctx.now))
            .sql(" WHERE org_id = ")
            .id(ctx.org)
            .sql(" AND risk_ids @> ARRAY[")
            .id(risk)
            .sql("]");
        Statement(statement).execute(self.connection()?).await.map_err(error::store)?;
        Ok(())
    }
}

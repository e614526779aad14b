//! What the risk domain needs beyond what every resource has: statements over many records.

mod fair;
mod kri;
mod overview;

use async_trait::async_trait;
use diesel_async::RunQueryDsl;
use grc_kernel::{Ctx, StoreResult, list::Scalar};
use grc_risk::{Appetite, Matrix, Register};

use crate::{
    error,
    list::{Parts, Statement},
    tx::PgTx,
};

/// The level of a likelihood and an impact in a grid, which is the statement's `given`.
fn cell(likelihood: &str, impact: &str) -> String {
    format!("(given.document #>> ARRAY[({likelihood} - 1)::text, ({impact} - 1)::text])")
}

impl PgTx {
    /// Sets columns of every entry of the organization where they come out different.
    async fn recompute(&mut self, ctx: &Ctx, document: String, columns: [(&str, String); 2]) -> StoreResult<i64> {
        let [(one, one_value), (other, other_value)] = columns;
        let statement = Parts::default()
            .sql(format!(
                "UPDATE risks SET {one} = {one_value}, {other} = {other_value}, revision = revision + 1, updated_at = "
            ))
            .bind(Scalar::Time(ctx.now))
            .sql(" FROM (SELECT ")
            .bind(Scalar::Text(document))
            .sql("::jsonb AS document) given WHERE risks.org_id = ")
            .id(ctx.org)
            .sql(format!(" AND ({one} IS DISTINCT FROM {one_value} OR {other} IS DISTINCT FROM {other_value})"));
        let rows = Statement(statement).execute(self.connection()?).await.map_err(error::store)?;
        Ok(i64::try_from(rows).unwrap_or(i64::MAX))
    }
}

#[async_trait]
impl Register for PgTx {
    async fn relevel(&mut self, ctx: &Ctx, matrix: &Matrix) -> StoreResult<i64> {
        let inherent = format!("coalesce({}, '')", cell("likelihood", "impact"));
        let residual = cell("residual_likelihood", "residual_impact");
        let columns = [("inherent_level", inherent), ("residual_level", residual)];
        self.recompute(ctx, matrix.grid.to_string(), columns).await
    }

    async fn reweigh(&mut self, ctx: &Ctx, appetite: &Appetite) -> StoreResult<i64> {
        let document = serde_json::Value::Object(appetite.categories.clone()).to_string();
        let above =
            |bound: &str| format!("coalesce(score > (given.document #>> ARRAY[category, '{bound}'])::bigint, false)");
        let columns = [("above_appetite", above("appetite")), ("above_tolerance", above("tolerance"))];
        self.recompute(ctx, document, columns).await
    }
}

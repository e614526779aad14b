//! Runs of analyses: the latest of each in one statement, and how far a running one is.

use async_trait::async_trait;
use diesel_async::RunQueryDsl;
use grc_kernel::{Kind, OrgId, Resource, StoreResult, list::Scalar};
use grc_risk::{
    AnalysisId, Simulations,
    fair::{Run, RunId},
};

use crate::{
    error,
    list::{Parts, Statement},
    resource::{Loaded, Select, selection},
    tx::PgTx,
};

#[async_trait]
impl Simulations for PgTx {
    async fn latest_runs(&mut self, org: OrgId, analyses: &[AnalysisId]) -> StoreResult<Vec<Run>> {
        let ids = analyses.iter().map(|id| Scalar::Id(id.0)).collect();
        let statement = Parts::default()
            .sql(format!("SELECT {} FROM unnest(", selection::<Run>()))
            .array(Kind::Ids, ids)
            .sql(format!(") AS wanted (id) CROSS JOIN LATERAL (SELECT * FROM {} WHERE org_id = ", Run::TABLE))
            .id(org)
            // Ids rise with the time, and the index of an analysis's runs ends with them.
            .sql(format!(
                " AND analysis_id = wanted.id AND status = 'completed' ORDER BY id DESC LIMIT 1) AS {}",
                Run::TABLE
            ));
        let rows: Vec<Loaded<Run>> = Select(statement).load(self.connection()?).await.map_err(error::store)?;
        Ok(rows.into_iter().map(|Loaded(run)| run).collect())
    }

    async fn advance_run(&mut self, org: OrgId, run: RunId, percent: i64) -> StoreResult<()> {
        let statement = Parts::default()
            .sql("UPDATE fair_runs SET status = 'running', progress = ")
            .bind(Scalar::Int(percent))
            .sql(" WHERE org_id = ")
            .id(org)
            .sql(" AND id = ")
            .id(run)
            .sql(" AND status IN ('queued', 'running')");
        Statement(statement).execute(self.connection()?).await.map_err(error::store)?;
        Ok(())
    }
}

//! The files of reports.

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use grc_assessments::Assessment;
use grc_kernel::{AssessmentId, OrgId, Repo, ReportId, StoreResult, list::Scalar};
use grc_reports::ports::Outputs;

use crate::{
    error,
    list::{Parts, Statement},
    schema::report_outputs,
    tx::PgTx,
};

#[async_trait]
impl Outputs for PgTx {
    async fn put_output(&mut self, org: OrgId, id: ReportId, bytes: &[u8]) -> StoreResult<()> {
        diesel::insert_into(report_outputs::table)
            .values((
                report_outputs::org_id.eq(org.0),
                report_outputs::report_id.eq(id.0),
                report_outputs::bytes.eq(bytes),
            ))
            .on_conflict((report_outputs::org_id, report_outputs::report_id))
            .do_update()
            .set(report_outputs::bytes.eq(bytes))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn output(&mut self, org: OrgId, id: ReportId) -> StoreResult<Option<Vec<u8>>> {
        report_outputs::table
            .filter(report_outputs::org_id.eq(org.0))
            .filter(report_outputs::report_id.eq(id.0))
            .select(report_outputs::bytes)
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)
    }

    async fn note_progress(&mut self, org: OrgId, id: ReportId, percent: i64) -> StoreResult<()> {
        let statement = Parts::default()
            .sql("UPDATE reports SET status = 'running', progress = ")
            .bind(Scalar::Int(percent))
            .sql(" WHERE org_id = ")
            .id(org)
            .sql(" AND id = ")
            .id(id)
            .sql(" AND status IN ('queued', 'running')");
        Statement(statement).execute(self.connection()?).await.map_err(error::store)?;
        Ok(())
    }

    async fn assessment_name(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<String>> {
        Ok(Repo::<Assessment>::find(self, org, id).await?.map(|assessment| assessment.name))
    }
}

//! Whether ids that a client gave name something of the organization. Row-level security answers for the
//! tenant; the organization is compared all the same.

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use grc_assessments::ports::{FrameworkRepo, References};
use grc_evidence::ports::EvidenceReferences;
use grc_kernel::{AssessmentId, EvidenceId, FindingId, OrgId, StoreResult, UserId};
use grc_reports::ports::ReportReferences;
use uuid::Uuid;

use crate::{
    error,
    schema::{assessments, evidence, findings, memberships},
    tx::PgTx,
};

#[async_trait]
impl References for PgTx {
    async fn is_member(&mut self, org: OrgId, user: UserId) -> StoreResult<bool> {
        let one: Option<Uuid> = memberships::table
            .filter(memberships::org_id.eq(org.0))
            .filter(memberships::user_id.eq(user.0))
            .filter(memberships::status.eq("active"))
            .select(memberships::id)
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        Ok(one.is_some())
    }

    async fn missing_evidence(&mut self, org: OrgId, ids: &[EvidenceId]) -> StoreResult<Vec<EvidenceId>> {
        let found: Vec<Uuid> = evidence::table
            .filter(evidence::org_id.eq(org.0))
            .filter(evidence::id.eq_any(ids.iter().map(|id| id.0).collect::<Vec<_>>()))
            .filter(evidence::status.ne("deleted"))
            .select(evidence::id)
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(ids.iter().copied().filter(|id| !found.contains(&id.0)).collect())
    }
}

#[async_trait]
impl EvidenceReferences for PgTx {
    async fn finding_exists(&mut self, org: OrgId, id: FindingId) -> StoreResult<bool> {
        let one: Option<Uuid> = findings::table
            .filter(findings::org_id.eq(org.0))
            .filter(findings::id.eq(id.0))
            .select(findings::id)
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        Ok(one.is_some())
    }

    async fn assessment_exists(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<bool> {
        Ok(self.assessment_name(org, id).await?.is_some())
    }

    async fn unknown_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        self.unknown_names(org, names).await
    }
}

#[async_trait]
impl ReportReferences for PgTx {
    async fn assessment_name(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<String>> {
        assessments::table
            .filter(assessments::org_id.eq(org.0))
            .filter(assessments::id.eq(id.0))
            .select(assessments::name)
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)
    }
}

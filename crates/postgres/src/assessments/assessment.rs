//! Assessments and their scope.

use async_trait::async_trait;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use grc_assessments::{Assessment, AssessmentStatus, ScopeItem, assessment::EvaluatorKind, ports::AssessmentRepo};
use grc_kernel::{AssessmentId, FrameworkId, ListQuery, Meta, OrgId, Page, StoreError, StoreResult};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::{assessment_scope, assessments},
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = assessments, primary_key(org_id, id), treat_none_as_null = true)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    framework_id: Uuid,
    framework_key: String,
    name: String,
    scope: Option<String>,
    baseline: Option<String>,
    control_refs: Vec<String>,
    carry_forward_from: Option<Uuid>,
    evaluator: String,
    due_date: Option<Date>,
    status: String,
    controls_total: i32,
    controls_evaluated: i32,
    current_control: Option<String>,
    started_at: Option<OffsetDateTime>,
    completed_at: Option<OffsetDateTime>,
    error: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Assessment> for Row {
    fn from(a: &Assessment) -> Self {
        Self {
            id: a.id.0,
            org_id: a.org.0,
            framework_id: a.framework_id.0,
            framework_key: a.framework_key.clone(),
            name: a.name.clone(),
            scope: a.scope.clone(),
            baseline: a.baseline.clone(),
            control_refs: a.control_refs.clone(),
            carry_forward_from: a.carry_forward_from.map(|id| id.0),
            evaluator: a.evaluator.as_str().to_owned(),
            due_date: a.due_date,
            status: a.status.as_str().to_owned(),
            controls_total: a.controls_total,
            controls_evaluated: a.controls_evaluated,
            current_control: a.current_control.clone(),
            started_at: a.started_at,
            completed_at: a.completed_at,
            error: a.error.clone(),
            created_at: a.meta.created_at,
            updated_at: a.meta.updated_at,
            created_by: a.meta.created_by,
            revision: a.meta.revision,
        }
    }
}

impl TryFrom<Row> for Assessment {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        Ok(Self {
            id: AssessmentId(r.id),
            org: OrgId(r.org_id),
            framework_id: FrameworkId(r.framework_id),
            framework_key: r.framework_key,
            name: r.name,
            scope: r.scope,
            baseline: r.baseline,
            control_refs: r.control_refs,
            carry_forward_from: r.carry_forward_from.map(AssessmentId),
            evaluator: EvaluatorKind::parse(&r.evaluator)
                .ok_or_else(|| error::corrupt("assessments", "evaluator", &r.evaluator))?,
            due_date: r.due_date,
            status: AssessmentStatus::parse(&r.status)
                .ok_or_else(|| error::corrupt("assessments", "status", &r.status))?,
            controls_total: r.controls_total,
            controls_evaluated: r.controls_evaluated,
            current_control: r.current_control,
            started_at: r.started_at,
            completed_at: r.completed_at,
            error: r.error,
            meta: Meta {
                created_at: r.created_at,
                updated_at: r.updated_at,
                created_by: r.created_by,
                revision: r.revision,
            },
        })
    }
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = assessment_scope)]
struct ScopeRow {
    org_id: Uuid,
    assessment_id: Uuid,
    ordinal: i32,
    control_ref: String,
    evaluated: bool,
}

#[async_trait]
impl AssessmentRepo for PgTx {
    async fn find(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<Assessment>> {
        let row: Option<Row> = assessments::table
            .filter(assessments::org_id.eq(org.0))
            .filter(assessments::id.eq(id.0))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn lock(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<Assessment>> {
        let row: Option<Row> = assessments::table
            .filter(assessments::org_id.eq(org.0))
            .filter(assessments::id.eq(id.0))
            .select(Row::as_select())
            .for_update()
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Assessment>> {
        let from = Parts::default().sql("FROM assessments WHERE org_id = ").id(org);
        list::page::<Row, Assessment>(self.connection()?, from, "id", query).await
    }

    async fn insert(&mut self, assessment: &Assessment) -> StoreResult<()> {
        diesel::insert_into(assessments::table)
            .values(Row::from(assessment))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn update(&mut self, assessment: &Assessment, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(assessments::table)
            .filter(assessments::org_id.eq(assessment.org.0))
            .filter(assessments::id.eq(assessment.id.0))
            .filter(assessments::revision.eq(seen))
            .set(Row::from(assessment))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn delete(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<()> {
        diesel::delete(assessments::table)
            .filter(assessments::org_id.eq(org.0))
            .filter(assessments::id.eq(id.0))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn count_running(&mut self, org: OrgId) -> StoreResult<i64> {
        // Two executions at the same moment must not both see room for one.
        let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('executions:{}', 0))", org.0);
        let connection = self.connection()?;
        connection.batch_execute(&lock).await.map_err(error::store)?;
        assessments::table
            .filter(assessments::org_id.eq(org.0))
            .filter(assessments::status.eq(AssessmentStatus::InProgress.as_str()))
            .count()
            .get_result(connection)
            .await
            .map_err(error::store)
    }

    async fn set_scope(&mut self, org: OrgId, id: AssessmentId, scope: &[ScopeItem]) -> StoreResult<()> {
        for chunk in scope.chunks(5_000) {
            let rows: Vec<ScopeRow> = chunk
                .iter()
                .map(|item| ScopeRow {
                    org_id: org.0,
                    assessment_id: id.0,
                    ordinal: item.ordinal,
                    control_ref: item.control_ref.clone(),
                    evaluated: item.evaluated,
                })
                .collect();
            diesel::insert_into(assessment_scope::table)
                .values(rows)
                .execute(self.connection()?)
                .await
                .map_err(error::store)?;
        }
        Ok(())
    }

    async fn next_scope(&mut self, org: OrgId, id: AssessmentId, limit: usize) -> StoreResult<Vec<ScopeItem>> {
        let rows: Vec<ScopeRow> = assessment_scope::table
            .filter(assessment_scope::org_id.eq(org.0))
            .filter(assessment_scope::assessment_id.eq(id.0))
            .filter(assessment_scope::evaluated.eq(false))
            .order(assessment_scope::ordinal)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(ScopeRow::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let item =
            |row: ScopeRow| ScopeItem { ordinal: row.ordinal, control_ref: row.control_ref, evaluated: row.evaluated };
        Ok(rows.into_iter().map(item).collect())
    }

    async fn mark_evaluated(&mut self, org: OrgId, id: AssessmentId, ordinals: &[i32]) -> StoreResult<()> {
        diesel::update(assessment_scope::table)
            .filter(assessment_scope::org_id.eq(org.0))
            .filter(assessment_scope::assessment_id.eq(id.0))
            .filter(assessment_scope::ordinal.eq_any(ordinals.to_vec()))
            .set(assessment_scope::evaluated.eq(true))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

//! Findings.

use async_trait::async_trait;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable,
    SelectableHelper,
    sql_types::{BigInt, Bool},
};
use diesel_async::RunQueryDsl;
use grc_assessments::{
    Finding,
    finding::{Citation, EvaluatedBy, Lifecycle, Severity, Tally, Verdict},
    ports::FindingRepo,
};
use grc_kernel::{AssessmentId, FindingId, ListQuery, Meta, OrgId, Page, StoreError, StoreResult, UserId};
use serde_json::Value;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts, Statement},
    schema::findings,
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = findings, primary_key(org_id, id), treat_none_as_null = true)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    assessment_id: Uuid,
    framework_key: String,
    control_ref: String,
    control_title: String,
    family: String,
    family_title: String,
    status: String,
    severity: String,
    lifecycle: String,
    rationale: String,
    citations: Value,
    confidence: f64,
    needs_review: bool,
    remediation_notes: Option<String>,
    owner_id: Option<Uuid>,
    due_date: Option<Date>,
    evaluated_by: String,
    evidence_digest: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Finding> for Row {
    fn from(f: &Finding) -> Self {
        Self {
            id: f.id.0,
            org_id: f.org.0,
            assessment_id: f.assessment_id.0,
            framework_key: f.framework_key.clone(),
            control_ref: f.control_ref.clone(),
            control_title: f.control_title.clone(),
            family: f.family.clone(),
            family_title: f.family_title.clone(),
            status: f.status.as_str().to_owned(),
            severity: f.severity.as_str().to_owned(),
            lifecycle: f.lifecycle.as_str().to_owned(),
            rationale: f.rationale.clone(),
            citations: f.citations.iter().map(Citation::to_value).collect(),
            confidence: f.confidence,
            needs_review: f.needs_review,
            remediation_notes: f.remediation_notes.clone(),
            owner_id: f.owner_id.map(|id| id.0),
            due_date: f.due_date,
            evaluated_by: f.evaluated_by.as_str().to_owned(),
            evidence_digest: f.evidence_digest.clone(),
            created_at: f.meta.created_at,
            updated_at: f.meta.updated_at,
            created_by: f.meta.created_by,
            revision: f.meta.revision,
        }
    }
}

fn verdict(word: &str) -> StoreResult<Verdict> {
    Verdict::parse(word).ok_or_else(|| error::corrupt("findings", "status", word))
}

fn severity(word: &str) -> StoreResult<Severity> {
    Severity::parse(word).ok_or_else(|| error::corrupt("findings", "severity", word))
}

fn lifecycle(word: &str) -> StoreResult<Lifecycle> {
    Lifecycle::parse(word).ok_or_else(|| error::corrupt("findings", "lifecycle", word))
}

impl TryFrom<Row> for Finding {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        let citations = r.citations.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Self {
            id: FindingId(r.id),
            org: OrgId(r.org_id),
            assessment_id: AssessmentId(r.assessment_id),
            framework_key: r.framework_key,
            control_ref: r.control_ref,
            control_title: r.control_title,
            family: r.family,
            family_title: r.family_title,
            status: verdict(&r.status)?,
            severity: severity(&r.severity)?,
            lifecycle: lifecycle(&r.lifecycle)?,
            rationale: r.rationale,
            citations: citations.iter().filter_map(Citation::from_value).collect(),
            confidence: r.confidence,
            needs_review: r.needs_review,
            remediation_notes: r.remediation_notes,
            owner_id: r.owner_id.map(UserId),
            due_date: r.due_date,
            evaluated_by: EvaluatedBy::parse(&r.evaluated_by)
                .ok_or_else(|| error::corrupt("findings", "evaluated_by", &r.evaluated_by))?,
            evidence_digest: r.evidence_digest,
            meta: Meta {
                created_at: r.created_at,
                updated_at: r.updated_at,
                created_by: r.created_by,
                revision: r.revision,
            },
        })
    }
}

#[derive(QueryableByName)]
#[diesel(table_name = findings)]
struct Group {
    family: String,
    family_title: String,
    status: String,
    severity: String,
    lifecycle: String,
    #[diesel(sql_type = Bool)]
    cited: bool,
    needs_review: bool,
    #[diesel(sql_type = Bool)]
    unassigned: bool,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[async_trait]
impl FindingRepo for PgTx {
    async fn find(&mut self, org: OrgId, id: FindingId) -> StoreResult<Option<Finding>> {
        let row: Option<Row> = findings::table
            .filter(findings::org_id.eq(org.0))
            .filter(findings::id.eq(id.0))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn of_controls(&mut self, org: OrgId, id: AssessmentId, refs: &[String]) -> StoreResult<Vec<Finding>> {
        let rows: Vec<Row> = findings::table
            .filter(findings::org_id.eq(org.0))
            .filter(findings::assessment_id.eq(id.0))
            .filter(findings::control_ref.eq_any(refs.to_vec()))
            .select(Row::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Finding>> {
        let from = Parts::default().sql("FROM findings WHERE org_id = ").id(org);
        list::page::<Row, Finding>(self.connection()?, from, "id", query).await
    }

    async fn insert_new(&mut self, new: &[Finding]) -> StoreResult<usize> {
        let mut inserted = 0;
        for chunk in new.chunks(1_000) {
            let rows: Vec<Row> = chunk.iter().map(Row::from).collect();
            inserted += diesel::insert_into(findings::table)
                .values(rows)
                .on_conflict((findings::org_id, findings::assessment_id, findings::control_ref))
                .do_nothing()
                .execute(self.connection()?)
                .await
                .map_err(error::store)?;
        }
        Ok(inserted)
    }

    async fn update(&mut self, finding: &Finding, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(findings::table)
            .filter(findings::org_id.eq(finding.org.0))
            .filter(findings::id.eq(finding.id.0))
            .filter(findings::revision.eq(seen))
            .set(Row::from(finding))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn tally(&mut self, org: OrgId, assessment: Option<AssessmentId>) -> StoreResult<Vec<Tally>> {
        let mut statement = Parts::default()
            .sql(
                "SELECT family, family_title, status, severity, lifecycle, jsonb_array_length(citations) > 0 AS cited, \
                 needs_review, owner_id IS NULL AS unassigned, count(*) AS count FROM findings WHERE org_id = ",
            )
            .id(org);
        if let Some(id) = assessment {
            statement = statement.sql(" AND assessment_id = ").id(id);
        }
        let rows: Vec<Group> = Statement(statement.sql(" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter()
            .map(|group| {
                Ok(Tally {
                    status: verdict(&group.status)?,
                    severity: severity(&group.severity)?,
                    lifecycle: lifecycle(&group.lifecycle)?,
                    family: group.family,
                    family_title: group.family_title,
                    cited: group.cited,
                    needs_review: group.needs_review,
                    unassigned: group.unassigned,
                    count: group.count,
                })
            })
            .collect()
    }
}

//! Reports and their files.

use async_trait::async_trait;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use grc_kernel::{AssessmentId, ListQuery, Meta, OrgId, Page, ReportId, StoreError, StoreResult};
use grc_reports::{
    Format, Report, ReportStatus, ReportType, ReportsTx,
    ports::{ReportReferences, ReportRepo},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::{report_outputs, reports},
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = reports, primary_key(org_id, id), treat_none_as_null = true)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    kind: String,
    format: String,
    assessment_id: Option<Uuid>,
    title: String,
    status: String,
    progress: i32,
    error: Option<String>,
    snapshot_digest: Option<String>,
    sha256: Option<String>,
    size: Option<i64>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Report> for Row {
    fn from(r: &Report) -> Self {
        Self {
            id: r.id.0,
            org_id: r.org.0,
            kind: r.kind.as_str().to_owned(),
            format: r.format.as_str().to_owned(),
            assessment_id: r.assessment_id.map(|id| id.0),
            title: r.title.clone(),
            status: r.status.as_str().to_owned(),
            progress: r.progress,
            error: r.error.clone(),
            snapshot_digest: r.snapshot_digest.clone(),
            sha256: r.sha256.clone(),
            size: r.size,
            created_at: r.meta.created_at,
            updated_at: r.meta.updated_at,
            created_by: r.meta.created_by,
            revision: r.meta.revision,
        }
    }
}

impl TryFrom<Row> for Report {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        let corrupt = |column: &'static str, value: &str| error::corrupt("reports", column, value);
        Ok(Self {
            id: ReportId(r.id),
            org: OrgId(r.org_id),
            kind: ReportType::parse(&r.kind).ok_or_else(|| corrupt("kind", &r.kind))?,
            format: Format::parse(&r.format).ok_or_else(|| corrupt("format", &r.format))?,
            assessment_id: r.assessment_id.map(AssessmentId),
            title: r.title,
            status: ReportStatus::parse(&r.status).ok_or_else(|| corrupt("status", &r.status))?,
            progress: r.progress,
            error: r.error,
            snapshot_digest: r.snapshot_digest,
            sha256: r.sha256,
            size: r.size,
            meta: Meta {
                created_at: r.created_at,
                updated_at: r.updated_at,
                created_by: r.created_by,
                revision: r.revision,
            },
        })
    }
}

#[async_trait]
impl ReportRepo for PgTx {
    async fn find(&mut self, org: OrgId, id: ReportId) -> StoreResult<Option<Report>> {
        let row: Option<Row> = reports::table
            .filter(reports::org_id.eq(org.0))
            .filter(reports::id.eq(id.0))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Report>> {
        let from = Parts::default().sql("FROM reports WHERE org_id = ").id(org);
        list::page::<Row, Report>(self.connection()?, from, "id", query).await
    }

    async fn insert(&mut self, report: &Report) -> StoreResult<()> {
        diesel::insert_into(reports::table)
            .values(Row::from(report))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn update(&mut self, report: &Report, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(reports::table)
            .filter(reports::org_id.eq(report.org.0))
            .filter(reports::id.eq(report.id.0))
            .filter(reports::revision.eq(seen))
            .set(Row::from(report))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn delete(&mut self, org: OrgId, id: ReportId) -> StoreResult<()> {
        diesel::delete(reports::table)
            .filter(reports::org_id.eq(org.0))
            .filter(reports::id.eq(id.0))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

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
}

impl ReportsTx for PgTx {
    fn report_repo(&mut self) -> &mut dyn ReportRepo {
        self
    }
    fn report_references(&mut self) -> &mut dyn ReportReferences {
        self
    }
}

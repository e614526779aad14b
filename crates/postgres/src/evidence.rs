//! Evidence, its texts, and the custody record.

use async_trait::async_trait;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods,
    OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use grc_evidence::{
    CustodyEvent, Evidence, EvidenceStatus, EvidenceTx, Review, Source,
    model::Touch,
    ports::{EvidenceReferences, EvidenceRepo},
};
use grc_kernel::{
    AssessmentId, EvidenceId, FindingId, Kind, ListQuery, Meta, OrgId, Page, StoreError, StoreResult, list::Scalar,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts, Rows},
    schema::{custody, evidence, evidence_texts},
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = evidence, primary_key(org_id, id), treat_none_as_null = true)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    filename: String,
    content_type: String,
    size: Option<i64>,
    sha256: Option<String>,
    finding_id: Option<Uuid>,
    assessment_id: Option<Uuid>,
    control_refs: Vec<String>,
    collected_at: OffsetDateTime,
    valid_until: Option<OffsetDateTime>,
    retention_until: Option<OffsetDateTime>,
    source: String,
    status: String,
    status_reason: Option<String>,
    review: String,
    review_note: Option<String>,
    object_key: String,
    version_of: Option<Uuid>,
    legal_hold: bool,
    hold_reason: Option<String>,
    text_length: Option<i32>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Evidence> for Row {
    fn from(e: &Evidence) -> Self {
        Self {
            id: e.id.0,
            org_id: e.org.0,
            filename: e.filename.clone(),
            content_type: e.content_type.clone(),
            size: e.size,
            sha256: e.sha256.clone(),
            finding_id: e.finding_id.map(|id| id.0),
            assessment_id: e.assessment_id.map(|id| id.0),
            control_refs: e.control_refs.clone(),
            collected_at: e.collected_at,
            valid_until: e.valid_until,
            retention_until: e.retention_until,
            source: e.source.as_str().to_owned(),
            status: e.status.as_str().to_owned(),
            status_reason: e.status_reason.clone(),
            review: e.review.as_str().to_owned(),
            review_note: e.review_note.clone(),
            object_key: e.object_key.clone(),
            version_of: e.version_of.map(|id| id.0),
            legal_hold: e.legal_hold,
            hold_reason: e.hold_reason.clone(),
            text_length: e.text_length,
            created_at: e.meta.created_at,
            updated_at: e.meta.updated_at,
            created_by: e.meta.created_by,
            revision: e.meta.revision,
        }
    }
}

impl TryFrom<Row> for Evidence {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        let corrupt = |column: &'static str, value: &str| error::corrupt("evidence", column, value);
        Ok(Self {
            id: EvidenceId(r.id),
            org: OrgId(r.org_id),
            filename: r.filename,
            content_type: r.content_type,
            size: r.size,
            sha256: r.sha256,
            finding_id: r.finding_id.map(FindingId),
            assessment_id: r.assessment_id.map(AssessmentId),
            control_refs: r.control_refs,
            collected_at: r.collected_at,
            valid_until: r.valid_until,
            retention_until: r.retention_until,
            source: Source::parse(&r.source).ok_or_else(|| corrupt("source", &r.source))?,
            status: EvidenceStatus::parse(&r.status).ok_or_else(|| corrupt("status", &r.status))?,
            status_reason: r.status_reason,
            review: Review::parse(&r.review).ok_or_else(|| corrupt("review", &r.review))?,
            review_note: r.review_note,
            object_key: r.object_key,
            version_of: r.version_of.map(EvidenceId),
            legal_hold: r.legal_hold,
            hold_reason: r.hold_reason,
            text_length: r.text_length,
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
#[diesel(table_name = custody)]
struct CustodyRow {
    id: Uuid,
    org_id: Uuid,
    evidence_id: Uuid,
    at: OffsetDateTime,
    actor_id: Uuid,
    actor: String,
    event: String,
    reason: Option<String>,
    sha256: Option<String>,
}

impl TryFrom<CustodyRow> for CustodyEvent {
    type Error = StoreError;

    fn try_from(r: CustodyRow) -> StoreResult<Self> {
        Ok(Self {
            id: r.id,
            org: OrgId(r.org_id),
            evidence: EvidenceId(r.evidence_id),
            at: r.at,
            actor_id: r.actor_id,
            actor: r.actor,
            event: Touch::parse(&r.event).ok_or_else(|| error::corrupt("custody", "event", &r.event))?,
            reason: r.reason,
            sha256: r.sha256,
        })
    }
}

#[async_trait]
impl EvidenceRepo for PgTx {
    async fn find(&mut self, org: OrgId, id: EvidenceId) -> StoreResult<Option<Evidence>> {
        let row: Option<Row> = evidence::table
            .filter(evidence::org_id.eq(org.0))
            .filter(evidence::id.eq(id.0))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn find_many(&mut self, org: OrgId, ids: &[EvidenceId]) -> StoreResult<Vec<Evidence>> {
        let rows: Vec<Row> = evidence::table
            .filter(evidence::org_id.eq(org.0))
            .filter(evidence::id.eq_any(ids.iter().map(|id| id.0)))
            .select(Row::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn find_by_key(&mut self, org: OrgId, key: &str) -> StoreResult<Option<Evidence>> {
        let row: Option<Row> = evidence::table
            .filter(evidence::org_id.eq(org.0))
            .filter(evidence::object_key.eq(key))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Evidence>> {
        let from = Parts::default().sql("FROM evidence WHERE status <> 'deleted' AND org_id = ").id(org);
        list::page::<Row, Evidence>(self.connection()?, from, "id", query).await
    }

    async fn insert(&mut self, item: &Evidence) -> StoreResult<()> {
        diesel::insert_into(evidence::table)
            .values(Row::from(item))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn update(&mut self, item: &Evidence, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(evidence::table)
            .filter(evidence::org_id.eq(item.org.0))
            .filter(evidence::id.eq(item.id.0))
            .filter(evidence::revision.eq(seen))
            .set(Row::from(item))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn set_text(&mut self, org: OrgId, id: EvidenceId, text: &str) -> StoreResult<()> {
        diesel::insert_into(evidence_texts::table)
            .values((
                evidence_texts::org_id.eq(org.0),
                evidence_texts::evidence_id.eq(id.0),
                evidence_texts::text.eq(text),
            ))
            .on_conflict((evidence_texts::org_id, evidence_texts::evidence_id))
            .do_update()
            .set(evidence_texts::text.eq(text))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn text(&mut self, org: OrgId, id: EvidenceId) -> StoreResult<Option<String>> {
        evidence_texts::table
            .filter(evidence_texts::org_id.eq(org.0))
            .filter(evidence_texts::evidence_id.eq(id.0))
            .select(evidence_texts::text)
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)
    }

    async fn with_texts(
        &mut self,
        org: OrgId,
        names: &[String],
        ids: &[EvidenceId],
    ) -> StoreResult<Vec<(Evidence, Option<String>)>> {
        // Two conditions, each answered by an index, rather than one that is answered by none.
        let names = names.iter().map(|name| Scalar::Text(name.clone())).collect();
        let ids = ids.iter().map(|id| Scalar::Id(id.0)).collect();
        let wanted = Parts::default()
            .sql("FROM evidence WHERE status = 'stored' AND org_id = ")
            .id(org)
            .sql(" AND id IN (SELECT e.id FROM evidence e WHERE e.org_id = ")
            .id(org)
            .sql(" AND e.control_refs && ")
            .array(Kind::Texts, names)
            .sql(" UNION SELECT e.id FROM evidence e WHERE e.org_id = ")
            .id(org)
            .sql(" AND e.id = ANY (")
            .array(Kind::Ids, ids)
            .sql("))");
        let rows: Vec<Row> = Rows::<Row>::from(wanted).load(self.connection()?).await.map_err(error::store)?;
        let found: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let texts: Vec<(Uuid, Option<String>)> = evidence::table
            .left_join(
                evidence_texts::table
                    .on(evidence_texts::org_id.eq(evidence::org_id).and(evidence_texts::evidence_id.eq(evidence::id))),
            )
            .filter(evidence::org_id.eq(org.0))
            .filter(evidence::id.eq_any(found))
            .select((evidence::id, evidence_texts::text.nullable()))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let mut texts: std::collections::BTreeMap<Uuid, Option<String>> = texts.into_iter().collect();
        rows.into_iter()
            .map(|row| {
                let text = texts.remove(&row.id).flatten();
                Ok((row.try_into()?, text))
            })
            .collect()
    }

    async fn stale_pending(&mut self, org: OrgId, before: OffsetDateTime, limit: i64) -> StoreResult<Vec<Evidence>> {
        let rows: Vec<Row> = evidence::table
            .filter(evidence::org_id.eq(org.0))
            .filter(evidence::status.eq(EvidenceStatus::Pending.as_str()))
            .filter(evidence::created_at.lt(before))
            .order(evidence::created_at)
            .limit(limit)
            .select(Row::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn touch(&mut self, events: &[CustodyEvent]) -> StoreResult<()> {
        let row = |event: &CustodyEvent| CustodyRow {
            id: event.id,
            org_id: event.org.0,
            evidence_id: event.evidence.0,
            at: event.at,
            actor_id: event.actor_id,
            actor: event.actor.clone(),
            event: event.event.as_str().to_owned(),
            reason: event.reason.clone(),
            sha256: event.sha256.clone(),
        };
        // PostgreSQL takes 65,535 bound values in a statement.
        for events in events.chunks(5_000) {
            let rows: Vec<CustodyRow> = events.iter().map(row).collect();
            diesel::insert_into(custody::table).values(rows).execute(self.connection()?).await.map_err(error::store)?;
        }
        Ok(())
    }

    async fn custody(&mut self, org: OrgId, ids: &[EvidenceId], query: &ListQuery) -> StoreResult<Page<CustodyEvent>> {
        let ids = ids.iter().map(|id| Scalar::Id(id.0)).collect();
        let from = Parts::default().sql("FROM custody WHERE org_id = ").id(org).sql(" AND evidence_id = ANY (");
        let from = from.array(Kind::Ids, ids).sql(")");
        list::page::<CustodyRow, CustodyEvent>(self.connection()?, from, "id", query).await
    }
}

impl EvidenceTx for PgTx {
    fn evidence_repo(&mut self) -> &mut dyn EvidenceRepo {
        self
    }
    fn evidence_references(&mut self) -> &mut dyn EvidenceReferences {
        self
    }
}

//! What belongs to evidence: its texts, and the custody record.

use async_trait::async_trait;
use diesel::{ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable};
use diesel_async::RunQueryDsl;
use grc_assessments::ports::FrameworkRepo;
use grc_evidence::{
    CustodyEvent, Evidence,
    model::Touch,
    ports::{Files, Requirements},
};
use grc_kernel::{EvidenceId, Kind, ListQuery, OrgId, Page, StoreError, StoreResult, list::Scalar};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::{custody, evidence_texts},
    tx::PgTx,
};

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
impl Files for PgTx {
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
            .sql(" AND status = 'stored' AND id IN (SELECT e.id FROM evidence e WHERE e.org_id = ")
            .id(org)
            .sql(" AND e.control_refs && ")
            .array(Kind::Texts, names)
            .sql(" UNION SELECT e.id FROM evidence e WHERE e.org_id = ")
            .id(org)
            .sql(" AND e.id = ANY (")
            .array(Kind::Ids, ids)
            .sql("))");
        let found: Vec<Evidence> = self.records(org, wanted).await?;
        let texts: Vec<(Uuid, String)> = evidence_texts::table
            .filter(evidence_texts::org_id.eq(org.0))
            .filter(evidence_texts::evidence_id.eq_any(found.iter().map(|e| e.id.0).collect::<Vec<_>>()))
            .select((evidence_texts::evidence_id, evidence_texts::text))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let mut texts: std::collections::BTreeMap<Uuid, String> = texts.into_iter().collect();
        let with_text = |evidence: Evidence| {
            let text = texts.remove(&evidence.id.0);
            (evidence, text)
        };
        Ok(found.into_iter().map(with_text).collect())
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

#[async_trait]
impl Requirements for PgTx {
    async fn unknown_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        self.unknown_names(org, names).await
    }
}

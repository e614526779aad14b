//! Implemented controls.

use std::collections::BTreeMap;

use async_trait::async_trait;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, PgArrayExpressionMethods, QueryDsl, Queryable,
    Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use grc_assessments::{
    Control,
    control::{Category, ControlFacts, CsfFunction, Effectiveness, EvidenceFact, Frequency, Status},
    finding::{Lifecycle, Verdict},
    ports::ControlRepo,
};
use grc_kernel::{ControlId, EvidenceId, ListQuery, Meta, OrgId, Page, StoreError, StoreResult, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::{controls, evidence, findings},
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = controls, primary_key(org_id, id), treat_none_as_null = true)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    name: String,
    ref_id: Option<String>,
    description: Option<String>,
    category: String,
    csf_function: Option<String>,
    status: String,
    owner_id: Option<Uuid>,
    frequency: Option<String>,
    requirements: Vec<String>,
    evidence: Vec<Uuid>,
    efficacy: Option<f64>,
    coverage: Option<f64>,
    reliability: Option<f64>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Control> for Row {
    fn from(c: &Control) -> Self {
        Self {
            id: c.id.0,
            org_id: c.org.0,
            name: c.name.clone(),
            ref_id: c.ref_id.clone(),
            description: c.description.clone(),
            category: c.category.as_str().to_owned(),
            csf_function: c.csf_function.map(|f| f.as_str().to_owned()),
            status: c.status.as_str().to_owned(),
            owner_id: c.owner_id.map(|id| id.0),
            frequency: c.frequency.map(|f| f.as_str().to_owned()),
            requirements: c.requirements.clone(),
            evidence: c.evidence.iter().map(|id| id.0).collect(),
            efficacy: c.effectiveness.map(|e| e.efficacy),
            coverage: c.effectiveness.map(|e| e.coverage),
            reliability: c.effectiveness.map(|e| e.reliability),
            created_at: c.meta.created_at,
            updated_at: c.meta.updated_at,
            created_by: c.meta.created_by,
            revision: c.meta.revision,
        }
    }
}

impl TryFrom<Row> for Control {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        let corrupt = |column: &'static str, value: &str| error::corrupt("controls", column, value);
        let csf_function = match &r.csf_function {
            None => None,
            Some(word) => Some(CsfFunction::parse(word).ok_or_else(|| corrupt("csf_function", word))?),
        };
        let frequency = match &r.frequency {
            None => None,
            Some(word) => Some(Frequency::parse(word).ok_or_else(|| corrupt("frequency", word))?),
        };
        let effectiveness = match (r.efficacy, r.coverage, r.reliability) {
            (Some(efficacy), Some(coverage), Some(reliability)) => {
                Some(Effectiveness { efficacy, coverage, reliability })
            }
            _ => None,
        };
        Ok(Self {
            id: ControlId(r.id),
            org: OrgId(r.org_id),
            name: r.name,
            ref_id: r.ref_id,
            description: r.description,
            category: Category::parse(&r.category).ok_or_else(|| corrupt("category", &r.category))?,
            csf_function,
            status: Status::parse(&r.status).ok_or_else(|| corrupt("status", &r.status))?,
            owner_id: r.owner_id.map(UserId),
            frequency,
            requirements: r.requirements,
            evidence: r.evidence.into_iter().map(EvidenceId).collect(),
            effectiveness,
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
impl ControlRepo for PgTx {
    async fn find(&mut self, org: OrgId, id: ControlId) -> StoreResult<Option<Control>> {
        let row: Option<Row> = controls::table
            .filter(controls::org_id.eq(org.0))
            .filter(controls::id.eq(id.0))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Control>> {
        let from = Parts::default().sql("FROM controls WHERE org_id = ").id(org);
        list::page::<Row, Control>(self.connection()?, from, "id", query).await
    }

    async fn insert(&mut self, control: &Control) -> StoreResult<()> {
        diesel::insert_into(controls::table)
            .values(Row::from(control))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn update(&mut self, control: &Control, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(controls::table)
            .filter(controls::org_id.eq(control.org.0))
            .filter(controls::id.eq(control.id.0))
            .filter(controls::revision.eq(seen))
            .set(Row::from(control))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn delete(&mut self, org: OrgId, id: ControlId) -> StoreResult<()> {
        diesel::delete(controls::table)
            .filter(controls::org_id.eq(org.0))
            .filter(controls::id.eq(id.0))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn for_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<Control>> {
        let rows: Vec<Row> = controls::table
            .filter(controls::org_id.eq(org.0))
            .filter(controls::requirements.overlaps_with(names.to_vec()))
            .order((controls::created_at, controls::id))
            .select(Row::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Two statements for any number of controls.
    async fn facts(&mut self, org: OrgId, items: &[Control]) -> StoreResult<Vec<ControlFacts>> {
        let ids: Vec<Uuid> = items.iter().flat_map(|c| c.evidence.iter().map(|id| id.0)).collect();
        let mut known: BTreeMap<Uuid, EvidenceFact> = BTreeMap::new();
        if !ids.is_empty() {
            let rows: Vec<(Uuid, String, String, OffsetDateTime, Option<OffsetDateTime>)> = evidence::table
                .filter(evidence::org_id.eq(org.0))
                .filter(evidence::id.eq_any(ids))
                .filter(evidence::status.eq("stored"))
                .select((
                    evidence::id,
                    evidence::filename,
                    evidence::review,
                    evidence::collected_at,
                    evidence::valid_until,
                ))
                .load(self.connection()?)
                .await
                .map_err(error::store)?;
            for (id, filename, review, collected_at, valid_until) in rows {
                known.insert(id, EvidenceFact { filename, rejected: review == "rejected", collected_at, valid_until });
            }
        }
        let refs: Vec<String> = items
            .iter()
            .flat_map(|c| c.requirements.iter())
            .filter_map(|name| name.split_once(':').map(|(_, tail)| tail.to_owned()))
            .collect();
        let mut open: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        if !refs.is_empty() {
            let rows: Vec<(String, String, String, i64)> = findings::table
                .filter(findings::org_id.eq(org.0))
                .filter(findings::control_ref.eq_any(refs))
                .filter(findings::lifecycle.eq_any([Lifecycle::Open.as_str(), Lifecycle::InProgress.as_str()]))
                .filter(findings::status.eq_any([Verdict::Fail.as_str(), Verdict::Partial.as_str()]))
                .group_by((findings::framework_key, findings::control_ref, findings::status))
                .select((findings::framework_key, findings::control_ref, findings::status, diesel::dsl::count_star()))
                .load(self.connection()?)
                .await
                .map_err(error::store)?;
            for (key, control_ref, status, count) in rows {
                let entry = open.entry(format!("{key}:{control_ref}")).or_default();
                if status == Verdict::Fail.as_str() { entry.0 += count } else { entry.1 += count }
            }
        }
        Ok(items
            .iter()
            .map(|control| {
                let counts = control.requirements.iter().filter_map(|name| open.get(name));
                let (open_failures, open_partials) = counts.fold((0, 0), |sum, (f, p)| (sum.0 + f, sum.1 + p));
                let evidence = control.evidence.iter().filter_map(|id| known.get(&id.0).cloned()).collect();
                ControlFacts { evidence, open_failures, open_partials }
            })
            .collect())
    }
}

//! Frameworks and their controls, and the seeding of the built-in ones.

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, PgExpressionMethods, QueryDsl,
    Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use grc_assessments::{
    Framework, Requirement, RequirementId,
    framework::{Source, catalog},
    ports::FrameworkRepo,
};
use grc_kernel::{FrameworkId, Kind, ListQuery, Meta, OrgId, Page, StoreError, StoreResult, list::Scalar};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts, Rows},
    schema::{frameworks, requirements, service_state},
    tx::PgTx,
};

/// How many rows one insert statement carries: 14 columns each, within the protocol's 65,535 parameters.
const CHUNK: usize = 1_000;

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = frameworks)]
struct Row {
    id: Uuid,
    org_id: Option<Uuid>,
    key: String,
    name: String,
    version: String,
    description: String,
    source: String,
    control_count: i64,
    baselines: Vec<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Framework> for Row {
    fn from(f: &Framework) -> Self {
        Self {
            id: f.id.0,
            org_id: f.org.map(|org| org.0),
            key: f.key.clone(),
            name: f.name.clone(),
            version: f.version.clone(),
            description: f.description.clone(),
            source: f.source.as_str().to_owned(),
            control_count: f.control_count,
            baselines: f.baselines.clone(),
            created_at: f.meta.created_at,
            updated_at: f.meta.updated_at,
            created_by: f.meta.created_by,
            revision: f.meta.revision,
        }
    }
}

impl TryFrom<Row> for Framework {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        Ok(Self {
            id: FrameworkId(r.id),
            org: r.org_id.map(OrgId),
            key: r.key,
            name: r.name,
            version: r.version,
            description: r.description,
            source: Source::parse(&r.source).ok_or_else(|| error::corrupt("frameworks", "source", &r.source))?,
            control_count: r.control_count,
            baselines: r.baselines,
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
#[diesel(table_name = requirements)]
struct RequirementRow {
    id: Uuid,
    framework_id: Uuid,
    org_id: Option<Uuid>,
    control_ref: String,
    title: String,
    family: String,
    family_title: String,
    description: String,
    baselines: Vec<String>,
    guidance: Option<String>,
    evidence_hints: Vec<String>,
    parent_ref: Option<String>,
    position: i64,
    assessable: bool,
}

impl From<&Requirement> for RequirementRow {
    fn from(r: &Requirement) -> Self {
        Self {
            id: r.id.0,
            framework_id: r.framework.0,
            org_id: r.org.map(|org| org.0),
            control_ref: r.control_ref.clone(),
            title: r.title.clone(),
            family: r.family.clone(),
            family_title: r.family_title.clone(),
            description: r.description.clone(),
            baselines: r.baselines.clone(),
            guidance: r.guidance.clone(),
            evidence_hints: r.evidence_hints.clone(),
            parent_ref: r.parent_ref.clone(),
            position: i64::from(r.position),
            assessable: r.assessable,
        }
    }
}

impl TryFrom<RequirementRow> for Requirement {
    type Error = StoreError;

    fn try_from(r: RequirementRow) -> StoreResult<Self> {
        Ok(Self {
            id: RequirementId(r.id),
            framework: FrameworkId(r.framework_id),
            org: r.org_id.map(OrgId),
            control_ref: r.control_ref,
            title: r.title,
            family: r.family,
            family_title: r.family_title,
            description: r.description,
            baselines: r.baselines,
            guidance: r.guidance,
            evidence_hints: r.evidence_hints,
            parent_ref: r.parent_ref,
            position: i32::try_from(r.position)
                .map_err(|_| error::corrupt("requirements", "position", "out of range"))?,
            assessable: r.assessable,
        })
    }
}

fn visible(orgs: &[OrgId]) -> Parts {
    let ids = orgs.iter().map(|org| Scalar::Id(org.0)).collect();
    Parts::default().sql("FROM frameworks WHERE (org_id IS NULL OR org_id = ANY (").array(Kind::Id, ids).sql("))")
}

impl PgTx {
    async fn one_framework(&mut self, from: Parts) -> StoreResult<Option<Framework>> {
        let rows: Vec<Row> = Rows::<Row>::from(from).load(self.connection()?).await.map_err(error::store)?;
        rows.into_iter().next().map(TryInto::try_into).transpose()
    }

    async fn store_framework(
        &mut self,
        framework: &Framework,
        controls: &[Requirement],
        document: Option<&str>,
    ) -> StoreResult<()> {
        let rows = diesel::insert_into(frameworks::table)
            .values((Row::from(framework), frameworks::document.eq(document)))
            .on_conflict_do_nothing()
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::inserted(rows, "key")?;
        for chunk in controls.chunks(CHUNK) {
            let rows: Vec<RequirementRow> = chunk.iter().map(RequirementRow::from).collect();
            diesel::insert_into(requirements::table)
                .values(rows)
                .execute(self.connection()?)
                .await
                .map_err(error::store)?;
        }
        Ok(())
    }
}

#[async_trait]
impl FrameworkRepo for PgTx {
    async fn find(&mut self, orgs: &[OrgId], id: FrameworkId) -> StoreResult<Option<Framework>> {
        self.one_framework(visible(orgs).sql(" AND id = ").id(id)).await
    }

    async fn find_by_key(&mut self, org: OrgId, key: &str) -> StoreResult<Option<Framework>> {
        let from = visible(&[org]).sql(" AND key = ").bind(Scalar::Text(key.to_owned()));
        self.one_framework(from.sql(" ORDER BY org_id NULLS LAST LIMIT 1")).await
    }

    async fn page(&mut self, orgs: &[OrgId], query: &ListQuery) -> StoreResult<Page<Framework>> {
        list::page::<Row, Framework>(self.connection()?, visible(orgs), "id", query).await
    }

    async fn page_requirements(&mut self, id: FrameworkId, query: &ListQuery) -> StoreResult<Page<Requirement>> {
        let from = Parts::default().sql("FROM requirements WHERE framework_id = ").id(id);
        list::page::<RequirementRow, Requirement>(self.connection()?, from, "id", query).await
    }

    async fn find_requirement(
        &mut self,
        id: FrameworkId,
        requirement: RequirementId,
    ) -> StoreResult<Option<Requirement>> {
        let row: Option<RequirementRow> = requirements::table
            .filter(requirements::framework_id.eq(id.0))
            .filter(requirements::id.eq(requirement.0))
            .select(RequirementRow::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn find_requirement_by_ref(
        &mut self,
        id: FrameworkId,
        control_ref: &str,
    ) -> StoreResult<Option<Requirement>> {
        let row: Option<RequirementRow> = requirements::table
            .filter(requirements::framework_id.eq(id.0))
            .filter(requirements::control_ref.eq(control_ref))
            .select(RequirementRow::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn requirements(&mut self, id: FrameworkId) -> StoreResult<Vec<Requirement>> {
        let rows: Vec<RequirementRow> = requirements::table
            .filter(requirements::framework_id.eq(id.0))
            .order(requirements::position)
            .select(RequirementRow::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn unknown_names(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<(String, String)> = names
            .iter()
            .filter_map(|name| name.split_once(':').map(|(key, tail)| (key.to_owned(), tail.to_owned())))
            .collect();
        let keys: Vec<String> = wanted.iter().map(|(key, _)| key.clone()).collect();
        let refs: Vec<String> = wanted.iter().map(|(_, tail)| tail.clone()).collect();
        let found: Vec<(String, String)> = requirements::table
            .inner_join(frameworks::table.on(frameworks::id.eq(requirements::framework_id)))
            .filter(frameworks::key.eq_any(keys))
            .filter(requirements::control_ref.eq_any(refs))
            .filter(frameworks::org_id.is_null().or(frameworks::org_id.is_not_distinct_from(org.0)))
            .select((frameworks::key, requirements::control_ref))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let known: std::collections::BTreeSet<String> =
            found.into_iter().map(|(key, tail)| format!("{key}:{tail}")).collect();
        Ok(names.iter().filter(|name| !known.contains(*name)).cloned().collect())
    }

    async fn insert(&mut self, framework: &Framework, controls: &[Requirement], source: &str) -> StoreResult<()> {
        self.store_framework(framework, controls, Some(source)).await
    }

    async fn document(&mut self, id: FrameworkId) -> StoreResult<Option<String>> {
        let document: Option<Option<String>> = frameworks::table
            .find(id.0)
            .select(frameworks::document)
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        Ok(document.flatten())
    }

    async fn delete(&mut self, org: OrgId, id: FrameworkId) -> StoreResult<()> {
        diesel::delete(frameworks::table)
            .filter(frameworks::id.eq(id.0))
            .filter(frameworks::org_id.eq(org.0))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

/// Puts the built-in frameworks into the database where it holds others. Their ids never change, so what
/// refers to them goes on doing so; a control that a later version drops stays, since assessments may cite it.
pub(crate) async fn seed(tx: &mut PgTx) -> StoreResult<bool> {
    const NAME: &str = "builtin_frameworks";
    // Replicas that start together take turns on this row.
    diesel::insert_into(service_state::table)
        .values((service_state::name.eq(NAME), service_state::value.eq("")))
        .on_conflict_do_nothing()
        .execute(tx.connection()?)
        .await
        .map_err(error::store)?;
    let stored: String = service_state::table
        .find(NAME)
        .select(service_state::value)
        .for_update()
        .first(tx.connection()?)
        .await
        .map_err(error::store)?;
    let digest = catalog::digest();
    if stored == digest {
        return Ok(false);
    }
    for catalog in catalog::builtin() {
        let known: Option<Uuid> = frameworks::table
            .find(catalog.framework.id.0)
            .select(frameworks::id)
            .first(tx.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        if known.is_none() {
            tx.store_framework(&catalog.framework, &catalog.requirements, None).await?;
            continue;
        }
        update(tx, &catalog.framework, &catalog.requirements).await?;
    }
    diesel::update(service_state::table.find(NAME))
        .set(service_state::value.eq(digest))
        .execute(tx.connection()?)
        .await
        .map_err(error::store)?;
    Ok(true)
}

async fn update(tx: &mut PgTx, framework: &Framework, controls: &[Requirement]) -> StoreResult<()> {
    use diesel::upsert::excluded;
    diesel::update(frameworks::table.find(framework.id.0))
        .set((
            frameworks::name.eq(&framework.name),
            frameworks::version.eq(&framework.version),
            frameworks::description.eq(&framework.description),
            frameworks::control_count.eq(framework.control_count),
            frameworks::baselines.eq(&framework.baselines),
            frameworks::revision.eq(frameworks::revision + 1),
        ))
        .execute(tx.connection()?)
        .await
        .map_err(error::store)?;
    for chunk in controls.chunks(CHUNK) {
        let rows: Vec<RequirementRow> = chunk.iter().map(RequirementRow::from).collect();
        diesel::insert_into(requirements::table)
            .values(rows)
            .on_conflict(requirements::id)
            .do_update()
            .set((
                requirements::title.eq(excluded(requirements::title)),
                requirements::family.eq(excluded(requirements::family)),
                requirements::family_title.eq(excluded(requirements::family_title)),
                requirements::description.eq(excluded(requirements::description)),
                requirements::baselines.eq(excluded(requirements::baselines)),
                requirements::evidence_hints.eq(excluded(requirements::evidence_hints)),
                requirements::parent_ref.eq(excluded(requirements::parent_ref)),
                requirements::position.eq(excluded(requirements::position)),
                requirements::assessable.eq(excluded(requirements::assessable)),
            ))
            .execute(tx.connection()?)
            .await
            .map_err(error::store)?;
    }
    Ok(())
}

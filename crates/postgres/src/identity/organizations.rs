//! Organizations.

use async_trait::async_trait;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use grc_identity::{Organization, ports::OrganizationRepo};
use grc_kernel::{ListQuery, Meta, OrgId, Page, StoreError, StoreResult, UserId};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::organizations,
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = organizations, treat_none_as_null = true)]
struct Row {
    id: Uuid,
    name: String,
    slug: String,
    industry: Option<String>,
    country: Option<String>,
    timezone: Option<String>,
    settings: Value,
    deleted_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Organization> for Row {
    fn from(o: &Organization) -> Self {
        Self {
            id: o.id.0,
            name: o.name.clone(),
            slug: o.slug.clone(),
            industry: o.industry.clone(),
            country: o.country.clone(),
            timezone: o.timezone.clone(),
            settings: Value::Object(o.settings.clone()),
            deleted_at: o.deleted_at,
            created_at: o.meta.created_at,
            updated_at: o.meta.updated_at,
            created_by: o.meta.created_by,
            revision: o.meta.revision,
        }
    }
}

impl TryFrom<Row> for Organization {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        let Value::Object(settings) = r.settings else {
            return Err(error::corrupt("organizations", "settings", "no object"));
        };
        Ok(Self {
            id: OrgId(r.id),
            name: r.name,
            slug: r.slug,
            industry: r.industry,
            country: r.country,
            timezone: r.timezone,
            settings,
            deleted_at: r.deleted_at,
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
impl OrganizationRepo for PgTx {
    async fn find(&mut self, id: OrgId) -> StoreResult<Option<Organization>> {
        let row: Option<Row> = organizations::table
            .filter(organizations::id.eq(id.0))
            .filter(organizations::deleted_at.is_null())
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn find_by_slug(&mut self, slug: &str) -> StoreResult<Option<Organization>> {
        let row: Option<Row> = organizations::table
            .filter(organizations::slug.eq(slug))
            .filter(organizations::deleted_at.is_null())
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn slug_taken(&mut self, slug: &str) -> StoreResult<bool> {
        self.widen().await?;
        let taken: Option<Uuid> = organizations::table
            .filter(organizations::slug.eq(slug))
            .select(organizations::id)
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        self.narrow().await?;
        Ok(taken.is_some())
    }

    async fn insert(&mut self, organization: &Organization) -> StoreResult<()> {
        let rows = diesel::insert_into(organizations::table)
            .values(Row::from(organization))
            .on_conflict_do_nothing()
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::inserted(rows, "slug")
    }

    async fn update(&mut self, organization: &Organization, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(organizations::table)
            .filter(organizations::id.eq(organization.id.0))
            .filter(organizations::revision.eq(seen))
            .set(Row::from(organization))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn page(&mut self, member: Option<UserId>, query: &ListQuery) -> StoreResult<Page<Organization>> {
        let mut from = Parts::default().sql("FROM organizations WHERE organizations.deleted_at IS NULL");
        if let Some(user) = member {
            from = from
                .sql(" AND EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = organizations.id AND m.status = 'active' AND m.user_id = ")
                .id(user)
                .sql(")");
        }
        list::page::<Row, Organization>(self.connection()?, from, "organizations.id", query).await
    }
}

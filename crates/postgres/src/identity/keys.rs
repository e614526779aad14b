//! API keys and invitations.

use async_trait::async_trait;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension,
    QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use grc_identity::{
    ApiKey, Invitation,
    model::{ApiKeyId, InvitationId},
    ports::{ApiKeyRepo, InvitationRepo},
};
use grc_kernel::{ListQuery, Meta, OrgId, Page, Role, StoreError, StoreResult, UserId, access::Scope};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::{api_keys, invitations},
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = api_keys, primary_key(org_id, id), treat_none_as_null = true)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    name: String,
    role: String,
    scopes: Option<Vec<String>>,
    prefix: String,
    hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    previous_until: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    last_used_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&ApiKey> for Row {
    fn from(k: &ApiKey) -> Self {
        Self {
            id: k.id.0,
            org_id: k.org.0,
            name: k.name.clone(),
            role: k.role.as_str().to_owned(),
            scopes: k.scopes.as_ref().map(|scopes| scopes.iter().map(ToString::to_string).collect()),
            prefix: k.prefix.clone(),
            hash: k.hash.to_vec(),
            previous_hash: k.previous.map(|(hash, _)| hash.to_vec()),
            previous_until: k.previous.map(|(_, until)| until),
            expires_at: k.expires_at,
            last_used_at: k.last_used_at,
            revoked_at: k.revoked_at,
            created_at: k.meta.created_at,
            updated_at: k.meta.updated_at,
            created_by: k.meta.created_by,
            revision: k.meta.revision,
        }
    }
}

fn digest(bytes: Vec<u8>) -> StoreResult<[u8; 32]> {
    bytes.try_into().map_err(|_| error::corrupt("api_keys", "hash", "a wrong length"))
}

impl TryFrom<Row> for ApiKey {
    type Error = StoreError;

    fn try_from(r: Row) -> StoreResult<Self> {
        let scopes = match r.scopes {
            None => None,
            Some(texts) => {
                let parse =
                    |text: &String| Scope::parse(text).ok_or_else(|| error::corrupt("api_keys", "scopes", text));
                Some(texts.iter().map(parse).collect::<StoreResult<Vec<Scope>>>()?)
            }
        };
        let previous = match (r.previous_hash, r.previous_until) {
            (Some(hash), Some(until)) => Some((digest(hash)?, until)),
            _ => None,
        };
        Ok(Self {
            id: ApiKeyId(r.id),
            org: OrgId(r.org_id),
            name: r.name,
            role: Role::parse(&r.role).ok_or_else(|| error::corrupt("api_keys", "role", &r.role))?,
            scopes,
            prefix: r.prefix,
            hash: digest(r.hash)?,
            previous,
            expires_at: r.expires_at,
            last_used_at: r.last_used_at,
            revoked_at: r.revoked_at,
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
impl ApiKeyRepo for PgTx {
    async fn find(&mut self, org: OrgId, id: ApiKeyId) -> StoreResult<Option<ApiKey>> {
        let row: Option<Row> = api_keys::table
            .filter(api_keys::org_id.eq(org.0))
            .filter(api_keys::id.eq(id.0))
            .filter(api_keys::revoked_at.is_null())
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn find_by_hash(&mut self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>> {
        let row: Option<Row> = api_keys::table
            .filter(api_keys::hash.nullable().eq(hash.to_vec()).or(api_keys::previous_hash.eq(hash.to_vec())))
            .filter(api_keys::revoked_at.is_null())
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<ApiKey>> {
        let from = Parts::default().sql("FROM api_keys WHERE revoked_at IS NULL AND org_id = ").id(org);
        list::page::<Row, ApiKey>(self.connection()?, from, "id", query).await
    }

    async fn insert(&mut self, key: &ApiKey) -> StoreResult<()> {
        diesel::insert_into(api_keys::table)
            .values(Row::from(key))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn update(&mut self, key: &ApiKey, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(api_keys::table)
            .filter(api_keys::org_id.eq(key.org.0))
            .filter(api_keys::id.eq(key.id.0))
            .filter(api_keys::revision.eq(seen))
            .set(Row::from(key))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn note_use(&mut self, id: ApiKeyId, at: OffsetDateTime) -> StoreResult<()> {
        diesel::update(api_keys::table)
            .filter(api_keys::id.eq(id.0))
            .set(api_keys::last_used_at.eq(at))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn revoke_created_by(&mut self, org: OrgId, user: UserId, now: OffsetDateTime) -> StoreResult<()> {
        diesel::update(api_keys::table)
            .filter(api_keys::org_id.eq(org.0))
            .filter(api_keys::created_by.eq(user.0))
            .filter(api_keys::revoked_at.is_null())
            .set(api_keys::revoked_at.eq(now))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = invitations)]
struct InvitationRow {
    id: Uuid,
    org_id: Uuid,
    user_id: Uuid,
    hash: Vec<u8>,
    expires_at: OffsetDateTime,
    accepted_at: Option<OffsetDateTime>,
}

#[async_trait]
impl InvitationRepo for PgTx {
    async fn insert(&mut self, i: &Invitation) -> StoreResult<()> {
        let row = InvitationRow {
            id: i.id.0,
            org_id: i.org.0,
            user_id: i.user.0,
            hash: i.hash.to_vec(),
            expires_at: i.expires_at,
            accepted_at: i.accepted_at,
        };
        diesel::insert_into(invitations::table).values(row).execute(self.connection()?).await.map_err(error::store)?;
        Ok(())
    }

    async fn lock(&mut self, hash: &[u8; 32]) -> StoreResult<Option<Invitation>> {
        let row: Option<InvitationRow> = invitations::table
            .filter(invitations::hash.eq(hash.to_vec()))
            .select(InvitationRow::as_select())
            .for_update()
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(|r| {
            Ok(Invitation {
                id: InvitationId(r.id),
                org: OrgId(r.org_id),
                user: UserId(r.user_id),
                hash: digest(r.hash)?,
                expires_at: r.expires_at,
                accepted_at: r.accepted_at,
            })
        })
        .transpose()
    }

    async fn accept(&mut self, hash: &[u8; 32], now: OffsetDateTime) -> StoreResult<()> {
        let rows = diesel::update(invitations::table)
            .filter(invitations::hash.eq(hash.to_vec()))
            .set(invitations::accepted_at.eq(now))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn withdraw(&mut self, org: OrgId, user: UserId) -> StoreResult<()> {
        diesel::delete(invitations::table)
            .filter(invitations::org_id.eq(org.0))
            .filter(invitations::user_id.eq(user.0))
            .filter(invitations::accepted_at.is_null())
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

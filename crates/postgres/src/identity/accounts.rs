//! Accounts and memberships.
//!
//! An organization's transaction sees the accounts of its members only. To link or make an account it looks
//! beyond for one statement, by [`PgTx::widen`].

use async_trait::async_trait;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
    dsl::sql, sql_types::Text,
};
use diesel_async::RunQueryDsl;
use grc_identity::{
    Account, Member, Membership, MembershipStatus,
    model::MembershipId,
    ports::{AccountRepo, MemberRepo},
};
use grc_kernel::{ListQuery, Meta, OrgId, Page, Role, StoreError, StoreResult, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::{accounts, memberships, organizations},
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = accounts, treat_none_as_null = true)]
struct AccountRow {
    id: Uuid,
    email: String,
    name: String,
    password_hash: Option<String>,
    platform_admin: bool,
    last_login_at: Option<OffsetDateTime>,
    mfa_enabled: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Account> for AccountRow {
    fn from(a: &Account) -> Self {
        Self {
            id: a.id.0,
            email: a.email.clone(),
            name: a.name.clone(),
            password_hash: a.password_hash.clone(),
            platform_admin: a.platform_admin,
            last_login_at: a.last_login_at,
            mfa_enabled: a.mfa_enabled,
            created_at: a.meta.created_at,
            updated_at: a.meta.updated_at,
            created_by: a.meta.created_by,
            revision: a.meta.revision,
        }
    }
}

impl From<AccountRow> for Account {
    fn from(r: AccountRow) -> Self {
        Self {
            id: UserId(r.id),
            email: r.email,
            name: r.name,
            password_hash: r.password_hash,
            platform_admin: r.platform_admin,
            last_login_at: r.last_login_at,
            mfa_enabled: r.mfa_enabled,
            meta: Meta {
                created_at: r.created_at,
                updated_at: r.updated_at,
                created_by: r.created_by,
                revision: r.revision,
            },
        }
    }
}

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = memberships, primary_key(org_id, user_id), treat_none_as_null = true)]
struct MembershipRow {
    id: Uuid,
    org_id: Uuid,
    user_id: Uuid,
    role: String,
    status: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    created_by: Uuid,
    revision: i64,
}

impl From<&Membership> for MembershipRow {
    fn from(m: &Membership) -> Self {
        Self {
            id: m.id.0,
            org_id: m.org.0,
            user_id: m.user.0,
            role: m.role.as_str().to_owned(),
            status: m.status.as_str().to_owned(),
            created_at: m.meta.created_at,
            updated_at: m.meta.updated_at,
            created_by: m.meta.created_by,
            revision: m.meta.revision,
        }
    }
}

impl TryFrom<MembershipRow> for Membership {
    type Error = StoreError;

    fn try_from(r: MembershipRow) -> StoreResult<Self> {
        Ok(Self {
            id: MembershipId(r.id),
            org: OrgId(r.org_id),
            user: UserId(r.user_id),
            role: Role::parse(&r.role).ok_or_else(|| error::corrupt("memberships", "role", &r.role))?,
            status: MembershipStatus::parse(&r.status)
                .ok_or_else(|| error::corrupt("memberships", "status", &r.status))?,
            meta: Meta {
                created_at: r.created_at,
                updated_at: r.updated_at,
                created_by: r.created_by,
                revision: r.revision,
            },
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = memberships)]
struct MemberRow {
    #[diesel(embed)]
    membership: MembershipRow,
    #[diesel(embed)]
    account: AccountRow,
}

impl TryFrom<MemberRow> for Member {
    type Error = StoreError;

    fn try_from(r: MemberRow) -> StoreResult<Self> {
        Ok(Self { account: r.account.into(), membership: r.membership.try_into()? })
    }
}

#[async_trait]
impl AccountRepo for PgTx {
    async fn find(&mut self, id: UserId) -> StoreResult<Option<Account>> {
        let row: Option<AccountRow> = accounts::table
            .find(id.0)
            .select(AccountRow::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        Ok(row.map(Into::into))
    }

    async fn find_by_email(&mut self, email: &str) -> StoreResult<Option<Account>> {
        self.widen().await?;
        let row: Option<AccountRow> = accounts::table
            .filter(sql::<Text>("lower(accounts.email)").eq(email.to_lowercase()))
            .select(AccountRow::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        self.narrow().await?;
        Ok(row.map(Into::into))
    }

    async fn none_exists(&mut self) -> StoreResult<bool> {
        self.widen().await?;
        let any: Option<Uuid> =
            accounts::table.select(accounts::id).first(self.connection()?).await.optional().map_err(error::store)?;
        self.narrow().await?;
        Ok(any.is_none())
    }

    async fn insert(&mut self, account: &Account) -> StoreResult<()> {
        self.widen().await?;
        let rows = diesel::insert_into(accounts::table)
            .values(AccountRow::from(account))
            .on_conflict_do_nothing()
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        self.narrow().await?;
        error::inserted(rows, "email")
    }

    async fn update(&mut self, account: &Account, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(accounts::table)
            .filter(accounts::id.eq(account.id.0))
            .filter(accounts::revision.eq(seen))
            .set(AccountRow::from(account))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn note_login(&mut self, id: UserId, at: OffsetDateTime) -> StoreResult<()> {
        diesel::update(accounts::table.find(id.0))
            .set(accounts::last_login_at.eq(at))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

#[async_trait]
impl MemberRepo for PgTx {
    async fn find(&mut self, org: OrgId, user: UserId) -> StoreResult<Option<Member>> {
        let row: Option<MemberRow> = memberships::table
            .inner_join(accounts::table)
            .inner_join(organizations::table)
            .filter(memberships::org_id.eq(org.0))
            .filter(memberships::user_id.eq(user.0))
            .filter(organizations::deleted_at.is_null())
            .select(MemberRow::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Member>> {
        let from = Parts::default()
            .sql("FROM memberships JOIN accounts ON accounts.id = memberships.user_id WHERE memberships.org_id = ")
            .id(org);
        list::page::<MemberRow, Member>(self.connection()?, from, "memberships.user_id", query).await
    }

    async fn insert(&mut self, membership: &Membership) -> StoreResult<()> {
        let rows = diesel::insert_into(memberships::table)
            .values(MembershipRow::from(membership))
            .on_conflict_do_nothing()
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::inserted(rows, "membership")
    }

    async fn update(&mut self, membership: &Membership, seen: i64) -> StoreResult<()> {
        let rows = diesel::update(memberships::table)
            .filter(memberships::org_id.eq(membership.org.0))
            .filter(memberships::user_id.eq(membership.user.0))
            .filter(memberships::revision.eq(seen))
            .set(MembershipRow::from(membership))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn delete(&mut self, org: OrgId, user: UserId) -> StoreResult<()> {
        diesel::delete(memberships::table)
            .filter(memberships::org_id.eq(org.0))
            .filter(memberships::user_id.eq(user.0))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn lock_admins(&mut self, org: OrgId) -> StoreResult<Vec<UserId>> {
        let users: Vec<Uuid> = memberships::table
            .filter(memberships::org_id.eq(org.0))
            .filter(memberships::role.eq(Role::Admin.as_str()))
            .filter(memberships::status.eq(MembershipStatus::Active.as_str()))
            .order(memberships::user_id)
            .select(memberships::user_id)
            .for_update()
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(users.into_iter().map(UserId).collect())
    }

    async fn of_user(&mut self, user: UserId) -> StoreResult<Vec<(Membership, String)>> {
        self.widen().await?;
        let rows: Vec<(MembershipRow, String)> = memberships::table
            .inner_join(organizations::table)
            .filter(memberships::user_id.eq(user.0))
            .filter(organizations::deleted_at.is_null())
            .order(organizations::name)
            .select((MembershipRow::as_select(), organizations::name))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        self.narrow().await?;
        rows.into_iter().map(|(row, name)| Ok((row.try_into()?, name))).collect()
    }
}

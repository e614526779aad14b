//! Sessions and refresh tokens, in the platform's scope.

use async_trait::async_trait;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use grc_identity::{RefreshToken, Session, model::SessionId, ports::SessionRepo};
use grc_kernel::{StoreError, StoreResult, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    schema::{refresh_tokens, sessions},
    tx::PgTx,
};

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = sessions, treat_none_as_null = true)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    created_at: OffsetDateTime,
    last_used_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
    user_agent: Option<String>,
    address: Option<String>,
}

impl From<&Session> for Row {
    fn from(s: &Session) -> Self {
        Self {
            id: s.id.0,
            user_id: s.user.0,
            created_at: s.created_at,
            last_used_at: s.last_used_at,
            expires_at: s.expires_at,
            revoked_at: s.revoked_at,
            user_agent: s.user_agent.clone(),
            address: s.address.clone(),
        }
    }
}

impl From<Row> for Session {
    fn from(r: Row) -> Self {
        Self {
            id: SessionId(r.id),
            user: UserId(r.user_id),
            created_at: r.created_at,
            last_used_at: r.last_used_at,
            expires_at: r.expires_at,
            revoked_at: r.revoked_at,
            user_agent: r.user_agent,
            address: r.address,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
struct TokenRow {
    hash: Vec<u8>,
    session_id: Uuid,
    issued_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    used_at: Option<OffsetDateTime>,
}

impl TryFrom<TokenRow> for RefreshToken {
    type Error = StoreError;

    fn try_from(r: TokenRow) -> StoreResult<Self> {
        Ok(Self {
            hash: r.hash.try_into().map_err(|_| error::corrupt("refresh_tokens", "hash", "a wrong length"))?,
            session: SessionId(r.session_id),
            issued_at: r.issued_at,
            expires_at: r.expires_at,
            used_at: r.used_at,
        })
    }
}

#[async_trait]
impl SessionRepo for PgTx {
    async fn find(&mut self, id: SessionId) -> StoreResult<Option<Session>> {
        let row: Option<Row> = sessions::table
            .find(id.0)
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        Ok(row.map(Into::into))
    }

    async fn insert(&mut self, session: &Session) -> StoreResult<()> {
        diesel::insert_into(sessions::table)
            .values(Row::from(session))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn update(&mut self, session: &Session) -> StoreResult<()> {
        let rows = diesel::update(sessions::table.find(session.id.0))
            .set(Row::from(session))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }

    async fn live_of(&mut self, user: UserId, now: OffsetDateTime) -> StoreResult<Vec<Session>> {
        let rows: Vec<Row> = sessions::table
            .filter(sessions::user_id.eq(user.0))
            .filter(sessions::revoked_at.is_null())
            .filter(sessions::expires_at.gt(now))
            .order((sessions::created_at.desc(), sessions::id.desc()))
            .limit(100)
            .select(Row::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn revoke_all(&mut self, user: UserId, but: Option<SessionId>, now: OffsetDateTime) -> StoreResult<()> {
        diesel::update(sessions::table)
            .filter(sessions::user_id.eq(user.0))
            .filter(sessions::revoked_at.is_null())
            .filter(sessions::id.ne(but.map_or(Uuid::nil(), |id| id.0)))
            .set(sessions::revoked_at.eq(now))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn insert_token(&mut self, token: &RefreshToken) -> StoreResult<()> {
        diesel::insert_into(refresh_tokens::table)
            .values((
                refresh_tokens::hash.eq(token.hash.to_vec()),
                refresh_tokens::session_id.eq(token.session.0),
                refresh_tokens::issued_at.eq(token.issued_at),
                refresh_tokens::expires_at.eq(token.expires_at),
                refresh_tokens::used_at.eq(token.used_at),
            ))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn lock_token(&mut self, hash: &[u8; 32]) -> StoreResult<Option<RefreshToken>> {
        let row: Option<TokenRow> = refresh_tokens::table
            .find(hash.to_vec())
            .select(TokenRow::as_select())
            .for_update()
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn use_token(&mut self, hash: &[u8; 32], now: OffsetDateTime) -> StoreResult<()> {
        let rows = diesel::update(refresh_tokens::table.find(hash.to_vec()))
            .set(refresh_tokens::used_at.eq(now))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        error::met(rows)
    }
}

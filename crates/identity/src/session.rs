//! Use cases of sessions: log-in, refresh with rotation, logout.

use grc_kernel::{Ctx, Fact, ListQuery, Page, Refusal, UserId, list::page_in_memory};
use time::{Duration, OffsetDateTime};

use crate::{
    model::{Account, RefreshToken, Session, SessionId},
    ports::{IdentityTx, Passwords, Secrets},
    rules,
};

/// How long a refresh token works.
pub const REFRESH_DAYS: i64 = 30;

/// A log-in.
#[derive(Clone, Default)]
pub struct Login {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The client's own description.
    pub user_agent: Option<String>,
    /// Where it comes from.
    pub address: Option<String>,
}

/// An open session with its newest refresh token.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Whose.
    pub account: Account,
    /// The session.
    pub session: Session,
    /// The refresh token, which is shown now and never again.
    pub refresh_token: String,
}

/// What became of a refresh. The revocation of a replayed family must be committed although the call is
/// refused, so this is no error.
#[derive(Clone, Debug)]
pub enum Refreshed {
    /// A new token.
    Rotated(Box<Opened>),
    /// The token was used before: somebody else may have it, so its whole family is revoked.
    Replayed,
    /// Not a token of ours, expired, or of an ended session.
    Unknown,
}

/// Checks a password before the transaction that opens the session, since hashing is slow.
///
/// The answer and its time are the same for an unknown address, an account without a password and a wrong
/// password.
pub async fn verify(
    tx: &mut dyn IdentityTx,
    passwords: &dyn Passwords,
    email: &str,
    password: &str,
) -> Result<Account, Refusal> {
    let account = tx.accounts().find_by_email(email.trim()).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    if passwords.verify(password, hash).await? {
        account.ok_or(Refusal::Credentials)
    } else {
        Err(Refusal::Credentials)
    }
}

/// Opens a session for an account whose password was verified.
pub async fn open(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    account: Account,
    login: &Login,
) -> Result<Opened, Refusal> {
    let opened = begin(ctx, tx, secrets, account, login).await?;
    tx.journal().record(ctx, Fact::note("session", opened.session.id.0, "opened")).await?;
    Ok(opened)
}

/// Begins a session without a fact of its own, for a use case whose fact says that it does.
pub async fn begin(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    mut account: Account,
    login: &Login,
) -> Result<Opened, Refusal> {
    let session = Session {
        id: ctx.new_id(),
        user: account.id,
        created_at: ctx.now,
        last_used_at: ctx.now,
        expires_at: ctx.now + Duration::days(REFRESH_DAYS),
        revoked_at: None,
        user_agent: login.user_agent.as_deref().map(|text| printable(text, 200)),
        address: login.address.clone(),
    };
    tx.sessions().insert(&session).await?;
    tx.accounts().note_login(account.id, ctx.now).await?;
    account.last_login_at = Some(ctx.now);
    let refresh_token = issue(ctx, tx, secrets, session.id).await?;
    Ok(Opened { account, session, refresh_token })
}

/// Exchanges a refresh token for its successor.
pub async fn refresh(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    secret: &str,
) -> Result<Refreshed, Refusal> {
    let hash = rules::hash_secret(secret);
    let Some(token) = tx.sessions().lock_token(&hash).await? else { return Ok(Refreshed::Unknown) };
    let Some(mut session) = tx.sessions().find(token.session).await? else { return Ok(Refreshed::Unknown) };
    if !session.is_live(ctx.now) || token.expires_at <= ctx.now {
        return Ok(Refreshed::Unknown);
    }
    if token.used_at.is_some() {
        session.revoked_at = Some(ctx.now);
        tx.sessions().update(&session).await?;
        tx.journal().record(ctx, Fact::note("session", session.id.0, "refresh_replayed")).await?;
        return Ok(Refreshed::Replayed);
    }
    let Some(account) = tx.accounts().find(session.user).await? else { return Ok(Refreshed::Unknown) };
    tx.sessions().use_token(&hash, ctx.now).await?;
    session.last_used_at = ctx.now;
    session.expires_at = ctx.now + Duration::days(REFRESH_DAYS);
    tx.sessions().update(&session).await?;
    let refresh_token = issue(ctx, tx, secrets, session.id).await?;
    tx.journal().record(ctx, Fact::note("session", session.id.0, "refreshed")).await?;
    Ok(Refreshed::Rotated(Box::new(Opened { account, session, refresh_token })))
}

/// The caller's live sessions, the newest first.
pub async fn page(ctx: &Ctx, tx: &mut dyn IdentityTx, query: &ListQuery) -> Result<Page<Session>, Refusal> {
    let live = match ctx.actor.user_id() {
        Some(user) => tx.sessions().live_of(user, ctx.now).await?,
        None => Vec::new(),
    };
    // A person has few of them: what is asked is found among all.
    Ok(page_in_memory(live.iter(), query))
}

/// Ends one of the caller's sessions: logout, or the revocation of another one.
pub async fn close(ctx: &Ctx, tx: &mut dyn IdentityTx, id: SessionId) -> Result<(), Refusal> {
    let own = |session: &Session| ctx.actor.user_id() == Some(session.user) && session.is_live(ctx.now);
    let mut session = tx.sessions().find(id).await?.filter(own).ok_or(Refusal::NotFound("session"))?;
    session.revoked_at = Some(ctx.now);
    tx.sessions().update(&session).await?;
    tx.journal().record(ctx, Fact::note("session", id.0, "closed")).await?;
    Ok(())
}

/// Whose session this is, if it is live and the access token names its owner.
pub async fn authenticate(
    tx: &mut dyn IdentityTx,
    id: SessionId,
    user: UserId,
    now: OffsetDateTime,
) -> Result<Option<Account>, Refusal> {
    let session = tx.sessions().find(id).await?;
    match session.filter(|session| session.user == user && session.is_live(now)) {
        Some(_) => Ok(tx.accounts().find(user).await?),
        None => Ok(None),
    }
}

async fn issue(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    session: SessionId,
) -> Result<String, Refusal> {
    let secret = rules::token(secrets.random());
    let token = RefreshToken {
        hash: rules::hash_secret(&secret),
        session,
        issued_at: ctx.now,
        expires_at: ctx.now + Duration::days(REFRESH_DAYS),
        used_at: None,
    };
    tx.sessions().insert_token(&token).await?;
    Ok(secret)
}

/// A client's own words, made safe to keep and show.
fn printable(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

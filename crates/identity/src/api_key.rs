//! Use cases of API keys.

use grc_kernel::{
    Access, Checker, Ctx, Fact, IfMatch, ListQuery, Meta, OrgId, Page, Permission, Refusal, Role, UserId,
    access::Scope, kit,
};
use time::{Duration, OffsetDateTime};

use crate::{
    member,
    model::{ApiKey, ApiKeyId},
    ports::{IdentityTx, Secrets},
    rules,
};

const AREA: &str = "api_key";
/// The longest time that a rotated secret may go on working.
pub const GRACE_MAX_SECONDS: i64 = 604_800;
/// How many characters of a secret are shown to recognise it by.
const PREFIX: usize = 10;

/// A new key.
#[derive(Clone, Debug, Default)]
pub struct IssueKey {
    /// What it is for.
    pub name: String,
    /// Its role, by its wire name.
    pub role: String,
    /// A narrowing, `risk:read`.
    pub scopes: Option<Vec<String>>,
    /// When it stops working.
    pub expires_at: Option<OffsetDateTime>,
}

/// A key and its secret, which is shown now and never again.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: String,
}

/// Issues a key, which can do at most what its creator can.
pub async fn issue(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    command: IssueKey,
) -> Result<Issued, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let mut check = Checker::new();
    let name = check.name("name", &command.name);
    let role = Role::parse(&command.role).unwrap_or_else(|| {
        check.note("role", "invalid", format!("must be one of {}", Role::NAMES.join(", ")));
        Role::Viewer
    });
    if ctx.actor.role.is_some_and(|own| !own.covers(role)) {
        check.note("role", "not_allowed", "may not be more than your own");
    }
    let scopes = command.scopes.map(|texts| {
        check.count("scopes", texts.len(), 50);
        let mut scopes = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            match Scope::parse(text) {
                Some(scope) => scopes.push(scope),
                None => {
                    let detail = format!("must be an area and read or write: {}", Scope::AREAS.join(", "));
                    check.note(format!("scopes[{i}]"), "invalid", detail);
                }
            }
        }
        scopes
    });
    check.ensure(
        command.expires_at.is_none_or(|at| at > ctx.now),
        "expires_at",
        "out_of_range",
        "must be in the future",
    );
    check.finish()?;
    let secret = rules::api_key_secret(secrets.random());
    let key = ApiKey {
        id: ctx.new_id(),
        org: ctx.org,
        name,
        role,
        scopes,
        prefix: secret.chars().take(PREFIX).collect(),
        hash: rules::hash_secret(&secret),
        previous: None,
        expires_at: command.expires_at,
        last_used_at: None,
        revoked_at: None,
        meta: Meta::new(ctx),
    };
    tx.api_keys().insert(&key).await?;
    tx.journal().record(ctx, Fact::created(&key)).await?;
    Ok(Issued { key, secret })
}

/// One key.
pub async fn get(ctx: &Ctx, tx: &mut dyn IdentityTx, id: ApiKeyId) -> Result<ApiKey, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    find(ctx, tx, id).await
}

/// A page of keys.
pub async fn page(ctx: &Ctx, tx: &mut dyn IdentityTx, query: &ListQuery) -> Result<Page<ApiKey>, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    Ok(tx.api_keys().page(ctx.org, query).await?)
}

/// Gives a key a new secret; the old one goes on working for a grace period of up to a week.
pub async fn rotate(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    id: ApiKeyId,
    grace_seconds: i64,
) -> Result<Issued, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(ctx, tx, id).await?;
    let mut check = Checker::new();
    check.range("grace_seconds", grace_seconds, 0, GRACE_MAX_SECONDS);
    check.finish()?;
    let secret = rules::api_key_secret(secrets.random());
    let mut after = before.clone();
    after.previous = (grace_seconds > 0).then(|| (before.hash, ctx.now + Duration::seconds(grace_seconds)));
    after.hash = rules::hash_secret(&secret);
    after.prefix = secret.chars().take(PREFIX).collect();
    after.meta.touch(ctx);
    tx.api_keys().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::moved("rotated", &before, &after)).await?;
    Ok(Issued { key: after, secret })
}

/// Revokes a key.
pub async fn revoke(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    id: ApiKeyId,
    if_match: impl Into<IfMatch> + Send,
) -> Result<(), Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(ctx, tx, id).await?;
    kit::unchanged(if_match, before.meta.revision)?;
    let mut after = before.clone();
    after.revoked_at = Some(ctx.now);
    after.meta.touch(ctx);
    tx.api_keys().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::deleted(&before)).await?;
    Ok(())
}

/// The key of a secret, if it works now. It is only as strong as its creator still is: with the creator's
/// membership gone or weaker than the key's role, the key is dead. (A platform admin who created a key
/// without being a member stands behind it as an admin.)
pub async fn authenticate(
    tx: &mut dyn IdentityTx,
    secret: &str,
    now: OffsetDateTime,
) -> Result<Option<ApiKey>, Refusal> {
    if !rules::is_api_key(secret) {
        return Ok(None);
    }
    let hash = rules::hash_secret(secret);
    let Some(key) = tx.api_keys().find_by_hash(&hash).await? else { return Ok(None) };
    let current = key.hash == hash || key.previous.is_some_and(|(old, until)| old == hash && until > now);
    if !current || !holds(tx, &key, now).await? {
        return Ok(None);
    }
    if key.last_used_at.is_none_or(|at| now - at >= Duration::minutes(1)) {
        tx.api_keys().note_use(key.id, now).await?;
    }
    Ok(Some(key))
}

/// A key as it stands, for work that goes on on its behalf; none where it would not be let in any more.
pub async fn standing(
    tx: &mut dyn IdentityTx,
    org: OrgId,
    id: ApiKeyId,
    now: OffsetDateTime,
) -> Result<Option<ApiKey>, Refusal> {
    let Some(key) = tx.api_keys().find(org, id).await? else { return Ok(None) };
    Ok(if key.revoked_at.is_none() && holds(tx, &key, now).await? { Some(key) } else { None })
}

/// Whether a key is still good, and whoever issued it may still act so.
async fn holds(tx: &mut dyn IdentityTx, key: &ApiKey, now: OffsetDateTime) -> Result<bool, Refusal> {
    if key.expires_at.is_some_and(|at| at <= now) || tx.organizations().find(key.org).await?.is_none() {
        return Ok(false);
    }
    let creator = UserId(key.meta.created_by);
    Ok(match member::role_in(tx, key.org, creator).await? {
        Some(role) => role.covers(key.role),
        None => tx.accounts().find(creator).await?.is_some_and(|account| account.platform_admin),
    })
}

async fn find(ctx: &Ctx, tx: &mut dyn IdentityTx, id: ApiKeyId) -> Result<ApiKey, Refusal> {
    tx.api_keys().find(ctx.org, id).await?.ok_or(Refusal::NotFound("API key"))
}

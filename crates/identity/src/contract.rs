//! What every adapter of this domain must show: run on memory here and on Postgres in the workspace's tests.
//!
//! The transaction is bound to a new organization, `ctx.org`, which the suite itself opens.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a suite fails by panicking")]

use grc_kernel::{Ctx, Meta, OrgId, Role, StoreError, UserId, list::Scalar};
use time::Duration;

use crate::{
    model::{Account, ApiKey, Invitation, Membership, MembershipStatus, RefreshToken, Session},
    organization::{self, OpenOrganization},
    ports::IdentityTx,
    query,
};

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut dyn IdentityTx) -> Result<(), Box<dyn std::error::Error>> {
    let mut ctx = ctx.clone();
    ctx.actor.platform_admin = true;
    let owner = account(&ctx, UserId(ctx.actor.id), "Owner@Example.com");
    tx.accounts().insert(&owner).await?;
    let open = OpenOrganization { name: format!("Contract {}", ctx.org), ..OpenOrganization::default() };
    let organization = organization::open(&ctx, tx, open).await?;
    assert_eq!(tx.organizations().find(ctx.org).await?.as_ref(), Some(&organization));
    assert!(tx.organizations().slug_taken(&organization.slug).await?);
    assert_eq!(tx.organizations().find_by_slug(&organization.slug).await?.as_ref(), Some(&organization));
    assert_eq!(tx.organizations().find_by_slug("no-such-handle").await?, None);
    accounts(&ctx, tx, &owner).await?;
    members(&ctx, tx).await?;
    keys(&ctx, tx).await?;
    let mut changed = organization.clone();
    changed.deleted_at = Some(ctx.now);
    changed.meta.touch(&ctx);
    assert!(matches!(tx.organizations().update(&changed, 7).await, Err(StoreError::Stale)));
    tx.organizations().update(&changed, 1).await?;
    assert_eq!(tx.organizations().find(ctx.org).await?, None, "a deleted organization is absent");
    assert_eq!(tx.organizations().find_by_slug(&organization.slug).await?, None, "by its handle too");
    assert!(tx.organizations().slug_taken(&organization.slug).await?, "which stays taken");
    assert_eq!(tx.members().find(ctx.org, UserId(ctx.actor.id)).await?, None, "and so are its members");
    Ok(())
}

fn account(ctx: &Ctx, id: UserId, email: &str) -> Account {
    Account {
        id,
        email: email.to_owned(),
        name: "Ωmega Ünïcode".to_owned(),
        password_hash: None,
        platform_admin: false,
        last_login_at: None,
        mfa_enabled: false,
        meta: Meta::new(ctx),
    }
}

async fn accounts(ctx: &Ctx, tx: &mut dyn IdentityTx, owner: &Account) -> Result<(), Box<dyn std::error::Error>> {
    let found = tx.accounts().find_by_email("oWNER@eXAMPLE.com").await?;
    assert_eq!(found.as_ref(), Some(owner), "addresses are unique regardless of case");
    let twin = account(ctx, ctx.new_id(), "OWNER@EXAMPLE.COM");
    assert!(matches!(tx.accounts().insert(&twin).await, Err(StoreError::Duplicate("email"))));
    assert!(!tx.accounts().none_exists().await?);
    let mut changed = owner.clone();
    changed.password_hash = Some("$argon2id$x".into());
    changed.meta.touch(ctx);
    tx.accounts().update(&changed, 1).await?;
    assert!(matches!(tx.accounts().update(&changed, 1).await, Err(StoreError::Stale)));
    tx.accounts().note_login(owner.id, ctx.now).await?;
    let stored = tx.accounts().find(owner.id).await?.map(|account| (account.password_hash, account.last_login_at));
    assert_eq!(stored, Some((changed.password_hash, Some(ctx.now))));
    Ok(())
}

async fn members(ctx: &Ctx, tx: &mut dyn IdentityTx) -> Result<(), Box<dyn std::error::Error>> {
    let roles = [Role::Viewer, Role::Analyst, Role::Admin];
    let mut users = Vec::new();
    for (i, role) in roles.into_iter().enumerate() {
        let user: UserId = ctx.new_id();
        users.push(user);
        tx.accounts().insert(&account(ctx, user, &format!("member-{i}-{user}@example.com"))).await?;
        let status = if role == Role::Admin { MembershipStatus::Deactivated } else { MembershipStatus::Active };
        let membership = Membership { id: ctx.new_id(), org: ctx.org, user, role, status, meta: Meta::new(ctx) };
        tx.members().insert(&membership).await?;
        assert!(matches!(tx.members().insert(&membership).await, Err(StoreError::Duplicate("membership"))));
    }
    assert_eq!(tx.members().lock_admins(ctx.org).await?, [UserId(ctx.actor.id)], "only active admins count");
    let by_email = query::MEMBERS.query().limited(2);
    let mut by_email = by_email.only("role", vec![Scalar::Text("viewer".into()), Scalar::Text("analyst".into())]);
    by_email.total = true;
    by_email.search = vec!["member-".into(), "ünï".into()];
    let page = tx.members().page(ctx.org, &by_email).await?;
    assert_eq!((page.items.len(), page.total, page.next_cursor), (2, Some(2), None));
    let nobody = query::MEMBERS.query().only("role", vec![Scalar::Text("auditor".into())]);
    assert!(tx.members().page(ctx.org, &nobody).await?.items.is_empty());
    let sorted = query::MEMBERS.query().limited(3);
    let first = tx.members().page(ctx.org, &sorted).await?;
    assert_eq!(first.items.len(), 3);
    let mut rest = sorted.clone();
    let cursor = first.next_cursor.ok_or("four members need a second page")?;
    rest.after = Some(grc_kernel::list::Cursor::decode(&cursor, &sorted).map_err(|e| e.detail)?);
    let second = tx.members().page(ctx.org, &rest).await?;
    assert_eq!(second.items.len(), 1);
    assert!(!first.items.contains(second.items.first().ok_or("one member is left")?));
    let viewer = *users.first().ok_or("there is a viewer")?;
    assert_eq!(tx.members().of_user(viewer).await?.len(), 1);
    tx.members().delete(ctx.org, viewer).await?;
    assert_eq!(tx.members().find(ctx.org, viewer).await?, None);
    Ok(())
}

/// The part about sessions, which belong to a person and to no organization. The person is that of [`suite`].
pub async fn sessions(ctx: &Ctx, tx: &mut dyn IdentityTx) -> Result<(), Box<dyn std::error::Error>> {
    let user = UserId(ctx.actor.id);
    let session = Session {
        id: ctx.new_id(),
        user,
        created_at: ctx.now,
        last_used_at: ctx.now,
        expires_at: ctx.now + Duration::days(30),
        revoked_at: None,
        user_agent: None,
        address: Some("::1".into()),
    };
    tx.sessions().insert(&session).await?;
    assert_eq!(tx.sessions().find(session.id).await?.as_ref(), Some(&session));
    let token = RefreshToken {
        hash: *session.id.0.as_bytes().repeat(2).first_chunk().ok_or("32 bytes")?,
        session: session.id,
        issued_at: ctx.now,
        expires_at: session.expires_at,
        used_at: None,
    };
    tx.sessions().insert_token(&token).await?;
    tx.sessions().use_token(&token.hash, ctx.now).await?;
    let used = tx.sessions().lock_token(&token.hash).await?.and_then(|token| token.used_at);
    assert_eq!(used, Some(ctx.now));
    assert_eq!(tx.sessions().lock_token(&[9; 32]).await?, None);
    assert_eq!(tx.sessions().live_of(user, ctx.now).await?, std::slice::from_ref(&session));
    tx.sessions().revoke_all(user, Some(session.id), ctx.now).await?;
    assert_eq!(tx.sessions().live_of(user, ctx.now).await?.len(), 1, "the excepted session lives on");
    tx.sessions().revoke_all(user, None, ctx.now).await?;
    assert!(tx.sessions().live_of(user, ctx.now).await?.is_empty());
    Ok(())
}

async fn keys(ctx: &Ctx, tx: &mut dyn IdentityTx) -> Result<(), Box<dyn std::error::Error>> {
    let id: grc_kernel::Uuid = ctx.new_id();
    let hash = *id.as_bytes().repeat(2).first_chunk::<32>().ok_or("32 bytes")?;
    let key = ApiKey {
        id: id.into(),
        org: ctx.org,
        name: "ci".into(),
        role: Role::Analyst,
        scopes: Some(vec![grc_kernel::access::Scope::parse("risk:read").ok_or("a scope")?]),
        prefix: "sk-0123456".into(),
        hash,
        previous: Some(([7; 32], ctx.now + Duration::hours(1))),
        expires_at: Some(ctx.now + Duration::days(1)),
        last_used_at: None,
        revoked_at: None,
        meta: Meta::new(ctx),
    };
    tx.api_keys().insert(&key).await?;
    assert_eq!(tx.api_keys().find(ctx.org, key.id).await?.as_ref(), Some(&key));
    assert_eq!(tx.api_keys().find_by_hash(&hash).await?.as_ref(), Some(&key));
    assert_eq!(tx.api_keys().find_by_hash(&[7; 32]).await?.as_ref(), Some(&key), "the former secret finds it too");
    tx.api_keys().note_use(key.id, ctx.now).await?;
    let page = tx.api_keys().page(ctx.org, &query::API_KEYS.query()).await?;
    assert_eq!(page.items.first().and_then(|key| key.last_used_at), Some(ctx.now));
    tx.api_keys().revoke_created_by(ctx.org, UserId(ctx.actor.id), ctx.now).await?;
    assert_eq!(tx.api_keys().find_by_hash(&hash).await?, None);
    let invitation = Invitation {
        id: ctx.new_id(),
        org: ctx.org,
        user: UserId(ctx.actor.id),
        hash,
        expires_at: ctx.now,
        accepted_at: None,
    };
    tx.invitations().insert(&invitation).await?;
    tx.invitations().accept(&hash, ctx.now).await?;
    assert_eq!(tx.invitations().lock(&hash).await?.and_then(|i| i.accepted_at), Some(ctx.now));
    let open = Invitation { id: ctx.new_id(), hash: [5; 32], accepted_at: None, ..invitation.clone() };
    tx.invitations().insert(&open).await?;
    assert_eq!(tx.invitations().lock(&open.hash).await?.as_ref(), Some(&open));
    tx.invitations().withdraw(OrgId(ctx.new_id()), invitation.user).await?;
    assert!(tx.invitations().lock(&open.hash).await?.is_some(), "another organization's withdrawal takes nothing");
    tx.invitations().withdraw(ctx.org, invitation.user).await?;
    assert_eq!(tx.invitations().lock(&open.hash).await?, None);
    assert!(tx.invitations().lock(&hash).await?.is_some(), "one that was used stays");
    Ok(())
}

#[cfg(test)]
mod tests {
    use grc_kernel::Uuid;

    use super::*;
    use crate::mem::MemTx;

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tx = MemTx::default();
        futures::executor::block_on(suite(&ctx, &mut tx)).unwrap();
    }
}

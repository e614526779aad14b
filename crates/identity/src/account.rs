//! Use cases of one's own account, of the first one, and of invitations.

use grc_kernel::{Checker, Ctx, Fact, IfMatch, OrgId, Patch, Refusal, UserId, kit};

use crate::{
    invitation, member,
    model::{Account, Membership, MembershipStatus, SessionId},
    ports::{IdentityTx, Passwords},
    rules,
};

/// The caller's account and memberships, each with its organization's name.
pub async fn me(ctx: &Ctx, tx: &mut dyn IdentityTx) -> Result<(Account, Vec<(Membership, String)>), Refusal> {
    let user = own(ctx)?;
    let account = find(tx, user).await?;
    Ok((account, tx.members().of_user(user).await?))
}

/// Changes the caller's own name.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    if_match: impl Into<IfMatch> + Send,
    name: Patch<String>,
) -> Result<Account, Refusal> {
    let before = find(tx, own(ctx)?).await?;
    kit::unchanged(if_match, before.meta.revision)?;
    let mut after = before.clone();
    let mut check = Checker::new();
    match name {
        Patch::Keep => {}
        Patch::Clear => check.note("name", "required", "may not be null"),
        Patch::Set(name) => after.name = check.name("name", &name),
    }
    check.finish()?;
    after.meta.touch(ctx);
    tx.accounts().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::updated(&before, &after)).await?;
    Ok(after)
}

/// Changes the caller's own password and ends their other sessions.
pub async fn change_password(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    passwords: &dyn Passwords,
    session: Option<SessionId>,
    current: &str,
    new: &str,
) -> Result<(), Refusal> {
    let before = find(tx, own(ctx)?).await?;
    rules::check_password("new_password", new, &before.email)?;
    if !passwords.verify(current, before.password_hash.as_deref()).await? {
        return Err(grc_kernel::FieldError::new("current_password", "wrong", "is not the current password").into());
    }
    let mut after = before.clone();
    after.password_hash = Some(passwords.hash(new).await?);
    after.meta.touch(ctx);
    tx.accounts().update(&after, before.meta.revision).await?;
    tx.sessions().revoke_all(after.id, session, ctx.now).await?;
    tx.journal().record(ctx, Fact::note("user", after.id.0, "password_changed")).await?;
    Ok(())
}

/// Accepts an invitation: sets the password, and the name where one is given, and activates the membership.
///
/// A token that is unknown, used or expired is refused the same way.
pub async fn accept_invitation(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    passwords: &dyn Passwords,
    token: &str,
    password: &str,
    name: Option<&str>,
) -> Result<Account, Refusal> {
    let hash = rules::hash_secret(token);
    let refused = || Refusal::from(grc_kernel::FieldError::new("token", "invalid", "is not a valid invitation"));
    let invitation = tx.invitations().lock(&hash).await?.ok_or_else(refused)?;
    if invitation.accepted_at.is_some() || invitation.expires_at <= ctx.now {
        return Err(refused());
    }
    let mut member = tx.members().find(invitation.org, invitation.user).await?.ok_or_else(refused)?;
    if member.membership.status != MembershipStatus::Invited {
        return Err(refused());
    }
    let before = member.account.clone();
    if invitation::signs_in_elsewhere(&before) {
        let detail = "is of an account that signs in through the identity provider: sign in there to accept";
        return Err(grc_kernel::FieldError::new("token", "sign_in", detail).into());
    }
    rules::check_password("password", password, &before.email)?;
    let mut check = Checker::new();
    if let Some(name) = name {
        member.account.name = check.name("name", name);
    }
    check.finish()?;
    // Somebody invited twice has a password from the first time; a second invitation does not replace it.
    if before.password_hash.is_some() && !passwords.verify(password, before.password_hash.as_deref()).await? {
        return Err(grc_kernel::FieldError::new("password", "wrong", "is not the account's password").into());
    }
    if before.password_hash.is_none() {
        member.account.password_hash = Some(passwords.hash(password).await?);
    }
    member.account.meta.touch(ctx);
    tx.accounts().update(&member.account, before.meta.revision).await?;
    let seen = member.membership.meta.revision;
    member.membership.status = MembershipStatus::Active;
    member.membership.meta.touch(ctx);
    tx.members().update(&member.membership, seen).await?;
    tx.invitations().accept(&hash, ctx.now).await?;
    tx.journal().record(ctx, Fact::note("user", before.id.0, "invitation_accepted")).await?;
    Ok(member.account)
}

/// Makes the first platform admin when there is no account at all; `None` when there is one.
pub async fn bootstrap(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    passwords: &dyn Passwords,
    email: &str,
    password: &str,
) -> Result<Option<Account>, Refusal> {
    if !tx.accounts().none_exists().await? {
        return Ok(None);
    }
    make_platform_admin(ctx, tx, passwords, email, password).await.map(Some)
}

/// Makes a platform admin, or makes an existing account one; its password is set in either case.
pub async fn make_platform_admin(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    passwords: &dyn Passwords,
    email: &str,
    password: &str,
) -> Result<Account, Refusal> {
    let mut check = Checker::new();
    let email = check.email("email", email);
    check.finish()?;
    rules::check_password("password", password, &email)?;
    let hash = passwords.hash(password).await?;
    match tx.accounts().find_by_email(&email).await? {
        Some(before) => {
            let mut after = before.clone();
            after.platform_admin = true;
            after.password_hash = Some(hash);
            after.meta.touch(ctx);
            tx.accounts().update(&after, before.meta.revision).await?;
            tx.sessions().revoke_all(after.id, None, ctx.now).await?;
            tx.journal().record(ctx, Fact::updated(&before, &after)).await?;
            Ok(after)
        }
        None => {
            let name = email.split('@').next().unwrap_or("admin").to_owned();
            let mut account = member::new_account(ctx, email, name, Some(hash));
            account.platform_admin = true;
            tx.accounts().insert(&account).await.map_err(member::taken)?;
            tx.journal().record(ctx, Fact::created(&account)).await?;
            Ok(account)
        }
    }
}

fn own(ctx: &Ctx) -> Result<UserId, Refusal> {
    ctx.actor.user_id().ok_or_else(|| Refusal::Conflict("a machine has no account of its own".into()))
}

async fn find(tx: &mut dyn IdentityTx, user: UserId) -> Result<Account, Refusal> {
    tx.accounts().find(user).await?.ok_or(Refusal::NotFound("user"))
}

/// The scope in which the use cases of this file record: accounts belong to no organization.
pub const SCOPE: OrgId = OrgId::PLATFORM;

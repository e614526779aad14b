//! Use cases of an organization's members.

use grc_kernel::{
    Access, Checker, Ctx, Fact, IfMatch, ListQuery, Meta, OrgId, Page, Patch, Permission, Refusal, Role, UserId, kit,
};

use crate::{
    invitation,
    model::{Account, Member, Membership, MembershipStatus},
    ports::{IdentityTx, Passwords, Secrets},
    rules,
};

pub(crate) const AREA: &str = "user";

/// A new member.
#[derive(Clone, Default)]
pub struct AddMember {
    /// The person's address; an existing account with it is linked.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The role, by its wire name.
    pub role: String,
    /// A first password; without one the person is invited.
    pub password: Option<String>,
}

/// A change of a member.
#[derive(Clone, Debug, Default)]
pub struct AmendMember {
    /// The person's name; only where this is the person's only membership.
    pub name: Patch<String>,
    /// The role, by its wire name.
    pub role: Patch<String>,
}

/// What became of an addition.
#[derive(Clone, Debug)]
pub struct Added {
    /// The member.
    pub member: Member,
    /// The invitation's token, shown once, where the person was invited.
    pub invitation: Option<String>,
}

/// Adds a member. Platform admins may add one to any organization.
pub async fn add(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    passwords: &dyn Passwords,
    secrets: &dyn Secrets,
    command: AddMember,
) -> Result<Added, Refusal> {
    require_admin(ctx)?;
    tx.organizations().find(ctx.org).await?.ok_or(Refusal::NotFound("organization"))?;
    let mut check = Checker::new();
    let email = check.email("email", &command.email);
    let name = check.name("name", &command.name);
    let role = role(&mut check, &command.role);
    if let Some(Err(error)) =
        command.password.as_deref().map(|password| rules::check_password("password", password, &email))
    {
        check.note(error.field, error.code, error.detail);
    }
    check.finish()?;
    let existing = tx.accounts().find_by_email(&email).await?;
    let known = existing.is_some();
    if known && command.password.is_some() {
        let detail = "the address has an account, whose password only its owner changes";
        return Err(grc_kernel::FieldError::new("password", "not_allowed", detail).into());
    }
    let account = match existing {
        Some(account) => account,
        None => {
            let password_hash = match &command.password {
                Some(password) => Some(passwords.hash(password).await?),
                None => None,
            };
            let account = new_account(ctx, email, name, password_hash);
            tx.accounts().insert(&account).await.map_err(taken)?;
            account
        }
    };
    // An account that is there already may have been made by another organization, whose admin may know its password:
    // its owner shows that they want in, by the link that this organization hands them. Only oneself is known.
    let invited = match &command.password {
        Some(_) => false,
        None => account.id.0 != ctx.actor.id,
    };
    let status = if invited { MembershipStatus::Invited } else { MembershipStatus::Active };
    let membership =
        Membership { id: ctx.new_id(), org: ctx.org, user: account.id, role, status, meta: Meta::new(ctx) };
    match tx.members().insert(&membership).await {
        Err(grc_kernel::StoreError::Duplicate(_)) => {
            return Err(Refusal::Conflict("the person is a member already".into()));
        }
        other => other?,
    }
    let invitation = if invited { Some(invitation::issue(ctx, tx, secrets, account.id).await?) } else { None };
    let member = Member { account, membership };
    tx.journal().record(ctx, Fact::created(&member)).await?;
    Ok(Added { member, invitation })
}

/// One member.
pub async fn get(ctx: &Ctx, tx: &mut dyn IdentityTx, user: UserId) -> Result<Member, Refusal> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    find(ctx, tx, user).await
}

/// A page of members.
pub async fn page(ctx: &Ctx, tx: &mut dyn IdentityTx, query: &ListQuery) -> Result<Page<Member>, Refusal> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    Ok(tx.members().page(ctx.org, query).await?)
}

/// Changes a member's role or name.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    user: UserId,
    if_match: impl Into<IfMatch> + Send,
    command: AmendMember,
) -> Result<Member, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(ctx, tx, user).await?;
    kit::unchanged(if_match, before.membership.meta.revision)?;
    let mut check = Checker::new();
    let mut after = before.clone();
    match &command.role {
        Patch::Keep => {}
        Patch::Clear => check.note("role", "required", "may not be null"),
        Patch::Set(name) => after.membership.role = role(&mut check, name),
    }
    match &command.name {
        Patch::Keep => {}
        Patch::Clear => check.note("name", "required", "may not be null"),
        Patch::Set(name) => after.account.name = check.name("name", name),
    }
    check.finish()?;
    if after.membership.role != Role::Admin {
        keep_an_admin(tx, &before).await?;
    }
    if after.account.name != before.account.name {
        if tx.members().of_user(user).await?.len() > 1 {
            let text = "the person is a member elsewhere too, so only they change their name";
            return Err(Refusal::Conflict(text.into()));
        }
        after.account.meta.touch(ctx);
        tx.accounts().update(&after.account, before.account.meta.revision).await?;
    }
    save(ctx, tx, "updated", &before, after).await
}

/// Switches a member off: from now on the person can do nothing here, and the keys they made are revoked.
pub async fn deactivate(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    user: UserId,
    if_match: impl Into<IfMatch> + Send,
) -> Result<Member, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(ctx, tx, user).await?;
    kit::unchanged(if_match, before.membership.meta.revision)?;
    // Switching on again would let somebody in who never said that they want to.
    if before.membership.status == MembershipStatus::Invited {
        let detail = "the person has not accepted the invitation yet: remove them to withdraw it";
        return Err(Refusal::Conflict(detail.into()));
    }
    keep_an_admin(tx, &before).await?;
    tx.api_keys().revoke_created_by(ctx.org, user, ctx.now).await?;
    let mut after = before.clone();
    after.membership.status = MembershipStatus::Deactivated;
    save(ctx, tx, "deactivated", &before, after).await
}

/// Switches a member on again.
pub async fn activate(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    user: UserId,
    if_match: impl Into<IfMatch> + Send,
) -> Result<Member, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(ctx, tx, user).await?;
    kit::unchanged(if_match, before.membership.meta.revision)?;
    let (status, account) = (before.membership.status, &before.account);
    let never_came = account.password_hash.is_none() && account.last_login_at.is_none();
    if status == MembershipStatus::Invited || never_came {
        return Err(Refusal::Conflict("the person has not accepted the invitation yet".into()));
    }
    let mut after = before.clone();
    after.membership.status = MembershipStatus::Active;
    save(ctx, tx, "activated", &before, after).await
}

/// Removes a member; the account and its other memberships stay.
pub async fn remove(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    user: UserId,
    if_match: impl Into<IfMatch> + Send,
) -> Result<(), Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(ctx, tx, user).await?;
    kit::unchanged(if_match, before.membership.meta.revision)?;
    keep_an_admin(tx, &before).await?;
    tx.api_keys().revoke_created_by(ctx.org, user, ctx.now).await?;
    tx.members().delete(ctx.org, user).await?;
    tx.journal().record(ctx, Fact::deleted(&before)).await?;
    Ok(())
}

/// The role that a person has in an organization: none without an active membership.
pub async fn role_in(tx: &mut dyn IdentityTx, org: OrgId, user: UserId) -> Result<Option<Role>, Refusal> {
    let member = tx.members().find(org, user).await?;
    Ok(member
        .filter(|member| member.membership.status == MembershipStatus::Active)
        .map(|member| member.membership.role))
}

fn require_admin(ctx: &Ctx) -> Result<(), Refusal> {
    if ctx.actor.platform_admin { Ok(()) } else { Ok(ctx.require(Permission::new(AREA, Access::Admin))?) }
}

pub(crate) fn new_account(ctx: &Ctx, email: String, name: String, password_hash: Option<String>) -> Account {
    Account {
        id: ctx.new_id(),
        email,
        name,
        password_hash,
        platform_admin: false,
        last_login_at: None,
        mfa_enabled: false,
        meta: Meta::new(ctx),
    }
}

/// Two requests added the same new address at once.
pub(crate) fn taken(error: grc_kernel::StoreError) -> Refusal {
    match error {
        grc_kernel::StoreError::Duplicate(_) => Refusal::Conflict("the address has an account already".into()),
        other => other.into(),
    }
}

pub(crate) fn role(check: &mut Checker, name: &str) -> Role {
    Role::parse(name).unwrap_or_else(|| {
        check.note("role", "invalid", format!("must be one of {}", Role::NAMES.join(", ")));
        Role::Viewer
    })
}

async fn find(ctx: &Ctx, tx: &mut dyn IdentityTx, user: UserId) -> Result<Member, Refusal> {
    tx.members().find(ctx.org, user).await?.ok_or(Refusal::NotFound("user"))
}

/// Refuses a move that would leave the organization without an active admin.
async fn keep_an_admin(tx: &mut dyn IdentityTx, member: &Member) -> Result<(), Refusal> {
    let membership = &member.membership;
    if membership.role != Role::Admin || membership.status != MembershipStatus::Active {
        return Ok(());
    }
    let admins = tx.members().lock_admins(membership.org).await?;
    if admins.iter().any(|admin| *admin != membership.user) {
        Ok(())
    } else {
        Err(Refusal::Conflict("the last admin of an organization stays one".into()))
    }
}

pub(crate) async fn save(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    verb: &str,
    before: &Member,
    mut after: Member,
) -> Result<Member, Refusal> {
    after.membership.meta.touch(ctx);
    tx.members().update(&after.membership, before.membership.meta.revision).await?;
    tx.journal().record(ctx, Fact::moved(verb, before, &after)).await?;
    Ok(after)
}

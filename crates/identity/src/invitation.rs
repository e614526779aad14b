//! Use cases of invitations: asking somebody in, and their coming in without the link.

use grc_kernel::{Access, Checker, Ctx, Fact, Meta, Permission, Refusal, UserId};
use time::Duration;

use crate::{
    member::{self, AREA, Added},
    model::{Account, Invitation, Member, Membership, MembershipStatus},
    ports::{IdentityTx, Secrets},
    rules,
};

/// How long an invitation can be accepted.
pub const INVITATION_DAYS: i64 = 7;

/// An invitation to be sent.
#[derive(Clone, Default)]
pub struct Invite {
    /// The person's address.
    pub email: String,
    /// The person's name; without one it is the first part of the address until they say another.
    pub name: Option<String>,
    /// The role, by its wire name.
    pub role: String,
}

/// Invites somebody. They become a member when they accept, whether they have an account already or not.
///
/// Inviting somebody again makes a new link, which takes the place of the former one, and settles the role anew.
pub async fn send(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    command: Invite,
) -> Result<Added, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    tx.organizations().find(ctx.org).await?.ok_or(Refusal::NotFound("organization"))?;
    let mut check = Checker::new();
    let email = check.email("email", &command.email);
    let local = email.split('@').next().unwrap_or_default().to_owned();
    let name = check.name("name", command.name.as_deref().unwrap_or(&local));
    let role = member::role(&mut check, &command.role);
    check.finish()?;
    let account = match tx.accounts().find_by_email(&email).await? {
        Some(account) => account,
        None => {
            let account = member::new_account(ctx, email, name, None);
            tx.accounts().insert(&account).await.map_err(member::taken)?;
            account
        }
    };
    let member = match tx.members().find(ctx.org, account.id).await? {
        None => {
            let (user, status) = (account.id, MembershipStatus::Invited);
            let membership = Membership { id: ctx.new_id(), org: ctx.org, user, role, status, meta: Meta::new(ctx) };
            tx.members().insert(&membership).await.map_err(member::taken)?;
            let member = Member { account, membership };
            tx.journal().record(ctx, Fact::created(&member)).await?;
            member
        }
        Some(before) if before.membership.status == MembershipStatus::Invited => {
            tx.invitations().withdraw(ctx.org, account.id).await?;
            let mut after = before.clone();
            after.membership.role = role;
            member::save(ctx, tx, "invited_again", &before, after).await?
        }
        Some(member) if member.membership.status == MembershipStatus::Deactivated => {
            return Err(Refusal::Conflict("the person is a member who was switched off; switch them on again".into()));
        }
        Some(_) => return Err(Refusal::Conflict("the person is a member already".into())),
    };
    let token = issue(ctx, tx, secrets, member.account.id).await?;
    Ok(Added { member, invitation: Some(token) })
}

/// Makes the link of somebody who is invited; its token, which is shown now and never again.
pub(crate) async fn issue(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    secrets: &dyn Secrets,
    user: UserId,
) -> Result<String, Refusal> {
    let token = rules::token(secrets.random());
    let expires_at = ctx.now + Duration::days(INVITATION_DAYS);
    let hash = rules::hash_secret(&token);
    let invitation = Invitation { id: ctx.new_id(), org: ctx.org, user, hash, expires_at, accepted_at: None };
    tx.invitations().insert(&invitation).await?;
    Ok(token)
}

/// Lets an invited person in whose address was vouched for in another way than by the link: by the identity provider that
/// signed them in. The link is then of no use any more. None where nobody is invited.
///
/// Where `passwords_work`, an account that has a password is let in by the link and the password alone: another
/// organization may have made the account, with a password that is not its owner's.
pub async fn welcome(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    user: UserId,
    passwords_work: bool,
) -> Result<Option<Member>, Refusal> {
    let invited = |member: &Member| {
        member.membership.status == MembershipStatus::Invited
            && !(passwords_work && member.account.password_hash.is_some())
    };
    let Some(before) = tx.members().find(ctx.org, user).await?.filter(invited) else { return Ok(None) };
    tx.invitations().withdraw(ctx.org, user).await?;
    let mut after = before.clone();
    after.membership.status = MembershipStatus::Active;
    Ok(Some(member::save(ctx, tx, "invitation_accepted", &before, after).await?))
}

/// Whether a person only ever signed in through the identity provider: a password, which whoever holds a link could choose,
/// is not what they come in by.
pub(crate) fn signs_in_elsewhere(account: &Account) -> bool {
    account.password_hash.is_none() && account.last_login_at.is_some()
}

//! An organization's members.

use grc_identity::{
    MembershipStatus,
    invitation::{self, Invite},
    member::{self, AddMember, Added, AmendMember},
    query,
    rules::PASSWORD_MIN,
};
use grc_kernel::{Ctx, ListQuery, OrgId, Record, Refusal, Role};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    http::{
        call::{Answer, Body, Call, Is, Listed, New, Nothing, Reply, UserAdd, UserAdmin, UserRead},
        export,
        list::{Ask, Listing},
        problem::Problem,
        shape::{Ty, absent, may, must, null},
    },
    shapes,
};

shapes! {
    /// A person as a member of an organization.
    @stored User [&[
        must("org_id", Ty::Id, "The organization."),
        must("email", Ty::Line(254), "The address."),
        must("name", Ty::Line(200), "The name."),
        must("role", Ty::Word(Role::NAMES), "The role in this organization."),
        must("status", Ty::Word(MembershipStatus::NAMES), "Where the membership stands."),
        null("last_login_at", Ty::Time, "The last log-in."),
        must("mfa_enabled", Ty::Bool, "Whether a second factor is set up."),
        may("invitation_url", Ty::Line(2_000), "Where the invited person sets a password; shown once."),
    ]],
    /// A new member.
    UserCreate [&[
        must("email", Ty::Email, "The address; an existing account with it is linked."),
        must("name", Ty::Line(200), "The name."),
        must("role", Ty::Word(Role::NAMES), "The role."),
        may("password", Ty::Text(1_024), "A first password; without one the person is invited.").at_least(PASSWORD_MIN),
    ]],
    /// An invitation.
    UserInvite [&[
        must("email", Ty::Email, "The address."),
        may("name", Ty::Line(200), "The name; without it, the first part of the address until the person says another."),
        must("role", Ty::Word(Role::NAMES), "The role."),
    ]],
    /// A change of a member.
    UserPatch [&[
        absent("name", Ty::Line(200), "The name, where this is the person's only membership."),
        absent("role", Ty::Word(Role::NAMES), "The role."),
    ]],
}

impl Listing for User {
    const SPEC: &'static grc_kernel::ListSpec = &query::MEMBERS;
    type Item = Self;
}

/// The organization's members.
#[api_v2_operation(tags("Users"), operation_id = "list_users", summary = "The organization's members")]
async fn list(call: Call<UserRead>, _path: web::Path<Uuid>, ask: Ask<User>) -> Result<Reply<Listed<User>>, Problem> {
    let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| member::page(ctx, uow.identity(), query).await;
    export::listed(&call, &ask, read, Record::snapshot).await
}

/// Adds a member.
#[api_v2_operation(tags("Users"), operation_id = "create_user", summary = "Add a member, or invite one")]
async fn create(
    call: Call<UserAdd>,
    _path: web::Path<Uuid>,
    body: Body<UserCreate>,
) -> Result<Reply<New<User>>, Problem> {
    let input = body.form()?;
    let command = AddMember {
        email: input.text("email"),
        name: input.text("name"),
        role: input.text("role"),
        password: input.get("password"),
    };
    let app = call.app.clone();
    let org = call.org;
    call.write_anew(body.bytes(), async |ctx, uow| {
        let added = member::add(ctx, uow.identity(), &app.passwords, &app.secrets, command).await?;
        Ok::<_, Refusal>(added_answer(&app.public_url, org, added))
    })
    .await
}

/// Invites somebody, who becomes a member when they accept.
///
/// The link is in the answer, once. Inviting again makes a new link in place of the former one, with the role that is
/// named now. Where people sign in through Cloudflare Access they need no link: signing in accepts.
#[api_v2_operation(tags("Users"), operation_id = "invite_user", summary = "Invite somebody, or invite them again")]
async fn invite(
    call: Call<UserAdmin>,
    _path: web::Path<Uuid>,
    body: Body<UserInvite>,
) -> Result<Reply<New<User>>, Problem> {
    let input = body.form()?;
    let command = Invite { email: input.text("email"), name: input.get("name"), role: input.text("role") };
    let app = call.app.clone();
    let org = call.org;
    call.write_anew(body.bytes(), async |ctx, uow| {
        let added = invitation::send(ctx, uow.identity(), &app.secrets, command).await?;
        Ok::<_, Refusal>(added_answer(&app.public_url, org, added))
    })
    .await
}

/// A new member, with the link that is shown once.
fn added_answer(public_url: &str, org: OrgId, added: Added) -> Answer {
    let mut shown = added.member.snapshot();
    if let (Some(token), Value::Object(members)) = (added.invitation, &mut shown) {
        members.insert("invitation_url".into(), format!("{public_url}/invitations/{token}").into());
    }
    let location = format!("/api/v1/orgs/{org}/users/{}", added.member.account.id);
    Answer::created(shown, location).secret(&["invitation_url"])
}

/// One member.
#[api_v2_operation(tags("Users"), operation_id = "get_user", summary = "One member")]
async fn get(call: Call<UserRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<User>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| member::get(ctx, uow.identity(), id).await.map(|m| Answer::resource(m.snapshot()))).await
}

/// Changes a member.
#[api_v2_operation(tags("Users"), operation_id = "update_user", summary = "Change a member's role or name")]
async fn update(
    call: Call<UserAdmin>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<UserPatch>,
) -> Result<Reply<Is<User>>, Problem> {
    let id = path.into_inner().1.into();
    let input = body.form()?;
    let seen = call.if_match()?;
    let command = AmendMember { name: input.patch("name"), role: input.patch("role") };
    call.write_anew(body.bytes(), async |ctx, uow| {
        member::amend(ctx, uow.identity(), id, seen, command).await.map(|m| Answer::resource(m.snapshot()))
    })
    .await
}

/// Removes a member; the last admin stays.
#[api_v2_operation(tags("Users"), operation_id = "delete_user", summary = "Remove a member")]
async fn delete(call: Call<UserAdmin>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Nothing>, Problem> {
    let id = path.into_inner().1.into();
    let seen = call.if_match()?;
    call.write_anew(&[], async |ctx, uow| member::remove(ctx, uow.identity(), id, seen).await.map(|()| Answer::none()))
        .await
}

/// Switches a member off, at once.
#[api_v2_operation(tags("Users"), operation_id = "deactivate_user", summary = "Switch a member off")]
async fn deactivate(call: Call<UserAdmin>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<User>>, Problem> {
    let id = path.into_inner().1.into();
    call.write_anew(&[], async |ctx, uow| {
        member::deactivate(ctx, uow.identity(), id, None).await.map(|m| Answer::resource(m.snapshot()))
    })
    .await
}

/// Switches a member on again.
#[api_v2_operation(tags("Users"), operation_id = "activate_user", summary = "Switch a member on again")]
async fn activate(call: Call<UserAdmin>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<User>>, Problem> {
    let id = path.into_inner().1.into();
    call.write_anew(&[], async |ctx, uow| {
        member::activate(ctx, uow.identity(), id, None).await.map(|m| Answer::resource(m.snapshot()))
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/api/v1/orgs/{org_id}/users").route(web::get().to(list)).route(web::post().to(create)))
        .service(web::resource("/api/v1/orgs/{org_id}/users/invite").route(web::post().to(invite)))
        .service(
            web::resource("/api/v1/orgs/{org_id}/users/{user_id}")
                .route(web::get().to(get))
                .route(web::patch().to(update))
                .route(web::delete().to(delete)),
        )
        .service(web::resource("/api/v1/orgs/{org_id}/users/{user_id}/deactivate").route(web::post().to(deactivate)))
        .service(web::resource("/api/v1/orgs/{org_id}/users/{user_id}/activate").route(web::post().to(activate)));
}

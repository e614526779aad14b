//! Log-in, sessions, one's own account, organizations.

use grc_identity::{
    Account, Session, account,
    organization::{self, AmendOrganization, OpenOrganization},
    query,
    rules::PASSWORD_MIN,
    session::{self, Login, Opened, Refreshed},
};
use grc_kernel::{Access, Ctx, ListQuery, OrgId, Record, Refusal, Role, list::page_in_memory};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    adapters::tokens::ACCESS_SECONDS,
    http::{
        call::{
            Answer, Body, Call, Is, Listed, New, Nothing, OrganizationAdmin, OrganizationRead, Own, Platform, Public,
            Reply,
        },
        caller::Credential,
        export,
        list::{Ask, Listing},
        problem::Problem,
        shape::{Ty, absent, forms, may, must, null},
    },
    shapes,
};

/// The form of an organization's handle.
const SLUG: forms::Form = forms::form("^[a-z0-9]+(-[a-z0-9]+)*$", "acme");

shapes! {
    /// A log-in.
    LoginRequest [&[
        must("email", Ty::Line(254), "The account's address."),
        must("password", Ty::Text(1_024), "Its password."),
        may("totp_code", Ty::Line(16), "The second factor, where one is set up."),
    ]],
    /// A refresh token.
    RefreshRequest [&[must("refresh_token", Ty::Line(200), "The newest refresh token of the session.")]],
    /// A change of password.
    PasswordRequest [&[
        must("current_password", Ty::Text(1_024), "The current password."),
        must("new_password", Ty::Text(1_024), "At least 15 characters; not a common one, nor built on the address.").at_least(PASSWORD_MIN),
    ]],
    /// The acceptance of an invitation.
    InvitationAcceptance [&[
        must("token", Ty::Line(200), "The invitation's token."),
        must("password", Ty::Text(1_024), "At least 15 characters.").at_least(PASSWORD_MIN),
        may("name", Ty::Line(200), "The person's name, where another is wanted."),
    ]],
    /// A person's account.
    @stored Profile [&[
        must("email", Ty::Line(254), "The address."),
        must("name", Ty::Line(200), "The name."),
        must("platform_admin", Ty::Bool, "Whether the person administers the platform."),
        null("last_login_at", Ty::Time, "The last log-in."),
        must("mfa_enabled", Ty::Bool, "Whether a second factor is set up."),
    ]],
    /// A membership of one's own.
    OwnMembership [&[
        must("org_id", Ty::Id, "The organization."),
        must("org_name", Ty::Line(200), "Its name."),
        must("role", Ty::Word(Role::NAMES), "The role there."),
        must("status", Ty::Word(grc_identity::MembershipStatus::NAMES), "Where the membership stands."),
        must("permissions", Ty::List(&Ty::Line(20), 5), "The access classes of the role."),
    ]],
    /// One's own account with its memberships.
    Me [&[
        must("user", Ty::Object(Profile::SHAPE), "The account."),
        must("memberships", Ty::List(&Ty::Object(OwnMembership::SHAPE), 10_000), "The memberships."),
    ]],
    /// Tokens of a session.
    Tokens [&[
        must("access_token", Ty::Line(4_096), "For the Authorization header."),
        must("refresh_token", Ty::Line(200), "For /auth/refresh; each works once."),
        must("token_type", Ty::Word(&["Bearer"]), "Bearer."),
        must("expires_in", Ty::Int(1, 86_400), "Seconds that the access token works."),
        must("user", Ty::Object(Profile::SHAPE), "Whose."),
    ]],
    /// A session.
    SessionInfo [&[
        must("id", Ty::Id, "Its id."),
        must("created_at", Ty::Time, "When it was opened."),
        must("last_used_at", Ty::Time, "When it was last refreshed."),
        must("expires_at", Ty::Time, "When it ends unless refreshed."),
        null("user_agent", Ty::Line(200), "The client's own description."),
        null("address", Ty::Line(100), "Where it was opened from."),
        must("current", Ty::Bool, "Whether it is the one of this request."),
    ]],
    /// A change of one's own account.
    ProfilePatch [&[absent("name", Ty::Line(200), "The name.")]],
    /// A tenant.
    @stored OrganizationBody [&[
        must("name", Ty::Line(200), "Its name."),
        must("slug", Ty::Line(64), "A readable, unique handle.").of_form(SLUG),
        null("industry", Ty::Line(200), "What it does."),
        null("country", Ty::Line(2), "ISO 3166-1 alpha-2.").of_form(forms::COUNTRY),
        null("timezone", Ty::Line(64), "IANA time zone.").of_form(forms::ZONE),
        must("settings", Ty::Any, "Free settings of clients."),
        null("deleted_at", Ty::Time, "When it was deleted."),
    ]],
    /// A new organization.
    OrganizationCreate [&[
        must("name", Ty::Line(200), "Its name."),
        may("slug", Ty::Line(60), "Else derived from the name.").of_form(SLUG),
        may("industry", Ty::Line(200), "What it does."),
        may("country", Ty::Line(2), "ISO 3166-1 alpha-2.").of_form(forms::COUNTRY),
        may("timezone", Ty::Line(64), "IANA time zone.").of_form(forms::ZONE),
        may("settings", Ty::Any, "Free settings of clients, 64 KiB at most."),
    ]],
    /// A change of an organization.
    OrganizationPatch [&[
        absent("name", Ty::Line(200), "Its name."),
        may("industry", Ty::Line(200), "What it does."),
        may("country", Ty::Line(2), "ISO 3166-1 alpha-2.").of_form(forms::COUNTRY),
        may("timezone", Ty::Line(64), "IANA time zone.").of_form(forms::ZONE),
        may("settings", Ty::Any, "Free settings of clients, replaced as a whole."),
    ]],
}

impl Listing for SessionInfo {
    const SPEC: &'static grc_kernel::ListSpec = &query::SESSIONS;
    type Item = Self;
}

impl Listing for OrganizationBody {
    const SPEC: &'static grc_kernel::ListSpec = &query::ORGANIZATIONS;
    type Item = Self;
}

fn profile(account: &Account) -> Value {
    account.snapshot()
}

/// Refuses what passwords of our own are needed for, where Cloudflare Access alone counts.
fn passwords_work<R>(call: &Call<R>) -> Result<(), Problem> {
    if call.app.door.mode.local() {
        return Ok(());
    }
    Err(Problem::new(403, "people sign in through Cloudflare Access here; passwords are not used"))
}

fn tokens(call: &Call<Public>, opened: &Opened) -> Result<Value, Problem> {
    let now = crate::adapters::clock::now();
    let access = call.app.tokens.access(opened.account.id.0, opened.session.id.0, call.app.ids.next(), now);
    let access = access.map_err(|error| {
        tracing::error!(%error, "a token could not be signed");
        Problem::new(500, "an internal error")
    })?;
    Ok(json!({
        "access_token": access,
        "refresh_token": opened.refresh_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "user": profile(&opened.account),
    }))
}

/// Opens a session.
///
/// The answer and its time do not tell whether the account exists. Log-ins are not kept for
/// Idempotency-Key: a reply holds secrets.
#[api_v2_operation(tags("Authentication"), operation_id = "login", summary = "Log in with e-mail and password")]
async fn login(call: Call<Public>, body: Body<LoginRequest>) -> Result<Reply<Is<Tokens>>, Problem> {
    let input = body.read()?;
    passwords_work(&call)?;
    let (email, password) = (input.text("email"), input.text("password"));
    call.app.limits.may_log_in(&email, &call.address).await?;
    let found: Result<_, Refusal> = call
        .app
        .db
        .read(OrgId::PLATFORM, async |uow| {
            uow.identity().accounts().find_by_email(email.trim()).await.map_err(Into::into)
        })
        .await;
    let account = found?;
    // The password is checked outside any transaction: it takes long on purpose.
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = grc_identity::Passwords::verify(&call.app.passwords, &password, hash.as_deref()).await?;
    call.app.limits.logged_in(&email, &call.address, right && account.is_some()).await?;
    let Some(account) = account.filter(|_| right) else {
        tracing::info!(address = call.address, "a log-in failed");
        return Err(Problem::new(401, "the credentials are not valid"));
    };
    let login = Login {
        email,
        password: String::new(),
        user_agent: call.header("user-agent").map(str::to_owned),
        address: Some(call.address.clone()),
    };
    let mut ctx = call.ctx();
    ctx.actor = grc_kernel::Actor::user(account.id, account.name.clone(), None);
    let opened: Result<Opened, Refusal> = call
        .app
        .db
        .write(OrgId::PLATFORM, async |uow| {
            session::open(&ctx, uow.identity(), &call.app.secrets, account, &login).await
        })
        .await;
    Ok(Reply::plain(Answer::ok(tokens(&call, &opened?)?)))
}

/// Exchanges a refresh token for a new pair.
///
/// Each refresh token works once; the replay of a used one ends the whole session.
#[api_v2_operation(
    tags("Authentication"),
    operation_id = "refresh",
    summary = "Exchange a refresh token for new tokens"
)]
async fn refresh(call: Call<Public>, body: Body<RefreshRequest>) -> Result<Reply<Is<Tokens>>, Problem> {
    let secret = body.form()?.text("refresh_token");
    passwords_work(&call)?;
    let ctx = call.ctx();
    let outcome: Result<Refreshed, Refusal> = call
        .app
        .db
        .write(OrgId::PLATFORM, async |uow| session::refresh(&ctx, uow.identity(), &call.app.secrets, &secret).await)
        .await;
    match outcome? {
        Refreshed::Rotated(opened) => Ok(Reply::plain(Answer::ok(tokens(&call, &opened)?))),
        Refreshed::Replayed => {
            call.app.callers.forget();
            tracing::warn!(address = call.address, "a used refresh token was presented again: its session is ended");
            Err(Problem::new(401, "the credentials are not valid"))
        }
        Refreshed::Unknown => Err(Problem::new(401, "the credentials are not valid")),
    }
}

fn own_session(call: &Call<Own>) -> Result<grc_identity::model::SessionId, Problem> {
    match call.caller.as_ref().map(|caller| &caller.credential) {
        Some(Credential::User(_, Some(session))) => Ok(*session),
        Some(Credential::User(_, None)) => {
            Err(Problem::new(409, "who signed in through Cloudflare Access has no session here, and signs out there"))
        }
        _ => Err(Problem::new(409, "an API key has no session")),
    }
}

/// Ends the session of this request.
#[api_v2_operation(tags("Authentication"), operation_id = "logout", summary = "End the session of this request")]
async fn logout(call: Call<Own>) -> Result<Reply<Nothing>, Problem> {
    let id = own_session(&call)?;
    call.write_anew(&[], async |ctx, uow| session::close(ctx, uow.identity(), id).await.map(|()| Answer::none())).await
}

/// Changes one's own password; other sessions end.
#[api_v2_operation(tags("Authentication"), operation_id = "change_password", summary = "Change one's own password")]
async fn password(call: Call<Own>, body: Body<PasswordRequest>) -> Result<Reply<Nothing>, Problem> {
    let input = body.form()?;
    passwords_work(&call)?;
    let session = own_session(&call)?;
    let (current, new) = (input.text("current_password"), input.text("new_password"));
    let passwords = &call.app.passwords;
    call.write_anew(body.bytes(), async |ctx, uow| {
        account::change_password(ctx, uow.identity(), passwords, Some(session), &current, &new)
            .await
            .map(|()| Answer::none())
    })
    .await
}

/// Accepts an invitation and opens a session.
#[api_v2_operation(
    tags("Authentication"),
    operation_id = "accept_invitation",
    summary = "Accept an invitation: set a password, become active"
)]
async fn accept(call: Call<Public>, body: Body<InvitationAcceptance>) -> Result<Reply<Is<Tokens>>, Problem> {
    let input = body.form()?;
    passwords_work(&call)?;
    let (token, password, name) = (input.text("token"), input.text("password"), input.get::<String>("name"));
    let ctx = call.ctx();
    let login = Login {
        user_agent: call.header("user-agent").map(str::to_owned),
        address: Some(call.address.clone()),
        ..Login::default()
    };
    let opened: Result<Opened, Refusal> = call
        .app
        .db
        .write(OrgId::PLATFORM, async |uow| {
            let account = account::accept_invitation(
                &ctx,
                uow.identity(),
                &call.app.passwords,
                &token,
                &password,
                name.as_deref(),
            )
            .await?;
            session::begin(&ctx, uow.identity(), &call.app.secrets, account, &login).await
        })
        .await;
    call.app.callers.forget();
    Ok(Reply::plain(Answer::ok(tokens(&call, &opened?)?)))
}

/// One's own sessions.
#[api_v2_operation(tags("Authentication"), operation_id = "list_sessions", summary = "One's own live sessions")]
async fn sessions(call: Call<Own>, ask: Ask<SessionInfo>) -> Result<Reply<Listed<SessionInfo>>, Problem> {
    let current = own_session(&call).ok();
    let show = move |session: &Session| {
        let mut body = session.snapshot();
        if let Value::Object(members) = &mut body {
            members.insert("current".into(), (Some(session.id) == current).into());
        }
        body
    };
    let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| session::page(ctx, uow.identity(), query).await;
    export::listed(&call, &ask, read, show).await
}

/// Ends one of one's own sessions.
#[api_v2_operation(tags("Authentication"), operation_id = "revoke_session", summary = "End one of one's own sessions")]
async fn revoke(call: Call<Own>, id: web::Path<Uuid>) -> Result<Reply<Nothing>, Problem> {
    let id = id.into_inner().into();
    call.write_anew(&[], async |ctx, uow| session::close(ctx, uow.identity(), id).await.map(|()| Answer::none())).await
}

/// One's own account.
#[api_v2_operation(tags("Users"), operation_id = "get_me", summary = "One's own account, memberships and permissions")]
async fn me(call: Call<Own>) -> Result<Reply<Is<Me>>, Problem> {
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let (account, memberships) = account::me(ctx, uow.identity()).await?;
        let memberships: Vec<Value> = memberships
            .into_iter()
            .map(|(membership, name)| {
                let permissions: Vec<&str> = Access::ALL
                    .into_iter()
                    .filter(|access| membership.role.allows(*access))
                    .map(Access::as_str)
                    .collect();
                json!({
                    "org_id": membership.org.to_string(), "org_name": name, "role": membership.role.as_str(),
                    "status": membership.status.as_str(), "permissions": permissions,
                })
            })
            .collect();
        Ok(Answer::resource(json!({"user": profile(&account), "memberships": memberships})))
    })
    .await
}

/// Changes one's own name.
#[api_v2_operation(tags("Users"), operation_id = "update_me", summary = "Change one's own name")]
async fn update_me(call: Call<Own>, body: Body<ProfilePatch>) -> Result<Reply<Is<Profile>>, Problem> {
    let input = body.form()?;
    let seen = call.if_match()?;
    call.write(body.bytes(), async |ctx, uow| {
        account::amend(ctx, uow.identity(), seen, input.patch("name"))
            .await
            .map(|account| Answer::resource(profile(&account)))
    })
    .await
}

/// The organizations that one belongs to; all, for a platform admin.
#[api_v2_operation(
    tags("Organizations"),
    operation_id = "list_organizations",
    summary = "The organizations that the caller belongs to"
)]
async fn list(call: Call<Own>, ask: Ask<OrganizationBody>) -> Result<Reply<Listed<OrganizationBody>>, Problem> {
    // A machine sees the organizations that it acts in: one with a key, those that the list names with a service token.
    let of_machine: Option<Vec<OrgId>> = call.caller.as_ref().and_then(|caller| match &caller.credential {
        Credential::Key(key) => Some(vec![key.org]),
        Credential::Partner(grant) => Some(vec![grant.org]),
        Credential::Machine(machine) => Some(machine.places.iter().map(|(org, _)| *org).collect()),
        Credential::User(..) => None,
    });
    let read = async move |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| -> Result<_, Refusal> {
        match &of_machine {
            Some(orgs) => {
                let mut found = Vec::new();
                for org in orgs {
                    found.extend(uow.identity().organizations().find(*org).await?);
                }
                Ok(page_in_memory(found.iter(), query))
            }
            None => organization::page(ctx, uow.identity(), query).await,
        }
    };
    export::listed(&call, &ask, read, Record::snapshot).await
}

/// Opens an organization, whose first admin the caller becomes.
#[api_v2_operation(tags("Organizations"), operation_id = "create_organization", summary = "Open an organization")]
async fn create(call: Call<Platform>, body: Body<OrganizationCreate>) -> Result<Reply<New<OrganizationBody>>, Problem> {
    let input = body.form()?;
    let command = OpenOrganization {
        name: input.text("name"),
        slug: input.get("slug"),
        industry: input.get("industry"),
        country: input.get("country"),
        timezone: input.get("timezone"),
        settings: input.get("settings"),
    };
    let id = OrgId(call.app.ids.next());
    let reply = call
        .write_in(id, body.bytes(), async |ctx, uow| {
            let made = organization::open(&ctx.clone().in_org(id, Some(Role::Admin)), uow.identity(), command).await?;
            Ok::<_, Refusal>(Answer::created(made.snapshot(), format!("/api/v1/orgs/{id}")))
        })
        .await;
    call.app.callers.forget();
    reply
}

/// One organization.
#[api_v2_operation(tags("Organizations"), operation_id = "get_organization", summary = "One organization")]
async fn get(call: Call<OrganizationRead>, _path: web::Path<Uuid>) -> Result<Reply<Is<OrganizationBody>>, Problem> {
    call.read(async |ctx, uow| organization::get(ctx, uow.identity()).await.map(|o| Answer::resource(o.snapshot())))
        .await
}

/// Changes an organization.
#[api_v2_operation(tags("Organizations"), operation_id = "update_organization", summary = "Change an organization")]
async fn update(
    call: Call<OrganizationAdmin>,
    _path: web::Path<Uuid>,
    body: Body<OrganizationPatch>,
) -> Result<Reply<Is<OrganizationBody>>, Problem> {
    let input = body.form()?;
    let seen = call.if_match()?;
    let command = AmendOrganization {
        name: input.patch("name"),
        industry: input.patch("industry"),
        country: input.patch("country"),
        timezone: input.patch("timezone"),
        settings: input.patch("settings"),
    };
    call.write(body.bytes(), async |ctx, uow| {
        organization::amend(ctx, uow.identity(), seen, command).await.map(|o| Answer::resource(o.snapshot()))
    })
    .await
}

/// Deletes an organization: absent at once, kept for 30 days.
#[api_v2_operation(tags("Organizations"), operation_id = "delete_organization", summary = "Delete an organization")]
async fn delete(call: Call<Platform>, _path: web::Path<Uuid>) -> Result<Reply<Nothing>, Problem> {
    let seen = call.if_match()?;
    call.write_anew(&[], async |ctx, uow| {
        organization::delete(ctx, uow.identity(), seen).await.map(|()| Answer::none())
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/api/v1/auth/login").route(web::post().to(login)))
        .service(web::resource("/api/v1/auth/refresh").route(web::post().to(refresh)))
        .service(web::resource("/api/v1/auth/logout").route(web::post().to(logout)))
        .service(web::resource("/api/v1/auth/password").route(web::post().to(password)))
        .service(web::resource("/api/v1/auth/invitations/accept").route(web::post().to(accept)))
        .service(web::resource("/api/v1/auth/sessions").route(web::get().to(sessions)))
        .service(web::resource("/api/v1/auth/sessions/{session_id}").route(web::delete().to(revoke)))
        .service(web::resource("/api/v1/users/me").route(web::get().to(me)).route(web::patch().to(update_me)))
        .service(web::resource("/api/v1/orgs").route(web::get().to(list)).route(web::post().to(create)))
        .service(
            web::resource("/api/v1/orgs/{org_id}")
                .route(web::get().to(get))
                .route(web::patch().to(update))
                .route(web::delete().to(delete)),
        );
}

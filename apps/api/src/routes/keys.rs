//! API keys.

use grc_identity::{
    api_key::{self, GRACE_MAX_SECONDS, IssueKey, Issued},
    query,
};
use grc_kernel::{Ctx, ListQuery, Record, Refusal, Role};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    http::{
        call::{Answer, Body, Call, Is, KeyAdmin, Listed, New, Nothing, Reply},
        export,
        list::{Ask, Listing},
        problem::Problem,
        shape::{Ty, forms, may, must, null},
    },
    shapes,
};

/// The form of a scope; which areas there are an error tells.
const SCOPE: forms::Form = forms::form("^[a-z0-9_]+:(read|write)$", "risk:read");

shapes! {
    /// A key for machines.
    @stored ApiKeyBody [&[
        must("org_id", Ty::Id, "Its organization."),
        must("name", Ty::Line(200), "What it is for."),
        must("role", Ty::Word(Role::NAMES), "Its role."),
        null("scopes", Ty::List(&Ty::Line(50), 50), "A narrowing, `risk:read`.").of_form(SCOPE),
        must("prefix", Ty::Line(20), "The first characters of the secret."),
        null("expires_at", Ty::Time, "When it stops working."),
        null("last_used_at", Ty::Time, "When it was last used, to the minute."),
        null("revoked_at", Ty::Time, "When it was revoked."),
        may("key", Ty::Line(200), "The secret, shown once."),
    ]],
    /// A new key.
    ApiKeyCreate [&[
        must("name", Ty::Line(200), "What it is for."),
        must("role", Ty::Word(Role::NAMES), "Its role, at most the creator's."),
        may("scopes", Ty::List(&Ty::Line(50), 50), "A narrowing, `risk:read`.").of_form(SCOPE),
        may("expires_at", Ty::Time, "When it stops working."),
    ]],
    /// A rotation.
    ApiKeyRotation [&[may("grace_seconds", Ty::Int(0, GRACE_MAX_SECONDS), "How long the old secret goes on working.")]],
}

impl Listing for ApiKeyBody {
    const SPEC: &'static grc_kernel::ListSpec = &query::API_KEYS;
    type Item = Self;
}

fn shown(issued: &Issued) -> Value {
    let mut body = issued.key.snapshot();
    if let Value::Object(members) = &mut body {
        members.insert("key".into(), issued.secret.clone().into());
    }
    body
}

/// The organization's keys.
#[api_v2_operation(tags("API keys"), operation_id = "list_api_keys", summary = "The organization's API keys")]
async fn list(
    call: Call<KeyAdmin>,
    _path: web::Path<Uuid>,
    ask: Ask<ApiKeyBody>,
) -> Result<Reply<Listed<ApiKeyBody>>, Problem> {
    let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| api_key::page(ctx, uow.identity(), query).await;
    export::listed(&call, &ask, read, Record::snapshot).await
}

/// Issues a key.
#[api_v2_operation(
    tags("API keys"),
    operation_id = "create_api_key",
    summary = "Issue an API key; the secret is shown once"
)]
async fn create(
    call: Call<KeyAdmin>,
    _path: web::Path<Uuid>,
    body: Body<ApiKeyCreate>,
) -> Result<Reply<New<ApiKeyBody>>, Problem> {
    let input = body.form()?;
    let command = IssueKey {
        name: input.text("name"),
        role: input.text("role"),
        scopes: input.get("scopes"),
        expires_at: input.get("expires_at"),
    };
    let (app, org) = (call.app.clone(), call.org);
    call.write(body.bytes(), async |ctx, uow| {
        let issued = api_key::issue(ctx, uow.identity(), &app.secrets, command).await?;
        let location = format!("/api/v1/orgs/{org}/api-keys/{}", issued.key.id);
        Ok::<_, Refusal>(Answer::created(shown(&issued), location).secret(&["key"]))
    })
    .await
}

/// One key.
#[api_v2_operation(tags("API keys"), operation_id = "get_api_key", summary = "One API key")]
async fn get(call: Call<KeyAdmin>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<ApiKeyBody>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| api_key::get(ctx, uow.identity(), id).await.map(|key| Answer::resource(key.snapshot())))
        .await
}

/// Gives a key a new secret.
#[api_v2_operation(tags("API keys"), operation_id = "rotate_api_key", summary = "Give an API key a new secret")]
async fn rotate(
    call: Call<KeyAdmin>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<ApiKeyRotation>,
) -> Result<Reply<Is<ApiKeyBody>>, Problem> {
    let id = path.into_inner().1.into();
    let grace = body.read_or_empty()?.get("grace_seconds").unwrap_or(0);
    let app = call.app.clone();
    call.write_anew(body.bytes(), async |ctx, uow| {
        let issued = api_key::rotate(ctx, uow.identity(), &app.secrets, id, grace).await?;
        Ok::<_, Refusal>(Answer::resource(shown(&issued)).secret(&["key"]))
    })
    .await
}

/// Revokes a key.
#[api_v2_operation(tags("API keys"), operation_id = "delete_api_key", summary = "Revoke an API key")]
async fn delete(call: Call<KeyAdmin>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Nothing>, Problem> {
    let id = path.into_inner().1.into();
    let seen = call.if_match()?;
    call.write_anew(&[], async |ctx, uow| api_key::revoke(ctx, uow.identity(), id, seen).await.map(|()| Answer::none()))
        .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/v1/orgs/{org_id}/api-keys").route(web::get().to(list)).route(web::post().to(create)),
        )
        .service(
            web::resource("/api/v1/orgs/{org_id}/api-keys/{key_id}")
                .route(web::get().to(get))
                .route(web::delete().to(delete)),
        )
        .service(web::resource("/api/v1/orgs/{org_id}/api-keys/{key_id}/rotate").route(web::post().to(rotate)));
}

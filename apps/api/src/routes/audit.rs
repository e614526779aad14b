//! The audit log: every change of the organization, as the journal keeps it.

use grc_kernel::{
    Ctx, ListQuery, ListSpec, Record,
    journal::{self, Entry},
    list::Scalar,
};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use crate::{
    http::{
        call::{Answer, AuditRead, Call, Is, Listed, Reply},
        export,
        list::{Ask, Listing},
        problem::Problem,
        shape::{Ty, must, null},
    },
    shapes,
};

shapes! {
    /// Who did something.
    AuditActor [&[
        must("type", Ty::Word(&["user", "api_key", "service_token", "system", "anonymous"]), "What kind of actor."),
        must("id", Ty::Id, "Which one; nil for the service itself."),
        must("name", Ty::Text(300), "Its name at the time."),
    ]],
    /// One change, or one act that changed nothing but is kept: a log-in, a download. The hash is SHA-256 over the
    /// previous entry's hash and the canonical form (RFC 8785) of this one.
    AuditEntry [&[
        must("id", Ty::Id, "Its id."),
        must("sequence", Ty::Int(1, i64::MAX), "1, 2, 3 within the organization, without a gap."),
        must("occurred_at", Ty::Time, "When."),
        must("actor", Ty::Object(AuditActor::SHAPE), "Who."),
        must("action", Ty::Text(100), "What: the resource's type and a verb."),
        must("resource_type", Ty::Text(100), "To what kind of record."),
        must("resource_id", Ty::Id, "To which one."),
        null("revision", Ty::Int(0, i64::MAX), "The record's revision after it."),
        null("before", Ty::Any, "The record before; null for a creation."),
        null("after", Ty::Any, "The record after; null for a deletion."),
        must("request_id", Ty::Text(200), "In which request."),
        must("prev_hash", Ty::Text(64), "The hash of the entry before it, in hex; zeros for the first."),
        must("hash", Ty::Text(64), "Its own hash, in hex."),
        must("canonical_version", Ty::Int(1, i64::MAX), "The version of the canonical form that was hashed."),
    ]],
}

impl Listing for AuditEntry {
    const SPEC: &'static ListSpec = &journal::LIST;
    type Item = Self;
}

/// An entry as the wire shows it.
pub fn shown(entry: &Entry) -> Value {
    let mut body = entry.snapshot();
    if let Value::Object(members) = &mut body {
        members.remove("org_id");
        members.remove("feed");
        members.insert("prev_hash".into(), hex::encode(entry.prev_hash).into());
        members.insert("hash".into(), hex::encode(entry.hash).into());
        members.insert("canonical_version".into(), json!(entry.canonical_version));
    }
    body
}

/// The audit log.
#[api_v2_operation(tags("Audit"), operation_id = "list_audit_log", summary = "The organization's audit log")]
async fn list(call: Call<AuditRead>, ask: Ask<AuditEntry>) -> Result<Reply<Listed<AuditEntry>>, Problem> {
    let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| uow.app().journal_page(ctx.org, query).await;
    export::listed(&call, &ask, read, shown).await
}

/// One entry.
#[api_v2_operation(tags("Audit"), operation_id = "get_audit_entry", summary = "One entry of the audit log")]
async fn get(call: Call<AuditRead>) -> Result<Reply<Is<AuditEntry>>, Problem> {
    let query = journal::LIST.query().only("id", vec![Scalar::Id(call.param("entry_id")?)]).limited(1);
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let page = uow.app().journal_page(ctx.org, &query).await?;
        page.items.first().map(|entry| Answer::resource(shown(entry))).ok_or_else(Problem::not_found)
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/api/v1/orgs/{org_id}/audit-log").route(web::get().to(list)))
        .service(web::resource("/api/v1/orgs/{org_id}/audit-log/{entry_id}").route(web::get().to(get)));
}

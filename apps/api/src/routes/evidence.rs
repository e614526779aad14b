//! Evidence.

pub mod bulk;

use std::sync::Arc;

use grc_evidence::{
    Evidence, EvidenceStatus, ObjectError, ObjectStore, model,
    service::{self, DOWNLOAD_SECONDS, Settled, UPLOAD_SECONDS},
    store::{self, UploadTerms},
};
use grc_kernel::{
    Changes, Ctx, EvidenceId, ListQuery, ListSpec, Record, Refusal, kit, record::timestamp, resource::write_record,
};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};
use time::Duration;
use uuid::Uuid;

use super::assessments::NoBody;
use crate::{
    adapters::clock,
    http::{
        call::{Answer, Body, Call, EvidenceAdmin, EvidenceRead, EvidenceReview, Is, Listed, New, Reply, Right},
        export,
        limits::Quota,
        list::{Ask, Listing},
        params::{Declares, Param, Params},
        problem::Problem,
        resource::{Making, Routes, Shown, answer},
        shape::{Ty, must, null},
    },
    served, shapes,
};

served! { "Evidence", evidence;
    Evidence: "evidence", "evidence_id", "evidence", "evidence",
        const IMPORTED: bool = false;,
        const WAKES: bool = true;,
        const SUMMARIES: &'static [(&'static str, &'static str)] = &[
            ("list_evidence", "The organization's evidence"),
            ("update_evidence", "Change, link or review evidence"),
            ("delete_evidence", "Delete evidence"),
        ];;
}

shapes! {
    /// Where and how to put the file.
    UploadTarget [&[
        must("evidence_id", Ty::Id, "The evidence."),
        must("object_key", Ty::Line(500), "Where the bytes will lie."),
        must("upload_url", Ty::Text(4_096), "PUT the bytes here."),
        must("headers", Ty::Any, "The headers that the PUT must carry."),
        must("expires_at", Ty::Time, "Until when."),
    ]],
    /// Where to get a file.
    DownloadTarget [&[must("url", Ty::Text(4_096), "GET the bytes here."), must("expires_at", Ty::Time, "Until when.")]],
    /// What recomputing the hash showed.
    IntegrityReport [&[
        must("status", Ty::Word(&["intact", "mismatch", "missing"]), "The outcome."),
        null("expected_sha256", Ty::Line(64), "The hash on record."),
        null("actual_sha256", Ty::Line(64), "The hash of the bytes now."),
        must("checked_at", Ty::Time, "When."),
    ]],
    /// One touch of a piece of evidence.
    CustodyEventBody [&[
        must("id", Ty::Id, "Its id."),
        must("evidence_id", Ty::Id, "The evidence."),
        must("timestamp", Ty::Time, "When."),
        must("actor_id", Ty::Id, "Who, by id."),
        must("actor", Ty::Line(200), "Who, by name."),
        must("event", Ty::Word(model::Touch::NAMES), "What."),
        null("reason", Ty::Text(20_000), "Why."),
        null("sha256", Ty::Line(64), "The hash at the time."),
    ]],
    /// A legal hold.
    HoldRequest [&[must("reason", Ty::Line(1_000), "Why.")]],
}

impl Listing for CustodyEventBody {
    const SPEC: &'static ListSpec = &model::CUSTODY;
    type Item = Self;
}

fn store<R: Right>(call: &Call<R>) -> Result<Arc<dyn ObjectStore>, Problem> {
    call.app.store.clone().ok_or_else(|| Problem::new(503, "no evidence store is configured"))
}

/// The store, which answers: a URL to one that does not would only be an error later, and elsewhere.
async fn well<R: Right>(call: &Call<R>) -> Result<Arc<dyn ObjectStore>, Problem> {
    let store = store(call)?;
    store.ready().await?;
    Ok(store)
}

/// Announces a file and gives the URL to put it to.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "create_upload_url",
    summary = "Announce a file and get a presigned upload URL"
)]
async fn upload_url(
    call: Call<EvidenceReview>,
    _path: web::Path<Uuid>,
    body: Body<Making<Evidence>>,
) -> Result<Reply<New<UploadTarget>>, Problem> {
    let store = well(&call).await?;
    let changes = Changes::read(&body.form()?);
    let org = call.org;
    let announcing = call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let made: Evidence = kit::create(ctx, uow.evidence(), changes).await?;
        let terms = UploadTerms {
            key: made.object_key.clone(),
            content_type: made.content_type.clone(),
            size: made.size,
            sha256: made.sha256.clone(),
            seconds: UPLOAD_SECONDS,
        };
        // Signing is arithmetic: nothing is sent to the store within the transaction.
        let signed = store.presign_put(&terms).await?;
        let headers: Map<String, Value> = signed.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        let target = json!({
            "evidence_id": made.id.to_string(), "object_key": made.object_key, "upload_url": signed.url, "headers": headers,
            "expires_at": timestamp(ctx.now + Duration::seconds(UPLOAD_SECONDS)),
        });
        Ok(Answer::created(target, format!("/api/v1/orgs/{org}/evidence/{}", made.id)))
    });
    call.limited(Quota::Uploads, body.bytes(), announcing).await
}

/// Inspects what was put: hashes, checks the type, extracts the text; only then is the evidence stored.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "complete_upload",
    summary = "Inspect an uploaded file and store the evidence"
)]
async fn complete(
    call: Call<EvidenceReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<NoBody>,
) -> Result<Reply<Is<Shown<Evidence>>>, Problem> {
    call.alone()?;
    body.read_or_empty()?;
    let id: EvidenceId = path.into_inner().1.into();
    let store = store(&call)?;
    let ctx = call.ctx();
    let waiting: Result<_, Refusal> =
        call.app.db.read(call.org, async |uow| service::awaiting(&ctx, uow.evidence(), id).await).await;
    let waiting = waiting?;
    if waiting.status == EvidenceStatus::Stored {
        return call.write(body.bytes(), async |ctx, uow| answer(ctx, uow, waiting).await).await;
    }
    let missing = |problem: Problem| match problem.status {
        404 => Problem::new(409, "nothing has been uploaded yet"),
        _ => problem,
    };
    let inspection = crate::bulk::inspected(&call.app.pdf, store.as_ref(), &waiting).await.map_err(missing)?;
    if let Some(difference) = service::differs(&waiting, &inspection) {
        // The store overwrites nothing, so what is wrong goes, and another attempt has its place.
        store.delete(&waiting.object_key).await?;
        return Err(Problem::new(409, difference));
    }
    let mut refused = None;
    let reply = call
        .write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
            match service::settle(ctx, uow.evidence(), id, inspection).await? {
                Settled::Stored(evidence) => answer(ctx, uow, *evidence).await,
                Settled::Rejected(reason) => {
                    refused = Some(reason);
                    Ok(Answer::none().status(409))
                }
            }
        })
        .await?;
    match refused {
        Some(reason) => Err(Problem::new(409, reason)),
        None => Ok(reply),
    }
}

/// What is handed out.
struct ByKey;

impl Params for ByKey {
    const ALL: &'static [Param] =
        &[Param { name: "key", doc: "The object key of the evidence.", required: true, id: false }];
}

/// A URL to download a stored file, by its object key.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "get_download_url",
    summary = "A presigned download URL for an object key"
)]
async fn download_url(
    call: Call<EvidenceRead>,
    _path: web::Path<Uuid>,
    _params: Declares<ByKey>,
) -> Result<Reply<Is<DownloadTarget>>, Problem> {
    let store = store(&call)?;
    let field = |name: &str, code, detail: &str| Problem::fields(vec![grc_kernel::FieldError::new(name, code, detail)]);
    let mut key = None;
    for (name, value) in call.query() {
        if name != "key" {
            return Err(field(&name, "unknown", "is not a parameter of this route"));
        }
        key = Some(value);
    }
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| field("key", "required", "must be given"))?;
    store.ready().await?;
    // Handing a file out is a touch, so this read writes the custody record.
    let ctx = call.ctx();
    let found: Result<_, Refusal> =
        call.app.db.write(call.org, async |uow| service::hand_out(&ctx, uow.evidence(), &key).await).await;
    let found = found?;
    let signed = store.presign_get(&found.object_key, &found.filename, DOWNLOAD_SECONDS).await?;
    let expires_at = timestamp(clock::now() + Duration::seconds(DOWNLOAD_SECONDS));
    Ok(Reply::plain(Answer::ok(json!({"url": signed.url, "expires_at": expires_at}))))
}

/// One piece of evidence, with its text.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "get_evidence",
    summary = "One piece of evidence, with its extracted text"
)]
async fn get(call: Call<EvidenceRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<Shown<Evidence>>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let (evidence, text) = service::get(ctx, uow.evidence(), id).await?;
        let mut body = String::new();
        write_record(&evidence, None, &[("text", text.into())], &mut body);
        Ok(Answer::text(body, evidence.meta.revision))
    })
    .await
}

/// Recomputes the SHA-256 of the bytes and compares.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "get_evidence_integrity",
    summary = "Compare the stored hash with the bytes"
)]
async fn integrity(
    call: Call<EvidenceRead>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<Is<IntegrityReport>>, Problem> {
    let id: EvidenceId = path.into_inner().1.into();
    let store = store(&call)?;
    let ctx = call.ctx();
    let found: Result<Evidence, Refusal> =
        call.app.db.read(call.org, async |uow| kit::get(&ctx, uow.evidence(), id).await).await;
    let evidence = found?;
    let actual = match store::hash(store.as_ref(), &evidence.object_key).await {
        Ok(hash) => Some(hash),
        Err(ObjectError::Missing) => None,
        Err(other) => return Err(other.into()),
    };
    let status = match &actual {
        None => "missing",
        Some(hash) if Some(hash) == evidence.sha256.as_ref() => "intact",
        Some(_) => "mismatch",
    };
    let noted: Result<(), Refusal> =
        call.app.db.write(call.org, async |uow| service::note_verified(&ctx, uow.evidence(), id, status).await).await;
    noted?;
    let report = json!({
        "status": status, "expected_sha256": evidence.sha256, "actual_sha256": actual, "checked_at": timestamp(ctx.now),
    });
    Ok(Reply::plain(Answer::ok(report)))
}

/// The record of every touch.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "list_evidence_custody",
    summary = "The custody record of a piece of evidence"
)]
async fn custody(
    call: Call<EvidenceRead>,
    path: web::Path<(Uuid, Uuid)>,
    ask: Ask<CustodyEventBody>,
) -> Result<Reply<Listed<CustodyEventBody>>, Problem> {
    let id = path.into_inner().1.into();
    let read = async move |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| {
        service::custody_page(ctx, uow.evidence(), id, query).await
    };
    export::listed(&call, &ask, read, Record::snapshot).await
}

/// Puts evidence under a legal hold.
#[api_v2_operation(tags("Evidence"), operation_id = "hold_evidence", summary = "Put evidence under a legal hold")]
async fn hold(
    call: Call<EvidenceAdmin>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<HoldRequest>,
) -> Result<Reply<Is<Shown<Evidence>>>, Problem> {
    let id = path.into_inner().1.into();
    let reason = body.form()?.text("reason");
    call.write(body.bytes(), async |ctx, uow| {
        let held = service::hold(ctx, uow.evidence(), id, Some(&reason)).await?;
        answer(ctx, uow, held).await
    })
    .await
}

/// Lifts a legal hold.
#[api_v2_operation(tags("Evidence"), operation_id = "release_evidence", summary = "Lift a legal hold")]
async fn release(
    call: Call<EvidenceAdmin>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<Is<Shown<Evidence>>>, Problem> {
    let id = path.into_inner().1.into();
    call.write(&[], async |ctx, uow| {
        let released = service::hold(ctx, uow.evidence(), id, None).await?;
        answer(ctx, uow, released).await
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let all = "/api/v1/orgs/{org_id}/evidence";
    let one = format!("{all}/{{evidence_id}}");
    config
        .service(web::resource(&format!("{all}/upload-url")).route(web::post().to(upload_url)))
        .service(web::resource(&format!("{all}/bulk-import")).route(web::post().to(bulk::begin)))
        .service(web::resource(&format!("{all}/bulk-import/{{import_id}}")).route(web::get().to(bulk::get)))
        .service(web::resource(&format!("{all}/download-url")).route(web::get().to(download_url)))
        .service(web::resource(&format!("{one}/complete")).route(web::post().to(complete)))
        .service(web::resource(&format!("{one}/integrity")).route(web::get().to(integrity)))
        .service(web::resource(&format!("{one}/custody")).route(web::get().to(custody)))
        .service(web::resource(&format!("{one}/hold")).route(web::post().to(hold)).route(web::delete().to(release)));
    Routes::<Evidence>::listed().on_one(web::get().to(get)).updated().deleted().into(config);
}

//! Evidence.

use std::sync::Arc;

use grc_evidence::{
    EvidenceError, EvidenceStatus, ObjectError, ObjectStore, Review, Source, model,
    service::{self, AmendEvidence, Announce, DOWNLOAD_SECONDS, Settled, UPLOAD_SECONDS},
    store::{self, UploadTerms},
};
use grc_kernel::{AssessmentId, EvidenceId, FindingId, Record, record::timestamp};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};
use time::Duration;
use uuid::Uuid;

use super::assessments::NoBody;
use crate::{
    adapters::clock,
    http::{
        call::{
            Answer, Body, Call, EvidenceAdmin, EvidenceRead, EvidenceReview, EvidenceWrite, Is, New, Nothing, PageOf,
            Reply, Right,
        },
        list::{Ask, Listing, page_of_records},
        problem::Problem,
        shape::{Ty, may, must, null},
    },
    shapes,
};

shapes! {
    /// A piece of evidence.
    @stored EvidenceBody [&[
        must("org_id", Ty::Id, "The organization."),
        must("filename", Ty::Line(255), "The name that the client gave it."),
        must("content_type", Ty::Line(127), "The media type, checked against the bytes."),
        null("size", Ty::Int(0, i64::MAX), "Its size in bytes."),
        null("sha256", Ty::Line(64), "SHA-256 in hex, computed by the service."),
        null("finding_id", Ty::Id, "The finding it belongs to."),
        null("assessment_id", Ty::Id, "The assessment it belongs to."),
        must("control_refs", Ty::List(&Ty::Line(200), 1_000), "The requirements it speaks to, KEY:ref."),
        must("collected_at", Ty::Time, "When it was collected."),
        null("valid_until", Ty::Time, "Until when it is valid."),
        null("retention_until", Ty::Time, "Until when it may not be deleted."),
        must("source", Ty::Word(Source::NAMES), "Where it comes from."),
        must("status", Ty::Word(EvidenceStatus::NAMES), "Where it stands."),
        null("status_reason", Ty::Text(1_000), "Why it was refused."),
        must("review", Ty::Word(Review::NAMES), "What a reviewer said."),
        null("review_note", Ty::Text(20_000), "And why."),
        must("object_key", Ty::Line(500), "Where the bytes lie in the store."),
        null("version_of", Ty::Id, "The evidence that it replaces."),
        must("legal_hold", Ty::Bool, "Whether it may not be deleted at all."),
        null("hold_reason", Ty::Line(1_000), "Why."),
        null("text_length", Ty::Int(0, i64::MAX), "How many characters of text were extracted."),
        may("text", Ty::Text(1_000_000), "The text, when one piece is read."),
    ]],
    /// A file that is about to be uploaded.
    UploadRequest [&[
        must("filename", Ty::Line(255), "Its name."),
        must("content_type", Ty::Line(127), "Its media type."),
        may("size", Ty::Int(0, grc_evidence::rules::SIZE_MAX), "Its size in bytes."),
        may("sha256", Ty::Line(64), "Its SHA-256 in hex."),
        may("finding_id", Ty::Id, "The finding it belongs to."),
        may("assessment_id", Ty::Id, "The assessment it belongs to."),
        may("control_refs", Ty::List(&Ty::Line(200), 1_000), "The requirements it speaks to, KEY:ref."),
        may("collected_at", Ty::Time, "When it was collected; now where absent."),
        may("version_of", Ty::Id, "The evidence that it replaces."),
    ]],
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
    /// A change of evidence.
    EvidencePatch [&[
        may("finding_id", Ty::Id, "The finding it belongs to."),
        may("assessment_id", Ty::Id, "The assessment it belongs to."),
        may("control_refs", Ty::List(&Ty::Line(200), 1_000), "The requirements it speaks to."),
        may("collected_at", Ty::Time, "When it was collected."),
        may("valid_until", Ty::Time, "Until when it is valid."),
        may("retention_until", Ty::Time, "Until when it may not be deleted."),
        may("review", Ty::Word(Review::NAMES), "A reviewer's word."),
        may("review_note", Ty::Text(20_000), "And why."),
    ]],
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

/// The list of evidence.
pub struct EvidenceList;

impl Listing for EvidenceList {
    const SPEC: &'static grc_kernel::ListSpec = &model::LIST;
    type Item = EvidenceBody;
}

/// The custody record.
pub struct CustodyList;

impl Listing for CustodyList {
    const SPEC: &'static grc_kernel::ListSpec = &model::CUSTODY;
    type Item = CustodyEventBody;
}

fn store<R: Right>(call: &Call<R>) -> Result<Arc<dyn ObjectStore>, Problem> {
    call.app.store.clone().ok_or_else(|| Problem::new(503, "no evidence store is configured"))
}

/// The organization's evidence.
#[api_v2_operation(tags("Evidence"), operation_id = "list_evidence", summary = "The organization's evidence")]
async fn list(
    call: Call<EvidenceRead>,
    _path: web::Path<Uuid>,
    ask: Ask<EvidenceList>,
) -> Result<Reply<PageOf<EvidenceBody>>, Problem> {
    let request = ask.read()?;
    call.read(async |ctx, uow| -> Result<Answer, EvidenceError> {
        Ok(page_of_records(service::page(ctx, uow.evidence(), &request.query).await?, &request))
    })
    .await
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
    body: Body<UploadRequest>,
) -> Result<Reply<New<UploadTarget>>, Problem> {
    let store = store(&call)?;
    match call.app.limits.uploads.take(&call.org) {
        Ok(standing) => standing.into_iter().for_each(|standing| call.note_limit(standing)),
        Err((standing, problem)) => {
            call.note_limit(standing);
            return Err(problem);
        }
    }
    let input = body.form()?;
    let command = Announce {
        filename: input.text("filename"),
        content_type: input.text("content_type"),
        size: input.get("size"),
        sha256: input.get("sha256"),
        finding_id: input.get("finding_id").map(FindingId),
        assessment_id: input.get("assessment_id").map(AssessmentId),
        control_refs: input.get("control_refs"),
        collected_at: input.get("collected_at"),
        version_of: input.get("version_of").map(EvidenceId),
    };
    let org = call.org;
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let made = service::announce(ctx, uow.evidence(), command).await?;
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
    })
    .await
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
) -> Result<Reply<Is<EvidenceBody>>, Problem> {
    body.read_or_empty()?;
    let id: EvidenceId = path.into_inner().1.into();
    let store = store(&call)?;
    let ctx = call.ctx();
    let waiting: Result<_, EvidenceError> =
        call.app.db.read(call.org, async |uow| service::awaiting(&ctx, uow.evidence(), id).await).await;
    let waiting = waiting?;
    if waiting.status == EvidenceStatus::Stored {
        return call.write(body.bytes(), async |_, _| Ok::<_, Problem>(Answer::resource(waiting.snapshot()))).await;
    }
    let inspection = store::inspect(store.as_ref(), &waiting).await.map_err(|error| match error {
        ObjectError::Missing => Problem::new(409, "nothing has been uploaded yet"),
        other => other.into(),
    })?;
    let mut refused = None;
    let reply = call
        .write(body.bytes(), async |ctx, uow| -> Result<Answer, EvidenceError> {
            match service::settle(ctx, uow.evidence(), id, inspection).await? {
                Settled::Stored(evidence) => Ok(Answer::resource(evidence.snapshot())),
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

/// A URL to download a stored file, by its object key.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "get_download_url",
    summary = "A presigned download URL for an object key"
)]
async fn download_url(call: Call<EvidenceRead>, _path: web::Path<Uuid>) -> Result<Reply<Is<DownloadTarget>>, Problem> {
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
    // Handing a file out is a touch, so this read writes the custody record.
    let ctx = call.ctx();
    let found: Result<_, EvidenceError> =
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
async fn get(call: Call<EvidenceRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<EvidenceBody>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| -> Result<Answer, EvidenceError> {
        let (evidence, text) = service::get(ctx, uow.evidence(), id).await?;
        let mut body = evidence.snapshot();
        if let Value::Object(members) = &mut body {
            members.insert("text".into(), text.into());
        }
        Ok(Answer::resource(body))
    })
    .await
}

/// Changes what is said of evidence; the bytes never change.
#[api_v2_operation(tags("Evidence"), operation_id = "update_evidence", summary = "Change, link or review evidence")]
async fn update(
    call: Call<EvidenceReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<EvidencePatch>,
) -> Result<Reply<Is<EvidenceBody>>, Problem> {
    let id = path.into_inner().1.into();
    let input = body.form()?;
    let seen = call.if_match()?;
    let command = AmendEvidence {
        finding_id: input.patch::<Uuid>("finding_id").map(FindingId),
        assessment_id: input.patch::<Uuid>("assessment_id").map(AssessmentId),
        control_refs: input.patch("control_refs"),
        collected_at: input.patch("collected_at"),
        valid_until: input.patch("valid_until"),
        retention_until: input.patch("retention_until"),
        review: input.patch("review"),
        review_note: input.patch("review_note"),
    };
    call.write(body.bytes(), async |ctx, uow| {
        service::amend(ctx, uow.evidence(), id, seen, command).await.map(|e| Answer::resource(e.snapshot()))
    })
    .await
}

/// Deletes evidence; not under a legal hold or retention.
#[api_v2_operation(tags("Evidence"), operation_id = "delete_evidence", summary = "Delete evidence")]
async fn delete(call: Call<EvidenceWrite>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Nothing>, Problem> {
    let id = path.into_inner().1.into();
    let seen = call.if_match()?;
    let reply = call
        .write(&[], async |ctx, uow| service::delete(ctx, uow.evidence(), id, seen).await.map(|()| Answer::none()))
        .await;
    call.app.wake.notify_one();
    reply
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
    let found: Result<_, EvidenceError> =
        call.app.db.read(call.org, async |uow| service::get(&ctx, uow.evidence(), id).await).await;
    let (evidence, _) = found?;
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
    let noted: Result<(), EvidenceError> =
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
    ask: Ask<CustodyList>,
) -> Result<Reply<PageOf<CustodyEventBody>>, Problem> {
    let id = path.into_inner().1.into();
    let request = ask.read()?;
    call.read(async |ctx, uow| -> Result<Answer, EvidenceError> {
        Ok(page_of_records(service::custody_page(ctx, uow.evidence(), id, &request.query).await?, &request))
    })
    .await
}

/// Puts evidence under a legal hold.
#[api_v2_operation(tags("Evidence"), operation_id = "hold_evidence", summary = "Put evidence under a legal hold")]
async fn hold(
    call: Call<EvidenceAdmin>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<HoldRequest>,
) -> Result<Reply<Is<EvidenceBody>>, Problem> {
    let id = path.into_inner().1.into();
    let reason = body.form()?.text("reason");
    call.write(body.bytes(), async |ctx, uow| {
        service::hold(ctx, uow.evidence(), id, Some(&reason)).await.map(|e| Answer::resource(e.snapshot()))
    })
    .await
}

/// Lifts a legal hold.
#[api_v2_operation(tags("Evidence"), operation_id = "release_evidence", summary = "Lift a legal hold")]
async fn release(call: Call<EvidenceAdmin>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<EvidenceBody>>, Problem> {
    let id = path.into_inner().1.into();
    call.write(&[], async |ctx, uow| {
        service::hold(ctx, uow.evidence(), id, None).await.map(|e| Answer::resource(e.snapshot()))
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let one = "/api/v1/orgs/{org_id}/evidence/{evidence_id}";
    config
        .service(web::resource("/api/v1/orgs/{org_id}/evidence").route(web::get().to(list)))
        .service(web::resource("/api/v1/orgs/{org_id}/evidence/upload-url").route(web::post().to(upload_url)))
        .service(web::resource("/api/v1/orgs/{org_id}/evidence/download-url").route(web::get().to(download_url)))
        .service(
            web::resource(one).route(web::get().to(get)).route(web::patch().to(update)).route(web::delete().to(delete)),
        )
        .service(web::resource(&format!("{one}/complete")).route(web::post().to(complete)))
        .service(web::resource(&format!("{one}/integrity")).route(web::get().to(integrity)))
        .service(web::resource(&format!("{one}/custody")).route(web::get().to(custody)))
        .service(web::resource(&format!("{one}/hold")).route(web::post().to(hold)).route(web::delete().to(release)));
}

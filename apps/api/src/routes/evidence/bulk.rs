//! Bulk import of evidence.

use std::{
    borrow::Cow,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use grc_evidence::bulk::{
    BulkImport, ImportId, ImportStatus, ItemStatus, manifest,
    model::{BulkItem, ItemError},
    plan,
    service::{self, Archive, Standing},
};
use grc_kernel::{Refusal, record::timestamp, resource::Nested};
use paperclip::{
    actix::{OperationModifier, api_v2_operation, web},
    v2::{
        models::{DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::store;
use crate::{
    bulk::{self, Spool},
    http::{
        call::{Answer, Begun, Call, EvidenceRead, EvidenceReview, Is, Reply},
        limits::Quota,
        problem::Problem,
        shape::{Shaped, Ty, forms, may, must, null},
    },
    shapes,
};

/// A day is the moment that it begins.
const MOMENT: Ty = Ty::Either(&Ty::Time, &Ty::Date);

shapes! {
    /// What became of one file.
    EvidenceImportEntry [&[
        must("name", Ty::Text(1_000), "Its path in the archive, or its address."),
        null("row", Ty::Int(1, i64::MAX), "Its row in the manifest, as a spreadsheet counts; null where no row names it."),
        must("status", Ty::Word(ItemStatus::NAMES), "Where it stands."),
        null("evidence_id", Ty::Id, "The evidence that it became."),
        must("errors", Ty::List(&Ty::Object(ItemError::SHAPE), 1_000), "What is wrong with it."),
    ]],
    /// How many of the files.
    EvidenceImportResult [&[
        must("total", Ty::Int(0, i64::MAX), "There are."),
        must("stored", Ty::Int(0, i64::MAX), "Are evidence now."),
        must("failed", Ty::Int(0, i64::MAX), "Are not, and their errors say why."),
    ]],
    /// A bulk import: a job.
    EvidenceImportJob [&[
        must("id", Ty::Id, "Its id."),
        must("org_id", Ty::Id, "The organization."),
        must("kind", Ty::Word(&[service::JOB]), "What kind of job it is."),
        must("status", Ty::Word(ImportStatus::NAMES), "Where it stands."),
        must("progress", Ty::Int(0, 100), "How far it is, in hundredths."),
        must("result", Ty::Object(<EvidenceImportResult as Shaped>::SHAPE), "What came of it so far."),
        null("error", Ty::Text(20_000), "Why it was given up."),
        must("items", Ty::List(&Ty::Object(<EvidenceImportEntry as Shaped>::SHAPE), 20_000), "Each file."),
        null("archive_sha256", Ty::Line(64), "The archive's SHA-256 in hex."),
        null("archive_size", Ty::Int(0, i64::MAX), "The archive's size in bytes."),
        must("created_at", Ty::Time, "When it was wanted."),
        must("updated_at", Ty::Time, "When it last moved."),
        must("created_by", Ty::Id, "Who wanted it."),
        must("revision", Ty::Int(1, i64::MAX), "Its revision."),
        null("finished_at", Ty::Time, "When it was over."),
    ]],
    /// A file to fetch.
    EvidenceImportAddress [&[
        must("url", Ty::Url, "Where it is: https, on the open internet."),
        may("filename", Ty::Line(255), "Its name; else the last part of the address."),
        may("content_type", Ty::Line(127), "Its media type; else by its name.").of_form(forms::MEDIA_TYPE),
        may("control_refs", Ty::List(&Ty::Line(200), 1_000), "The requirements it speaks to, KEY:ref.").of_form(forms::REQUIREMENT),
        may("collected_at", MOMENT, "When it was collected."),
        may("valid_until", MOMENT, "Until when it is valid."),
        may("retention_until", MOMENT, "Until when it may not be deleted."),
        may("finding_id", Ty::Id, "The finding it belongs to."),
        may("assessment_id", Ty::Id, "The assessment it belongs to."),
        may("version_of", Ty::Id, "The evidence that it replaces."),
        may("sha256", Ty::Line(64), "Its SHA-256 in hex.").of_form(forms::SHA256),
        may("size", Ty::Int(0, i64::MAX), "Its size in bytes."),
    ]],
    /// Files to fetch and import.
    EvidenceImportList [&[
        must("items", Ty::List(&Ty::Object(<EvidenceImportAddress as Shaped>::SHAPE), 10_000), "The files. The list alone will do as well.").at_least(1),
    ]],
}

/// A body that is not read before its handler says so: an archive, or a list.
pub struct Incoming {
    request: HttpRequest,
    payload: Payload,
}

impl FromRequest for Incoming {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl Apiv2Schema for Incoming {}

impl OperationModifier for Incoming {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        op.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Body,
            name: "body".into(),
            required: true,
            schema: Some(DefaultSchemaRaw {
                title: Some("x-shape:EvidenceImportList+application/zip".into()),
                ..DefaultSchemaRaw::default()
            }),
            ..Parameter::default()
        }));
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}

fn shown(import: &BulkImport, standing: Standing, items: &[BulkItem]) -> Value {
    let item = |item: &BulkItem| {
        json!({
            "name": item.name,
            "row": item.manifest_row,
            "status": item.status.as_str(),
            "evidence_id": item.evidence_id.map(|id| id.to_string()),
            "errors": item.errors.iter().map(Nested::to_json).collect::<Vec<_>>(),
        })
    };
    let over = matches!(import.status, ImportStatus::Completed | ImportStatus::Failed);
    let percent = standing.percent(import.items_total);
    json!({
        "id": import.id.to_string(),
        "org_id": import.org.to_string(),
        "kind": service::JOB,
        "status": import.status.as_str(),
        "progress": if over { 100 } else { percent.min(99) },
        "result": {"total": import.items_total, "stored": standing.stored, "failed": standing.failed},
        "error": import.error,
        "items": items.iter().map(item).collect::<Vec<_>>(),
        "archive_sha256": import.archive_sha256,
        "archive_size": import.archive_size,
        "created_at": timestamp(import.meta.created_at),
        "updated_at": timestamp(import.meta.updated_at),
        "created_by": import.meta.created_by.to_string(),
        "revision": import.meta.revision,
        "finished_at": import.finished_at.map(timestamp),
    })
}

/// Reads a list of addresses. Unlike a table that somebody kept by hand, it is a program's, so a member that breaks its
/// limits refuses the request.
fn listed(bytes: &[u8]) -> Result<Vec<manifest::Row>, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let bare = bytes.starts_with(b"[");
    let whole = if bare { Cow::Owned([b"{\"items\":", bytes, b"}"].concat()) } else { Cow::Borrowed(bytes) };
    EvidenceImportList::SHAPE.read(&whole)?;
    manifest::read_json(&whole).map_err(Problem::fields)
}

/// Imports many files at once: an archive with a manifest.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "bulk_import_evidence",
    summary = "Import an archive of evidence with its manifest"
)]
pub async fn begin(
    call: Call<EvidenceReview>,
    _path: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<Reply<Begun<EvidenceImportJob>>, Problem> {
    call.alone()?;
    let Incoming { request, mut payload } = incoming;
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let list = match kind.as_str() {
        "application/zip" | "application/x-zip-compressed" => false,
        "application/json" => true,
        _ => return Err(Problem::new(415, "the body must be application/zip, or a list as application/json")),
    };
    let store = store(&call)?;
    let spool =
        Spool::receive(bulk::folder(&call.app.config.data_dir), call.app.config.upload_pace, &request, &mut payload)
            .await?;
    // The same archive under the same key is the same import, and is not kept a second time.
    let importing = async {
        let planned = if list {
            if spool.size > manifest::BYTES_MAX {
                return Err(Problem::new(413, format!("a list may have at most {} bytes", manifest::BYTES_MAX)));
            }
            plan::of_addresses(listed(&spool.whole().await?)?)
        } else {
            spool.plan().await?
        };
        let ctx = call.ctx();
        let id: ImportId = ctx.new_id();
        let archive = Archive {
            key: service::archive_key(&ctx, id),
            sha256: hex::encode(spool.sha256),
            size: i64::try_from(spool.size).unwrap_or(i64::MAX),
        };
        let key = archive.key.clone();
        let archive = (!list).then_some(archive);
        if archive.is_some() {
            store.put_from(&key, &mut spool.reader().await?).await?;
        }
        let kept = archive.is_some();
        let org = call.org;
        let reply = call
            .write(&spool.sha256, async |ctx, uow| -> Result<Answer, Refusal> {
                let import = service::begin(ctx, uow.evidence(), id, archive, planned).await?;
                let (import, standing, items) = service::get(ctx, uow.evidence(), import.id).await?;
                let location = format!("/api/v1/orgs/{org}/evidence/bulk-import/{id}");
                Ok(Answer::accepted(shown(&import, standing, &items)).with("location", location))
            })
            .await;
        if reply.is_err() && kept {
            // Nobody will ask for it.
            let _ = store.delete(&key).await;
        }
        reply
    };
    let reply = call.limited(Quota::Uploads, &spool.sha256, importing).await;
    call.app.wake.notify_one();
    reply
}

/// How far an import is, and what became of each file.
#[api_v2_operation(
    tags("Evidence"),
    operation_id = "get_evidence_bulk_import",
    summary = "A bulk import of evidence, with what became of each file"
)]
pub async fn get(
    call: Call<EvidenceRead>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<Is<EvidenceImportJob>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let (import, standing, items) = service::get(ctx, uow.evidence(), id).await?;
        Ok(Answer::resource(shown(&import, standing, &items)))
    })
    .await
}

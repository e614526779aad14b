//! Reports.

use actix_web::{HttpResponse, Responder, body::BoxBody};
use grc_kernel::{AssessmentId, Record};
use grc_reports::{
    Format, ReportStatus, ReportType, ReportsError, model, render,
    service::{self, RequestReport},
    snapshot::Generation,
};
use paperclip::{
    actix::{OperationModifier, api_v2_operation, web},
    v2::{
        models::{
            DataType, DataTypeFormat, DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn, Response,
        },
        schema::Apiv2Schema,
    },
};
use uuid::Uuid;

use crate::{
    VERSION,
    http::{
        call::{Answer, Begun, Body, Call, Is, Nothing, PageOf, Reply, ReportRead, ReportReview, ReportWrite},
        list::{Ask, Listing, page_of_records},
        problem::Problem,
        shape::{Ty, may, must, null},
    },
    shapes,
};

shapes! {
    /// A report.
    @stored ReportBody [&[
        must("org_id", Ty::Id, "The organization."),
        must("type", Ty::Word(ReportType::NAMES), "What it is about."),
        must("format", Ty::Word(Format::NAMES), "How it is written."),
        null("assessment_id", Ty::Id, "The assessment it is about."),
        must("title", Ty::Line(200), "Its title."),
        must("status", Ty::Word(ReportStatus::NAMES), "Where it stands."),
        must("progress", Ty::Int(0, 100), "How far it is."),
        null("error", Ty::Text(20_000), "Why it failed."),
        null("snapshot_digest", Ty::Line(64), "SHA-256 of the data, without the time of generation."),
        null("sha256", Ty::Line(64), "SHA-256 of the file."),
        null("size", Ty::Int(0, i64::MAX), "The file's size in bytes."),
        must("content_type", Ty::Line(127), "The file's media type."),
    ]],
    /// A report that somebody wants.
    ReportCreate [&[
        must("type", Ty::Word(ReportType::NAMES), "What it is about."),
        must("format", Ty::Word(Format::NAMES), "How it is written."),
        may("assessment_id", Ty::Id, "The assessment; required for a compliance summary."),
        may("title", Ty::Line(200), "A title, else one is made."),
    ]],
}

/// The list of reports.
pub struct Reports;

impl Listing for Reports {
    const SPEC: &'static grc_kernel::ListSpec = &model::LIST;
    type Item = ReportBody;
}

/// The organization's reports.
#[api_v2_operation(tags("Reports"), operation_id = "list_reports", summary = "The organization's reports")]
async fn list(
    call: Call<ReportRead>,
    _path: web::Path<Uuid>,
    ask: Ask<Reports>,
) -> Result<Reply<PageOf<ReportBody>>, Problem> {
    let request = ask.read()?;
    call.read(async |ctx, uow| -> Result<Answer, ReportsError> {
        Ok(page_of_records(service::page(ctx, uow.reports(), &request.query).await?, &request))
    })
    .await
}

/// Requests a report, which a job generates from a frozen snapshot.
#[api_v2_operation(tags("Reports"), operation_id = "create_report", summary = "Request a report")]
async fn create(
    call: Call<ReportReview>,
    _path: web::Path<Uuid>,
    body: Body<ReportCreate>,
) -> Result<Reply<Begun<ReportBody>>, Problem> {
    match call.app.limits.reports.take(&call.org) {
        Ok(standing) => standing.into_iter().for_each(|standing| call.note_limit(standing)),
        Err((standing, problem)) => {
            call.note_limit(standing);
            return Err(problem);
        }
    }
    let input = body.form()?;
    let command = RequestReport {
        kind: input.text("type"),
        format: input.text("format"),
        assessment_id: input.get("assessment_id").map(AssessmentId),
        title: input.get("title"),
    };
    let org = call.org;
    let reply = call
        .write(body.bytes(), async |ctx, uow| {
            let made = service::request(ctx, uow.reports(), command).await?;
            let location = format!("/api/v1/orgs/{org}/reports/{}", made.id);
            Ok::<_, ReportsError>(Answer::accepted(made.snapshot()).with("location", location))
        })
        .await;
    call.app.wake.notify_one();
    reply
}

/// One report.
#[api_v2_operation(tags("Reports"), operation_id = "get_report", summary = "One report: status, progress, digests")]
async fn get(call: Call<ReportRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<ReportBody>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| service::get(ctx, uow.reports(), id).await.map(|r| Answer::resource(r.snapshot()))).await
}

/// Deletes a report.
#[api_v2_operation(tags("Reports"), operation_id = "delete_report", summary = "Delete a report")]
async fn delete(call: Call<ReportWrite>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Nothing>, Problem> {
    let id = path.into_inner().1.into();
    let seen = call.if_match()?;
    call.write(&[], async |ctx, uow| service::delete(ctx, uow.reports(), id, seen).await.map(|()| Answer::none())).await
}

/// A report's file.
pub struct File {
    content_type: &'static str,
    name: Option<String>,
    bytes: Vec<u8>,
}

impl Responder for File {
    type Body = BoxBody;

    fn respond_to(self, _: &actix_web::HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response
            .content_type(self.content_type)
            // A report runs nothing and loads nothing, whatever somebody typed into it.
            .insert_header(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"));
        if let Some(name) = &self.name {
            response.insert_header(("Content-Disposition", grc_evidence::rules::disposition(name)));
        }
        response.body(self.bytes)
    }
}

impl Apiv2Schema for File {}

impl OperationModifier for File {
    fn update_parameter(_: &mut DefaultOperationRaw) {}

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}

    fn update_response(op: &mut DefaultOperationRaw) {
        let schema = DefaultSchemaRaw {
            title: Some("x-media:text/html application/json".into()),
            ..DefaultSchemaRaw::default()
        };
        op.responses.insert(
            "200".into(),
            Either::Right(Response {
                description: Some("The file.".into()),
                schema: Some(schema),
                ..Response::default()
            }),
        );
    }
}

/// The file of a completed report.
#[api_v2_operation(tags("Reports"), operation_id = "download_report", summary = "The file of a completed report")]
async fn download(call: Call<ReportRead>, path: web::Path<(Uuid, Uuid)>) -> Result<File, Problem> {
    let id = path.into_inner().1.into();
    let ctx = call.ctx();
    let found: Result<_, ReportsError> =
        call.app.db.read(call.org, async |uow| service::download(&ctx, uow.reports(), id).await).await;
    let (report, bytes) = found?;
    let name = Some(format!("{}.{}", report.title, report.format.as_str()));
    Ok(File { content_type: report.format.content_type(), name, bytes })
}

/// What a preview is of.
pub struct Preview;

impl actix_web::FromRequest for Preview {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

impl Apiv2Schema for Preview {}

impl OperationModifier for Preview {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        op.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Query,
            name: "type".into(),
            description: Some("What the report is about.".into()),
            data_type: Some(DataType::String),
            enum_: ReportType::NAMES.iter().map(|name| serde_json::json!(name)).collect(),
            ..Parameter::default()
        }));
        op.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Query,
            name: "assessment_id".into(),
            description: Some("The assessment.".into()),
            data_type: Some(DataType::String),
            format: Some(DataTypeFormat::Uuid),
            ..Parameter::default()
        }));
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}

/// A report as it would be now, as HTML; nothing is kept.
#[api_v2_operation(tags("Reports"), operation_id = "preview_report", summary = "A report as it would be now, as HTML")]
async fn preview(call: Call<ReportRead>, _path: web::Path<Uuid>, _params: Preview) -> Result<File, Problem> {
    let mut errors = grc_kernel::Checker::new();
    let mut assessment = None;
    let mut kind = None;
    for (name, value) in call.query() {
        match name.as_str() {
            "type" => {
                kind = Some(errors.word(
                    "type",
                    &value,
                    ReportType::parse,
                    ReportType::NAMES,
                    ReportType::ComplianceSummary,
                ))
            }
            "assessment_id" => match Uuid::parse_str(&value) {
                Ok(id) => assessment = Some(AssessmentId(id)),
                Err(_) => errors.note("assessment_id", "type", "must be a UUID"),
            },
            _ => errors.note(name, "unknown", "is not a parameter of this route"),
        }
    }
    errors.ensure(kind.is_some(), "type", "required", "must be given");
    errors.ensure(assessment.is_some(), "assessment_id", "required", "must be given");
    errors.finish().map_err(Problem::fields)?;
    let Some(id) = assessment else { return Err(Problem::not_found()) };
    let ctx = call.ctx();
    let snapshot: Result<_, Problem> =
        call.app.db.read(call.org, async |uow| Ok(grc_flows::reporting::compliance(&ctx, uow, id, None).await?)).await;
    let snapshot = snapshot?;
    let at = grc_kernel::record::timestamp(ctx.now);
    let rendered = tokio::task::spawn_blocking(move || {
        let generation = Generation { at, version: VERSION.to_owned(), digest: snapshot.digest() };
        render::html::page(&snapshot, &generation).into_bytes()
    });
    let bytes = rendered.await.map_err(|error| Problem::new(500, error.to_string()))?;
    Ok(File { content_type: Format::Html.content_type(), name: None, bytes })
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/v1/orgs/{org_id}/reports").route(web::get().to(list)).route(web::post().to(create)),
        )
        .service(web::resource("/api/v1/orgs/{org_id}/reports/preview").route(web::get().to(preview)))
        .service(
            web::resource("/api/v1/orgs/{org_id}/reports/{report_id}")
                .route(web::get().to(get))
                .route(web::delete().to(delete)),
        )
        .service(web::resource("/api/v1/orgs/{org_id}/reports/{report_id}/download").route(web::get().to(download)));
}

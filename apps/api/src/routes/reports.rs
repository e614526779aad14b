//! Reports.

use actix_web::{HttpResponse, Responder, body::BoxBody};
use grc_flows::reporting::{self, Wanted};
use grc_kernel::{AssessmentId, Changes, Refusal};
use grc_reports::{Format, Report, ReportType, service};
use paperclip::{
    actix::{OperationModifier, api_v2_operation, web},
    v2::{
        models::{
            DataType, DataTypeFormat, DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn, Response,
        },
        schema::Apiv2Schema,
    },
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    drawing,
    http::{
        call::{Begun, Body, Call, Reply, ReportRead, ReportReview},
        limits::Quota,
        problem::Problem,
        resource::{Making, Routes, Shown, answer},
    },
    served,
};

served! { "Reports", reports;
    Report: "reports", "report_id", "report", "reports",
        const IMPORTED: bool = false;,
        const SUMMARIES: &'static [(&'static str, &'static str)] = &[
            ("list_reports", "The organization's reports"),
            ("get_report", "One report: status, progress, digests"),
            ("delete_report", "Delete a report"),
        ];;
}

/// Requests a report, which a job generates from a frozen snapshot.
#[api_v2_operation(tags("Reports"), operation_id = "create_report", summary = "Request a report")]
async fn create(
    call: Call<ReportReview>,
    _path: web::Path<Uuid>,
    body: Body<Making<Report>>,
) -> Result<Reply<Begun<Shown<Report>>>, Problem> {
    let changes = Changes::read(&body.form()?);
    let path = call.path();
    let making = call.write(body.bytes(), async |ctx, uow| -> Result<_, Refusal> {
        let made = reporting::request(ctx, uow, changes).await?;
        let location = format!("{path}/{}", made.id);
        Ok(answer(ctx, uow, made).await?.status(202).with("location", location))
    });
    let reply = call.limited(Quota::Reports, body.bytes(), making).await;
    call.app.wake.notify_one();
    reply
}

/// A report's file.
pub struct File {
    content_type: &'static str,
    name: Option<String>,
    tag: Option<String>,
    bytes: Vec<u8>,
}

impl Responder for File {
    type Body = BoxBody;

    fn respond_to(self, request: &actix_web::HttpRequest) -> HttpResponse {
        let tag = self.tag.map(|hash| format!("\"{hash}\""));
        let known = request.headers().get("if-none-match").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Some(tag) = tag.as_ref().filter(|tag| known.split(',').any(|other| other.trim() == tag.as_str())) {
            return HttpResponse::NotModified().insert_header(("ETag", tag.as_str())).finish();
        }
        let mut response = HttpResponse::Ok();
        response
            .content_type(self.content_type)
            // A report runs nothing and loads nothing, whatever somebody typed into it.
            .insert_header(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"));
        if let Some(tag) = tag {
            response.insert_header(("ETag", tag));
        }
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
        answers(
            op,
            "application/pdf application/vnd.openxmlformats-officedocument.spreadsheetml.sheet text/html application/json",
        );
    }
}

/// A file that is always HTML, whatever `Accept` says.
pub struct Html(File);

impl Responder for Html {
    type Body = BoxBody;

    fn respond_to(self, request: &actix_web::HttpRequest) -> HttpResponse {
        self.0.respond_to(request)
    }
}

impl Apiv2Schema for Html {}

impl OperationModifier for Html {
    fn update_parameter(_: &mut DefaultOperationRaw) {}

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}

    fn update_response(op: &mut DefaultOperationRaw) {
        answers(op, "text/html");
    }
}

/// Documents that an operation answers with a file of one of these media types.
fn answers(op: &mut DefaultOperationRaw, media: &str) {
    let schema = DefaultSchemaRaw { title: Some(format!("x-media:{media}")), ..DefaultSchemaRaw::default() };
    op.responses.insert(
        "200".into(),
        Either::Right(Response { description: Some("The file.".into()), schema: Some(schema), ..Response::default() }),
    );
}

/// The file of a completed report.
#[api_v2_operation(tags("Reports"), operation_id = "download_report", summary = "The file of a completed report")]
async fn download(call: Call<ReportRead>, path: web::Path<(Uuid, Uuid)>) -> Result<File, Problem> {
    let id = path.into_inner().1.into();
    let ctx = call.ctx();
    let found: Result<_, Refusal> =
        call.app.db.read(call.org, async |uow| service::download(&ctx, uow.reports(), id).await).await;
    let (report, bytes) = found?;
    let name = Some(format!("{}.{}", report.title, report.format.as_str()));
    Ok(File { content_type: report.format.content_type(), name, tag: report.sha256, bytes })
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
            required: true,
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

/// A report as it would be now, as HTML; nothing is kept. Other parameters are filters: those of the list of findings,
/// risks, incidents or processes that the report is about.
#[api_v2_operation(tags("Reports"), operation_id = "preview_report", summary = "A report as it would be now, as HTML")]
async fn preview(call: Call<ReportRead>, _path: web::Path<Uuid>, _params: Preview) -> Result<Html, Problem> {
    let mut errors = grc_kernel::Checker::new();
    let mut assessment_id = None;
    let mut kind = None;
    let mut filters: Map<String, Value> = Map::new();
    for (name, value) in call.query() {
        match name.as_str() {
            "type" => {
                let default = ReportType::ComplianceSummary;
                kind = Some(errors.word("type", &value, ReportType::parse, ReportType::NAMES, default));
            }
            "assessment_id" => match Uuid::parse_str(&value) {
                Ok(id) => assessment_id = Some(AssessmentId(id)),
                Err(_) => errors.note("assessment_id", "type", "must be a UUID"),
            },
            _ => match filters.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(values) => values.push(value.into()),
                other => *other = value.into(),
            },
        }
    }
    errors.ensure(kind.is_some(), "type", "required", "must be given");
    let wants = kind.is_some_and(ReportType::needs_assessment);
    errors.ensure(!wants || assessment_id.is_some(), "assessment_id", "required", "must be given");
    let stray = kind.is_some() && !wants && assessment_id.is_some();
    errors.ensure(!stray, "assessment_id", "not_applicable", "a report of this type is about no assessment");
    errors.finish().map_err(Problem::fields)?;
    let Some(kind) = kind else { return Err(Problem::not_found()) };
    let wanted = Wanted { kind, assessment_id, title: None, filters };
    let drawn = drawing::draw(&call.app, &call.ctx(), call.org, &wanted, Format::Html).await?;
    Ok(Html(File { content_type: Format::Html.content_type(), name: None, tag: None, bytes: drawn.bytes }))
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let all = "/api/v1/orgs/{org_id}/reports";
    config
        .service(web::resource(&format!("{all}/preview")).route(web::get().to(preview)))
        .service(web::resource(&format!("{all}/{{report_id}}/download")).route(web::get().to(download)));
    Routes::<Report>::listed().on_list(web::post().to(create)).read().deleted().into(config);
}

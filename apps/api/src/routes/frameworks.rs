//! Frameworks and their controls.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures::future::LocalBoxFuture;
use grc_assessments::{
    RequirementId,
    framework::{self, Source, oscal},
};
use grc_kernel::{Ctx, FrameworkId, ListQuery, OrgId, Record, Refusal};
use grc_uow::Uow;
use paperclip::{
    actix::{OperationModifier, api_v2_operation, web},
    v2::{
        models::{DataType, DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::{
        call::{
            Answer, Call, FrameworkRead, FrameworkWrite, IMPORT_MAX, Is, Listed, New, Nothing, Own, Reply, read_body,
        },
        caller::Credential,
        export,
        list::{Ask, Listing},
        problem::Problem,
        shape::{Ty, forms, may, must, null},
    },
    shapes,
};

const CATALOG: &str = r#"{
    "uuid": "74c8ba1e-5cd4-4ad1-bbfd-d888e2f6c724",
    "metadata": {"title": "House rules", "version": "3", "oscal-version": "1.1.2", "last-modified": "2026-01-01T00:00:00Z"},
    "groups": [{"id": "s1", "title": "Access", "controls": [{
        "id": "s1.1", "title": "Locks", "parts": [{"id": "s1.1_smt", "name": "statement", "prose": "All doors are locked at night."}]
    }]}]
}"#;

shapes! {
    /// A framework.
    @stored FrameworkBody [&[
        null("org_id", Ty::Id, "The organization whose own it is; null for a built-in one."),
        must("key", Ty::Line(64), "Its handle in KEY:ref."),
        must("name", Ty::Line(200), "Its name."),
        must("version", Ty::Line(100), "Its version."),
        must("description", Ty::Text(20_000), "What it is."),
        must("source", Ty::Word(Source::NAMES), "Where it comes from."),
        must("control_count", Ty::Int(0, i64::MAX), "How many assessable controls it has."),
        must("baselines", Ty::List(&Ty::Line(50), 50), "The baselines that its controls name."),
        may("losses", Ty::List(&Ty::Object(LossBody::SHAPE), 1_000), "What an import could not keep in the model."),
    ]],
    /// Something of an imported document that the model has no place for.
    LossBody [&[must("path", Ty::Text(1_000), "Where it stands."), must("reason", Ty::Text(1_000), "Why.")]],
    /// A control of a framework.
    FrameworkControl [&[
        must("id", Ty::Id, "Its id."),
        must("framework_id", Ty::Id, "Its framework."),
        must("ref", Ty::Line(100), "Its name within the framework."),
        must("title", Ty::Line(200), "Its title."),
        must("family", Ty::Text(100), "Its family."),
        must("family_title", Ty::Text(200), "The family's title."),
        must("description", Ty::Text(20_000), "What it asks."),
        must("baselines", Ty::List(&Ty::Line(50), 50), "The baselines that include it."),
        null("guidance", Ty::Text(20_000), "How to go about it."),
        must("evidence_hints", Ty::List(&Ty::Line(200), 20), "Phrases that good evidence would hold."),
        null("parent_ref", Ty::Line(100), "The control that it enhances."),
        must("order", Ty::Int(0, i64::MAX), "Its place in the framework."),
        must("assessable", Ty::Bool, "Whether an assessment judges it."),
    ]],
    /// An OSCAL catalog.
    OscalCatalog [&[must("catalog", Ty::Any, "The catalog, as NIST's OSCAL describes it.").sample(CATALOG)]],
}

impl Listing for FrameworkBody {
    const SPEC: &'static grc_kernel::ListSpec = &framework::LIST;
    type Item = Self;
}

impl Listing for FrameworkControl {
    const SPEC: &'static grc_kernel::ListSpec = &framework::REQUIREMENTS;
    type Item = Self;
}

/// The organizations whose own frameworks the caller sees beside the built-in ones.
async fn orgs(call: &Call<Own>) -> Result<Vec<OrgId>, Problem> {
    match call.caller.as_ref().map(|caller| &caller.credential) {
        Some(Credential::Key(key)) => Ok(vec![key.org]),
        Some(Credential::Machine(machine)) => Ok(machine.places.iter().map(|(org, _)| *org).collect()),
        Some(Credential::User(account, _)) => {
            let user = account.id;
            let found: Result<Vec<OrgId>, grc_kernel::StoreError> = call
                .app
                .db
                .read(OrgId::PLATFORM, async |uow| {
                    let memberships = uow.identity().members().of_user(user).await?;
                    let active = |m: &grc_identity::Membership| m.status == grc_identity::MembershipStatus::Active;
                    Ok(memberships.into_iter().filter(|(m, _)| active(m)).map(|(m, _)| m.org).collect())
                })
                .await;
            Ok(found?)
        }
        Some(Credential::Partner(_)) | None => Ok(Vec::new()),
    }
}

/// The built-in frameworks and those of the caller's organizations.
#[api_v2_operation(
    tags("Frameworks"),
    operation_id = "list_frameworks",
    summary = "The built-in frameworks and the caller's own"
)]
async fn list(call: Call<Own>, ask: Ask<FrameworkBody>) -> Result<Reply<Listed<FrameworkBody>>, Problem> {
    let orgs = orgs(&call).await?;
    let read =
        async move |_: &Ctx, uow: &mut Uow, query: &ListQuery| framework::page(uow.assessments(), &orgs, query).await;
    export::listed(&call, &ask, read, Record::snapshot).await
}

/// One framework.
#[api_v2_operation(tags("Frameworks"), operation_id = "get_framework", summary = "One framework")]
async fn get(call: Call<Own>, id: web::Path<Uuid>) -> Result<Reply<Is<FrameworkBody>>, Problem> {
    let orgs = orgs(&call).await?;
    let id = id.into_inner().into();
    call.read(async |_, uow| framework::get(uow.assessments(), &orgs, id).await.map(|f| Answer::resource(f.snapshot())))
        .await
}

/// A framework's controls.
#[api_v2_operation(tags("Frameworks"), operation_id = "list_framework_controls", summary = "A framework's controls")]
async fn controls(
    call: Call<Own>,
    id: web::Path<Uuid>,
    ask: Ask<FrameworkControl>,
) -> Result<Reply<Listed<FrameworkControl>>, Problem> {
    let orgs = orgs(&call).await?;
    let id = id.into_inner().into();
    let read = async move |_: &Ctx, uow: &mut Uow, query: &ListQuery| {
        framework::requirements(uow.assessments(), &orgs, id, query).await
    };
    export::listed(&call, &ask, read, Record::snapshot).await
}

/// One control of a framework.
#[api_v2_operation(tags("Frameworks"), operation_id = "get_framework_control", summary = "One control of a framework")]
async fn control(call: Call<Own>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<FrameworkControl>>, Problem> {
    let orgs = orgs(&call).await?;
    let (id, control) = path.into_inner();
    call.read(async |_, uow| {
        let found = framework::requirement(uow.assessments(), &orgs, id.into(), RequirementId(control)).await?;
        Ok::<_, Refusal>(Answer::resource(found.snapshot()))
    })
    .await
}

/// A framework as an OSCAL catalog: the document it was imported from, or one written for it.
#[api_v2_operation(
    tags("Frameworks"),
    operation_id = "export_framework_oscal",
    summary = "A framework as an OSCAL catalog"
)]
async fn export(call: Call<Own>, id: web::Path<Uuid>) -> Result<Reply<Is<OscalCatalog>>, Problem> {
    let orgs = orgs(&call).await?;
    let id: FrameworkId = id.into_inner().into();
    call.read(async |_, uow| -> Result<Answer, Refusal> {
        let tx = uow.assessments();
        let found = framework::get(tx, &orgs, id).await?;
        let kept = tx.frameworks().document(id).await?.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let document = match kept {
            Some(document) => document,
            None => oscal::write(&found, &tx.frameworks().requirements(id).await?),
        };
        Ok(Answer::ok(document))
    })
    .await
}

/// The organization's frameworks: the built-in ones and its own.
#[api_v2_operation(
    tags("Frameworks"),
    operation_id = "list_organization_frameworks",
    summary = "The frameworks that the organization sees"
)]
async fn list_own(
    call: Call<FrameworkRead>,
    _path: web::Path<Uuid>,
    ask: Ask<FrameworkBody>,
) -> Result<Reply<Listed<FrameworkBody>>, Problem> {
    let read =
        async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| framework::page(uow.assessments(), &[ctx.org], query).await;
    export::listed(&call, &ask, read, Record::snapshot).await
}

/// A catalog as the raw body, with `key` and `name` in the query.
pub struct Document(Vec<u8>);

impl FromRequest for Document {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !request.headers().get("content-type").is_some_and(|v| v.as_bytes().starts_with(b"application/json")) {
                return Err(Problem::new(415, "an OSCAL catalog is application/json"));
            }
            Ok(Self(read_body(&request, &mut payload, IMPORT_MAX).await?))
        })
    }
}

impl Apiv2Schema for Document {}

impl OperationModifier for Document {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        for (name, form, doc) in [
            ("key", "^[A-Z0-9_]{1,64}$", "The framework's key; else derived from its name."),
            ("name", forms::ONE_LINE, "Its name; else the catalog's title."),
        ] {
            op.parameters.push(Either::Right(Parameter {
                in_: ParameterIn::Query,
                name: name.into(),
                description: Some(doc.into()),
                data_type: Some(DataType::String),
                pattern: Some(form.into()),
                ..Parameter::default()
            }));
        }
        op.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Body,
            name: "body".into(),
            required: true,
            schema: Some(DefaultSchemaRaw {
                title: Some("x-shape:OscalCatalog".into()),
                ..DefaultSchemaRaw::default()
            }),
            ..Parameter::default()
        }));
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}

/// Imports an OSCAL catalog as a framework of the organization's own.
#[api_v2_operation(tags("Frameworks"), operation_id = "import_framework", summary = "Import an OSCAL catalog")]
async fn import(
    call: Call<FrameworkWrite>,
    _path: web::Path<Uuid>,
    document: Document,
) -> Result<Reply<New<FrameworkBody>>, Problem> {
    let params = call.query();
    if let Some((name, _)) = params.iter().find(|(name, _)| !matches!(name.as_str(), "key" | "name")) {
        return Err(Problem::fields(vec![grc_kernel::FieldError::new(
            name,
            "unknown",
            "is not a parameter of this route",
        )]));
    }
    let param = |wanted: &str| params.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let (key, name) = (param("key"), param("name"));
    let text = String::from_utf8(document.0).map_err(|_| Problem::new(400, "the body is not UTF-8"))?;
    let bytes = text.clone().into_bytes();
    // Reading a large catalog takes a moment: not on a request thread.
    let read = tokio::task::spawn_blocking(move || oscal::read(&text, key.as_deref(), name.as_deref())).await;
    let (import, losses) = read.map_err(|error| Problem::new(500, error.to_string()))?.map_err(Problem::fields)?;
    let losses: Vec<Value> = losses.into_iter().map(|loss| json!({"path": loss.path, "reason": loss.reason})).collect();
    call.write(&bytes, async |ctx, uow| {
        let made = framework::import(ctx, uow.assessments(), import).await?;
        let mut body = made.snapshot();
        if let Value::Object(members) = &mut body {
            members.insert("losses".into(), losses.into());
        }
        Ok::<_, Refusal>(Answer::created(body, format!("/api/v1/frameworks/{}", made.id)))
    })
    .await
}

/// Removes a framework of the organization's own.
#[api_v2_operation(
    tags("Frameworks"),
    operation_id = "delete_framework",
    summary = "Remove a framework of the organization's own"
)]
async fn delete(call: Call<FrameworkWrite>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Nothing>, Problem> {
    let id = path.into_inner().1.into();
    let seen = call.if_match()?;
    call.write(&[], async |ctx, uow| framework::delete(ctx, uow.assessments(), id, seen).await.map(|()| Answer::none()))
        .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/api/v1/frameworks").route(web::get().to(list)))
        .service(web::resource("/api/v1/frameworks/{framework_id}").route(web::get().to(get)))
        .service(web::resource("/api/v1/frameworks/{framework_id}/controls").route(web::get().to(controls)))
        .service(web::resource("/api/v1/frameworks/{framework_id}/controls/{control_id}").route(web::get().to(control)))
        .service(web::resource("/api/v1/frameworks/{framework_id}/oscal").route(web::get().to(export)))
        .service(web::resource("/api/v1/orgs/{org_id}/frameworks").route(web::get().to(list_own)))
        .service(web::resource("/api/v1/orgs/{org_id}/frameworks/import").route(web::post().to(import)))
        .service(web::resource("/api/v1/orgs/{org_id}/frameworks/{framework_id}").route(web::delete().to(delete)));
}

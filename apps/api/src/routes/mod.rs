//! The routes, one file a domain.

pub mod a2a;
pub mod assessments;
pub mod audit;
pub mod batch;
pub mod bcm;
pub mod blobs;
pub mod changes;
pub mod controls;
pub mod coordination;
pub mod cors;
pub mod evidence;
pub mod frameworks;
pub mod health;
pub mod identity;
pub mod imports;
pub mod incident;
pub mod jobs;
pub mod keys;
pub mod members;
pub mod metrics;
pub mod opa;
pub mod reports;
pub mod risk;
pub mod search;
pub mod vendor;
pub mod webhooks;

use actix_web::{HttpRequest, HttpResponse};
use paperclip::actix::web;

use crate::{
    http::{call::path_problem, problem::Problem, shape::Shape},
    openapi,
};

/// The documented routes.
pub fn api(config: &mut web::ServiceConfig) {
    health::routes(config);
    identity::routes(config);
    members::routes(config);
    keys::routes(config);
    frameworks::routes(config);
    controls::routes(config);
    assessments::routes(config);
    evidence::routes(config);
    reports::routes(config);
    risk::routes(config);
    bcm::routes(config);
    incident::routes(config);
    a2a::routes(config);
    opa::routes(config);
    vendor::routes(config);
    audit::routes(config);
    batch::routes(config);
    imports::routes(config);
    jobs::routes(config);
    changes::routes(config);
    webhooks::routes(config);
    search::routes(config);
    coordination::routes(config);
}

/// The routes outside the document: the document itself, its pages, blobs, keys.
pub fn plain(config: &mut actix_web::web::ServiceConfig) {
    openapi::pages::routes(config);
    blobs::routes(config);
    config
        .route("/api/v1/openapi.json", actix_web::web::get().to(document))
        .route("/.well-known/jwks.json", actix_web::web::get().to(jwks));
}

/// All shapes of the document.
pub fn shapes() -> Vec<&'static Shape> {
    let resources = grc_uow::registry::resources().flat_map(|resource| resource.shapes);
    let plain = [
        health::SHAPES,
        identity::SHAPES,
        members::SHAPES,
        keys::SHAPES,
        frameworks::SHAPES,
        assessments::SHAPES,
        evidence::SHAPES,
        evidence::bulk::SHAPES,
        risk::register::SHAPES,
        risk::kris::SHAPES,
        risk::fair::SHAPES,
        risk::scenarios::SHAPES,
        risk::dashboard::SHAPES,
        bcm::SHAPES,
        incident::SHAPES,
        incident::metrics::SHAPES,
        a2a::SHAPES,
        opa::SHAPES,
        vendor::SHAPES,
        audit::SHAPES,
        batch::SHAPES,
        imports::SHAPES,
        jobs::SHAPES,
        changes::SHAPES,
        search::SHAPES,
        coordination::SHAPES,
    ];
    plain.concat().into_iter().chain(resources).collect()
}

async fn document(app: actix_web::web::Data<crate::serve::App>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("Cache-Control", "no-cache"))
        .body(app.document.clone())
}

async fn jwks(app: actix_web::web::Data<crate::serve::App>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(app.tokens.jwks())
}

/// The answer to a path that no route has.
pub async fn unknown() -> Result<HttpResponse, Problem> {
    Err(Problem::new(404, "there is no such path"))
}

/// What becomes of a path whose parameters are not what they should be.
pub fn paths() -> actix_web::web::PathConfig {
    actix_web::web::PathConfig::default().error_handler(|error, request| path_error(&error, request).into())
}

/// A path parameter that is not what it should be.
fn path_error(_: &actix_web::error::PathError, request: &HttpRequest) -> Problem {
    let wrong = request.match_info().iter().find(|(_, value)| uuid::Uuid::parse_str(value).is_err());
    path_problem(wrong.map_or("id", |(name, _)| name))
}

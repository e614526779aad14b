//! Whether the service is well, and of what it consists.

use std::sync::atomic::Ordering;

use grc_limits::RedisState;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use crate::{
    VERSION,
    http::{
        call::{Answer, Call, Is, Public, Reply},
        problem::Problem,
        shape::{Ty, must},
    },
    serve::App,
    shapes,
};

const STATES: &[&str] = &["healthy", "unhealthy", "not_configured"];

shapes! {
    /// The state of each service that this one works with.
    HealthServices [&[
        must("database", Ty::Word(STATES), "PostgreSQL."),
        must("redis", Ty::Word(STATES), "Limits over replicas."),
        must("opa", Ty::Word(STATES), "Policy decisions."),
        must("steampipe", Ty::Word(STATES), "Evidence collectors."),
        must("evidence_store", Ty::Word(STATES), "Where evidence lies."),
        must("ai", Ty::Word(STATES), "The language model of the evaluator."),
    ]],
    /// The service's state.
    Health [&[
        must("status", Ty::Word(&["healthy", "unhealthy"]), "Whether every required service is well."),
        must("version", Ty::Line(50), "The version."),
        must("services", Ty::Object(<HealthServices as crate::http::shape::Shaped>::SHAPE), "Each service."),
        must("details", Ty::Any, "What kind each one is."),
    ]],
    /// A yes.
    Liveness [&[must("status", Ty::Word(&["live", "ready", "draining", "unready"]), "The state.")]],
}

async fn state(app: &App) -> (bool, Value) {
    let database = app.db.check().await.is_ok();
    let store = match &app.store {
        None => "not_configured",
        Some(store) if store.check().await.is_ok() => "healthy",
        Some(_) => "unhealthy",
    };
    let word = |well: bool| if well { "healthy" } else { "unhealthy" };
    let redis = app.limits.check().await;
    let (redis, counted) = match redis {
        RedisState::None => ("not_configured", "in_process"),
        RedisState::Up => ("healthy", "shared"),
        // The limits of each process hold meanwhile, so the service as a whole is well.
        RedisState::Down(_) => ("unhealthy", "in_process"),
    };
    let (connections, idle) = app.backend.connections();
    let body = json!({
        "status": word(database),
        "version": VERSION,
        "services": {
            "database": word(database), "redis": redis, "opa": word(app.engine.is_well().await), "steampipe": "not_configured",
            "evidence_store": store, "ai": "healthy",
        },
        "details": {
            "database": {"kind": if app.embedded { "embedded" } else { "external" }, "connections": connections, "idle": idle},
            "redis": {"kind": if redis == "not_configured" { "none" } else { "redis" }, "limits": counted},
            "opa": {"kind": app.engine.kind()},
            "authentication": authentication(app),
            "evidence_store": {"kind": app.store.as_ref().map_or("none", |store| store.kind())},
            "ai": {"kind": "builtin"},
        },
    });
    (database, body)
}

/// Which credentials people use, and whether the keys of Cloudflare Access are there.
fn authentication(app: &App) -> Value {
    let kind = app.door.mode.as_str();
    match app.door.verifier.as_ref().map(|verifier| verifier.status()) {
        None => json!({"kind": kind}),
        Some(status) => json!({
            "kind": kind,
            "access_keys": {
                "state": if status.keys > 0 { "healthy" } else { "unhealthy" },
                "known": status.keys,
                "fetched_at": grc_kernel::record::timestamp_value(status.fetched_at),
                "last_fetch": if status.failure.is_some() { "failed" } else { "succeeded" },
            },
        }),
    }
}

/// The service's state.
#[api_v2_operation(
    tags("Service"),
    operation_id = "health",
    summary = "The state of the service and of what it works with"
)]
async fn health(call: Call<Public>) -> Result<Reply<Is<Health>>, Problem> {
    let (_, body) = state(&call.app).await;
    Ok(Reply::plain(Answer::ok(body)))
}

/// Whether the process is up.
#[api_v2_operation(tags("Service"), operation_id = "health_live", summary = "Whether the process is up")]
async fn live(_call: Call<Public>) -> Result<Reply<Is<Liveness>>, Problem> {
    Ok(Reply::plain(Answer::ok(json!({"status": "live"}))))
}

/// Whether the service takes requests.
#[api_v2_operation(tags("Service"), operation_id = "health_ready", summary = "Whether the service takes requests")]
async fn ready(call: Call<Public>) -> Result<Reply<Is<Liveness>>, Problem> {
    if call.app.draining.load(Ordering::SeqCst) {
        return Err(Problem::new(503, "the service is about to stop"));
    }
    if call.app.db.check().await.is_err() {
        return Err(Problem::new(503, "the database does not answer"));
    }
    Ok(Reply::plain(Answer::ok(json!({"status": "ready"}))))
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/api/v1/health").route(web::get().to(health)))
        .service(web::resource("/api/v1/health/live").route(web::get().to(live)))
        .service(web::resource("/api/v1/health/ready").route(web::get().to(ready)));
}

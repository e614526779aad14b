//! Attestation machine to machine: our MCP server and what is said of it in the open, grants, what we issued, and what we
//! ask of vendors.

use std::sync::Arc;

use grc_flows::attesting;
use grc_kernel::{
    Changes, Ctx, Refusal, kit,
    resource::{Resource, write_record},
};
use grc_outbound::Target;
use grc_uow::Uow;
use grc_vendor::{
    Attestation, Grant, Issued,
    a2a::attestation::{self, Proof},
};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use crate::{
    VERSION,
    a2a::{
        DISCOVERY_PATH, JWKS_PATH, MCP_PATH, server,
        tools::{Asking, TOOLS},
    },
    http::{
        call::{
            Agent, Answer, Begun, Body, Call, DoneOrNoted, GrantAdmin, Is, Never, New, Nothing, Public, Reply,
            VendorRead, VendorWrite,
        },
        problem::Problem,
        resource::{Extra, Making, Served, Shown, answer, list},
        shape::{Ty, absent, may, must, null},
    },
    served, shapes,
};

served! { "A2A", vendor;
    Grant: "a2a/grants", "grant_id", "a2a_grant", "a2a_grants";
    Issued: "a2a/issued", "attestation_id", "issued_attestation", "issued_attestations";
    Attestation: "vendors/{vendor_id}/attestations", "attestation_id", "vendor_attestation", "vendor_attestations",
        const PARENT: Option<(&'static str, &'static str)> = Some(("vendor_id", "vendor_id"));,
        async fn extra(ctx: &Ctx, _uow: &mut Uow, records: &[Self]) -> Result<Option<Vec<Extra>>, Refusal> {
            Ok(Some(records.iter().map(|one| vec![("valid", json!(one.holds_at(ctx.now)))]).collect()))
        };
}

const COUNT: Ty = Ty::Int(0, i64::MAX);

const MESSAGE_ID: Ty = Ty::Either(&Ty::Line(server::NAME_MAX), &Ty::Int(-server::ID_MAX, server::ID_MAX));

shapes! {
    /// A message of MCP: a JSON-RPC request, or the bare envelope of the API reference without `jsonrpc` and `id`.
    McpMessage [&[
        absent("jsonrpc", Ty::Word(&["2.0"]), "The version of JSON-RPC."),
        absent("id", MESSAGE_ID, "What the answer repeats; none in a notification."),
        must("method", Ty::Line(server::NAME_MAX), "The method: `tools/call`.").sample(r#""tools/call""#),
        absent("params", Ty::Any, "Its parameters.").sample(r#"{"name": "list_frameworks", "arguments": {}}"#),
    ]],
    /// The answer to a message: a result or an error.
    McpAnswer [&[
        may("jsonrpc", Ty::Word(&["2.0"]), "The version of JSON-RPC."),
        may("id", MESSAGE_ID, "The id of the message."),
        may("result", Ty::Any, "What came of it."),
        may("error", Ty::Any, "What was wrong with it."),
    ]],
    /// A tool of an A2A server.
    A2aTool [&[must("name", Ty::Line(100), "Its name."), must("description", Ty::Text(2_000), "What it does.")]],
    /// What an A2A server is and where it is.
    A2aDiscovery [&[
        must("name", Ty::Line(200), "Its name."),
        must("version", Ty::Line(50), "The version of the software."),
        must("issuer", Ty::Url, "Who signs its attestations."),
        must("protocol_versions", Ty::List(&Ty::Line(20), 20), "The versions of MCP that it speaks, the oldest first."),
        must("mcp_url", Ty::Url, "Where its MCP server is."),
        must("jwks_url", Ty::Url, "Where its public keys are."),
        must("tools", Ty::List(&Ty::Object(A2aTool::SHAPE), 100), "What partners may call."),
    ]],
    /// The state of the A2A server.
    A2aHealth [&[
        must("status", Ty::Word(&["healthy", "unhealthy"]), "Whether it answers."),
        must("version", Ty::Line(50), "The version."),
        must("protocol_versions", Ty::List(&Ty::Line(20), 20), "The versions of MCP that it speaks."),
    ]],
    /// Latencies in milliseconds, as the upper bounds of their classes.
    A2aLatency [&[
        null("p50", COUNT, "Half of the calls took no longer."),
        null("p95", COUNT, "95 in 100 took no longer."),
        null("p99", COUNT, "99 in 100 took no longer."),
        null("max", COUNT, "The slowest."),
    ]],
    /// What was asked and answered since the process began.
    A2aMetrics [&[
        must("requests", Ty::Counts, "Calls by tool."),
        must("requests_total", COUNT, "All calls."),
        must("issued", COUNT, "Attestations issued."),
        must("verified", COUNT, "Attestations of vendors that are believed."),
        must("rejected", Ty::Counts, "Those that are not, by reason."),
        must("failed", Ty::Counts, "Vendors that did not answer, by reason."),
        must("latency_ms", Ty::Object(A2aLatency::SHAPE), "How long calls took."),
    ]],
}

/// Answers a message of MCP. Sessions are neither needed nor given: every request says who asks.
#[api_v2_operation(tags("A2A"), operation_id = "call_a2a", summary = "A message to the MCP server")]
async fn call_a2a(call: Call<Agent>, body: Body<McpMessage>) -> Result<Reply<DoneOrNoted<McpAnswer>>, Problem> {
    let caller = call.caller.clone().ok_or_else(Problem::unauthorized)?;
    let (request_id, key) = (call.request_id(), call.idempotency_key()?);
    let asking = Asking { app: call.app.clone(), caller: Arc::clone(&caller), request_id, key };
    let headers = call.headers();
    Ok(Reply::plain(server::answer(asking, &headers, body.bytes()).await?))
}

/// There is no event stream: nothing is ever said to a partner that it did not ask.
#[api_v2_operation(tags("A2A"), operation_id = "listen_a2a", summary = "No event stream is offered: 405")]
async fn listen_a2a(_call: Call<Agent>) -> Result<Reply<Never>, Problem> {
    Err(Problem { allow: Some("POST, DELETE".to_owned()), ..Problem::new(405, "no event stream is offered") })
}

/// Ends a session, of which there are none: it is as good as ended.
#[api_v2_operation(tags("A2A"), operation_id = "leave_a2a", summary = "End an MCP session")]
async fn leave_a2a(_call: Call<Agent>) -> Result<Reply<Nothing>, Problem> {
    Ok(Reply::plain(Answer::none()))
}

/// What the server is, and where.
#[api_v2_operation(tags("A2A"), operation_id = "discover_a2a", summary = "What the A2A server is and where it is")]
async fn discover(call: Call<Public>) -> Result<Reply<Is<A2aDiscovery>>, Problem> {
    let url = &call.app.public_url;
    let tools = TOOLS.iter().filter(|tool| tool.for_partners);
    let tools: Vec<Value> = tools.map(|tool| json!({"name": tool.name, "description": tool.doc})).collect();
    let document = json!({
        "name": "Sovereign GRC", "version": VERSION, "issuer": url, "protocol_versions": server::versions(),
        "mcp_url": format!("{url}{MCP_PATH}"), "jwks_url": format!("{url}{JWKS_PATH}"), "tools": tools,
    });
    Ok(Reply::plain(Answer::ok(document)).with("cache-control", "public, max-age=300"))
}

/// Whether the server answers.
#[api_v2_operation(tags("A2A"), operation_id = "a2a_health", summary = "The state of the A2A server")]
async fn health(call: Call<Public>) -> Result<Reply<Is<A2aHealth>>, Problem> {
    let status = if call.app.db.check().await.is_ok() { "healthy" } else { "unhealthy" };
    let body = json!({"status": status, "version": VERSION, "protocol_versions": server::versions()});
    Ok(Reply::plain(Answer::ok(body)))
}

/// What was asked and answered, in numbers.
#[api_v2_operation(tags("A2A"), operation_id = "a2a_metrics", summary = "What was asked and answered, in numbers")]
async fn numbers(call: Call<Public>) -> Result<Reply<Is<A2aMetrics>>, Problem> {
    Ok(Reply::plain(Answer::ok(call.app.a2a.meter.to_json())))
}

/// Lets a partner ask for attestations; its key is shown once.
#[api_v2_operation(tags("A2A"), operation_id = "create_a2a_grant", summary = "Let a partner ask for attestations")]
async fn create_grant(call: Call<GrantAdmin>, body: Body<Making<Grant>>) -> Result<Reply<New<Shown<Grant>>>, Problem> {
    let changes = Changes::<Grant>::read(&body.form()?);
    let path = call.path();
    let random = grc_identity::Secrets::random(&call.app.secrets);
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let (grant, key) = attesting::let_ask(ctx, uow, changes, random).await?;
        let location = format!("{path}/{}", grant.id.0);
        let shown = shown(&grant, &vec![("key", json!(key))])?;
        Ok(Answer::created(shown, location).secret(&["key"]))
    })
    .await
}

fn shown<R: Resource>(record: &R, extra: &Extra) -> Result<Value, Problem> {
    let mut text = String::new();
    write_record(record, None, extra, &mut text);
    serde_json::from_str(&text).map_err(|error| Problem::new(500, error.to_string()))
}

/// Takes a grant back: its key stops working.
#[api_v2_operation(tags("A2A"), operation_id = "delete_a2a_grant", summary = "Take a grant back")]
async fn delete_grant(call: Call<GrantAdmin>) -> Result<Reply<Nothing>, Problem> {
    let (id, seen) = (call.param("grant_id")?.into(), call.if_match()?);
    let reply = call
        .write(&[], async |ctx, uow| -> Result<Answer, Problem> {
            kit::remove::<Grant>(ctx, uow.vendor(), id, seen).await?;
            Ok(Answer::none())
        })
        .await;
    call.app.callers.forget();
    reply
}

/// Asks a vendor to attest, over MCP at its `a2a_endpoint`; what comes of it is found at the answer's location.
#[api_v2_operation(
    tags("A2A"),
    operation_id = "request_vendor_attestation",
    summary = "Ask a vendor for an attestation"
)]
async fn request(
    call: Call<VendorWrite>,
    body: Body<Making<Attestation>>,
) -> Result<Reply<Begun<Shown<Attestation>>>, Problem> {
    let changes = Changes::<Attestation>::read(&body.form()?);
    let app = call.app.clone();
    let vendor = call.param("vendor_id")?.into();
    let fits = |url: &str| -> Result<(), String> {
        let judged: Result<Target, _> = app.a2a.outbound.target(url);
        judged.map(|_| ()).map_err(|refused| refused.to_string())
    };
    let org = call.org;
    let reply = call
        .write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
            let asked = attestation::request(ctx, uow.vendor(), vendor, changes, &app.public_url, fits).await?;
            let location = format!("/api/v1/orgs/{org}/vendors/attestations/{}", asked.id.0);
            Ok(answer(ctx, uow, asked).await?.status(202).with("location", location))
        })
        .await;
    call.app.wake.notify_one();
    reply
}

/// One attestation: the verdict and, where the vendor sent one, the signed statement and what it says.
#[api_v2_operation(
    tags("A2A"),
    operation_id = "get_vendor_attestation",
    summary = "One attestation of a vendor, with its claims and the verdict on them"
)]
async fn get(call: Call<VendorRead>) -> Result<Reply<Is<Shown<Attestation>>>, Problem> {
    let id = call.param("attestation_id")?.into();
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let (attestation, proof) = attestation::get(ctx, uow.vendor(), id).await?;
        let mut extra: Extra = vec![("valid", json!(attestation.holds_at(ctx.now)))];
        if let Some(Proof { token, claims, .. }) = proof {
            extra.push(("token", json!(token)));
            extra.push(("claims", claims.map_or(Value::Null, Value::Object)));
        }
        let body = shown(&attestation, &extra)?;
        Ok(Answer::resource(body))
    })
    .await
}

/// The routes. Those of vendors' attestations come before the vendors' own.
pub fn routes(config: &mut web::ServiceConfig) {
    let org = "/api/v1/orgs/{org_id}";
    config
        .service(
            web::resource(MCP_PATH)
                .route(web::post().to(call_a2a))
                .route(web::get().to(listen_a2a))
                .route(web::delete().to(leave_a2a)),
        )
        .service(web::resource(DISCOVERY_PATH).route(web::get().to(discover)))
        .service(web::resource("/api/v1/a2a/health").route(web::get().to(health)))
        .service(web::resource("/api/v1/a2a/metrics").route(web::get().to(numbers)))
        .service(
            web::resource(&format!("{org}/a2a/grants"))
                .route(web::get().to(list::<Grant>))
                .route(web::post().to(create_grant)),
        )
        .service(web::resource(&format!("{org}/a2a/grants/{{grant_id}}")).route(web::delete().to(delete_grant)))
        .service(web::resource(&format!("{org}/a2a/issued")).route(web::get().to(list::<Issued>)))
        .service(web::resource(&format!("{org}/vendors/attestations/{{attestation_id}}")).route(web::get().to(get)))
        .service(
            web::resource(&format!("{org}/{}", Attestation::PATH))
                .route(web::get().to(list::<Attestation>))
                .route(web::post().to(request)),
        );
}

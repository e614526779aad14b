//! Batches: many operations in one request, as a whole or each for itself.

use std::time::{Duration, Instant};

use actix_web::http::{
    Method, Uri,
    header::{HeaderName, HeaderValue, IF_MATCH},
};
use grc_kernel::FieldError;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{
    http::{
        call::{Answer, AnyWrite, Body, Call, Is, Reply, STILL_RUNNING},
        inner::{ANSWER_MAX, Answered, Asked},
        problem::Problem,
        shape::{Ty, forms, may, must, null},
    },
    shapes,
};

/// The most operations of a batch.
const OPERATIONS_MAX: usize = 500;
/// How long a batch may take altogether, where each operation counts for itself.
const TIME: Duration = Duration::from_secs(60);
/// How long where all or none count: meanwhile the organization's other changes wait, and give up after ten seconds.
const ATOMIC_TIME: Duration = Duration::from_secs(20);
/// How many of those there may be at a time: each has a connection to the database for as long as it takes.
static ATOMIC: Semaphore = Semaphore::const_new(4);
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is believed that the caller may do what it may: no longer than of any request.
const BELIEVED: Duration = Duration::from_millis(800);
/// The most bytes of a GET's answer that are kept for a replay.
const KEPT_MAX: usize = 64 * 1024;
/// The status of what was taken back, or not tried, because another operation failed (RFC 4918, section 11.4).
const FAILED_DEPENDENCY: u16 = 424;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The form of a path within the organization.
const PATH: forms::Form = forms::form(r"^/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*$", "/risks/register");

shapes! {
    /// One operation of a batch.
    BatchOperation [&[
        must("method", Ty::Word(METHODS), "The method."),
        must("path", Ty::Line(2_000), "The path within the organization, with its query: `/risks/register`.").of_form(PATH),
        may("body", Ty::Json, "The body, as the operation alone would have it."),
        may("if_match", Ty::Either(&Ty::Int(1, i64::MAX), &Ty::Line(200)), "The revision, or the `ETag`, that the record must still have."),
    ]],
    /// Many operations, carried out in their order.
    Batch [&[
        may("atomic", Ty::Bool, "Whether all happen or none (the default); else each for itself."),
        must("operations", Ty::List(&Ty::Object(BatchOperation::SHAPE), OPERATIONS_MAX), "The operations: 1 to 500.").at_least(1),
    ]],
    /// What became of one operation.
    BatchResult [&[
        must("status", Ty::Int(200, 599), "Its status. 424: taken back or not tried, because another one failed."),
        must("body", Ty::Json, "Its answer; null where it has none."),
        may("etag", Ty::Line(200), "The `ETag` of the record answered."),
        may("location", Ty::Line(2_000), "Where the new record is."),
    ]],
    /// What became of a batch.
    BatchResults [&[
        must("atomic", Ty::Bool, "Whether it was all or nothing."),
        must("succeeded", Ty::Int(0, 500), "How many operations succeeded, and count."),
        must("failed", Ty::Int(0, 500), "How many did not."),
        null("failed_at", Ty::Int(0, 499), "The first operation that failed, counted from 0."),
        must("results", Ty::List(&Ty::Object(BatchResult::SHAPE), OPERATIONS_MAX), "One result for each operation, in their order."),
    ]],
}

/// An operation as it is to be carried out.
struct Operation {
    method: Method,
    uri: Uri,
    body: Option<Vec<u8>>,
    if_match: Option<HeaderValue>,
}

/// Many operations of the organization in one request.
#[api_v2_operation(
    tags("Batch"),
    operation_id = "batch",
    summary = "Carry out up to 500 operations",
    description = "The operations are carried out in their order, each as if it were sent alone: with its own permission, \
validation, precondition and journal entry. With `atomic` they share one transaction: the first that fails ends the batch, \
everything is taken back, and all others get 424. Without it each counts for itself. The whole counts as one request against \
the rate limit; hourly quotas count each operation. An operation whose changes reach beyond the organization cannot be part \
of an atomic batch (409), nor can what takes its time, such as a simulation or the inspection of a file, nor a batch of any \
batch. What takes longer than 60 s in all, 20 s for an atomic one, is not carried out (503). With an `Idempotency-Key`, an \
atomic batch's key commits with it; of another batch each operation is kept by itself as well, so that a batch which broke \
off can be sent again and doubles nothing. A replay leaves out secrets, and the bodies of GETs over 64 KiB."
)]
async fn batch(call: Call<AnyWrite>, body: Body<Batch>) -> Result<Reply<Is<BatchResults>>, Problem> {
    let input = body.read()?;
    let atomic = input.get("atomic").unwrap_or(true);
    let operations = read(&call, input.members())?;
    if atomic {
        let busy = |_| Problem { retry_after: Some(1), ..Problem::new(503, "too many atomic batches at a time") };
        let turn = tokio::time::timeout(PATIENCE, ATOMIC.acquire()).await.map_err(busy)?;
        let _turn = turn.map_err(|error| Problem::new(500, error.to_string()))?;
        let work = async || {
            let results = carry_out(&call, &operations, true).await?;
            let good = results.iter().all(succeeded);
            Ok((answer(&operations, results, true), good))
        };
        let whole = async {
            let reply = call.together(body.bytes(), work).await;
            let counts = reply.as_ref().is_ok_and(|(_, counts)| *counts);
            (reply.map(|(reply, _)| reply), counts)
        };
        let reply = call.app.limits.as_one(whole).await;
        // What the batch changed may be somebody's role.
        call.app.callers.forget();
        call.app.webhooks.changed();
        call.app.wake.notify_one();
        return reply;
    }
    call.outside_where(body.bytes(), async || {
        let results = carry_out(&call, &operations, false).await?;
        // What was not carried out is tried when the batch is sent again under its key.
        let whole = results.iter().all(|result| result.status != 503);
        Ok((answer(&operations, results, false), whole))
    })
    .await
}

/// The operations, every mistake reported at once.
fn read(call: &Call<AnyWrite>, members: &Map<String, Value>) -> Result<Vec<Operation>, Problem> {
    let mut errors = Vec::new();
    let mut operations = Vec::new();
    let given = members.get("operations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if given.is_empty() {
        errors.push(FieldError::new("operations", "too_short", "a batch has at least one operation"));
    }
    for (i, given) in given.iter().enumerate() {
        match operation(call, given) {
            Ok(operation) => operations.push(operation),
            Err((member, code, detail)) => {
                errors.push(FieldError::new(format!("operations[{i}].{member}"), code, detail));
            }
        }
    }
    if errors.is_empty() { Ok(operations) } else { Err(Problem::fields(errors)) }
}

type Wrong = (&'static str, &'static str, &'static str);

fn operation(call: &Call<AnyWrite>, given: &Value) -> Result<Operation, Wrong> {
    let method = given.get("method").and_then(Value::as_str).unwrap_or_default();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| ("method", "unknown", "is no method"))?;
    let path = given.get("path").and_then(Value::as_str).unwrap_or_default();
    let first = path.strip_prefix('/').map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    match first {
        None => return Err(("path", "format", "must begin with /, and is within the organization")),
        Some("batch") => return Err(("path", "nested", "a batch cannot be part of a batch")),
        // What RFC 3986 knows in paths and queries; other characters are percent-encoded.
        Some(_) if path.chars().all(|c| c.is_ascii_alphanumeric() || "._~!$&'()*+,;=:@/?%-".contains(c)) => {}
        Some(_) => return Err(("path", "format", "holds a character that is percent-encoded in paths")),
    }
    let uri = format!("/api/v1/orgs/{}{path}", call.org);
    let uri = uri.parse::<Uri>().map_err(|_| ("path", "format", "is no path"))?;
    let body = given.get("body").filter(|body| !body.is_null()).map(|body| body.to_string().into_bytes());
    if body.is_some() && method == Method::GET {
        return Err(("body", "unexpected", "a GET has no body"));
    }
    let tag = match given.get("if_match") {
        Some(Value::Number(revision)) => Some(format!("\"{revision}\"")),
        Some(Value::String(tag)) => Some(tag.clone()),
        _ => None,
    };
    let if_match = tag.map(|tag| HeaderValue::from_str(&tag)).transpose();
    let if_match = if_match.map_err(|_| ("if_match", "format", "is no ETag"))?;
    Ok(Operation { method, uri, body, if_match })
}

/// Carries the operations out, one after the other. Of a whole, nothing is tried after the first that failed.
async fn carry_out(call: &Call<AnyWrite>, operations: &[Operation], atomic: bool) -> Result<Vec<Answered>, Problem> {
    let begun = Instant::now();
    let time = if atomic { ATOMIC_TIME } else { TIME };
    let key = if atomic { None } else { call.idempotency_key()? };
    let (mut caller, mut looked) = (call.caller.clone(), Instant::now());
    let mut results: Vec<Answered> = Vec::with_capacity(operations.len());
    let mut size = 0;
    for (i, operation) in operations.iter().enumerate() {
        let left = time.saturating_sub(begun.elapsed());
        if looked.elapsed() > BELIEVED {
            // Whoever may no longer do so is stopped in the middle too.
            caller = match &call.caller {
                Some(asked) => call.app.callers.again(&asked.kept(&call.address), call.org).await?,
                None => None,
            };
            looked = Instant::now();
        }
        let result = if atomic && results.last().is_some_and(|last| !succeeded(last)) {
            return Ok(taken_back(call, results, operations.len()));
        } else if left.is_zero() {
            refused(
                call,
                &Problem::new(503, format!("not carried out: the batch takes longer than {} s", time.as_secs())),
            )
        } else if size > ANSWER_MAX {
            let problem = format!("not carried out: the answers before it have more than {ANSWER_MAX} bytes");
            refused(call, &Problem::new(413, problem))
        } else {
            let (found, inner) = call.inside(caller.clone())?;
            match tokio::time::timeout(left, inner.ask(asked(operation, key.as_deref(), i), found)).await {
                Ok(Ok(answered)) => answered,
                Ok(Err(problem)) => refused(call, &problem),
                Err(_) if atomic => refused(call, &Problem::new(503, "it took too long and was taken back")),
                Err(_) => {
                    refused(call, &Problem::new(503, "it took too long: whether it was carried out is not known"))
                }
            }
        };
        // The same batch is at work elsewhere: its answer is the one that counts.
        if key.is_some() && result.status == 409 && result.body.get("detail") == Some(&STILL_RUNNING.into()) {
            return Err(Problem::new(409, STILL_RUNNING));
        }
        size += result.size;
        results.push(result);
    }
    if atomic && results.iter().any(|result| !succeeded(result)) {
        return Ok(taken_back(call, results, operations.len()));
    }
    Ok(results)
}

fn asked(operation: &Operation, key: Option<&str>, i: usize) -> Asked {
    let mut headers = Vec::new();
    if let Some(tag) = &operation.if_match {
        headers.push((IF_MATCH, tag.clone()));
    }
    if let Some(key) = key.filter(|_| operation.method == Method::POST) {
        let key = format!("batch-{}-{i}", hex::encode(Sha256::digest(key.as_bytes())));
        headers.extend(HeaderValue::from_str(&key).ok().map(|key| (HeaderName::from_static("idempotency-key"), key)));
    }
    let (method, uri) = (operation.method.clone(), operation.uri.clone());
    Asked { method, uri, body: operation.body.clone(), headers }
}

fn succeeded(result: &Answered) -> bool {
    result.status < 400
}

/// The results of a whole of which the last operation failed.
fn taken_back(call: &Call<AnyWrite>, mut results: Vec<Answered>, count: usize) -> Vec<Answered> {
    let failed = results.len().saturating_sub(1);
    let why = format!("taken back or not tried: operation {failed} failed");
    let problem = Problem { code: "FAILED_DEPENDENCY", ..Problem::new(FAILED_DEPENDENCY, why) };
    for result in results.iter_mut().take(failed) {
        *result = refused(call, &problem);
    }
    results.extend((results.len()..count).map(|_| refused(call, &problem)));
    results
}

fn refused(call: &Call<AnyWrite>, problem: &Problem) -> Answered {
    let mut body = problem.body();
    if let Value::Object(members) = &mut body {
        members.insert("request_id".into(), call.request_id().into());
    }
    Answered { status: problem.status, etag: None, location: None, body, secrets: &[], size: 0 }
}

fn answer(operations: &[Operation], results: Vec<Answered>, atomic: bool) -> Answer {
    let failed = results.iter().filter(|result| !succeeded(result)).count();
    let failed_at = results.iter().position(|result| !succeeded(result) && result.status != FAILED_DEPENDENCY);
    let succeeded = results.len() - failed;
    let whole = |results: Vec<Value>| {
        json!({
            "atomic": atomic, "succeeded": succeeded, "failed": failed, "failed_at": failed_at, "results": results,
        })
    };
    let kept = results.iter().zip(operations).map(|(result, operation)| kept(operation, result)).collect();
    let kept = whole(kept);
    Answer::ok(whole(results.into_iter().map(shown).collect())).keeping(kept)
}

/// What is kept of a result for a replay: no secret, and nothing long that can be read again.
fn kept(operation: &Operation, result: &Answered) -> Value {
    let mut body = result.body.clone();
    if operation.method == Method::GET && result.size > KEPT_MAX {
        body = Value::Null;
    }
    if let Value::Object(members) = &mut body {
        members.retain(|name, _| !result.secrets.contains(&name.as_str()));
    }
    let (etag, location) = (result.etag.clone(), result.location.clone());
    shown(Answered { status: result.status, etag, location, body, secrets: &[], size: 0 })
}

fn shown(result: Answered) -> Value {
    let mut shown = json!({"status": result.status, "body": result.body});
    for (name, value) in [("etag", result.etag), ("location", result.location)] {
        if let (Some(value), Value::Object(members)) = (value, &mut shown) {
            members.insert(name.to_owned(), value.into());
        }
    }
    shown
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/api/v1/orgs/{org_id}/batch").route(web::post().to(batch)));
}

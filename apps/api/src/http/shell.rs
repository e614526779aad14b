//! Around every request: its id, who sends it, how often, how long it took, and the headers of every answer.

use std::{rc::Rc, time::Instant};

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use grc_kernel::{OrgId, Uuid};

use super::{
    call::{Found, Verbatim},
    limits::Standing,
    problem::{MEDIA_TYPE, Problem},
};
use crate::serve::App;

/// The middleware.
pub async fn around<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let begun = Instant::now();
    let app = request.app_data::<Data<App>>().cloned();
    let Some(app) = app else { return Ok(next.call(request).await?.map_into_left_body()) };
    let request_id = request_id(&request, &app);
    let address = request.peer_addr().map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string());
    let (method, path) = (request.method().clone(), request.path().to_owned());
    // Probes are not counted, and a signed URL is a credential of its own.
    let free = path.starts_with("/api/v1/health") || path.starts_with("/blobs/");
    let caller = if free { Ok(None) } else { caller(&request, &app, &path).await };
    let counted = match &caller {
        Ok(Some(caller)) => caller.id().to_string(),
        _ => address.clone(),
    };
    let standing = if free { Ok(None) } else { app.limits.request(&counted).await };
    let guarded = if free { Ok(()) } else { app.door.guard(method.as_str(), request.headers()) };
    // A request of another site's making that is counted all the same: the limit comes first.
    let admitted = standing.map_err(|(standing, problem)| (Some(standing), problem));
    let admitted = admitted.and_then(|standing| guarded.map(|()| standing).map_err(|problem| (standing, problem)));
    let found = Found { caller, request_id: request_id.clone(), address };
    request.extensions_mut().insert(Rc::new(found));
    let mut limited = None;
    let mut response = match admitted {
        Err((standing, problem)) => {
            limited = standing;
            // `into_response` would lose the problem that the response was made from.
            let (request, _) = request.into_parts();
            ServiceResponse::new(request, actix_web::HttpResponse::from_error(problem)).map_into_right_body()
        }
        Ok(standing) => {
            if let Some(standing) = standing {
                request.extensions_mut().insert(standing);
            }
            next.call(request).await?.map_into_left_body()
        }
    };
    let standing = limited.or_else(|| response.request().extensions().get::<Standing>().copied());
    let verbatim = response.response().extensions().get::<Verbatim>().is_some();
    if !verbatim && (response.status().is_client_error() || response.status().is_server_error()) {
        response = as_problem(response, &app, &method, &path, &request_id);
    }
    finish(&mut response, &request_id, standing, &path);
    observe(&response, &method, begun, &request_id, &path);
    Ok(response)
}

/// The client's own id where it is sane, else a new one.
fn request_id(request: &ServiceRequest, app: &App) -> String {
    let sane = |text: &&str| {
        (1..=128).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
    };
    let given = request.headers().get("x-request-id").and_then(|value| value.to_str().ok()).filter(sane);
    given.map_or_else(|| app.ids.next().to_string(), str::to_owned)
}

async fn caller(
    request: &ServiceRequest,
    app: &App,
    path: &str,
) -> Result<Option<std::sync::Arc<super::caller::Caller>>, Problem> {
    let Some(presented) = app.door.presented(request.headers())? else { return Ok(None) };
    let org = path
        .strip_prefix("/api/v1/orgs/")
        .and_then(|rest| rest.split('/').next())
        .and_then(|id| Uuid::parse_str(id).ok());
    app.callers.find(presented, org.map(OrgId)).await?.map(Some).ok_or_else(Problem::unauthorized)
}

/// Errors of the framework's own get the shape of ours, and all get the request's id.
pub(super) fn as_problem<B: MessageBody + 'static>(
    response: ServiceResponse<EitherBody<B, BoxBody>>,
    app: &App,
    method: &Method,
    path: &str,
    request_id: &str,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(MEDIA_TYPE.as_bytes()));
    let mut problem = match response.response().error().and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => problem.clone(),
        None if ours => return response,
        None => {
            let status = response.status().as_u16();
            let reason = response.status().canonical_reason().unwrap_or("error").to_lowercase();
            Problem::new(status, reason)
        }
    };
    // The framework answers 404 to a method that a path does not have; the document knows better.
    if matches!(problem.status, 404 | 405)
        && let Some(methods) = app.methods.of(path)
        && !methods.iter().any(|known| known == method.as_str())
    {
        problem =
            Problem { allow: Some(methods.join(", ")), ..Problem::new(405, format!("{path} does not have {method}")) };
    }
    let mut body = problem.body();
    if let serde_json::Value::Object(members) = &mut body {
        members.insert("request_id".into(), request_id.into());
    }
    let mut fresh = problem.error_response();
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH | header::CONTENT_ENCODING) {
            fresh.headers_mut().insert(name.clone(), value.clone());
        }
    }
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, fresh.set_body(BoxBody::new(body.to_string()))).map_into_right_body()
}

fn finish<B>(response: &mut ServiceResponse<B>, request_id: &str, standing: Option<Standing>, path: &str) {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", request_id);
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "no-referrer");
    if let Some(standing) = standing {
        for (name, value) in super::limits::headers(standing) {
            set(name, &value);
        }
    }
    if path.starts_with("/api/v1/") && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn observe<B>(response: &ServiceResponse<B>, method: &Method, begun: Instant, request_id: &str, path: &str) {
    let status = response.status().as_u16();
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let seconds = begun.elapsed().as_secs_f64();
    let labels = [("method", method.to_string()), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("grc_http_requests_total", &labels).increment(1);
    metrics::histogram!("grc_http_request_seconds", "method" => method.to_string(), "route" => route).record(seconds);
    tracing::debug!(%method, path, status, ms = seconds * 1_000.0, request_id, "answered");
}

//! Requests inside of a request: a batch's operations go through the routes as any request does, without a connection.
//!
//! What the shell does once for the whole request (who calls, how often, from where) is handed down; permissions, bodies,
//! preconditions and errors are the routes' own, so that an operation of a batch is the operation.

use std::rc::Rc;

use actix_http::{BoxedPayloadStream, Payload, Request};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::{
    App as ActixApp, Error, HttpMessage,
    body::{BoxBody, EitherBody, MessageBody, to_bytes_limited},
    dev::{AppConfig, ServiceRequest, ServiceResponse},
    http::{
        Method, Uri,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::{Bytes, Data},
};
use futures::future::LocalBoxFuture;
use paperclip::actix::OpenApiExt;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{
    call::{Found, Secrets},
    problem::Problem,
    shell,
};
use crate::{routes, serve::App};

/// The most bytes that an inner answer may have.
pub const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// A request inside of another.
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub uri: Uri,
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// Headers of its own.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a request inside of another was answered.
#[derive(Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The tag of the resource.
    pub etag: Option<String>,
    /// Where the new resource is.
    pub location: Option<String>,
    /// The body; null without one.
    pub body: Value,
    /// The members of it that are shown once.
    pub secrets: &'static [&'static str],
    /// How many bytes it had.
    pub size: usize,
}

type Carry = Box<dyn Fn(Request) -> LocalBoxFuture<'static, Result<Answered, Problem>>>;

/// The routes, for requests that come from inside. One for each thread that serves, made when it is first needed.
pub struct Inner {
    app: Data<App>,
    carry: OnceCell<Carry>,
}

impl Inner {
    /// The routes of a service.
    pub fn new(app: Data<App>) -> Self {
        Self { app, carry: OnceCell::new() }
    }

    /// Carries out a request on behalf of a caller.
    pub async fn ask(&self, asked: Asked, found: Found) -> Result<Answered, Problem> {
        let carry = self.carry.get_or_try_init(|| routed(self.app.clone())).await?;
        let payload = match &asked.body {
            Some(bytes) => {
                let bytes = Bytes::copy_from_slice(bytes);
                let payload: BoxedPayloadStream = Box::pin(futures::stream::iter([Ok(bytes)]));
                Payload::Stream { payload }
            }
            None => Payload::None,
        };
        let mut request = Request::with_payload(payload);
        let head = request.head_mut();
        head.method = asked.method;
        head.uri = asked.uri;
        let json = HeaderValue::from_static("application/json");
        if let Some(bytes) = &asked.body {
            head.headers.insert(header::CONTENT_TYPE, json.clone());
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        }
        head.headers.insert(header::ACCEPT, json);
        for (name, value) in asked.headers {
            head.headers.insert(name, value);
        }
        request.extensions_mut().insert(Rc::new(found));
        carry(request).await
    }
}

/// The service of the documented routes. Boxed: the routes hold the handler that asks for it.
fn routed(app: Data<App>) -> LocalBoxFuture<'static, Result<Carry, Problem>> {
    Box::pin(async move {
        let factory = ActixApp::new()
            .app_data(app)
            .app_data(routes::paths())
            .wrap(actix_web::middleware::from_fn(around))
            .wrap_api()
            .configure(routes::api)
            .build()
            .default_service(actix_web::web::to(routes::unknown))
            .into_factory();
        let service = factory.new_service(AppConfig::default()).await;
        let service = Rc::new(service.map_err(|()| Problem::new(500, "the routes could not be made"))?);
        let carry: Carry = Box::new(move |request| {
            let service = Rc::clone(&service);
            Box::pin(async move {
                let defect = |error: Error| Problem::new(500, format!("an inner request failed: {error}"));
                std::future::poll_fn(|context| service.poll_ready(context)).await.map_err(defect)?;
                answered(service.call(request).await.map_err(defect)?).await
            })
        });
        Ok(carry)
    })
}

/// Errors get their shape, as the shell gives it to those of requests from outside.
async fn around<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let app = request.app_data::<Data<App>>().cloned();
    let found = request.extensions().get::<Rc<Found>>().cloned();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let response = next.call(request).await?.map_into_left_body();
    let failed = response.status().is_client_error() || response.status().is_server_error();
    Ok(match (app, found) {
        (Some(app), Some(found)) if failed => shell::as_problem(response, &app, &method, &path, &found.request_id),
        _ => response,
    })
}

async fn answered<B: MessageBody>(response: ServiceResponse<B>) -> Result<Answered, Problem> {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (etag, location) = (header(header::ETAG), header(header::LOCATION));
    let secrets = response.response().extensions().get::<Secrets>().map_or(&[][..], |Secrets(members)| members);
    let kind = header(header::CONTENT_TYPE).unwrap_or_default();
    if !kind.is_empty() && !kind.starts_with("application/json") && !kind.starts_with("application/problem+json") {
        return Err(Problem::new(406, format!("the answer would be {kind}, and the answers of a batch are JSON")));
    }
    let too_large = |_| Problem::new(413, format!("the answer has more than {ANSWER_MAX} bytes"));
    let bytes = to_bytes_limited(response.into_body(), ANSWER_MAX).await.map_err(too_large)?;
    let bytes = bytes.map_err(|_| Problem::new(500, "an inner answer broke off"))?;
    let body = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
    let body = body.map_err(|error| Problem::new(500, format!("an inner answer is no JSON: {error}")))?;
    Ok(Answered { status, etag, location, body, secrets, size: bytes.len() })
}

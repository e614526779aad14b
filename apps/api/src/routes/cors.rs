//! CORS for the configured origins, and none for others.

use std::future::{Ready, ready};

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
};
use futures::future::LocalBoxFuture;

/// The middleware.
pub struct Cors(std::rc::Rc<Vec<String>>);

impl Cors {
    /// For these origins.
    pub fn new(origins: Vec<String>) -> Self {
        Self(std::rc::Rc::new(origins))
    }
}

impl<S, B> Transform<S, ServiceRequest> for Cors
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = CorsService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(CorsService { origins: self.0.clone(), service: std::rc::Rc::new(service) }))
    }
}

/// The middleware's service.
pub struct CorsService<S> {
    origins: std::rc::Rc<Vec<String>>,
    service: std::rc::Rc<S>,
}

fn allow(headers: &mut HeaderMap, origin: &HeaderValue, preflight: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("ETag, Location, Retry-After, X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Idempotency-Replayed"),
    );
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id",
            ),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
}

impl<S, B> Service<ServiceRequest> for CorsService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let known = origin.filter(|origin| self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
        let service = std::rc::Rc::clone(&self.service);
        Box::pin(async move {
            let Some(origin) = known else { return Ok(service.call(request).await?.map_into_left_body()) };
            if request.method() == Method::OPTIONS
                && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            {
                let mut response = HttpResponse::NoContent().finish();
                allow(response.headers_mut(), &origin, true);
                return Ok(request.into_response(response).map_into_right_body());
            }
            let mut response = service.call(request).await?;
            allow(response.headers_mut(), &origin, false);
            Ok(response.map_into_left_body())
        })
    }
}

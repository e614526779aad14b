//! Errors as `application/problem+json` (RFC 9457), one shape everywhere.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use grc_kernel::{Fault, FaultKind, FieldError, StoreError};
use paperclip::{actix::api_v2_errors, v2::schema::Apiv2Schema};
use serde_json::{Value, json};

use super::shape::ReadError;

/// The media type.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error answer.
#[api_v2_errors()]
#[derive(Clone, Debug)]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// The stable code.
    pub code: &'static str,
    /// What went wrong, for a person.
    pub detail: String,
    /// The bad fields.
    pub errors: Vec<FieldError>,
    /// The moves that would be legal.
    pub available_transitions: Option<Vec<&'static str>>,
    /// Seconds until it is worth trying again.
    pub retry_after: Option<u64>,
    /// The methods that a path has, for 405.
    pub allow: Option<String>,
}

impl Apiv2Schema for Problem {}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// A problem of a status, whose code follows from it. The cause of a 500 goes to the log, and to nobody else.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if status == 500 {
            tracing::error!(error = detail, "internal error");
            detail = "an internal error; the log has it under the request's id".to_owned();
        }
        Self {
            status,
            code: code(status),
            detail,
            errors: Vec::new(),
            available_transitions: None,
            retry_after: None,
            allow: None,
        }
    }

    /// 422 with field errors.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail =
            errors.first().map_or_else(|| "the input has errors".to_owned(), |e| format!("{}: {}", e.field, e.detail));
        Self { errors, ..Self::new(422, detail) }
    }

    /// 401, the same for every reason.
    pub fn unauthorized() -> Self {
        Self::new(401, "a valid credential is needed")
    }

    /// 404, the same for what is absent and what is somebody else's.
    pub fn not_found() -> Self {
        Self::new(404, "there is no such resource")
    }

    /// The body, without the request's id, which the shell adds.
    pub fn body(&self) -> Value {
        let title =
            StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
        let mut body = json!({
            "type": format!("urn:sovereign-grc:problem:{}", self.code.to_lowercase().replace('_', "-")),
            "title": title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        });
        if let Value::Object(members) = &mut body {
            if let Some(first) = self.errors.first() {
                members.insert("field".into(), first.field.clone().into());
                let errors: Vec<Value> =
                    self.errors.iter().map(|e| json!({"field": e.field, "code": e.code, "detail": e.detail})).collect();
                members.insert("errors".into(), errors.into());
            }
            if let Some(moves) = &self.available_transitions {
                members.insert("available_transitions".into(), json!(moves));
            }
        }
        body
    }
}

/// The code of a status.
pub fn code(status: u16) -> &'static str {
    match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        406 => "NOT_ACCEPTABLE",
        408 => "REQUEST_TIMEOUT",
        409 => "CONFLICT",
        412 => "PRECONDITION_FAILED",
        413 => "PAYLOAD_TOO_LARGE",
        415 => "UNSUPPORTED_MEDIA_TYPE",
        422 => "VALIDATION_ERROR",
        429 => "RATE_LIMITED",
        503 => "SERVICE_UNAVAILABLE",
        _ => "INTERNAL",
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(MEDIA_TYPE);
        if self.status == 401 {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header(("Allow", allow.as_str()));
        }
        response.body(self.body().to_string())
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Syntax(detail) => Self::new(400, detail),
            ReadError::Fields(errors) => Self::fields(errors),
        }
    }
}

/// The answer to a fault. What a defect says stays in the log.
/// An error with all that caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

pub(super) fn from_fault(fault: &dyn Fault) -> Problem {
    let status = match fault.kind() {
        FaultKind::Invalid => return Problem::fields(fault.fields()),
        FaultKind::Unauthorized => 401,
        FaultKind::Forbidden => 403,
        FaultKind::NotFound => return Problem::not_found(),
        FaultKind::Conflict => 409,
        FaultKind::Stale => 412,
        FaultKind::Limited => 429,
        FaultKind::Unavailable => {
            let error: &dyn std::error::Error = fault;
            tracing::warn!(error, "a dependency is not available");
            return Problem { retry_after: Some(5), ..Problem::new(503, fault.to_string()) };
        }
        FaultKind::Internal => {
            return Problem::new(500, causes(fault));
        }
    };
    Problem {
        available_transitions: fault.available_transitions(),
        retry_after: fault.retry_after(),
        ..Problem::new(status, fault.to_string())
    }
}

macro_rules! from_faults {
    ($($fault:ty),+ $(,)?) => {$(
        impl From<$fault> for Problem {
            fn from(fault: $fault) -> Self {
                from_fault(&fault)
            }
        }
    )+};
}

from_faults!(StoreError, grc_kernel::Refusal, grc_fair::SimulationError,);

impl From<grc_evidence::ObjectError> for Problem {
    fn from(error: grc_evidence::ObjectError) -> Self {
        match error {
            grc_evidence::ObjectError::Missing => Self::new(409, error.to_string()),
            grc_evidence::ObjectError::Unavailable(_) => {
                tracing::warn!(%error, "the evidence store is not available");
                Self::new(503, "the evidence store is not available")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_an_internal_error_is_told_to_nobody() {
        let problem = Problem::new(500, "/srv/grc/spool is full");
        assert!(!problem.to_string().contains("/srv") && !problem.body().to_string().contains("/srv"));
        assert!(Problem::new(503, "Redis is away").to_string().contains("Redis"));
    }
}

//! What a use case answers with, and how that becomes a response.

use std::marker::PhantomData;

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, http::StatusCode};
use grc_uow::StoredReply;
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DefaultOperationRaw, DefaultSchemaRaw, Either, Response},
        schema::Apiv2Schema,
    },
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::documented::Documented;

/// What a use case answers with, before it is a response.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Content,
    /// What is kept for a replay, where that is not the whole body.
    kept: Option<Value>,
    secrets: &'static [&'static str],
    pub(super) replayed: bool,
    verbatim: bool,
}

/// The members of a response's body that are shown once: whoever keeps the body leaves them out.
#[derive(Clone, Copy, Debug)]
pub struct Secrets(pub &'static [&'static str]);

/// Marks a response that is an error in another protocol's words: the shell leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub struct Verbatim;

impl Answer {
    /// 200 with a body.
    pub fn ok(body: Value) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Content::Json(body),
            kept: None,
            secrets: &[],
            replayed: false,
            verbatim: false,
        }
    }

    /// The same, whatever its status: it speaks another protocol, whose errors are no problems of ours.
    #[must_use]
    pub fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self
    }

    /// 200 with one resource, whose revision makes its ETag.
    pub fn resource(body: Value) -> Self {
        let revision = body.get("revision").and_then(Value::as_i64).unwrap_or(1);
        let tag = etag(&body.to_string(), revision);
        Self::ok(body).with("etag", tag)
    }

    /// 200 with JSON text.
    pub fn plain_text(text: String) -> Self {
        Self { body: Content::Bytes("application/json", text.into_bytes()), ..Self::none() }.status(200)
    }

    /// 200 with one resource as JSON text, of a revision.
    pub fn text(text: String, revision: i64) -> Self {
        let tag = etag(&text, revision);
        Self::plain_text(text).with("etag", tag)
    }

    /// 200 with something that is not JSON.
    pub fn media(kind: &'static str, bytes: Vec<u8>) -> Self {
        Self { body: Content::Bytes(kind, bytes), ..Self::none() }.status(200)
    }

    /// 201 with a new resource and where it is.
    pub fn created(body: Value, location: String) -> Self {
        Self { status: 201, ..Self::resource(body) }.with("location", location)
    }

    /// 202 with a resource that is being worked on.
    pub fn accepted(body: Value) -> Self {
        Self { status: 202, ..Self::resource(body) }
    }

    /// 204.
    pub fn none() -> Self {
        Self { body: Content::None, ..Self::ok(Value::Null) }.status(204)
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }

    /// The same, where these members are shown once and left out of a replay.
    #[must_use]
    pub fn secret(mut self, members: &'static [&'static str]) -> Self {
        self.secrets = members;
        self
    }

    /// The same, of which this is kept for a replay.
    #[must_use]
    pub fn keeping(mut self, kept: Value) -> Self {
        self.kept = Some(kept);
        self
    }

    pub(super) fn replay(kept: StoredReply) -> Self {
        Self {
            status: kept.status,
            headers: kept.headers,
            body: if kept.body.is_empty() { Content::None } else { Content::Bytes("application/json", kept.body) },
            kept: None,
            secrets: &[],
            replayed: true,
            verbatim: false,
        }
    }

    pub(super) fn to_keep(&self, digest: [u8; 32]) -> StoredReply {
        let body = match (&self.kept, &self.body) {
            (Some(kept), _) => kept.to_string().into_bytes(),
            (None, Content::None) => Vec::new(),
            (None, Content::Bytes(_, bytes)) => bytes.clone(),
            (None, Content::Json(body)) => {
                let mut body = body.clone();
                if let Value::Object(members) = &mut body {
                    members.retain(|name, _| !self.secrets.contains(&name.as_str()));
                }
                body.to_string().into_bytes()
            }
        };
        StoredReply { request_digest: digest, status: self.status, headers: self.headers.clone(), body }
    }
}

/// What an answer holds.
#[derive(Clone, Debug)]
enum Content {
    None,
    Json(Value),
    Bytes(&'static str, Vec<u8>),
}

/// A strong ETag: the revision, and a digest of the body for what is computed besides.
fn etag(body: &str, revision: i64) -> String {
    let digest = hex::encode(Sha256::digest(body.as_bytes()));
    format!("\"{revision}-{}\"", digest.get(..12).unwrap_or_default())
}

/// A response, documented as an answer of a shape with a status.
pub struct Reply<T> {
    pub(super) answer: Answer,
    not_modified: bool,
    stream: Option<Stream>,
    shape: PhantomData<T>,
}

/// The bytes of a download.
pub type Stream = futures::stream::LocalBoxStream<'static, std::io::Result<actix_web::web::Bytes>>;

impl<T> Reply<T> {
    pub(super) fn of(answer: Answer, if_none_match: Option<&str>) -> Self {
        let tag = answer.headers.iter().find(|(name, _)| name == "etag").map(|(_, tag)| tag.as_str());
        let not_modified = match (tag, if_none_match) {
            (Some(tag), Some(wanted)) => {
                wanted.trim() == "*"
                    || wanted.split(',').any(|candidate| candidate.trim().trim_start_matches("W/") == tag)
            }
            _ => false,
        };
        Self { answer, not_modified, stream: None, shape: PhantomData }
    }

    /// 200 with a file to save.
    pub fn download(stream: Stream, kind: &'static str, filename: &str) -> Self {
        let answer = Answer::none().status(200).with("content-type", kind.to_owned());
        let answer = answer.with("content-disposition", format!("attachment; filename=\"{filename}\""));
        Self { stream: Some(stream), ..Self::of(answer, None) }
    }

    /// A response made outside a transaction.
    pub fn plain(answer: Answer) -> Self {
        Self::of(answer, None)
    }

    /// Whether an earlier request left it.
    pub fn is_replay(&self) -> bool {
        self.answer.replayed
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.answer = self.answer.with(name, value.to_owned());
        self
    }
}

impl<T> Responder for Reply<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = if self.not_modified {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::from_u16(self.answer.status).unwrap_or(StatusCode::OK)
        };
        let mut response = HttpResponse::build(status);
        for (name, value) in &self.answer.headers {
            response.insert_header((name.as_str(), value.as_str()));
        }
        if self.answer.verbatim {
            response.extensions_mut().insert(Verbatim);
        }
        if !self.answer.secrets.is_empty() {
            response.extensions_mut().insert(Secrets(self.answer.secrets));
        }
        if self.answer.replayed {
            response.insert_header(("idempotency-replayed", "true"));
        }
        if self.not_modified {
            return response.finish();
        }
        if let Some(stream) = self.stream {
            return response.streaming(stream);
        }
        match self.answer.body {
            Content::Json(body) => response.content_type("application/json").body(body.to_string()),
            Content::Bytes(kind, bytes) => response.content_type(kind).body(bytes),
            Content::None => response.finish(),
        }
    }
}

impl<T> Apiv2Schema for Reply<T> {}

impl<T: Documented> OperationModifier for Reply<T> {
    fn update_parameter(_: &mut DefaultOperationRaw) {}

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}

    fn update_response(op: &mut DefaultOperationRaw) {
        let schema = T::shape().map(|title| DefaultSchemaRaw { title: Some(title), ..DefaultSchemaRaw::default() });
        for (status, shown) in [Some((T::STATUS, true)), T::ALSO].into_iter().flatten() {
            let schema = schema.clone().filter(|_| shown);
            let response = Response { description: Some("Done.".into()), schema, ..Response::default() };
            op.responses.insert(status.to_owned(), Either::Right(response));
        }
    }
}

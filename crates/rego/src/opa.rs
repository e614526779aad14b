//! An Open Policy Agent, asked over its REST API (`POST /v1/data/PATH`).
//!
//! It is the operator's: what it answers is believed, but what a client may ask is fixed by
//! [`grc_policy::path::DecisionPath`], and policies of organizations never reach it, because it keeps neither organizations
//! apart nor a policy within limits. A shipped playbook that it does not know is put into it; one that it knows under the
//! same path, from a bundle of the operator's, takes precedence.

use std::time::Duration;

use grc_kernel::journal;
use grc_policy::{
    engine::{EngineError, Module, OPA, RESULT_MAX, Verdict},
    path::DecisionPath,
};
use reqwest::{Method, RequestBuilder, StatusCode, Url, header, redirect};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

/// How long it may take to be reached.
const CONNECT: Duration = Duration::from_secs(1);
/// How long an answer may take as a whole.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much of an answer is read.
const ANSWER_MAX: usize = RESULT_MAX + 64 * 1024;

/// A client of one server.
#[derive(Clone)]
pub struct Opa {
    base: Url,
    token: Option<String>,
    client: reqwest::Client,
    runtime: Handle,
}

impl std::fmt::Debug for Opa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is a secret.
        f.debug_struct("Opa").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// The URL of a server, or what is wrong with it.
pub fn check_url(url: &str) -> Result<Url, String> {
    let base = Url::parse(url).map_err(|_| "must be an http or https URL".to_owned())?;
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err("must be an http or https URL".to_owned());
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err("may have neither a query nor a fragment".to_owned());
    }
    Ok(base)
}

/// What the server said.
struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

impl Opa {
    /// A client of a server's URL, on the runtime that it is made in. A password in the URL is the server's bearer token.
    pub fn new(url: &str) -> Result<Self, String> {
        let mut base = check_url(url)?;
        let token = base.password().map(str::to_owned);
        let _ = base.set_password(None);
        let _ = base.set_username("");
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent("sovereign-grc")
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { base, token, client, runtime: Handle::current() })
    }

    /// Where it is, without its token.
    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    /// Whether it answers that it is well.
    pub async fn is_well(&self) -> bool {
        match self.send(self.request(Method::GET, &["health"])).await {
            // Anything may stand at an address; an agent answers with an object.
            Ok(reply) => {
                reply.status == StatusCode::OK
                    && serde_json::from_slice::<Value>(&reply.body).is_ok_and(|body| body.is_object())
            }
            Err(_) => false,
        }
    }

    /// The document at a path. Where there is none and a module is at hand that defines it, the module is put and the
    /// question asked again.
    pub async fn evaluate(
        &self,
        modules: &[Module],
        path: &DecisionPath,
        input: &Value,
    ) -> Result<Verdict, EngineError> {
        let began = std::time::Instant::now();
        let mut answer = self.ask(path, input).await?;
        if answer.get("result").is_none() && self.put_missing(modules).await? {
            answer = self.ask(path, input).await?;
        }
        Ok(Verdict {
            engine: OPA,
            bundle_digest: bundles(&answer),
            result: answer.as_object_mut().and_then(|members| members.remove("result")),
            duration_ms: began.elapsed().as_secs_f64() * 1_000.0,
        })
    }

    async fn ask(&self, path: &DecisionPath, input: &Value) -> Result<Value, EngineError> {
        let segments: Vec<&str> = ["v1", "data"].into_iter().chain(path.segments()).collect();
        let request = self.request(Method::POST, &segments).query(&[("provenance", "true")]);
        let reply = self.send(request.json(&json!({"input": input}))).await?;
        let body = serde_json::from_slice::<Value>(&reply.body).ok().filter(Value::is_object);
        match (reply.status, body) {
            (StatusCode::OK, Some(body)) => Ok(body),
            (StatusCode::OK, None) => Err(strange("its answer is no JSON object")),
            // The policies are at fault: a conflict between rules, an input that they cannot take.
            (StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR, Some(body)) if body.get("code").is_some() => {
                Err(EngineError::Failed(told(&body)))
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Err(strange("it refuses the service")),
            (status, _) => Err(strange(&format!("it answers with the status {}", status.as_u16()))),
        }
    }

    /// Puts the modules that the server does not have under their names; whether there were any.
    async fn put_missing(&self, modules: &[Module]) -> Result<bool, EngineError> {
        let mut put = false;
        for module in modules {
            let segments: Vec<&str> = ["v1", "policies"].into_iter().chain(module.name.split('/')).collect();
            if self.send(self.request(Method::GET, &segments)).await?.status != StatusCode::NOT_FOUND {
                continue;
            }
            let request = self.request(Method::PUT, &segments).header(header::CONTENT_TYPE, "text/plain");
            let reply = self.send(request.body(module.rego.clone())).await?;
            if reply.status != StatusCode::OK {
                // A server whose policies come from bundles alone takes none: then the path is as undefined as it said.
                tracing::warn!(
                    module = module.name,
                    status = reply.status.as_u16(),
                    "the policy agent takes no module"
                );
                return Ok(false);
            }
            put = true;
        }
        Ok(put)
    }

    fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let request = self.client.request(method, url).header(header::ACCEPT, "application/json");
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads what comes, within the limits.
    async fn send(&self, request: RequestBuilder) -> Result<Reply, EngineError> {
        // Connections belong to the runtime that opened them; callers come from others, which end sooner.
        let sending = self.runtime.spawn(async move {
            let mut response = request.send().await.map_err(|error| unreachable(&error))?;
            let status = response.status();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
                if body.len() + chunk.len() > ANSWER_MAX {
                    return Err(EngineError::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Reply { status, body })
        });
        sending.await.map_err(|_| strange("the request to it broke off"))?
    }
}

fn strange(what: &str) -> EngineError {
    EngineError::Unavailable(format!("the policy agent gives no verdict: {what}"))
}

fn unreachable(error: &reqwest::Error) -> EngineError {
    // What the error says besides has addresses in it, which are the operator's.
    tracing::warn!(%error, "the policy agent cannot be asked");
    strange(if error.is_timeout() { "it does not answer in time" } else { "it cannot be reached" })
}

/// What an error document of the server says: its message and the first of its errors.
fn told(body: &Value) -> String {
    let message = body.get("message").and_then(Value::as_str).unwrap_or("it failed");
    let first = body.get("errors").and_then(|errors| errors.get(0));
    let place = first.and_then(|error| {
        let location = error.get("location")?;
        Some((location.get("row")?.as_u64()?, location.get("col")?.as_u64()?))
    });
    let detail = first.and_then(|error| error.get("message")).and_then(Value::as_str);
    match (place, detail) {
        (Some((row, column)), Some(detail)) => format!("line {row}, column {column}: {detail}"),
        (_, Some(detail)) => detail.to_owned(),
        _ => message.to_owned(),
    }
}

/// A digest over the revisions of the bundles that a server decided by, where it has any.
fn bundles(answer: &Value) -> Option<String> {
    let provenance = answer.get("provenance")?;
    let bundles = provenance.get("bundles").filter(|bundles| bundles.as_object().is_some_and(|all| !all.is_empty()));
    let said = bundles.or_else(|| provenance.get("revision").filter(|revision| revision.is_string()))?;
    Some(hex::encode(Sha256::digest(journal::canonical(said))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundles_of_an_answer_make_its_digest() {
        assert_eq!(bundles(&json!({"result": true})), None);
        assert_eq!(bundles(&json!({"provenance": {"version": "1.9.0", "bundles": {}}})), None);
        let of = |revision: &str| bundles(&json!({"provenance": {"bundles": {"grc": {"revision": revision}}}}));
        assert_ne!(of("1").unwrap(), of("2").unwrap());
        assert_eq!(of("1"), of("1"));
    }

    #[test]
    fn an_error_document_tells_where() {
        let body = json!({"code": "internal_error", "message": "error(s) occurred while evaluating query", "errors": [
            {"code": "eval_conflict_error", "message": "complete rules must not produce multiple outputs",
             "location": {"file": "p.rego", "row": 4, "col": 1}},
        ]});
        assert_eq!(told(&body), "line 4, column 1: complete rules must not produce multiple outputs");
        assert_eq!(told(&json!({"message": "bad"})), "bad");
    }
}

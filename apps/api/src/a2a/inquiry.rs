//! Asking a vendor to attest, from its address to a verdict: where its server is, the call, its keys, the judgement.

use std::time::Duration;

use grc_attest::{Expected, Reason, Rejection, judge};
use grc_outbound::{
    Outbound, Refused, Request, Target,
    header::{ACCEPT, HeaderValue},
};
use grc_vendor::a2a::attestation::{Answer, Outcome, Silence};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    DISCOVERY_PATH, JWKS_PATH,
    client::{self, Trouble},
};
use crate::adapters::jwks::KeySet;

/// How long everything may take: less than a job's lease.
const PATIENCE: Duration = Duration::from_secs(25);

/// What is asked of whom.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The address of a server, or of the document that says where it is.
    pub endpoint: String,
    /// The key that it granted us.
    pub key: Option<String>,
    /// The frameworks.
    pub frameworks: Vec<String>,
    /// The evidence.
    pub requested_evidence: Vec<String>,
    /// For whom it is to be made.
    pub audience: String,
    /// What it has to repeat.
    pub nonce: String,
}

/// Where a server is, and by what its word is known.
struct Place {
    mcp: Target,
    jwks: Target,
    issuer: Option<String>,
}

/// Asks, and judges the answer.
pub async fn inquire(outbound: &Outbound, inquiry: &Inquiry, now: impl Fn() -> OffsetDateTime) -> Answer {
    let mut answer = Answer { protocol_version: None, token: None, outcome: silent(late()) };
    let outcome =
        tokio::time::timeout(PATIENCE, ask(outbound, inquiry, &mut answer.protocol_version, &mut answer.token, now));
    answer.outcome = match outcome.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(trouble)) => silent(trouble),
        Err(_) => silent(late()),
    };
    answer
}

fn late() -> Trouble {
    Trouble::new(Silence::TimedOut, "the vendor did not answer in time")
}

fn silent(trouble: Trouble) -> Outcome {
    Outcome::Failed(trouble.silence, trouble.detail)
}

async fn ask(
    outbound: &Outbound,
    inquiry: &Inquiry,
    version: &mut Option<String>,
    token: &mut Option<String>,
    now: impl Fn() -> OffsetDateTime,
) -> Result<Outcome, Trouble> {
    let place = find(outbound, &inquiry.endpoint).await?;
    let arguments = json!({
        "frameworks": inquiry.frameworks,
        "requested_evidence": inquiry.requested_evidence,
        "audience": inquiry.audience,
        "nonce": inquiry.nonce,
    });
    let key = inquiry.key.as_deref();
    let called = client::call(outbound, place.mcp.clone(), key, "request_attestation", &arguments).await?;
    *version = Some(called.version);
    let Some(found) = attestation_in(&called.result)? else {
        let nothing = "the answer holds no signed attestation";
        return Ok(Outcome::Rejected(Rejection::new(Reason::Malformed, nothing)));
    };
    if found.len() > grc_attest::jws::TOKEN_MAX {
        return Ok(Outcome::Rejected(Rejection::new(Reason::Malformed, "the attestation is too large")));
    }
    *token = Some(found.clone());
    let keys = keys(outbound, place.jwks).await?;
    let issuers: Vec<&str> = place.issuer.as_deref().into_iter().collect();
    let origin = place.mcp.origin();
    let expected = Expected {
        issuers: &issuers,
        origin: Some(&origin),
        audience: Some(&inquiry.audience),
        nonce: Some(&inquiry.nonce),
        frameworks: &inquiry.frameworks,
        now: now(),
    };
    let judged = judge(&found, |kid, input, signature| keys.check(kid, input, signature), &expected);
    Ok(match judged {
        Ok(claims) => Outcome::Verified(Box::new(claims)),
        Err(rejection) => Outcome::Rejected(rejection),
    })
}

fn refused(refused: &Refused) -> Trouble {
    Trouble::new(Silence::TargetRefused, format!("the address {refused}"))
}

/// Where a server is: the endpoint itself, or where the document at the endpoint says, which must be of its origin.
async fn find(outbound: &Outbound, endpoint: &str) -> Result<Place, Trouble> {
    let target = outbound.target(endpoint).map_err(|error| refused(&error))?;
    let named = target.url().path().starts_with("/.well-known/");
    let document = if named { target.clone() } else { within(&target, DISCOVERY_PATH)? };
    let document = fetch(outbound, document).await;
    let document = match (document, named) {
        (Ok(Some(document)), _) => document,
        (Err(trouble), _) if trouble.silence != Silence::ProtocolError => return Err(trouble),
        // A server need not describe itself where its address is known.
        (_, false) => Value::Null,
        (_, true) => return Err(Trouble::new(Silence::ProtocolError, "there is no discovery document at the address")),
    };
    let said = |names: [&str; 2]| names.iter().find_map(|name| document.get(*name)?.as_str());
    let mcp = match (named, said(["mcp_url", "mcp_endpoint"])) {
        (false, _) => target.clone(),
        (true, Some(url)) => within(&target, url)?,
        (true, None) => return Err(Trouble::new(Silence::ProtocolError, "the discovery document names no mcp_url")),
    };
    let jwks = within(&target, said(["jwks_url", "jwks_uri"]).unwrap_or(JWKS_PATH))?;
    let issuer = document.get("issuer").and_then(Value::as_str).filter(|issuer| !issuer.is_empty()).map(str::to_owned);
    Ok(Place { mcp, jwks, issuer })
}

fn within(target: &Target, url: &str) -> Result<Target, Trouble> {
    target.at(url).map_err(|_| Trouble::new(Silence::TargetRefused, "the discovery document leads to another origin"))
}

/// A JSON document; none where there is none.
async fn fetch(outbound: &Outbound, target: Target) -> Result<Option<Value>, Trouble> {
    let request = Request::get(target).with(ACCEPT, HeaderValue::from_static("application/json"));
    let answer = outbound.send(request).await?;
    if answer.status != 200 {
        return Ok(None);
    }
    let bytes = answer.bytes().await?;
    Ok(serde_json::from_slice(&bytes).ok().filter(Value::is_object))
}

/// The keys that the vendor publishes. Without an answer nothing can be judged; without keys nothing is believed.
async fn keys(outbound: &Outbound, target: Target) -> Result<KeySet, Trouble> {
    let found = fetch(outbound, target).await;
    let found = found.map_err(|trouble| Trouble::new(trouble.silence, format!("its keys: {}", trouble.detail)))?;
    Ok(found.map(|set| KeySet::parse(&set)).unwrap_or_default())
}

/// The signed attestation in the result of a tool: structured, or in a text, which may be JSON or the token itself.
fn attestation_in(result: &Value) -> Result<Option<String>, Trouble> {
    let content = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts = || content.iter().filter_map(|block| block.get("text").and_then(Value::as_str));
    if result.get("isError").and_then(Value::as_bool) == Some(true) {
        let said: String = texts().next().unwrap_or("no reason given").chars().take(500).collect();
        return Err(Trouble::new(Silence::Declined, format!("it declines: {said}")));
    }
    if let Some(found) = result.get("structuredContent").and_then(token_in) {
        return Ok(Some(found));
    }
    Ok(texts().find_map(|text| match serde_json::from_str::<Value>(text) {
        Ok(value) => token_in(&value),
        Err(_) => token_in(&Value::from(text)),
    }))
}

fn token_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            let compact = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
            (compact && text.split('.').count() == 3).then(|| text.to_owned())
        }
        Value::Object(members) => ["attestation", "jws", "token"].iter().find_map(|name| token_in(members.get(*name)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_wherever_a_peer_puts_it() {
        let token = "aa.bb.cc_-";
        let inner = json!({"attestation": token}).to_string();
        for result in [
            json!({"structuredContent": {"attestation": token}, "content": []}),
            json!({"structuredContent": token}),
            json!({"content": [{"type": "image"}, {"type": "text", "text": inner}]}),
            json!({"content": [{"type": "text", "text": token}]}),
            json!({"content": [{"type": "text", "text": format!("{{\"result\": 1, \"jws\": \"{token}\"}}")}]}),
        ] {
            assert_eq!(attestation_in(&result).unwrap().as_deref(), Some(token), "{result}");
        }
        for result in [
            json!({}),
            json!(7),
            json!({"content": [{"text": "no token. at. all!"}]}),
            json!({"structuredContent": [token]}),
        ] {
            assert_eq!(attestation_in(&result).unwrap(), None, "{result}");
        }
        let declined = attestation_in(&json!({"isError": true, "content": [{"text": "not granted"}]})).unwrap_err();
        assert_eq!((declined.silence, declined.detail.as_str()), (Silence::Declined, "it declines: not granted"));
    }
}

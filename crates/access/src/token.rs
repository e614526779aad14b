//! A token as it stands: its three parts, its header and its claims, taken strictly and believed only once the signature holds.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::verifier::{Refusal, Team};

/// The longest token that is looked at; Cloudflare's have some 1,000 characters, or a few more with custom claims.
pub const LONGEST: usize = 16 * 1024;

/// Who a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A person, by the address that the identity provider vouched for.
    Person {
        /// The address.
        email: String,
        /// When Access issued the token.
        since: Option<OffsetDateTime>,
    },
    /// A machine with a service token.
    Service {
        /// The name that Cloudflare gave the service token: its client id.
        common_name: String,
    },
}

/// A token in its parts.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What the signature is over.
    pub signed: &'a str,
    /// The signature.
    pub signature: &'a str,
    /// The key that is said to have made it.
    pub kid: String,
    claims: Claims,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    // Extensions that must be understood (RFC 7515, 4.1.11). We know of none.
    crit: Option<serde_json::Value>,
    // Keys inside a token are nobody's keys: a token that brings one is not from Cloudflare.
    jwk: Option<serde_json::Value>,
    jku: Option<serde_json::Value>,
    x5u: Option<serde_json::Value>,
    x5c: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    sub: Option<String>,
    email: Option<String>,
    common_name: Option<String>,
}

/// Takes a token apart. Whatever is not exactly of the form is malformed.
pub fn parse(token: &str) -> Result<Parts<'_>, Refusal> {
    if token.len() > LONGEST {
        return Err(Refusal::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Refusal::Malformed)?;
    if payload.contains('.') || signature.is_empty() {
        return Err(Refusal::Malformed);
    }
    let header: Header = json(header)?;
    // One algorithm, by its exact name: `none`, the HMACs and every other spelling end here.
    if header.alg != "RS256" {
        return Err(Refusal::Algorithm);
    }
    if [&header.crit, &header.jwk, &header.jku, &header.x5u, &header.x5c].into_iter().any(Option::is_some) {
        return Err(Refusal::Malformed);
    }
    let kid = header.kid.filter(|kid| (1..=256).contains(&kid.len())).ok_or(Refusal::UnknownKey)?;
    Ok(Parts { signed, signature, kid, claims: json(payload)? })
}

/// JSON in base64url without padding. A member that stands twice is refused by the reader, so that two readers of one token
/// cannot see different things.
fn json<T: DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::Malformed)
}

impl Parts<'_> {
    /// Whether the claims are those of a token for us, in force now. There is no leeway: a token lives as long as it says.
    pub fn check(&self, team: &Team, now: OffsetDateTime) -> Result<(), Refusal> {
        let claims = &self.claims;
        if claims.iss != team.issuer {
            return Err(Refusal::Issuer);
        }
        let ours = |audience: &String| team.audiences.contains(audience);
        let for_us = match &claims.aud {
            Audience::One(audience) => ours(audience),
            Audience::Many(audiences) => audiences.iter().any(ours),
        };
        if !for_us {
            return Err(Refusal::Audience);
        }
        let now = now.unix_timestamp();
        if claims.exp <= now {
            return Err(Refusal::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now) {
            return Err(Refusal::NotYet);
        }
        // A token of the team's own domain has type `org` and opens the launcher, not an application.
        if claims.kind.as_deref() != Some("app") {
            return Err(Refusal::Kind);
        }
        Ok(())
    }

    /// Who the token speaks for. People have a subject and an address, service tokens a name and an empty subject; what
    /// has some of both is neither.
    pub fn identity(&self) -> Result<Identity, Refusal> {
        let claims = &self.claims;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        match (given(&claims.email), given(&claims.common_name), given(&claims.sub)) {
            (Some(email), None, Some(_)) if plausible(&email) => {
                let since = claims.iat.and_then(|iat| OffsetDateTime::from_unix_timestamp(iat).ok());
                Ok(Identity::Person { email, since })
            }
            (None, Some(common_name), None) if common_name.len() <= 256 => Ok(Identity::Service { common_name }),
            _ => Err(Refusal::Subject),
        }
    }
}

fn plausible(email: &str) -> bool {
    email.len() <= 254 && email.contains('@') && !email.chars().any(|c| c.is_control() || c.is_whitespace())
}

//! From a token to an identity, or to a refusal.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use time::OffsetDateTime;

use crate::{
    keys::{KeySource, Keys, Status},
    token::{self, Identity},
};

/// Whose tokens are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// `https://<team>.cloudflareaccess.com`.
    pub issuer: String,
    /// The audience tags of the applications that the service stands behind.
    pub audiences: Vec<String>,
}

/// Why a token is refused. A caller learns none of this, the log does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has not the form of a token.
    #[error("malformed")]
    Malformed,
    /// It is not signed with RS256.
    #[error("algorithm")]
    Algorithm,
    /// No published key has its key id.
    #[error("unknown_key")]
    UnknownKey,
    /// The signature does not hold.
    #[error("signature")]
    Signature,
    /// Another team's.
    #[error("issuer")]
    Issuer,
    /// For another application.
    #[error("audience")]
    Audience,
    /// Expired.
    #[error("expired")]
    Expired,
    /// Not in force yet.
    #[error("not_yet")]
    NotYet,
    /// Not an application's token.
    #[error("type")]
    Kind,
    /// It speaks for nobody in particular.
    #[error("subject")]
    Subject,
    /// Nothing can be said: no keys could be had so far.
    #[error("unavailable")]
    Unavailable,
}

impl Refusal {
    /// A word for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Kind => "type",
            Self::Subject => "subject",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Verifies the tokens of one team.
#[derive(Debug)]
pub struct Verifier {
    team: Team,
    keys: Keys,
}

impl Verifier {
    /// A verifier that takes its keys from a source.
    pub fn new(team: Team, source: Arc<dyn KeySource>) -> Self {
        Self { team, keys: Keys::new(source) }
    }

    /// Whose token this is.
    ///
    /// The claims are looked at before the key is: a token that would be refused anyhow fetches nothing.
    pub async fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Identity, Refusal> {
        let parts = token::parse(token)?;
        parts.check(&self.team, now)?;
        let identity = parts.identity()?;
        let key = self.keys.find(&parts.kid, now).await?;
        match jsonwebtoken::crypto::verify(parts.signature, parts.signed.as_bytes(), &key, Algorithm::RS256) {
            Ok(true) => Ok(identity),
            _ => Err(Refusal::Signature),
        }
    }

    /// Fetches the keys ahead of the first request.
    pub async fn warm(&self, now: OffsetDateTime) {
        self.keys.warm(now).await;
    }

    /// How the keys stand.
    pub fn status(&self) -> Status {
        self.keys.status()
    }
}

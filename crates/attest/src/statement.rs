//! What an organization attests of itself: for each framework the counts and the score of its last completed
//! assessment, and the evidence asked for by name, hash and dates. Never the evidence's bytes.

use grc_kernel::{record::timestamp, wire_enum};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// The claims of an attestation.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its id, by which it can be revoked.
    pub id: Uuid,
    /// Who signs: the issuer's public URL.
    pub issuer: String,
    /// Of whom it speaks: the organization's id as a URN.
    pub subject: String,
    /// The organization's name.
    pub organization: String,
    /// For whom it is made.
    pub audience: Option<String>,
    /// What the asker wants to find in it.
    pub nonce: Option<String>,
    /// When it was made.
    pub issued_at: OffsetDateTime,
    /// Until when it holds.
    pub expires_at: OffsetDateTime,
    /// The frameworks that it speaks of.
    pub frameworks: Vec<Subject>,
    /// The evidence that it names.
    pub evidence: Vec<Exhibit>,
    /// What was asked for and is not in it.
    pub missing: Vec<Missing>,
}

/// How an organization stands with one framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The framework's key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When the assessment that this rests on was completed.
    pub assessed_at: OffsetDateTime,
    /// Controls met.
    pub pass: i64,
    /// Met in part.
    pub partial: i64,
    /// Not met.
    pub fail: i64,
    /// Not applicable.
    pub not_applicable: i64,
    /// The score in percent; none where nothing is applicable.
    pub score: Option<f64>,
}

/// A piece of evidence, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// What was asked for: `audit_report`.
    pub request: String,
    /// The file's name.
    pub name: String,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// When it was collected.
    pub collected_at: OffsetDateTime,
    /// Until when it is valid.
    pub valid_until: Option<OffsetDateTime>,
}

wire_enum! {
    /// Why something asked for is not in a statement.
    pub enum Absence {
        /// The asker's grant does not cover it.
        NotGranted = "not_granted",
        /// There is no completed assessment of it.
        NotAssessed = "not_assessed",
        /// There is no approved evidence of that name.
        NoEvidence = "no_evidence",
    }
}

/// Something that was asked for and is not in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What: a framework's key, or the name of evidence.
    pub asked: String,
    /// Why.
    pub reason: Absence,
}

impl Statement {
    /// The claims as JSON. Moments that JWT knows are seconds (RFC 7519), the others RFC 3339.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut say = |name: &str, value: Value| {
            if !value.is_null() {
                claims.insert(name.to_owned(), value);
            }
        };
        say("iss", json!(self.issuer));
        say("sub", json!(self.subject));
        say("aud", json!(self.audience));
        say("jti", json!(self.id.to_string()));
        say("iat", json!(self.issued_at.unix_timestamp()));
        say("exp", json!(self.expires_at.unix_timestamp()));
        say("nonce", json!(self.nonce));
        say("organization", json!(self.organization));
        say("frameworks", self.frameworks.iter().map(Subject::to_json).collect());
        say("evidence", self.evidence.iter().map(Exhibit::to_json).collect());
        let missing = self.missing.iter().map(|one| json!({"asked": one.asked, "reason": one.reason.as_str()}));
        say("missing", missing.collect());
        claims
    }
}

impl Subject {
    fn to_json(&self) -> Value {
        json!({
            "key": self.key,
            "name": self.name,
            "version": self.version,
            "assessed_at": timestamp(self.assessed_at),
            "results": {
                "pass": self.pass, "partial": self.partial, "fail": self.fail, "not_applicable": self.not_applicable,
            },
            "score": self.score,
        })
    }
}

impl Exhibit {
    fn to_json(&self) -> Value {
        json!({
            "request": self.request,
            "name": self.name,
            "sha256": self.sha256,
            "collected_at": timestamp(self.collected_at),
            "valid_until": self.valid_until.map(timestamp),
        })
    }
}

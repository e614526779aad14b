//! The claims of an attestation that was received. Whoever made it may be another product, or hostile: what is needed is
//! read liberally, everything is bounded, and nothing of it is ever more than data.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::verdict::{Reason, Rejection};

/// The most values of a set of claims, and how deep they may lie.
const VALUES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;
/// The longest text among them.
const TEXT_MAX: usize = 20_000;
/// The longest name, URL or id.
const NAME_MAX: usize = 500;

/// Claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Who signed.
    pub issuer: String,
    /// Of whom it speaks.
    pub subject: Option<String>,
    /// For whom it is made.
    pub audiences: Vec<String>,
    /// What the asker wants to find in it.
    pub nonce: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// When it was made.
    pub issued_at: Option<OffsetDateTime>,
    /// From when it holds.
    pub not_before: Option<OffsetDateTime>,
    /// Until when it holds.
    pub expires_at: OffsetDateTime,
    /// The keys of the frameworks that it speaks of.
    pub frameworks: Vec<String>,
    /// All claims as they came.
    pub all: Map<String, Value>,
}

impl Claims {
    /// Reads claims.
    pub fn read(all: Map<String, Value>) -> Result<Self, Rejection> {
        let malformed = |detail: String| Rejection::new(Reason::Malformed, detail);
        let mut left = VALUES_MAX;
        if !all.iter().all(|(name, value)| clean(name) && bounded(value, DEPTH_MAX, &mut left)) {
            return Err(malformed("the claims are too many, too deep, too long or hold control characters".to_owned()));
        }
        let text = |name: &str| match all.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() && text.chars().count() <= NAME_MAX => Ok(Some(text.clone())),
            Some(_) => Err(malformed(format!("{name} is not a text of 1 to {NAME_MAX} characters"))),
        };
        let moment = |name: &str| match all.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                seconds(value).map(Some).ok_or_else(|| malformed(format!("{name} is not a moment in seconds")))
            }
        };
        let audiences = match all.get("aud") {
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => text("aud")?.into_iter().collect(),
        };
        let frameworks = all.get("frameworks").and_then(keys);
        Ok(Self {
            issuer: text("iss")?.ok_or_else(|| malformed("iss is missing".to_owned()))?,
            subject: text("sub")?,
            audiences,
            nonce: text("nonce")?,
            id: text("jti")?,
            issued_at: moment("iat")?,
            not_before: moment("nbf")?,
            expires_at: moment("exp")?.ok_or_else(|| malformed("exp is missing".to_owned()))?,
            frameworks: frameworks.ok_or_else(|| malformed("frameworks is not a list of frameworks".to_owned()))?,
            all,
        })
    }
}

/// The keys of frameworks, as a list of keys, a list of objects with one, or an object by key.
fn keys(value: &Value) -> Option<Vec<String>> {
    let named = |one: &Value| match one {
        Value::String(key) => Some(key.clone()),
        Value::Object(members) => {
            let key = ["key", "framework", "id", "name"].iter().find_map(|name| members.get(*name)?.as_str());
            key.map(str::to_owned)
        }
        _ => None,
    };
    let keys: Vec<String> = match value {
        Value::Array(many) => many.iter().map(named).collect::<Option<_>>()?,
        Value::Object(members) => members.keys().cloned().collect(),
        _ => return None,
    };
    keys.iter().all(|key| (1..=200).contains(&key.chars().count())).then_some(keys)
}

fn seconds(value: &Value) -> Option<OffsetDateTime> {
    // JWT allows fractions of a second; they say nothing here.
    let whole = value.as_i64().or_else(|| {
        let number = value.as_f64()?.trunc();
        if number.abs() < 1e12 { format!("{number:.0}").parse().ok() } else { None }
    })?;
    // What a database can keep, and then some: no attestation is from before Unix or for after the year 9999.
    let moment = OffsetDateTime::from_unix_timestamp(whole).ok()?;
    (1970..=9999).contains(&moment.year()).then_some(moment)
}

/// Whether a text can be kept and shown.
fn clean(text: &str) -> bool {
    text.chars().count() <= TEXT_MAX && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn bounded(value: &Value, depth: usize, left: &mut usize) -> bool {
    let Some(fewer) = left.checked_sub(1) else { return false };
    *left = fewer;
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match value {
        Value::String(text) => clean(text),
        Value::Array(many) => many.iter().all(|one| bounded(one, deeper, left)),
        Value::Object(members) => members.iter().all(|(name, one)| clean(name) && bounded(one, deeper, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

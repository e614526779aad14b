//! The port behind which an engine decides: Rego in processes of our own, or an Open Policy Agent.
//!
//! An engine is asked for the document at a path. "Undefined" is an answer of its own and never means yes; every failure
//! is an error, so that whoever asked is refused rather than let through.

use async_trait::async_trait;
use grc_kernel::{OrgId, journal};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::path::DecisionPath;

/// What the embedded engine is called.
pub const EMBEDDED: &str = "embedded";
/// What an Open Policy Agent is called.
pub const OPA: &str = "opa";
/// The most processor time that a decision may take, in milliseconds.
pub const TIME_LIMIT_MS: u64 = 100;
/// The most memory that a decision may take, in bytes.
pub const MEMORY_LIMIT: u64 = 64 * 1024 * 1024;
/// How large a result may be, in bytes of JSON.
pub const RESULT_MAX: usize = 64 * 1024;
/// How large an input may be, in bytes of JSON.
pub const INPUT_MAX: usize = 256 * 1024;

/// A Rego module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// What messages call it.
    pub name: String,
    /// Its text.
    pub rego: String,
}

/// The modules that a decision is taken by, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySet {
    /// The organization that asks.
    pub org: OrgId,
    /// The modules, by name.
    pub modules: Vec<Module>,
}

impl PolicySet {
    /// A set, whatever order its modules come in.
    pub fn new(org: OrgId, mut modules: Vec<Module>) -> Self {
        modules.sort_by(|a, b| a.name.cmp(&b.name));
        Self { org, modules }
    }

    /// SHA-256 in hex over each module's name and the SHA-256 of its text, a line each, in the order of the names.
    pub fn digest(&self) -> String {
        let mut sha = Sha256::new();
        for module in &self.modules {
            sha.update(format!("{} {}\n", module.name, hex::encode(Sha256::digest(&module.rego))));
        }
        hex::encode(sha.finalize())
    }
}

/// SHA-256 in hex over the RFC 8785 form of an input.
pub fn input_digest(input: &Value) -> String {
    hex::encode(Sha256::digest(journal::canonical(input)))
}

/// Whether a value holds a NUL character, which the database cannot keep.
pub fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What an engine answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The document at the path; none where it is undefined.
    pub result: Option<Value>,
    /// Which engine said so, `embedded` or `opa`.
    pub engine: &'static str,
    /// The digest of the modules that it decided by, where it is known.
    pub bundle_digest: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// What is wrong with the text of a module, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1; none where the whole is meant.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: {}", self.message),
            _ => f.write_str(&self.message),
        }
    }
}

/// Why an engine gives no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The policies went past a limit and were stopped.
    #[error("the policy was stopped: {0}")]
    Stopped(String),
    /// The policies cannot be evaluated with this input: a conflict between rules, a module that no longer compiles.
    #[error("the policy failed: {0}")]
    Failed(String),
    /// The result is larger than one may be.
    #[error("the result of the policy has more than {RESULT_MAX} bytes")]
    TooLarge,
    /// The engine does not answer.
    #[error("{0}")]
    Unavailable(String),
}

impl EngineError {
    /// The code of the field error that tells a client.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopped(_) => "policy_stopped",
            Self::Failed(_) => "policy_failed",
            Self::TooLarge => "result_too_large",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// What takes decisions.
#[async_trait]
pub trait Engine: Send + Sync {
    /// What kind it is, `embedded` or `opa`.
    fn kind(&self) -> &'static str;
    /// Which kind it asks about a path, where it is made of several.
    fn kind_for(&self, _path: &DecisionPath) -> &'static str {
        self.kind()
    }
    /// Whether it answers.
    async fn is_well(&self) -> bool;
    /// What is wrong with a module among the others of a set; nothing where it can be used.
    async fn check(&self, set: &PolicySet, name: &str) -> Result<Vec<SourceError>, EngineError>;
    /// The document at a path.
    async fn evaluate(&self, set: &PolicySet, path: &DecisionPath, input: &Value) -> Result<Verdict, EngineError>;
}

#[cfg(test)]
mod tests {
    use grc_kernel::Uuid;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_digest_of_a_set_does_not_depend_on_the_order_but_on_every_text() {
        let org = OrgId(Uuid::from_u128(1));
        let module = |name: &str, rego: &str| Module { name: name.to_owned(), rego: rego.to_owned() };
        let digest = |modules| PolicySet::new(org, modules).digest();
        let one = digest(vec![module("a", "package a"), module("b", "package b")]);
        assert_eq!(one, digest(vec![module("b", "package b"), module("a", "package a")]));
        assert_ne!(one, digest(vec![module("a", "package a"), module("b", "package b ")]));
        assert_ne!(one, digest(vec![module("a", "package a")]));
    }

    #[test]
    fn the_digest_of_an_input_does_not_depend_on_how_it_is_written() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": [1.0, "x"]}"#).unwrap();
        assert_eq!(input_digest(&one), input_digest(&json!({"b": [1, "x"], "a": 1})));
        assert_ne!(input_digest(&one), input_digest(&json!({"b": [1, "x"], "a": 2})));
    }
}

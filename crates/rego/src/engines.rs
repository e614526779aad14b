//! The engine that the service has: who decides what.
//!
//! Policies of organizations are decided by the embedded engine, in processes that can be stopped. What is shipped is
//! decided by the operator's Open Policy Agent where one is configured, and otherwise by the embedded engine as well.
//! When the agent does not answer there is no verdict: another engine's would be one that the operator did not ask for.

use async_trait::async_trait;
use grc_policy::{
    engine::{EMBEDDED, Engine, EngineError, OPA, PolicySet, SourceError, Verdict, has_nul},
    path::DecisionPath,
};
use serde_json::Value;

use crate::{embedded::Embedded, opa::Opa};

/// The engines of a service.
#[derive(Clone)]
pub struct Engines {
    embedded: Embedded,
    remote: Option<Opa>,
}

impl Engines {
    /// The embedded engine, and an Open Policy Agent where there is one.
    pub fn new(embedded: Embedded, remote: Option<Opa>) -> Self {
        Self { embedded, remote }
    }
}

#[async_trait]
impl Engine for Engines {
    fn kind(&self) -> &'static str {
        if self.remote.is_some() { OPA } else { EMBEDDED }
    }

    fn kind_for(&self, path: &DecisionPath) -> &'static str {
        if path.is_own() { EMBEDDED } else { self.kind() }
    }

    async fn is_well(&self) -> bool {
        match &self.remote {
            Some(remote) => remote.is_well().await,
            None => self.embedded.is_well().await,
        }
    }

    async fn check(&self, set: &PolicySet, name: &str) -> Result<Vec<SourceError>, EngineError> {
        self.embedded.check(set, name).await
    }

    async fn evaluate(&self, set: &PolicySet, path: &DecisionPath, input: &Value) -> Result<Verdict, EngineError> {
        let verdict = match &self.remote {
            Some(remote) if !path.is_own() => remote.evaluate(&set.modules, path, input).await?,
            _ => self.embedded.evaluate(set, path, input).await?,
        };
        if verdict.result.as_ref().is_some_and(has_nul) {
            return Err(EngineError::Failed("the result has a NUL character".to_owned()));
        }
        Ok(verdict)
    }
}

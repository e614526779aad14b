//! The embedded engine: Rego evaluated in processes of our own.

use async_trait::async_trait;
use grc_kernel::OrgId;
use grc_policy::{
    engine::{EMBEDDED, Engine, EngineError, PolicySet, SourceError, Verdict},
    path::DecisionPath,
};
use serde_json::Value;

use crate::{
    pool::{Pool, WorkerCommand},
    worker::protocol::{Said, Task},
};

/// Rego in processes of our own.
#[derive(Clone)]
pub struct Embedded {
    pool: Pool,
}

impl Embedded {
    /// An engine with at most so many processes, started by a command when there is something to do.
    pub fn new(command: WorkerCommand, processes: usize) -> Self {
        Self { pool: Pool::new(command, processes) }
    }

    /// Its processes.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

#[async_trait]
impl Engine for Embedded {
    fn kind(&self) -> &'static str {
        EMBEDDED
    }

    async fn is_well(&self) -> bool {
        // A process that waits has shown that it works. Whoever asks often costs nothing by that.
        if !self.pool.idle().is_empty() {
            return true;
        }
        let path = vec!["health".to_owned()];
        let task = Task::Evaluate { modules: Vec::new(), path, input: Value::Null };
        self.pool.carry_out(OrgId::PLATFORM, &task).await.is_ok()
    }

    async fn check(&self, set: &PolicySet, name: &str) -> Result<Vec<SourceError>, EngineError> {
        let task = Task::Check { modules: set.modules.clone(), name: name.to_owned() };
        match self.pool.carry_out(set.org, &task).await {
            Ok(Said::Errors(errors)) => Ok(errors),
            Ok(Said::Result(_)) => Err(EngineError::Unavailable("the evaluator answers something else".to_owned())),
            // A text that cannot even be looked at is no policy, whatever the reason.
            Err(EngineError::Stopped(detail)) => Ok(vec![SourceError {
                message: format!("the policy cannot be compiled: {detail}"),
                line: None,
                column: None,
            }]),
            Err(error) => Err(error),
        }
    }

    async fn evaluate(&self, set: &PolicySet, path: &DecisionPath, input: &Value) -> Result<Verdict, EngineError> {
        let began = std::time::Instant::now();
        let task = Task::Evaluate {
            modules: set.modules.clone(),
            path: path.segments().map(str::to_owned).collect(),
            input: input.clone(),
        };
        match self.pool.carry_out(set.org, &task).await? {
            Said::Result(result) => Ok(Verdict {
                result,
                engine: EMBEDDED,
                bundle_digest: Some(set.digest()),
                duration_ms: began.elapsed().as_secs_f64() * 1_000.0,
            }),
            Said::Errors(_) => Err(EngineError::Unavailable("the evaluator answers something else".to_owned())),
        }
    }
}

//! Processes that evaluate, kept ready and used one task after the other.
//!
//! A task takes a process out of the pool and puts it back when it was answered in order; a process that stopped, broke
//! or was late is killed, and the next task starts another. So no task meets what a hostile one left behind. An
//! organization has at most half of the processes at a time.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use grc_kernel::OrgId;
use grc_policy::engine::EngineError;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    runtime::Handle,
    sync::Semaphore,
};

use crate::worker::{
    ENVIRONMENT,
    protocol::{Said, Task, read_answer},
};

/// How long an answer may take on the wall's clock; the processor time is watched by the worker.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a task waits for a process.
const WAIT: Duration = Duration::from_secs(3);
/// How many tasks a process carries out before it is replaced.
const TASKS_MAX: usize = 500;
/// How long an answer may be, in bytes: a result and what is around it.
const ANSWER_MAX: u64 = 256 * 1024;
/// How much of what a process says at its end is read.
const WORDS_MAX: u64 = 4 * 1024;

/// How a worker is started.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The processes.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    command: WorkerCommand,
    /// The runtime that the pipes belong to: callers come from others, which end sooner.
    runtime: Handle,
    idle: Mutex<Vec<Worker>>,
    all: Arc<Semaphore>,
    share: usize,
    shares: Mutex<HashMap<OrgId, Weak<Semaphore>>>,
}

struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    tasks: usize,
}

impl Pool {
    /// A pool of at most so many processes, on the runtime that it is made in.
    pub fn new(command: WorkerCommand, size: usize) -> Self {
        let size = size.max(2);
        let inner = Inner {
            command,
            runtime: Handle::current(),
            idle: Mutex::new(Vec::new()),
            all: Arc::new(Semaphore::new(size)),
            share: size / 2,
            shares: Mutex::new(HashMap::new()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Has a task carried out for an organization.
    pub async fn carry_out(&self, org: OrgId, task: &Task) -> Result<Said, EngineError> {
        let inner = Arc::clone(&self.inner);
        let line = task.to_line();
        // Whoever asked may go away; the process is put back or killed all the same.
        let running = self.inner.runtime.spawn(async move { inner.carry_out(org, &line).await });
        running.await.map_err(|_| EngineError::Unavailable("the evaluation broke off".to_owned()))?
    }

    /// The ids of the processes that wait for a task.
    pub fn idle(&self) -> Vec<u32> {
        let idle = self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().filter_map(|worker| worker.child.id()).collect()
    }
}

impl Inner {
    async fn carry_out(&self, org: OrgId, line: &str) -> Result<Said, EngineError> {
        let busy = |_| EngineError::Unavailable("all evaluators are busy".to_owned());
        let gone = |_| EngineError::Unavailable("the evaluators have been stopped".to_owned());
        let share = self.share_of(org);
        let both = async {
            let one = share.acquire_owned().await.map_err(gone)?;
            Ok::<_, EngineError>((one, Arc::clone(&self.all).acquire_owned().await.map_err(gone)?))
        };
        let _permits = tokio::time::timeout(WAIT, both).await.map_err(busy)??;
        let mut worker = match self.ready() {
            Some(worker) => worker,
            None => self.start()?,
        };
        let mut answer = worker.ask(line).await;
        // One that has waited may be ending for a cause of its own, before the system says so: that is not the fault
        // of the task, which is tried once more. A task that ends its process ends the fresh one too.
        if worker.tasks > 1 && matches!(answer, Err(Silence::Gone(_))) {
            worker.end().await;
            worker = self.start()?;
            answer = worker.ask(line).await;
        }
        match answer {
            Ok(answer) => {
                let said = read_answer(&answer);
                let goes_on = !matches!(said, Err(EngineError::Stopped(_) | EngineError::Unavailable(_)));
                if goes_on && worker.tasks < TASKS_MAX {
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                } else {
                    worker.end().await;
                }
                said
            }
            Err(silence) => {
                let words = worker.end().await;
                Err(reason(&silence, &words))
            }
        }
    }

    /// A process that waits for a task. One that ended while it waited is none.
    fn ready(&self) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut worker) = idle.pop() {
            if matches!(worker.child.try_wait(), Ok(None)) {
                return Some(worker);
            }
        }
        None
    }

    /// The part of the pool that an organization may use.
    fn share_of(&self, org: OrgId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&org).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(org, Arc::downgrade(&share));
        share
    }

    fn start(&self) -> Result<Worker, EngineError> {
        let failed = |error: std::io::Error| {
            tracing::error!(program = %self.command.program.display(), %error, "an evaluator cannot be started");
            EngineError::Unavailable("an evaluator cannot be started".to_owned())
        };
        let mut child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .env_clear()
            .envs(ENVIRONMENT.iter().copied())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Worker { child, input, output: BufReader::new(output), tasks: 0 }),
            _ => Err(EngineError::Unavailable("an evaluator has no pipes".to_owned())),
        }
    }
}

/// Why a process gave no answer.
enum Silence {
    /// It ended.
    Gone(&'static str),
    /// It is late.
    Late,
}

impl Worker {
    async fn ask(&mut self, line: &str) -> Result<Vec<u8>, Silence> {
        self.tasks += 1;
        let talk = async {
            self.input.write_all(line.as_bytes()).await.map_err(|_| Silence::Gone("it takes no task"))?;
            self.input.flush().await.map_err(|_| Silence::Gone("it takes no task"))?;
            let mut answer = Vec::new();
            let mut output = (&mut self.output).take(ANSWER_MAX);
            let read = output.read_until(b'\n', &mut answer).await;
            match read {
                Ok(_) if answer.ends_with(b"\n") => Ok(answer),
                _ => Err(Silence::Gone("it gave no answer")),
            }
        };
        tokio::time::timeout(PATIENCE, talk).await.unwrap_or(Err(Silence::Late))
    }

    /// Ends the process; what it said on its standard error.
    async fn end(mut self) -> String {
        let _ = self.child.start_kill();
        let mut words = Vec::new();
        if let Some(errors) = self.child.stderr.take() {
            let read = errors.take(WORDS_MAX);
            tokio::pin!(read);
            let _ = tokio::time::timeout(PATIENCE, read.read_to_end(&mut words)).await;
        }
        let _ = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        String::from_utf8_lossy(&words).into_owned()
    }
}

/// What became of a task whose process gave no answer.
fn reason(silence: &Silence, words: &str) -> EngineError {
    match silence {
        Silence::Late => EngineError::Unavailable("the evaluation took too long on a busy machine".to_owned()),
        Silence::Gone(_) if words.contains("overflowed its stack") => {
            EngineError::Stopped("it recurses too deep".to_owned())
        }
        Silence::Gone(_) if words.contains("memory allocation of") || words.contains("capacity overflow") => {
            EngineError::Stopped("it takes more memory than it may".to_owned())
        }
        Silence::Gone(how) => {
            tracing::warn!(how, words, "an evaluator ended");
            EngineError::Stopped("it breaks the evaluator".to_owned())
        }
    }
}

//! The process that evaluates Rego and may be stopped at any time.
//!
//! The evaluator recurses as deep as a policy nests, allocates what a policy asks for and looks at its clock only now and
//! then; no care inside a process makes that harmless. So it runs in a process of its own, one task after the other, with
//! what it may use fixed by the kernel: memory, files, core dumps. Time is watched here, as processor time, so that a busy
//! machine stops nobody who did not use his share; whoever started the process watches the clock on the wall.
//!
//! A task is a line of JSON on standard input, its answer a line on standard output. At the end of its input the process
//! ends; after a task that was stopped, too.

pub mod check;
mod evaluate;
pub mod nesting;
pub mod protocol;

use std::{
    io::{BufRead, Read, Write},
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use grc_policy::engine::{MEMORY_LIMIT, TIME_LIMIT_MS};
use rustix::{
    process::{Resource, Rlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

use protocol::{Answer, TASK_MAX, Task};

/// The stack of an evaluation. A policy that nests deeper than this overflows it and ends the process.
const STACK: usize = 8 * 1024 * 1024;
/// What the process needs besides, for the task itself and its own bookkeeping.
const HEADROOM: u64 = 24 * 1024 * 1024;
/// How often the time is looked at.
const WATCH: Duration = Duration::from_millis(2);

/// Variables that the process is started with, so that its allocators take memory as it is used and the limit means what
/// it says.
pub const ENVIRONMENT: &[(&str, &str)] =
    &[("MALLOC_ARENA_MAX", "1"), ("MIMALLOC_ARENA_EAGER_COMMIT", "0"), ("MIMALLOC_ARENA_RESERVE", "16MiB")];

/// Works until the input ends.
pub fn run() -> ExitCode {
    if let Err(error) = confine() {
        let _ = writeln!(std::io::stderr(), "the limits of the process cannot be set: {error}");
        return ExitCode::FAILURE;
    }
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = Read::by_ref(&mut input).take(TASK_MAX).read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) => return ExitCode::SUCCESS,
            Ok(_) => {}
        }
        let (answer, more) = carry_out(line);
        let mut output = std::io::stdout().lock();
        let written = output.write_all(answer.to_line().as_bytes()).and_then(|()| output.flush());
        if written.is_err() || !more {
            return ExitCode::SUCCESS;
        }
    }
}

/// Gives up what an evaluation does not need.
fn confine() -> std::io::Result<()> {
    let only = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, only(0))?;
    setrlimit(Resource::Fsize, only(0))?;
    // Standard input, output and error are open already; nothing else needs to be.
    setrlimit(Resource::Nofile, only(8))?;
    let stack = u64::try_from(STACK).unwrap_or(u64::MAX);
    let used = used()?;
    setrlimit(Resource::Data, only(used.saturating_add(MEMORY_LIMIT + stack + HEADROOM)))?;
    Ok(())
}

/// How much memory of its own the process has at its start: the sixth number of `statm`, in pages.
fn used() -> std::io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split_whitespace().nth(5).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    Ok(pages.saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or(4_096)))
}

/// The answer to a task, and whether the process can go on after it.
fn carry_out(line: Vec<u8>) -> (Answer, bool) {
    let began = processor_time();
    let (done, waiting) = mpsc::channel();
    let work = move || {
        let answer = match Task::of_line(&line) {
            Ok(task) => evaluate::carry_out(&task),
            Err(detail) => Answer::Failed(detail),
        };
        let _ = done.send(answer);
    };
    let Ok(thread) = std::thread::Builder::new().stack_size(STACK).spawn(work) else {
        return (Answer::Stopped("there is no memory for it".to_owned()), false);
    };
    loop {
        match waiting.recv_timeout(WATCH) {
            Ok(answer) => {
                // The thread may still be taking its values apart, which a hostile value makes long; its memory is
                // wanted back before the next task.
                return (answer, ended(&thread, began));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return (Answer::Failed("the evaluator broke off".to_owned()), false);
            }
            Err(RecvTimeoutError::Timeout) if is_over(began) => {
                return (Answer::Stopped(format!("it takes more than {TIME_LIMIT_MS} ms")), false);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn ended(thread: &std::thread::JoinHandle<()>, began: Duration) -> bool {
    while !thread.is_finished() {
        if is_over(began) {
            return false;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    true
}

fn is_over(began: Duration) -> bool {
    processor_time().saturating_sub(began) >= Duration::from_millis(TIME_LIMIT_MS)
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

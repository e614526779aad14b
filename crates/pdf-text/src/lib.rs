//! The text of PDF files from strangers.
//!
//! A PDF is a program of sorts: streams that unpack to thousands of times their size, page trees that lead back to
//! themselves, fonts that are wrong on purpose. No reader in this process would be safe from all of it, so the reading is
//! done by a process of its own ([`worker`]), one for each file, with what it may use fixed by the kernel: memory, processor
//! time, files. What it wrote before it was stopped counts; a file that cannot be read has no text.

pub mod worker;

use std::{ffi::OsString, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    sync::Semaphore,
};

/// The largest file that is read, in bytes.
pub const FILE_MAX: usize = 32 * 1024 * 1024;
/// The most bytes of text that are taken from a file.
pub const TEXT_MAX: usize = 4 * 1024 * 1024;
/// How long a file may take on the wall's clock; the worker's processor time is limited besides.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many files are read at a time.
const READERS: usize = 2;

/// Reads PDF files.
#[derive(Clone, Debug)]
pub struct PdfText {
    program: PathBuf,
    arguments: Vec<OsString>,
    turns: Arc<Semaphore>,
}

impl PdfText {
    /// A reader that starts this program, which must do [`worker::run`].
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        Self { program, arguments, turns: Arc::new(Semaphore::new(READERS)) }
    }

    /// The text of a file: one line for each line of it, pages apart by an empty line. None where it has none (pictures of
    /// pages have none), is locked by a password, or cannot be read.
    pub async fn text(&self, file: &[u8]) -> Option<String> {
        if file.len() > FILE_MAX {
            return None;
        }
        let _turn = self.turns.acquire().await.ok()?;
        match tokio::time::timeout(PATIENCE, self.read(file)).await {
            Ok(Ok(text)) => Some(text).filter(|text| !text.trim().is_empty()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a PDF could not be read");
                None
            }
            Err(_) => {
                tracing::warn!(seconds = PATIENCE.as_secs(), "a PDF took too long to read");
                None
            }
        }
    }

    async fn read(&self, file: &[u8]) -> std::io::Result<String> {
        // It goes with this future: whoever stops waiting stops it.
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(worker::ENVIRONMENT.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let put = async {
            if let Some(mut input) = input {
                // A worker that ended early does not take all of it; what it wrote is what counts.
                let _ = input.write_all(file).await;
            }
        };
        let take = async {
            let mut text = Vec::new();
            if let Some(output) = output {
                let most = u64::try_from(TEXT_MAX).unwrap_or(u64::MAX);
                output.take(most).read_to_end(&mut text).await?;
            }
            Ok::<_, std::io::Error>(text)
        };
        let ((), text) = tokio::join!(put, take);
        child.start_kill()?;
        child.wait().await?;
        Ok(String::from_utf8_lossy(&text?).into_owned())
    }
}

//! Bulk imports of evidence: an archive is taken into a file without a name, looked at there, and kept in the store until
//! a job has made evidence of what is in it ([`job`]). What is in memory at any time is a buffer.

pub mod fetch;
pub mod job;

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, dev::Payload, http::header};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use grc_archive::{Archive, ArchiveError, Limits, Refused};
use grc_evidence::{
    Evidence, Inspection, ObjectError, ObjectReader, ObjectStore,
    bulk::{
        manifest::{self, Row},
        plan::{self, Planned},
    },
    store::read_back,
};
use grc_kernel::FieldError;
use grc_pdf_text::PdfText;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    sync::Semaphore,
};

use crate::{
    config::UploadPace,
    http::{call::IMPORT_MAX, problem::Problem},
    routes::blobs::patience,
    serve::App,
};

/// A file without a name in the data directory: it is gone when nobody has it open, after a crash too.
pub struct Spool {
    file: File,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Its size in bytes.
    pub size: u64,
}

/// Where such files are made.
pub fn folder(data: &Path) -> PathBuf {
    data.join("spool")
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::new(500, format!("the spool: {error}"))
}

/// Runs work on files where it does not hold up requests.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(broken)
}

/// Inspections at a time: each may take a core for as long as a file of a stranger wants.
static INSPECTIONS: Semaphore = Semaphore::const_new(2);

/// Reads a file of a stranger, aside, when it is its turn.
pub async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let permit = INSPECTIONS.acquire().await.map_err(broken)?;
    aside(move || {
        // Held until the work ends, whether or not somebody still waits for it.
        let _permit = permit;
        work()
    })
    .await
}

/// Files of which a part is in memory at a time: each may be 32 MiB, and a PDF takes half a minute at worst.
static READINGS: Semaphore = Semaphore::const_new(4);
/// How long a file waits for its turn to be read.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a stored file back when it is its turn, and inspects it, aside; of a PDF the text is read in a process of its own.
pub async fn inspected(reader: &PdfText, store: &dyn ObjectStore, evidence: &Evidence) -> Result<Inspection, Problem> {
    let busy = |_| Problem { retry_after: Some(10), ..Problem::new(503, "too many files wait to be inspected") };
    let _turn = tokio::time::timeout(PATIENCE, READINGS.acquire()).await.map_err(busy)?.map_err(broken)?;
    let file = read_back(store, evidence).await?;
    let (inspection, file) = in_turn(move || (file.inspect(), file)).await?;
    match file.into_pdf() {
        Some(pdf) if inspection.agreed.is_ok() => Ok(inspection.with_text(reader.text(&pdf).await.as_deref())),
        _ => Ok(inspection),
    }
}

impl Spool {
    /// An empty file of this kind.
    pub async fn file(folder: PathBuf) -> Result<File, Problem> {
        aside(move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::tempfile_in(folder)
        })
        .await?
        .map_err(broken)
    }

    /// Takes a body in, within its size and time.
    pub async fn receive(
        folder: PathBuf,
        pace: UploadPace,
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> Result<Self, Problem> {
        let too_large = || Problem::new(413, format!("an import may have at most {IMPORT_MAX} bytes"));
        let announced = request.headers().get(header::CONTENT_LENGTH);
        if announced.and_then(|v| v.to_str().ok()?.parse::<usize>().ok()).is_some_and(|length| length > IMPORT_MAX) {
            return Err(too_large());
        }
        let file = Self::file(folder).await?;
        let mut writing = tokio::fs::File::from_std(file);
        let mut sha = Sha256::new();
        let mut size: usize = 0;
        let begun = Instant::now();
        loop {
            let (patience, why) = patience(pace, begun, i64::try_from(size).unwrap_or(i64::MAX));
            let next = tokio::time::timeout(patience, payload.next()).await;
            let stalled = |_| Problem::new(408, why);
            let Some(chunk) = next.map_err(stalled)? else { break };
            let chunk = chunk.map_err(|error| Problem::new(400, format!("the body broke off: {error}")))?;
            size = size.saturating_add(chunk.len());
            if size > IMPORT_MAX {
                return Err(too_large());
            }
            sha.update(&chunk);
            tokio::io::AsyncWriteExt::write_all(&mut writing, &chunk).await.map_err(broken)?;
        }
        tokio::io::AsyncWriteExt::flush(&mut writing).await.map_err(broken)?;
        let file = writing.into_std().await;
        Ok(Self { file, sha256: sha.finalize().into(), size: u64::try_from(size).unwrap_or(u64::MAX) })
    }

    /// Another handle on the same file. Handles share their place in it, so they are used one after the other.
    pub fn handle(&self) -> Result<File, Problem> {
        self.file.try_clone().map_err(broken)
    }

    /// Reads it from the beginning.
    pub async fn reader(&self) -> Result<SpoolReader, Problem> {
        let mut file = tokio::fs::File::from_std(self.handle()?);
        file.seek(SeekFrom::Start(0)).await.map_err(broken)?;
        Ok(SpoolReader(file))
    }

    /// Reads all of a small one.
    pub async fn whole(&self) -> Result<Vec<u8>, Problem> {
        let mut reader = self.reader().await?;
        let mut bytes = Vec::new();
        reader.0.read_to_end(&mut bytes).await.map_err(broken)?;
        Ok(bytes)
    }

    /// What is to be imported from the archive that it holds.
    pub async fn plan(&self) -> Result<Vec<Planned>, Problem> {
        let file = self.handle()?;
        aside(move || plan_of(file)).await?
    }
}

/// An object of the store in a file without a name; none where it is not there.
pub async fn fetched(app: &App, store: &dyn ObjectStore, key: &str) -> Result<Option<File>, Problem> {
    let mut reader = match store.open(key).await {
        Ok(reader) => reader,
        Err(ObjectError::Missing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut writing = tokio::fs::File::from_std(Spool::file(folder(&app.config.data_dir)).await?);
    while let Some(chunk) = reader.chunk().await? {
        tokio::io::AsyncWriteExt::write_all(&mut writing, &chunk).await.map_err(broken)?;
    }
    tokio::io::AsyncWriteExt::flush(&mut writing).await.map_err(broken)?;
    Ok(Some(writing.into_std().await))
}

/// 422 for an archive that is refused.
pub fn refused(refused: &Refused) -> Problem {
    Problem::fields(vec![FieldError::new("archive", refused.why.code(), refused.to_string())])
}

fn failed(error: ArchiveError) -> Problem {
    match error {
        ArchiveError::Refused(why) => refused(&why),
        ArchiveError::Io(error) => broken(error),
    }
}

fn plan_of(file: File) -> Result<Vec<Planned>, Problem> {
    let mut archive = Archive::open(file, &Limits::default()).map_err(failed)?;
    let name = plan::MANIFESTS.into_iter().find(|name| archive.entry(name).is_some());
    let Some(name) = name else {
        let detail = format!("the archive must hold {} at its top", plan::MANIFESTS.join(" or "));
        return Err(Problem::fields(vec![FieldError::new("manifest", "required", detail)]));
    };
    let bytes = archive.whole(name, manifest::BYTES_MAX).map_err(failed)?;
    let rows: Result<Vec<Row>, Vec<FieldError>> =
        if name.ends_with(".csv") { manifest::read_csv(&bytes) } else { manifest::read_json(&bytes) };
    let files: Vec<&str> = archive.entries().iter().map(|entry| entry.name.as_str()).collect();
    Ok(plan::of_archive(rows.map_err(Problem::fields)?, &files))
}

/// Reads a spooled file in pieces.
pub struct SpoolReader(tokio::fs::File);

#[async_trait]
impl ObjectReader for SpoolReader {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        let mut buffer = vec![0; 256 * 1024];
        let count = self.0.read(&mut buffer).await.map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        buffer.truncate(count);
        Ok((count > 0).then(|| buffer.into()))
    }
}

/// Unpacks one file of an archive into a file without a name.
fn unpack(archive: &mut Archive<File>, name: &str, folder: &Path) -> Result<File, ArchiveError> {
    let mut file = tempfile::tempfile_in(folder)?;
    archive.unpack(name, &mut |piece| file.write_all(piece))?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

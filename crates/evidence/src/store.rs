//! The object store as a port, and the inspection of what a client put there.

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{extract, model::Evidence, sniff};

/// What a store can fail with.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The object is not there.
    #[error("the object is not in the store")]
    Missing,
    /// The store is not configured or does not answer.
    #[error("the evidence store is not available: {0}")]
    Unavailable(String),
}

/// A request that the client itself sends to the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Presigned {
    /// Where to.
    pub url: String,
    /// The headers that it must carry.
    pub headers: Vec<(String, String)>,
}

/// What a presigned upload is bound to.
#[derive(Clone, Debug)]
pub struct UploadTerms {
    /// The object.
    pub key: String,
    /// Its media type.
    pub content_type: String,
    /// Its size, where the client said.
    pub size: Option<i64>,
    /// Its SHA-256 in hex, where the client said.
    pub sha256: Option<String>,
    /// For how long, in seconds.
    pub seconds: i64,
}

/// Reads an object in pieces, so that 5 GiB never stand in memory.
#[async_trait]
pub trait ObjectReader: Send {
    /// The next piece; none at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError>;
}

/// Where evidence is kept.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// What kind of store it is: `local`, `s3`, `memory`.
    fn kind(&self) -> &'static str;
    /// A request by which the client uploads an object.
    async fn presign_put(&self, terms: &UploadTerms) -> Result<Presigned, ObjectError>;
    /// A request by which the client downloads an object, under a file name.
    async fn presign_get(&self, key: &str, filename: &str, seconds: i64) -> Result<Presigned, ObjectError>;
    /// Opens an object for reading.
    async fn open(&self, key: &str) -> Result<Box<dyn ObjectReader>, ObjectError>;
    /// Writes a whole object.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectError>;
    /// Writes an object that is read in pieces. It is there when all of it is, and not before.
    async fn put_from(&self, key: &str, source: &mut dyn ObjectReader) -> Result<(), ObjectError>;
    /// Removes an object; absent ones are no error.
    async fn delete(&self, key: &str) -> Result<(), ObjectError>;
    /// Whether the store answers.
    async fn check(&self) -> Result<(), ObjectError>;
    /// Whether a URL to it would be of use: asked before one is handed out. A store in the same process always is.
    async fn ready(&self) -> Result<(), ObjectError> {
        Ok(())
    }
}

/// What the inspection of an uploaded object showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// Its size in bytes.
    pub size: i64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Whether the bytes agree with the declared type; the error says what they are instead.
    pub agreed: Result<(), String>,
    /// Its text, where its type has one.
    pub text: Option<String>,
}

/// An object that was read to its end: counted and hashed, its beginning kept.
#[derive(Clone, Debug)]
pub struct ReadBack {
    content_type: String,
    size: i64,
    sha256: String,
    kept: Vec<u8>,
}

/// The type of which a text is read by somebody else: a PDF is nothing for a process that has other things to lose.
const PDF: &str = "application/pdf";

/// Reads an object back. All of it is hashed, its first 8 MiB are kept for the text; of a PDF its first 32 MiB, since its
/// end says what is where.
pub async fn read_back(store: &dyn ObjectStore, evidence: &Evidence) -> Result<ReadBack, ObjectError> {
    let mut reader = store.open(&evidence.object_key).await?;
    let mut sha = Sha256::new();
    let mut size: i64 = 0;
    let mut kept: Vec<u8> = Vec::new();
    let most = if evidence.content_type == PDF { extract::PDF_MAX } else { extract::BYTES_MAX };
    while let Some(chunk) = reader.chunk().await? {
        sha.update(&chunk);
        size = size.saturating_add(i64::try_from(chunk.len()).unwrap_or(i64::MAX));
        let room = most.saturating_sub(kept.len()).min(chunk.len());
        kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
    }
    let content_type = evidence.content_type.clone();
    Ok(ReadBack { content_type, size, sha256: hex::encode(sha.finalize()), kept })
}

impl ReadBack {
    /// The file, where it is a PDF and not too large for its text to be read.
    pub fn into_pdf(self) -> Option<Vec<u8>> {
        let whole = i64::try_from(self.kept.len()).is_ok_and(|kept| kept == self.size);
        (self.content_type == PDF && whole).then_some(self.kept)
    }

    /// Looks at what was read: whether it is of the declared type, and its text. Calculation only, and up to a second of
    /// it: nothing for a thread that others wait for.
    pub fn inspect(&self) -> Inspection {
        let head = self.kept.get(..self.kept.len().min(sniff::HEAD)).unwrap_or_default();
        let agreed = sniff::agree(&self.content_type, head).map(|_| ());
        let text = if agreed.is_ok() { extract::extract(&self.content_type, &self.kept) } else { None };
        Inspection { size: self.size, sha256: self.sha256.clone(), agreed, text }
    }
}

impl Inspection {
    /// The same with a text that was found elsewhere, within its bounds.
    #[must_use]
    pub fn with_text(mut self, text: Option<&str>) -> Self {
        if self.agreed.is_ok() {
            self.text = self.text.or_else(|| text.map(extract::bounded));
        }
        self
    }
}

/// Reads an object back and inspects it at once.
pub async fn inspect(store: &dyn ObjectStore, evidence: &Evidence) -> Result<Inspection, ObjectError> {
    Ok(read_back(store, evidence).await?.inspect())
}

/// Recomputes an object's SHA-256.
pub async fn hash(store: &dyn ObjectStore, key: &str) -> Result<String, ObjectError> {
    let mut reader = store.open(key).await?;
    let mut sha = Sha256::new();
    while let Some(chunk) = reader.chunk().await? {
        sha.update(&chunk);
    }
    Ok(hex::encode(sha.finalize()))
}

//! The local evidence store: files in the data directory, reached through signed URLs of our own.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use grc_evidence::{
    ObjectError, ObjectReader, ObjectStore,
    store::{Presigned, UploadTerms},
};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncWriteExt},
};

use super::{
    clock,
    tokens::{BlobClaims, Tokens},
};

/// A folder of objects.
#[derive(Clone)]
pub struct LocalStore {
    folder: PathBuf,
    tokens: Arc<Tokens>,
    base_url: String,
}

impl LocalStore {
    /// A store in a folder, whose URLs begin with `base_url`.
    pub fn new(folder: PathBuf, tokens: Arc<Tokens>, base_url: String) -> Self {
        Self { folder, tokens, base_url }
    }

    /// The file of a key. Keys are the server's own; one that would leave the folder is nobody's.
    fn path(&self, key: &str) -> Result<PathBuf, ObjectError> {
        let relative = Path::new(key);
        if key.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(ObjectError::Missing);
        }
        Ok(self.folder.join(relative))
    }

    /// A file beside the object's place, to be filled and then kept.
    pub async fn begin(&self, key: &str) -> Result<Upload, ObjectError> {
        let path = self.path(key)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).await.map_err(unavailable)?;
        }
        let part = path.with_extension(format!("{}.part", clock::now().unix_timestamp_nanos()));
        let file = fs::File::create(&part).await.map_err(unavailable)?;
        Ok(Upload { file: Some(file), part, path })
    }

    fn url(&self, claims: BlobClaims, seconds: i64) -> Result<String, ObjectError> {
        let token = self.tokens.blob(claims, clock::now(), seconds);
        let token = token.map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        Ok(format!("{}/blobs/{token}", self.base_url))
    }
}

fn unavailable(error: std::io::Error) -> ObjectError {
    match error.kind() {
        std::io::ErrorKind::NotFound => ObjectError::Missing,
        _ => ObjectError::Unavailable(error.to_string()),
    }
}

/// An upload under way. Dropped without [`Upload::keep`], it leaves nothing.
pub struct Upload {
    file: Option<fs::File>,
    part: PathBuf,
    path: PathBuf,
}

impl Upload {
    /// Adds bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectError> {
        match &mut self.file {
            Some(file) => file.write_all(bytes).await.map_err(unavailable),
            None => Err(ObjectError::Unavailable("the upload is over".to_owned())),
        }
    }

    /// The same where nothing is in its place yet; false where something is.
    pub async fn keep_first(mut self) -> Result<bool, ObjectError> {
        self.settle().await?;
        // Unlike a rename, a link does not replace what is there.
        match fs::hard_link(&self.part, &self.path).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn settle(&mut self) -> Result<(), ObjectError> {
        if let Some(mut file) = self.file.take() {
            file.flush().await.map_err(unavailable)?;
            file.sync_all().await.map_err(unavailable)?;
        }
        Ok(())
    }

    /// Makes the object lasting and visible, at once and whole.
    pub async fn keep(mut self) -> Result<(), ObjectError> {
        self.settle().await?;
        fs::rename(&self.part, &self.path).await.map_err(unavailable)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = std::fs::remove_file(&self.part);
    }
}

struct FileReader(fs::File);

#[async_trait]
impl ObjectReader for FileReader {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.0.read(&mut buffer).await.map_err(unavailable)?;
        buffer.truncate(count);
        Ok((count > 0).then(|| buffer.into()))
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    fn kind(&self) -> &'static str {
        "local"
    }

    async fn presign_put(&self, terms: &UploadTerms) -> Result<Presigned, ObjectError> {
        let mut claims = BlobClaims::new("PUT", &terms.key);
        claims.content_type = Some(terms.content_type.clone());
        claims.size = terms.size;
        claims.sha256.clone_from(&terms.sha256);
        let url = self.url(claims, terms.seconds)?;
        Ok(Presigned { url, headers: vec![("Content-Type".into(), terms.content_type.clone())] })
    }

    async fn presign_get(&self, key: &str, filename: &str, seconds: i64) -> Result<Presigned, ObjectError> {
        let mut claims = BlobClaims::new("GET", key);
        claims.filename = Some(filename.to_owned());
        Ok(Presigned { url: self.url(claims, seconds)?, headers: Vec::new() })
    }

    async fn open(&self, key: &str) -> Result<Box<dyn ObjectReader>, ObjectError> {
        let file = fs::File::open(self.path(key)?).await.map_err(unavailable)?;
        Ok(Box::new(FileReader(file)))
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        let mut upload = self.begin(key).await?;
        upload.write(bytes).await?;
        upload.keep().await
    }

    async fn put_from(&self, key: &str, source: &mut dyn ObjectReader) -> Result<(), ObjectError> {
        let mut upload = self.begin(key).await?;
        while let Some(chunk) = source.chunk().await? {
            upload.write(&chunk).await?;
        }
        upload.keep().await
    }

    async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        match fs::remove_file(self.path(key)?).await.map_err(unavailable) {
            Err(ObjectError::Missing) => Ok(()),
            other => other,
        }
    }

    async fn check(&self) -> Result<(), ObjectError> {
        fs::create_dir_all(&self.folder).await.map_err(unavailable)?;
        let probe = self.folder.join(".probe");
        fs::write(&probe, b"ok").await.map_err(unavailable)?;
        // Somebody else who asked at the same time may have removed it.
        match fs::remove_file(&probe).await.map_err(unavailable) {
            Err(ObjectError::Missing) => Ok(()),
            other => other,
        }
    }
}

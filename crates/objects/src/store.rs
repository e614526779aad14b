//! The store behind the port.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use grc_evidence::{
    ObjectError, ObjectReader, ObjectStore, rules,
    store::{Presigned, UploadTerms},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use s3::{Bucket, Region, creds::Credentials};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    errors::{Failed, failing},
    limits::{self, within},
    settings::Settings,
    transfer::{self, Download},
};

/// An object that shows whether the store is there, and whether it may be written to.
const MARKER: &str = ".sovereign-grc";
const SHA256: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");

/// An answer to the question how the store is, and when it was given.
type Checked = Option<(Instant, Result<(), String>)>;

/// Evidence in an S3-compatible store.
#[derive(Clone)]
pub struct S3Store {
    bucket: Arc<Bucket>,
    checked: Arc<Mutex<Checked>>,
}

impl std::fmt::Debug for S3Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The bucket's own text would show its credentials.
        f.debug_struct("S3Store").field("bucket", &self.bucket.name).finish_non_exhaustive()
    }
}

impl S3Store {
    /// A store. Nothing is sent yet: a store that is away now may be there when it is needed.
    pub fn new(settings: &Settings) -> Result<Self, ObjectError> {
        let (access, secret) = (Some(settings.access_key.as_str()), Some(settings.secret_key.as_str()));
        let credentials = Credentials::new(access, secret, None, None, None).map_err(unusable)?;
        let endpoint = settings.endpoint.trim_end_matches('/').to_owned();
        let region = Region::Custom { region: settings.region.clone(), endpoint };
        // Every store has the path style; the other one needs a name in the DNS for each bucket.
        let mut bucket = *Bucket::new(&settings.bucket, region, credentials).map_err(unusable)?.with_path_style();
        bucket.set_request_timeout(None);
        Ok(Self { bucket: Arc::new(bucket), checked: Arc::default() })
    }

    async fn ask(&self) -> Result<(), ObjectError> {
        let found = within(limits::CHECK, failing(self.bucket.head_object(MARKER))).await;
        match found {
            // Nobody has asked yet. That an object is absent does not show that its bucket is there; a put does.
            Err(ObjectError::Missing) => {
                within(limits::CHECK, failing(self.bucket.put_object(MARKER, b"Sovereign GRC keeps evidence here.\n")))
                    .await?;
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

fn unusable(error: impl std::fmt::Display) -> ObjectError {
    ObjectError::Unavailable(error.to_string())
}

fn value(text: &str) -> Result<HeaderValue, ObjectError> {
    HeaderValue::from_str(text).map_err(unusable)
}

/// What an upload must carry, and is refused without by the store itself, because it is part of the signature.
fn bound(terms: &UploadTerms) -> Result<HeaderMap, ObjectError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, value(&terms.content_type)?);
    // A URL works until it expires: without this, whoever has it could put other bytes in the place of those that were
    // inspected.
    headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
    if let Some(size) = terms.size {
        headers.insert(header::CONTENT_LENGTH, value(&size.to_string())?);
    }
    if let Some(hash) = &terms.sha256 {
        let bytes = hex::decode(hash).map_err(unusable)?;
        headers.insert(SHA256, value(&STANDARD.encode(bytes))?);
    }
    Ok(headers)
}

/// The headers as a client is told to send them.
fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    headers.iter().map(|(name, value)| (title(name.as_str()), text(value))).collect()
}

/// `content-type` as people write it. What begins with x- stays as it is.
fn title(name: &str) -> String {
    if name.starts_with("x-") {
        return name.to_owned();
    }
    let capital = |part: &str| {
        let mut chars = part.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}

fn seconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(1)).unwrap_or(1)
}

#[async_trait]
impl ObjectStore for S3Store {
    fn kind(&self) -> &'static str {
        "s3"
    }

    async fn presign_put(&self, terms: &UploadTerms) -> Result<Presigned, ObjectError> {
        let headers = bound(terms)?;
        let signed = self.bucket.presign_put(&terms.key, seconds(terms.seconds), Some(headers.clone()), None);
        let url = signed.await.map_err(Failed)?;
        Ok(Presigned { url, headers: told(&headers) })
    }

    async fn presign_get(&self, key: &str, filename: &str, duration: i64) -> Result<Presigned, ObjectError> {
        // The store itself answers as our own one does: a file to save, that no browser runs and no cache keeps.
        let queries = HashMap::from([
            ("response-content-disposition".to_owned(), rules::disposition(filename)),
            ("response-content-type".to_owned(), "application/octet-stream".to_owned()),
            ("response-cache-control".to_owned(), "private, no-store".to_owned()),
        ]);
        let url = self.bucket.presign_get(key, seconds(duration), Some(queries)).await.map_err(Failed)?;
        Ok(Presigned { url, headers: Vec::new() })
    }

    async fn open(&self, key: &str) -> Result<Box<dyn ObjectReader>, ObjectError> {
        let stream = within(limits::ANSWER, failing(self.bucket.get_object_stream(key))).await?;
        Ok(Box::new(Download::new(stream.bytes)))
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        within(limits::WRITE, failing(self.bucket.put_object(key, bytes))).await?;
        Ok(())
    }

    async fn put_from(&self, key: &str, source: &mut dyn ObjectReader) -> Result<(), ObjectError> {
        transfer::upload(&self.bucket, key, source).await
    }

    async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        match within(limits::ANSWER, failing(self.bucket.delete_object(key))).await {
            Ok(_) | Err(ObjectError::Missing) => Ok(()),
            Err(other) => Err(other),
        }
    }

    async fn ready(&self) -> Result<(), ObjectError> {
        self.check().await
    }

    /// Whoever asks within a few seconds of another is given the same answer: the health of a service is asked by
    /// anybody, and often.
    async fn check(&self) -> Result<(), ObjectError> {
        let mut checked = self.checked.lock().await;
        let fresh = checked.as_ref().filter(|(at, _)| at.elapsed() < limits::CHECKED);
        if let Some((_, answer)) = fresh {
            return answer.clone().map_err(ObjectError::Unavailable);
        }
        let answer = self.ask().await.map_err(|error| match error {
            ObjectError::Missing => "the bucket does not exist".to_owned(),
            ObjectError::Unavailable(why) => why,
        });
        if let Err(why) = &answer {
            tracing::warn!(bucket = self.bucket.name, why, "the evidence store is not well");
        }
        *checked = Some((Instant::now(), answer.clone()));
        answer.map_err(ObjectError::Unavailable)
    }
}

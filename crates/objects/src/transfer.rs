//! Bytes to and from the store: a stretch at a time, so that an object of any size takes the memory of a part.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use grc_evidence::{ObjectError, ObjectReader};
use s3::{Bucket, request::DataStream, serde_types::Part};

use crate::{
    errors::{Failed, failing},
    limits::{self, within},
};

/// The size of a part: 5 GiB are 640 of them, and a store takes 10,000.
const PART: usize = 8 * 1024 * 1024;
const KIND: &str = "application/octet-stream";

/// An object being read.
pub(crate) struct Download {
    stream: DataStream,
    over: bool,
}

impl Download {
    pub(crate) fn new(stream: DataStream) -> Self {
        Self { stream, over: false }
    }

    /// At least so many bytes, or what is left.
    async fn stretch(&mut self) -> Result<Bytes, Failed> {
        let mut gathered = BytesMut::new();
        while gathered.len() < limits::STRETCH {
            match self.stream.next().await {
                Some(Ok(bytes)) if gathered.is_empty() && bytes.len() >= limits::STRETCH => return Ok(bytes),
                Some(bytes) => gathered.extend_from_slice(&bytes.map_err(Failed)?),
                None => {
                    self.over = true;
                    break;
                }
            }
        }
        Ok(gathered.freeze())
    }
}

#[async_trait]
impl ObjectReader for Download {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        if self.over {
            return Ok(None);
        }
        let bytes = within(limits::READ, self.stretch()).await?;
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

/// The next part of a source: full, or the last.
async fn part(source: &mut dyn ObjectReader, rest: &mut BytesMut) -> Result<Vec<u8>, ObjectError> {
    while rest.len() < PART {
        match source.chunk().await? {
            Some(bytes) => rest.extend_from_slice(&bytes),
            None => break,
        }
    }
    Ok(rest.split_to(rest.len().min(PART)).to_vec())
}

/// Writes an object from a source of any size. One that fits into a part is put at once; a larger one in parts, which
/// become an object when all of them are there and are given up when one is not.
pub(crate) async fn upload(bucket: &Bucket, key: &str, source: &mut dyn ObjectReader) -> Result<(), ObjectError> {
    let mut rest = BytesMut::new();
    let first = part(source, &mut rest).await?;
    if first.len() < PART {
        within(limits::WRITE, failing(bucket.put_object(key, &first))).await?;
        return Ok(());
    }
    let begun = within(limits::ANSWER, failing(bucket.initiate_multipart_upload(key, KIND))).await?;
    let sent = parts(bucket, key, &begun.upload_id, source, (first, rest)).await;
    let done = match sent {
        Ok(parts) => {
            let complete = bucket.complete_multipart_upload(key, &begun.upload_id, parts);
            within(limits::WRITE, failing(complete)).await.map(|_| ())
        }
        Err(error) => Err(error),
    };
    if done.is_err() {
        // Parts that nobody completes would be stored, and paid for, and never seen.
        let given_up = within(limits::ANSWER, failing(bucket.abort_upload(key, &begun.upload_id))).await;
        if let Err(error) = given_up {
            tracing::warn!(key, %error, "the parts of an upload could not be given up");
        }
    }
    done
}

async fn parts(
    bucket: &Bucket,
    key: &str,
    upload: &str,
    source: &mut dyn ObjectReader,
    (first, mut rest): (Vec<u8>, BytesMut),
) -> Result<Vec<Part>, ObjectError> {
    let mut parts = Vec::new();
    let mut bytes = first;
    let mut number = 1;
    while !bytes.is_empty() {
        let put = bucket.put_multipart_chunk(bytes, key, number, upload, KIND);
        parts.push(within(limits::WRITE, failing(put)).await?);
        number += 1;
        bytes = part(source, &mut rest).await?;
    }
    Ok(parts)
}

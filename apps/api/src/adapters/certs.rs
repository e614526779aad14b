//! The keys of Cloudflare Access over HTTPS.

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use grc_access::KeySource;
use reqwest::{Client, redirect::Policy};

/// How long an answer may take, connection and body included.
const PATIENCE: Duration = Duration::from_secs(4);
/// More than any key set has: two keys with their certificates are 5 KiB.
const MOST: usize = 256 * 1024;

/// Asks the team's domain for its keys.
pub struct Certs {
    client: Client,
    url: String,
}

impl Certs {
    /// From a URL.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let client =
            Client::builder().timeout(PATIENCE).redirect(Policy::none()).user_agent("sovereign-grc").build()?;
        Ok(Self { client, url: url.to_owned() })
    }
}

#[async_trait]
impl KeySource for Certs {
    async fn fetch(&self) -> Result<String, String> {
        let response = self.client.get(&self.url).send().await.map_err(said)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("{} answered {}", self.url, response.status()));
        }
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(said)?);
            if bytes.len() > MOST {
                return Err(format!("{} answered with more than {MOST} bytes", self.url));
            }
        }
        String::from_utf8(bytes).map_err(|_| format!("{} answered with what is no text", self.url))
    }
}

/// An error with its causes: the client's own text leaves them out.
fn said(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

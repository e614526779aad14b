//! Who finds: the port, and what goes through it.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grc_kernel::{FieldError, OrgId, StoreResult};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::query::Query;

/// The most documents that a search ranks and shows. Where more would match, it says so.
pub const RANKED: usize = 1_000;
/// The most characters of a record's text, and of a file's, that are searched.
pub const TEXT_MAX: usize = 100_000;
/// The most words of each of them.
pub const WORDS_MAX: usize = 10_000;
/// A score of 1 in the units in which scores are compared.
pub const ONE: i64 = 1_000_000;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The words.
    pub query: Query,
    /// Only records of these kinds: what was asked for, and what the caller may read.
    pub kinds: Vec<&'static str>,
    /// Whether these are all kinds there are.
    pub every: bool,
    /// At most so many hits.
    pub limit: usize,
    /// Hits after this one.
    pub after: Option<After>,
}

/// Where a page ended: hits come by score, then the latest changed first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct After {
    /// Its score.
    pub score: i64,
    /// When it was changed.
    pub at: OffsetDateTime,
    /// Its id.
    pub id: Uuid,
}

/// A record that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub title: String,
    /// Its text, in which the words may stand.
    pub body: String,
    /// The kind and id of the record that it belongs to.
    pub parent: Option<(&'static str, Uuid)>,
    /// How well it fits, in parts of [`ONE`]: 3 and more where it is called so, 2 and more where its names hold all the
    /// words, 1 and more otherwise.
    pub score: i64,
    /// When it was changed.
    pub updated_at: OffsetDateTime,
}

impl Hit {
    /// Its place in the order.
    pub fn place(&self) -> After {
        After { score: self.score, at: self.updated_at, id: self.id }
    }
}

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The hits.
    pub hits: Vec<Hit>,
    /// How many there are in all, as far as was looked.
    pub total: i64,
    /// Whether there may be more than that.
    pub at_least: bool,
    /// Where the page ended, if there is another.
    pub next: Option<After>,
}

/// Finds records of an organization.
#[async_trait]
pub trait Search: Send {
    /// The best hits of a search.
    async fn search(&mut self, org: OrgId, wanted: &Wanted) -> StoreResult<Found>;
}

impl Wanted {
    /// A digest of what is looked for, without the page.
    fn digest(&self) -> String {
        let text = format!("{:?}|{:?}", self.query, self.kinds);
        hex(Sha256::digest(text.as_bytes()).first_chunk::<8>().unwrap_or(&[0; 8]))
    }

    /// The opaque text of a place.
    pub fn cursor(&self, after: After) -> String {
        let micros = i64::try_from(after.at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        URL_SAFE_NO_PAD.encode(json!([self.digest(), after.score, micros, after.id.to_string()]).to_string())
    }

    /// The place that a cursor names, which must be one of this search.
    pub fn place(&self, cursor: &str) -> Result<After, FieldError> {
        let broken = || FieldError::new("cursor", "invalid", "is not a cursor of a search");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| broken())?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| broken())?;
        let [Value::String(digest), Value::Number(score), Value::Number(micros), Value::String(id)] =
            value.as_array().map(Vec::as_slice).ok_or_else(broken)?
        else {
            return Err(broken());
        };
        if *digest != self.digest() {
            return Err(FieldError::new("cursor", "other_list", "belongs to another search"));
        }
        let micros = micros.as_i64().ok_or_else(broken)?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).map_err(|_| broken())?;
        // Beyond these PostgreSQL knows no time.
        if !(1..=9999).contains(&at.year()) {
            return Err(broken());
        }
        Ok(After { score: score.as_i64().ok_or_else(broken)?, at, id: Uuid::parse_str(id).map_err(|_| broken())? })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

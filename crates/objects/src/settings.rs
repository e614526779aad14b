//! What an operator configures.

use url::Url;

/// Where the bucket is, and the credentials to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The store's URL, without the bucket.
    pub endpoint: String,
    /// The bucket. It must exist.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// The region of a store for which none is configured: R2 calls its only one `auto`, and MinIO and its like take
/// whatever AWS takes.
pub fn default_region(endpoint: &str) -> &'static str {
    let r2 = Url::parse(endpoint)
        .is_ok_and(|url| url.host_str().is_some_and(|host| host.ends_with(".r2.cloudflarestorage.com")));
    if r2 { "auto" } else { "us-east-1" }
}

/// What is wrong with an endpoint.
pub fn check_endpoint(endpoint: &str) -> Result<(), &'static str> {
    let url = Url::parse(endpoint).map_err(|_| "is not a URL such as https://s3.eu-central-1.amazonaws.com")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("may not hold credentials: they have variables of their own");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("may not have a query");
    }
    Ok(())
}

/// What is wrong with a bucket's name.
pub fn check_bucket(name: &str) -> Result<(), &'static str> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let shaped = (3..=63).contains(&name.len()) && name.chars().all(inner) && !name.contains("..");
    if shaped && outer(name.chars().next()) && outer(name.chars().next_back()) {
        Ok(())
    } else {
        Err("must be a bucket's name: 3 to 63 of a-z, 0-9, hyphen and dot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_endpoint_or_a_bucket_is_refused() {
        for (endpoint, fits) in [
            ("https://0123abcd.r2.cloudflarestorage.com", true),
            ("http://127.0.0.1:9000", true),
            ("https://project.example/storage/v1/s3", true),
            ("s3.amazonaws.com", false),
            ("ftp://store.example", false),
            ("https://key:secret@store.example", false),
            ("https://store.example/?a=b", false),
            ("https://", false),
        ] {
            assert_eq!(check_endpoint(endpoint).is_ok(), fits, "{endpoint}");
        }
        for (name, fits) in [
            ("evidence", true),
            ("grc.evidence-2026", true),
            ("ab", false),
            ("Evidence", false),
            ("-x-", false),
            ("a..b", false),
        ] {
            assert_eq!(check_bucket(name).is_ok(), fits, "{name}");
        }
        assert_eq!(default_region("https://0123.r2.cloudflarestorage.com"), "auto");
        assert_eq!(default_region("http://minio:9000"), "us-east-1");
    }

    #[test]
    fn the_secret_is_never_shown() {
        let text = |text: &str| text.to_owned();
        let settings = Settings {
            endpoint: text("http://x"),
            bucket: text("evidence"),
            region: text("auto"),
            access_key: text("AKIA"),
            secret_key: text("swordfish"),
        };
        let shown = format!("{settings:?}");
        assert!(!shown.contains("swordfish") && !shown.contains("AKIA"), "{shown}");
    }
}

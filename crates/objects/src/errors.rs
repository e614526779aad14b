//! What the store's refusals mean.

use grc_evidence::ObjectError;
use s3::error::S3Error;

/// An error of the store, on its way to one of the port.
pub(crate) struct Failed(pub(crate) S3Error);

impl From<Failed> for ObjectError {
    fn from(Failed(error): Failed) -> Self {
        match error {
            S3Error::HttpFailWithBody(404, body) if !body.contains("NoSuchBucket") => Self::Missing,
            // The body is XML that says more than a log line has room for; its code is what an operator looks up.
            S3Error::HttpFailWithBody(status, body) => {
                let code = between(&body, "<Code>", "</Code>").unwrap_or("no code");
                Self::Unavailable(format!("the store answered {status} {code}"))
            }
            S3Error::Reqwest(error) => Self::Unavailable(chain(&error.without_url())),
            other => Self::Unavailable(chain(&other)),
        }
    }
}

impl From<S3Error> for Failed {
    fn from(error: S3Error) -> Self {
        Self(error)
    }
}

/// Waits for an answer of the store.
pub(crate) async fn failing<T>(work: impl Future<Output = Result<T, S3Error>>) -> Result<T, Failed> {
    work.await.map_err(Failed)
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let code = text.split_once(start)?.1.split_once(end)?.0;
    (code.len() <= 60).then_some(code)
}

/// An error with its causes: "error sending request" alone says nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> ObjectError {
        Failed(S3Error::HttpFailWithBody(status, body.to_owned())).into()
    }

    #[test]
    fn an_absent_object_is_told_from_an_absent_bucket() {
        assert!(matches!(of(404, ""), ObjectError::Missing), "the answer to HEAD has no body");
        assert!(matches!(of(404, "<Error><Code>NoSuchKey</Code></Error>"), ObjectError::Missing));
        let bucket = of(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(matches!(&bucket, ObjectError::Unavailable(why) if why.contains("404 NoSuchBucket")), "{bucket}");
        let denied = of(403, "<?xml?><Error><Code>AccessDenied</Code><Message>…</Message></Error>");
        assert!(matches!(&denied, ObjectError::Unavailable(why) if why.ends_with("403 AccessDenied")), "{denied}");
        assert!(matches!(of(500, "<html>"), ObjectError::Unavailable(_)));
    }
}

//! The signed targets of the local evidence store.

use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures::StreamExt;
use grc_evidence::{ObjectError, ObjectStore};
use sha2::{Digest, Sha256};

use crate::{config::UploadPace, http::problem::Problem, serve::App};

/// When the next bytes of an upload must be there, so that it is neither paused for too long nor too slow on the whole.
pub(crate) fn patience(pace: UploadPace, begun: Instant, size: i64) -> (Duration, &'static str) {
    let earned = Duration::from_secs(u64::try_from(size).unwrap_or(0) / pace.least.max(1));
    let left = pace.grace.max(earned).saturating_sub(begun.elapsed());
    if left < pace.pause { (left, "the upload is too slow") } else { (pace.pause, "the upload stalled") }
}

/// Takes an upload: bound to its terms, kept whole or not at all.
async fn put(
    app: web::Data<App>,
    token: web::Path<String>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let store = app.blobs.as_ref().ok_or_else(|| Problem::new(503, "there is no local evidence store"))?;
    let terms = app.tokens.read_blob(&token).filter(|terms| terms.method == "PUT");
    let terms = terms.ok_or_else(|| Problem::new(403, "the upload URL is not valid, or has expired"))?;
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if terms.content_type.as_deref().is_some_and(|wanted| wanted != plain) {
        return Err(Problem::new(415, format!("Content-Type must be {}", terms.content_type.unwrap_or_default())));
    }
    let most = terms.size.unwrap_or(grc_evidence::rules::SIZE_MAX);
    let mut upload = store.begin(&terms.key).await?;
    let mut sha = Sha256::new();
    let mut size: i64 = 0;
    let begun = Instant::now();
    loop {
        let (wait, why) = patience(app.config.upload_pace, begun, size);
        let next = tokio::time::timeout(wait, payload.next()).await;
        let Some(chunk) = next.map_err(|_| Problem::new(408, why))? else { break };
        let chunk = chunk.map_err(|error| Problem::new(400, format!("the upload broke off: {error}")))?;
        size = size.saturating_add(i64::try_from(chunk.len()).unwrap_or(i64::MAX));
        if size > most {
            return Err(Problem::new(413, format!("the upload may have at most {most} bytes")));
        }
        sha.update(&chunk);
        upload.write(&chunk).await?;
    }
    if terms.size.is_some_and(|wanted| wanted != size) {
        return Err(Problem::new(400, format!("the upload has {size} bytes, not those announced")));
    }
    if terms.sha256.is_some_and(|wanted| wanted != hex::encode(sha.finalize())) {
        return Err(Problem::new(400, "the upload's SHA-256 is not the announced one"));
    }
    if !upload.keep_first().await? {
        return Err(Problem::new(412, "the object is there already, and is not overwritten"));
    }
    Ok(HttpResponse::Ok().finish())
}

/// Gives a download, as an attachment that no browser runs.
async fn get(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse, Problem> {
    let store = app.blobs.as_ref().ok_or_else(|| Problem::new(503, "there is no local evidence store"))?;
    let terms = app.tokens.read_blob(&token).filter(|terms| terms.method == "GET");
    let terms = terms.ok_or_else(|| Problem::new(403, "the download URL is not valid, or has expired"))?;
    let reader = store.open(&terms.key).await.map_err(|error| match error {
        ObjectError::Missing => Problem::not_found(),
        other => other.into(),
    })?;
    let stream = futures::stream::unfold(reader, |mut reader| async {
        match reader.chunk().await {
            Ok(Some(chunk)) => Some((Ok(chunk), reader)),
            Ok(None) => None,
            Err(error) => Some((Err(error), reader)),
        }
    });
    let name = terms.filename.unwrap_or_default();
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", grc_evidence::rules::disposition(&name)))
        .insert_header(("Content-Security-Policy", "default-src 'none'; sandbox"))
        .insert_header(("Cache-Control", "private, no-store"))
        .streaming(stream))
}

async fn wrong_method() -> Result<HttpResponse, Problem> {
    Err(Problem { allow: Some("GET, PUT".to_owned()), ..Problem::new(405, "blobs have GET and PUT") })
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/blobs/{token}")
            .route(web::put().to(put))
            .route(web::get().to(get))
            .default_service(web::to(wrong_method)),
    );
}

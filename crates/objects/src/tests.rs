//! Against a real S3 server: every way round the terms of a URL is refused by the store itself, and a store that is away
//! is said to be, in seconds.

use std::{net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use grc_evidence::{
    ObjectError, ObjectReader, ObjectStore,
    store::{UploadTerms, hash},
};
use reqwest::{Client, Response, header::HeaderMap};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::{S3Store, server::Server};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const KEY: &str = "0190/2026/0191/report.pdf";

struct Place {
    server: Server,
    store: S3Store,
    client: Client,
    folder: tempfile::TempDir,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), ANY).await.unwrap();
    let store = S3Store::new(&server.settings()).unwrap();
    Place { server, store, client: Client::new(), folder }
}

fn terms(bytes: &[u8]) -> UploadTerms {
    UploadTerms {
        key: KEY.to_owned(),
        content_type: "application/pdf".to_owned(),
        size: Some(i64::try_from(bytes.len()).unwrap()),
        sha256: Some(hex::encode(Sha256::digest(bytes))),
        seconds: 900,
    }
}

impl Place {
    async fn put(&self, url: &str, headers: &[(String, String)], bytes: &[u8]) -> u16 {
        let mut request = self.client.put(url).body(bytes.to_vec());
        for (name, value) in headers.iter().filter(|(name, _)| name != "Content-Length") {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    fn header(&self, response: &Response, name: &str) -> String {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}

/// The headers with one of them changed.
fn with(headers: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let changed = |(known, old): &(String, String)| {
        let new = if known == name { value.to_owned() } else { old.clone() };
        (known.clone(), new)
    };
    headers.iter().map(changed).collect()
}

fn without(headers: &[(String, String)], name: &str) -> Vec<(String, String)> {
    headers.iter().filter(|(known, _)| known != name).cloned().collect()
}

#[tokio::test]
async fn an_upload_keeps_to_its_terms_or_is_refused_by_the_store() {
    let place = place().await;
    let bytes = b"%PDF-1.7 the report";
    let signed = place.store.presign_put(&terms(bytes)).await.unwrap();
    let (url, headers) = (&signed.url, &signed.headers);
    let named: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    for wanted in ["Content-Type", "Content-Length", "If-None-Match", "x-amz-checksum-sha256"] {
        assert!(named.contains(&wanted), "{named:?}");
    }
    let other = STANDARD.encode(Sha256::digest(b"something else"));
    let elsewhere = url.replace("report.pdf", "other.pdf");
    let later = url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000");
    for (what, url, headers, bytes) in [
        ("another type", url, with(headers, "Content-Type", "text/html"), &bytes[..]),
        ("no type", url, without(headers, "Content-Type"), bytes),
        ("another length", url, headers.clone(), b"%PDF-1.7 the report, longer"),
        ("another checksum", url, with(headers, "x-amz-checksum-sha256", &other), bytes),
        ("no checksum", url, without(headers, "x-amz-checksum-sha256"), bytes),
        ("overwriting", url, without(headers, "If-None-Match"), bytes),
        ("another key", &elsewhere, headers.clone(), bytes),
        ("a longer life", &later, headers.clone(), bytes),
    ] {
        let status = place.put(url, &headers, bytes).await;
        assert!((400..500).contains(&status), "{what}: {status}");
    }
    let got = place.client.get(url).send().await.unwrap().status();
    assert!(got.is_client_error(), "another method: {got}");
    assert!(matches!(place.store.open(KEY).await, Err(ObjectError::Missing)), "nothing was stored by any of these");

    assert_eq!(place.put(url, headers, bytes).await, 200);
    assert_eq!(place.put(url, headers, bytes).await, 412, "once");
    assert_eq!(hash(&place.store, KEY).await.unwrap(), hex::encode(Sha256::digest(bytes)));
}

#[tokio::test]
async fn bytes_that_are_not_those_announced_are_refused() {
    let place = place().await;
    let signed = place.store.presign_put(&terms(b"%PDF-1.7 the report")).await.unwrap();
    let status = place.put(&signed.url, &signed.headers, b"%PDF-1.7 a forgery!").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_url_expires() {
    let place = place().await;
    let bytes = b"%PDF-1.7 the report";
    let signed = place.store.presign_put(&UploadTerms { seconds: 1, ..terms(bytes) }).await.unwrap();
    let until = Instant::now() + Duration::from_millis(2_100);
    tokio::time::sleep_until(until).await;
    assert_eq!(place.put(&signed.url, &signed.headers, bytes).await, 403);
}

#[tokio::test]
async fn a_download_is_an_attachment_whatever_the_file_is_called() {
    let place = place().await;
    place.store.put(KEY, b"<script>alert(1)</script>").await.unwrap();
    let name = "Zugriffs\"prüfung; 2026.html";
    let signed = place.store.presign_get(KEY, name, 300).await.unwrap();
    let got = place.client.get(&signed.url).send().await.unwrap();
    assert_eq!(got.status(), 200);
    let disposition = place.header(&got, "content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"Zugriffs_pr_fung_2026.html\""), "{disposition}");
    assert!(disposition.ends_with("filename*=UTF-8''Zugriffs%22pr%C3%BCfung%3B%202026.html"), "{disposition}");
    assert_eq!(place.header(&got, "content-type"), "application/octet-stream");
    assert_eq!(got.bytes().await.unwrap(), "<script>alert(1)</script>");
    for (what, url) in [
        ("inline", signed.url.replace("attachment", "inline")),
        ("another key", signed.url.replace("report.pdf", "other.pdf")),
        ("no signature", signed.url.split("&X-Amz-Signature").next().unwrap().to_owned()),
    ] {
        let status = place.client.get(&url).headers(HeaderMap::new()).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 400 | 403), "{what}: {status}");
    }
}

/// A source that makes its bytes as they are asked for.
struct Source {
    left: usize,
    chunk: usize,
    breaks: bool,
}

#[async_trait::async_trait]
impl ObjectReader for Source {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        if self.left == 0 && self.breaks {
            return Err(ObjectError::Unavailable("the disk is gone".to_owned()));
        }
        let count = self.left.min(self.chunk);
        self.left -= count;
        Ok((count > 0).then(|| vec![7; count].into()))
    }
}

#[tokio::test]
async fn large_objects_go_in_parts_and_come_back_whole() {
    let place = place().await;
    let part = 8 * 1024 * 1024;
    for size in [0, 1, part - 1, part, part + 1, 2 * part, 3 * part + 5] {
        let mut source = Source { left: size, chunk: 100_000, breaks: false };
        place.store.put_from(KEY, &mut source).await.unwrap();
        let mut sha = Sha256::new();
        for _ in 0..size / 64 {
            sha.update([7; 64]);
        }
        sha.update(vec![7; size % 64]);
        assert_eq!(hash(&place.store, KEY).await.unwrap(), hex::encode(sha.finalize()), "{size}");
    }
    place.store.delete(KEY).await.unwrap();
    place.store.delete(KEY).await.unwrap();
    let mut broken = Source { left: 2 * part, chunk: 100_000, breaks: true };
    assert!(place.store.put_from(KEY, &mut broken).await.is_err());
    assert!(matches!(place.store.open(KEY).await, Err(ObjectError::Missing)), "half an object is none");
    let left = std::fs::read_dir(place.folder.path())
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains(".part-"));
    assert_eq!(left.count(), 0, "its parts are given up");
}

#[tokio::test]
async fn the_store_says_how_it_is() {
    let place = place().await;
    place.store.check().await.unwrap();
    place.store.check().await.unwrap();
    let wrong = |change: fn(&mut crate::Settings)| {
        let mut settings = place.server.settings();
        change(&mut settings);
        S3Store::new(&settings).unwrap()
    };
    let wrong_secret = wrong(|settings| settings.secret_key = "a guess".to_owned());
    let Err(ObjectError::Unavailable(why)) = wrong_secret.check().await else { panic!("the secret is wrong") };
    assert!(why.contains("403") && !why.contains("a guess"), "{why}");
    assert!(matches!(wrong_secret.open(KEY).await, Err(ObjectError::Unavailable(_))), "not «missing»");
}

#[tokio::test]
async fn a_store_that_is_away_is_said_to_be_and_comes_back() {
    let place = place().await;
    place.store.put(KEY, b"kept").await.unwrap();
    let address = place.server.address;
    drop(place.server);
    let asked = Instant::now();
    for _ in 0..2 {
        assert!(matches!(place.store.open(KEY).await, Err(ObjectError::Unavailable(_))));
    }
    assert!(place.store.delete(KEY).await.is_err() && place.store.put(KEY, b"x").await.is_err());
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    // Signing is arithmetic: it works without the store.
    assert!(place.store.presign_put(&terms(b"x")).await.is_ok());
    let _again = Server::start(place.folder.path(), address).await.unwrap();
    assert_eq!(hash(&place.store, KEY).await.unwrap(), hex::encode(Sha256::digest(b"kept")));
}

#[tokio::test]
async fn a_store_that_answers_nothing_costs_seconds() {
    // It takes connections and says nothing; a second one begins an answer and goes on a byte at a time.
    let silent = tokio::net::TcpListener::bind(ANY).await.unwrap();
    let slow = tokio::net::TcpListener::bind(ANY).await.unwrap();
    let addresses = (silent.local_addr().unwrap(), slow.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let mut held = Vec::new();
        loop {
            tokio::select! {
                socket = silent.accept() => held.push(socket.unwrap().0),
                socket = slow.accept() => {
                    let mut socket = socket.unwrap().0;
                    tokio::spawn(async move {
                        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await;
                        while socket.write_all(b"x").await.is_ok() {
                            tokio::time::sleep(Duration::from_millis(300)).await;
                        }
                    });
                }
            }
        }
    });
    let store = |address: SocketAddr| {
        let settings = crate::Settings {
            endpoint: format!("http://{address}"),
            bucket: "evidence".to_owned(),
            region: "auto".to_owned(),
            access_key: "a".to_owned(),
            secret_key: "b".to_owned(),
        };
        S3Store::new(&settings).unwrap()
    };
    let (silent, slow) = (store(addresses.0), store(addresses.1));
    let asked = Instant::now();
    let (opened, checked, read) = tokio::join!(silent.open(KEY), silent.check(), hash(&slow, KEY));
    assert!(matches!(opened, Err(ObjectError::Unavailable(_))));
    assert!(matches!(checked, Err(ObjectError::Unavailable(_))));
    assert!(matches!(read, Err(ObjectError::Unavailable(_))));
    assert!(asked.elapsed() < Duration::from_secs(7), "{:?}", asked.elapsed());
    serving.abort();
}

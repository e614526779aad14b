//! Evidence on a real S3 server: the same promises as on the local store, and clear answers when the store is away.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use grc_objects::server::{ACCESS_KEY, BUCKET, SECRET_KEY, Server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Got, Service, run, scratch, text};

const BYTES: &[u8] = b"The backups are restored every quarter.";

/// An S3 server in a folder of its own.
pub async fn bucket(name: &str) -> (Server, PathBuf) {
    let folder = scratch().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    (Server::start(&folder, "127.0.0.1:0".parse().unwrap()).await.unwrap(), folder)
}

/// A service whose evidence lies there.
pub async fn service_on(server: &Server, more: &[(&str, &str)]) -> Service {
    let endpoint = format!("http://{}", server.address);
    let settings = [
        ("GRC_S3_ENDPOINT", endpoint.as_str()),
        ("GRC_S3_BUCKET", BUCKET),
        ("GRC_S3_ACCESS_KEY", ACCESS_KEY),
        ("GRC_S3_SECRET_KEY", SECRET_KEY),
    ];
    Service::start(&[&settings[..], more].concat()).await
}

/// Puts bytes as the answer to an upload request says.
async fn put(s: &Service, target: &Value, bytes: &[u8]) -> Got {
    let headers: Vec<(&str, &str)> = target["headers"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    s.send("", "PUT", target["upload_url"].as_str().unwrap(), &headers, Some(bytes.to_vec())).await
}

async fn announce(s: &Service, token: &str, org: &str, more: Value) -> Value {
    let mut body =
        json!({"filename": "backup \"2026\".txt", "content_type": "text/plain", "control_refs": ["SOC2_TYPE2:A1.2"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    s.json(token, "POST", &format!("/orgs/{org}/evidence/upload-url"), body).await.must(201)
}

fn file(folder: &Path, key: &str) -> PathBuf {
    folder.join(BUCKET).join(key)
}

#[test]
fn evidence_keeps_its_promises_on_s3() {
    run(async {
        let (server, folder) = bucket("s3-promises").await;
        let s = service_on(&server, &[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Cloudy").await;
        let health = s.get("", "/health").await.must(200);
        assert_eq!(
            (&health["services"]["evidence_store"], &health["details"]["evidence_store"]["kind"]),
            (&json!("healthy"), &json!("s3"))
        );
        let announced = json!({"size": BYTES.len(), "sha256": hex::encode(Sha256::digest(BYTES))});
        let target = announce(&s, &token, &org, announced).await;
        let (id, key) = (text(&target, "evidence_id"), text(&target, "object_key"));
        let path = format!("/orgs/{org}/evidence/{id}");
        assert!(text(&target, "upload_url").starts_with(&format!("http://{}/{BUCKET}/{org}/", server.address)));
        s.json(&token, "POST", &format!("{path}/complete"), json!({})).await.problem(409, "CONFLICT");
        assert_eq!(put(&s, &target, BYTES).await.status, 200);
        let stored = s.json(&token, "POST", &format!("{path}/complete"), json!({})).await.must(200);
        assert_eq!(
            (&stored["status"], &stored["size"], &stored["sha256"]),
            (&json!("stored"), &json!(BYTES.len()), &json!(hex::encode(Sha256::digest(BYTES))))
        );
        assert_eq!(put(&s, &target, BYTES).await.status, 412, "what was inspected is not overwritten");
        assert_eq!(s.get(&token, &path).await.must(200)["text"], json!(std::str::from_utf8(BYTES).unwrap()));

        let url = s.get(&token, &format!("/orgs/{org}/evidence/download-url?key={key}")).await.must(200);
        let got = s.send("", "GET", url["url"].as_str().unwrap(), &[], None).await;
        assert_eq!((got.status, got.text.as_bytes()), (200, BYTES));
        assert!(got.header("content-disposition").starts_with("attachment; filename=\"backup_2026"));

        let integrity = async || s.get(&token, &format!("{path}/integrity")).await.must(200)["status"].clone();
        assert_eq!(integrity().await, "intact");
        std::fs::write(file(&folder, &key), b"The backups are restored, they say.....").unwrap();
        assert_eq!(integrity().await, "mismatch");
        std::fs::remove_file(file(&folder, &key)).unwrap();
        assert_eq!(integrity().await, "missing");
        std::fs::write(file(&folder, &key), BYTES).unwrap();

        s.json(&token, "POST", &format!("{path}/hold"), json!({"reason": "A dispute"})).await.must(200);
        s.send(&token, "DELETE", &path, &[], None).await.problem(409, "CONFLICT");
        s.send(&token, "DELETE", &format!("{path}/hold"), &[], None).await.must(200);
        let custody = s.get(&token, &format!("{path}/custody")).await.must(200);
        let events: Vec<String> = custody["items"].as_array().unwrap().iter().map(|e| text(e, "event")).collect();
        assert_eq!(
            events,
            ["uploaded", "downloaded", "verified", "verified", "verified", "held", "released"],
            "{custody}"
        );
        s.send(&token, "DELETE", &path, &[], None).await.must(204);
        gone(&file(&folder, &key)).await;
        s.running.stop().await;
    });
}

/// Waits until a file is removed.
async fn gone(path: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while path.exists() {
        assert!(Instant::now() < until, "{} is still there", path.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn what_is_not_as_announced_is_refused_and_may_be_put_again() {
    run(async {
        let (server, folder) = bucket("s3-again").await;
        let s = service_on(&server, &[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Careful").await;
        // The size alone is announced, so the store cannot tell one text of it from another: only `complete` can.
        let target = announce(&s, &token, &org, json!({"content_type": "application/pdf", "size": BYTES.len()})).await;
        let path = format!("/orgs/{org}/evidence/{}", text(&target, "evidence_id"));
        let long = put(&s, &target, b"longer than what was announced, by quite a bit").await;
        assert!((400..500).contains(&long.status), "{long:?}");
        assert_eq!(put(&s, &target, BYTES).await.status, 200);
        let refused = s.json(&token, "POST", &format!("{path}/complete"), json!({})).await.problem(409, "CONFLICT");
        assert!(text(&refused, "detail").contains("declared as application/pdf"), "{refused}");
        assert_eq!(s.get(&token, &path).await.must(200)["status"], "rejected");
        gone(&file(&folder, &text(&target, "object_key"))).await;

        // A size that is not the announced one, on a store that let it pass: removed, and open for another attempt.
        let target = announce(&s, &token, &org, json!({"size": 5})).await;
        let path = format!("/orgs/{org}/evidence/{}", text(&target, "evidence_id"));
        let place = file(&folder, &text(&target, "object_key"));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, BYTES).unwrap();
        s.json(&token, "POST", &format!("{path}/complete"), json!({})).await.problem(409, "CONFLICT");
        assert!(!place.exists());
        assert_eq!(s.get(&token, &path).await.must(200)["status"], "pending");
        assert_eq!(put(&s, &target, b"right").await.status, 200);
        s.json(&token, "POST", &format!("{path}/complete"), json!({})).await.must(200);
        s.running.stop().await;
    });
}

#[test]
fn a_store_that_is_away_is_a_clear_answer_in_seconds() {
    run(async {
        let (server, folder) = bucket("s3-away").await;
        let s = service_on(&server, &[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Patient").await;
        let target = announce(&s, &token, &org, json!({})).await;
        assert_eq!(put(&s, &target, BYTES).await.status, 200);
        let id = text(&target, "evidence_id");
        s.json(&token, "POST", &format!("/orgs/{org}/evidence/{id}/complete"), json!({})).await.must(200);
        let address = server.address;
        drop(server);
        let asked = Instant::now();
        // The last answer about the store's health holds for a few seconds.
        tokio::time::sleep(Duration::from_millis(5_100)).await;
        let one = format!("/orgs/{org}/evidence/{id}");
        for (method, path) in [
            ("GET", format!("{one}/integrity")),
            ("GET", format!("/orgs/{org}/evidence/download-url?key={}", text(&target, "object_key"))),
            ("POST", format!("/orgs/{org}/evidence/upload-url")),
        ] {
            let body = (method == "POST").then(|| json!({"filename": "a.txt", "content_type": "text/plain"}));
            let body = body.map(|body| body.to_string().into_bytes());
            let problem = s.send(&token, method, &path, &[], body).await.problem(503, "SERVICE_UNAVAILABLE");
            assert!(text(&problem, "detail").contains("evidence store"), "{problem}");
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
        // What needs no file goes on.
        s.get(&token, &one).await.must(200);
        let health = s.get("", "/health").await.must(200);
        assert_eq!(
            (&health["status"], &health["services"]["evidence_store"]),
            (&json!("healthy"), &json!("unhealthy"))
        );
        let _again = Server::start(&folder, address).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5_100)).await;
        assert_eq!(s.get(&token, &format!("{one}/integrity")).await.must(200)["status"], "intact");
        s.running.stop().await;
    });
}

#[test]
fn without_a_store_evidence_routes_say_so() {
    run(async {
        let s = Service::start(&[("GRC_EVIDENCE_STORE", "none")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Storeless").await;
        let health = s.get("", "/health").await.must(200);
        assert_eq!(
            (&health["services"]["evidence_store"], &health["details"]["evidence_store"]["kind"]),
            (&json!("not_configured"), &json!("none"))
        );
        let (id, announced) = (uuid::Uuid::now_v7(), json!({"filename": "a.txt", "content_type": "text/plain"}));
        for (method, path, body) in [
            ("POST", "evidence/upload-url".to_owned(), announced.clone()),
            ("POST", "evidence/bulk-import".to_owned(), json!([])),
            ("POST", format!("evidence/{id}/complete"), json!({})),
            ("GET", "evidence/download-url?key=a".to_owned(), Value::Null),
            ("GET", format!("evidence/{id}/integrity"), Value::Null),
        ] {
            let body = (method == "POST").then(|| body.to_string().into_bytes());
            let got = s.send(&token, method, &format!("/orgs/{org}/{path}"), &[], body).await;
            got.problem(503, "SERVICE_UNAVAILABLE");
        }
        s.get(&token, &format!("/orgs/{org}/evidence")).await.must(200);
        s.running.stop().await;
    });
}

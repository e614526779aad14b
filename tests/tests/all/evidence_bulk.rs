//! Bulk import: what is right becomes evidence once, what is wrong is told, and hostile archives are refused whole.

use std::{
    io::{Cursor, Write},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    evidence_s3::{bucket, service_on},
    harness::{Got, Service, fields, psql, run, scratch, text},
};

fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn send(s: &Service, token: &str, org: &str, archive: Vec<u8>, more: &[(&str, &str)]) -> Got {
    let headers = [&[("content-type", "application/zip")], more].concat();
    s.send(token, "POST", &format!("/orgs/{org}/evidence/bulk-import"), &headers, Some(archive)).await
}

async fn over(s: &Service, token: &str, location: &str) -> Value {
    let path = location.strip_prefix("/api/v1").unwrap();
    s.until(token, path, |import| matches!(import["status"].as_str(), Some("completed" | "failed"))).await
}

/// How many files lie below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

fn count(s: &Service, sql: &str) -> i64 {
    psql(&s.database, sql).parse().unwrap()
}

#[test]
fn an_archive_becomes_evidence_file_by_file() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Bulky").await;
        let manifest = "filename,control_refs,collected_at,valid_until,sha256\n\
            policies/Zugriff.md,SOC2_TYPE2:CC6.1;SOC2_TYPE2:CC6.2,2026-03-01,2027-03-01,\n\
            restore.csv,SOC2_TYPE2:A1.2,,,\n\
            wrong.txt,SOC2_TYPE2:NOPE,2999-01-01,,\n\
            lie.pdf,,,,\n\
            hash.txt,,,,abababababababababababababababababababababababababababababababab\n\
            absent.txt,,,,\n";
        let archive = pack(&[
            ("manifest.csv", manifest.as_bytes()),
            ("policies/Zugriff.md", "# Zugriff\nJeder Zugriff hat einen Besitzer.".as_bytes()),
            ("restore.csv", b"date,result\n2026-02-11,ok\n"),
            ("wrong.txt", b"text"),
            ("lie.pdf", b"this is no PDF"),
            ("hash.txt", b"other bytes"),
            ("extra.txt", b"nobody named me"),
            ("__MACOSX/._restore.csv", b"litter"),
        ]);
        let got =
            send(&s, &token, &org, archive.clone(), &[("idempotency-key", "once"), ("x-request-id", "bulk-1")]).await;
        let location = got.header("location");
        let begun = got.must(202);
        assert_eq!(
            (begun["kind"].as_str(), begun["items"].as_array().unwrap().len()),
            (Some("evidence.bulk_import"), 7)
        );
        assert_eq!(location, format!("/api/v1/orgs/{org}/evidence/bulk-import/{}", text(&begun, "id")));
        assert_eq!(count(&s, "SELECT count(*) FROM journal WHERE request_id = 'bulk-1'"), 1);
        let done = over(&s, &token, &location).await;
        assert_eq!((&done["status"], &done["progress"]), (&json!("completed"), &json!(100)));
        assert_eq!(done["result"], json!({"total": 7, "stored": 2, "failed": 5}));
        let told: Vec<(Value, Value, Value, Vec<String>)> = done["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                let codes = item["errors"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|e| format!("{} {}", text(e, "field"), text(e, "code")));
                (item["name"].clone(), item["row"].clone(), item["status"].clone(), codes.collect())
            })
            .collect();
        let row = |name: &str, row: Value, status: &str, codes: &[&str]| {
            (json!(name), row, json!(status), codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            told,
            [
                row("policies/Zugriff.md", json!(2), "stored", &[]),
                row("restore.csv", json!(3), "stored", &[]),
                row(
                    "wrong.txt",
                    json!(4),
                    "failed",
                    &["control_refs[0] unknown_reference", "collected_at out_of_range"]
                ),
                row("lie.pdf", json!(5), "failed", &["content_type mismatch"]),
                row("hash.txt", json!(6), "failed", &["sha256 mismatch"]),
                row("absent.txt", json!(7), "failed", &["filename missing"]),
                row("extra.txt", Value::Null, "failed", &["filename not_listed"]),
            ]
        );
        let id = text(&done["items"][0], "evidence_id");
        let one = s.get(&token, &format!("/orgs/{org}/evidence/{id}")).await.must(200);
        assert_eq!(
            (&one["filename"], &one["source"], &one["status"], &one["collected_at"], &one["valid_until"]),
            (
                &json!("Zugriff.md"),
                &json!("bulk"),
                &json!("stored"),
                &json!("2026-03-01T00:00:00Z"),
                &json!("2027-03-01T00:00:00Z")
            )
        );
        assert!(text(&one, "text").contains("Jeder Zugriff"));
        let custody = s.get(&token, &format!("/orgs/{org}/evidence/{id}/custody")).await.must(200);
        assert_eq!(custody["items"].as_array().unwrap().len(), 1);
        assert_eq!(custody["items"][0]["reason"], json!(format!("bulk import {}", text(&done, "id"))));
        assert_eq!(custody["items"][0]["sha256"], one["sha256"]);
        let key = text(&one, "object_key");
        let url = s.get(&token, &format!("/orgs/{org}/evidence/download-url?key={key}")).await.must(200);
        assert_eq!(s.get("", url["url"].as_str().unwrap()).await.status, 200);
        assert_eq!(count(&s, &format!("SELECT count(*) FROM journal WHERE resource_id = '{id}'")), 1);
        assert_eq!(count(&s, &format!("SELECT count(*) FROM evidence WHERE org_id = '{org}'")), 2);

        // The same request is the same import.
        let again = send(&s, &token, &org, archive, &[("idempotency-key", "once")]).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true".to_owned()));
        let other =
            send(&s, &token, &org, pack(&[("manifest.csv", b"filename\na\n")]), &[("idempotency-key", "once")]).await;
        other.problem(422, "IDEMPOTENCY_KEY_REUSED");
        // The archive and the two files that were refused are removed: two pieces of evidence are left.
        let folder = scratch().join(&s.database).join("evidence").join(&org);
        for _ in 0..500 {
            if files(&folder) == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(files(&folder), 2);
        assert_eq!(files(&scratch().join(&s.database).join("spool")), 0);
        s.running.stop().await;
    });
}

#[test]
fn what_is_no_good_archive_is_refused_and_leaves_nothing() {
    run(async {
        let s = Service::start(&[("GRC_LIMIT_UPLOADS_PER_HOUR", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Wary").await;
        let manifest: (&str, &[u8]) = ("manifest.csv", b"filename\na.txt\n");
        let good = pack(&[manifest, ("a.txt", b"hello")]);
        let named = |name: &str| pack(&[manifest, (name, b"x")]);
        let mut linked = ZipWriter::new(Cursor::new(Vec::new()));
        linked.start_file("manifest.csv", SimpleFileOptions::default()).unwrap();
        linked.write_all(manifest.1).unwrap();
        linked.add_symlink("a.txt", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let linked = linked.finish().unwrap().into_inner();
        // Both the local header's flag and the directory's.
        let mut encrypted = good.clone();
        for signature in [b"PK\x03\x04", b"PK\x01\x02"] {
            let at = if signature == b"PK\x03\x04" { 6 } else { 8 };
            let places: Vec<usize> = (0..encrypted.len() - 4).filter(|i| &encrypted[*i..i + 4] == signature).collect();
            places.iter().for_each(|place| encrypted[place + at] |= 1);
        }
        let zeros = vec![0; 50_000_000];
        let many: Vec<String> = (0..10_001).map(|i| format!("{i}")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
        for (what, body, field, code) in [
            ("no archive", b"hello".to_vec(), "archive", "not_an_archive"),
            ("nothing", Vec::new(), "archive", "not_an_archive"),
            ("cut off", good[..good.len() - 5].to_vec(), "archive", "not_an_archive"),
            ("something before", [b"#!/bin/sh\n", &good[..]].concat(), "archive", "inconsistent"),
            ("an escape", named("../a.txt"), "archive", "path"),
            ("an absolute path", named("/etc/cron.d/a"), "archive", "path"),
            ("a drive", named("C:\\a.txt"), "archive", "path"),
            ("a link", linked, "archive", "link"),
            ("encrypted", encrypted, "archive", "encrypted"),
            ("a bomb", pack(&[manifest, ("a.txt", &zeros)]), "archive", "ratio"),
            ("many entries", pack(&many), "archive", "too_many_entries"),
            ("no manifest", pack(&[("a.txt", b"hello")]), "manifest", "required"),
            ("a column too many", pack(&[("manifest.csv", b"filename,owner\na.txt,me\n")]), "manifest", "unknown"),
            ("no row", pack(&[("manifest.csv", b"filename\n")]), "manifest", "required"),
        ] {
            let problem = send(&s, &token, &org, body, &[]).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem), [(field.to_owned(), code.to_owned())], "{what}");
        }
        let path = format!("/orgs/{org}/evidence/bulk-import");
        s.send(&token, "POST", &path, &[("content-type", "application/pdf")], Some(good.clone()))
            .await
            .problem(415, "UNSUPPORTED_MEDIA_TYPE");
        let large = vec![b'x'; 64 * 1024 * 1024 + 1];
        send(&s, &token, &org, large, &[]).await.problem(413, "PAYLOAD_TOO_LARGE");

        // It lies about what is in it: found out by reading, and then nothing of it is evidence.
        let mut lying = good.clone();
        let size = 5_u32.to_le_bytes();
        let places: Vec<usize> = (0..lying.len() - 4).filter(|i| lying[*i..i + 4] == size).collect();
        let sizes: Vec<usize> = places.into_iter().filter(|i| *i > 30).collect();
        assert!(sizes.len() >= 2, "{sizes:?}");
        for at in sizes {
            lying[at] = 4;
        }
        let got = send(&s, &token, &org, lying, &[]).await;
        if got.status == 202 {
            let failed = over(&s, &token, &got.header("location")).await;
            assert_eq!(failed["status"], "failed");
            assert!(text(&failed, "error").contains("size or checksum"), "{failed}");
        } else {
            got.problem(422, "VALIDATION_ERROR");
        }
        assert_eq!(count(&s, &format!("SELECT count(*) FROM evidence WHERE org_id = '{org}'")), 0);
        let folder = scratch().join(&s.database).join("evidence").join(&org);
        for _ in 0..500 {
            if files(&folder) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(files(&folder), 0);
        s.running.stop().await;
    });
}

#[test]
fn an_import_is_nobody_elses() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let (org, other) = (s.org(&token, "Mine").await, s.org(&token, "Theirs").await);
        let archive = pack(&[("manifest.json", br#"[{"filename": "a.txt"}]"#), ("a.txt", b"hello")]);
        let got = send(&s, &token, &org, archive.clone(), &[]).await;
        let location = got.header("location");
        let id = text(&got.must(202), "id");
        over(&s, &token, &location).await;
        let viewer = s.member(&token, &org, "viewer").await;
        send(&s, &viewer, &org, archive, &[]).await.problem(403, "FORBIDDEN");
        s.get(&viewer, &format!("/orgs/{org}/evidence/bulk-import/{id}")).await.must(200);
        s.get(&token, &format!("/orgs/{other}/evidence/bulk-import/{id}")).await.problem(404, "NOT_FOUND");
        let stranger = s.member(&token, &other, "admin").await;
        s.get(&stranger, &format!("/orgs/{org}/evidence/bulk-import/{id}")).await.problem(404, "NOT_FOUND");
        s.get(&token, &format!("/orgs/{org}/evidence/bulk-import/x")).await.problem(422, "VALIDATION_ERROR");
        s.running.stop().await;
    });
}

/// Many small files and their manifest.
fn many(count: usize) -> Vec<u8> {
    let names: Vec<String> = (0..count).map(|i| format!("notes/{i}.txt")).collect();
    let manifest = format!("filename\n{}\n", names.join("\n"));
    let mut files: Vec<(&str, &[u8])> = vec![("manifest.csv", manifest.as_bytes())];
    files.extend(names.iter().map(|name| (name.as_str(), name.as_bytes())));
    pack(&files)
}

async fn exactly_once(s: &Service, org: &str, wanted: i64) {
    for sql in [
        format!("SELECT count(*) FROM evidence WHERE org_id = '{org}' AND status = 'stored'"),
        format!("SELECT count(DISTINCT filename) FROM evidence WHERE org_id = '{org}'"),
        format!("SELECT count(*) FROM custody WHERE org_id = '{org}' AND event = 'uploaded'"),
        format!("SELECT count(*) FROM journal WHERE org_id = '{org}' AND resource_type = 'evidence'"),
        format!("SELECT count(*) FROM evidence_import_items WHERE org_id = '{org}' AND status = 'stored'"),
    ] {
        assert_eq!(count(s, &sql), wanted, "{sql}");
    }
}

#[test]
fn an_import_that_is_interrupted_goes_on_and_stores_nothing_twice() {
    run(async {
        let first = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = first.admin().await;
        let org = first.org(&token, "Restless").await;
        let got = send(&first, &token, &org, many(120), &[]).await;
        let location = got.header("location");
        assert_eq!(got.must(202)["status"], "queued");
        let database = first.database.clone();
        first.running.stop().await;
        let mut last = 0;
        let mut stops = 0;
        loop {
            let s = Service::on(&database, &[("GRC_WORKERS", "2")]).await;
            let token = s.admin().await;
            let path = location.strip_prefix("/api/v1").unwrap().to_owned();
            let moved = s
                .until(&token, &path, |import| {
                    import["result"]["stored"].as_i64().unwrap() > last || import["status"] == "completed"
                })
                .await;
            last = moved["result"]["stored"].as_i64().unwrap();
            if moved["status"] == "completed" || stops == 3 {
                let done = over(&s, &token, &location).await;
                assert_eq!(done["result"], json!({"total": 120, "stored": 120, "failed": 0}), "{}", done["error"]);
                exactly_once(&s, &org, 120).await;
                s.running.stop().await;
                break;
            }
            stops += 1;
            s.running.stop().await;
        }
        assert!(stops > 0, "it was interrupted");
    });
}

#[test]
fn an_import_outlives_the_store() {
    run(async {
        let (server, folder) = bucket("s3-bulk").await;
        let s = service_on(&server, &[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Stubborn").await;
        let location = send(&s, &token, &org, many(60), &[]).await.header("location");
        let path = location.strip_prefix("/api/v1").unwrap().to_owned();
        s.until(&token, &path, |import| import["result"]["stored"].as_i64().unwrap() > 2).await;
        let address = server.address;
        drop(server);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let _again = grc_objects::server::Server::start(&folder, address).await.unwrap();
        let done = over(&s, &token, &location).await;
        assert_eq!(done["result"], json!({"total": 60, "stored": 60, "failed": 0}), "{}", done["error"]);
        exactly_once(&s, &org, 60).await;
        s.running.stop().await;
    });
}

/// A server that gives one file and has no other; its port.
async fn server_of_one_file() -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let count = socket.read(&mut request).await.unwrap_or(0);
            let answer = match request[..count].starts_with(b"GET /soc2.txt?v=2 ") {
                true => "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nReviewed",
                false => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            };
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    port
}

#[test]
fn addresses_are_fetched_and_private_ones_only_where_they_are_allowed() {
    run(async {
        let port = server_of_one_file().await;
        let list = json!({"items": [
            {"url": format!("http://127.0.0.1:{port}/soc2.txt?v=2"), "control_refs": ["SOC2_TYPE2:CC6.1"]},
            {"url": format!("http://127.0.0.1:{port}/absent.txt")},
            {"url": "http://169.254.169.254/latest/meta-data", "collected_at": "2026-03-01"},
        ]});
        for (allowed, wanted) in [
            ("true", ["stored ", "failed unreachable", "failed address"]),
            ("false", ["failed address", "failed address", "failed address"]),
        ] {
            let s = Service::start(&[("GRC_ALLOW_PRIVATE_TARGETS", allowed)]).await;
            let token = s.admin().await;
            let org = s.org(&token, "Fetching").await;
            let path = format!("/orgs/{org}/evidence/bulk-import");
            let got = s.json(&token, "POST", &path, list.clone()).await;
            let location = got.header("location");
            got.must(202);
            let done = over(&s, &token, &location).await;
            let told = done["items"].as_array().unwrap().iter().map(|item| {
                let code = item["errors"][0]["code"].as_str().unwrap_or_default();
                format!("{} {code}", text(item, "status"))
            });
            assert_eq!(told.collect::<Vec<_>>(), wanted, "{done}");
            if allowed == "true" {
                let id = text(&done["items"][0], "evidence_id");
                let one = s.get(&token, &format!("/orgs/{org}/evidence/{id}")).await.must(200);
                assert_eq!((&one["filename"], &one["text"]), (&json!("soc2.txt"), &json!("Reviewed")));
            }
            s.running.stop().await;
        }
    });
}

#[test]
fn a_list_that_breaks_its_limits_is_refused_whole_with_every_place() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Strict").await;
        let path = format!("/orgs/{org}/evidence/bulk-import");
        let items = json!([
            {"url": "https://example.org/right.pdf"},
            {"filename": "no-address.txt"},
            {"url": 7, "finding_id": "no id", "size": "large", "collected_at": "yesterday", "colour": "blue"},
        ]);
        let mut wanted = [
            ("items[1].url", "required"),
            ("items[2].colour", "unknown"),
            ("items[2].collected_at", "type"),
            ("items[2].finding_id", "type"),
            ("items[2].size", "type"),
            ("items[2].url", "type"),
        ];
        wanted.sort_unstable();
        for body in [items.clone(), json!({"items": items})] {
            let problem = s.json(&token, "POST", &path, body).await.problem(422, "VALIDATION_ERROR");
            let mut told = fields(&problem);
            told.sort_unstable();
            let told: Vec<_> = told.iter().map(|(field, code)| (field.as_str(), code.as_str())).collect();
            assert_eq!(told, wanted);
        }
        // A list of nothing but mistakes is not answered by many times its size.
        let many = json!(vec![json!({"colour": 1, "size": "large"}); 5_000]);
        let problem = s.json(&token, "POST", &path, many).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem).len(), 1_000);
        assert_eq!(count(&s, "SELECT count(*) FROM evidence_imports"), 0);
        s.running.stop().await;
    });
}

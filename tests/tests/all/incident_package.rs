//! Evidence of incidents: collected, and exported as a package that is verified offline, from nothing but the archive
//! and the service's public keys: by an implementation of its own here, and by the program in the archive's README.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write},
    path::Path,
    process::Command,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    harness::{Service, fields, run, scratch, text},
    incident::open,
};

/// The files of an archive, in their order.
fn unpack(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let files = (0..archive.len()).map(|i| {
        let mut file = archive.by_index(i).unwrap();
        let (name, mut bytes) = (file.name().unwrap().into_owned(), Vec::new());
        file.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    });
    files.collect()
}

fn pack(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn sha(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [one] => sha(&[&[0], one.as_slice()].concat()),
        many => {
            let half = many.len().next_power_of_two() / 2;
            sha(&[&[1], root(&many[..half]).as_slice(), root(&many[half..]).as_slice()].concat())
        }
    }
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// Verifies a package; its manifest.
fn verify(package: &[u8], keys: &Value) -> Result<Value, String> {
    let files: BTreeMap<String, Vec<u8>> = unpack(package).into_iter().collect();
    let raw = files.get("manifest.json").ok_or("no manifest")?;
    let jws = files.get("manifest.jws").ok_or("no signature")?;
    let parts: Vec<&str> = std::str::from_utf8(jws).unwrap().split('.').collect();
    let [header, "", signature] = parts.as_slice() else { return Err("the signature is not detached".into()) };
    let head: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).map_err(|e| e.to_string())?).unwrap();
    ensure(head["alg"] == "EdDSA" && head["typ"] == "incident-evidence-manifest+jws", "another kind of signature")?;
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).ok_or("unknown key")?;
    let key: [u8; 32] = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap().try_into().unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|error| error.to_string())?;
    let signature = Signature::from_slice(&signature).map_err(|error| error.to_string())?;
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(raw));
    let key = VerifyingKey::from_bytes(&key).map_err(|error| error.to_string())?;
    key.verify(signed.as_bytes(), &signature).map_err(|error| error.to_string())?;

    let manifest: Value = serde_json::from_slice(raw).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    ensure(listed.len() + 2 == files.len(), "files were added or left out")?;
    let mut leaves = Vec::new();
    for file in listed {
        let bytes = files.get(file["path"].as_str().unwrap()).ok_or("a file is missing")?;
        ensure(file["size"] == bytes.len() && file["sha256"] == hex::encode(sha(bytes)), "a file was altered")?;
        leaves.push(sha(bytes));
    }
    ensure(manifest["merkle_root"] == hex::encode(root(&leaves)), "another Merkle root")?;

    let entries: Vec<Value> = serde_json::from_slice(&files["timeline.json"]).unwrap();
    let mut last = vec![0; 32];
    for (number, entry) in (1_i64..).zip(&entries) {
        let mut said = entry.as_object().unwrap().clone();
        said.retain(|name, _| !["hash", "prev_hash", "updated_at", "created_by", "revision"].contains(&name.as_str()));
        ensure(entry["sequence"] == number && entry["prev_hash"] == hex::encode(&last), "a gap in the timeline")?;
        last = sha(&[last, grc_kernel::journal::canonical(&Value::Object(said)).into_bytes()].concat());
        ensure(entry["hash"] == hex::encode(&last), "an entry of the timeline was altered")?;
    }
    ensure(manifest["timeline"] == json!({"entries": entries.len(), "hash": hex::encode(last)}), "another end")?;
    Ok(manifest)
}

/// Runs the program of the archive's README on it; what it says.
fn run_readme(package: &[u8], keys: &Value) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let readme = unpack(package).into_iter().find(|(name, _)| name == "README.md").unwrap().1;
    run_program(&String::from_utf8(readme).unwrap(), package, keys, folder.path())
}

fn run_program(readme: &str, package: &[u8], keys: &Value, folder: &Path) -> Result<String, String> {
    let program = readme.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    for (name, bytes) in
        [("verify.py", program.as_bytes()), ("package.zip", package), ("jwks.json", keys.to_string().as_bytes())]
    {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let output = Command::new("python3")
        .args(["verify.py", "package.zip", "jwks.json"])
        .current_dir(folder)
        .output()
        .expect("python3 (and openssl, which it calls) are here: `cargo xtask test` installs them");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

/// Both ways to verify, which must agree.
fn both(package: &[u8], keys: &Value) -> Result<Value, String> {
    let here = verify(package, keys);
    let there = run_readme(package, keys);
    assert_eq!(here.is_ok(), there.is_ok(), "{here:?} {there:?}");
    here
}

async fn download(s: &Service, token: &str, one: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let url = format!("http://{}/api/v1{one}/evidence/export", s.running.address);
    let response = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let headers = response.headers().clone();
    (headers, response.bytes().await.unwrap().to_vec())
}

async fn keys(s: &Service) -> Value {
    s.get("", "//.well-known/jwks.json").await.must(200)
}

#[test]
fn an_export_is_verified_from_the_archive_and_the_keys_alone() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Package").await;
        let one = open(&s, &token, &org, json!({})).await;
        let id = one.rsplit('/').next().unwrap().to_owned();
        // Over several pieces of the store and of the archive's frames, and odd.
        let large: Vec<u8> = (0..3_000_001_u32).map(|n| b'a' + u8::try_from(n % 7).unwrap()).collect();
        let files: [(&str, &str, &[u8]); 4] = [
            ("auth.log", "text/plain", b"failed login from 203.0.113.7\n"),
            ("přihlášení.csv", "text/csv", "kdo,kdy\nžluťoučký kůň,12:00\n".as_bytes()),
            ("auth.log", "text/plain", b"another file of that name\n"),
            ("large.txt", "text/plain", &large),
        ];
        let mut ids = Vec::new();
        for (name, kind, bytes) in files {
            ids.push(s.upload(&token, &org, name, kind, bytes, &[]).await);
        }
        let collect = format!("{one}/evidence/collect");
        let body = json!({"evidence_ids": [ids[0], ids[1], ids[0]], "notes": "Seized by the night shift"});
        let made = s.json(&token, "POST", &collect, body).await;
        assert_eq!((made.status, made.header("location")), (201, format!("/api/v1{one}/evidence")), "{}", made.text);
        let items = made.json()["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 2, "each once");
        assert_eq!(items[0]["sha256"], hex::encode(sha(files[0].2)));
        let again = json!({"evidence_ids": ids});
        let again = s.json(&token, "POST", &collect, again).await.must(201);
        assert_eq!(again["items"][0], items[0], "what is there stays as it was collected");
        assert_eq!(s.get(&token, &format!("{one}/evidence")).await.must(200)["items"], again["items"]);
        let story =
            s.get(&token, &format!("{one}/timeline?event_type=evidence_collected&sort=sequence")).await.must(200);
        assert_eq!(story["items"][0]["details"]["notes"], "Seized by the night shift");
        assert_eq!(story["items"][1]["details"]["evidence_ids"], json!([ids[2], ids[3]]), "only what is new");
        let actions = s.get(&token, &format!("{one}/history?action=incident.evidence_collected")).await.must(200);
        assert_eq!(actions["items"].as_array().unwrap().len(), 2, "one journal entry each");
        s.json(&token, "POST", &format!("{one}/tasks"), json!({"title": "Ask the night shift"})).await.must(201);
        s.json(&token, "PUT", &format!("{one}/review"), json!({"root_cause": "None yet"})).await.must(200);
        for n in 0..230 {
            let body = json!({"event_type": "note", "description": format!("Line {n}: \"quoted\", \\ é 😀 \t\n")});
            s.json(&token, "POST", &format!("{one}/timeline"), body).await.must(201);
        }

        let viewer = s.member(&token, &org, "viewer").await;
        let (headers, package) = download(&s, &viewer, &one).await;
        assert_eq!(
            (&headers["content-type"], &headers["content-encoding"]),
            (&"application/zip".parse().unwrap(), &"identity".parse().unwrap())
        );
        assert_eq!(headers["content-disposition"], format!("attachment; filename=\"incident-{id}.zip\""));
        let keys = keys(&s).await;
        let manifest = both(&package, &keys).unwrap();
        let unpacked = unpack(&package);
        let names: Vec<&str> = unpacked.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "README.md",
            "incident.json",
            "tasks.json",
            "timeline.json",
            "custody.json",
            "evidence/0001-auth.log",
            "evidence/0002-p_ihl_en_.csv",
            "evidence/0003-auth.log",
            "evidence/0004-large.txt",
            "manifest.json",
            "manifest.jws",
        ];
        assert_eq!(names, expected);
        for ((_, bytes), (_, _, sent)) in unpacked[5..9].iter().zip(files) {
            assert_eq!(bytes, sent);
        }
        assert_eq!(manifest["files"][6]["filename"], "přihlášení.csv");
        assert!(manifest["files"].as_array().unwrap()[5..].iter().all(|file| file["intact"] == true));
        assert_eq!((&manifest["incident_id"], &manifest["absent"]), (&json!(id), &json!([])));
        let part = |name: &str| -> Value {
            serde_json::from_slice(&unpacked.iter().find(|(path, _)| path == name).unwrap().1).unwrap()
        };
        assert_eq!(part("timeline.json").as_array().unwrap().len(), 235);
        assert_eq!(part("incident.json")["review"]["root_cause"], "None yet");
        assert_eq!(part("tasks.json")[0]["title"], "Ask the night shift");
        let custody = part("custody.json");
        for (id, (_, _, bytes)) in ids.iter().zip(files) {
            let touches: Vec<&Value> =
                custody.as_array().unwrap().iter().filter(|event| event["evidence_id"] == *id).collect();
            let events: Vec<&str> = touches.iter().map(|event| event["event"].as_str().unwrap()).collect();
            assert_eq!(events, ["uploaded", "linked", "exported"]);
            assert!(touches.iter().all(|event| event["sha256"] == hex::encode(sha(bytes))));
            assert!(text(touches[1], "reason").contains(&one[one.len() - 36..]));
        }
        let noted = s.get(&token, &format!("{one}/history?action=incident.exported")).await.must(200);
        assert_eq!(noted["items"].as_array().unwrap().len(), 1);
        assert_eq!(run_readme(&package, &keys).unwrap(), "verified: 9 files, 235 entries of the timeline\n");
        let empty = open(&s, &token, &org, json!({})).await;
        let (_, package) = download(&s, &token, &empty).await;
        both(&package, &keys).unwrap();
        // Somebody who leaves in the middle keeps nothing waiting.
        let url = format!("http://{}/api/v1{one}/evidence/export", s.running.address);
        drop(reqwest::Client::new().get(url).bearer_auth(&token).send().await.unwrap());
        s.running.stop().await;
    });
}

type Tamper = fn(&mut Vec<(String, Vec<u8>)>);

#[test]
fn an_export_that_was_tampered_with_is_refused() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Tampered").await;
        let one = open(&s, &token, &org, json!({})).await;
        let evidence = s.upload(&token, &org, "a.txt", "text/plain", b"what happened", &[]).await;
        s.json(&token, "POST", &format!("{one}/evidence/collect"), json!({"evidence_ids": [evidence]})).await.must(201);
        let (_, package) = download(&s, &token, &one).await;
        let (files, keys) = (unpack(&package), keys(&s).await);
        both(&pack(&files), &keys).expect("packing it again is no tampering");
        let tampers: [(&str, Tamper); 9] = [
            ("a byte of the evidence", |files| at(files, "evidence/0001-a.txt")[0] ^= 1),
            ("a word of the custody record", |files| replace(at(files, "custody.json"), "linked", "loaned")),
            ("a word of the timeline", |files| replace(at(files, "timeline.json"), "opened", "closed")),
            ("a size in the manifest", |files| replace(at(files, "manifest.json"), "\"size\": 13", "\"size\": 14")),
            ("a byte of the signature", |files| {
                let jws = at(files, "manifest.jws");
                let last = jws.len() - 10;
                jws[last] = if jws[last] == b'A' { b'B' } else { b'A' };
            }),
            ("the header of the signature", |files| {
                let jws = at(files, "manifest.jws");
                let header = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": "x", "typ": "JWT"}).to_string());
                *jws = format!("{header}..").into_bytes();
            }),
            ("a file left out", |files| files.retain(|(name, _)| name != "evidence/0001-a.txt")),
            ("a file added", |files| files.push(("evidence/0002-b.txt".into(), b"what did not".to_vec()))),
            ("two files swapped", |files| {
                let (tasks, evidence) = (at(files, "tasks.json").clone(), at(files, "evidence/0001-a.txt").clone());
                *at(files, "tasks.json") = evidence;
                *at(files, "evidence/0001-a.txt") = tasks;
            }),
        ];
        for (what, tamper) in tampers {
            let mut altered = files.clone();
            tamper(&mut altered);
            assert!(both(&pack(&altered), &keys).is_err(), "{what}");
        }
        // Another service's keys, whose signature it is not.
        let other = Service::start(&[]).await;
        assert!(both(&package, &self::keys(&other).await).is_err());
        let mut claimed = self::keys(&other).await;
        claimed["keys"][0]["kid"] = keys["keys"][0]["kid"].clone();
        assert!(both(&package, &claimed).is_err(), "a key of the same name");
        // The signature is no token: it opens nothing.
        let manifest = files.iter().find(|(name, _)| name == "manifest.json").unwrap().1.clone();
        let jws = String::from_utf8(files.last().unwrap().1.clone()).unwrap();
        let token = jws.replace("..", &format!(".{}.", URL_SAFE_NO_PAD.encode(manifest)));
        s.get(&token, "/users/me").await.problem(401, "UNAUTHORIZED");
        other.running.stop().await;
        s.running.stop().await;
    });
}

fn at<'a>(files: &'a mut [(String, Vec<u8>)], name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(path, _)| path == name).unwrap_or_else(|| panic!("no {name}")).1
}

fn replace(bytes: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    *bytes = text.replace(from, to).into_bytes();
}

#[test]
fn an_export_tells_what_changed_and_what_is_gone() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Gone").await;
        let one = open(&s, &token, &org, json!({})).await;
        let mut ids = Vec::new();
        for name in ["whole.txt", "altered.txt", "lost.txt", "deleted.txt"] {
            ids.push(s.upload(&token, &org, name, "text/plain", name.as_bytes(), &[]).await);
        }
        s.json(&token, "POST", &format!("{one}/evidence/collect"), json!({"evidence_ids": ids})).await.must(201);
        let store = scratch().join(&s.database).join("evidence");
        for (id, what) in [(&ids[1], Some("something else")), (&ids[2], None)] {
            let evidence = s.get(&token, &format!("/orgs/{org}/evidence/{id}")).await.must(200);
            let path = store.join(text(&evidence, "object_key"));
            match what {
                Some(bytes) => std::fs::write(path, bytes).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
        }
        s.send(&token, "DELETE", &format!("/orgs/{org}/evidence/{}", ids[3]), &[], None).await.must(204);
        let (_, package) = download(&s, &token, &one).await;
        let keys = keys(&s).await;
        let manifest = both(&package, &keys).expect("what it says of itself is true");
        let told: Vec<(&str, bool)> = manifest["files"].as_array().unwrap()[5..]
            .iter()
            .map(|file| (file["filename"].as_str().unwrap(), file["intact"].as_bool().unwrap()))
            .collect();
        assert_eq!(told, [("whole.txt", true), ("altered.txt", false)]);
        let recorded = &manifest["files"][6]["recorded_sha256"];
        assert_eq!(*recorded, hex::encode(sha(b"altered.txt")));
        let absent: Vec<(&str, &str)> = manifest["absent"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| (file["filename"].as_str().unwrap(), file["reason"].as_str().unwrap()))
            .collect();
        assert_eq!(absent, [("lost.txt", "the file is not in the store"), ("deleted.txt", "the evidence was deleted")]);
        let said = run_readme(&package, &keys).unwrap();
        assert!(said.contains("altered.txt was no longer") && said.contains("lost.txt is absent"), "{said}");
        s.running.stop().await;
    });
}

#[test]
fn only_what_is_stored_is_collected_and_only_for_those_who_may_read_it() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Collect").await;
        let other = s.org(&token, "Elsewhere").await;
        let one = open(&s, &token, &org, json!({})).await;
        let collect = format!("{one}/evidence/collect");
        let mine = s.upload(&token, &org, "a.txt", "text/plain", b"mine", &[]).await;
        let theirs = s.upload(&token, &other, "canary.txt", "text/plain", b"theirs", &[]).await;
        let body = json!({"filename": "b.txt", "content_type": "text/plain"});
        let pending = s.json(&token, "POST", &format!("/orgs/{org}/evidence/upload-url"), body).await.must(201);
        let pending = text(&pending, "evidence_id");
        let named = json!({"evidence_ids": [mine, theirs, pending, one.rsplit('/').next().unwrap()]});
        let problem = s.json(&token, "POST", &collect, named).await.problem(422, "VALIDATION_ERROR");
        let expected = [
            ("evidence_ids[1]", "unknown_reference"),
            ("evidence_ids[2]", "not_stored"),
            ("evidence_ids[3]", "unknown_reference"),
        ];
        assert_eq!(fields(&problem), expected.map(|(f, c)| (f.to_owned(), c.to_owned())));
        for bad in
            [json!({}), json!({"evidence_ids": []}), json!({"evidence_ids": ["x"]}), json!({"evidence_ids": mine})]
        {
            s.json(&token, "POST", &collect, bad).await.problem(422, "VALIDATION_ERROR");
        }
        assert_eq!(s.get(&token, &format!("{one}/evidence")).await.must(200)["items"], json!([]), "nothing by halves");
        let key = async |scopes: Value| {
            let body = json!({"name": scopes.to_string(), "role": "admin", "scopes": scopes});
            text(&s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), body).await.must(201), "key")
        };
        let narrow = key(json!(["incident:write"])).await;
        let wide = key(json!(["incident:write", "evidence:read"])).await;
        let body = json!({"evidence_ids": [mine]});
        s.json(&narrow, "POST", &collect, body.clone()).await.problem(403, "FORBIDDEN");
        s.json(&wide, "POST", &collect, body.clone()).await.must(201);
        s.get(&narrow, &format!("{one}/evidence/export")).await.problem(403, "FORBIDDEN");
        let (_, package) = download(&s, &wide, &one).await;
        let manifest = both(&package, &keys(&s).await).unwrap();
        assert_eq!(manifest["exported_by"]["type"], "api_key");
        s.running.stop().await;
    });
}

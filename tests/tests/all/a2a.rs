//! Attestation machine to machine: the server in both eras of the protocol, grants, two services that attest each other,
//! and vendors that lie.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::harness::{Got, Service, fields, run, text};

const PRIVATE: &[(&str, &str)] = &[("GRC_ALLOW_PRIVATE_TARGETS", "true")];

/// A grant; its id and key.
async fn granted(s: &Service, token: &str, org: &str, frameworks: &[&str]) -> (String, String) {
    let body = json!({"partner": "Customer AG", "frameworks": frameworks});
    let made = s.json(token, "POST", &format!("/orgs/{org}/a2a/grants"), body).await.must(201);
    (text(&made, "id"), text(&made, "key"))
}

async fn rpc(s: &Service, key: &str, headers: &[(&str, &str)], body: Value) -> Got {
    s.send(key, "POST", "/a2a/mcp", headers, Some(body.to_string().into_bytes())).await
}

async fn tool(s: &Service, key: &str, name: &str, arguments: Value) -> Value {
    let body =
        json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
    let answer = rpc(s, key, &[], body).await.must(200);
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)));
    answer
}

async fn names_of_tools(s: &Service, key: &str) -> Vec<String> {
    let answer = rpc(s, key, &[], json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await.must(200);
    answer["result"]["tools"].as_array().unwrap().iter().map(|tool| text(tool, "name")).collect()
}

/// Asks a vendor and waits for what comes of it.
async fn asked(s: &Service, token: &str, org: &str, vendor: &str, body: Value) -> Value {
    let got = s.json(token, "POST", &format!("/orgs/{org}/vendors/{vendor}/attestations"), body).await;
    assert_eq!(got.status, 202, "{}", got.text);
    let location = got.header("location");
    assert_eq!(got.json()["status"], "pending");
    s.until(token, location.trim_start_matches("/api/v1"), |body| body["status"] != "pending").await
}

async fn vendor(s: &Service, token: &str, org: &str, endpoint: &str, key: Option<&str>) -> String {
    let body = json!({"name": format!("Vendor at {endpoint}"), "a2a_endpoint": endpoint, "a2a_key": key});
    text(&s.json(token, "POST", &format!("/orgs/{org}/vendors"), body).await.must(201), "id")
}

#[test]
fn the_server_speaks_both_eras_and_the_bare_envelope_of_the_api_reference() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.assessed(&token, "Vendor GmbH").await;
        let (_, key) = granted(&s, &token, &org, &["SOC2_TYPE2", "ISO27001"]).await;
        // As the reference writes it.
        let reference = json!({"method": "tools/call", "params": {"name": "request_attestation", "arguments": {
            "frameworks": ["SOC2_TYPE2", "ISO27001"],
            "requested_evidence": ["audit_report", "certificate", "controls_mapping"]}}});
        let answer = rpc(&s, &key, &[], reference).await.must(200);
        assert!(answer.get("jsonrpc").is_none() && answer.get("id").is_none(), "{answer}");
        let said = &answer["result"]["structuredContent"];
        assert_eq!(text(said, "attestation").split('.').count(), 3);
        assert_eq!(said["frameworks"][0]["key"], "SOC2_TYPE2");
        let results = said["frameworks"][0]["results"].as_object().unwrap();
        let total: i64 = results.values().map(|count| count.as_i64().unwrap()).sum();
        assert_eq!(total, 61, "{said}");
        assert_eq!(said["evidence"][0]["request"], "audit_report");
        assert_eq!(text(&said["evidence"][0], "sha256").len(), 64);
        assert_eq!(said["missing"][0], json!({"asked": "ISO27001", "reason": "not_assessed"}));
        // The era of the handshake.
        for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
            let params =
                json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
            let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
            let answer = rpc(&s, &key, &[], hello).await.must(200);
            assert_eq!(answer["result"]["protocolVersion"], version);
            let headers = [("mcp-protocol-version", version)];
            let done = rpc(&s, &key, &headers, json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
            assert_eq!((done.status, done.text.as_str()), (202, ""));
            let pong = rpc(&s, &key, &headers, json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})).await.must(200);
            assert_eq!(pong["result"], json!({}));
        }
        // The era without.
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {}});
        let call = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call",
            "params": {"name": "list_frameworks", "arguments": {}, "_meta": meta}});
        let headers =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "list_frameworks")];
        let answer = rpc(&s, &key, &headers, call.clone()).await.must(200);
        let listed = answer["result"]["structuredContent"]["frameworks"].as_array().unwrap();
        assert_eq!(listed.len(), 2, "{answer}");
        assert!(listed.iter().any(|one| one["key"] == "SOC2_TYPE2" && !one["assessed_at"].is_null()));
        let mismatch =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "ping"), ("mcp-name", "list_frameworks")];
        let got = rpc(&s, &key, &mismatch, call).await;
        assert!(
            (400..500).contains(&got.status) && got.json()["error"]["code"].is_i64(),
            "{} {}",
            got.status,
            got.text
        );
        // What goes wrong, in the protocol's words or in ours.
        let unknown = json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "drop_tables"}});
        assert_eq!(rpc(&s, &key, &[], unknown).await.must(200)["error"]["code"], -32602);
        let bad = tool(&s, &key, "request_attestation", json!({"frameworks": [], "colour": 1})).await;
        assert_eq!(bad["result"]["isError"], true);
        assert_eq!(bad["result"]["structuredContent"]["code"], "VALIDATION_ERROR");
        let nothing = tool(&s, &key, "request_attestation", json!({"frameworks": ["PCI_DSS"]})).await;
        assert!(
            text(&nothing["result"]["structuredContent"], "detail").contains("PCI_DSS is not_granted"),
            "{nothing}"
        );
        s.send(&key, "POST", "/a2a/mcp", &[], Some(b"{".to_vec())).await.problem(400, "BAD_REQUEST");
        s.send(&key, "POST", "/a2a/mcp", &[], Some(b"[7]".to_vec())).await.problem(400, "BAD_REQUEST");
        let twice = br#"{"jsonrpc": "2.0", "id": 1, "method": "ping", "method": "tools/list"}"#.to_vec();
        s.send(&key, "POST", "/a2a/mcp", &[], Some(twice)).await.problem(400, "BAD_REQUEST");
        let whole = json!({"jsonrpc": "2.0", "id": 7.0, "method": "ping"});
        assert_eq!(rpc(&s, &key, &[], whole).await.must(200)["id"], 7);
        for wrong in [
            json!({"method": "ping", "params": null}),
            json!({"jsonrpc": "2.0", "id": null, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": "", "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": 1, "method": "\u{7}"}),
            json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "colour": "blue"}),
        ] {
            rpc(&s, &key, &[], wrong).await.problem(400, "BAD_REQUEST");
        }
        let ping = json!({"jsonrpc": "2.0", "id": 5, "method": "ping"});
        assert_eq!(rpc(&s, &key, &[("origin", "https://evil.example.org")], ping.clone()).await.status, 403);
        rpc(&s, "", &[], ping.clone()).await.problem(401, "UNAUTHORIZED");
        let mistyped = format!("{}{}", &key[..key.len() - 1], if key.ends_with('x') { 'y' } else { 'x' });
        rpc(&s, &mistyped, &[], ping).await.problem(401, "UNAUTHORIZED");
        let listen = s.get(&key, "/a2a/mcp").await;
        assert_eq!(listen.header("allow"), "POST, DELETE");
        listen.problem(405, "METHOD_NOT_ALLOWED");
        s.send(&key, "DELETE", "/a2a/mcp", &[], None).await.must(204);
        let numbers = s.get("", "/a2a/metrics").await.must(200);
        assert_eq!(numbers["issued"], 1, "{numbers}");
        assert_eq!(s.get("", "/a2a/health").await.must(200)["status"], "healthy");
        let about = s.get("", "//.well-known/sovereign-a2a").await.must(200);
        assert_eq!(about["protocol_versions"], json!(["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]));
        assert!(text(&about, "mcp_url").ends_with("/api/v1/a2a/mcp"));
        s.running.stop().await;
    });
}

#[test]
fn a_grant_opens_what_it_names_and_nothing_else() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.assessed(&token, "Granting").await;
        let grants = format!("/orgs/{org}/a2a/grants");
        let problem = s.json(&token, "POST", &grants, json!({"partner": "X", "frameworks": ["NO_SUCH"]})).await;
        assert_eq!(
            fields(&problem.problem(422, "VALIDATION_ERROR"))[0],
            ("frameworks[0]".into(), "unknown_reference".into())
        );
        for body in [
            json!({"frameworks": ["SOC2_TYPE2"]}),
            json!({"partner": "X", "frameworks": []}),
            json!({"partner": "X"}),
            json!({"partner": "X", "frameworks": ["SOC2_TYPE2"], "key_hash": "0"}),
            json!({"partner": "X", "frameworks": ["SOC2_TYPE2"], "expires_at": "2020-01-01T00:00:00Z"}),
        ] {
            s.json(&token, "POST", &grants, body).await.problem(422, "VALIDATION_ERROR");
        }
        let once = [("idempotency-key", "grant-1"), ("content-type", "application/json")];
        let body = json!({"partner": "Customer AG", "frameworks": ["SOC2_TYPE2"]}).to_string().into_bytes();
        let made = s.send(&token, "POST", &grants, &once, Some(body.clone())).await.must(201);
        let key = text(&made, "key");
        let again = s.send(&token, "POST", &grants, &once, Some(body)).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert!(again.must(201).get("key").is_none(), "a replay shows no secret");
        let list = s.get(&token, &grants).await.must(200);
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert!(!list.to_string().contains(&key) && !list.to_string().contains("hash"), "{list}");
        let log = s.get(&token, &format!("/orgs/{org}/audit-log?resource_type=a2a_grant")).await.must(200);
        assert!(!log.to_string().contains("hash\":\"") || !log.to_string().contains("key_hash"), "{log}");
        // The key opens the attestation server.
        assert_eq!(names_of_tools(&s, &key).await, ["request_attestation", "list_frameworks", "verify_attestation"]);
        let beyond = tool(&s, &key, "list_records", json!({"register": "risks"})).await;
        assert_eq!(beyond["error"]["code"], -32602);
        let both = tool(&s, &key, "request_attestation", json!({"frameworks": ["SOC2_TYPE2", "HIPAA"]})).await;
        assert_eq!(
            both["result"]["structuredContent"]["missing"],
            json!([{"asked": "HIPAA", "reason": "not_granted"}])
        );
        // It opens nothing else.
        let other = s.org(&token, "Other").await;
        for path in ["/frameworks", "/orgs", "/users/me", "/auth/sessions"] {
            let status = s.get(&key, path).await.status;
            assert!(status == 403, "{path}: {status}");
        }
        for path in ["/risks/register", "/vendors", "/evidence", "/a2a/grants", "/a2a/issued", "/audit-log", "/users"] {
            s.get(&key, &format!("/orgs/{org}{path}")).await.problem(403, "FORBIDDEN");
            s.get(&key, &format!("/orgs/{other}{path}")).await.problem(404, "NOT_FOUND");
        }
        // What was issued is on record, and the journal has it as the partner's doing.
        let issued = s.get(&token, &format!("/orgs/{org}/a2a/issued?include_total=true")).await.must(200);
        assert_eq!((&issued["total"], &issued["items"][0]["partner"]), (&json!(1), &json!("Customer AG")));
        let log = s.get(&token, &format!("/orgs/{org}/audit-log?resource_type=issued_attestation")).await.must(200);
        assert_eq!(log["items"][0]["actor"]["name"], "Customer AG", "{log}");
        // Our own word, checked.
        let token_of = text(&both["result"]["structuredContent"], "attestation");
        let checked = tool(&s, &key, "verify_attestation", json!({"attestation": token_of})).await;
        assert_eq!(checked["result"]["structuredContent"]["valid"], true, "{checked}");
        let by_person = tool(&s, &token, "verify_attestation", json!({"attestation": token_of, "nonce": "n"})).await;
        assert_eq!(by_person["result"]["structuredContent"]["reason"], "wrong_nonce");
        assert_eq!(names_of_tools(&s, &token).await, ["verify_attestation"]);
        let altered = token_of.replacen('.', ".A", 1);
        let forged = tool(&s, &key, "verify_attestation", json!({"attestation": altered})).await;
        assert_eq!(forged["result"]["structuredContent"]["valid"], false);
        // A machine of the organization's own reads the registers, within its scopes.
        let risk = json!({"title": "Fire", "category": "operational", "likelihood": 2, "impact": 5});
        s.json(&token, "POST", &format!("/orgs/{org}/risks/register"), risk).await.must(201);
        let own = json!({"name": "agent", "role": "viewer", "scopes": ["risk:read"]});
        let own = text(&s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), own).await.must(201), "key");
        let page = tool(&s, &own, "list_records", json!({"register": "risks", "filters": {"impact": 5}})).await;
        let items = page["result"]["structuredContent"]["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["title"]), (1, &json!("Fire")));
        let one = tool(&s, &own, "get_record", json!({"register": "risks", "id": items[0]["id"]})).await;
        assert_eq!(one["result"]["structuredContent"]["title"], "Fire");
        let shut = tool(&s, &own, "list_records", json!({"register": "vendors"})).await;
        assert_eq!(shut["result"]["structuredContent"]["code"], "FORBIDDEN");
        let wrong = tool(&s, &own, "list_records", json!({"register": "risks", "filters": {"colour": 1}})).await;
        assert_eq!(wrong["result"]["structuredContent"]["code"], "VALIDATION_ERROR");
        let cannot = tool(&s, &own, "request_attestation", json!({"frameworks": ["SOC2_TYPE2"]})).await;
        assert_eq!(cannot["result"]["structuredContent"]["code"], "FORBIDDEN");
        // Taken back, it opens nothing.
        s.send(&token, "DELETE", &format!("{grants}/{}", text(&made, "id")), &[], None).await.must(204);
        rpc(&s, &key, &[], json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await.problem(401, "UNAUTHORIZED");
        s.running.stop().await;
    });
}

#[test]
fn two_services_attest_each_other() {
    run(async {
        let (a, b) = (Service::start(PRIVATE).await, Service::start(PRIVATE).await);
        let (at, bt) = (a.admin().await, b.admin().await);
        let (ao, bo) = (a.assessed(&at, "Supplier").await, b.assessed(&bt, "Customer").await);
        let url = |s: &Service, path: &str| format!("http://{}{path}", s.running.address);
        let ask = json!({"frameworks": ["SOC2_TYPE2", "ISO27001"], "requested_evidence": ["audit_report"]});
        // By the document that says where the server is, and by the server's own address.
        for (from, ft, fo, to, tt, to_org, path) in [
            (&b, &bt, &bo, &a, &at, &ao, "/.well-known/sovereign-a2a"),
            (&a, &at, &ao, &b, &bt, &bo, "/api/v1/a2a/mcp"),
        ] {
            let (grant, key) = granted(to, tt, to_org, &["SOC2_TYPE2"]).await;
            let id = vendor(from, ft, fo, &url(to, path), Some(&key)).await;
            let answer = asked(from, ft, fo, &id, ask.clone()).await;
            assert_eq!((&answer["status"], &answer["reason"]), (&json!("verified"), &Value::Null), "{answer}");
            assert_eq!((&answer["valid"], &answer["protocol_version"]), (&json!(true), &json!("2025-11-25")));
            assert_eq!(answer["issuer"], url(to, ""));
            assert_eq!(answer["attested_frameworks"], json!(["SOC2_TYPE2"]));
            assert_eq!(answer["claims"]["nonce"], answer["nonce"]);
            assert_eq!(answer["claims"]["aud"], url(from, ""));
            assert_eq!(answer["claims"]["missing"][0]["reason"], "not_granted");
            assert_eq!(answer["claims"]["evidence"][0]["name"], "Audit-Report 2026.txt");
            let held = from.get(ft, &format!("/orgs/{fo}/vendors/{id}")).await.must(200);
            assert_eq!(held["attested_until"], answer["expires_at"]);
            let stats = from.get(ft, &format!("/orgs/{fo}/vendors/stats")).await.must(200);
            assert_eq!(stats["attestations_valid"], 1);
            let list = from.get(ft, &format!("/orgs/{fo}/vendors/{id}/attestations?status=verified")).await.must(200);
            assert_eq!(list["items"].as_array().unwrap().len(), 1);
            assert!(list["items"][0].get("claims").is_none());
            // Without a key there is no word, and what was believed stays.
            to.send(tt, "DELETE", &format!("/orgs/{to_org}/a2a/grants/{grant}"), &[], None).await.must(204);
            let refused = asked(from, ft, fo, &id, ask.clone()).await;
            assert_eq!(
                (&refused["status"], &refused["reason"]),
                (&json!("failed"), &json!("access_denied")),
                "{refused}"
            );
            let held = from.get(ft, &format!("/orgs/{fo}/vendors/{id}")).await.must(200);
            assert_eq!(held["attested_until"], answer["expires_at"]);
        }
        a.running.stop().await;
        b.running.stop().await;
    });
}

/// A vendor of a test's making: it signs what it likes and answers as it likes.
struct Liar {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

type Reply = Arc<dyn Fn(&Value, &SocketAddr) -> Option<String> + Send + Sync>;

fn jwk(key: &SigningKey) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "alg": "EdDSA", "use": "sig", "x": x})
}

fn signed(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let input =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes()))
}

impl Liar {
    /// Answers `tools/call` with a result made by `token`; `None` is an answer that is no message.
    fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let (head, body) = read(&mut stream);
                seen.lock().unwrap().push(format!("{head}{body}"));
                let key = SigningKey::from_bytes(&[9; 32]);
                let (kind, answer) = if head.contains("jwks.json") {
                    ("application/json", json!({"keys": [jwk(&key)]}).to_string())
                } else if head.starts_with("GET") {
                    ("text/plain", "nothing".to_owned())
                } else {
                    let message: Value = serde_json::from_str(&body).unwrap_or_default();
                    let id = message["id"].clone();
                    match message["method"].as_str().unwrap_or_default() {
                        "initialize" => {
                            let result = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "l", "version": "1"}});
                            ("application/json", json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
                        }
                        "tools/call" => match reply(&message["params"]["arguments"], &address) {
                            Some(token) => {
                                let text = json!({"attestation": token}).to_string();
                                let result = json!({"content": [{"type": "text", "text": text}]});
                                let message = json!({"jsonrpc": "2.0", "id": id, "result": result});
                                // As a stream of events, with others before it.
                                let noise = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}});
                                (
                                    "text/event-stream",
                                    format!(": hello\r\n\r\ndata: {noise}\n\nevent: message\ndata: {message}\n\n"),
                                )
                            }
                            None => ("text/html", "<h1>no</h1>".to_owned()),
                        },
                        _ => ("application/json", String::new()),
                    }
                };
                let status = if head.starts_with("GET") && !head.contains("jwks") { "404 Not Found" } else { "200 OK" };
                let session = if body.contains("initialize") { "mcp-session-id: s-1\r\n" } else { "" };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{session}content-length: {}\r\nconnection: close\r\n\r\n{answer}",
                    answer.len()
                );
            }
        });
        Self { address, requests }
    }
}

fn read(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut chunk = [0_u8; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length =
                lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return (head.to_owned(), body.to_owned());
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return (text, String::new()),
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
        }
    }
}

#[test]
fn a_vendor_that_lies_is_not_believed() {
    run(async {
        let s = Service::start(PRIVATE).await;
        let token = s.admin().await;
        let org = s.org(&token, "Customer").await;
        let header = json!({"alg": "EdDSA", "kid": "k1", "typ": "JWT"});
        let honest = |asked: &Value, at: &SocketAddr| {
            let now = OffsetDateTime::now_utc().unix_timestamp();
            json!({"iss": format!("http://{at}"), "sub": "vendor", "aud": asked["audience"], "nonce": asked["nonce"], "iat": now,
                "exp": now + 3_600, "jti": "a-1", "frameworks": [{"key": "SOC2_TYPE2", "score": 80}]})
        };
        type Change = fn(&mut Value);
        let changes: [(&str, Change); 9] = [
            ("", |_| {}),
            ("wrong_nonce", |claims| claims["nonce"] = json!("other")),
            ("wrong_audience", |claims| claims["aud"] = json!("https://other.example.org")),
            ("wrong_issuer", |claims| claims["iss"] = json!("https://other.example.org")),
            ("expired", |claims| claims["exp"] = json!(1_000_000_000)),
            ("not_yet_valid", |claims| claims["iat"] = json!(4_000_000_000_i64)),
            ("nothing_attested", |claims| claims["frameworks"] = json!(["PCI_DSS"])),
            ("malformed", |claims| claims["organization"] = json!("a\u{0}b")),
            ("malformed", |claims| claims["exp"] = json!("soon")),
        ];
        let mut cases: Vec<(&str, &str, Reply)> = Vec::new();
        for (reason, change) in changes {
            let header = header.clone();
            let reply: Reply = Arc::new(move |asked, at| {
                let mut claims = honest(asked, at);
                change(&mut claims);
                Some(signed(&header, &claims, &SigningKey::from_bytes(&[9; 32])))
            });
            cases.push((if reason.is_empty() { "verified" } else { "rejected" }, reason, reply));
        }
        let other_key = header.clone();
        cases.push((
            "rejected",
            "bad_signature",
            Arc::new(move |asked, at| Some(signed(&other_key, &honest(asked, at), &SigningKey::from_bytes(&[8; 32])))),
        ));
        cases.push((
            "rejected",
            "unknown_key",
            Arc::new(move |asked, at| {
                Some(signed(
                    &json!({"alg": "EdDSA", "kid": "k2"}),
                    &honest(asked, at),
                    &SigningKey::from_bytes(&[9; 32]),
                ))
            }),
        ));
        cases.push((
            "rejected",
            "unsupported_algorithm",
            Arc::new(move |asked, at| {
                Some(signed(&json!({"alg": "none"}), &honest(asked, at), &SigningKey::from_bytes(&[9; 32])))
            }),
        ));
        cases.push(("rejected", "malformed", Arc::new(|_, _| Some("not.a token".to_owned()))));
        cases.push(("failed", "protocol_error", Arc::new(|_, _| None)));
        cases.push(("failed", "protocol_error", Arc::new(|_, _| Some("x".repeat(2_000_000)))));
        for (status, reason, reply) in cases {
            let liar = Liar::start(reply);
            let id = vendor(&s, &token, &org, &format!("http://{}/mcp", liar.address), Some("sk-of-the-vendor")).await;
            let answer = asked(&s, &token, &org, &id, json!({"frameworks": ["SOC2_TYPE2"]})).await;
            assert_eq!(text(&answer, "status"), status, "{reason}: {answer}");
            assert_eq!(answer["reason"].as_str().unwrap_or_default(), reason, "{answer}");
            let held = s.get(&token, &format!("/orgs/{org}/vendors/{id}")).await.must(200);
            assert_eq!(held["attested_until"].is_null(), status != "verified", "{reason}");
            let requests = liar.requests.lock().unwrap().join("\n").to_lowercase();
            assert!(requests.contains("authorization: bearer sk-of-the-vendor"), "{requests}");
            assert!(requests.contains("mcp-session-id: s-1") && requests.contains("mcp-protocol-version: 2025-06-18"));
            assert!(!answer.to_string().contains("sk-of-the-vendor"));
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let id = vendor(&s, &token, &org, &format!("http://{closed}/mcp"), None).await;
        let answer = asked(&s, &token, &org, &id, json!({"frameworks": ["SOC2_TYPE2"]})).await;
        assert_eq!((&answer["status"], &answer["reason"]), (&json!("failed"), &json!("unreachable")), "{answer}");
        let numbers = s.get("", "/a2a/metrics").await.must(200);
        assert_eq!((&numbers["verified"], &numbers["rejected"]["malformed"]), (&json!(1), &json!(3)), "{numbers}");
        s.running.stop().await;
    });
}

#[test]
fn no_inner_address_is_ever_asked() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Customer").await;
        let inner = TcpListener::bind("127.0.0.1:0").unwrap();
        inner.set_nonblocking(true).unwrap();
        let port = inner.local_addr().unwrap().port();
        for endpoint in [
            format!("http://127.0.0.1:{port}/mcp"),
            format!("https://127.0.0.1:{port}/mcp"),
            "https://127.0.0.1/mcp".to_owned(),
            "https://2130706433/mcp".to_owned(),
            "https://0x7f.1/mcp".to_owned(),
            "https://[::ffff:127.0.0.1]/mcp".to_owned(),
            "https://169.254.169.254/latest/meta-data".to_owned(),
            "https://metadata.google.internal/".to_owned(),
            "https://localhost/mcp".to_owned(),
            "https://vendor.example.org:8443/mcp".to_owned(),
        ] {
            let body = json!({"name": endpoint, "a2a_endpoint": endpoint});
            let made = s.json(&token, "POST", &format!("/orgs/{org}/vendors"), body).await;
            if made.status == 422 {
                continue;
            }
            let id = text(&made.must(201), "id");
            let ask = json!({"frameworks": ["SOC2_TYPE2"]});
            let got = s.json(&token, "POST", &format!("/orgs/{org}/vendors/{id}/attestations"), ask).await;
            let problem = got.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem)[0].0, "a2a_endpoint", "{endpoint}");
        }
        assert!(inner.accept().is_err(), "somebody came");
        let bare = text(
            &s.json(&token, "POST", &format!("/orgs/{org}/vendors"), json!({"name": "Bare"})).await.must(201),
            "id",
        );
        let path = format!("/orgs/{org}/vendors/{bare}/attestations");
        s.json(&token, "POST", &path, json!({"frameworks": ["SOC2_TYPE2"]})).await.problem(409, "CONFLICT");
        s.json(&token, "POST", &path, json!({"frameworks": [], "status": "verified"}))
            .await
            .problem(422, "VALIDATION_ERROR");
        s.running.stop().await;
    });
}

#[test]
fn a_repeated_message_is_answered_with_the_first_attestation() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.assessed(&token, "Repeated GmbH").await;
        let (_, key) = granted(&s, &token, &org, &["SOC2_TYPE2"]).await;
        let (_, other) = granted(&s, &token, &org, &["SOC2_TYPE2"]).await;
        let ask = async |credential: &str, id: i64, arguments: Value| {
            let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
                "params": {"name": "request_attestation", "arguments": arguments}});
            let answer = rpc(&s, credential, &[("idempotency-key", "ask-1")], call).await.must(200);
            assert_eq!(answer["id"], id);
            answer["result"]["structuredContent"].clone()
        };
        let about = json!({"frameworks": ["SOC2_TYPE2"], "nonce": "n-1"});
        // A client that sends a message again gives it another id.
        let first = ask(&key, 1, about.clone()).await;
        assert_eq!(ask(&key, 2, about.clone()).await, first);
        assert_eq!(ask(&key, 3, json!({"frameworks": ["SOC2_TYPE2"]})).await["code"], "IDEMPOTENCY_KEY_REUSED");
        // The key of another partner is another key.
        assert_ne!(ask(&other, 4, about.clone()).await["id"], first["id"]);
        let at_once = (5..13).map(|id| {
            let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
                "params": {"name": "request_attestation", "arguments": about}});
            rpc(&s, &key, &[("idempotency-key", "ask-2")], call)
        });
        let at_once = futures::future::join_all(at_once).await;
        assert!(at_once.iter().all(|got| got.status == 200));
        let issued = s.get(&token, &format!("/orgs/{org}/a2a/issued?include_total=true")).await.must(200);
        assert_eq!(issued["total"], 3, "{issued}");
        let call = json!({"method": "tools/call", "params": {"name": "list_frameworks", "arguments": {}}});
        rpc(&s, &key, &[("idempotency-key", "")], call).await.problem(400, "BAD_REQUEST");
        s.running.stop().await;
    });
}

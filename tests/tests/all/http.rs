//! What a client may rely on, over HTTP on the real server.

use serde_json::json;

use crate::harness::{PASSWORD, Service, fields, psql, run, text};

#[test]
fn every_failure_is_a_problem_the_frameworks_own_included() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Problems").await;
        s.get("", "/nowhere").await.problem(404, "NOT_FOUND");
        s.get("", "/users/me").await.problem(401, "UNAUTHORIZED");
        s.get("nonsense", "/users/me").await.problem(401, "UNAUTHORIZED");
        s.get("sk-nonsense", "/users/me").await.problem(401, "UNAUTHORIZED");
        let wrong = s.send(&token, "DELETE", "/users/me", &[], None).await;
        assert_eq!(wrong.header("allow"), "GET, PATCH");
        wrong.problem(405, "METHOD_NOT_ALLOWED");
        let post = |headers: &'static [(&'static str, &'static str)], body: Vec<u8>| {
            s.send(&token, "POST", "/orgs", headers, Some(body))
        };
        post(&[], b"{".to_vec()).await.problem(400, "BAD_REQUEST");
        post(&[], b"\xff{}".to_vec()).await.problem(400, "BAD_REQUEST");
        post(&[("content-type", "text/plain")], b"{}".to_vec()).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
        post(&[], vec![b' '; 1_048_577]).await.problem(413, "PAYLOAD_TOO_LARGE");
        post(&[("idempotency-key", "")], b"{\"name\": \"x\"}".to_vec()).await.problem(400, "BAD_REQUEST");
        let problem =
            post(&[], br#"{"nam": "x", "id": 1, "country": 7}"#.to_vec()).await.problem(422, "VALIDATION_ERROR");
        let found = fields(&problem);
        for expected in [("nam", "unknown"), ("id", "unknown"), ("name", "required"), ("country", "type")] {
            assert!(found.contains(&(expected.0.into(), expected.1.into())), "{expected:?} in {found:?}");
        }
        let long = json!({"name": "x".repeat(201), "country": "Greece", "timezone": "Nowhere"});
        let problem = s.json(&token, "POST", "/orgs", long).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem).into_iter().map(|(f, _)| f).collect::<Vec<_>>(), ["name", "country", "timezone"]);
        s.get(&token, "/orgs/not-an-id").await.problem(422, "VALIDATION_ERROR");
        s.get(&token, &format!("/orgs/{org}/users/7")).await.problem(422, "VALIDATION_ERROR");
        s.get(&token, &format!("/orgs/{org}/findings?nothing=1")).await.problem(422, "VALIDATION_ERROR");
        let nul = s.json(&token, "POST", "/orgs", json!({"name": "a\u{0}b"})).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(nul["field"], "name");
        let id = s.send("", "GET", "/health", &[("x-request-id", "my-own.id")], None).await;
        assert_eq!(id.header("x-request-id"), "my-own.id");
        assert_eq!(id.header("x-content-type-options"), "nosniff");
        s.running.stop().await;
    });
}

#[test]
fn a_foreign_id_answers_exactly_as_an_absent_one() {
    run(async {
        let s = Service::start(&[]).await;
        let platform = s.admin().await;
        let (mine, theirs) = (s.org(&platform, "Mine").await, s.org(&platform, "Theirs").await);
        let me = s.member(&platform, &mine, "admin").await;
        let their = s.member(&platform, &theirs, "admin").await;
        let framework = s.framework(&me, "SOC2_TYPE2").await;
        let body = json!({"framework_id": framework, "name": "Secret"});
        let secret = text(&s.json(&their, "POST", &format!("/orgs/{theirs}/assessments"), body).await.must(201), "id");
        let control = json!({"name": "Secret", "category": "process"});
        let secret_control =
            text(&s.json(&their, "POST", &format!("/orgs/{theirs}/controls"), control).await.must(201), "id");
        let absent = "01900000-0000-7000-8000-000000000000";
        let mut bodies = Vec::new();
        for path in [
            format!("/orgs/{theirs}"),
            format!("/orgs/{absent}"),
            format!("/orgs/{theirs}/assessments"),
            format!("/orgs/{theirs}/assessments/{secret}"),
            format!("/orgs/{mine}/assessments/{secret}"),
            format!("/orgs/{mine}/assessments/{absent}"),
            format!("/orgs/{mine}/controls/{secret_control}"),
            format!("/orgs/{mine}/evidence/{secret}"),
        ] {
            let mut problem = s.get(&me, &path).await.problem(404, "NOT_FOUND");
            problem.as_object_mut().unwrap().remove("request_id");
            bodies.push(problem);
        }
        for method in ["PATCH", "DELETE"] {
            let got = s.json(&me, method, &format!("/orgs/{mine}/controls/{secret_control}"), json!({})).await;
            got.problem(404, "NOT_FOUND");
        }
        let reference = json!({"framework_id": framework, "name": "x", "carry_forward_from": secret});
        let problem =
            s.json(&me, "POST", &format!("/orgs/{mine}/assessments"), reference).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem), [("carry_forward_from".to_owned(), "unknown_reference".to_owned())]);
        let still = s.get(&their, &format!("/orgs/{theirs}/controls/{secret_control}")).await.must(200);
        assert_eq!(still["revision"], 1);
        let details: std::collections::BTreeSet<String> = bodies.iter().map(ToString::to_string).collect();
        assert!(details.len() <= 2, "{details:?}");
        s.running.stop().await;
    });
}

#[test]
fn an_idempotency_key_has_one_effect() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Once").await;
        let path = format!("/orgs/{org}/controls");
        let body = |name: &str| Some(json!({"name": name, "category": "process"}).to_string().into_bytes());
        let key = [("idempotency-key", "k-1")];
        let first = s.send(&token, "POST", &path, &key, body("One")).await;
        let second = s.send(&token, "POST", &path, &key, body("One")).await;
        assert_eq!((first.status, second.status), (201, 201));
        assert_eq!(first.text, second.text);
        assert_eq!(
            (first.header("location"), first.header("etag")),
            (second.header("location"), second.header("etag"))
        );
        assert_eq!(
            (first.header("idempotency-replayed"), second.header("idempotency-replayed")),
            (String::new(), "true".into())
        );
        s.send(&token, "POST", &path, &key, body("Two")).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
        let parallel = [("idempotency-key", "k-2")];
        let answers = (0..32).map(|_| s.send(&token, "POST", &path, &parallel, body("Three")));
        let mut statuses = Vec::new();
        for answer in futures_all(answers).await {
            statuses.push(answer.status);
        }
        assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
        assert!(statuses.contains(&201));
        let count = s.get(&token, &format!("{path}?name=Three&include_total=true")).await.must(200);
        assert_eq!(count["total"], 1);
        // Opening an organization is a platform request: its reply is kept as well.
        let wanted = Some(json!({"name": "Opened once"}).to_string().into_bytes());
        let opened = s.send(&token, "POST", "/orgs", &[("idempotency-key", "k-4")], wanted.clone()).await.must(201);
        let again = s.send(&token, "POST", "/orgs", &[("idempotency-key", "k-4")], wanted).await.must(201);
        assert_eq!(opened["id"], again["id"]);
        // A key that is shown once is not in the replay.
        let keys = format!("/orgs/{org}/api-keys");
        let wanted = Some(json!({"name": "ci", "role": "viewer"}).to_string().into_bytes());
        let issued = s.send(&token, "POST", &keys, &[("idempotency-key", "k-3")], wanted.clone()).await.must(201);
        let replayed = s.send(&token, "POST", &keys, &[("idempotency-key", "k-3")], wanted).await.must(201);
        assert!(issued["key"].as_str().unwrap().starts_with("sk-"));
        assert_eq!((replayed.get("key"), &replayed["id"]), (None, &issued["id"]));
        s.running.stop().await;
    });
}

/// All of some futures, at the same time.
async fn futures_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        let mut open = false;
        for (future, done) in &mut pending {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    pending.into_iter().filter_map(|(_, done)| done).collect()
}

#[test]
fn revisions_guard_changes() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Revisions").await;
        let made =
            s.json(&token, "POST", &format!("/orgs/{org}/controls"), json!({"name": "A", "category": "policy"})).await;
        let path = made.header("location").replace("/api/v1", "");
        let tag = made.header("etag");
        let read = s.get(&token, &path).await;
        assert_eq!(read.header("etag"), tag);
        let cached = s.send(&token, "GET", &path, &[("if-none-match", &tag)], None).await;
        assert_eq!((cached.status, cached.text.as_str()), (304, ""));
        let patch = |tag: String, body: serde_json::Value| {
            let (s, token, path) = (&s, &token, &path);
            async move { s.send(token, "PATCH", path, &[("if-match", &tag)], Some(body.to_string().into_bytes())).await }
        };
        let changed = patch(tag.clone(), json!({"description": "d"})).await;
        assert_eq!(changed.status, 200);
        patch(tag.clone(), json!({"description": "e"})).await.problem(412, "PRECONDITION_FAILED");
        patch(format!("W/{}", changed.header("etag")), json!({})).await.problem(412, "PRECONDITION_FAILED");
        let cleared = patch("*".into(), json!({"description": null})).await.must(200);
        assert_eq!((&cleared["description"], &cleared["revision"]), (&json!(null), &json!(3)));
        s.send(&token, "DELETE", &path, &[("if-match", &tag)], None).await.problem(412, "PRECONDITION_FAILED");
        s.send(&token, "DELETE", &path, &[], None).await.must(204);
        s.get(&token, &path).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

#[test]
fn sessions_end_when_they_should() {
    run(async {
        let s = Service::start(&[]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Sessions").await;
        let email = format!("viewer-{}@example.com", &org[24..]);
        let viewer = s.member(&admin, &org, "viewer").await;
        let login = s
            .json("", "POST", "/auth/login", json!({"email": email.to_uppercase(), "password": PASSWORD}))
            .await
            .must(200);
        let (access, refresh) = (text(&login, "access_token"), text(&login, "refresh_token"));
        let next = s.json("", "POST", "/auth/refresh", json!({"refresh_token": refresh})).await.must(200);
        s.get(&access, "/users/me").await.must(200);
        s.json("", "POST", "/auth/refresh", json!({"refresh_token": refresh})).await.problem(401, "UNAUTHORIZED");
        s.get(&access, "/users/me").await.problem(401, "UNAUTHORIZED");
        let successor = json!({"refresh_token": next["refresh_token"]});
        s.json("", "POST", "/auth/refresh", successor).await.problem(401, "UNAUTHORIZED");
        // Deactivation acts at once, in this organization.
        s.get(&viewer, &format!("/orgs/{org}")).await.must(200);
        let users = s.get(&admin, &format!("/orgs/{org}/users?role=viewer")).await.must(200);
        let user = text(&users["items"][0], "id");
        s.json(&admin, "POST", &format!("/orgs/{org}/users/{user}/deactivate"), json!({})).await.must(200);
        s.get(&viewer, &format!("/orgs/{org}")).await.problem(404, "NOT_FOUND");
        s.get(&viewer, "/users/me").await.must(200);
        s.json(&viewer, "POST", "/auth/logout", json!({})).await.must(204);
        s.get(&viewer, "/users/me").await.problem(401, "UNAUTHORIZED");
        // The last admin stays.
        let me = text(&s.get(&admin, "/users/me").await.must(200)["user"], "id");
        for (method, path) in
            [("POST", format!("/orgs/{org}/users/{me}/deactivate")), ("DELETE", format!("/orgs/{org}/users/{me}"))]
        {
            s.json(&admin, method, &path, json!({})).await.problem(409, "CONFLICT");
        }
        s.json(&admin, "PATCH", &format!("/orgs/{org}/users/{me}"), json!({"role": "viewer"}))
            .await
            .problem(409, "CONFLICT");
        let wrong = json!({"email": email, "password": "not the right one at all"});
        for _ in 0..10 {
            s.json("", "POST", "/auth/login", wrong.clone()).await.problem(401, "UNAUTHORIZED");
        }
        let limited = s.json("", "POST", "/auth/login", wrong).await;
        assert!(limited.header("retry-after").parse::<u64>().unwrap() > 0);
        limited.problem(429, "RATE_LIMITED");
        s.running.stop().await;
    });
}

#[test]
fn an_invitation_makes_a_member_and_a_key_is_no_more_than_its_maker() {
    run(async {
        let s = Service::start(&[]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Invited").await;
        let body = json!({"email": "new@example.com", "name": "New Person", "role": "analyst"});
        let invited = s.json(&admin, "POST", &format!("/orgs/{org}/users"), body.clone()).await.must(201);
        assert_eq!(invited["status"], "invited");
        s.json(&admin, "POST", &format!("/orgs/{org}/users"), body).await.problem(409, "CONFLICT");
        let token = text(&invited, "invitation_url").rsplit('/').next().unwrap().to_owned();
        let weak = json!({"token": token, "password": "passwordpassword"});
        s.json("", "POST", "/auth/invitations/accept", weak).await.problem(422, "VALIDATION_ERROR");
        let accept = json!({"token": token, "password": "humming violet tractor"});
        let tokens = s.json("", "POST", "/auth/invitations/accept", accept.clone()).await.must(200);
        s.json("", "POST", "/auth/invitations/accept", accept).await.problem(422, "VALIDATION_ERROR");
        let me = s.get(tokens["access_token"].as_str().unwrap(), "/users/me").await.must(200);
        assert_eq!(me["memberships"][0]["role"], "analyst");
        let key = json!({"name": "reader", "role": "analyst", "scopes": ["finding:read"]});
        let key = s.json(&admin, "POST", &format!("/orgs/{org}/api-keys"), key).await.must(201);
        let secret = text(&key, "key");
        s.get(&secret, &format!("/orgs/{org}/findings")).await.must(200);
        s.get(&secret, &format!("/orgs/{org}/controls")).await.problem(403, "FORBIDDEN");
        s.json(&secret, "POST", &format!("/orgs/{org}/controls"), json!({"nonsense": 1}))
            .await
            .problem(403, "FORBIDDEN");
        let rotated = s
            .json(&admin, "POST", &format!("/orgs/{org}/api-keys/{}/rotate", text(&key, "id")), json!({}))
            .await
            .must(200);
        s.get(&secret, &format!("/orgs/{org}/findings")).await.problem(401, "UNAUTHORIZED");
        let secret = text(&rotated, "key");
        s.get(&secret, &format!("/orgs/{org}/findings")).await.must(200);
        s.send(&admin, "DELETE", &format!("/orgs/{org}/api-keys/{}", text(&key, "id")), &[], None).await.must(204);
        s.get(&secret, &format!("/orgs/{org}/findings")).await.problem(401, "UNAUTHORIZED");
        // No secret is in the journal.
        let kept = psql(
            &s.database,
            "SELECT count(*) FROM journal WHERE before::text || after::text ~ '(sk-[A-Za-z0-9_-]{30}|argon2)'",
        );
        assert_eq!(kept, "0");
        s.running.stop().await;
    });
}

#[test]
fn limits_are_told_and_held() {
    run(async {
        let s = Service::start(&[("GRC_RATE_LIMIT_PER_MINUTE", "5"), ("GRC_LIMIT_UPLOADS_PER_HOUR", "1")]).await;
        let first = s.get("", "/frameworks").await;
        assert_eq!(
            (first.status, first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")),
            (401, "5".into(), "4".into())
        );
        for _ in 0..4 {
            s.get("", "/frameworks").await;
        }
        let limited = s.get("", "/frameworks").await;
        assert_eq!(limited.header("x-ratelimit-remaining"), "0");
        assert!(
            limited.header("x-ratelimit-reset").parse::<i64>().unwrap()
                > time::OffsetDateTime::now_utc().unix_timestamp()
        );
        limited.problem(429, "RATE_LIMITED");
        s.get("", "/health").await.must(200);
        s.running.stop().await;
    });
}

#[test]
fn hostile_evidence_is_refused_and_nothing_is_stored() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Hostile").await;
        let announce = async |body: serde_json::Value| {
            s.json(&token, "POST", &format!("/orgs/{org}/evidence/upload-url"), body).await
        };
        for name in ["../../etc/passwd", "a\u{202e}fdp.exe", "a\u{7}b", "", "..", &"x".repeat(256)] {
            announce(json!({"filename": name, "content_type": "text/plain"})).await.problem(422, "VALIDATION_ERROR");
        }
        announce(json!({"filename": "a", "content_type": "nonsense"})).await.problem(422, "VALIDATION_ERROR");
        announce(json!({"filename": "a", "content_type": "text/plain", "control_refs": ["SOC2_TYPE2:CC99"]}))
            .await
            .problem(422, "VALIDATION_ERROR");
        let none = s.get(&token, &format!("/orgs/{org}/evidence?include_total=true")).await.must(200);
        assert_eq!(none["total"], 0);
        // A program in the guise of a text is refused when it is inspected.
        let target = announce(json!({"filename": "notes.txt", "content_type": "text/plain"})).await.must(201);
        let id = text(&target, "evidence_id");
        let complete = format!("/orgs/{org}/evidence/{id}/complete");
        s.json(&token, "POST", &complete, json!({})).await.problem(409, "CONFLICT");
        let put = |url: String, kind: &'static str, body: &'static [u8]| {
            let s = &s;
            async move { s.send("", "PUT", &url, &[("content-type", kind)], Some(body.to_vec())).await }
        };
        let url = text(&target, "upload_url");
        put(url.clone(), "application/pdf", b"x").await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
        put(url.replace("/blobs/", "/blobs/x"), "text/plain", b"x").await.problem(403, "FORBIDDEN");
        assert_eq!(put(url, "text/plain", b"\x7fELF\x02\x01\x01").await.status, 200);
        s.json(&token, "POST", &complete, json!({})).await.problem(409, "CONFLICT");
        let rejected = s.get(&token, &format!("/orgs/{org}/evidence/{id}")).await.must(200);
        assert_eq!(rejected["status"], "rejected");
        // Terms that were announced bind.
        let sha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let bound = announce(json!({"filename": "hello.txt", "content_type": "text/plain", "size": 5, "sha256": sha}))
            .await
            .must(201);
        put(text(&bound, "upload_url"), "text/plain", b"hello!").await.problem(413, "PAYLOAD_TOO_LARGE");
        put(text(&bound, "upload_url"), "text/plain", b"hullo").await.problem(400, "BAD_REQUEST");
        assert_eq!(put(text(&bound, "upload_url"), "text/plain", b"hello").await.status, 200);
        let id = text(&bound, "evidence_id");
        let stored = s.json(&token, "POST", &format!("/orgs/{org}/evidence/{id}/complete"), json!({})).await.must(200);
        assert_eq!((text(&stored, "status"), text(&stored, "sha256")), ("stored".into(), sha.into()));
        let integrity = s.get(&token, &format!("/orgs/{org}/evidence/{id}/integrity")).await.must(200);
        assert_eq!(integrity["status"], "intact");
        let key = text(&stored, "object_key");
        let download = s.get(&token, &format!("/orgs/{org}/evidence/download-url?key={key}")).await.must(200);
        let got = s.get("", &text(&download, "url")).await;
        assert_eq!((got.text.as_str(), got.header("content-disposition").starts_with("attachment")), ("hello", true));
        let other = s.org(&token, "Other").await;
        s.get(&token, &format!("/orgs/{other}/evidence/download-url?key={key}")).await.problem(404, "NOT_FOUND");
        s.json(&token, "POST", &format!("/orgs/{org}/evidence/{id}/hold"), json!({"reason": "litigation"}))
            .await
            .must(200);
        s.send(&token, "DELETE", &format!("/orgs/{org}/evidence/{id}"), &[], None).await.problem(409, "CONFLICT");
        s.send(&token, "DELETE", &format!("/orgs/{org}/evidence/{id}/hold"), &[], None).await.must(200);
        s.send(&token, "DELETE", &format!("/orgs/{org}/evidence/{id}"), &[], None).await.must(204);
        s.get(&token, &format!("/orgs/{org}/evidence/{id}")).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

#[test]
fn pages_partition_a_list_and_filters_hold() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let framework = s.framework(&token, "SOC2_TYPE2").await;
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = s
                .get(&token, &format!("/frameworks/{framework}/controls?limit=25&sort=-title&fields=ref{cursor}"))
                .await
                .must(200);
            for item in page["items"].as_array().unwrap() {
                assert_eq!(item.as_object().unwrap().len(), 2, "only what was asked for: {item}");
                seen.push(text(item, "ref"));
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (61, 61));
        let foreign = s.get(&token, &format!("/frameworks/{framework}/controls?limit=25&sort=title{cursor}")).await;
        assert_eq!(fields(&foreign.problem(422, "VALIDATION_ERROR")), [("cursor".to_owned(), "other_list".to_owned())]);
        let two = s
            .get(&token, &format!("/frameworks/{framework}/controls?family=CC6&family=CC7&include_total=true"))
            .await
            .must(200);
        assert_eq!(two["total"], 13);
        s.running.stop().await;
    });
}

#[test]
fn what_is_not_configured_says_so() {
    run(async {
        let s = Service::start(&[("GRC_EVIDENCE_STORE", "none")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Storeless").await;
        let health = s.get("", "/health").await.must(200);
        assert_eq!(health["services"]["evidence_store"], "not_configured");
        assert_eq!(health["services"]["redis"], "not_configured");
        let upload = json!({"filename": "a.txt", "content_type": "text/plain"});
        s.json(&token, "POST", &format!("/orgs/{org}/evidence/upload-url"), upload)
            .await
            .problem(503, "SERVICE_UNAVAILABLE");
        s.get(&token, &format!("/orgs/{org}/evidence/download-url?key=x")).await.problem(503, "SERVICE_UNAVAILABLE");
        s.get("", "/health/ready").await.must(200);
        s.running.stop().await;
    });
}

#[test]
fn a_catalog_is_imported_exported_and_removed() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Catalogs").await;
        let import = format!("/orgs/{org}/frameworks/import?key=HOUSE&name=House%20rules");
        let catalog = json!({"catalog": {
            "uuid": "74c8ba1e-5cd4-4ad1-bbfd-d888e2f6c724",
            "metadata": {"title": "Rules", "version": "3", "oscal-version": "1.1.2", "last-modified": "2026-01-01T00:00:00Z"},
            "groups": [{"id": "s1", "title": "Access", "controls": [
                {"id": "s1.1", "title": "Locks", "parts": [{"id": "x", "name": "statement", "prose": "Lock the doors."}, {"id": "y", "name": "overview"}]}
            ]}]
        }});
        let made = s.json(&token, "POST", &import, catalog.clone()).await.must(201);
        assert_eq!((&made["key"], &made["control_count"], &made["org_id"]), (&json!("HOUSE"), &json!(1), &json!(org)));
        assert_eq!(made["losses"][0]["path"], "catalog.groups[0].controls[0].parts[1]");
        s.json(&token, "POST", &import, catalog.clone()).await.problem(409, "CONFLICT");
        let id = text(&made, "id");
        let exported = s.get(&token, &format!("/frameworks/{id}/oscal")).await.must(200);
        assert_eq!(exported, catalog, "what came in goes out");
        let profile = s.json(&token, "POST", &import, json!({"profile": {}})).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(profile["field"], "catalog");
        let other = s.org(&token, "Others").await;
        let stranger = s.member(&token, &other, "analyst").await;
        s.get(&stranger, &format!("/frameworks/{id}")).await.problem(404, "NOT_FOUND");
        s.send(&token, "DELETE", &format!("/orgs/{org}/frameworks/{id}"), &[], None).await.must(204);
        s.get(&token, &format!("/frameworks/{id}")).await.problem(404, "NOT_FOUND");
        let soc2 = s.framework(&token, "SOC2_TYPE2").await;
        s.send(&token, "DELETE", &format!("/orgs/{org}/frameworks/{soc2}"), &[], None).await.problem(409, "CONFLICT");
        s.running.stop().await;
    });
}

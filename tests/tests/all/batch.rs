//! Batches: as a whole or each for itself, with keys, preconditions, permissions and limits as each operation has them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::{Service, fields, psql, run, text};

fn risk(title: &str) -> Value {
    json!({"method": "POST", "path": "/risks/register",
        "body": {"title": title, "category": "cyber", "likelihood": 3, "impact": 4}})
}

fn statuses(answer: &Value) -> Vec<i64> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_i64().unwrap()).collect()
}

async fn risks(s: &Service, token: &str, org: &str) -> i64 {
    let page = s.get(token, &format!("/orgs/{org}/risks/register?include_total=true")).await.must(200);
    page["total"].as_i64().unwrap()
}

#[test]
fn a_whole_happens_or_leaves_nothing() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Whole").await;
        let path = format!("/orgs/{org}/batch");
        let before = psql(&s.database, "SELECT count(*) FROM journal");

        // The third fails: all are taken back, the fourth is not tried.
        let bad = json!({"method": "POST", "path": "/risks/register", "body": {"title": "No", "likelihood": 9}});
        let body = json!({"operations": [risk("A"), risk("B"), bad, risk("C")]});
        let answer = s.json(&admin, "POST", &path, body).await.must(200);
        assert_eq!(statuses(&answer), [424, 424, 422, 424], "{answer}");
        assert_eq!((&answer["failed_at"], &answer["succeeded"], &answer["failed"]), (&json!(2), &json!(0), &json!(4)));
        assert_eq!(answer["results"][2]["body"]["errors"][0]["field"], "category");
        assert_eq!(answer["results"][0]["body"]["code"], "FAILED_DEPENDENCY");
        assert_eq!(risks(&s, &admin, &org).await, 0);
        assert_eq!(psql(&s.database, "SELECT count(*) FROM journal"), before);

        // A later operation sees what an earlier one did; all of it is one request in the audit log.
        let body = json!({"atomic": true, "operations": [
            risk("A"), risk("B"), {"method": "GET", "path": "/risks/register?q=A&fields=title"},
        ]});
        let headers = [("x-request-id", "one-batch")];
        let answer = s.send(&admin, "POST", &path, &headers, Some(body.to_string().into_bytes())).await.must(200);
        assert_eq!(statuses(&answer), [201, 201, 200]);
        assert_eq!(answer["results"][2]["body"]["items"][0]["title"], "A");
        let (location, id) = (text(&answer["results"][0], "location"), text(&answer["results"][0]["body"], "id"));
        assert!(location.ends_with(&id), "{location}");
        assert_eq!(psql(&s.database, "SELECT count(*) FROM journal WHERE request_id = 'one-batch'"), "2");

        // Preconditions: the revision, and the tag.
        let one = format!("/risks/register/{id}");
        let patch = |title: &str, tag: Value| json!({"method": "PATCH", "path": one, "body": {"title": title}, "if_match": tag});
        let tag = answer["results"][0]["etag"].clone();
        let body = json!({"operations": [patch("A1", tag), patch("A2", json!(2))]});
        assert_eq!(statuses(&s.json(&admin, "POST", &path, body).await.must(200)), [200, 200]);
        let body = json!({"operations": [patch("A3", json!(3)), patch("A4", json!(3))]});
        assert_eq!(statuses(&s.json(&admin, "POST", &path, body).await.must(200)), [424, 412]);
        let kept = s.get(&admin, &format!("/orgs/{org}{one}")).await.must(200);
        assert_eq!((&kept["title"], &kept["revision"]), (&json!("A2"), &json!(3)));

        // A use case that gave up in the middle leaves nothing, and the operations after it go on as if it had not been.
        let gone = json!({"method": "DELETE", "path": one});
        let body = json!({"atomic": false, "operations": [gone.clone(), gone, {"method": "GET", "path": one}]});
        assert_eq!(statuses(&s.json(&admin, "POST", &path, body).await.must(200)), [204, 404, 404]);

        // What reaches beyond the organization cannot be taken back.
        let user = json!({"method": "POST", "path": "/users", "body": {"email": "b@example.com", "name": "B", "role": "viewer"}});
        let answer = s.json(&admin, "POST", &path, json!({"operations": [user]})).await.must(200);
        assert!([201, 409].contains(&statuses(&answer)[0]), "{answer}");
    });
}

#[test]
fn each_for_itself_counts_alone() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Each").await;
        let path = format!("/orgs/{org}/batch");
        let bad = json!({"method": "PATCH", "path": "/risks/register/none", "body": {}});
        let operations = json!([risk("A"), bad, {"method": "GET", "path": "/nowhere"},
            {"method": "PUT", "path": "/risks/register"}, risk("B")]);
        let body = json!({"atomic": false, "operations": operations}).to_string().into_bytes();
        let headers = [("idempotency-key", "each-1")];
        let first = s.send(&admin, "POST", &path, &headers, Some(body.clone())).await.must(200);
        assert_eq!(statuses(&first), [201, 422, 404, 405, 201], "{first}");
        assert_eq!((&first["succeeded"], &first["failed_at"]), (&json!(2), &json!(1)));
        let replayed = s.send(&admin, "POST", &path, &headers, Some(body.clone())).await;
        assert_eq!(replayed.header("idempotency-replayed"), "true");
        assert_eq!(replayed.must(200), first);
        // Where the answer of the whole was lost, what was done is not done again.
        psql(&s.database, "DELETE FROM replies WHERE key = 'each-1'");
        let again = s.send(&admin, "POST", &path, &headers, Some(body)).await.must(200);
        assert_eq!(again["results"][0]["body"]["id"], first["results"][0]["body"]["id"]);
        assert_eq!(risks(&s, &admin, &org).await, 2);
        s.send(&admin, "POST", &path, &headers, Some(br#"{"operations":[{"method":"GET","path":"/users"}]}"#.to_vec()))
            .await
            .problem(422, "IDEMPOTENCY_KEY_REUSED");
    });
}

#[test]
fn a_whole_is_kept_under_its_key_and_many_at_once_are_one() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0"), ("GRC_RATE_LIMIT_PER_MINUTE", "0")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Kept").await;
        let path = format!("/orgs/{org}/batch");
        let body = json!({"operations": [risk("A"), risk("B")]}).to_string().into_bytes();
        let sent = (0..8).map(|_| s.send(&admin, "POST", &path, &[("idempotency-key", "whole")], Some(body.clone())));
        let answers = futures::future::join_all(sent).await;
        assert!(answers.iter().all(|got| [200, 409].contains(&got.status)));
        assert!(answers.iter().any(|got| got.status == 200));
        assert_eq!(risks(&s, &admin, &org).await, 2);
        let replayed = s.send(&admin, "POST", &path, &[("idempotency-key", "whole")], Some(body)).await;
        assert_eq!(replayed.header("idempotency-replayed"), "true");

        // Many wholes at once that touch the same record: none is lost and none half done.
        let id = text(&replayed.json()["results"][0]["body"], "id");
        let operations = |n: u32| {
            let title = format!("T{n}");
            json!({"operations": [{"method": "PATCH", "path": format!("/risks/register/{id}"), "body": {"title": title}}, risk(&title)]})
        };
        let (s, admin, path) = (&s, &admin, &path);
        let sent = (0..16).map(|n| async move { s.json(admin, "POST", path, operations(n)).await.must(200) });
        let answers = futures::future::join_all(sent).await;
        assert!(answers.iter().all(|answer| answer["succeeded"] == 2), "{answers:?}");
        assert_eq!(risks(s, admin, &org).await, 18);
        let kept = s.get(admin, &format!("/orgs/{org}/risks/register/{id}")).await.must(200);
        assert_eq!(kept["revision"], 17);
    });
}

#[test]
fn a_batch_is_no_way_around_anything() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let (org, other) = (s.org(&admin, "Mine").await, s.org(&admin, "Theirs").await);
        let path = format!("/orgs/{org}/batch");
        let viewer = s.member(&admin, &org, "viewer").await;
        s.json(&viewer, "POST", &path, json!({"operations": [risk("A")]})).await.problem(403, "FORBIDDEN");
        let stranger = s.member(&admin, &other, "admin").await;
        s.json(&stranger, "POST", &path, json!({"operations": [risk("A")]})).await.problem(404, "NOT_FOUND");

        // Each operation asks for its own permission: of the role, and of the key's scopes.
        let analyst = s.member(&admin, &org, "analyst").await;
        let body = json!({"atomic": false, "operations": [risk("A"), {"method": "GET", "path": "/api-keys"}, {"method": "GET", "path": "/audit-log"}]});
        assert_eq!(statuses(&s.json(&analyst, "POST", &path, body).await.must(200)), [201, 403, 403]);
        let key = json!({"name": "Risks", "role": "analyst", "scopes": ["risk:write"]});
        let key = text(&s.json(&admin, "POST", &format!("/orgs/{org}/api-keys"), key).await.must(201), "key");
        let body = json!({"atomic": false, "operations": [risk("B"), {"method": "GET", "path": "/vendors"}]});
        assert_eq!(statuses(&s.json(&key, "POST", &path, body).await.must(200)), [201, 403]);

        // Paths stay within the organization, whatever they look like.
        let wrong =
            [("risks", "format"), ("", "required"), ("/batch", "nested"), ("/batch?x=1", "nested"), ("/a b", "format")];
        for (inner, _) in wrong {
            let body = json!({"operations": [{"method": "GET", "path": inner}]});
            let problem = s.json(&admin, "POST", &path, body).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem)[0].0, "operations[0].path", "{inner}: {problem}");
        }
        for inner in [format!("/../{other}/risks/register"), format!("/%2e%2e/{other}/risks/register"), "//".to_owned()]
        {
            let body = json!({"atomic": false, "operations": [{"method": "GET", "path": inner}]});
            assert_eq!(statuses(&s.json(&admin, "POST", &path, body).await.must(200)), [404]);
        }
        // A file is no answer of a batch; a body where none belongs, a tag that is none, no operation, too many.
        let body = json!({"operations": [{"method": "GET", "path": "/users", "body": {}}, {"method": "TRACE", "path": "/users"}]});
        let problem = s.json(&admin, "POST", &path, body).await.problem(422, "VALIDATION_ERROR");
        assert!(fields(&problem).iter().any(|(field, _)| field == "operations[1].method"), "{problem}");
        let body = json!({"operations": [{"method": "GET", "path": "/users", "body": {}}]});
        let problem = s.json(&admin, "POST", &path, body).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem)[0].0, "operations[0].body");
        s.json(&admin, "POST", &path, json!({"operations": []})).await.problem(422, "VALIDATION_ERROR");
        s.json(&admin, "POST", &path, json!({"operations": vec![risk("A"); 501]}))
            .await
            .problem(422, "VALIDATION_ERROR");
        s.json(&admin, "POST", &path, json!({"operations": [risk("A")], "more": 1}))
            .await
            .problem(422, "VALIDATION_ERROR");
        assert_eq!(risks(&s, &admin, &org).await, 2);

        // Five hundred in one whole.
        let many: Vec<Value> = (0..500).fold(Vec::new(), |mut all, n| {
            let mut title = String::new();
            write!(title, "Many {n}").unwrap();
            all.push(risk(&title));
            all
        });
        let answer = s.json(&admin, "POST", &path, json!({"operations": many})).await.must(200);
        assert_eq!(answer["succeeded"], 500);
        assert_eq!(risks(&s, &admin, &org).await, 502);
    });
}

#[test]
fn what_is_shown_once_is_not_kept_and_what_was_taken_back_counts_nowhere() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0"), ("GRC_LIMIT_REPORTS_PER_HOUR", "3")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Once").await;
        let path = format!("/orgs/{org}/batch");
        // A secret is in the first answer, and in no replay.
        for atomic in [true, false] {
            let key = json!({"method": "POST", "path": "/api-keys", "body": {"name": "k", "role": "viewer"}});
            let body = json!({"atomic": atomic, "operations": [key]}).to_string().into_bytes();
            let keyed = format!("keyed-{atomic}");
            let headers = [("idempotency-key", keyed.as_str())];
            let first = s.send(&admin, "POST", &path, &headers, Some(body.clone())).await.must(200);
            assert!(text(&first["results"][0]["body"], "key").starts_with("sk-"));
            let again = s.send(&admin, "POST", &path, &headers, Some(body)).await;
            assert_eq!(again.header("idempotency-replayed"), "true");
            let again = again.must(200);
            assert_eq!(again["results"][0]["body"].get("key"), None);
            assert_eq!(again["results"][0]["body"]["id"], first["results"][0]["body"]["id"]);
        }
        assert_eq!(psql(&s.database, "SELECT count(*) FROM replies WHERE body::text LIKE '%sk-%'"), "0");

        // Reports that were taken back take nothing of the hour's.
        let report = json!({"method": "POST", "path": "/reports", "body": {"type": "risk_register", "format": "json"}});
        let bad = json!({"method": "POST", "path": "/risks/register", "body": {}});
        for _ in 0..2 {
            let body = json!({"operations": [report, report, bad]});
            assert_eq!(statuses(&s.json(&admin, "POST", &path, body).await.must(200)), [424, 424, 422]);
        }
        let body = json!({"operations": [report, report, report]});
        assert_eq!(statuses(&s.json(&admin, "POST", &path, body).await.must(200)), [202, 202, 202]);
        let body = json!({"operations": [report]});
        assert_eq!(statuses(&s.json(&admin, "POST", &path, body).await.must(200)), [429]);
        s.running.stop().await;
    });
}

#[test]
fn nothing_that_cannot_be_taken_back_or_takes_its_time_is_part_of_a_whole() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Whole").await;
        let path = format!("/orgs/{org}/batch");
        let made =
            s.json(&admin, "POST", &format!("/orgs/{org}/risks/register"), risk("A")["body"].clone()).await.must(201);
        let entry = s.get(&admin, &format!("/orgs/{org}/audit-log?resource_type=risk")).await.must(200);
        let entry = text(&entry["items"][0], "id");
        // What is signed stays signed: a proof over what may be taken back is refused, and the log goes on being good.
        let one = format!("/risks/register/{}", text(&made, "id"));
        let body = json!({"operations": [
            {"method": "PATCH", "path": one, "body": {"title": "B"}},
            {"method": "GET", "path": format!("/audit-log/{entry}/proof")},
            {"method": "POST", "path": "/risks/register", "body": {}},
        ]});
        let answer = s.json(&admin, "POST", &path, body).await.must(200);
        assert!([424, 409].contains(&statuses(&answer)[1]), "{answer}");
        s.json(&admin, "PATCH", &format!("/orgs/{org}{one}"), json!({"title": "C"})).await.must(200);
        s.get(&admin, &format!("/orgs/{org}/audit-log/{entry}/proof")).await.must(200);
        let verdict = s.json(&admin, "POST", &format!("/orgs/{org}/audit-log/verify"), json!({})).await.must(200);
        assert_eq!(verdict["valid"], true, "{verdict}");
        // A feed that waits answers at once, so that nobody waits for the batch.
        let begun = std::time::Instant::now();
        let wait = json!({"method": "GET", "path": format!("/changes?wait=30&resource_id={org}")});
        let answer = s.json(&admin, "POST", &path, json!({"operations": [wait]})).await.must(200);
        assert_eq!(statuses(&answer), [200], "{answer}");
        assert!(begun.elapsed().as_secs() < 15);
        let model =
            json!({"lef": {"type": "constant", "value": 1}, "loss_magnitude": {"type": "constant", "value": 1}});
        let run = json!({"method": "POST", "path": "/risks/fair/simulate", "body": {"model": model, "trials": 1_000}});
        let answer = s.json(&admin, "POST", &path, json!({"operations": [run]})).await.must(200);
        assert_eq!(statuses(&answer), [409], "{answer}");
        let answer = s.json(&admin, "POST", &path, json!({"atomic": false, "operations": [run]})).await.must(200);
        assert_eq!(statuses(&answer), [200], "{answer}");
        s.running.stop().await;
    });
}

//! Webhooks: signed, in order, tried again, and held up by nobody.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use grc_events::Schedule;
use serde_json::{Value, json};

use super::receiver::{Receiver, Says, Told};
use crate::harness::{Service, fields, psql, run, text};

const PRIVATE: &[(&str, &str)] = &[("GRC_ALLOW_PRIVATE_TARGETS", "true")];

/// A service that sends to receivers on this machine, with short waits.
async fn service(wait_ms: i64, attempt: Duration) -> Service {
    Service::start_with(PRIVATE, |config| {
        config.webhook_pace.schedule = Schedule::of(vec![time::Duration::milliseconds(wait_ms); 9]);
        config.webhook_pace.attempt = attempt;
    })
    .await
}

async fn hook(s: &Service, token: &str, org: &str, url: &str, events: &[&str]) -> Value {
    let body = json!({"url": url, "events": events});
    s.json(token, "POST", &format!("/orgs/{org}/webhooks"), body).await.must(201)
}

async fn risk(s: &Service, token: &str, org: &str, title: &str) -> String {
    let body = json!({"title": title, "category": "cyber", "likelihood": 1, "impact": 1});
    text(&s.json(token, "POST", &format!("/orgs/{org}/risks/register"), body).await.must(201), "id")
}

/// The deliveries of a webhook, the oldest first, once they are as they should be.
async fn deliveries(s: &Service, token: &str, org: &str, hook: &Value, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let path = format!("/orgs/{org}/webhooks/{}/deliveries?sort=created_at&limit=200", text(hook, "id"));
    let page = s.until(token, &path, |page| done(page["items"].as_array().unwrap())).await;
    page["items"].as_array().unwrap().clone()
}

fn all(status: &str, count: usize) -> impl Fn(&[Value]) -> bool {
    move |items| items.len() == count && items.iter().all(|item| item["status"] == status)
}

#[test]
fn deliveries_are_signed_in_order_and_tried_again_under_the_same_id() {
    run(async {
        let s = service(200, Duration::from_secs(15)).await;
        let token = s.admin().await;
        let org = s.org(&token, "Told").await;
        let before = risk(&s, &token, &org, "Before").await;
        let receiver = Receiver::start(|nth, _| Says::Status(if nth == 1 { 500 } else { 200 })).await;
        let made = hook(&s, &token, &org, &receiver.url, &["risk.*"]).await;
        let secret = text(&made, "secret");
        let mut ids = Vec::new();
        for n in 0..20 {
            ids.push(risk(&s, &token, &org, &format!("Risk {n}")).await);
            s.json(&token, "POST", &format!("/orgs/{org}/vendors"), json!({"name": format!("V{n}")})).await.must(201);
        }
        let told = receiver.until(21).await;
        deliveries(&s, &token, &org, &made, all("succeeded", 20)).await;
        let again = told[1].id();
        let mut seen = BTreeSet::new();
        let first: Vec<&Told> = told.iter().filter(|one| seen.insert(one.id())).collect();
        let order: Vec<String> = first.iter().map(|one| text(&one.json()["data"], "resource_id")).collect();
        assert_eq!(order, ids, "first attempts have the order of the changes");
        assert!(!order.contains(&before), "what was before the webhook is not its");
        let twice: Vec<&Told> = told.iter().filter(|one| one.id() == again).collect();
        assert_eq!((told.len(), twice.len()), (21, 2));
        assert_eq!(twice[0].body, twice[1].body);
        assert!(twice[1].at - twice[0].at >= Duration::from_millis(190));
        for one in &told {
            assert!(one.is_signed_by(&secret), "{one:?}");
            assert_eq!(one.headers["content-type"], "application/json");
            let body = one.json();
            assert_eq!((&body["type"], &body["data"]["type"]), (&json!("risk.created"), &json!("risk.created")));
            assert_eq!((&body["data"]["org_id"], &body["data"]["id"]), (&json!(org), &json!(one.id())));
            assert!(body["data"]["before"].is_null() && body["data"]["after"]["title"].is_string());
            assert_eq!(body["timestamp"], body["data"]["occurred_at"]);
        }
        // The state before a change is told as well.
        let one = format!("/orgs/{org}/risks/register/{}", ids[0]);
        s.json(&token, "PATCH", &one, json!({"title": "Changed"})).await.must(200);
        let last = receiver.until(22).await[21].json();
        assert_eq!(last["data"]["before"]["title"], "Risk 0");
        assert_eq!(last["data"]["after"]["title"], "Changed");
        // The ids of events are those of the feed.
        let feed = s.get(&token, &format!("/orgs/{org}/changes?type=risk.*&limit=200")).await.must(200);
        let feed: BTreeSet<String> = feed["items"].as_array().unwrap().iter().map(|item| text(item, "id")).collect();
        assert!(told.iter().all(|one| feed.contains(&one.id())));
        let list = format!("/orgs/{org}/webhooks/{}/deliveries", text(&made, "id"));
        let retried = s.get(&token, &format!("{list}?attempts=2")).await.must(200);
        assert_eq!(retried["items"][0]["event_id"], json!(again));
        assert_eq!(retried["items"].as_array().unwrap().len(), 1);
        let of_type = s.get(&token, &format!("{list}?event_type=risk.updated&status=succeeded")).await.must(200);
        assert_eq!(of_type["items"].as_array().unwrap().len(), 1);
        let page = s.get(&token, &format!("{list}?limit=5")).await.must(200);
        assert!(page["next_cursor"].is_string());
        s.running.stop().await;
    });
}

#[test]
fn whatever_is_no_success_is_tried_ten_times_and_can_be_begun_anew() {
    run(async {
        let s = service(20, Duration::from_secs(15)).await;
        let token = s.admin().await;
        let org = s.org(&token, "Dead").await;
        let lured = Receiver::willing().await;
        let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", lured.url);
        let garbage = b"\x00\xff\x13\x37 nothing like HTTP\r\n\r\n".to_vec();
        let endless = "HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello".as_bytes().to_vec();
        let mended = Arc::new(AtomicBool::new(false));
        let mut hooks = Vec::new();
        for (says, status, error) in [
            (Says::Bytes(redirect.into_bytes()), json!(302), "redirect"),
            (Says::Bytes(garbage), Value::Null, "could not be reached"),
            (Says::Bytes(Vec::new()), Value::Null, "could not be reached"),
            (Says::Bytes(endless), json!(500), "answered 500"),
            (Says::Status(404), json!(404), "answered 404"),
        ] {
            let mended = Arc::clone(&mended);
            let receiver = Receiver::start(move |_, _| match mended.load(Ordering::SeqCst) {
                true => Says::Status(202),
                false => says.clone(),
            })
            .await;
            let made = hook(&s, &token, &org, &receiver.url, &["risk.created"]).await;
            hooks.push((receiver, made, status, error));
        }
        risk(&s, &token, &org, "Doomed").await;
        for (receiver, made, status, error) in &hooks {
            let dead = deliveries(&s, &token, &org, made, all("dead", 1)).await.remove(0);
            assert_eq!((&dead["attempts"], &dead["response_status"]), (&json!(10), status), "{dead}");
            assert!(text(&dead, "error").contains(error) && dead["next_attempt_at"].is_null(), "{dead}");
            let told = receiver.told();
            assert_eq!(told.len(), 10);
            assert_eq!(told.iter().map(Told::id).collect::<BTreeSet<_>>().len(), 1);
        }
        assert!(lured.told().is_empty(), "a redirect is not followed");
        mended.store(true, Ordering::SeqCst);
        for (receiver, made, ..) in &hooks {
            let dead = deliveries(&s, &token, &org, made, all("dead", 1)).await.remove(0);
            let path = format!("/orgs/{org}/webhooks/{}/deliveries/{}", text(made, "id"), text(&dead, "id"));
            let got = s.json(&token, "POST", &format!("{path}/redeliver"), json!({})).await;
            assert_eq!(got.header("location"), format!("/api/v1{path}"));
            let anew = got.must(202);
            assert_eq!((&anew["id"], &anew["event_id"]), (&dead["id"], &dead["event_id"]));
            let done = deliveries(&s, &token, &org, made, all("succeeded", 1)).await.remove(0);
            assert_eq!((&done["attempts"], &done["response_status"]), (&json!(1), &json!(202)));
            assert_eq!(receiver.told().len(), 11);
        }
        s.running.stop().await;
    });
}

#[test]
fn a_receiver_that_is_gone_is_told_nothing_more_until_somebody_says_so() {
    run(async {
        let s = service(50, Duration::from_secs(15)).await;
        let token = s.admin().await;
        let org = s.org(&token, "Gone").await;
        let receiver = Receiver::start(|nth, _| Says::Status(if nth == 0 { 410 } else { 200 })).await;
        let made = hook(&s, &token, &org, &receiver.url, &["risk.*"]).await;
        let one = format!("/orgs/{org}/webhooks/{}", text(&made, "id"));
        risk(&s, &token, &org, "First").await;
        let gone = s.until(&token, &one, |hook| hook["status"] == "disabled").await;
        assert_eq!(gone["disabled_reason"], "gone");
        assert!(gone["disabled_at"].is_string());
        risk(&s, &token, &org, "Second").await;
        s.json(&token, "POST", &format!("{one}/test"), json!({})).await.problem(409, "CONFLICT");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(receiver.told().len(), 1);
        let log = s.get(&token, &format!("/orgs/{org}/audit-log?action=webhook.disabled")).await.must(200);
        assert_eq!(log["items"].as_array().unwrap().len(), 1);
        assert_eq!(log["items"][0]["actor"]["type"], "system");
        let back = s.json(&token, "PATCH", &one, json!({"status": "active"})).await.must(200);
        assert!(back["disabled_reason"].is_null() && back["disabled_at"].is_null());
        let told = receiver.until(2).await;
        assert_eq!(told[1].json()["data"]["after"]["title"], "Second", "what came meanwhile is told now");
        let off = s.json(&token, "PATCH", &one, json!({"status": "disabled"})).await.must(200);
        assert_eq!(off["disabled_reason"], "manual");
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.get(&token, &format!("{one}/deliveries")).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

#[test]
fn a_receiver_that_hangs_holds_nobody_up() {
    run(async {
        let s = service(10_000, Duration::from_secs(3)).await;
        let token = s.admin().await;
        let org = s.org(&token, "Hanging").await;
        let mut stuck = Vec::new();
        for _ in 0..10 {
            let receiver = Receiver::start(|_, _| Says::Nothing).await;
            let made = hook(&s, &token, &org, &receiver.url, &["*"]).await;
            stuck.push((receiver, made));
        }
        let willing = Receiver::willing().await;
        hook(&s, &token, &org, &willing.url, &["risk.*"]).await;
        let begun = Instant::now();
        for n in 0..10 {
            risk(&s, &token, &org, &format!("Risk {n}")).await;
        }
        willing.until(10).await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?}: no attempt at the others had ended");
        let failed =
            deliveries(&s, &token, &org, &stuck[0].1, |items| items.iter().any(|item| item["status"] == "failed"));
        let failed = failed.await;
        let failed = failed.iter().find(|item| item["status"] == "failed").unwrap();
        assert!(text(failed, "error").contains("did not answer in time") && failed["response_status"].is_null());
        s.running.stop().await;
    });
}

#[test]
fn two_replicas_send_everything_once() {
    run(async {
        let s = service(500, Duration::from_secs(15)).await;
        let other = s.another(PRIVATE).await;
        let token = s.admin().await;
        let org = s.org(&token, "Replicas").await;
        let receiver = Receiver::willing().await;
        let made = hook(&s, &token, &org, &receiver.url, &["risk.created"]).await;
        let mut ids = Vec::new();
        for n in 0..60 {
            let by = if n % 2 == 0 { &s } else { &other };
            ids.push(risk(by, &token, &org, &format!("Risk {n}")).await);
        }
        deliveries(&s, &token, &org, &made, all("succeeded", 60)).await;
        let told = receiver.told();
        let order: Vec<String> = told.iter().map(|one| text(&one.json()["data"], "resource_id")).collect();
        assert_eq!(order, ids);
        other.running.stop().await;
        s.running.stop().await;
    });
}

#[test]
fn who_lost_its_turn_notes_nothing_and_the_event_is_sent_again() {
    run(async {
        let s = service(500, Duration::from_secs(15)).await;
        let token = s.admin().await;
        let org = s.org(&token, "Lost").await;
        let database = s.database.clone();
        // While the first attempt is made another takes the queue, as after a crash or a long stop, and is gone as well.
        let taken = "UPDATE webhook_queues SET fence = fence + 1, lease_until = now() - interval '1 second'";
        let receiver = Receiver::start(move |nth, _| {
            if nth == 0 {
                psql(&database, taken);
            }
            Says::Status(200)
        })
        .await;
        let made = hook(&s, &token, &org, &receiver.url, &["risk.*"]).await;
        risk(&s, &token, &org, "Twice").await;
        let done = deliveries(&s, &token, &org, &made, all("succeeded", 1)).await.remove(0);
        assert_eq!(done["attempts"], 1, "the first was not noted");
        let told = receiver.told();
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].id(), &told[0].body), (told[1].id(), &told[1].body));
        s.running.stop().await;
    });
}

#[test]
fn a_long_backlog_is_worked_off_in_batches() {
    run(async {
        let s = service(500, Duration::from_secs(15)).await;
        let token = s.admin().await;
        let org = s.org(&token, "Backlog").await;
        let receiver = Receiver::willing().await;
        let made = hook(&s, &token, &org, &receiver.url, &["risk.*"]).await;
        let one = format!("/orgs/{org}/webhooks/{}", text(&made, "id"));
        s.json(&token, "PATCH", &one, json!({"status": "disabled"})).await.must(200);
        // More than one step looks at, and of the webhook's own only a few among them and at the end.
        let filled = format!(
            "INSERT INTO journal SELECT '{org}', sequence + n, gen_random_uuid(), now(), 'user', '{org}', 'Ada', kind || '.updated', kind,
                gen_random_uuid(), n, null, null, 'r', true, hash, hash, 1
             FROM journal_heads, (SELECT n, CASE WHEN n % 100 = 7 OR n > 5990 THEN 'risk' ELSE 'vendor' END AS kind
                FROM generate_series(1, 6000) n) entries WHERE org_id = '{org}';
             UPDATE journal_heads SET sequence = sequence + 6000 WHERE org_id = '{org}'"
        );
        psql(&s.database, &filled);
        s.json(&token, "PATCH", &one, json!({"status": "active"})).await.must(200);
        let expected: Vec<i64> = (1..=6_000).filter(|n| n % 100 == 7 || *n > 5_990).collect();
        deliveries(&s, &token, &org, &made, all("succeeded", expected.len())).await;
        let told: Vec<i64> =
            receiver.told().iter().map(|one| one.json()["data"]["revision"].as_i64().unwrap()).collect();
        assert_eq!(told, expected);
        s.running.stop().await;
    });
}

#[test]
fn a_secret_is_shown_once_and_rotated_with_a_day_of_grace() {
    run(async {
        let s = service(50, Duration::from_secs(15)).await;
        let token = s.admin().await;
        let org = s.org(&token, "Secrets").await;
        let receiver = Receiver::willing().await;
        let hooks = format!("/orgs/{org}/webhooks");
        let body = json!({"url": receiver.url, "events": ["risk.created"], "description": "Ours"});
        let headers = [("idempotency-key", "once")];
        let first = s.send(&token, "POST", &hooks, &headers, Some(body.to_string().into_bytes())).await;
        let location = first.header("location");
        let first = first.must(201);
        let secret = text(&first, "secret");
        assert!(secret.starts_with("whsec_"));
        let one = format!("{hooks}/{}", text(&first, "id"));
        assert_eq!(location, format!("/api/v1{one}"));
        let replay = s.send(&token, "POST", &hooks, &headers, Some(body.to_string().into_bytes())).await;
        assert_eq!((replay.status, replay.header("idempotency-replayed")), (201, "true".to_owned()));
        assert_eq!(replay.json()["id"], first["id"]);
        let rotated = s.json(&token, "POST", &format!("{one}/rotate-secret"), json!({})).await.must(200);
        let newer = text(&rotated, "secret");
        assert!(newer != secret && rotated["previous_secret_expires_at"].is_string());
        let tested = s.json(&token, "POST", &format!("{one}/test"), json!({})).await.must(202);
        assert_eq!((&tested["status"], &tested["event_type"]), (&json!("pending"), &json!("webhook.test")));
        let told = receiver.until(1).await.remove(0);
        assert!(told.is_signed_by(&secret) && told.is_signed_by(&newer), "both sign");
        assert_eq!(told.id(), text(&tested, "event_id"));
        assert_eq!(told.json()["type"], "webhook.test");
        for path in
            [&hooks, &one, &format!("/orgs/{org}/audit-log?limit=200"), &format!("/orgs/{org}/changes?limit=200")]
        {
            let seen = s.get(&token, path).await;
            assert!(
                seen.status == 200 && !seen.text.contains("whsec_") && !seen.text.contains("signing_secret"),
                "{path}"
            );
        }
        assert!(!replay.text.contains("whsec_"), "a replay shows no secret");
        let csv = s.send(&token, "GET", &hooks, &[("accept", "text/csv")], None).await;
        assert!(csv.text.starts_with("id,") && !csv.text.contains("whsec_"), "{}", csv.text);
        s.running.stop().await;
    });
}

#[test]
fn addresses_and_events_are_checked_when_they_are_written() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Checked").await;
        let hooks = format!("/orgs/{org}/webhooks");
        let made = hook(&s, &token, &org, "https://hooks.example.org/grc", &["*"]).await;
        let one = format!("{hooks}/{}", text(&made, "id"));
        for url in [
            "http://hooks.example.org/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0.0.0.0/",
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://db/",
            "https://metadata.google.internal/",
            "https://hooks.example.org:8443/",
            "https://user:pass@hooks.example.org/",
            "https://hooks.example.org/#fragment",
            "https://hooks.example.org\\@127.0.0.1/",
            "ftp://hooks.example.org/",
            "file:///etc/passwd",
            "hooks.example.org",
            "",
        ] {
            let body = json!({"url": url, "events": ["*"]});
            let problem = s.json(&token, "POST", &hooks, body).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], "url", "{url}: {problem}");
            let problem = s.json(&token, "PATCH", &one, json!({"url": url})).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], "url", "{url}: {problem}");
        }
        for events in
            [json!([]), json!(["risk"]), json!(["risk.cre*"]), json!(["*.created"]), json!(["rsk.*"]), json!("*")]
        {
            let body = json!({"url": "https://hooks.example.org/", "events": events});
            let problem = s.json(&token, "POST", &hooks, body).await.problem(422, "VALIDATION_ERROR");
            assert!(problem["field"].as_str().unwrap().starts_with("events"), "{problem}");
        }
        let both = json!({"url": "https://10.0.0.1/", "events": ["risk"], "colour": "red"});
        let problem = s.json(&token, "POST", &hooks, both).await.problem(422, "VALIDATION_ERROR");
        assert!(fields(&problem).iter().any(|(field, _)| field == "colour"), "{problem}");
        let both = json!({"url": "https://10.0.0.1/", "events": ["risk"]});
        let problem = s.json(&token, "POST", &hooks, both).await.problem(422, "VALIDATION_ERROR");
        let wrong: Vec<String> = fields(&problem).into_iter().map(|(field, _)| field).collect();
        assert_eq!(wrong, ["events[0]", "url"]);
        for body in [json!({"secret": "whsec_x"}), json!({"disabled_reason": "gone"}), json!({"status": "broken"})] {
            s.json(&token, "PATCH", &one, body).await.problem(422, "VALIDATION_ERROR");
        }
        let tag = s.get(&token, &one).await.header("etag");
        s.send(&token, "PATCH", &one, &[("if-match", "\"9-0\"")], Some(b"{}".to_vec()))
            .await
            .problem(412, "PRECONDITION_FAILED");
        s.send(&token, "PATCH", &one, &[("if-match", &tag)], Some(b"{\"description\": \"x\"}".to_vec()))
            .await
            .must(200);
        for role in ["analyst", "auditor", "viewer"] {
            let member = s.member(&token, &org, role).await;
            s.get(&member, &hooks).await.problem(403, "FORBIDDEN");
            s.get(&member, &format!("{one}/deliveries")).await.problem(403, "FORBIDDEN");
            s.json(&member, "POST", &format!("{one}/test"), json!({})).await.problem(403, "FORBIDDEN");
        }
        let other = s.org(&token, "Elsewhere").await;
        let elsewhere = one.replace(&org, &other);
        s.get(&token, &elsewhere).await.problem(404, "NOT_FOUND");
        s.json(&token, "POST", &format!("{elsewhere}/test"), json!({})).await.problem(404, "NOT_FOUND");
        s.json(&token, "POST", &format!("{elsewhere}/rotate-secret"), json!({})).await.problem(404, "NOT_FOUND");
        s.send(&token, "DELETE", &elsewhere, &[], None).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

//! Limits as a client meets them: their headers, what counts and what does not, over one server and over two.

use std::time::Duration;

use grc_limits::testing::TestRedis;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{EMAIL, Got, PASSWORD, Service, run, text};

/// The three headers as numbers.
fn standing(got: &Got) -> (u32, u32, i64) {
    let number =
        |name: &str| got.header(name).parse::<i64>().unwrap_or_else(|_| panic!("no {name}: {:?}", got.headers));
    let small = |name: &str| u32::try_from(number(name)).unwrap();
    (small("x-ratelimit-limit"), small("x-ratelimit-remaining"), number("x-ratelimit-reset"))
}

async fn assessment(s: &Service, token: &str, org: &str) -> String {
    let body = json!({"framework_id": s.framework(token, "SOC2_TYPE2").await, "name": "Q1"});
    text(&s.json(token, "POST", &format!("/orgs/{org}/assessments"), body).await.must(201), "id")
}

fn report(assessment: &str) -> Value {
    json!({"type": "compliance_summary", "assessment_id": assessment, "format": "json"})
}

#[test]
fn every_answer_says_where_the_tightest_limit_stands() {
    run(async {
        let s = Service::start(&[("GRC_RATE_LIMIT_PER_MINUTE", "100")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Acme").await;
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let got = s.get(&admin, &format!("/orgs/{org}")).await;
        let (limit, remaining, reset) = standing(&got);
        assert!(limit == 100 && remaining < 100 && (now..=now + 61).contains(&reset), "{remaining} {reset}");
        // Errors say it as well, those without a credential and those of paths that are not there.
        for (token, path) in [(admin.as_str(), "/nowhere"), ("", "/users/me"), ("nonsense", "/users/me")] {
            standing(&s.get(token, path).await);
        }
        let probes = s.get("", "/health").await;
        assert_eq!(probes.header("x-ratelimit-limit"), "", "probes are not counted");
        // A report has fewer left than a request.
        let id = assessment(&s, &admin, &org).await;
        let got = s.json(&admin, "POST", &format!("/orgs/{org}/reports"), report(&id)).await;
        assert_eq!(got.status, 202, "{}", got.text);
        let (limit, remaining, reset) = standing(&got);
        assert!(
            limit == 10 && remaining == 9 && (now + 3_590..=now + 3_670).contains(&reset),
            "{limit} {remaining} {reset}"
        );
        let announce = json!({"filename": "a.txt", "content_type": "text/plain"});
        let got = s.json(&admin, "POST", &format!("/orgs/{org}/evidence/upload-url"), announce).await;
        assert_eq!(got.status, 201, "{}", got.text);
        assert_eq!(standing(&got).0, 50);
        let got = s.json(&admin, "POST", &format!("/orgs/{org}/assessments/{id}/execute"), json!({})).await;
        assert_eq!(got.status, 202, "{}", got.text);
        assert_eq!((standing(&got).0, standing(&got).1), (5, 4));
        s.running.stop().await;
        let s = Service::start(&[("GRC_LIMIT_REPORTS_PER_HOUR", "0")]).await;
        let admin = s.admin().await;
        assert_eq!(s.get(&admin, "/users/me").await.header("x-ratelimit-limit"), "", "0 turns a limit off");
        s.running.stop().await;
    });
}

#[test]
fn only_reports_that_are_made_count_and_a_replay_is_no_second_one() {
    run(async {
        let s = Service::start(&[("GRC_LIMIT_REPORTS_PER_HOUR", "3"), ("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let (org, other) = (s.org(&admin, "Acme").await, s.org(&admin, "Other").await);
        let (id, others) = (assessment(&s, &admin, &org).await, assessment(&s, &admin, &other).await);
        let path = format!("/orgs/{org}/reports");
        // Mistakes cost nothing.
        for _ in 0..5 {
            s.json(&admin, "POST", &path, json!({"type": "horoscope"})).await.problem(422, "VALIDATION_ERROR");
            s.json(&admin, "POST", &path, report(&others)).await.problem(422, "VALIDATION_ERROR");
        }
        let key = [("idempotency-key", "r-1")];
        let body = || Some(report(&id).to_string().into_bytes());
        let first = s.send(&admin, "POST", &path, &key, body()).await.must(202);
        for _ in 0..2 {
            s.json(&admin, "POST", &path, report(&id)).await.must(202);
        }
        let refused = s.json(&admin, "POST", &path, report(&id)).await;
        assert_eq!((standing(&refused).0, standing(&refused).1), (3, 0));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((3_500..=3_660).contains(&wait), "{wait}");
        let problem = refused.problem(429, "RATE_LIMITED");
        assert!(problem["detail"].as_str().unwrap().starts_with("at most 3 reports an hour"));
        // What was answered once is answered again.
        let replay = s.send(&admin, "POST", &path, &key, body()).await;
        assert_eq!(replay.header("idempotency-replayed"), "true");
        assert_eq!(replay.must(202)["id"], first["id"]);
        // Another organization has its own; reading is not making.
        s.json(&admin, "POST", &format!("/orgs/{other}/reports"), report(&others)).await.must(202);
        s.get(&admin, &path).await.must(200);
        s.running.stop().await;
    });
}

#[test]
fn executions_are_limited_at_once_and_the_answer_says_so() {
    run(async {
        let s = Service::start(&[("GRC_LIMIT_EXECUTIONS", "2"), ("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Acme").await;
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(assessment(&s, &admin, &org).await);
        }
        let execute = async |id: &String| {
            s.json(&admin, "POST", &format!("/orgs/{org}/assessments/{id}/execute"), json!({})).await
        };
        let got = futures::future::join_all(ids.iter().map(execute)).await;
        assert_eq!(got.iter().filter(|got| got.status == 202).count(), 2);
        for refused in got.iter().filter(|got| got.status != 202) {
            assert_eq!(refused.status, 429, "{}", refused.text);
            assert_eq!((standing(refused).0, standing(refused).1), (2, 0));
            assert!(!refused.header("retry-after").is_empty());
        }
        s.running.stop().await;
    });
}

#[test]
fn two_servers_on_one_redis_count_as_one() {
    run(async {
        let redis = TestRedis::start();
        let url = redis.url();
        let limits = [
            ("GRC_REDIS_URL", url.as_str()),
            ("GRC_RATE_LIMIT_PER_MINUTE", "100"),
            ("GRC_LIMIT_REPORTS_PER_HOUR", "10"),
            ("GRC_WORKERS", "0"),
        ];
        let one = Service::start(&limits).await;
        let two = one.another(&limits).await;
        // The set-up is a bystander's, whose requests count for themselves.
        let admin = one.admin().await;
        let org = one.org(&admin, "Acme").await;
        let id = assessment(&one, &admin, &org).await;
        let made =
            one.json(&admin, "POST", &format!("/orgs/{org}/api-keys"), json!({"name": "a", "role": "analyst"})).await;
        let key = text(&made.must(201), "key");
        let path = format!("/orgs/{org}/reports");
        let asks = (0..64).map(|i| {
            let (s, key, path, id) = (if i % 2 == 0 { &one } else { &two }, &key, &path, &id);
            async move { s.json(key, "POST", path, report(id)).await.status }
        });
        let statuses = futures::future::join_all(asks).await;
        assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 10, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 202 | 429)), "{statuses:?}");
        // 64 of the key's 100 requests of this minute are used.
        let asks = (0..64).map(|i| {
            let (s, key, org) = (if i % 2 == 0 { &one } else { &two }, &key, &org);
            async move { s.get(key, &format!("/orgs/{org}")).await.status }
        });
        let statuses = futures::future::join_all(asks).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 36, "{statuses:?}");
        let health = two.get("", "/health").await.must(200);
        assert_eq!(
            (&health["services"]["redis"], &health["details"]["redis"]["limits"]),
            (&json!("healthy"), &json!("shared"))
        );
        two.running.stop().await;
        one.running.stop().await;
    });
}

#[test]
fn a_service_outlives_its_redis_and_says_so() {
    run(async {
        let mut redis = TestRedis::start();
        let url = redis.url();
        let s = Service::start(&[("GRC_REDIS_URL", &url), ("GRC_RATE_LIMIT_PER_MINUTE", "50")]).await;
        let admin = s.admin().await;
        redis.kill();
        let mut passed = 0;
        for _ in 0..80 {
            let got = s.get(&admin, "/users/me").await;
            assert!(matches!(got.status, 200 | 429), "{}", got.text);
            assert_eq!(standing(&got).0, 50);
            passed += u32::from(got.status == 200);
        }
        assert!((50..=60).contains(&passed), "the limit of the process holds: {passed}");
        let health = s.get("", "/health").await.must(200);
        assert_eq!((&health["status"], &health["services"]["redis"]), (&json!("healthy"), &json!("unhealthy")));
        assert_eq!(health["details"]["redis"]["limits"], "in_process");
        s.get("", "/health/ready").await.must(200);
        redis.begin();
        let back = s.until("", "/health", |health| health["services"]["redis"] == "healthy").await;
        assert_eq!(back["details"]["redis"]["limits"], "shared");
        s.running.stop().await;
        let s = Service::start(&[]).await;
        assert_eq!(s.get("", "/health").await.must(200)["services"]["redis"], "not_configured");
        s.running.stop().await;
        // TLS to somebody who does not speak it.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rediss://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"-ERR what is this?\r\n").await;
            }
        });
        let s = Service::start(&[("GRC_REDIS_URL", &url), ("GRC_RATE_LIMIT_PER_MINUTE", "50")]).await;
        assert_eq!(s.get("", "/health").await.must(200)["services"]["redis"], "unhealthy");
        standing(&s.get("", "/users/me").await);
        s.running.stop().await;
    });
}

#[test]
fn many_guesses_at_once_get_no_more_answers_than_one_after_the_other() {
    run(async {
        let redis = TestRedis::start();
        let url = redis.url();
        for more in [&[][..], &[("GRC_REDIS_URL", url.as_str())]] {
            let s = Service::start(more).await;
            let login = async |password: &str| {
                s.json("", "POST", "/auth/login", json!({"email": EMAIL, "password": password})).await.status
            };
            // Right passwords at once are no failures.
            let right = futures::future::join_all((0..12).map(|_| login(PASSWORD))).await;
            assert!(right.iter().all(|status| *status == 200), "{right:?}");
            let wrong = futures::future::join_all((0..30).map(|_| login("not this one either"))).await;
            assert_eq!(wrong.iter().filter(|status| **status == 401).count(), 10, "{wrong:?}");
            assert!(wrong.iter().all(|status| matches!(status, 401 | 429)), "{wrong:?}");
            assert_eq!(login(PASSWORD).await, 429);
            // The account's owner is not locked out of other accounts of the same place, and vice versa.
            let other =
                s.json("", "POST", "/auth/login", json!({"email": "other@example.com", "password": "no such account"}));
            assert_eq!(other.await.status, 401);
            s.running.stop().await;
        }
    });
}

/// Puts a body to a URL piece by piece; the answer's status and what it says.
async fn drip(s: &Service, url: &str, size: usize, pieces: impl Iterator<Item = (usize, Duration)>) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(s.running.address).await.unwrap();
    let path = url.split_once("/blobs/").unwrap().1;
    let head = format!(
        "PUT /blobs/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let answer = tokio::spawn(async move {
        let mut text = String::new();
        let _ = reading.read_to_string(&mut text).await;
        text
    });
    for (bytes, pause) in pieces {
        if answer.is_finished() || writing.write_all(&vec![b'x'; bytes]).await.is_err() {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    let text = tokio::time::timeout(Duration::from_secs(20), answer).await.unwrap().unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {text:?}")), text)
}

#[test]
fn an_upload_that_drips_is_cut_and_one_that_keeps_the_pace_is_not() {
    run(async {
        let pace = grc_api::config::UploadPace {
            grace: Duration::from_millis(600),
            least: 10_000,
            pause: Duration::from_millis(900),
        };
        let s = Service::start_with(&[], |config| config.upload_pace = pace).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Acme").await;
        let target = async || {
            let body = json!({"filename": "a.txt", "content_type": "text/plain"});
            text(
                &s.json(&admin, "POST", &format!("/orgs/{org}/evidence/upload-url"), body).await.must(201),
                "upload_url",
            )
        };
        let begun = std::time::Instant::now();
        let every = Duration::from_millis(50);
        // A byte each 50 ms never stalls, and would go on for hours.
        let (status, text) = drip(&s, &target().await, 100_000, (0..100_000).map(|_| (1, every))).await;
        assert_eq!(status, 408, "{text}");
        assert!(text.contains("REQUEST_TIMEOUT") && text.contains("too slow"), "{text}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // A quick beginning earns time, but no pause beyond the longest.
        let (status, text) =
            drip(&s, &target().await, 200_000, [(100_000, Duration::from_millis(1_500))].into_iter()).await;
        assert_eq!(status, 408, "{text}");
        assert!(text.contains("stalled"), "{text}");
        // 20 KB/s for 1.5 seconds: slow, but no drip.
        let (status, text) = drip(&s, &target().await, 60_000, (0..30).map(|_| (2_000, every))).await;
        assert_eq!(status, 200, "{text}");
        s.running.stop().await;
    });
}

//! The change feed: complete, in order, resumable, and of what its reader may read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use grc_events::{Sight, feed};
use grc_kernel::{
    Actor, OrgId, Role, UserId, Uuid,
    list::{Cursor, ListRequest, Scalar},
};
use grc_postgres::{PgBackend, PoolConfig};
use serde_json::{Value, json};

use crate::harness::{Service, database, psql, run, text, url};

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

async fn risk(s: &Service, token: &str, org: &str, title: &str) -> String {
    let body = json!({"title": title, "category": "cyber", "likelihood": 1, "impact": 1});
    text(&s.json(token, "POST", &format!("/orgs/{org}/risks/register"), body).await.must(201), "id")
}

fn types(page: &Value) -> Vec<String> {
    items(page).iter().map(|item| text(item, "type")).collect()
}

#[test]
fn the_feed_tells_every_change_and_has_a_cursor_at_its_end_too() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let (org, other) = (s.org(&token, "Feed").await, s.org(&token, "Other").await);
        let feed = format!("/orgs/{org}/changes");
        let id = risk(&s, &token, &org, "One").await;
        let one = format!("/orgs/{org}/risks/register/{id}");
        s.json(&token, "PATCH", &one, json!({"title": "Two"})).await.must(200);
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        let page = s.get(&token, &format!("{feed}?resource_id={id}")).await.must(200);
        assert_eq!(types(&page), ["risk.created", "risk.updated", "risk.deleted"]);
        let [created, updated, deleted] = items(&page).as_slice() else { panic!("{page}") };
        assert_eq!((&created["before"], &created["after"]["title"]), (&Value::Null, &json!("One")));
        assert_eq!((&updated["before"]["title"], &updated["after"]["title"]), (&json!("One"), &json!("Two")));
        assert_eq!((&updated["revision"], &updated["resource_type"]), (&json!(2), &json!("risk")));
        assert_eq!((&deleted["before"]["title"], &deleted["after"]), (&json!("Two"), &Value::Null));
        assert_eq!(created["actor"]["type"], "user");
        assert_eq!(text(created, "resource_id"), id);
        // The end has a cursor, and so has an empty feed; both go on from there.
        let end = text(&page, "next_cursor");
        let again = s.get(&token, &format!("{feed}?resource_id={id}&cursor={end}")).await.must(200);
        assert!(items(&again).is_empty() && again["next_cursor"].is_string());
        let whole = s.get(&token, &format!("{feed}?limit=200")).await.must(200);
        assert!(types(&whole).contains(&"organization.created".to_owned()), "{whole}");
        let end = text(&whole, "next_cursor");
        let none = s.get(&token, &format!("{feed}?type=vendor.*")).await.must(200);
        assert!(items(&none).is_empty());
        let vendor = s.json(&token, "POST", &format!("/orgs/{org}/vendors"), json!({"name": "Cloud"})).await.must(201);
        let path = format!("{feed}?type=vendor.*&cursor={}", text(&none, "next_cursor"));
        let some = s.get(&token, &path).await.must(200);
        assert_eq!(text(&items(&some)[0], "resource_id"), text(&vendor, "id"));
        let new = s.get(&token, &format!("{feed}?cursor={end}")).await.must(200);
        assert_eq!(types(&new), ["vendor.created"]);
        // Backwards, to its end; and as a file.
        let newest = s.get(&token, &format!("{feed}?sort=-sequence&limit=1")).await.must(200);
        assert_eq!(types(&newest), ["vendor.created"]);
        let csv = s.send(&token, "GET", &feed, &[("accept", "text/csv")], None).await;
        assert!(
            csv.status == 200 && csv.text.starts_with("id,") && csv.text.contains(",risk.deleted,"),
            "{}",
            csv.text
        );
        // What is refused, by name.
        for (path, field) in [
            (format!("{feed}?cursor=nonsense"), "cursor"),
            (format!("{feed}?cursor={end}x"), "cursor"),
            (format!("{feed}?cursor={end}&type=risk.*"), "cursor"),
            (format!("/orgs/{other}/changes?cursor={end}"), "cursor"),
            (format!("{feed}?type=risk"), "type"),
            (format!("{feed}?type=Risk.*"), "type"),
            (format!("{feed}?limit=201"), "limit"),
            (format!("{feed}?wait=31"), "wait"),
            (format!("{feed}?wait=soon"), "wait"),
            (format!("{feed}?org_id={other}"), "org_id"),
            (format!("{feed}?feed=false"), "feed"),
            (format!("{feed}?resource_id=me"), "resource_id"),
            (format!("{feed}?colour=red"), "colour"),
        ] {
            let problem = s.get(&token, &path).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], json!(field), "{path}: {problem}");
        }
        let elsewhere = s.get(&token, &format!("/orgs/{other}/changes?limit=200")).await.must(200);
        assert!(!elsewhere.to_string().contains(&id), "nothing of another organization");
        s.running.stop().await;
    });
}

#[test]
fn a_reader_sees_the_changes_of_what_it_may_read() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Sight").await;
        risk(&s, &token, &org, "One").await;
        s.json(&token, "POST", &format!("/orgs/{org}/vendors"), json!({"name": "Cloud"})).await.must(201);
        let mut keys = BTreeMap::new();
        for (name, role, scopes) in [
            ("risk", "viewer", json!(["risk:read"])),
            ("both", "analyst", json!(["risk:write", "vendor:read"])),
            ("keys", "admin", json!(["api_key:write"])),
            ("hooks", "admin", json!(["webhook:write", "risk:read"])),
            ("none", "viewer", json!([])),
            ("all", "viewer", Value::Null),
        ] {
            let body = json!({"name": name, "role": role, "scopes": scopes});
            let made = s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), body).await.must(201);
            keys.insert(name, text(&made, "key"));
        }
        let kinds = async |token: &str| -> BTreeSet<String> {
            let page = s.get(token, &format!("/orgs/{org}/changes?limit=200")).await.must(200);
            assert!(page["next_cursor"].is_string());
            items(&page).iter().map(|item| text(item, "resource_type")).collect()
        };
        let set = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(kinds(&keys["risk"]).await, set(&["risk"]));
        assert_eq!(kinds(&keys["both"]).await, set(&["risk", "vendor"]));
        assert_eq!(kinds(&keys["keys"]).await, set(&["api_key"]));
        assert_eq!(kinds(&keys["none"]).await, set(&[]));
        let all = kinds(&keys["all"]).await;
        assert!(all.contains("risk") && all.contains("organization") && !all.contains("api_key"), "{all:?}");
        assert!(kinds(&token).await.contains("api_key"));
        let viewer = s.member(&token, &org, "viewer").await;
        assert!(!kinds(&viewer).await.contains("api_key"));
        // Pages are full whatever is left out, and a cursor stays good for who may see more.
        let page = s.get(&keys["both"], &format!("/orgs/{org}/changes?limit=2")).await.must(200);
        assert_eq!(types(&page), ["risk.created", "vendor.created"]);
        let page = s.get(&keys["both"], &format!("/orgs/{org}/changes?limit=1")).await.must(200);
        let path = format!("/orgs/{org}/changes?cursor={}", text(&page, "next_cursor"));
        assert!(types(&s.get(&token, &path).await.must(200)).contains(&"api_key.created".to_owned()));
        // A webhook tells no more than whoever sets it up may read.
        let hooks = format!("/orgs/{org}/webhooks");
        for (events, status) in [(json!(["risk.*"]), 201), (json!(["*"]), 422), (json!(["risk.*", "vendor.*"]), 422)] {
            let body = json!({"url": "https://hooks.example.org/x", "events": events});
            let got = s.json(&keys["hooks"], "POST", &hooks, body).await;
            assert_eq!(got.status, status, "{}", got.text);
        }
        let body = json!({"url": "https://hooks.example.org/x", "events": ["*"]});
        let full = text(&s.json(&token, "POST", &hooks, body).await.must(201), "id");
        let moved = json!({"url": "https://elsewhere.example.org/x"});
        let problem = s.json(&keys["hooks"], "PATCH", &format!("{hooks}/{full}"), moved).await;
        assert_eq!(problem.problem(422, "VALIDATION_ERROR")["field"], "events[0]");
        s.running.stop().await;
    });
}

#[test]
fn whoever_waits_is_told_at_once() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Waiting").await;
        let feed = format!("/orgs/{org}/changes?type=risk.*");
        let page = s.get(&token, &feed).await.must(200);
        let cursor = text(&page, "next_cursor");
        let begun = Instant::now();
        let path = format!("{feed}&cursor={cursor}&wait=20");
        let waiting = s.get(&token, &path);
        let writing = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            risk(&s, &token, &org, "Late").await
        };
        let (got, id) = tokio::join!(waiting, writing);
        let page = got.must(200);
        assert_eq!(text(&items(&page)[0], "resource_id"), id);
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(300) && took < Duration::from_secs(5), "{took:?}");
        let begun = Instant::now();
        let path = format!("{feed}&cursor={}&wait=1", text(&page, "next_cursor"));
        let none = s.get(&token, &path).await.must(200);
        assert!(items(&none).is_empty() && none["next_cursor"].is_string());
        assert!(begun.elapsed() >= Duration::from_millis(900));
        s.running.stop().await;
    });
}

#[test]
fn no_page_of_a_feed_of_a_hundred_thousand_entries_is_read_whole() {
    let name = database(true);
    let org = OrgId(Uuid::now_v7());
    let filled = format!(
        "INSERT INTO journal SELECT '{org}', n, gen_random_uuid(), now(), 'user', '{org}', 'Ada', kind || '.updated', kind,
            gen_random_uuid(), 1, null, null, 'r', n % 4 > 0, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), 1
         FROM (SELECT n, CASE WHEN n % 1000 = 1 THEN 'vendor' WHEN n % 2 = 0 THEN 'risk' ELSE 'finding' END AS kind
               FROM generate_series(1, 100000) n) entries"
    );
    psql(&name, &filled);
    psql(&name, "VACUUM ANALYZE journal");
    run(async {
        let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 1, durable: false }).unwrap();
        let some = Actor::user(UserId(Uuid::now_v7()), "Vera", Some(Role::Viewer));
        let sight = Sight::of(&some, grc_uow::registry::readable());
        for params in [
            &[][..],
            &[("type", "risk.updated")],
            &[("type", "vendor.*")],
            &[("type", "vendor.*"), ("type", "risk.updated")],
            &[("resource_type", "vendor")],
            &[("resource_id", "01980000-0000-7000-8000-000000000000")],
            &[("sort", "-sequence")],
        ] {
            let params: Vec<_> = params.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            let mut request = ListRequest::parse_within(feed::of(org), &[], &params).unwrap().query;
            for place in [None, Some(99_000)] {
                let after = |place: i64| Cursor { value: Some(Scalar::Int(place)), id: Uuid::max() };
                request.after = place.map(after);
                let query = feed::asked(&request, &sight).unwrap();
                let plan = backend.explain_journal(org, &query).await.unwrap();
                assert!(!plan.contains("Seq Scan"), "{params:?} after {place:?}\n{plan}");
            }
        }
    });
}

/// How many changes each of eight writers makes; `GRC_TEST_ROUNDS=12500` for a hundred thousand in all.
fn rounds() -> usize {
    std::env::var("GRC_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(250)
}

#[test]
fn under_eight_writers_nothing_is_lost_doubled_or_reordered() {
    const WRITERS: usize = 8;
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0"), ("GRC_DATABASE_POOL", "12")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Load").await;
        let expected = WRITERS * rounds();
        let written = AtomicBool::new(false);
        let begun = Instant::now();
        let writer = async |n: usize| {
            let id = risk(&s, &token, &org, &format!("Writer {n}")).await;
            let one = format!("/orgs/{org}/risks/register/{id}");
            for round in 1..rounds() {
                s.json(&token, "PATCH", &one, json!({"description": format!("{round}")})).await.must(200);
            }
        };
        let writers = async {
            futures::future::join_all((0..WRITERS).map(writer)).await;
            written.store(true, Ordering::SeqCst);
        };
        // A reader that is stopped between any two pages and goes on from its last cursor, at times from one before
        // that: it then meets again what it met there, and perhaps more.
        let reader = async |filter: &str| {
            let feed = format!("/orgs/{org}/changes?{filter}");
            let mut cursor: Option<String> = None;
            let mut met: Vec<Value> = Vec::new();
            let mut turn = 0_usize;
            loop {
                let last = written.load(Ordering::SeqCst);
                turn += 1;
                let limit = [1, 7, 50, 200, 3][turn % 5];
                let from = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
                let path = format!("{feed}&limit={limit}{from}");
                let mut page = s.get(&token, &path).await.must(200);
                if turn.is_multiple_of(3) {
                    let again = s.get(&token, &path).await.must(200);
                    assert!(items(&again).starts_with(items(&page)), "the same page again");
                    page = again;
                }
                cursor = Some(text(&page, "next_cursor"));
                met.extend(items(&page).iter().cloned());
                if items(&page).is_empty() {
                    if last {
                        return met;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        let ((), everything, updates) =
            tokio::join!(writers, reader("resource_type=risk"), reader("type=risk.updated"));
        let took = begun.elapsed();
        let rate = f64::from(u32::try_from(expected).unwrap()) / took.as_secs_f64();
        println!("{expected} changes by {WRITERS} writers and two readers: {took:?}, {rate:.0} a second");
        let check = |met: &[Value], expected: usize, first: i64| {
            assert_eq!(met.len(), expected);
            let ids: BTreeSet<String> = met.iter().map(|change| text(change, "id")).collect();
            assert_eq!(ids.len(), expected, "nothing comes twice");
            let sequences: Vec<i64> = met.iter().map(|change| change["sequence"].as_i64().unwrap()).collect();
            assert!(sequences.is_sorted_by(|a, b| a < b), "in order");
            let mut revisions: BTreeMap<String, i64> = BTreeMap::new();
            for change in met {
                let before = revisions.entry(text(change, "resource_id")).or_insert(first - 1);
                *before += 1;
                assert_eq!(change["revision"].as_i64(), Some(*before), "each record's changes without a gap");
            }
            assert_eq!(revisions.len(), WRITERS);
        };
        check(&everything, expected, 1);
        check(&updates, expected - WRITERS, 2);
        s.running.stop().await;
    });
}

//! What every resource can do, shown on the register: plans at size, pages while others write, idempotency keys under
//! parallel use, one journal entry a change, bad input on every list and body.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use grc_kernel::{OrgId, Resource, Uuid, list::ListRequest};
use grc_postgres::{PgBackend, PoolConfig};
use grc_risk::Entry;
use serde_json::json;

use crate::harness::{Service, database, psql, run, text, url};

/// So many risks of one organization, spread over every category, status and cell of the matrix.
fn fill(database: &str, org: &str, rows: u32) {
    psql(
        database,
        &format!(
            "INSERT INTO organizations VALUES ('{org}', 'Large', 'large', null, null, null, '{{}}', null, now(), now(), '{org}', 1);
             INSERT INTO risks SELECT gen_random_uuid(), '{org}', 'R-' || n, 'Risk ' || n, 'What may happen, and why.',
             (ARRAY['operational','financial','compliance','strategic','third_party','cyber','reputational'])[n % 7 + 1],
             n % 5 + 1, n / 5 % 5 + 1, CASE WHEN n % 3 > 0 THEN 1 END, CASE WHEN n % 3 > 0 THEN 2 END, null, null, null,
             CASE WHEN n % 10 = 0 THEN gen_random_uuid() END, 'mitigate',
             (ARRAY['identified','assessed','treating','closed'])[n % 4 + 1], CASE WHEN n % 2 = 0 THEN date '2026-01-01' + n % 700 END, '{{}}',
             (n % 5 + 1) * (n / 5 % 5 + 1), CASE WHEN n % 3 > 0 THEN 2 END, 'medium', CASE WHEN n % 3 > 0 THEN 'low' END, false, false,
             now() - n * interval '1 second', now(), '{org}', 1,
             CASE WHEN n % 3 > 0 THEN 2 ELSE (n % 5 + 1) * (n / 5 % 5 + 1) END FROM generate_series(1, {rows}) n"
        ),
    );
    psql(database, "VACUUM ANALYZE risks");
}

#[test]
fn no_list_of_a_hundred_thousand_rows_is_read_whole() {
    let name = database(true);
    let org = Uuid::now_v7();
    fill(&name, &org.to_string(), 100_000);
    run(async {
        let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 2, durable: false }).unwrap();
        let spec = Entry::LIST;
        let mut asked: Vec<Vec<(String, String)>> = Vec::new();
        for sort in spec.sortable() {
            for direction in ["", "-"] {
                let sort = ("sort".to_owned(), format!("{direction}{sort}"));
                asked.push(vec![sort.clone()]);
                for filter in
                    ["category=cyber", "status=closed", "likelihood__gte=4", "q=risk", "residual_score__null=true"]
                {
                    let (field, value) = filter.split_once('=').unwrap();
                    asked.push(vec![sort.clone(), (field.to_owned(), value.to_owned())]);
                }
            }
        }
        let three =
            [("sort", "-inherent_score"), ("category", "cyber"), ("likelihood__gte", "3"), ("status", "assessed")];
        asked.push(three.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec());
        asked.push(vec![("owner_id".into(), org.to_string())]);
        asked.push(vec![("ref_id".into(), "R-77".into())]);
        for params in &asked {
            let request = ListRequest::parse(spec, &[], params).unwrap();
            let plan = backend.explain_page::<Entry>(OrgId(org), &request.query).await.unwrap();
            assert!(!plan.contains("Seq Scan"), "{params:?}\n{plan}");
        }
        // And after a cursor: the second page starts where the first ended, not at the beginning.
        let db = grc_uow::Db::new(std::sync::Arc::new(backend.clone()));
        for sort in spec.sortable() {
            let params = vec![("sort".to_owned(), sort.to_owned()), ("limit".to_owned(), "100".to_owned())];
            let first = ListRequest::parse(spec, &[], &params).unwrap().query;
            let page: Result<_, grc_kernel::StoreError> = db
                .read(OrgId(org), async |uow| grc_kernel::Repo::<Entry>::page(uow.risk(), OrgId(org), &first).await)
                .await;
            let mut next = params;
            next.push(("cursor".to_owned(), page.unwrap().next_cursor.unwrap()));
            let request = ListRequest::parse(spec, &[], &next).unwrap();
            let plan = backend.explain_page::<Entry>(OrgId(org), &request.query).await.unwrap();
            assert!(!plan.contains("Seq Scan") && !plan.contains("Sort "), "{sort}\n{plan}");
        }
    });
}

#[test]
fn pages_partition_a_list_while_others_write_to_it() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Busy").await;
        let register = format!("/orgs/{org}/risks/register");
        let risk = |n: usize| json!({"title": format!("Steady {n:03}"), "category": "cyber", "likelihood": n % 5 + 1, "impact": 2});
        let mut steady = BTreeSet::new();
        for n in 0..150 {
            steady.insert(text(&s.json(&token, "POST", &register, risk(n)).await.must(201), "id"));
        }
        let (done, written) = (AtomicBool::new(false), AtomicUsize::new(0));
        let writer = async {
            let mut n = 0;
            while !done.load(Ordering::SeqCst) {
                let made = s.json(&token, "POST", &register, risk(n)).await.must(201);
                let one = format!("{register}/{}", text(&made, "id"));
                s.json(&token, "PATCH", &one, json!({"title": format!("Moved {n}"), "likelihood": 5})).await.must(200);
                if n % 2 == 0 {
                    s.send(&token, "DELETE", &one, &[], None).await.must(204);
                }
                n += 1;
                written.store(n, Ordering::SeqCst);
            }
        };
        let reader = async {
            for sort in ["created_at", "-created_at", "title", "-likelihood", "inherent_score", "-updated_at"] {
                // Until the list was read at least twice, and at least ten writes came in between.
                let (mut times, begun) = (0, written.load(Ordering::SeqCst));
                while times < 2 || written.load(Ordering::SeqCst) < begun + 10 {
                    times += 1;
                    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
                    let mut cursor = String::new();
                    loop {
                        let page = s
                            .get(&token, &format!("{register}?sort={sort}&limit=17&fields=title{cursor}"))
                            .await
                            .must(200);
                        for item in page["items"].as_array().unwrap() {
                            *seen.entry(text(item, "id")).or_default() += 1;
                        }
                        match page["next_cursor"].as_str() {
                            Some(next) => cursor = format!("&cursor={next}"),
                            None => break,
                        }
                    }
                    for id in &steady {
                        assert_eq!(seen.get(id), Some(&1), "{sort}: what was there throughout comes once");
                    }
                }
            }
            done.store(true, Ordering::SeqCst);
        };
        tokio::join!(writer, reader);
        s.running.stop().await;
    });
}

/// How often the parallel test goes round; `GRC_TEST_ROUNDS=1000` for the full run.
fn rounds() -> usize {
    std::env::var("GRC_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(25)
}

#[test]
fn sixty_four_equal_requests_at_once_have_one_effect() {
    run(async {
        let s = Service::start(&[("GRC_DATABASE_POOL", "16")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Once").await;
        let register = format!("/orgs/{org}/risks/register");
        for round in 0..rounds() {
            let body = json!({"title": format!("Round {round}"), "category": "cyber", "likelihood": 1, "impact": 1});
            let body = body.to_string().into_bytes();
            let key = format!("round-{round}");
            let headers = [("idempotency-key", key.as_str())];
            let all = (0..64).map(|_| s.send(&token, "POST", &register, &headers, Some(body.clone())));
            let answers = futures::future::join_all(all).await;
            let mut ids = BTreeSet::new();
            let mut fresh = 0;
            for answer in answers {
                match answer.status {
                    201 => {
                        fresh += usize::from(answer.header("idempotency-replayed").is_empty());
                        ids.insert(text(&answer.json(), "id"));
                    }
                    409 => drop(answer.problem(409, "CONFLICT")),
                    other => panic!("{other}: {}", answer.text),
                }
            }
            assert_eq!((ids.len(), fresh), (1, 1), "round {round}");
        }
        let total = s.get(&token, &format!("{register}?include_total=true&limit=1")).await.must(200)["total"].clone();
        assert_eq!(total, json!(rounds()));
        let entries = psql(
            &s.database,
            &format!("SELECT count(*) FROM journal WHERE org_id = '{org}' AND action = 'risk.created'"),
        );
        assert_eq!(entries, rounds().to_string());

        let body = json!({"title": "Key", "category": "cyber", "likelihood": 1, "impact": 1}).to_string().into_bytes();
        let post = async |token: &str, org: &str, key: &str, body: &[u8]| {
            let path = format!("/orgs/{org}/risks/register");
            s.send(token, "POST", &path, &[("idempotency-key", key)], Some(body.to_vec())).await
        };
        let first = post(&token, &org, "k", &body).await;
        let replay = post(&token, &org, "k", &body).await;
        assert_eq!((replay.status, replay.header("idempotency-replayed")), (201, "true".to_owned()));
        assert_eq!(
            (replay.json(), replay.header("etag"), replay.header("location")),
            (first.json(), first.header("etag"), first.header("location"))
        );
        post(&token, &org, "k", br#"{"title": "Other"}"#).await.problem(422, "VALIDATION_ERROR");
        let other = json!({"title": "Other", "category": "cyber", "likelihood": 1, "impact": 1}).to_string();
        post(&token, &org, "k", other.as_bytes()).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
        let elsewhere = s.org(&token, "Elsewhere").await;
        assert_ne!(text(&post(&token, &elsewhere, "k", &body).await.must(201), "id"), text(&first.json(), "id"));
        let analyst = s.member(&token, &org, "analyst").await;
        assert_ne!(text(&post(&analyst, &org, "k", &body).await.must(201), "id"), text(&first.json(), "id"));
        // A refusal is not kept: the same key works once the input is right.
        let wrong = json!({"title": "", "category": "cyber", "likelihood": 1, "impact": 1}).to_string();
        post(&token, &org, "again", wrong.as_bytes()).await.problem(422, "VALIDATION_ERROR");
        post(&token, &org, "again", &body).await.must(201);
        post(&token, &org, &"k".repeat(255), &body).await.must(201);
        post(&token, &org, &"k".repeat(256), &body).await.problem(400, "BAD_REQUEST");
        post(&token, &org, "", &body).await.problem(400, "BAD_REQUEST");
        psql(&s.database, "UPDATE replies SET created_at = now() - interval '25 hours'");
        let late = post(&token, &org, "k", &body).await;
        assert!(late.header("idempotency-replayed").is_empty() && late.status == 201, "kept for 24 hours");
        s.running.stop().await;
    });
}

#[test]
fn where_the_journal_cannot_be_written_nothing_is() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Unjournaled").await;
        let register = format!("/orgs/{org}/risks/register");
        let body = json!({"title": "Kept", "category": "cyber", "likelihood": 1, "impact": 1});
        let one =
            format!("{register}/{}", text(&s.json(&token, "POST", &register, body.clone()).await.must(201), "id"));
        psql(&s.database, "REVOKE INSERT ON journal FROM grc_app");
        let headers = [("idempotency-key", "k"), ("content-type", "application/json")];
        let refused = s.send(&token, "POST", &register, &headers, Some(body.to_string().into_bytes())).await;
        refused.problem(500, "INTERNAL");
        s.json(&token, "PATCH", &one, json!({"title": "Changed"})).await.problem(500, "INTERNAL");
        s.send(&token, "DELETE", &one, &[], None).await.problem(500, "INTERNAL");
        psql(&s.database, "GRANT INSERT ON journal TO grc_app");
        let page = s.get(&token, &register).await.must(200);
        assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][0]["title"]), (1, &json!("Kept")));
        let again = s.send(&token, "POST", &register, &headers, Some(body.to_string().into_bytes())).await;
        assert!(again.status == 201 && again.header("idempotency-replayed").is_empty(), "the key was not used up");
        s.running.stop().await;
    });
}

#[test]
fn every_rule_of_a_list_is_kept() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Lists").await;
        let register = format!("/orgs/{org}/risks/register");
        for n in 0..5 {
            let body = json!({"title": format!("Risk {n}"), "category": "cyber", "likelihood": n + 1, "impact": 1});
            s.json(&token, "POST", &register, body).await.must(201);
        }
        let page = s.get(&token, &format!("{register}?limit=2")).await.must(200);
        let cursor = text(&page, "next_cursor");
        let treatments = format!("{register}/{}/treatments", text(&page["items"][0], "id"));
        let many = (0..1_000).map(|n| format!("&title=t{n}")).collect::<String>();
        for (path, field) in [
            (format!("{register}?cursor={}", &cursor[..cursor.len() - 5]), "cursor"),
            (format!("{register}?cursor=nonsense"), "cursor"),
            (format!("{register}?cursor={cursor}&sort=title"), "cursor"),
            (format!("{register}?cursor={cursor}&category=cyber"), "cursor"),
            (format!("{treatments}?cursor={cursor}"), "cursor"),
            (format!("{register}?limit=0"), "limit"),
            (format!("{register}?limit=201"), "limit"),
            (format!("{register}?limit=ten"), "limit"),
            (format!("{register}?sort=description"), "sort"),
            (format!("{register}?sort=nothing"), "sort"),
            (format!("{register}?likelihood=high"), "likelihood"),
            (format!("{register}?likelihood__gte=1&likelihood__gte=2"), "likelihood__gte"),
            (format!("{register}?category=weather"), "category"),
            (format!("{register}?created_at__gte=yesterday"), "created_at__gte"),
            (format!("{register}?owner_id=me"), "owner_id"),
            (format!("{register}?above_appetite=yes"), "above_appetite"),
            (format!("{register}?title__gte=a"), "title__gte"),
            (format!("{register}?fields=title,secret"), "fields"),
            (format!("{register}?include_total=1"), "include_total"),
            (format!("{register}?colour=red"), "colour"),
            (format!("{register}?limit=5{many}"), "filter"),
            (format!("{register}?title=a%00b"), "title"),
            (format!("{register}?q={}", "x".repeat(501)), "q"),
        ] {
            let problem = s.get(&token, &path).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], json!(field), "{path}: {problem}");
        }
        let several =
            s.get(&token, &format!("{register}?limit=0&sort=x&colour=red")).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(several["errors"].as_array().unwrap().len(), 3);
        let picked = s
            .get(&token, &format!("{register}?fields=title,likelihood&sort=-likelihood&limit=1&include_total=true"))
            .await
            .must(200);
        let members: Vec<&String> = picked["items"][0].as_object().unwrap().keys().collect();
        assert_eq!(members, ["id", "likelihood", "title"]);
        assert_eq!((&picked["total"], &picked["items"][0]["likelihood"]), (&json!(5), &json!(5)));
        let any = s.get(&token, &format!("{register}?likelihood=1&likelihood=5&sort=title")).await.must(200);
        let titles: Vec<&str> = any["items"].as_array().unwrap().iter().map(|i| i["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["Risk 0", "Risk 4"]);

        let one = format!("{register}/{}", text(&page["items"][0], "id"));
        let many: Vec<String> = (100..120).map(|revision| format!("\"{revision}\"")).collect();
        for (header, status) in [
            ("W/{tag}".to_owned(), 412),
            ("\"0-0\", {tag}".to_owned(), 200),
            // Any of them will do, also where another is newer than what is stored.
            ("\"900-0\", W/\"1-0\", {tag}, \"901\"".to_owned(), 200),
            ("\"900-0\", \"901-0\"".to_owned(), 412),
            ("\"not a revision\"".to_owned(), 412),
            (many.join(","), 400),
            ("*".to_owned(), 200),
        ] {
            let tag = s.get(&token, &one).await.header("etag");
            let header = header.replace("{tag}", &tag);
            let patch = json!({"title": format!("After {header}")}).to_string().into_bytes();
            let got = s.send(&token, "PATCH", &one, &[("if-match", &header)], Some(patch)).await;
            assert_eq!(got.status, status, "{header}: {}", got.text);
            assert_eq!(s.get(&token, &one).await.header("etag") != tag, status == 200, "{header}");
        }
        s.running.stop().await;
    });
}

/// Every operation that changes something leaves exactly one entry: the resources of the registry by their own
/// examples, every other operation by a line of its own; an operation that is in neither fails the test.
#[test]
fn every_change_leaves_exactly_one_entry() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Audit").await;
        let known = crate::walk::Walk::over(&s, &token, &org).await;
        let document = grc_api::serve::document();
        let mut missing = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|method| *method != "get") {
                let name = format!("{} {}", method.to_uppercase(), path.trim_start_matches("/api/v1"));
                if !known.covered.contains(&name) {
                    missing.push(name);
                }
            }
        }
        assert!(missing.is_empty(), "no step of the walk covers {missing:#?}");
        assert!(known.wrong.is_empty(), "{:#?}", known.wrong);
        let unread: Vec<_> = crate::walk::lists().into_iter().filter(|list| !known.exported.contains(list)).collect();
        assert!(unread.is_empty() && known.exported.len() >= 40, "no list of these was had as a file: {unread:#?}");
        // Of every kind in the feed it is known who may read it, and every event begins with its kind.
        let kinds = psql(&s.database, "SELECT string_agg(DISTINCT resource_type, ' ') FROM journal WHERE feed");
        let readable: BTreeSet<&str> = grc_uow::registry::readable().map(|(kind, _)| kind).collect();
        let unknown: Vec<&str> = kinds.split(' ').filter(|kind| !readable.contains(kind)).collect();
        assert!(unknown.is_empty(), "name these in grc_uow::registry::readable: {unknown:?}");
        let odd =
            "SELECT string_agg(DISTINCT action, ' ') FROM journal WHERE split_part(action, '.', 1) <> resource_type";
        assert_eq!(psql(&s.database, odd), "");
        s.running.stop().await;
    });
}

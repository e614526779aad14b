//! Imports: every register, there and back; rows that fail; files that are none.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    demo::demo,
    harness::{Got, Service, fields, psql, run, text},
    walk::lists,
};

const CSV: &str = "text/csv";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Sends a table.
async fn send(s: &Service, token: &str, org: &str, query: &str, kind: &str, table: &[u8]) -> Got {
    let path = format!("/orgs/{org}/imports?{query}");
    s.send(token, "POST", &path, &[("content-type", kind)], Some(table.to_vec())).await
}

/// What became of an import.
async fn done(s: &Service, token: &str, org: &str, begun: &Value) -> Value {
    let over = |job: &Value| !["queued", "running"].contains(&job["status"].as_str().unwrap());
    s.until(token, &format!("/orgs/{org}/imports/{}", text(begun, "id")), over).await
}

/// Imports a CSV and waits.
async fn import(s: &Service, token: &str, org: &str, query: &str, table: &str) -> Value {
    let begun = send(s, token, org, query, CSV, table.as_bytes()).await.must(202);
    done(s, token, org, &begun).await
}

fn counts(job: &Value) -> [i64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| job["result"][name].as_i64().unwrap())
}

/// The rows that failed: their numbers, columns, codes.
fn failed(job: &Value) -> Vec<(i64, String, String)> {
    let errors = |item: &Value| {
        let row = item["row"].as_i64().unwrap();
        let one = move |error: &Value| {
            let column = error["column"].as_str().unwrap_or("-").to_owned();
            (row, column, error["code"].as_str().unwrap().to_owned())
        };
        item["errors"].as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    job["items"].as_array().unwrap().iter().flat_map(errors).collect()
}

/// Lists that no table is imported into, and why.
const NOT_IMPORTED: &[(&str, &str)] = &[
    ("/orgs", "organizations are made by the platform"),
    ("/orgs/{org_id}/users", "people join by invitation"),
    ("/orgs/{org_id}/api-keys", "a secret is shown once"),
    ("/orgs/{org_id}/webhooks", "a secret is shown once"),
    ("/orgs/{org_id}/a2a/grants", "a secret is shown once"),
    ("/orgs/{org_id}/reports", "a report is work to be done"),
    ("/orgs/{org_id}/risks/fair/{analysis_id}/runs", "a run is work to be done"),
    ("/orgs/{org_id}/incidents/{incident_id}/evidence", "evidence has an import of its own"),
    ("/orgs/{org_id}/vendors/{vendor_id}/attestations", "a vendor answers for itself"),
    ("/frameworks", "a framework has an import of its own"),
];

#[test]
fn every_register_is_imported_or_says_why_not() {
    let document = grc_api::serve::document();
    let mut missing = Vec::new();
    for list in lists() {
        let paths = &document["paths"];
        let one = paths.as_object().unwrap().iter().find(|(path, _)| {
            let under = path.strip_prefix(&format!("/api/v1{list}/{{"));
            under.is_some_and(|rest| rest.ends_with('}') && !rest.contains('/'))
        });
        let changes = paths[format!("/api/v1{list}")].get("post").is_some()
            || one.is_some_and(|(_, item)| item.get("patch").is_some());
        let known =
            grc_api::transfer::target::TARGETS.iter().any(|target| format!("/orgs/{{org_id}}/{}", target.path) == list);
        let excepted = NOT_IMPORTED.iter().any(|(path, _)| *path == list);
        assert!(!(known && excepted), "{list} is imported, and excepted");
        if changes && !known && !excepted {
            missing.push(list);
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "give them a line in TARGETS");
    for (path, _) in NOT_IMPORTED {
        assert!(lists().iter().any(|list| list == path), "{path} is no list");
    }
}

#[test]
fn every_reference_of_every_register_can_be_given_by_name() {
    for target in grc_api::transfer::target::TARGETS {
        for member in (target.known)().members {
            if let Some(kind) = grc_transfer::columns::kind_of(member.ty) {
                let found = ["user", "framework"].contains(&kind) || grc_api::transfer::target::of_kind(kind).is_some();
                assert!(found, "{} of {} refers to {kind}, which nobody finds by name", member.name, target.name);
            }
        }
    }
}

/// The lists of a register in the demo: one, or one for each record that they are under.
async fn addresses(s: &Service, token: &str, org: &str, path: &str) -> Vec<String> {
    match path.split_once("/{") {
        None => vec![format!("/orgs/{org}/{path}")],
        Some((parents, rest)) => {
            let under = rest.split_once('}').unwrap().1;
            let page = s.get(token, &format!("/orgs/{org}/{parents}?limit=200")).await.must(200);
            let ids = page["items"].as_array().unwrap().iter().map(|item| text(item, "id"));
            ids.map(|id| format!("/orgs/{org}/{parents}/{id}{under}")).collect()
        }
    }
}

#[test]
fn what_is_exported_and_imported_again_changes_nothing() {
    run(async {
        let (s, token, org) = demo().await;
        let entries = || psql(&s.database, "SELECT count(*) FROM journal WHERE resource_type <> 'import'");
        let before = entries();
        let mut seen: BTreeMap<&str, i64> = BTreeMap::new();
        let mut wrong = Vec::new();
        for target in grc_api::transfer::target::TARGETS {
            for path in addresses(&s, &token, &org, target.path).await {
                for kind in [CSV, XLSX, "application/json"] {
                    let table = s.send(&token, "GET", &format!("{path}?limit=200"), &[("accept", kind)], None).await;
                    assert_eq!(table.status, 200, "{}", table.text);
                    let query = format!("resource={}&atomic=false", target.name);
                    let begun = send(&s, &token, &org, &query, kind, &table.bytes).await;
                    if begun.status == 422 && begun.text.contains("no_rows") {
                        continue;
                    }
                    let job = done(&s, &token, &org, &begun.must(202)).await;
                    let [created, updated, unchanged, failed] = counts(&job);
                    if job["status"] != "completed" || created + updated + failed > 0 || unchanged == 0 {
                        wrong.push(format!("{path} as {kind}: {job}"));
                    }
                    *seen.entry(target.name).or_default() += unchanged;
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let unseen: Vec<&str> = grc_api::transfer::target::TARGETS
            .iter()
            .map(|target| target.name)
            .filter(|name| !seen.contains_key(name))
            .collect();
        assert_eq!(unseen, Vec::<&str>::new(), "the demo has none of these");
        assert_eq!(entries(), before, "an import that changes nothing leaves no entry but its own");
        s.running.stop().await;
    });
}

#[test]
fn a_register_moves_to_another_organization() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let (from, to) = (s.org(&token, "From").await, s.org(&token, "To").await);
        for (n, title) in ["Flood", "=HYPERLINK(\"x\")", "Semicolon; comma, and \"quotes\"", "-1"].iter().enumerate() {
            let body = json!({"title": title, "category": "third_party", "likelihood": n + 1, "impact": 3,
                "ref_id": format!("R-{n}"), "tags": ["a;b", "c"], "description": "one\r\ntwo\n"});
            s.json(&token, "POST", &format!("/orgs/{from}/risks/register"), body).await.must(201);
        }
        for (kind, more) in [(CSV, ""), (XLSX, "&match=title")] {
            let table = s.send(&token, "GET", &format!("/orgs/{from}/risks/register"), &[("accept", kind)], None).await;
            let query = format!("resource=risks&mapping=%7B%22id%22%3Anull%7D{more}");
            let dry = send(&s, &token, &to, &format!("{query}&mode=dry_run"), kind, &table.bytes).await.must(202);
            let dry = done(&s, &token, &to, &dry).await;
            let begun = send(&s, &token, &to, &query, kind, &table.bytes).await.must(202);
            let job = done(&s, &token, &to, &begun).await;
            assert_eq!(counts(&dry), counts(&job), "{dry}");
            assert_eq!(job["result"]["ignored_columns"], json!(["id"]));
            let expected = if kind == CSV { [4, 0, 0, 0] } else { [0, 0, 4, 0] };
            assert_eq!((counts(&job), &job["status"]), (expected, &json!("completed")), "{job}");
        }
        let bare = |page: Value| {
            let mut items = page["items"].as_array().unwrap().clone();
            for item in &mut items {
                for name in ["id", "org_id", "created_at", "updated_at"] {
                    item.as_object_mut().unwrap().remove(name);
                }
            }
            items
        };
        let list = async |org: &str| s.get(&token, &format!("/orgs/{org}/risks/register?sort=title")).await.must(200);
        assert_eq!(bare(list(&to).await), bare(list(&from).await));
        // Each row is a change of its own, on behalf of whoever asked.
        let log = s.get(&token, &format!("/orgs/{to}/audit-log?resource_type=risk")).await.must(200);
        let log = log["items"].as_array().unwrap();
        assert!(log.len() == 4 && log.iter().all(|entry| entry["request_id"].as_str().unwrap().starts_with("import-")));
        s.running.stop().await;
    });
}

#[test]
fn rows_fail_with_their_number_column_and_what_would_be_right() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Rows").await;
        let table = "Title,Category,Likelihood,Impact,Owner ID,Ref ID\n\
                     Good,operational,3,3,admin@example.com,R-1\n\
                     \n\
                     Bad word,Weather,3,3,,R-2\n\
                     Bad number,operational,9,x,,R-3\n\
                     ,operational,1,1,,R-4\n\
                     Nobody,operational,1,1,nobody@example.com,R-5\n\
                     Doubled,operational,1,1,,R-1\n\
                     Long,operational,1,1,,R-7,more\n";
        let admin = psql(&s.database, "SELECT email FROM accounts LIMIT 1");
        let table = table.replace("admin@example.com", &admin);
        let expected = [
            (4, "Category", "invalid"),
            (5, "Impact", "type"),
            (6, "Title", "required"),
            (7, "Owner ID", "unknown_reference"),
            (8, "Ref ID", "doubled_row"),
            (9, "-", "too_many_cells"),
        ];
        let expected: Vec<_> = expected.map(|(row, column, code)| (row, column.to_owned(), code.to_owned())).to_vec();

        let whole = import(&s, &token, &org, "resource=risks", &table).await;
        assert_eq!((&whole["status"], failed(&whole)), (&json!("failed"), expected.clone()), "{whole}");
        assert!(whole["error"].as_str().unwrap().contains("6 of 7"), "{whole}");
        assert!(whole["items"][0]["errors"][0]["allowed"].as_array().unwrap().contains(&json!("operational")));
        let risks = async || s.get(&token, &format!("/orgs/{org}/risks/register?include_total=true")).await.must(200);
        assert_eq!(risks().await["total"], 0, "all or nothing");

        let dry = import(&s, &token, &org, "resource=risks&mode=dry_run&atomic=false", &table).await;
        assert_eq!((&dry["status"], counts(&dry), failed(&dry)), (&json!("completed"), [1, 0, 0, 6], expected.clone()));
        assert_eq!(risks().await["total"], 0, "a dry run changes nothing");

        let each = import(&s, &token, &org, "resource=risks&atomic=false", &table).await;
        assert_eq!((&each["status"], counts(&each), failed(&each)), (&json!("completed"), [1, 0, 0, 6], expected));
        let page = risks().await;
        assert_eq!((&page["total"], &page["items"][0]["title"]), (&json!(1), &json!("Good")));

        // The same reference is the same record: it is changed, an empty cell clears, a column that is not there stays.
        let again = import(&s, &token, &org, "resource=risks", "ref_id,title,owner_id\nR-1,Better,\n").await;
        assert_eq!(counts(&again), [0, 1, 0, 0], "{again}");
        let page = risks().await;
        let item = &page["items"][0];
        assert_eq!(
            (&item["title"], &item["owner_id"], &item["likelihood"]),
            (&json!("Better"), &Value::Null, &json!(3))
        );
        let twice = format!("id,ref_id,title\n{},,By id\n,R-1,By reference\n", text(item, "id"));
        let twice = import(&s, &token, &org, "resource=risks&atomic=false", &twice).await;
        assert_eq!(failed(&twice), [(3, "ref_id".to_owned(), "doubled_row".to_owned())], "{twice}");
        let new = import(&s, &token, &org, "resource=risks", "ref_id,title\nR-9,New\n").await;
        let missing: Vec<String> = failed(&new).into_iter().map(|(_, _, code)| code).collect();
        assert_eq!(missing, ["required"; 3], "{new}");

        // Frameworks are told by their keys; a record that only a later row makes is none, so a cycle is refused.
        let table = "name,framework_id,carry_forward_from\nYearly,SOC2_TYPE2,\nOdd,NONE,\nOne,SOC2_TYPE2,Two\nTwo,SOC2_TYPE2,One\n";
        let framed = import(&s, &token, &org, "resource=assessments&atomic=false", table).await;
        let unknown = |row, column: &str| (row, column.to_owned(), "unknown_reference".to_owned());
        let expected = [unknown(3, "framework_id"), unknown(4, "carry_forward_from"), unknown(5, "carry_forward_from")];
        assert_eq!((counts(&framed), failed(&framed)), ([1, 0, 0, 3], expected.to_vec()), "{framed}");
        s.running.stop().await;
    });
}

#[test]
fn what_is_no_table_is_refused_and_nothing_is_kept() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Bad").await;
        let title = "title,category,likelihood,impact\n";
        let good = format!("{title}A,operational,1,1\n");
        let wide = format!("{}\n1\n", "x,".repeat(1_000_000));
        let latin = [title.as_bytes(), b"M\xfcller,operational,1,1\n"].concat();
        let cases: Vec<(&str, &str, Vec<u8>, &str, &str)> = vec![
            ("", CSV, good.clone().into(), "resource", "required"),
            ("resource=nothing", CSV, good.clone().into(), "resource", "invalid"),
            ("resource=risks&mode=try", CSV, good.clone().into(), "mode", "invalid"),
            ("resource=risks&atomic=1", CSV, good.clone().into(), "atomic", "invalid"),
            ("resource=risks&atomic=true&atomic=true", CSV, good.clone().into(), "atomic", "repeated"),
            ("resource=risks&dry=1", CSV, good.clone().into(), "dry", "unknown"),
            ("resource=risks&mapping=x", CSV, good.clone().into(), "mapping", "type"),
            ("resource=risks&mapping=%7B%22a%22%3A%22b%22%7D", CSV, good.clone().into(), "mapping", "unknown_member"),
            ("resource=risks&mapping=%7B%22a%22%3Anull%7D", CSV, good.clone().into(), "mapping", "unknown_column"),
            ("resource=risks&match=likelihood", CSV, good.clone().into(), "match", "invalid"),
            ("resource=risks", CSV, Vec::new(), "body", "no_heading"),
            ("resource=risks", CSV, title.into(), "body", "no_rows"),
            ("resource=risks", CSV, latin, "body", "encoding"),
            ("resource=risks", CSV, wide.into(), "body", "too_many_columns"),
            ("resource=risks", CSV, b"title,weather\na,b\n".to_vec(), "columns[1]", "unknown_column"),
            ("resource=risks", CSV, b"title,Title\na,b\n".to_vec(), "columns[1]", "doubled_column"),
            ("resource=risks", CSV, b"title,score\na,1\n".to_vec(), "columns", "missing_column"),
            ("resource=risks", XLSX, good.clone().into(), "body", "format"),
            ("resource=risks&format=json", CSV, good.clone().into(), "body", "format"),
        ];
        for (query, kind, table, field, code) in cases {
            let got = send(&s, &token, &org, query, kind, &table).await;
            let problem = got.problem(422, "VALIDATION_ERROR");
            let said = fields(&problem);
            assert!(said.contains(&(field.to_owned(), code.to_owned())), "{query}: {problem}");
        }
        send(&s, &token, &org, "resource=risks", "text/html", good.as_bytes())
            .await
            .problem(415, "UNSUPPORTED_MEDIA_TYPE");
        let large = vec![b'a'; 64 * 1024 * 1024 + 1];
        send(&s, &token, &org, "resource=risks", CSV, &large).await.problem(413, "PAYLOAD_TOO_LARGE");
        assert_eq!(psql(&s.database, "SELECT count(*) FROM imports"), "0");

        // Who may not change the register imports nothing into it, and who may not read it sees no import.
        let viewer = s.member(&token, &org, "viewer").await;
        send(&s, &viewer, &org, "resource=risks", CSV, good.as_bytes()).await.problem(403, "FORBIDDEN");
        let (other, begun) = (s.org(&token, "Other").await, import(&s, &token, &org, "resource=risks", &good).await);
        let id = text(&begun, "id");
        s.get(&viewer, &format!("/orgs/{org}/imports/{id}")).await.must(200);
        s.get(&token, &format!("/orgs/{other}/imports/{id}")).await.problem(404, "NOT_FOUND");
        s.get(&token, &format!("/orgs/{org}/imports/x")).await.problem(422, "VALIDATION_ERROR");

        // The same request under the same key is the same import.
        let headers = [("content-type", CSV), ("idempotency-key", "once")];
        let path = format!("/orgs/{org}/imports?resource=risks");
        let one = s.send(&token, "POST", &path, &headers, Some(good.clone().into())).await;
        let two = s.send(&token, "POST", &path, &headers, Some(good.into())).await;
        assert_eq!((two.header("idempotency-replayed").as_str(), &two.text), ("true", &one.text));
        assert_eq!(one.header("location"), format!("/api/v1/orgs/{org}/imports/{}", text(&one.json(), "id")));

        // Templates are the headings of exports.
        let template = s.get(&token, &format!("/orgs/{org}/imports/templates/risks")).await;
        let export =
            s.send(&token, "GET", &format!("/orgs/{org}/risks/register?limit=1"), &[("accept", CSV)], None).await;
        assert_eq!(template.text.trim_end(), export.text.lines().next().unwrap().trim_end());
        let accept = [("accept", "application/json")];
        let told =
            s.send(&token, "GET", &format!("/orgs/{org}/imports/templates/risks"), &accept, None).await.must(200);
        assert_eq!((&told["creates"], &told["matches"]), (&json!(true), &json!(["ref_id", "title"])));
        s.get(&token, &format!("/orgs/{org}/imports/templates/nothing")).await.problem(404, "NOT_FOUND");
        let all = s.get(&token, &format!("/orgs/{org}/imports/templates")).await.must(200);
        assert_eq!(all["items"].as_array().unwrap().len(), grc_api::transfer::target::TARGETS.len());
        s.running.stop().await;
    });
}

#[test]
fn an_import_acts_as_whoever_asked_for_it_and_no_longer() {
    run(async {
        // Without workers the import waits.
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Gone").await;
        let analyst = s.member(&token, &org, "analyst").await;
        let begun =
            send(&s, &analyst, &org, "resource=risks", CSV, b"title,category,likelihood,impact\nA,cyber,1,1\n").await;
        let begun = begun.must(202);
        let users = s.get(&token, &format!("/orgs/{org}/users?role=analyst")).await.must(200);
        let user = text(&users["items"][0], "id");
        s.json(&token, "PATCH", &format!("/orgs/{org}/users/{user}"), json!({"role": "viewer"})).await.must(200);
        let table = b"title,category,likelihood,impact\nB,cyber,1,1\n";
        let mut by_key = Vec::new();
        for name in ["kept", "revoked"] {
            let key = json!({"name": name, "role": "analyst"});
            let key = s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), key).await.must(201);
            by_key.push(send(&s, &text(&key, "key"), &org, "resource=risks", CSV, table).await.must(202));
            if name == "revoked" {
                s.json(&token, "DELETE", &format!("/orgs/{org}/api-keys/{}", text(&key, "id")), json!({}))
                    .await
                    .must(204);
            }
        }
        let working = s.another(&[]).await;
        let good = done(&working, &token, &org, &by_key[0]).await;
        assert_eq!((&good["status"], counts(&good)), (&json!("completed"), [1, 0, 0, 0]), "{good}");
        let gone = done(&working, &token, &org, &by_key[1]).await;
        assert_eq!((&gone["status"], counts(&gone)), (&json!("failed"), [0, 0, 0, 0]), "{gone}");
        assert!(gone["error"].as_str().unwrap().contains("no longer"), "{gone}");
        let job = done(&working, &token, &org, &begun).await;
        assert_eq!((&job["status"], counts(&job)), (&json!("failed"), [0, 0, 0, 1]), "{job}");
        assert_eq!(failed(&job)[0].2, "forbidden");
        working.running.stop().await;
        s.running.stop().await;
    });
}

#[test]
fn a_long_import_goes_on_where_it_was_left() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Long").await;
        let mut table = String::from("ref_id,title,category,likelihood,impact\n");
        for n in 0..1_500 {
            let likelihood = if n % 100 == 7 { 99 } else { 2 };
            table.push_str(&format!("L-{n},Risk {n},cyber,{likelihood},3\n"));
        }
        let begun = send(&s, &token, &org, "resource=risks&atomic=false", CSV, table.as_bytes()).await.must(202);
        let path = format!("/orgs/{org}/imports/{}", text(&begun, "id"));
        s.until(&token, &path, |job| job["result"]["done"].as_i64().unwrap() >= 200).await;
        s.running.stop().await;
        // Another worker goes on with the rows that wait; none is done twice or left out.
        let s = Service::on(&s.database, &[]).await;
        let token = s.admin().await;
        let job = done(&s, &token, &org, &begun).await;
        assert_eq!((&job["status"], counts(&job)), (&json!("completed"), [1_485, 0, 0, 15]), "{job}");
        let rows: Vec<i64> = failed(&job).into_iter().map(|(row, _, _)| row).collect();
        assert_eq!(rows, (0..15).map(|n| n * 100 + 9).collect::<Vec<_>>());
        let risks = s.get(&token, &format!("/orgs/{org}/risks/register?limit=1&include_total=true")).await.must(200);
        assert_eq!(risks["total"], 1_485);
        s.running.stop().await;
    });
}

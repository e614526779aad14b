//! Policy decisions over HTTP: playbooks and what becomes of them, policies of organizations, hostile ones among them, the
//! log, the two engines.

use grc_rego::{
    WorkerCommand,
    stub::{Mood, Stub},
};
use serde_json::{Value, json};

use crate::{
    harness::{Got, Service, fields, psql, run, text},
    incident::open,
};

async fn service() -> (Service, String, String) {
    let s = Service::start(&[]).await;
    let token = s.admin().await;
    let org = s.org(&token, "Decisions").await;
    (s, token, org)
}

async fn decide(s: &Service, token: &str, body: Value) -> Got {
    s.json(token, "POST", "/opa/decisions", body).await
}

async fn put(s: &Service, token: &str, org: &str, name: &str, rego: &str) -> Got {
    s.json(token, "PUT", &format!("/orgs/{org}/opa/policies/{name}"), json!({"rego": rego})).await
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn strings(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| text(one, member)).collect()
}

#[test]
fn the_example_of_the_contract_works_as_written() {
    run(async {
        let (s, token, org) = service().await;
        let body = json!({"org_id": org, "path": "incident/playbooks/ransomware", "input": {"severity": "high"}, "apply": false});
        let said = decide(&s, &token, body).await.must(200);
        assert_eq!((&said["path"], &said["outcome"]), (&json!("incident/playbooks/ransomware"), &json!("defined")));
        assert_eq!(
            (&said["engine"], &said["applied"], &said["task_ids"]),
            (&json!("embedded"), &json!(false), &json!([]))
        );
        assert_eq!(said["result"]["title"], "Ransomware response");
        assert_eq!(text(&said, "bundle_digest").len(), 64);
        assert_eq!(text(&said, "input_digest").len(), 64);
        assert!(said["duration_ms"].as_f64().unwrap() > 0.0);
        assert!(strings(&said["actions"], "id").contains(&"isolate".to_owned()));
        // All playbooks that the reference and the contract name, by their short names too.
        for name in ["ransomware", "phishing", "dos", "denial_of_service", "data_breach", "insider_threat"] {
            let said = decide(&s, &token, json!({"org_id": org, "playbook": name, "input": {}})).await.must(200);
            assert!(said["actions"].as_array().unwrap().len() >= 2, "{name}");
        }
        // Who belongs to one organization only, and every key, need not name it.
        let analyst = s.member(&token, &org, "analyst").await;
        decide(&s, &analyst, json!({"playbook": "phishing"})).await.must(200);
        let key =
            s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), json!({"name": "K", "role": "viewer"})).await;
        let key = text(&key.must(201), "key");
        decide(&s, &key, json!({"playbook": "phishing"})).await.must(200);
    });
}

#[test]
fn a_playbook_becomes_tasks_and_timeline_entries_once() {
    run(async {
        let (s, token, org) = service().await;
        let one = open(&s, &token, &org, json!({"affected_systems": ["erp-01"], "affected_records": 10})).await;
        let body = json!({"org_id": org, "playbook": "ransomware", "incident_id": id(&one), "apply": true,
            "input": {"ransom_note": true, "incident": {"affected_records": 0, "spreading": true}}});
        let applied = decide(&s, &token, body.clone()).await.must(200);
        let tasks = applied["task_ids"].as_array().unwrap();
        let actions = strings(&applied["actions"], "id");
        // What is stored of the incident stands; what was said beside it adds to it.
        assert!(
            actions.contains(&"notify-authority".to_owned()) && actions.contains(&"segment".to_owned()),
            "{actions:?}"
        );
        assert!(actions.contains(&"no-contact".to_owned()));
        assert_eq!((tasks.len() + 1, &applied["applied"]), (actions.len(), &json!(true)));
        let incident = s.get(&token, &one).await.must(200);
        assert_eq!(incident["tasks"].as_array().unwrap().len(), tasks.len());
        let notify =
            incident["tasks"].as_array().unwrap().iter().find(|task| text(task, "title").contains("authority"));
        let notify = notify.unwrap();
        let at = |value: &Value| {
            let text = value.as_str().unwrap();
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
        };
        assert_eq!(at(&notify["due_at"]) - at(&incident["detected_at"]), time::Duration::hours(72));
        assert!(text(notify, "description").ends_with("From the playbook incident/playbooks/ransomware."));
        let events = strings(&incident["timeline"], "event_type");
        let count = |kind: &str| events.iter().filter(|event| *event == kind).count();
        assert_eq!((count("playbook_applied"), count("task_added"), count("playbook_note")), (1, tasks.len(), 1));
        // Again: nothing new, but for what other facts call for.
        let again = decide(&s, &token, body.clone()).await.must(200);
        assert_eq!(
            (&again["task_ids"], again["skipped_actions"].as_array().unwrap().len()),
            (&json!([]), actions.len())
        );
        let mut more = body.clone();
        more["input"]["exfiltration"] = json!(true);
        let more = decide(&s, &token, more).await.must(200);
        assert_eq!(more["task_ids"].as_array().unwrap().len(), 1);
        let incident = s.get(&token, &one).await.must(200);
        assert_eq!(incident["tasks"].as_array().unwrap().len(), tasks.len() + 1);
        // Another playbook has its own.
        let other =
            json!({"org_id": org, "playbook": "data_breach", "apply": true, "input": {"incident": {"id": id(&one)}}});
        assert!(!decide(&s, &token, other).await.must(200)["task_ids"].as_array().unwrap().is_empty());
        let entries = psql(
            &s.database,
            "SELECT string_agg(action, ' ' ORDER BY sequence) FROM journal WHERE action LIKE '%playbook%' OR action LIKE 'policy%'",
        );
        assert_eq!(
            entries,
            "incident.playbook_applied policy_decision.created incident.playbook_applied incident.playbook_applied"
        );
        let log =
            s.get(&token, &format!("/orgs/{org}/opa/decisions?incident_id={}&include_total=true", id(&one))).await;
        assert_eq!(log.must(200)["total"], 4);
    });
}

#[test]
fn a_retried_application_is_answered_from_memory_and_two_at_once_give_each_action_once() {
    run(async {
        let (s, token, org) = service().await;
        let one = open(&s, &token, &org, json!({})).await;
        let body = json!({"org_id": org, "playbook": "phishing", "incident_id": id(&one), "apply": true, "input": {}});
        let bytes = || Some(body.to_string().into_bytes());
        let key = [("idempotency-key", "apply-1")];
        let first = s.send(&token, "POST", "/opa/decisions", &key, bytes()).await;
        let again = s.send(&token, "POST", "/opa/decisions", &key, bytes()).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(first.must(200), again.must(200));
        let other = open(&s, &token, &org, json!({})).await;
        let body =
            json!({"org_id": org, "playbook": "phishing", "incident_id": id(&other), "apply": true, "input": {}});
        let all = futures::future::join_all((0..6).map(|_| decide(&s, &token, body.clone()))).await;
        let made: usize = all.into_iter().map(|got| got.must(200)["task_ids"].as_array().unwrap().len()).sum();
        assert_eq!(s.get(&token, &other).await.must(200)["tasks"].as_array().unwrap().len(), made);
        assert_eq!(made, 2);
    });
}

#[test]
fn who_may_decide_and_who_may_apply() {
    run(async {
        let (s, token, org) = service().await;
        let one = open(&s, &token, &org, json!({})).await;
        let other = s.org(&token, "Elsewhere").await;
        let foreign = open(&s, &token, &other, json!({})).await;
        let asked = json!({"org_id": org, "playbook": "phishing", "input": {}});
        let apply = json!({"org_id": org, "playbook": "phishing", "incident_id": id(&one), "apply": true});
        for (role, may_apply) in [("viewer", false), ("auditor", false), ("analyst", true)] {
            let theirs = s.member(&token, &org, role).await;
            decide(&s, &theirs, asked.clone()).await.must(200);
            let applied = decide(&s, &theirs, apply.clone()).await;
            assert_eq!(applied.status, if may_apply { 200 } else { 403 }, "{role}: {}", applied.text);
            let hidden = json!({"org_id": other, "playbook": "phishing"});
            decide(&s, &theirs, hidden).await.problem(404, "NOT_FOUND");
            let put = put(&s, &theirs, &org, "x", "package org.x\n").await;
            assert_eq!(put.status, 403, "{role}");
        }
        let absent = json!({"org_id": uuid::Uuid::now_v7(), "playbook": "phishing"});
        decide(&s, &token, absent).await.problem(404, "NOT_FOUND");
        // An incident of another organization is none of this one, even for who belongs to both.
        let across = json!({"org_id": org, "playbook": "phishing", "incident_id": id(&foreign), "apply": true});
        decide(&s, &token, across).await.problem(404, "NOT_FOUND");
        decide(&s, "", asked.clone()).await.problem(401, "UNAUTHORIZED");
        let scoped = json!({"name": "K", "role": "admin", "scopes": ["policy:read"]});
        let key = text(&s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), scoped).await.must(201), "key");
        decide(&s, &key, asked).await.must(200);
        decide(&s, &key, apply).await.problem(403, "FORBIDDEN");
    });
}

#[test]
fn bad_questions_are_refused_with_their_fields() {
    run(async {
        let (s, token, org) = service().await;
        let other = s.org(&token, "Two").await;
        assert_ne!(org, other);
        let cases = [
            (json!({"playbook": "phishing"}), "org_id required"),
            (json!({"org_id": org}), "path required"),
            (json!({"org_id": org, "path": "org/x", "playbook": "phishing"}), "playbook conflict"),
            (json!({"org_id": org, "path": "system/log"}), "path invalid"),
            (json!({"org_id": org, "path": "org/../system"}), "path invalid"),
            (json!({"org_id": org, "path": "incident/facts/severity"}), "path invalid"),
            (json!({"org_id": org, "playbook": "flood"}), "playbook invalid"),
            (json!({"org_id": org, "playbook": "phishing", "input": [1]}), "input type"),
            (json!({"org_id": org, "playbook": "phishing", "input": {"a": "\u{0}"}}), "input control_character"),
            (json!({"org_id": org, "playbook": "phishing", "input": {"a": "x".repeat(300_000)}}), "input too_long"),
            (json!({"org_id": org, "playbook": "phishing", "apply": true}), "incident_id required"),
            (json!({"org_id": org, "playbook": "phishing", "apply": "yes"}), "apply type"),
            (json!({"org_id": org, "playbook": "phishing", "data": {}}), "data unknown"),
        ];
        for (body, expected) in cases {
            let problem = decide(&s, &token, body.clone()).await.problem(422, "VALIDATION_ERROR");
            let found: Vec<String> =
                fields(&problem).into_iter().map(|(field, code)| format!("{field} {code}")).collect();
            assert_eq!(found, [expected], "{}", body.to_string().chars().take(200).collect::<String>());
        }
    });
}

#[test]
fn policies_are_put_read_and_removed_by_name() {
    run(async {
        let (s, token, org) = service().await;
        let rego =
            "package org.access\n\nimport rego.v1\n\ndefault allow := false\n\nallow if input.role == \"owner\"\n";
        let made = put(&s, &token, &org, "access", rego).await;
        let tag = made.header("etag");
        let made = made.must(200);
        assert_eq!(
            (&made["policy_id"], &made["version"], &made["package"]),
            (&json!("access"), &json!(1), &json!("org.access"))
        );
        let same = put(&s, &token, &org, "access", rego).await.must(200);
        assert_eq!(same, made, "the same text again changes nothing");
        let one = format!("/orgs/{org}/opa/policies/access");
        let got = s.send(&token, "GET", &one, &[("if-none-match", &tag)], None).await;
        assert_eq!(got.status, 304);
        assert_eq!(s.get(&token, &one).await.must(200)["rego"], rego);
        let ask = async |role: &str| -> Value {
            let body = json!({"org_id": org, "path": "org/access/allow", "input": {"role": role}});
            decide(&s, &token, body).await.must(200)["result"].clone()
        };
        assert_eq!((ask("owner").await, ask("guest").await), (json!(true), json!(false)));
        let changed = rego.replace("owner", "guest");
        let stale = json!({"rego": changed}).to_string().into_bytes();
        let moved = s.send(&token, "PUT", &one, &[("if-match", "\"7\"")], Some(stale)).await;
        moved.problem(412, "PRECONDITION_FAILED");
        put(&s, &token, &org, "access", &changed).await.must(200);
        assert_eq!((ask("owner").await, ask("guest").await), (json!(false), json!(true)));
        let versions = s.get(&token, &format!("/orgs/{org}/opa/policy-versions?policy_id=access")).await.must(200);
        let numbers: Vec<&Value> = versions["items"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
        assert_eq!(numbers, [&json!(2), &json!(1)]);
        let listed = s.get(&token, &format!("/orgs/{org}/opa/policies?include_total=true")).await.must(200);
        assert_eq!((&listed["total"], &listed["items"][0]["policy_id"]), (&json!(1), &json!("access")));
        // Another organization has none of it.
        let other = s.org(&token, "Other").await;
        s.get(&token, &format!("/orgs/{other}/opa/policies/access")).await.problem(404, "NOT_FOUND");
        let across = json!({"org_id": other, "path": "org/access/allow", "input": {"role": "guest"}});
        let said = decide(&s, &token, across).await.must(200);
        assert_eq!((&said["result"], &said["outcome"]), (&Value::Null, &json!("undefined")));
        assert_eq!(s.send(&token, "DELETE", &one, &[], None).await.status, 204);
        s.get(&token, &one).await.problem(404, "NOT_FOUND");
        s.send(&token, "DELETE", &one, &[], None).await.problem(404, "NOT_FOUND");
        assert_eq!(ask("guest").await, Value::Null);
        // The journal names the text by its digest and does not repeat it.
        assert_eq!(
            psql(
                &s.database,
                "SELECT count(*) FROM journal WHERE after::text LIKE '%import rego%' OR before::text LIKE '%import rego%'"
            ),
            "0"
        );
        for bad in ["a%2fb", "-x", "a%20b", &"x".repeat(70)] {
            let got = s.get(&token, &format!("/orgs/{org}/opa/policies/{bad}")).await;
            assert!(matches!(got.status, 404 | 422), "{bad}: {}", got.status);
            assert!(matches!(put(&s, &token, &org, bad, rego).await.status, 404 | 422), "{bad}");
        }
    });
}

#[test]
fn what_does_not_compile_is_refused_with_line_and_column() {
    run(async {
        let (s, token, org) = service().await;
        let cases = [
            ("package org.x\n\nx := := 1\n", "line 3, column 6: "),
            ("package org.x\n\nx := http.send({})\n", "line 3, column 15: http.send may not be called"),
            ("package org.x\n\nx if y\n", "line 3, column 6: "),
            (
                "package incident.playbooks.ransomware\n\nactions := []\n",
                "line 1, column 1: the package must be org.NAME",
            ),
            ("package org.x\n\nf(n) := f(n)\n", "line 3, column 1: org.x.f calls itself"),
            ("", "line 1, column 1: "),
        ];
        for (rego, expected) in cases {
            let problem = put(&s, &token, &org, "bad", rego).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], "rego");
            let detail = text(&problem["errors"][0], "detail");
            assert!(detail.starts_with(expected), "{detail}");
        }
        let long = format!("package org.x\n# {}\n", "x".repeat(70_000));
        put(&s, &token, &org, "bad", &long).await.problem(422, "VALIDATION_ERROR");
        let more = json!({"rego": "package org.x\n", "name": "x"});
        let problem = s.json(&token, "PUT", &format!("/orgs/{org}/opa/policies/bad"), more).await;
        assert_eq!(fields(&problem.problem(422, "VALIDATION_ERROR")), [("name".to_owned(), "unknown".to_owned())]);
        assert_eq!(psql(&s.database, "SELECT count(*) FROM opa_policies"), "0");
    });
}

#[test]
fn hostile_policies_are_stopped_and_said_so_and_the_service_goes_on() {
    run(async {
        let (s, token, org) = service().await;
        let hostile = [
            ("range", "x := count(numbers.range(1, 100000000))", "policy_stopped"),
            (
                "product",
                "x := count([1 | some i in numbers.range(1, 5000); some j in numbers.range(1, 5000); i * j == -1])",
                "policy_stopped",
            ),
            (
                "strings",
                "a := concat(\"\", [\"xxxxxxxxxx\" | some i in numbers.range(1, 100000)])\nx := concat(\"\", [a | some i in numbers.range(1, 1000)])",
                "policy_stopped",
            ),
            ("circle", "x if y\ny if x", "policy_failed"),
            ("conflict", "x := 1\nx := 2", "policy_failed"),
            ("large", "x := numbers.range(1, 50000)", "result_too_large"),
            ("nul", "x := sprintf(\"%c\", [0])", "policy_failed"),
        ];
        for (name, rule, code) in hostile {
            put(&s, &token, &org, name, &format!("package org.{name}\n\nimport rego.v1\n\n{rule}\n")).await.must(200);
            let body = json!({"org_id": org, "path": format!("org/{name}/x"), "input": {}});
            let began = std::time::Instant::now();
            let problem = decide(&s, &token, body).await.problem(422, "VALIDATION_ERROR");
            assert!(began.elapsed().as_millis() < 5_000, "{name}");
            assert_eq!(fields(&problem), [("path".to_owned(), code.to_owned())], "{name}");
            // Others are none the worse for it.
            decide(&s, &token, json!({"org_id": org, "playbook": "phishing"})).await.must(200);
        }
        // Texts that keep the parser itself busy are no policies.
        for text in [format!("x := {}", "[".repeat(20)), format!("x := {}1{}", "{\"a\": ".repeat(25), "}".repeat(25))] {
            put(&s, &token, &org, "deep", &format!("package org.deep\n\n{text}\n"))
                .await
                .problem(422, "VALIDATION_ERROR");
        }
        // Each failure is in the log, with its reason.
        let log =
            s.get(&token, &format!("/orgs/{org}/opa/decisions?outcome=failed&include_total=true")).await.must(200);
        assert_eq!(log["total"], hostile.len());
        assert!(log["items"].as_array().unwrap().iter().all(|one| one["error"].is_string() && one["result"].is_null()));
    });
}

#[test]
fn many_hostile_decisions_at_once_leave_the_rest_of_the_service_alone() {
    run(async {
        let (s, token, org) = service().await;
        let slow = "package org.slow\n\nimport rego.v1\n\nx if {\n\tsome i in numbers.range(1, 5000)\n\tsome j in numbers.range(1, 5000)\n\ti * j == -1\n}\n";
        put(&s, &token, &org, "slow", slow).await.must(200);
        let other = s.org(&token, "Quiet").await;
        let body = json!({"org_id": org, "path": "org/slow/x", "input": {}});
        let attack = futures::future::join_all((0..12).map(|_| decide(&s, &token, body.clone())));
        let work = async {
            for _ in 0..10 {
                s.get(&token, &format!("/orgs/{other}/incidents")).await.must(200);
                decide(&s, &token, json!({"org_id": other, "playbook": "phishing"})).await.must(200);
            }
        };
        let (attacked, ()) = futures::future::join(attack, work).await;
        for got in attacked {
            assert!(matches!(got.status, 422 | 503), "{}", got.text);
        }
    });
}

#[test]
fn undefined_is_told_apart_and_applies_nothing() {
    run(async {
        let (s, token, org) = service().await;
        let one = open(&s, &token, &org, json!({})).await;
        let body =
            |path: &str, apply: bool| json!({"org_id": org, "path": path, "incident_id": id(&one), "apply": apply});
        let said = decide(&s, &token, body("org/nothing", false)).await.must(200);
        assert_eq!(
            (&said["outcome"], &said["result"], &said["actions"]),
            (&json!("undefined"), &Value::Null, &json!([]))
        );
        let problem = decide(&s, &token, body("org/nothing", true)).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem), [("path".to_owned(), "undefined".to_owned())]);
        // An organization's own playbook, well and badly made.
        let good = "package org.playbooks.flood\n\nactions := [{\"id\": \"pump\", \"title\": \"Start the pumps\", \"due_in_minutes\": 5}]\n";
        put(&s, &token, &org, "flood", good).await.must(200);
        let said = decide(&s, &token, body("org/playbooks/flood", true)).await.must(200);
        assert_eq!(said["task_ids"].as_array().unwrap().len(), 1);
        put(
            &s,
            &token,
            &org,
            "flood",
            "package org.playbooks.flood\n\nactions := [{\"id\": \"pump\"}, {\"title\": 1}]\n",
        )
        .await
        .must(200);
        let problem = decide(&s, &token, body("org/playbooks/flood", true)).await.problem(422, "VALIDATION_ERROR");
        let found: Vec<String> = fields(&problem).into_iter().map(|(field, _)| field).collect();
        assert_eq!(found, ["result.actions[0].title", "result.actions[1].id", "result.actions[1].title"]);
        assert_eq!(s.get(&token, &one).await.must(200)["tasks"].as_array().unwrap().len(), 1);
        // Of a closed response nothing more is made.
        psql(&s.database, "UPDATE incidents SET closed_at = now(), phase = 'post_incident', status = 'closed'");
        let closed = json!({"org_id": org, "playbook": "phishing", "incident_id": id(&one), "apply": true});
        decide(&s, &token, closed).await.problem(409, "CONFLICT");
    });
}

#[test]
fn the_log_keeps_what_was_asked_and_only_auditors_and_admins_read_it() {
    run(async {
        let (s, token, org) = service().await;
        let input = json!({"severity": "high", "credentials_entered": true, "deep": {"a": [1.5, null, "é"]}});
        let said = decide(&s, &token, json!({"org_id": org, "playbook": "phishing", "input": input})).await.must(200);
        let one = format!("/orgs/{org}/opa/decisions/{}", text(&said, "decision_id"));
        let kept = s.get(&token, &one).await.must(200);
        assert_eq!((&kept["input"], &kept["result"], &kept["actions"]), (&input, &said["result"], &said["actions"]));
        for member in ["path", "engine", "bundle_digest", "input_digest", "outcome"] {
            assert_eq!(kept[member], said[member], "{member}");
        }
        let list = format!("/orgs/{org}/opa/decisions");
        for (role, status) in [("auditor", 200), ("analyst", 403), ("viewer", 403)] {
            let theirs = s.member(&token, &org, role).await;
            assert_eq!(s.get(&theirs, &list).await.status, status, "{role}");
            assert_eq!(s.get(&theirs, &one).await.status, status, "{role}");
        }
        let page = s.get(&token, &format!("{list}?path=incident/playbooks/phishing&sort=-duration_ms")).await.must(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        assert!(page["items"][0].get("input").is_none());
        let other = s.org(&token, "Other").await;
        let across = one.replace(&org, &other);
        s.get(&token, &across).await.problem(404, "NOT_FOUND");
        // Nobody rewrites it, not even the service's role.
        for table in ["policy_decisions", "policy_decision_inputs", "opa_policy_versions"] {
            let change = format!("SET ROLE grc_app; DELETE FROM {table}");
            let database = s.database.clone();
            assert!(std::panic::catch_unwind(|| psql(&database, &change)).is_err(), "{table}");
        }
    });
}

#[test]
fn an_open_policy_agent_decides_what_is_shipped_and_its_outage_lets_nobody_through() {
    run(async {
        let worker = WorkerCommand { program: env!("CARGO_BIN_EXE_worker").into(), arguments: Vec::new() };
        let stub = Stub::start(worker).await.unwrap();
        let s = Service::start(&[("GRC_OPA_URL", &stub.url())]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Remote").await;
        let one = open(&s, &token, &org, json!({})).await;
        let health = s.get("", "/health").await.must(200);
        assert_eq!((&health["services"]["opa"], &health["details"]["opa"]["kind"]), (&json!("healthy"), &json!("opa")));
        let asked = json!({"org_id": org, "playbook": "ransomware", "input": {"backups": "intact"}});
        let remote = decide(&s, &token, asked.clone()).await.must(200);
        assert_eq!(remote["engine"], "opa");
        let embedded = Service::start(&[]).await;
        let their = embedded.admin().await;
        let mut same = asked.clone();
        same["org_id"] = json!(embedded.org(&their, "Embedded").await);
        let same = decide(&embedded, &their, same).await.must(200);
        for member in ["result", "actions", "input_digest", "path", "outcome"] {
            assert_eq!(remote[member], same[member], "{member}");
        }
        // An organization's own policies stay in the house.
        put(&s, &token, &org, "own", "package org.own\n\nx := 1\n").await.must(200);
        stub.take_seen();
        let own = json!({"org_id": org, "path": "org/own/x"});
        assert_eq!(decide(&s, &token, own.clone()).await.must(200)["engine"], "embedded");
        assert!(stub.take_seen().is_empty());
        for mood in [Mood::Silent, Mood::Failing, Mood::Garbage, Mood::Refusing] {
            stub.set(mood);
            let began = std::time::Instant::now();
            let apply = json!({"org_id": org, "playbook": "phishing", "incident_id": id(&one), "apply": true});
            let problem = decide(&s, &token, apply).await.problem(503, "SERVICE_UNAVAILABLE");
            assert!(text(&problem, "detail").contains("policy agent"), "{problem}");
            assert!(began.elapsed().as_millis() < 5_000, "{mood:?}");
            assert_eq!(s.get("", "/health").await.must(200)["services"]["opa"], "unhealthy");
            decide(&s, &token, own.clone()).await.must(200);
        }
        assert_eq!(s.get(&token, &one).await.must(200)["tasks"], json!([]));
        let log =
            s.get(&token, &format!("/orgs/{org}/opa/decisions?outcome=failed&include_total=true")).await.must(200);
        assert_eq!((&log["total"], &log["items"][0]["engine"]), (&json!(4), &json!("opa")));
        stub.set(Mood::Well);
        decide(&s, &token, asked).await.must(200);
    });
}

/// The service's own program evaluates in the same way, and within the same limits, with its own allocator.
#[test]
fn the_program_itself_evaluates_within_its_limits() {
    use std::io::Write;
    let ask = |rule: &str| -> (String, String) {
        let program = crate::harness::root().join("target/debug/sovereign-grc");
        let mut child = std::process::Command::new(program)
            .arg("policy-worker")
            .env_clear()
            .envs(grc_rego::worker::ENVIRONMENT.iter().copied())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let task = json!({"modules": [["m", format!("package org.m\n\nimport rego.v1\n\n{rule}\n")]], "path": ["org", "m", "x"], "input": {}});
        child.stdin.take().unwrap().write_all(format!("{task}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(ask("x := 1 + 1").0, "{\"result\":2}\n");
    assert_eq!(ask("x := count(numbers.range(1, 100000))").0, "{\"result\":100000}\n");
    let (out, errors) = ask("x := count(numbers.range(1, 100000000))");
    assert!(out.is_empty() && errors.contains("memory allocation of"), "{out} {errors}");
    let (out, errors) = ask("f(n) := [f(n + 1)]\nx := f(1)");
    assert!(out.is_empty() && errors.contains("overflowed its stack"), "{out} {errors}");
    let (out, _) =
        ask("x if {\n\tsome i in numbers.range(1, 5000)\n\tsome j in numbers.range(1, 5000)\n\ti * j == -1\n}");
    assert_eq!(out, "{\"stopped\":\"it takes more than 100 ms\"}\n");
}

//! Incidents over HTTP: the register, the phases, the clocks, the timeline, tasks, the review, metrics. (The export of
//! evidence has a file of its own.)

use grc_incident::{Phase, phase::Move};
use serde_json::{Value, json};

use crate::harness::{Service, fields, psql, run, text};

/// Opens an incident; its path.
pub async fn open(s: &Service, token: &str, org: &str, more: Value) -> String {
    let mut body = json!({"title": "Suspicious Login Activity", "category": "unauthorized_access", "severity": "high"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = s.json(token, "POST", &format!("/orgs/{org}/incidents"), body).await.must(201);
    format!("/orgs/{org}/incidents/{}", text(&made, "id"))
}

async fn go(s: &Service, token: &str, one: &str, phases: &[&str]) -> Value {
    let mut last = Value::Null;
    for phase in phases {
        last = s.json(token, "PATCH", one, json!({"phase": phase, "notes": "As planned"})).await.must(200);
    }
    last
}

async fn service() -> (Service, String, String) {
    let s = Service::start(&[]).await;
    let token = s.admin().await;
    let org = s.org(&token, "Incidents").await;
    (s, token, org)
}

fn kinds(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["event_type"].as_str().unwrap()).collect()
}

fn minutes_ago(minutes: i64) -> String {
    let at = time::OffsetDateTime::now_utc() - time::Duration::minutes(minutes);
    grc_kernel::record::timestamp(at.replace_nanosecond(at.microsecond() * 1_000).unwrap())
}

#[test]
fn the_examples_of_the_reference_work_as_written() {
    run(async {
        let (s, token, org) = service().await;
        let me = text(&s.get(&token, "/users/me").await.must(200)["user"], "id");
        let incidents = format!("/orgs/{org}/incidents");
        let body = json!({
            "title": "Suspicious Login Activity", "description": "Multiple failed login attempts from unusual IP range",
            "category": "unauthorized_access", "severity": "high",
            "affected_systems": ["auth-server-01", "vpn-gateway"], "source": "siem_alert",
        });
        let made = s.json(&token, "POST", &incidents, body.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let one = format!("{incidents}/{}", text(&made.json(), "id"));
        assert_eq!(made.header("location"), format!("/api/v1{one}"));
        let incident = made.json();
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(incident[name], *value);
        }
        assert_eq!((&incident["phase"], &incident["status"]), (&json!("detection"), &json!("open")));
        assert_eq!(incident["available_transitions"], json!(["analysis", "post_incident"]));
        assert_eq!(incident["sla"]["acknowledge"]["state"], "on_track");
        assert_eq!(incident["phase_mapping"]["nist_csf_2"], json!(["DE.CM", "DE.AE"]));
        assert_eq!((&incident["tasks"], kinds(&incident["timeline"])), (&json!([]), vec!["created"]));
        let read = s.get(&token, &one).await;
        assert_eq!((read.header("etag"), read.json()), (made.header("etag"), incident));

        // A record begins in a state in which one may begin, and one mistake is told once.
        let late = json!({"title": "Late", "category": "phishing", "severity": "low", "phase": "containment"});
        let late = s.json(&token, "POST", &incidents, late).await.must(422);
        let wrong = json!([{"field": "phase", "code": "invalid", "detail": "must be one of detection"}]);
        assert_eq!(late["errors"], wrong, "{late}");

        let changed = json!({"severity": "critical", "commander_id": me, "affected_records": 5000});
        let changed = s.json(&token, "PATCH", &one, changed).await.must(200);
        assert_eq!(kinds(&changed["timeline"]), ["created", "severity_changed", "commander_changed", "updated"]);
        go(&s, &token, &one, &["analysis"]).await;
        let moved = json!({"phase": "containment", "notes": "Initial analysis complete, moving to containment"});
        let moved = s.json(&token, "PATCH", &one, moved).await.must(200);
        assert_eq!((&moved["phase"], &moved["status"]), (&json!("containment"), &json!("investigating")));

        let timeline = s.get(&token, &format!("{one}/timeline?event_type=phase_transition")).await.must(200);
        let first = &timeline["items"][0];
        assert_eq!(first["description"], "Phase changed from detection to analysis");
        assert_eq!(first["actor"], s.get(&token, "/users/me").await.must(200)["user"]["name"]);
        assert!(first["timestamp"].as_str().unwrap().ends_with('Z'));
        for word in ["informational", "info"] {
            let more = json!({"severity": word, "title": "Worth knowing"});
            let quiet = s.get(&token, &open(&s, &token, &org, more).await).await.must(200);
            assert_eq!(quiet["severity"], "info");
        }
        for (asked, count) in [
            ("status=investigating", 1),
            ("severity=informational", 2),
            ("severity=info&severity=critical", 3),
            ("phase=containment&category=unauthorized_access", 1),
            ("phase__ne=containment", 2),
            ("affected_systems=vpn-gateway&affected_records__gte=5000", 1),
            ("q=worth&sort=-detected_at", 2),
        ] {
            let page = s.get(&token, &format!("{incidents}?include_total=true&{asked}")).await.must(200);
            assert_eq!(page["total"], count, "{asked}");
            assert!(page["items"][0]["sla"]["resolve"]["state"].is_string(), "lists show the clocks");
            assert!(page["items"][0].get("timeline").is_none(), "but not what belongs to each");
        }
        s.get(&token, &format!("{incidents}?phase=nowhere")).await.problem(422, "VALIDATION_ERROR");
        s.running.stop().await;
    });
}

#[test]
fn every_move_of_the_phase_is_the_tables() {
    run(async {
        let (s, token, org) = service().await;
        let way = ["analysis", "containment", "eradication", "recovery", "post_incident"];
        for from in Phase::ALL {
            for to in Phase::ALL {
                let one = open(&s, &token, &org, json!({})).await;
                let steps = Phase::ALL.iter().position(|phase| phase == from).unwrap();
                go(&s, &token, &one, &way[..steps]).await;
                let before = s.get(&token, &one).await.must(200);
                let step = Move::between(*from, *to);
                let bare = s.json(&token, "PATCH", &one, json!({"phase": to.as_str()})).await;
                match step {
                    Move::Stay => assert_eq!(bare.must(200)["revision"], before["revision"], "staying is no change"),
                    Move::Forward => drop(bare.must(200)),
                    Move::Skip | Move::Illegal => {
                        let problem = bare.problem(409, "CONFLICT");
                        assert_eq!(problem["available_transitions"], before["available_transitions"], "{from} to {to}");
                    }
                    _ => {
                        let problem = bare.problem(422, "VALIDATION_ERROR");
                        assert_eq!(fields(&problem), [("notes".to_owned(), "required".to_owned())], "{from} to {to}");
                        let said = json!({"phase": to.as_str(), "notes": "Because"});
                        let after = s.json(&token, "PATCH", &one, said).await.must(200);
                        let last = after["timeline"].as_array().unwrap().last().unwrap();
                        let back = matches!(step, Move::Regression | Move::Reopening);
                        assert_eq!(last["event_type"], if back { "phase_regression" } else { "phase_transition" });
                        assert_eq!(last["details"]["notes"], "Because");
                    }
                }
                let after = s.get(&token, &one).await.must(200);
                let moved = !matches!(step, Move::Skip | Move::Illegal);
                let phase = if moved { *to } else { *from };
                assert_eq!(after["phase"], phase.as_str());
                assert_eq!(after["status"], phase.status(false).as_str());
                assert_eq!(after["resolved_at"].is_string(), phase == Phase::PostIncident);
            }
        }
        s.running.stop().await;
    });
}

#[test]
fn opening_again_and_leaving_phases_out_are_for_those_who_lead() {
    run(async {
        let (s, token, org) = service().await;
        let analyst = s.member(&token, &org, "analyst").await;
        let me = text(&s.get(&analyst, "/users/me").await.must(200)["user"], "id");
        let one = open(&s, &analyst, &org, json!({})).await;
        let forced = json!({"phase": "eradication", "notes": "The playbook says so", "force": true});
        s.json(&analyst, "PATCH", &one, forced.clone()).await.problem(403, "FORBIDDEN");
        s.json(&analyst, "PATCH", &one, json!({"force": "yes"})).await.problem(422, "VALIDATION_ERROR");
        let illegal = json!({"phase": "eradication", "notes": "The playbook says so", "force": false});
        s.json(&token, "PATCH", &one, illegal).await.problem(409, "CONFLICT");
        let skipped = s.json(&token, "PATCH", &one, forced).await.must(200);
        assert!(skipped["contained_at"].is_string() && skipped.get("force").is_none());
        let over = go(&s, &analyst, &one, &["recovery", "post_incident"]).await;
        let reopen = json!({"phase": "analysis", "notes": "It is back"});
        s.json(&analyst, "PATCH", &one, reopen.clone()).await.problem(403, "FORBIDDEN");
        s.json(&analyst, "PATCH", &one, json!({"commander_id": me})).await.must(200);
        let again = s.json(&analyst, "PATCH", &one, reopen).await.must(200);
        assert_eq!((&again["resolved_at"], &again["contained_at"]), (&json!(null), &over["contained_at"]));
        assert_eq!(again["sla"]["resolve"]["stopped_at"], json!(null), "the clock runs again");
        s.running.stop().await;
    });
}

#[test]
fn clocks_run_from_the_detection_and_keep_what_was_replaced() {
    run(async {
        let (s, token, org) = service().await;
        let detected = minutes_ago(50);
        let one = open(&s, &token, &org, json!({"detected_at": detected})).await;
        let incident = s.get(&token, &one).await.must(200);
        let state = |incident: &Value, clock: &str| incident["sla"][clock]["state"].as_str().unwrap().to_owned();
        assert_eq!(state(&incident, "acknowledge"), "at_risk", "50 of 60 minutes");
        assert_eq!(state(&incident, "contain"), "on_track");
        let tag = s.get(&token, &one).await.header("etag");
        s.json(&token, "POST", &format!("{one}/acknowledge"), json!({"note": "x"}))
            .await
            .problem(422, "VALIDATION_ERROR");
        let said = json!({"notes": "On it"});
        let taken = s.json(&token, "POST", &format!("{one}/acknowledge"), said).await.must(200);
        assert_eq!(kinds(&taken["timeline"]), ["created", "note", "acknowledged"]);
        assert_eq!(state(&taken, "acknowledge"), "met");
        assert_eq!(taken["acknowledged_at"], taken["sla"]["acknowledge"]["stopped_at"]);
        s.send(&token, "POST", &format!("{one}/acknowledge"), &[], None).await.problem(409, "CONFLICT");
        let raised = json!({"severity": "critical"}).to_string().into_bytes();
        let stale = s.send(&token, "PATCH", &one, &[("if-match", &tag)], Some(raised.clone())).await;
        stale.problem(412, "PRECONDITION_FAILED");
        let raised = s.send(&token, "PATCH", &one, &[], Some(raised)).await.must(200);
        let due = |minutes: i64| {
            let at = time::OffsetDateTime::parse(&detected, &time::format_description::well_known::Rfc3339).unwrap();
            json!(grc_kernel::record::timestamp(at + time::Duration::minutes(minutes)))
        };
        assert_eq!(raised["sla"]["contain"]["due_at"], due(240));
        assert_eq!(raised["sla"]["resolve"]["due_at"], due(1_440));
        let kept = &raised["sla"]["resolve"]["replaced"];
        assert_eq!((&kept[0]["severity"], &kept[0]["due_at"]), (&json!("high"), &due(4_320)));
        assert_eq!(state(&raised, "acknowledge"), "met", "it was taken on in time, as it stood");
        let late = open(&s, &token, &org, json!({"detected_at": minutes_ago(100_000), "severity": "critical"})).await;
        let late = s.get(&token, &late).await.must(200);
        assert!(["acknowledge", "contain", "resolve"].iter().all(|clock| state(&late, clock) == "breached"));
        let quiet = open(&s, &token, &org, json!({"detected_at": minutes_ago(100_000), "severity": "info"})).await;
        let quiet = s.get(&token, &quiet).await.must(200);
        assert_eq!((&quiet["sla"]["resolve"]["due_at"], state(&quiet, "resolve")), (&json!(null), "on_track".into()));
        let overdue = format!("/orgs/{org}/incidents?resolve_due_at__lte={}", minutes_ago(0));
        assert_eq!(s.get(&token, &overdue).await.must(200)["items"].as_array().unwrap().len(), 1);
        for (bad, field, code) in [
            (json!({"occurred_at": minutes_ago(-60)}), "occurred_at", "out_of_order"),
            (json!({"affected_records": -1}), "affected_records", "out_of_range"),
            (json!({"status": "closed"}), "status", "unknown"),
            (json!({"closed_at": detected}), "closed_at", "unknown"),
            (json!({"severity": "grave"}), "severity", "invalid"),
            (json!({"phase": "denial"}), "phase", "invalid"),
            (json!({"phase": null}), "phase", "required"),
        ] {
            let problem = s.json(&token, "PATCH", &one, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem), [(field.to_owned(), code.to_owned())], "{bad}");
        }
        s.running.stop().await;
    });
}

#[test]
fn an_incident_is_closed_only_when_nothing_is_left_to_do() {
    run(async {
        let (s, token, org) = service().await;
        let one = open(&s, &token, &org, json!({})).await;
        let refused = s.send(&token, "POST", &format!("{one}/close"), &[], None).await.problem(409, "CONFLICT");
        assert_eq!(refused["available_transitions"], json!(["analysis", "post_incident"]));
        go(&s, &token, &one, &["analysis", "containment", "eradication", "recovery", "post_incident"]).await;
        let me = text(&s.get(&token, "/users/me").await.must(200)["user"], "id");
        let task = json!({"title": "Rotate the keys", "assignee_id": me, "due_at": "2026-12-24T12:00:00Z"});
        let made = s.json(&token, "POST", &format!("{one}/tasks"), task).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let task = made.header("location").replace("/api/v1", "");
        assert_eq!(s.get(&token, &task).await.must(200), made.json());
        let refused = s.send(&token, "POST", &format!("{one}/close"), &[], None).await.problem(409, "CONFLICT");
        let detail = text(&refused, "detail");
        assert!(detail.contains("no review") && detail.contains("open tasks: 1"), "{detail}");
        let done = s.json(&token, "PATCH", &task, json!({"status": "done"})).await.must(200);
        assert!(done["completed_at"].is_string());

        let review = format!("{one}/review");
        s.get(&token, &review).await.problem(404, "NOT_FOUND");
        for bad in [json!({}), json!({"root_cause": " "}), json!({"root_cause": "x", "lessons": 5})] {
            s.json(&token, "PUT", &review, bad).await.problem(422, "VALIDATION_ERROR");
        }
        s.send(&token, "PUT", &review, &[], Some(b"{".to_vec())).await.problem(400, "BAD_REQUEST");
        let written =
            json!({"root_cause": "A reused password", "lessons": "Passkeys", "actions": ["Buy keys", "Train"]});
        let first = s.json(&token, "PUT", &review, written).await.must(200);
        assert_eq!((&first["lessons"], &first["revision"]), (&json!(["Passkeys"]), &json!(1)));
        let stale = s.send(
            &token,
            "PUT",
            &review,
            &[("if-match", "\"7-x\"")],
            Some(json!({"root_cause": "y"}).to_string().into_bytes()),
        );
        stale.await.problem(412, "PRECONDITION_FAILED");
        assert_eq!(s.get(&token, &review).await.must(200), first);

        let closed = s.send(&token, "POST", &format!("{one}/close"), &[], None).await.must(200);
        assert_eq!(closed["status"], "closed");
        assert_eq!(kinds(&closed["timeline"]).last(), Some(&"closed"));
        s.send(&token, "POST", &format!("{one}/close"), &[], None).await.problem(409, "CONFLICT");
        s.json(&token, "POST", &format!("{one}/tasks"), json!({"title": "More"})).await.problem(409, "CONFLICT");
        s.json(&token, "PATCH", &task, json!({"status": "open"})).await.problem(409, "CONFLICT");
        let filtered = s.get(&token, &format!("/orgs/{org}/incidents?status=closed")).await.must(200);
        assert_eq!(filtered["items"][0]["id"], closed["id"]);
        let again = s.json(&token, "PATCH", &one, json!({"phase": "analysis", "notes": "It is back"})).await.must(200);
        assert_eq!((&again["status"], &again["closed_at"]), (&json!("investigating"), &json!(null)));
        s.send(&token, "DELETE", &task, &[], None).await.must(204);
        assert_eq!(s.get(&token, &format!("{one}/tasks")).await.must(200)["items"], json!([]));
        s.running.stop().await;
    });
}

#[test]
fn a_timeline_is_written_by_every_change_and_by_hand_and_never_changed() {
    run(async {
        let (s, token, org) = service().await;
        let one = open(&s, &token, &org, json!({})).await;
        let id = one.rsplit('/').next().unwrap().to_owned();
        let timeline = format!("{one}/timeline");
        let by_hand = json!({"event_type": "call", "description": "The bank was told.", "timestamp": minutes_ago(30)});
        let made = s.json(&token, "POST", &timeline, by_hand.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let entry = made.json();
        assert_eq!((&entry["origin"], &entry["sequence"]), (&json!("manual"), &json!(2)));
        assert_eq!(entry["timestamp"], by_hand["timestamp"]);
        assert_eq!(s.get(&token, &made.header("location").replace("/api/v1", "")).await.must(200), entry);
        for bad in [
            json!({"event_type": "call"}),
            json!({"event_type": "call", "description": ""}),
            json!({"event_type": "call", "description": "x", "timestamp": "2199-01-01T00:00:00Z"}),
            json!({"event_type": "call", "description": "x", "hash": "00"}),
            json!({"event_type": "call", "description": "x", "origin": "service"}),
        ] {
            s.json(&token, "POST", &timeline, bad).await.problem(422, "VALIDATION_ERROR");
        }
        s.json(&token, "PATCH", &one, json!({"notes": "Still looking"})).await.must(200);
        s.json(&token, "PATCH", &one, json!({"title": "Login from abroad"})).await.must(200);
        let location = made.header("location").replace("/api/v1", "");
        for method in ["PATCH", "PUT", "DELETE"] {
            let body = Some(b"{}".to_vec());
            s.send(&token, method, &location, &[], body).await.problem(405, "METHOD_NOT_ALLOWED");
        }
        let newest = s.get(&token, &format!("{timeline}?sort=-sequence")).await.must(200);
        assert_eq!(kinds(&newest["items"]), ["updated", "note", "call", "created"]);
        let oldest = s.get(&token, &timeline).await.must(200);
        assert_eq!(kinds(&oldest["items"])[0], "call", "by the time of what happened");
        let mut seen = Vec::new();
        let mut next = String::new();
        loop {
            let page = s.get(&token, &format!("{timeline}?sort=sequence&limit=3{next}")).await.must(200);
            seen.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[0]["prev_hash"], "0".repeat(64));
        for pair in seen.windows(2) {
            assert_eq!(pair[1]["prev_hash"], pair[0]["hash"]);
        }
        // One journal entry a change, whatever it tells in the timeline.
        let count = |action: &str| {
            psql(
                &s.database,
                &format!("SELECT count(*) FROM journal WHERE org_id = '{org}' AND action LIKE '{action}'"),
            )
        };
        assert_eq!((count("incident.%"), count("incident_timeline_entry.%")), ("3".to_owned(), "1".to_owned()));

        // In the database too: the service may add, and nothing else.
        for statement in [
            format!("UPDATE incident_timeline SET description = 'x' WHERE incident_id = '{id}'"),
            format!("DELETE FROM incident_timeline WHERE incident_id = '{id}'"),
            "TRUNCATE incident_timeline".to_owned(),
        ] {
            let sql = format!("SET ROLE grc_app; SELECT set_config('app.org_id', '{org}', false); {statement}");
            let database = s.database.clone();
            let tried = tokio::task::spawn_blocking(move || std::panic::catch_unwind(|| psql(&database, &sql))).await;
            assert!(tried.unwrap().is_err(), "{statement}");
        }
        let analyst = s.member(&token, &org, "analyst").await;
        s.send(&analyst, "DELETE", &one, &[], None).await.problem(403, "FORBIDDEN");
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.get(&token, &timeline).await.problem(404, "NOT_FOUND");
        let left = psql(
            &s.database,
            &format!(
                "SELECT string_agg(event_type, ' ' ORDER BY sequence) FROM incident_timeline WHERE incident_id = '{id}'"
            ),
        );
        assert_eq!(left, "created call note updated removed", "what was recorded stays");
        s.running.stop().await;
    });
}

#[test]
fn many_writers_at_once_leave_one_chain() {
    run(async {
        let (s, token, org) = service().await;
        let one = open(&s, &token, &org, json!({})).await;
        let (tasks, timeline) = (format!("{one}/tasks"), format!("{one}/timeline"));
        let write = async |n: usize| {
            let got = match n % 3 {
                0 => s.json(&token, "POST", &timeline, json!({"event_type": "note", "description": "x"})).await,
                1 => s.json(&token, "POST", &tasks, json!({"title": format!("Task {n}")})).await,
                _ => s.json(&token, "PATCH", &one, json!({"notes": format!("Note {n}")})).await,
            };
            assert!(got.status < 300, "{}", got.text);
        };
        futures::future::join_all((0..30).map(write)).await;
        let page = s.get(&token, &format!("{timeline}?sort=sequence&limit=200")).await.must(200);
        let entries = page["items"].as_array().unwrap();
        assert_eq!(entries.len(), 31);
        for (number, pair) in entries.windows(2).enumerate() {
            assert_eq!((&pair[1]["sequence"], &pair[1]["prev_hash"]), (&json!(number + 2), &pair[0]["hash"]));
        }
        let keyed = [("idempotency-key", "once")];
        let body = json!({"event_type": "note", "description": "once"}).to_string().into_bytes();
        let first = s.send(&token, "POST", &timeline, &keyed, Some(body.clone())).await;
        let second = s.send(&token, "POST", &timeline, &keyed, Some(body)).await;
        assert_eq!((second.header("idempotency-replayed"), &second.text), ("true".to_owned(), &first.text));
        assert_eq!(s.get(&token, &format!("{timeline}?q=once")).await.must(200)["items"].as_array().unwrap().len(), 1);
        // Nobody closes an incident past a task that is being added.
        go(&s, &token, &one, &["post_incident"]).await;
        let open_tasks = s.get(&token, &format!("{tasks}?status=open&limit=200")).await.must(200);
        for task in open_tasks["items"].as_array().unwrap() {
            let path = format!("{tasks}/{}", text(task, "id"));
            s.json(&token, "PATCH", &path, json!({"status": "cancelled"})).await.must(200);
        }
        s.json(&token, "PUT", &format!("{one}/review"), json!({"root_cause": "None"})).await.must(200);
        let close = format!("{one}/close");
        let (added, closed) = futures::join!(
            s.json(&token, "POST", &tasks, json!({"title": "Late"})),
            s.send(&token, "POST", &close, &[], None)
        );
        let mut statuses = [added.status, closed.status];
        statuses.sort_unstable();
        assert!(statuses == [201, 409] || statuses == [200, 409], "{statuses:?}");
        s.running.stop().await;
    });
}

#[test]
fn metrics_count_what_came_and_tell_what_is_open() {
    run(async {
        let (s, token, org) = service().await;
        let metrics = format!("/orgs/{org}/incidents/metrics");
        let none = s.get(&token, &metrics).await.must(200);
        assert_eq!(none["mttr"], json!({"n": 0, "median": null, "p90": null, "mean": null, "open": 0}));
        assert_eq!((&none["by_severity"], &none["by_month"]), (&json!([]), &json!([])));
        let mut ones = Vec::new();
        for n in 1..=10 {
            let severity = if n > 8 { "low" } else { "high" };
            let one = open(&s, &token, &org, json!({"title": format!("Measured {n}"), "severity": severity})).await;
            ones.push(one.rsplit('/').next().unwrap().to_owned());
            // Times as they would have been kept, had the test the patience.
            let at =
                |minutes: i64| format!("timestamptz '2026-0{}-10T00:00:00Z' + interval '{minutes} minutes'", n % 2 + 1);
            let resolved = if n < 10 { at(n * 100) } else { "NULL".into() };
            psql(
                &s.database,
                &format!(
                    "UPDATE incidents SET detected_at = {}, occurred_at = {}, acknowledged_at = {}, resolved_at = {resolved}, contained_at = {} WHERE id = '{}'",
                    at(0),
                    at(-n),
                    if n % 2 == 0 { at(n) } else { "NULL".into() },
                    if n < 9 { at(n * 10) } else { "NULL".into() },
                    ones.last().unwrap(),
                ),
            );
        }
        let all = s.get(&token, &metrics).await.must(200);
        assert_eq!(all["mttd"], json!({"n": 10, "median": 5.5, "p90": 9.0, "mean": 5.5, "open": 0}));
        // 2, 4, 6, 8, 10; the odd ones are over without it.
        assert_eq!(all["mtta"], json!({"n": 5, "median": 6.0, "p90": 10.0, "mean": 6.0, "open": 0}));
        assert_eq!(all["mttc"], json!({"n": 8, "median": 45.0, "p90": 80.0, "mean": 45.0, "open": 1}));
        assert_eq!(all["mttr"], json!({"n": 9, "median": 500.0, "p90": 900.0, "mean": 500.0, "open": 1}));
        let severities: Vec<&str> =
            all["by_severity"].as_array().unwrap().iter().map(|g| g["severity"].as_str().unwrap()).collect();
        assert_eq!(severities, ["high", "low"]);
        assert_eq!(
            all["by_severity"][1]["mttr"],
            json!({"n": 1, "median": 900.0, "p90": 900.0, "mean": 900.0, "open": 1})
        );
        let months: Vec<(&str, i64)> = all["by_month"]
            .as_array()
            .unwrap()
            .iter()
            .map(|g| (g["month"].as_str().unwrap(), g["mttr"]["n"].as_i64().unwrap()))
            .collect();
        assert_eq!(months, [("2026-01", 4), ("2026-02", 5)]);
        let low =
            s.get(&token, &format!("{metrics}?severity=low&detected_at__gte=2026-02-01T00:00:00Z")).await.must(200);
        assert_eq!((&low["mttr"]["n"], &low["mttr"]["open"]), (&json!(1), &json!(0)));
        for bad in ["limit=3", "format=svg", "colour=red"] {
            s.get(&token, &format!("{metrics}?{bad}")).await.problem(422, "VALIDATION_ERROR");
        }
        let one = s.get(&token, &format!("/orgs/{org}/incidents/{}/metrics", ones[9])).await.must(200);
        assert_eq!(one["mttr"], json!({"n": 0, "median": null, "p90": null, "mean": null, "open": 1}));
        assert_eq!(one["mtta"]["median"], json!(10.0));
        s.running.stop().await;
    });
}

#[test]
fn nothing_of_an_incident_is_seen_or_touched_from_elsewhere() {
    run(async {
        let (s, token, org) = service().await;
        let other = s.org(&token, "Elsewhere").await;
        let stranger = s.member(&token, &other, "admin").await;
        let one = open(&s, &token, &org, json!({"title": "canary-4711"})).await;
        let task = text(&s.json(&token, "POST", &format!("{one}/tasks"), json!({"title": "t"})).await.must(201), "id");
        s.json(&token, "PUT", &format!("{one}/review"), json!({"root_cause": "canary-4711"})).await.must(200);
        let theirs = open(&s, &stranger, &other, json!({})).await;
        let id = one.rsplit('/').next().unwrap();
        let tails = [
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/acknowledge"),
            ("POST", "/close"),
            ("GET", "/timeline"),
            ("POST", "/timeline"),
            ("GET", "/tasks"),
            ("POST", "/tasks"),
            ("GET", "/review"),
            ("PUT", "/review"),
            ("GET", "/metrics"),
            ("GET", "/evidence"),
            ("POST", "/evidence/collect"),
            ("GET", "/evidence/export"),
        ];
        for (method, tail) in tails {
            let body = match (method, tail) {
                ("POST", "/timeline") => json!({"event_type": "note", "description": "x"}),
                ("POST", "/tasks") => json!({"title": "x"}),
                ("PUT", _) => json!({"root_cause": "x"}),
                ("POST", "/evidence/collect") => json!({"evidence_ids": [id]}),
                _ => json!({}),
            };
            let body = (method != "GET").then(|| body.to_string().into_bytes());
            let foreign =
                s.send(&stranger, method, &format!("/orgs/{other}/incidents/{id}{tail}"), &[], body.clone()).await;
            let absent = s.send(&stranger, method, &format!("/orgs/{other}/incidents/{task}{tail}"), &[], body).await;
            let (foreign, absent) = (foreign.problem(404, "NOT_FOUND"), absent.problem(404, "NOT_FOUND"));
            assert_eq!(
                (&foreign["detail"], &foreign["title"]),
                (&absent["detail"], &absent["title"]),
                "{method} {tail}"
            );
        }
        let stolen = format!("{theirs}/tasks/{task}");
        s.json(&stranger, "PATCH", &stolen, json!({"title": "x"})).await.problem(404, "NOT_FOUND");
        let second = open(&s, &token, &org, json!({})).await;
        let moved = format!("{second}/tasks/{task}");
        s.json(&token, "PATCH", &moved, json!({"title": "x"})).await.problem(404, "NOT_FOUND");
        for path in ["incidents", "incidents/metrics", "incidents?q=canary", "audit-log"] {
            let got = s.get(&stranger, &format!("/orgs/{other}/{path}")).await;
            assert!(!got.text.contains("canary-4711"), "{path}");
        }
        let viewer = s.member(&token, &org, "viewer").await;
        s.get(&viewer, &one).await.must(200);
        s.json(&viewer, "PATCH", &one, json!({"no_such_member": 1})).await.problem(403, "FORBIDDEN");
        s.running.stop().await;
    });
}

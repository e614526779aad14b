//! Tasks and links over HTTP: series, where-used, roles, scopes, other organizations.

use serde_json::{Value, json};

use crate::harness::{Service, fields, psql, run, text};

#[test]
fn a_series_goes_on_when_its_task_is_completed() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Tasks").await;
        let tasks = format!("/orgs/{org}/tasks");
        let risk = json!({"title": "Fire", "category": "operational", "likelihood": 1, "impact": 5});
        let risk = s.json(&admin, "POST", &format!("/orgs/{org}/risks/register"), risk).await.must(201);
        let subject = json!({"type": "risk", "id": risk["id"]});
        let body = json!({"title": "Drill", "subject": subject, "due_date": "2027-01-31", "rrule": "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3"});
        let mut task = s.json(&admin, "POST", &tasks, body).await.must(201);
        // Month by month, the last day of each, and three in all; many who complete it at once make one next.
        for due in ["2027-02-28", "2027-03-31"] {
            let path = format!("{tasks}/{}/complete", text(&task, "id"));
            let sent = (0..8).map(|_| s.json(&admin, "POST", &path, json!({})));
            let answers = futures::future::join_all(sent).await;
            let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
            assert_eq!((done.len(), answers.iter().filter(|answer| answer.status == 409).count()), (1, 7));
            let answer = done[0].json();
            assert_eq!((&answer["task"]["status"], &answer["next_task"]["due_date"]), (&json!("done"), &json!(due)));
            assert_eq!((&answer["next_task"]["subject"], &answer["next_task"]["status"]), (&subject, &json!("open")));
            task = answer["next_task"].clone();
        }
        let last =
            s.json(&admin, "POST", &format!("{tasks}/{}/complete", text(&task, "id")), json!({})).await.must(200);
        assert_eq!(last["next_task"], Value::Null);
        let id = text(&risk, "id");
        let listed = s.get(&admin, &format!("{tasks}?subject_id={id}&status=done&sort=due_date")).await.must(200);
        let dates: Vec<_> = listed["items"].as_array().unwrap().iter().map(|task| text(task, "due_date")).collect();
        assert_eq!(dates, ["2027-01-31", "2027-02-28", "2027-03-31"]);
        // Done is done; a task is not done by a patch of somebody who did not complete it.
        let done = s.json(&admin, "PATCH", &format!("{tasks}/{}", text(&task, "id")), json!({"status": "open"})).await;
        assert_eq!(done.problem(409, "CONFLICT")["available_transitions"], json!([]));

        // What is refused, with the field.
        for (body, field) in [
            (json!({"title": "x", "rrule": "FREQ=DAILY"}), "due_date"),
            (json!({"title": "x", "due_date": "2027-01-01", "rrule": "FREQ=SECONDLY"}), "rrule"),
            (json!({"title": "x", "due_date": "2027-01-01", "rrule": "every day"}), "rrule"),
            (json!({"title": "x", "due_date": "2027-01-02", "rrule": "FREQ=MONTHLY;BYMONTHDAY=1"}), "rrule"),
            (json!({"title": "x", "due_date": "2199-01-01", "rrule": "FREQ=DAILY"}), "due_date"),
            (json!({"title": "x", "subject": {"type": "risk", "id": org}}), "subject.id"),
            (json!({"title": "x", "subject": {"type": "unicorn", "id": org}}), "subject.type"),
            (json!({"title": "x", "assignee_id": org}), "assignee_id"),
            (json!({"title": "x", "series_id": org}), "series_id"),
            (json!({"title": ""}), "title"),
        ] {
            let problem = s.json(&admin, "POST", &tasks, body.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem)[0].0, field, "{body}: {problem}");
        }
    });
}

#[test]
fn a_record_is_found_where_it_is_used() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let (org, other) = (s.org(&admin, "Links").await, s.org(&admin, "Others").await);
        let risk = |org: &str| {
            let body = json!({"title": "Fire", "category": "operational", "likelihood": 1, "impact": 5});
            (format!("/orgs/{org}/risks/register"), body)
        };
        let (path, body) = risk(&org);
        let one = s.json(&admin, "POST", &path, body.clone()).await.must(201);
        let vendor = json!({"name": "Acme", "category": "cloud", "risk_tier": "low"});
        let vendor = s.json(&admin, "POST", &format!("/orgs/{org}/vendors"), vendor).await.must(201);
        let (path, _) = risk(&other);
        let foreign = s.json(&admin, "POST", &path, body).await.must(201);
        let links = format!("/orgs/{org}/links");
        let end = |kind: &str, record: &Value| json!({"type": kind, "id": record["id"]});
        let link = |from: Value, to: Value, relation: &str| json!({"from": from, "to": to, "relation": relation});
        let made = link(end("vendor", &vendor), end("risk", &one), "causes");
        let made = s.json(&admin, "POST", &links, made).await.must(201);
        let back = link(end("risk", &one), end("vendor", &vendor), "relates_to");
        s.json(&admin, "POST", &links, back.clone()).await.must(201);
        s.json(&admin, "POST", &links, back).await.problem(409, "CONFLICT");
        let turned = link(end("vendor", &vendor), end("risk", &one), "relates_to");
        s.json(&admin, "POST", &links, turned).await.problem(409, "CONFLICT");
        s.json(&admin, "POST", &links, link(end("risk", &one), end("risk", &one), "causes"))
            .await
            .problem(409, "CONFLICT");
        for (from, field) in
            [(end("risk", &foreign), "from.id"), (end("vendor", &one), "from.id"), (end("x", &one), "from.type")]
        {
            let problem = s.json(&admin, "POST", &links, link(from, end("risk", &one), "affects")).await;
            assert_eq!(fields(&problem.problem(422, "VALIDATION_ERROR"))[0].0, field);
        }
        for (filter, count) in [
            (format!("record_id={}", text(&one, "id")), 2),
            (format!("record_id={}", text(&foreign, "id")), 0),
            (format!("from_id={}", text(&vendor, "id")), 1),
            (format!("to_id={}&relation=relates_to", text(&vendor, "id")), 1),
            ("from_type=vendor".to_owned(), 1),
        ] {
            let found = s.get(&admin, &format!("{links}?{filter}&include_total=true")).await.must(200);
            assert_eq!(found["total"], count, "{filter}");
        }
        // What a key may not read is to it as if it were not.
        let key = json!({"name": "Links", "role": "analyst", "scopes": ["link:write", "risk:read"]});
        let key = text(&s.json(&admin, "POST", &format!("/orgs/{org}/api-keys"), key).await.must(201), "key");
        let hidden = link(end("risk", &one), end("vendor", &vendor), "affects");
        let problem = s.json(&key, "POST", &links, hidden).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem)[0].0, "to.type");
        s.send(&admin, "DELETE", &format!("{links}/{}", text(&made, "id")), &[], None).await.must(204);
        let stranger = s.member(&admin, &other, "admin").await;
        s.get(&stranger, &links).await.problem(404, "NOT_FOUND");
    });
}

#[test]
fn whoever_listens_is_reminded_once_for_each_date() {
    run(async {
        let s = Service::start(&[]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Reminded").await;
        let day = |days: i64| (time::OffsetDateTime::now_utc().date() + time::Duration::days(days)).to_string();
        let tasks = format!("/orgs/{org}/tasks");
        let make = async |title: &str, due: &str, days: i64| {
            let body = json!({"title": title, "due_date": due, "remind_days": days});
            text(&s.json(&admin, "POST", &tasks, body).await.must(201), "id")
        };
        let (soon, later) = (make("Soon", &day(2), 7).await, make("Later", &day(60), 7).await);
        let reminded = async |id: &str| {
            let feed =
                s.get(&admin, &format!("/orgs/{org}/changes?type=task.reminded&resource_id={id}")).await.must(200);
            feed["items"].as_array().unwrap().len()
        };
        let one = format!("{tasks}/{soon}");
        s.until(&admin, &one, |task| !task["reminded_at"].is_null()).await;
        assert_eq!((reminded(&soon).await, reminded(&later).await), (1, 0));
        // Another title is no other date; another date is.
        s.json(&admin, "PATCH", &one, json!({"title": "Sooner"})).await.must(200);
        assert!(!s.get(&admin, &one).await.must(200)["reminded_at"].is_null());
        let moved = s.json(&admin, "PATCH", &one, json!({"due_date": day(3)})).await.must(200);
        assert_eq!(moved["reminded_at"], Value::Null);
        s.until(&admin, &one, |task| !task["reminded_at"].is_null()).await;
        assert_eq!(reminded(&soon).await, 2);
        // What is over is reminded of no more.
        s.json(&admin, "PATCH", &format!("{tasks}/{later}"), json!({"status": "cancelled"})).await.must(200);
        let waiting = psql(&s.database, "SELECT count(*) FROM jobs WHERE kind = 'task.remind' AND status = 'queued'");
        assert_eq!(waiting, "0");
        s.running.stop().await;
    });
}

#[test]
fn a_record_of_any_type_can_be_linked() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let (org, other) = (s.org(&admin, "Linked").await, s.org(&admin, "Other").await);
        let framework = s.framework(&admin, "SOC2_TYPE2").await;
        let key = s
            .json(&admin, "POST", &format!("/orgs/{org}/api-keys"), json!({"name": "k", "role": "viewer"}))
            .await
            .must(201);
        let me = text(&s.get(&admin, "/users/me").await.must(200)["user"], "id");
        for (kind, id, status) in [
            ("framework", framework, 201),
            ("organization", org.clone(), 201),
            ("api_key", text(&key, "id"), 201),
            ("organization", other.clone(), 422),
        ] {
            let body =
                json!({"from": {"type": "user", "id": me}, "to": {"type": kind, "id": id}, "relation": "affects"});
            s.json(&admin, "POST", &format!("/orgs/{org}/links"), body).await.must(status);
        }
        s.running.stop().await;
    });
}

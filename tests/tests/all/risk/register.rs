//! The risk register over HTTP: what the contract says of entries, treatments, acceptances, the matrix, the appetite
//! and the heat map; and, on the register, what every resource can do.

use serde_json::{Value, json};

use crate::harness::{Service, fields, run, text};

async fn open(s: &Service, token: &str, org: &str, more: Value) -> Value {
    let mut body = json!({"title": "Third-party data breach", "category": "third_party", "likelihood": 3, "impact": 4});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    s.json(token, "POST", &format!("/orgs/{org}/risks/register"), body).await.must(201)
}

#[test]
fn an_entry_is_opened_changed_and_removed() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Risks").await;
        let me = text(&s.get(&token, "/users/me").await.must(200)["user"], "id");
        let body = json!({
            "title": "Third-party data breach", "description": "Risk of vendor experiencing data breach affecting our data",
            "category": "third_party", "likelihood": 3, "impact": 4, "owner_id": me, "treatment": "mitigate",
        });
        let register = format!("/orgs/{org}/risks/register");
        let made = s.json(&token, "POST", &register, body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let (location, tag) = (made.header("location"), made.header("etag"));
        let entry = made.json();
        let one = format!("{register}/{}", text(&entry, "id"));
        assert_eq!(location, format!("/api/v1{one}"));
        assert_eq!((&entry["inherent_score"], &entry["inherent_level"]), (&json!(12), &json!("high")));
        assert_eq!((&entry["residual_score"], &entry["above_appetite"]), (&json!(null), &json!(false)));
        assert_eq!(entry["available_transitions"], json!(["assessed", "closed"]));
        assert_eq!(entry["org_id"], json!(org));
        let read = s.get(&token, &one).await;
        assert_eq!((read.header("etag"), read.json()), (tag.clone(), entry.clone()));
        assert_eq!(s.send(&token, "GET", &one, &[("if-none-match", &tag)], None).await.status, 304);

        let patch = json!({"residual_likelihood": 2, "residual_impact": 2, "status": "assessed", "description": null});
        let after = s.json(&token, "PATCH", &one, patch).await.must(200);
        assert_eq!((&after["revision"], &after["residual_level"]), (&json!(2), &json!("low")));
        assert_eq!((&after["description"], &after["title"]), (&json!(null), &entry["title"]));
        let stale = s.send(&token, "PATCH", &one, &[("if-match", &tag)], Some(b"{}".to_vec())).await;
        stale.problem(412, "PRECONDITION_FAILED");
        for (bad, expected) in [
            (json!({"likelihood": 6}), ("likelihood", "out_of_range")),
            (json!({"likelihood": 99}), ("likelihood", "out_of_range")),
            (json!({"likelihood": "3"}), ("likelihood", "type")),
            (json!({"likelihood": null}), ("likelihood", "required")),
            (json!({"title": " "}), ("title", "required")),
            (json!({"title": "x".repeat(201)}), ("title", "too_long")),
            (json!({"description": "x".repeat(20_001)}), ("description", "too_long")),
            (json!({"category": "weather"}), ("category", "invalid")),
            (json!({"owner_id": "01900000-0000-7000-8000-000000000000"}), ("owner_id", "unknown_reference")),
            (json!({"inherent_score": 1}), ("inherent_score", "unknown")),
            (json!({"id": me}), ("id", "unknown")),
            (json!({"residual_impact": null}), ("residual_impact", "required")),
            (json!({"residual_likelihood": 5, "residual_impact": 5}), ("residual_reason", "required")),
            (json!({"tags": vec!["x"; 1_001]}), ("tags", "too_many")),
            (json!({"title": "a\u{0}b"}), ("title", "control_character")),
            (json!({"review_date": "2026-02-30"}), ("review_date", "type")),
        ] {
            let problem = s.json(&token, "PATCH", &one, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem), [(expected.0.to_owned(), expected.1.to_owned())], "{bad}");
        }
        let several = json!({"title": "", "category": "cyber", "likelihood": 0, "impact": 1, "owner_id": org});
        let problem = s.json(&token, "POST", &register, several).await.problem(422, "VALIDATION_ERROR");
        let found: Vec<String> = fields(&problem).into_iter().map(|(field, _)| field).collect();
        assert_eq!(found, ["title", "likelihood", "owner_id"], "all at once");
        s.send(&token, "POST", &register, &[], Some(br#"{"title": "a", "title": "b"}"#.to_vec()))
            .await
            .problem(400, "BAD_REQUEST");
        let illegal = s.json(&token, "PATCH", &one, json!({"status": "treating"})).await.must(200);
        assert_eq!(illegal["status"], "treating");
        let illegal = s.json(&token, "PATCH", &one, json!({"status": "identified"})).await.problem(409, "CONFLICT");
        assert_eq!(illegal["available_transitions"], json!(["assessed", "accepted", "closed"]));

        let history = s.get(&token, &format!("{one}/history?sort=-sequence")).await.must(200);
        let actions: Vec<&str> =
            history["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["risk.updated", "risk.updated", "risk.created"]);
        assert_eq!(history["items"][1]["before"]["residual_score"], json!(null));
        assert_eq!(history["items"][1]["after"]["residual_score"], json!(4));
        assert_eq!(history["items"][0]["prev_hash"], history["items"][1]["hash"]);
        let entry_id = text(&history["items"][0], "id");
        let log = s.get(&token, &format!("/orgs/{org}/audit-log/{entry_id}")).await.must(200);
        assert_eq!(log, history["items"][0]);

        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.get(&token, &one).await.problem(404, "NOT_FOUND");
        assert_eq!(s.get(&token, &format!("{one}/history")).await.must(200)["items"].as_array().unwrap().len(), 4);
        let stranger = s.org(&token, "Elsewhere").await;
        let theirs = open(&s, &token, &stranger, json!({})).await;
        let foreign = s.get(&token, &format!("{register}/{}", text(&theirs, "id"))).await.problem(404, "NOT_FOUND");
        let absent = s.get(&token, &format!("{register}/{me}")).await.problem(404, "NOT_FOUND");
        assert_eq!((&foreign["detail"], &foreign["title"]), (&absent["detail"], &absent["title"]));
        s.running.stop().await;
    });
}

#[test]
fn treatments_and_acceptances_belong_to_their_risk() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Risks").await;
        let risk = text(&open(&s, &token, &org, json!({"treatment": "accept", "status": "assessed"})).await, "id");
        let other = text(&open(&s, &token, &org, json!({})).await, "id");
        let one = format!("/orgs/{org}/risks/register/{risk}");
        let plan =
            json!({"title": "Second supplier", "due_date": "2026-12-01", "cost": 1000.5, "expected_residual": 4});
        let plan = s.json(&token, "POST", &format!("{one}/treatments"), plan).await.must(201);
        assert_eq!((&plan["risk_id"], &plan["status"]), (&json!(risk), &json!("planned")));
        let id = text(&plan, "id");
        let moved = format!("/orgs/{org}/risks/register/{other}/treatments/{id}");
        s.json(&token, "PATCH", &moved, json!({"title": "x"})).await.problem(404, "NOT_FOUND");
        s.json(&token, "POST", &format!("/orgs/{org}/risks/register/{id}/treatments"), json!({"title": "x"}))
            .await
            .problem(404, "NOT_FOUND");
        s.json(&token, "PATCH", &format!("{one}/treatments/{id}"), json!({"risk_id": other}))
            .await
            .problem(422, "VALIDATION_ERROR");
        s.json(&token, "PATCH", &format!("{one}/treatments/{id}"), json!({"status": "done"})).await.must(200);
        let listed = s.get(&token, &format!("{one}/treatments?status=done&include_total=true")).await.must(200);
        assert_eq!(listed["total"], 1);
        let elsewhere = s.get(&token, &format!("/orgs/{org}/risks/register/{other}/treatments")).await.must(200);
        assert_eq!(elsewhere["items"], json!([]));

        let refused = s.json(&token, "PATCH", &one, json!({"status": "accepted"})).await.problem(409, "CONFLICT");
        assert_eq!(refused["available_transitions"], json!(["treating", "identified", "closed"]));
        let asked = json!({"expires_at": "2099-01-01T00:00:00Z", "justification": "It costs less than to treat it."});
        let asked = s.json(&token, "POST", &format!("{one}/acceptances"), asked).await.must(201);
        let decide = format!("{one}/acceptances/{}/decide", text(&asked, "id"));
        let approve = json!({"decision": "approved", "comment": "Until the contract ends."});
        s.json(&token, "POST", &decide, approve.clone()).await.problem(403, "FORBIDDEN");
        let auditor = s.member(&token, &org, "auditor").await;
        s.json(&auditor, "POST", &decide, json!({"decision": "maybe"})).await.problem(422, "VALIDATION_ERROR");
        let decided = s.json(&auditor, "POST", &decide, approve.clone()).await.must(200);
        assert_eq!((&decided["status"], &decided["comment"]), (&json!("approved"), &approve["comment"]));
        s.json(&auditor, "POST", &decide, approve).await.problem(409, "CONFLICT");
        s.json(&token, "PATCH", &one, json!({"status": "accepted"})).await.must(200);
        s.send(&token, "DELETE", &one, &[], None).await.problem(409, "CONFLICT");
        s.json(&auditor, "POST", &decide.replace("/decide", "/revoke"), json!({})).await.must(200);
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.running.stop().await;
    });
}

#[test]
fn the_matrix_and_the_appetite_are_the_organizations_own() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Risks").await;
        for (likelihood, impact) in [(1, 1), (5, 5), (3, 4), (3, 4)] {
            open(&s, &token, &org, json!({"likelihood": likelihood, "impact": impact, "category": "cyber"})).await;
        }
        open(&s, &token, &org, json!({"residual_likelihood": 2, "residual_impact": 3})).await;
        let map = s.get(&token, &format!("/orgs/{org}/risks/heatmap")).await.must(200);
        let cell = |l: i64, i: i64, n: i64| json!({"likelihood": l, "impact": i, "count": n});
        assert_eq!(map["inherent"], json!([cell(1, 1, 1), cell(3, 4, 3), cell(5, 5, 1)]));
        assert_eq!(map["residual"], json!([cell(1, 1, 1), cell(2, 3, 1), cell(3, 4, 2), cell(5, 5, 1)]));
        let cyber = s.get(&token, &format!("/orgs/{org}/risks/heatmap?category=cyber&impact__gte=4")).await.must(200);
        assert_eq!(cyber["inherent"], json!([cell(3, 4, 2), cell(5, 5, 1)]));
        s.get(&token, &format!("/orgs/{org}/risks/heatmap?limit=3")).await.problem(422, "VALIDATION_ERROR");
        let svg =
            s.send(&token, "GET", &format!("/orgs/{org}/risks/heatmap"), &[("accept", "image/svg+xml")], None).await;
        assert_eq!(svg.header("content-type"), "image/svg+xml");
        assert!(svg.text.starts_with("<svg ") && svg.text.contains(">3</text>"), "{}", svg.text);
        assert_eq!(s.get(&token, &format!("/orgs/{org}/risks/heatmap?format=svg")).await.text, svg.text);

        let matrix = format!("/orgs/{org}/risks/matrix");
        let standard = s.get(&token, &matrix).await.must(200);
        assert_eq!((&standard["grid"][4][4], &standard["revision"]), (&json!("critical"), &json!(0)));
        let mut own = json!({"grid": standard["grid"], "levels": standard["levels"],
            "likelihood_labels": standard["likelihood_labels"], "impact_labels": standard["impact_labels"]});
        own["grid"][2][3] = json!("critical");
        let decided = s.json(&token, "PUT", &matrix, own.clone()).await.must(200);
        assert_eq!((&decided["moved"], &decided["revision"]), (&json!(3), &json!(1)));
        let path = format!("/orgs/{org}/risks/register?inherent_level=critical&include_total=true");
        assert_eq!(s.get(&token, &path).await.must(200)["total"], 4);
        own["grid"][2].as_array_mut().unwrap().pop();
        let problem = s.json(&token, "PUT", &matrix, own).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem), [("grid[2]".to_owned(), "size".to_owned())]);

        let appetite = format!("/orgs/{org}/risks/appetite");
        assert_eq!(s.get(&token, &appetite).await.must(200)["categories"], json!({}));
        let bounds = json!({"categories": {"cyber": {"appetite": 6, "tolerance": 12, "money": 250000}}});
        let decided = s.json(&token, "PUT", &appetite, bounds).await.must(200);
        assert_eq!(decided["moved"], json!(3), "two above the appetite, one above both");
        let above = s.get(&token, &format!("/orgs/{org}/risks/register?above_tolerance=true")).await.must(200);
        assert_eq!(above["items"].as_array().unwrap().len(), 1);
        let analyst = s.member(&token, &org, "analyst").await;
        s.json(&analyst, "PUT", &appetite, json!({"categories": {}})).await.problem(403, "FORBIDDEN");
        s.running.stop().await;
    });
}

#[test]
fn every_move_between_states_is_the_machines() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Moves").await;
        let machine = grc_risk::entry::MACHINE;
        let states: Vec<&str> = machine.moves.iter().map(|(from, _)| *from).collect();
        for from in &states {
            for to in &states {
                let risk = text(&open(&s, &token, &org, json!({})).await, "id");
                let one = format!("/orgs/{org}/risks/register/{risk}");
                // The service is asked for the way there; the table of the declaration says which moves it must allow.
                for state in way(from) {
                    s.json(&token, "PATCH", &one, json!({"status": state})).await.must(200);
                }
                let got = s.json(&token, "PATCH", &one, json!({"status": to})).await;
                assert_eq!(got.status == 200, machine.allows(from, to), "{from} to {to}: {}", got.text);
                let now = s.get(&token, &one).await.must(200);
                assert_eq!(now["available_transitions"], json!(machine.from(now["status"].as_str().unwrap())));
            }
        }
        s.running.stop().await;
    });
}

fn way(to: &str) -> &'static [&'static str] {
    match to {
        "identified" => &[],
        "assessed" => &["assessed"],
        "treating" => &["assessed", "treating"],
        "accepted" => &["assessed", "accepted"],
        "closed" => &["closed"],
        other => panic!("no way to {other}"),
    }
}

#[test]
fn a_list_is_exported_whole_and_safe_to_open() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Export").await;
        for n in 0..120 {
            open(&s, &token, &org, json!({"title": format!("=SUM(A{n})"), "likelihood": n % 5 + 1})).await;
        }
        open(
            &s,
            &token,
            &org,
            json!({"title": "a \"quoted\", two\u{2028}lined", "tags": ["x", "y;z"], "review_date": "2026-05-06"}),
        )
        .await;
        let register = format!("/orgs/{org}/risks/register");
        let csv = s.send(&token, "GET", &format!("{register}?limit=3"), &[("accept", "text/csv")], None).await;
        assert_eq!(csv.status, 200, "{}", csv.text);
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        assert!(csv.header("content-disposition").contains("risks.csv"));
        let lines: Vec<&str> = csv.text.split("\r\n").collect();
        assert_eq!(lines.len(), 123, "a heading, 121 records, an end");
        assert!(lines[0].starts_with("id,ref_id,title,description,category,likelihood,impact,"), "{}", lines[0]);
        assert!(csv.text.contains(",'=SUM(A7),") && !csv.text.contains(",=SUM"));
        assert!(csv.text.contains(r#""[""x"",""y;z""]""#) && csv.text.contains("2026-05-06"), "{}", lines[1]);
        let few =
            s.send(&token, "GET", &format!("{register}?likelihood__gte=5"), &[("accept", "text/csv")], None).await;
        assert_eq!(few.text.lines().count(), 25);
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        let xlsx = s.send(&token, "GET", &register, &[("accept", kind)], None).await;
        assert_eq!((xlsx.status, xlsx.header("content-type")), (200, kind.to_owned()));
        assert!(xlsx.text.starts_with("PK"));
        s.send(&token, "GET", &register, &[("accept", "image/png")], None).await.problem(406, "NOT_ACCEPTABLE");
        s.send(&token, "GET", &format!("{register}?nothing=1"), &[("accept", "text/csv")], None)
            .await
            .problem(422, "VALIDATION_ERROR");
        s.running.stop().await;
    });
}

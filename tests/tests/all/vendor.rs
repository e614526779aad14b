//! Vendors over HTTP: the register with its tiers, services, contracts, questionnaires and assessments, and the register
//! in numbers.

use serde_json::{Value, json};

use crate::harness::{Service, fields, psql, run, text};

/// A service, a token and the path of the vendors of a new organization.
async fn begin(name: &str) -> (Service, String, String) {
    let s = Service::start(&[]).await;
    let token = s.admin().await;
    let org = s.org(&token, name).await;
    let vendors = format!("/orgs/{org}/vendors");
    (s, token, vendors)
}

async fn made(s: &Service, token: &str, path: &str, body: Value) -> Value {
    s.json(token, "POST", path, body).await.must(201)
}

async fn wrong(s: &Service, token: &str, method: &str, path: &str, body: Value) -> Vec<String> {
    let problem = s.json(token, method, path, body).await.problem(422, "VALIDATION_ERROR");
    fields(&problem).into_iter().map(|(field, code)| format!("{field} {code}")).collect()
}

fn tiering(answer: i64) -> Value {
    json!({"data_sensitivity": answer, "access": answer, "business_criticality": answer, "substitutability": answer,
        "volume": answer, "regulatory_reach": answer, "concentration": answer, "geography": answer})
}

/// How many journal entries an organization has, and its last one.
async fn journal(s: &Service, token: &str, vendors: &str) -> (i64, Value) {
    let log = vendors.replace("/vendors", "/audit-log?sort=-sequence&limit=1&include_total=true");
    let page = s.get(token, &log).await.must(200);
    (page["total"].as_i64().unwrap(), page["items"][0].clone())
}

#[test]
fn the_examples_of_the_api_reference_work_as_written() {
    run(async {
        let (s, token, vendors) = begin("Reference").await;
        let body = json!({
            "name": "Cloud Provider Inc", "category": "infrastructure", "risk_tier": "critical",
            "contact_email": "security@cloudprovider.com",
            "a2a_endpoint": "https://api.cloudprovider.com/.well-known/sovereign-a2a",
        });
        let got = s.json(&token, "POST", &vendors, body.clone()).await;
        assert_eq!(got.status, 201, "{}", got.text);
        let location = got.header("location");
        let vendor = got.json();
        let one = format!("{vendors}/{}", text(&vendor, "id"));
        assert_eq!(location, format!("/api/v1{one}"));
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&vendor[name], value);
        }
        assert_eq!((&vendor["status"], &vendor["revision"]), (&json!("pending"), &json!(1)));
        let after = s.json(&token, "PATCH", &one, json!({"status": "active", "risk_rating": 85})).await.must(200);
        assert_eq!((&after["status"], &after["risk_rating"]), (&json!("active"), &json!(85)));
        assert_eq!((&after["rating_band"], &after["risk_tier"]), (&json!("critical"), &json!("critical")));
        made(&s, &token, &vendors, json!({"name": "Caterer", "risk_tier": "low"})).await;
        for (query, names) in [
            ("status=active", vec!["Cloud Provider Inc"]),
            ("risk_tier=low", vec!["Caterer"]),
            ("risk_tier=low&risk_tier=critical&sort=name", vec!["Caterer", "Cloud Provider Inc"]),
            ("status=offboarded", vec![]),
            ("q=provider", vec!["Cloud Provider Inc"]),
        ] {
            let page = s.get(&token, &format!("{vendors}?{query}")).await.must(200);
            let found: Vec<&str> =
                page["items"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
            assert_eq!(found, names, "{query}");
        }
        s.get(&token, &format!("{vendors}?risk_tier=huge")).await.problem(422, "VALIDATION_ERROR");
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.get(&token, &one).await.problem(404, "NOT_FOUND");
        for also in ["assessments", "contracts", "stats", "questionnaires"] {
            s.get(&token, &format!("{vendors}/{also}")).await.must(200);
        }
        s.running.stop().await;
    });
}

#[test]
fn wrong_members_are_named() {
    run(async {
        let (s, token, vendors) = begin("Wrong").await;
        let vendor = made(&s, &token, &vendors, json!({"name": "A"})).await;
        let one = format!("{vendors}/{}", text(&vendor, "id"));
        for (body, expected) in [
            (json!({"name": " "}), "name required"),
            (json!({"name": null}), "name required"),
            (json!({"risk_tier": "huge"}), "risk_tier invalid"),
            (json!({"risk_tier": null}), "risk_tier required"),
            (json!({"status": "gone"}), "status invalid"),
            (json!({"risk_rating": 101}), "risk_rating out_of_range"),
            (json!({"risk_rating": 8.5}), "risk_rating type"),
            (json!({"contact_email": "nobody"}), "contact_email email"),
            (json!({"website": "ftp://x"}), "website url"),
            (json!({"a2a_endpoint": "x"}), "a2a_endpoint url"),
            (json!({"a2a_key": "two words"}), "a2a_key invalid"),
            (json!({"country": "XX"}), "country invalid"),
            (json!({"country": "DEU"}), "country too_long"),
            (json!({"lei": "7LTWFZYICNSX8D621K87"}), "lei invalid"),
            (json!({"registration_type": "vat"}), "registration_id required"),
            (json!({"parent_vendor_id": text(&vendor, "id")}), "parent_vendor_id cycle"),
            (json!({"parent_vendor_id": text(&vendor, "org_id")}), "parent_vendor_id unknown_reference"),
            (json!({"owner_id": text(&vendor, "id")}), "owner_id unknown_reference"),
            (json!({"next_review_date": "2999-01-01"}), "next_review_date out_of_range"),
            (json!({"tiering": {"access": 5}}), "tiering.access out_of_range"),
            (json!({"tiering": {"acess": 1}}), "tiering.acess unknown"),
            (json!({"tiering": 7}), "tiering type"),
            (json!({"residual_score": 1}), "residual_score unknown"),
            (json!({"inherent_score": 1}), "inherent_score unknown"),
            (json!({"attested_until": null}), "attested_until unknown"),
        ] {
            let found = wrong(&s, &token, "PATCH", &one, body.clone()).await;
            assert!(found.contains(&expected.to_owned()), "{body}: {found:?}");
        }
        let found = wrong(
            &s,
            &token,
            "POST",
            &vendors,
            json!({"name": "", "country": "de", "lei": "x", "tiering": tiering(9)}),
        )
        .await;
        assert_eq!(found.first().map(String::as_str), Some("name required"));
        assert_eq!(found.len(), 9, "all of it at once: {found:?}");
        let upper =
            s.json(&token, "PATCH", &one, json!({"country": "gr", "lei": "7ltwfzyicnsx8d621k86"})).await.must(200);
        assert_eq!((&upper["country"], &upper["lei"]), (&json!("GR"), &json!("7LTWFZYICNSX8D621K86")));
        s.running.stop().await;
    });
}

#[test]
fn a_tier_follows_from_the_answers_unless_somebody_says_why_not() {
    run(async {
        let (s, token, vendors) = begin("Tiers").await;
        for tier in ["low", "medium", "critical"] {
            let body = json!({"name": "A", "tiering": tiering(2), "risk_tier": tier});
            assert_eq!(wrong(&s, &token, "POST", &vendors, body).await, ["tier_reason required"], "{tier}");
        }
        let agreed = made(&s, &token, &vendors, json!({"name": "A", "tiering": tiering(2), "risk_tier": "high"})).await;
        assert_eq!((&agreed["tier_source"], &agreed["inherent_score"]), (&json!("formula"), &json!(50.0)));
        let vendor = made(&s, &token, &vendors, json!({"name": "B", "tiering": tiering(2)})).await;
        assert_eq!((&vendor["risk_tier"], &vendor["residual_score"]), (&json!("high"), &json!(50.0)));
        assert_eq!(vendor["tiering_formula"], "tiering-1");
        let one = format!("{vendors}/{}", text(&vendor, "id"));
        let patch = async |body: Value| s.json(&token, "PATCH", &one, body).await.must(200);

        // A merge patch goes into the answers, and one that leaves them incomplete is refused.
        let after = patch(json!({"tiering": {"data_sensitivity": 4, "business_criticality": 4}})).await;
        assert_eq!((&after["inherent_score"], &after["risk_tier"]), (&json!(75.0), &json!("critical")));
        assert_eq!(after["tiering"]["geography"], 2);
        let gap = json!({"tiering": {"geography": null}});
        assert_eq!(wrong(&s, &token, "PATCH", &one, gap).await, ["tiering.geography required"]);

        // What is said counts, even where it is what was there.
        let said = json!({"tiering": tiering(0), "risk_tier": "critical"});
        assert_eq!(wrong(&s, &token, "PATCH", &one, said).await, ["tier_reason required"]);
        let said =
            json!({"tiering": tiering(0), "risk_tier": "critical", "tier_reason": "The only supplier there is."});
        let after = patch(said).await;
        assert_eq!((&after["risk_tier"], &after["computed_tier"]), (&json!("critical"), &json!("low")));
        assert_eq!(after["tier_source"], "given");
        let after = patch(json!({"tiering": tiering(1)})).await;
        assert_eq!((&after["risk_tier"], &after["computed_tier"]), (&json!("critical"), &json!("medium")));
        let after = patch(json!({"tier_reason": null})).await;
        assert_eq!((&after["risk_tier"], &after["tier_source"]), (&json!("medium"), &json!("formula")));
        let after = patch(json!({"holds_regulated_data": true})).await;
        assert_eq!((&after["risk_tier"], &after["tier_overrides"]), (&json!("high"), &json!(["regulated_data"])));
        let after = patch(json!({"tiering": null, "risk_tier": "low"})).await;
        assert_eq!((&after["risk_tier"], &after["inherent_score"]), (&json!("low"), &json!(null)));
        let after = patch(json!({"tiering": tiering(3)})).await;
        assert_eq!((&after["risk_tier"], &after["tier_source"]), (&json!("critical"), &json!("formula")));
        s.running.stop().await;
    });
}

#[test]
fn the_key_of_a_vendor_is_kept_and_never_shown() {
    run(async {
        let (s, token, vendors) = begin("Secret").await;
        let secret = "sk-granted-7b1f0c";
        let key = [("idempotency-key", "make")];
        let body = json!({"name": "A", "a2a_key": secret}).to_string().into_bytes();
        let got = s.send(&token, "POST", &vendors, &key, Some(body.clone())).await;
        assert_eq!(got.status, 201, "{}", got.text);
        let vendor = got.json();
        let one = format!("{vendors}/{}", text(&vendor, "id"));
        assert_eq!(vendor["has_a2a_key"], true);
        let again = s.send(&token, "POST", &vendors, &key, Some(body)).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        let moved = s.json(&token, "PATCH", &one, json!({"a2a_key": format!("{secret}-2")})).await;
        assert_eq!((moved.status, &moved.json()["revision"]), (200, &json!(2)));
        let csv = s.send(&token, "GET", &vendors, &[("accept", "text/csv")], None).await;
        assert!(csv.text.starts_with("id,name,legal_name,"), "{}", csv.text);
        let log = s.get(&token, &vendors.replace("/vendors", "/audit-log")).await;
        for shown in [&got, &again, &moved, &csv, &log, &s.get(&token, &vendors).await, &s.get(&token, &one).await] {
            assert!(!shown.text.contains("granted"), "{}", shown.text);
            assert!(!shown.text.contains("\"a2a_key\""), "{}", shown.text);
        }
        s.get(&token, &format!("{vendors}?a2a_key={secret}")).await.problem(422, "VALIDATION_ERROR");
        s.get(&token, &format!("{vendors}?fields=a2a_key")).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(psql(&s.database, "SELECT a2a_key FROM vendors"), format!("{secret}-2"));
        let cleared = s.json(&token, "PATCH", &one, json!({"a2a_key": null})).await.must(200);
        assert_eq!(cleared["has_a2a_key"], false);
        s.running.stop().await;
    });
}

#[test]
fn no_vendor_belongs_to_itself_however_many_ask_at_once() {
    run(async {
        let (s, token, vendors) = begin("Groups").await;
        let mut ids = Vec::new();
        for name in ["A", "B", "C"] {
            ids.push(text(&made(&s, &token, &vendors, json!({"name": name})).await, "id"));
        }
        for round in 0..6 {
            let under = async |child: usize, parent: usize| {
                let (child, parent) = (format!("{vendors}/{}", ids[child]), &ids[parent]);
                s.json(&token, "PATCH", &child, json!({"parent_vendor_id": parent})).await.status
            };
            let (a, b, c) = tokio::join!(under(0, 1), under(1, 2), under(2, 0));
            let mut outcome = [a, b, c];
            outcome.sort_unstable();
            assert_eq!(outcome, [200, 200, 422], "round {round}: three would make a circle");
            for id in &ids {
                s.json(&token, "PATCH", &format!("{vendors}/{id}"), json!({"parent_vendor_id": null})).await.must(200);
            }
        }
        s.json(&token, "PATCH", &format!("{vendors}/{}", ids[0]), json!({"parent_vendor_id": ids[1]})).await.must(200);
        let kept = s.send(&token, "DELETE", &format!("{vendors}/{}", ids[1]), &[], None).await.problem(409, "CONFLICT");
        assert!(kept["detail"].as_str().unwrap().contains("vendors that belong to it (1)"), "{kept}");
        s.running.stop().await;
    });
}

#[test]
fn services_belong_to_their_vendor_and_lift_its_tier() {
    run(async {
        let (s, token, vendors) = begin("Services").await;
        let vendor = made(&s, &token, &vendors, json!({"name": "Hoster", "tiering": tiering(1)})).await;
        let other = made(&s, &token, &vendors, json!({"name": "Other"})).await;
        let (one, services) =
            (format!("{vendors}/{}", text(&vendor, "id")), format!("{vendors}/{}/services", text(&vendor, "id")));
        let before = journal(&s, &token, &vendors).await.0;
        let body = json!({"name": "Payments", "ict_service_type": "cloud_saas", "supports_critical_function": true,
            "reliance": "full", "substitutability": "highly_complex", "subcontractor_ids": [text(&other, "id")]});
        let service = made(&s, &token, &services, body).await;
        assert_eq!(service["vendor_id"], vendor["id"]);
        let (after, last) = journal(&s, &token, &vendors).await;
        assert_eq!(
            (after - before, last["action"].as_str()),
            (1, Some("vendor_service.created")),
            "one entry a change"
        );
        let lifted = s.get(&token, &one).await.must(200);
        assert_eq!((&lifted["risk_tier"], &lifted["tier_overrides"]), (&json!("high"), &json!(["critical_function"])));
        assert!(lifted["next_review_date"].as_str() < vendor["next_review_date"].as_str(), "it is reviewed sooner");

        // Many at once change one vendor one after the other.
        let add = async |n: usize| {
            let body = json!({"name": format!("Service {n}"), "supports_critical_function": true});
            s.json(&token, "POST", &services, body).await.status
        };
        let all = tokio::join!(add(0), add(1), add(2), add(3), add(4), add(5));
        assert_eq!(all, (201, 201, 201, 201, 201, 201));

        // The pages of a list under a vendor partition it, and a filter does not lead out of it.
        let foreign =
            made(&s, &token, &format!("{vendors}/{}/services", text(&other, "id")), json!({"name": "Theirs"})).await;
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{services}?limit=3&sort=name&vendor_id={}{cursor}", text(&vendor, "id"));
            let page = s.get(&token, &path).await.must(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "name")));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut expected: Vec<String> = (0..6).map(|n| format!("Service {n}")).collect();
        expected.insert(0, "Payments".into());
        assert_eq!(seen, expected);
        let page = s.get(&token, &format!("{services}?vendor_id={}", text(&other, "id"))).await.must(200);
        assert_eq!(page["items"], json!([]));
        let theirs = format!("{services}/{}", text(&foreign, "id"));
        s.get(&token, &theirs).await.problem(404, "NOT_FOUND");
        s.json(&token, "PATCH", &theirs, json!({"name": "x"})).await.problem(404, "NOT_FOUND");
        s.send(&token, "DELETE", &theirs, &[], None).await.problem(404, "NOT_FOUND");
        let nowhere = format!("{vendors}/{}/services", text(&service, "id"));
        s.json(&token, "POST", &nowhere, json!({"name": "x"})).await.problem(404, "NOT_FOUND");
        s.get(&token, &nowhere).await.problem(404, "NOT_FOUND");
        let kept = s.send(&token, "DELETE", &format!("{vendors}/{}", text(&other, "id")), &[], None).await;
        kept.problem(409, "CONFLICT");

        // With its services goes what they lifted.
        for item in s.get(&token, &format!("{services}?limit=200")).await.must(200)["items"].as_array().unwrap() {
            let path = format!("{services}/{}", text(item, "id"));
            s.json(&token, "PATCH", &path, json!({"supports_critical_function": false})).await.must(200);
        }
        assert_eq!(s.get(&token, &one).await.must(200)["risk_tier"], "medium");
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.get(&token, &services).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

#[test]
fn contracts_are_found_before_they_end() {
    run(async {
        let (s, token, vendors) = begin("Contracts").await;
        let vendor = text(&made(&s, &token, &vendors, json!({"name": "Hoster"})).await, "id");
        let services = format!("{vendors}/{vendor}/services");
        let service = json!({"name": "Hosting", "ict_service_type": "hosting", "supports_critical_function": true});
        let service = text(&made(&s, &token, &services, service).await, "id");
        let contracts = format!("{vendors}/contracts");
        let today = time::OffsetDateTime::now_utc().date();
        let day = |days: i64| (today + time::Duration::days(days)).to_string();
        let minimal = json!({"vendor_id": vendor, "reference": "C-0", "start_date": "2024-01-01", "end_date": day(20)});
        let contract = made(&s, &token, &contracts, minimal.clone()).await;
        assert_eq!((&contract["status"], &contract["days_left"]), (&json!("active"), &json!(20)));
        assert_eq!(contract["missing_clauses"].as_array().unwrap().len(), 9, "no service says that it is on no ICT");
        s.json(&token, "POST", &contracts, minimal).await.problem(409, "CONFLICT");
        for (reference, end, status) in [
            ("C-1", Some(day(60)), "active"),
            ("C-2", None, "active"),
            ("C-3", Some(day(10)), "draft"),
            ("C-4", Some(day(-3)), "active"),
        ] {
            let body = json!({"vendor_id": vendor, "reference": reference, "end_date": end, "status": status,
                "service_ids": [service], "clauses": ["audit_right", "exit_plan"]});
            let made = made(&s, &token, &contracts, body).await;
            assert_eq!(
                (&made["supports_critical_function"], made["missing_clauses"].as_array().unwrap().len()),
                (&json!(true), 13)
            );
        }
        for (query, found) in [
            ("expiring_within_days=30", vec!["C-0"]),
            ("expiring_within_days=60", vec!["C-0", "C-1"]),
            ("expiring_within_days=3650&clauses=exit_plan", vec!["C-1"]),
            ("expiring_within_days=0", vec![]),
            ("status=active", vec!["C-0", "C-1", "C-2", "C-4"]),
            ("clauses__ne=audit_right", vec!["C-0"]),
            ("status=draft", vec!["C-3"]),
            ("end_date__null=true", vec!["C-2"]),
        ] {
            let page = s.get(&token, &format!("{contracts}?vendor_id={vendor}&sort=reference&{query}")).await.must(200);
            let references: Vec<_> = page["items"].as_array().unwrap().iter().map(|c| text(c, "reference")).collect();
            assert_eq!(references, found, "{query}");
        }
        let first =
            s.get(&token, &format!("{contracts}?expiring_within_days=60&limit=1&sort=end_date")).await.must(200);
        let next = first["next_cursor"].as_str().unwrap();
        let path = format!("{contracts}?expiring_within_days=60&limit=1&sort=end_date&cursor={next}");
        let second = s.get(&token, &path).await.must(200);
        assert_eq!((&second["items"][0]["reference"], &second["next_cursor"]), (&json!("C-1"), &json!(null)));
        let other = s.get(&token, &path.replace("=60", "=59")).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&other), [("cursor".to_owned(), "other_list".to_owned())]);
        for bad in [
            "expiring_within_days=-1",
            "expiring_within_days=soon",
            "expiring_within_days=3651",
            "expiring_within_days=1&expiring_within_days=2",
        ] {
            let problem = s.get(&token, &format!("{contracts}?{bad}")).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], "expiring_within_days", "{bad}");
        }
        let csv = s
            .send(&token, "GET", &format!("{contracts}?expiring_within_days=30"), &[("accept", "text/csv")], None)
            .await;
        assert_eq!(csv.text.lines().count(), 2, "{}", csv.text);

        let one = format!("{contracts}/{}", text(&contract, "id"));
        for (body, expected) in [
            (json!({"end_date": "2023-12-31"}), vec!["end_date out_of_order"]),
            (json!({"vendor_id": vendor}), vec!["vendor_id unknown"]),
            (json!({"service_ids": [vendor]}), vec!["service_ids[0] unknown_reference"]),
            (json!({"annual_cost": {"amount": "1,5", "currency": "EURO"}}), vec!["annual_cost.currency too_long"]),
            (json!({"annual_cost": {"amount": "1.5"}}), vec!["annual_cost.currency required"]),
            (json!({"arrangement_type": "subsequent"}), vec!["overarching_contract_id required"]),
            (json!({"clauses": ["handshake"]}), vec!["clauses[0] invalid"]),
            (json!({"data_at_rest_countries": ["DE", "Mars"]}), vec!["data_at_rest_countries[1] too_long"]),
        ] {
            assert_eq!(wrong(&s, &token, "PATCH", &one, body.clone()).await, expected, "{body}");
        }
        let cost = json!({"annual_cost": {"amount": "1250.00", "currency": "eur"}});
        assert_eq!(s.json(&token, "PATCH", &one, cost).await.must(200)["annual_cost"]["currency"], "EUR");
        let more = s.json(&token, "PATCH", &one, json!({"annual_cost": {"amount": "1300"}})).await.must(200);
        assert_eq!(more["annual_cost"], json!({"amount": "1300", "currency": "EUR"}));
        let ended = s
            .json(&token, "PATCH", &one, json!({"status": "terminated", "termination_reason": "breach"}))
            .await
            .must(200);
        assert_eq!(ended["terminated_on"], today.to_string());
        let illegal = s.json(&token, "PATCH", &one, json!({"status": "draft"})).await.problem(409, "CONFLICT");
        assert_eq!(illegal["available_transitions"], json!(["active"]));
        let kept = s.send(&token, "DELETE", &format!("{vendors}/{vendor}"), &[], None).await.problem(409, "CONFLICT");
        assert!(kept["detail"].as_str().unwrap().contains("contracts (5)"), "{kept}");
        s.send(&token, "DELETE", &format!("{services}/{service}"), &[], None).await.problem(409, "CONFLICT");
        s.running.stop().await;
    });
}

fn template() -> Value {
    json!({"name": "Security", "sections": [
        {"title": "Access", "questions": [
            {"key": "mfa", "text": "Is there a second factor?", "type": "yes_no", "weight": 3, "category": "access",
             "options": [{"value": "yes", "score": 100}, {"value": "no", "score": 0}]},
            {"key": "kind", "text": "Which one?", "type": "single_choice", "weight": 1, "category": "access",
             "options": [{"value": "key", "score": 100}, {"value": "sms", "score": 40}],
             "visible_if": {"question": "mfa", "equals": "yes"}},
        ]},
        {"title": "Data", "questions": [
            {"key": "at_rest", "text": "What is encrypted?", "type": "multiple_choice", "weight": 2, "category": "data",
             "options": [{"value": "disks", "score": 50}, {"value": "fields", "score": 50}]},
            {"key": "remarks", "text": "What else?", "type": "text"},
        ]},
    ]})
}

#[test]
fn a_questionnaire_is_checked_to_its_depths() {
    run(async {
        let (s, token, vendors) = begin("Questionnaires").await;
        let questionnaires = format!("{vendors}/questionnaires");
        let made = made(&s, &token, &questionnaires, template()).await;
        assert_eq!((&made["question_count"], &made["version"]), (&json!(4), &json!("1")));
        assert_eq!(
            made["sections"][0]["questions"][0]["options"][0],
            json!({"value": "yes", "label": null, "score": 100.0})
        );
        let question = "/sections/0/questions/1";
        for (at, value, expected) in [
            ("/sections".to_owned(), json!([]), "sections too_few"),
            ("/sections".to_owned(), json!({}), "sections type"),
            ("/name".to_owned(), json!(""), "name required"),
            ("/sections/0/title".to_owned(), json!(null), "sections[0].title required"),
            (format!("{question}/key"), json!("mfa"), "sections[0].questions[1].key repeated"),
            (format!("{question}/key"), json!(""), "sections[0].questions[1].key required"),
            (format!("{question}/type"), json!("essay"), "sections[0].questions[1].type invalid"),
            (format!("{question}/weight"), json!(-1), "sections[0].questions[1].weight out_of_range"),
            (format!("{question}/options"), json!([]), "sections[0].questions[1].options too_few"),
            (
                format!("{question}/options/0/score"),
                json!(101),
                "sections[0].questions[1].options[0].score out_of_range",
            ),
            (format!("{question}/options/1/value"), json!("key"), "sections[0].questions[1].options[1].value repeated"),
            (format!("{question}/options/1/value"), json!({}), "sections[0].questions[1].options[1].value type"),
            (
                format!("{question}/visible_if/question"),
                json!("remarks"),
                "sections[0].questions[1].visible_if.question unknown_reference",
            ),
            (
                format!("{question}/visible_if/equals"),
                json!("maybe"),
                "sections[0].questions[1].visible_if.equals unknown_reference",
            ),
            (
                format!("{question}/visible_if"),
                json!({"question": "mfa"}),
                "sections[0].questions[1].visible_if.equals required",
            ),
        ] {
            let mut body = template();
            *body.pointer_mut(&at).unwrap() = value;
            let found = wrong(&s, &token, "POST", &questionnaires, body).await;
            assert!(found.contains(&expected.to_owned()), "{at}: {found:?}");
        }
        let one = format!("{questionnaires}/{}", text(&made, "id"));
        assert_eq!(s.get(&token, &one).await.must(200), made);
        assert_eq!(wrong(&s, &token, "PATCH", &one, json!({"sections": []})).await, ["sections unknown"]);
        assert_eq!(s.json(&token, "PATCH", &one, json!({"retired": true})).await.must(200)["retired"], true);
        let list = s.get(&token, &format!("{questionnaires}?retired=true&q=secur&fields=name")).await.must(200);
        assert_eq!(list["items"], json!([{"id": made["id"], "name": "Security"}]));
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.running.stop().await;
    });
}

#[test]
fn an_assessment_is_answered_judged_and_sets_the_vendors_residual_risk() {
    run(async {
        let (s, token, vendors) = begin("Assessments").await;
        let org = vendors.split('/').nth(2).unwrap().to_owned();
        let vendor = text(&made(&s, &token, &vendors, json!({"name": "Hoster", "tiering": tiering(3)})).await, "id");
        let template = text(&made(&s, &token, &format!("{vendors}/questionnaires"), template()).await, "id");
        let assessments = format!("{vendors}/assessments");
        let body = json!({"vendor_id": vendor, "template_id": template});
        let assessment = made(&s, &token, &assessments, body.clone()).await;
        assert_eq!((&assessment["status"], &assessment["title"]), (&json!("draft"), &json!("Security")));
        assert_eq!((&assessment["questions_visible"], &assessment["coverage"]), (&json!(3), &json!(0.0)));
        let one = format!("{assessments}/{}", text(&assessment, "id"));
        let answers = format!("{one}/answers");
        let complete = format!("{one}/complete");
        s.json(&token, "POST", &complete, json!({})).await.problem(409, "CONFLICT");
        for (given, expected) in [
            (json!({"answers": {"nothing": 1}}), vec!["answers.nothing unknown"]),
            (
                json!({"answers": {"mfa": "maybe", "at_rest": ["disks", "tapes"]}}),
                vec!["answers.mfa invalid", "answers.at_rest[1] invalid"],
            ),
            (json!({"answers": {"remarks": 4}}), vec!["answers.remarks type"]),
            (json!({"answers": []}), vec!["answers type"]),
            (json!({}), vec!["answers required"]),
            (json!({"answers": {}, "score": 100}), vec!["score unknown"]),
        ] {
            let mut found = wrong(&s, &token, "PUT", &answers, given.clone()).await;
            found.sort();
            let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            expected.sort();
            assert_eq!(found, expected, "{given}");
        }
        let half = s.json(&token, "PUT", &answers, json!({"answers": {"mfa": true, "kind": "sms"}})).await;
        let tag = half.header("etag");
        let half = half.must(200);
        assert_eq!(
            (&half["status"], &half["score"], &half["coverage"]),
            (&json!("in_progress"), &json!(85.0), &json!(0.5))
        );
        assert_eq!(half["answers"], json!({"kind": "sms", "mfa": "yes"}));
        let full = json!({"answers": {"mfa": "yes", "kind": "key", "at_rest": ["fields"], "remarks": null}});
        let full = s.json(&token, "PUT", &answers, full).await.must(200);
        assert_eq!((&full["score"], &full["coverage"]), (&json!(500.0 / 6.0), &json!(0.75)));
        let stale = Some(json!({"answers": {}}).to_string().into_bytes());
        s.send(&token, "PUT", &answers, &[("if-match", &tag)], stale).await.problem(412, "PRECONDITION_FAILED");
        let by: Vec<_> =
            full["by_category"].as_array().unwrap().iter().map(|c| (text(c, "category"), c["score"].clone())).collect();
        assert_eq!(by, [("Data".into(), json!(null)), ("access".into(), json!(100.0)), ("data".into(), json!(50.0))]);

        s.json(&token, "PATCH", &one, json!({"status": "completed"})).await.problem(409, "CONFLICT");
        s.json(&token, "PATCH", &one, json!({"status": "submitted"})).await.must(200);
        let late = s.json(&token, "PUT", &answers, json!({"answers": {}})).await.problem(409, "CONFLICT");
        assert_eq!(late["available_transitions"], json!(["in_progress", "completed", "cancelled"]));
        let viewer = s.member(&token, &org, "viewer").await;
        s.json(&viewer, "POST", &complete, json!({})).await.problem(403, "FORBIDDEN");
        let auditor = s.member(&token, &org, "auditor").await;
        let bad = json!({"findings": [{"title": "x", "severity": "terrible"}]});
        assert_eq!(wrong(&s, &auditor, "POST", &complete, bad).await, ["findings[0].severity invalid"]);
        let before = journal(&s, &token, &vendors).await.0;
        let said = json!({"findings": [{"title": "Disks in the clear", "severity": "high", "question": "at_rest"}]});
        let done = s.json(&auditor, "POST", &complete, said).await.must(200);
        let (after, last) = journal(&s, &token, &vendors).await;
        assert_eq!((after - before, last["action"].as_str()), (1, Some("vendor_assessment.completed")), "one entry");
        let near = |value: &Value, expected: f64| {
            let value = value.as_f64().unwrap_or(f64::NAN);
            assert!((value - expected).abs() < 1e-9, "{value}, not {expected}");
        };
        // Inherent 75; coverage 3/4, score 500/6, an open high finding takes a tenth.
        let assurance = 0.75 * (5.0 / 6.0) * 0.9;
        near(&done["residual_score"], 75.0 * (1.0 - assurance));
        near(&last["after"]["residual_score"], 75.0 * (1.0 - assurance));
        let judged = s.get(&token, &format!("{vendors}/{vendor}")).await.must(200);
        near(&judged["residual_score"], 75.0 * (1.0 - assurance));
        assert_eq!((&judged["last_assessment_id"], &judged["last_assessed_at"]), (&done["id"], &done["completed_at"]));
        let today = time::OffsetDateTime::now_utc().date();
        assert_eq!(judged["next_review_date"], today.replace_year(today.year() + 1).unwrap_or(today).to_string());
        s.json(&auditor, "POST", &complete, json!({})).await.problem(409, "CONFLICT");

        let closed = json!({"findings": [{"title": "Disks in the clear", "severity": "high", "status": "closed"}]});
        s.json(&token, "PATCH", &one, closed).await.must(200);
        near(
            &s.get(&token, &format!("{vendors}/{vendor}")).await.must(200)["residual_score"],
            75.0 * (1.0 - assurance / 0.9),
        );
        let list =
            s.get(&token, &format!("{assessments}?vendor_id={vendor}&status=completed&sort=-score")).await.must(200);
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert_eq!(s.get(&token, &format!("{assessments}?status=draft")).await.must(200)["items"], json!([]));
        let kept = s.send(&token, "DELETE", &format!("{vendors}/{vendor}"), &[], None).await.problem(409, "CONFLICT");
        assert!(kept["detail"].as_str().unwrap().contains("assessments (1)"), "{kept}");
        s.send(&token, "DELETE", &format!("{vendors}/questionnaires/{template}"), &[], None)
            .await
            .problem(409, "CONFLICT");
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        let bare = s.get(&token, &format!("{vendors}/{vendor}")).await.must(200);
        assert_eq!((&bare["residual_score"], &bare["last_assessment_id"]), (&json!(75.0), &json!(null)));

        // Another organization's vendor and questionnaire are none.
        let elsewhere = s.org(&token, "Elsewhere").await;
        let found = wrong(&s, &token, "POST", &format!("/orgs/{elsewhere}/vendors/assessments"), body).await;
        assert_eq!(found, ["vendor_id unknown_reference", "template_id unknown_reference"]);
        s.running.stop().await;
    });
}

#[test]
fn every_move_of_an_assessment_is_the_machines() {
    run(async {
        let (s, token, vendors) = begin("Moves").await;
        let vendor = text(&made(&s, &token, &vendors, json!({"name": "Hoster"})).await, "id");
        let template = text(&made(&s, &token, &format!("{vendors}/questionnaires"), template()).await, "id");
        let assessments = format!("{vendors}/assessments");
        let machine = grc_vendor::assessment::MACHINE;
        let ways: [(&str, &[&str]); 6] = [
            ("draft", &[]),
            ("sent", &["sent"]),
            ("in_progress", &["in_progress"]),
            ("submitted", &["in_progress", "submitted"]),
            ("completed", &["in_progress", "completed"]),
            ("cancelled", &["cancelled"]),
        ];
        for (from, way) in ways {
            for (to, _) in ways {
                let body = json!({"vendor_id": vendor, "template_id": template});
                let one = format!("{assessments}/{}", text(&made(&s, &token, &assessments, body).await, "id"));
                let go = async |state: &str| {
                    if state == "completed" {
                        s.json(&token, "POST", &format!("{one}/complete"), json!({})).await
                    } else {
                        s.json(&token, "PATCH", &one, json!({"status": state})).await
                    }
                };
                s.json(&token, "PUT", &format!("{one}/answers"), json!({"answers": {"mfa": true}})).await.must(200);
                if !way.starts_with(&["in_progress"]) {
                    s.json(&token, "PATCH", &one, json!({"status": "cancelled"})).await.must(200);
                    s.json(&token, "PATCH", &one, json!({"status": "draft"})).await.must(200);
                }
                for state in way {
                    go(state).await.must(200);
                }
                let got = go(to).await;
                // To complete what is completed is no move.
                let legal = if to == "completed" { machine.from(from).contains(&to) } else { machine.allows(from, to) };
                assert_eq!(got.status == 200, legal, "{from} to {to}: {}", got.text);
                let now = s.get(&token, &one).await.must(200);
                assert_eq!(now["available_transitions"], json!(machine.from(now["status"].as_str().unwrap())));
            }
        }
        s.running.stop().await;
    });
}

#[test]
fn the_register_in_numbers_counts_what_is_there() {
    run(async {
        let (s, token, vendors) = begin("Numbers").await;
        let stats = format!("{vendors}/stats");
        let nothing = s.get(&token, &stats).await.must(200);
        assert_eq!(nothing["total"], 0);
        assert_eq!(nothing["by_status"], json!({"active": 0, "inactive": 0, "pending": 0, "offboarded": 0}));
        for (status, tier, rating, review) in [
            ("active", "critical", json!(85), json!("2020-01-01")),
            ("active", "high", json!(50), json!(null)),
            ("pending", "high", json!(12), json!(null)),
            ("offboarded", "low", json!(null), json!("2020-01-01")),
        ] {
            let body = json!({"name": "V", "status": status, "risk_tier": tier, "risk_rating": rating, "next_review_date": review});
            made(&s, &token, &vendors, body).await;
        }
        let found = s.get(&token, &stats).await.must(200);
        assert_eq!(found["total"], 4);
        assert_eq!(found["by_status"], json!({"active": 2, "inactive": 0, "pending": 1, "offboarded": 1}));
        assert_eq!(found["by_tier"], json!({"critical": 1, "high": 2, "medium": 0, "low": 1}));
        assert_eq!(found["by_rating_band"], json!({"critical": 1, "high": 1, "medium": 0, "low": 1, "unrated": 1}));
        assert_eq!((&found["reviews_due"], &found["attestations_valid"]), (&json!(1), &json!(0)));
        psql(&s.database, "UPDATE vendors SET attested_until = now() + interval '1 day' WHERE risk_tier = 'high'");
        assert_eq!(s.get(&token, &stats).await.must(200)["attestations_valid"], 2);
        let other = s.org(&token, "Other").await;
        assert_eq!(s.get(&token, &format!("/orgs/{other}/vendors/stats")).await.must(200)["total"], 0);
        s.running.stop().await;
    });
}

#[test]
fn without_a_precondition_the_last_writer_wins() {
    run(async {
        let (s, token, vendors) = begin("Writers").await;
        let vendor = made(&s, &token, &vendors, json!({"name": "A", "tiering": tiering(1)})).await;
        let one = format!("{vendors}/{}", text(&vendor, "id"));
        let services = format!("{one}/services");
        let patch = async |rating: i64| s.json(&token, "PATCH", &one, json!({"risk_rating": rating})).await.status;
        let add = async |name: &str| {
            let body = json!({"name": name, "supports_critical_function": true});
            s.json(&token, "POST", &services, body).await.status
        };
        for round in 0..5 {
            let all = tokio::join!(patch(1), add("x"), patch(2), patch(3), add("y"), patch(4));
            assert_eq!(all, (200, 201, 200, 200, 201, 200), "round {round}");
        }
        s.running.stop().await;
    });
}

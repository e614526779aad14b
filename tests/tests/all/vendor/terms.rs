//! What vendors supply, and on which terms.

use serde_json::json;

use super::{begin, journal, made, tiering, wrong};
use crate::harness::{fields, run, text};

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

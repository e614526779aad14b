//! Vendors over HTTP: the register with its tiers, and the register in numbers; what vendors supply in `terms`, what they
//! answer in `assessed`.

mod assessed;
mod terms;

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
        // The key is for the endpoint that it was given for: another one does not get it sent.
        let endpoint = |host: &str| json!({"a2a_endpoint": format!("https://{host}/mcp")});
        let named = s.json(&token, "PATCH", &one, endpoint("vendor.example.org")).await.must(200);
        assert_eq!(named["has_a2a_key"], false);
        let both = json!({"a2a_endpoint": "https://vendor.example.org/mcp", "a2a_key": secret});
        assert_eq!(s.json(&token, "PATCH", &one, both).await.must(200)["has_a2a_key"], true);
        assert_eq!(s.json(&token, "PATCH", &one, endpoint("vendor.example.org")).await.must(200)["has_a2a_key"], true);
        assert_eq!(
            s.json(&token, "PATCH", &one, endpoint("elsewhere.example.org")).await.must(200)["has_a2a_key"],
            false
        );
        s.json(&token, "PATCH", &one, json!({"a2a_key": secret})).await.must(200);
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

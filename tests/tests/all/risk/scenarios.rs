//! Scenarios over HTTP.

use serde_json::{Value, json};

use crate::harness::{Service, fields, run, text};

fn bow_tie() -> Value {
    json!({
        "top_event": "Ransomware encrypts the file servers",
        "threats": [
            {"name": "Phishing mail", "frequency": 12},
            {"name": "Exposed service", "frequency": 2},
        ],
        "consequences": [
            {"name": "Outage of production", "loss": 400_000},
            {"name": "Headlines"},
        ],
        "barriers": [
            {"side": "threat", "on": "Phishing mail", "name": "Mail filter", "effectiveness": 0.9},
            {"side": "threat", "on": "Phishing mail", "name": "Training", "effectiveness": 0.5},
            {"side": "threat", "on": "Exposed service", "name": "Patching", "effectiveness": 0.75},
            {"side": "consequence", "on": "Outage of production", "name": "Backups", "effectiveness": 0.8},
        ],
    })
}

fn close(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|number| (number - expected).abs() < 1e-9 * expected.max(1.0))
}

#[test]
fn a_bow_tie_is_stored_evaluated_and_drawn() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Scenarios").await;
        let scenarios = format!("/orgs/{org}/risks/scenarios");
        let control = json!({"name": "Offline backups", "category": "technical"});
        let control = text(&s.json(&token, "POST", &format!("/orgs/{org}/controls"), control).await.must(201), "id");
        let mut body = bow_tie();
        body["barriers"][3]["control_id"] = json!(control);
        let made = s.json(&token, "POST", &scenarios, body).await;
        let tag = made.header("etag");
        let scenario = made.must(201);
        assert_eq!((&scenario["barriers"][3]["control_id"], &scenario["risk_id"]), (&json!(control), &json!(null)));
        let one = format!("{scenarios}/{}", text(&scenario, "id"));
        let read = s.get(&token, &one).await;
        assert_eq!((read.header("etag"), read.json()), (tag.clone(), scenario.clone()));
        assert_eq!(s.send(&token, "GET", &one, &[("if-none-match", &tag)], None).await.status, 304);

        let viewer = s.member(&token, &org, "viewer").await;
        let evaluated = s.send(&viewer, "POST", &format!("{one}/evaluate"), &[], None).await.must(200);
        assert!(close(&evaluated["top_frequency"], 12.0 * 0.1 * 0.5 + 2.0 * 0.25), "{evaluated}");
        assert!(close(&evaluated["threats"][0]["mitigated_frequency"], 0.6));
        assert!(close(&evaluated["consequences"][0]["frequency"], 0.22));
        assert!(close(&evaluated["consequences"][0]["annual_loss"], 88_000.0));
        assert_eq!(evaluated["consequences"][1]["annual_loss"], json!(null));
        assert!(close(&evaluated["annual_loss"], 88_000.0));
        assert!(close(&evaluated["barriers"][3]["annual_loss_without"], 440_000.0));
        let failed =
            s.json(&viewer, "POST", &format!("{one}/evaluate"), json!({"failed": ["Mail filter"]})).await.must(200);
        assert_eq!(failed["top_frequency"], evaluated["barriers"][0]["top_frequency_without"]);
        let problem = s.json(&viewer, "POST", &format!("{one}/evaluate"), json!({"failed": ["Moat"]})).await;
        assert_eq!(fields(&problem.problem(422, "VALIDATION_ERROR"))[0].0, "failed[0]");

        let svg = s.send(&viewer, "GET", &one, &[("accept", "image/svg+xml")], None).await;
        assert_eq!(svg.header("content-type"), "image/svg+xml");
        assert!(
            svg.text.starts_with("<svg ") && svg.text.contains("Mail filter") && svg.text.contains("90 %"),
            "{}",
            svg.text
        );
        s.send(&viewer, "GET", &one, &[("accept", "text/csv")], None).await.problem(406, "NOT_ACCEPTABLE");

        for (bad, expected) in [
            (
                json!({"threats": []}),
                vec![
                    "barriers[0].on unknown_reference",
                    "barriers[1].on unknown_reference",
                    "barriers[2].on unknown_reference",
                ],
            ),
            (
                json!({"threats": [{"name": "x", "frequency": -1}], "barriers": []}),
                vec!["threats[0].frequency out_of_range"],
            ),
            (json!({"threats": [{"name": "x"}]}), vec!["threats[0].frequency required"]),
            (json!({"consequences": [{"name": "x", "cost": 1}]}), vec!["consequences[0].cost unknown"]),
            (
                json!({"barriers": [{"side": "left", "on": "Headlines", "name": "x", "effectiveness": 2}]}),
                vec!["barriers[0].side invalid", "barriers[0].effectiveness out_of_range"],
            ),
            (
                json!({"barriers": [{"side": "consequence", "on": "Headlines", "name": "x", "effectiveness": 1, "control_id": org}]}),
                vec!["barriers[0].control_id unknown_reference"],
            ),
            (json!({"analysis_id": org}), vec!["analysis_id unknown_reference"]),
            (json!({"top_event": null}), vec!["top_event required"]),
        ] {
            let problem = s.json(&token, "PATCH", &one, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            let found: Vec<String> = fields(&problem).iter().map(|(field, code)| format!("{field} {code}")).collect();
            assert_eq!(found, expected, "{bad}");
        }
        let risk = json!({"title": "Extortion", "category": "cyber", "likelihood": 3, "impact": 5});
        let risk = text(&s.json(&token, "POST", &format!("/orgs/{org}/risks/register"), risk).await.must(201), "id");
        let linked = s.json(&token, "PATCH", &one, json!({"risk_id": risk})).await.must(200);
        assert_eq!((&linked["risk_id"], &linked["threats"]), (&json!(risk), &scenario["threats"]));
        let of_risk = s.get(&token, &format!("{scenarios}?risk_id={risk}&q=ransomware")).await.must(200);
        assert_eq!(of_risk["items"].as_array().unwrap().len(), 1);
        s.send(&token, "DELETE", &format!("/orgs/{org}/risks/register/{risk}"), &[], None).await.must(204);
        assert_eq!(s.get(&token, &one).await.must(200)["risk_id"], json!(null), "a risk that is gone is not named");
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.send(&token, "GET", &one, &[("accept", "image/svg+xml")], None).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

//! What vendors are asked, what they answer, and what is made of it.

use serde_json::{Value, json};

use super::{begin, journal, made, tiering, wrong};
use crate::harness::{run, text};

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

//! Key risk indicators over HTTP.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::harness::{Service, fields, run, text};

fn ago(minutes: i64) -> String {
    (OffsetDateTime::now_utc() - Duration::minutes(minutes)).format(&Rfc3339).unwrap()
}

async fn indicator(s: &Service, token: &str, org: &str, more: Value) -> Value {
    let mut body = json!({
        "name": "Open critical vulnerabilities", "unit": "count", "direction": "higher_is_worse", "amber": 100, "red": 200,
        "frequency": "hourly",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    s.json(token, "POST", &format!("/orgs/{org}/risks/kris"), body).await.must(201)
}

#[test]
fn a_value_alone_is_a_reading() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Indicators").await;
        let kris = format!("/orgs/{org}/risks/kris");
        let kri = indicator(&s, &token, &org, json!({})).await;
        assert_eq!((&kri["status"], &kri["value"], &kri["trend"]), (&json!("grey"), &json!(null), &json!(null)));
        assert_eq!((&kri["amber"], &kri["frequency"]), (&json!(100.0), &json!("hourly")));
        let one = format!("{kris}/{}", text(&kri, "id"));
        // The reference's example, as it is written.
        let after = s.json(&token, "PATCH", &one, json!({"value": 245})).await.must(200);
        assert_eq!((&after["status"], &after["value"], &after["revision"]), (&json!("red"), &json!(245.0), &json!(2)));
        s.json(&token, "PATCH", &one, json!({"value": 245})).await.must(200);
        let values = s.get(&token, &format!("{one}/values?include_total=true")).await.must(200);
        assert_eq!(values["total"], 2, "the same value twice is two readings");
        let after =
            s.json(&token, "PATCH", &one, json!({"value": 99.5, "name": "Open vulnerabilities"})).await.must(200);
        assert_eq!((&after["status"], &after["name"]), (&json!("green"), &json!("Open vulnerabilities")));
        assert!(after["trend"].as_f64().unwrap() < 0.0, "{after}");
        let read = s.get(&token, &one).await;
        assert_eq!(read.json(), after);

        let breaches = s.get(&token, &format!("{kris}/breaches?kri_id={}", text(&kri, "id"))).await.must(200);
        let told: Vec<_> = breaches["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (&e["kind"], &e["from_status"], &e["to_status"], &e["threshold"]))
            .collect();
        assert_eq!(
            told,
            [
                (&json!("clear"), &json!("red"), &json!("green"), &json!(200.0)),
                (&json!("breach"), &json!("grey"), &json!("red"), &json!(200.0)),
            ]
        );
        let only =
            s.get(&token, &format!("{kris}/breaches?kind=breach&to_status=red&include_total=true")).await.must(200);
        assert_eq!(only["total"], 1);
        let history = s.get(&token, &format!("{one}/history?sort=-sequence")).await.must(200);
        let actions: Vec<_> = history["items"].as_array().unwrap().iter().map(|e| text(e, "action")).collect();
        assert_eq!(actions, ["kri.measured", "kri.measured", "kri.measured", "kri.created"], "one entry a change");

        let stale = s.send(&token, "PATCH", &one, &[("if-match", "\"1-0\"")], Some(br#"{"value": 1}"#.to_vec())).await;
        stale.problem(412, "PRECONDITION_FAILED");
        for (bad, field, code) in [
            (json!({"value": null}), "value", "required"),
            (json!({"value": "245"}), "value", "type"),
            (json!({"value": 1e16}), "value", "out_of_range"),
            (json!({"status": "green"}), "status", "unknown"),
            (json!({"trend": 1}), "trend", "unknown"),
            (json!({"red": 50}), "red", "out_of_order"),
            (json!({"red": [50]}), "red", "type"),
            (json!({"red": [50, 60, 70]}), "red", "too_many"),
            (json!({"red": [50, "x"]}), "red", "type"),
            (json!({"red": 1e16}), "red", "out_of_range"),
            (json!({"direction": "sideways"}), "direction", "invalid"),
            (json!({"frequency": "often"}), "frequency", "invalid"),
            (json!({"risk_ids": [org]}), "risk_ids[0]", "unknown_reference"),
        ] {
            let problem = s.json(&token, "PATCH", &one, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem), [(field.to_owned(), code.to_owned())], "{bad}");
        }
        let problem =
            s.json(&token, "PATCH", &one, json!({"direction": "in_range"})).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem).len(), 2, "both thresholds must be pairs now");
        let ranged = json!({"direction": "in_range", "amber": [90, 95], "red": [80, 99.5]});
        assert_eq!(s.json(&token, "PATCH", &one, ranged).await.must(200)["status"], "red", "99.5 is on the threshold");
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.get(&token, &format!("{one}/values")).await.problem(404, "NOT_FOUND");
        assert_eq!(s.get(&token, &format!("{kris}/breaches")).await.must(200)["items"], json!([]));
        s.running.stop().await;
    });
}

#[test]
fn readings_come_one_by_one_or_by_the_thousand_in_any_order() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Readings").await;
        let kri = text(&indicator(&s, &token, &org, json!({})).await, "id");
        let one = format!("/orgs/{org}/risks/kris/{kri}");
        let values = format!("{one}/values");
        let key = [("idempotency-key", "first")];
        let body = json!({"value": 150, "recorded_at": ago(30)}).to_string().into_bytes();
        let made = s.send(&token, "POST", &values, &key, Some(body.clone())).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let replayed = s.send(&token, "POST", &values, &key, Some(body)).await;
        assert_eq!((replayed.header("idempotency-replayed"), &replayed.text), ("true".to_owned(), &made.text));
        let reading = made.json();
        assert_eq!((&reading["value"], &reading["kri_id"]), (&json!(150.0), &json!(kri)));
        let at = made.header("location");
        assert_eq!(s.get(&token, at.trim_start_matches("/api/v1")).await.must(200), reading);
        assert_eq!(s.get(&token, &one).await.must(200)["status"], "amber");

        // The oldest last, and one that corrects the first.
        let mut batch: Vec<Value> = (0..999).map(|i| json!({"value": 999 - i, "recorded_at": ago(31 + i)})).collect();
        batch.push(json!({"value": 40, "recorded_at": text(&reading, "recorded_at")}));
        let made = s.json(&token, "POST", &values, json!({"values": batch})).await.must(201);
        assert_eq!((&made["recorded"], &made["replaced"]), (&json!(1_000), &json!(1)));
        assert_eq!((&made["kri"]["value"], &made["kri"]["status"]), (&json!(40.0), &json!("green")));
        assert!(made["kri"]["trend"].as_f64().unwrap() < 0.0);
        let total = s.get(&token, &format!("{values}?include_total=true&limit=1")).await.must(200);
        assert_eq!((&total["total"], &total["items"][0]["value"]), (&json!(1_000), &json!(40.0)), "the newest first");
        let window =
            format!("{values}?recorded_at__gte={}&recorded_at__lte={}&sort=recorded_at&limit=200", ago(50), ago(32));
        let window = s.get(&token, &window.replace('+', "%2B")).await.must(200);
        assert_eq!(window["items"].as_array().unwrap().len(), 18);
        let events = s.get(&token, &format!("/orgs/{org}/risks/kris/breaches")).await.must(200);
        assert_eq!(events["items"].as_array().unwrap().len(), 2, "history does not alarm; the correction clears");
        let history = s.get(&token, &format!("{one}/history?sort=-sequence")).await.must(200);
        let told = &history["items"][0]["after"]["readings"];
        assert_eq!((&told["count"], &told["replaced"][0]["value"]), (&json!(1_000), &json!(150.0)), "{told}");

        let undated = json!({"values": [{"value": 1}, {"value": 2}, {"value": 3}]});
        let made = s.json(&token, "POST", &values, undated).await.must(201);
        assert_eq!((&made["recorded"], &made["kri"]["value"]), (&json!(3), &json!(3.0)));
        for (bad, expected) in [
            (json!({}), "value required"),
            (json!({"values": []}), "values too_few"),
            (json!({"value": 1, "values": [{"value": 1}]}), "value excluded"),
            (json!({"values": [{"value": 1}, {"at": 1}]}), "values[1].at unknown"),
            (json!({"values": [{"recorded_at": ago(1)}]}), "values[0].value required"),
            (json!({"values": vec![json!({"value": 1}); 1_001]}), "values too_many"),
            (json!({"value": 1, "recorded_at": ago(-10)}), "recorded_at out_of_range"),
            (json!({"value": 1, "recorded_at": "now"}), "recorded_at type"),
            (
                json!({"values": [{"value": 1, "recorded_at": "2026-01-01T00:00:00Z"}, {"value": 2, "recorded_at": "2026-01-01T01:00:00+01:00"}]}),
                "values[1].recorded_at repeated",
            ),
        ] {
            let problem = s.json(&token, "POST", &values, bad).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(
                fields(&problem).first().map(|(field, code)| format!("{field} {code}")).as_deref(),
                Some(expected)
            );
        }
        let viewer = s.member(&token, &org, "viewer").await;
        s.json(&viewer, "POST", &values, json!({"value": 1})).await.problem(403, "FORBIDDEN");
        let other = s.org(&token, "Elsewhere").await;
        s.json(&token, "POST", &values.replace(&org, &other), json!({"value": 1})).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

#[test]
fn an_indicator_that_fell_silent_is_grey() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Silence").await;
        let kris = format!("/orgs/{org}/risks/kris");
        for (name, minutes) in [("fresh", 80), ("silent", 95)] {
            let kri = indicator(&s, &token, &org, json!({"name": name})).await;
            let one = format!("{kris}/{}", text(&kri, "id"));
            let reading = json!({"value": 250, "recorded_at": ago(minutes)});
            s.json(&token, "POST", &format!("{one}/values"), reading).await.must(201);
            let read = s.get(&token, &one).await.must(200);
            assert_eq!(
                (&read["status"], &read["value"]),
                (&json!(if name == "fresh" { "red" } else { "grey" }), &json!(250.0))
            );
        }
        let names = async |query: &str| -> Vec<String> {
            let page = s.get(&token, &format!("{kris}?{query}")).await.must(200);
            page["items"].as_array().unwrap().iter().map(|kri| text(kri, "name")).collect()
        };
        assert_eq!(names("status=red").await, ["fresh"]);
        assert_eq!(names("status=grey").await, ["silent"]);
        assert_eq!(names("status=grey&status=red&sort=name").await, ["fresh", "silent"]);
        assert_eq!(names("status__ne=grey").await, ["fresh"]);
        assert_eq!(names("status=green").await, [""; 0]);
        s.running.stop().await;
    });
}

#[test]
fn collectors_that_write_at_once_lose_no_reading() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Collectors").await;
        let kri = text(&indicator(&s, &token, &org, json!({})).await, "id");
        let one = format!("/orgs/{org}/risks/kris/{kri}");
        let writes = (0..24).map(|n| {
            let (s, token, one) = (&s, &token, &one);
            async move {
                if n % 2 == 0 {
                    s.json(token, "PATCH", one, json!({"value": n})).await.must(200)
                } else {
                    s.json(token, "POST", &format!("{one}/values"), json!({"value": n})).await.must(201)
                }
            }
        });
        futures::future::join_all(writes).await;
        let values = s.get(&token, &format!("{one}/values?include_total=true&limit=1")).await.must(200);
        assert_eq!(values["total"], 24);
        let read = s.get(&token, &one).await.must(200);
        assert_eq!((&read["revision"], &read["value"]), (&json!(25), &values["items"][0]["value"]));
        s.running.stop().await;
    });
}

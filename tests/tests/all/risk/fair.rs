//! Quantitative analyses over HTTP: at once, by a job, and not at all when everybody is busy.

use serde_json::{Value, json};

use crate::harness::{Service, fields, psql, run, text};

fn pert(min: f64, mode: f64, max: f64) -> Value {
    json!({"type": "pert", "min": min, "mode": mode, "max": max})
}

/// The model M1 of the reference numbers.
fn m1() -> Value {
    json!({"lef": pert(0.1, 0.5, 2.0), "loss_magnitude": pert(1e4, 1e5, 1e6)})
}

/// So many events a year that a simulation takes its time.
fn slow() -> Value {
    json!({"lef": {"type": "poisson", "rate": 9_000}, "loss_magnitude": {"type": "uniform", "min": 1, "max": 2}})
}

async fn stored(s: &Service, token: &str, org: &str, model: Value) -> Value {
    let body = json!({"name": "Ransomware <&>", "model": model, "appetite": 200_000, "tolerance": 1_000_000});
    s.json(token, "POST", &format!("/orgs/{org}/risks/fair"), body).await.must(201)
}

#[test]
fn an_analysis_is_stored_run_and_drawn() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Analyses").await;
        let fair = format!("/orgs/{org}/risks/fair");
        let analysis = stored(&s, &token, &org, m1()).await;
        assert_eq!((&analysis["mode"], &analysis["latest_run"]), (&json!("event"), &json!(null)));
        let one = format!("{fair}/{}", text(&analysis, "id"));
        let got = s
            .send(&token, "POST", &format!("{one}/run"), &[], Some(br#"{"trials": 1000000, "seed": 7}"#.to_vec()))
            .await;
        assert_eq!(got.status, 200, "{}", got.text);
        let first = got.json();
        assert_eq!(
            (&first["status"], &first["progress"], &first["seed"]),
            (&json!("completed"), &json!(100), &json!(7))
        );
        // The reference's closed form and convolution, within four of its standard errors.
        for (found, exact, error) in [
            (&first["mean"], 160_583.3, 231.0),
            (&first["percentiles"]["95"], 671_400.0, 1_177.0),
            (&first["percentiles"]["99"], 1_035_500.0, 2_000.0),
        ] {
            assert!((found.as_f64().unwrap() - exact).abs() < 4.0 * error, "{found} for {exact}");
        }
        assert!(first["exceedance_curve"].as_array().unwrap().len() > 20);
        assert_eq!(first["tornado"].as_array().unwrap().len(), 2);
        let at = got.header("location");
        assert_eq!(at, format!("/api/v1{one}/runs/{}", text(&first, "id")));
        let read = s.get(&token, at.trim_start_matches("/api/v1")).await;
        assert_eq!(
            (read.json(), read.header("etag")),
            (first.clone(), got.header("etag")),
            "what was answered is what is kept"
        );
        let svg = s.send(&token, "GET", at.trim_start_matches("/api/v1"), &[("accept", "image/svg+xml")], None).await;
        assert_eq!(svg.header("content-type"), "image/svg+xml");
        assert!(
            svg.text.starts_with("<svg ")
                && svg.text.contains("Ransomware &lt;&amp;&gt;")
                && svg.text.contains("tolerance")
        );
        s.send(&token, "GET", at.trim_start_matches("/api/v1"), &[("accept", "image/png")], None)
            .await
            .problem(406, "NOT_ACCEPTABLE");

        let by_default = s.send(&token, "POST", &format!("{one}/run"), &[("idempotency-key", "k")], None).await;
        assert_eq!((by_default.status, &by_default.json()["trials"]), (200, &json!(100_000)), "{}", by_default.text);
        assert!(by_default.json()["seed"].as_u64().is_some_and(|seed| seed < 1 << 53));
        let replay = s.send(&token, "POST", &format!("{one}/run"), &[("idempotency-key", "k")], None).await;
        assert_eq!((replay.header("idempotency-replayed"), &replay.text), ("true".to_owned(), &by_default.text));
        let reused =
            s.send(&token, "POST", &format!("{one}/run"), &[("idempotency-key", "k")], Some(b"{}".to_vec())).await;
        reused.problem(422, "IDEMPOTENCY_KEY_REUSED");
        let runs = s.get(&token, &format!("{one}/runs?include_total=true&sort=-mean")).await.must(200);
        assert_eq!(runs["total"], 2);
        assert!(runs["items"][0]["mean"].as_f64() >= runs["items"][1]["mean"].as_f64());
        assert_eq!(runs["items"][0].get("exceedance_curve"), None, "a list is light");
        let latest = s.get(&token, &one).await.must(200)["latest_run"].clone();
        assert_eq!((&latest["id"], &latest["current"]), (&by_default.json()["id"], &json!(true)));

        let patched = s.json(&token, "PATCH", &one, json!({"mode": "product", "tolerance": null})).await.must(200);
        assert_eq!((&patched["tolerance"], &patched["latest_run"]["current"]), (&json!(null), &json!(false)));
        let product =
            s.json(&token, "POST", &format!("{one}/run"), json!({"trials": 1_000_000, "seed": 7})).await.must(200);
        assert!((product["var_95"].as_f64().unwrap() - 447_817.0).abs() < 4.0 * 602.0, "{}", product["var_95"]);
        assert_eq!(product["p_over_tolerance"], json!(null));
        let listed = s.get(&token, &format!("{fair}?q=ransom&mode=product")).await.must(200);
        assert_eq!(listed["items"][0]["latest_run"]["mean"], product["mean"]);

        let viewer = s.member(&token, &org, "viewer").await;
        s.json(&viewer, "POST", &format!("{one}/run"), json!({})).await.problem(403, "FORBIDDEN");
        for (body, expected) in [
            (json!({"trials": 999}), "trials out_of_range"),
            (json!({"trials": 100_000_001}), "trials out_of_range"),
            (json!({"seed": -1}), "seed out_of_range"),
            (json!({"seed": 1.5}), "seed type"),
            (json!({"threads": 4}), "threads unknown"),
        ] {
            let problem = s.json(&token, "POST", &format!("{one}/run"), body).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem).first().map(|(f, c)| format!("{f} {c}")).as_deref(), Some(expected));
        }
        s.send(&token, "DELETE", &one, &[], None).await.must(204);
        s.get(&token, at.trim_start_matches("/api/v1")).await.problem(404, "NOT_FOUND");
        s.json(&token, "POST", &format!("{one}/run"), json!({})).await.problem(404, "NOT_FOUND");
        s.running.stop().await;
    });
}

#[test]
fn a_model_with_a_missing_or_a_double_branch_is_refused_by_name() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Wrong").await;
        let fair = format!("/orgs/{org}/risks/fair");
        let rate = json!({"type": "poisson", "rate": 1});
        let loss = json!({"type": "constant", "value": 5});
        let half = json!({"type": "constant", "value": 0.5});
        let cases = [
            (json!({}), "model.lef required"),
            (json!({"lef": rate}), "model.loss_magnitude required"),
            (json!({"lef": rate, "tef": rate, "loss_magnitude": loss}), "model.tef conflict"),
            (json!({"tef": rate, "loss_magnitude": loss}), "model.vulnerability required"),
            (
                json!({"tef": rate, "vulnerability": half, "threat_capability": half, "resistance_strength": half, "loss_magnitude": loss}),
                "model.threat_capability conflict",
            ),
            (json!({"lef": rate, "primary_loss": loss}), "model.secondary_event_frequency required"),
            (json!({"lef": {"type": "gamma"}, "loss_magnitude": loss}), "model.lef.type invalid"),
            (json!({"lef": rate, "loss_magnitude": loss, "likelihood": loss}), "model.likelihood unknown"),
            (
                json!({"lef": rate, "loss_magnitude": {"type": "pert", "min": 3, "mode": 2, "max": 9}}),
                "model.loss_magnitude.min out_of_range",
            ),
        ];
        for (model, expected) in cases {
            let stored = s
                .json(&token, "POST", &fair, json!({"name": "x", "model": model}))
                .await
                .problem(422, "VALIDATION_ERROR");
            let named: Vec<String> = fields(&stored).iter().map(|(field, code)| format!("{field} {code}")).collect();
            assert!(named.contains(&expected.to_owned()), "{model}: {named:?}");
            let simulated = s.json(&token, "POST", &format!("{fair}/simulate"), json!({"model": model})).await;
            assert_eq!(fields(&simulated.problem(422, "VALIDATION_ERROR")), fields(&stored), "{model}");
        }
        let problem =
            s.json(&token, "POST", &fair, json!({"model": {}, "mode": "x"})).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem)[0].0, "name");
        s.running.stop().await;
    });
}

#[test]
fn a_simulation_needs_no_record_and_repeats_itself() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Stateless").await;
        let viewer = s.member(&token, &org, "viewer").await;
        let simulate = format!("/orgs/{org}/risks/fair/simulate");
        let body = json!({"name": "idea", "model": m1(), "appetite": 1e5, "trials": 50_000, "seed": 11});
        let one = s.json(&viewer, "POST", &simulate, body.clone()).await;
        assert_eq!(one.status, 200, "{}", one.text);
        assert_eq!(s.json(&viewer, "POST", &simulate, body).await.text, one.text, "the same bytes");
        let one = one.json();
        assert_eq!(
            (&one["trials"], &one["seed"], &one["p_over_tolerance"]),
            (&json!(50_000), &json!(11), &json!(null))
        );
        assert!(one["p_over_appetite"].as_f64().unwrap() > 0.3);
        let free = json!({"model": m1(), "trials": 1_000}).to_string().into_bytes();
        let key = [("idempotency-key", "sim")];
        let first = s.send(&viewer, "POST", &simulate, &key, Some(free.clone())).await;
        let again = s.send(&viewer, "POST", &simulate, &key, Some(free)).await;
        assert_eq!((again.header("idempotency-replayed"), &again.text), ("true".to_owned(), &first.text));
        for (body, status) in [("", 400), ("{", 400), ("[]", 422), (r#"{"model": 5}"#, 422)] {
            let got = s.send(&viewer, "POST", &simulate, &[], Some(body.as_bytes().to_vec())).await;
            assert_eq!(got.status, status, "{body}: {}", got.text);
        }
        let endless = json!({"model": slow(), "trials": 100_000_000});
        let problem = s.json(&viewer, "POST", &simulate, endless).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(problem["field"], "trials");
        s.running.stop().await;
    });
}

#[test]
fn a_long_run_is_a_job_that_can_be_stopped() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Jobs").await;
        let quick =
            json!({"lef": {"type": "poisson", "rate": 0.01}, "loss_magnitude": {"type": "constant", "value": 100}});
        let one = format!("/orgs/{org}/risks/fair/{}", text(&stored(&s, &token, &org, quick).await, "id"));
        let got = s.json(&token, "POST", &format!("{one}/run"), json!({"trials": 10_000_001, "seed": 3})).await;
        let at = got.header("location").trim_start_matches("/api/v1").to_owned();
        let begun = got.must(202);
        assert_eq!(
            (&begun["status"], &begun["mean"], &begun["exceedance_curve"]),
            (&json!("queued"), &json!(null), &json!(null))
        );
        // What was asked is simulated, whatever becomes of the analysis meanwhile.
        s.json(&token, "PATCH", &one, json!({"tolerance": 5})).await.must(200);
        let done = s.until(&token, &at, |run| run["status"] == "completed").await;
        assert!((done["mean"].as_f64().unwrap() - 1.0).abs() < 0.02, "{}", done["mean"]);
        assert_eq!(
            (&done["tolerance"], &done["trials"], &done["progress"]),
            (&json!(1_000_000.0), &json!(10_000_001), &json!(100))
        );
        let svg = s.send(&token, "GET", &at, &[("accept", "image/svg+xml")], None).await;
        assert_eq!(svg.status, 200, "{}", svg.text);

        let slow = format!("/orgs/{org}/risks/fair/{}", text(&stored(&s, &token, &org, slow()).await, "id"));
        let got = s.json(&token, "POST", &format!("{slow}/run"), json!({"trials": 50_000_000})).await;
        let at = got.header("location").trim_start_matches("/api/v1").to_owned();
        got.must(202);
        let running = s.until(&token, &at, |run| run["status"] == "running").await;
        assert_eq!(running["error"], json!(null));
        s.send(&token, "GET", &at, &[("accept", "image/svg+xml")], None).await.problem(409, "CONFLICT");
        let stopped = s.json(&token, "POST", &format!("{at}/cancel"), json!({})).await.must(200);
        assert_eq!(stopped["status"], "cancelled");
        s.json(&token, "POST", &format!("{at}/cancel"), json!({})).await.problem(409, "CONFLICT");
        // Its worker and its slot come free: the next run is carried out.
        let got = s.json(&token, "POST", &format!("{one}/run"), json!({"trials": 10_000_001})).await;
        let next = got.header("location").trim_start_matches("/api/v1").to_owned();
        s.until(&token, &next, |run| run["status"] == "completed").await;
        assert_eq!(s.get(&token, &at).await.must(200)["status"], "cancelled");
        // Removing an analysis stops what still runs of it; so does stopping the service.
        s.json(&token, "POST", &format!("{slow}/run"), json!({"trials": 50_000_000})).await.must(202);
        s.send(&token, "DELETE", &slow, &[], None).await.must(204);
        let last = format!("/orgs/{org}/risks/fair/{}", text(&stored(&s, &token, &org, self::slow()).await, "id"));
        s.json(&token, "POST", &format!("{last}/run"), json!({"trials": 50_000_000})).await.must(202);
        let begun = std::time::Instant::now();
        s.running.stop().await;
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
        let left = psql(&s.database, "SELECT status, attempts, error FROM jobs WHERE status IN ('queued', 'running')");
        // An attempt is used up only by a failure, which a database under the load of all tests may be.
        let whole = left == "queued|0|" || left.starts_with("queued|1|") && !left.ends_with('|');
        assert!(whole, "whoever starts next begins it again: {left}");
    });
}

#[test]
fn too_many_simulations_at_once_are_told_to_come_again() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Crowd").await;
        let simulate = format!("/orgs/{org}/risks/fair/simulate");
        let body = json!({"model": slow(), "trials": 3_000, "seed": 1});
        let crowd = (0..40).map(|_| s.json(&token, "POST", &simulate, body.clone()));
        let crowded = std::time::Instant::now();
        let (answers, alive) = futures::future::join(futures::future::join_all(crowd), async {
            while s.running.app.simulator.busy() < 2 {
                tokio::task::yield_now().await;
            }
            let begun = std::time::Instant::now();
            s.get(&token, &format!("/orgs/{org}")).await.must(200);
            begun.elapsed()
        })
        .await;
        let crowded = crowded.elapsed();
        let ok: Vec<&str> = answers.iter().filter(|got| got.status == 200).map(|got| got.text.as_str()).collect();
        assert!(ok.len() >= 2 && ok.windows(2).all(|pair| pair[0] == pair[1]), "{}", ok.len());
        let refused: Vec<_> = answers.iter().filter(|got| got.status != 200).collect();
        assert!(!refused.is_empty());
        for got in refused {
            assert!(matches!(got.status, 429 | 503), "{}", got.text);
            assert!(got.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
        }
        assert!(alive < crowded, "other requests go on: {alive:?} of {crowded:?}");
        s.json(&token, "POST", &simulate, json!({"model": m1(), "trials": 1_000})).await.must(200);
        s.running.stop().await;
    });
}

#[test]
fn a_client_that_goes_away_ends_its_simulation() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Gone").await;
        let simulate = format!("/orgs/{org}/risks/fair/simulate");
        let body = json!({"model": slow(), "trials": 160_000, "seed": 1});
        let asking = s.json(&token, "POST", &simulate, body);
        let asked = tokio::time::timeout(std::time::Duration::from_millis(500), asking).await;
        assert!(asked.is_err(), "it takes longer than that: {asked:?}");
        let begun = std::time::Instant::now();
        while s.running.app.simulator.busy() > 0 {
            assert!(begun.elapsed().as_secs() < 8, "the simulation goes on although nobody waits for it");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        s.running.stop().await;
    });
}

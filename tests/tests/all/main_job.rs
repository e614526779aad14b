//! The main job: from evidence to findings to a report, with its interruptions.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{EMAIL, PASSWORD, Service, database, psql, root, run, scratch, text, url};

#[test]
fn the_example_script_runs_the_main_job() {
    run(async {
        let s = Service::start(&[]).await;
        let base = format!("http://{}", s.running.address);
        let out = scratch().join("main-job.html");
        let script = root().join("examples/main-job.sh");
        let output = tokio::task::spawn_blocking(move || {
            let output = Command::new(script)
                .arg(&out)
                .env("BASE", base)
                .env("EMAIL", EMAIL)
                .env("PASSWORD", PASSWORD)
                .output()
                .unwrap();
            (output, std::fs::read_to_string(&out).unwrap_or_default())
        });
        let (output, report) = output.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(report.contains("<svg") && report.contains("SOC 2 self-assessment") && !report.contains("<script"));
        s.running.stop().await;
    });
}

#[test]
fn an_execution_is_paused_resumed_and_judged_by_a_person() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0"), ("GRC_LIMIT_EXECUTIONS", "1")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "States").await;
        let framework = s.framework(&token, "SOC2_TYPE2").await;
        let open = async |name: &str| {
            text(
                &s.json(
                    &token,
                    "POST",
                    &format!("/orgs/{org}/assessments"),
                    json!({"framework_id": framework, "name": name}),
                )
                .await
                .must(201),
                "id",
            )
        };
        let id = open("First").await;
        let path = format!("/orgs/{org}/assessments/{id}");
        let problem = s.json(&token, "POST", &format!("{path}/pause"), json!({})).await.problem(409, "CONFLICT");
        assert_eq!(problem["available_transitions"], json!(["in_progress"]));
        let begun = s.json(&token, "POST", &format!("{path}/execute"), json!({})).await.must(202);
        assert_eq!((&begun["status"], &begun["controls_total"]), (&json!("in_progress"), &json!(61)));
        let second = open("Second").await;
        s.json(&token, "POST", &format!("/orgs/{org}/assessments/{second}/execute"), json!({}))
            .await
            .problem(429, "RATE_LIMITED");
        s.send(&token, "DELETE", &path, &[], None).await.problem(409, "CONFLICT");
        s.json(&token, "POST", &format!("{path}/pause"), json!({})).await.must(200);
        s.json(&token, "POST", &format!("{path}/execute"), json!({})).await.problem(409, "CONFLICT");
        s.json(&token, "POST", &format!("{path}/resume"), json!({})).await.must(202);
        let bad = json!({"framework_id": framework, "name": "x", "baseline": "low", "control_refs": ["CC6.1", "CC99"], "evaluator": "oracle"});
        let problem =
            s.json(&token, "POST", &format!("/orgs/{org}/assessments"), bad).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 3, "{problem}");
        s.running.stop().await;
    });
}

#[test]
fn a_person_s_verdict_is_carried_forward_while_its_evidence_stays() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Forward").await;
        let framework = s.framework(&token, "SOC2_TYPE2").await;
        let refs = ["SOC2_TYPE2:CC6.1"];
        s.upload(&token, &org, "notes.md", "text/markdown", b"Nothing of note.", &refs).await;
        let assess = async |more: serde_json::Value| {
            let mut body = json!({"framework_id": framework, "name": "A", "control_refs": ["CC6.1", "CC6.2"]});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let id = text(&s.json(&token, "POST", &format!("/orgs/{org}/assessments"), body).await.must(201), "id");
            s.json(&token, "POST", &format!("/orgs/{org}/assessments/{id}/execute"), json!({})).await.must(202);
            s.until(&token, &format!("/orgs/{org}/assessments/{id}/status"), |b| b["status"] == "completed").await;
            id
        };
        let finding = async |id: &str| {
            s.get(&token, &format!("/orgs/{org}/findings?assessment_id={id}&control_ref=CC6.1")).await.must(200)["items"][0].clone()
        };
        let first = assess(json!({})).await;
        let judged = finding(&first).await;
        assert_eq!((text(&judged, "status"), text(&judged, "evaluated_by")), ("partial".into(), "builtin".into()));
        let path = format!("/orgs/{org}/findings/{}", text(&judged, "id"));
        let amended = s
            .json(
                &token,
                "PATCH",
                &path,
                json!({"status": "pass", "remediation_notes": "Implemented MFA for all users"}),
            )
            .await
            .must(200);
        assert_eq!((&amended["evaluated_by"], &amended["needs_review"]), (&json!("human"), &json!(false)));
        let history = s.get(&token, &format!("{path}/history")).await.must(200);
        assert_eq!(history["items"][0]["after"]["status"], "pass");
        let second = finding(&assess(json!({"carry_forward_from": first})).await).await;
        assert_eq!((text(&second, "status"), text(&second, "evaluated_by")), ("pass".into(), "human".into()));
        s.upload(&token, &org, "more.md", "text/markdown", b"Something new.", &refs).await;
        let third = finding(&assess(json!({"carry_forward_from": first})).await).await;
        assert_eq!(
            (text(&third, "evaluated_by"), text(&third, "remediation_notes")),
            ("builtin".into(), "Implemented MFA for all users".into())
        );
        s.running.stop().await;
    });
}

struct Process(Child, String);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(database: &str) -> Process {
    let binary = root().join("target/debug/sovereign-grc");
    let mut child = Command::new(binary)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs([
            ("GRC_BIND", "127.0.0.1:0"),
            ("GRC_METRICS_BIND", ""),
            ("GRC_DATABASE_URL", &url(database)),
            ("GRC_DATA_DIR", scratch().join(database).to_str().unwrap()),
            ("GRC_BOOTSTRAP_EMAIL", EMAIL),
            ("GRC_BOOTSTRAP_PASSWORD", PASSWORD),
            ("GRC_RATE_LIMIT_PER_MINUTE", "0"),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(base.starts_with("http"), "{line}");
    Process(child, base)
}

#[test]
fn a_kill_in_the_middle_leaves_exactly_one_finding_for_each_control() {
    let database = database(true);
    let process = start(&database);
    run(async {
        let client = reqwest::Client::new();
        let post = async |base: &str, token: &str, path: &str, body: serde_json::Value| -> serde_json::Value {
            let response =
                client.post(format!("{base}/api/v1{path}")).bearer_auth(token).json(&body).send().await.unwrap();
            assert!(response.status().is_success(), "{path}: {}", response.status());
            response.json().await.unwrap()
        };
        let base = process.1.clone();
        let token =
            text(&post(&base, "", "/auth/login", json!({"email": EMAIL, "password": PASSWORD})).await, "access_token");
        let org = text(&post(&base, &token, "/orgs", json!({"name": "Killed"})).await, "id");
        // A framework large enough that the kill comes in the middle.
        let total: i64 = 3_000;
        let controls: Vec<_> =
            (0..total).map(|n| json!({"id": format!("c-{n}"), "title": format!("Control {n}")})).collect();
        let catalog = json!({"catalog": {
            "metadata": {"title": "Long", "version": "1", "oscal-version": "1.1.2"},
            "groups": [{"id": "g", "title": "Group", "controls": controls}]
        }});
        let framework =
            text(&post(&base, &token, &format!("/orgs/{org}/frameworks/import?key=LONG"), catalog).await, "id");
        let open = json!({"framework_id": framework, "name": "Long", "baseline": "ALL"});
        let id = text(&post(&base, &token, &format!("/orgs/{org}/assessments"), open).await, "id");
        post(&base, &token, &format!("/orgs/{org}/assessments/{id}/execute"), json!({})).await;
        let findings = || psql(&database, "SELECT count(*) FROM findings").parse::<i64>().unwrap();
        let begun = Instant::now();
        while findings() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
        drop(process);
        let left = findings();
        assert!(left < total, "the kill came in the middle ({left} of {total})");
        // The lease runs out half a minute after the kill; the test does not wait for it.
        psql(&database, "UPDATE jobs SET lease_until = now() - interval '1 second' WHERE status = 'running'");
        let _again = start(&database);
        let begun = Instant::now();
        while psql(&database, "SELECT status FROM assessments") != "completed" {
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
        assert_eq!(findings(), total);
        assert_eq!(psql(&database, "SELECT count(DISTINCT control_ref) FROM findings").parse::<i64>().unwrap(), total);
        assert_eq!(psql(&database, "SELECT status FROM jobs"), "completed");
    });
}

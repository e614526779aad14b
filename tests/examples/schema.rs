//! The service held to its own document: schemathesis sends every operation what the document allows and what it
//! forbids, and every answer must be one that the document knows.
//!
//! `cargo xtask schema` runs it: it needs a Python environment with the tool. What paths name is made first, by the
//! document's own examples, so that the operations are reached and not only their 404.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests may"
)]

#[path = "../tests/all/harness.rs"]
mod harness;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, ExitCode},
};

use harness::{Service, refer, run, scratch, text};
use serde_json::{Value, json};

/// What no client should be told to try: it would end the run's own credentials or its organization.
const EXCLUDED: &[&str] = &["delete_organization", "logout", "change_password"];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(tool), examples) = (args.next(), args.next().unwrap_or_else(|| "3".to_owned())) else {
        println!("usage: schema TOOL [EXAMPLES]: cargo xtask schema calls it");
        return ExitCode::from(2);
    };
    let metrics = grc_api::routes::metrics::install().unwrap();
    run(async move {
        let s = Service::start(&[
            ("GRC_LIMIT_UPLOADS_PER_HOUR", "0"),
            ("GRC_LIMIT_REPORTS_PER_HOUR", "0"),
            ("GRC_LIMIT_EXECUTIONS", "0"),
            ("GRC_ALLOW_PRIVATE_TARGETS", "true"),
        ])
        .await;
        let token = s.admin().await;
        let vars = seed(&s, &token).await;
        let key = json!({"name": "schema", "role": "admin"});
        let key =
            text(&s.json(&token, "POST", &format!("/orgs/{}/api-keys", vars["org_id"]), key).await.must(201), "key");
        let folder = scratch().join("schema");
        std::fs::create_dir_all(&folder).unwrap();
        let mut config = "[checks.positive_data_acceptance]\n\
             # References that name nothing, cursors, moves and clocks are for the service to judge: no schema can.\n\
             expected-statuses = [\"2xx\", \"304\", \"401\", \"403\", \"404\", \"406\", \"409\", \"412\", \"415\", \"422\", \"429\", \"503\"]\n\n\
             [checks.negative_data_rejection]\n\
             # If-Match is looked at before the body.\n\
             expected-statuses = [\"400\", \"401\", \"403\", \"404\", \"406\", \"409\", \"412\", \"415\", \"422\", \"429\", \"5xx\"]\n\n\
             [parameters]\n"
            .to_owned();
        for (name, value) in &vars {
            config.push_str(&format!("\"path.{name}\" = \"{value}\"\n"));
        }
        std::fs::write(folder.join("schemathesis.toml"), config).unwrap();
        let base = format!("http://{}/api/v1/openapi.json", s.running.address);
        let mut command = Command::new(tool);
        command
            .current_dir(&folder)
            .args(["run", &base, "--header", &format!("Authorization: Bearer {key}"), "--checks", "all"])
            .args([
                "--phases",
                "examples,coverage,fuzzing",
                "--max-examples",
                &examples,
                "--workers",
                "2",
                "--no-color",
            ])
            .args(["--seed", "1"]);
        for operation in EXCLUDED {
            command.args(["--exclude-operation-id", operation]);
        }
        let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
        let reached = succeeded(&metrics.render());
        let document = grc_api::serve::document();
        let all: BTreeSet<String> = operations(&document).map(|(method, path, _)| format!("{method} {path}")).collect();
        let missed: Vec<&String> = all.iter().filter(|operation| !reached.contains(*operation)).collect();
        let share = 100.0 * (all.len() - missed.len()) as f64 / all.len() as f64;
        println!("{} operations, {share:.1} % of them with a 2xx; without one: {missed:#?}", all.len());
        s.running.stop().await;
        if status.success() && share >= 95.0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}

/// The operations that answered with a 2xx, by the service's own metrics.
fn succeeded(metrics: &str) -> BTreeSet<String> {
    let label = |line: &str, name: &str| -> Option<String> {
        let rest = line.split(&format!("{name}=\"")).nth(1)?;
        Some(rest.split('"').next()?.to_owned())
    };
    metrics
        .lines()
        .filter(|line| line.starts_with("grc_http_requests_total{"))
        .filter(|line| label(line, "status").is_some_and(|status| status.starts_with('2')))
        .filter_map(|line| Some(format!("{} {}", label(line, "method")?, label(line, "route")?)))
        .collect()
}

fn operations(document: &Value) -> impl Iterator<Item = (String, String, &Value)> {
    document["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
        item.as_object()
            .into_iter()
            .flatten()
            .map(|(method, operation)| (method.to_uppercase(), path.clone(), operation))
    })
}

/// Makes one of everything that a path can name; their ids by parameter.
async fn seed(s: &Service, token: &str) -> BTreeMap<String, String> {
    let org = s.org(token, "Schema").await;
    let me = text(&s.get(token, "/users/me").await.must(200)["user"], "id");
    let soc2 = s.framework(token, "SOC2_TYPE2").await;
    let control = s.get(token, &format!("/frameworks/{soc2}/controls?limit=1")).await.must(200);
    let mut vars = BTreeMap::from([
        ("org_id".to_owned(), org.clone()),
        ("framework_id".to_owned(), soc2.clone()),
        ("control_id".to_owned(), text(&control["items"][0], "id")),
    ]);
    let file = s.upload(token, &org, "policy.txt", "text/plain", b"Access is reviewed every quarter.", &[]).await;
    vars.insert("evidence_id".into(), file);
    let assessment = json!({"framework_id": soc2, "name": "Schema"});
    let assessment =
        text(&s.json(token, "POST", &format!("/orgs/{org}/assessments"), assessment).await.must(201), "id");
    s.json(token, "POST", &format!("/orgs/{org}/assessments/{assessment}/execute"), json!({})).await.must(202);
    let status = format!("/orgs/{org}/assessments/{assessment}/status");
    s.until(token, &status, |body| body["status"] == "completed").await;
    let finding = s.get(token, &format!("/orgs/{org}/findings?limit=1")).await.must(200);
    vars.insert("finding_id".into(), text(&finding["items"][0], "id"));
    vars.insert("assessment_id".into(), assessment.clone());
    let report = json!({"type": "compliance_summary", "assessment_id": assessment, "format": "html"});
    let report = text(&s.json(token, "POST", &format!("/orgs/{org}/reports"), report).await.must(202), "id");
    s.until(token, &format!("/orgs/{org}/reports/{report}"), |body| body["status"] == "completed").await;
    vars.insert("report_id".into(), report);
    let entry = s.get(token, &format!("/orgs/{org}/audit-log?limit=1")).await.must(200);
    let audit = text(&entry["items"][0], "id");
    // Everything else: a POST on a list makes what the path under the list names.
    let document = grc_api::serve::document();
    let paths: Vec<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    for _ in 0..4 {
        for (method, path, operation) in operations(&document) {
            let under = paths.iter().find_map(|other| {
                let rest = other.strip_prefix(&format!("{path}/{{"))?;
                let (name, tail) = rest.split_once('}')?;
                (!tail.contains('{')).then(|| name.to_owned())
            });
            let Some(param) = under.filter(|_| method == "POST") else { continue };
            if vars.contains_key(&param) || param == "org_id" {
                continue;
            }
            let mut body = operation["requestBody"]["content"]["application/json"]["example"].clone();
            refer(&mut body, &vars, &me, &soc2);
            let mut filled = path.trim_start_matches("/api/v1").to_owned();
            for (name, value) in &vars {
                filled = filled.replace(&format!("{{{name}}}"), value);
            }
            if filled.contains('{') {
                continue;
            }
            let got = s.json(token, "POST", &filled, body.clone()).await;
            match got.status {
                200..300 => {
                    if let Some(id) = got.json()["id"].as_str() {
                        vars.insert(param, id.to_owned());
                    }
                }
                _ => println!("the example of {method} {path} was refused: {body} {}", got.text),
            }
        }
    }
    // The same name stands for a risk's entry and for one of the audit log; the register has more operations.
    vars.entry("entry_id".into()).or_insert(audit);
    vars
}

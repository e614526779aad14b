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

#[path = "../../tests/all/harness.rs"]
mod harness;
mod records;

use std::{
    collections::BTreeSet,
    process::{Command, ExitCode},
};

use harness::{Service, run, scratch, text};
use records::Records;
use serde_json::{Value, json};

/// What no client should be told to try: it would end the run's own credentials or its organization.
const EXCLUDED: &[&str] = &["delete_organization", "logout", "change_password"];

/// What may be answered to a request that follows the document, and to one that does not.
const CHECKS: &str = r#"
[checks.positive_data_acceptance]
# References that name nothing, cursors, moves and clocks are for the service to judge: no schema can.
expected-statuses = ["2xx", "304", "401", "403", "404", "406", "409", "412", "415", "422", "429", "503"]

[checks.negative_data_rejection]
# If-Match is looked at before the body, and a body may be too large before it is wrong.
expected-statuses = ["400", "401", "403", "404", "406", "409", "412", "413", "415", "422", "429", "5xx"]

[[operations]]
# It is there to say that there is no event stream.
include-operation-id = "listen_a2a"
checks.positive_data_acceptance.expected-statuses = ["401", "405"]
checks.negative_data_rejection.expected-statuses = ["401", "405"]
"#;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [tool, phases, examples] = args.as_slice() else {
        println!("usage: schema TOOL PHASES EXAMPLES: cargo xtask schema calls it");
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
        let base = format!("http://{}", s.running.address);
        let mut document = s.get("", "/openapi.json").await.must(200);
        let mut records = Records::new(&s, &document, &token).await;
        let mut config = CHECKS.to_owned();
        let all: Vec<_> = operations(&document).map(|(method, path, one)| (method, path, one.clone())).collect();
        for (method, path, operation) in &all {
            let request = records.request(method, path, operation).await;
            let id = text(operation, "operationId");
            let parameters: Vec<String> =
                request.parameters.iter().map(|(name, value)| format!("{name:?} = {value:?}")).collect();
            if !parameters.is_empty() {
                let parameters = parameters.join(", ");
                config.push_str(&format!(
                    "\n[[operations]]\ninclude-operation-id = {id:?}\nparameters = {{ {parameters} }}\n"
                ));
            }
            let written = &mut document["paths"][path][method.to_lowercase()];
            // What has an example is tried by it before anything else.
            for parameter in written["parameters"].as_array_mut().into_iter().flatten() {
                let name = format!("{}.{}", text(parameter, "in"), text(parameter, "name"));
                if let Some(value) = request.parameters.get(&name) {
                    parameter["example"] = json!(value);
                }
            }
            if let Some(body) = request.body {
                written["requestBody"]["content"]["application/json"]["example"] = body;
            }
        }
        // An example that is refused while the records are made is as wrong as one that is refused later.
        let refused = std::mem::take(&mut records.refused);
        for refused in &refused {
            println!("refused: {refused}");
        }
        let folder = scratch().join("schema");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("schemathesis.toml"), config).unwrap();
        std::fs::write(folder.join("openapi.json"), document.to_string()).unwrap();
        let mut command = Command::new(tool);
        command
            .current_dir(&folder)
            .args(["run", "openapi.json", "--url", &base, "--header", &format!("Authorization: Bearer {token}")])
            .args(["--checks", "all", "--phases", phases, "--max-examples", examples])
            .args(["--workers", "2", "--no-color", "--seed", "1"]);
        for operation in EXCLUDED {
            command.args(["--exclude-operation-id", operation]);
        }
        let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
        let reached = succeeded(&metrics.render());
        let names = all.iter().map(|(method, path, _)| format!("{method} {path}"));
        let missed: Vec<String> = names.filter(|operation| !reached.contains(operation)).collect();
        let share = 100.0 * (all.len() - missed.len()) as f64 / all.len() as f64;
        println!("{} operations, {share:.1} % of them with a 2xx; without one: {missed:#?}", all.len());
        s.running.stop().await;
        if status.success() && share >= 95.0 && refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

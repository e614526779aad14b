//! Golden files: the OpenAPI document, and who may call what.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Service, root, run};

#[test]
fn the_committed_document_is_the_services() {
    let path = root().join("docs/openapi.json");
    let now = format!("{:#}\n", grc_api::serve::document());
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "docs/openapi.json is out of date: run `cargo xtask openapi`");
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

#[test]
fn every_operation_is_described_and_every_write_is_guarded() {
    let document = grc_api::serve::document();
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no id")).to_owned()),
            "{name}"
        );
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{name} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        // What a protocol names and is not offered here.
        let refused = responses.contains_key("405");
        assert!(refused || responses.keys().any(|status| status.starts_with('2')), "{name} has no answer");
        let parameters: Vec<&str> =
            operation["parameters"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
        match method.as_str() {
            "POST" => assert!(parameters.contains(&"Idempotency-Key"), "{name}"),
            "PATCH" | "PUT" | "DELETE" => assert!(parameters.contains(&"If-Match"), "{name}"),
            _ => {}
        }
        if operation["x-permission"] != "public" {
            assert!(responses.contains_key("401") && responses.contains_key("403"), "{name}");
        }
    }
}

/// The access classes that the contract gives each route, written by hand: path, method, class.
const MATRIX: &str = include_str!("../../../docs/authz-matrix.txt");

/// Who passes a class.
fn passes(class: &str, who: &str) -> bool {
    match class {
        "public" => true,
        "self" => who != "anonymous",
        "read" => matches!(who, "viewer" | "analyst" | "auditor" | "admin"),
        "write" => matches!(who, "analyst" | "admin"),
        "review" => matches!(who, "analyst" | "auditor" | "admin"),
        "audit" => matches!(who, "auditor" | "admin"),
        "admin" => who == "admin",
        "platform" => who == "platform",
        // Managing organizations is the platform admin's too.
        "read+platform" => passes("read", who) || who == "platform",
        "admin+platform" => passes("admin", who) || who == "platform",
        other => panic!("there is no class {other}"),
    }
}

#[test]
fn the_authorization_matrix_holds_over_every_route() {
    let matrix: BTreeMap<(String, String), String> = MATRIX
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            let (method, path, class) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            ((method.to_owned(), path.to_owned()), class.to_owned())
        })
        .collect();
    let document = grc_api::serve::document();
    let present: Vec<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let mut unlisted: Vec<_> = present.iter().filter(|operation| !matrix.contains_key(operation)).collect();
    unlisted.retain(|(_, path)| !path.is_empty());
    assert!(unlisted.is_empty(), "not in docs/authz-matrix.txt: {unlisted:?}");
    let gone: Vec<_> = matrix.keys().filter(|operation| !present.contains(operation)).collect();
    assert!(gone.is_empty(), "in docs/authz-matrix.txt but not in the service: {gone:?}");
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let founder = s.admin().await;
        let (org, other) = (s.org(&founder, "Matrix").await, s.org(&founder, "Other").await);
        let mut tokens = vec![("anonymous", String::new())];
        for role in ["viewer", "analyst", "auditor", "admin"] {
            tokens.push((role, s.member(&founder, &org, role).await));
        }
        tokens.push(("stranger", s.member(&founder, &other, "admin").await));
        // A platform admin who is a member of neither.
        let me = s.get(&founder, "/users/me").await.must(200);
        let id = me["user"]["id"].as_str().unwrap();
        for org in [&org, &other] {
            s.send(&founder, "DELETE", &format!("/orgs/{org}/users/{id}"), &[], None).await.must(204);
        }
        tokens.push(("platform", founder));
        let mut wrong = Vec::new();
        let mut cells = 0;
        for ((method, path), class) in &matrix {
            // What ends sessions or organizations would end the test.
            if matches!(path.as_str(), "/api/v1/auth/logout" | "/api/v1/auth/password")
                || (method == "DELETE" && path == "/api/v1/orgs/{org_id}")
            {
                continue;
            }
            let filled = path.replace("{org_id}", &org);
            let filled = filled
                .split('/')
                .map(|part| if part.starts_with('{') { "01900000-0000-7000-8000-000000000000" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            for (who, token) in &tokens {
                let body = (method != "GET").then(|| json!({"no_such_member": true}).to_string().into_bytes());
                let got = s.send(token, method, &format!("/{filled}"), &[], body).await;
                cells += 1;
                let stranger = *who == "stranger" && path.contains("{org_id}");
                let expected = if passes(class, who) && !stranger {
                    !matches!(got.status, 401 | 403) && got.status < 500
                } else if who == &"anonymous" {
                    got.status == 401
                } else if stranger {
                    got.status == 404
                } else {
                    got.status == 403
                };
                // A stranger passes classes that no organization is asked for.
                let own =
                    stranger || !matches!(*who, "stranger") || matches!(class.as_str(), "public" | "self" | "platform");
                // Log-in and refresh answer 401 to a wrong credential by nature.
                let credential = path.starts_with("/api/v1/auth/") && got.status == 401;
                if !(expected || credential || !own) {
                    wrong.push(format!("{method} {path} as {who}: {} for {class}", got.status));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(cells > 300, "{cells}");
        // The refused calls changed nothing.
        let org = s.get(&tokens[4].1, &format!("/orgs/{org}")).await.must(200);
        assert_eq!(org["revision"], 1);
        s.running.stop().await;
    });
}

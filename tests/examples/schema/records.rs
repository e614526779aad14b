//! What the operations are tried on. Every list gets a record that reads find; every operation that changes or moves a
//! record gets one that nothing else touches, in the state that it wants, so that what one operation does is in no
//! other's way.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::harness::{EMAIL, PASSWORD, Service, psql, text};

/// Values by the names of what they stand for.
pub type Vars = BTreeMap<String, String>;

/// The lists that members of bodies name records of.
const NAMED: &[(&str, &str)] = &[
    ("asset_id", "/orgs/{org_id}/bcm/assets"),
    ("assessment_id", "/orgs/{org_id}/assessments"),
    ("control_id", "/orgs/{org_id}/controls"),
    ("evidence_ids", "/orgs/{org_id}/evidence"),
    ("finding_id", "/orgs/{org_id}/findings"),
    ("framework_id", "/frameworks"),
    ("incident_id", "/orgs/{org_id}/incidents"),
    ("process_id", "/orgs/{org_id}/bcm/processes"),
    ("template_id", "/orgs/{org_id}/vendors/questionnaires"),
    ("vendor_id", "/orgs/{org_id}/vendors"),
];

/// The same for references that name the kind: `{"type": "process", "id": ..}`.
const KINDS: &[(&str, &str)] = &[
    ("asset", "/orgs/{org_id}/bcm/assets"),
    ("process", "/orgs/{org_id}/bcm/processes"),
    ("risk", "/orgs/{org_id}/risks/register"),
    ("vendor", "/orgs/{org_id}/vendors"),
];

/// A request that ought to succeed.
pub struct Request {
    /// The values of its path and of the parameters that it cannot do without, by place and name: `path.org_id`.
    pub parameters: Vars,
    /// Its body.
    pub body: Option<Value>,
}

/// The records of a service.
pub struct Records<'s> {
    /// What was refused on the way, and why: the operation that wanted it goes without.
    pub refused: Vec<String>,
    service: &'s Service,
    document: Value,
    admin: String,
    /// Another admin: nobody decides on what they asked for themselves.
    other: String,
    me: String,
    shared: Vars,
    count: usize,
}

impl<'s> Records<'s> {
    /// An organization with something in every list that has no POST of its own.
    pub async fn new(service: &'s Service, document: &Value, admin: &str) -> Self {
        let org = service.org(admin, "Schema").await;
        let other = service.member(admin, &org, "admin").await;
        let me = text(&service.get(admin, "/users/me").await.must(200)["user"], "id");
        let soc2 = service.framework(admin, "SOC2_TYPE2").await;
        let shared = [
            ("/orgs", org.as_str()),
            ("/frameworks", &soc2),
            ("/orgs/{org_id}/imports/templates", "risks"),
            ("/orgs/{org_id}/users", &me),
        ]
        .map(|(list, id)| (list.to_owned(), id.to_owned()))
        .into();
        let mut records = Self {
            refused: Vec::new(),
            service,
            document: document.clone(),
            admin: admin.to_owned(),
            other,
            me,
            shared,
            count: 0,
        };
        records.assess(&org, &soc2).await;
        records.checkpoints(&org).await;
        records
    }

    /// An assessment that has run, for its findings.
    async fn assess(&mut self, org: &str, framework: &str) {
        let (s, token) = (self.service, self.admin.as_str());
        let text_of = b"Access is reviewed every quarter.";
        let file = s.upload(token, org, "policy.txt", "text/plain", text_of, &["SOC2_TYPE2:CC6.1"]).await;
        let assessment = json!({"framework_id": framework, "name": "Schema"});
        let path = format!("/orgs/{org}/assessments");
        let assessment = text(&s.json(token, "POST", &path, assessment).await.must(201), "id");
        s.json(token, "POST", &format!("{path}/{assessment}/execute"), json!({})).await.must(202);
        s.until(token, &format!("{path}/{assessment}/status"), |body| body["status"] == "completed").await;
        self.shared.insert("/orgs/{org_id}/evidence".to_owned(), file);
        self.shared.insert("/orgs/{org_id}/assessments".to_owned(), assessment);
    }

    /// Two checkpoints of the audit log, the second of which goes on from the first.
    async fn checkpoints(&mut self, org: &str) {
        let (s, token) = (self.service, self.admin.as_str());
        let log = format!("/orgs/{org}/audit-log");
        for name in ["First", "Second"] {
            s.json(token, "POST", &format!("/orgs/{org}/tasks"), json!({"title": name})).await.must(201);
            let last = s.get(token, &format!("{log}?limit=1")).await.must(200);
            s.get(token, &format!("{log}/{}/proof", text(&last["items"][0], "id"))).await.must(200);
        }
        let list = s.get(token, &format!("{log}/checkpoints?sort=tree_size")).await.must(200);
        let items = list["items"].as_array().unwrap();
        let list = "/orgs/{org_id}/audit-log/checkpoints";
        let later = format!("{list}/{{checkpoint_id}}/consistency");
        self.shared.insert(list.to_owned(), text(items.first().unwrap(), "id"));
        self.shared.insert(later, text(items.last().unwrap(), "id"));
    }

    /// The request for an operation; its record is made, and is in the state that the operation wants.
    pub async fn request(&mut self, method: &str, path: &str, operation: &Value) -> Request {
        let path = path.trim_start_matches("/api/v1");
        let name = format!("{method} {path}");
        // A POST on a list is on the record that the list is under.
        let is_list = method == "POST" && self.operation("get", path).is_some();
        let mut vars = self.vars(path, method != "GET" && !is_list).await;
        self.prepare(&name, &mut vars).await;
        let body = operation.pointer("/requestBody/content/application~1json/example").cloned();
        let body = match body {
            Some(example) => Some(self.body(&name, example, &vars).await),
            None => None,
        };
        let mut parameters: Vars = vars
            .iter()
            .filter(|(name, _)| path.contains(&format!("{{{name}}}")))
            .map(|(name, value)| (format!("path.{name}"), value.clone()))
            .collect();
        let query: Vec<(&str, String)> = match name.as_str() {
            "GET /orgs/{org_id}/evidence/download-url" => {
                let evidence = self.get("/orgs/{org_id}/evidence/{evidence_id}").await;
                vec![("key", text(&evidence, "object_key"))]
            }
            "GET /orgs/{org_id}/reports/preview" => {
                let assessment = Box::pin(self.shared("/orgs/{org_id}/assessments")).await;
                vec![("type", "compliance_summary".to_owned()), ("assessment_id", assessment.unwrap_or_default())]
            }
            "GET /orgs/{org_id}/search" => vec![("q", "policy".to_owned())],
            "POST /orgs/{org_id}/imports" => vec![("resource", "risks".to_owned())],
            _ => Vec::new(),
        };
        parameters.extend(query.into_iter().map(|(name, value)| (format!("query.{name}"), value)));
        Request { parameters, body }
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        self.document["paths"].get(format!("/api/v1{path}"))?.get(method)
    }

    /// The values of a path's parameters; the last one's is a new record where an operation wants one of its own.
    async fn vars(&mut self, path: &str, own: bool) -> Vars {
        let mut vars = Vars::new();
        let count = path.matches('{').count();
        for (n, (at, _)) in path.match_indices('{').enumerate() {
            let list = path[..at].trim_end_matches('/');
            let name = path[at + 1..].split('}').next().unwrap();
            let common = matches!(list, "/orgs" | "/frameworks");
            let id = if own && n + 1 == count && !common {
                Box::pin(self.make(list, &vars)).await
            } else {
                Box::pin(self.shared(list)).await
            };
            if let Some(id) = id {
                vars.insert(name.to_owned(), id);
            }
        }
        vars
    }

    /// The record of a list that everybody may read and refer to.
    async fn shared(&mut self, list: &str) -> Option<String> {
        if let Some(id) = self.shared.get(list) {
            return Some(id.clone());
        }
        let vars = self.vars(list, false).await;
        let id = self.make(list, &vars).await?;
        self.shared.insert(list.to_owned(), id.clone());
        Some(id)
    }

    /// A new record of a list, under the parents given; the newest one where the service alone makes them.
    async fn make(&mut self, list: &str, vars: &Vars) -> Option<String> {
        self.count += 1;
        let n = self.count;
        let org = self.shared["/orgs"].clone();
        let mut token = self.admin.clone();
        let (method, path) = match list {
            "/auth/sessions" => {
                self.service.login(EMAIL, PASSWORD).await;
                ("GET", list)
            }
            "/orgs/{org_id}/evidence" => {
                let bytes = format!("The backups were restored for the {n}th time.");
                return Some(self.service.upload(&token, &org, "a.txt", "text/plain", bytes.as_bytes(), &[]).await);
            }
            "/orgs/{org_id}/frameworks" => ("POST", "/orgs/{org_id}/frameworks/import"),
            "/orgs/{org_id}/risks/register/{entry_id}/acceptances" => {
                token.clone_from(&self.other);
                ("POST", list)
            }
            "/orgs/{org_id}/vendors/attestations" => ("POST", "/orgs/{org_id}/vendors/{vendor_id}/attestations"),
            "/orgs/{org_id}/risks/fair/{analysis_id}/runs" => ("POST", "/orgs/{org_id}/risks/fair/{analysis_id}/run"),
            "/orgs/{org_id}/webhooks/{webhook_id}/deliveries" => ("POST", "/orgs/{org_id}/webhooks/{webhook_id}/test"),
            "/orgs/{org_id}/opa/policies" => ("PUT", "/orgs/{org_id}/opa/policies/{policy_id}"),
            "/orgs/{org_id}/opa/policy-versions" => {
                Box::pin(self.shared("/orgs/{org_id}/opa/policies")).await;
                ("GET", list)
            }
            "/orgs/{org_id}/opa/decisions" => ("POST", "/opa/decisions"),
            "/orgs/{org_id}/jobs" => {
                self.send("POST", "/orgs/{org_id}/imports", vars, &token).await;
                ("GET", list)
            }
            _ if self.operation("post", list).is_some() => ("POST", list),
            _ => ("GET", list),
        };
        if method != "GET" {
            let mut vars = vars.clone();
            if list == "/orgs/{org_id}/opa/policies" {
                vars.insert("policy_id".to_owned(), format!("made{n}"));
            }
            let answer = Box::pin(self.send(method, path, &vars, &token)).await?;
            if list == "/orgs/{org_id}/opa/policies" {
                return vars.remove("policy_id");
            }
            if list == "/orgs/{org_id}/reports" {
                let path = format!("/orgs/{org}/reports/{}", text(&answer, "id"));
                self.service.until(&token, &path, |report| report["status"] == "completed").await;
            }
            if let Some(id) = answer["id"].as_str() {
                return Some(id.to_owned());
            }
        }
        // Of one's sessions, the one in use must stay.
        let got = self.service.get(&token, &format!("{}?limit=20", filled(list, vars))).await;
        let items = if got.status == 200 { got.json()["items"].clone() } else { Value::Null };
        let id = items.as_array().into_iter().flatten().find(|item| item["current"] != json!(true));
        let id = id.and_then(|item| item["id"].as_str()).map(str::to_owned);
        if id.is_none() {
            self.refused.push(format!("GET {list} has nothing: {}", got.text));
        }
        id
    }

    /// Sends the example of an operation; its answer, where it succeeds.
    async fn send(&mut self, method: &str, path: &str, vars: &Vars, token: &str) -> Option<Value> {
        let operation = self.operation(&method.to_lowercase(), path);
        let example =
            operation.and_then(|operation| operation.pointer("/requestBody/content/application~1json/example"));
        let example = example.cloned().unwrap_or_else(|| json!({}));
        let mut all = vars.clone();
        // What the answer is under may be named by another path than what makes it.
        for (at, _) in path.match_indices('{') {
            let name = path[at + 1..].split('}').next().unwrap();
            if !all.contains_key(name) {
                let list = path[..at].trim_end_matches('/').to_owned();
                all.extend(Box::pin(self.shared(&list)).await.map(|id| (name.to_owned(), id)));
            }
        }
        let body = self.body(&format!("{method} {path}"), example, &all).await;
        let query = if path.ends_with("/imports") { "?resource=risks" } else { "" };
        let got = self.service.json(token, method, &format!("{}{query}", filled(path, &all)), body.clone()).await;
        if !(200..300).contains(&got.status) {
            self.refused.push(format!("{method} {path} with {body}: {}", got.text));
            return None;
        }
        Some(if got.text.is_empty() { Value::Null } else { got.json() })
    }

    async fn get(&mut self, path: &str) -> Value {
        let vars = self.vars(path, false).await;
        self.service.get(&self.admin, &filled(path, &vars)).await.must(200)
    }

    /// A body that succeeds: the example of the document, about records that exist.
    async fn body(&mut self, name: &str, mut body: Value, vars: &Vars) -> Value {
        self.count += 1;
        let n = self.count;
        let asset = "/orgs/{org_id}/bcm/assets";
        match name {
            "POST /auth/invitations/accept" => {
                let guest = json!({"email": format!("guest{n}@example.com"), "name": "Guest", "role": "viewer"});
                let path = format!("/orgs/{}/users/invite", self.shared["/orgs"]);
                let invited = self.service.json(&self.admin, "POST", &path, guest).await.must(201);
                let token = text(&invited, "invitation_url").rsplit('/').next().unwrap().to_owned();
                return json!({"token": token, "password": PASSWORD});
            }
            "POST /auth/login" => return json!({"email": EMAIL, "password": PASSWORD}),
            "POST /auth/refresh" => {
                let login = json!({"email": EMAIL, "password": PASSWORD});
                let login = self.service.json("", "POST", "/auth/login", login).await.must(200);
                return json!({"refresh_token": login["refresh_token"]});
            }
            "PUT /orgs/{org_id}/risks/matrix" => {
                // The one that there is: another size would refuse the risks of the run.
                let matrix = self.get("/orgs/{org_id}/risks/matrix").await;
                let settable = body.as_object().unwrap().keys();
                return settable.map(|name| (name.clone(), matrix[name].clone())).collect::<Map<_, _>>().into();
            }
            "PUT /orgs/{org_id}/opa/policies/{policy_id}" => {
                return json!({"rego": format!("package org.{}\n\nx := {n}\n", vars["policy_id"])});
            }
            "POST /opa/decisions" => body["org_id"] = json!(self.shared["/orgs"]),
            "POST /orgs/{org_id}/bcm/dependencies" => {
                // No two records depend on each other twice.
                let own = Box::pin(self.make(asset, vars)).await;
                body["target"] = json!({"type": "vendor", "id": ""});
                self.refer(&mut body).await;
                body["target"] = json!({"type": "asset", "id": own});
                return body;
            }
            "POST /orgs/{org_id}/links" => {
                let own = Box::pin(self.make(asset, vars)).await;
                self.refer(&mut body).await;
                body["to"] = json!({"type": "asset", "id": own});
                return body;
            }
            "POST /orgs/{org_id}/frameworks/import" => {
                // Its key follows from its title.
                body["catalog"]["metadata"]["title"] = json!(format!("House rules {n}"));
                return body;
            }
            // Nobody answers there: what comes of it is stored as it is of any other vendor.
            "POST /orgs/{org_id}/vendors" => body["a2a_endpoint"] = json!("http://127.0.0.1:9/mcp"),
            "POST /orgs/{org_id}/reports" => body["assessment_id"] = json!(""),
            // Whoever was only invited can be neither deactivated nor activated.
            "POST /orgs/{org_id}/users" => body["password"] = json!(PASSWORD),
            "POST /orgs/{org_id}/risks/fair/{analysis_id}/run" => return json!({"trials": 20_000, "seed": n}),
            "PUT /orgs/{org_id}/vendors/assessments/{assessment_id}/answers" => {
                return json!({"answers": {"key": "yes"}});
            }
            "PATCH /orgs/{org_id}/vendors/assessments/{assessment_id}" => return json!({"title": "Once a year"}),
            "PATCH /orgs/{org_id}/findings/{finding_id}" => return json!({"status": "partial", "severity": "medium"}),
            _ => {}
        }
        self.refer(&mut body).await;
        for (name, value) in body.as_object_mut().into_iter().flatten() {
            match name.as_str() {
                "email" => *value = json!(format!("ada{n}@example.com")),
                "name" | "partner" | "ref_id" | "reference" => {
                    *value = json!(format!("{} {n}", name.replace('_', " ")))
                }
                _ => {}
            }
        }
        body
    }

    /// Puts what exists in place of an example's ids.
    async fn refer(&mut self, body: &mut Value) {
        match body {
            Value::Object(members) => {
                let list_of = |known: &[(&str, &'static str)], wanted: &str| {
                    known.iter().find(|(name, _)| *name == wanted).map(|(_, list)| *list)
                };
                let kind = members.get("type").and_then(Value::as_str).and_then(|kind| list_of(KINDS, kind));
                for (name, value) in members.iter_mut() {
                    let list = if name == "id" { kind } else { list_of(NAMED, name) };
                    match (name.as_str(), list) {
                        ("owner_id" | "commander_id" | "assignee_id" | "user_id", _) => *value = json!(self.me),
                        ("expires_at", _) => *value = json!("2099-01-01T00:00:00Z"),
                        (_, Some(list)) => {
                            let id = Box::pin(self.shared(list)).await;
                            *value = if value.is_array() { json!([id]) } else { json!(id) };
                        }
                        _ => Box::pin(self.refer(value)).await,
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    Box::pin(self.refer(item)).await;
                }
            }
            _ => {}
        }
    }

    /// Brings a record into the state that an operation wants.
    async fn prepare(&mut self, name: &str, vars: &mut Vars) {
        let (s, token) = (self.service, self.admin.clone());
        let sql = |table: &str, id: &str, what: &str| {
            let id = vars.get(id).cloned().unwrap_or_default();
            psql(&s.database, &format!("UPDATE {table} SET {what} WHERE id = '{id}'"));
        };
        let mut steps: Vec<(&str, &str, Value)> = Vec::new();
        match name {
            // No run may be over before the tool comes to it.
            "POST /orgs/{org_id}/assessments/{assessment_id}/pause"
            | "POST /orgs/{org_id}/assessments/{assessment_id}/cancel" => {
                sql("assessments", "assessment_id", "status = 'in_progress'");
            }
            "POST /orgs/{org_id}/assessments/{assessment_id}/resume" => {
                sql("assessments", "assessment_id", "status = 'paused'");
            }
            "POST /orgs/{org_id}/jobs/{job_id}/cancel" => {
                sql("jobs", "job_id", "status = 'queued', run_at = '2099-01-01', lease_until = null");
            }
            "POST /orgs/{org_id}/risks/fair/{analysis_id}/runs/{run_id}/cancel" => {
                let path = filled("/orgs/{org_id}/risks/fair/{analysis_id}/runs/{run_id}", vars);
                s.until(&token, &path, |run| run["status"] == "completed").await;
                sql("fair_runs", "run_id", "status = 'queued'");
            }
            "POST /orgs/{org_id}/users/{user_id}/activate" => steps.push(("POST", "/deactivate", json!({}))),
            "DELETE /orgs/{org_id}/evidence/{evidence_id}/hold" => {
                steps.push(("POST", "/hold", json!({"reason": "A dispute"})));
            }
            "POST /orgs/{org_id}/evidence/{evidence_id}/complete" => {
                let org = vars["org_id"].clone();
                let body = json!({"filename": "late.txt", "content_type": "text/plain"});
                let path = format!("/orgs/{org}/evidence/upload-url");
                let target = s.json(&token, "POST", &path, body).await.must(201);
                let (url, kind) = (text(&target, "upload_url"), [("content-type", "text/plain")]);
                assert_eq!(s.send("", "PUT", &url, &kind, Some(b"Late.".to_vec())).await.status, 200);
                vars.insert("evidence_id".to_owned(), text(&target, "evidence_id"));
            }
            "POST /orgs/{org_id}/incidents/{incident_id}/close"
            | "PUT /orgs/{org_id}/incidents/{incident_id}/review"
            | "GET /orgs/{org_id}/incidents/{incident_id}/review" => {
                if name.starts_with("GET") {
                    vars.extend(self.vars("/orgs/{org_id}/incidents/{incident_id}", true).await);
                }
                for phase in ["analysis", "containment", "eradication", "recovery", "post_incident"] {
                    steps.push(("PATCH", "", json!({"phase": phase})));
                }
                if !name.starts_with("PUT") {
                    steps.push(("PUT", "/review", json!({"root_cause": "A link", "lessons": "Training"})));
                }
            }
            "POST /orgs/{org_id}/vendors/assessments/{assessment_id}/complete" => {
                steps.push(("PUT", "/answers", json!({"answers": {"key": "yes"}})));
                steps.push(("PATCH", "", json!({"status": "submitted"})));
            }
            "POST /orgs/{org_id}/risks/register/{entry_id}/acceptances/{acceptance_id}/revoke" => {
                steps.push(("POST", "/decide", json!({"decision": "approved"})));
            }
            _ => {}
        }
        let record = name.split_once(' ').and_then(|(_, path)| Some(&path[..=path.rfind('}')?]));
        for (method, under, body) in steps {
            let got = s.json(&token, method, &filled(&format!("{}{under}", record.unwrap()), vars), body).await;
            if got.status >= 300 {
                self.refused.push(format!("{method} {under} before {name}: {}", got.text));
            }
        }
    }
}

fn filled(path: &str, vars: &Vars) -> String {
    vars.iter().fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

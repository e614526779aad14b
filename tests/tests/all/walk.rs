//! A walk over every operation that changes something: each step is sent once with a request id of its own, must
//! succeed, and must leave exactly one journal entry with that id.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Service, psql, text};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The paths of all lists, as the document has them.
pub fn lists() -> Vec<String> {
    let document = grc_api::serve::document();
    let paths = document["paths"].as_object().unwrap().iter();
    let listed = paths.filter(|(_, item)| {
        let schema = item.pointer("/get/responses/200/content/application~1json/schema/$ref");
        let name = schema.and_then(Value::as_str).and_then(|of| of.strip_prefix("#/components/schemas/"));
        // What a search found is no list: it is ranked, and is not exported.
        let name = name.filter(|name| *name != "SearchResults");
        name.is_some_and(|name| document["components"]["schemas"][name]["properties"].get("next_cursor").is_some())
    });
    listed.map(|(path, _)| path.trim_start_matches("/api/v1").to_owned()).collect()
}

/// What a walk saw.
pub struct Walk<'s> {
    /// The operations that it went through, as the document names them.
    pub covered: BTreeSet<String>,
    /// What was not as it must be.
    pub wrong: Vec<String>,
    /// The lists that it had as files.
    pub exported: BTreeSet<String>,
    lists: Vec<String>,
    service: &'s Service,
    token: String,
    vars: BTreeMap<String, String>,
    steps: usize,
}

impl<'s> Walk<'s> {
    /// Walks over everything.
    pub async fn over(service: &'s Service, token: &str, org: &str) -> Self {
        let vars = BTreeMap::from([("org_id".to_owned(), org.to_owned())]);
        let (covered, wrong) = (BTreeSet::new(), Vec::new());
        let (exported, lists) = (BTreeSet::new(), lists());
        let token = token.to_owned();
        let mut walk = Self { covered, wrong, exported, lists, service, token, vars, steps: 0 };
        walk.identity().await;
        walk.assessments().await;
        walk.evidence().await;
        walk.risks().await;
        walk.analyses().await;
        walk.vendors().await;
        walk.attestations().await;
        walk.incidents().await;
        walk.decisions().await;
        walk.continuity().await;
        walk.webhooks().await;
        walk.everything_else().await;
        walk.export().await;
        // Of every kind of change, what was hashed is what was stored.
        let verdict = service.json(&walk.token, "POST", &walk.path("/orgs/{org_id}/audit-log/verify"), json!({})).await;
        if verdict.json()["valid"] != true {
            walk.wrong.push(format!("the audit log does not hold: {}", verdict.text));
        }
        walk
    }

    /// A step as the walk's own caller.
    pub async fn step(&mut self, operation: &str, body: Value) -> Value {
        let token = self.token.clone();
        self.step_as(&token, operation, body).await
    }

    /// A step as somebody else.
    pub async fn step_as(&mut self, token: &str, operation: &str, body: Value) -> Value {
        self.export().await;
        self.steps += 1;
        let id = format!("walk-{}", self.steps);
        let (method, template) = operation.split_once(' ').unwrap();
        let (template, query) =
            template.split_once('?').map_or((template, String::new()), |(t, q)| (t, format!("?{q}")));
        let mut path = template.to_owned();
        for (name, value) in &self.vars {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let bytes = (method != "DELETE").then(|| body.to_string().into_bytes());
        let got = self.service.send(token, method, &format!("{path}{query}"), &[("x-request-id", &id)], bytes).await;
        self.covered.insert(format!("{method} {template}"));
        if !(200..300).contains(&got.status) {
            println!("{operation}: {} {}", got.status, got.text);
            self.wrong.push(format!("{operation}: {} {}", got.status, got.text));
            return Value::Null;
        }
        let entries = psql(&self.service.database, &format!("SELECT count(*) FROM journal WHERE request_id = '{id}'"));
        if entries != "1" {
            self.wrong.push(format!("{operation} left {entries} entries"));
        }
        if got.text.is_empty() { Value::Null } else { got.json() }
    }

    /// Has every list as CSV and as a workbook as soon as the record is there that it is under.
    async fn export(&mut self) {
        let lists = std::mem::take(&mut self.lists);
        for list in lists {
            let path = self.path(&list);
            if path.contains('{') {
                self.lists.push(list);
                continue;
            }
            let csv = self.service.send(&self.token, "GET", &path, &[("accept", "text/csv")], None).await;
            let sheet = self.service.send(&self.token, "GET", &path, &[("accept", XLSX)], None).await;
            let is_csv = csv.status == 200 && csv.header("content-type").starts_with("text/csv");
            if !is_csv || !csv.text.starts_with("id,") {
                self.wrong.push(format!("GET {list} as CSV: {} {}", csv.status, csv.text));
            }
            if sheet.status != 200 || sheet.header("content-type") != XLSX || !sheet.text.starts_with("PK") {
                self.wrong.push(format!("GET {list} as XLSX: {}", sheet.status));
            }
            self.exported.insert(list);
        }
    }

    /// A step that makes something, whose id later paths name.
    pub async fn make(&mut self, operation: &str, body: Value, name: &str) -> Value {
        let made = self.step(operation, body).await;
        if let Some(id) = made["id"].as_str() {
            self.vars.insert(name.to_owned(), id.to_owned());
        }
        made
    }

    /// Remembers a value for later paths.
    pub fn keep(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), value.to_owned());
    }

    async fn analyses(&mut self) {
        let me = text(&self.service.get(&self.token, "/users/me").await.must(200)["user"], "id");
        let about = json!({"type": "user", "id": me});
        let task = json!({"title": "Look", "subject": about, "due_date": "2026-12-01"});
        let task = self.make("POST /orgs/{org_id}/tasks", task, "task_id").await;
        self.step("PATCH /orgs/{org_id}/tasks/{task_id}", json!({"description": "Closely."})).await;
        self.step("POST /orgs/{org_id}/tasks/{task_id}/complete", json!({})).await;
        let to = json!({"type": "task", "id": text(&task, "id")});
        self.make("POST /orgs/{org_id}/links", json!({"from": about, "to": to, "relation": "affects"}), "link_id")
            .await;
        self.step("DELETE /orgs/{org_id}/links/{link_id}", json!({})).await;
        self.step("DELETE /orgs/{org_id}/tasks/{task_id}", json!({})).await;
        self.step("POST /orgs/{org_id}/audit-log/verify", json!({})).await;
        let one = json!({"method": "POST", "path": "/risks/register", "body": {"title": "Of many", "category": "cyber", "likelihood": 1, "impact": 1}});
        self.step("POST /orgs/{org_id}/batch", json!({"operations": [one]})).await;
        let table = json!({"items": [{"title": "Of a table", "category": "cyber", "likelihood": 1, "impact": 1}]});
        self.step("POST /orgs/{org_id}/imports?resource=risks", table).await;
        let jobs = self.service.get(&self.token, &self.path("/orgs/{org_id}/jobs?kind=import")).await.must(200);
        self.vars.insert("job_id".to_owned(), text(&jobs["items"][0], "id"));
        self.step("POST /orgs/{org_id}/jobs/{job_id}/cancel", json!({})).await;
        let kri = json!({"name": "Unpatched hosts", "direction": "higher_is_worse", "amber": 5, "red": 10, "frequency": "monthly"});
        self.make("POST /orgs/{org_id}/risks/kris", kri, "kri_id").await;
        self.step("PATCH /orgs/{org_id}/risks/kris/{kri_id}", json!({"value": 245})).await;
        self.step("POST /orgs/{org_id}/risks/kris/{kri_id}/values", json!({"value": 3})).await;
        self.step("DELETE /orgs/{org_id}/risks/kris/{kri_id}", json!({})).await;
        let model = json!({"lef": {"type": "pert", "min": 0.1, "mode": 0.5, "max": 2}, "loss_magnitude": {"type": "constant", "value": 1000}});
        self.make("POST /orgs/{org_id}/risks/fair", json!({"name": "Walked", "model": model}), "analysis_id").await;
        let one = "/orgs/{org_id}/risks/fair/{analysis_id}";
        self.step(&format!("PATCH {one}"), json!({"name": "Walked over"})).await;
        self.step(&format!("POST {one}/run"), json!({"trials": 1000, "seed": 1})).await;
        self.make(&format!("POST {one}/run"), json!({"trials": 20_000_000, "seed": 1}), "run_id").await;
        self.step(&format!("POST {one}/runs/{{run_id}}/cancel"), json!({})).await;
        self.step(&format!("DELETE {one}"), json!({})).await;
    }

    async fn vendors(&mut self) {
        self.make("POST /orgs/{org_id}/vendors", json!({"name": "Walked Cloud"}), "vendor_id").await;
        let question = json!({"key": "mfa", "text": "Is there MFA?", "type": "single_choice",
            "options": [{"value": "yes", "score": 100}, {"value": "no", "score": 0}]});
        let template = json!({"name": "Walked", "sections": [{"title": "Access", "questions": [question]}]});
        self.make("POST /orgs/{org_id}/vendors/questionnaires", template, "template_id").await;
        let outer = self.vars.remove("assessment_id");
        let begun = json!({"vendor_id": self.vars["vendor_id"], "template_id": self.vars["template_id"]});
        self.make("POST /orgs/{org_id}/vendors/assessments", begun, "assessment_id").await;
        let one = "/orgs/{org_id}/vendors/assessments/{assessment_id}";
        self.step(&format!("PATCH {one}"), json!({"title": "Walked over"})).await;
        self.step(&format!("PUT {one}/answers"), json!({"answers": {"mfa": "yes"}})).await;
        for status in ["sent", "in_progress", "submitted"] {
            self.service.json(&self.token, "PATCH", &self.path(one), json!({"status": status})).await;
        }
        self.step(&format!("POST {one}/complete"), json!({})).await;
        self.step(&format!("DELETE {one}"), json!({})).await;
        self.vars.remove("assessment_id");
        self.vars.extend(outer.map(|id| ("assessment_id".to_owned(), id)));
        let contract = json!({"vendor_id": self.vars["vendor_id"], "reference": "C-1"});
        self.make("POST /orgs/{org_id}/vendors/contracts", contract, "contract_id").await;
        self.step("PATCH /orgs/{org_id}/vendors/contracts/{contract_id}", json!({"title": "Hosting"})).await;
        self.step("DELETE /orgs/{org_id}/vendors/contracts/{contract_id}", json!({})).await;
        self.step("PATCH /orgs/{org_id}/vendors/questionnaires/{template_id}", json!({"name": "Walked over"})).await;
        self.step("DELETE /orgs/{org_id}/vendors/questionnaires/{template_id}", json!({})).await;
        self.make("POST /orgs/{org_id}/vendors/{vendor_id}/services", json!({"name": "Hosting"}), "service_id").await;
        self.step("PATCH /orgs/{org_id}/vendors/{vendor_id}/services/{service_id}", json!({"name": "Cloud"})).await;
        self.step("DELETE /orgs/{org_id}/vendors/{vendor_id}/services/{service_id}", json!({})).await;
        self.step("PATCH /orgs/{org_id}/vendors/{vendor_id}", json!({"status": "active", "risk_rating": 85})).await;
        self.step("DELETE /orgs/{org_id}/vendors/{vendor_id}", json!({})).await;
    }

    async fn attestations(&mut self) {
        let grant = json!({"partner": "Walked", "frameworks": ["SOC2_TYPE2"]});
        let made = self.make("POST /orgs/{org_id}/a2a/grants", grant, "grant_id").await;
        // Something to attest: no worker runs here.
        let soc2 = self.service.framework(&self.token, "SOC2_TYPE2").await;
        let begun = json!({"framework_id": soc2, "name": "Walked"});
        let path = self.path("/orgs/{org_id}/assessments");
        let id = text(&self.service.json(&self.token, "POST", &path, begun).await.must(201), "id");
        let done = format!("UPDATE assessments SET status = 'completed', completed_at = now() WHERE id = '{id}'");
        psql(&self.service.database, &done);
        let call = json!({"method": "tools/call", "params": {"name": "request_attestation", "arguments": {"frameworks": ["SOC2_TYPE2"]}}});
        self.step_as(&text(&made, "key"), "POST /a2a/mcp", call).await;
        // There are no sessions, so ending one changes nothing.
        self.covered.insert("DELETE /a2a/mcp".to_owned());
        self.step("DELETE /orgs/{org_id}/a2a/grants/{grant_id}", json!({})).await;
        let vendor = json!({"name": "Walked Vendor", "a2a_endpoint": "https://vendor.example.org/mcp"});
        let path = self.path("/orgs/{org_id}/vendors");
        let id = text(&self.service.json(&self.token, "POST", &path, vendor).await.must(201), "id");
        self.keep("vendor_id", &id);
        let ask = json!({"frameworks": ["SOC2_TYPE2"]});
        self.step("POST /orgs/{org_id}/vendors/{vendor_id}/attestations", ask).await;
        self.vars.remove("vendor_id");
    }

    async fn incidents(&mut self) {
        let incident = json!({"title": "Walked", "category": "phishing", "severity": "high"});
        self.make("POST /orgs/{org_id}/incidents", incident, "incident_id").await;
        let one = "/orgs/{org_id}/incidents/{incident_id}";
        self.step(&format!("POST {one}/acknowledge"), json!({})).await;
        let entry = json!({"event_type": "note", "description": "A call came in."});
        self.step(&format!("POST {one}/timeline"), entry).await;
        self.make(&format!("POST {one}/tasks"), json!({"title": "Reset the password"}), "task_id").await;
        self.step(&format!("PATCH {one}/tasks/{{task_id}}"), json!({"status": "done"})).await;
        self.step(&format!("DELETE {one}/tasks/{{task_id}}"), json!({})).await;
        let file =
            self.service.upload(&self.token, &self.vars["org_id"], "mail.txt", "text/plain", b"The mail.", &[]).await;
        self.step(&format!("POST {one}/evidence/collect"), json!({"evidence_ids": [file]})).await;
        for phase in ["analysis", "containment", "eradication", "recovery"] {
            self.service.json(&self.token, "PATCH", &self.path(one), json!({"phase": phase})).await.must(200);
        }
        self.step(&format!("PATCH {one}"), json!({"phase": "post_incident"})).await;
        let review = json!({"root_cause": "A link", "lessons": "Training", "actions": []});
        self.step(&format!("PUT {one}/review"), review).await;
        self.step(&format!("POST {one}/close"), json!({})).await;
        self.step(&format!("DELETE {one}"), json!({})).await;
    }

    async fn decisions(&mut self) {
        let incident = json!({"title": "Walked again", "category": "malicious_code", "severity": "critical"});
        self.make("POST /orgs/{org_id}/incidents", incident, "incident_id").await;
        let org = self.vars["org_id"].clone();
        let asked = json!({"org_id": org, "playbook": "phishing", "input": {}});
        self.step("POST /opa/decisions", asked).await;
        let applied =
            json!({"org_id": org, "playbook": "ransomware", "incident_id": self.vars["incident_id"], "apply": true});
        self.step("POST /opa/decisions", applied.clone()).await;
        self.step("POST /opa/decisions", applied).await;
        self.keep("policy_id", "walked");
        let one = "/orgs/{org_id}/opa/policies/{policy_id}";
        self.step(&format!("PUT {one}"), json!({"rego": "package org.walked\n\nx := 1\n"})).await;
        self.step(&format!("PUT {one}"), json!({"rego": "package org.walked\n\nx := 2\n"})).await;
        self.step(&format!("DELETE {one}"), json!({})).await;
        self.vars.remove("policy_id");
    }

    async fn webhooks(&mut self) {
        let hook = json!({"url": "https://hooks.example.org/walk", "events": ["*"]});
        self.make("POST /orgs/{org_id}/webhooks", hook, "webhook_id").await;
        let one = "/orgs/{org_id}/webhooks/{webhook_id}";
        self.step(&format!("PATCH {one}"), json!({"description": "Walked"})).await;
        self.step(&format!("POST {one}/rotate-secret"), json!({})).await;
        self.make(&format!("POST {one}/test"), json!({}), "delivery_id").await;
        self.step(&format!("POST {one}/deliveries/{{delivery_id}}/redeliver"), json!({})).await;
        self.step(&format!("DELETE {one}"), json!({})).await;
        self.vars.remove("webhook_id");
    }

    async fn continuity(&mut self) {
        let process = json!({"name": "Orders", "criticality": "business_critical", "rto_hours": 4, "rpo_hours": 1, "mtd_hours": 24});
        self.make("POST /orgs/{org_id}/bcm/processes", process, "process_id").await;
        self.make("POST /orgs/{org_id}/bcm/assets", json!({"name": "Database", "type": "database"}), "asset_id").await;
        let dependency = json!({"source": {"id": self.vars["process_id"], "type": "process"},
            "target": {"id": self.vars["asset_id"], "type": "asset"}});
        self.make("POST /orgs/{org_id}/bcm/dependencies", dependency, "dependency_id").await;
        self.step("PATCH /orgs/{org_id}/bcm/dependencies/{dependency_id}", json!({"strength": "soft"})).await;
        self.step("DELETE /orgs/{org_id}/bcm/dependencies/{dependency_id}", json!({})).await;
        self.make("POST /orgs/{org_id}/bcm/recovery-plans", json!({"name": "Restore"}), "plan_id").await;
        self.step("PATCH /orgs/{org_id}/bcm/recovery-plans/{plan_id}", json!({"name": "Restore it"})).await;
        let exercise = json!({"type": "tabletop", "date": "2026-03-01"});
        self.step("POST /orgs/{org_id}/bcm/recovery-plans/{plan_id}/exercises", exercise).await;
        for what in ["recovery-plans/{plan_id}", "assets/{asset_id}", "processes/{process_id}"] {
            if what != "recovery-plans/{plan_id}" {
                self.step(&format!("PATCH /orgs/{{org_id}}/bcm/{what}"), json!({"name": "Other"})).await;
            }
            self.step(&format!("DELETE /orgs/{{org_id}}/bcm/{what}"), json!({})).await;
        }
    }

    fn path(&self, template: &str) -> String {
        self.vars.iter().fold(template.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
    }

    /// The resources that have no steps of their own: made by the document's examples, changed by an empty patch, and
    /// removed in the opposite order.
    async fn everything_else(&mut self) {
        let document = grc_api::serve::document();
        let operations = |method: &'static str| {
            document["paths"].as_object().unwrap().iter().filter_map(move |(path, item)| {
                Some((path.trim_start_matches("/api/v1").to_owned(), item.get(method)?))
            })
        };
        let paths: Vec<String> =
            document["paths"].as_object().unwrap().keys().map(|p| p.trim_start_matches("/api/v1").to_owned()).collect();
        let me = text(&self.service.get(&self.token, "/users/me").await.must(200)["user"], "id");
        let soc2 = self.service.framework(&self.token, "SOC2_TYPE2").await;
        let mut made: Vec<String> = Vec::new();
        for _ in 0..4 {
            for (path, operation) in operations("post") {
                if self.covered.contains(&format!("POST {path}")) {
                    continue;
                }
                if operation["x-permission"].as_str().is_some_and(|need| need.ends_with(":read")) {
                    // It computes and changes nothing.
                    self.covered.insert(format!("POST {path}"));
                    continue;
                }
                let item = paths.iter().find_map(|other| {
                    let rest = other.strip_prefix(&format!("{path}/{{"))?.strip_suffix('}')?;
                    (!rest.contains(['{', '/'])).then(|| (other.clone(), rest.to_owned()))
                });
                let Some((item, param)) = item else { continue };
                let open = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
                if !open.into_iter().all(|name| self.vars.contains_key(name)) {
                    continue;
                }
                let mut body = operation["requestBody"]["content"]["application/json"]["example"].clone();
                crate::harness::refer(&mut body, &self.vars, &me, &soc2);
                let answer = self.make(&format!("POST {path}"), body, &param).await;
                if answer.is_object() {
                    made.push(item);
                }
            }
        }
        for (path, _) in operations("patch") {
            if made.contains(&path) && !self.covered.contains(&format!("PATCH {path}")) {
                self.step(&format!("PATCH {path}"), json!({})).await;
            }
        }
        for path in made.iter().rev() {
            if operations("delete").any(|(other, _)| other == *path) {
                self.step(&format!("DELETE {path}"), json!({})).await;
            }
        }
    }

    async fn identity(&mut self) {
        let logged = self.step("POST /auth/login", json!({"email": crate::harness::EMAIL, "password": PASSWORD})).await;
        let refreshed = self.step("POST /auth/refresh", json!({"refresh_token": logged["refresh_token"]})).await;
        self.token = text(&refreshed, "access_token");
        self.step("PATCH /users/me", json!({"name": "Ada Admin"})).await;
        self.step("PATCH /orgs/{org_id}", json!({"industry": "software"})).await;
        let org = self.vars["org_id"].clone();
        let other = self.step("POST /orgs", json!({"name": "Doomed"})).await;
        self.keep("org_id", &text(&other, "id"));
        self.step("DELETE /orgs/{org_id}", json!({})).await;
        self.keep("org_id", &org);
        let email = "walker@example.com";
        let user = json!({"email": email, "name": "Wanda", "role": "auditor", "password": PASSWORD});
        self.make("POST /orgs/{org_id}/users", user, "user_id").await;
        self.step("PATCH /orgs/{org_id}/users/{user_id}", json!({"role": "auditor"})).await;
        let session =
            self.service.json("", "POST", "/auth/login", json!({"email": email, "password": PASSWORD})).await.must(200);
        let theirs = text(&session, "access_token");
        self.keep("auditor", &theirs);
        let changed = json!({"current_password": PASSWORD, "new_password": "silver harvester waltzing"});
        self.step_as(&theirs, "POST /auth/password", changed).await;
        self.service
            .json("", "POST", "/auth/login", json!({"email": email, "password": "silver harvester waltzing"}))
            .await
            .must(200);
        let theirs = self.service.login(email, "silver harvester waltzing").await;
        self.keep("auditor", &theirs);
        let sessions = self.service.get(&theirs, "/auth/sessions").await.must(200);
        let ended = sessions["items"].as_array().unwrap().iter().find(|s| s["current"] != json!(true)).unwrap();
        self.keep("session_id", &text(ended, "id"));
        self.step_as(&theirs, "DELETE /auth/sessions/{session_id}", json!({})).await;
        let invited = json!({"email": "guest@example.com", "name": "Gus", "role": "viewer"});
        let invited = self.step("POST /orgs/{org_id}/users/invite", invited).await;
        let token = text(&invited, "invitation_url").rsplit('/').next().unwrap().to_owned();
        self.step_as("", "POST /auth/invitations/accept", json!({"token": token, "password": PASSWORD})).await;
        self.keep("user_id", &text(&invited, "id"));
        self.step("POST /orgs/{org_id}/users/{user_id}/deactivate", json!({})).await;
        self.step("POST /orgs/{org_id}/users/{user_id}/activate", json!({})).await;
        let guest = self.service.login("guest@example.com", PASSWORD).await;
        self.step_as(&guest, "POST /auth/logout", json!({})).await;
        self.step("DELETE /orgs/{org_id}/users/{user_id}", json!({})).await;
        self.make("POST /orgs/{org_id}/api-keys", json!({"name": "Robot", "role": "viewer"}), "key_id").await;
        self.step("POST /orgs/{org_id}/api-keys/{key_id}/rotate", json!({"grace_seconds": 60})).await;
        self.step("DELETE /orgs/{org_id}/api-keys/{key_id}", json!({})).await;
    }

    async fn assessments(&mut self) {
        let soc2 = self.service.framework(&self.token, "SOC2_TYPE2").await;
        let catalog = self.service.get(&self.token, &format!("/frameworks/{soc2}/oscal")).await.must(200);
        self.make("POST /orgs/{org_id}/frameworks/import?key=HOUSE&name=House", catalog, "framework_id").await;
        if !self.vars.contains_key("framework_id") {
            let listed = self.service.get(&self.token, "/frameworks?key=HOUSE").await.must(200);
            self.keep("framework_id", &text(&listed["items"][0], "id"));
        }
        self.step("DELETE /orgs/{org_id}/frameworks/{framework_id}", json!({})).await;
        self.make("POST /orgs/{org_id}/controls", json!({"name": "Backups", "category": "process"}), "control_id")
            .await;
        self.step("PATCH /orgs/{org_id}/controls/{control_id}", json!({"status": "active"})).await;
        self.step("DELETE /orgs/{org_id}/controls/{control_id}", json!({})).await;
        let assessment = json!({"framework_id": soc2, "name": "Walked"});
        let path = "/orgs/{org_id}/assessments/{assessment_id}";
        self.make("POST /orgs/{org_id}/assessments", assessment, "assessment_id").await;
        self.step(&format!("PATCH {path}"), json!({"name": "Walked over"})).await;
        for verb in ["execute", "pause", "resume", "cancel"] {
            self.step(&format!("POST {path}/{verb}"), json!({})).await;
        }
        let (org, id) = (self.vars["org_id"].clone(), self.vars["assessment_id"].clone());
        let finding = uuid::Uuid::now_v7();
        psql(
            &self.service.database,
            &format!(
                "INSERT INTO findings SELECT '{finding}', '{org}', '{id}', 'SOC2_TYPE2', 'CC1.1', 'T', 'CC1', 'F', 'fail', 'high', 'open', \
                 'R', '[]', 0.5, false, null, null, null, 'builtin', '', now(), now(), '{org}', 1"
            ),
        );
        self.keep("finding_id", &finding.to_string());
        let judged = json!({"status": "pass", "remediation_notes": "Implemented MFA for all users"});
        self.step("PATCH /orgs/{org_id}/findings/{finding_id}", judged).await;
        let report = json!({"type": "compliance_summary", "assessment_id": id, "format": "json"});
        self.make("POST /orgs/{org_id}/reports", report, "report_id").await;
        self.step("DELETE /orgs/{org_id}/reports/{report_id}", json!({})).await;
        self.step(&format!("DELETE {path}"), json!({})).await;
    }

    async fn evidence(&mut self) {
        let bytes = b"The backups are restored every quarter.";
        let body = json!({"filename": "backup.txt", "content_type": "text/plain", "control_refs": ["SOC2_TYPE2:A1.2"]});
        let target = self.step("POST /orgs/{org_id}/evidence/upload-url", body).await;
        let url = text(&target, "upload_url");
        let put = self.service.send("", "PUT", &url, &[("content-type", "text/plain")], Some(bytes.to_vec())).await;
        assert_eq!(put.status, 200, "{}", put.text);
        self.keep("evidence_id", &text(&target, "evidence_id"));
        let path = "/orgs/{org_id}/evidence/{evidence_id}";
        self.step(&format!("POST {path}/complete"), json!({})).await;
        self.step(&format!("PATCH {path}"), json!({"review": "approved", "review_note": "Read."})).await;
        self.step(&format!("POST {path}/hold"), json!({"reason": "A dispute"})).await;
        self.step(&format!("DELETE {path}/hold"), json!({})).await;
        self.step(&format!("DELETE {path}"), json!({})).await;
        // Nothing is fetched from an address that is not on the open internet; the import is one all the same.
        let list = json!([{"url": "https://localhost/report.pdf"}]);
        self.step("POST /orgs/{org_id}/evidence/bulk-import", list).await;
    }

    async fn risks(&mut self) {
        let register = "/orgs/{org_id}/risks/register";
        let risk = json!({"title": "Walked", "category": "cyber", "likelihood": 3, "impact": 4});
        self.make(&format!("POST {register}"), risk, "entry_id").await;
        let one = format!("{register}/{{entry_id}}");
        self.step(&format!("PATCH {one}"), json!({"status": "assessed"})).await;
        self.make(&format!("POST {one}/treatments"), json!({"title": "Plan"}), "treatment_id").await;
        self.step(&format!("PATCH {one}/treatments/{{treatment_id}}"), json!({"status": "done"})).await;
        self.step(&format!("DELETE {one}/treatments/{{treatment_id}}"), json!({})).await;
        let asked = json!({"expires_at": "2099-01-01T00:00:00Z"});
        self.make(&format!("POST {one}/acceptances"), asked, "acceptance_id").await;
        let auditor = self.vars["auditor"].clone();
        let acceptance = format!("{one}/acceptances/{{acceptance_id}}");
        self.step_as(&auditor, &format!("POST {acceptance}/decide"), json!({"decision": "approved"})).await;
        self.step(&format!("POST {acceptance}/revoke"), json!({})).await;
        let matrix =
            self.service.get(&self.token, &format!("/orgs/{}/risks/matrix", self.vars["org_id"])).await.must(200);
        let settable = ["likelihood_labels", "impact_labels", "levels", "grid"];
        let matrix: Value = settable.iter().map(|name| ((*name).to_owned(), matrix[*name].clone())).collect();
        self.step("PUT /orgs/{org_id}/risks/matrix", matrix).await;
        let appetite = json!({"categories": {"cyber": {"appetite": 4, "tolerance": 8}}});
        self.step("PUT /orgs/{org_id}/risks/appetite", appetite).await;
        self.step(&format!("DELETE {one}"), json!({})).await;
    }
}

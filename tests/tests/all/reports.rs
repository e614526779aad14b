//! Reports over HTTP: five types in four formats that agree number for number, their filters, their limit, and who may
//! ask for what.

use std::{collections::BTreeMap, io::Cursor};

use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Service, fields, run, text};

const HOSTILE: &str = "=1+1<script>alert(1)</script>";
const GREEK: &str = "Διακοπή πληρωμών";
const TYPES: [&str; 5] =
    ["compliance_summary", "gap_analysis", "risk_register", "incident_summary", "bcm_impact_analysis"];

struct Reports {
    s: Service,
    token: String,
    org: String,
    assessment: String,
}

impl Reports {
    /// An organization with something of everything.
    async fn start() -> Self {
        let s = Service::start(&[("GRC_LIMIT_REPORTS_PER_HOUR", "100")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Ελληνική Τράπεζα & Söhne").await;
        let me = text(&s.get(&token, "/users/me").await.must(200)["user"], "id");
        let framework = s.framework(&token, "SOC2_TYPE2").await;
        let post = async |path: &str, body: Value, status: u16| {
            s.json(&token, "POST", &format!("/orgs/{org}/{path}"), body).await.must(status)
        };
        let control = json!({"name": "Access reviews", "category": "process", "requirements": ["SOC2_TYPE2:CC6.1", "ISO27001:A.5.18"]});
        post("controls", control, 201).await;
        let body = json!({"framework_id": framework, "name": "SOC 2 self-assessment", "scope": HOSTILE});
        let assessment = text(&post("assessments", body, 201).await, "id");
        post(&format!("assessments/{assessment}/execute"), json!({}), 202).await;
        s.until(&token, &format!("/orgs/{org}/assessments/{assessment}"), |a| a["status"] == "completed").await;

        let risk = json!({"title": HOSTILE, "category": "cyber", "likelihood": 5, "impact": 4, "residual_likelihood": 2,
            "residual_impact": 3, "owner_id": me, "description": GREEK});
        let risk = post("risks/register", risk, 201).await;
        post("risks/register", json!({"title": "Market", "category": "strategic", "likelihood": 2, "impact": 2}), 201)
            .await;
        let plan = json!({"title": "Rotate keys", "cost": 1234.5, "due_date": "2020-01-31"});
        post(&format!("risks/register/{}/treatments", text(&risk, "id")), plan, 201).await;
        let kri = json!({"name": "Open ports", "direction": "higher_is_worse", "amber": 3, "red": 8, "unit": "ports"});
        let kri = text(&post("risks/kris", kri, 201).await, "id");
        s.json(&token, "PATCH", &format!("/orgs/{org}/risks/kris/{kri}"), json!({"value": 9.25})).await.must(200);
        let dist = |low: f64, high: f64| json!({"type": "lognormal", "low": low, "high": high});
        let fair = json!({"name": "Ransomware", "risk_id": risk["id"], "model": {"lef": {"type": "poisson", "rate": 0.8}, "loss_magnitude": dist(1e4, 1e6)}});
        let fair = text(&post("risks/fair", fair, 201).await, "id");
        let ran = s
            .json(&token, "POST", &format!("/orgs/{org}/risks/fair/{fair}/run"), json!({"trials": 1_000, "seed": 7}))
            .await;
        assert!(ran.status < 300, "{}", ran.text);

        let incident = json!({"title": GREEK, "category": "phishing", "severity": "high", "affected_records": 321, "affected_systems": ["mail-01"]});
        let incident = text(&post("incidents", incident, 201).await, "id");
        let step = json!({"phase": "analysis"});
        s.json(&token, "PATCH", &format!("/orgs/{org}/incidents/{incident}"), step).await.must(200);
        post(&format!("incidents/{incident}/tasks"), json!({"title": "Reset passwords"}), 201).await;
        let review = json!({"root_cause": "No second factor", "lessons": [HOSTILE], "actions": ["Enrol everybody"]});
        s.json(&token, "PUT", &format!("/orgs/{org}/incidents/{incident}/review"), review).await;

        let process = json!({"name": GREEK, "criticality": "mission_critical", "rto_hours": 4, "rpo_hours": 1, "mtd_hours": 8,
            "hourly_loss": 2500.75, "impacts": [{"category": "financial", "band_hours": 4, "level": 4}, {"category": "legal", "band_hours": 24, "level": 5}]});
        let process = post("bcm/processes", process, 201).await;
        let asset = json!({"name": "Core database", "type": "database", "rto_hours": 6, "region": "eu-central-1"});
        let asset = post("bcm/assets", asset, 201).await;
        let edge =
            json!({"source": {"id": process["id"], "type": "process"}, "target": {"id": asset["id"], "type": "asset"}});
        post("bcm/dependencies", edge, 201).await;
        Self { s, token, org, assessment }
    }

    fn path(&self) -> String {
        format!("/orgs/{}/reports", self.org)
    }

    fn body(&self, kind: &str, format: &str) -> Value {
        let mut body = json!({"type": kind, "format": format});
        if ["compliance_summary", "gap_analysis"].contains(&kind) {
            body["assessment_id"] = json!(self.assessment);
        }
        body
    }

    /// Requests a report and waits for its file: the report, its media type and bytes.
    async fn made(&self, body: Value) -> (Value, String, Vec<u8>) {
        let asked = self.s.json(&self.token, "POST", &self.path(), body).await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        let one = format!("{}/{}", self.path(), text(&asked.json(), "id"));
        assert_eq!(asked.header("location"), format!("/api/v1{one}"));
        let over = |report: &Value| ["completed", "failed"].contains(&report["status"].as_str().unwrap());
        let report = self.s.until(&self.token, &one, over).await;
        assert_eq!((&report["status"], &report["progress"]), (&json!("completed"), &json!(100)), "{report}");
        let (kind, bytes) = self.s.file(&self.token, &format!("{one}/download")).await;
        assert_eq!(report["sha256"], json!(hex::encode(Sha256::digest(&bytes))));
        assert_eq!(report["size"], json!(bytes.len()));
        assert_eq!(report["content_type"], json!(kind));
        (report, kind, bytes)
    }
}

fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A number of the JSON as the other formats write it.
fn read(value: &Value, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.as_f64().unwrap());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let digits: Vec<char> = whole.trim_start_matches('-').chars().collect();
    let grouped: Vec<String> = digits.rchunks(3).rev().map(|chunk| chunk.iter().collect()).collect();
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{rest}", grouped.join(","))
}

#[test]
fn every_type_says_the_same_in_every_format() {
    run(async {
        let r = Reports::start().await;
        for kind in TYPES {
            let (first, media, bytes) = r.made(r.body(kind, "json")).await;
            assert_eq!(media, "application/json");
            let file: Value = serde_json::from_slice(&bytes).unwrap();
            let report = &file["report"];
            assert_eq!((&report["type"], &file["snapshot_digest"]), (&json!(kind), &first["snapshot_digest"]));
            let tables = report["tables"].as_object().unwrap();
            assert!(tables.values().any(|rows| !rows.as_array().unwrap().is_empty()), "{kind} has no rows");
            assert!(!report["charts"].as_object().unwrap().is_empty(), "{kind} has no pictures");

            let (workbook, _, bytes) = r.made(r.body(kind, "xlsx")).await;
            assert_eq!(workbook["snapshot_digest"], first["snapshot_digest"], "{kind}: equal state, equal digest");
            agrees(bytes, report);

            let (page, media, bytes) = r.made(r.body(kind, "html")).await;
            assert_eq!(
                (media.as_str(), &page["snapshot_digest"]),
                ("text/html; charset=utf-8", &first["snapshot_digest"])
            );
            let html = String::from_utf8(bytes).unwrap();
            assert!(html.contains("<svg") && !html.contains("<script"), "{kind}");
            for loading in ["src=", "http://", "https://", "url(", "@import"] {
                assert!(!html.contains(loading), "{kind} loads {loading}");
            }
            let (paper, media, bytes) = r.made(r.body(kind, "pdf")).await;
            assert_eq!((media.as_str(), &paper["snapshot_digest"]), ("application/pdf", &first["snapshot_digest"]));
            // What was reported is evidence for the next: its text is found again.
            if kind == "risk_register" {
                let id = r.s.upload(&r.token, &r.org, "register.pdf", "application/pdf", &bytes, &[]).await;
                let kept = r.s.get(&r.token, &format!("/orgs/{}/evidence/{id}", r.org)).await.must(200);
                assert!(text(&kept, "text").contains("Page 2 of"), "{kept}");
            }
            let pdf = packed(&pdf_extract::extract_text_from_mem(&bytes).unwrap());
            let html = packed(&html);
            assert!(pdf.contains("Page2of") && pdf.contains("Contents"), "{kind}");
            for (name, value) in report["figures"].as_object().unwrap() {
                let shown = match value {
                    Value::Number(_) => [0, 1, 2].map(|decimals| packed(&read(value, decimals))).to_vec(),
                    _ => continue,
                };
                for (format, text) in [("HTML", &html), ("PDF", &pdf)] {
                    assert!(
                        shown.iter().any(|shown| text.contains(shown)),
                        "{kind}: {name} is {value}, not so in {format}"
                    );
                }
            }
        }
    });
}

/// A workbook has a sheet for each table with rows, and in it the numbers of the JSON.
fn agrees(bytes: Vec<u8>, report: &Value) {
    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let names = book.sheet_names();
    let tables = report["tables"].as_object().unwrap();
    assert_eq!(names.len(), tables.len() + 1, "{names:?}");
    let mut sums: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for name in &names[1..] {
        let sheet = book.worksheet_range(name).unwrap();
        let number = |cell: &Data| match cell {
            Data::Float(x) => Some(*x),
            Data::Int(x) => Some(*x as f64),
            _ => None,
        };
        assert!(book.worksheet_formula(name).unwrap().is_empty(), "{name} has formulas");
        for cell in sheet.cells().map(|cell| cell.2) {
            if let Data::String(text) = cell {
                assert!(!text.starts_with(['=', '+', '-', '@']), "{name}: {text}");
            }
        }
        let rows = sheet.rows().count().saturating_sub(1);
        let numbers: f64 = sheet.rows().skip(1).flatten().filter_map(number).sum();
        sums.entry(rows).or_default().push(numbers);
    }
    for (name, rows) in tables {
        let rows = rows.as_array().unwrap();
        let numbers: f64 =
            rows.iter().flat_map(|row| row.as_object().unwrap().values()).filter_map(Value::as_f64).sum();
        let there = sums
            .get(&rows.len())
            .is_some_and(|sums| sums.iter().any(|sum| (sum - numbers).abs() < 1e-6 * (1.0 + numbers.abs())));
        assert!(there, "no sheet has the {} rows of {name} with the sum {numbers}: {sums:?}", rows.len());
    }
}

#[test]
fn a_report_is_about_the_records_that_its_filters_leave() {
    run(async {
        let r = Reports::start().await;
        let mut body = r.body("risk_register", "json");
        body["filters"] = json!({"category": ["cyber", "financial"], "likelihood__gte": 4});
        let (report, _, bytes) = r.made(body).await;
        assert_eq!(report["filters"], json!({"category": ["cyber", "financial"], "likelihood__gte": 4}));
        let file: Value = serde_json::from_slice(&bytes).unwrap();
        let titles: Vec<&Value> =
            file["report"]["tables"]["risks"].as_array().unwrap().iter().map(|row| &row["title"]).collect();
        assert_eq!(titles, [&json!(HOSTILE)]);
        assert_eq!(file["report"]["figures"]["filters"], json!("category = cyber or financial; likelihood__gte = 4"));
        let preview = format!("{}/preview?type=risk_register&category=strategic", r.path());
        let html = r.s.get(&r.token, &preview).await;
        assert_eq!((html.status, html.header("content-type")), (200, "text/html; charset=utf-8".into()));
        assert!(html.header("content-security-policy").contains("default-src 'none'"));
        assert!(html.text.contains("Market") && !html.text.contains("=1+1"));
        for (path, expected) in [
            ("type=risk_register&colour=red", ("colour", "unknown")),
            ("type=risk_register&likelihood=x", ("likelihood", "type")),
            ("type=gap_analysis", ("assessment_id", "required")),
            (
                "type=incident_summary&assessment_id=01900000-0000-7000-8000-000000000000",
                ("assessment_id", "not_applicable"),
            ),
            ("type=poem", ("type", "invalid")),
            ("category=cyber", ("type", "required")),
        ] {
            let got = r.s.get(&r.token, &format!("{}/preview?{path}", r.path())).await.problem(422, "VALIDATION_ERROR");
            assert!(fields(&got).contains(&(expected.0.into(), expected.1.into())), "{path}: {got}");
        }
        let absent = "type=gap_analysis&assessment_id=01900000-0000-7000-8000-000000000000";
        r.s.get(&r.token, &format!("{}/preview?{absent}", r.path())).await.problem(404, "NOT_FOUND");
    });
}

#[test]
fn what_is_asked_for_wrongly_is_told_field_by_field_and_costs_nothing() {
    run(async {
        let s = Service::start(&[("GRC_LIMIT_REPORTS_PER_HOUR", "2"), ("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Limits").await;
        let reports = format!("/orgs/{org}/reports");
        let nobody = "01900000-0000-7000-8000-000000000000";
        for (bad, field, code) in [
            (json!({"type": "gap_analysis", "format": "pdf"}), "assessment_id", "required"),
            (
                json!({"type": "gap_analysis", "format": "pdf", "assessment_id": nobody}),
                "assessment_id",
                "unknown_reference",
            ),
            (
                json!({"type": "risk_register", "format": "pdf", "assessment_id": nobody}),
                "assessment_id",
                "not_applicable",
            ),
            (json!({"type": "risk_register", "format": "docx"}), "format", "invalid"),
            (json!({"type": "risk_register"}), "format", "required"),
            (
                json!({"type": "risk_register", "format": "pdf", "filters": {"colour": "red"}}),
                "filters.colour",
                "unknown",
            ),
            (
                json!({"type": "risk_register", "format": "pdf", "filters": {"category": {"a": 1}}}),
                "filters.category",
                "type",
            ),
            (json!({"type": "risk_register", "format": "pdf", "filters": {"limit": 5}}), "filters.limit", "unknown"),
            (json!({"type": "risk_register", "format": "pdf", "filters": 5}), "filters", "type"),
            (json!({"type": "risk_register", "format": "pdf", "status": "completed"}), "status", "unknown"),
        ] {
            let got = s.json(&token, "POST", &reports, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert!(fields(&got).contains(&(field.into(), code.into())), "{bad}: {got}");
        }
        assert_eq!(s.get(&token, &format!("{reports}?include_total=true")).await.must(200)["total"], json!(0));
        let body = json!({"type": "risk_register", "format": "pdf"}).to_string().into_bytes();
        let keyed = [("idempotency-key", "one")];
        let first = s.send(&token, "POST", &reports, &keyed, Some(body.clone())).await;
        assert_eq!(
            (first.status, first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")),
            (202, "2".into(), "1".into())
        );
        assert!(first.header("x-ratelimit-reset").parse::<i64>().unwrap() > 1_700_000_000);
        assert_eq!(first.json()["title"], "Risk register");
        let again = s.send(&token, "POST", &reports, &keyed, Some(body.clone())).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true".into()));
        assert_eq!(again.json()["id"], first.json()["id"]);
        s.send(&token, "POST", &reports, &[], Some(body.clone())).await.must(202);
        let third = s.send(&token, "POST", &reports, &[], Some(body.clone())).await;
        assert_eq!(third.header("x-ratelimit-remaining"), "0");
        assert!(third.header("retry-after").parse::<u64>().unwrap() > 0);
        third.problem(429, "RATE_LIMITED");
        assert_eq!(s.get(&token, &format!("{reports}?include_total=true")).await.must(200)["total"], json!(2));
        let other = s.org(&token, "Others").await;
        s.send(&token, "POST", &format!("/orgs/{other}/reports"), &[], Some(body)).await.must(202);
        let one = format!("{reports}/{}", text(&first.json(), "id"));
        s.get(&token, &format!("{one}/download")).await.problem(409, "CONFLICT");
    });
}

#[test]
fn who_may_not_read_the_records_gets_no_report_of_them() {
    run(async {
        let r = Reports::start().await;
        let (report, ..) = r.made(r.body("incident_summary", "json")).await;
        let one = format!("{}/{}", r.path(), text(&report, "id"));
        let viewer = r.s.member(&r.token, &r.org, "viewer").await;
        r.s.json(&viewer, "POST", &r.path(), r.body("risk_register", "pdf")).await.problem(403, "FORBIDDEN");
        let file = r.s.get(&viewer, &format!("{one}/download")).await;
        let tag = file.header("etag");
        assert_eq!((file.status, tag.as_str()), (200, format!("\"{}\"", report["sha256"].as_str().unwrap()).as_str()));
        let known = r.s.send(&viewer, "GET", &format!("{one}/download"), &[("if-none-match", &tag)], None).await;
        assert_eq!((known.status, known.text.as_str()), (304, ""));
        let key = json!({"name": "Reports only", "role": "auditor", "scopes": ["report:write"]});
        let key = r.s.json(&r.token, "POST", &format!("/orgs/{}/api-keys", r.org), key).await;
        if key.status == 201 {
            let key = text(&key.json(), "key");
            r.s.json(&key, "POST", &r.path(), r.body("risk_register", "pdf")).await.problem(403, "FORBIDDEN");
            let preview = format!("{}/preview?type=risk_register", r.path());
            r.s.get(&key, &preview).await.problem(403, "FORBIDDEN");
            // Of what a report shows each kind must be open to whoever asks, also where it is only looked at.
            let some = json!({"name": "No files", "role": "auditor", "scopes": ["report:read", "assessment:read"]});
            let some = r.s.json(&r.token, "POST", &format!("/orgs/{}/api-keys", r.org), some).await.must(201);
            let path = format!("{}/preview?type=gap_analysis&assessment_id={}", r.path(), r.assessment);
            r.s.get(&text(&some, "key"), &path).await.problem(403, "FORBIDDEN");
        } else {
            panic!("{}", key.text);
        }
        let (stranger_org, org) = (r.s.org(&r.token, "Strangers").await, r.org.clone());
        let foreign = format!("/orgs/{stranger_org}/reports/preview?type=gap_analysis&assessment_id={}", r.assessment);
        r.s.get(&r.token, &foreign).await.problem(404, "NOT_FOUND");
        assert_ne!(stranger_org, org);
        let gone = r.s.send(&r.token, "DELETE", &one, &[], None).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
        r.s.get(&r.token, &format!("{one}/download")).await.problem(404, "NOT_FOUND");
    });
}

//! What every list can do, whatever it is of: pages to the end, exports, and null in what a client sends.

use serde_json::{Value, json};

use crate::harness::{Service, fields, run, text};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// All ids of a list, page after page.
async fn ids(s: &Service, token: &str, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = s.get(token, &format!("{path}&limit=2{cursor}")).await.must(200);
        all.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "id")));
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn a_nested_list_is_paged_to_its_end_and_holds_nothing_of_others() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Nested").await;
        let register = format!("/orgs/{org}/risks/register");
        let mut risks = Vec::new();
        for title in ["One", "Two"] {
            let risk = json!({"title": title, "category": "cyber", "likelihood": 1, "impact": 1});
            let risk = text(&s.json(&token, "POST", &register, risk).await.must(201), "id");
            for n in 0..5 {
                let plan = json!({"title": format!("{title} {n}")});
                s.json(&token, "POST", &format!("{register}/{risk}/treatments"), plan).await.must(201);
            }
            risks.push(risk);
        }
        let of = |risk: &str, more: &str| format!("{register}/{risk}/treatments?sort=title{more}");
        let (first, second) = (ids(&s, &token, &of(&risks[0], "")).await, ids(&s, &token, &of(&risks[1], "")).await);
        assert_eq!((first.len(), second.len()), (5, 5));
        assert!(first.iter().all(|id| !second.contains(id)));
        let asked_of_another = of(&risks[0], &format!("&risk_id={}", risks[1]));
        assert!(ids(&s, &token, &asked_of_another).await.is_empty(), "a filter narrows and never widens");
        for n in 0..3 {
            let change = json!({"description": format!("{n}")});
            s.json(&token, "PATCH", &format!("{register}/{}", risks[0]), change).await.must(200);
        }
        let history = format!("{register}/{}/history?sort=-sequence", risks[0]);
        assert_eq!(ids(&s, &token, &history).await.len(), 4);
        s.running.stop().await;
    });
}

#[test]
fn every_list_says_that_it_is_exported() {
    let document = grc_api::serve::document();
    let mut lists = 0;
    for operation in document["paths"].as_object().unwrap().values().filter_map(|path| path.get("get")) {
        let content = &operation["responses"]["200"]["content"];
        let schema = content["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
        let id = operation["operationId"].as_str().unwrap();
        if schema.ends_with("Page") {
            lists += 1;
            assert!(content.get("text/csv").is_some() && content.get(XLSX).is_some(), "{id}");
            assert!(operation["responses"].get("406").is_some(), "{id}");
        }
    }
    assert!(lists >= 40, "{lists}");
}

/// The rows of a CSV document without quoted line breaks.
fn rows(csv: &str) -> Vec<&str> {
    csv.split("\r\n").filter(|row| !row.is_empty()).collect()
}

#[test]
fn lists_that_are_no_resource_are_exported_as_well() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Exports").await;
        let person = json!({"email": "mallory@example.com", "name": "=HYPERLINK(\"x\")", "role": "viewer"});
        s.json(&token, "POST", &format!("/orgs/{org}/users"), person).await.must(201);
        let key = json!({"name": "@SUM(A1)", "role": "viewer"});
        let key = s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), key).await.must(201);
        s.json(&token, "POST", &format!("/orgs/{org}/controls"), json!({"name": "+1", "category": "policy"}))
            .await
            .must(201);
        let evidence = s.upload(&token, &org, "notes.md", "text/markdown", b"Some notes.", &["SOC2_TYPE2:CC6.1"]).await;
        let (soc2, sp800) = (s.framework(&token, "SOC2_TYPE2").await, s.framework(&token, "NIST_800_53_R5").await);
        let open = json!({"framework_id": soc2, "name": "=1+1"});
        let open = s.json(&token, "POST", &format!("/orgs/{org}/assessments"), open).await.must(201);
        let report =
            json!({"type": "compliance_summary", "format": "html", "assessment_id": open["id"], "title": "-2"});
        s.json(&token, "POST", &format!("/orgs/{org}/reports"), report).await.must(202);
        for (path, file, heading, cell) in [
            (
                format!("/orgs/{org}/users"),
                "users.csv",
                "id,org_id,email,name,role,status,",
                "\"'=HYPERLINK(\"\"x\"\")\"",
            ),
            (format!("/orgs/{org}/api-keys"), "api-keys.csv", "id,org_id,name,role,scopes,prefix,", "'@SUM(A1)"),
            (format!("/orgs/{org}/controls"), "controls.csv", "id,name,ref_id,description,category,", ",'+1,"),
            (
                format!("/orgs/{org}/assessments"),
                "assessments.csv",
                "id,org_id,framework_id,framework_key,name,",
                ",'=1+1,",
            ),
            (
                format!("/orgs/{org}/reports"),
                "reports.csv",
                "id,org_id,type,format,assessment_id,filters,title,status,",
                ",'-2,",
            ),
            (format!("/orgs/{org}/evidence"), "evidence.csv", "id,org_id,filename,content_type,size,", ",stored,"),
            (
                format!("/orgs/{org}/evidence/{evidence}/custody"),
                "custody.csv",
                "id,evidence_id,timestamp,",
                ",uploaded,",
            ),
            (format!("/orgs/{org}/findings"), "findings.csv", "id,org_id,assessment_id,framework_key,control_ref,", ""),
            (
                format!("/orgs/{org}/audit-log"),
                "audit-log.csv",
                "id,org_id,sequence,occurred_at,actor,action,",
                ",control.created,",
            ),
            (format!("/orgs/{org}/frameworks"), "frameworks.csv", "id,org_id,key,name,version,", ",SOC2_TYPE2,"),
            ("/frameworks".to_owned(), "frameworks.csv", "id,org_id,key,name,version,", ",SOC2_TYPE2,"),
            // More than are read at a time.
            (format!("/frameworks/{sp800}/controls"), "controls.csv", "id,framework_id,ref,title,", ",AC-2,"),
            ("/orgs".to_owned(), "orgs.csv", "id,name,slug,", ",Exports,"),
        ] {
            let csv = s.send(&token, "GET", &format!("{path}?limit=1"), &[("accept", "text/csv")], None).await;
            assert_eq!(
                (csv.status, csv.header("content-type")),
                (200, "text/csv; charset=utf-8".into()),
                "{}",
                csv.text
            );
            assert!(csv.header("content-disposition").contains(&format!("\"{file}\"")), "{path}");
            assert!(csv.text.starts_with(heading) && csv.text.contains(cell), "{path}: {}", csv.text);
            let total = s.get(&token, &format!("{path}?limit=1&include_total=true")).await.must(200)["total"].as_u64();
            assert!(csv.text.contains('"') || rows(&csv.text).len() as u64 == total.unwrap() + 1, "{path}");
            let sheet = s.send(&token, "GET", &path, &[("accept", XLSX)], None).await;
            assert_eq!((sheet.status, sheet.header("content-type")), (200, XLSX.into()), "{path}");
            assert!(sheet.text.starts_with("PK"));
            s.send(&token, "GET", &path, &[("accept", "image/png")], None).await.problem(406, "NOT_ACCEPTABLE");
            let wrong = s.send(&token, "GET", &format!("{path}?nothing=1"), &[("accept", "text/csv")], None).await;
            wrong.problem(422, "VALIDATION_ERROR");
        }
        let sorted = format!("/frameworks/{sp800}/controls?sort=-ref&assessable=true&fields=ref");
        let csv = s.send(&token, "GET", &sorted, &[("accept", "text/csv")], None).await;
        let count = csv.text.matches(&sp800).count();
        assert_eq!(count, 1_014, "every control is a row, whatever stands in its texts");
        // A key sees its own organization, and an export asks for the permission as the list does.
        let own = s.send(&text(&key, "key"), "GET", "/orgs", &[("accept", "text/csv")], None).await;
        assert_eq!(rows(&own.text).len(), 2, "{}", own.text);
        let path = format!("/orgs/{org}/audit-log");
        s.send(&text(&key, "key"), "GET", &path, &[("accept", "text/csv")], None).await.problem(403, "FORBIDDEN");
        s.running.stop().await;
    });
}

#[test]
fn null_in_what_a_client_sends_means_absence() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Nulls").await;
        let controls = format!("/orgs/{org}/controls");
        let made = json!({
            "name": "A", "category": "policy", "status": null, "ref_id": null, "requirements": null, "evidence": null,
            "effectiveness": null,
        });
        let made = s.json(&token, "POST", &controls, made).await.must(201);
        assert_eq!((&made["status"], &made["requirements"]), (&json!("planned"), &json!([])));
        let required = s.json(&token, "POST", &controls, json!({"name": null, "category": "policy"})).await;
        assert_eq!(fields(&required.problem(422, "VALIDATION_ERROR")), [("name".to_owned(), "required".to_owned())]);
        let one = format!("{controls}/{}", text(&made, "id"));
        let change = async |change: Value| s.json(&token, "PATCH", &one, change).await;
        change(json!({"requirements": ["SOC2_TYPE2:CC6.1"], "description": "d"})).await.must(200);
        let cleared = change(json!({"requirements": null, "description": null})).await.must(200);
        assert_eq!((&cleared["requirements"], &cleared["description"]), (&json!([]), &Value::Null));
        let refused = change(json!({"status": null})).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), [("status".to_owned(), "required".to_owned())]);
        s.running.stop().await;
    });
}

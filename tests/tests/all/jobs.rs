//! Jobs: what waits and runs, who sees it, and how it is stopped.

use serde_json::{Value, json};

use crate::harness::{Service, run, text};

#[test]
fn a_job_is_listed_read_and_stopped_as_its_record_is() {
    run(async {
        // Without workers everything waits.
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Waiting").await;
        let (analyst, viewer) = (s.member(&token, &org, "analyst").await, s.member(&token, &org, "viewer").await);
        let table = b"title,category,likelihood,impact\nA,cyber,1,1\n".to_vec();
        let path = format!("/orgs/{org}/imports?resource=risks");
        let import = s.send(&token, "POST", &path, &[("content-type", "text/csv")], Some(table)).await.must(202);
        let report = json!({"type": "risk_register", "format": "json"});
        let report = s.json(&token, "POST", &format!("/orgs/{org}/reports"), report).await.must(202);

        let jobs = s.get(&viewer, &format!("/orgs/{org}/jobs?sort=kind&include_total=true")).await.must(200);
        assert_eq!(jobs["total"], 2, "{jobs}");
        let items = jobs["items"].as_array().unwrap();
        let about = |item: &Value| (text(item, "kind"), item["result"].clone(), text(item, "status"));
        let at = |kind: &str, of: &str, place: &str, id: &Value| {
            let id = id["id"].as_str().unwrap();
            (kind.to_owned(), json!({"type": of, "id": id, "path": format!("/{place}/{id}")}), "queued".to_owned())
        };
        assert_eq!(about(&items[0]), at("import", "import", "imports", &import));
        assert_eq!(about(&items[1]), at("report.generate", "report", "reports", &report));
        let (one, two) = (text(&items[0], "id"), text(&items[1], "id"));
        let got = s.get(&viewer, &format!("/orgs/{org}/jobs/{one}")).await;
        assert!(!got.header("etag").is_empty());
        assert_eq!(got.json(), items[0]);
        let filtered = s.get(&token, &format!("/orgs/{org}/jobs?kind=import&status=queued")).await.must(200);
        assert_eq!(filtered["items"].as_array().unwrap().len(), 1);

        // Whoever may not change what it is about does not stop it, and nobody does from elsewhere.
        let other = s.org(&token, "Other").await;
        let stop = async |token: &str, org: &str, id: &str| {
            s.json(token, "POST", &format!("/orgs/{org}/jobs/{id}/cancel"), json!({})).await
        };
        stop(&viewer, &org, &one).await.problem(403, "FORBIDDEN");
        stop(&viewer, &org, &two).await.problem(403, "FORBIDDEN");
        stop(&token, &other, &one).await.problem(404, "NOT_FOUND");
        assert_eq!(stop(&analyst, &org, &one).await.must(200)["status"], "cancelled");
        assert_eq!(stop(&token, &org, &two).await.must(200)["status"], "cancelled");
        stop(&token, &org, &one).await.problem(409, "CONFLICT");
        let import = s.get(&token, &format!("/orgs/{org}/imports/{}", text(&import, "id"))).await.must(200);
        assert_eq!((&import["status"], &import["progress"]), (&json!("cancelled"), &json!(100)));
        let report = s.get(&token, &format!("/orgs/{org}/reports/{}", text(&report, "id"))).await.must(200);
        assert_eq!((&report["status"], &report["error"]), (&json!("failed"), &json!("it was stopped on request")));

        // A key for one area sees the jobs of that area.
        let key = json!({"name": "k", "role": "analyst", "scopes": ["report:read"]});
        let key = s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), key).await.must(201);
        let key = text(&key, "key");
        let seen = s.get(&key, &format!("/orgs/{org}/jobs")).await.must(200);
        assert_eq!(seen["items"].as_array().unwrap().iter().map(|item| text(item, "id")).collect::<Vec<_>>(), [two]);
        s.get(&key, &format!("/orgs/{org}/jobs/{one}")).await.problem(403, "FORBIDDEN");
        s.running.stop().await;
    });
}

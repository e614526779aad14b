//! The demo: loaded once however often, and with something to look at behind every route.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::harness::{Service, run, text};

/// How many reports the story asks for.
const REPORTS: usize = 6;

/// The whole demo, its jobs done, as its admin sees it.
pub async fn demo() -> (Service, String, String) {
    let s = Service::start(&[]).await;
    grc_api::demo::load(&s.running.app).await.unwrap();
    let token = s.admin().await;
    let orgs = s.get(&token, "/orgs?slug=sovereign-grc-demo&include_total=true").await.must(200);
    assert_eq!(orgs["total"], 1);
    let org = text(&orgs["items"][0], "id");
    let over = |count: usize| {
        move |page: &Value| {
            let items = page["items"].as_array().unwrap();
            items.len() == count && items.iter().all(|item| item["status"] == "completed")
        }
    };
    s.until(&token, &format!("/orgs/{org}/assessments"), over(2)).await;
    s.until(&token, &format!("/orgs/{org}/reports"), over(REPORTS)).await;
    (s, token, org)
}

/// The lists of an organization, by their paths: what answers with a page.
fn lists() -> Vec<String> {
    let document = grc_api::serve::document();
    let paths = document["paths"].as_object().unwrap();
    let page = |get: &Value| {
        let schema = &get["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        schema.as_str().is_some_and(|name| name.ends_with("Page"))
    };
    let lists = paths.iter().filter(|(path, item)| path.starts_with("/api/v1/orgs/{org_id}/") && page(&item["get"]));
    lists.map(|(path, _)| path.clone()).collect()
}

/// All ids in a list, page by page.
async fn ids(s: &Service, token: &str, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = s.get(token, &format!("{path}?limit=200{cursor}")).await.must(200);
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap_or_default().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[test]
fn every_list_of_the_demo_has_something_in_it() {
    run(async {
        let (s, token, org) = demo().await;
        let lists = lists();
        assert!(lists.len() > 35, "{lists:?}");
        let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut empty = Vec::new();
        for list in &lists {
            let path = list.strip_prefix("/api/v1").unwrap().replace("{org_id}", &org);
            // Of a list under a record it is enough that some record has one.
            let paths = match path.split_once("/{") {
                None => vec![path.clone()],
                Some((parents, rest)) => {
                    let under = rest.split_once('}').unwrap().1;
                    if !known.contains_key(parents) {
                        known.insert(parents.to_owned(), ids(&s, &token, parents).await);
                    }
                    known[parents].iter().map(|id| format!("{parents}/{id}{under}")).collect()
                }
            };
            let mut found = false;
            for path in paths {
                found = found || !s.get(&token, &path).await.must(200)["items"].as_array().unwrap().is_empty();
            }
            if !found {
                empty.push(list);
            }
        }
        // What a vendor attested needs a vendor that answers, and a webhook a receiver: a demo has neither.
        let without = [
            "/api/v1/orgs/{org_id}/vendors/{vendor_id}/attestations",
            "/api/v1/orgs/{org_id}/webhooks",
            "/api/v1/orgs/{org_id}/webhooks/{webhook_id}/deliveries",
        ];
        assert_eq!(empty, without);
        s.running.stop().await;
    });
}

#[test]
fn what_the_demo_adds_up_to_is_worth_looking_at() {
    run(async {
        let (s, token, org) = demo().await;
        let get = async |path: &str| s.get(&token, &format!("/orgs/{org}/{path}")).await.must(200);

        // Its audit log proves itself like any other.
        let verdict = s.json(&token, "POST", &format!("/orgs/{org}/audit-log/verify"), json!({})).await.must(200);
        assert_eq!(verdict["first_bad"], Value::Null, "{verdict}");

        let map = get("risks/heatmap").await;
        assert!(map["inherent"].as_array().unwrap().len() > 8 && map["residual"].as_array().unwrap().len() > 6);
        assert_ne!(map["inherent"], map["residual"]);

        let board = get("risks/dashboard").await;
        for (name, least) in [("movers", 2), ("expected_annual_loss_by_category", 3)] {
            assert!(board[name].as_array().unwrap().len() >= least, "{name}: {board}");
        }
        for name in ["overdue_treatments", "overdue_reviews"] {
            assert!(board[name]["count"].as_i64().unwrap() >= 2, "{name}: {board}");
        }
        for level in ["low", "medium", "high", "critical"] {
            assert!(board["by_level"][level].as_i64().unwrap() > 0, "{level}: {board}");
        }
        for colour in ["green", "amber", "red", "grey"] {
            assert!(board["kris"][colour].as_i64().unwrap() > 0, "{colour}: {board}");
        }
        assert!(board["appetite_breaches"]["money"].as_array().unwrap().len() == 1, "{board}");

        let stats = get("vendors/stats").await;
        for name in ["active", "inactive", "pending", "offboarded"] {
            assert!(stats["by_status"][name].as_i64().unwrap() > 0, "{stats}");
        }
        for tier in ["critical", "high", "medium", "low"] {
            assert!(stats["by_tier"][tier].as_i64().unwrap() > 0, "{stats}");
        }
        for name in ["reviews_due", "reviews_upcoming", "contracts_expiring", "contracts_lapsed"] {
            assert!(stats[name].as_i64().unwrap() > 0, "{name}: {stats}");
        }

        let risk = get("bcm/climate-risk").await;
        assert!(risk["single_points_of_failure"].as_array().unwrap().len() > 5);
        assert!(!risk["warnings"].as_array().unwrap().is_empty() && risk["regions"].as_array().unwrap().len() > 3);
        let fit = get("bcm/consistency").await;
        assert!(fit["cycles"].as_array().unwrap().len() == 1 && !fit["conflicts"].as_array().unwrap().is_empty());
        let process = get("bcm/processes?name=Hosted%20GRC%20service").await;
        let process = text(&process["items"][0], "id");
        let plan = s.json(&token, "POST", &format!("/orgs/{org}/bcm/processes/{process}/dr-plan"), json!({})).await;
        let plan = plan.must(200);
        let tiers = plan["tiers"].as_array().unwrap();
        assert!(tiers.len() > 3 && tiers.iter().any(|tier| !tier["co_recover"].as_array().unwrap().is_empty()));
        assert_eq!(plan["missed"][0]["process_id"], process);

        let phases = get("incidents").await;
        let phase = |item: &Value| item["phase"].as_str().unwrap().to_owned();
        let phases: std::collections::BTreeSet<_> = phases["items"].as_array().unwrap().iter().map(phase).collect();
        assert_eq!(phases.len(), 6, "an incident in each phase: {phases:?}");
        let metrics = get("incidents/metrics").await;
        assert!(metrics["by_month"].as_array().unwrap().len() > 2, "{metrics}");
        s.running.stop().await;
    });
}

#[test]
fn the_demo_assesses_this_project_on_its_own_documents() {
    run(async {
        let (s, token, org) = demo().await;
        let verdicts = s.get(&token, &format!("/orgs/{org}/findings/stats")).await.must(200);
        assert_eq!(verdicts["total"], 61 + 106);
        for verdict in ["pass", "partial", "fail"] {
            assert!(verdicts["by_status"][verdict].as_i64().unwrap() > 5, "{verdicts}");
        }
        let judged =
            s.get(&token, &format!("/orgs/{org}/findings?evaluated_by=human&include_total=true")).await.must(200);
        assert_eq!(judged["total"], 2);
        let rejected =
            s.get(&token, &format!("/orgs/{org}/evidence?status__ne=stored&include_total=true")).await.must(200);
        assert_eq!(rejected["total"], 0);
        s.running.stop().await;
    });
}

#[test]
fn loading_the_demo_again_changes_nothing_and_its_journal_goes_forward() {
    run(async {
        let (s, token, org) = demo().await;
        let entries = async || -> Value {
            let path = format!("/orgs/{org}/audit-log?limit=1&include_total=true&sort=-sequence");
            s.get(&token, &path).await.must(200)
        };
        let before = entries().await;
        grc_api::demo::load(&s.running.app).await.unwrap();
        assert_eq!(before, entries().await);
        let mut last: Option<OffsetDateTime> = None;
        let mut cursor = String::new();
        loop {
            let page = format!("/orgs/{org}/audit-log?limit=200&sort=sequence{cursor}");
            let page = s.get(&token, &page).await.must(200);
            // What jobs wrote besides is of the moments at which they began.
            for entry in page["items"].as_array().unwrap().iter().filter(|entry| entry["request_id"] == "demo") {
                let at = OffsetDateTime::parse(&text(entry, "occurred_at"), &Rfc3339).unwrap();
                assert!(last.is_none_or(|last| last <= at), "{entry}");
                last = Some(at);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        s.running.stop().await;
    });
}

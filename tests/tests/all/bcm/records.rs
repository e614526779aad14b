//! Processes, assets, dependencies and groups: what is accepted, what is refused, what goes with what.

use serde_json::{Value, json};

use super::{Bcm, documented, names};
use crate::harness::{fields, run, text};

#[test]
fn a_process_states_times_that_fit() {
    run(async {
        let b = Bcm::start("Times").await;
        let process = b.process("Billing", 8.0, json!({
            "impacts": [{"category": "financial", "band_hours": 4, "level": 2}], "peak_periods": ["end of month"],
            "mbco_percent": 40, "hourly_loss": 1500.5, "last_reviewed_at": "2026-01-01T00:00:00Z",
        })).await;
        let one = format!("processes/{}", text(&process, "id"));
        for (bad, expected) in [
            (json!({"rto_hours": 73}), ("rto_hours", "rto_over_mtd")),
            (json!({"mtd_hours": 7.5}), ("rto_hours", "rto_over_mtd")),
            (json!({"rpo_hours": -1}), ("rpo_hours", "out_of_range")),
            (json!({"rto_hours": null}), ("rto_hours", "required")),
            (json!({"rto_hours": "4"}), ("rto_hours", "type")),
            (json!({"criticality": "vital"}), ("criticality", "invalid")),
            (json!({"mbco_percent": 101}), ("mbco_percent", "out_of_range")),
            (
                json!({"impacts": [{"category": "weather", "band_hours": 1, "level": 1}]}),
                ("impacts[0].category", "invalid"),
            ),
            (
                json!({"impacts": [{"category": "legal", "band_hours": 1, "level": 6}]}),
                ("impacts[0].level", "out_of_range"),
            ),
            (
                json!({"impacts": [{"category": "legal", "band_hours": 1, "level": 1}, {"category": "legal", "band_hours": 1.0, "level": 2}]}),
                ("impacts[1]", "repeated"),
            ),
            (json!({"owner_id": b.org}), ("owner_id", "unknown_reference")),
            (json!({"revision": 7}), ("revision", "unknown")),
        ] {
            let problem = b.patch(&one, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(fields(&problem), [(expected.0.to_owned(), expected.1.to_owned())], "{bad}");
        }
        let problem = b.post("processes", json!({"name": ""})).await.problem(422, "VALIDATION_ERROR");
        let found: Vec<String> = fields(&problem).into_iter().map(|(field, _)| field).collect();
        assert_eq!(found, ["name", "criticality", "rto_hours", "rpo_hours", "mtd_hours"], "all at once");
        let after = b.patch(&one, json!({"rto_hours": 72, "hourly_loss": null})).await.must(200);
        assert_eq!((&after["revision"], &after["hourly_loss"]), (&json!(2), &json!(null)));
        assert_eq!(after["impacts"], json!([{"category": "financial", "band_hours": 4.0, "level": 2}]));
        let vendor = json!({"name": "Mail", "type": "vendor", "vendor_id": b.org});
        let problem = b.post("assets", vendor).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem), [("vendor_id".to_owned(), "unknown_reference".to_owned())]);
        b.asset("Relay", "vendor", json!({"region": "eu-west-1", "provider": "Post", "restore_hours": 0.5})).await;
        assert_eq!(names(&b.get("assets?type=vendor&region=eu-west-1&q=rel").await["items"]), ["Relay"]);
        assert_eq!(names(&b.get("processes?rto_hours__gte=72&sort=-mtd_hours").await["items"]), ["Billing"]);
        b.s.running.stop().await;
    });
}

#[test]
fn dependencies_are_given_once_and_hold_what_they_lead_to() {
    run(async {
        let b = Bcm::start("Edges").await;
        let order = b.process("Orders", 4.0, json!({})).await;
        let shop = b.asset("Shop", "application", json!({})).await;
        let edge = b.needs(&order, &shop, json!({"strength": "soft"})).await;
        let one = format!("dependencies/{}", text(&edge, "id"));
        for (source, target) in [(&order, &shop), (&order, &order), (&shop, &shop)] {
            let body = json!({"source": source, "target": target, "dependency_type": "supports"});
            b.post("dependencies", body).await.problem(409, "CONFLICT");
        }
        let nowhere = json!({"id": "01900000-0000-7000-8000-000000000000", "type": "asset"});
        for (body, expected) in [
            (json!({"source": order, "target": nowhere}), vec![("target.id", "unknown_reference")]),
            (
                json!({"source": {"id": order["id"], "type": "asset"}, "target": shop}),
                vec![("source.id", "unknown_reference")],
            ),
            (json!({"source": {"id": order["id"], "type": "site"}, "target": shop}), vec![("source.type", "invalid")]),
            (
                json!({"source": {"id": order["id"]}, "target": "x"}),
                vec![("source.type", "required"), ("target", "type")],
            ),
            (json!({"target": shop, "source_id": order["id"]}), vec![("source_id", "unknown"), ("source", "required")]),
            (json!({"source": order, "target": shop, "needed": 0}), vec![("needed", "out_of_range")]),
        ] {
            let problem = b.post("dependencies", body.clone()).await.problem(422, "VALIDATION_ERROR");
            let expected: Vec<_> = expected.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect();
            assert_eq!(fields(&problem), expected, "{body}");
        }
        let back = b.needs(&shop, &order, json!({})).await;
        let found = b.get(&format!("dependencies?target_id={}&include_total=true", text(&order, "id"))).await;
        assert_eq!((&found["total"], &found["items"][0]["id"]), (&json!(1), &back["id"]));
        let after = b.patch(&one, json!({"dependency_type": "supports", "strength": "hard"})).await.must(200);
        assert_eq!((&after["dependency_type"], &after["revision"]), (&json!("supports"), &json!(2)));
        b.patch(&one, json!({"target": order})).await.problem(422, "VALIDATION_ERROR");

        let refused = b.remove(&format!("assets/{}", text(&shop, "id"))).await.problem(409, "CONFLICT");
        assert!(refused["detail"].as_str().unwrap().contains("a dependency leads to it"), "{refused}");
        b.remove(&format!("dependencies/{}", text(&back, "id"))).await.must(204);
        let before =
            b.s.get(&b.token, &format!("/orgs/{}/audit-log?limit=1&include_total=true", b.org)).await.must(200);
        b.remove(&format!("processes/{}", text(&order, "id"))).await.must(204);
        assert_eq!(b.s.get(&b.token, &b.path(&one)).await.status, 404, "it went with what it belonged to");
        let log =
            b.s.get(&b.token, &format!("/orgs/{}/audit-log?limit=1&include_total=true&sort=-sequence", b.org))
                .await
                .must(200);
        assert_eq!(log["total"].as_i64().unwrap(), before["total"].as_i64().unwrap() + 1, "one entry a change");
        assert_eq!(log["items"][0]["action"], "process.deleted");
        b.s.running.stop().await;
    });
}

#[test]
fn a_group_needs_the_same_of_every_member() {
    run(async {
        let b = Bcm::start("Groups").await;
        let order = b.process("Orders", 4.0, json!({"hourly_loss": 100})).await;
        let mut assets = Vec::new();
        for n in 0..3 {
            assets.push(b.asset(&format!("Node {n}"), "infrastructure", json!({"region": "de"})).await);
        }
        let group = |needed: Value| json!({"redundancy_group": "cluster", "needed": needed});
        let first = b.needs(&order, &assets[0], group(json!(2))).await;
        let body = json!({"source": order, "target": assets[1], "redundancy_group": "cluster", "needed": 1});
        let problem = b.post("dependencies", body).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem), [("needed".to_owned(), "inconsistent".to_owned())]);
        let body = json!({"source": order, "target": assets[1], "needed": 1});
        let problem = b.post("dependencies", body).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&problem), [("needed".to_owned(), "no_group".to_owned())]);
        let second = b.needs(&order, &assets[1], group(json!(null))).await;
        let third = b.needs(&order, &assets[2], group(json!(2))).await;
        assert_eq!((&second["needed"], &third["needed"]), (&json!(2), &json!(2)));

        let fail = |nodes: Vec<Value>| json!({"nodes": nodes, "duration_hours": 10});
        let outage = documented("Outage", b.post("simulate", fail(vec![assets[0].clone()])).await.must(200));
        assert_eq!((names(&outage["lost"]), names(&outage["degraded"])), (vec![], vec!["Orders"]), "two are left");
        let outage = b.post("simulate", fail(assets[..2].to_vec())).await.must(200);
        assert_eq!((names(&outage["lost"]), &outage["loss"]), (vec!["Orders"], &json!(600.0)));

        let path = format!("dependencies/{}", text(&first, "id"));
        b.patch(&path, json!({"needed": 1})).await.must(200);
        let items = b.get("dependencies?redundancy_group=cluster&sort=created_at").await["items"].clone();
        let all: Vec<_> =
            items.as_array().unwrap().iter().map(|d| (d["needed"].clone(), d["revision"].clone())).collect();
        assert_eq!(all, vec![(json!(1), json!(2)); 3], "changed at one, changed at all");
        let outage = b.post("simulate", fail(assets[..2].to_vec())).await.must(200);
        assert_eq!(names(&outage["lost"]), Vec::<&str>::new());
        let alone = b.patch(&path, json!({"redundancy_group": null})).await.must(200);
        assert_eq!(alone["needed"], json!(null));
        b.s.running.stop().await;
    });
}

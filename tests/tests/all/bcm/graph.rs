//! What is asked of the graph: the API reference's examples, consistency, outages, climate.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Bcm, documented, names};
use crate::harness::{Service, fields, root, run, scratch, text};

#[test]
fn the_references_examples_work_as_written() {
    run(async {
        let b = Bcm::start("Orders").await;
        let me = text(&b.s.get(&b.token, "/users/me").await.must(200)["user"], "id");
        let body = json!({
            "name": "Order Fulfillment", "description": "End-to-end order processing and delivery",
            "criticality": "business_critical", "rto_hours": 4, "rpo_hours": 1, "mtd_hours": 24, "owner_id": me,
        });
        let made = b.post("processes", body.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let process = documented("Process", made.json());
        for (name, value) in body.as_object().unwrap() {
            assert!(process[name] == *value || process[name].as_f64() == value.as_f64(), "{name}");
        }
        let one = format!("processes/{}", text(&process, "id"));
        assert_eq!(made.header("location"), format!("/api/v1{}", b.path(&one)));
        let database = b.asset("Core Database", "database", json!({"rto_hours": 1})).await;
        let order = json!({"id": process["id"], "type": "process"});
        let edge = b.needs(&order, &database, json!({"dependency_type": "requires"})).await;
        assert_eq!((&edge["source"], &edge["target"], &edge["strength"]), (&order, &database, &json!("hard")));

        let graph = documented("DependencyGraph", b.get("dependencies/graph").await);
        assert_eq!(names(&graph["nodes"]), ["Order Fulfillment", "Core Database"]);
        assert_eq!((&graph["nodes"][0]["type"], &graph["nodes"][1]["type"]), (&json!("process"), &json!("asset")));
        let drawn = &graph["edges"][0];
        assert_eq!((&drawn["source"], &drawn["target"]), (&process["id"], &database["id"]));
        assert_eq!((&drawn["dependency_type"], &drawn["id"]), (&json!("requires"), &edge["id"]));

        // Without a body, with an empty one, and with a key: the same plan.
        let path = b.path(&format!("{one}/dr-plan"));
        let plan = documented("DrPlan", b.s.send(&b.token, "POST", &path, &[], None).await.must(200));
        let tiers: Vec<_> = plan["tiers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tier| (tier["tier"].as_i64().unwrap(), tier["rto_hours"].as_f64().unwrap(), names(&tier["items"])))
            .collect();
        assert_eq!(tiers, [(1, 1.0, vec!["Core Database"]), (2, 4.0, vec!["Order Fulfillment"])]);
        assert_eq!(plan["tiers"][0]["items"][0]["type"], "asset");
        assert_eq!((&plan["missed"], &plan["tiers"][0]["co_recover"]), (&json!([]), &json!([])));
        assert_eq!(b.s.json(&b.token, "POST", &path, json!({})).await.must(200), plan);
        let key = [("idempotency-key", "once"), ("content-type", "application/json")];
        let first = b.s.send(&b.token, "POST", &path, &key, Some(b"{}".to_vec())).await;
        let again = b.s.send(&b.token, "POST", &path, &key, Some(b"{}".to_vec())).await;
        assert_eq!(
            (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
            ("".into(), "true".into())
        );
        assert_eq!((first.json(), again.must(200)), (plan.clone(), plan));
        let bad = b.post(&format!("{one}/dr-plan"), json!({"depth": 3})).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&bad), [("depth".to_owned(), "unknown".to_owned())]);
        b.post(&format!("processes/{}/dr-plan", text(&database, "id")), json!({})).await.problem(404, "NOT_FOUND");

        for (path, method) in [("dependencies/graph", "GET"), (&format!("{one}/dr-plan"), "POST")] {
            let picture = b.s.send(&b.token, method, &b.path(path), &[("accept", "image/svg+xml")], None).await;
            assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml".to_owned()), "{path}");
            assert!(picture.text.starts_with("<svg ") && picture.text.contains("Core Database"), "{}", picture.text);
            let refused = b.s.send(&b.token, method, &b.path(path), &[("accept", "image/png")], None).await;
            refused.problem(406, "NOT_ACCEPTABLE");
        }
        let asked = b.s.get(&b.token, &b.path("dependencies/graph?format=svg")).await;
        assert!(asked.text.starts_with("<svg "));
        b.s.get(&b.token, &b.path("dependencies/graph?limit=3")).await.problem(422, "VALIDATION_ERROR");
        b.s.running.stop().await;
    });
}

#[test]
fn an_outage_says_what_stops_breaches_and_costs() {
    run(async {
        let b = Bcm::start("Outage").await;
        let order = b.process("Orders", 4.0, json!({"criticality": "mission_critical", "hourly_loss": 1000,
            "impacts": [{"category": "financial", "band_hours": 1, "level": 1}, {"category": "financial", "band_hours": 24, "level": 5}]})).await;
        let archive = b.process("Archive", 48.0, json!({"criticality": "administrative"})).await;
        let database = b.asset("Database", "database", json!({"rto_hours": 1})).await;
        b.needs(&order, &database, json!({})).await;
        b.needs(&archive, &database, json!({})).await;
        let ask = json!({"nodes": [database], "duration_hours": 30});
        let got = documented("Outage", b.post("simulate", ask.clone()).await.must(200));
        assert_eq!(names(&got["lost"]), ["Orders", "Archive"]);
        let lost = &got["lost"][0];
        assert_eq!(
            (&lost["breach_at_hours"], &lost["loss"], &lost["gross_loss"]),
            (&json!(4.0), &json!(26_000.0), &json!(30_000.0))
        );
        assert_eq!((&got["lost"][1]["breach_at_hours"], &got["first_breach_hours"]), (&json!(null), &json!(4.0)));
        assert_eq!(got["impacts"][1], json!({"category": "financial", "band_hours": 24.0, "level": 5, "processes": 1}));
        assert_eq!(names(&got["assets_down"]), ["Database"]);
        for (bad, field) in [
            (json!({"nodes": [], "duration_hours": 1}), "nodes"),
            (json!({"nodes": [{"id": order["id"], "type": "asset"}], "duration_hours": 1}), "nodes[0].id"),
            (json!({"nodes": [database], "duration_hours": -1}), "duration_hours"),
            (json!({"nodes": [database], "duration_hours": 1e9}), "duration_hours"),
            (json!({"nodes": [database]}), "duration_hours"),
            (json!({"nodes": database, "duration_hours": 1}), "nodes"),
            (json!({"nodes": vec![database.clone(); 1_001], "duration_hours": 1}), "nodes"),
        ] {
            let problem = b.post("simulate", bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], field, "{bad}");
        }
        let viewer = b.s.member(&b.token, &b.org, "viewer").await;
        b.s.json(&viewer, "POST", &b.path("simulate"), ask).await.must(200);
        b.s.running.stop().await;
    });
}

#[test]
fn consistency_finds_what_the_reference_finds() {
    run(async {
        let b = Bcm::start("Oracle").await;
        let text_of =
            std::fs::read_to_string(root().join("crates/continuity/tests/data/bcm-graph-reference.json")).unwrap();
        let oracle: Value = serde_json::from_str(&text_of).unwrap();
        let (case, example) = (&oracle["cases"][0], &oracle["rto_example"]);
        let mut nodes = BTreeMap::new();
        for node in case["nodes"].as_array().unwrap() {
            let name = node.as_str().unwrap();
            let rto = example["stated_rto_hours"][name].as_f64().unwrap();
            let made = if case["processes"].as_array().unwrap().contains(node) {
                b.process(name, rto, json!({})).await
            } else {
                b.asset(name, "other", json!({"rto_hours": rto})).await
            };
            nodes.insert(name, made);
        }
        for edge in case["edges"].as_array().unwrap() {
            let end = |n: usize| &nodes[edge[n].as_str().unwrap()];
            b.needs(end(0), end(1), json!({})).await;
        }
        let report = documented("ConsistencyReport", b.get("consistency").await);
        let conflicts = report["conflicts"].as_array().unwrap();
        let found = |transitive: bool| -> Vec<Vec<Value>> {
            let chosen = conflicts.iter().filter(|c| c["kind"] == "rto" && c["transitive"] == transitive);
            let mut found: Vec<Vec<Value>> = chosen
                .map(|c| {
                    let ends = [&c["dependant"]["name"], &c["dependency"]["name"]];
                    let hours = |name: &str| json!(c[name].as_f64().unwrap());
                    if transitive {
                        vec![ends[1].clone(), hours("stated_hours"), hours("required_hours")]
                    } else {
                        vec![ends[0].clone(), ends[1].clone(), hours("required_hours"), hours("stated_hours")]
                    }
                })
                .collect();
            found.sort_by_key(|row| json!(row).to_string());
            found
        };
        let expected = |name: &str| -> Vec<Vec<Value>> {
            let rows = example[name].as_array().unwrap().iter();
            rows.map(|row| row.as_array().unwrap().iter().map(|v| v.as_f64().map_or(v.clone(), |n| json!(n))).collect())
                .collect()
        };
        assert_eq!(found(false), expected("conflicts"));
        assert_eq!(found(true), expected("transitive_conflicts"));
        assert_eq!((&report["cycles"], names(&report["ownerless"])), (&json!([]), vec!["billing", "order"]));
        assert_eq!(names(&report["without_plan"]), ["billing", "order"]);
        let stale = report["stale"].as_array().unwrap();
        assert!(stale.iter().all(|item| item["kind"] == "review" && item["last_at"].is_null()) && stale.len() == 2);

        let plan = b.post(&format!("processes/{}/dr-plan", text(&nodes["order"], "id")), json!({})).await.must(200);
        for tier in plan["tiers"].as_array().unwrap() {
            for item in names(&tier["items"]) {
                assert_eq!(tier["tier"].as_i64().unwrap(), case["tiers"][item].as_i64().unwrap() + 1, "{item}");
            }
        }
        let risk = documented("ClimateRisk", b.get("climate-risk").await);
        let point = |name: &str| {
            let all = risk["single_points_of_failure"].as_array().unwrap();
            all.iter().find(|point| point["node"]["name"] == name).cloned().unwrap_or(json!(null))
        };
        assert_eq!(
            (&point("power")["processes_lost"], &point("power")["tightest_rto_hours"]),
            (&json!(2), &json!(4.0))
        );
        assert_eq!((&point("app")["articulation"], &point("power")["articulation"]), (&json!(true), &json!(false)));

        // Around to where it came from: a cycle, which no plan takes apart.
        b.needs(&nodes["power"], &nodes["dc1"], json!({})).await;
        let report = b.get("consistency").await;
        let mut cycle = names(&report["cycles"][0]);
        cycle.sort_unstable();
        assert_eq!(cycle, ["dc1", "power"]);
        let plan = b.post(&format!("processes/{}/dr-plan", text(&nodes["order"], "id")), json!({})).await.must(200);
        assert_eq!(plan["tiers"][0]["co_recover"].as_array().unwrap().len(), 1);
        b.s.running.stop().await;
    });
}

#[test]
fn what_a_vendors_contracts_promise_is_held_against_what_is_needed() {
    run(async {
        let b = Bcm::start("Promises").await;
        let vendors = format!("/orgs/{}/vendors", b.org);
        let body = json!({"name": "Host", "category": "hosting"});
        let vendor = b.s.json(&b.token, "POST", &vendors, body).await.must(201);
        let vendor = text(&vendor, "id");
        let contract = async |reference: &str, more: Value| {
            let mut body = json!({"vendor_id": vendor, "reference": reference, "start_date": "2020-01-01"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            b.s.json(&b.token, "POST", &format!("{vendors}/contracts"), body).await.must(201)
        };
        let process = b.process("order", 4.0, json!({})).await;
        let asset = b.asset("database", "database", json!({"rto_hours": 2, "vendor_id": vendor})).await;
        b.needs(&process, &asset, json!({})).await;
        let promised = async || -> Vec<f64> {
            let report = documented("ConsistencyReport", b.get("consistency").await);
            let conflicts = report["conflicts"].as_array().unwrap();
            let broken = conflicts.iter().filter(|conflict| conflict["kind"] == "sla");
            broken.map(|conflict| conflict["stated_hours"].as_f64().unwrap()).collect()
        };
        assert!(promised().await.is_empty(), "nothing is promised");
        contract("slow", json!({"sla_rto_hours": 12})).await;
        // What is over, or never began, promises nothing.
        contract("past", json!({"sla_rto_hours": 1, "end_date": "2021-01-01"})).await;
        contract("draft", json!({"sla_rto_hours": 1, "status": "draft"})).await;
        contract("coming", json!({"sla_rto_hours": 1, "start_date": "2999-01-01"})).await;
        assert_eq!(promised().await, [12.0]);
        contract("better", json!({"sla_rto_hours": 8})).await;
        assert_eq!(promised().await, [8.0]);
        contract("renewed", json!({"sla_rto_hours": 2, "end_date": "2021-01-01", "auto_renew": true})).await;
        assert!(promised().await.is_empty());
        // The asset's own word counts before that of the vendor.
        b.patch(&format!("assets/{}", text(&asset, "id")), json!({"sla_hours": 9})).await.must(200);
        assert_eq!(promised().await, [9.0]);
        let risk = documented("ClimateRisk", b.get("climate-risk").await);
        let measured = risk["concentration"].as_array().unwrap();
        let measured = measured.iter().find(|measure| measure["dimension"] == "vendor").unwrap();
        assert!(measured["shares"].as_array().unwrap().iter().any(|share| share["label"] == "Host"), "{measured}");
        // A vendor that an asset names stays.
        let bare =
            b.s.json(&b.token, "POST", &vendors, json!({"name": "Cables", "category": "network"})).await.must(201);
        b.asset("line", "infrastructure", json!({"vendor_id": bare["id"]})).await;
        let gone = b.s.send(&b.token, "DELETE", &format!("{vendors}/{}", text(&bare, "id")), &[], None).await;
        gone.problem(409, "CONFLICT");
        b.s.running.stop().await;
    });
}

#[test]
fn an_operators_hazard_table_takes_the_place_of_the_built_in_one() {
    run(async {
        let folder = scratch().join("hazards");
        std::fs::create_dir_all(&folder).unwrap();
        let table = json!({"label": "Ours", "regions": {"atlantis": {"flood": 1.0}}, "aliases": {"deep": "atlantis"}});
        std::fs::write(folder.join("climate-hazards.json"), table.to_string()).unwrap();
        let s = Service::start(&[("GRC_DATA_DIR", folder.to_str().unwrap())]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Sea").await;
        let b = Bcm { s, token, org };
        let trade = b.process("Trade", 4.0, json!({})).await;
        let dock = b.asset("Dock", "site", json!({"region": " Deep "})).await;
        let mill = b.asset("Mill", "infrastructure", json!({"region": "de"})).await;
        b.needs(&trade, &dock, json!({})).await;
        b.needs(&trade, &mill, json!({"strength": "soft"})).await;
        let risk = documented("ClimateRisk", b.get("climate-risk").await);
        assert_eq!((&risk["table"], &risk["unassessed"]), (&json!("Ours"), &json!(["de"])));
        let region = &risk["regions"][0];
        assert_eq!((&region["region"], &region["known_as"]), (&json!("deep"), &json!("atlantis")));
        assert_eq!((names(&region["processes_lost"]), &region["vulnerability"]), (vec!["Trade"], &json!(1.0)));
        assert_eq!(region["hazards"][0]["hazard"], "flood");
        // The dock counts 3 as what a business critical process needs outright, the mill 1: 3 of 4.
        assert_eq!(region["score"], json!(0.75));
        let by_region = &risk["concentration"][0];
        assert_eq!(
            (&by_region["dimension"], &by_region["hhi"], &by_region["band"]),
            (&json!("region"), &json!(6_250.0), &json!("high"))
        );
        let warnings = risk["warnings"].to_string();
        assert!(warnings.contains("region concentration is high") && warnings.contains("does not know the region de"));
        b.s.running.stop().await;

        let broken = r#"{"regions": {"here": {"rain of frogs": 0.5, "flood": 2}}}"#;
        std::fs::write(folder.join("climate-hazards.json"), broken).unwrap();
        let database = tokio::task::spawn_blocking(|| crate::harness::database(true)).await.unwrap();
        let values = [
            ("GRC_BIND", "127.0.0.1:0".to_owned()),
            ("GRC_DATA_DIR", folder.display().to_string()),
            ("GRC_DATABASE_URL", crate::harness::url(&database)),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        let refused =
            grc_api::serve::start(grc_api::config::Config::read(values).unwrap()).await.err().unwrap().to_string();
        assert!(refused.contains("climate-hazards.json") && refused.contains("rain of frogs"), "{refused}");
        assert!(refused.contains("flood must be a number from 0 to 1"), "{refused}");
    });
}

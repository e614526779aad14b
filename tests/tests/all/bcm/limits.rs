//! Large graphs, and what happens when two change one at once.

use serde_json::{Value, json};

use super::Bcm;
use crate::harness::{psql, run, text};

#[test]
fn a_large_graph_is_calculated_and_one_beyond_the_bound_is_refused() {
    run(async {
        let b = Bcm::start("Large").await;
        let org = b.org.clone();
        let insert = |from: u32, to: u32| {
            let meta = "now(), now(), '01900000-0000-7000-8000-000000000000', 1";
            psql(&b.s.database, &format!(
                "INSERT INTO bcm_processes SELECT md5('p' || n)::uuid, '{org}', 'Process ' || n, null, 'business_critical', 4, 1, 24, null, '[]', null, '{{}}', 100, null, {meta}
                   FROM generate_series({from}, {to}) n WHERE n % 10 = 0;
                 INSERT INTO bcm_assets SELECT md5('a' || n)::uuid, '{org}', 'Asset ' || n, null, 'application', n % 9, null, 1, null, 'eu-central-1', null, null, null, {meta}
                   FROM generate_series({from}, {to}) n WHERE n % 10 > 0"))
        };
        insert(1, 2_000);
        // Everything in a block of ten depends on one asset of each of the three blocks before.
        psql(&b.s.database, &format!(
            "INSERT INTO bcm_dependencies
             SELECT md5(source::text || target)::uuid, '{org}', jsonb_build_object('id', source, 'type', kind), jsonb_build_object('id', target, 'type', 'asset'), source, target,
                    'requires', 'hard', null, null, now(), now(), '01900000-0000-7000-8000-000000000000', 1
               FROM (SELECT CASE n % 10 WHEN 0 THEN 'process' ELSE 'asset' END AS kind,
                            md5(CASE n % 10 WHEN 0 THEN 'p' ELSE 'a' END || n)::uuid AS source, md5('a' || (n - n % 10 - step * 10 + 3))::uuid AS target
                       FROM generate_series(100, 2000) n, generate_series(1, 3) step) ends"));
        let process = psql(&b.s.database, "SELECT md5('p2000')::uuid");
        let graph = b.get("dependencies/graph").await;
        assert_eq!(
            (graph["nodes"].as_array().unwrap().len(), graph["edges"].as_array().unwrap().len()),
            (2_000, 5_703)
        );
        let path = format!("processes/{process}/dr-plan");
        let plan = b.post(&path, json!({})).await.must(200);
        assert!(plan["tiers"].as_array().unwrap().len() > 100);
        let report = b.get("consistency").await;
        assert_eq!(report["without_plan"].as_array().unwrap().len(), 200);
        let risk = b.get("climate-risk").await;
        assert!(!risk["single_points_of_failure"].as_array().unwrap().is_empty());
        let picture = b.s.get(&b.token, &b.path("dependencies/graph?format=svg")).await;
        assert!(picture.status == 200 && picture.text.contains("of 2000 nodes"), "{}", &picture.text[..2_000]);

        insert(2_001, 20_000);
        assert_eq!(b.post(&path, json!({})).await.must(200), plan, "what it does not depend on makes no difference");
        insert(20_001, 20_001);
        let refused = b.s.get(&b.token, &b.path("dependencies/graph")).await.problem(409, "CONFLICT");
        assert!(refused["detail"].as_str().unwrap().contains("more than 20000 processes and assets"), "{refused}");
        b.post(&path, json!({})).await.problem(409, "CONFLICT");
        b.s.running.stop().await;
    });
}

#[test]
fn what_two_do_at_once_leaves_a_whole_graph() {
    run(async {
        let b = Bcm::start("At once").await;
        let order = b.process("Orders", 4.0, json!({})).await;
        let mut refused = 0;
        for n in 0..12 {
            let asset = b.asset(&format!("Gone {n}"), "other", json!({})).await;
            let path = format!("assets/{}", text(&asset, "id"));
            let (joined, gone) =
                tokio::join!(b.post("dependencies", json!({"source": order, "target": asset})), b.remove(&path));
            // Either it is gone and nothing leads to it, or it is needed and stays.
            assert!(
                matches!((joined.status, gone.status), (201, 409) | (422 | 409, 204)),
                "{} {}",
                joined.text,
                gone.text
            );
            refused += u32::from(joined.status != 201);
        }
        let edges = b.get("dependencies?include_total=true&limit=1").await["total"].as_u64().unwrap();
        assert_eq!(edges, u64::from(12 - refused));
        assert_eq!(b.get("dependencies/graph").await["edges"].as_array().unwrap().len() as u64, edges);

        for n in 0..8 {
            let (x, y) = (b.asset("x", "other", json!({})).await, b.asset("y", "other", json!({})).await);
            let join = |target: &Value, needed: i64| {
                b.post(
                    "dependencies",
                    json!({"source": order, "target": target, "redundancy_group": format!("g{n}"), "needed": needed}),
                )
            };
            let (one, two) = tokio::join!(join(&x, 1), join(&y, 2));
            let mut statuses = [one.status, two.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 422], "one of them founds the group: {} {}", one.text, two.text);
        }
        b.get("consistency").await;

        let twin = b.asset("Twin", "other", json!({})).await;
        let join = || b.post("dependencies", json!({"source": order, "target": twin}));
        let (one, two, three) = tokio::join!(join(), join(), join());
        let mut statuses = [one.status, two.status, three.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409], "once is enough");
        b.s.running.stop().await;
    });
}

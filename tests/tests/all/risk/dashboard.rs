//! The dashboard over HTTP.

use serde_json::{Value, json};

use crate::harness::{Service, psql, run, text};

#[test]
fn the_dashboard_says_how_the_register_stands() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Board").await;
        let path = format!("/orgs/{org}/risks/dashboard");
        let empty = s.get(&token, &path).await.must(200);
        assert_eq!(
            (&empty["total"], &empty["by_level"]["critical"], &empty["kris"]["grey"]),
            (&json!(0), &json!(0), &json!(0))
        );
        assert_eq!((&empty["expected_annual_loss"], &empty["by_category"]["cyber"]), (&json!(0.0), &json!(0)));
        let register = format!("/orgs/{org}/risks/register");
        let open = async |more: Value| -> String {
            let mut body = json!({"title": "A risk", "category": "cyber", "likelihood": 2, "impact": 3});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            text(&s.json(&token, "POST", &register, body).await.must(201), "id")
        };
        let worst = open(json!({"title": "Worst", "likelihood": 5, "impact": 5, "review_date": "2020-01-01"})).await;
        let treated = open(
            json!({"title": "Treated", "likelihood": 4, "impact": 4, "residual_likelihood": 2, "residual_impact": 2}),
        )
        .await;
        let _closed = open(json!({"title": "Over", "category": "financial", "likelihood": 5, "impact": 5})).await;
        s.json(&token, "PATCH", &format!("{register}/{_closed}"), json!({"status": "closed"})).await.must(200);
        for n in 0..12 {
            open(json!({"title": format!("Small {n}"), "category": "operational", "likelihood": 1})).await;
        }
        s.json(&token, "PATCH", &format!("{register}/{treated}"), json!({"residual_impact": 3})).await.must(200);
        let late = json!({"title": "Second supplier", "due_date": "2021-02-03"});
        s.json(&token, "POST", &format!("{register}/{worst}/treatments"), late).await.must(201);
        s.json(
            &token,
            "PUT",
            &format!("/orgs/{org}/risks/appetite"),
            json!({"categories": {"cyber": {"appetite": 5, "tolerance": 20, "money": 40}}}),
        )
        .await
        .must(200);
        let kri = json!({"name": "K", "direction": "lower_is_worse", "amber": 10, "red": 5, "value": 7});
        s.json(&token, "POST", &format!("/orgs/{org}/risks/kris"), kri).await.must(201);
        let model = json!({"lef": {"type": "bernoulli", "p": 1}, "loss_magnitude": {"type": "constant", "value": 50}});
        for risk in [json!(worst), json!(null)] {
            let analysis = json!({"name": "A", "risk_id": risk, "model": model});
            let analysis =
                text(&s.json(&token, "POST", &format!("/orgs/{org}/risks/fair"), analysis).await.must(201), "id");
            for _ in 0..2 {
                s.json(&token, "POST", &format!("/orgs/{org}/risks/fair/{analysis}/run"), json!({"trials": 1_000}))
                    .await
                    .must(200);
            }
        }

        let board = s.get(&token, &path).await.must(200);
        assert_eq!(board["total"], 15);
        assert_eq!(
            board["by_category"],
            json!({"operational": 12, "financial": 1, "compliance": 0, "strategic": 0, "third_party": 0, "cyber": 2, "reputational": 0})
        );
        assert_eq!(
            board["by_level"],
            json!({"low": 12, "medium": 1, "high": 0, "critical": 2}),
            "of 1 x 3, 2 x 3 and 5 x 5"
        );
        assert_eq!((&board["by_status"]["closed"], &board["by_status"]["identified"]), (&json!(1), &json!(14)));
        let top = board["top"].as_array().unwrap();
        assert_eq!(
            (top.len(), &top[0]["title"], &top[1]["score"], &top[1]["level"]),
            (10, &json!("Worst"), &json!(6), &json!("medium"))
        );
        assert_eq!(board["movers"].as_array().unwrap().len(), 1);
        assert_eq!((&board["movers"][0]["id"], &board["movers"][0]["change"]), (&json!(treated), &json!(2)));
        let overdue = &board["overdue_treatments"];
        assert_eq!((&overdue["count"], &overdue["items"][0]["risk_title"]), (&json!(1), &json!("Worst")));
        assert_eq!(
            (&board["overdue_reviews"]["count"], &board["overdue_reviews"]["items"][0]["id"]),
            (&json!(1), &json!(worst))
        );
        assert_eq!(board["kris"], json!({"green": 0, "amber": 1, "red": 0, "grey": 0}));
        assert_eq!(board["expected_annual_loss"], json!(50.0), "the latest run of what is linked, once");
        let breaches = &board["appetite_breaches"];
        assert_eq!((&breaches["above_appetite"], &breaches["above_tolerance"]), (&json!(2), &json!(1)));
        assert_eq!(
            breaches["money"],
            json!([{"category": "cyber", "expected_annual_loss": 50.0, "analyses": 1, "money": 40.0, "over": true}])
        );

        let operational = s.get(&token, &format!("{path}?category=operational")).await.must(200);
        assert_eq!(
            (&operational["total"], &operational["expected_annual_loss"], &operational["movers"]),
            (&json!(12), &json!(0.0), &json!([]))
        );
        let searched = s.get(&token, &format!("{path}?q=worst&score__gte=20")).await.must(200);
        assert_eq!((&searched["total"], &searched["overdue_treatments"]["count"]), (&json!(1), &json!(1)));
        for wrong in ["limit=3", "format=svg", "colour=red"] {
            s.get(&token, &format!("{path}?{wrong}")).await.problem(422, "VALIDATION_ERROR");
        }
        // A move of long ago is none of these days.
        psql(
            &s.database,
            "ALTER TABLE journal DISABLE TRIGGER USER; UPDATE journal SET occurred_at = occurred_at - interval '31 days'",
        );
        assert_eq!(s.get(&token, &path).await.must(200)["movers"], json!([]));
        s.running.stop().await;
    });
}

#[test]
fn the_dashboard_of_a_large_register_is_a_matter_of_indexes() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Large").await;
        psql(
            &s.database,
            &format!(
                "INSERT INTO risks (id, org_id, title, category, likelihood, impact, treatment, status, tags, inherent_score, score, \
                 inherent_level, above_appetite, above_tolerance, created_at, updated_at, created_by, revision, review_date) \
                 SELECT gen_random_uuid(), '{org}', 'Risk ' || n, (ARRAY['cyber', 'financial', 'strategic'])[n % 3 + 1], n % 5 + 1, \
                 n % 4 + 1, 'mitigate', 'assessed', '{{}}', (n % 5 + 1) * (n % 4 + 1), (n % 5 + 1) * (n % 4 + 1), 'low', n % 7 = 0, \
                 false, now(), now(), '{org}', 1, date '2020-01-01' + n % 4000 FROM generate_series(1, 50000) n; ANALYZE risks"
            ),
        );
        let board = s.get(&token, &format!("/orgs/{org}/risks/dashboard")).await.must(200);
        assert_eq!((&board["total"], &board["top"][0]["score"]), (&json!(50_000), &json!(20)));
        let plan = psql(
            &s.database,
            &format!("EXPLAIN SELECT id FROM risks WHERE org_id = '{org}' ORDER BY score DESC, id DESC LIMIT 11"),
        );
        assert!(plan.contains("risks_score"), "{plan}");
        s.running.stop().await;
    });
}

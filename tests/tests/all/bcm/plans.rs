//! Recovery plans and their exercises.

use serde_json::json;

use super::{Bcm, documented, names};
use crate::harness::{run, text};

#[test]
fn a_plan_is_approved_exercised_and_held_to_its_target() {
    run(async {
        let b = Bcm::start("Plans").await;
        let me = text(&b.s.get(&b.token, "/users/me").await.must(200)["user"], "id");
        let order = b.process("Orders", 4.0, json!({"owner_id": me, "last_reviewed_at": "2099-01-01T00:00:00Z"})).await;
        let body = json!({
            "name": "Fail over", "process_id": order["id"], "strategy": "Warm stand-by", "rto_hours": 2,
            "steps": [{"order": 2, "action": "Switch", "minutes": 30}, {"order": 1, "action": "Call", "owner_id": me, "minutes": 15}],
        });
        let plan = documented("RecoveryPlan", b.post("recovery-plans", body).await.must(201));
        assert_eq!(
            (&plan["status"], &plan["available_transitions"]),
            (&json!("draft"), &json!(["approved", "retired"]))
        );
        assert_eq!(
            (&plan["steps"][0]["action"], &plan["total_minutes"], &plan["within_rto"]),
            (&json!("Call"), &json!(45), &json!(true))
        );
        let one = format!("recovery-plans/{}", text(&plan, "id"));
        for (bad, field) in [
            (json!({"steps": [{"action": "x", "owner_id": b.org}]}), "steps[0].owner_id"),
            (json!({"steps": [{"order": 1, "action": "x"}, {"order": 1, "action": "y"}]}), "steps[1].order"),
            (json!({"steps": [{"order": 1}]}), "steps[0].action"),
            (json!({"process_id": me}), "process_id"),
            (json!({"status": "burnt"}), "status"),
            (json!({"approved_by": me}), "approved_by"),
        ] {
            let problem = b.patch(&one, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], field, "{bad}");
        }
        b.post("recovery-plans", json!({"name": "x", "status": "active"})).await.problem(422, "VALIDATION_ERROR");
        let refused = b.patch(&one, json!({"status": "active"})).await.problem(409, "CONFLICT");
        assert_eq!(refused["available_transitions"], json!(["approved", "retired"]));
        let approved = b.patch(&one, json!({"status": "approved"})).await.must(200);
        assert_eq!(approved["approved_by"], json!(me));
        b.patch(&one, json!({"status": "active"})).await.must(200);
        let stale = b.get("consistency").await["stale"].clone();
        assert_eq!(
            (&stale[0]["kind"], &stale[0]["name"], &stale[0]["last_at"]),
            (&json!("exercise"), &json!("Fail over"), &json!(null))
        );

        let exercises = format!("{one}/exercises");
        let today = time::OffsetDateTime::now_utc().date().to_string();
        let held = json!({"type": "full", "date": today, "achieved_rto_hours": 5, "achieved_rpo_hours": 0.5,
            "result": "Back, too late.", "lessons": "The numbers were not at hand."});
        let made = b.post(&exercises, held).await;
        let location = made.header("location");
        let held = documented("RecoveryExercise", made.must(201));
        assert_eq!(
            (&held["target_rto_hours"], &held["rto_met"]),
            (&json!(2.0), &json!(false)),
            "the plan's own target"
        );
        assert_eq!((&held["target_rpo_hours"], &held["rpo_met"]), (&json!(1.0), &json!(true)), "the process's");
        assert_eq!(b.s.get(&b.token, location.trim_start_matches("/api/v1")).await.must(200), held);
        b.post(&exercises, json!({"type": "tabletop", "date": "2099-01-01"})).await.must(201);
        for (bad, field) in [
            (json!({"type": "drill", "date": today}), "type"),
            (json!({"type": "full"}), "date"),
            (json!({"type": "full", "date": "2026-02-30"}), "date"),
            (json!({"type": "full", "date": today, "achieved_rto_hours": -1}), "achieved_rto_hours"),
            (json!({"type": "full", "date": today, "plan_id": me}), "plan_id"),
        ] {
            let problem = b.post(&exercises, bad.clone()).await.problem(422, "VALIDATION_ERROR");
            assert_eq!(problem["field"], field, "{bad}");
        }
        b.post(&format!("recovery-plans/{me}/exercises"), json!({"type": "full", "date": today}))
            .await
            .problem(404, "NOT_FOUND");
        let listed = b.get(&format!("{exercises}?sort=date&rto_met=false")).await;
        assert_eq!(listed["items"], json!([held]));
        let report = b.get("consistency").await;
        assert_eq!(report["stale"], json!([]), "exercised today; one of the future does not count");
        let conflict = &report["conflicts"][0];
        assert_eq!(
            (&conflict["kind"], &conflict["stated_hours"], &conflict["required_hours"]),
            (&json!("exercise"), &json!(5.0), &json!(4.0))
        );
        assert_eq!(report["without_plan"], json!([]));

        let refused = b.remove(&format!("processes/{}", text(&order, "id"))).await.problem(409, "CONFLICT");
        assert!(refused["detail"].as_str().unwrap().contains("Fail over"), "{refused}");
        let plans = b.get("recovery-plans?status=active&q=stand-by").await;
        assert_eq!(names(&plans["items"]), ["Fail over"]);
        b.remove(&one).await.must(204);
        b.remove(&format!("processes/{}", text(&order, "id"))).await.must(204);
        b.s.running.stop().await;
    });
}

#[test]
fn every_move_of_a_plan_is_the_machines() {
    run(async {
        let b = Bcm::start("Moves").await;
        let machine = grc_bcm::plan::MACHINE;
        let way = |to: &str| -> &[&str] {
            match to {
                "draft" => &[],
                "approved" => &["approved"],
                "active" => &["approved", "active"],
                _ => &["retired"],
            }
        };
        for (from, _) in machine.moves {
            for (to, _) in machine.moves {
                let plan = b.post("recovery-plans", json!({"name": "Moves"})).await.must(201);
                let one = format!("recovery-plans/{}", text(&plan, "id"));
                for state in way(from) {
                    b.patch(&one, json!({"status": state})).await.must(200);
                }
                let got = b.patch(&one, json!({"status": to})).await;
                assert_eq!(got.status == 200, machine.allows(from, to), "{from} to {to}: {}", got.text);
            }
        }
        b.s.running.stop().await;
    });
}

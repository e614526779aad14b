//! The domains' contract suites on the Postgres adapter. (On memory they run in their own crates.)

use std::{collections::HashSet, sync::Arc};

use grc_kernel::{Actor, AssessmentId, Ctx, IdSource, Job, JobId, NewJob, OrgId, Role, StoreResult, UserId, Uuid};
use grc_postgres::{PgBackend, PoolConfig};
use grc_uow::{Backend, Db, Reservation, StoredReply, mem::MemBackend};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::harness::{database, psql, run, url};

#[derive(Debug)]
struct Ids;

impl IdSource for Ids {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

fn postgres() -> (String, Db) {
    let name = database(true);
    let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 4, durable: false }).unwrap();
    (name, Db::new(Arc::new(backend)))
}

fn ctx() -> Ctx {
    let actor = Actor::user(UserId(Uuid::now_v7()), "Ada Admin", Some(Role::Admin));
    Ctx::new(OrgId(Uuid::now_v7()), actor, OffsetDateTime::now_utc(), "contract", Arc::new(Ids))
}

/// Makes the organization that a suite works in.
fn seed(database: &str, ctx: &Ctx) {
    psql(
        database,
        &format!(
            "INSERT INTO organizations VALUES ('{}', 'Suite', 'suite', null, null, null, '{{}}', null, now(), now(), '{}', 1)",
            ctx.org, ctx.actor.id
        ),
    );
}

/// Makes the suite's actor an active member of its organization.
fn join(database: &str, ctx: &Ctx) {
    psql(
        database,
        &format!(
            "INSERT INTO accounts VALUES ('{1}', 'ada@example.com', 'Ada', null, false, null, false, now(), now(), '{1}', 1);
             INSERT INTO memberships VALUES ('{1}', '{0}', '{1}', 'admin', 'active', now(), now(), '{1}', 1)",
            ctx.org, ctx.actor.id
        ),
    );
}

#[test]
fn postgres_keeps_the_identity_contract() {
    run(async {
        let (_, db) = postgres();
        // The suite opens its organization itself.
        let ctx = ctx();
        let outcome: Result<(), grc_kernel::StoreError> = db
            .write(ctx.org, async |uow| {
                grc_identity::contract::suite(&ctx, uow.identity())
                    .await
                    .map_err(|e| grc_kernel::StoreError::internal(format!("{e:?}")))
            })
            .await;
        outcome.unwrap();
        let outcome: Result<(), grc_kernel::StoreError> = db
            .write(OrgId::PLATFORM, async |uow| {
                grc_identity::contract::platform(&ctx, uow.identity())
                    .await
                    .map_err(|e| grc_kernel::StoreError::internal(format!("{e:?}")))
            })
            .await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_audit_contract() {
    run(async {
        let (_, db) = postgres();
        let ctx = ctx();
        db.write(ctx.org, async |uow| grc_audit::contract::suite(&ctx, uow.app()).await).await.unwrap();
        let open = db.read(OrgId::PLATFORM, async |uow| uow.app().unsealed().await);
        let open: StoreResult<Vec<OrgId>> = open.await;
        assert!(!open.unwrap().contains(&ctx.org), "what is covered is not open");
    });
}

#[test]
fn postgres_keeps_the_coordination_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        join(&name, &ctx);
        let outcome: Result<(), grc_kernel::StoreError> = db
            .write(ctx.org, async |uow| {
                grc_coordination::contract::suite(&ctx, uow.coordination())
                    .await
                    .map_err(|e| grc_kernel::StoreError::internal(format!("{e:?}")))
            })
            .await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_transfer_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        let outcome: Result<(), grc_kernel::StoreError> = db
            .write(ctx.org, async |uow| {
                grc_transfer::contract::suite(&ctx, uow.transfer())
                    .await
                    .map_err(|e| grc_kernel::StoreError::internal(format!("{e:?}")))
            })
            .await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_assessments_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        let outcome: Result<(), grc_kernel::StoreError> = db
            .write(ctx.org, async |uow| {
                grc_assessments::contract::suite(&ctx, uow.assessments())
                    .await
                    .map_err(|e| grc_kernel::StoreError::internal(format!("{e:?}")))
            })
            .await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_evidence_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        let outcome: Result<(), grc_kernel::StoreError> = db
            .write(ctx.org, async |uow| {
                grc_evidence::contract::suite(&ctx, uow.evidence())
                    .await
                    .map_err(|e| grc_kernel::StoreError::internal(format!("{e:?}")))
            })
            .await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_risk_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        join(&name, &ctx);
        let outcome: Result<(), grc_kernel::Refusal> =
            db.write(ctx.org, async |uow| grc_risk::contract::suite(&ctx, uow.risk()).await).await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_bcm_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        join(&name, &ctx);
        let outcome: Result<(), grc_kernel::Refusal> =
            db.write(ctx.org, async |uow| grc_bcm::contract::suite(&ctx, uow.bcm()).await).await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_vendor_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        join(&name, &ctx);
        let outcome: Result<(), grc_kernel::Refusal> =
            db.write(ctx.org, async |uow| grc_vendor::contract::suite(&ctx, uow.vendor()).await).await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_policy_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        join(&name, &ctx);
        let outcome: Result<(), grc_kernel::Refusal> =
            db.write(ctx.org, async |uow| grc_policy::contract::suite(&ctx, uow.policy()).await).await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_events_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        join(&name, &ctx);
        let outcome: Result<(), grc_kernel::Refusal> =
            db.write(ctx.org, async |uow| grc_events::contract::suite(&ctx, uow.events()).await).await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_incident_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        join(&name, &ctx);
        let outcome: Result<(), grc_kernel::Refusal> =
            db.write(ctx.org, async |uow| grc_incident::contract::suite(&ctx, uow.incident()).await).await;
        outcome.unwrap();
    });
}

#[test]
fn postgres_keeps_the_reports_contract() {
    run(async {
        let (name, db) = postgres();
        let ctx = ctx();
        seed(&name, &ctx);
        let assessment = AssessmentId(Uuid::now_v7());
        psql(
            &name,
            &format!(
                "INSERT INTO assessments SELECT '{assessment}', '{}', id, key, 'Q1', null, null, '{{}}', null, 'builtin', null, 'pending', \
                 0, 0, null, null, null, null, now(), now(), '{}', 1 FROM frameworks WHERE key = 'SOC2_TYPE2'",
                ctx.org, ctx.actor.id
            ),
        );
        let outcome: Result<(), grc_kernel::StoreError> = db
            .write(ctx.org, async |uow| {
                grc_reports::contract::suite(&ctx, uow.reports(), assessment)
                    .await
                    .map_err(|e| grc_kernel::StoreError::internal(format!("{e:?}")))
            })
            .await;
        outcome.unwrap();
    });
}

/// What every backend must show of transactions and kept replies.
async fn transactions(backend: Arc<dyn Backend>) {
    let db = Db::new(Arc::clone(&backend));
    let ctx = ctx();
    let caller = Uuid::now_v7();
    let reply = StoredReply {
        request_digest: [3; 32],
        status: 201,
        headers: vec![("etag".into(), "\"1\"".into())],
        body: b"{}".to_vec(),
    };
    let failed: Result<(), grc_kernel::StoreError> = db
        .write(ctx.org, async |uow| {
            uow.app().keep(ctx.org, caller, "k", &reply, ctx.now).await?;
            uow.assessments().journal().record(&ctx, grc_kernel::Fact::note("test", ctx.org.0, "tried")).await?;
            Err(grc_kernel::StoreError::internal("no"))
        })
        .await;
    assert!(failed.is_err());
    let reserve = async || -> Reservation {
        let found: Result<_, grc_kernel::StoreError> =
            db.write(ctx.org, async |uow| uow.app().reserve(ctx.org, caller, "k", ctx.now).await).await;
        found.unwrap()
    };
    assert_eq!(reserve().await, Reservation::Fresh, "what failed left nothing");
    let kept: Result<(), grc_kernel::StoreError> = db
        .write(ctx.org, async |uow| {
            uow.app().keep(ctx.org, caller, "k", &reply, ctx.now).await?;
            for verb in ["one", "two"] {
                uow.assessments().journal().record(&ctx, grc_kernel::Fact::note("test", ctx.org.0, verb)).await?;
            }
            Ok(())
        })
        .await;
    kept.unwrap();
    assert_eq!(reserve().await, Reservation::Stored(reply));
    let entries: Result<_, grc_kernel::StoreError> =
        db.read(ctx.org, async |uow| uow.app().journal_page(ctx.org, &grc_kernel::journal::LIST.query()).await).await;
    let entries = entries.unwrap().items;
    assert_eq!(entries.iter().map(|e| e.sequence).collect::<Vec<_>>(), [1, 2], "no gap, and nothing of what failed");
    assert_eq!(entries[1].prev_hash, entries[0].hash);
    assert!(entries.iter().all(|entry| entry.compute_hash() == entry.hash), "what is stored hashes to what was hashed");
    let other: Result<_, grc_kernel::StoreError> = db
        .read(OrgId(Uuid::now_v7()), async |uow| {
            uow.app().journal_page(OrgId(Uuid::now_v7()), &grc_kernel::journal::LIST.query()).await
        })
        .await;
    assert!(other.unwrap().items.is_empty());
}

#[test]
fn both_backends_keep_the_contract_of_transactions() {
    run(async {
        transactions(Arc::new(MemBackend::default())).await;
        let name = database(true);
        let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 2, durable: false }).unwrap();
        transactions(Arc::new(backend)).await;
    });
}

#[test]
fn a_dropped_transaction_leaves_nothing_on_its_connection() {
    run(async {
        let name = database(true);
        // One connection: the next transaction gets the one that was dropped.
        let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 1, durable: false }).unwrap();
        let ctx = ctx();
        for _ in 0..20 {
            let mut tx = backend.begin(ctx.org).await.unwrap();
            tx.journal().record(&ctx, grc_kernel::Fact::note("test", ctx.org.0, "dropped")).await.unwrap();
            drop(tx);
        }
        let mut tx = backend.begin(ctx.org).await.unwrap();
        let page = tx.journal_page(ctx.org, &grc_kernel::journal::LIST.query()).await.unwrap();
        assert!(page.items.is_empty());
    });
}

#[test]
fn the_queue_serves_whoever_has_the_fewest_jobs_running() {
    run(async {
        let memory = Db::new(Arc::new(MemBackend::default()));
        for db in [postgres().1, memory] {
            let (many, few) = (ctx(), ctx());
            let want = async |ctx: &Ctx, minutes: i64| {
                let job = NewJob { kind: "contract", subject: Uuid::now_v7(), payload: json!({}), max_attempts: 1 };
                let at = ctx.now - Duration::minutes(minutes);
                let queued: StoreResult<JobId> =
                    db.write(ctx.org, async |uow| uow.app().jobs().enqueue_at(ctx, job, at).await).await;
                queued.unwrap()
            };
            let mut thousand = Vec::new();
            for minutes in (10..20).rev() {
                thousand.push(want(&many, minutes).await);
            }
            let one = want(&few, 1).await;
            want(&few, -1).await;
            let claim = async |at: OffsetDateTime| {
                let lease = Duration::minutes(1);
                let claimed: StoreResult<Option<Job>> =
                    db.write(OrgId::PLATFORM, async |uow| uow.app().claim_job(at, lease).await).await;
                claimed.unwrap().map(|job| job.id)
            };
            let now = few.now.max(many.now);
            let order = [claim(now).await, claim(now).await, claim(now).await];
            assert_eq!(order, [Some(thousand[0]), Some(one), Some(thousand[1])]);
            // What a worker lost is nobody's load, and is claimed again when its turn comes.
            let again = [claim(now + Duration::seconds(61)).await, claim(now + Duration::seconds(61)).await];
            assert_eq!(again, [Some(thousand[0]), Some(one)]);
        }
    });
}

#[test]
fn claims_at_the_same_moment_take_different_jobs_and_none_goes_away_empty_handed() {
    run(async {
        let config = PoolConfig { url: url(&database(true)), size: 8, durable: false };
        let db = Db::new(Arc::new(PgBackend::new(&config).unwrap()));
        let ctx = ctx();
        for _ in 0..40 {
            let job = NewJob { kind: "contract", subject: Uuid::now_v7(), payload: json!({}), max_attempts: 1 };
            let queued: StoreResult<JobId> =
                db.write(ctx.org, async |uow| uow.app().jobs().enqueue_at(&ctx, job, ctx.now).await).await;
            queued.unwrap();
        }
        let claim = async || {
            let claimed: StoreResult<Option<Job>> =
                db.write(OrgId::PLATFORM, async |uow| uow.app().claim_job(ctx.now, Duration::minutes(1)).await).await;
            claimed.unwrap().map(|job| job.id)
        };
        let mut taken = HashSet::new();
        for _ in 0..5 {
            for job in futures::future::join_all((0..8).map(|_| claim())).await {
                assert!(taken.insert(job.expect("forty jobs for forty claims")));
            }
        }
        assert_eq!(claim().await, None);
    });
}

#[test]
fn no_claim_reads_a_queue_of_a_hundred_thousand_jobs_whole() {
    let name = database(true);
    let queued = |org: &str, jobs: usize, at: &str| {
        let values =
            "gen_random_uuid(), 'contract', gen_random_uuid(), '{}', 'queued', 1, gen_random_uuid(), now(), now()";
        psql(
            &name,
            &format!(
                "INSERT INTO jobs (org_id, run_at, id, kind, subject_id, payload, status, max_attempts, created_by,
                     created_at, updated_at)
                 SELECT {org}, {at}, {values} FROM generate_series(1, {jobs}) n"
            ),
        );
    };
    // What is due one day, of many; and what is due of one.
    queued("md5((n % 100)::text)::uuid", 90_000, "now() + n * interval '1 minute'");
    queued("md5('1')::uuid", 10_000, "now() - n * interval '1 minute'");
    psql(&name, "VACUUM ANALYZE jobs");
    run(async {
        let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 1, durable: false }).unwrap();
        let plan = backend.explain_claim(OffsetDateTime::now_utc()).await.unwrap();
        assert!(!plan.contains("Seq Scan") && !plan.contains("Bitmap"), "{plan}");
        // What comes from an index comes in its order: whoever sorts, sorts candidates.
        let sorted = |line: &str| line.contains("Sort Key: jobs") && line.contains("run_at");
        assert!(!plan.lines().any(sorted), "{plan}");
    });
}

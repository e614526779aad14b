//! What the audit log costs: appends a second in one organization, checkpoints made meanwhile, and entries checked a second.
//! `audit 100000 8 2`: so many entries, by so many writers, checked so often, each change a transaction of its own that waits for the disk.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "an example speaks and measures"
)]

use std::{sync::Arc, time::Instant};

use grc_api::{
    adapters::{
        clock::{self, V7Ids},
        tokens::Tokens,
    },
    audit::{check::check, witness::Witness},
};
use grc_audit::{
    Keys,
    seal::{Sealed, seal},
};
use grc_cluster::{Cluster, ClusterConfig};
use grc_kernel::{Actor, Ctx, Fact, OrgId, StoreError, Uuid};
use grc_postgres::{PgBackend, PoolConfig, migrate};
use grc_uow::Db;
use serde_json::json;

fn ctx(org: OrgId) -> Ctx {
    Ctx::new(org, Actor::system(), clock::now(), "measure", Arc::new(V7Ids))
}

async fn append(db: Db, org: OrgId, count: usize) {
    let picture = json!({"title": "Payments stop", "description": "What may happen, and why. ".repeat(20), "likelihood": 4, "impact": 5,
        "category": "operational", "tags": ["a", "b"], "score": 20.0, "owner_id": Uuid::nil().to_string(), "status": "identified"});
    for _ in 0..count {
        let fact = Fact {
            feed: true,
            before: Some(picture.clone()),
            revision: Some(2),
            ..Fact::note("risk", Uuid::now_v7(), "updated").with(picture.clone())
        };
        let done: Result<(), StoreError> =
            db.write(org, async |uow| uow.app().journal().record(&ctx(org), fact).await).await;
        done.unwrap();
    }
}

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<usize>().ok());
    let (entries, writers) = (numbers.next().unwrap_or(100_000), numbers.next().unwrap_or(8).max(1));
    let checks = numbers.next().unwrap_or(2);
    let folder = tempfile::tempdir().unwrap();
    let settings = ClusterConfig { folder: folder.path().join("cluster"), durable: true, path: None };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&settings)).await.unwrap().unwrap();
    migrate::create_database(&cluster.url("postgres"), "measure").await.unwrap();
    let url = cluster.url("measure");
    migrate::up(&url).await.unwrap();
    let db = Db::new(Arc::new(PgBackend::new(&PoolConfig { url, size: writers + 2, durable: true }).unwrap()));
    let (org, tokens) = (OrgId(Uuid::now_v7()), Tokens::open(&folder.path().join("keys")).unwrap());
    let begun = Instant::now();
    let each = (0..writers).map(|_| tokio::spawn(append(db.clone(), org, entries / writers)));
    for writer in each.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let count = f64::from(u32::try_from(entries / writers * writers).unwrap_or(u32::MAX));
    println!("appended by {writers} writers: {count} entries, {:.0} a second", count / begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    loop {
        let made: Result<Sealed, StoreError> =
            db.write(org, async |uow| seal(&ctx(org), uow.app(), &tokens, None).await).await;
        if !matches!(made.unwrap(), Sealed::Made(_)) {
            break;
        }
    }
    println!("covered by checkpoints: {:.0} entries a second", count / begun.elapsed().as_secs_f64());
    let (witness, keys) = (Witness::new(folder.path()), Keys::new(tokens.keys()));
    for _ in 0..checks {
        let begun = Instant::now();
        let report = check(&db, &witness, &keys, org).await.unwrap();
        assert!(report.first_bad.is_none(), "{report:?}");
        println!("checked: {:.0} entries a second", count / begun.elapsed().as_secs_f64());
    }
    tokio::task::spawn_blocking(move || cluster.stop()).await.unwrap().unwrap();
}

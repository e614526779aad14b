//! What searches cost: fills a database with documents, then times searches of several kinds through the adapter.
//!
//! `cargo run --release -p grc-tests --example search [DOCUMENTS]`, a million where nothing is said; once with one
//! organization that owns all of them, and once with a hundred. Prints the median of the database's processor time, as
//! Linux counts it, and of the time on the clock.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests may"
)]

#[path = "../tests/all/harness.rs"]
mod harness;

use std::{sync::Arc, time::Instant};

use grc_kernel::{OrgId, StoreError, Uuid};
use grc_postgres::{PgBackend, PoolConfig};
use grc_search::{Found, Query, Wanted};
use grc_uow::{Db, searched};
use harness::{database, psql, run, url};

const ORG: &str = "0199b1a0-0000-7000-8000-000000000001";
const FILL: &str = include_str!("../data/search_measure.sql");
const TIMES: usize = 7;

/// What is asked, and what it stands for.
const QUERIES: &[(&str, &str)] = &[
    ("a rare word", "zebrafisch"),
    ("a word that nothing has", "qqqq"),
    ("a word of every second document", "common"),
    ("the most common word", "contor"),
    ("a prefix of two letters", "co"),
    ("two common words", "common contor"),
    ("three common words", "common contor lesk"),
    ("a rare and a common word", "zebrafisch contor"),
    ("a rare word and a prefix", "zebrafisch co"),
    ("two middling words", "exven retor"),
    ("two common words, never together", "left right"),
    ("a phrase of common words", "\"common left\""),
    ("a phrase that nothing has", "\"left common\""),
    ("a common word without another", "contor -common"),
];

fn main() {
    let documents = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000_u64);
    for organizations in [1, 100] {
        let name = fill(documents, organizations);
        println!(
            "\n{documents} documents, {organizations} organizations\n\n| search | found | processor ms | clock ms |\n|---|---|---|---|"
        );
        run(measure(name));
    }
}

fn fill(documents: u64, organizations: u64) -> String {
    let name = database(true);
    psql(&name, "DROP INDEX search_documents_words");
    let fill = FILL.replace(":first", "1").replace(":last", &documents.to_string());
    psql(&name, &fill.replace(":organizations", &organizations.to_string()));
    psql(
        &name,
        "SET maintenance_work_mem = '1GB';
         CREATE INDEX search_documents_words ON search_documents USING gin (words) WITH (fastupdate = off)",
    );
    psql(&name, "ANALYZE search_documents");
    name
}

async fn measure(name: String) {
    let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 1, durable: false }).unwrap();
    let db = Db::new(Arc::new(backend));
    let org = OrgId(Uuid::parse_str(ORG).unwrap());
    let kinds: Vec<&'static str> = searched::sources().iter().map(|source| source.kind).collect();
    for (what, text) in QUERIES {
        let query = Query::parse(text).unwrap();
        let wanted = Wanted { query, kinds: kinds.clone(), every: true, limit: 20, after: None };
        let (mut clock, mut processor, mut last) = (Vec::new(), Vec::new(), Found::default());
        for _ in 0..=TIMES {
            let (began, spent) = (Instant::now(), processor_time(&name));
            let found: Result<Found, StoreError> = db.read(org, async |uow| uow.app().search(org, &wanted).await).await;
            last = found.unwrap();
            clock.push(began.elapsed().as_secs_f64() * 1_000.0);
            processor.push(processor_time(&name) - spent);
        }
        let median = |times: &mut Vec<f64>| {
            // The first one fills caches.
            times.remove(0);
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        let more = if last.at_least { " and more" } else { "" };
        println!("| {what} | {}{more} | {:.1} | {:.1} |", last.total, median(&mut processor), median(&mut clock));
    }
}

/// The processor time that the service's connections have taken so far, in milliseconds.
fn processor_time(name: &str) -> f64 {
    let pids =
        psql("postgres", &format!("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = '{name}'"));
    let time = |pid: &str| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    pids.split(' ').filter_map(time).sum::<f64>() / 1e6
}

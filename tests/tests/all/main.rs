//! One test binary for the whole: it links once, and all its tests share one PostgreSQL cluster.

#![allow(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests may"
)]

mod a2a;
mod access;
mod architecture;
mod audit;
mod batch;
mod bcm;
mod contracts;
mod coordination;
mod database;
mod demo;
mod events;
mod evidence_bulk;
mod evidence_s3;
mod golden;
mod harness;
mod http;
mod imports;
mod incident;
mod incident_package;
mod jobs;
mod kit;
mod limits;
mod lists;
mod main_job;
mod opa;
mod reports;
mod risk;
mod search;
mod tour;
mod vendor;
mod walk;

//! The Postgres adapter: one Diesel repository per file, the unit of work over them, migrations and
//! row-level security. The only crate that names Diesel.
//!
//! Reading order: [`pool`] (connections and their role), `tx` (a transaction bound to an organization),
//! `list` (keyset pages from a list request), `journal`, `jobs`, `backend`, then one file per repository.

mod assessments;
mod audit;
mod backend;
mod bcm;
pub mod ddl;
mod error;
mod events;
mod evidence;
mod identity;
mod incident;
mod jobs;
mod journal;
mod list;
pub mod migrate;
pub mod pool;
mod reports;
mod resource;
mod risk;
mod schema;
mod search;
mod tx;
mod vendor;

pub use backend::PgBackend;
pub use pool::PoolConfig;
pub use tx::PgTx;

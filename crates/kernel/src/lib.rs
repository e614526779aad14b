//! Words that every domain shares, and nothing that does IO.
//!
//! Reading order: [`id`] (typed ids), [`ctx`] (who acts, where, when), [`access`] (roles and permissions),
//! [`fault`] (how a failure presents itself), [`check`] (collecting field errors), [`patch`] (three-state
//! merge patches), [`record`] (what every stored thing has), [`list`] (filters, sorts, keyset pages),
//! [`shape`] (JSON objects with their limits), [`mod@resource`] (what every stored record can do, declared once),
//! [`journal`] (what every change leaves behind), [`merkle`] (a root over many hashes), [`job`] (durable background
//! work).
//!
//! A domain crate depends on this crate and on no other domain.

pub mod access;
pub mod check;
pub mod ctx;
pub mod fault;
pub mod id;
mod if_match;
pub mod job;
pub mod journal;
pub mod list;
pub mod merkle;
pub mod patch;
pub mod record;
pub mod resource;
pub mod shape;
mod words;

pub use access::{Access, Permission, Role};
pub use check::Checker;
pub use ctx::{Actor, ActorKind, Ctx, Forbidden};
pub use fault::{Fault, FaultKind, FieldError, StoreError, StoreResult};
pub use id::*;
pub use if_match::IfMatch;
pub use job::{Job, JobQueue, JobStatus, JobsTx, NewJob};
pub use journal::{Fact, Journal, JournalTx};
pub use list::{Field, Kind, ListQuery, ListSpec, Page};
pub use patch::Patch;
pub use record::{Meta, Record};
pub use resource::{Changes, Refusal, Repo, Resource, Rules, kit};

//! Imports: tables whose rows are carried out as the requests that they stand for.
//!
//! A row is a POST or a PATCH of the register's own routes, asked from inside on behalf of whoever asked for the import:
//! permissions, validation, moves, journal and everything that follows from a change are the routes' own, and a register
//! needs nothing to be imported but its declaration (docs/adr/0010-imports-ask-the-routes.md).
//!
//! Reading order: [`target`] (the registers), [`names`] (references by name), [`rows`] (from a row to its request),
//! [`scan`] (a first look through a file), [`job`] (the whole file, in a job).

pub mod job;
pub mod names;
pub mod rows;
pub mod scan;
pub mod target;

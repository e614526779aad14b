//! What every request goes through.
//!
//! Reading order: [`shape`] (JSON bodies, declared once), [`problem`] (errors), [`access`] (which credential a request
//! presents), [`caller`] (who calls), [`limits`],
//! [`call`] (from a request to a use case), [`reply`] (and back), [`resource`] (the routes that every resource has), [`export`]
//! (lists as files), [`zip`] (archives as they are sent), [`shell`] (ids, headers, logging around it all), [`inner`] (requests inside
//! of a request).

pub mod access;
pub mod call;
pub mod caller;
pub mod documented;
pub mod export;
pub mod inner;
pub mod limits;
pub mod list;
pub mod negotiate;
pub mod params;
pub mod problem;
pub mod reply;
pub mod resource;
pub mod shape;
pub mod shell;
pub mod zip;

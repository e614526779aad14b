//! What every request goes through.
//!
//! Reading order: [`shape`] (JSON bodies, declared once), [`problem`] (errors), [`caller`] (who calls), [`limits`],
//! [`call`] (from a request to a use case and back), [`shell`] (ids, headers, logging around it all).

pub mod call;
pub mod caller;
pub mod limits;
pub mod list;
pub mod problem;
pub mod shape;
pub mod shell;

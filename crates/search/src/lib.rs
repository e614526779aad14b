//! Search over every register: what is asked, how words are compared, what is shown of a hit.
//!
//! Reading order: [`fold`] (words), [`query`] (what is asked), [`source`] (which members of which resources are
//! searched), [`ports`] (who finds), [`memory`] (how, over documents in memory), [`highlight`] (fragments of a hit).
//! Pure: the index itself is the Postgres adapter's.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod fold;
pub mod highlight;
pub mod memory;
pub mod ports;
pub mod query;
pub mod source;

pub use ports::{Found, Hit, Search, Wanted};
pub use query::Query;
pub use source::Source;

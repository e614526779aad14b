//! How often somebody may do something: so many in a while, counted here or, where there is a Redis, once for all servers.
//!
//! Reading order: [`rule`] (what is limited, and where it stands), [`window`] (the count itself), [`local`] (kept in this
//! process), [`shared`] (kept in Redis by one atomic script), [`limiter`] (which of the two, and what happens when Redis is
//! away: the limits of this process, never none).

pub mod limiter;
pub mod local;
pub mod rule;
pub mod shared;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod window;

pub use limiter::{Limiter, Permit, RedisState};
pub use rule::{Refused, Rule, Standing};

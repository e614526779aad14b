//! The guard against its attack list, with a hostile name server and listeners that count who comes.

#![allow(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests may"
)]

mod attacks;
mod exchange;
mod support;

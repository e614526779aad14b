//! The rules of the crate, seen from outside: the oracles, a naive reference, and examples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod climate;
mod concentration;
mod consistency;
mod naive;
mod oracles;
mod picture;
mod reach;
mod recovery;
mod simulate;
mod spof;
mod world;

//! The guard against its attack list, with a hostile name server and listeners that count who comes.

mod attacks;
mod exchange;
mod support;

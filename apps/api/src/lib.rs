//! The service: configuration, wiring, HTTP, adapters. A thin shell over the domain crates.
//!
//! Reading order: [`config`], [`serve`] (wiring), [`http`] (what every request goes through), [`routes`] (one
//! file a domain), [`a2a`] (attestation over MCP), [`adapters`] (passwords, tokens, object store), [`worker`] (jobs),
//! [`bulk`] (imports of evidence), [`drawing`] (reports), [`webhooks`] (their dispatcher), [`openapi`].

pub mod a2a;
pub mod adapters;
pub mod audit;
pub mod bulk;
pub mod config;
pub mod demo;
pub mod drawing;
pub mod http;
pub mod openapi;
pub mod routes;
pub mod serve;
pub mod simulation;
pub mod transfer;
pub mod webhooks;
pub mod worker;

/// The version of the service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

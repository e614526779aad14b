//! Attestation machine to machine over MCP: our server, which partners ask ([`server`], [`tools`]), and our client, which
//! asks vendors ([`client`], [`inquiry`], [`job`]).
//!
//! The server keeps no session: every request says who asks, so any replica answers it, and there is no session to steal.

pub mod client;
pub mod inquiry;
pub mod job;
pub mod meter;
pub mod registers;
pub mod server;
pub mod tools;

use grc_attest::Statement;
use grc_flows::attesting::Sealer;
use grc_kernel::{Refusal, StoreError};
use grc_outbound::{Limits, Outbound, Policy, Url};

use crate::{adapters::tokens::Tokens, config::Config};

pub use meter::Meter;

/// The protocol versions that are spoken, the oldest first. The last one has no `initialize`.
pub const VERSIONS: &[&str] = &["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
/// Where our server is.
pub const MCP_PATH: &str = "/api/v1/a2a/mcp";
/// Where a server says what it is.
pub const DISCOVERY_PATH: &str = "/.well-known/sovereign-a2a";
/// Where a server publishes its keys.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

/// What the service needs for attestations.
pub struct A2a {
    /// Our server.
    pub server: server::Service,
    /// What was asked and answered.
    pub meter: Meter,
    /// The door to addresses that users name.
    pub outbound: Outbound,
}

impl A2a {
    /// Sets it up.
    pub fn new(config: &Config, public_url: &str) -> Self {
        let mut origins = config.cors_origins.clone();
        origins.extend(Url::parse(public_url).ok().map(|url| url.origin().ascii_serialization()));
        Self { server: server::service(origins), meter: Meter::default(), outbound: outbound(config, public_url) }
    }
}

/// The door to addresses that users name, as the configuration has it.
pub fn outbound(config: &Config, public_url: &str) -> Outbound {
    let own = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let policy = Policy { private: config.allow_private_targets, own_hosts: own.into_iter().collect() };
    Outbound::new(policy, Limits::default())
}

/// Signs in the name of the service.
pub struct Signing<'a> {
    /// The key.
    pub tokens: &'a Tokens,
    /// Who signs.
    pub issuer: &'a str,
}

impl Sealer for Signing<'_> {
    fn issuer(&self) -> String {
        self.issuer.to_owned()
    }

    fn seal(&self, statement: &Statement) -> Result<String, Refusal> {
        let sealed = grc_attest::seal(statement, self.tokens.kid(), |input| self.tokens.signature(input));
        sealed.map_err(|error| StoreError::internal(format!("an attestation could not be signed: {error}")).into())
    }
}

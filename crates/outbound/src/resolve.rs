//! From a name to its addresses. A port, so that tests can be a hostile name server.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// Every address of a name; none where it has none.
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The resolver of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 443)).await?.map(|address: SocketAddr| address.ip()).collect())
    }
}

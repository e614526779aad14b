//! A private PostgreSQL cluster: a data directory, a server process on a Unix socket that nobody else is told
//! of, and a password in a file. It lives and dies with the process that started it.
//!
//! PostgreSQL refuses to run as root, so under root it runs as the user `postgres`, or `nobody`. The parent's
//! death reaches it as SIGINT (set by `setpriv` of util-linux, which keeps this crate free of unsafe code), so
//! that even `kill -9` of the service ends in a clean shutdown. That signal is tied to the thread which spawned
//! the server: each cluster has a thread of its own for that, which lives as long as the cluster.
//!
//! Reading order: [`binaries`], [`account`] (who runs it), [`server`] (start, watch, stop).

pub mod account;
pub mod binaries;
pub mod error;
pub mod server;

pub use error::ClusterError;
pub use server::{Cluster, ClusterConfig};

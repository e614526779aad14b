//! A private PostgreSQL cluster: a data directory, a server process on a Unix socket that nobody else is told
//! of, and a password in a file. It lives and dies with the process that started it. Linux only.
//!
//! ```no_run
//! # fn main() -> Result<(), grc_cluster::ClusterError> {
//! use grc_cluster::{Cluster, ClusterConfig};
//!
//! let cluster = Cluster::start(&ClusterConfig { folder: "/var/lib/grc/postgres".into(), durable: true, path: None })?;
//! let url = cluster.url("postgres"); // for tokio-postgres or libpq
//! cluster.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Who runs it
//! PostgreSQL refuses to run as root. Under root the server runs as the owner of the cluster's folder, for a new
//! folder as the user `postgres`, else `nobody`; otherwise as the caller.
//!
//! # How it ends
//! [`Cluster::stop`] and dropping the cluster shut it down. If the owning process is killed, the kernel sends the
//! server SIGINT, and it shuts down cleanly by itself. `setpriv` of util-linux asks for that signal, which keeps
//! this crate free of unsafe code. The signal is tied to the thread that spawned the server, so each cluster has
//! a thread of its own for that, which lives as long as the cluster.
//!
//! # What is recovered
//! The same thread starts a server that died again, at once and then with growing pauses; [`Cluster::is_alive`]
//! and [`Cluster::restarts`] tell. A start copes with what an earlier life left behind: a stale pid file, a
//! server or backends without an owner, a half-made data directory. What belongs to a living owner is refused
//! and never touched.
//!
//! Everything here blocks: call it off the async threads. Reading order: [`config`], `folder`, [`account`],
//! [`binaries`], `initdb`, `leftovers`, `keeper`, [`cluster`].

pub mod account;
pub mod binaries;
pub mod cluster;
pub mod config;
pub mod error;
mod folder;
mod initdb;
mod keeper;
mod leftovers;
mod log;
mod pidfile;
mod probe;
mod proc;
mod process;
mod secret;
mod settings;
mod socket;

pub use cluster::Cluster;
pub use config::{ClusterConfig, Tuning};
pub use error::ClusterError;

//! Evidence in any S3-compatible store: AWS, Cloudflare R2, MinIO, Ceph and their like, spoken to by `rust-s3`.
//!
//! Reading order: [`settings`] (what an operator configures), [`S3Store`] (the port's implementation), `limits` (how
//! long each step may take), `server` (a real S3 server in process, for tests).
//!
//! What the store is asked for is little: put, get, head, delete, multipart upload. The bucket is the operator's to
//! make; the credentials need no right to list it. Clients never see the credentials: they are given URLs that are
//! signed for one request each.

mod errors;
mod limits;
#[cfg(any(test, feature = "server"))]
pub mod server;
pub mod settings;
mod store;
mod transfer;

pub use settings::Settings;
pub use store::S3Store;

#[cfg(test)]
mod tests;

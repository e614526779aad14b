//! What the domains' ports look like in this service.

pub mod blobs;
pub mod certs;
pub mod clock;
pub mod jwks;
pub mod passwords;
pub mod tokens;

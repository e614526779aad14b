//! Requests to addresses that users name: webhooks, vendors' attestation servers, anything whose URL a tenant may write.
//!
//! Reading order: [`address`] (what may be connected to), [`target`] (what a URL may look like), [`resolve`] (names),
//! [`client`] (a request that keeps to it all).
//!
//! The rule, in one sentence: a URL is judged by its form, its name is resolved once, every address that the name has is
//! judged (one forbidden address forbids the name), and the connection goes to a judged address and nowhere else. No
//! redirect is followed, no proxy is asked, no connection is kept for another request; the body that comes back has a
//! largest size and the whole exchange a longest time. What is refused says nothing about what is there.
//!
//! A stand-alone crate, so that whoever sends anything to a tenant's URL has one door to go through.

pub mod address;
pub mod client;
pub mod resolve;
pub mod target;

pub use address::{Reach, reach};
pub use client::{Answer, Limits, Method, Outbound, OutboundError, Reaction, Request};
pub use reqwest::{Url, header};
pub use resolve::{Resolve, SystemResolver};
pub use target::{Policy, Refused, Target};

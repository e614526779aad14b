//! Who may act, and where: organizations, accounts, memberships with one of four roles, sessions with
//! rotating refresh tokens, and API keys.
//!
//! Reading order: [`model`], [`rules`] (passwords, slugs, secrets), [`query`] (lists), [`ports`], then the use
//! cases: [`organization`], [`member`], [`account`], [`session`], [`api_key`].
//!
//! Lookups that cross organizations (an account by e-mail, a key by its hash, a person's memberships,
//! sessions) happen in a transaction of [`grc_kernel::OrgId::PLATFORM`]; everything else in the
//! organization's own.

pub mod account;
pub mod api_key;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod mem;
pub mod member;
pub mod model;
pub mod organization;
pub mod ports;
pub mod query;
pub mod rules;
pub mod session;

pub use model::{
    Account, ApiKey, Invitation, Member, Membership, MembershipStatus, Organization, RefreshToken, Session,
};
pub use ports::{IdentityTx, Passwords, Secrets};

//! The entities. Secrets and hashes never enter a snapshot, so they never reach the journal.

use grc_kernel::{
    Meta, OrgId, Record, Role, UserId,
    access::Scope,
    record::{timestamp, timestamp_value, with_meta},
    typed_id,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

typed_id! {
    /// A session: a log-in and the refresh tokens descended from it.
    SessionId,
    /// An API key.
    ApiKeyId,
    /// A membership of a person in an organization.
    MembershipId,
    /// An invitation.
    InvitationId,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// A readable, unique handle, derived from the name at creation and kept when the name changes.
    pub slug: String,
    /// What it does.
    pub industry: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// IANA time zone name.
    pub timezone: Option<String>,
    /// Free settings of clients.
    pub settings: Map<String, Value>,
    /// When it was deleted; it is then absent, and purged after 30 days.
    pub deleted_at: Option<OffsetDateTime>,
    /// Bookkeeping.
    pub meta: Meta,
}

impl Record for Organization {
    const TYPE: &'static str = "organization";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let value = json!({
            "id": self.id.to_string(),
            "name": self.name,
            "slug": self.slug,
            "industry": self.industry,
            "country": self.country,
            "timezone": self.timezone,
            "settings": self.settings,
            "deleted_at": timestamp_value(self.deleted_at),
        });
        with_meta(value, &self.meta)
    }
}

/// A person, across organizations.
#[derive(Clone, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// The address as given; unique regardless of case.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Argon2id, PHC format; none until an invitation is accepted.
    pub password_hash: Option<String>,
    /// Whether the person administers the platform.
    pub platform_admin: bool,
    /// The last successful log-in.
    pub last_login_at: Option<OffsetDateTime>,
    /// Whether a second factor is set up.
    pub mfa_enabled: bool,
    /// Bookkeeping.
    pub meta: Meta,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Record for Account {
    const TYPE: &'static str = "user";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let value = json!({
            "id": self.id.to_string(),
            "email": self.email,
            "name": self.name,
            "platform_admin": self.platform_admin,
            "last_login_at": timestamp_value(self.last_login_at),
            "mfa_enabled": self.mfa_enabled,
        });
        with_meta(value, &self.meta)
    }
}

/// Where a membership stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipStatus {
    /// Invited, not yet accepted.
    Invited,
    /// In force.
    Active,
    /// Switched off; it can be switched on again.
    Deactivated,
}

impl MembershipStatus {
    /// The wire names.
    pub const NAMES: &'static [&'static str] = &["invited", "active", "deactivated"];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
        }
    }

    /// The status of a wire name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Invited, Self::Active, Self::Deactivated].into_iter().find(|status| status.as_str() == name)
    }
}

/// A person's place in one organization.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// The organization.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
    /// The role.
    pub role: Role,
    /// Where it stands.
    pub status: MembershipStatus,
    /// Bookkeeping.
    pub meta: Meta,
}

/// A person as a member of one organization: what the organization's user list shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The person.
    pub account: Account,
    /// The membership, whose bookkeeping the wire shows.
    pub membership: Membership,
}

impl Record for Member {
    const TYPE: &'static str = "user";

    fn id(&self) -> Uuid {
        self.account.id.0
    }

    fn revision(&self) -> i64 {
        self.membership.meta.revision
    }

    fn snapshot(&self) -> Value {
        let value = json!({
            "id": self.account.id.to_string(),
            "org_id": self.membership.org.to_string(),
            "email": self.account.email,
            "name": self.account.name,
            "role": self.membership.role.as_str(),
            "status": self.membership.status.as_str(),
            "last_login_at": timestamp_value(self.account.last_login_at),
            "mfa_enabled": self.account.mfa_enabled,
        });
        with_meta(value, &self.membership.meta)
    }
}

/// A log-in, and the family of refresh tokens that descend from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id, `sid` in access tokens.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// When the person logged in.
    pub created_at: OffsetDateTime,
    /// When it was last refreshed.
    pub last_used_at: OffsetDateTime,
    /// When its newest refresh token expires.
    pub expires_at: OffsetDateTime,
    /// When it was ended.
    pub revoked_at: Option<OffsetDateTime>,
    /// The client's own description.
    pub user_agent: Option<String>,
    /// The address it was opened from.
    pub address: Option<String>,
}

impl Record for Session {
    const TYPE: &'static str = "session";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        1
    }

    fn snapshot(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "created_at": timestamp(self.created_at),
            "last_used_at": timestamp(self.last_used_at),
            "expires_at": timestamp(self.expires_at),
            "user_agent": self.user_agent,
            "address": self.address,
        })
    }
}

impl Session {
    /// Whether it still lets its holder act.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

/// One refresh token of a session. Only its hash is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct RefreshToken {
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// The session it belongs to.
    pub session: SessionId,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// When it expires.
    pub expires_at: OffsetDateTime,
    /// When it was exchanged for its successor.
    pub used_at: Option<OffsetDateTime>,
}

/// A key for machines.
#[derive(Clone, PartialEq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its organization.
    pub org: OrgId,
    /// What it is for.
    pub name: String,
    /// Its role, never more than its creator's.
    pub role: Role,
    /// A narrowing, if any.
    pub scopes: Option<Vec<Scope>>,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// The secret before the last rotation, and until when it still works.
    pub previous: Option<([u8; 32], OffsetDateTime)>,
    /// When it stops working.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was revoked; it is then absent.
    pub revoked_at: Option<OffsetDateTime>,
    /// Bookkeeping.
    pub meta: Meta,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Record for ApiKey {
    const TYPE: &'static str = "api_key";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let scopes = self.scopes.as_ref().map(|scopes| scopes.iter().map(ToString::to_string).collect::<Vec<_>>());
        let value = json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "name": self.name,
            "role": self.role.as_str(),
            "scopes": scopes,
            "prefix": self.prefix,
            "expires_at": timestamp_value(self.expires_at),
            "last_used_at": timestamp_value(self.last_used_at),
            "revoked_at": timestamp_value(self.revoked_at),
        });
        with_meta(value, &self.meta)
    }
}

/// A one-time way in for a new member.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The organization.
    pub org: OrgId,
    /// The person invited.
    pub user: UserId,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it expires.
    pub expires_at: OffsetDateTime,
    /// When it was used.
    pub accepted_at: Option<OffsetDateTime>,
}

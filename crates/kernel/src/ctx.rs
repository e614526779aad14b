//! Who acts, in which organization, when, and on behalf of which request.
//!
//! Built once per request or job step. Use cases take it first and ask it for permission, time and ids, so
//! that nothing below the app reads a clock or makes up an id.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    access::{Permission, Role, Scope},
    id::{CountingIds, IdSource, OrgId, UserId},
};

/// What kind of actor changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A person who logged in.
    User,
    /// A machine with an API key.
    ApiKey,
    /// A machine that the identity provider in front of the service signed in.
    ServiceToken,
    /// The service itself: jobs, start-up.
    System,
    /// Nobody yet: log-in and other public calls.
    Anonymous,
}

impl ActorKind {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::ServiceToken => "service_token",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Who acts, and what they may do in the organization of the [`Ctx`].
#[derive(Clone, Debug)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The user's or the key's id; nil for the system and the anonymous.
    pub id: Uuid,
    /// The name to show in the audit log.
    pub name: String,
    /// The role in the organization; none outside one.
    pub role: Option<Role>,
    /// The scopes of an API key that has any.
    pub scopes: Option<Vec<Scope>>,
    /// Whether the actor administers the platform (organizations, not their data).
    pub platform_admin: bool,
}

impl Actor {
    /// The service itself, which may do everything a use case asks for.
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            id: Uuid::nil(),
            name: "system".to_owned(),
            role: Some(Role::Admin),
            scopes: None,
            platform_admin: true,
        }
    }

    /// A caller who has not shown who they are.
    pub fn anonymous() -> Self {
        Self {
            kind: ActorKind::Anonymous,
            id: Uuid::nil(),
            name: "anonymous".to_owned(),
            role: None,
            scopes: None,
            platform_admin: false,
        }
    }

    /// A person with a role.
    pub fn user(id: UserId, name: impl Into<String>, role: Option<Role>) -> Self {
        Self { kind: ActorKind::User, id: id.0, name: name.into(), role, scopes: None, platform_admin: false }
    }

    /// The person behind the actor, if it is one.
    pub fn user_id(&self) -> Option<UserId> {
        (self.kind == ActorKind::User).then_some(UserId(self.id))
    }

    /// Whether the actor holds a permission: its role does, and, where it has scopes, one of them does.
    pub fn may(&self, permission: Permission) -> bool {
        self.role.is_some_and(|role| role.allows(permission.access))
            && self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.allows(permission)))
    }
}

/// The actor lacks a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this needs the permission {0}")]
pub struct Forbidden(pub Permission);

/// The context of one request or one job step.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The organization acted in, or [`OrgId::PLATFORM`].
    pub org: OrgId,
    /// Who acts.
    pub actor: Actor,
    /// The time of the request, to the microsecond that PostgreSQL keeps.
    pub now: OffsetDateTime,
    /// The request's id, for the audit log and the trace.
    pub request: String,
    ids: Arc<dyn IdSource>,
}

/// A time in whole microseconds.
fn whole(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.microsecond() * 1_000).unwrap_or(at)
}

impl Ctx {
    /// A context. The time is cut to whole microseconds, because that is what the database stores and what
    /// the audit hash is computed over.
    pub fn new(
        org: OrgId,
        actor: Actor,
        now: OffsetDateTime,
        request: impl Into<String>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { org, actor, now: whole(now), request: request.into(), ids }
    }

    /// A context for tests: an admin, a fixed clock, counted ids.
    pub fn for_tests(org: OrgId) -> Self {
        let actor = Actor::user(UserId(Uuid::from_u128(0xA)), "Ada Admin", Some(Role::Admin));
        Self::new(
            org,
            actor,
            time::macros::datetime!(2026-03-01 12:00 UTC),
            "test-request",
            Arc::new(CountingIds::default()),
        )
    }

    /// The same context with another role, for permission tests.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.actor.role = Some(role);
        self
    }

    /// The same context in another organization, where the actor's role there is given.
    #[must_use]
    pub fn in_org(mut self, org: OrgId, role: Option<Role>) -> Self {
        self.org = org;
        self.actor.role = role;
        self
    }

    /// The same context at another time.
    #[must_use]
    pub fn at(mut self, now: OffsetDateTime) -> Self {
        self.now = whole(now);
        self
    }

    /// Refuses an actor who lacks the permission.
    pub fn require(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.actor.may(permission) { Ok(()) } else { Err(Forbidden(permission)) }
    }

    /// A new id, of whatever kind is wanted.
    pub fn new_id<I: From<Uuid>>(&self) -> I {
        I::from(self.ids.next())
    }

    /// The id source, for a context derived from this one.
    pub fn ids(&self) -> Arc<dyn IdSource> {
        Arc::clone(&self.ids)
    }
}

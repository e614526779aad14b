//! What this domain needs from the outside: repositories, a password hasher and a source of secrets.

use async_trait::async_trait;
use grc_kernel::{JournalTx, ListQuery, OrgId, Page, StoreResult, UserId};
use time::OffsetDateTime;

use crate::model::{
    Account, ApiKey, ApiKeyId, Invitation, Member, Membership, Organization, RefreshToken, Session, SessionId,
};

/// Organizations. Deleted ones are absent.
#[async_trait]
pub trait OrganizationRepo: Send {
    /// By id.
    async fn find(&mut self, id: OrgId) -> StoreResult<Option<Organization>>;
    /// By its handle. In the platform's scope.
    async fn find_by_slug(&mut self, slug: &str) -> StoreResult<Option<Organization>>;
    /// Whether a slug is taken, by a deleted organization too.
    async fn slug_taken(&mut self, slug: &str) -> StoreResult<bool>;
    /// Stores a new one; `Duplicate("slug")`.
    async fn insert(&mut self, organization: &Organization) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, organization: &Organization, seen: i64) -> StoreResult<()>;
    /// A page of those where the person is an active member, or of all. In the platform's scope.
    async fn page(&mut self, member: Option<UserId>, query: &ListQuery) -> StoreResult<Page<Organization>>;
}

/// Accounts, across organizations.
#[async_trait]
pub trait AccountRepo: Send {
    /// By id.
    async fn find(&mut self, id: UserId) -> StoreResult<Option<Account>>;
    /// By address, regardless of case.
    async fn find_by_email(&mut self, email: &str) -> StoreResult<Option<Account>>;
    /// Whether there is none at all.
    async fn none_exists(&mut self) -> StoreResult<bool>;
    /// Stores a new one; `Duplicate("email")`.
    async fn insert(&mut self, account: &Account) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, account: &Account, seen: i64) -> StoreResult<()>;
    /// Notes a log-in, which is no change of the account.
    async fn note_login(&mut self, id: UserId, at: OffsetDateTime) -> StoreResult<()>;
}

/// Memberships, and members as the join of a membership and its account.
#[async_trait]
pub trait MemberRepo: Send {
    /// One member.
    async fn find(&mut self, org: OrgId, user: UserId) -> StoreResult<Option<Member>>;
    /// A page of an organization's members.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Member>>;
    /// Stores a new membership; `Duplicate("membership")`.
    async fn insert(&mut self, membership: &Membership) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, membership: &Membership, seen: i64) -> StoreResult<()>;
    /// Removes a membership.
    async fn delete(&mut self, org: OrgId, user: UserId) -> StoreResult<()>;
    /// Locks the organization's active admins until the transaction ends, and names them, so that two
    /// admins cannot remove each other at the same moment.
    async fn lock_admins(&mut self, org: OrgId) -> StoreResult<Vec<UserId>>;
    /// All memberships of a person in living organizations, with the organization's name. Platform's scope.
    async fn of_user(&mut self, user: UserId) -> StoreResult<Vec<(Membership, String)>>;
}

/// Sessions and their refresh tokens. Platform's scope.
#[async_trait]
pub trait SessionRepo: Send {
    /// By id.
    async fn find(&mut self, id: SessionId) -> StoreResult<Option<Session>>;
    /// Stores a new session.
    async fn insert(&mut self, session: &Session) -> StoreResult<()>;
    /// Stores a change.
    async fn update(&mut self, session: &Session) -> StoreResult<()>;
    /// The live sessions of a person, the newest first; at most 100.
    async fn live_of(&mut self, user: UserId, now: OffsetDateTime) -> StoreResult<Vec<Session>>;
    /// Ends all live sessions of a person but one.
    async fn revoke_all(&mut self, user: UserId, but: Option<SessionId>, now: OffsetDateTime) -> StoreResult<()>;
    /// Stores a refresh token.
    async fn insert_token(&mut self, token: &RefreshToken) -> StoreResult<()>;
    /// Locks and reads the refresh token of a hash.
    async fn lock_token(&mut self, hash: &[u8; 32]) -> StoreResult<Option<RefreshToken>>;
    /// Marks a refresh token as used.
    async fn use_token(&mut self, hash: &[u8; 32], now: OffsetDateTime) -> StoreResult<()>;
}

/// API keys. Revoked ones are absent.
#[async_trait]
pub trait ApiKeyRepo: Send {
    /// By id.
    async fn find(&mut self, org: OrgId, id: ApiKeyId) -> StoreResult<Option<ApiKey>>;
    /// By the hash of its secret, the one before the last rotation included. Platform's scope.
    async fn find_by_hash(&mut self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>>;
    /// A page of an organization's keys.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<ApiKey>>;
    /// Stores a new one.
    async fn insert(&mut self, key: &ApiKey) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, key: &ApiKey, seen: i64) -> StoreResult<()>;
    /// Notes a use, which is no change of the key.
    async fn note_use(&mut self, id: ApiKeyId, at: OffsetDateTime) -> StoreResult<()>;
    /// Revokes every key that a person created in an organization.
    async fn revoke_created_by(&mut self, org: OrgId, user: UserId, now: OffsetDateTime) -> StoreResult<()>;
}

/// Invitations.
#[async_trait]
pub trait InvitationRepo: Send {
    /// Stores a new one.
    async fn insert(&mut self, invitation: &Invitation) -> StoreResult<()>;
    /// Locks and reads the one of a token's hash. Platform's scope.
    async fn lock(&mut self, hash: &[u8; 32]) -> StoreResult<Option<Invitation>>;
    /// Marks one as used.
    async fn accept(&mut self, hash: &[u8; 32], now: OffsetDateTime) -> StoreResult<()>;
    /// Removes those of a person in an organization that were not used.
    async fn withdraw(&mut self, org: OrgId, user: UserId) -> StoreResult<()>;
}

/// A transaction over this domain's repositories.
pub trait IdentityTx: JournalTx {
    /// Organizations.
    fn organizations(&mut self) -> &mut dyn OrganizationRepo;
    /// Accounts.
    fn accounts(&mut self) -> &mut dyn AccountRepo;
    /// Members.
    fn members(&mut self) -> &mut dyn MemberRepo;
    /// Sessions.
    fn sessions(&mut self) -> &mut dyn SessionRepo;
    /// API keys.
    fn api_keys(&mut self) -> &mut dyn ApiKeyRepo;
    /// Invitations.
    fn invitations(&mut self) -> &mut dyn InvitationRepo;
}

/// Hashes passwords. Slow on purpose: implementations keep it off the request threads and bound how many
/// run at once.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A new hash of a password, PHC format.
    async fn hash(&self, password: &str) -> StoreResult<String>;
    /// Whether a password matches. Without a hash it takes as long as with one, and says no.
    async fn verify(&self, password: &str, hash: Option<&str>) -> StoreResult<bool>;
}

/// Makes secrets.
pub trait Secrets: Send + Sync {
    /// 32 bytes that nobody can guess.
    fn random(&self) -> [u8; 32];
}

//! The repositories in memory, for tests of this crate and of whoever embeds it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_kernel::{
    Journal, JournalTx, ListQuery, OrgId, Page, Role, StoreError, StoreResult, UserId, journal::MemJournal,
    list::page_in_memory,
};
use time::OffsetDateTime;

use crate::{
    model::{
        Account, ApiKey, ApiKeyId, Invitation, Member, Membership, MembershipStatus, Organization, RefreshToken,
        Session, SessionId,
    },
    ports::{AccountRepo, ApiKeyRepo, IdentityTx, InvitationRepo, MemberRepo, OrganizationRepo, SessionRepo},
};

/// All records of this domain.
#[derive(Clone, Debug, Default)]
pub struct Store {
    organizations: BTreeMap<OrgId, Organization>,
    accounts: BTreeMap<UserId, Account>,
    memberships: BTreeMap<(OrgId, UserId), Membership>,
    sessions: BTreeMap<SessionId, Session>,
    tokens: BTreeMap<[u8; 32], RefreshToken>,
    keys: BTreeMap<ApiKeyId, ApiKey>,
    invitations: BTreeMap<[u8; 32], Invitation>,
}

/// Replaces a record whose stored revision is `seen`.
fn replace<T>(stored: Option<&mut T>, revision: impl Fn(&T) -> i64, new: &T, seen: i64) -> StoreResult<()>
where
    T: Clone,
{
    match stored {
        Some(stored) if revision(stored) == seen => {
            *stored = new.clone();
            Ok(())
        }
        _ => Err(StoreError::Stale),
    }
}

#[async_trait]
impl OrganizationRepo for Store {
    async fn find(&mut self, id: OrgId) -> StoreResult<Option<Organization>> {
        Ok(self.organizations.get(&id).filter(|organization| organization.deleted_at.is_none()).cloned())
    }

    async fn find_by_slug(&mut self, slug: &str) -> StoreResult<Option<Organization>> {
        let living = |organization: &&Organization| organization.slug == slug && organization.deleted_at.is_none();
        Ok(self.organizations.values().find(living).cloned())
    }

    async fn slug_taken(&mut self, slug: &str) -> StoreResult<bool> {
        Ok(self.organizations.values().any(|organization| organization.slug == slug))
    }

    async fn insert(&mut self, organization: &Organization) -> StoreResult<()> {
        if self.slug_taken(&organization.slug).await? {
            return Err(StoreError::Duplicate("slug"));
        }
        self.organizations.insert(organization.id, organization.clone());
        Ok(())
    }

    async fn update(&mut self, organization: &Organization, seen: i64) -> StoreResult<()> {
        replace(self.organizations.get_mut(&organization.id), |stored| stored.meta.revision, organization, seen)
    }

    async fn page(&mut self, member: Option<UserId>, query: &ListQuery) -> StoreResult<Page<Organization>> {
        let memberships = &self.memberships;
        let visible = |organization: &&Organization| {
            organization.deleted_at.is_none()
                && member.is_none_or(|user| {
                    memberships
                        .get(&(organization.id, user))
                        .is_some_and(|membership| membership.status == MembershipStatus::Active)
                })
        };
        Ok(page_in_memory(self.organizations.values().filter(visible), query))
    }
}

#[async_trait]
impl AccountRepo for Store {
    async fn find(&mut self, id: UserId) -> StoreResult<Option<Account>> {
        Ok(self.accounts.get(&id).cloned())
    }

    async fn find_by_email(&mut self, email: &str) -> StoreResult<Option<Account>> {
        let email = email.to_lowercase();
        Ok(self.accounts.values().find(|account| account.email.to_lowercase() == email).cloned())
    }

    async fn none_exists(&mut self) -> StoreResult<bool> {
        Ok(self.accounts.is_empty())
    }

    async fn insert(&mut self, account: &Account) -> StoreResult<()> {
        if self.find_by_email(&account.email).await?.is_some() {
            return Err(StoreError::Duplicate("email"));
        }
        self.accounts.insert(account.id, account.clone());
        Ok(())
    }

    async fn update(&mut self, account: &Account, seen: i64) -> StoreResult<()> {
        replace(self.accounts.get_mut(&account.id), |stored| stored.meta.revision, account, seen)
    }

    async fn note_login(&mut self, id: UserId, at: OffsetDateTime) -> StoreResult<()> {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.last_login_at = Some(at);
        }
        Ok(())
    }
}

impl Store {
    fn member(&self, membership: &Membership) -> Option<Member> {
        let account = self.accounts.get(&membership.user)?.clone();
        Some(Member { account, membership: membership.clone() })
    }
}

#[async_trait]
impl MemberRepo for Store {
    async fn find(&mut self, org: OrgId, user: UserId) -> StoreResult<Option<Member>> {
        let living = self.organizations.get(&org).is_some_and(|organization| organization.deleted_at.is_none());
        Ok(self.memberships.get(&(org, user)).filter(|_| living).and_then(|membership| self.member(membership)))
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Member>> {
        let members: Vec<Member> = self
            .memberships
            .values()
            .filter(|membership| membership.org == org)
            .filter_map(|membership| self.member(membership))
            .collect();
        Ok(page_in_memory(members.iter(), query))
    }

    async fn insert(&mut self, membership: &Membership) -> StoreResult<()> {
        let key = (membership.org, membership.user);
        if self.memberships.contains_key(&key) {
            return Err(StoreError::Duplicate("membership"));
        }
        self.memberships.insert(key, membership.clone());
        Ok(())
    }

    async fn update(&mut self, membership: &Membership, seen: i64) -> StoreResult<()> {
        let stored = self.memberships.get_mut(&(membership.org, membership.user));
        replace(stored, |stored| stored.meta.revision, membership, seen)
    }

    async fn delete(&mut self, org: OrgId, user: UserId) -> StoreResult<()> {
        self.memberships.remove(&(org, user));
        self.invitations.retain(|_, invitation| (invitation.org, invitation.user) != (org, user));
        Ok(())
    }

    async fn lock_admins(&mut self, org: OrgId) -> StoreResult<Vec<UserId>> {
        let admin = |membership: &&Membership| {
            membership.org == org && membership.role == Role::Admin && membership.status == MembershipStatus::Active
        };
        Ok(self.memberships.values().filter(admin).map(|membership| membership.user).collect())
    }

    async fn of_user(&mut self, user: UserId) -> StoreResult<Vec<(Membership, String)>> {
        let named = |membership: &Membership| {
            let organization = self.organizations.get(&membership.org).filter(|o| o.deleted_at.is_none())?;
            Some((membership.clone(), organization.name.clone()))
        };
        Ok(self.memberships.values().filter(|membership| membership.user == user).filter_map(named).collect())
    }
}

#[async_trait]
impl SessionRepo for Store {
    async fn find(&mut self, id: SessionId) -> StoreResult<Option<Session>> {
        Ok(self.sessions.get(&id).cloned())
    }

    async fn insert(&mut self, session: &Session) -> StoreResult<()> {
        self.sessions.insert(session.id, session.clone());
        Ok(())
    }

    async fn update(&mut self, session: &Session) -> StoreResult<()> {
        self.sessions.insert(session.id, session.clone());
        Ok(())
    }

    async fn live_of(&mut self, user: UserId, now: OffsetDateTime) -> StoreResult<Vec<Session>> {
        let live = |session: &&Session| session.user == user && session.is_live(now);
        let mut sessions: Vec<Session> = self.sessions.values().filter(live).cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        sessions.truncate(100);
        Ok(sessions)
    }

    async fn revoke_all(&mut self, user: UserId, but: Option<SessionId>, now: OffsetDateTime) -> StoreResult<()> {
        for session in self.sessions.values_mut() {
            if session.user == user && Some(session.id) != but && session.revoked_at.is_none() {
                session.revoked_at = Some(now);
            }
        }
        Ok(())
    }

    async fn insert_token(&mut self, token: &RefreshToken) -> StoreResult<()> {
        self.tokens.insert(token.hash, token.clone());
        Ok(())
    }

    async fn lock_token(&mut self, hash: &[u8; 32]) -> StoreResult<Option<RefreshToken>> {
        Ok(self.tokens.get(hash).cloned())
    }

    async fn use_token(&mut self, hash: &[u8; 32], now: OffsetDateTime) -> StoreResult<()> {
        if let Some(token) = self.tokens.get_mut(hash) {
            token.used_at = Some(now);
        }
        Ok(())
    }
}

#[async_trait]
impl ApiKeyRepo for Store {
    async fn find(&mut self, org: OrgId, id: ApiKeyId) -> StoreResult<Option<ApiKey>> {
        Ok(self.keys.get(&id).filter(|key| key.org == org && key.revoked_at.is_none()).cloned())
    }

    async fn find_by_hash(&mut self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>> {
        let matches = |key: &&ApiKey| {
            key.revoked_at.is_none() && (key.hash == *hash || key.previous.is_some_and(|(old, _)| old == *hash))
        };
        Ok(self.keys.values().find(matches).cloned())
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<ApiKey>> {
        Ok(page_in_memory(self.keys.values().filter(|key| key.org == org && key.revoked_at.is_none()), query))
    }

    async fn insert(&mut self, key: &ApiKey) -> StoreResult<()> {
        self.keys.insert(key.id, key.clone());
        Ok(())
    }

    async fn update(&mut self, key: &ApiKey, seen: i64) -> StoreResult<()> {
        replace(self.keys.get_mut(&key.id), |stored| stored.meta.revision, key, seen)
    }

    async fn note_use(&mut self, id: ApiKeyId, at: OffsetDateTime) -> StoreResult<()> {
        if let Some(key) = self.keys.get_mut(&id) {
            key.last_used_at = Some(at);
        }
        Ok(())
    }

    async fn revoke_created_by(&mut self, org: OrgId, user: UserId, now: OffsetDateTime) -> StoreResult<()> {
        for key in self.keys.values_mut() {
            if key.org == org && key.meta.created_by == user.0 && key.revoked_at.is_none() {
                key.revoked_at = Some(now);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl InvitationRepo for Store {
    async fn insert(&mut self, invitation: &Invitation) -> StoreResult<()> {
        self.invitations.insert(invitation.hash, invitation.clone());
        Ok(())
    }

    async fn lock(&mut self, hash: &[u8; 32]) -> StoreResult<Option<Invitation>> {
        Ok(self.invitations.get(hash).cloned())
    }

    async fn accept(&mut self, hash: &[u8; 32], now: OffsetDateTime) -> StoreResult<()> {
        if let Some(invitation) = self.invitations.get_mut(hash) {
            invitation.accepted_at = Some(now);
        }
        Ok(())
    }

    async fn withdraw(&mut self, org: OrgId, user: UserId) -> StoreResult<()> {
        let open = |i: &Invitation| (i.org, i.user) == (org, user) && i.accepted_at.is_none();
        self.invitations.retain(|_, invitation| !open(invitation));
        Ok(())
    }
}

/// A transaction over a store of its own.
#[derive(Clone, Debug, Default)]
pub struct MemTx {
    /// The records.
    pub store: Store,
    /// The journal.
    pub journal: MemJournal,
}

impl JournalTx for MemTx {
    fn journal(&mut self) -> &mut dyn Journal {
        &mut self.journal
    }
}

impl IdentityTx for MemTx {
    fn organizations(&mut self) -> &mut dyn OrganizationRepo {
        &mut self.store
    }
    fn accounts(&mut self) -> &mut dyn AccountRepo {
        &mut self.store
    }
    fn members(&mut self) -> &mut dyn MemberRepo {
        &mut self.store
    }
    fn sessions(&mut self) -> &mut dyn SessionRepo {
        &mut self.store
    }
    fn api_keys(&mut self) -> &mut dyn ApiKeyRepo {
        &mut self.store
    }
    fn invitations(&mut self) -> &mut dyn InvitationRepo {
        &mut self.store
    }
}

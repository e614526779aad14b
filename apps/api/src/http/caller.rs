//! Who calls: from a credential to a person or a key, and to a role in the organization of the path.
//!
//! What the database says is remembered for less than a second, so that a busy client costs no lookup per
//! request and a revocation still acts within the second that the contract promises.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use grc_identity::{Account, ApiKey, api_key, member, model::SessionId, session};
use grc_kernel::{Actor, ActorKind, OrgId, Refusal, Role, UserId, Uuid};
use grc_uow::Db;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::adapters::{clock, tokens::Tokens};

/// How long an answer of the database is believed.
const BELIEVED: Duration = Duration::from_millis(800);
/// The most callers remembered.
const REMEMBERED: usize = 20_000;

/// A credential that was verified.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A person with a session.
    User(Box<Account>, SessionId),
    /// A machine.
    Key(Box<ApiKey>),
}

/// A verified caller, and how it stands in the organization of the path.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The credential.
    pub credential: Credential,
    /// The role in the organization of the path, if there is one and the caller is a member.
    pub role: Option<Role>,
    /// Whether the organization of the path exists.
    pub org_exists: bool,
}

impl Caller {
    /// The id under which limits and kept replies are counted.
    pub fn id(&self) -> Uuid {
        match &self.credential {
            Credential::User(account, _) => account.id.0,
            Credential::Key(key) => key.id.0,
        }
    }

    /// The actor of the caller in the organization of the path.
    pub fn actor(&self) -> Actor {
        match &self.credential {
            Credential::User(account, _) => Actor {
                platform_admin: account.platform_admin,
                ..Actor::user(account.id, account.name.clone(), self.role)
            },
            Credential::Key(key) => Actor {
                kind: ActorKind::ApiKey,
                id: key.id.0,
                name: key.name.clone(),
                role: self.role,
                scopes: key.scopes.clone(),
                platform_admin: false,
            },
        }
    }

    /// Whether the caller administers the platform.
    pub fn platform_admin(&self) -> bool {
        matches!(&self.credential, Credential::User(account, _) if account.platform_admin)
    }
}

/// What was found, by the digest of the token and the organization asked about.
type Known = HashMap<([u8; 32], OrgId), (Instant, Option<Arc<Caller>>)>;

/// Finds callers.
pub struct Callers {
    db: Db,
    tokens: Arc<Tokens>,
    known: Mutex<Known>,
}

impl Callers {
    /// A finder over a store.
    pub fn new(db: Db, tokens: Arc<Tokens>) -> Self {
        Self { db, tokens, known: Mutex::default() }
    }

    /// The caller of a bearer token, with its role in an organization; none where the token is not valid.
    pub async fn find(&self, token: &str, org: Option<OrgId>) -> Result<Option<Arc<Caller>>, Problem> {
        let scope = org.unwrap_or(OrgId::PLATFORM);
        let key = (<[u8; 32]>::from(Sha256::digest(token.as_bytes())), scope);
        if let Some((at, caller)) = self.lock().get(&key)
            && at.elapsed() < BELIEVED
        {
            return Ok(caller.clone());
        }
        let caller = self.look_up(token, org).await?.map(Arc::new);
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        }
        if known.len() < REMEMBERED {
            known.insert(key, (Instant::now(), caller.clone()));
        }
        Ok(caller)
    }

    /// Forgets everything: a change of this process's own acts at once.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_up(&self, token: &str, org: Option<OrgId>) -> Result<Option<Caller>, Problem> {
        let now = clock::now();
        if token.starts_with("sk-") {
            // Noting the key's use is a write.
            let key = self
                .db
                .write(OrgId::PLATFORM, async |uow| api_key::authenticate(uow.identity(), token, now).await)
                .await
                .map_err(|error: Refusal| Problem::from(error))?;
            return Ok(key.map(|key| {
                let own = org == Some(key.org);
                Caller { role: own.then_some(key.role), org_exists: own, credential: Credential::Key(Box::new(key)) }
            }));
        }
        let Some(claims) = self.tokens.read_access(token) else { return Ok(None) };
        let (user, id) = (UserId(claims.sub), SessionId(claims.sid));
        let found = self
            .db
            .read(OrgId::PLATFORM, async |uow| {
                let Some(account) = session::authenticate(uow.identity(), id, user, now).await? else {
                    return Ok(None);
                };
                let (mut role, mut org_exists) = (None, false);
                if let Some(org) = org {
                    role = member::role_in(uow.identity(), org, user).await?;
                    org_exists = role.is_some()
                        || account.platform_admin && uow.identity().organizations().find(org).await?.is_some();
                }
                Ok(Some(Caller { credential: Credential::User(Box::new(account), id), role, org_exists }))
            })
            .await
            .map_err(|error: Refusal| Problem::from(error))?;
        Ok(found)
    }
}

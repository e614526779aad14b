//! Who calls: from a credential to a person or a key, and to a role in the organization of the path.
//!
//! What the database says is remembered for less than a second, so that a busy client costs no lookup per
//! request and a revocation still acts within the second that the contract promises.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use grc_access::Identity;
use grc_identity::{
    Account, ApiKey, IdentityTx, MembershipStatus, api_key, invitation, member, model::SessionId, session,
};
use grc_kernel::{Actor, ActorKind, Ctx, IdSource, OrgId, Refusal, Role, StoreError, UserId, Uuid, access::Scope};
use grc_uow::{Db, Uow};
use grc_vendor::{
    Grant,
    a2a::{grant, key},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{
    access::{Door, Machine, Presented},
    problem::Problem,
};
use crate::{
    adapters::{clock, tokens::Tokens},
    config::ServiceToken,
};

/// How long an answer of the database is believed.
const BELIEVED: Duration = Duration::from_millis(800);
/// The most callers remembered.
const REMEMBERED: usize = 20_000;

/// A credential that was verified.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A person, with a session of ours unless they signed in through Cloudflare Access.
    User(Box<Account>, Option<SessionId>),
    /// A machine with a key of ours.
    Key(Box<ApiKey>),
    /// A machine with a service token of Cloudflare Access.
    Machine(Box<Machine>),
    /// A partner, which asks for attestations and does nothing else.
    Partner(Box<Grant>),
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
            Credential::Machine(machine) => machine.id,
            Credential::Partner(grant) => grant.id.0,
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
            Credential::Machine(machine) => Actor {
                kind: ActorKind::ServiceToken,
                id: machine.id,
                name: machine.name.clone(),
                role: self.role,
                scopes: None,
                platform_admin: false,
            },
            Credential::Partner(grant) => Actor {
                kind: ActorKind::ApiKey,
                id: grant.id.0,
                name: grant.partner.clone(),
                role: self.role,
                scopes: Some(Scope::parse("a2a:read").into_iter().collect()),
                platform_admin: false,
            },
        }
    }

    /// The organization that a machine's credential belongs to, and the actor that it is there; none of a person, who
    /// belongs to any number.
    pub fn at_home(&self) -> Option<(OrgId, Actor)> {
        let (org, role) = match &self.credential {
            Credential::User(..) => return None,
            Credential::Key(key) => (key.org, key.role),
            Credential::Partner(grant) => (grant.org, Role::Viewer),
            // One that acts in several organizations is at home in none.
            Credential::Machine(machine) => match machine.places.as_slice() {
                [(org, role)] => (*org, *role),
                _ => return None,
            },
        };
        Some((org, Actor { role: Some(role), ..self.actor() }))
    }

    /// What is kept of a caller, for work that goes on on its behalf after the request, and from where it came.
    pub fn kept(&self, address: &str) -> Map<String, Value> {
        let (kind, id, name) = match &self.credential {
            Credential::User(account, _) => ("user", account.id.0, None),
            Credential::Key(key) => ("api_key", key.id.0, None),
            Credential::Machine(machine) => ("machine", machine.id, Some(machine.name.clone())),
            Credential::Partner(grant) => ("partner", grant.id.0, None),
        };
        let kept = json!({"kind": kind, "id": id, "name": name, "address": address});
        kept.as_object().cloned().unwrap_or_default()
    }

    /// Whether the caller is a partner.
    pub fn is_partner(&self) -> bool {
        matches!(self.credential, Credential::Partner(_))
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
    door: Arc<Door>,
    ids: Arc<dyn IdSource>,
    known: Mutex<Known>,
}

impl Callers {
    /// A finder over a store.
    pub fn new(db: Db, tokens: Arc<Tokens>, door: Arc<Door>, ids: Arc<dyn IdSource>) -> Self {
        Self { db, tokens, door, ids, known: Mutex::default() }
    }

    /// The caller of a credential, with its role in an organization; none where the credential is not valid.
    pub async fn find(&self, presented: Presented<'_>, org: Option<OrgId>) -> Result<Option<Arc<Caller>>, Problem> {
        let scope = org.unwrap_or(OrgId::PLATFORM);
        // The same text is another credential where it stands in another place.
        let (kind, token) = match presented {
            Presented::Bearer(token) => ([0], token),
            Presented::Access(token) => ([1], token),
        };
        let key = (<[u8; 32]>::from(Sha256::new().chain_update(kind).chain_update(token).finalize()), scope);
        if let Some((at, caller)) = self.lock().get(&key)
            && at.elapsed() < BELIEVED
        {
            return Ok(caller.clone());
        }
        let caller = match presented {
            Presented::Bearer(token) => self.look_up(token, org).await?,
            Presented::Access(token) => self.look_up_access(token, org).await?,
        };
        let caller = caller.map(Arc::new);
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

    /// A verified caller, as it stands in another organization than the path's.
    pub async fn within(&self, caller: &Caller, org: OrgId) -> Result<Caller, Problem> {
        let credential = caller.credential.clone();
        let (role, org_exists) = match &credential {
            Credential::Key(key) => ((key.org == org).then_some(key.role), key.org == org),
            Credential::Machine(machine) => {
                let role = machine.places.iter().find(|(place, _)| *place == org).map(|(_, role)| *role);
                (role, role.is_some())
            }
            Credential::Partner(grant) => ((grant.org == org).then_some(Role::Viewer), grant.org == org),
            Credential::User(account, _) => self
                .db
                .read(OrgId::PLATFORM, async |uow| standing(uow.identity(), account, org).await)
                .await
                .map_err(|error: Refusal| Problem::from(error))?,
        };
        Ok(Caller { credential, role, org_exists })
    }

    /// A caller of whom this was kept, as it stands now; none where its credential would not be let in any more. That a
    /// session has ended meanwhile makes no difference: who leaves goes on wanting what was asked for.
    pub async fn again(&self, kept: &Map<String, Value>, org: OrgId) -> Result<Option<Arc<Caller>>, Problem> {
        let text = |name: &str| kept.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = Uuid::parse_str(text("id")).unwrap_or_default();
        let now = clock::now();
        let found: Result<Option<Caller>, Refusal> = match text("kind") {
            "user" => {
                let standing = async |uow: &mut Uow| match uow.identity().accounts().find(UserId(id)).await? {
                    Some(account) => person(uow, account, None, Some(org)).await.map(Some),
                    None => Ok(None),
                };
                self.db.read(OrgId::PLATFORM, standing).await
            }
            "api_key" => {
                let standing = async |uow: &mut Uow| {
                    let key = api_key::standing(uow.identity(), org, id.into(), now).await?;
                    Ok(key.map(|key| Caller {
                        role: Some(key.role),
                        org_exists: true,
                        credential: Credential::Key(Box::new(key)),
                    }))
                };
                self.db.read(OrgId::PLATFORM, standing).await
            }
            "machine" => self.machine(text("name").to_owned(), Some(org)).await,
            _ => Ok(None),
        };
        Ok(found?.filter(|caller| caller.role.is_some() || caller.platform_admin()).map(Arc::new))
    }

    /// The one organization that a caller belongs to; none where there are several, or none.
    pub async fn only_org(&self, caller: &Caller) -> Result<Option<OrgId>, Problem> {
        match &caller.credential {
            Credential::Key(key) => Ok(Some(key.org)),
            Credential::Partner(grant) => Ok(Some(grant.org)),
            Credential::Machine(machine) => Ok(match machine.places.as_slice() {
                [(only, _)] => Some(*only),
                _ => None,
            }),
            Credential::User(account, _) => {
                let memberships = self
                    .db
                    .read(OrgId::PLATFORM, async |uow| uow.identity().members().of_user(account.id).await)
                    .await
                    .map_err(|error: StoreError| Problem::from(error))?;
                let mut active =
                    memberships.iter().filter(|(membership, _)| membership.status == MembershipStatus::Active);
                let first = active.next().map(|(membership, _)| membership.org);
                Ok(first.filter(|_| active.next().is_none()))
            }
        }
    }

    async fn look_up(&self, token: &str, org: Option<OrgId>) -> Result<Option<Caller>, Problem> {
        let now = clock::now();
        if token.starts_with(key::PREFIX) {
            return self.partner(token, org).await;
        }
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
        if !self.door.mode.local() {
            return Ok(None);
        }
        let Some(claims) = self.tokens.read_access(token) else { return Ok(None) };
        let (user, id) = (UserId(claims.sub), SessionId(claims.sid));
        let found = self
            .db
            .read(OrgId::PLATFORM, async |uow| {
                let Some(account) = session::authenticate(uow.identity(), id, user, now).await? else {
                    return Ok(None);
                };
                person(uow, account, Some(id), org).await.map(Some)
            })
            .await
            .map_err(|error: Refusal| Problem::from(error))?;
        Ok(found)
    }

    /// The caller of a token of Cloudflare Access.
    async fn look_up_access(&self, token: &str, org: Option<OrgId>) -> Result<Option<Caller>, Problem> {
        let now = clock::now();
        let Some(verifier) = &self.door.verifier else { return Ok(None) };
        match verifier.verify(token, now).await {
            Ok(Identity::Person { email, since }) => Ok(self.signed_in(&email, since, org).await?),
            Ok(Identity::Service { common_name }) => Ok(self.machine(common_name, org).await?),
            Err(grc_access::Refusal::Unavailable) => Err(Problem {
                retry_after: Some(5),
                ..Problem::new(503, "the keys of Cloudflare Access cannot be had")
            }),
            Err(refusal) => {
                metrics::counter!("grc_access_refused_total", "reason" => refusal.as_str()).increment(1);
                tracing::debug!(reason = refusal.as_str(), "a token of Cloudflare Access was refused");
                Ok(None)
            }
        }
    }

    /// The person of an address that Access vouched for, who must be known here.
    async fn signed_in(
        &self,
        email: &str,
        since: Option<OffsetDateTime>,
        org: Option<OrgId>,
    ) -> Result<Option<Caller>, Refusal> {
        let found: Result<_, Refusal> = self
            .db
            .read(OrgId::PLATFORM, async |uow| {
                let Some(account) = uow.identity().accounts().find_by_email(email).await? else { return Ok(None) };
                let memberships = uow.identity().members().of_user(account.id).await?;
                let invited = memberships.into_iter().map(|(membership, _)| membership);
                let invited = invited.filter(|membership| membership.status == MembershipStatus::Invited);
                let invited: Vec<OrgId> = invited.map(|membership| membership.org).collect();
                Ok(Some((person(uow, account, None, org).await?, invited)))
            })
            .await;
        let Some((mut caller, invited)) = found? else {
            tracing::info!("somebody signed in through Cloudflare Access who has no account here");
            return Ok(None);
        };
        let Credential::User(account, _) = &caller.credential else { return Ok(None) };
        let (user, name, last) = (account.id, account.name.clone(), account.last_login_at);
        if let Some(since) = since.filter(|since| last.is_none_or(|last| last < *since)) {
            // A token is one signing in, however many requests it makes.
            let noted: Result<(), Refusal> = self
                .db
                .write(OrgId::PLATFORM, async |uow| Ok(uow.identity().accounts().note_login(user, since).await?))
                .await;
            noted?;
        }
        let passwords_work = self.door.mode.local();
        for place in invited {
            let actor = Actor::user(user, name.clone(), None);
            let ctx = Ctx::new(place, actor, clock::now(), "sign-in", Arc::clone(&self.ids));
            let member: Result<_, Refusal> = self
                .db
                .write(place, async |uow| invitation::welcome(&ctx, uow.identity(), user, passwords_work).await)
                .await;
            // Two requests at once: the other one did it.
            let member = match member {
                Err(Refusal::Store(StoreError::Stale)) => None,
                other => other?,
            };
            if org == Some(place) {
                caller.role = member.map(|member| member.membership.role).or(caller.role);
                caller.org_exists |= caller.role.is_some();
            }
        }
        Ok(Some(caller))
    }

    /// The machine of a service token, where the allow-list names it.
    async fn machine(&self, name: String, org: Option<OrgId>) -> Result<Option<Caller>, Refusal> {
        let listed: Vec<&ServiceToken> = self.door.machines.iter().filter(|entry| entry.common_name == name).collect();
        if listed.is_empty() {
            tracing::info!(name, "a service token of Cloudflare Access is not on the list");
            return Ok(None);
        }
        let places: Result<Vec<(OrgId, Role)>, Refusal> = self
            .db
            .read(OrgId::PLATFORM, async |uow| {
                let mut places = Vec::new();
                for entry in listed {
                    if let Some(found) = uow.identity().organizations().find_by_slug(&entry.slug).await? {
                        places.push((found.id, entry.role));
                    }
                }
                Ok(places)
            })
            .await;
        let places = places?;
        let role = places.iter().find(|(place, _)| Some(*place) == org).map(|(_, role)| *role);
        let machine = Machine { id: Machine::id_of(&name), name, places };
        Ok(Some(Caller { role, org_exists: role.is_some(), credential: Credential::Machine(Box::new(machine)) }))
    }

    /// A partner is looked for in the organization that its key names, and nowhere else.
    async fn partner(&self, token: &str, org: Option<OrgId>) -> Result<Option<Caller>, Problem> {
        let Some(home) = key::org_of(token) else { return Ok(None) };
        let now = clock::now();
        // Noting the grant's use is a write.
        let found: Result<Option<Grant>, Problem> = self
            .db
            .write(home, async |uow| {
                if uow.identity().organizations().find(home).await?.is_none() {
                    return Ok(None);
                }
                Ok(grant::authenticate(uow.vendor(), home, token, now).await?)
            })
            .await;
        Ok(found?.map(|grant| {
            let own = org == Some(home);
            let credential = Credential::Partner(Box::new(grant));
            Caller { role: own.then_some(Role::Viewer), org_exists: own, credential }
        }))
    }
}

/// A person, and how they stand in an organization.
async fn person(
    uow: &mut Uow,
    account: Account,
    session: Option<SessionId>,
    org: Option<OrgId>,
) -> Result<Caller, Refusal> {
    let (role, org_exists) = match org {
        Some(org) => standing(uow.identity(), &account, org).await?,
        None => (None, false),
    };
    Ok(Caller { credential: Credential::User(Box::new(account), session), role, org_exists })
}

/// The role of an account in an organization, and whether the organization is there for it.
async fn standing(
    identity: &mut dyn IdentityTx,
    account: &Account,
    org: OrgId,
) -> Result<(Option<Role>, bool), Refusal> {
    let role = member::role_in(identity, org, account.id).await?;
    let exists = role.is_some() || account.platform_admin && identity.organizations().find(org).await?.is_some();
    Ok((role, exists))
}

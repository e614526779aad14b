//! Grants: which partner may ask us for attestations of which frameworks, and the key that it asks with.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, OrgId, Permission, Refusal, Rules, StoreResult, kit, resource,
    shape::{Preset, Ty, may},
    typed_id,
};
use time::{Duration, OffsetDateTime};

use super::key;
use crate::ports::Tx;

/// The area of everything that partners do.
pub const AREA: &str = "a2a";
/// How many frameworks a grant may name.
pub const FRAMEWORKS_MAX: usize = 100;

typed_id! {
    /// A grant.
    GrantId,
}

resource! {
    /// What a partner may ask us to attest.
    pub struct Grant(GrantId) as "Grant" {
        kind: "a2a_grant", table: "a2a_grants", area: "a2a", name: "partner", sort: ("created_at", true),
        read: Access::Admin, write: Access::Admin, delete: Access::Admin,
        extra: &[may("key", Ty::Line(200), "The partner's key, shown once.").occasional()],
    }
    /// Who may ask.
    partner: String = Ty::Line(200), required, sorts, searches;
    /// The keys of the frameworks that it may ask about.
    frameworks: Vec<String> = Ty::List(&Ty::Line(64), FRAMEWORKS_MAX), required, at_least(1), sample(r#"["SOC2_TYPE2"]"#);
    /// For how many days what it is told holds.
    valid_days: i64 = Ty::Int(1, 366), preset(Preset::Int(90));
    /// Until when it may ask; always where nothing is said.
    expires_at: Option<OffsetDateTime> = Ty::Time, sorts;
    /// The first characters of its key.
    prefix: String = Ty::Line(20), computed;
    /// The SHA-256 of its key.
    key_hash: String = Ty::Line(64), hidden;
    /// When it last asked, to the minute.
    last_used_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
}

#[async_trait]
impl Rules for Grant {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        _: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        check.ensure(!after.frameworks.is_empty(), "frameworks", "required", "must name a framework at least");
        let mut seen = std::collections::BTreeSet::new();
        after.frameworks.retain(|key| seen.insert(key.clone()));
        let lasting = before.is_some() || after.expires_at.is_none_or(|at| at > ctx.now);
        check.ensure(lasting, "expires_at", "out_of_range", "must be in the future");
        Ok(())
    }
}

/// What only grants need of the store.
#[async_trait]
pub trait Partners: Send {
    /// The grant of a key's hash.
    async fn grant_of(&mut self, org: OrgId, hash: &str) -> StoreResult<Option<Grant>>;
    /// Notes a use, which is no change of the grant.
    async fn note_use(&mut self, org: OrgId, id: GrantId, at: OffsetDateTime) -> StoreResult<()>;
}

/// Makes a grant and its key, which is shown now and never again. That there are such frameworks is the caller's to see
/// to: they are another domain's.
pub async fn issue(
    ctx: &Ctx,
    tx: &mut Tx,
    changes: Changes<Grant>,
    random: [u8; 32],
) -> Result<(Grant, String), Refusal> {
    ctx.require(Grant::granting())?;
    let secret = key::make(ctx.org, random);
    let (hash, prefix) = (key::hash(&secret), secret.chars().take(key::SHOWN).collect());
    let changes = changes.and(move |grant: &mut Grant| {
        grant.key_hash = hash;
        grant.prefix = prefix;
    });
    let grant = kit::add(ctx, tx, changes).await?;
    Ok((grant, secret))
}

/// The grant of a key, if it works at a time.
pub async fn authenticate(tx: &mut Tx, org: OrgId, secret: &str, now: OffsetDateTime) -> StoreResult<Option<Grant>> {
    let found = tx.grant_of(org, &key::hash(secret)).await?;
    let Some(grant) = found.filter(|grant| grant.works_at(now)) else { return Ok(None) };
    if grant.last_used_at.is_none_or(|at| now - at >= Duration::minutes(1)) {
        tx.note_use(org, grant.id, now).await?;
    }
    Ok(Some(grant))
}

impl Grant {
    /// What it takes to let somebody in.
    #[must_use]
    pub const fn granting() -> Permission {
        Permission::new(AREA, Access::Admin)
    }

    /// Whether it may be used at a time.
    #[must_use]
    pub fn works_at(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }
}

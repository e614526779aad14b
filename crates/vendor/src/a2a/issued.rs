//! The attestations that we issued: to whom, of what, until when. One is recorded in the transaction that signs it, so
//! that nothing leaves that the organization does not know of.

use async_trait::async_trait;
use grc_attest::Statement;
use grc_kernel::{Access, Ctx, Fact, Meta, Refusal, Repo, Rules, Uuid, resource, shape::Ty, typed_id};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::grant::Grant;
use crate::ports::Tx;

typed_id! {
    /// An attestation that we issued.
    IssuedId,
}

resource! {
    /// An attestation that we issued.
    pub struct Issued(IssuedId) as "IssuedAttestation" {
        kind: "issued_attestation", table: "issued_attestations", area: "a2a", name: "partner",
        sort: ("created_at", true), read: Access::Audit,
    }
    /// The grant under which it was asked for; none where the organization asked for itself.
    grant_id: Option<Uuid> = Ty::Id, computed;
    /// Who asked.
    partner: String = Ty::Line(200), computed, sorts, searches;
    /// For whom it is made.
    audience: Option<String> = Ty::Line(500), computed, filters;
    /// The frameworks that it speaks of.
    frameworks: Vec<String> = Ty::List(&Ty::Line(64), 100), computed;
    /// When it was made.
    issued_at: OffsetDateTime = Ty::Time, computed, sorts;
    /// Until when it holds.
    expires_at: OffsetDateTime = Ty::Time, computed, sorts;
    /// What it says.
    claims: Map<String, Value> = Ty::Any, computed;
}

#[async_trait]
impl Rules for Issued {
    type Tx = Tx;
}

/// Records a statement that is about to be signed.
pub async fn record(ctx: &Ctx, tx: &mut Tx, grant: Option<&Grant>, statement: &Statement) -> Result<Issued, Refusal> {
    let issued = Issued {
        id: IssuedId(statement.id),
        org: ctx.org,
        grant_id: grant.map(|grant| grant.id.0),
        partner: grant.map_or_else(|| ctx.actor.name.clone(), |grant| grant.partner.clone()),
        audience: statement.audience.clone(),
        frameworks: statement.frameworks.iter().map(|subject| subject.key.clone()).collect(),
        issued_at: statement.issued_at,
        expires_at: statement.expires_at,
        claims: statement.to_json(),
        meta: Meta::new(ctx),
    };
    Repo::<Issued>::insert(tx, &issued).await?;
    tx.journal().record(ctx, Fact::created(&issued)).await?;
    Ok(issued)
}

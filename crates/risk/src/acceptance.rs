//! Acceptances: somebody who neither owns the risk nor asked for it decides that it may be borne, until a date.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, ListQuery, Refusal, Repo, Resource, Rules, StoreResult, Uuid, kit,
    list::{Filter, Scalar, Test},
    resource,
    resource::Machine,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use time::OffsetDateTime;

use crate::{
    entry::{Entry, EntryId},
    ports::Tx,
};

typed_id! {
    /// An acceptance of a risk.
    AcceptanceId,
}

wire_enum! {
    /// Where it stands. An approved one whose time is over is shown as expired.
    pub enum AcceptanceStatus {
        /// Somebody asked for it.
        Requested = "requested",
        /// It holds until it expires.
        Approved = "approved",
        /// It was refused.
        Rejected = "rejected",
        /// Its time is over.
        Expired = "expired",
        /// It was taken back.
        Revoked = "revoked",
    }
}

wire_enum! {
    /// What is decided.
    pub enum Decision {
        /// It may be borne.
        Approved = "approved",
        /// It may not.
        Rejected = "rejected",
    }
}

/// The moves of an acceptance; each has a use case of its own.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["requested"],
    moves: &[("requested", &["approved", "rejected", "revoked"]), ("approved", &["expired", "revoked"])],
};

resource! {
    /// The decision to bear a risk until a date.
    pub struct Acceptance(AcceptanceId) as "Acceptance" {
        kind: "risk_acceptance", table: "risk_acceptances", area: "risk", name: "justification",
        sort: ("created_at", true), machine: MACHINE,
    }
    /// The risk.
    risk_id: EntryId = Ty::Ref("risk"), computed;
    /// Why it may be borne.
    justification: Option<String> = Ty::Text(20_000), searches;
    /// Until when it holds.
    expires_at: OffsetDateTime = Ty::Time, required, sorts;
    /// Where it stands.
    status: AcceptanceStatus = Ty::Word(AcceptanceStatus::NAMES), computed, preset(Preset::Text("requested"));
    /// Who decided.
    decided_by: Option<Uuid> = Ty::Id, computed;
    /// When.
    decided_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// And what they said of it.
    comment: Option<String> = Ty::Text(20_000), computed;
}

#[async_trait]
impl Rules for Acceptance {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        _: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        let future = before.is_some() || after.expires_at > ctx.now;
        check.ensure(future, "expires_at", "out_of_range", "must lie in the future");
        Ok(())
    }

    fn asked(ctx: &Ctx, mut query: ListQuery) -> ListQuery {
        let asked = std::mem::take(&mut query.filters);
        query.filters = asked
            .into_iter()
            .flat_map(|filter| if filter.field.name == "status" { standing(ctx, &filter) } else { vec![filter] })
            .collect();
        query
    }
}

impl Acceptance {
    /// The acceptance as it stands at a time: expired where its time is over.
    #[must_use]
    pub fn at(mut self, now: OffsetDateTime) -> Self {
        if self.status == AcceptanceStatus::Approved && self.expires_at <= now {
            self.status = AcceptanceStatus::Expired;
        }
        self
    }
}

/// The filters on what is stored that a filter on the status means at a time: what is approved is so until it expires.
fn standing(ctx: &Ctx, asked: &Filter) -> Vec<Filter> {
    let status = asked.field;
    let Some(expires_at) = Acceptance::LIST.field("expires_at") else { return vec![asked.clone()] };
    let word = |status: &AcceptanceStatus| Scalar::Text(status.as_str().to_owned());
    let mut wanted: Vec<Scalar> = AcceptanceStatus::ALL.iter().map(word).collect();
    wanted.retain(|word| match &asked.test {
        Test::AnyOf(words) => words.contains(word),
        Test::NoneOf(words) => !words.contains(word),
        Test::Null(null) => !null,
        _ => true,
    });
    let approved = word(&AcceptanceStatus::Approved);
    let over = match (wanted.contains(&approved), wanted.contains(&word(&AcceptanceStatus::Expired))) {
        (true, false) => Test::AtLeast(Scalar::Time(ctx.now + time::Duration::microseconds(1))),
        (false, true) => Test::AtMost(Scalar::Time(ctx.now)),
        // Whether an approved one is over makes no difference.
        _ => return vec![Filter { field: status, test: Test::AnyOf(wanted) }],
    };
    let others = wanted.iter().filter(|word| **word != approved).cloned().collect();
    let other = Filter { field: status, test: Test::AnyOf(others) };
    wanted.push(approved);
    let over = Filter { field: expires_at, test: over };
    vec![
        Filter { field: status, test: Test::AnyOf(wanted) },
        Filter { field: status, test: Test::Any(vec![other, over]) },
    ]
}

/// Decides on a requested acceptance. Who decides is neither who asked nor who owns the risk.
pub async fn decide(
    ctx: &Ctx,
    tx: &mut Tx,
    risk: EntryId,
    id: AcceptanceId,
    decision: Decision,
    comment: Option<String>,
) -> Result<Acceptance, Refusal> {
    ctx.require(Acceptance::permission(Access::Review))?;
    let before = of_risk(ctx, tx, risk, id).await?;
    let entry = kit::find::<Entry>(ctx, tx, risk).await?;
    if before.meta.created_by == ctx.actor.id || entry.owner_id.is_some_and(|owner| owner.0 == ctx.actor.id) {
        return Err(Refusal::Duty("who asked for the acceptance or owns the risk cannot decide on it".to_owned()));
    }
    let (now, actor) = (ctx.now, ctx.actor.id);
    let status = match decision {
        Decision::Approved => AcceptanceStatus::Approved,
        Decision::Rejected => AcceptanceStatus::Rejected,
    };
    let verb = decision.as_str();
    let decided = Changes::with(move |acceptance: &mut Acceptance| {
        acceptance.decided_by = Some(actor);
        acceptance.decided_at = Some(now);
        acceptance.comment = comment;
    });
    kit::step(ctx, tx, verb, before, status.as_str(), decided).await
}

/// Takes an acceptance back.
pub async fn revoke(ctx: &Ctx, tx: &mut Tx, risk: EntryId, id: AcceptanceId) -> Result<Acceptance, Refusal> {
    ctx.require(Acceptance::permission(Access::Review))?;
    let before = of_risk(ctx, tx, risk, id).await?.at(ctx.now);
    kit::step(ctx, tx, "revoked", before, AcceptanceStatus::Revoked.as_str(), Changes::none()).await
}

async fn of_risk(ctx: &Ctx, tx: &mut Tx, risk: EntryId, id: AcceptanceId) -> Result<Acceptance, Refusal> {
    let found = kit::find::<Acceptance>(ctx, tx, id).await?;
    if found.risk_id == risk { Ok(found) } else { Err(Refusal::NotFound(Acceptance::KIND)) }
}

/// Whether a risk has an approved acceptance that has not expired.
pub async fn holds(ctx: &Ctx, tx: &mut Tx, risk: EntryId) -> StoreResult<bool> {
    let mut query = Acceptance::LIST
        .query()
        .only("risk_id", vec![Scalar::Id(risk.0)])
        .only("status", vec![Scalar::Text(AcceptanceStatus::Approved.as_str().to_owned())])
        .limited(1);
    if let Some(field) = Acceptance::LIST.field("expires_at") {
        query.filters.push(Filter { field, test: Test::AtLeast(Scalar::Time(ctx.now)) });
    }
    Ok(!Repo::<Acceptance>::page(tx, ctx.org, &query).await?.items.is_empty())
}

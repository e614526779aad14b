//! The review of an incident: what caused it, what was learned, what is to change. Written whole, as often as it
//! takes; its revision tells how often.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, Fact, IfMatch, Refusal, Repo, Resource, Rules, kit, resource,
    shape::{Ty, forms},
    typed_id,
};

use crate::{
    incident::{Incident, IncidentId},
    ports::Tx,
    response, story, timeline,
};

typed_id! {
    /// The id of a review: its incident's own.
    ReviewId,
}

resource! {
    /// What was learned from an incident.
    pub struct Review(ReviewId) as "IncidentReview" {
        kind: "incident_review", table: "incident_reviews", area: "incident", name: "root_cause",
        sort: ("created_at", true),
    }
    /// The incident.
    incident_id: IncidentId = Ty::Ref("incident"), computed;
    /// What it comes down to.
    root_cause: String = Ty::Text(20_000), required, at_least(1), of_form(forms::SOMETHING), searches;
    /// What was learned.
    lessons: Vec<String> = Ty::List(&Ty::Text(20_000), 1_000);
    /// What is to change.
    actions: Vec<String> = Ty::List(&Ty::Text(20_000), 1_000);
}

#[async_trait]
impl Rules for Review {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        check.ensure(!after.root_cause.trim().is_empty(), "root_cause", "required", "may not be empty");
        Ok(())
    }
}

/// The review of an incident.
pub async fn get(ctx: &Ctx, tx: &mut Tx, id: IncidentId) -> Result<Review, Refusal> {
    ctx.require(Review::permission(Access::Read))?;
    kit::find::<Incident>(ctx, tx, id).await?;
    kit::find(ctx, tx, ReviewId(id.0)).await
}

/// Writes the review of an incident, in place of the one that was there.
pub async fn write(
    ctx: &Ctx,
    tx: &mut Tx,
    id: IncidentId,
    if_match: impl Into<IfMatch> + Send,
    changes: Changes<Review>,
) -> Result<Review, Refusal> {
    ctx.require(Review::permission(Access::Write))?;
    response::hold(ctx, tx, id).await?;
    let before = Repo::<Review>::find(tx, ctx.org, ReviewId(id.0)).await?;
    kit::unchanged(if_match, before.as_ref().map_or(0, |before| before.meta.revision))?;
    let mut after = kit::draft(ctx, tx, changes).await?;
    after.id = ReviewId(id.0);
    after.incident_id = id;
    let fact = match &before {
        Some(before) => {
            after.meta = before.meta;
            after.meta.touch(ctx);
            Repo::<Review>::update(tx, &after, before.meta.revision).await?;
            Fact::updated(before, &after)
        }
        None => {
            Repo::<Review>::insert(tx, &after).await?;
            Fact::created(&after)
        }
    };
    timeline::tell(ctx, tx, id, vec![story::of_review(&after)]).await?;
    tx.journal().record(ctx, fact).await?;
    Ok(after)
}

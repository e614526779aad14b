//! What is done about an incident: it is taken on, moved from phase to phase, closed.

use grc_kernel::{Access, Changes, Ctx, IfMatch, Refusal, Repo, Resource, kit, list::Scalar, resource::Cell};

use crate::{
    incident::{Incident, IncidentId},
    phase::{Move, Phase},
    ports::Tx,
    review::{Review, ReviewId},
    task::{self, Task},
};

/// Holds an incident against other writers until the transaction ends, and with it its timeline.
pub async fn hold(ctx: &Ctx, tx: &mut Tx, id: IncidentId) -> Result<Incident, Refusal> {
    Repo::<Incident>::lock(tx, ctx.org, id).await?.ok_or(Refusal::NotFound(Incident::KIND))
}

/// Changes an incident. Whoever leads the response may `force` it past a phase. A change that says nothing new is none:
/// the incident comes back as it is.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut Tx,
    id: IncidentId,
    if_match: impl Into<IfMatch> + Send,
    force: bool,
    mut changes: Changes<Incident>,
) -> Result<Incident, Refusal> {
    ctx.require(Incident::permission(Access::Write))?;
    let before = hold(ctx, tx, id).await?;
    kit::unchanged(if_match, before.meta.revision)?;
    if changes.says_nothing_new(&before) {
        return Ok(before);
    }
    let to = match changes.value("phase") {
        Some(Cell::Text(word)) => Phase::parse(word),
        _ => None,
    };
    let step = to.map_or(Move::Stay, |to| Move::between(before.phase, to));
    if step == Move::Reopening {
        before.led_by(ctx, "open an incident again")?;
    }
    if step == Move::Skip && force {
        before.led_by(ctx, "leave phases out")?;
        changes = changes.anywhere();
    }
    if step != Move::Stay && changes.value("notes").is_none() {
        changes = changes.set("notes", Cell::Null);
    }
    kit::change(ctx, tx, "updated", before, changes).await
}

/// Takes an incident on.
pub async fn acknowledge(ctx: &Ctx, tx: &mut Tx, id: IncidentId, notes: Option<String>) -> Result<Incident, Refusal> {
    ctx.require(Incident::permission(Access::Write))?;
    let before = hold(ctx, tx, id).await?;
    if before.acknowledged_at.is_some() {
        return Err(before.refuse("the incident was acknowledged already".to_owned()));
    }
    if before.resolved_at.is_some() {
        return Err(before.refuse(format!("the incident is {} already", before.status)));
    }
    let (now, actor) = (ctx.now, ctx.actor.id);
    let taken = Changes::with(move |incident: &mut Incident| {
        incident.acknowledged_at = Some(now);
        incident.acknowledged_by = Some(actor);
        incident.notes = notes.or(incident.notes.take());
    });
    kit::change(ctx, tx, "acknowledged", before, taken).await
}

/// Closes an incident: only from the last phase, with its review written and no task left to do.
pub async fn close(ctx: &Ctx, tx: &mut Tx, id: IncidentId, notes: Option<String>) -> Result<Incident, Refusal> {
    ctx.require(Incident::permission(Access::Write))?;
    let before = hold(ctx, tx, id).await?;
    if before.closed_at.is_some() {
        return Err(before.refuse("the incident is closed already".to_owned()));
    }
    let mut missing = Vec::new();
    if before.phase != Phase::PostIncident {
        missing.push(format!("its phase is {}, not post_incident", before.phase));
    }
    if Repo::<Review>::find(tx, ctx.org, ReviewId(id.0)).await?.is_none() {
        missing.push("it has no review".to_owned());
    }
    let query = Task::LIST.query().only("incident_id", vec![Scalar::Id(id.0)]);
    let open = query.only("status", task::OPEN.iter().map(|status| Scalar::Text((*status).to_owned())).collect());
    match Repo::<Task>::tally(tx, ctx.org, &open, &[]).await?.first() {
        Some((_, count)) if *count > 0 => missing.push(format!("it has open tasks: {count}")),
        _ => {}
    }
    if !missing.is_empty() {
        return Err(before.refuse(format!("the incident cannot be closed: {}", missing.join("; "))));
    }
    let now = ctx.now;
    let closed = Changes::with(move |incident: &mut Incident| {
        incident.closed_at = Some(now);
        incident.notes = notes.or(incident.notes.take());
    });
    kit::change(ctx, tx, "closed", before, closed).await
}

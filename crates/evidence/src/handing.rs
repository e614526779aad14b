//! Evidence in other domains' hands: linked to their records, exported with them. Each hand-over is a touch that the
//! custody record keeps.

use grc_kernel::{Checker, Ctx, EvidenceId, ListQuery, Page, Refusal, Repo, Resource};

use crate::{
    model::{CustodyEvent, Evidence, EvidenceStatus, Touch},
    ports::Tx,
};

fn may_read(ctx: &Ctx) -> Result<(), Refusal> {
    Ok(ctx.require(Evidence::permission(Evidence::READ))?)
}

/// Notes that stored evidence is linked to another record, and gives it back in the order of the ids. `fields` are the
/// names that the ids have in the input; of those that name no stored evidence each is reported.
pub async fn link(
    ctx: &Ctx,
    tx: &mut Tx,
    ids: &[(String, EvidenceId)],
    reason: &str,
) -> Result<Vec<Evidence>, Refusal> {
    may_read(ctx)?;
    let wanted: Vec<EvidenceId> = ids.iter().map(|(_, id)| *id).collect();
    let mut known = Repo::<Evidence>::find_many(tx, ctx.org, &wanted).await?;
    known.retain(|evidence| !evidence.is_gone());
    let mut found = Vec::with_capacity(ids.len());
    let mut check = Checker::new();
    for (field, id) in ids {
        match known.iter().find(|evidence| evidence.id == *id) {
            None => check.note(field, "unknown_reference", "there is no such evidence"),
            Some(evidence) if evidence.status != EvidenceStatus::Stored => {
                check.note(field, "not_stored", format!("the evidence is {}, not stored", evidence.status));
            }
            Some(evidence) => found.push(evidence.clone()),
        }
    }
    check.finish()?;
    note(ctx, tx, &found, Touch::Linked, reason).await?;
    Ok(found)
}

/// Notes that evidence is about to be exported, and gives back all of it that there ever was: what is not stored any
/// more says so.
pub async fn export(ctx: &Ctx, tx: &mut Tx, ids: &[EvidenceId], reason: &str) -> Result<Vec<Evidence>, Refusal> {
    may_read(ctx)?;
    let found = Repo::<Evidence>::find_many(tx, ctx.org, ids).await?;
    let stored: Vec<Evidence> = found.iter().filter(|e| e.status == EvidenceStatus::Stored).cloned().collect();
    note(ctx, tx, &stored, Touch::Exported, reason).await?;
    Ok(found)
}

/// A page of the custody record of several pieces of evidence, deleted ones included.
pub async fn custody(
    ctx: &Ctx,
    tx: &mut Tx,
    ids: &[EvidenceId],
    query: &ListQuery,
) -> Result<Page<CustodyEvent>, Refusal> {
    may_read(ctx)?;
    Ok(tx.custody(ctx.org, ids, query).await?)
}

async fn note(ctx: &Ctx, tx: &mut Tx, evidence: &[Evidence], touch: Touch, reason: &str) -> Result<(), Refusal> {
    let event = |evidence| CustodyEvent::of(ctx, evidence, touch, Some(reason.to_owned()));
    let events: Vec<CustodyEvent> = evidence.iter().map(event).collect();
    Ok(tx.touch(&events).await?)
}

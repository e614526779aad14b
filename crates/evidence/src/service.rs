//! The rules of evidence, and the use cases beyond those that every resource has.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, EvidenceId, Fact, IfMatch, ListQuery, NewJob, Page, Refusal, Repo, Resource, Rules,
    kit,
    list::{Scalar, Test},
    resource::Cell,
};
use serde_json::json;

use crate::{
    model::{CustodyEvent, Evidence, EvidenceStatus, Touch},
    ports::Tx,
    rules,
    store::Inspection,
};

/// The job that removes the bytes of deleted evidence.
pub const PURGE_JOB: &str = "evidence.purge";
/// How long an upload URL works, in seconds.
pub const UPLOAD_SECONDS: i64 = 15 * 60;
/// How long a download URL works, in seconds.
pub const DOWNLOAD_SECONDS: i64 = 5 * 60;

#[async_trait]
impl Rules for Evidence {
    type Tx = Tx;
    const THOROUGH: bool = true;

    /// A new one is announced: it has its record and its object key, and the bytes are still to come.
    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_none() {
            rules::check_filename(check, &after.filename);
            after.content_type = rules::check_content_type(check, &after.content_type);
            after.sha256 = after.sha256.as_ref().map(|hash| rules::check_sha256(check, hash));
            after.object_key = rules::object_key(ctx.org.0, after.id.0, ctx.now, &after.filename);
        }
        if before.is_none_or(|before| before.control_refs != after.control_refs) {
            let distinct = rules::check_control_refs(check, &after.control_refs);
            let unknown = tx.unknown_requirements(ctx.org, &distinct).await?;
            for (i, name) in after.control_refs.iter().enumerate().filter(|(_, name)| unknown.contains(name)) {
                let detail = format!("no framework has a control {name}");
                check.note(format!("control_refs[{i}]"), "unknown_reference", detail);
            }
            after.control_refs = distinct;
        }
        if let (None, Some(id)) = (before, after.version_of) {
            // What was replaced may be deleted since.
            let known = Repo::<Self>::find(tx, ctx.org, id).await?.is_some();
            check.ensure(known, "version_of", "unknown_reference", "there is no such evidence");
        }
        if before.is_none_or(|before| before.collected_at != after.collected_at) {
            check.ensure(after.collected_at <= ctx.now, "collected_at", "out_of_range", "lies in the future");
        }
        if let Some(kept) = before.and_then(|before| before.retention_until).filter(|kept| *kept > ctx.now) {
            let shorter = after.retention_until.is_none_or(|wanted| wanted < kept);
            let detail = "a running retention may be prolonged, not shortened";
            check.ensure(!shorter, "retention_until", "out_of_range", detail);
        }
        Ok(())
    }

    /// Changes what is said of evidence; the bytes never change. A review is a touch even where it says the same again.
    async fn amend(
        ctx: &Ctx,
        tx: &mut Tx,
        id: EvidenceId,
        if_match: IfMatch,
        changes: Changes<Self>,
    ) -> Result<Self, Refusal> {
        ctx.require(Self::permission(Self::WRITE))?;
        let before = kit::hold::<Self>(ctx, tx, id, if_match).await?;
        let reviewed = changes.value("review").is_some();
        let after = kit::change(ctx, tx, "updated", before.clone(), changes).await?;
        if reviewed {
            custody(ctx, tx, &after, Touch::Reviewed, after.review_note.clone()).await?;
        }
        let links = |e: &Self| (e.control_refs.clone(), e.finding_id, e.assessment_id);
        if links(&before) != links(&after) {
            custody(ctx, tx, &after, Touch::Linked, None).await?;
        }
        Ok(after)
    }

    /// Deletes evidence: absent at once, its bytes removed by a job. Not under a legal hold or retention.
    async fn remove(ctx: &Ctx, tx: &mut Tx, id: EvidenceId, if_match: IfMatch) -> Result<Self, Refusal> {
        ctx.require(Self::permission(Self::DELETE))?;
        let before = kit::hold::<Self>(ctx, tx, id, if_match).await?;
        if before.legal_hold {
            return Err(Refusal::Conflict("the evidence is under a legal hold".into()));
        }
        if before.retention_until.is_some_and(|until| until > ctx.now) {
            return Err(Refusal::Conflict("the evidence is to be retained longer".into()));
        }
        let mut after = before.clone();
        after.status = EvidenceStatus::Deleted;
        after.meta.touch(ctx);
        Repo::update(tx, &after, before.meta.revision).await?;
        custody(ctx, tx, &after, Touch::Deleted, None).await?;
        purge(ctx, tx, &after).await?;
        tx.journal().record(ctx, Fact::deleted(&before)).await?;
        Ok(before)
    }
}

fn stands(status: EvidenceStatus) -> Changes<Evidence> {
    Changes::none().set("status", Cell::Text(status.as_str().to_owned()))
}

/// The evidence that an inspection is wanted of: pending, or stored already (then nothing is left to do).
pub async fn awaiting(ctx: &Ctx, tx: &mut Tx, id: EvidenceId) -> Result<Evidence, Refusal> {
    ctx.require(Evidence::permission(Access::Review))?;
    let evidence = kit::find::<Evidence>(ctx, tx, id).await?;
    match evidence.status {
        EvidenceStatus::Pending | EvidenceStatus::Stored => Ok(evidence),
        other => Err(Refusal::Conflict(format!("the evidence is {other}"))),
    }
}

/// What an inspection led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// The evidence is stored.
    Stored(Box<Evidence>),
    /// It was refused; the refusal is committed, the caller answers with a conflict.
    Rejected(String),
}

/// What an uploaded object has that was not announced; none where it is what it must be. Whether its type is the
/// declared one is another question.
pub fn differs(evidence: &Evidence, inspection: &Inspection) -> Option<String> {
    if evidence.size.is_some_and(|size| size != inspection.size) {
        return Some(format!("the object has {} bytes, not those announced", inspection.size));
    }
    let other = evidence.sha256.as_ref().is_some_and(|hash| *hash != inspection.sha256);
    other.then(|| "the object's SHA-256 is not the announced one".to_owned())
}

/// Stores the outcome of an inspection. Announced size and hash must be those found: where they are not, the
/// evidence stays pending and may be put again.
pub async fn settle(ctx: &Ctx, tx: &mut Tx, id: EvidenceId, inspection: Inspection) -> Result<Settled, Refusal> {
    let before = awaiting(ctx, tx, id).await?;
    if before.status == EvidenceStatus::Stored {
        return Ok(Settled::Stored(Box::new(before)));
    }
    if let Some(difference) = differs(&before, &inspection) {
        return Err(Refusal::Conflict(difference));
    }
    let status = if inspection.agreed.is_ok() { EvidenceStatus::Stored } else { EvidenceStatus::Rejected };
    let found = stands(status).set("size", Cell::Int(inspection.size)).set("sha256", Cell::Text(inspection.sha256));
    if let Err(reason) = inspection.agreed {
        let refused = found.set("status_reason", Cell::Text(reason.clone()));
        let after = kit::change(ctx, tx, status.as_str(), before, refused).await?;
        purge(ctx, tx, &after).await?;
        return Ok(Settled::Rejected(reason));
    }
    let length = inspection.text.as_ref().and_then(|text| i64::try_from(text.chars().count()).ok());
    let found = found.set("text_length", length.map_or(Cell::Null, Cell::Int));
    let after = kit::change(ctx, tx, status.as_str(), before, found).await?;
    if let Some(text) = &inspection.text {
        tx.set_text(ctx.org, id, text).await?;
    }
    custody(ctx, tx, &after, Touch::Uploaded, None).await?;
    Ok(Settled::Stored(Box::new(after)))
}

/// One piece of evidence and its text.
pub async fn get(ctx: &Ctx, tx: &mut Tx, id: EvidenceId) -> Result<(Evidence, Option<String>), Refusal> {
    let evidence = kit::get(ctx, tx, id).await?;
    let text = tx.text(ctx.org, id).await?;
    Ok((evidence, text))
}

/// Puts evidence under a legal hold, or lifts it.
pub async fn hold(ctx: &Ctx, tx: &mut Tx, id: EvidenceId, reason: Option<&str>) -> Result<Evidence, Refusal> {
    ctx.require(Evidence::permission(Access::Admin))?;
    let before = kit::hold(ctx, tx, id, None).await?;
    let mut check = Checker::new();
    let reason = reason.map(|reason| check.line("reason", reason, 1_000));
    check.finish()?;
    let touch = if reason.is_some() { Touch::Held } else { Touch::Released };
    let changes = Changes::none()
        .set("legal_hold", Cell::Bool(reason.is_some()))
        .set("hold_reason", reason.clone().map_or(Cell::Null, Cell::Text));
    let after = kit::change(ctx, tx, touch.as_str(), before, changes).await?;
    custody(ctx, tx, &after, touch, reason).await?;
    Ok(after)
}

/// The stored evidence of an object key, noting in the custody record that it is handed out.
pub async fn hand_out(ctx: &Ctx, tx: &mut Tx, key: &str) -> Result<Evidence, Refusal> {
    ctx.require(Evidence::permission(Access::Read))?;
    let query = Evidence::LIST.query().only("object_key", vec![Scalar::Text(key.to_owned())]).limited(1);
    let found = Repo::<Evidence>::page(tx, ctx.org, &query).await?.items.into_iter().next();
    let stored = found.filter(|evidence| evidence.status == EvidenceStatus::Stored);
    let evidence = stored.ok_or(Refusal::NotFound("stored evidence"))?;
    custody(ctx, tx, &evidence, Touch::Downloaded, None).await?;
    Ok(evidence)
}

/// Notes in the custody record that the hash was recomputed.
pub async fn note_verified(ctx: &Ctx, tx: &mut Tx, id: EvidenceId, outcome: &str) -> Result<(), Refusal> {
    let evidence = kit::find(ctx, tx, id).await?;
    custody(ctx, tx, &evidence, Touch::Verified, Some(outcome.to_owned())).await
}

/// The record of every touch.
pub async fn custody_page(
    ctx: &Ctx,
    tx: &mut Tx,
    id: EvidenceId,
    query: &ListQuery,
) -> Result<Page<CustodyEvent>, Refusal> {
    kit::get::<Evidence>(ctx, tx, id).await?;
    Ok(tx.custody(ctx.org, &[id], query).await?)
}

async fn custody(
    ctx: &Ctx,
    tx: &mut Tx,
    evidence: &Evidence,
    event: Touch,
    reason: Option<String>,
) -> Result<(), Refusal> {
    Ok(tx.touch(&[CustodyEvent::of(ctx, evidence, event, reason)]).await?)
}

async fn purge(ctx: &Ctx, tx: &mut Tx, evidence: &Evidence) -> Result<(), Refusal> {
    let payload = json!({"object_key": evidence.object_key});
    let job = NewJob { kind: PURGE_JOB, subject: evidence.id.0, payload, max_attempts: 10 };
    tx.jobs().enqueue(ctx, job).await?;
    Ok(())
}

/// Gives up uploads that were announced more than a day ago and never completed; their bytes are removed by
/// jobs. How many there were.
pub async fn sweep(ctx: &Ctx, tx: &mut Tx, limit: usize) -> Result<usize, Refusal> {
    let pending = vec![Scalar::Text(EvidenceStatus::Pending.as_str().to_owned())];
    let old = Test::AtMost(Scalar::Time(ctx.now - time::Duration::days(1)));
    let query = Evidence::LIST.query().only("status", pending).within("created_at", old).limited(limit);
    let stale = Repo::<Evidence>::page(tx, ctx.org, &query).await?.items;
    let count = stale.len();
    for before in stale {
        let expired = EvidenceStatus::Expired;
        let after = kit::change(ctx, tx, expired.as_str(), before, stands(expired)).await?;
        purge(ctx, tx, &after).await?;
    }
    Ok(count)
}

/// Where bytes may lie of evidence that is over: an upload URL works for a while after that, and what was put by one then
/// nobody would remove. Asked for from time to time, of what ended in the last hour, when its URLs have expired.
pub async fn leftovers(ctx: &Ctx, tx: &mut Tx, limit: usize) -> Result<Vec<String>, Refusal> {
    let over = [EvidenceStatus::Rejected, EvidenceStatus::Expired, EvidenceStatus::Deleted];
    let over = over.map(|status| Scalar::Text(status.as_str().to_owned())).to_vec();
    let minutes = |minutes| Scalar::Time(ctx.now - time::Duration::minutes(minutes));
    let query = Evidence::LIST
        .query()
        .only("status", over)
        .within("updated_at", Test::AtLeast(minutes(60)))
        .within("updated_at", Test::AtMost(minutes(20)))
        .limited(limit);
    let over = Repo::<Evidence>::page(tx, ctx.org, &query).await?.items;
    // An object that was there for longer had been removed with the evidence, and its URL had expired by then.
    let late = |evidence: &Evidence| evidence.meta.updated_at - evidence.meta.created_at < time::Duration::minutes(20);
    Ok(over.into_iter().filter(late).map(|evidence| evidence.object_key).collect())
}

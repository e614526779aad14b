//! The use cases.

use grc_kernel::{
    Access, AssessmentId, Checker, Ctx, EvidenceId, Fact, FindingId, ListQuery, Meta, NewJob, Page, Patch, Permission,
};
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    error::{EvidenceError, unchanged},
    model::{CustodyEvent, Evidence, EvidenceStatus, Review, Source, Touch},
    ports::EvidenceTx,
    rules,
    store::Inspection,
};

const AREA: &str = "evidence";
/// The job that removes the bytes of deleted evidence.
pub const PURGE_JOB: &str = "evidence.purge";
/// How long an upload URL works, in seconds.
pub const UPLOAD_SECONDS: i64 = 15 * 60;
/// How long a download URL works, in seconds.
pub const DOWNLOAD_SECONDS: i64 = 5 * 60;

/// A file that is about to be uploaded.
#[derive(Clone, Debug, Default)]
pub struct Announce {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub size: Option<i64>,
    /// Its SHA-256 in hex.
    pub sha256: Option<String>,
    /// The finding it belongs to.
    pub finding_id: Option<FindingId>,
    /// The assessment it belongs to.
    pub assessment_id: Option<AssessmentId>,
    /// The requirements it speaks to, `KEY:ref`.
    pub control_refs: Option<Vec<String>>,
    /// When it was collected.
    pub collected_at: Option<OffsetDateTime>,
    /// The evidence that it replaces.
    pub version_of: Option<EvidenceId>,
}

/// A change of evidence.
#[derive(Clone, Debug, Default)]
pub struct AmendEvidence {
    /// The finding it belongs to.
    pub finding_id: Patch<FindingId>,
    /// The assessment it belongs to.
    pub assessment_id: Patch<AssessmentId>,
    /// The requirements it speaks to.
    pub control_refs: Patch<Vec<String>>,
    /// When it was collected.
    pub collected_at: Patch<OffsetDateTime>,
    /// Until when it is valid.
    pub valid_until: Patch<OffsetDateTime>,
    /// Until when it may not be deleted.
    pub retention_until: Patch<OffsetDateTime>,
    /// A reviewer's word, by wire name.
    pub review: Patch<String>,
    /// And why.
    pub review_note: Patch<String>,
}

/// Announces a file: makes its record and its object key. The caller then presigns the upload.
pub async fn announce(ctx: &Ctx, tx: &mut dyn EvidenceTx, command: Announce) -> Result<Evidence, EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Review))?;
    let mut check = Checker::new();
    let filename = rules::check_filename(&mut check, &command.filename);
    let content_type = rules::check_content_type(&mut check, &command.content_type);
    let size = command.size.map(|size| check.range("size", size, 0, rules::SIZE_MAX));
    let sha256 = command.sha256.map(|hash| rules::check_sha256(&mut check, &hash));
    let control_refs = names(ctx, tx, &mut check, &command.control_refs.unwrap_or_default()).await?;
    links(ctx, tx, &mut check, command.finding_id, command.assessment_id).await?;
    if let Some(id) = command.version_of {
        let known = tx.evidence_repo().find(ctx.org, id).await?.is_some();
        check.ensure(known, "version_of", "unknown_reference", "there is no such evidence");
    }
    if let Some(at) = command.collected_at {
        check.ensure(at <= ctx.now, "collected_at", "out_of_range", "lies in the future");
    }
    check.finish()?;
    let id: EvidenceId = ctx.new_id();
    let evidence = Evidence {
        id,
        org: ctx.org,
        object_key: rules::object_key(ctx.org.0, id.0, ctx.now, &filename),
        filename,
        content_type,
        size,
        sha256,
        finding_id: command.finding_id,
        assessment_id: command.assessment_id,
        control_refs,
        collected_at: command.collected_at.unwrap_or(ctx.now),
        valid_until: None,
        retention_until: None,
        source: Source::Upload,
        status: EvidenceStatus::Pending,
        status_reason: None,
        review: Review::Unreviewed,
        review_note: None,
        version_of: command.version_of,
        legal_hold: false,
        hold_reason: None,
        text_length: None,
        meta: Meta::new(ctx),
    };
    tx.evidence_repo().insert(&evidence).await?;
    tx.journal().record(ctx, Fact::created(&evidence)).await?;
    Ok(evidence)
}

/// The evidence that an inspection is wanted of: pending, or stored already (then nothing is left to do).
pub async fn awaiting(ctx: &Ctx, tx: &mut dyn EvidenceTx, id: EvidenceId) -> Result<Evidence, EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Review))?;
    let evidence = find(ctx, tx, id).await?;
    match evidence.status {
        EvidenceStatus::Pending | EvidenceStatus::Stored => Ok(evidence),
        other => Err(EvidenceError::Conflict(format!("the evidence is {other}"))),
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

/// Stores the outcome of an inspection. Announced size and hash must be those found: where they are not, the
/// evidence stays pending and may be put again.
pub async fn settle(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    id: EvidenceId,
    inspection: Inspection,
) -> Result<Settled, EvidenceError> {
    let before = awaiting(ctx, tx, id).await?;
    if before.status == EvidenceStatus::Stored {
        return Ok(Settled::Stored(Box::new(before)));
    }
    if before.size.is_some_and(|size| size != inspection.size) {
        return Err(EvidenceError::Conflict(format!("the object has {} bytes, not those announced", inspection.size)));
    }
    if before.sha256.as_ref().is_some_and(|hash| *hash != inspection.sha256) {
        return Err(EvidenceError::Conflict("the object's SHA-256 is not the announced one".into()));
    }
    let mut after = before.clone();
    after.size = Some(inspection.size);
    after.sha256 = Some(inspection.sha256);
    after.meta.touch(ctx);
    if let Err(reason) = inspection.agreed {
        after.status = EvidenceStatus::Rejected;
        after.status_reason = Some(reason.clone());
        tx.evidence_repo().update(&after, before.meta.revision).await?;
        purge(ctx, tx, &after).await?;
        tx.journal().record(ctx, Fact::moved("rejected", &before, &after)).await?;
        return Ok(Settled::Rejected(reason));
    }
    after.status = EvidenceStatus::Stored;
    after.text_length = inspection.text.as_ref().map(|text| i32::try_from(text.chars().count()).unwrap_or(i32::MAX));
    tx.evidence_repo().update(&after, before.meta.revision).await?;
    if let Some(text) = &inspection.text {
        tx.evidence_repo().set_text(ctx.org, id, text).await?;
    }
    custody(ctx, tx, &after, Touch::Uploaded, None).await?;
    tx.journal().record(ctx, Fact::moved("stored", &before, &after)).await?;
    Ok(Settled::Stored(Box::new(after)))
}

/// One piece of evidence and its text.
pub async fn get(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    id: EvidenceId,
) -> Result<(Evidence, Option<String>), EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    let evidence = find(ctx, tx, id).await?;
    let text = tx.evidence_repo().text(ctx.org, id).await?;
    Ok((evidence, text))
}

/// A page of evidence.
pub async fn page(ctx: &Ctx, tx: &mut dyn EvidenceTx, query: &ListQuery) -> Result<Page<Evidence>, EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    Ok(tx.evidence_repo().page(ctx.org, query).await?)
}

/// Changes what is said of evidence; the bytes never change.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    id: EvidenceId,
    if_match: Option<i64>,
    command: AmendEvidence,
) -> Result<Evidence, EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Review))?;
    let before = find(ctx, tx, id).await?;
    unchanged(if_match, before.meta.revision)?;
    let mut after = before.clone();
    let mut check = Checker::new();
    links(ctx, tx, &mut check, command.finding_id.value().copied(), command.assessment_id.value().copied()).await?;
    command.finding_id.apply(&mut after.finding_id);
    command.assessment_id.apply(&mut after.assessment_id);
    match &command.control_refs {
        Patch::Keep => {}
        Patch::Clear => after.control_refs.clear(),
        Patch::Set(refs) => after.control_refs = names(ctx, tx, &mut check, refs).await?,
    }
    if let Some(at) = check.required("collected_at", command.collected_at) {
        check.ensure(at <= ctx.now, "collected_at", "out_of_range", "lies in the future");
        after.collected_at = at;
    }
    command.valid_until.apply(&mut after.valid_until);
    if let (Some(kept), Some(wanted)) = (before.retention_until, after_retention(&command.retention_until)) {
        let shorter = wanted.is_none_or(|wanted| wanted < kept) && kept > ctx.now;
        check.ensure(
            !shorter,
            "retention_until",
            "out_of_range",
            "a running retention may be prolonged, not shortened",
        );
    }
    command.retention_until.apply(&mut after.retention_until);
    let reviewed = !command.review.is_keep();
    if let Some(word) = check.required("review", command.review) {
        after.review = check.word("review", &word, Review::parse, Review::NAMES, after.review);
    }
    command.review_note.map(|text| check.text("review_note", &text)).apply(&mut after.review_note);
    check.finish()?;
    after.meta.touch(ctx);
    tx.evidence_repo().update(&after, before.meta.revision).await?;
    if reviewed {
        let note = after.review_note.clone();
        custody(ctx, tx, &after, Touch::Reviewed, note).await?;
    }
    if after.control_refs != before.control_refs
        || after.finding_id != before.finding_id
        || after.assessment_id != before.assessment_id
    {
        custody(ctx, tx, &after, Touch::Linked, None).await?;
    }
    tx.journal().record(ctx, Fact::updated(&before, &after)).await?;
    Ok(after)
}

/// Deletes evidence: absent at once, its bytes removed by a job. Not under a legal hold or retention.
pub async fn delete(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    id: EvidenceId,
    if_match: Option<i64>,
) -> Result<(), EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Write))?;
    let before = find(ctx, tx, id).await?;
    unchanged(if_match, before.meta.revision)?;
    if before.legal_hold {
        return Err(EvidenceError::Conflict("the evidence is under a legal hold".into()));
    }
    if before.retention_until.is_some_and(|until| until > ctx.now) {
        return Err(EvidenceError::Conflict("the evidence is to be retained longer".into()));
    }
    let mut after = before.clone();
    after.status = EvidenceStatus::Deleted;
    after.meta.touch(ctx);
    tx.evidence_repo().update(&after, before.meta.revision).await?;
    custody(ctx, tx, &after, Touch::Deleted, None).await?;
    purge(ctx, tx, &after).await?;
    tx.journal().record(ctx, Fact::deleted(&before)).await?;
    Ok(())
}

/// Puts evidence under a legal hold, or lifts it.
pub async fn hold(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    id: EvidenceId,
    reason: Option<&str>,
) -> Result<Evidence, EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(ctx, tx, id).await?;
    let mut check = Checker::new();
    let reason = reason.map(|reason| check.line("reason", reason, 1_000));
    check.finish()?;
    let mut after = before.clone();
    after.legal_hold = reason.is_some();
    after.hold_reason.clone_from(&reason);
    after.meta.touch(ctx);
    tx.evidence_repo().update(&after, before.meta.revision).await?;
    let (touch, verb) = if reason.is_some() { (Touch::Held, "held") } else { (Touch::Released, "released") };
    custody(ctx, tx, &after, touch, reason).await?;
    tx.journal().record(ctx, Fact::moved(verb, &before, &after)).await?;
    Ok(after)
}

/// The stored evidence of an object key, noting in the custody record that it is handed out.
pub async fn hand_out(ctx: &Ctx, tx: &mut dyn EvidenceTx, key: &str) -> Result<Evidence, EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    let found = tx.evidence_repo().find_by_key(ctx.org, key).await?;
    let evidence =
        found.filter(|e| e.status == EvidenceStatus::Stored).ok_or(EvidenceError::NotFound("stored evidence"))?;
    custody(ctx, tx, &evidence, Touch::Downloaded, None).await?;
    Ok(evidence)
}

/// Notes in the custody record that the hash was recomputed.
pub async fn note_verified(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    id: EvidenceId,
    outcome: &str,
) -> Result<(), EvidenceError> {
    let evidence = find(ctx, tx, id).await?;
    custody(ctx, tx, &evidence, Touch::Verified, Some(outcome.to_owned())).await
}

/// The record of every touch.
pub async fn custody_page(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    id: EvidenceId,
    query: &ListQuery,
) -> Result<Page<CustodyEvent>, EvidenceError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    find(ctx, tx, id).await?;
    Ok(tx.evidence_repo().custody(ctx.org, &[id], query).await?)
}

async fn find(ctx: &Ctx, tx: &mut dyn EvidenceTx, id: EvidenceId) -> Result<Evidence, EvidenceError> {
    let found = tx.evidence_repo().find(ctx.org, id).await?;
    found.filter(|e| e.status != EvidenceStatus::Deleted).ok_or(EvidenceError::NotFound("evidence"))
}

async fn names(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    check: &mut Checker,
    refs: &[String],
) -> Result<Vec<String>, EvidenceError> {
    let distinct = rules::check_control_refs(check, refs);
    let unknown = tx.evidence_references().unknown_requirements(ctx.org, &distinct).await?;
    for (i, name) in refs.iter().enumerate().filter(|(_, name)| unknown.contains(name)) {
        check.note(format!("control_refs[{i}]"), "unknown_reference", format!("no framework has a control {name}"));
    }
    Ok(distinct)
}

async fn links(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    check: &mut Checker,
    finding: Option<FindingId>,
    assessment: Option<AssessmentId>,
) -> Result<(), EvidenceError> {
    if let Some(id) = finding {
        let known = tx.evidence_references().finding_exists(ctx.org, id).await?;
        check.ensure(known, "finding_id", "unknown_reference", "there is no such finding");
    }
    if let Some(id) = assessment {
        let known = tx.evidence_references().assessment_exists(ctx.org, id).await?;
        check.ensure(known, "assessment_id", "unknown_reference", "there is no such assessment");
    }
    Ok(())
}

/// What a patch would make of the retention: none where it keeps it.
fn after_retention(patch: &Patch<OffsetDateTime>) -> Option<Option<OffsetDateTime>> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(at) => Some(Some(*at)),
    }
}

async fn custody(
    ctx: &Ctx,
    tx: &mut dyn EvidenceTx,
    evidence: &Evidence,
    event: Touch,
    reason: Option<String>,
) -> Result<(), EvidenceError> {
    Ok(tx.evidence_repo().touch(&[CustodyEvent::of(ctx, evidence, event, reason)]).await?)
}

async fn purge(ctx: &Ctx, tx: &mut dyn EvidenceTx, evidence: &Evidence) -> Result<(), EvidenceError> {
    let payload = json!({"object_key": evidence.object_key});
    let job = NewJob { kind: PURGE_JOB, subject: evidence.id.0, payload, max_attempts: 10 };
    tx.jobs().enqueue(ctx, job).await?;
    Ok(())
}

/// Gives up uploads that were announced more than a day ago and never completed; their bytes are removed by
/// jobs. How many there were.
pub async fn sweep(ctx: &Ctx, tx: &mut dyn EvidenceTx, limit: i64) -> Result<usize, EvidenceError> {
    let stale = tx.evidence_repo().stale_pending(ctx.org, ctx.now - time::Duration::days(1), limit).await?;
    for before in &stale {
        let mut after = before.clone();
        after.status = EvidenceStatus::Expired;
        after.meta.touch(ctx);
        tx.evidence_repo().update(&after, before.meta.revision).await?;
        purge(ctx, tx, &after).await?;
        tx.journal().record(ctx, Fact::moved("expired", before, &after)).await?;
    }
    Ok(stale.len())
}

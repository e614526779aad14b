//! The use cases: taking an import, storing its items one by one, ending it.
//!
//! Those that the job worker calls hold the job in their transaction, so that a worker that lost it stores nothing.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Ctx, EvidenceId, Fact, FieldError, Job, ListQuery, NewJob, Refusal, Repo, Resource, Rules, kit,
    list::{Scalar, Test},
    resource::Cell,
    shape::ReadError,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    model::{BulkImport, BulkItem, ImportId, ImportStatus, ItemError, ItemId, ItemStatus},
    plan::Planned,
};
use crate::{
    model::{CustodyEvent, Evidence, EvidenceStatus, Source, Touch},
    ports::Tx,
    rules,
    service::PURGE_JOB,
    store::Inspection,
};

/// The job that stores the items of an import.
pub const JOB: &str = "evidence.bulk_import";
/// How many items a worker looks at together.
pub const BATCH: usize = 100;

#[async_trait]
impl Rules for BulkImport {
    type Tx = Tx;
}

#[async_trait]
impl Rules for BulkItem {
    type Tx = Tx;
}

/// An archive that lies in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// Where.
    pub key: String,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: i64,
}

/// Where the archive of an import is to lie: beside the evidence of its organization.
pub fn archive_key(ctx: &Ctx, id: ImportId) -> String {
    format!("{}/imports/{id}.zip", ctx.org)
}

/// Takes an import: keeps it and its items, and wants them stored by a job.
pub async fn begin(
    ctx: &Ctx,
    tx: &mut Tx,
    id: ImportId,
    archive: Option<Archive>,
    planned: Vec<Planned>,
) -> Result<BulkImport, Refusal> {
    ctx.require(Evidence::permission(Access::Review))?;
    let total = i64::try_from(planned.len()).unwrap_or(i64::MAX);
    let failed = i64::try_from(planned.iter().filter(|item| !item.errors.is_empty()).count()).unwrap_or(i64::MAX);
    let about = Changes::with(move |import: &mut BulkImport| {
        import.items_total = total;
        import.items_failed = failed;
        if let Some(archive) = archive {
            import.archive_key = Some(archive.key);
            import.archive_sha256 = Some(archive.sha256);
            import.archive_size = Some(archive.size);
        }
    });
    let mut import = kit::draft(ctx, tx, about).await?;
    import.id = id;
    Repo::<BulkImport>::insert(tx, &import).await?;
    let items: Vec<BulkItem> = planned.into_iter().enumerate().map(|(i, planned)| item(ctx, id, i, planned)).collect();
    for items in items.chunks(1_000) {
        Repo::<BulkItem>::insert_many(tx, items).await?;
    }
    let payload = json!({"by": ctx.actor.name});
    tx.jobs().enqueue(ctx, NewJob { kind: JOB, subject: id.0, payload, max_attempts: 10 }).await?;
    tx.journal().record(ctx, Fact::created(&import)).await?;
    Ok(import)
}

fn item(ctx: &Ctx, import: ImportId, place: usize, planned: Planned) -> BulkItem {
    let mut item = BulkItem::blank(ctx.new_id(), ctx.org, grc_kernel::Meta::new(ctx));
    item.import_id = import;
    item.position = i64::try_from(place).unwrap_or(i64::MAX);
    item.manifest_row = (planned.number > 0).then_some(planned.number);
    item.name = planned.name;
    item.planned_id = ctx.new_id::<EvidenceId>().0;
    item.said = planned.said;
    item.errors = planned.errors.iter().map(ItemError::from).collect();
    item.status = if item.errors.is_empty() { ItemStatus::Queued } else { ItemStatus::Failed };
    item
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Items that are evidence now.
    pub stored: i64,
    /// Items that are not, and will not be.
    pub failed: i64,
}

impl Standing {
    /// The same in hundredths of all items.
    pub fn percent(self, total: i64) -> i64 {
        (self.stored + self.failed).saturating_mul(100).checked_div(total.max(1)).unwrap_or(0).clamp(0, 100)
    }
}

fn of_import(id: ImportId) -> ListQuery {
    BulkItem::LIST.query().within("import_id", Test::AnyOf(vec![Scalar::Id(id.0)]))
}

fn waiting(id: ImportId) -> ListQuery {
    of_import(id).only("status", vec![Scalar::Text(ItemStatus::Queued.as_str().to_owned())])
}

async fn standing(ctx: &Ctx, tx: &mut Tx, id: ImportId) -> Result<Standing, Refusal> {
    let mut standing = Standing::default();
    for (by, count) in Repo::<BulkItem>::tally(tx, ctx.org, &of_import(id), &["status"]).await? {
        let Some(Cell::Text(word)) = by.first() else { continue };
        match ItemStatus::parse(word) {
            Some(ItemStatus::Stored) => standing.stored = count,
            Some(ItemStatus::Failed) => standing.failed = count,
            _ => {}
        }
    }
    Ok(standing)
}

/// An import, how far it is, and its items in their order.
pub async fn get(ctx: &Ctx, tx: &mut Tx, id: ImportId) -> Result<(BulkImport, Standing, Vec<BulkItem>), Refusal> {
    let import = kit::get::<BulkImport>(ctx, tx, id).await?;
    let standing = standing(ctx, tx, id).await?;
    let all = usize::try_from(import.items_total).unwrap_or_default();
    let items = Repo::<BulkItem>::page(tx, ctx.org, &of_import(id).limited(all.max(1))).await?.items;
    Ok((import, standing, items))
}

/// What a worker is to do; none where nothing is left. Called by the job worker.
pub async fn start(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<Option<(BulkImport, Standing)>, Refusal> {
    tx.jobs().hold(job).await?;
    let id = ImportId(job.subject);
    let Some(import) = Repo::<BulkImport>::find(tx, ctx.org, id).await? else { return Ok(None) };
    let standing = standing(ctx, tx, id).await?;
    match import.status {
        ImportStatus::Queued => {
            let running = Changes::with(|import: &mut BulkImport| import.status = ImportStatus::Running);
            let import = kit::change(ctx, tx, "started", import, running).await?;
            Ok(Some((import, standing)))
        }
        ImportStatus::Running => Ok(Some((import, standing))),
        ImportStatus::Completed | ImportStatus::Failed => Ok(None),
    }
}

/// The next items that wait. Called by the job worker.
pub async fn next(ctx: &Ctx, tx: &mut Tx, id: ImportId) -> Result<Vec<BulkItem>, Refusal> {
    Ok(Repo::<BulkItem>::page(tx, ctx.org, &waiting(id).limited(BATCH)).await?.items)
}

/// What a row of a manifest says, read as a request that creates evidence; and until when it is valid and retained.
fn said(said: &Map<String, Value>) -> Result<Changes<Evidence>, Vec<FieldError>> {
    let (later, first): (Map<_, _>, Map<_, _>) =
        said.clone().into_iter().partition(|(name, _)| matches!(name.as_str(), "valid_until" | "retention_until"));
    let [_, making, changing] = Evidence::SHAPES;
    let read = |shape: &'static grc_kernel::shape::Shape, members: Map<String, Value>| {
        shape.read_form(Value::Object(members).to_string().as_bytes()).map_err(|error| match error {
            ReadError::Fields(errors) => errors,
            ReadError::Syntax(detail) => vec![FieldError::new("filename", "invalid", detail)],
        })
    };
    let (first, later) = match (read(making, first), read(changing, later)) {
        (Ok(first), Ok(later)) if later.broken().is_empty() => (first, later),
        (first, later) => {
            let errors = [first.map(|first| first.broken().to_vec()), later.map(|later| later.broken().to_vec())];
            return Err(errors.into_iter().flat_map(|errors| errors.unwrap_or_else(|errors| errors)).collect());
        }
    };
    let mut changes = Changes::read(&first);
    for name in ["valid_until", "retention_until"] {
        if let Some(moment) = later.get::<OffsetDateTime>(name) {
            changes = changes.set(name, Cell::Time(moment));
        }
    }
    Ok(changes)
}

/// The evidence that an item is to become, everything about it checked but its bytes. Its place in the store is always
/// the same. Called by the job worker.
pub async fn judge(ctx: &Ctx, tx: &mut Tx, item: &BulkItem) -> Result<Evidence, Refusal> {
    let changes = said(&item.said).map_err(Refusal::Invalid)?;
    let mut evidence = kit::draft::<Evidence>(ctx, tx, changes).await?;
    evidence.id = EvidenceId(item.planned_id);
    evidence.object_key = rules::object_key(ctx.org.0, item.planned_id, item.meta.created_at, &evidence.filename);
    evidence.source = Source::Bulk;
    evidence.status = EvidenceStatus::Stored;
    Ok(evidence)
}

/// Takes over what the inspection of the bytes showed; it must be what the manifest says.
fn hold_to(evidence: &mut Evidence, inspection: &Inspection) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    if evidence.size.is_some_and(|size| size != inspection.size) {
        let detail = format!("the file has {} bytes, not those of the manifest", inspection.size);
        errors.push(FieldError::new("size", "mismatch", detail));
    }
    if evidence.sha256.as_ref().is_some_and(|hash| *hash != inspection.sha256) {
        errors.push(FieldError::new("sha256", "mismatch", "the file's SHA-256 is not that of the manifest"));
    }
    if let Err(reason) = &inspection.agreed {
        errors.push(FieldError::new("content_type", "mismatch", reason.clone()));
    }
    if !errors.is_empty() {
        return Err(Refusal::Invalid(errors));
    }
    evidence.size = Some(inspection.size);
    evidence.sha256 = Some(inspection.sha256.clone());
    evidence.text_length = inspection.text.as_ref().and_then(|text| i64::try_from(text.chars().count()).ok());
    Ok(())
}

/// The item, held; none where somebody dealt with it already.
async fn open(ctx: &Ctx, tx: &mut Tx, id: ItemId) -> Result<Option<BulkItem>, Refusal> {
    let found = Repo::<BulkItem>::lock(tx, ctx.org, id).await?;
    Ok(found.filter(|item| item.status == ItemStatus::Queued))
}

/// Stores an item whose bytes lie in the store and were inspected: the evidence, its text, its custody entry, its
/// journal entry and the item, together. Called by the job worker.
pub async fn keep(
    ctx: &Ctx,
    tx: &mut Tx,
    job: &Job,
    id: ItemId,
    inspection: &Inspection,
) -> Result<Option<Evidence>, Refusal> {
    tx.jobs().hold(job).await?;
    let Some(item) = open(ctx, tx, id).await? else { return Ok(None) };
    let mut evidence = judge(ctx, tx, &item).await?;
    hold_to(&mut evidence, inspection)?;
    Repo::<Evidence>::insert(tx, &evidence).await?;
    if let Some(text) = &inspection.text {
        tx.set_text(ctx.org, evidence.id, text).await?;
    }
    let reason = format!("bulk import {}", item.import_id);
    let mut touch = CustodyEvent::of(ctx, &evidence, Touch::Uploaded, Some(reason));
    if let Some(by) = job.payload.get("by").and_then(Value::as_str) {
        touch.actor = by.to_owned();
    }
    tx.touch(&[touch]).await?;
    tx.journal().record(ctx, Fact::created(&evidence)).await?;
    let kept = evidence.id;
    settle(ctx, tx, item, move |item| (item.status, item.evidence_id) = (ItemStatus::Stored, Some(kept))).await?;
    Ok(Some(evidence))
}

/// Notes that an item cannot be stored, and has its bytes removed where some were written. Called by the job worker.
pub async fn refuse(
    ctx: &Ctx,
    tx: &mut Tx,
    job: &Job,
    id: ItemId,
    object: Option<&str>,
    errors: Vec<ItemError>,
) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    let Some(item) = open(ctx, tx, id).await? else { return Ok(()) };
    if let Some(key) = object {
        purge(ctx, tx, item.planned_id, key).await?;
    }
    settle(ctx, tx, item, move |item| (item.status, item.errors) = (ItemStatus::Failed, errors)).await
}

async fn purge(ctx: &Ctx, tx: &mut Tx, subject: Uuid, key: &str) -> Result<(), Refusal> {
    let payload = json!({"object_key": key});
    tx.jobs().enqueue(ctx, NewJob { kind: PURGE_JOB, subject, payload, max_attempts: 10 }).await?;
    Ok(())
}

async fn settle(ctx: &Ctx, tx: &mut Tx, before: BulkItem, change: impl FnOnce(&mut BulkItem)) -> Result<(), Refusal> {
    let mut after = before.clone();
    change(&mut after);
    after.meta.touch(ctx);
    Ok(Repo::<BulkItem>::update(tx, &after, before.meta.revision).await?)
}

/// Ends an import none of whose items waits any more, and its job. Called by the job worker.
pub async fn finish(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    end(ctx, tx, ImportId(job.subject), ImportStatus::Completed, None).await?;
    Ok(tx.jobs().complete(job).await?)
}

/// Gives an import up whose archive is not what it must be, and ends its job. Called by the job worker.
pub async fn reject(ctx: &Ctx, tx: &mut Tx, job: &Job, why: &str) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    end(ctx, tx, ImportId(job.subject), ImportStatus::Failed, Some(why)).await?;
    Ok(tx.jobs().complete(job).await?)
}

/// Notes that an import was given up after its last attempt. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut Tx, id: ImportId, why: &str) -> Result<(), Refusal> {
    end(ctx, tx, id, ImportStatus::Failed, Some(why)).await
}

async fn end(ctx: &Ctx, tx: &mut Tx, id: ImportId, status: ImportStatus, why: Option<&str>) -> Result<(), Refusal> {
    let Some(import) = Repo::<BulkImport>::lock(tx, ctx.org, id).await? else { return Ok(()) };
    if matches!(import.status, ImportStatus::Completed | ImportStatus::Failed) {
        return Ok(());
    }
    if let Some(key) = &import.archive_key {
        purge(ctx, tx, id.0, key).await?;
    }
    let standing = standing(ctx, tx, id).await?;
    let (why, now) = (why.map(str::to_owned), ctx.now);
    let over = Changes::with(move |import: &mut BulkImport| {
        import.status = status;
        import.error = why;
        import.items_stored = standing.stored;
        import.items_failed = standing.failed;
        import.finished_at = Some(now);
        import.archive_key = None;
    });
    kit::change(ctx, tx, status.as_str(), import, over).await?;
    Ok(())
}

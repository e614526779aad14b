//! The use cases: taking an import, noting what became of its rows, ending it.
//!
//! Those that the job worker calls hold the job in their transaction, so that a worker that lost it notes nothing. Where
//! rows count each for itself, what became of them is noted in the transaction that carried them out: after a crash the
//! next worker goes on with the first row that was not.

use async_trait::async_trait;
use grc_kernel::{
    Changes, Ctx, Fact, Job, ListQuery, Meta, NewJob, Refusal, Repo, Resource, Rules, kit,
    list::{Scalar, Test},
};
use serde_json::json;

use crate::{
    model::{FAILED_MAX, Import, ImportId, ImportRow, Mode, RowError, Status},
    ports::Tx,
};

/// The job that carries an import out.
pub const JOB: &str = "import";
/// The most imports of an organization that wait or run.
const OPEN_MAX: i64 = 20;
/// How often it is tried.
const ATTEMPTS: i32 = 5;

#[async_trait]
impl Rules for Import {
    type Tx = Tx;
}

#[async_trait]
impl Rules for ImportRow {
    type Tx = Tx;
}

/// What became of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Records created.
    pub created: i64,
    /// Records changed.
    pub updated: i64,
    /// Rows that say nothing new.
    pub unchanged: i64,
    /// Rows that failed: how many, and the first of them.
    pub failed: i64,
    /// Those of them that are kept, by their numbers.
    pub errors: Vec<(u64, Vec<RowError>)>,
}

impl Tally {
    /// How many rows.
    pub fn rows(&self) -> i64 {
        self.created + self.updated + self.unchanged + self.failed
    }

    /// Takes in what became of further rows.
    pub fn add(&mut self, more: Self) {
        self.created += more.created;
        self.updated += more.updated;
        self.unchanged += more.unchanged;
        self.failed += more.failed;
        let room = FAILED_MAX.saturating_sub(self.errors.len());
        self.errors.extend(more.errors.into_iter().take(room));
    }

    /// Notes a row that failed.
    pub fn fail(&mut self, number: u64, errors: Vec<RowError>) {
        self.failed += 1;
        if self.errors.len() < FAILED_MAX {
            self.errors.push((number, errors));
        }
    }
}

/// Where the file of an import lies: beside the evidence of its organization.
pub fn object_key(ctx: &Ctx, id: ImportId) -> String {
    format!("{}/imports/{id}.table", ctx.org)
}

/// Takes an import whose file lies in the store, and wants it carried out by a job. Whether the caller may change the
/// register is asked before.
pub async fn begin(ctx: &Ctx, tx: &mut Tx, import: Import) -> Result<Import, Refusal> {
    let open = [Status::Queued, Status::Running].map(|status| Scalar::Text(status.as_str().to_owned()));
    if kit::count::<Import>(ctx, tx, &Import::LIST.query().only("status", open.to_vec())).await? >= OPEN_MAX {
        return Err(Refusal::Limited(format!("at most {OPEN_MAX} imports of an organization at a time"), 10));
    }
    Repo::<Import>::insert(tx, &import).await?;
    let payload = json!({"resource": import.resource});
    tx.jobs().enqueue(ctx, NewJob { kind: JOB, subject: import.id.0, payload, max_attempts: ATTEMPTS }).await?;
    tx.journal().record(ctx, Fact::created(&import)).await?;
    Ok(import)
}

/// A new import, of which nothing was said yet.
pub fn draft(ctx: &Ctx, id: ImportId) -> Import {
    Import { status: Status::Queued, ..Import::blank(id, ctx.org, Meta::new(ctx)) }
}

/// An import and the first of its rows that failed. Whether the caller may read the register is asked by whoever shows it.
pub async fn get(ctx: &Ctx, tx: &mut Tx, id: ImportId) -> Result<(Import, Vec<ImportRow>), Refusal> {
    let import = kit::find::<Import>(ctx, tx, id).await?;
    let rows = Repo::<ImportRow>::page(tx, ctx.org, &of_import(id).limited(FAILED_MAX)).await?.items;
    Ok((import, rows))
}

fn of_import(id: ImportId) -> ListQuery {
    ImportRow::LIST.query().within("import_id", Test::AnyOf(vec![Scalar::Id(id.0)]))
}

/// What a worker is to do; none where nothing is left. Called by the job worker.
pub async fn start(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<Option<Import>, Refusal> {
    tx.jobs().hold(job).await?;
    let Some(import) = Repo::<Import>::lock(tx, ctx.org, ImportId(job.subject)).await? else { return Ok(None) };
    match import.status {
        Status::Queued => {
            let running = Changes::with(|import: &mut Import| import.status = Status::Running);
            Ok(Some(kit::change(ctx, tx, "started", import, running).await?))
        }
        Status::Running => Ok(Some(import)),
        Status::Completed | Status::Failed | Status::Cancelled => Ok(None),
    }
}

/// Notes what became of the next rows. Of a dry run, and where each row counts for itself, as it goes on; of a whole once.
/// Called by the job worker.
pub async fn note(ctx: &Ctx, tx: &mut Tx, job: &Job, tally: &Tally) -> Result<Import, Refusal> {
    tx.jobs().hold(job).await?;
    let before = running(ctx, tx, job).await?;
    let kept = usize::try_from(before.failed).unwrap_or(FAILED_MAX);
    let rows: Vec<ImportRow> = tally
        .errors
        .iter()
        .take(FAILED_MAX.saturating_sub(kept))
        .map(|(number, errors)| {
            let mut row = ImportRow::blank(ctx.new_id(), ctx.org, Meta::new(ctx));
            row.import_id = before.id;
            row.number = i64::try_from(*number).unwrap_or(i64::MAX);
            row.errors.clone_from(errors);
            row.errors.truncate(100);
            row
        })
        .collect();
    Repo::<ImportRow>::insert_many(tx, &rows).await?;
    let mut after = before.clone();
    after.rows_done += tally.rows();
    after.created += tally.created;
    after.updated += tally.updated;
    after.unchanged += tally.unchanged;
    after.failed += tally.failed;
    after.meta.touch(ctx);
    // What is on its way is no fact yet: the end of the import says what came of it.
    Repo::<Import>::update(tx, &after, before.meta.revision).await?;
    let percent = after.rows_done.saturating_mul(100).checked_div(after.rows_total.max(1)).unwrap_or(0).clamp(0, 99);
    tx.jobs().progress(job, i32::try_from(percent).unwrap_or(0)).await?;
    Ok(after)
}

async fn running(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<Import, Refusal> {
    let import = Repo::<Import>::lock(tx, ctx.org, ImportId(job.subject)).await?;
    import.filter(|import| import.status == Status::Running).ok_or(Refusal::Store(grc_kernel::StoreError::Stale))
}

/// Ends an import all of whose rows were looked at, and its job. Called by the job worker.
pub async fn finish(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    let import = running(ctx, tx, job).await?;
    let whole = import.atomic && import.mode == Mode::Apply && import.failed > 0;
    let why = whole.then(|| {
        let (failed, total) = (import.failed, import.rows_total);
        format!("{failed} of {total} rows failed, and all or none were to count: nothing was changed")
    });
    let status = if whole { Status::Failed } else { Status::Completed };
    end(ctx, tx, import, status, why).await?;
    Ok(tx.jobs().complete(job).await?)
}

/// Gives an import up that cannot be carried out, and ends its job. Called by the job worker.
pub async fn reject(ctx: &Ctx, tx: &mut Tx, job: &Job, why: &str) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    let import = running(ctx, tx, job).await?;
    end(ctx, tx, import, Status::Failed, Some(why.to_owned())).await?;
    Ok(tx.jobs().complete(job).await?)
}

/// Notes that an import was given up after its last attempt. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut Tx, id: ImportId, why: &str) -> Result<(), Refusal> {
    match Repo::<Import>::lock(tx, ctx.org, id).await? {
        Some(import) if !import.status.is_over() => end(ctx, tx, import, Status::Failed, Some(why.to_owned())).await,
        _ => Ok(()),
    }
}

/// Stops an import: what it did counts unless all or none were to; nothing more is done.
pub async fn cancel(ctx: &Ctx, tx: &mut Tx, id: ImportId) -> Result<(), Refusal> {
    // The job first, as its worker takes them.
    tx.jobs().cancel(ctx.org, JOB, id.0).await?;
    let import = kit::hold::<Import>(ctx, tx, id, None).await?;
    if import.status.is_over() {
        return Err(Refusal::Illegal { detail: "the import is over".to_owned(), available: Vec::new() });
    }
    end(ctx, tx, import, Status::Cancelled, None).await
}

/// The job that removes a file from the store: evidence's own.
pub const PURGE_JOB: &str = "evidence.purge";

async fn end(ctx: &Ctx, tx: &mut Tx, import: Import, status: Status, why: Option<String>) -> Result<(), Refusal> {
    if let Some(key) = &import.object_key {
        let payload = json!({"object_key": key});
        tx.jobs().enqueue(ctx, NewJob { kind: PURGE_JOB, subject: import.id.0, payload, max_attempts: 10 }).await?;
    }
    let now = ctx.now;
    let over = Changes::with(move |import: &mut Import| {
        import.status = status;
        import.error = why;
        import.finished_at = Some(now);
        import.object_key = None;
    });
    kit::change(ctx, tx, status.as_str(), import, over).await?;
    Ok(())
}

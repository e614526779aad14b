//! The whole file: read on one thread, carried out on another, group by group.
//!
//! - Where each row counts for itself, a group of rows and the note of what became of them are one transaction.
//! - All or nothing is one transaction, and so is a dry run of a register whose records refer to each other.
//! - Any other dry run takes each group back, so that nobody waits for it.
//!
//! Whatever becomes of a row in a dry run would become of it: nothing is imitated.

use std::{
    fs::File,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::web::Data;
use grc_kernel::{Ctx, Job, OrgId, Refusal, StoreError};
use grc_transfer::{
    Import,
    columns::{Columns, Mapping},
    model::Mode,
    service::{self, Tally},
    table::{self, Format, Row, Sink, TableError},
};
use serde_json::Value;
use tokio::{runtime::Handle, sync::mpsc, task::LocalSet};
use tokio_util::sync::CancellationToken;

use super::{
    rows::{Asker, Rows},
    target::{self, Target},
};
use crate::{
    adapters::clock,
    bulk,
    http::{caller::Caller, inner::Inner, problem::Problem},
    serve::App,
    worker,
};

/// How many rows make a group.
const GROUP: usize = 100;
/// How often it is noted how far a long one is, and with it that the job is still ours.
const BEAT: Duration = Duration::from_secs(2);
/// The most rows of which all or none count: the organization's other changes wait for them.
pub const ATOMIC_MAX: u64 = 10_000;

/// What an import was asked for beside what everybody is shown.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which member each heading means.
    pub mapping: Mapping,
    /// The worksheet.
    pub sheet: Option<String>,
    /// The members by which rows without an id find their records.
    pub matching: Vec<&'static str>,
}

impl Options {
    /// As an import keeps them.
    pub fn to_json(&self) -> serde_json::Map<String, Value> {
        let all = serde_json::json!({"mapping": self.mapping, "sheet": self.sheet, "match": self.matching});
        all.as_object().cloned().unwrap_or_default()
    }

    /// As they were kept.
    fn of(kept: &serde_json::Map<String, Value>, target: &Target) -> Self {
        let mapping = kept.get("mapping").and_then(Value::as_object).into_iter().flatten();
        let mapping = mapping.map(|(heading, to)| (heading.clone(), to.as_str().map(str::to_owned))).collect();
        let matching = kept.get("match").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let known = (target.names)();
        Self {
            mapping,
            sheet: kept.get("sheet").and_then(Value::as_str).map(str::to_owned),
            matching: matching.filter_map(|name| known.iter().copied().find(|known| *known == name)).collect(),
        }
    }
}

/// Carries an import out. False where the service stops, or where others may want their turn: a worker then goes on with
/// the rows that wait.
pub async fn carry_out(app: &Data<App>, ctx: &Ctx, job: &Job, stop: &CancellationToken) -> Result<bool, Problem> {
    let begun: Result<_, Refusal> =
        app.db.write(job.org, async |uow| service::start(ctx, uow.transfer(), job).await).await;
    let Some(import) = begun? else {
        app.db.write(job.org, async |uow| uow.transfer().jobs().complete(job).await).await?;
        return Ok(true);
    };
    let Some(target) = target::of_name(&import.resource) else {
        return reject(app, ctx, job, "this version imports no such register").await;
    };
    let Some(file) = fetch(app, &import).await? else {
        return reject(app, ctx, job, "the file is not in the store any more").await;
    };
    let Some(caller) = app.callers.again(&import.caller, job.org).await? else {
        return reject(app, ctx, job, GONE).await;
    };
    let leave = CancellationToken::new();
    let done = Arc::new(AtomicI64::new(import.rows_done));
    let total = import.rows_total;
    let run = Run {
        app: app.clone(),
        ctx: ctx.clone(),
        job: job.clone(),
        import,
        target,
        leave: leave.clone(),
        done: Arc::clone(&done),
    };
    // The routes are bound to a thread. This one has the connections of the runtime that it was started from.
    let runtime = Handle::current();
    let mut work =
        tokio::task::spawn_blocking(move || runtime.block_on(LocalSet::new().run_until(run.carry_out(file, caller))));
    let mut outcome = Ok(());
    loop {
        tokio::select! {
            ended = &mut work => {
                let ended = ended.map_err(|error| Problem::new(500, format!("an import broke off: {error}")))?;
                app.webhooks.changed();
                app.wake.notify_one();
                return outcome.and(ended);
            }
            () = stop.cancelled(), if !leave.is_cancelled() => leave.cancel(),
            () = tokio::time::sleep(BEAT), if outcome.is_ok() => {
                // One that lost its job, or whose job was cancelled, leaves nothing behind.
                outcome = beat(app, job, done.load(Ordering::Relaxed), total).await;
                if outcome.is_err() {
                    leave.cancel();
                }
            }
        }
    }
}

const GONE: &str = "whoever asked for it may do so no longer";

async fn reject(app: &Data<App>, ctx: &Ctx, job: &Job, why: &str) -> Result<bool, Problem> {
    let ctx = ctx.clone().at(clock::now());
    app.db.write(job.org, async |uow| service::reject(&ctx, uow.transfer(), job, why).await).await?;
    app.wake.notify_one();
    Ok(true)
}

async fn fetch(app: &App, import: &Import) -> Result<Option<File>, Problem> {
    let store = app.store.as_ref().ok_or_else(|| Problem::new(503, "no evidence store is configured"))?;
    let Some(key) = &import.object_key else { return Ok(None) };
    bulk::fetched(app, store.as_ref(), key).await
}

async fn beat(app: &Data<App>, job: &Job, done: i64, total: i64) -> Result<(), Problem> {
    let until = clock::now() + worker::LEASE;
    let renewed: Result<(), StoreError> =
        app.db.write(OrgId::PLATFORM, async |uow| uow.app().renew_job(job, until).await).await;
    renewed?;
    let percent = done.saturating_mul(100).checked_div(total.max(1)).unwrap_or(0).clamp(0, 99);
    let percent = i32::try_from(percent).unwrap_or(99);
    Ok(app.db.write(job.org, async |uow| uow.transfer().jobs().progress(job, percent).await).await?)
}

/// What the reading thread says.
enum Read {
    Heading(Vec<String>),
    Rows(Vec<Row>),
    Broken(TableError),
}

/// Hands rows on in groups.
struct Groups {
    sender: mpsc::Sender<Read>,
    group: Vec<Row>,
}

impl Groups {
    fn send(&self, read: Read) -> ControlFlow<()> {
        if self.sender.blocking_send(read).is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Sink for Groups {
    fn heading(&mut self, headings: Vec<String>) -> ControlFlow<()> {
        self.send(Read::Heading(headings))
    }

    fn row(&mut self, row: Row) -> ControlFlow<()> {
        self.group.push(row);
        if self.group.len() < GROUP {
            return ControlFlow::Continue(());
        }
        let group = std::mem::take(&mut self.group);
        self.send(Read::Rows(group))
    }
}

/// Reads a file aside; what is read waits in a short queue.
fn reading(file: File, format: Format, sheet: Option<String>) -> mpsc::Receiver<Read> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut groups = Groups { sender, group: Vec::new() };
        let read = table::read(file, format, sheet.as_deref(), &mut groups);
        let rest = std::mem::take(&mut groups.group);
        let _ = match read {
            Ok(_) if rest.is_empty() => ControlFlow::Continue(()),
            Ok(_) => groups.send(Read::Rows(rest)),
            Err(error) => groups.send(Read::Broken(error)),
        };
    });
    receiver
}

/// An import on the thread that carries it out.
struct Run {
    app: Data<App>,
    ctx: Ctx,
    job: Job,
    import: Import,
    target: &'static Target,
    leave: CancellationToken,
    done: Arc<AtomicI64>,
}

/// The file was read when the import was taken, so what is wrong with it now is the store's fault.
fn broken(error: &TableError) -> Problem {
    Problem::new(500, format!("the file of an import cannot be read any more: {error:?}"))
}

impl Run {
    async fn carry_out(self, file: File, caller: Arc<Caller>) -> Result<bool, Problem> {
        let options = Options::of(&self.import.options, self.target);
        let mut read = reading(file, self.import.format, options.sheet);
        let columns = if self.import.format == Format::Json {
            Columns::of_objects(options.mapping)
        } else {
            let headings = match read.recv().await {
                Some(Read::Heading(headings)) => headings,
                Some(Read::Broken(error)) => return Err(broken(&error)),
                _ => return Err(Problem::new(500, "a table without a heading")),
            };
            let known = (self.target.known)();
            Columns::of_heading(headings, options.mapping, &options.matching, &known).map_err(Problem::fields)?
        };
        let text = |name: &str| self.import.caller.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let asker = Asker {
            app: self.app.clone(),
            inner: Inner::new(self.app.clone()),
            org: self.job.org,
            caller,
            request_id: format!("import-{}", self.import.id),
            address: text("address"),
        };
        let rows = Rows::new(asker, self.target, columns, self.import.format, options.matching);
        let few = self.import.rows_total <= i64::try_from(ATOMIC_MAX).unwrap_or(i64::MAX);
        match self.import.mode {
            Mode::Apply if self.import.atomic => self.whole(rows, read).await,
            Mode::DryRun if few && self.target.refers_to_itself() => self.whole(rows, read).await,
            _ => self.in_groups(rows, read).await,
        }
    }

    /// The next group; none at the end.
    async fn next(read: &mut mpsc::Receiver<Read>) -> Result<Option<Vec<Row>>, Problem> {
        match read.recv().await {
            None => Ok(None),
            Some(Read::Rows(rows)) => Ok(Some(rows)),
            Some(Read::Broken(error)) => Err(broken(&error)),
            Some(Read::Heading(_)) => Err(Problem::new(500, "a table with two headings")),
        }
    }

    fn now(&self) -> Ctx {
        self.ctx.clone().at(clock::now())
    }

    async fn in_groups(self, mut rows: Rows, mut read: mpsc::Receiver<Read>) -> Result<bool, Problem> {
        let begun = Instant::now();
        let apply = self.import.mode == Mode::Apply;
        let mut past = usize::try_from(self.import.rows_done).unwrap_or_default();
        while let Some(mut group) = Self::next(&mut read).await? {
            if past > 0 {
                let rest = group.split_off(past.min(group.len()));
                past -= group.len();
                rows.skip(group);
                group = rest;
                if group.is_empty() {
                    continue;
                }
            }
            if self.leave.is_cancelled() || begun.elapsed() > worker::TURN {
                return Ok(false);
            }
            let Some(caller) = self.app.callers.again(&self.import.caller, self.job.org).await? else {
                return reject(&self.app, &self.ctx, &self.job, GONE).await;
            };
            rows.on_behalf_of(caller);
            let work = async {
                let tally = rows.carry_out(group).await?;
                if apply {
                    self.note(&tally).await?;
                }
                Ok::<_, Problem>((tally, apply))
            };
            let tally = self.app.db.together(self.job.org, work).await?;
            if !apply {
                self.note(&tally).await?;
            }
            self.done.fetch_add(tally.rows(), Ordering::Relaxed);
            self.app.webhooks.changed();
        }
        let ctx = self.now();
        let finish = async |uow: &mut grc_uow::Uow| service::finish(&ctx, uow.transfer(), &self.job).await;
        self.app.db.write(self.job.org, finish).await?;
        Ok(true)
    }

    async fn note(&self, tally: &Tally) -> Result<(), Problem> {
        let ctx = self.now();
        let note = async |uow: &mut grc_uow::Uow| service::note(&ctx, uow.transfer(), &self.job, tally).await;
        Ok(self.app.db.write(self.job.org, note).await.map(|_| ())?)
    }

    async fn whole(self, mut rows: Rows, mut read: mpsc::Receiver<Read>) -> Result<bool, Problem> {
        let apply = self.import.mode == Mode::Apply;
        let work = async {
            let mut total = Tally::default();
            while let Some(group) = Self::next(&mut read).await? {
                if self.leave.is_cancelled() {
                    return Ok::<_, Problem>((None, false));
                }
                let tally = rows.carry_out(group).await?;
                self.done.fetch_add(tally.rows(), Ordering::Relaxed);
                total.add(tally);
            }
            let counts = apply && total.failed == 0;
            if counts {
                self.over(&total).await?;
            }
            Ok((Some((total, counts)), counts))
        };
        match self.app.db.together(self.job.org, work).await? {
            // All of it was taken back, and is begun anew.
            None => Ok(false),
            Some((_, true)) => Ok(true),
            Some((total, false)) => {
                self.over(&total).await?;
                Ok(true)
            }
        }
    }

    async fn over(&self, total: &Tally) -> Result<(), Problem> {
        let ctx = self.now();
        let over: Result<(), Refusal> = self
            .app
            .db
            .write(self.job.org, async |uow| {
                service::note(&ctx, uow.transfer(), &self.job, total).await?;
                service::finish(&ctx, uow.transfer(), &self.job).await
            })
            .await;
        Ok(over?)
    }
}

//! The job of an import: item by item, with its lease prolonged and its progress noted as it goes.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::web::Data;
use grc_archive::{Archive, ArchiveError, Limits};
use grc_evidence::{
    Evidence, ObjectStore,
    bulk::{
        BulkImport, BulkItem, ImportId,
        model::ItemError,
        service::{self, Standing},
    },
};
use grc_kernel::{Ctx, Job, OrgId, Refusal, StoreError};
use tokio_util::sync::CancellationToken;

use super::{SpoolReader, aside, fetch, folder, inspected, unpack};
use crate::{adapters::clock, http::problem::Problem, serve::App, worker};

/// How often progress is noted, and with it that the job is still ours.
const BEAT: Duration = Duration::from_secs(2);

/// Carries an import out. False where the service stops, or where others may want their turn: a worker then goes on with
/// the items that wait.
pub async fn carry_out(app: &Data<App>, ctx: &Ctx, job: &Job, stop: &CancellationToken) -> Result<bool, Problem> {
    let begun: Result<_, Refusal> =
        app.db.write(job.org, async |uow| service::start(ctx, uow.evidence(), job).await).await;
    let Some((import, standing)) = begun? else {
        app.db.write(job.org, async |uow| uow.evidence().jobs().complete(job).await).await?;
        return Ok(true);
    };
    let done = Arc::new(AtomicI64::new(standing.stored.saturating_add(standing.failed)));
    let work = work(app, ctx, job, &import, Arc::clone(&done));
    tokio::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(BEAT) => beat(app, job, &import, done.load(Ordering::Relaxed)).await?,
        }
    }
}

async fn beat(app: &Data<App>, job: &Job, import: &BulkImport, done: i64) -> Result<(), Problem> {
    let until = clock::now() + worker::LEASE;
    let renewed: Result<(), StoreError> =
        app.db.write(OrgId::PLATFORM, async |uow| uow.app().renew_job(job, until).await).await;
    renewed?;
    let percent = Standing { stored: done, failed: 0 }.percent(import.items_total).min(99);
    let percent = i32::try_from(percent).unwrap_or(99);
    Ok(app.db.write(job.org, async |uow| uow.evidence().jobs().progress(job, percent).await).await?)
}

async fn work(
    app: &Data<App>,
    ctx: &Ctx,
    job: &Job,
    import: &BulkImport,
    done: Arc<AtomicI64>,
) -> Result<bool, Problem> {
    let begun = Instant::now();
    let store = app.store.clone().ok_or_else(|| Problem::new(503, "no evidence store is configured"))?;
    let mut items = next(app, ctx, import.id).await?;
    let mut source = match (&import.archive_key, items.is_empty()) {
        (Some(key), false) => match archive(app, store.as_ref(), key).await? {
            Ok(archive) => Some(archive),
            Err(why) => {
                let ctx = ctx.clone().at(clock::now());
                app.db.write(job.org, async |uow| service::reject(&ctx, uow.evidence(), job, &why).await).await?;
                app.wake.notify_one();
                return Ok(true);
            }
        },
        _ => None,
    };
    while !items.is_empty() {
        for item in &items {
            // Each is of its own time.
            let ctx = ctx.clone().at(clock::now());
            one(app, &ctx, job, store.as_ref(), &mut source, item).await?;
            done.fetch_add(1, Ordering::Relaxed);
            // What is fetched takes as long as strangers please. An archive is at hand, and is not fetched again for each
            // turn.
            if source.is_none() && begun.elapsed() > worker::TURN {
                return Ok(false);
            }
        }
        items = next(app, ctx, import.id).await?;
    }
    let ctx = ctx.clone().at(clock::now());
    app.db.write(job.org, async |uow| service::finish(&ctx, uow.evidence(), job).await).await?;
    // The archive is removed by a job.
    app.wake.notify_one();
    Ok(true)
}

async fn next(app: &Data<App>, ctx: &Ctx, id: ImportId) -> Result<Vec<BulkItem>, Problem> {
    Ok(app.db.read(ctx.org, async |uow| service::next(ctx, uow.evidence(), id).await).await?)
}

/// Fetches the archive and reads all of it once, so that one that lies about its sizes is refused before anything of it
/// is evidence. The error says why it is refused.
async fn archive(app: &App, store: &dyn ObjectStore, key: &str) -> Result<Result<Archive<File>, String>, Problem> {
    let Some(file) = super::fetched(app, store, key).await? else {
        return Ok(Err("the archive is not in the store any more".to_owned()));
    };
    let opened = aside(move || {
        let mut archive = Archive::open(file, &Limits::default())?;
        archive.verify()?;
        Ok(archive)
    });
    match opened.await? {
        Ok(archive) => Ok(Ok(archive)),
        Err(ArchiveError::Refused(why)) => Ok(Err(why.to_string())),
        Err(ArchiveError::Io(error)) => Err(super::broken(error)),
    }
}

/// One item: judged, written, inspected, kept. Whatever is wrong with it is its own matter; what is wrong with the store
/// or the database ends the attempt, and the next one begins with this item.
async fn one(
    app: &Data<App>,
    ctx: &Ctx,
    job: &Job,
    store: &dyn ObjectStore,
    source: &mut Option<Archive<File>>,
    item: &BulkItem,
) -> Result<(), Problem> {
    let judged: Result<Evidence, Refusal> =
        app.db.read(job.org, async |uow| service::judge(ctx, uow.evidence(), item).await).await;
    let evidence = match judged {
        Ok(evidence) => evidence,
        Err(Refusal::Invalid(errors)) => {
            return refuse(app, ctx, job, item, None, errors.iter().map(ItemError::from).collect()).await;
        }
        Err(other) => return Err(other.into()),
    };
    let file = match bytes(app, source, item).await? {
        Ok(file) => file,
        Err(error) => return refuse(app, ctx, job, item, None, vec![error]).await,
    };
    store.put_from(&evidence.object_key, &mut SpoolReader(tokio::fs::File::from_std(file))).await?;
    let inspection = inspected(&app.pdf, store, &evidence).await?;
    let kept: Result<_, Refusal> =
        app.db.write(job.org, async |uow| service::keep(ctx, uow.evidence(), job, item.id, &inspection).await).await;
    match kept {
        Ok(_) => Ok(()),
        Err(Refusal::Invalid(errors)) => {
            let errors = errors.iter().map(ItemError::from).collect();
            refuse(app, ctx, job, item, Some(&evidence.object_key), errors).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn refuse(
    app: &Data<App>,
    ctx: &Ctx,
    job: &Job,
    item: &BulkItem,
    object: Option<&str>,
    errors: Vec<ItemError>,
) -> Result<(), Problem> {
    let refused = app
        .db
        .write(job.org, async |uow| service::refuse(ctx, uow.evidence(), job, item.id, object, errors).await)
        .await;
    Ok(refused?)
}

/// The bytes of an item, in a file without a name.
async fn bytes(
    app: &App,
    source: &mut Option<Archive<File>>,
    item: &BulkItem,
) -> Result<Result<File, ItemError>, Problem> {
    let Some(mut archive) = source.take() else { return fetch::fetch(app, &item.name).await };
    let (name, folder) = (item.name.clone(), folder(&app.config.data_dir));
    let (archive, unpacked) = aside(move || {
        let unpacked = unpack(&mut archive, &name, &folder);
        (archive, unpacked)
    })
    .await?;
    *source = Some(archive);
    match unpacked {
        Ok(file) => Ok(Ok(file)),
        Err(ArchiveError::Refused(why)) => Ok(Err(ItemError::whole(why.why.code(), why.to_string()))),
        Err(ArchiveError::Io(error)) => Err(super::broken(error)),
    }
}

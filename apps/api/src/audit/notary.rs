//! Makes checkpoints while the service runs: of every organization with something new, twice a second.
//!
//! A checkpoint is signed and kept in one transaction, and then written outside. Where the service ends in between, the file
//! catches up with the next one: it goes on from the last entry that it knows.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web::Data;
use grc_audit::{
    Checkpoint,
    seal::{self, Anchor, Sealed},
    witness::{HASHES_MAX, Line},
};
use grc_kernel::{Actor, Ctx, OrgId, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{adapters::clock, http::problem::Problem, serve::App};

/// How often it is looked for something new.
const EVERY: Duration = Duration::from_millis(500);
/// How long a journal is left alone whose past is not what it was: nothing can be signed, and the log has said so.
const BROKEN: Duration = Duration::from_secs(60);

/// Makes checkpoints until the service ends, and last ones then.
pub async fn run(app: Data<App>, stop: CancellationToken) {
    let mut broken: HashMap<OrgId, Instant> = HashMap::new();
    loop {
        let ending = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        if let Err(problem) = round(&app, &mut broken).await {
            tracing::warn!(%problem, "no checkpoint of the audit log could be made");
        }
        if ending {
            return;
        }
    }
}

async fn round(app: &Data<App>, broken: &mut HashMap<OrgId, Instant>) -> Result<(), Problem> {
    broken.retain(|_, since| since.elapsed() < BROKEN);
    let open: Result<Vec<OrgId>, StoreError> =
        app.db.read(OrgId::PLATFORM, async |uow| uow.app().unsealed().await).await;
    for org in open? {
        if broken.contains_key(&org) {
            continue;
        }
        // One organization's trouble is not the others'.
        let sealed = seal(app, org).await.unwrap_or_else(|problem| {
            tracing::warn!(target: "grc::audit", %org, %problem, "no checkpoint could be made");
            metrics::counter!("grc_audit_unsealed_total").increment(1);
            Sealed::Busy
        });
        if let Sealed::Broken(why) = sealed {
            tracing::error!(target: "grc::audit", %org, why, "the audit log is not what it was: no checkpoint is signed");
            metrics::counter!("grc_audit_broken_total").increment(1);
            broken.insert(org, Instant::now());
        }
    }
    Ok(())
}

/// Makes a checkpoint of an organization's journal, where something is new, and has it written outside.
pub async fn seal(app: &App, org: OrgId) -> Result<Sealed, Problem> {
    // What is signed and written outside can never be taken back.
    if grc_uow::is_shared() {
        return Err(Problem::new(409, "a checkpoint is of what is committed: an atomic batch can ask for none"));
    }
    let anchor = app.witness.position(org).await?;
    let ctx = Ctx::new(org, Actor::system(), clock::now(), "notary", Arc::clone(&app.ids));
    let signer = app.tokens.as_ref();
    let sealed: Result<Sealed, StoreError> =
        app.db.write(org, async |uow| seal::seal(&ctx, uow.app(), signer, anchor).await).await;
    let sealed = match sealed {
        // A newer checkpoint than the newest one has kept it: that one was removed.
        Err(StoreError::Duplicate(_)) => Sealed::Broken("a checkpoint that was made is not there any more".to_owned()),
        other => other?,
    };
    if let Sealed::Made(checkpoint) = &sealed {
        let size = checkpoint.tree_size;
        tracing::info!(target: "grc::audit", %org, size, note = checkpoint.note, "checkpoint of the audit log");
        testify(app, checkpoint, anchor).await?;
    }
    Ok(sealed)
}

/// Writes outside what the file does not know yet, up to a checkpoint.
async fn testify(app: &App, checkpoint: &Checkpoint, anchor: Option<Anchor>) -> Result<(), Problem> {
    let (org, mut at) = (checkpoint.org, anchor.map_or(0, |(sequence, _)| sequence));
    while at < checkpoint.tree_size {
        let rest = usize::try_from(checkpoint.tree_size - at).unwrap_or(HASHES_MAX).min(HASHES_MAX);
        let links: Result<_, StoreError> = app.db.read(org, async |uow| uow.app().links(org, at, rest).await).await;
        let links = links?;
        let Some(last) = links.last() else { break };
        let mut lines = vec![Line::Hashes(at + 1, links.iter().map(|link| link.hash).collect())];
        at = last.sequence;
        if at >= checkpoint.tree_size {
            lines.push(Line::Note(checkpoint.tree_size, checkpoint.note.clone()));
        }
        app.witness.add(org, &lines).await?;
    }
    Ok(())
}

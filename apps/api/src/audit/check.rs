//! The check of an organization's audit log: the journal goes by in batches, and is checked on a thread of its own while the next is
//! read.

use std::io::{BufRead, BufReader};

use grc_audit::{
    Checkpoint, Keys,
    verify::{Report, Verifier},
};
use grc_kernel::{
    OrgId, StoreError, StoreResult,
    journal::{self, Entry},
    list::{Scalar, Test},
};
use grc_uow::{Db, Uow};

use super::witness::{Seen, Witness};
use crate::{bulk::aside, http::problem::Problem};

/// How many entries are read at a time.
const BATCH: i64 = 2_000;
/// How many bytes of records, where they are large.
const BYTES: i64 = 8 * 1024 * 1024;

/// Checks everything.
pub async fn check(db: &Db, witness: &Witness, keys: &Keys, org: OrgId) -> Result<Report, Problem> {
    // In this order: whatever was signed or written outside before the head was read is of entries that the head covers.
    let mut outside = witness.open(org).await?.map(BufReader::new);
    let newest: StoreResult<_> = db.read(org, async |uow| uow.app().newest_checkpoint(org).await).await;
    let newest = newest?.map_or(0, |checkpoint| checkpoint.tree_size);
    let head: StoreResult<_> = db.read(org, async |uow| uow.app().chain_head(org).await).await;
    let head = head?;
    let end = head.map_or(0, |(sequence, _)| sequence);
    let mut verifier = Verifier::new(org, keys.clone());
    let (mut at, mut next) = (0, Some(batch(db, org, 0, end).await?));
    while let Some((entries, checkpoints)) = next.take() {
        let Some(last) = entries.last().map(|entry| entry.sequence) else { break };
        let checking = aside(move || {
            checkpoints.iter().for_each(|checkpoint| verifier.checkpoint(checkpoint));
            let read = testimony(&mut verifier, outside.as_mut(), last);
            let good = read.is_ok() && entries.iter().all(|entry| verifier.entry(entry));
            (verifier, outside, good, read)
        });
        let (checked, following) = tokio::join!(checking, batch(db, org, last, end));
        let (back, file, good, read) = checked?;
        (verifier, outside) = (back, file);
        read.map_err(|error| Problem::new(500, format!("the witness of the audit log: {error}")))?;
        if !good {
            return Ok(verifier.finish(head));
        }
        at = last;
        next = Some(following?);
    }
    // What was signed and witnessed beyond the last entry.
    let beyond: StoreResult<Vec<Checkpoint>> =
        db.read(org, async |uow| uow.app().checkpoints_within(org, at, newest).await).await;
    beyond?.iter().for_each(|checkpoint| verifier.checkpoint(checkpoint));
    let report = aside(move || testimony(&mut verifier, outside.as_mut(), i64::MAX).map(|()| verifier.finish(head)));
    report.await?.map_err(|error| Problem::new(500, format!("the witness of the audit log: {error}")))
}

type Batch = (Vec<Entry>, Vec<Checkpoint>);

async fn batch(db: &Db, org: OrgId, after: i64, end: i64) -> Result<Batch, StoreError> {
    if after >= end {
        return Ok((Vec::new(), Vec::new()));
    }
    db.read(org, async |uow: &mut Uow| {
        let count = uow.app().stretch(org, after, BATCH, BYTES).await?;
        let query = journal::LIST.query().within("sequence", Test::AtLeast(Scalar::Int(after + 1)));
        let query = query.limited(usize::try_from(count).unwrap_or(1));
        let mut entries = uow.app().journal_page(org, &query).await?.items;
        entries.retain(|entry| entry.sequence <= end);
        let last = entries.last().map_or(after, |entry| entry.sequence);
        let checkpoints = uow.app().checkpoints_within(org, after, last).await?;
        Ok((entries, checkpoints))
    })
    .await
}

/// Takes in what was written outside, as far as it is about entries up to one, and a little more.
fn testimony(verifier: &mut Verifier, outside: Option<&mut BufReader<Seen>>, last: i64) -> std::io::Result<()> {
    let Some(outside) = outside else { return Ok(()) };
    let mut line = Vec::new();
    while verifier.known() <= last {
        line.clear();
        if outside.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        verifier.witness(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

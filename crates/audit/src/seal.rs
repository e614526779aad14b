//! Making a checkpoint: the tree grows by the entries since the last one, and its root is signed.
//!
//! The journal's lock is not taken: what is committed stays as it is, and what comes after has the next checkpoint. A chain or
//! a tree that is not as it was is not signed, for that would be to vouch for it.

use grc_kernel::{
    Ctx, StoreError, StoreResult,
    merkle::{Hash, Node, Tree, nodes},
};

use crate::{
    checkpoint::Checkpoint,
    note::{Head, Signer},
    ports::{KEPT_LEVEL, Ledger},
    prove,
};

/// How many entries one checkpoint adds at most: what there are more has the next.
pub const ENTRIES_MAX: i64 = 100_000;
const BATCH: usize = 2_000;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Sealed {
    /// A new checkpoint.
    Made(Checkpoint),
    /// Nothing has happened since the last one.
    Covered,
    /// Another server is at it.
    Busy,
    /// The past is not what it was; nothing is signed.
    Broken(String),
}

/// An entry that is known from outside of the database.
pub type Anchor = (i64, Hash);

/// Makes a checkpoint over what the organization's journal holds, where it goes on from what was witnessed before.
pub async fn seal(
    ctx: &Ctx,
    ledger: &mut (impl Ledger + ?Sized),
    signer: &dyn Signer,
    anchor: Option<Anchor>,
) -> StoreResult<Sealed> {
    let org = ctx.org;
    if !ledger.take_sealing(org).await? {
        return Ok(Sealed::Busy);
    }
    let last = ledger.newest_checkpoint(org).await?;
    let before = last.as_ref().map_or(0, |checkpoint| checkpoint.tree_size);
    let newest = ledger.chain_head(org).await?.map_or(0, |(sequence, _)| sequence);
    if let Some((sequence, hash)) = anchor
        && !ledger.entry_hashes(org, &[sequence]).await?.contains(&(sequence, hash))
    {
        return Ok(Sealed::Broken(format!("entry {sequence} is not the one that was witnessed")));
    }
    if newest < before {
        return Ok(Sealed::Broken(format!("{before} entries were signed, and there are {newest}")));
    }
    if newest == before {
        return Ok(Sealed::Covered);
    }
    let size = u64::try_from(before).unwrap_or(0);
    let peaks = nodes(0..size);
    let hashes = prove::hashes(ledger, org, &peaks).await?;
    let known: Vec<Hash> = peaks.iter().filter_map(|node| hashes.get(node).copied()).collect();
    let mut tree = Tree::of(size, known.iter().copied());
    if known.len() != peaks.len() || last.as_ref().is_some_and(|checkpoint| checkpoint.root != tree.root()) {
        return Ok(Sealed::Broken(format!("the tree over the first {before} entries is not the one that was signed")));
    }
    let mut prev = match ledger.entry_hashes(org, &[before]).await?.first() {
        Some((_, hash)) => *hash,
        None if before == 0 => [0; 32],
        None => return Ok(Sealed::Broken(format!("entry {before} is missing"))),
    };
    let most = newest.min(before.saturating_add(ENTRIES_MAX));
    let mut at = before;
    while at < most {
        let rest = usize::try_from(most - at).unwrap_or(BATCH).min(BATCH);
        let links = ledger.links(org, at, rest).await?;
        let mut complete: Vec<(Node, Hash)> = Vec::new();
        for link in &links {
            if link.sequence != at + 1 || link.prev_hash != prev {
                return Ok(Sealed::Broken(format!("entry {} does not go on from entry {at}", link.sequence)));
            }
            tree.grow(&link.hash, |node, hash| {
                if node.level >= KEPT_LEVEL {
                    complete.push((node, hash));
                }
            });
            (at, prev) = (link.sequence, link.hash);
        }
        if links.is_empty() {
            return Ok(Sealed::Broken(format!("entry {} is missing", at + 1)));
        }
        ledger.keep_subtrees(org, &complete).await?;
    }
    let head = Head { org, size: at, root: tree.root(), at: ctx.now };
    let note = head.signed(signer).map_err(StoreError::internal)?;
    let checkpoint = Checkpoint { id: ctx.new_id(), org, tree_size: at, root: head.root, note, created_at: ctx.now };
    ledger.keep_checkpoint(&checkpoint).await?;
    Ok(Sealed::Made(checkpoint))
}

//! What every adapter of the ledger must show.

use ed25519_dalek::{Signer as _, SigningKey};
use grc_kernel::{
    Ctx, Fact, JournalTx, StoreError, StoreResult, Uuid,
    list::Test,
    merkle::{is_consistent, is_included},
};

use crate::{
    checkpoint::{self, Checkpoint},
    note::{Keys, Signer},
    ports::Ledger,
    prove,
    seal::{Sealed, seal},
};

struct Key(SigningKey);

impl Signer for Key {
    fn sign(&self, text: &[u8]) -> Result<[u8; 64], String> {
        Ok(self.0.sign(text).to_bytes())
    }
    fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

fn ensure(holds: bool, what: &str) -> StoreResult<()> {
    if holds { Ok(()) } else { Err(StoreError::internal(format!("not so: {what}"))) }
}

async fn write(ctx: &Ctx, tx: &mut (impl JournalTx + ?Sized), count: u32) -> StoreResult<()> {
    for _ in 0..count {
        tx.journal().record(ctx, Fact::note("session", Uuid::from_u128(1), "opened")).await?;
    }
    Ok(())
}

async fn made(ctx: &Ctx, tx: &mut (impl Ledger + ?Sized), key: &Key) -> StoreResult<Checkpoint> {
    match seal(ctx, tx, key, None).await? {
        Sealed::Made(checkpoint) => Ok(checkpoint),
        other => Err(StoreError::internal(format!("no checkpoint: {other:?}"))),
    }
}

/// The suite.
pub async fn suite(ctx: &Ctx, tx: &mut (impl Ledger + JournalTx + ?Sized)) -> StoreResult<()> {
    let (key, org) = (Key(SigningKey::from_bytes(&[7; 32])), ctx.org);
    let keys = Keys::new([key.public()]);
    ensure(seal(ctx, tx, &key, None).await? == Sealed::Covered, "nothing is signed of nothing")?;
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    for more in [1, 1, 6, 9, 30, 1] {
        write(ctx, tx, more).await?;
        let checkpoint = made(ctx, tx, &key).await?;
        let head = keys.read(&checkpoint.note).map_err(|why| StoreError::internal(why.to_string()))?;
        ensure(head.size == checkpoint.tree_size && head.root == checkpoint.root, "the note states the checkpoint")?;
        ensure(seal(ctx, tx, &key, None).await? == Sealed::Covered, "what is covered is not signed again")?;
        checkpoints.push(checkpoint);
    }
    let sizes: Vec<i64> = checkpoints.iter().map(|checkpoint| checkpoint.tree_size).collect();
    ensure(sizes == [1, 2, 8, 17, 47, 48], "each checkpoint covers all that was written")?;

    // Every entry is in every tree that covers it, and every tree goes on from every earlier one.
    let links = tx.links(org, 0, 100).await?;
    ensure(links.len() == 48 && links.iter().zip(1..).all(|(link, n)| link.sequence == n), "the links in their order")?;
    ensure(links.windows(2).all(|pair| matches!(pair, [a, b] if b.prev_hash == a.hash)), "each goes on from the last")?;
    ensure(tx.links(org, 40, 3).await?.iter().map(|link| link.sequence).eq([41, 42, 43]), "so many links after one")?;
    for checkpoint in &checkpoints {
        let size = u64::try_from(checkpoint.tree_size).unwrap_or(0);
        for link in &links {
            let proof = prove::include(tx, checkpoint, link.sequence, &link.hash).await?;
            ensure(proof.is_some() == (link.sequence <= checkpoint.tree_size), "a proof of what is covered")?;
            let holds = proof.is_none_or(|proof| {
                is_included(&proof.leaf_hash, proof.leaf_index, size, &proof.path, &checkpoint.root)
            });
            ensure(holds, "the proof holds")?;
        }
        for earlier in checkpoints.iter().take_while(|earlier| earlier.tree_size <= checkpoint.tree_size) {
            let path = prove::extend(tx, earlier, checkpoint).await?;
            let first = (u64::try_from(earlier.tree_size).unwrap_or(0), &earlier.root);
            ensure(is_consistent(first, (size, &checkpoint.root), &path), "the tree goes on from the earlier one")?;
        }
    }

    // Lists, and what is asked of single ones.
    let newest = tx.newest_checkpoint(org).await?;
    ensure(newest.as_ref() == checkpoints.last(), "the newest checkpoint")?;
    let within: Vec<i64> = tx.checkpoints_within(org, 2, 17).await?.iter().map(|one| one.tree_size).collect();
    ensure(within == [8, 17], "the checkpoints above a size and up to another")?;
    let query =
        checkpoint::LIST.query().within("tree_size", Test::AtLeast(grc_kernel::list::Scalar::Int(17))).limited(2);
    let page = tx.checkpoint_page(org, &query).await?;
    ensure(page.items.iter().map(|one| one.tree_size).eq([48, 47]), "the list has the newest first")?;
    ensure(tx.chain_head(org).await?.is_some_and(|(sequence, _)| sequence == 48), "the head of the chain")?;
    let hashes = tx.entry_hashes(org, &[3, 48, 49]).await?;
    ensure(hashes.len() == 2, "the hashes of the entries that are there")?;

    // What was witnessed must be there.
    write(ctx, tx, 1).await?;
    ensure(matches!(seal(ctx, tx, &key, Some((3, [9; 32]))).await?, Sealed::Broken(_)), "another past is not signed")?;
    let third = links.iter().find(|link| link.sequence == 3).map(|link| link.hash).unwrap_or_default();
    ensure(matches!(seal(ctx, tx, &key, Some((3, third))).await?, Sealed::Made(_)), "the same past is")?;

    // Nothing of it is another organization's.
    let other = grc_kernel::OrgId(Uuid::from_u128(404));
    ensure(
        tx.newest_checkpoint(other).await?.is_none() && tx.links(other, 0, 10).await?.is_empty(),
        "tenants are apart",
    )?;
    Ok(())
}

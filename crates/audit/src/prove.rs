//! Proofs: that an entry is in a tree, and that a tree goes on from an earlier one. Each takes a number of hashes that grows with the
//! logarithm of the tree.

use std::{collections::BTreeMap, ops::Range};

use grc_kernel::{
    OrgId, StoreError, StoreResult,
    merkle::{Hash, Node, Tree, consistency, inclusion, leaf, nodes, root_of},
};

use crate::{
    checkpoint::Checkpoint,
    ports::{KEPT_LEVEL, Ledger},
};

/// That an entry is in the tree of a checkpoint (RFC 9162, 2.1.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Inclusion {
    /// The entry's place, from 0 on.
    pub leaf_index: u64,
    /// The hash of the leaf, whose data is the entry's hash.
    pub leaf_hash: Hash,
    /// The path to the root, the lowest first.
    pub path: Vec<Hash>,
}

/// The roots of complete subtrees: kept ones, and lower ones computed of the entries under them. Those that cannot be had are
/// left out.
pub(crate) async fn hashes(
    ledger: &mut (impl Ledger + ?Sized),
    org: OrgId,
    wanted: &[Node],
) -> StoreResult<BTreeMap<Node, Hash>> {
    let (high, low): (Vec<Node>, Vec<Node>) = wanted.iter().partition(|node| node.level >= KEPT_LEVEL);
    let mut found: BTreeMap<Node, Hash> = BTreeMap::new();
    if !high.is_empty() {
        found.extend(ledger.subtrees(org, &high).await?);
    }
    if !low.is_empty() {
        let sequences: Vec<i64> =
            low.iter().flat_map(|node| node.leaves()).filter_map(|leaf| i64::try_from(leaf + 1).ok()).collect();
        let entries: BTreeMap<i64, Hash> = ledger.entry_hashes(org, &sequences).await?.into_iter().collect();
        for node in low {
            let mut tree = Tree::new();
            let leaves = node.leaves();
            for index in leaves.clone() {
                let sequence = i64::try_from(index + 1).unwrap_or(i64::MAX);
                if let Some(hash) = entries.get(&sequence) {
                    tree.push(hash);
                }
            }
            if tree.size() == leaves.end - leaves.start {
                found.insert(node, tree.root());
            }
        }
    }
    Ok(found)
}

async fn roots(ledger: &mut (impl Ledger + ?Sized), org: OrgId, spans: Vec<Range<u64>>) -> StoreResult<Vec<Hash>> {
    let wanted: Vec<Node> = spans.iter().cloned().flat_map(nodes).collect();
    let known = hashes(ledger, org, &wanted).await?;
    let roots = spans.into_iter().map(|span| root_of(span, |node| known.get(&node).copied()));
    let missing = || StoreError::internal("the tree over the journal has a gap");
    roots.map(|root| root.ok_or_else(missing)).collect()
}

/// Proves that an entry, by its number and hash, is in the tree of a checkpoint; none where the checkpoint does not cover it.
pub async fn include(
    ledger: &mut (impl Ledger + ?Sized),
    checkpoint: &Checkpoint,
    sequence: i64,
    hash: &Hash,
) -> StoreResult<Option<Inclusion>> {
    if sequence < 1 || sequence > checkpoint.tree_size {
        return Ok(None);
    }
    let leaf_index = u64::try_from(sequence - 1).unwrap_or(0);
    let size = u64::try_from(checkpoint.tree_size).unwrap_or(0);
    let path = roots(ledger, checkpoint.org, inclusion(leaf_index, size)).await?;
    Ok(Some(Inclusion { leaf_index, leaf_hash: leaf(hash), path }))
}

/// Proves that the tree of a checkpoint began as that of an earlier one.
pub async fn extend(
    ledger: &mut (impl Ledger + ?Sized),
    first: &Checkpoint,
    second: &Checkpoint,
) -> StoreResult<Vec<Hash>> {
    let size = |checkpoint: &Checkpoint| u64::try_from(checkpoint.tree_size).unwrap_or(0);
    roots(ledger, second.org, consistency(size(first), size(second))).await
}

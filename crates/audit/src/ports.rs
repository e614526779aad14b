//! What the audit log's proofs need of a store.

use async_trait::async_trait;
use grc_kernel::{
    ListQuery, OrgId, Page, StoreResult,
    merkle::{Hash, Node},
};

use crate::checkpoint::Checkpoint;

/// The complete subtrees that are kept have at least this height; lower ones are computed of the few entries under them.
pub const KEPT_LEVEL: u32 = 3;

/// An entry's place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number, from 1 on.
    pub sequence: i64,
    /// The hash of the entry before it.
    pub prev_hash: Hash,
    /// Its own.
    pub hash: Hash,
}

/// The chain of an organization, the tree over it, and the checkpoints of both, inside a transaction. Nothing of it is ever
/// changed or removed.
#[async_trait]
pub trait Ledger: Send {
    /// The newest entry: its number and hash.
    async fn chain_head(&mut self, org: OrgId) -> StoreResult<Option<(i64, Hash)>>;
    /// The entries after a number, so many at most, in their order.
    async fn links(&mut self, org: OrgId, after: i64, limit: usize) -> StoreResult<Vec<Link>>;
    /// How many entries after a number can be read together: so many at most, and no more than so many bytes of records
    /// unless the first has more alone.
    async fn stretch(&mut self, org: OrgId, after: i64, entries: i64, bytes: i64) -> StoreResult<i64>;
    /// The hashes of entries, by their numbers; those that are not there are left out.
    async fn entry_hashes(&mut self, org: OrgId, sequences: &[i64]) -> StoreResult<Vec<(i64, Hash)>>;
    /// The roots of complete subtrees of at least [`KEPT_LEVEL`]; those that are not there are left out.
    async fn subtrees(&mut self, org: OrgId, nodes: &[Node]) -> StoreResult<Vec<(Node, Hash)>>;
    /// Keeps roots of complete subtrees.
    async fn keep_subtrees(&mut self, org: OrgId, nodes: &[(Node, Hash)]) -> StoreResult<()>;
    /// Takes the making of an organization's checkpoints for the rest of the transaction; not where another one has it.
    async fn take_sealing(&mut self, org: OrgId) -> StoreResult<bool>;
    /// Keeps a checkpoint.
    async fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> StoreResult<()>;
    /// The checkpoint over the most entries.
    async fn newest_checkpoint(&mut self, org: OrgId) -> StoreResult<Option<Checkpoint>>;
    /// The checkpoints over more than some entries and at most some others, in the order of their sizes.
    async fn checkpoints_within(&mut self, org: OrgId, above: i64, most: i64) -> StoreResult<Vec<Checkpoint>>;
    /// A page of the checkpoints.
    async fn checkpoint_page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Checkpoint>>;
    /// The organizations whose newest entry no checkpoint covers, the platform among them. In the platform's scope.
    async fn unsealed(&mut self) -> StoreResult<Vec<OrgId>>;
    /// Every organization with a journal. In the platform's scope.
    async fn chained(&mut self) -> StoreResult<Vec<OrgId>>;
}

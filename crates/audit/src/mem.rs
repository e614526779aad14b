//! The ledger in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_kernel::{
    ListQuery, OrgId, Page, StoreError, StoreResult,
    journal::Entry,
    list::page_in_memory,
    merkle::{Hash, Node},
    resource::{InMemory, MemTables},
};

use crate::{
    checkpoint::Checkpoint,
    ports::{Ledger, Link},
};

#[derive(Clone, Default)]
struct Kept {
    nodes: BTreeMap<(OrgId, Node), Hash>,
    checkpoints: BTreeMap<(OrgId, i64), Checkpoint>,
}

fn chain(tables: &MemTables, org: OrgId) -> impl Iterator<Item = &Entry> {
    tables.journal.entries.iter().filter(move |entry| entry.org == org)
}

#[async_trait]
impl<T: InMemory> Ledger for T {
    async fn chain_head(&mut self, org: OrgId) -> StoreResult<Option<(i64, Hash)>> {
        Ok(chain(self.tables(), org).last().map(|entry| (entry.sequence, entry.hash)))
    }

    async fn links(&mut self, org: OrgId, after: i64, limit: usize) -> StoreResult<Vec<Link>> {
        let later = chain(self.tables(), org).filter(|entry| entry.sequence > after).take(limit);
        let link = |entry: &Entry| Link { sequence: entry.sequence, prev_hash: entry.prev_hash, hash: entry.hash };
        Ok(later.map(link).collect())
    }

    async fn entry_hashes(&mut self, org: OrgId, sequences: &[i64]) -> StoreResult<Vec<(i64, Hash)>> {
        let wanted = chain(self.tables(), org).filter(|entry| sequences.contains(&entry.sequence));
        Ok(wanted.map(|entry| (entry.sequence, entry.hash)).collect())
    }

    async fn subtrees(&mut self, org: OrgId, nodes: &[Node]) -> StoreResult<Vec<(Node, Hash)>> {
        Ok(self.tables().keep(|kept: &mut Kept| {
            nodes.iter().filter_map(|node| Some((*node, *kept.nodes.get(&(org, *node))?))).collect()
        }))
    }

    async fn keep_subtrees(&mut self, org: OrgId, nodes: &[(Node, Hash)]) -> StoreResult<()> {
        self.tables().keep(|kept: &mut Kept| kept.nodes.extend(nodes.iter().map(|(node, hash)| ((org, *node), *hash))));
        Ok(())
    }

    async fn take_sealing(&mut self, _: OrgId) -> StoreResult<bool> {
        Ok(true)
    }

    async fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> StoreResult<()> {
        let key = (checkpoint.org, checkpoint.tree_size);
        let before = self.tables().keep(|kept: &mut Kept| kept.checkpoints.insert(key, checkpoint.clone()));
        if before.is_some() { Err(StoreError::Duplicate("the checkpoint")) } else { Ok(()) }
    }

    async fn newest_checkpoint(&mut self, org: OrgId) -> StoreResult<Option<Checkpoint>> {
        let range = (org, 0)..=(org, i64::MAX);
        Ok(self
            .tables()
            .keep(|kept: &mut Kept| kept.checkpoints.range(range).next_back().map(|(_, last)| last.clone())))
    }

    async fn checkpoints_within(&mut self, org: OrgId, above: i64, most: i64) -> StoreResult<Vec<Checkpoint>> {
        Ok(self.tables().keep(|kept: &mut Kept| {
            let of = kept.checkpoints.iter().filter(|((of, size), _)| *of == org && *size > above && *size <= most);
            of.map(|(_, checkpoint)| checkpoint.clone()).collect()
        }))
    }

    async fn checkpoint_page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Checkpoint>> {
        let all = self.checkpoints_within(org, 0, i64::MAX).await?;
        Ok(page_in_memory(all.iter(), query))
    }

    async fn unsealed(&mut self) -> StoreResult<Vec<OrgId>> {
        let mut open = Vec::new();
        for org in self.chained().await? {
            let sealed = self.newest_checkpoint(org).await?.map_or(0, |checkpoint| checkpoint.tree_size);
            if self.chain_head(org).await?.is_some_and(|(sequence, _)| sequence > sealed) {
                open.push(org);
            }
        }
        Ok(open)
    }

    async fn stretch(&mut self, _: OrgId, _: i64, entries: i64, _: i64) -> StoreResult<i64> {
        Ok(entries)
    }

    async fn chained(&mut self) -> StoreResult<Vec<OrgId>> {
        let mut orgs: Vec<OrgId> = self.tables().journal.entries.iter().map(|entry| entry.org).collect();
        orgs.sort_unstable();
        orgs.dedup();
        Ok(orgs)
    }
}

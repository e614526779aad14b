//! All resources in memory: one store for every kind, and the behaviour that the Postgres adapter must agree with.
//!
//! By itself it is a whole transaction for a domain's use cases: with a journal, and with members that references may
//! name. Records are shared until they change, so that a transaction's copy of everything costs little.

use std::{
    any::{Any, TypeId},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use uuid::Uuid;

use super::{Cell, References, Repo, Resource, Tally};
use crate::{
    ctx::Ctx,
    fault::{StoreError, StoreResult},
    id::OrgId,
    job::{JobQueue, JobsTx, MemJobs},
    journal::{Journal, JournalTx, MemJournal},
    list::{ListQuery, Page, matches_in_memory, page_in_memory},
    record::Record,
};

/// A record whose type is known to its domain alone.
trait Stored: Any + Send + Sync {
    fn is_gone(&self) -> bool;
    fn picture(&self) -> serde_json::Value;
}

impl<R: Resource> Stored for R {
    fn is_gone(&self) -> bool {
        Resource::is_gone(self)
    }

    fn picture(&self) -> serde_json::Value {
        self.snapshot()
    }
}

fn typed<R: Resource>(stored: &Arc<dyn Stored>) -> Option<&R> {
    let any: &dyn Any = stored.as_ref();
    any.downcast_ref::<R>()
}

type Table = BTreeMap<(OrgId, Uuid), Arc<dyn Stored>>;

/// What keeps its records in memory: [`MemTables`] itself, and the memory backend's transaction around it. A domain's
/// own ports are implemented for all such, once.
pub trait InMemory: Send {
    /// The records.
    fn tables(&mut self) -> &mut MemTables;
}

impl InMemory for MemTables {
    fn tables(&mut self) -> &mut MemTables {
        self
    }
}

/// The records of every resource, the journal, the jobs, and who is a member of which organization.
#[derive(Clone, Default)]
pub struct MemTables {
    tables: BTreeMap<&'static str, Table>,
    kept: BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>,
    /// The journal.
    pub journal: MemJournal,
    /// The jobs that are wanted.
    pub jobs: MemJobs,
    /// The active members that references may name.
    pub members: BTreeSet<(OrgId, Uuid)>,
}

impl std::fmt::Debug for MemTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.tables.iter().map(|(kind, table)| (kind, table.len()))).finish()
    }
}

impl JournalTx for MemTables {
    fn journal(&mut self) -> &mut dyn Journal {
        &mut self.journal
    }
}

impl JobsTx for MemTables {
    fn jobs(&mut self) -> &mut dyn JobQueue {
        &mut self.jobs
    }
}

#[async_trait]
impl References for MemTables {
    async fn missing(&mut self, org: OrgId, kind: &'static str, ids: &[Uuid]) -> StoreResult<Vec<Uuid>> {
        let known = |id: &Uuid| match kind {
            "user" => self.members.contains(&(org, *id)),
            kind => self.exists(org, kind, *id),
        };
        Ok(ids.iter().copied().filter(|id| !known(id)).collect())
    }
}

impl MemTables {
    /// The records of a kind, for what a domain does over many of them.
    pub fn rows<R: Resource>(&self, org: OrgId) -> impl Iterator<Item = &R> {
        let table = self.tables.get(R::KIND).into_iter().flatten();
        table.filter(move |((of, _), _)| *of == org).filter_map(|(_, record)| typed::<R>(record))
    }

    fn one<R: Resource>(&self, org: OrgId, id: R::Id) -> Option<R> {
        typed::<R>(self.stored(org, R::KIND, id.into())?).cloned()
    }

    fn stored(&self, org: OrgId, kind: &str, id: Uuid) -> Option<&Arc<dyn Stored>> {
        self.tables.get(kind)?.get(&(org, id))
    }

    /// Whether a record of a kind exists.
    pub fn exists(&self, org: OrgId, kind: &str, id: Uuid) -> bool {
        self.stored(org, kind, id).is_some_and(|record| !record.is_gone())
    }

    /// The picture of a record of another domain.
    pub fn picture(&self, org: OrgId, kind: &str, id: Uuid) -> Option<serde_json::Value> {
        self.stored(org, kind, id).map(|record| record.picture())
    }

    /// The pictures of the records of a kind of another domain.
    pub fn pictures(&self, org: OrgId, kind: &str) -> impl Iterator<Item = serde_json::Value> {
        let table = self.tables.get(kind).into_iter().flatten();
        table.filter(move |((of, _), record)| *of == org && !record.is_gone()).map(|(_, record)| record.picture())
    }

    /// Works on what a domain keeps beside its records, of a type of its own.
    pub fn keep<T: Clone + Default + Send + Sync + 'static, A>(&mut self, work: impl FnOnce(&mut T) -> A) -> A {
        let known = self.kept.remove(&TypeId::of::<T>()).and_then(|kept| kept.downcast::<T>().ok());
        let mut kept = known.map_or_else(T::default, Arc::unwrap_or_clone);
        let answer = work(&mut kept);
        self.kept.insert(TypeId::of::<T>(), Arc::new(kept));
        answer
    }

    /// Changes every record of an organization; how many came out different, which are touched.
    pub fn change_all<R: Resource>(&mut self, ctx: &Ctx, change: impl Fn(&mut R)) -> StoreResult<i64> {
        let before: Vec<R> = self.rows::<R>(ctx.org).cloned().collect();
        let mut changed = 0;
        for record in before {
            let mut after = record.clone();
            change(&mut after);
            if after != record {
                after.meta_mut().touch(ctx);
                self.put(&after)?;
                changed += 1;
            }
        }
        Ok(changed)
    }

    fn collides<R: Resource>(&self, record: &R) -> Option<&'static str> {
        let unique = R::MEMBERS.iter().filter(|member| member.unique);
        unique.map(|member| member.name).find(|name| {
            let value = record.value(name);
            value != Some(super::CellRef::Null)
                && self
                    .rows::<R>(record.org())
                    .any(|other| Into::<Uuid>::into(other.id()) != record.id().into() && other.value(name) == value)
        })
    }

    fn put<R: Resource>(&mut self, record: &R) -> StoreResult<()> {
        if let Some(name) = self.collides(record) {
            return Err(StoreError::Duplicate(name));
        }
        let key = (record.org(), record.id().into());
        self.tables.entry(R::KIND).or_default().insert(key, Arc::new(record.clone()));
        Ok(())
    }
}

#[async_trait]
impl<R: Resource, T: InMemory> Repo<R> for T {
    async fn find(&mut self, org: OrgId, id: R::Id) -> StoreResult<Option<R>> {
        Ok(self.tables().one(org, id))
    }

    async fn find_many(&mut self, org: OrgId, ids: &[R::Id]) -> StoreResult<Vec<R>> {
        let distinct: BTreeSet<Uuid> = ids.iter().map(|id| (*id).into()).collect();
        Ok(distinct.into_iter().filter_map(|id| self.tables().one(org, R::Id::from(id))).collect())
    }

    async fn lock(&mut self, org: OrgId, id: R::Id) -> StoreResult<Option<R>> {
        Ok(self.tables().one(org, id))
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<R>> {
        Ok(page_in_memory(self.tables().rows::<R>(org), query))
    }

    async fn tally(&mut self, org: OrgId, query: &ListQuery, by: &[&'static str]) -> StoreResult<Vec<Tally>> {
        let mut groups: Vec<Tally> = Vec::new();
        for record in self.tables().rows::<R>(org).filter(|record| matches_in_memory(*record, query)) {
            let values: Vec<Cell> =
                by.iter().map(|name| record.value(name).map_or(Cell::Null, |value| value.to_cell())).collect();
            match groups.iter_mut().find(|(known, _)| *known == values) {
                Some((_, count)) => *count += 1,
                None => groups.push((values, 1)),
            }
        }
        Ok(groups)
    }

    async fn insert(&mut self, record: &R) -> StoreResult<()> {
        if self.tables().stored(record.org(), R::KIND, record.id().into()).is_some() {
            return Err(StoreError::Duplicate("id"));
        }
        self.tables().put(record)
    }

    async fn insert_many(&mut self, records: &[R]) -> StoreResult<()> {
        for record in records {
            Repo::<R>::insert(self, record).await?;
        }
        Ok(())
    }

    async fn update(&mut self, record: &R, seen: i64) -> StoreResult<()> {
        match self.tables().one::<R>(record.org(), record.id()) {
            Some(stored) if stored.meta().revision == seen => self.tables().put(record),
            _ => Err(StoreError::Stale),
        }
    }

    async fn delete(&mut self, org: OrgId, id: R::Id) -> StoreResult<()> {
        if let Some(table) = self.tables().tables.get_mut(R::KIND) {
            table.remove(&(org, id.into()));
        }
        Ok(())
    }
}

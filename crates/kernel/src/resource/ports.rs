//! What an adapter does for every resource. It is written once for all of them; a domain's transaction is a trait
//! that has the ones it needs as supertraits.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Cell, Resource};
use crate::{
    fault::StoreResult,
    id::OrgId,
    list::{ListQuery, Page},
};

/// A group of a tally: the values it was grouped by, and how many records have them.
pub type Tally = (Vec<Cell>, i64);

/// The records of a resource, inside a transaction.
#[async_trait]
pub trait Repo<R: Resource>: Send {
    /// By id.
    async fn find(&mut self, org: OrgId, id: R::Id) -> StoreResult<Option<R>>;
    /// Those of several ids that there are, in one statement and in no order.
    async fn find_many(&mut self, org: OrgId, ids: &[R::Id]) -> StoreResult<Vec<R>>;
    /// By id, held against other writers until the transaction ends.
    async fn lock(&mut self, org: OrgId, id: R::Id) -> StoreResult<Option<R>>;
    /// A page of a list.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<R>>;
    /// How many records have the same values in the named members (at most four), among those the query matches.
    async fn tally(&mut self, org: OrgId, query: &ListQuery, by: &[&'static str]) -> StoreResult<Vec<Tally>>;
    /// Stores a new record; `Duplicate` where a unique member's value exists.
    async fn insert(&mut self, record: &R) -> StoreResult<()>;
    /// Stores new records in one statement; `Duplicate` likewise.
    async fn insert_many(&mut self, records: &[R]) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, record: &R, seen: i64) -> StoreResult<()>;
    /// Removes a record; `Reference` where another still refers to it.
    async fn delete(&mut self, org: OrgId, id: R::Id) -> StoreResult<()>;
}

/// Whether ids name records of the organization.
#[async_trait]
pub trait References: Send {
    /// Those that name no record of the kind (for `user`: no active member).
    async fn missing(&mut self, org: OrgId, kind: &'static str, ids: &[Uuid]) -> StoreResult<Vec<Uuid>>;
}

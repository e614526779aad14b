//! What this domain needs from the outside.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_continuity::{Edge, Impact, Node, consistency::PlanState};
use grc_kernel::{Ctx, JournalTx, OrgId, Repo, StoreResult, Uuid, resource::References};
use time::Date;

use crate::{Asset, Dependency, DependencyId, End, Exercise, Plan, Process};

/// What the graph needs beyond what every resource has: statements over all of its records, and over groups.
#[async_trait]
pub trait GraphStore: Send {
    /// All processes, then all assets, each by id, without their impact tables; at most so many.
    async fn graph_nodes(&mut self, org: OrgId, limit: usize) -> StoreResult<Vec<Node>>;
    /// All dependencies by id; at most so many.
    async fn graph_edges(&mut self, org: OrgId, limit: usize) -> StoreResult<Vec<(DependencyId, Edge)>>;
    /// The impact tables of the processes that have one.
    async fn graph_impacts(&mut self, org: OrgId) -> StoreResult<Vec<(Uuid, Vec<Impact>)>>;
    /// The active plans by id, each with its last exercise up to a day and the last recovery time that one of them
    /// measured; at most so many.
    async fn plans_in_force(&mut self, org: OrgId, today: Date, limit: usize) -> StoreResult<Vec<PlanState>>;
    /// Holds a node against others who hold it, until the transaction ends; whether it exists.
    async fn hold(&mut self, org: OrgId, node: &End) -> StoreResult<bool>;
    /// Gives the other members of a dependency's group its number; how many had another. Each of them is changed:
    /// its revision and time move.
    async fn set_needed(&mut self, ctx: &Ctx, dependency: &Dependency) -> StoreResult<i64>;
    /// Removes what a node depends on, as dependencies; how many there were.
    async fn forget(&mut self, org: OrgId, source: Uuid) -> StoreResult<i64>;
}

/// A vendor, as the graph looks at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Supplier {
    /// What it is called.
    pub name: String,
    /// The shortest recovery time, in hours, that a contract in force with it promises. Of several contracts nobody
    /// says which one covers an asset: what even the best of them does not promise, none does.
    pub sla_hours: Option<f64>,
}

/// What is known of the vendors that assets name.
#[async_trait]
pub trait Suppliers: Send {
    /// The vendors that assets name. A contract is in force on a day when it is active, has begun, and has not ended or
    /// renews itself.
    async fn suppliers(&mut self, org: OrgId, today: Date) -> StoreResult<BTreeMap<Uuid, Supplier>>;
}

/// A transaction over this domain's repositories.
pub trait BcmTx:
    JournalTx
    + References
    + GraphStore
    + Suppliers
    + Repo<Process>
    + Repo<Asset>
    + Repo<Dependency>
    + Repo<Plan>
    + Repo<Exercise>
{
}

impl<T> BcmTx for T where
    T: JournalTx
        + References
        + GraphStore
        + Suppliers
        + Repo<Process>
        + Repo<Asset>
        + Repo<Dependency>
        + Repo<Plan>
        + Repo<Exercise>
{
}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn BcmTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn BcmTx;

//! The domain's own statements in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use grc_continuity::{Edge, Impact, Node, consistency::PlanState};
use grc_kernel::{Ctx, OrgId, Record, Repo, Resource, StoreResult, Uuid, list::Scalar, resource::InMemory};
use serde_json::Value;
use time::{Date, format_description::well_known::Iso8601};

use crate::{
    Asset, Dependency, DependencyId, End, Exercise, NodeType, Plan, Process, Supplier, Suppliers, plan::PlanStatus,
    ports::GraphStore,
};

/// All records of a kind, by id.
async fn all<R: Resource, T: InMemory + Repo<R>>(tx: &mut T, org: OrgId) -> StoreResult<Vec<R>> {
    let mut records = Repo::<R>::page(tx, org, &R::LIST.query().limited(usize::MAX - 1)).await?.items;
    records.sort_by_key(|record| Record::id(record));
    Ok(records)
}

#[async_trait]
impl<T: InMemory> GraphStore for T {
    async fn graph_nodes(&mut self, org: OrgId, limit: usize) -> StoreResult<Vec<Node>> {
        let processes = all::<Process, _>(self, org).await?;
        let assets = all::<Asset, _>(self, org).await?;
        let processes = processes.iter().map(|process| Node { impacts: Vec::new(), ..process.to_node() });
        Ok(processes.chain(assets.iter().map(Asset::to_node)).take(limit).collect())
    }

    async fn graph_edges(&mut self, org: OrgId, limit: usize) -> StoreResult<Vec<(DependencyId, Edge)>> {
        let dependencies = all::<Dependency, _>(self, org).await?;
        Ok(dependencies.iter().map(|dependency| (dependency.id, dependency.to_edge())).take(limit).collect())
    }

    async fn graph_impacts(&mut self, org: OrgId) -> StoreResult<Vec<(Uuid, Vec<Impact>)>> {
        let processes = all::<Process, _>(self, org).await?;
        let tables = processes.iter().map(|process| (process.id.0, process.to_impacts()));
        Ok(tables.filter(|(_, table)| !table.is_empty()).collect())
    }

    async fn plans_in_force(&mut self, org: OrgId, today: Date, limit: usize) -> StoreResult<Vec<PlanState>> {
        let plans = all::<Plan, _>(self, org).await?;
        let mut exercises = all::<Exercise, _>(self, org).await?;
        exercises.retain(|exercise| exercise.date <= today);
        exercises.sort_by_key(|exercise| (exercise.date, exercise.id));
        let state = |plan: &Plan| {
            let own = || exercises.iter().rev().filter(|exercise| exercise.plan_id == plan.id);
            PlanState {
                id: plan.id.0,
                name: plan.name.clone(),
                process: plan.process_id.map(|process| process.0),
                last_exercised_at: own().next().map(|exercise| exercise.date.midnight().assume_utc()),
                achieved_rto_hours: own().find_map(|exercise| exercise.achieved_rto_hours),
            }
        };
        Ok(plans.iter().filter(|plan| plan.status == PlanStatus::Active).map(state).take(limit).collect())
    }

    async fn hold(&mut self, org: OrgId, node: &End) -> StoreResult<bool> {
        Ok(match node.kind {
            NodeType::Process => Repo::<Process>::find(self, org, node.id.into()).await?.is_some(),
            NodeType::Asset => Repo::<Asset>::find(self, org, node.id.into()).await?.is_some(),
        })
    }

    async fn set_needed(&mut self, ctx: &Ctx, dependency: &Dependency) -> StoreResult<i64> {
        let group = (dependency.source_id, dependency.redundancy_group.clone());
        self.tables().change_all(ctx, |other: &mut Dependency| {
            if other.id != dependency.id && (other.source_id, other.redundancy_group.clone()) == group {
                other.needed = dependency.needed;
            }
        })
    }

    async fn forget(&mut self, org: OrgId, source: Uuid) -> StoreResult<i64> {
        let query = Dependency::LIST.query().only("source_id", vec![Scalar::Id(source)]).limited(usize::MAX - 1);
        let own = Repo::<Dependency>::page(self, org, &query).await?.items;
        for dependency in &own {
            Repo::<Dependency>::delete(self, org, dependency.id).await?;
        }
        Ok(i64::try_from(own.len()).unwrap_or(i64::MAX))
    }
}

#[async_trait]
impl<T: InMemory> Suppliers for T {
    async fn suppliers(&mut self, org: OrgId, today: Date) -> StoreResult<BTreeMap<Uuid, Supplier>> {
        let mut promised: BTreeMap<Uuid, f64> = BTreeMap::new();
        for contract in self.tables().pictures(org, "vendor_contract") {
            let member = |name: &str| contract.get(name);
            let date = |name: &str| Date::parse(member(name)?.as_str()?, &Iso8601::DATE).ok();
            let ahead = date("start_date").is_some_and(|start| start > today);
            let over = date("end_date").is_some_and(|end| end < today)
                && member("auto_renew").and_then(Value::as_bool) != Some(true);
            if ahead || over || member("status").and_then(Value::as_str) != Some("active") {
                continue;
            }
            let vendor = member("vendor_id").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
            if let Some((vendor, hours)) = vendor.zip(member("sla_rto_hours").and_then(Value::as_f64)) {
                promised.entry(vendor).and_modify(|best| *best = best.min(hours)).or_insert(hours);
            }
        }
        let named: BTreeSet<Uuid> =
            all::<Asset, _>(self, org).await?.iter().filter_map(|asset| asset.vendor_id).collect();
        let known = self.tables().pictures(org, "vendor").filter_map(|vendor| {
            let id = Uuid::parse_str(vendor.get("id")?.as_str()?).ok()?;
            let name = vendor.get("name")?.as_str()?.to_owned();
            Some((id, Supplier { name, sla_hours: promised.get(&id).copied() }))
        });
        Ok(known.filter(|(id, _)| named.contains(id)).collect())
    }
}

//! What the continuity graph needs beyond what every resource has: statements over all of an organization's
//! processes, assets and dependencies that read only what the calculations look at, and those over groups.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, PgExpressionMethods, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use grc_bcm::{
    Dependency, DependencyId, End, GraphStore, NodeType, Supplier, Suppliers,
    continuity::{AssetType, Criticality, DependencyType, Edge, Impact, Node, Strength, consistency::PlanState},
    plan::PlanStatus,
    process::ImpactLevel,
};
use grc_kernel::{
    Ctx, OrgId, StoreResult,
    list::Scalar,
    resource::{Cell, Codec},
};
use serde_json::Value;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error,
    list::{Parts, Statement},
    schema::{
        bcm_assets as assets, bcm_dependencies as dependencies, bcm_processes as processes,
        recovery_exercises as exercises, recovery_plans as plans,
    },
    tx::PgTx,
};

type ProcessRow = (Uuid, String, String, f64, f64, f64, Option<f64>, Option<Uuid>, Option<OffsetDateTime>);
type AssetRow = (
    Uuid,
    String,
    String,
    (Option<f64>, Option<f64>, Option<f64>, Option<f64>),
    (Option<String>, Option<String>),
    (Option<Uuid>, Option<Uuid>),
);
type EdgeRow = (Uuid, Uuid, Uuid, String, String, Option<String>, Option<i64>);

fn process(row: ProcessRow) -> StoreResult<Node> {
    let (id, name, criticality, rto, rpo, mtd, hourly_loss, owner, last_reviewed_at) = row;
    let criticality =
        Criticality::parse(&criticality).ok_or_else(|| error::corrupt("bcm_processes", "criticality", &criticality))?;
    Ok(Node {
        rto_hours: Some(rto),
        rpo_hours: Some(rpo),
        mtd_hours: Some(mtd),
        hourly_loss,
        has_owner: owner.is_some(),
        last_reviewed_at,
        ..Node::process(id, name, criticality)
    })
}

fn asset(row: AssetRow) -> StoreResult<Node> {
    let (id, name, kind, (rto_hours, rpo_hours, restore_hours, sla_hours), (region, provider), (vendor, owner)) = row;
    let kind = AssetType::parse(&kind).ok_or_else(|| error::corrupt("bcm_assets", "type", &kind))?;
    Ok(Node {
        rto_hours,
        rpo_hours,
        restore_hours,
        sla_hours,
        region,
        provider,
        vendor,
        has_owner: owner.is_some(),
        ..Node::asset(id, name, kind)
    })
}

fn edge(row: EdgeRow) -> StoreResult<(DependencyId, Edge)> {
    let (id, source, target, kind, strength, redundancy_group, needed) = row;
    let corrupt = |column, value: &str| error::corrupt("bcm_dependencies", column, value);
    let edge = Edge {
        source,
        target,
        dependency_type: DependencyType::parse(&kind).ok_or_else(|| corrupt("dependency_type", &kind))?,
        strength: Strength::parse(&strength).ok_or_else(|| corrupt("strength", &strength))?,
        redundancy_group,
        needed: needed.and_then(|needed| u32::try_from(needed).ok()),
    };
    Ok((DependencyId(id), edge))
}

fn impacts((id, table): (Uuid, Value)) -> StoreResult<(Uuid, Vec<Impact>)> {
    let levels = Vec::<ImpactLevel>::from_cell(Cell::Json(table))
        .map_err(|_| error::corrupt("bcm_processes", "impacts", &id.to_string()))?;
    Ok((id, levels.iter().map(ImpactLevel::to_impact).collect()))
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl GraphStore for PgTx {
    async fn graph_nodes(&mut self, org: OrgId, limit: usize) -> StoreResult<Vec<Node>> {
        let connection = self.connection()?;
        let of_processes: Vec<ProcessRow> = {
            use processes::dsl::*;
            bcm_processes
                .filter(org_id.eq(org.0))
                .order(id)
                .limit(rows(limit))
                .select((
                    id,
                    name,
                    criticality,
                    rto_hours,
                    rpo_hours,
                    mtd_hours,
                    hourly_loss,
                    owner_id,
                    last_reviewed_at,
                ))
                .load(connection)
                .await
                .map_err(error::store)?
        };
        let of_assets: Vec<AssetRow> = {
            use assets::dsl::*;
            bcm_assets
                .filter(org_id.eq(org.0))
                .order(id)
                .limit(rows(limit.saturating_sub(of_processes.len())))
                .select((
                    id,
                    name,
                    kind,
                    (rto_hours, rpo_hours, restore_hours, sla_hours),
                    (region, provider),
                    (vendor_id, owner_id),
                ))
                .load(connection)
                .await
                .map_err(error::store)?
        };
        of_processes.into_iter().map(process).chain(of_assets.into_iter().map(asset)).collect()
    }

    async fn graph_edges(&mut self, org: OrgId, limit: usize) -> StoreResult<Vec<(DependencyId, Edge)>> {
        use dependencies::dsl::*;
        let found: Vec<EdgeRow> = bcm_dependencies
            .filter(org_id.eq(org.0))
            .order(id)
            .limit(rows(limit))
            .select((id, source_id, target_id, dependency_type, strength, redundancy_group, needed))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        found.into_iter().map(edge).collect()
    }

    async fn graph_impacts(&mut self, org: OrgId) -> StoreResult<Vec<(Uuid, Vec<Impact>)>> {
        let found: Vec<(Uuid, Value)> = processes::table
            .filter(processes::org_id.eq(org.0))
            .filter(processes::impacts.ne(Value::Array(Vec::new())))
            .order(processes::id)
            .select((processes::id, processes::impacts))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        found.into_iter().map(impacts).collect()
    }

    async fn plans_in_force(&mut self, org: OrgId, today: Date, limit: usize) -> StoreResult<Vec<PlanState>> {
        let connection = self.connection()?;
        let active = plans::table.filter(plans::org_id.eq(org.0)).filter(plans::status.eq(PlanStatus::Active.as_str()));
        let found: Vec<(Uuid, String, Option<Uuid>)> = active
            .order(plans::id)
            .limit(rows(limit))
            .select((plans::id, plans::name, plans::process_id))
            .load(connection)
            .await
            .map_err(error::store)?;
        let held = exercises::table
            .filter(exercises::org_id.eq(org.0))
            .filter(exercises::plan_id.eq_any(active.select(plans::id)))
            .filter(exercises::date.le(today))
            .distinct_on(exercises::plan_id)
            .order((exercises::plan_id, exercises::date.desc(), exercises::id.desc()));
        let last: Vec<(Uuid, Date)> =
            held.select((exercises::plan_id, exercises::date)).load(connection).await.map_err(error::store)?;
        let measured: Vec<(Uuid, Option<f64>)> = held
            .filter(exercises::achieved_rto_hours.is_not_null())
            .select((exercises::plan_id, exercises::achieved_rto_hours))
            .load(connection)
            .await
            .map_err(error::store)?;
        let last: HashMap<Uuid, Date> = last.into_iter().collect();
        let measured: HashMap<Uuid, Option<f64>> = measured.into_iter().collect();
        let state = |(id, name, process): (Uuid, String, Option<Uuid>)| PlanState {
            last_exercised_at: last.get(&id).map(|date| date.midnight().assume_utc()),
            achieved_rto_hours: measured.get(&id).copied().flatten(),
            id,
            name,
            process,
        };
        Ok(found.into_iter().map(state).collect())
    }

    async fn hold(&mut self, org: OrgId, node: &End) -> StoreResult<bool> {
        let connection = self.connection()?;
        // Not FOR UPDATE, which would wait for everybody who only refers to the node, and they for it.
        let found: Option<Uuid> = match node.kind {
            NodeType::Process => {
                let rows = processes::table.select(processes::id).filter(processes::org_id.eq(org.0));
                rows.filter(processes::id.eq(node.id)).for_no_key_update().first(connection).await
            }
            NodeType::Asset => {
                let rows = assets::table.select(assets::id).filter(assets::org_id.eq(org.0));
                rows.filter(assets::id.eq(node.id)).for_no_key_update().first(connection).await
            }
        }
        .optional()
        .map_err(error::store)?;
        Ok(found.is_some())
    }

    async fn set_needed(&mut self, ctx: &Ctx, dependency: &Dependency) -> StoreResult<i64> {
        use dependencies::dsl::*;
        let others = bcm_dependencies
            .filter(org_id.eq(ctx.org.0))
            .filter(source_id.eq(dependency.source_id))
            .filter(redundancy_group.eq(&dependency.redundancy_group))
            .filter(id.ne(dependency.id.0))
            .filter(needed.is_distinct_from(dependency.needed));
        let changed = diesel::update(others)
            .set((needed.eq(dependency.needed), updated_at.eq(ctx.now), revision.eq(revision + 1)))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(rows(changed))
    }

    async fn forget(&mut self, org: OrgId, source: Uuid) -> StoreResult<i64> {
        let own = dependencies::table.filter(dependencies::org_id.eq(org.0)).filter(dependencies::source_id.eq(source));
        let removed = diesel::delete(own).execute(self.connection()?).await.map_err(error::store)?;
        Ok(rows(removed))
    }
}

/// A vendor's row.
#[derive(QueryableByName)]
struct SupplierRow {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql_types::Text)]
    name: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Double>)]
    hours: Option<f64>,
}

#[async_trait]
impl Suppliers for PgTx {
    async fn suppliers(&mut self, org: OrgId, today: Date) -> StoreResult<BTreeMap<Uuid, Supplier>> {
        let statement = Parts::default()
            .sql(
                "SELECT v.id, v.name, (SELECT min(c.sla_rto_hours) FROM vendor_contracts c \
                 WHERE c.org_id = v.org_id AND c.vendor_id = v.id AND c.status = 'active' \
                 AND (c.start_date IS NULL OR c.start_date <= ",
            )
            .bind(Scalar::Date(today))
            .sql(") AND (c.auto_renew OR c.end_date IS NULL OR c.end_date >= ")
            .bind(Scalar::Date(today))
            .sql(")) AS hours FROM vendors v WHERE v.org_id = ")
            .id(org)
            .sql(" AND v.id IN (SELECT a.vendor_id FROM bcm_assets a WHERE a.org_id = ")
            .id(org)
            .sql(" AND a.vendor_id IS NOT NULL)");
        let rows: Vec<SupplierRow> = Statement(statement).load(self.connection()?).await.map_err(error::store)?;
        let known = |row: SupplierRow| (row.id, Supplier { name: row.name, sla_hours: row.hours });
        Ok(rows.into_iter().map(known).collect())
    }
}

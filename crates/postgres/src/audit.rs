//! The chain as its proofs read it, the tree over it, and its checkpoints.

use std::collections::BTreeMap;

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, OptionalExtension,
    QueryDsl, Queryable, Selectable, SelectableHelper,
    dsl::sql,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;
use grc_audit::{Checkpoint, Ledger, ports::Link};
use grc_kernel::{
    ListQuery, OrgId, Page, StoreError, StoreResult,
    list::Scalar,
    merkle::{Hash, Node},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    journal::digest,
    list::{self, Parts},
    schema::{audit_checkpoints, audit_seals, audit_subtrees, journal, journal_heads},
    tx::PgTx,
};

/// How many organizations are told of at a time.
const UNSEALED_MAX: i64 = 1_000;
/// The most subtrees of one statement: each binds three values.
const SUBTREES_MAX: usize = 5_000;

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = audit_checkpoints)]
struct Row {
    org_id: Uuid,
    tree_size: i64,
    id: Uuid,
    root: Vec<u8>,
    note: String,
    created_at: OffsetDateTime,
}

impl TryFrom<Row> for Checkpoint {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: row.id,
            org: OrgId(row.org_id),
            tree_size: row.tree_size,
            root: digest(&row.root)?,
            note: row.note,
            created_at: row.created_at,
        })
    }
}

/// The number of a subtree, by which it is kept.
fn place(node: Node) -> Option<i64> {
    i64::try_from(u128::from(2 * node.index + 1) << node.level).ok().map(|place| place - 1)
}

#[async_trait]
impl Ledger for PgTx {
    async fn chain_head(&mut self, org: OrgId) -> StoreResult<Option<(i64, Hash)>> {
        let head: Option<(i64, Vec<u8>)> = journal_heads::table
            .filter(journal_heads::org_id.eq(org.0))
            .select((journal_heads::sequence, journal_heads::hash))
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        head.map(|(sequence, hash)| Ok((sequence, digest(&hash)?))).transpose()
    }

    async fn links(&mut self, org: OrgId, after: i64, limit: usize) -> StoreResult<Vec<Link>> {
        let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = journal::table
            .filter(journal::org_id.eq(org.0))
            .filter(journal::sequence.gt(after))
            .order(journal::sequence)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select((journal::sequence, journal::prev_hash, journal::hash))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let link = |(sequence, prev, hash): (i64, Vec<u8>, Vec<u8>)| {
            Ok(Link { sequence, prev_hash: digest(&prev)?, hash: digest(&hash)? })
        };
        rows.into_iter().map(link).collect()
    }

    async fn stretch(&mut self, org: OrgId, after: i64, entries: i64, bytes: i64) -> StoreResult<i64> {
        // What is small is stored as it is; the rest may be packed, and counts as what it unpacks to.
        let size = |column: &str| {
            format!(
                "CASE WHEN coalesce(pg_column_size({column}), 0) < 1000 THEN coalesce(pg_column_size({column}), 0) \
                 ELSE octet_length({column}::text) END"
            )
        };
        let (before, after_size) = (size("before"), size("after"));
        let from = Parts::default()
            .sql(format!(
                "FROM (SELECT sum({before} + {after_size}) OVER (ORDER BY sequence) AS total FROM (SELECT sequence, \
                 before, after FROM journal WHERE org_id = "
            ))
            .id(org)
            .sql(" AND sequence > ")
            .bind(Scalar::Int(after))
            .sql(" ORDER BY sequence LIMIT ")
            .bind(Scalar::Int(entries))
            .sql(") AS next) AS running WHERE total <= ")
            .bind(Scalar::Int(bytes));
        Ok(list::count(self.connection()?, from).await?.max(1))
    }

    async fn entry_hashes(&mut self, org: OrgId, sequences: &[i64]) -> StoreResult<Vec<(i64, Hash)>> {
        let rows: Vec<(i64, Vec<u8>)> = journal::table
            .filter(journal::org_id.eq(org.0))
            .filter(journal::sequence.eq_any(sequences))
            .select((journal::sequence, journal::hash))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter().map(|(sequence, hash)| Ok((sequence, digest(&hash)?))).collect()
    }

    async fn subtrees(&mut self, org: OrgId, nodes: &[Node]) -> StoreResult<Vec<(Node, Hash)>> {
        let places: BTreeMap<i64, Node> = nodes.iter().filter_map(|node| Some((place(*node)?, *node))).collect();
        let wanted: Vec<i64> = places.keys().copied().collect();
        let rows: Vec<(i64, Vec<u8>)> = audit_subtrees::table
            .filter(audit_subtrees::org_id.eq(org.0))
            .filter(audit_subtrees::place.eq_any(wanted))
            .select((audit_subtrees::place, audit_subtrees::hash))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let known = rows.into_iter().filter_map(|(place, hash)| Some((*places.get(&place)?, hash)));
        known.map(|(node, hash)| Ok((node, digest(&hash)?))).collect()
    }

    async fn keep_subtrees(&mut self, org: OrgId, nodes: &[(Node, Hash)]) -> StoreResult<()> {
        for nodes in nodes.chunks(SUBTREES_MAX) {
            let rows: Vec<_> = nodes
                .iter()
                .filter_map(|(node, hash)| {
                    Some((
                        audit_subtrees::org_id.eq(org.0),
                        audit_subtrees::place.eq(place(*node)?),
                        audit_subtrees::hash.eq(hash.to_vec()),
                    ))
                })
                .collect();
            diesel::insert_into(audit_subtrees::table)
                .values(rows)
                .execute(self.connection()?)
                .await
                .map_err(error::store)?;
        }
        Ok(())
    }

    async fn take_sealing(&mut self, org: OrgId) -> StoreResult<bool> {
        let lock = sql::<Bool>("pg_try_advisory_xact_lock(hashtextextended(")
            .bind::<Text, _>(format!("seal:{org}"))
            .sql(", 0))");
        diesel::select(lock).get_result(self.connection()?).await.map_err(error::store)
    }

    async fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> StoreResult<()> {
        let row = Row {
            org_id: checkpoint.org.0,
            tree_size: checkpoint.tree_size,
            id: checkpoint.id,
            root: checkpoint.root.to_vec(),
            note: checkpoint.note.clone(),
            created_at: checkpoint.created_at,
        };
        let kept = diesel::insert_into(audit_checkpoints::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        if kept == 0 {
            return Err(StoreError::Duplicate("the checkpoint"));
        }
        diesel::insert_into(audit_seals::table)
            .values((audit_seals::org_id.eq(checkpoint.org.0), audit_seals::tree_size.eq(checkpoint.tree_size)))
            .on_conflict(audit_seals::org_id)
            .do_update()
            .set(audit_seals::tree_size.eq(checkpoint.tree_size))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    async fn newest_checkpoint(&mut self, org: OrgId) -> StoreResult<Option<Checkpoint>> {
        let row: Option<Row> = audit_checkpoints::table
            .filter(audit_checkpoints::org_id.eq(org.0))
            .order(audit_checkpoints::tree_size.desc())
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        row.map(Checkpoint::try_from).transpose()
    }

    async fn checkpoints_within(&mut self, org: OrgId, above: i64, most: i64) -> StoreResult<Vec<Checkpoint>> {
        let rows: Vec<Row> = audit_checkpoints::table
            .filter(audit_checkpoints::org_id.eq(org.0))
            .filter(audit_checkpoints::tree_size.gt(above))
            .filter(audit_checkpoints::tree_size.le(most))
            .order(audit_checkpoints::tree_size)
            .select(Row::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        rows.into_iter().map(Checkpoint::try_from).collect()
    }

    async fn checkpoint_page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Checkpoint>> {
        let from = Parts::default().sql("FROM audit_checkpoints WHERE audit_checkpoints.org_id = ").id(org);
        list::page::<Row, Checkpoint>(self.connection()?, from, "audit_checkpoints.id", query).await
    }

    async fn unsealed(&mut self) -> StoreResult<Vec<OrgId>> {
        let covered = audit_seals::tree_size.nullable();
        let orgs: Vec<Uuid> = journal_heads::table
            .left_join(audit_seals::table.on(audit_seals::org_id.eq(journal_heads::org_id)))
            .filter(covered.is_null().or(journal_heads::sequence.nullable().gt(covered)))
            .select(journal_heads::org_id)
            .limit(UNSEALED_MAX)
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(orgs.into_iter().map(OrgId).collect())
    }

    async fn chained(&mut self) -> StoreResult<Vec<OrgId>> {
        let orgs: Vec<Uuid> = journal_heads::table
            .select(journal_heads::org_id)
            .order(journal_heads::org_id)
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(orgs.into_iter().map(OrgId).collect())
    }
}

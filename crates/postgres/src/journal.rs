//! The journal: one entry a change, chained per organization.
//!
//! Appending takes the organization's head row for the rest of the transaction, so entries have the order of
//! the commits and no gap. That is why use cases record last: the lock is then held for one round trip.

use async_trait::async_trait;
use diesel::{ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use grc_kernel::{Ctx, Fact, Journal, JournalTx, ListQuery, OrgId, Page, StoreError, StoreResult, journal::Entry};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{self, Parts},
    schema::{journal, journal_heads},
    tx::PgTx,
};

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = journal)]
struct Row {
    org_id: Uuid,
    sequence: i64,
    id: Uuid,
    occurred_at: OffsetDateTime,
    actor_kind: String,
    actor_id: Uuid,
    actor_name: String,
    action: String,
    resource_type: String,
    resource_id: Uuid,
    revision: Option<i64>,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
    request_id: String,
    feed: bool,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
    canonical_version: i16,
}

impl From<Entry> for Row {
    fn from(entry: Entry) -> Self {
        Self {
            org_id: entry.org.0,
            sequence: entry.sequence,
            id: entry.id,
            occurred_at: entry.occurred_at,
            actor_kind: entry.actor_kind,
            actor_id: entry.actor_id,
            actor_name: entry.actor_name,
            action: entry.action,
            resource_type: entry.resource_type,
            resource_id: entry.resource_id,
            revision: entry.revision,
            before: entry.before,
            after: entry.after,
            request_id: entry.request_id,
            feed: entry.feed,
            prev_hash: entry.prev_hash.to_vec(),
            hash: entry.hash.to_vec(),
            canonical_version: entry.canonical_version,
        }
    }
}

impl TryFrom<Row> for Entry {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: row.id,
            org: OrgId(row.org_id),
            sequence: row.sequence,
            occurred_at: row.occurred_at,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            action: row.action,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            revision: row.revision,
            before: row.before,
            after: row.after,
            request_id: row.request_id,
            feed: row.feed,
            prev_hash: digest(&row.prev_hash)?,
            hash: digest(&row.hash)?,
            canonical_version: row.canonical_version,
        })
    }
}

pub(crate) fn digest(bytes: &[u8]) -> StoreResult<[u8; 32]> {
    bytes.try_into().map_err(|_| error::corrupt("journal", "hash", "a digest of the wrong length"))
}

#[async_trait]
impl Journal for PgTx {
    async fn record(&mut self, ctx: &Ctx, fact: Fact) -> StoreResult<()> {
        let connection = self.connection()?;
        let (sequence, prev_hash): (i64, Vec<u8>) = diesel::insert_into(journal_heads::table)
            .values((
                journal_heads::org_id.eq(ctx.org.0),
                journal_heads::sequence.eq(1),
                journal_heads::hash.eq(vec![0_u8; 32]),
            ))
            .on_conflict(journal_heads::org_id)
            .do_update()
            .set(journal_heads::sequence.eq(journal_heads::sequence + 1))
            .returning((journal_heads::sequence, journal_heads::hash))
            .get_result(connection)
            .await
            .map_err(error::store)?;
        let entry = Entry::chain(ctx, fact, sequence, digest(&prev_hash)?);
        let hash = entry.hash.to_vec();
        let shared: &AsyncPgConnection = connection;
        let (mut first, mut second) = (shared, shared);
        // Both travel together; the answers are awaited together.
        let insert = diesel::insert_into(journal::table).values(Row::from(entry)).execute(&mut first);
        let advance = diesel::update(journal_heads::table)
            .filter(journal_heads::org_id.eq(ctx.org.0))
            .set(journal_heads::hash.eq(hash))
            .execute(&mut second);
        let (inserted, advanced) = futures::try_join!(insert, advance).map_err(error::store)?;
        if inserted == 1 && advanced == 1 {
            Ok(())
        } else {
            Err(StoreError::internal("the journal entry was not kept"))
        }
    }
}

impl JournalTx for PgTx {
    fn journal(&mut self) -> &mut dyn Journal {
        self
    }
}

impl PgTx {
    /// The entry of a sequence.
    pub(crate) async fn journal_entry(&mut self, org: OrgId, sequence: i64) -> StoreResult<Option<Entry>> {
        let found: Option<Row> = journal::table
            .filter(journal::org_id.eq(org.0))
            .filter(journal::sequence.eq(sequence))
            .select(Row::as_select())
            .first(self.connection()?)
            .await
            .optional()
            .map_err(error::store)?;
        found.map(Entry::try_from).transpose()
    }

    /// A page of the organization's journal.
    pub(crate) async fn page_journal(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Entry>> {
        list::page::<Row, Entry>(self.connection()?, of_org(org), "journal.id", query).await
    }
}

fn of_org(org: OrgId) -> Parts {
    Parts::default().sql("FROM journal WHERE journal.org_id = ").id(org)
}

impl crate::PgBackend {
    /// How PostgreSQL would read a page of the journal: the text of `EXPLAIN`.
    pub async fn explain_journal(&self, org: OrgId, query: &ListQuery) -> StoreResult<String> {
        let page = list::window(list::filter(of_org(org), query), "journal.id", query);
        self.explain(org, Parts::default().sql("SELECT journal.* ").and(page)).await
    }
}

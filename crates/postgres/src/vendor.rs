//! What the vendor domain needs beyond what every resource has: who belongs to whom.

use async_trait::async_trait;
use diesel_async::RunQueryDsl;
use grc_kernel::{OrgId, StoreResult};
use grc_vendor::{Hierarchy, VendorId};

use crate::{
    error,
    list::{Parts, Statement},
    resource::{Found, Select},
    tx::PgTx,
};

#[async_trait]
impl Hierarchy for PgTx {
    async fn lineage(&mut self, org: OrgId, of: VendorId) -> StoreResult<Vec<VendorId>> {
        // A lock of its own, because the rows that a circle would run over are not known before. The statement after it
        // sees what whoever held it before has committed.
        let lock = Parts::default().sql("SELECT pg_advisory_xact_lock(hashtextextended('vendors ' || ").id(org);
        let lock = lock.sql("::uuid::text, 0))");
        Statement(lock).execute(self.connection()?).await.map_err(error::store)?;
        let line = Parts::default()
            .sql("WITH RECURSIVE line (id, parent) AS (SELECT id, parent_vendor_id FROM vendors WHERE org_id = ")
            .id(org)
            .sql(" AND id = ")
            .id(of)
            .sql(
                " UNION SELECT vendors.id, vendors.parent_vendor_id FROM vendors JOIN line ON vendors.id = line.parent \
                 WHERE vendors.org_id = ",
            )
            .id(org)
            .sql(") SELECT id FROM line");
        let rows: Vec<Found> = Select(line).load(self.connection()?).await.map_err(error::store)?;
        Ok(rows.into_iter().map(|Found(id)| VendorId(id)).collect())
    }
}

//! What the vendor domain needs beyond what every resource has: who belongs to whom, and whose key a partner's is.

use async_trait::async_trait;
use diesel_async::RunQueryDsl;
use grc_kernel::{OrgId, StoreResult, list::Scalar};
use grc_vendor::{Grant, GrantId, Hierarchy, VendorId, a2a::grant::Partners};
use time::OffsetDateTime;

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

#[async_trait]
impl Partners for PgTx {
    async fn grant_of(&mut self, org: OrgId, hash: &str) -> StoreResult<Option<Grant>> {
        let of = Parts::default().sql(" AND key_hash = ").bind(Scalar::Text(hash.to_owned()));
        Ok(self.records::<Grant>(org, of).await?.into_iter().next())
    }

    async fn note_use(&mut self, org: OrgId, id: GrantId, at: OffsetDateTime) -> StoreResult<()> {
        let noted = Parts::default()
            .sql("UPDATE a2a_grants SET last_used_at = ")
            .bind(Scalar::Time(at))
            .sql(" WHERE org_id = ")
            .id(org)
            .sql(" AND id = ")
            .id(id);
        Statement(noted).execute(self.connection()?).await.map_err(error::store)?;
        Ok(())
    }
}

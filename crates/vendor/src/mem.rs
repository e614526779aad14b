//! The register's own statements in memory.

use async_trait::async_trait;
use grc_kernel::{OrgId, Repo, Resource, StoreResult, resource::InMemory};
use time::OffsetDateTime;

use crate::{Grant, GrantId, Vendor, VendorId, a2a::grant::Partners, ports::Hierarchy};

#[async_trait]
impl<T: InMemory> Hierarchy for T {
    async fn lineage(&mut self, org: OrgId, of: VendorId) -> StoreResult<Vec<VendorId>> {
        let mut line = Vec::new();
        let mut next = Some(of);
        while let Some(id) = next.filter(|id| !line.contains(id)) {
            let Some(vendor) = Repo::<Vendor>::find(self, org, id).await? else { break };
            line.push(id);
            next = vendor.parent_vendor_id;
        }
        Ok(line)
    }
}

#[async_trait]
impl<T: InMemory> Partners for T {
    async fn grant_of(&mut self, org: OrgId, hash: &str) -> StoreResult<Option<Grant>> {
        let all = Repo::<Grant>::page(self, org, &Grant::LIST.query().limited(10_000)).await?;
        Ok(all.items.into_iter().find(|grant| grant.key_hash == hash))
    }

    async fn note_use(&mut self, org: OrgId, id: GrantId, at: OffsetDateTime) -> StoreResult<()> {
        if let Some(mut grant) = Repo::<Grant>::find(self, org, id).await? {
            grant.last_used_at = Some(at);
            Repo::<Grant>::update(self, &grant, grant.meta.revision).await?;
        }
        Ok(())
    }
}

//! The register's own statements in memory.

use async_trait::async_trait;
use grc_kernel::{OrgId, Repo, StoreResult, resource::InMemory};

use crate::{Vendor, VendorId, ports::Hierarchy};

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

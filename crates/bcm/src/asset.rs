//! Assets: what processes use. Applications, databases, sites, people and vendors, as nodes of the graph.

use async_trait::async_trait;
use grc_continuity::{AssetType, Node};
use grc_kernel::{Ctx, Refusal, Rules, UserId, Uuid, resource, shape::Ty, typed_id};

use crate::{HOURS_MAX, dependency, ports::Tx};

typed_id! {
    /// An asset.
    AssetId,
}

resource! {
    /// Something that processes use. Times are hours.
    pub struct Asset(AssetId) as "Asset" {
        kind: "asset", table: "bcm_assets", area: "bcm", name: "name", sort: ("created_at", true),
    }
    /// Its name.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What it is and does.
    description: Option<String> = Ty::Text(20_000), searches;
    /// What it is.
    kind: AssetType = Ty::Word(AssetType::NAMES), required, named("type");
    /// The recovery time that its operator states.
    rto_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX), sorts;
    /// The age of the data after its recovery, as its operator states.
    rpo_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX);
    /// How long restoring takes once work on it can begin; where absent, a recovery plan takes rto_hours.
    restore_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX);
    /// The recovery that a contract for it promises; where absent, that of its vendor's contracts.
    sla_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX);
    /// Where it is: a cloud region (`eu-central-1`), a country code, a city.
    region: Option<String> = Ty::Line(200), sorts, searches;
    /// Whose infrastructure it runs on.
    provider: Option<String> = Ty::Line(200), filters, searches;
    /// The vendor that delivers it.
    vendor_id: Option<Uuid> = Ty::Ref("vendor");
    /// Who looks after it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
}

#[async_trait]
impl Rules for Asset {
    type Tx = Tx;

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        dependency::leave(ctx, tx, record.id.0).await
    }
}

impl Asset {
    /// The asset as a node of the graph.
    pub fn to_node(&self) -> Node {
        Node {
            rto_hours: self.rto_hours,
            rpo_hours: self.rpo_hours,
            restore_hours: self.restore_hours,
            sla_hours: self.sla_hours,
            region: self.region.clone(),
            provider: self.provider.clone(),
            vendor: self.vendor_id,
            has_owner: self.owner_id.is_some(),
            ..Node::asset(self.id.0, &self.name, self.kind)
        }
    }
}

//! What the graph is made of: processes, assets and the dependencies between them. The words are those of the
//! API; the numbers are hours and plain money. Nothing here is stored: a caller fills it from its own records.

use grc_kernel::{Checker, wire_enum};
use time::OffsetDateTime;
use uuid::Uuid;

wire_enum! {
    /// How much the organization depends on a process. The order is from most to least.
    pub enum Criticality {
        /// The organization fails without it.
        MissionCritical = "mission_critical",
        /// Its absence does grave harm.
        BusinessCritical = "business_critical",
        /// Its absence is a nuisance that grows.
        BusinessOperational = "business_operational",
        /// It can wait.
        Administrative = "administrative",
    }
}

impl Criticality {
    /// What one node of this criticality counts in shares and exposures: 4, 3, 2, 1. The steps are ordinal; they
    /// order, they do not measure.
    pub fn weight(self) -> f64 {
        match self {
            Self::MissionCritical => 4.0,
            Self::BusinessCritical => 3.0,
            Self::BusinessOperational => 2.0,
            Self::Administrative => 1.0,
        }
    }
}

wire_enum! {
    /// What an asset is.
    pub enum AssetType {
        /// Software that people or processes use.
        Application = "application",
        /// A store of data with its own recovery.
        Database = "database",
        /// Networks, servers, power.
        Infrastructure = "infrastructure",
        /// A place.
        Site = "site",
        /// A supplier.
        Vendor = "vendor",
        /// A team or a person.
        People = "people",
        /// A data set.
        Data = "data",
        /// Anything else.
        Other = "other",
    }
}

wire_enum! {
    /// What a dependency means.
    pub enum DependencyType {
        /// The source does not work without the target.
        Requires = "requires",
        /// The source works better with it.
        Supports = "supports",
    }
}

wire_enum! {
    /// Whether the loss of the target stops the source.
    pub enum Strength {
        /// It does.
        Hard = "hard",
        /// The source goes on, worse.
        Soft = "soft",
    }
}

wire_enum! {
    /// The kinds of harm of a business impact analysis (ISO/TS 22317:2021).
    pub enum ImpactCategory {
        /// Money.
        Financial = "financial",
        /// Law and contracts.
        Legal = "legal",
        /// What others think of the organization.
        Reputational = "reputational",
        /// Life, health and welfare.
        People = "people",
        /// The work itself.
        Operational = "operational",
        /// Nature.
        Environmental = "environmental",
    }
}

/// One cell of an impact table: how grave the harm is once an outage has lasted so long.
#[derive(Clone, Debug, PartialEq)]
pub struct Impact {
    /// The kind of harm.
    pub category: ImpactCategory,
    /// The age of the outage, in hours, from which the level applies.
    pub band_hours: f64,
    /// 0 (none) to 5 (the worst).
    pub level: u8,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// Something that the organization does.
    Process,
    /// Something that it uses.
    Asset(AssetType),
}

impl NodeKind {
    /// The wire name of the node's `type`: `process` or `asset`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Asset(_) => "asset",
        }
    }
}

/// A process or an asset. [`Node::process`] and [`Node::asset`] make one with everything optional absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its id, unique among processes and assets together.
    pub id: Uuid,
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// How critical it is. An asset without one inherits from what needs it.
    pub criticality: Option<Criticality>,
    /// Recovery time objective, hours. For an asset, the recovery that its operator states.
    pub rto_hours: Option<f64>,
    /// Recovery point objective, hours of data.
    pub rpo_hours: Option<f64>,
    /// Maximum tolerable downtime, hours.
    pub mtd_hours: Option<f64>,
    /// How long restoring takes once work on it can begin, hours.
    pub restore_hours: Option<f64>,
    /// The recovery that a contract promises for it, hours.
    pub sla_hours: Option<f64>,
    /// Money lost for each hour of downtime.
    pub hourly_loss: Option<f64>,
    /// Where it runs: a cloud region or a country code.
    pub region: Option<String>,
    /// Whose infrastructure it runs on.
    pub provider: Option<String>,
    /// The vendor that delivers it.
    pub vendor: Option<Uuid>,
    /// What that vendor is called.
    pub vendor_name: Option<String>,
    /// The site asset that it stands in, where that is not said by a dependency.
    pub site: Option<Uuid>,
    /// Whether somebody answers for it. Only asked of processes.
    pub has_owner: bool,
    /// When its impact analysis was last reviewed. Only asked of processes.
    pub last_reviewed_at: Option<OffsetDateTime>,
    /// Its impact table.
    pub impacts: Vec<Impact>,
}

impl Node {
    /// A process with nothing known but its criticality.
    pub fn process(id: Uuid, name: impl Into<String>, criticality: Criticality) -> Self {
        Self { criticality: Some(criticality), ..Self::bare(id, NodeKind::Process, name.into()) }
    }

    /// An asset with nothing known.
    pub fn asset(id: Uuid, name: impl Into<String>, kind: AssetType) -> Self {
        Self::bare(id, NodeKind::Asset(kind), name.into())
    }

    fn bare(id: Uuid, kind: NodeKind, name: String) -> Self {
        Self {
            id,
            kind,
            name,
            criticality: None,
            rto_hours: None,
            rpo_hours: None,
            mtd_hours: None,
            restore_hours: None,
            sla_hours: None,
            hourly_loss: None,
            region: None,
            provider: None,
            vendor: None,
            vendor_name: None,
            site: None,
            has_owner: false,
            last_reviewed_at: None,
            impacts: Vec::new(),
        }
    }

    /// Whether it is a process.
    pub fn is_process(&self) -> bool {
        self.kind == NodeKind::Process
    }

    /// Id, kind and name, for results.
    pub fn to_ref(&self) -> NodeRef {
        NodeRef { id: self.id, kind: self.kind, name: self.name.clone() }
    }
}

/// A node as results name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeRef {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
}

/// `source` depends on `target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What depends.
    pub source: Uuid,
    /// What it depends on.
    pub target: Uuid,
    /// Whether it needs it.
    pub dependency_type: DependencyType,
    /// Whether its loss stops the source.
    pub strength: Strength,
    /// Members of the same group of the same source stand in for each other.
    pub redundancy_group: Option<String>,
    /// How many members of the group have to work; the same on each member, 1 if none says.
    pub needed: Option<u32>,
}

impl Edge {
    /// A hard requirement.
    pub fn requires(source: Uuid, target: Uuid) -> Self {
        Self {
            source,
            target,
            dependency_type: DependencyType::Requires,
            strength: Strength::Hard,
            redundancy_group: None,
            needed: None,
        }
    }

    /// A dependency that only helps.
    pub fn supports(source: Uuid, target: Uuid) -> Self {
        Self { dependency_type: DependencyType::Supports, ..Self::requires(source, target) }
    }

    /// The same edge, soft.
    pub fn soft(self) -> Self {
        Self { strength: Strength::Soft, ..self }
    }

    /// The same edge, as one member of a group of which `needed` have to work.
    pub fn in_group(self, group: impl Into<String>, needed: u32) -> Self {
        Self { redundancy_group: Some(group.into()), needed: Some(needed), ..self }
    }

    /// Whether the loss of the target counts towards the loss of the source: a hard requirement. Everything else
    /// degrades the source at worst.
    pub fn can_stop(&self) -> bool {
        self.dependency_type == DependencyType::Requires && self.strength == Strength::Hard
    }
}

/// Checks the times of a process before it is stored: numbers from 0, and an RTO within the MTD (ISO 22301:2019,
/// 8.2.2: the objective lies inside the period after which the harm is unacceptable).
pub fn check_times(check: &mut Checker, rto_hours: f64, rpo_hours: f64, mtd_hours: f64) {
    for (field, hours) in [("rto_hours", rto_hours), ("rpo_hours", rpo_hours), ("mtd_hours", mtd_hours)] {
        check.ensure(hours.is_finite() && hours >= 0.0, field, "out_of_range", "must be a number from 0");
    }
    // A number that is none is noted above and not again.
    let inside = rto_hours <= mtd_hours || rto_hours.is_nan() || mtd_hours.is_nan();
    check.ensure(inside, "rto_hours", "rto_over_mtd", "may not be longer than mtd_hours");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rto_lies_within_the_mtd() {
        for (rto, rpo, mtd, codes) in [
            (4.0, 1.0, 24.0, &[][..]),
            (24.0, 0.0, 24.0, &[]),
            (25.0, 0.0, 24.0, &["rto_over_mtd"]),
            (f64::NAN, -1.0, 24.0, &["out_of_range", "out_of_range"]),
        ] {
            let mut check = Checker::new();
            check_times(&mut check, rto, rpo, mtd);
            let found: Vec<_> = check.finish().err().unwrap_or_default().into_iter().map(|error| error.code).collect();
            assert_eq!(found, codes);
        }
    }
}

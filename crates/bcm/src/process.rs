//! Processes: what the organization does, how soon it has to be back, and what its absence does.
//!
//! Rules: the RTO lies within the MTD. An impact table has one level for each category and time band.

use async_trait::async_trait;
use grc_continuity::{Criticality, Impact, ImpactCategory, Node, model::check_times};
use grc_kernel::{Checker, Ctx, Refusal, Rules, UserId, nested, resource, resource::Nested, shape::Ty, typed_id};
use time::OffsetDateTime;

use crate::{HOURS_MAX, dependency, plan, ports::Tx};

typed_id! {
    /// A process.
    ProcessId,
}

nested! {
    /// How grave the harm of one kind is once an outage has lasted so long.
    pub struct ImpactLevel as "ProcessImpact" {
        /// The kind of harm.
        category: ImpactCategory = Ty::Word(ImpactCategory::NAMES), required;
        /// The age of the outage, in hours, from which the level applies.
        band_hours: f64 = Ty::Number(0.0, HOURS_MAX), required;
        /// From 0 (none) to 5 (the worst).
        level: i64 = Ty::Int(0, 5), required;
    }
}

resource! {
    /// Something that the organization does, with its impact analysis. Times are hours.
    pub struct Process(ProcessId) as "Process" {
        kind: "process", table: "bcm_processes", area: "bcm", name: "name", sort: ("created_at", true),
    }
    /// Its name.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What it is and for whom.
    description: Option<String> = Ty::Text(20_000), searches;
    /// How much the organization depends on it.
    criticality: Criticality = Ty::Word(Criticality::NAMES), required;
    /// Recovery time objective: within so many hours it is to be back. Not above mtd_hours.
    rto_hours: f64 = Ty::Number(0.0, HOURS_MAX), required, sorts;
    /// Recovery point objective: at most so many hours of data may be lost.
    rpo_hours: f64 = Ty::Number(0.0, HOURS_MAX), required;
    /// Maximum tolerable downtime: beyond it the harm is unacceptable.
    mtd_hours: f64 = Ty::Number(0.0, HOURS_MAX), required, sorts;
    /// The least capacity that is acceptable during recovery, in percent of the usual.
    mbco_percent: Option<f64> = Ty::Number(0.0, 100.0);
    /// The harm by category and age of the outage.
    impacts: Vec<ImpactLevel> = Ty::List(&Ty::Object(ImpactLevel::SHAPE), 200);
    /// Who answers for it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// When it matters most, in words: `end of month`.
    peak_periods: Vec<String> = Ty::List(&Ty::Line(200), 100);
    /// Money lost for each hour without it, in the organization's currency.
    hourly_loss: Option<f64> = Ty::Number(0.0, 1e15), sorts;
    /// When its impact analysis was last reviewed.
    last_reviewed_at: Option<OffsetDateTime> = Ty::Time, sorts;
}

#[async_trait]
impl Rules for Process {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        check_times(check, after.rto_hours, after.rpo_hours, after.mtd_hours);
        for (i, impact) in after.impacts.iter().enumerate() {
            let same = |other: &ImpactLevel| (other.category, other.band_hours) == (impact.category, impact.band_hours);
            let twice = after.impacts.iter().take(i).any(same);
            check.ensure(!twice, &format!("impacts[{i}]"), "repeated", "has the category and band of another entry");
        }
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        plan::none_for(ctx, tx, record.id).await?;
        dependency::leave(ctx, tx, record.id.0).await
    }
}

impl Process {
    /// The process as a node of the graph.
    pub fn to_node(&self) -> Node {
        Node {
            rto_hours: Some(self.rto_hours),
            rpo_hours: Some(self.rpo_hours),
            mtd_hours: Some(self.mtd_hours),
            hourly_loss: self.hourly_loss,
            has_owner: self.owner_id.is_some(),
            last_reviewed_at: self.last_reviewed_at,
            impacts: self.to_impacts(),
            ..Node::process(self.id.0, &self.name, self.criticality)
        }
    }

    /// Its impact table, as the rules take it.
    pub fn to_impacts(&self) -> Vec<Impact> {
        self.impacts.iter().map(ImpactLevel::to_impact).collect()
    }
}

impl ImpactLevel {
    /// The entry as the rules take it.
    pub fn to_impact(&self) -> Impact {
        let level = u8::try_from(self.level).unwrap_or(u8::MAX);
        Impact { category: self.category, band_hours: self.band_hours, level }
    }
}

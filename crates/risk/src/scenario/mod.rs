//! Scenarios as bow-ties: threats on the left may bring about the top event, the top event may have consequences on
//! the right, and barriers on either side let only a part through.
//!
//! Threats, consequences and barriers are parts of their scenario: what a barrier stands on, it names. The arithmetic
//! is in [`evaluation`], the picture in [`crate::picture::bow_tie`].

pub mod evaluation;

use async_trait::async_trait;
use grc_kernel::{
    Checker, ControlId, Ctx, Refusal, Rules, Uuid, nested, resource, resource::Nested, shape::Ty, typed_id, wire_enum,
};

use crate::{entry::EntryId, fair::AnalysisId, ports::Tx};

typed_id! {
    /// A scenario.
    ScenarioId,
}

wire_enum! {
    /// On which side of the top event a barrier stands.
    pub enum Side {
        /// Between a threat and the top event: it prevents.
        Threat = "threat",
        /// Between the top event and a consequence: it recovers.
        Consequence = "consequence",
    }
}

/// The most threats, consequences and barriers of a scenario.
const MOST: usize = 1_000;

nested! {
    /// What may bring the top event about.
    pub struct Threat as "ScenarioThreat" {
        /// What it is called; no two threats alike.
        name: String = Ty::Line(200), required;
        /// How often it comes, in times a year.
        frequency: f64 = Ty::Number(0.0, 1e9), required;
    }

    /// What may follow from the top event.
    pub struct Consequence as "ScenarioConsequence" {
        /// What it is called; no two consequences alike.
        name: String = Ty::Line(200), required;
        /// What it costs each time, without a currency.
        loss: Option<f64> = Ty::Number(0.0, 1e18);
    }

    /// What stands in the way of a threat or of a consequence.
    pub struct Barrier as "ScenarioBarrier" {
        /// On which side of the top event it stands.
        side: Side = Ty::Word(Side::NAMES), required;
        /// The name of the threat or of the consequence.
        on: String = Ty::Line(200), required;
        /// What it is called.
        name: String = Ty::Line(200), required;
        /// Which part it holds back: 0 nothing, 1 everything.
        effectiveness: f64 = Ty::Number(0.0, 1.0), required;
        /// The control that it is.
        control_id: Option<ControlId> = Ty::Ref("control");
    }
}

resource! {
    /// A scenario of a risk, as a bow-tie.
    pub struct Scenario(ScenarioId) as "Scenario" {
        kind: "risk_scenario", table: "risk_scenarios", area: "risk", name: "top_event", sort: ("created_at", true),
    }
    /// The event in the middle.
    top_event: String = Ty::Line(200), required, sorts, searches;
    /// How it comes about.
    description: Option<String> = Ty::Text(20_000), searches;
    /// The risk that it is a scenario of.
    risk_id: Option<EntryId> = Ty::Ref("risk");
    /// The quantitative analysis of it.
    analysis_id: Option<AnalysisId> = Ty::Ref("fair_analysis");
    /// What may bring it about.
    threats: Vec<Threat> = Ty::List(&Ty::Object(Threat::SHAPE), MOST);
    /// What may follow from it.
    consequences: Vec<Consequence> = Ty::List(&Ty::Object(Consequence::SHAPE), MOST);
    /// What stands in between.
    barriers: Vec<Barrier> = Ty::List(&Ty::Object(Barrier::SHAPE), MOST);
}

#[async_trait]
impl Rules for Scenario {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        after.fits_together(check);
        let known = before.map_or(&[][..], |before| before.barriers.as_slice());
        let known: Vec<Uuid> = controls(known).map(|(_, id)| id).collect();
        let new: Vec<(usize, Uuid)> = controls(&after.barriers).filter(|(_, id)| !known.contains(id)).collect();
        let ids: Vec<Uuid> = new.iter().map(|(_, id)| *id).collect();
        let missing = tx.missing(ctx.org, "control", &ids).await?;
        for (i, _) in new.iter().filter(|(_, id)| missing.contains(id)) {
            check.note(format!("barriers[{i}].control_id"), "unknown_reference", "there is no such control");
        }
        Ok(())
    }
}

/// The controls that barriers are, by the barriers' places.
fn controls(barriers: &[Barrier]) -> impl Iterator<Item = (usize, Uuid)> {
    barriers.iter().enumerate().filter_map(|(i, barrier)| Some((i, barrier.control_id?.0)))
}

impl Scenario {
    fn fits_together(&self, check: &mut Checker) {
        let threats: Vec<&str> = self.threats.iter().map(|threat| threat.name.as_str()).collect();
        let consequences: Vec<&str> = self.consequences.iter().map(|consequence| consequence.name.as_str()).collect();
        for (member, names) in [("threats", &threats), ("consequences", &consequences)] {
            let mut seen = std::collections::BTreeSet::new();
            for (i, name) in names.iter().enumerate() {
                check.ensure(seen.insert(*name), &format!("{member}[{i}].name"), "repeated", "is another one's name");
            }
        }
        for (i, barrier) in self.barriers.iter().enumerate() {
            let names = match barrier.side {
                Side::Threat => &threats,
                Side::Consequence => &consequences,
            };
            let there = names.contains(&barrier.on.as_str());
            let detail = format!("is not the name of a {} of this scenario", barrier.side);
            check.ensure(there, &format!("barriers[{i}].on"), "unknown_reference", detail);
        }
    }

    /// The barriers on a threat or a consequence, in their order.
    pub fn barriers_on<'a>(&'a self, side: Side, name: &'a str) -> impl Iterator<Item = &'a Barrier> {
        self.barriers.iter().filter(move |barrier| barrier.side == side && barrier.on == name)
    }
}

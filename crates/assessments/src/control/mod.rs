//! What is done: the controls that an organization runs, each meeting requirements of any frameworks.
//!
//! Its computed status comes from facts (evidence, findings), so that a control whose evidence grows old
//! loses its standing by itself.

pub mod rules;

use async_trait::async_trait;
use grc_kernel::{
    Checker, ControlId, Ctx, EvidenceId, Refusal, Rules, StoreResult, UserId, nested, resource,
    resource::{Ids, Nested, One},
    shape::{Preset, Ty, must},
    wire_enum,
};

pub use rules::{ComputedStatus, ControlFacts, EvidenceFact};

use crate::ports::Tx;

wire_enum! {
    /// What kind of measure it is.
    pub enum Category {
        /// A rule.
        Policy = "policy",
        /// A practice.
        Process = "process",
        /// A technical measure.
        Technical = "technical",
        /// A physical one.
        Physical = "physical",
    }
}

wire_enum! {
    /// The function of NIST CSF 2.0 that it serves.
    pub enum CsfFunction {
        /// GV
        Govern = "govern",
        /// ID
        Identify = "identify",
        /// PR
        Protect = "protect",
        /// DE
        Detect = "detect",
        /// RS
        Respond = "respond",
        /// RC
        Recover = "recover",
    }
}

wire_enum! {
    /// How far it is.
    pub enum Status {
        /// Not begun.
        Planned = "planned",
        /// Being built.
        InProgress = "in_progress",
        /// In force.
        Active = "active",
        /// Suspended.
        OnHold = "on_hold",
        /// In force, but not as it should be.
        Degraded = "degraded",
        /// Given up.
        Retired = "retired",
    }
}

wire_enum! {
    /// How often it is carried out.
    pub enum Frequency {
        /// All the time.
        Continuous = "continuous",
        /// Every day.
        Daily = "daily",
        /// Every week.
        Weekly = "weekly",
        /// Every month.
        Monthly = "monthly",
        /// Every quarter.
        Quarterly = "quarterly",
        /// Every half-year.
        SemiAnnual = "semi_annual",
        /// Every year.
        Annual = "annual",
    }
}

nested! {
    /// How well a control works: the product of the three (FAIR-CAM).
    pub struct Effectiveness as "EffectivenessBody" {
        /// How well it works where it works.
        efficacy: f64 = Ty::Number(0.0, 1.0), required;
        /// The share of the assets that it covers.
        coverage: f64 = Ty::Number(0.0, 1.0), required;
        /// The share of the time that it works as intended.
        reliability: f64 = Ty::Number(0.0, 1.0), required;
    }
}

resource! {
    /// A control that the organization runs.
    pub struct Control(ControlId) as "Control" {
        kind: "control", table: "controls", area: "control", name: "name", sort: ("created_at", false),
        answer: "ControlBody",
        extra: &[
            must("computed_status", Ty::Word(ComputedStatus::NAMES), "How it stands, by the facts."),
            must("reasons", Ty::List(&Ty::Text(1_000), 2_000), "Why it stands so."),
        ],
    }
    /// Its name.
    name: String = Ty::Line(200), required, sorts, searches;
    /// The organization's own number for it.
    ref_id: Option<String> = Ty::Line(100), sorts, searches;
    /// What it does.
    description: Option<String> = Ty::Text(20_000), searches, filters;
    /// What kind of measure it is.
    category: Category = Ty::Word(Category::NAMES), required;
    /// The CSF 2.0 function that it serves.
    csf_function: Option<CsfFunction> = Ty::Word(CsfFunction::NAMES);
    /// How far it is; planned at first.
    status: Status = Ty::Word(Status::NAMES), preset(Preset::Text("planned"));
    /// Who answers for it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// How often it is carried out.
    frequency: Option<Frequency> = Ty::Word(Frequency::NAMES);
    /// The requirements that it meets, KEY:ref.
    requirements: Vec<String> = Ty::List(&Ty::Line(200), 1_000);
    /// The evidence for it.
    evidence: Ids<EvidenceId> = Ty::List(&Ty::Ref("evidence"), 1_000);
    /// How well it works.
    effectiveness: Option<One<Effectiveness>> = Ty::Object(Effectiveness::SHAPE);
}

#[async_trait]
impl Rules for Control {
    type Tx = Tx;
    const THOROUGH: bool = true;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_none_or(|before| before.requirements != after.requirements) {
            let unknown = tx.frameworks().unknown_names(ctx.org, &after.requirements).await?;
            for (i, name) in after.requirements.iter().enumerate().filter(|(_, name)| unknown.contains(name)) {
                let detail = format!("no framework has a control {name}");
                check.note(format!("requirements[{i}]"), "unknown_reference", detail);
            }
        }
        distinct(&mut after.requirements);
        distinct(&mut after.evidence.0);
        Ok(())
    }
}

/// How controls stand, each with the reasons, in their order.
pub async fn standings(
    ctx: &Ctx,
    tx: &mut Tx,
    controls: &[Control],
) -> StoreResult<Vec<(ComputedStatus, Vec<String>)>> {
    let facts = tx.facts(ctx.org, controls).await?;
    Ok(controls.iter().zip(&facts).map(|(control, facts)| rules::computed_status(control, facts, ctx.now)).collect())
}

/// Leaves each entry once, in the order given.
fn distinct<T: Clone + Ord>(entries: &mut Vec<T>) {
    let mut seen = std::collections::BTreeSet::new();
    entries.retain(|entry| seen.insert(entry.clone()));
}

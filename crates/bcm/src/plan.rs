//! Recovery plans: who does what, in which order, until a process is back.
//!
//! A plan is drafted, approved, put in force, retired. Who approved it and when is kept until it goes back to draft.
//! Steps are kept in their order; one that does not say its order has that of its place in the list.

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, Refusal, Repo, Resource, Rules, UserId, Uuid,
    list::Scalar,
    nested, resource,
    resource::{Machine, Nested},
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use time::OffsetDateTime;

use crate::{HOURS_MAX, ports::Tx, process::ProcessId};

typed_id! {
    /// A recovery plan.
    PlanId,
}

wire_enum! {
    /// Where it stands.
    pub enum PlanStatus {
        /// Being written.
        Draft = "draft",
        /// Agreed on.
        Approved = "approved",
        /// In force.
        Active = "active",
        /// Not in force any more.
        Retired = "retired",
    }
}

/// The moves of a plan. One that is revised goes back to draft, and is approved anew.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["draft"],
    moves: &[
        ("draft", &["approved", "retired"]),
        ("approved", &["active", "draft", "retired"]),
        ("active", &["draft", "retired"]),
        ("retired", &["draft"]),
    ],
};

nested! {
    /// Something to do.
    pub struct Step as "RecoveryStep" {
        /// Its place among the steps, from 1; that in the list where absent. No two have the same.
        order: Option<i64> = Ty::Int(1, 10_000);
        /// What is done.
        action: String = Ty::Text(2_000), required;
        /// Who does it: an active member.
        owner_id: Option<UserId> = Ty::Ref("user");
        /// How long it takes, in minutes.
        minutes: Option<i64> = Ty::Int(0, 525_600);
    }
}

resource! {
    /// How a process is brought back.
    pub struct Plan(PlanId) as "RecoveryPlan" {
        kind: "recovery_plan", table: "recovery_plans", area: "bcm", name: "name", sort: ("created_at", true),
        machine: MACHINE,
    }
    /// Its name.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What it is for and when it is used.
    description: Option<String> = Ty::Text(20_000), searches;
    /// The process that it brings back.
    process_id: Option<ProcessId> = Ty::Ref("process");
    /// The idea: stand-by site, manual work, restore from backup.
    strategy: Option<String> = Ty::Text(20_000), searches;
    /// What is done, in order.
    steps: Vec<Step> = Ty::List(&Ty::Object(Step::SHAPE), 1_000);
    /// Within so many hours the plan brings the process back. Exercises are held against it, or against the
    /// process's own objective where it is absent.
    rto_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX), sorts;
    /// At most so many hours of data are lost; likewise.
    rpo_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX);
    /// Who keeps the plan: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// Where it stands.
    status: PlanStatus = Ty::Word(PlanStatus::NAMES), preset(Preset::Text("draft"));
    /// The minutes of all steps.
    total_minutes: i64 = Ty::Int(0, i64::MAX), computed;
    /// Whether the steps, one after the other, fit into rto_hours; null without it.
    within_rto: Option<bool> = Ty::Bool, computed;
    /// Who approved it.
    approved_by: Option<Uuid> = Ty::Id, computed;
    /// When.
    approved_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
}

#[async_trait]
impl Rules for Plan {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_none_or(|before| before.steps != after.steps) {
            after.number(check);
            after.owners(ctx, tx, check).await?;
        }
        after.total_minutes = after.steps.iter().filter_map(|step| step.minutes).sum();
        // Below 9e15 minutes, the most that the limits of the steps allow, the number is exact.
        let minutes: f64 = after.total_minutes.to_string().parse().unwrap_or(f64::MAX);
        after.within_rto = after.rto_hours.map(|hours| minutes <= hours * 60.0);
        match after.status {
            PlanStatus::Draft => (after.approved_by, after.approved_at) = (None, None),
            PlanStatus::Approved if before.is_some_and(|before| before.status != PlanStatus::Approved) => {
                (after.approved_by, after.approved_at) = (Some(ctx.actor.id), Some(ctx.now));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Plan {
    /// Gives every step its number, and brings them into order.
    fn number(&mut self, check: &mut Checker) {
        for (step, place) in self.steps.iter_mut().zip(1..) {
            step.order.get_or_insert(place);
        }
        for (i, step) in self.steps.iter().enumerate() {
            let twice = self.steps.iter().take(i).any(|other| other.order == step.order);
            check.ensure(!twice, &format!("steps[{i}].order"), "repeated", "is the order of another step");
        }
        if check.is_clean() {
            self.steps.sort_by_key(|step| step.order);
        }
    }

    /// Every step's owner is an active member, found out in one statement.
    async fn owners(&self, ctx: &Ctx, tx: &mut Tx, check: &mut Checker) -> Result<(), Refusal> {
        let mut named: Vec<Uuid> = self.steps.iter().filter_map(|step| step.owner_id).map(|owner| owner.0).collect();
        named.sort_unstable();
        named.dedup();
        let missing = tx.missing(ctx.org, "user", &named).await?;
        for (i, step) in self.steps.iter().enumerate() {
            let known = step.owner_id.is_none_or(|owner| !missing.contains(&owner.0));
            let detail = "is not an active member of the organization";
            check.ensure(known, &format!("steps[{i}].owner_id"), "unknown_reference", detail);
        }
        Ok(())
    }
}

/// Refuses where a plan is for a process: it would be left without what it brings back.
pub(crate) async fn none_for(ctx: &Ctx, tx: &mut Tx, process: ProcessId) -> Result<(), Refusal> {
    let query = Plan::LIST.query().only("process_id", vec![Scalar::Id(process.0)]).limited(1);
    match Repo::<Plan>::page(tx, ctx.org, &query).await?.items.first() {
        Some(plan) => Err(Refusal::Conflict(format!("the recovery plan «{}» is for it", plan.name))),
        None => Ok(()),
    }
}

//! Exercises of recovery plans: what was tried, and whether it was quick enough.
//!
//! An exercise is a record of what happened and is not changed afterwards. The targets that it is held against are
//! those of its time, kept with it: the plan's, and where the plan has none the process's.

use async_trait::async_trait;
use grc_kernel::{Checker, Ctx, Refusal, Repo, Rules, kit, resource, shape::Ty, typed_id, wire_enum};
use time::Date;

use crate::{
    HOURS_MAX,
    plan::{Plan, PlanId},
    ports::Tx,
    process::Process,
};

typed_id! {
    /// An exercise.
    ExerciseId,
}

wire_enum! {
    /// How real it was.
    pub enum ExerciseType {
        /// The plan was talked through.
        Tabletop = "tabletop",
        /// Its steps were walked through.
        Walkthrough = "walkthrough",
        /// A failure was simulated.
        Simulation = "simulation",
        /// Everything was done as in earnest.
        Full = "full",
    }
}

resource! {
    /// An exercise of a recovery plan.
    pub struct Exercise(ExerciseId) as "RecoveryExercise" {
        kind: "recovery_exercise", table: "recovery_exercises", area: "bcm", name: "type", sort: ("date", true),
    }
    /// The plan.
    plan_id: PlanId = Ty::Ref("recovery_plan"), computed;
    /// How real it was.
    kind: ExerciseType = Ty::Word(ExerciseType::NAMES), required, named("type");
    /// When it was. One in the future is planned, and does not count yet.
    date: Date = Ty::Date, required, sorts;
    /// After so many hours the process was back.
    achieved_rto_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX);
    /// So many hours of data were lost.
    achieved_rpo_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX);
    /// What came of it.
    result: Option<String> = Ty::Text(20_000), searches;
    /// What was learned.
    lessons: Option<String> = Ty::Text(20_000), searches;
    /// The recovery time that was aimed at.
    target_rto_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX), computed;
    /// The recovery point that was aimed at.
    target_rpo_hours: Option<f64> = Ty::Number(0.0, HOURS_MAX), computed;
    /// Whether the recovery time was within its target; null where either is not known.
    rto_met: Option<bool> = Ty::Bool, computed;
    /// Whether the recovery point was within its target; likewise.
    rpo_met: Option<bool> = Ty::Bool, computed;
}

#[async_trait]
impl Rules for Exercise {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        _: &mut Checker,
    ) -> Result<(), Refusal> {
        let plan = kit::find::<Plan>(ctx, tx, after.plan_id).await?;
        let process = match plan.process_id {
            Some(process) => Repo::<Process>::find(tx, ctx.org, process).await?,
            None => None,
        };
        after.target_rto_hours = plan.rto_hours.or(process.as_ref().map(|process| process.rto_hours));
        after.target_rpo_hours = plan.rpo_hours.or(process.as_ref().map(|process| process.rpo_hours));
        after.rto_met = met(after.achieved_rto_hours, after.target_rto_hours);
        after.rpo_met = met(after.achieved_rpo_hours, after.target_rpo_hours);
        Ok(())
    }
}

fn met(achieved: Option<f64>, target: Option<f64>) -> Option<bool> {
    achieved.zip(target).map(|(achieved, target)| achieved <= target)
}

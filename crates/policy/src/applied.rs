//! Which actions of a playbook an incident has been given: each once, however often the playbook is applied.

use async_trait::async_trait;
use grc_kernel::{
    Access, Ctx, Meta, Refusal, Repo, Resource, Rules, Uuid, list::Scalar, resource, shape::Ty, typed_id,
};

use crate::{decision::DecisionId, playbook::Action, ports::Tx};

/// The most actions that an incident is given by all playbooks together.
pub const APPLIED_MAX: usize = 2_000;

typed_id! {
    /// An action that was applied.
    AppliedId,
}

resource! {
    /// An action of a playbook that was applied to an incident.
    pub struct Applied(AppliedId) as "AppliedAction" {
        kind: "applied_action", table: "policy_applied_actions", area: "policy", name: "action",
        sort: ("created_at", false),
    }
    /// The incident.
    incident_id: Uuid = Ty::Ref("incident"), computed;
    /// The path of the playbook.
    path: String = Ty::Line(200), computed, filters;
    /// The action.
    action: String = Ty::Line(100), computed, filters;
    /// The decision that gave it.
    decision_id: DecisionId = Ty::Id, computed;
}

#[async_trait]
impl Rules for Applied {
    type Tx = Tx;
    const APPEND_ONLY: bool = true;
}

/// Divides the actions of a playbook into those that an incident was not given yet and the ids of those that it was. The
/// incident is to be held, so that nobody gives it the same meanwhile.
pub async fn remaining(
    ctx: &Ctx,
    tx: &mut Tx,
    incident: Uuid,
    path: &str,
    actions: Vec<Action>,
) -> Result<(Vec<Action>, Vec<String>), Refusal> {
    let query = Applied::LIST.query().only("incident_id", vec![Scalar::Id(incident)]).limited(APPLIED_MAX);
    let given = Repo::<Applied>::page(tx, ctx.org, &query).await?.items;
    let is_given = |action: &Action| given.iter().any(|one| one.path == path && one.action == action.id);
    let (given_now, left): (Vec<Action>, Vec<Action>) = actions.into_iter().partition(is_given);
    if given.len() + left.len() > APPLIED_MAX {
        return Err(Refusal::Conflict(format!("an incident is given at most {APPLIED_MAX} actions by playbooks")));
    }
    Ok((left, given_now.into_iter().map(|action| action.id).collect()))
}

/// Keeps which actions an incident was given.
pub async fn keep(
    ctx: &Ctx,
    tx: &mut Tx,
    incident: Uuid,
    path: &str,
    decision: DecisionId,
    actions: &[Action],
) -> Result<(), Refusal> {
    ctx.require(Applied::permission(Access::Read))?;
    if actions.is_empty() {
        return Ok(());
    }
    let kept = |action: &Action| {
        let mut applied = Applied::blank(ctx.new_id(), ctx.org, Meta::new(ctx));
        applied.incident_id = incident;
        path.clone_into(&mut applied.path);
        applied.action.clone_from(&action.id);
        applied.decision_id = decision;
        applied
    };
    let kept: Vec<Applied> = actions.iter().map(kept).collect();
    Ok(Repo::<Applied>::insert_many(tx, &kept).await?)
}

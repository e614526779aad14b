//! Decisions about incidents: what an engine is told of one, and what becomes of the actions that it gives. The policy
//! domain's side is the decision and which actions were given before, the incident's are its tasks and its timeline; all
//! of it changes in one transaction.

use grc_incident::{
    Incident, IncidentId, Task,
    playbook::{Source, Step, adopt},
    response,
};
use grc_kernel::{Access, Ctx, Record, Refusal, Resource, kit};
use grc_policy::{
    Decision, applied,
    decision::{self, Question},
    playbook::{Action, ActionKind},
};
use grc_uow::Uow;
use serde_json::{Map, Value, json};
use time::Duration;

/// The longest description that a task has room for, beside the line that says where it comes from.
const DESCRIPTION_MAX: usize = 19_500;

/// Tells an input of the incident that it is about: the record as it is stored, over what the caller said of it.
pub async fn tell(ctx: &Ctx, uow: &mut Uow, id: IncidentId, input: &mut Map<String, Value>) -> Result<(), Refusal> {
    let incident = kit::get::<Incident>(ctx, uow.incident(), id).await?;
    let told = input.entry("incident").or_insert_with(|| json!({}));
    if !told.is_object() {
        return Err(Refusal::field("input.incident", "type", "must be an object"));
    }
    if let (Some(told), Value::Object(stored)) = (told.as_object_mut(), incident.snapshot()) {
        told.insert("id".to_owned(), json!(id.to_string()));
        told.extend(stored);
    }
    Ok(())
}

/// What became of a decision's actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The decision, as it was kept.
    pub decision: Decision,
    /// The tasks that were made.
    pub tasks: Vec<Task>,
    /// The ids of the actions that the incident was given before.
    pub skipped: Vec<String>,
}

/// Keeps a decision and gives its actions to the incident that it is about, each once.
pub async fn apply(
    ctx: &Ctx,
    uow: &mut Uow,
    mut decision: Decision,
    asked: Question,
    id: IncidentId,
    actions: Vec<Action>,
) -> Result<Applied, Refusal> {
    ctx.require(Incident::permission(Access::Write))?;
    let incident = response::hold(ctx, uow.incident(), id).await?;
    let path = asked.path.to_string();
    let (left, skipped) = applied::remaining(ctx, uow.policy(), id.0, &path, actions).await?;
    decision.applied = true;
    decision.incident_id = Some(id.0);
    if left.is_empty() {
        decision::record(ctx, uow.policy(), &decision, asked.input).await?;
        return Ok(Applied { decision, tasks: Vec::new(), skipped });
    }
    decision::store(ctx, uow.policy(), &decision, asked.input).await?;
    let steps: Vec<Step> = left.iter().map(step).collect();
    let source = Source { playbook: path.clone(), decision: decision.id.0 };
    let tasks = adopt(ctx, uow.incident(), &incident, &source, &steps).await?;
    applied::keep(ctx, uow.policy(), id.0, &path, decision.id, &left).await?;
    Ok(Applied { decision, tasks, skipped })
}

fn step(action: &Action) -> Step {
    let place = match (&action.phase, &action.priority) {
        (Some(phase), Some(priority)) => format!("Phase: {phase}, priority: {priority}."),
        (Some(phase), None) => format!("Phase: {phase}."),
        (None, Some(priority)) => format!("Priority: {priority}."),
        (None, None) => String::new(),
    };
    let said = action.description.as_deref().unwrap_or_default();
    let said: String = said.chars().take(DESCRIPTION_MAX).collect();
    let parts: Vec<String> = [said, place].into_iter().filter(|part| !part.is_empty()).collect();
    Step {
        is_task: action.kind == ActionKind::Task,
        title: action.title.clone(),
        description: (!parts.is_empty()).then(|| parts.join("\n\n")),
        due_in: action.due_in_minutes.map(Duration::minutes),
        from_detection: action.from_detection,
    }
}

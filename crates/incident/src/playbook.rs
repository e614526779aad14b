//! What a playbook gives an incident: tasks, and entries of its timeline. Which playbook, and whether the incident was given
//! the same before, is not for this domain to know.

use grc_kernel::{Access, Ctx, Fact, Meta, Refusal, Repo, Resource, Uuid};
use serde_json::json;
use time::Duration;

use crate::{
    incident::Incident,
    ports::Tx,
    story,
    task::{Task, TaskStatus},
    timeline,
};

/// A step of a playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether it is a task, rather than a note.
    pub is_task: bool,
    /// What is to be done or known, in a line.
    pub title: String,
    /// How.
    pub description: Option<String>,
    /// Until when: so long after the moment that it runs from.
    pub due_in: Option<Duration>,
    /// Whether that is the detection of the incident, rather than now.
    pub from_detection: bool,
}

/// Where steps come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The playbook.
    pub playbook: String,
    /// The decision that gave them.
    pub decision: Uuid,
}

/// Gives an incident, which is held, the steps of a playbook: the tasks that were made. One fact tells of all.
pub async fn adopt(
    ctx: &Ctx,
    tx: &mut Tx,
    incident: &Incident,
    source: &Source,
    steps: &[Step],
) -> Result<Vec<Task>, Refusal> {
    ctx.require(Incident::permission(Access::Write))?;
    if incident.closed_at.is_some() {
        return Err(Refusal::Conflict("the incident is closed: open it again first".to_owned()));
    }
    let tasks: Vec<Task> =
        steps.iter().filter(|step| step.is_task).map(|step| task(ctx, incident, source, step)).collect();
    let mut told = vec![story::playbook(source, &tasks, steps.len() - tasks.len())];
    told.extend(tasks.iter().flat_map(|task| story::of_task(None, task)));
    told.extend(steps.iter().filter(|step| !step.is_task).map(|step| story::playbook_note(source, step)));
    if !tasks.is_empty() {
        Repo::<Task>::insert_many(tx, &tasks).await?;
    }
    timeline::tell(ctx, tx, incident.id, told).await?;
    let fact = Fact {
        revision: Some(incident.meta.revision),
        feed: true,
        ..Fact::note(Incident::KIND, incident.id.0, "playbook_applied")
    };
    let made: Vec<_> = tasks.iter().map(|task| json!({"id": task.id.to_string(), "title": task.title})).collect();
    let after = json!({
        "playbook": source.playbook, "decision_id": source.decision.to_string(), "tasks": made,
        "notes": steps.len() - tasks.len(),
    });
    tx.journal().record(ctx, fact.with(after)).await?;
    Ok(tasks)
}

fn task(ctx: &Ctx, incident: &Incident, source: &Source, step: &Step) -> Task {
    let mut task = Task::blank(ctx.new_id(), ctx.org, Meta::new(ctx));
    task.incident_id = incident.id;
    task.title.clone_from(&step.title);
    let from = format!("From the playbook {}.", source.playbook);
    task.description = Some(match &step.description {
        Some(text) => format!("{text}\n\n{from}"),
        None => from,
    });
    let base = if step.from_detection { incident.detected_at } else { ctx.now };
    task.due_at = step.due_in.and_then(|after| base.checked_add(after));
    task.status = TaskStatus::Open;
    task
}

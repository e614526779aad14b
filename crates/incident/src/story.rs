//! What the timeline tells of a change.

use grc_kernel::{Record, Resource, shape::Role};
use serde_json::{Map, Value, json};

use crate::{
    incident::Incident,
    phase::Move,
    playbook::{Source, Step},
    review::Review,
    task::{Task, TaskStatus},
    timeline::Event,
};

fn event(event_type: &'static str, description: impl Into<String>, details: Value) -> Event {
    let details = match details {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    Event { event_type, description: description.into(), details }
}

/// What happened to an incident: the move first, then what else changed.
pub(crate) fn of_incident(before: Option<&Incident>, after: &Incident) -> Vec<Event> {
    let Some(before) = before else {
        let details =
            json!({"severity": after.severity.as_str(), "category": after.category.as_str(), "source": after.source});
        return vec![event("created", format!("Incident opened: {}", after.title), details)];
    };
    let mut told = Vec::new();
    told.extend(phase(before, after));
    if after.severity != before.severity {
        let (from, to) = (before.severity.as_str(), after.severity.as_str());
        told.push(event(
            "severity_changed",
            format!("Severity changed from {from} to {to}"),
            json!({"from": from, "to": to}),
        ));
    }
    if after.commander_id != before.commander_id {
        let text = if after.commander_id.is_some() { "Commander named" } else { "Nobody commands the response" };
        let id = |incident: &Incident| incident.commander_id.map(|id| id.to_string());
        told.push(event("commander_changed", text, json!({"from": id(before), "to": id(after)})));
    }
    if before.acknowledged_at.is_none() && after.acknowledged_at.is_some() {
        told.push(event("acknowledged", "Incident acknowledged", json!({})));
    }
    if before.closed_at.is_none() && after.closed_at.is_some() {
        told.push(event("closed", "Incident closed", json!({})));
    }
    let mut others = changed(before, after, &["phase", "notes", "severity", "commander_id"]);
    if after.phase == before.phase && after.notes.is_none() && before.notes.is_some() {
        others.push("notes");
    }
    if !others.is_empty() {
        told.push(event("updated", format!("Changed: {}", others.join(", ")), json!({"members": others})));
    }
    told
}

fn phase(before: &Incident, after: &Incident) -> Option<Event> {
    let step = Move::between(before.phase, after.phase);
    let (from, to) = (before.phase.as_str(), after.phase.as_str());
    if step == Move::Stay {
        let notes = after.notes.as_ref().filter(|_| after.notes != before.notes)?;
        return Some(event("note", notes.clone(), json!({"phase": to})));
    }
    let mut details = json!({"from": from, "to": to, "notes": after.notes});
    if step == Move::Skip
        && let Value::Object(members) = &mut details
    {
        members.insert("forced".into(), true.into());
    }
    let kind = if step.is_back() { "phase_regression" } else { "phase_transition" };
    Some(event(kind, format!("Phase changed from {from} to {to}"), details))
}

/// The members that clients set and that came out different, but for some.
fn changed<R: Resource>(before: &R, after: &R, but: &[&str]) -> Vec<&'static str> {
    let settable = R::members().filter(|(member, _)| member.role != Role::Computed && !but.contains(&member.name));
    settable.filter(|(_, attr)| (attr.get)(before) != (attr.get)(after)).map(|(member, _)| member.name).collect()
}

/// An incident was removed.
pub(crate) fn removed(incident: &Incident) -> Event {
    event("removed", format!("Incident removed: {}", incident.title), json!({}))
}

/// What happened to a task.
pub(crate) fn of_task(before: Option<&Task>, after: &Task) -> Vec<Event> {
    let id = |task: &Task| json!({"task_id": task.id.to_string(), "status": task.status.as_str()});
    let Some(before) = before else {
        return vec![event("task_added", format!("Task added: {}", after.title), id(after))];
    };
    let members = changed(before, after, &[]);
    if members.is_empty() {
        return Vec::new();
    }
    let done = after.status == TaskStatus::Done && before.status != TaskStatus::Done;
    let (kind, verb) = if done { ("task_done", "done") } else { ("task_changed", "changed") };
    let mut told = event(kind, format!("Task {verb}: {}", after.title), id(after));
    told.details.insert("members".into(), json!(members));
    vec![told]
}

/// A task was removed.
pub(crate) fn task_removed(task: &Task) -> Event {
    event("task_removed", format!("Task removed: {}", task.title), json!({"task_id": task.id.to_string()}))
}

/// A playbook was applied.
pub(crate) fn playbook(source: &Source, tasks: &[Task], notes: usize) -> Event {
    let ids: Vec<String> = tasks.iter().map(|task| task.id.to_string()).collect();
    let text = format!("Playbook applied: {} ({} tasks, {notes} notes)", source.playbook, tasks.len());
    let details = json!({"playbook": source.playbook, "decision_id": source.decision.to_string(), "task_ids": ids});
    event("playbook_applied", text, details)
}

/// What a playbook wants known.
pub(crate) fn playbook_note(source: &Source, step: &Step) -> Event {
    let text = match &step.description {
        Some(description) => format!("{}: {description}", step.title),
        None => step.title.clone(),
    };
    event("playbook_note", text, json!({"playbook": source.playbook, "decision_id": source.decision.to_string()}))
}

/// The review was written, or written anew.
pub(crate) fn of_review(review: &Review) -> Event {
    let text = if review.revision() == 1 { "Review written" } else { "Review changed" };
    event("review_written", text, json!({"revision": review.revision()}))
}

/// Evidence was collected.
pub(crate) fn collected(names: &[String], ids: &[String], notes: Option<&str>) -> Event {
    const NAMED: usize = 5;
    let some: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!("Evidence collected: {}{rest}", some.join(", "));
    event("evidence_collected", text, json!({"evidence_ids": ids, "notes": notes}))
}

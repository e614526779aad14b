//! Tasks: what somebody is to do about an incident.

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, Refusal, Rules, UserId, resource,
    resource::Machine,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use time::OffsetDateTime;

use crate::{incident::IncidentId, ports::Tx, response, story, timeline};

typed_id! {
    /// A task.
    TaskId,
}

wire_enum! {
    /// How far it is.
    pub enum TaskStatus {
        /// Not begun.
        Open = "open",
        /// Under way.
        InProgress = "in_progress",
        /// Done.
        Done = "done",
        /// Given up.
        Cancelled = "cancelled",
    }
}

/// The statuses of a task that is left to do.
pub const OPEN: &[&str] = &["open", "in_progress"];

/// The moves of a task.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["open", "in_progress"],
    moves: &[
        ("open", &["in_progress", "done", "cancelled"]),
        ("in_progress", &["open", "done", "cancelled"]),
        ("done", &["open"]),
        ("cancelled", &["open"]),
    ],
};

resource! {
    /// What somebody is to do about an incident.
    pub struct Task(TaskId) as "IncidentTask" {
        kind: "incident_task", table: "incident_tasks", area: "incident", name: "title", sort: ("created_at", false),
        machine: MACHINE,
    }
    /// The incident.
    incident_id: IncidentId = Ty::Ref("incident"), computed;
    /// What is to be done.
    title: String = Ty::Line(200), required, sorts, searches;
    /// How.
    description: Option<String> = Ty::Text(20_000), searches;
    /// Who does it: an active member.
    assignee_id: Option<UserId> = Ty::Ref("user");
    /// Until when.
    due_at: Option<OffsetDateTime> = Ty::Time, sorts;
    /// How far it is.
    status: TaskStatus = Ty::Word(TaskStatus::NAMES), preset(Preset::Text("open"));
    /// When it was done or given up.
    completed_at: Option<OffsetDateTime> = Ty::Time, computed;
}

#[async_trait]
impl Rules for Task {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        _: &mut Checker,
    ) -> Result<(), Refusal> {
        // Held, so that nobody closes the incident meanwhile.
        let incident = response::hold(ctx, tx, after.incident_id).await?;
        let is_open = after.is_open();
        if is_open && incident.closed_at.is_some() && before.is_none_or(|before| !before.is_open()) {
            return Err(Refusal::Conflict("the incident is closed: open it again first".to_owned()));
        }
        after.completed_at = if is_open { None } else { after.completed_at.or(Some(ctx.now)) };
        Ok(())
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        timeline::tell(ctx, tx, after.incident_id, story::of_task(before, after)).await
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        response::hold(ctx, tx, record.incident_id).await?;
        timeline::tell(ctx, tx, record.incident_id, vec![story::task_removed(record)]).await
    }
}

impl Task {
    /// Whether it is left to do.
    pub fn is_open(&self) -> bool {
        OPEN.contains(&self.status.as_str())
    }
}

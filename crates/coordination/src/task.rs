//! Tasks on any record: due on a day, or again and again.
//!
//! - A rule is an `RRULE` (RFC 5545, section 3.3.10) of days, weeks, months or years; `due_date` is its first date and must be one of
//!   its dates.
//! - Completing a task of a series makes the next one: the date that follows its own by the rule, however late or early it was
//!   completed. `COUNT` and `UNTIL` end the series.
//! - A task that is done stays done; one that was cancelled can be opened again. A cancelled task ends its series.
//! - A reminder is a fact, `task.reminded`, in the change feed and to webhooks: so many days before the task is due, at midnight UTC,
//!   once for each date. Where that is past already, it is given at once.
//! - Where the record that a task is about is removed, the task stays, and names what was.

use async_trait::async_trait;
use grc_kernel::{
    Changes, Checker, Ctx, IfMatch, Job, NewJob, Refusal, Repo, Resource, Rules, UserId, Uuid, kit,
    list::Scalar,
    resource,
    resource::{Cell, Machine, Nested, One},
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use grc_recurrence::Rule;
use serde_json::json;
use time::{Date, Duration, OffsetDateTime};

use crate::{ports::Tx, reference::Reference};

typed_id! {
    /// A task.
    TaskId,
}

wire_enum! {
    /// How far it is.
    pub enum Status {
        /// To be done.
        Open = "open",
        /// Done.
        Done = "done",
        /// Given up.
        Cancelled = "cancelled",
    }
}

/// The moves of a task. Done it is by being completed.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["open"],
    moves: &[("open", &["done", "cancelled"]), ("done", &[]), ("cancelled", &["open"])],
};

/// How far from today a series may begin: what comes again is counted from its first day.
const HORIZON: Duration = Duration::days(20 * 366);

resource! {
    /// Something to do, once or again and again.
    pub struct Task(TaskId) as "Task" {
        kind: "task", table: "tasks", area: "task", name: "title", sort: ("created_at", true),
        machine: MACHINE,
    }
    /// What is to be done.
    title: String = Ty::Line(200), required, sorts, searches;
    /// How.
    description: Option<String> = Ty::Text(20_000), searches;
    /// The record that it is about.
    subject: Option<One<Reference>> = Ty::Object(Reference::SHAPE), sample("null");
    /// The type of that record, to filter by.
    subject_type: Option<String> = Ty::Line(100), computed, filters;
    /// The id of that record, to filter by.
    subject_id: Option<Uuid> = Ty::Id, computed;
    /// Who does it: an active member.
    assignee_id: Option<UserId> = Ty::Ref("user");
    /// When it is due; with a rule, the first time.
    due_date: Option<Date> = Ty::Date, sorts, sample("\"2026-12-01\"");
    /// When it comes again: an RRULE of RFC 5545.
    rrule: Option<String> = Ty::Line(300), sample("\"FREQ=MONTHLY;INTERVAL=3\"");
    /// How many days before it is due whoever listens is reminded of it; null for never.
    remind_days: Option<i64> = Ty::Int(0, 365);
    /// When they were, for the date that it is due now.
    reminded_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// How far it is.
    status: Status = Ty::Word(Status::NAMES), preset(Preset::Text("open"));
    /// When it was completed.
    completed_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// Who completed it: a member or a key.
    completed_by: Option<Uuid> = Ty::Id, computed;
    /// The series that it belongs to: the id of its first task.
    series_id: Uuid = Ty::Id, computed;
    /// The first day of the series; null without a rule.
    series_start: Option<Date> = Ty::Date, computed;
}

#[async_trait]
impl Rules for Task {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if after.series_id.is_nil() {
            after.series_id = after.id.0;
        }
        if before.is_none_or(|before| before.subject != after.subject) {
            if let Some(One(subject)) = after.subject.clone() {
                subject.check(ctx, tx, "subject", check).await?;
            }
            after.subject_type = after.subject.as_ref().map(|One(subject)| subject.kind.clone());
            after.subject_id = after.subject.as_ref().map(|One(subject)| subject.id);
        }
        if before.is_some_and(|before| before.reminder() != after.reminder()) {
            after.reminded_at = None;
        }
        let planned = before.is_some_and(|before| (&before.rrule, before.due_date) == (&after.rrule, after.due_date));
        // The next task of a series comes with the day on which that began.
        let goes_on = before.is_none() && after.series_start.is_some();
        if !planned && !goes_on {
            after.plan(ctx, check);
        }
        Ok(())
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        let known = before.and_then(Self::reminder);
        let wanted = after.reminder();
        if known == wanted {
            return Ok(());
        }
        if known.is_some() {
            tx.jobs().cancel(ctx.org, REMINDER, after.id.0).await?;
        }
        if let Some(at) = wanted {
            let job = NewJob { kind: REMINDER, subject: after.id.0, payload: json!({}), max_attempts: 5 };
            tx.jobs().enqueue_at(ctx, job, at.max(ctx.now)).await?;
        }
        Ok(())
    }

    /// A task is done by being completed: that says when and by whom, and makes the next one of its series.
    async fn amend(
        ctx: &Ctx,
        tx: &mut Tx,
        id: TaskId,
        if_match: IfMatch,
        changes: Changes<Self>,
    ) -> Result<Self, Refusal> {
        let done = Cell::Text(Status::Done.as_str().to_owned());
        if changes.value("status") == Some(&done) && kit::find::<Self>(ctx, tx, id).await?.status == Status::Open {
            let detail = "a task is done by being completed: POST tasks/{task_id}/complete".to_owned();
            return Err(Refusal::Illegal { detail, available: vec![Status::Cancelled.as_str()] });
        }
        kit::amend(ctx, tx, id, if_match, changes).await
    }
}

/// The job that gives a reminder.
pub const REMINDER: &str = "task.remind";

impl Task {
    /// When whoever listens is to be reminded; never of a task that is over.
    pub fn reminder(&self) -> Option<OffsetDateTime> {
        let (due, days) = (self.due_date?, self.remind_days?);
        let day = due.checked_sub(Duration::days(days))?;
        (self.status == Status::Open).then(|| day.midnight().assume_utc())
    }

    /// Begins a series with what the task says, or ends it.
    fn plan(&mut self, ctx: &Ctx, check: &mut Checker) {
        self.series_start = None;
        let Some(text) = self.rrule.clone() else { return };
        let Some(first) = self.due_date else {
            check.note("due_date", "required", "must be given with a rule: it is its first date");
            return;
        };
        let today = ctx.now.date();
        if (first - today).abs() > HORIZON {
            check.note("due_date", "out_of_range", "a series begins at most 20 years from today");
            return;
        }
        match Rule::read(&text, first) {
            Ok(rule) => {
                self.rrule = Some(rule.text().to_owned());
                self.series_start = Some(first);
            }
            Err(refused) => check.note("rrule", "invalid", refused.to_string()),
        }
    }

    /// When the task comes again; never where there is no rule, or it is over.
    pub fn again(&self) -> Option<Date> {
        let (text, start, due) = (self.rrule.as_deref()?, self.series_start?, self.due_date?);
        Rule::read(text, start).ok()?.after(due)
    }
}

/// Completes a task; of a series, makes the next one.
pub async fn complete(ctx: &Ctx, tx: &mut Tx, id: TaskId, if_match: IfMatch) -> Result<(Task, Option<Task>), Refusal> {
    ctx.require(Task::permission(Task::WRITE))?;
    let before = kit::hold::<Task>(ctx, tx, id, if_match).await?;
    let (now, by) = (ctx.now, ctx.actor.id);
    let done = Changes::with(move |task: &mut Task| (task.completed_at, task.completed_by) = (Some(now), Some(by)));
    let task = kit::step(ctx, tx, "completed", before, Status::Done.as_str(), done).await?;
    let Some(due) = task.again() else { return Ok((task, None)) };
    // Somebody who has left does not get the next one, and a record that is gone has none.
    let assignee = match task.assignee_id {
        Some(user) if tx.missing(ctx.org, "user", &[user.0]).await?.is_empty() => Some(user),
        _ => None,
    };
    let subject = match &task.subject {
        Some(One(subject)) => {
            let mut check = Checker::new();
            subject.check(ctx, tx, "subject", &mut check).await?;
            check.is_clean().then(|| One(subject.clone()))
        }
        None => None,
    };
    let last = task.clone();
    let next = Changes::with(move |next: &mut Task| {
        next.title = last.title;
        next.description = last.description;
        next.subject = subject;
        next.assignee_id = assignee;
        next.due_date = Some(due);
        next.rrule = last.rrule;
        next.remind_days = last.remind_days;
        next.series_id = last.series_id;
        next.series_start = last.series_start;
        next.status = Status::Open;
    });
    let next = kit::add::<Task>(ctx, tx, next).await?;
    Ok((task, Some(next)))
}

/// Gives the reminder of a task that is still due, once, and ends the job. Called by the job worker.
pub async fn remind(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<(), Refusal> {
    tx.jobs().hold(job).await?;
    if let Some(task) = Repo::<Task>::lock(tx, ctx.org, TaskId(job.subject)).await?
        && task.reminded_at.is_none()
        && task.reminder().is_some_and(|at| at <= ctx.now)
    {
        let now = ctx.now;
        kit::change(ctx, tx, "reminded", task, Changes::with(move |task: &mut Task| task.reminded_at = Some(now)))
            .await?;
    }
    Ok(tx.jobs().complete(job).await?)
}

/// The open task of a series, where there is one.
pub async fn open_one(ctx: &Ctx, tx: &mut Tx, series: Uuid) -> Result<Option<Task>, Refusal> {
    let query = Task::LIST
        .query()
        .only("series_id", vec![Scalar::Id(series)])
        .only("status", vec![Scalar::Text(Status::Open.as_str().to_owned())])
        .limited(1);
    Ok(Repo::<Task>::page(tx, ctx.org, &query).await?.items.into_iter().next())
}

//! What every adapter of this domain must show: run on memory and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row exists and of which the actor is an active member.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a suite fails by panicking")]

use grc_kernel::{
    Changes, Ctx, Fault, FaultKind, Refusal, Repo, Resource, Role, StoreError, UserId, Uuid, kit,
    list::{ListRequest, Scalar},
    resource::Cell,
};
use time::Duration;

use crate::{
    Incident, IncidentId, Phase, Review, Status, Task, TimelineEntry,
    incident::{Category, Severity, moved, named},
    metrics::{self, Group},
    ports::Tx,
    response, review, timeline,
};

type Outcome = Result<(), Refusal>;

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    whole_response(ctx, tx).await?;
    refusals(ctx, tx).await?;
    lead(ctx, tx).await?;
    removal(ctx, tx).await?;
    times(ctx, tx).await
}

async fn open(ctx: &Ctx, tx: &mut Tx, title: &str) -> Result<Incident, Refusal> {
    kit::create(ctx, tx, named(title, Category::UnauthorizedAccess, Severity::High)).await
}

async fn go(ctx: &Ctx, tx: &mut Tx, id: IncidentId, to: Phase, notes: Option<&str>) -> Result<Incident, Refusal> {
    response::amend(ctx, tx, id, None, false, moved(to, notes)).await
}

async fn story(ctx: &Ctx, tx: &mut Tx, id: IncidentId) -> Result<Vec<TimelineEntry>, Refusal> {
    let asked = [("sort".to_owned(), "sequence".to_owned()), ("limit".to_owned(), "200".to_owned())];
    let query = ListRequest::parse(TimelineEntry::LIST, &[], &asked)?.query.only("incident_id", vec![Scalar::Id(id.0)]);
    Ok(kit::page::<TimelineEntry>(ctx, tx, &query).await?.items)
}

fn fields<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Vec<String> {
    outcome.unwrap_err().fields().into_iter().map(|e| format!("{} {}", e.field, e.code)).collect()
}

/// From the first notice to the end, and what is kept of it.
async fn whole_response(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let commander = UserId(ctx.actor.id);
    let said = named("Suspicious Login Activity", Category::UnauthorizedAccess, Severity::High);
    let said = said.and(move |incident: &mut Incident| {
        incident.affected_systems = vec!["auth-server-01".into(), "vpn-gateway".into()];
        incident.commander_id = Some(commander);
        incident.source = Some("siem_alert".into());
    });
    let opened = kit::create(ctx, tx, said).await?;
    let id = opened.id;
    assert_eq!((opened.phase, opened.status, opened.detected_at), (Phase::Detection, Status::Open, ctx.now));
    assert_eq!(opened.acknowledge_due_at, Some(ctx.now + Duration::minutes(60)));
    assert_eq!(kit::get::<Incident>(ctx, tx, id).await?, opened, "what was stored comes back the same");

    let mut now = ctx.clone();
    let mut after = |minutes: i64| {
        now.now += Duration::minutes(minutes);
        now.clone()
    };
    let taken = after(10);
    assert_eq!(response::acknowledge(&taken, tx, id, None).await?.acknowledged_at, Some(taken.now));
    assert_eq!(response::acknowledge(&taken, tx, id, None).await.unwrap_err().kind(), FaultKind::Conflict);
    go(&after(5), tx, id, Phase::Analysis, None).await?;
    let graver = Changes::none().set("severity", Cell::Text("critical".into()));
    let graver = response::amend(&after(5), tx, id, Some(3), false, graver).await?;
    assert_eq!(graver.contain_due_at, Some(ctx.now + Duration::minutes(240)));
    assert_eq!(graver.replaced_limits.len(), 2, "the acknowledgement was in time and is not judged anew");
    let same = response::amend(&after(0), tx, id, None, false, moved(Phase::Analysis, None)).await?;
    assert_eq!(same, graver, "staying is no change");
    go(&after(5), tx, id, Phase::Containment, Some("Initial analysis complete, moving to containment")).await?;
    assert_eq!(fields(go(&after(0), tx, id, Phase::Analysis, None).await), ["notes required"]);
    let back = go(&after(5), tx, id, Phase::Analysis, Some("A second account")).await?;
    assert_eq!((back.status, back.notes.as_deref()), (Status::Investigating, Some("A second account")));
    assert_eq!(go(&after(5), tx, id, Phase::Containment, None).await?.notes, None, "notes belong to their move");
    let contained = after(5);
    assert_eq!(go(&contained, tx, id, Phase::Eradication, None).await?.contained_at, Some(contained.now));
    go(&after(5), tx, id, Phase::Recovery, None).await?;
    let resolved = after(60);
    let over = go(&resolved, tx, id, Phase::PostIncident, None).await?;
    assert_eq!((over.status, over.resolved_at), (Status::Resolved, Some(resolved.now)));

    let task = Changes::with(move |task: &mut Task| {
        task.incident_id = id;
        task.title = "Rotate the keys".into();
        task.assignee_id = Some(commander);
    });
    let task = kit::create(&after(1), tx, task).await?;
    let Err(Refusal::Illegal { detail, available }) = response::close(&after(1), tx, id, None).await else {
        panic!("a task is open")
    };
    assert!(detail.contains("no review") && detail.contains("open tasks: 1"), "{detail}");
    assert_eq!(available, ["analysis"]);
    let written = Changes::with(|review: &mut Review| {
        review.root_cause = "A reused password".into();
        review.lessons = vec!["Passkeys".into()];
    });
    assert_eq!(review::get(ctx, tx, id).await.unwrap_err().kind(), FaultKind::NotFound);
    let first = review::write(&after(1), tx, id, None, written).await?;
    assert_eq!(review::get(ctx, tx, id).await?, first);
    let done = Changes::none().set("status", Cell::Text("done".into()));
    let done = kit::amend::<Task>(&after(1), tx, task.id, None, done).await?;
    assert!(done.completed_at.is_some());
    let closed = response::close(&after(1), tx, id, None).await?;
    assert_eq!((closed.status, closed.closed_at.is_some()), (Status::Closed, true));
    assert_eq!(response::close(&after(1), tx, id, None).await.unwrap_err().kind(), FaultKind::Conflict);
    let reopened = Changes::none().set("status", Cell::Text("open".into()));
    let reopened = kit::amend::<Task>(&after(1), tx, task.id, None, reopened).await;
    assert_eq!(reopened.unwrap_err().kind(), FaultKind::Conflict, "a closed incident has no open task");
    let again = Changes::with(|review: &mut Review| review.root_cause = "A reused password, twice".into());
    let again = review::write(&after(1), tx, id, Some(1), again).await?;
    assert_eq!((again.meta.revision, again.lessons.len()), (2, 0), "what is written replaces what was");

    let entries = story(ctx, tx, id).await?;
    assert_eq!(timeline::first_bad(&entries), None);
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.event_type.as_str()).collect();
    let expected = [
        "created",
        "acknowledged",
        "phase_transition",
        "severity_changed",
        "phase_transition",
        "phase_regression",
        "phase_transition",
        "phase_transition",
        "phase_transition",
        "phase_transition",
        "task_added",
        "review_written",
        "task_done",
        "closed",
        "review_written",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(entries[2].description, "Phase changed from detection to analysis");
    assert_eq!((entries[2].actor.as_str(), entries[2].actor_id), (ctx.actor.name.as_str(), ctx.actor.id));
    assert_eq!(entries[5].details["notes"], "A second account");
    Ok(())
}

/// What is refused, and with what.
async fn refusals(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let id = open(ctx, tx, "Refusals").await?.id;
    let skipped = go(ctx, tx, id, Phase::Containment, Some("Now")).await.unwrap_err();
    assert_eq!(skipped.available_transitions(), Some(vec!["analysis", "post_incident"]));
    assert_eq!(fields(go(ctx, tx, id, Phase::PostIncident, Some(" ")).await), ["notes required"]);
    let dismissed = go(ctx, tx, id, Phase::PostIncident, Some("A drill")).await?;
    assert_eq!((dismissed.dismissed, dismissed.contained_at), (true, None));
    let late = response::acknowledge(ctx, tx, id, None).await.unwrap_err();
    assert_eq!(late.kind(), FaultKind::Conflict);

    let future = ctx.now + Duration::minutes(6);
    let ahead = named("x", Category::Other, Severity::Low).and(move |incident: &mut Incident| {
        incident.detected_at = future;
        incident.occurred_at = Some(future + Duration::hours(1));
    });
    assert_eq!(fields(kit::create(ctx, tx, ahead).await), ["detected_at out_of_range", "occurred_at out_of_order"]);
    let later = ctx.now + Duration::hours(1);
    let moved = Changes::with(move |incident: &mut Incident| incident.detected_at = later);
    let now = ctx.clone().at(later);
    assert_eq!(fields(response::amend(&now, tx, id, None, false, moved).await), ["detected_at out_of_order"]);
    let nobody = named("x", Category::Other, Severity::Low)
        .and(|incident: &mut Incident| incident.commander_id = Some(UserId(Uuid::from_u128(77))));
    assert_eq!(fields(kit::create(ctx, tx, nobody).await), ["commander_id unknown_reference"]);

    let stale = response::amend(ctx, tx, id, Some(1), false, Changes::none()).await.unwrap_err();
    assert_eq!(stale.kind(), FaultKind::Stale);
    let viewer = ctx.clone().with_role(Role::Viewer);
    for outcome in [
        response::amend(&viewer, tx, id, None, false, Changes::none()).await.map(drop),
        response::acknowledge(&viewer, tx, id, None).await.map(drop),
        response::close(&viewer, tx, id, None).await.map(drop),
        review::write(&viewer, tx, id, None, Changes::none()).await.map(drop),
        kit::remove::<Incident>(&ctx.clone().with_role(Role::Analyst), tx, id, None).await.map(drop),
    ] {
        assert_eq!(outcome.unwrap_err().kind(), FaultKind::Forbidden);
    }
    let absent = IncidentId(Uuid::from_u128(1));
    for outcome in [
        response::amend(ctx, tx, absent, None, false, Changes::none()).await.map(drop),
        response::acknowledge(ctx, tx, absent, None).await.map(drop),
        response::close(ctx, tx, absent, None).await.map(drop),
        review::write(ctx, tx, absent, None, Changes::none()).await.map(drop),
        review::get(ctx, tx, absent).await.map(drop),
        metrics::of_one(ctx, tx, absent).await.map(drop),
        kit::create(ctx, tx, timeline::noted(absent, "note", "x")).await.map(drop),
    ] {
        assert_eq!(outcome.unwrap_err().kind(), FaultKind::NotFound);
    }
    let blank = timeline::noted(id, "note", " \n").and(move |entry: &mut TimelineEntry| entry.timestamp = future);
    assert_eq!(fields(kit::create(ctx, tx, blank).await), ["description required", "timestamp out_of_range"]);
    let noted = kit::create(ctx, tx, timeline::noted(id, "call", "The bank was told.")).await?;
    let altered = Changes::with(|entry: &mut TimelineEntry| entry.description = "It was not.".into());
    let altered = kit::amend::<TimelineEntry>(ctx, tx, noted.id, None, altered).await.unwrap_err();
    assert_eq!(altered.kind(), FaultKind::Conflict);
    let removed = kit::remove::<TimelineEntry>(ctx, tx, noted.id, None).await.unwrap_err();
    assert_eq!(removed.kind(), FaultKind::Conflict);
    assert_eq!(timeline::first_bad(&story(ctx, tx, id).await?), None);
    Ok(())
}

/// Opening again and leaving phases out are for admins and the commander.
async fn lead(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let analyst = ctx.clone().with_role(Role::Analyst);
    let id = open(&analyst, tx, "Led").await?.id;
    let forced = response::amend(&analyst, tx, id, None, true, moved(Phase::Eradication, Some("It is known"))).await;
    assert!(matches!(forced, Err(Refusal::Duty(_))), "{forced:?}");
    let commander = UserId(ctx.actor.id);
    let named = Changes::with(move |incident: &mut Incident| incident.commander_id = Some(commander));
    response::amend(&analyst, tx, id, None, false, named).await?;
    let unsaid = response::amend(&analyst, tx, id, None, true, moved(Phase::Eradication, None)).await;
    assert_eq!(fields(unsaid), ["notes required"]);
    let forced = response::amend(&analyst, tx, id, None, true, moved(Phase::Eradication, Some("It is known"))).await?;
    assert_eq!((forced.contained_at, forced.status), (Some(ctx.now), Status::Contained));
    let illegal = response::amend(&analyst, tx, id, None, true, moved(Phase::Detection, Some("No"))).await;
    assert_eq!(illegal.unwrap_err().available_transitions(), Some(vec!["recovery", "containment", "analysis"]));
    go(&analyst, tx, id, Phase::Recovery, None).await?;
    go(&analyst, tx, id, Phase::PostIncident, None).await?;
    let mut other = analyst.clone();
    other.actor.id = Uuid::from_u128(0xB);
    let reopened = go(&other, tx, id, Phase::Analysis, Some("It is back")).await;
    assert!(matches!(reopened, Err(Refusal::Duty(_))), "{reopened:?}");
    let reopened = go(&analyst, tx, id, Phase::Analysis, Some("It is back")).await?;
    assert_eq!((reopened.resolved_at, reopened.contained_at), (None, Some(ctx.now)));
    let entries = story(ctx, tx, id).await?;
    assert_eq!(entries[2].details["forced"], true);
    assert_eq!(entries.last().map(|entry| entry.event_type.as_str()), Some("phase_regression"));
    Ok(())
}

/// What was recorded of an incident stays when the incident goes.
async fn removal(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let removed = open(ctx, tx, "Opened by mistake").await?;
    let task = Changes::with(move |task: &mut Task| {
        task.incident_id = removed.id;
        task.title = "None".into();
    });
    let task = kit::create(ctx, tx, task).await?;
    kit::remove::<Task>(ctx, tx, task.id, None).await?;
    kit::remove::<Incident>(ctx, tx, removed.id, None).await?;
    assert_eq!(kit::get::<Incident>(ctx, tx, removed.id).await.unwrap_err().kind(), FaultKind::NotFound);
    let entries = story(ctx, tx, removed.id).await?;
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.event_type.as_str()).collect();
    assert_eq!(kinds, ["created", "task_added", "task_removed", "removed"]);
    assert_eq!(timeline::first_bad(&entries), None);
    let doubled = Repo::<TimelineEntry>::insert(tx, &entries[1]).await;
    assert!(matches!(doubled, Err(StoreError::Duplicate(_))), "an entry is written once");
    Ok(())
}

/// The same figures, whichever adapter takes them.
async fn times(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    for n in 0_i64..40 {
        let severity = Severity::ALL[usize::try_from(n % 5).unwrap()];
        let detected = ctx.now - Duration::days(n * 7) - Duration::seconds(n * 37 + 1);
        let mut made = Incident::blank(ctx.new_id(), ctx.org, grc_kernel::Meta::new(ctx));
        made.title = format!("Measured {n}");
        made.severity = severity;
        made.detected_at = detected;
        made.occurred_at = (n % 3 > 0).then(|| detected - Duration::milliseconds(n * n * 1_001));
        made.acknowledged_at = (n % 4 > 0).then(|| detected + Duration::microseconds(n * 61_000_007));
        made.contained_at = (n % 6 == 0).then(|| detected + Duration::minutes(n * 11));
        made.resolved_at = (n % 5 > 2).then(|| detected + Duration::hours(n));
        made.status = if made.resolved_at.is_some() { Status::Resolved } else { Status::Investigating };
        Repo::<Incident>::insert(tx, &made).await?;
    }
    let asked: &[&[(&str, &str)]] = &[
        &[],
        &[("severity", "critical"), ("severity", "informational")],
        &[("status", "resolved"), ("detected_at__gte", "2026-01-15T00:00:00Z")],
        &[("q", "measured 1"), ("acknowledged_at__null", "true")],
        &[("title", "nothing has this title")],
    ];
    for params in asked {
        let all: Vec<(String, String)> = params.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let query = ListRequest::parse(Incident::LIST, &[], &all)?.query;
        let found = Repo::<Incident>::page(tx, ctx.org, &query.clone().limited(1_000)).await?.items;
        let metrics = metrics::overall(ctx, tx, &query).await?;
        assert_eq!(metrics.all, metrics::over(found.iter()), "{params:?}");
        for (severity, measures) in &metrics.by_severity {
            let of: Vec<&Incident> = found.iter().filter(|incident| incident.severity == *severity).collect();
            assert_eq!(*measures, metrics::over(of.iter().copied()), "{params:?} {severity}");
        }
        for (month, measures) in &metrics.by_month {
            let in_month =
                |i: &&Incident| format!("{:04}-{:02}", i.detected_at.year(), u8::from(i.detected_at.month())) == *month;
            let of: Vec<&Incident> = found.iter().filter(in_month).collect();
            assert_eq!(*measures, metrics::over(of.iter().copied()), "{params:?} {month}");
        }
        let counted: usize = metrics.by_severity.len();
        let distinct: std::collections::BTreeSet<Severity> = found.iter().map(|incident| incident.severity).collect();
        assert_eq!(counted, distinct.len(), "{params:?}");
    }
    let groups = tx.response_times(ctx.org, &Incident::LIST.query().only("title", vec![])).await?;
    assert_eq!(groups, [(Group::All, metrics::Measures::default())], "of none there is still a word");
    let one = Repo::<Incident>::page(tx, ctx.org, &Incident::LIST.query().limited(1)).await?.items;
    let [measure, ..] = metrics::of_one(ctx, tx, one[0].id).await?;
    assert_eq!(measure.n, i64::from(one[0].occurred_at.is_some()));
    Ok(())
}

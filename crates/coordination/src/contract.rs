//! What every adapter of this domain must show: run on memory and on Postgres in the workspace's tests.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a suite fails by panicking")]

use grc_kernel::{
    Changes, Ctx, Fault, FaultKind, IfMatch, Refusal, Repo, Resource, Rules, Uuid, kit, list::Scalar, resource::One,
};
use time::macros::date;

use crate::{
    Link, Task,
    link::Relation,
    ports::Tx,
    reference::Reference,
    task::{self, Status},
};

fn task(title: &'static str, change: impl FnOnce(&mut Task) + Send + 'static) -> Changes<Task> {
    Changes::with(move |task: &mut Task| {
        task.title = title.to_owned();
        task.status = Status::Open;
        change(task);
    })
}

fn wrong<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Vec<String> {
    outcome.unwrap_err().fields().iter().map(|error| format!("{} {}", error.field, error.code)).collect()
}

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Result<(), Refusal> {
    // Done is what is completed, and nothing else.
    let plain = kit::create::<Task>(ctx, tx, task("Once", |_| {})).await?;
    let done = Changes::<Task>::none().set("status", grc_kernel::resource::Cell::Text("done".to_owned()));
    let refused = Task::amend(ctx, tx, plain.id, IfMatch::ANY, done).await;
    assert!(matches!(refused, Err(Refusal::Illegal { .. })), "{refused:?}");
    kit::remove::<Task>(ctx, tx, plain.id, None).await?;

    // A series goes on by its rule, and comes to its end.
    let start = ctx.now.date().replace_day(1).unwrap();
    let series = task("Review access", move |task| {
        task.due_date = Some(start);
        task.rrule = Some("freq=monthly;count=3".to_owned());
    });
    let first = kit::create::<Task>(ctx, tx, series).await?;
    assert_eq!((first.series_id, first.series_start), (first.id.0, Some(start)));
    let mut current = first.clone();
    for n in 0..3 {
        let (done, next) = task::complete(ctx, tx, current.id, IfMatch::ANY).await?;
        assert_eq!((done.status, done.completed_by), (Status::Done, Some(ctx.actor.id)));
        assert_eq!(next.is_some(), n < 2, "three in all");
        if let Some(next) = next {
            assert!(next.due_date > current.due_date && next.series_id == first.id.0 && next.rrule == first.rrule);
            assert_eq!(task::open_one(ctx, tx, first.series_id).await?.unwrap().id, next.id);
            current = next;
        }
    }
    let twice = task::complete(ctx, tx, current.id, IfMatch::ANY).await;
    assert_eq!(twice.unwrap_err().kind(), FaultKind::Conflict);
    assert!(task::open_one(ctx, tx, first.series_id).await?.is_none());

    // What a task may not say.
    let undated = task("No day", |task| task.rrule = Some("FREQ=DAILY".to_owned()));
    assert_eq!(wrong(kit::create::<Task>(ctx, tx, undated).await), ["due_date required"]);
    let hostile = task("Too often", move |task| {
        task.due_date = Some(start);
        task.rrule = Some("FREQ=SECONDLY".to_owned());
    });
    assert_eq!(wrong(kit::create::<Task>(ctx, tx, hostile).await), ["rrule invalid"]);
    let far = task("Too far", |task| {
        task.due_date = Some(date!(2199 - 01 - 01));
        task.rrule = Some("FREQ=DAILY".to_owned());
    });
    assert_eq!(wrong(kit::create::<Task>(ctx, tx, far).await), ["due_date out_of_range"]);
    let about = |id: Uuid, kind: &str| One(Reference { kind: kind.to_owned(), id });
    let nothing = about(Uuid::from_u128(404), "task");
    let lost = task("About nothing", move |task| task.subject = Some(nothing));
    assert_eq!(wrong(kit::create::<Task>(ctx, tx, lost).await), ["subject.id unknown_reference"]);
    let unknown = about(first.id.0, "unicorn");
    let odd = task("About what", move |task| task.subject = Some(unknown));
    assert_eq!(wrong(kit::create::<Task>(ctx, tx, odd).await), ["subject.type unknown"]);
    let subject = about(first.id.0, "task");
    let second =
        kit::create::<Task>(ctx, tx, task("About the first", move |task| task.subject = Some(subject))).await?;
    let query = Task::LIST.query().only("subject_id", vec![Scalar::Id(first.id.0)]);
    assert_eq!(Repo::<Task>::page(tx, ctx.org, &query).await?.items[0].id, second.id);

    // Links: each once, of records that are there, found from either end.
    let link = |from: Uuid, to: Uuid, relation: Relation| {
        let (from, to) = (about(from, "task"), about(to, "task"));
        Changes::with(move |link: &mut Link| (link.from, link.to, link.relation) = (from, to, relation))
    };
    let (a, b) = (first.id.0, second.id.0);
    let made = kit::create::<Link>(ctx, tx, link(a, b, Relation::RelatesTo)).await?;
    for (from, to, relation) in [(a, b, Relation::RelatesTo), (b, a, Relation::RelatesTo), (a, a, Relation::Causes)] {
        let refused = kit::create::<Link>(ctx, tx, link(from, to, relation)).await;
        assert_eq!(refused.unwrap_err().kind(), FaultKind::Conflict, "{relation:?}");
    }
    kit::create::<Link>(ctx, tx, link(a, b, Relation::Causes)).await?;
    kit::create::<Link>(ctx, tx, link(b, a, Relation::Causes)).await?;
    assert_eq!(
        wrong(kit::create::<Link>(ctx, tx, link(Uuid::from_u128(404), b, Relation::Causes)).await),
        ["from.id unknown_reference"]
    );
    for (field, id, count) in [("record_ids", b, 3), ("from_id", a, 2), ("to_id", b, 2)] {
        let query = Link::LIST.query().only(field, vec![Scalar::Id(id)]);
        assert_eq!(Repo::<Link>::page(tx, ctx.org, &query).await?.items.len(), count, "{field}");
    }
    kit::remove::<Link>(ctx, tx, made.id, IfMatch::ANY).await?;
    Ok(())
}

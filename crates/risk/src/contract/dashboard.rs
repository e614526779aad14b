//! The dashboard against a reading of all records, on a register that earlier parts of the suite left.

use grc_fair::{Watch, simulate};
use grc_kernel::{
    Changes, Ctx, Repo, Resource, kit,
    list::{ListRequest, matches_in_memory},
    resource::Cell,
};
use serde_json::json;
use time::Duration;

use super::Outcome;
use crate::{
    Analysis, Appetite, Entry, EntryId, Treatment, appetite, dashboard,
    entry::{Category, Status, named},
    fair::run,
    ports::Tx,
    treatment::TreatmentStatus,
};

async fn treated(ctx: &Ctx, tx: &mut Tx, risk: EntryId, days: i64, status: TreatmentStatus) -> Outcome {
    let due = ctx.now.date() + Duration::days(days);
    let plan = Changes::with(move |treatment: &mut Treatment| {
        treatment.risk_id = risk;
        treatment.title = format!("Due in {days} days");
        treatment.due_date = Some(due);
    });
    let plan = kit::create(ctx, tx, plan).await?;
    if status != TreatmentStatus::Planned {
        kit::amend(ctx, tx, plan.id, None, Changes::with(move |plan: &mut Treatment| plan.status = status)).await?;
    }
    Ok(())
}

/// A constant loss a year, measured by a run.
async fn measured(ctx: &Ctx, tx: &mut Tx, risk: EntryId, loss: f64) -> Outcome {
    let analysis = Changes::with(move |analysis: &mut Analysis| {
        analysis.name = format!("Loses {loss}");
        analysis.risk_id = Some(risk);
        let certain = json!({"type": "bernoulli", "p": 1});
        let model = json!({"lef": certain, "loss_magnitude": {"type": "constant", "value": loss}});
        analysis.model = model.as_object().cloned().unwrap_or_default();
    });
    let id = kit::create(ctx, tx, analysis).await?.id;
    let plan = run::plan(ctx, tx, id, Changes::none().set("trials", Cell::Int(1_000))).await?;
    let outcome = simulate(&plan.analysis, &plan.run.settings()?, &Watch::nobody()).unwrap();
    run::record(ctx, tx, plan, &outcome).await?;
    Ok(())
}

/// The dashboard's part of the suite; the last, because it leaves records.
pub(super) async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    // Moves of long ago do not count: everything so far is put out of sight by looking from a later day.
    let later = &ctx.clone().at(ctx.now + Duration::days(31));
    let bounds = json!({"strategic": {"appetite": 2, "tolerance": 4, "money": 1_500}});
    let set = Changes::with(move |a: &mut Appetite| a.categories = bounds.as_object().cloned().unwrap_or_default());
    appetite::decide(later, tx, None, set).await?;
    let mut made = Vec::new();
    for (title, likelihood, impact) in [("Falls", 4, 4), ("Rises", 1, 1), ("Stays", 3, 3), ("Returns", 2, 2)] {
        let reviewed = later.now.date() - Duration::days(likelihood);
        let opened = named(title, Category::Strategic, likelihood, impact).and(move |risk: &mut Entry| {
            risk.review_date = Some(reviewed);
        });
        made.push(kit::create(later, tx, opened).await?.id);
    }
    let [falls, rises, stays, returns] = made.as_slice() else { panic!("four") };
    let becomes = |likelihood| Changes::with(move |risk: &mut Entry| risk.likelihood = likelihood);
    kit::amend(later, tx, *falls, None, becomes(3)).await?;
    kit::amend(later, tx, *falls, None, becomes(1)).await?;
    kit::amend(later, tx, *rises, None, becomes(3)).await?;
    kit::amend(later, tx, *stays, None, Changes::with(|risk: &mut Entry| risk.title = "Stays put".into())).await?;
    kit::amend(later, tx, *returns, None, becomes(4)).await?;
    kit::amend(later, tx, *returns, None, becomes(2)).await?;
    treated(later, tx, *falls, -1, TreatmentStatus::InProgress).await?;
    treated(later, tx, *rises, -9, TreatmentStatus::Planned).await?;
    treated(later, tx, *rises, -9, TreatmentStatus::Done).await?;
    treated(later, tx, *stays, 0, TreatmentStatus::Planned).await?;
    treated(later, tx, *stays, -5, TreatmentStatus::Cancelled).await?;
    treated(later, tx, *returns, -3, TreatmentStatus::Planned).await?;
    measured(later, tx, *falls, 1_000.0).await?;
    measured(later, tx, *rises, 600.0).await?;
    measured(later, tx, *returns, 50.0).await?;
    kit::amend(later, tx, *returns, None, Changes::with(|risk: &mut Entry| risk.status = Status::Closed)).await?;

    let strategic: ListRequest = ListRequest::parse(Entry::LIST, &[], &[("category".into(), "strategic".into())])?;
    let found = dashboard::get(later, tx, &strategic.query).await?;
    let moved: Vec<_> = found.movers.iter().map(|m| (m.id, m.from_score, m.to_score)).collect();
    assert_eq!(moved, [(*falls, 16, 4), (*rises, 1, 3)], "before the first change and now, the farthest first");
    let overdue: Vec<_> = found.overdue_treatments.items.iter().map(|t| (t.risk_id, t.title.as_str())).collect();
    assert_eq!(overdue, [(*rises, "Due in -9 days"), (*falls, "Due in -1 days")], "none of a closed risk");
    assert_eq!(found.overdue_treatments.count, 2);
    let expected: Vec<_> = found.expected.iter().map(|e| (e.category, e.annual_loss, e.analyses, e.money)).collect();
    assert_eq!(expected, [(Category::Strategic, 1_600.0, 2, Some(1_500.0))]);
    assert_eq!(found.expected_annual_loss(), 1_600.0);

    for params in
        [&[][..], &[("category", "strategic")], &[("status__ne", "closed"), ("impact__gte", "3")], &[("q", "many 1")]]
    {
        against_all(later, tx, params).await?;
    }
    Ok(())
}

/// The dashboard of a request against counts over everything.
async fn against_all(ctx: &Ctx, tx: &mut Tx, params: &[(&str, &str)]) -> Outcome {
    let params: Vec<(String, String)> = params.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    let query = ListRequest::parse(Entry::LIST, &[], &params)?.query;
    let found = dashboard::get(ctx, tx, &query).await?;
    let mut all = Repo::<Entry>::page(tx, ctx.org, &Entry::LIST.query().limited(1_000)).await?.items;
    all.retain(|risk| matches_in_memory(risk, &query));
    let count = |holds: &dyn Fn(&&Entry) -> bool| i64::try_from(all.iter().filter(|risk| holds(risk)).count()).unwrap();
    assert_eq!(found.total, count(&|_| true), "{params:?}");
    for (category, counted) in &found.by_category {
        assert_eq!(*counted, count(&|risk| risk.category == *category), "{category}");
    }
    for (status, counted) in &found.by_status {
        assert_eq!(*counted, count(&|risk| risk.status == *status), "{status}");
    }
    assert_eq!(found.by_level.iter().map(|(_, counted)| counted).sum::<i64>(), found.total);
    let open = |risk: &&Entry| risk.status != Status::Closed;
    assert_eq!(found.above_appetite, count(&|risk| open(risk) && risk.above_appetite));
    assert_eq!(found.above_tolerance, count(&|risk| open(risk) && risk.above_tolerance));
    let mut scores: Vec<i64> = all.iter().filter(open).map(|risk| risk.score).collect();
    scores.sort_by_key(|score| -score);
    scores.truncate(10);
    assert_eq!(found.top.iter().map(|risk| risk.score).collect::<Vec<_>>(), scores);
    let late = |risk: &&Entry| open(risk) && risk.review_date.is_some_and(|date| date < ctx.now.date());
    assert_eq!(found.overdue_reviews.count, count(&|risk| late(risk)));
    assert!(found.overdue_reviews.items.iter().all(|risk| late(&risk)));
    Ok(())
}

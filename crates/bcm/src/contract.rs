//! What every adapter of this domain must show: run on memory and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row exists and of which the actor is an active member.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a suite fails by panicking")]

use grc_continuity::{
    AssetType, Criticality, DependencyType, Edge, ImpactCategory, Strength,
    climate::HazardTable,
    consistency::{ConflictKind, StaleKind},
};
use grc_kernel::{
    Changes, Ctx, Fault, FaultKind, Refusal, Repo, Resource, Role, UserId, Uuid, kit, list::Scalar, resource::One,
};
use time::{Duration, macros::date};

use crate::{
    Asset, AssetId, Dependency, End, Exercise, NodeType, Plan, Process,
    exercise::ExerciseType,
    map,
    plan::{PlanStatus, Step},
    ports::Tx,
    process::ImpactLevel,
};

type Outcome = Result<(), Refusal>;

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    processes(ctx, tx).await?;
    dependencies(ctx, tx).await?;
    groups(ctx, tx).await?;
    graph(ctx, tx).await?;
    plans(ctx, tx).await
}

async fn process(ctx: &Ctx, tx: &mut Tx, name: &str, rto: f64, more: fn(&mut Process)) -> Result<Process, Refusal> {
    let name = name.to_owned();
    let said = Changes::with(move |process: &mut Process| {
        process.name = name;
        process.criticality = Criticality::BusinessCritical;
        (process.rto_hours, process.rpo_hours, process.mtd_hours) = (rto, 1.0, 24.0);
    });
    kit::create(ctx, tx, said.and(more)).await
}

async fn asset(ctx: &Ctx, tx: &mut Tx, name: &str, kind: AssetType, rto: f64) -> Result<Asset, Refusal> {
    let name = name.to_owned();
    let said = Changes::with(move |asset: &mut Asset| {
        asset.name = name;
        asset.kind = kind;
        asset.rto_hours = Some(rto);
        asset.region = Some("eu-central-1".into());
    });
    kit::create(ctx, tx, said).await
}

fn of_process(process: &Process) -> End {
    End { id: process.id.0, kind: NodeType::Process }
}

fn of_asset(asset: &Asset) -> End {
    End { id: asset.id.0, kind: NodeType::Asset }
}

fn joined(source: &End, target: &End, group: Option<(&str, Option<i64>)>) -> Changes<Dependency> {
    let (source, target) = (One(source.clone()), One(target.clone()));
    let group = group.map(|(name, needed)| (name.to_owned(), needed));
    Changes::with(move |dependency: &mut Dependency| {
        dependency.source = source;
        dependency.target = target;
        if let Some((name, needed)) = group {
            dependency.redundancy_group = Some(name);
            dependency.needed = needed;
        }
    })
}

fn fields<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Vec<String> {
    outcome.unwrap_err().fields().into_iter().map(|e| format!("{} {}", e.field, e.code)).collect()
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> FaultKind {
    outcome.unwrap_err().kind()
}

async fn processes(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let (owner, now) = (UserId(ctx.actor.id), ctx.now);
    let all = process(ctx, tx, "Everything said", 4.5, |process| {
        process.description = Some("Ünïcödé, 'quotes' and \"more\"".into());
        process.mbco_percent = Some(60.0);
        process.peak_periods = vec!["end of month".into(), "Black Friday".into()];
        process.hourly_loss = Some(1_250.75);
        let level = |category, band_hours, level| ImpactLevel { category, band_hours, level };
        process.impacts = vec![level(ImpactCategory::Financial, 4.0, 2), level(ImpactCategory::Financial, 24.0, 5)];
    })
    .await?;
    let owned = Changes::with(move |process: &mut Process| {
        process.owner_id = Some(owner);
        process.last_reviewed_at = Some(now - Duration::days(30));
    });
    let all = kit::amend(ctx, tx, all.id, Some(1), owned).await?;
    assert_eq!(kit::get::<Process>(ctx, tx, all.id).await?, all, "what was stored comes back the same");

    assert_eq!(fields(process(ctx, tx, "Late", 24.5, |_| {}).await), ["rto_hours rto_over_mtd"]);
    assert_eq!(
        fields(process(ctx, tx, "Nothing", -0.5, |p| p.mtd_hours = -1.0).await),
        ["rto_hours out_of_range", "mtd_hours out_of_range"]
    );
    let twice = process(ctx, tx, "Twice", 4.0, |process| {
        let level = ImpactLevel { category: ImpactCategory::Legal, band_hours: 4.0, level: 1 };
        process.impacts = vec![level.clone(), level];
    });
    assert_eq!(fields(twice.await), ["impacts[1] repeated"]);
    let nobody = Changes::with(|process: &mut Process| process.owner_id = Some(UserId(Uuid::from_u128(77))));
    assert_eq!(fields(kit::amend(ctx, tx, all.id, None, nobody).await), ["owner_id unknown_reference"]);
    let later = Changes::with(|process: &mut Process| process.mtd_hours = 1.0);
    assert_eq!(fields(kit::amend(ctx, tx, all.id, None, later).await), ["rto_hours rto_over_mtd"]);
    let viewer = ctx.clone().with_role(Role::Viewer);
    assert_eq!(kind(kit::remove::<Process>(&viewer, tx, all.id, None).await), FaultKind::Forbidden);
    let vendor = Changes::with(|asset: &mut Asset| {
        asset.name = "Mail".into();
        asset.vendor_id = Some(Uuid::from_u128(7));
    });
    assert_eq!(fields(kit::create(ctx, tx, vendor).await), ["vendor_id unknown_reference"]);
    kit::remove::<Process>(ctx, tx, all.id, None).await?;
    assert_eq!(kind(kit::get::<Process>(ctx, tx, all.id).await), FaultKind::NotFound);
    Ok(())
}

async fn dependencies(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let order = process(ctx, tx, "Order Fulfillment", 4.0, |_| {}).await?;
    let database = asset(ctx, tx, "Core Database", AssetType::Database, 1.0).await?;
    let (p, a) = (of_process(&order), of_asset(&database));
    let made = kit::create(ctx, tx, joined(&p, &a, None)).await?;
    assert_eq!((made.dependency_type, made.strength), (DependencyType::Requires, Strength::Hard));
    assert_eq!((made.source_id, made.target_id, made.needed), (p.id, a.id, None));
    assert_eq!(kit::get::<Dependency>(ctx, tx, made.id).await?, made, "what was stored comes back the same");

    assert_eq!(kind(kit::create(ctx, tx, joined(&p, &a, None)).await), FaultKind::Conflict, "a duplicate");
    assert_eq!(kind(kit::create(ctx, tx, joined(&a, &a, None)).await), FaultKind::Conflict, "a loop");
    let mistaken = End { id: a.id, kind: NodeType::Process };
    assert_eq!(
        fields(kit::create(ctx, tx, joined(&mistaken, &mistaken, None)).await),
        ["source.id unknown_reference", "target.id unknown_reference"]
    );
    let back = kit::create(ctx, tx, joined(&a, &p, None)).await?;
    let query = Dependency::LIST.query().only("source_id", vec![Scalar::Id(a.id)]);
    let found: Vec<_> = kit::page::<Dependency>(ctx, tx, &query).await?.items.into_iter().map(|d| d.id).collect();
    assert_eq!(found, [back.id], "cycles are welcome");

    assert_eq!(kind(kit::remove::<Asset>(ctx, tx, database.id, None).await), FaultKind::Conflict, "it is needed");
    assert_eq!(kind(kit::remove::<Process>(ctx, tx, order.id, None).await), FaultKind::Conflict);
    kit::remove::<Dependency>(ctx, tx, back.id, None).await?;
    kit::remove::<Process>(ctx, tx, order.id, None).await?;
    assert_eq!(kind(kit::get::<Dependency>(ctx, tx, made.id).await), FaultKind::NotFound, "it went with its source");
    kit::remove::<Asset>(ctx, tx, database.id, None).await?;
    Ok(())
}

async fn groups(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let shop = of_process(&process(ctx, tx, "Shop", 4.0, |_| {}).await?);
    let mut nodes = Vec::new();
    for n in 0..4 {
        nodes.push(of_asset(&asset(ctx, tx, &format!("Node {n}"), AssetType::Infrastructure, 1.0).await?));
    }
    let alone = joined(&shop, &nodes[3], None).and(|d: &mut Dependency| d.needed = Some(2));
    let alone = kit::create(ctx, tx, alone).await;
    assert_eq!(fields(alone), ["needed no_group"]);
    let first = kit::create(ctx, tx, joined(&shop, &nodes[0], Some(("db", None)))).await?;
    assert_eq!(first.needed, Some(1), "a new group needs one");
    let second = kit::create(ctx, tx, joined(&shop, &nodes[1], Some(("db", None)))).await?;
    let other = kit::create(ctx, tx, joined(&shop, &nodes[2], Some(("db", Some(2))))).await;
    assert_eq!(fields(other), ["needed inconsistent"]);
    let more = Changes::with(|d: &mut Dependency| d.needed = Some(2));
    let first = kit::amend(ctx, tx, first.id, None, more).await?;
    let second = kit::get::<Dependency>(ctx, tx, second.id).await?;
    assert_eq!((first.needed, second.needed, second.meta.revision), (Some(2), Some(2), 2), "changed at one, at all");
    let third = kit::create(ctx, tx, joined(&shop, &nodes[2], Some(("db", None)))).await?;
    assert_eq!(third.needed, Some(2), "a new member takes the group's number");
    let left = Changes::with(|d: &mut Dependency| d.redundancy_group = None);
    let third = kit::amend(ctx, tx, third.id, None, left).await?;
    assert_eq!(third.needed, None, "it needs nobody else");
    let joins = Changes::with(|d: &mut Dependency| d.redundancy_group = Some("db".into()));
    assert_eq!(kit::amend(ctx, tx, third.id, None, joins).await?.needed, Some(2));
    let cleared = Changes::with(|d: &mut Dependency| d.needed = None);
    assert_eq!(kit::amend(ctx, tx, third.id, None, cleared).await?.needed, Some(1));
    assert_eq!(kit::get::<Dependency>(ctx, tx, first.id).await?.needed, Some(1));
    // The same name at another source is another group.
    let elsewhere = of_process(&process(ctx, tx, "Elsewhere", 4.0, |_| {}).await?);
    let own = kit::create(ctx, tx, joined(&elsewhere, &nodes[0], Some(("db", Some(3))))).await?;
    assert_eq!(own.needed, Some(3));
    let graph = map::load(ctx, tx).await?.into_map()?.graph;
    let outage = map::outage(&graph, &nodes[..2], 5.0)?;
    let lost: Vec<_> = outage.lost.iter().map(|lost| lost.process.name.as_str()).collect();
    assert_eq!(lost, ["Elsewhere"], "one of three is enough for the shop; what needs more than there is needs all");
    for source in [shop, elsewhere] {
        kit::remove::<Process>(ctx, tx, source.id.into(), None).await?;
    }
    for node in nodes {
        kit::remove::<Asset>(ctx, tx, AssetId(node.id), None).await?;
    }
    Ok(())
}

async fn graph(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let order = process(ctx, tx, "Order Fulfillment", 4.0, |process| {
        process.hourly_loss = Some(100.0);
        let level = |band_hours, level| ImpactLevel { category: ImpactCategory::Operational, band_hours, level };
        process.impacts = vec![level(1.0, 1), level(8.0, 4)];
    })
    .await?;
    let database = asset(ctx, tx, "Core Database", AssetType::Database, 1.0).await?;
    let relay = asset(ctx, tx, "Mail relay", AssetType::Vendor, 12.0).await?;
    let promised = Changes::with(|asset: &mut Asset| {
        asset.sla_hours = Some(48.0);
        asset.restore_hours = Some(2.5);
        asset.rpo_hours = Some(0.25);
        asset.provider = Some("Post".into());
    });
    let relay = kit::amend(ctx, tx, relay.id, None, promised).await?;
    let (p, d, r) = (of_process(&order), of_asset(&database), of_asset(&relay));
    kit::create(ctx, tx, joined(&p, &d, None)).await?;
    kit::create(ctx, tx, joined(&p, &r, Some(("mail", Some(1))))).await?;

    let (nodes, edges) = (tx.graph_nodes(ctx.org, 100).await?, tx.graph_edges(ctx.org, 100).await?);
    let mut bare = order.to_node();
    bare.impacts.clear();
    assert_eq!(nodes, [bare, database.to_node(), relay.to_node()]);
    let edges: Vec<Edge> = edges.into_iter().map(|(_, edge)| edge).collect();
    assert_eq!(edges, [Edge::requires(p.id, d.id), Edge::requires(p.id, r.id).in_group("mail", 1)]);
    assert_eq!(tx.graph_impacts(ctx.org).await?, [(p.id, order.to_impacts())]);
    assert_eq!(tx.graph_nodes(ctx.org, 2).await?.len(), 2, "no more than asked for");
    assert_eq!(tx.graph_edges(ctx.org, 1).await?.len(), 1);

    let viewer = ctx.clone().with_role(Role::Viewer);
    let graph = map::load_for_recovery(&viewer, tx, order.id).await?.into_map()?.graph;
    let plan = map::recovery(&graph, order.id)?;
    let tiers: Vec<_> = plan.tiers.iter().map(|tier| (tier.tier, tier.items.len())).collect();
    assert_eq!(tiers, [(1, 2), (2, 1)]);
    assert_eq!(plan.finish_hours, 2.5, "the relay takes its restore time, the database its objective");
    assert_eq!(kind(map::load_for_recovery(ctx, tx, d.id.into()).await), FaultKind::NotFound, "an asset is no process");
    let map = map::load_for_outage(ctx, tx).await?.into_map()?;
    assert_eq!(map.dependencies.len(), 2);
    let outage = map::outage(&map.graph, std::slice::from_ref(&d), 10.0)?;
    assert_eq!((outage.lost.len(), outage.loss, outage.first_breach_hours), (1, 600.0, Some(4.0)));
    assert_eq!(outage.impacts.iter().map(|cell| cell.level).collect::<Vec<_>>(), [1, 4]);
    let mistaken = End { kind: NodeType::Process, ..d };
    assert_eq!(fields(map::outage(&map.graph, &[mistaken], 1.0)), ["nodes[0].id unknown_reference"]);
    assert_eq!(fields(map::outage(&map.graph, &[], 1.0)), ["nodes too_few"]);

    let (records, plans) = map::load_for_review(ctx, tx).await?;
    let review = map::review(&records.into_map()?.graph, &plans, ctx.now);
    let conflicts: Vec<_> = review.report.conflicts.iter().map(|c| (c.kind, c.stated_hours, c.transitive)).collect();
    assert_eq!(
        conflicts,
        [(ConflictKind::Rto, 12.0, false), (ConflictKind::Rto, 12.0, true), (ConflictKind::Sla, 48.0, false)]
    );
    assert_eq!((review.without_plan.len(), review.report.ownerless.len(), review.report.stale.len()), (1, 1, 1));
    let risk = map::climate_risk(&map.graph, &HazardTable::illustrative());
    assert_eq!((risk.regions.len(), risk.single_points.len()), (1, 2));
    Ok(())
}

async fn plans(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let order = Repo::<Process>::page(tx, ctx.org, &Process::LIST.query()).await?.items[0].clone();
    let owner = UserId(ctx.actor.id);
    let step = |order: Option<i64>, action: &str| Step {
        order,
        action: action.to_owned(),
        owner_id: Some(owner),
        minutes: Some(45),
    };
    let (process, steps) = (order.id, vec![step(Some(2), "Switch over"), step(Some(1), "Tell everybody")]);
    let drafted = Changes::with(move |plan: &mut Plan| {
        plan.name = "Fail over".into();
        plan.process_id = Some(process);
        plan.steps = steps;
        plan.rto_hours = Some(1.25);
    });
    let plan = kit::create(ctx, tx, drafted).await?;
    assert_eq!(plan.steps.iter().map(|step| step.order).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!((plan.total_minutes, plan.within_rto, plan.status), (90, Some(false), PlanStatus::Draft));
    assert_eq!(kit::get::<Plan>(ctx, tx, plan.id).await?, plan, "what was stored comes back the same");
    let wrong = vec![
        step(None, "a"),
        step(Some(1), "b"),
        Step { owner_id: Some(UserId(Uuid::from_u128(9))), ..step(None, "c") },
    ];
    let wrong = Changes::with(move |plan: &mut Plan| plan.steps = wrong);
    assert_eq!(
        fields(kit::amend(ctx, tx, plan.id, None, wrong).await),
        ["steps[1].order repeated", "steps[2].owner_id unknown_reference"]
    );
    let to = |status| Changes::with(move |plan: &mut Plan| plan.status = status);
    let early = kit::amend(ctx, tx, plan.id, None, to(PlanStatus::Active)).await.unwrap_err();
    assert_eq!(early.available_transitions(), Some(vec!["approved", "retired"]));
    let approved = kit::amend(ctx, tx, plan.id, None, to(PlanStatus::Approved)).await?;
    assert_eq!((approved.approved_by, approved.approved_at), (Some(ctx.actor.id), Some(ctx.now)));
    let today = ctx.now.date();
    assert_eq!(tx.plans_in_force(ctx.org, today, 9).await?, [], "approved is not in force");
    let active = kit::amend(ctx, tx, plan.id, None, to(PlanStatus::Active)).await?;
    assert_eq!(active.approved_by, Some(ctx.actor.id), "who approved is kept");

    for (date, achieved) in [
        (date!(2024 - 01 - 01), Some(5.0)),
        (date!(2024 - 06 - 01), Some(1.0)),
        (date!(2024 - 07 - 01), None),
        (date!(9999 - 01 - 01), Some(99.0)),
    ] {
        let held = Changes::with(move |exercise: &mut Exercise| {
            exercise.plan_id = plan.id;
            exercise.kind = ExerciseType::Full;
            exercise.date = date;
            exercise.achieved_rto_hours = achieved;
            exercise.achieved_rpo_hours = Some(1.0);
        });
        let held = kit::create(ctx, tx, held).await?;
        assert_eq!(
            (held.target_rto_hours, held.target_rpo_hours),
            (Some(1.25), Some(1.0)),
            "the plan's, the process's"
        );
        assert_eq!((held.rto_met, held.rpo_met), (achieved.map(|hours| hours <= 1.25), Some(true)));
        assert_eq!(kit::get::<Exercise>(ctx, tx, held.id).await?, held);
    }
    let states = tx.plans_in_force(ctx.org, today, 9).await?;
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].last_exercised_at, Some(date!(2024 - 07 - 01).midnight().assume_utc()));
    assert_eq!((states[0].process, states[0].achieved_rto_hours), (Some(order.id.0), Some(1.0)), "the last measured");
    assert_eq!(tx.plans_in_force(ctx.org, today, 0).await?, []);
    let (records, states) = map::load_for_review(ctx, tx).await?;
    let review = map::review(&records.into_map()?.graph, &states, ctx.now);
    assert_eq!(review.without_plan, []);
    assert!(review.report.stale.iter().any(|stale| stale.kind == StaleKind::Exercise && stale.id == plan.id.0));

    assert_eq!(kind(kit::remove::<Process>(ctx, tx, order.id, None).await), FaultKind::Conflict, "a plan is for it");
    let again = kit::amend(ctx, tx, plan.id, None, to(PlanStatus::Draft)).await?;
    assert_eq!((again.approved_by, again.approved_at), (None, None));
    kit::remove::<Plan>(ctx, tx, plan.id, None).await?;
    kit::remove::<Process>(ctx, tx, order.id, None).await?;
    Ok(())
}

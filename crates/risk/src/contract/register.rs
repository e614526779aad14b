//! The register: entries and their lists, levels, acceptances.

use grc_kernel::{
    Changes, Ctx, Fault, FaultKind, Record, Refusal, Repo, Resource, Role, StoreError, UserId, Uuid, kit,
    list::{ListRequest, Scalar},
};
use serde_json::json;
use time::Duration;

use super::{Outcome, fields};
use crate::{
    Acceptance, AcceptanceId, Appetite, Entry, EntryId, Matrix, Treatment, acceptance,
    acceptance::{AcceptanceStatus, Decision},
    appetite,
    entry::{Category, Status, TreatmentKind, named},
    heatmap, matrix,
    ports::Tx,
};

/// The register's part of the suite.
pub(super) async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    entries(ctx, tx).await?;
    lists(ctx, tx).await?;
    levels(ctx, tx).await?;
    acceptances(ctx, tx).await
}

async fn entries(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let owner = UserId(ctx.actor.id);
    let opened = named("Third-party data breach", Category::ThirdParty, 3, 4).and(move |entry: &mut Entry| {
        entry.owner_id = Some(owner);
        entry.ref_id = Some("R-1".into());
        entry.tags = vec!["vendors".into(), "gdpr".into()];
        entry.review_date = Some(time::macros::date!(2026 - 12 - 31));
    });
    let entry = kit::create(ctx, tx, opened).await?;
    assert_eq!((entry.inherent_score, entry.score, entry.level()), (12, 12, "high"));
    assert_eq!((entry.treatment, entry.status), (TreatmentKind::Mitigate, Status::Identified));
    assert_eq!(kit::get::<Entry>(ctx, tx, entry.id).await?, entry, "what was stored comes back the same");

    let treated = Changes::with(|entry: &mut Entry| {
        entry.residual_likelihood = Some(2);
        entry.residual_impact = Some(3);
        entry.status = Status::Assessed;
        entry.description = Some("Ünïcödé, 'quotes' and \"more\"".into());
    });
    let after = kit::amend(ctx, tx, entry.id, Some(1), treated).await?;
    assert_eq!((after.meta.revision, after.residual_score, after.score, after.level()), (2, Some(6), 6, "medium"));
    assert_eq!(Repo::<Entry>::find(tx, ctx.org, entry.id).await?.as_ref(), Some(&after));

    let stale = kit::amend(ctx, tx, entry.id, Some(1), Changes::with(|e: &mut Entry| e.impact = 5)).await.unwrap_err();
    assert_eq!(stale.kind(), FaultKind::Stale);
    assert!(matches!(Repo::update(tx, &entry, 1).await, Err(StoreError::Stale)));
    let again =
        kit::create(ctx, tx, named("Other", Category::Cyber, 1, 1).and(|e: &mut Entry| e.ref_id = Some("R-1".into())));
    assert_eq!(again.await.unwrap_err().kind(), FaultKind::Conflict, "a number is given once");
    let nobody = named("Owned by nobody", Category::Cyber, 1, 1)
        .and(|e: &mut Entry| e.owner_id = Some(UserId(Uuid::from_u128(77))));
    assert_eq!(fields(kit::create(ctx, tx, nobody).await), ["owner_id unknown_reference"]);
    let outside = named("", Category::Cyber, 6, 1).and(|e: &mut Entry| e.residual_impact = Some(2));
    assert_eq!(fields(kit::create(ctx, tx, outside).await), ["title required"]);
    let outside = named("Outside", Category::Cyber, 6, 1).and(|e: &mut Entry| e.residual_impact = Some(2));
    assert_eq!(
        fields(kit::create(ctx, tx, outside).await),
        ["likelihood out_of_range", "residual_likelihood required"]
    );
    let worse = named("Worse", Category::Cyber, 1, 1).and(|e: &mut Entry| {
        e.residual_likelihood = Some(2);
        e.residual_impact = Some(2);
    });
    assert_eq!(fields(kit::create(ctx, tx, worse).await), ["residual_reason required"]);
    let moved = Changes::with(|e: &mut Entry| e.status = Status::Identified);
    let moved = kit::amend(ctx, tx, entry.id, None, moved.and(|e: &mut Entry| e.status = Status::Identified)).await?;
    let illegal = kit::amend(ctx, tx, moved.id, None, Changes::with(|e: &mut Entry| e.status = Status::Treating)).await;
    assert_eq!(illegal.unwrap_err().available_transitions(), Some(vec!["assessed", "closed"]));

    let viewer = ctx.clone().with_role(Role::Viewer);
    assert_eq!(kit::remove::<Entry>(&viewer, tx, entry.id, None).await.unwrap_err().kind(), FaultKind::Forbidden);
    let treatment = kit::create(
        ctx,
        tx,
        Changes::with(move |t: &mut Treatment| {
            t.risk_id = entry.id;
            t.title = "Review of suppliers".into();
            t.cost = Some(12_500.5);
        }),
    )
    .await?;
    assert_eq!(kit::get::<Treatment>(ctx, tx, treatment.id).await?, treatment);
    kit::remove::<Entry>(ctx, tx, entry.id, None).await?;
    assert_eq!(kit::get::<Entry>(ctx, tx, entry.id).await.unwrap_err().kind(), FaultKind::NotFound);
    Ok(())
}

/// The same page, whichever adapter makes it: every filter and sort of the list against a reading of all records.
async fn lists(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    for n in 0_i64..40 {
        let category = Category::ALL[usize::try_from(n % 7).unwrap_or(0)];
        let opened =
            named(&format!("Risk {n:02} of many"), category, n % 5 + 1, n % 4 + 1).and(move |e: &mut Entry| {
                e.review_date = (n % 3 == 0).then(|| time::macros::date!(2026 - 06 - 01) + Duration::days(n));
                e.tags = if n % 2 == 0 { vec!["even".into()] } else { vec!["odd".into(), "seven".into()] };
                e.residual_likelihood = (n % 4 == 0).then_some(1);
                e.residual_impact = (n % 4 == 0).then_some(1);
            });
        kit::create(ctx, tx, opened).await?;
    }
    let everything = Repo::<Entry>::page(tx, ctx.org, &Entry::LIST.query().limited(1_000)).await?.items;
    assert_eq!(everything.len(), 40);
    let asked: &[&[(&str, &str)]] = &[
        &[("category", "cyber"), ("category", "strategic"), ("sort", "-title")],
        &[("likelihood__gte", "3"), ("impact__lte", "2"), ("sort", "inherent_score")],
        &[("review_date__null", "false"), ("sort", "review_date")],
        &[("sort", "-review_date"), ("tags", "even")],
        &[("sort", "residual_score"), ("category__ne", "cyber")],
        &[("q", "RISK 1"), ("sort", "likelihood")],
        &[("residual_likelihood__null", "true"), ("status", "identified"), ("sort", "-impact")],
        &[("tags__ne", "seven"), ("sort", "updated_at")],
        &[("above_appetite", "false"), ("title", "Risk 07 of many")],
    ];
    for params in asked {
        let mut seen: Vec<EntryId> = Vec::new();
        let mut cursor: Option<String> = None;
        let expected = memory(&everything, params);
        loop {
            let mut all: Vec<(String, String)> = params.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            all.push(("limit".into(), "7".into()));
            all.push(("include_total".into(), "true".into()));
            all.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
            let request = ListRequest::parse(Entry::LIST, &[], &all)?;
            let page = kit::page::<Entry>(ctx, tx, &request.query).await?;
            assert_eq!(page.total, i64::try_from(expected.len()).ok(), "{params:?}");
            seen.extend(page.items.iter().map(|entry| entry.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{params:?}");
    }
    Ok(())
}

fn memory(everything: &[Entry], params: &[(&str, &str)]) -> Vec<EntryId> {
    let all: Vec<(String, String)> = params.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    let request = ListRequest::parse(Entry::LIST, &[], &all).unwrap();
    let page = grc_kernel::list::page_in_memory(everything.iter(), &request.query.limited(1_000));
    page.items.into_iter().map(|entry| entry.id).collect()
}

async fn levels(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let map = heatmap::get(ctx, tx, &Entry::LIST.query()).await?;
    assert_eq!(map.inherent.values().sum::<i64>(), 40);
    assert_eq!(map.residual.values().sum::<i64>(), 40);
    assert_eq!(map.inherent.get(&(1, 1)), Some(&2), "n = 0 and n = 20");
    assert_eq!(map.residual.get(&(1, 1)), Some(&10), "every fourth has a residual of 1 x 1, n = 0 and 20 among them");

    let standard = matrix::get(ctx, tx).await?;
    assert_eq!(standard.meta.revision, 0);
    let simple = |m: &mut Matrix| {
        m.likelihood_labels = ["1", "2", "3", "4", "5"].map(String::from).to_vec();
        m.impact_labels = ["1", "2", "3", "4"].map(String::from).to_vec();
        m.levels = vec![matrix::Level { key: "all".into(), label: "All".into(), color: "#336699".into() }];
        m.grid = json!(vec![vec!["all"; 4]; 5]);
    };
    let small = Changes::with(move |m: &mut Matrix| {
        simple(m);
        m.impact_labels.pop();
        m.grid = json!(vec![vec!["all"; 3]; 5]);
    });
    assert_eq!(matrix::decide(ctx, tx, None, small).await.unwrap_err().kind(), FaultKind::Conflict);
    let (stored, moved) = matrix::decide(ctx, tx, Some(0), Changes::with(simple)).await?;
    assert_eq!((stored.meta.revision, moved), (1, 40));
    let (stored, moved) = matrix::decide(ctx, tx, Some(1), Changes::with(simple)).await?;
    assert_eq!((stored.meta.revision, moved), (2, 0));
    let query = Entry::LIST.query().limited(100);
    let all = kit::page::<Entry>(ctx, tx, &query).await?.items;
    assert!(all.iter().all(|e| e.inherent_level == "all" && e.meta.revision == 2), "each of them changed once");
    assert!(all.iter().all(|e| e.residual_level.is_some() == e.residual_score.is_some()));

    let bounds = json!({"cyber": {"appetite": 4, "tolerance": 8}});
    let set = Changes::with(move |a: &mut Appetite| a.categories = bounds.as_object().cloned().unwrap_or_default());
    let (_, moved) = appetite::decide(ctx, tx, None, set).await?;
    let query = Entry::LIST.query().only("above_appetite", vec![Scalar::Bool(true)]).limited(100);
    let above = kit::page::<Entry>(ctx, tx, &query).await?.items;
    assert!(!above.is_empty() && moved == i64::try_from(above.len()).unwrap_or(0));
    for entry in above {
        assert!(entry.category == Category::Cyber && entry.score > 4);
        assert_eq!(entry.above_tolerance, entry.score > 8);
    }
    let wrong = json!({"weather": {"appetite": 4, "tolerance": 3}});
    let set = Changes::with(move |a: &mut Appetite| a.categories = wrong.as_object().cloned().unwrap_or_default());
    assert_eq!(
        fields(appetite::decide(ctx, tx, None, set).await),
        ["categories.weather unknown", "categories.weather.tolerance out_of_order"]
    );
    Ok(())
}

async fn acceptances(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let opened = named("A flood in the cellar", Category::Operational, 1, 3).and(|e: &mut Entry| {
        e.treatment = TreatmentKind::Accept;
        e.status = Status::Assessed;
    });
    let risk = kit::create(ctx, tx, opened).await?.id;
    let accept = || Changes::with(|e: &mut Entry| e.status = Status::Accepted);
    let refused = kit::amend(ctx, tx, risk, None, accept()).await.unwrap_err();
    assert_eq!(refused.available_transitions(), Some(vec!["treating", "identified", "closed"]));

    let until = ctx.now + Duration::days(90);
    let ask = |expires_at| {
        Changes::with(move |a: &mut Acceptance| {
            a.risk_id = risk;
            a.expires_at = expires_at;
        })
    };
    assert_eq!(fields(kit::create(ctx, tx, ask(ctx.now)).await), ["expires_at out_of_range"]);
    let asked = kit::create(ctx, tx, ask(until)).await?;
    assert_eq!(asked.status, AcceptanceStatus::Requested);
    let own = acceptance::decide(ctx, tx, risk, asked.id, Decision::Approved, None).await.unwrap_err();
    assert!(matches!(own, Refusal::Duty(_)), "who asks does not decide: {own:?}");
    let mut other = ctx.clone();
    other.actor.id = Uuid::from_u128(0xB);
    let absent = acceptance::decide(&other, tx, EntryId(Uuid::from_u128(1)), asked.id, Decision::Approved, None).await;
    assert_eq!(absent.unwrap_err().kind(), FaultKind::NotFound, "of another risk");
    let decided = acceptance::decide(&other, tx, risk, asked.id, Decision::Approved, Some("Cheap".into())).await?;
    assert_eq!((decided.status, decided.decided_by), (AcceptanceStatus::Approved, Some(other.actor.id)));
    let twice = acceptance::decide(&other, tx, risk, asked.id, Decision::Rejected, None).await.unwrap_err();
    assert_eq!(twice.available_transitions(), Some(vec!["expired", "revoked"]));
    let late = ctx.clone().at(until + Duration::seconds(1));
    assert_eq!(
        kit::amend(&late, tx, risk, None, accept()).await.unwrap_err().kind(),
        FaultKind::Conflict,
        "it expired"
    );
    assert_eq!(decided.clone().at(late.now).status, AcceptanceStatus::Expired);
    for (when, statuses, found) in [
        (ctx, &["approved"][..], true),
        (ctx, &["expired"], false),
        (&late, &["approved", "requested"], false),
        (&late, &["expired", "revoked"], true),
        (&late, &["approved", "expired"], true),
    ] {
        let words = statuses.iter().map(|status| Scalar::Text((*status).to_owned())).collect();
        let page = kit::page::<Acceptance>(when, tx, &Acceptance::LIST.query().only("status", words)).await?;
        assert_eq!(!page.items.is_empty(), found, "a list filters by the status that it shows: {statuses:?}");
    }
    let accepted = kit::amend(ctx, tx, risk, None, accept()).await?;
    assert_eq!(accepted.status, Status::Accepted);
    assert_eq!(kit::remove::<Entry>(ctx, tx, risk, None).await.unwrap_err().kind(), FaultKind::Conflict);
    let revoked = acceptance::revoke(ctx, tx, risk, AcceptanceId(decided.id.0)).await?;
    assert_eq!(revoked.snapshot()["status"], "revoked");
    Ok(())
}

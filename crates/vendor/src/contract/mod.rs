//! What every adapter must show of this domain: in memory in this crate's tests, on Postgres in the workspace's.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a suite fails by panicking")]

mod a2a;
mod terms;

use grc_kernel::{
    Changes, Ctx, Fault, FaultKind, Refusal, Repo, Resource, Role, UserId, Uuid, kit,
    list::{ListRequest, Scalar},
    record::Record,
    resource::{Ids, One},
};
use time::{Duration, macros::date};

use crate::{
    Service, Vendor, VendorId,
    ports::Tx,
    rules::tiering::{Floor, Tier, Tiering, plus_months},
    service::IctService,
    stats,
    vendor::{self, GrantedKey, Status, TierSource, named},
};

type Outcome = Result<(), Refusal>;

/// Runs all of it in an organization that has nothing yet and whose actor is a member.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    register(ctx, tx).await?;
    hierarchy(ctx, tx).await?;
    services(ctx, tx).await?;
    terms::contracts(ctx, tx).await?;
    terms::assessments(ctx, tx).await?;
    a2a::grants(ctx, tx).await?;
    lists(ctx, tx).await?;
    numbers(ctx, tx).await?;
    a2a::questions(ctx, tx).await
}

fn fields<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Vec<String> {
    outcome.unwrap_err().fields().into_iter().map(|e| format!("{} {}", e.field, e.code)).collect()
}

fn tiering(answer: i64) -> Option<One<Tiering>> {
    Some(One(Tiering {
        data_sensitivity: answer,
        access: answer,
        business_criticality: answer,
        substitutability: answer,
        volume: answer,
        regulatory_reach: answer,
        concentration: answer,
        geography: answer,
    }))
}

fn change<R: Resource>(change: impl FnOnce(&mut R) + Send + 'static) -> Changes<R> {
    Changes::with(change)
}

async fn register(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let owner = UserId(ctx.actor.id);
    let full = named("Cloud Provider Inc").and(move |v: &mut Vendor| {
        v.legal_name = Some("Ünïcödé «Cloud» GmbH".into());
        v.category = Some("infrastructure".into());
        v.owner_id = Some(owner);
        v.country = Some("de".into());
        v.lei = Some("7ltwfzyicnsx8d621k86".into());
        v.certifications = vec!["ISO 27001".into(), "SOC 2".into()];
        v.risk_rating = Some(85);
        v.tiering = tiering(1);
        v.a2a_key = Some(GrantedKey::new("sk-of-theirs"));
    });
    let made = kit::create(ctx, tx, full).await?;
    assert_eq!((made.status, made.risk_tier, made.tier_source), (Status::Pending, Tier::Medium, TierSource::Formula));
    assert_eq!((made.inherent_score, made.residual_score), (Some(25.0), Some(25.0)));
    assert_eq!((made.rating_band, made.has_a2a_key), (Some(Tier::Critical), true), "the rating goes before the score");
    assert_eq!((made.country.as_deref(), made.lei.as_deref()), (Some("DE"), Some("7LTWFZYICNSX8D621K86")));
    let stored = kit::get::<Vendor>(ctx, tx, made.id).await?;
    assert_eq!(stored, made, "what was stored comes back the same, the key too");
    assert!(!format!("{stored:?} {}", stored.snapshot()).contains("sk-of-theirs"));

    let wrong = named("Wrong").and(|v: &mut Vendor| {
        v.country = Some("XX".into());
        v.lei = Some("7LTWFZYICNSX8D621K87".into());
        v.registration_id = Some("HRB 1".into());
        v.a2a_key = Some(GrantedKey::new("a key"));
        v.next_review_date = Some(date!(2999 - 01 - 01));
    });
    let expected = [
        "country invalid",
        "lei invalid",
        "registration_type required",
        "a2a_key invalid",
        "next_review_date out_of_range",
    ];
    assert_eq!(fields(kit::create(ctx, tx, wrong).await), expected);

    // Whoever gives another tier than the formula's says why; taking the reason back takes the tier back.
    let given = |tier: Tier, reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        change(move |v: &mut Vendor| {
            (v.risk_tier, v.tier_source, v.tier_reason) = (tier, TierSource::Given, reason);
        })
    };
    assert_eq!(fields(kit::amend(ctx, tx, made.id, None, given(Tier::Low, None)).await), ["tier_reason required"]);
    assert_eq!(fields(kit::amend(ctx, tx, made.id, None, given(Tier::Low, Some(" "))).await), ["tier_reason required"]);
    let low = kit::amend(ctx, tx, made.id, Some(1), given(Tier::Low, Some("Pilot"))).await?;
    assert_eq!((low.risk_tier, low.computed_tier, low.tier_source), (Tier::Low, Some(Tier::Medium), TierSource::Given));
    let more = kit::amend(ctx, tx, made.id, None, change(|v: &mut Vendor| v.tiering = tiering(3))).await?;
    assert_eq!((more.risk_tier, more.computed_tier), (Tier::Low, Some(Tier::Critical)), "the reason stands");
    let agreed = kit::amend(ctx, tx, made.id, None, given(Tier::Critical, None)).await?;
    assert_eq!((agreed.risk_tier, agreed.tier_source), (Tier::Critical, TierSource::Formula));
    let alone = change(|v: &mut Vendor| (v.tiering, v.risk_tier) = (None, Tier::Low));
    let alone = kit::amend(ctx, tx, made.id, None, alone).await?;
    assert_eq!((alone.risk_tier, alone.tier_source, alone.inherent_score), (Tier::Low, TierSource::Given, None));

    // The next review follows the tier; one that was brought forward stays.
    let due = |months| Some(plus_months(ctx.now.date(), months));
    assert_eq!((made.next_review_date, low.next_review_date, agreed.next_review_date), (due(24), due(36), due(12)));
    let soon = ctx.now.date() + Duration::days(20);
    kit::amend(ctx, tx, made.id, None, change(move |v: &mut Vendor| v.next_review_date = Some(soon))).await?;
    let tiered = kit::amend(ctx, tx, made.id, None, change(|v: &mut Vendor| v.risk_tier = Tier::High)).await?;
    assert_eq!(tiered.next_review_date, Some(soon));
    let back = kit::amend(ctx, tx, made.id, None, change(|v: &mut Vendor| v.next_review_date = None)).await?;
    assert_eq!(back.next_review_date, due(12));

    let floors = kit::create(
        ctx,
        tx,
        named("Payroll").and(|v: &mut Vendor| {
            v.tiering = tiering(0);
            v.holds_regulated_data = true;
            v.mission_critical_dependency = true;
        }),
    )
    .await?;
    assert_eq!((floors.risk_tier, floors.inherent_score), (Tier::High, Some(0.0)));
    assert_eq!(floors.tier_overrides.0, [Floor::MissionCriticalProcess, Floor::RegulatedData]);

    let viewer = ctx.clone().with_role(Role::Viewer);
    assert_eq!(kit::remove::<Vendor>(&viewer, tx, made.id, None).await.unwrap_err().kind(), FaultKind::Forbidden);
    kit::remove::<Vendor>(ctx, tx, made.id, None).await?;
    kit::remove::<Vendor>(ctx, tx, floors.id, None).await?;
    assert_eq!(kit::get::<Vendor>(ctx, tx, made.id).await.unwrap_err().kind(), FaultKind::NotFound);
    Ok(())
}

async fn hierarchy(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let under =
        |name: &str, parent: Option<VendorId>| named(name).and(move |v: &mut Vendor| v.parent_vendor_id = parent);
    let top = kit::create(ctx, tx, under("Top", None)).await?.id;
    let middle = kit::create(ctx, tx, under("Middle", Some(top))).await?.id;
    let bottom = kit::create(ctx, tx, under("Bottom", Some(middle))).await?.id;
    assert_eq!(tx.lineage(ctx.org, bottom).await?, [bottom, middle, top]);
    let put = |parent: VendorId| change(move |v: &mut Vendor| v.parent_vendor_id = Some(parent));
    for below in [top, middle, bottom] {
        assert_eq!(fields(kit::amend(ctx, tx, top, None, put(below)).await), ["parent_vendor_id cycle"]);
    }
    kit::amend(ctx, tx, bottom, None, put(top)).await?;
    let nobody = VendorId(Uuid::from_u128(7));
    assert_eq!(fields(kit::amend(ctx, tx, top, None, put(nobody)).await), ["parent_vendor_id unknown_reference"]);
    assert_eq!(kit::remove::<Vendor>(ctx, tx, top, None).await.unwrap_err().kind(), FaultKind::Conflict);
    for id in [bottom, middle, top] {
        kit::remove::<Vendor>(ctx, tx, id, None).await?;
    }
    Ok(())
}

fn service(vendor: VendorId, name: &str, critical: bool) -> Changes<Service> {
    let name = name.to_owned();
    change(move |s: &mut Service| {
        s.vendor_id = vendor;
        s.name = name;
        s.supports_critical_function = critical;
        s.ict_service_type = Some(IctService::CloudIaas);
    })
}

async fn services(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let vendor = kit::create(ctx, tx, named("Hoster").and(|v: &mut Vendor| v.tiering = tiering(1))).await?;
    let builder = kit::create(ctx, tx, named("Builder")).await?;
    let one = kit::create(ctx, tx, service(vendor.id, "Payments", true)).await?;
    let lifted = kit::get::<Vendor>(ctx, tx, vendor.id).await?;
    assert_eq!((lifted.risk_tier, lifted.tier_overrides.0.as_slice()), (Tier::High, &[Floor::CriticalFunction][..]));
    assert_eq!((lifted.meta.revision, lifted.next_review_date < vendor.next_review_date), (2, true));
    let two = kit::create(ctx, tx, service(vendor.id, "Ledger", true)).await?;
    kit::remove::<Service>(ctx, tx, one.id, None).await?;
    assert_eq!(kit::get::<Vendor>(ctx, tx, vendor.id).await?.risk_tier, Tier::High, "another is critical still");
    kit::amend(ctx, tx, two.id, None, change(|s: &mut Service| s.supports_critical_function = false)).await?;
    let lowered = kit::get::<Vendor>(ctx, tx, vendor.id).await?;
    assert_eq!((lowered.risk_tier, lowered.tier_overrides.0.len()), (Tier::Medium, 0));

    let builds_on = |on: Vec<VendorId>| change(move |s: &mut Service| s.subcontractor_ids = Ids(on));
    let own = kit::amend(ctx, tx, two.id, None, builds_on(vec![vendor.id, builder.id, builder.id])).await;
    assert_eq!(fields(own), ["subcontractor_ids[0] invalid", "subcontractor_ids[2] repeated"]);
    kit::amend(ctx, tx, two.id, None, builds_on(vec![builder.id])).await?;
    assert_eq!(kit::remove::<Vendor>(ctx, tx, builder.id, None).await.unwrap_err().kind(), FaultKind::Conflict);
    kit::remove::<Service>(ctx, tx, two.id, None).await?;
    kit::remove::<Vendor>(ctx, tx, builder.id, None).await?;
    kit::remove::<Vendor>(ctx, tx, vendor.id, None).await?;
    Ok(())
}

/// The same page, whichever adapter makes it: filters and sorts of the register against a reading of all records.
async fn lists(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    for n in 0_i64..40 {
        let entered = named(&format!("Vendor {n:02}")).and(move |v: &mut Vendor| {
            v.tiering = if n % 3 == 0 { tiering(n % 5) } else { None };
            v.risk_tier = if n % 3 == 0 { Tier::Medium } else { Tier::Low };
            v.status = if n % 4 == 0 { Status::Active } else { Status::Offboarded };
            v.risk_rating = (n % 5 == 0).then_some(n * 2);
            v.category = (n % 2 == 0).then(|| "infrastructure".to_owned());
            v.certifications = if n % 7 == 0 { vec!["ISO 27001".into()] } else { Vec::new() };
        });
        kit::create(ctx, tx, entered).await?;
    }
    let everything = Repo::<Vendor>::page(tx, ctx.org, &Vendor::LIST.query().limited(1_000)).await?.items;
    assert_eq!(everything.len(), 40);
    let asked: &[&[(&str, &str)]] = &[
        &[("status", "active"), ("risk_tier", "critical"), ("risk_tier", "low"), ("sort", "name")],
        &[("sort", "-residual_score"), ("status", "offboarded")],
        &[("sort", "inherent_score"), ("inherent_score__null", "false")],
        &[("risk_rating__gte", "20"), ("risk_rating__lte", "60"), ("sort", "-risk_rating")],
        &[("certifications", "ISO 27001"), ("sort", "next_review_date")],
        &[("q", "vendor 1"), ("category__null", "true")],
        &[("rating_band__ne", "low"), ("sort", "category")],
        &[("tier_source", "formula"), ("sort", "-last_assessed_at")],
    ];
    for params in asked {
        let all: Vec<(String, String)> = params.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let request = ListRequest::parse(Vendor::LIST, &[], &all)?;
        let expected = grc_kernel::list::page_in_memory(everything.iter(), &request.query.clone().limited(1_000));
        let expected: Vec<VendorId> = expected.items.into_iter().map(|vendor| vendor.id).collect();
        let (mut seen, mut query) = (Vec::new(), request.query.limited(7));
        loop {
            let page = kit::page::<Vendor>(ctx, tx, &query).await?;
            seen.extend(page.items.iter().map(|vendor| vendor.id));
            let (Some(_), Some(last)) = (page.next_cursor, page.items.last()) else { break };
            query.after = Some(grc_kernel::list::Cursor::of(&query, last));
        }
        assert_eq!(seen, expected, "{params:?}");
    }
    let some: Vec<VendorId> = everything.iter().take(3).map(|vendor| vendor.id).collect();
    let mut ids = some.clone();
    ids.push(VendorId(Uuid::from_u128(5)));
    ids.extend(some.iter().take(1));
    let mut found: Vec<VendorId> =
        Repo::<Vendor>::find_many(tx, ctx.org, &ids).await?.into_iter().map(|vendor| vendor.id).collect();
    found.sort_by_key(|id| some.iter().position(|known| known == id));
    assert_eq!(found, some, "each once, and nothing for what is not there");
    Ok(())
}

async fn numbers(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let stats = stats::get(ctx, tx).await?;
    assert_eq!(stats.total, 40);
    assert_eq!((stats.by_status.get("active"), stats.by_status.get("pending")), (Some(&10), Some(&0)));
    for (counts, count) in [(&stats.by_status, 4), (&stats.by_tier, 4), (&stats.by_rating_band, 5)] {
        assert_eq!((counts.len(), counts.values().sum::<i64>()), (count, 40), "{counts:?}");
    }
    assert_eq!(stats.by_rating_band.get("unrated"), Some(&21), "no answers and no rating: {:?}", stats.by_rating_band);
    assert_eq!((stats.reviews_due, stats.reviews_upcoming, stats.attestations_valid), (0, 0, 0));
    let year = ctx.clone().at(ctx.now + Duration::days(1_096));
    let due = stats::get(&year, tx).await?;
    assert_eq!((due.reviews_due, due.reviews_upcoming), (10, 0), "offboarded vendors are not reviewed");
    let soon = stats::get(&ctx.clone().at(ctx.now + Duration::days(1_050)), tx).await?;
    assert!(soon.reviews_due < 10 && soon.reviews_due + soon.reviews_upcoming == 10, "{soon:?}");
    let active = Vendor::LIST.query().only("status", vec![Scalar::Text("active".into())]).limited(1);
    let Some(one) = kit::page::<Vendor>(ctx, tx, &active).await?.items.pop() else { panic!("there are ten") };
    let until = ctx.now + Duration::days(30);
    vendor::attested(ctx, tx, one.id, Some(until)).await?;
    assert_eq!(stats::get(ctx, tx).await?.attestations_valid, 1);
    assert_eq!(stats::get(&year, tx).await?.attestations_valid, 0, "it is over by then");
    let viewer = ctx.clone().with_role(Role::Viewer);
    assert!(stats::get(&viewer, tx).await.is_ok(), "who reads the register reads its numbers");
    Ok(())
}

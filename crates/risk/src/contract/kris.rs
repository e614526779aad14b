//! Indicators: colours in time, readings in any order, events.

use grc_kernel::{
    Changes, Ctx, Fault, FaultKind, Record, Repo, Resource, Role, Uuid, kit,
    list::{ListRequest, Scalar},
    resource::Ids,
};
use time::Duration;

use super::{Outcome, fields};
use crate::{
    Breach, EntryId, Kri, KriId, Reading,
    entry::{Category, Entry, named},
    kri::{
        self, Colour, Direction, Frequency, Threshold,
        breach::BreachKind,
        reading::{self, Given, Sent},
    },
    ports::Tx,
};

fn indicator(name: &str) -> Changes<Kri> {
    let name = name.to_owned();
    Changes::with(move |kri: &mut Kri| {
        kri.name = name;
        kri.direction = Direction::HigherIsWorse;
        kri.amber = Threshold::One(100.0);
        kri.red = Threshold::One(200.0);
        kri.frequency = Frequency::Daily;
    })
}

fn sent(ctx: &Ctx, value: f64, hours_ago: i64) -> Sent {
    Sent { value, recorded_at: Some(ctx.now - Duration::hours(hours_ago)) }
}

async fn events(
    ctx: &Ctx,
    tx: &mut Tx,
    kri: KriId,
) -> Result<Vec<(BreachKind, Colour, Colour, f64)>, grc_kernel::Refusal> {
    let query = Breach::LIST.query().only("kri_id", vec![Scalar::Id(kri.0)]).limited(2_000);
    let mut page = kit::page::<Breach>(ctx, tx, &query).await?.items;
    page.reverse();
    Ok(page.into_iter().map(|e| (e.kind, e.from_status, e.to_status, e.value)).collect())
}

/// The indicators' part of the suite.
pub(super) async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    thresholds(ctx, tx).await?;
    readings(ctx, tx).await?;
    batches(ctx, tx).await?;
    colours(ctx, tx).await
}

async fn thresholds(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let swapped = indicator("Swapped").and(|kri: &mut Kri| kri.direction = Direction::LowerIsWorse);
    assert_eq!(fields(kit::create(ctx, tx, swapped).await), ["red out_of_order"]);
    let single = indicator("Single").and(|kri: &mut Kri| kri.direction = Direction::InRange);
    assert_eq!(fields(kit::create(ctx, tx, single).await), ["amber type", "red type"]);
    let unheard = indicator("Unheard").and(|kri: &mut Kri| kri.risk_ids = Ids(vec![EntryId(Uuid::from_u128(5))]));
    assert_eq!(fields(kit::create(ctx, tx, unheard).await), ["risk_ids[0] unknown_reference"]);
    let ranged = indicator("Temperature").and(|kri: &mut Kri| {
        kri.direction = Direction::InRange;
        kri.amber = Threshold::Range(vec![18.0, 25.5]);
        kri.red = Threshold::Range(vec![15.0, 30.0]);
        kri.value = Some(14.0);
    });
    let kri = kit::create(ctx, tx, ranged).await?;
    assert_eq!((kri.status, kri.recorded_at), (Colour::Red, Some(ctx.now)), "a first value is a first reading");
    assert_eq!(kit::get::<Kri>(ctx, tx, kri.id).await?, kri, "what was stored comes back the same");
    assert_eq!(events(ctx, tx, kri.id).await?, [(BreachKind::Breach, Colour::Grey, Colour::Red, 14.0)]);
    let wider = Changes::with(|kri: &mut Kri| kri.red = Threshold::Range(vec![10.0, 30.0]));
    let kri = kri::amend(ctx, tx, kri.id, Some(1), wider).await?;
    assert_eq!((kri.status, kri.meta.revision), (Colour::Amber, 2));
    assert_eq!(events(ctx, tx, kri.id).await?.last(), Some(&(BreachKind::Clear, Colour::Red, Colour::Amber, 14.0)));
    let cleared = Changes::with(|kri: &mut Kri| kri.value = None);
    assert_eq!(fields(kri::amend(ctx, tx, kri.id, None, cleared).await), ["value required"]);

    let risk = kit::create(ctx, tx, named("A risk that is watched", Category::Cyber, 1, 1)).await?.id;
    let watching = Changes::with(move |kri: &mut Kri| kri.risk_ids = Ids(vec![risk]));
    kri::amend(ctx, tx, kri.id, None, watching).await?;
    kit::remove::<Entry>(ctx, tx, risk, None).await?;
    let kri = kit::get::<Kri>(ctx, tx, kri.id).await?;
    assert_eq!((kri.risk_ids, kri.meta.revision), (Ids(Vec::new()), 4), "a risk that is gone is not named");
    kit::remove::<Kri>(ctx, tx, kri.id, None).await?;
    Ok(())
}

async fn readings(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let kri = kit::create(ctx, tx, indicator("Open incidents")).await?;
    assert_eq!((kri.status, kri.value, kri.trend), (Colour::Grey, None, None));
    let one = reading::record(ctx, tx, kri.id, Given::One(sent(ctx, 100.0, 2))).await?;
    assert_eq!((one.kri.status, one.kri.value), (Colour::Amber, Some(100.0)), "on the threshold is over it");
    assert_eq!(one.kri.fresh_until, Some(ctx.now + Duration::hours(34)));
    let late = reading::record(ctx, tx, kri.id, Given::One(sent(ctx, 500.0, 26))).await?;
    assert_eq!((late.kri.status, late.kri.value), (Colour::Amber, Some(100.0)), "what came late is history");
    assert_eq!(late.kri.trend.map(f64::round), Some(-400.0), "and moves the trend");
    let again = reading::record(ctx, tx, kri.id, Given::One(sent(ctx, 90.0, 2))).await?;
    assert_eq!((again.kri.status, again.kri.value, again.replaced()), (Colour::Green, Some(90.0), 1));
    assert_eq!(again.readings[0].reading.id, one.readings[0].reading.id, "it is the same reading, corrected");
    assert_eq!(again.readings[0].reading.meta.revision, 2);
    let same = reading::record(ctx, tx, kri.id, Given::One(sent(ctx, 90.0, 2))).await?;
    assert_eq!((same.replaced(), same.readings[0].reading.meta.revision), (0, 2), "to say it again changes nothing");
    let told = events(ctx, tx, kri.id).await?;
    let clear = (BreachKind::Clear, Colour::Amber, Colour::Green, 90.0);
    assert_eq!(told, [(BreachKind::Breach, Colour::Grey, Colour::Amber, 100.0), clear]);

    for _ in 0..2 {
        let cells = Changes::<Kri>::none().set("value", grc_kernel::resource::Cell::Number(245.0));
        let kri = kri::amend(ctx, tx, kri.id, None, cells).await?;
        assert_eq!((kri.status, kri.value), (Colour::Red, Some(245.0)));
    }
    let query = Reading::LIST.query().only("kri_id", vec![Scalar::Id(kri.id.0)]);
    let all = kit::page::<Reading>(ctx, tx, &query).await?.items;
    assert_eq!(
        all.iter().map(|r| r.value).collect::<Vec<_>>(),
        [245.0, 245.0, 90.0, 500.0],
        "the same value twice is two"
    );
    assert_eq!(events(ctx, tx, kri.id).await?.len(), 3, "but one breach");
    let viewer = ctx.clone().with_role(Role::Viewer);
    let refused = reading::record(&viewer, tx, kri.id, Given::One(sent(ctx, 1.0, 0))).await;
    assert_eq!(refused.unwrap_err().kind(), FaultKind::Forbidden);
    let absent = reading::record(ctx, tx, KriId(Uuid::from_u128(5)), Given::One(sent(ctx, 1.0, 0))).await;
    assert_eq!(absent.unwrap_err().kind(), FaultKind::NotFound);
    kit::remove::<Kri>(ctx, tx, kri.id, None).await?;
    Ok(())
}

async fn batches(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let kri = kit::create(ctx, tx, indicator("Queue length")).await?;
    // Sent from the newest to the oldest; they rise by one an hour, from 0 to 299, and cross both thresholds.
    let many: Vec<Sent> = (0_i32..300).map(|i| sent(ctx, f64::from(299 - i), i64::from(i) + 1)).collect();
    let recorded = reading::record(ctx, tx, kri.id, Given::Several(many.clone())).await?;
    assert_eq!((recorded.readings.len(), recorded.replaced()), (300, 0));
    assert_eq!((recorded.kri.value, recorded.kri.status), (Some(299.0), Colour::Red));
    assert!(recorded.kri.trend.is_some_and(|trend| (trend - 24.0).abs() < 1e-6), "{:?}", recorded.kri.trend);
    let expected = [
        (BreachKind::Breach, Colour::Green, Colour::Amber, 100.0),
        (BreachKind::Breach, Colour::Amber, Colour::Red, 200.0),
    ];
    assert_eq!(events(ctx, tx, kri.id).await?, expected);
    let again = reading::record(ctx, tx, kri.id, Given::Several(many)).await?;
    assert_eq!((again.readings.len(), again.replaced()), (300, 0));
    assert_eq!(events(ctx, tx, kri.id).await?, expected, "sending a batch again changes nothing");
    assert_eq!(again.readings, recorded_again(&recorded.readings));
    let most: Vec<Sent> = (0_i32..1_000).map(|i| Sent { value: f64::from(i % 3) * 100.0, recorded_at: None }).collect();
    let recorded = reading::record(ctx, tx, kri.id, Given::Several(most)).await?;
    assert_eq!((recorded.readings.len(), recorded.kri.value), (1_000, Some(0.0)), "in the order in which they stand");
    assert_eq!(events(ctx, tx, kri.id).await?.len(), 2 + 1_000, "every change of colour");
    let params = [("kri_id".to_owned(), kri.id.to_string()), ("value__gte".to_owned(), "200".to_owned())];
    let request = ListRequest::parse(Reading::LIST, &[], &params)?;
    let page = kit::page::<Reading>(ctx, tx, &request.query.limited(1_000)).await?;
    assert_eq!(page.items.len(), 100 + 333);
    kit::remove::<Kri>(ctx, tx, kri.id, None).await?;
    Ok(())
}

/// The readings as they are kept when they are sent again: each replaces its equal.
fn recorded_again(readings: &[reading::Kept]) -> Vec<reading::Kept> {
    readings.iter().map(|kept| reading::Kept { replaced: Some(kept.reading.value), ..kept.clone() }).collect()
}

async fn colours(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    for (name, reading) in
        [("never", None), ("green", Some((1.0, 1))), ("red", Some((200.0, 35))), ("silent", Some((300.0, 37)))]
    {
        let kri = kit::create(ctx, tx, indicator(name)).await?;
        if let Some((value, hours)) = reading {
            reading::record(ctx, tx, kri.id, Given::One(sent(ctx, value, hours))).await?;
        }
    }
    assert_eq!(
        kri::colours(ctx, tx).await?,
        [(Colour::Green, 1), (Colour::Amber, 0), (Colour::Red, 1), (Colour::Grey, 2)]
    );
    let two_hours_on = ctx.clone().at(ctx.now + Duration::hours(2));
    assert_eq!(kri::colours(&two_hours_on, tx).await?.last(), Some(&(Colour::Grey, 3)), "time alone makes grey");
    for params in [
        &[("status", "red")][..],
        &[("status", "grey")],
        &[("status", "grey"), ("status", "red")],
        &[("status", "green"), ("status", "red")],
        &[("status__ne", "grey")],
        &[("status__ne", "green"), ("status__ne", "amber")],
        &[("status__null", "true")],
        &[("status__null", "false"), ("sort", "-name")],
    ] {
        for now in [ctx, &two_hours_on] {
            let mut all: Vec<(String, String)> = params.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let everything = Repo::<Kri>::page(tx, now.org, &Kri::LIST.query().limited(100)).await?.items;
            let shown: Vec<Kri> = everything.into_iter().map(|kri| kri.at(now.now)).collect();
            let request = ListRequest::parse(Kri::LIST, &[], &all)?;
            let expected = grc_kernel::list::page_in_memory(shown.iter(), &request.query).items;
            let expected: Vec<_> = expected.iter().map(Record::id).collect();
            all.push(("limit".into(), "1".into()));
            let mut found = Vec::new();
            loop {
                let request = ListRequest::parse(Kri::LIST, &[], &all)?;
                let page = kit::page::<Kri>(now, tx, &request.query).await?;
                found.extend(page.items.iter().map(Record::id));
                let Some(cursor) = page.next_cursor else { break };
                all.retain(|(name, _)| name != "cursor");
                all.push(("cursor".into(), cursor));
            }
            assert_eq!(found, expected, "{params:?} at {}", now.now);
        }
    }
    Ok(())
}

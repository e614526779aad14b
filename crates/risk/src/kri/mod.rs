//! Key risk indicators: numbers that are read from time to time, with thresholds that say when they worry.
//!
//! Rules: the thresholds are ordered by the direction. A value on a threshold crosses it. The colour is that of the
//! latest reading, and grey once that is older than one and a half periods: a silent indicator is no good news. A
//! change of colour leaves an event ([`breach`]). The readings are in [`reading`].

pub mod breach;
pub mod colour;
pub mod reading;

use async_trait::async_trait;
use grc_kernel::{
    Changes, Checker, Ctx, IfMatch, ListQuery, Refusal, Repo, Resource, Rules, StoreResult, UserId, kit,
    list::{Filter, Scalar, Test},
    resource,
    resource::{Cell, Ids},
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use time::{Duration, OffsetDateTime};

use crate::{entry::EntryId, ports::Tx};

pub use breach::{Breach, BreachId};
pub use colour::{Colour, Direction, Threshold};
pub use reading::{Reading, ReadingId};

typed_id! {
    /// A key risk indicator.
    KriId,
}

wire_enum! {
    /// How often it is read.
    pub enum Frequency {
        /// Every hour.
        Hourly = "hourly",
        /// Every day.
        Daily = "daily",
        /// Every week.
        Weekly = "weekly",
        /// Every month.
        Monthly = "monthly",
        /// Every three months.
        Quarterly = "quarterly",
        /// Every year.
        Annual = "annual",
    }
}

impl Frequency {
    /// A period, as long as the Gregorian calendar's mean one.
    pub fn period(self) -> Duration {
        match self {
            Self::Hourly => Duration::hours(1),
            Self::Daily => Duration::days(1),
            Self::Weekly => Duration::weeks(1),
            Self::Monthly => Duration::seconds(2_629_746),
            Self::Quarterly => Duration::seconds(7_889_238),
            Self::Annual => Duration::seconds(31_556_952),
        }
    }
}

/// What a reading and a single threshold may be.
pub const VALUE: Ty = Ty::Number(-1e15, 1e15);
/// A number, or for an indicator that should stay within a range a pair of them.
const THRESHOLD: Ty = Ty::Either(&VALUE, &Ty::List(&VALUE, 2));

resource! {
    /// A key risk indicator.
    pub struct Kri(KriId) as "Kri" {
        kind: "kri", table: "kris", area: "risk", name: "name", sort: ("created_at", true),
    }
    /// What it is called.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What it tells, and how it is measured.
    description: Option<String> = Ty::Text(20_000), searches;
    /// What it counts.
    unit: Option<String> = Ty::Line(50);
    /// Where its readings come from.
    source: Option<String> = Ty::Line(200), searches;
    /// Which way it gets worse.
    direction: Direction = Ty::Word(Direction::NAMES), required;
    /// From where on it deserves attention: a number, or for in_range the pair that a value should lie between.
    amber: Threshold = THRESHOLD, required, sample("100");
    /// From where on somebody must act, likewise.
    red: Threshold = THRESHOLD, required, sample("200");
    /// How often it is read.
    frequency: Frequency = Ty::Word(Frequency::NAMES), preset(Preset::Text("monthly"));
    /// Who answers for it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// The risks that it tells of.
    risk_ids: Ids<EntryId> = Ty::List(&Ty::Ref("risk"), 1_000);
    /// The latest reading. Setting it records one.
    value: Option<f64> = VALUE, sorts;
    /// When the latest reading was taken.
    recorded_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// The colour of the latest reading; grey without a reading in the last one and a half periods.
    status: Colour = Ty::Word(Colour::NAMES), computed, preset(Preset::Text("grey"));
    /// Until when the latest reading counts.
    fresh_until: Option<OffsetDateTime> = Ty::Time, computed;
    /// Where it is going: the least-squares slope over the last twelve readings, in units per day.
    trend: Option<f64> = Ty::Number(f64::MIN, f64::MAX), computed, sorts;
}

#[async_trait]
impl Rules for Kri {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        colour::ordered(after.direction, &after.amber, &after.red, check);
        let had = before.and_then(|before| before.value);
        check.ensure(had.is_none() || after.value.is_some(), "value", "required", "what was read stays read");
        if !check.is_clean() {
            return Ok(());
        }
        let Some(value) = after.value else { return Ok(()) };
        let mut points = reading::last(ctx, tx, after.id).await?;
        // A value that somebody sets beside the other members is a reading of this moment.
        let kept = points.iter().any(|(known, taken)| *known == value && Some(*taken) == after.recorded_at);
        if after.recorded_at == before.and_then(|before| before.recorded_at) && !kept {
            after.recorded_at = Some(after.moment(ctx));
        }
        let Some(at) = after.recorded_at else { return Ok(()) };
        after.status = colour::of(after.direction, &after.amber, &after.red, value);
        after.fresh_until = at.checked_add(after.frequency.period() * 3 / 2);
        if !points.iter().any(|(_, taken)| *taken == at) {
            points.insert(0, (value, at));
            points.truncate(reading::TREND);
        }
        after.trend = colour::slope(&points);
        Ok(())
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        let Some((value, at)) = after.latest() else { return Ok(()) };
        let since = before.and_then(|before| before.recorded_at);
        let mut new = reading::since(ctx, tx, after.id, since).await?;
        if !new.iter().any(|(_, taken)| *taken == at) {
            let reading = reading::one(ctx, after.id, value, at);
            Repo::<Reading>::insert(tx, &reading).await?;
            new.push((value, at));
        }
        let events = breach::events(ctx, before, after, &new);
        if !events.is_empty() {
            Repo::<Breach>::insert_many(tx, &events).await?;
        }
        Ok(())
    }

    fn asked(ctx: &Ctx, mut query: ListQuery) -> ListQuery {
        let asked = std::mem::take(&mut query.filters);
        query.filters = asked
            .into_iter()
            .flat_map(|filter| if filter.field.name == "status" { standing(ctx, &filter.test) } else { vec![filter] })
            .collect();
        query
    }
}

impl Kri {
    /// The indicator as it stands at a time: grey where its latest reading is too old.
    #[must_use]
    pub fn at(mut self, now: OffsetDateTime) -> Self {
        if self.fresh_until.is_none_or(|until| until < now) {
            self.status = Colour::Grey;
        }
        self
    }

    /// The latest reading and when it was taken.
    pub fn latest(&self) -> Option<(f64, OffsetDateTime)> {
        self.value.zip(self.recorded_at)
    }

    /// The moment of a reading that is taken now. A clock that runs ahead may have dated the latest one later; what
    /// comes after it is later still.
    fn moment(&self, ctx: &Ctx) -> OffsetDateTime {
        self.recorded_at.map_or(ctx.now, |latest| ctx.now.max(latest + Duration::microseconds(1)))
    }
}

/// The filters on what is stored that a filter on the colour means at a time.
fn standing(ctx: &Ctx, test: &Test) -> Vec<Filter> {
    let named = |words: &[Scalar], colour: &Colour| words.contains(&Scalar::Text(colour.as_str().to_owned()));
    let wanted: Vec<Colour> = Colour::ALL
        .iter()
        .filter(|colour| match test {
            Test::AnyOf(words) => named(words, colour),
            Test::NoneOf(words) => !named(words, colour),
            Test::Null(null) => !null,
            _ => true,
        })
        .copied()
        .collect();
    let words = Test::AnyOf(wanted.iter().map(|colour| Scalar::Text(colour.as_str().to_owned())).collect());
    let (Some(status), Some(fresh_until)) = (Kri::LIST.field("status"), Kri::LIST.field("fresh_until")) else {
        return Vec::new();
    };
    let stored = Filter { field: status, test: words };
    if wanted.len() == Colour::ALL.len() {
        return Vec::new();
    }
    if wanted.contains(&Colour::Grey) {
        let before = Test::AtMost(Scalar::Time(ctx.now - Duration::microseconds(1)));
        let stale = Filter { field: fresh_until, test: before };
        return vec![Filter { field: status, test: Test::Any(vec![stored, stale]) }];
    }
    vec![stored, Filter { field: fresh_until, test: Test::AtLeast(Scalar::Time(ctx.now)) }]
}

/// Changes an indicator. A value among the changes is a reading, even where it is the same as the one before.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut Tx,
    id: KriId,
    if_match: impl Into<IfMatch> + Send,
    changes: Changes<Kri>,
) -> Result<Kri, Refusal> {
    ctx.require(Kri::permission(Kri::WRITE))?;
    let before = Repo::<Kri>::lock(tx, ctx.org, id).await?.ok_or(Refusal::NotFound(Kri::KIND))?;
    kit::unchanged(if_match, before.meta.revision)?;
    match changes.value("value") {
        None => kit::change(ctx, tx, "updated", before, changes).await,
        Some(Cell::Null) if before.value.is_none() => kit::change(ctx, tx, "updated", before, changes).await,
        Some(_) => {
            let taken = Cell::Time(before.moment(ctx));
            kit::change(ctx, tx, "measured", before, changes.set("recorded_at", taken)).await
        }
    }
}

/// How many indicators have each colour at this time.
pub async fn colours(ctx: &Ctx, tx: &mut Tx) -> StoreResult<Vec<(Colour, i64)>> {
    let fresh = Kri::LIST.query().only("status", {
        let coloured = Colour::ALL.iter().filter(|colour| **colour != Colour::Grey);
        coloured.map(|colour| Scalar::Text(colour.as_str().to_owned())).collect()
    });
    let groups = Repo::<Kri>::tally(tx, ctx.org, &Kri::asked(ctx, fresh), &["status"]).await?;
    let all = Repo::<Kri>::tally(tx, ctx.org, &Kri::LIST.query(), &[]).await?;
    let all = all.first().map_or(0, |(_, count)| *count);
    let of = |colour: Colour| {
        let group = groups.iter().find(|(values, _)| *values == [Cell::Text(colour.as_str().to_owned())]);
        group.map_or(0, |(_, count)| *count)
    };
    let coloured: i64 = groups.iter().map(|(_, count)| count).sum();
    let count = |colour: &Colour| if *colour == Colour::Grey { all - coloured } else { of(*colour) };
    Ok(Colour::ALL.iter().map(|colour| (*colour, count(colour))).collect())
}

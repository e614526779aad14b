//! Readings of an indicator: one, or up to a thousand in one statement.
//!
//! They may come in any order: one that is older than the latest is history, and moves only the trend. A reading of a
//! moment that has one already corrects it, so that sending a batch again changes nothing; the journal keeps what was
//! corrected. A reading without a time was taken now, and several without one in the order in which they stand.

use async_trait::async_trait;
use grc_kernel::{
    Changes, Checker, Ctx, Fact, Meta, Refusal, Repo, Resource, Rules, StoreResult, kit,
    list::{Filter, Scalar, Sort, Test},
    record::timestamp,
    resource,
    shape::{Preset, Ty},
    typed_id,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{Kri, KriId, VALUE};
use crate::ports::Tx;

/// The most readings of a request.
pub const MOST: usize = 1_000;
/// How many of the latest readings the trend is drawn through.
pub const TREND: usize = 12;
/// How far ahead of ours the clock of a source may run.
const AHEAD: Duration = Duration::minutes(5);

typed_id! {
    /// A reading of an indicator.
    ReadingId,
}

resource! {
    /// A reading of a key risk indicator.
    pub struct Reading(ReadingId) as "KriReading" {
        kind: "kri_reading", table: "kri_readings", area: "risk", name: "id", sort: ("recorded_at", true),
    }
    /// The indicator.
    kri_id: KriId = Ty::Ref("kri"), computed;
    /// What was read.
    value: f64 = VALUE, required, sorts;
    /// When.
    recorded_at: OffsetDateTime = Ty::Time, preset(Preset::Now), sorts;
}

#[async_trait]
impl Rules for Reading {
    type Tx = Tx;
}

/// A reading that somebody sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent {
    /// What was read.
    pub value: f64,
    /// When; now where nothing is said.
    pub recorded_at: Option<OffsetDateTime>,
}

/// What somebody sends: the form decides how a mistake is named.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// One reading.
    One(Sent),
    /// Several, as `values`.
    Several(Vec<Sent>),
}

/// A reading as it was stored, and the value that it corrected.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The reading; one that corrects another has the other's id.
    pub reading: Reading,
    /// What stood there before.
    pub replaced: Option<f64>,
}

/// What became of the readings.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The indicator with them.
    pub kri: Kri,
    /// The readings, the earliest first.
    pub readings: Vec<Kept>,
    /// Whether they were given as several.
    pub several: bool,
}

impl Recorded {
    /// How many of the readings corrected another value.
    pub fn replaced(&self) -> usize {
        self.readings.iter().filter(|kept| kept.corrected().is_some()).count()
    }
}

impl Kept {
    /// The value that it corrected, where that was another.
    fn corrected(&self) -> Option<f64> {
        self.replaced.filter(|former| *former != self.reading.value)
    }
}

/// Records readings.
pub async fn record(ctx: &Ctx, tx: &mut Tx, id: KriId, given: Given) -> Result<Recorded, Refusal> {
    ctx.require(Reading::permission(Reading::WRITE))?;
    // Held, so that readings which come together are told apart from the latest one after the other.
    let before = Repo::<Kri>::lock(tx, ctx.org, id).await?.ok_or(Refusal::NotFound(Kri::KIND))?;
    let several = matches!(given, Given::Several(_));
    let readings = tx.keep_readings(&dated(ctx, id, given)?).await?;
    let newest = readings.last().map(|kept| (kept.reading.value, kept.reading.recorded_at));
    let newest = newest.filter(|(_, at)| before.recorded_at.is_none_or(|latest| *at >= latest));
    let changes = Changes::with(move |kri: &mut Kri| {
        if let Some((value, at)) = newest {
            (kri.value, kri.recorded_at) = (Some(value), Some(at));
        }
    });
    let kri = kit::put(ctx, tx, &before, changes).await?;
    let mut fact = Fact::moved("measured", &before, &kri);
    if let Some(Value::Object(after)) = &mut fact.after {
        after.insert("readings".to_owned(), told(&readings));
    }
    tx.journal().record(ctx, fact).await?;
    Ok(Recorded { kri, readings, several })
}

/// What the journal says of readings: how many of what time, and every value that was corrected.
fn told(readings: &[Kept]) -> Value {
    let replaced: Vec<Value> = readings
        .iter()
        .filter_map(|kept| {
            let value = kept.corrected()?;
            Some(json!({"recorded_at": timestamp(kept.reading.recorded_at), "value": value}))
        })
        .collect();
    let at = |kept: Option<&Kept>| kept.map(|kept| timestamp(kept.reading.recorded_at));
    json!({"count": readings.len(), "from": at(readings.first()), "to": at(readings.last()), "replaced": replaced})
}

/// Readings with their times, the earliest first.
fn dated(ctx: &Ctx, kri: KriId, given: Given) -> Result<Vec<Reading>, Refusal> {
    let (sent, several) = match given {
        Given::One(sent) => (vec![sent], false),
        Given::Several(sent) => (sent, true),
    };
    let mut check = Checker::new();
    check.ensure(!sent.is_empty(), "values", "too_few", "needs at least 1 entry");
    check.count("values", sent.len(), MOST);
    let path = |i: usize| if several { format!("values[{i}].recorded_at") } else { "recorded_at".to_owned() };
    let undated = sent.iter().filter(|sent| sent.recorded_at.is_none()).count();
    let mut ahead = Duration::microseconds(i64::try_from(undated).unwrap_or(0));
    let mut readings: Vec<(usize, Reading)> = Vec::with_capacity(sent.len());
    for (i, sent) in sent.into_iter().enumerate() {
        let at = sent.recorded_at.unwrap_or_else(|| {
            ahead -= Duration::microseconds(1);
            ctx.now - ahead
        });
        check.ensure(at <= ctx.now + AHEAD, &path(i), "out_of_range", "lies in the future");
        readings.push((i, one(ctx, kri, sent.value, at)));
    }
    readings.sort_by_key(|(i, reading)| (reading.recorded_at, *i));
    for pair in readings.windows(2) {
        if let [(_, one), (i, other)] = pair
            && one.recorded_at == other.recorded_at
        {
            check.note(path(*i), "repeated", "another of these readings is of the same moment");
        }
    }
    check.finish()?;
    Ok(readings.into_iter().map(|(_, reading)| reading).collect())
}

/// A reading.
pub(super) fn one(ctx: &Ctx, kri_id: KriId, value: f64, recorded_at: OffsetDateTime) -> Reading {
    Reading { id: ctx.new_id(), org: ctx.org, kri_id, value, recorded_at, meta: Meta::new(ctx) }
}

/// The latest readings that the trend is drawn through, the newest first.
pub(super) async fn last(ctx: &Ctx, tx: &mut Tx, kri: KriId) -> StoreResult<Vec<(f64, OffsetDateTime)>> {
    let query = Reading::LIST.query().only("kri_id", vec![Scalar::Id(kri.0)]).limited(TREND);
    let page = Repo::<Reading>::page(tx, ctx.org, &query).await?;
    Ok(page.items.into_iter().map(|reading| (reading.value, reading.recorded_at)).collect())
}

/// The readings from a moment on, the earliest first.
pub(super) async fn since(
    ctx: &Ctx,
    tx: &mut Tx,
    kri: KriId,
    from: Option<OffsetDateTime>,
) -> StoreResult<Vec<(f64, OffsetDateTime)>> {
    let mut query = Reading::LIST.query().only("kri_id", vec![Scalar::Id(kri.0)]).limited(MOST + 1);
    if let Some(field) = Reading::LIST.field("recorded_at") {
        query.sort = Sort { field, descending: false };
        query.filters.extend(from.map(|from| Filter { field, test: Test::AtLeast(Scalar::Time(from)) }));
    }
    let page = Repo::<Reading>::page(tx, ctx.org, &query).await?;
    Ok(page.items.into_iter().map(|reading| (reading.value, reading.recorded_at)).collect())
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Fault, OrgId, Uuid};

    use super::*;

    fn sent(value: f64, ago: Option<i64>, ctx: &Ctx) -> Sent {
        Sent { value, recorded_at: ago.map(|ago| ctx.now - Duration::seconds(ago)) }
    }

    #[test]
    fn readings_without_a_time_were_taken_now_in_their_order() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let given = vec![sent(1.0, None, &ctx), sent(2.0, Some(60), &ctx), sent(3.0, None, &ctx)];
        let dated = dated(&ctx, KriId(Uuid::from_u128(2)), Given::Several(given)).unwrap();
        let values: Vec<f64> = dated.iter().map(|reading| reading.value).collect();
        assert_eq!(values, [2.0, 1.0, 3.0]);
        assert_eq!(dated[2].recorded_at, ctx.now);
        assert_eq!(dated[1].recorded_at, ctx.now - Duration::microseconds(1));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let fields = |given| -> Vec<String> {
            let errors = dated(&ctx, KriId(Uuid::from_u128(2)), given).unwrap_err().fields();
            errors.into_iter().map(|e| format!("{} {}", e.field, e.code)).collect()
        };
        let several = vec![sent(1.0, Some(9), &ctx), sent(1.0, Some(-400), &ctx), sent(1.0, Some(9), &ctx)];
        assert_eq!(
            fields(Given::Several(several)),
            ["values[1].recorded_at out_of_range", "values[2].recorded_at repeated"]
        );
        assert_eq!(fields(Given::One(sent(1.0, Some(-301), &ctx))), ["recorded_at out_of_range"]);
        assert_eq!(fields(Given::Several(Vec::new())), ["values too_few"]);
        assert_eq!(fields(Given::Several(vec![sent(1.0, None, &ctx); 1_001])), ["values too_many"]);
    }
}

//! Key risk indicators, their readings and their events.

use grc_kernel::{Changes, Checker, Ctx, Uuid};
use grc_risk::{
    Breach, Kri, KriId, Reading,
    kri::{
        self, VALUE,
        reading::{self, Given, MOST, Sent},
    },
};
use paperclip::actix::{api_v2_operation, web};

use crate::{
    http::{
        call::{Answer, Body, Call, Is, New, Reply, RiskWrite},
        problem::Problem,
        resource::{Changing, Routes, Served, Shown, answer, render},
        shape::{Input, Shaped, Ty, may, must},
    },
    served, shapes,
};

served! { "Risk", risk;
    Kri: "risks/kris", "kri_id", "kri", "kris",
        fn at(self, ctx: &Ctx) -> Self { Self::at(self, ctx.now) };
    Reading: "risks/kris/{kri_id}/values", "reading_id", "kri_value", "kri_values",
        const PARENT: Option<(&'static str, &'static str)> = Some(("kri_id", "kri_id"));;
    Breach: "risks/kris/breaches", "breach_id", "kri_breach", "kri_breaches";
}

shapes! {
    /// A reading that somebody sends.
    KriSent [&[
        must("value", VALUE, "What was read."),
        may("recorded_at", Ty::Time, "When; now where nothing is said."),
    ]],
    /// One reading, or several as `values`. One of a moment that has a reading already corrects it.
    KriReadings [&[
        may("value", VALUE, "What was read; without `values`.").sample("245"),
        may("recorded_at", Ty::Time, "When; now where nothing is said."),
        may("values", Ty::List(&Ty::Object(KriSent::SHAPE), MOST), "Up to 1,000 readings, in any order."),
    ]],
    /// What became of several readings.
    KriRecorded [&[
        must("recorded", Ty::Int(1, 1_000), "How many readings were recorded."),
        must("replaced", Ty::Int(0, 1_000), "How many of them corrected the value of their moment."),
        must("kri", Ty::Object(<Shown<Kri> as Shaped>::SHAPE), "The indicator with them."),
    ]],
}

/// Changes an indicator. A value is a reading, recorded as of now.
#[api_v2_operation(tags("Risk"), operation_id = "update_kri", summary = "Change an indicator, or record a reading")]
async fn amend(call: Call<RiskWrite>, body: Body<Changing<Kri>>) -> Result<Reply<Is<Shown<Kri>>>, Problem> {
    let changes = Changes::<Kri>::read(&body.form()?);
    let seen = call.if_match()?;
    let id = KriId(call.param(Kri::ID)?);
    call.write(body.bytes(), async |ctx, uow| {
        let kri = kri::amend(ctx, uow.risk(), id, seen, changes).await?;
        answer(ctx, uow, kri).await
    })
    .await
}

/// Records one reading, or up to a thousand in one statement.
#[api_v2_operation(tags("Risk"), operation_id = "record_kri_values", summary = "Record readings of an indicator")]
async fn record(
    call: Call<RiskWrite>,
    body: Body<KriReadings>,
) -> Result<Reply<New<(Shown<Reading>, KriRecorded)>>, Problem> {
    let given = given(&body.read()?)?;
    let path = call.path();
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let id = KriId(call.param(Kri::ID)?);
        let recorded = reading::record(ctx, uow.risk(), id, given).await?;
        if let ([one], false) = (recorded.readings.as_slice(), recorded.several) {
            let id: Uuid = one.reading.id.into();
            let shown = answer(ctx, uow, one.reading.clone()).await?;
            return Ok(shown.status(201).with("location", format!("{path}/{id}")));
        }
        let (count, replaced) = (recorded.readings.len(), recorded.replaced());
        let kri = render(ctx, uow, recorded.kri).await?;
        let text = format!("{{\"recorded\":{count},\"replaced\":{replaced},\"kri\":{kri}}}");
        Ok(Answer::plain_text(text).status(201).with("location", path))
    })
    .await
}

/// What a body of readings gives.
pub(crate) fn given(input: &Input) -> Result<Given, Problem> {
    let (value, values) = (input.get::<f64>("value"), input.get::<Vec<Input>>("values"));
    let sent = |value, input: &Input| Sent { value, recorded_at: input.get("recorded_at") };
    let mut check = Checker::new();
    check.ensure(value.is_some() || values.is_some(), "value", "required", "must be given, or values");
    for (name, there) in [("value", value.is_some()), ("recorded_at", input.members().contains_key("recorded_at"))] {
        check.ensure(values.is_none() || !there, name, "excluded", "is one reading; values are several");
    }
    check.finish().map_err(Problem::fields)?;
    Ok(match values {
        Some(values) => {
            Given::Several(values.iter().filter_map(|one| one.get("value").map(|value| sent(value, one))).collect())
        }
        None => Given::One(sent(value.unwrap_or_default(), input)),
    })
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    // Before the indicators: `breaches` is no id.
    Routes::<Breach>::listed().into(config);
    Routes::<Kri>::listed().created().read().on_one(web::patch().to(amend)).deleted().with_history().into(config);
    Routes::<Reading>::listed().read().on_list(web::post().to(record)).into(config);
}

//! Quantitative analyses by FAIR, their runs, and simulations of what is not stored.

use grc_fair::{
    Run as Settings, SimulationRequest,
    curve::{self, Chart, Series},
};
use grc_kernel::{Changes, Ctx, FieldError, Refusal, Resource, Uuid, resource::write_record, shape::Member};
use grc_risk::{
    Analysis, AnalysisId,
    fair::{
        self, FairResult, MONEY, Mode, Run, RunId,
        result::DETAILS,
        run::{self, DRAWS_AT_ONCE},
    },
};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::Value;

use crate::{
    http::{
        call::{Answer, Body, Call, DoneOrBegun, Is, Pictured, Reply, RiskRead, RiskWrite},
        negotiate::negotiate,
        problem::Problem,
        resource::{Extra, Making, Routes, Served, Shown, answer},
        shape::{Shaped, Ty, may, must, null},
    },
    served, shapes,
};

served! { "Risk", risk;
    Analysis: "risks/fair", "analysis_id", "fair_analysis", "fair_analyses",
        async fn extra(ctx: &Ctx, uow: &mut Uow, records: &[Self]) -> Result<Option<Vec<Extra>>, Refusal> {
            let runs = fair::latest_runs(ctx, uow.risk(), records).await?;
            Ok(Some(records.iter().map(|one| vec![("latest_run", one.latest(runs.get(&one.id)))]).collect()))
        };
    Run: "risks/fair/{analysis_id}/runs", "run_id", "fair_run", "fair_runs",
        const PARENT: Option<(&'static str, &'static str)> = Some(("analysis_id", "analysis_id"));;
}

const SHARE: Ty = Ty::Number(0.0, 1.0);
const AMOUNT: Ty = Ty::Number(0.0, f64::MAX);

/// The members of a result that only the run itself shows, where one is there and where none need be.
macro_rules! details {
    ($there:ident) => {
        &[
            $there("percentiles", Ty::Map(&AMOUNT), "The annual loss by percentile: 5 to 99.9."),
            $there(
                "exceedance_curve",
                Ty::List(&Ty::Object(FairCurvePoint::SHAPE), 1_000),
                "How likely a year of at least each loss is.",
            ),
            $there(
                "return_periods",
                Ty::List(&Ty::Object(FairReturnPeriod::SHAPE), 100),
                "Losses that are reached once in so many years.",
            ),
            $there("severity", Ty::Object(FairSeverity::SHAPE), "The loss of one event."),
            $there("node_means", Ty::Map(&AMOUNT), "The expectation of each node."),
            $there("loss_form_shares", Ty::Map(&SHARE), "The share of each loss form in the expected loss."),
            $there(
                "tornado",
                Ty::List(&Ty::Object(FairBar::SHAPE), 100),
                "What each input moves, the widest swing first.",
            ),
        ]
    };
}

const WITH_RESULT: &[Member] = details!(null);
const RESULT: &[Member] = details!(must);

shapes! {
    /// A point of an exceedance curve.
    FairCurvePoint [&[
        must("loss", AMOUNT, "An annual loss."),
        must("probability", SHARE, "How likely at least that is."),
    ]],
    /// A loss and how often it is reached.
    FairReturnPeriod [&[
        must("years", Ty::Int(1, 1_000), "Once in so many years."),
        must("loss", AMOUNT, "The annual loss."),
    ]],
    /// The loss of one event.
    FairSeverity [&[
        must("mean", AMOUNT, "Its mean."),
        must("percentiles", Ty::Map(&AMOUNT), "By percentile: 5 to 99.9."),
    ]],
    /// A bar of the tornado: the expected annual loss with one input held.
    FairBar [&[
        must("factor", Ty::Line(200), "The input."),
        must("low", AMOUNT, "With the input at its 10th percentile."),
        must("high", AMOUNT, "With the input at its 90th percentile."),
        must("swing", AMOUNT, "How far they are apart."),
    ]],
    /// A run with its result, where it has one.
    @stored FairRunWithResult [
        &[must("org_id", Ty::Id, "The organization.")],
        <Run as Resource>::MEMBERS,
        WITH_RESULT,
    ],
    /// An analysis that is simulated without being stored.
    FairSimulation [&[
        may("name", Ty::Line(200), "What it is called; for the caller."),
        must("model", Ty::Any, "The distributions by the names of their nodes.").of_form(fair::NODES).sample(fair::MODEL),
        may("mode", Ty::Word(Mode::NAMES), "How a year is simulated: event where nothing is said."),
        may("appetite", MONEY, "The annual loss that is borne willingly."),
        may("tolerance", MONEY, "The annual loss that is borne at most."),
        may("trials", Ty::Int(1_000, 100_000_000), "The years to simulate: 100,000 where nothing is said."),
        may("seed", Ty::Int(0, i64::MAX), "Where the random numbers begin; chosen where nothing is said."),
    ]],
    /// What a simulation answers.
    FairOutcome [
        &[
            must("mean", AMOUNT, "The expected annual loss."),
            must("standard_error", AMOUNT, "The standard error of the mean."),
            must("sd", AMOUNT, "The standard deviation of a year's loss."),
            must("p_zero", SHARE, "The share of years without a loss."),
            must("var_95", AMOUNT, "The annual loss that one year in twenty exceeds."),
            must("var_99", AMOUNT, "The annual loss that one year in a hundred exceeds."),
            must("tvar_95", AMOUNT, "The mean of the years that lose at least var_95."),
            must("tvar_99", AMOUNT, "The mean of the years that lose at least var_99."),
            null("p_over_appetite", SHARE, "How likely a year above the appetite is."),
            null("p_over_tolerance", SHARE, "How likely a year above the tolerance is."),
            must("trials", Ty::Int(1_000, 100_000_000), "The simulated years."),
            must("seed", Ty::Int(0, i64::MAX), "Where the random numbers began."),
            must("engine_version", Ty::Line(50), "The engine whose numbers these are."),
            must("input_digest", Ty::Line(64), "The digest of the analysis."),
        ],
        RESULT,
    ],
    /// Nothing need be said.
    FairNothing [&[]],
}

/// A run as it is shown by itself: with its result, or nulls in its place.
fn whole(run: &Run, result: Option<&FairResult>, status: u16) -> Answer {
    let detail = |name| result.and_then(|result| result.document.get(name).cloned()).unwrap_or(Value::Null);
    let extra: Vec<(&str, Value)> = DETAILS.into_iter().map(|name| (name, detail(name))).collect();
    let mut text = String::with_capacity(8_192);
    write_record(run, None, &extra, &mut text);
    Answer::text(text, run.meta.revision).status(status)
}

/// Runs an analysis: at once, or as a job where that would outlast a request.
#[api_v2_operation(tags("Risk"), operation_id = "run_fair_analysis", summary = "Simulate an analysis")]
async fn start(
    call: Call<RiskWrite>,
    body: Body<Making<Run>>,
) -> Result<Reply<DoneOrBegun<FairRunWithResult>>, Problem> {
    let changes = Changes::<Run>::read(&body.read_or_empty()?);
    let id = AnalysisId(call.param(Analysis::ID)?);
    if let Some(kept) = call.kept(body.bytes()).await? {
        return Ok(kept);
    }
    let ctx = call.ctx();
    let plan = call.app.db.read(call.org, async |uow| run::plan(&ctx, uow.risk(), id, changes).await).await?;
    let location = format!("{}s/{}", call.path(), plan.run.id);
    if plan.outlasts_a_request() {
        let reply = call
            .write(body.bytes(), async |ctx, uow| {
                let run = run::queue(ctx, uow.risk(), plan).await?;
                Ok::<_, Refusal>(whole(&run, None, 202).with("location", location))
            })
            .await;
        call.app.wake.notify_one();
        return reply;
    }
    let outcome = call.app.simulator.run(call.org, plan.analysis.clone(), plan.run.settings()?).await?;
    call.write(body.bytes(), async |ctx, uow| {
        let (run, result) = run::record(ctx, uow.risk(), plan, &outcome).await?;
        Ok::<_, Refusal>(whole(&run, Some(&result), 200).with("location", location))
    })
    .await
}

/// One run with its result, or its exceedance curve where `Accept` asks for a picture.
#[api_v2_operation(
    tags("Risk"),
    operation_id = "get_fair_run",
    summary = "One run: its result, or its exceedance curve"
)]
async fn get(call: Call<RiskRead>) -> Result<Reply<Pictured<FairRunWithResult>>, Problem> {
    let picture = negotiate(call.header("accept"), &["application/json", "image/svg+xml"])? == "image/svg+xml";
    let (analysis, id) = of_path(call.param(Analysis::ID)?, call.param(Run::ID)?);
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let (run, result) = run::get(ctx, uow.risk(), analysis, id).await?;
        if !picture {
            return Ok(whole(&run, result.as_ref(), 200));
        }
        let name = grc_kernel::kit::get::<Analysis>(ctx, uow.risk(), analysis).await?.name;
        let points = result.and_then(|result| curve::points(&Value::Object(result.document)));
        let points = points.ok_or_else(|| Problem::new(409, format!("the run is {}, and has no curve", run.status)))?;
        let chart = Chart {
            title: &name,
            unit: None,
            series: vec![Series { name: &name, points: &points }],
            appetite: run.appetite,
            tolerance: run.tolerance,
        };
        Ok(Answer::media("image/svg+xml", curve::svg(&chart).into_bytes()))
    })
    .await
}

fn of_path(analysis: Uuid, run: Uuid) -> (AnalysisId, RunId) {
    (AnalysisId(analysis), RunId(run))
}

/// Stops a run that is not over.
#[api_v2_operation(tags("Risk"), operation_id = "cancel_fair_run", summary = "Stop a run that is not over")]
async fn cancel(call: Call<RiskWrite>, body: Body<FairNothing>) -> Result<Reply<Is<Shown<Run>>>, Problem> {
    body.read_or_empty()?;
    let (analysis, id) = of_path(call.param(Analysis::ID)?, call.param(Run::ID)?);
    call.write(body.bytes(), async |ctx, uow| {
        let run = run::cancel(ctx, uow.risk(), analysis, id).await?;
        answer(ctx, uow, run).await
    })
    .await
}

/// Simulates an analysis that is not stored; nothing is kept.
#[api_v2_operation(tags("Risk"), operation_id = "simulate_fair", summary = "Simulate an analysis that is not stored")]
async fn simulate(call: Call<RiskRead>, body: Body<FairSimulation>) -> Result<Reply<Is<FairOutcome>>, Problem> {
    let value = grc_kernel::shape::parse(body.bytes()).map_err(|detail| Problem::new(400, detail))?;
    let request = SimulationRequest::parse(&value).map_err(Problem::fields)?;
    let trials = request.settings.trials;
    if request.analysis.work(trials) > DRAWS_AT_ONCE {
        let detail = "would outlast a request with this model: store the analysis, and run it";
        return Err(Problem::fields(vec![FieldError::new("trials", "out_of_range", detail)]));
    }
    let seed = request.settings.seed.unwrap_or_else(|| run::any_seed(&call.ctx()));
    let settings = Settings::new(trials, seed).map_err(|wrong| Problem::fields(vec![wrong]))?;
    call.outside(body.bytes(), async || {
        let outcome = call.app.simulator.run(call.org, request.analysis, settings).await?;
        Ok(Answer::ok(outcome.to_json()))
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let fair = "/api/v1/orgs/{org_id}/risks/fair";
    let one = format!("{fair}/{{analysis_id}}");
    // Before the analyses: `simulate` is no id.
    config.service(web::resource(&format!("{fair}/simulate")).route(web::post().to(simulate)));
    Routes::<Analysis>::all().with_history().into(config);
    config
        .service(web::resource(&format!("{one}/run")).route(web::post().to(start)))
        .service(web::resource(&format!("{one}/runs/{{run_id}}/cancel")).route(web::post().to(cancel)));
    Routes::<Run>::listed().on_one(web::get().to(get)).into(config);
}

//! Business continuity: processes, assets, what depends on what, and how it all comes back.
//!
//! The calculations load the organization's graph in a few statements, give the connection back, and run on a thread
//! of their own. As many run at once as there are cores; the others wait before they load anything, so that memory
//! is bounded too.

pub mod shapes;
mod show;

use std::sync::LazyLock;

use grc_bcm::{
    Asset, Dependency, End, Exercise, Plan, Process, ProcessId,
    continuity::picture::{GraphOptions, dependency_graph, recovery_gantt},
    map,
};
use grc_kernel::{Ctx, ListSpec, Refusal, resource::Nested, shape::Input};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use tokio::sync::Semaphore;

pub use shapes::SHAPES;
use shapes::{ClimateRisk, ConsistencyReport, ContinuityNothing, DependencyGraph, DrPlan, Outage, OutageRequest};

use crate::{
    http::{
        call::{Answer, BcmRead, Body, Call, Is, Pictured, Reply},
        list::{Ask, Listing},
        negotiate::negotiate,
        problem::Problem,
        resource::Routes,
    },
    served,
};

const SVG: &str = "image/svg+xml";

served! { "Business continuity", bcm;
    Process: "bcm/processes", "process_id", "process", "processes";
    Asset: "bcm/assets", "asset_id", "continuity_asset", "continuity_assets";
    Dependency: "bcm/dependencies", "dependency_id", "dependency", "dependencies";
    Plan: "bcm/recovery-plans", "plan_id", "recovery_plan", "recovery_plans";
    Exercise: "bcm/recovery-plans/{plan_id}/exercises", "exercise_id", "recovery_exercise", "recovery_exercises",
        const PARENT: Option<(&'static str, &'static str)> = Some(("plan_id", "plan_id"));;
}

/// The calculations' turns.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// Loads what a calculation needs, and calculates.
async fn calculate<L, W, T>(call: &Call<BcmRead>, load: L, work: W) -> Result<Answer, Problem>
where
    L: AsyncFnOnce(&Ctx, &mut Uow) -> Result<T, Refusal>,
    W: FnOnce(T) -> Result<Answer, Refusal> + Send + 'static,
    T: Send + 'static,
{
    let turn = TURNS.acquire().await.map_err(|error| Problem::new(500, error.to_string()))?;
    let ctx = call.ctx();
    let loaded = call.app.db.read(call.org, async |uow| load(&ctx, uow).await).await?;
    let answer = tokio::task::spawn_blocking(move || {
        // Held by the work itself: a caller who goes away does not make room before it ends.
        let _turn = turn;
        work(loaded)
    });
    Ok(answer.await.map_err(|error| Problem::new(500, error.to_string()))??)
}

/// Answers a question that was posted. It changes nothing, but a client that sent an `Idempotency-Key` is given the
/// same answer again.
async fn reply<T>(call: &Call<BcmRead>, body: &[u8], answer: Answer) -> Result<Reply<T>, Problem> {
    if call.header("idempotency-key").is_none() {
        return Ok(Reply::plain(answer));
    }
    call.write(body, async |_, _| Ok::<_, Problem>(answer)).await
}

/// The graph has no parameters but its format.
struct GraphOf;

impl Listing for GraphOf {
    const SPEC: &'static ListSpec =
        &ListSpec { resource: "graph", fields: &[], default_sort: ("id", false), stored: false };
    type Item = DependencyGraph;
    const PAGED: bool = false;
    const PICTURE: bool = true;
}

/// The dependency graph, as JSON or, where `Accept` or `format=svg` asks for it, as a picture. A graph of more than
/// 20,000 processes and assets or 100,000 dependencies is a conflict.
#[api_v2_operation(
    tags("Business continuity"),
    operation_id = "get_dependency_graph",
    summary = "All processes and assets, and what depends on what"
)]
async fn graph(call: Call<BcmRead>, ask: Ask<GraphOf>) -> Result<Reply<Pictured<DependencyGraph>>, Problem> {
    let picture = ask.wants_svg()? || negotiate(call.header("accept"), &["application/json", SVG])? == SVG;
    ask.read()?;
    let answer = calculate(
        &call,
        async |ctx, uow| map::load(ctx, uow.bcm()).await,
        move |records| {
            let map = records.into_map()?;
            Ok(if picture {
                Answer::media(SVG, dependency_graph(&map.graph, &GraphOptions::default()).into_bytes())
            } else {
                Answer::plain_text(show::graph(&map))
            })
        },
    );
    Ok(Reply::plain(answer.await?))
}

/// Plans the recovery of a process out of its dependencies: as JSON or, where `Accept` asks for it, as a picture.
#[api_v2_operation(
    tags("Business continuity"),
    operation_id = "make_dr_plan",
    summary = "The recovery of a process, tier by tier"
)]
async fn dr_plan(call: Call<BcmRead>, body: Body<ContinuityNothing>) -> Result<Reply<Pictured<DrPlan>>, Problem> {
    body.read_or_empty()?;
    let picture = negotiate(call.header("accept"), &["application/json", SVG])? == SVG;
    let process: ProcessId = call.param("process_id")?.into();
    let load = async |ctx: &Ctx, uow: &mut Uow| map::load_for_recovery(ctx, uow.bcm(), process).await;
    let answer = calculate(&call, load, move |records| {
        let plan = map::recovery(&records.into_map()?.graph, process)?;
        Ok(if picture {
            Answer::media(SVG, recovery_gantt(&plan).into_bytes())
        } else {
            Answer::plain_text(show::dr_plan(&plan))
        })
    });
    let answer = answer.await?;
    // What is kept for a key is JSON; a picture is made anew.
    if picture { Ok(Reply::plain(answer)) } else { reply(&call, body.bytes(), answer).await }
}

/// Checks whether what is stated can be true together, and what is due.
#[api_v2_operation(
    tags("Business continuity"),
    operation_id = "check_consistency",
    summary = "Objectives that do not fit, cycles, reviews and exercises that are due"
)]
async fn consistency(call: Call<BcmRead>) -> Result<Reply<Is<ConsistencyReport>>, Problem> {
    let now = call.ctx().now;
    let load = async |ctx: &Ctx, uow: &mut Uow| map::load_for_review(ctx, uow.bcm()).await;
    let answer = calculate(&call, load, move |(records, plans)| {
        Ok(Answer::plain_text(show::consistency(&map::review(&records.into_map()?.graph, &plans, now))))
    });
    Ok(Reply::plain(answer.await?))
}

/// Simulates the failure of processes and assets for some hours.
#[api_v2_operation(
    tags("Business continuity"),
    operation_id = "simulate_outage",
    summary = "What an outage stops, breaches and costs"
)]
async fn simulate(call: Call<BcmRead>, body: Body<OutageRequest>) -> Result<Reply<Is<Outage>>, Problem> {
    let input = body.read()?;
    let nodes = input.get::<Vec<Input>>("nodes").unwrap_or_default();
    let failed: Vec<End> = nodes.iter().filter_map(|node| End::from_json(node.members()).ok()).collect();
    let hours: f64 = input.get("duration_hours").unwrap_or_default();
    let load = async |ctx: &Ctx, uow: &mut Uow| map::load_for_outage(ctx, uow.bcm()).await;
    let answer = calculate(&call, load, move |records| {
        Ok(Answer::plain_text(show::outage(&map::outage(&records.into_map()?.graph, &failed, hours)?)))
    });
    reply(&call, body.bytes(), answer.await?).await
}

/// Assesses the climate risk, the single points of failure and the concentration.
#[api_v2_operation(
    tags("Business continuity"),
    operation_id = "get_climate_risk",
    summary = "Climate hazards, single points of failure, concentration"
)]
async fn climate_risk(call: Call<BcmRead>) -> Result<Reply<Is<ClimateRisk>>, Problem> {
    let hazards = std::sync::Arc::clone(&call.app.hazards);
    let answer = calculate(
        &call,
        async |ctx, uow| map::load(ctx, uow.bcm()).await,
        move |records| Ok(Answer::plain_text(show::climate(&map::climate_risk(&records.into_map()?.graph, &hazards)))),
    );
    Ok(Reply::plain(answer.await?))
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let org = "/api/v1/orgs/{org_id}/bcm";
    config
        .service(web::resource(&format!("{org}/dependencies/graph")).route(web::get().to(graph)))
        .service(web::resource(&format!("{org}/processes/{{process_id}}/dr-plan")).route(web::post().to(dr_plan)))
        .service(web::resource(&format!("{org}/consistency")).route(web::get().to(consistency)))
        .service(web::resource(&format!("{org}/simulate")).route(web::post().to(simulate)))
        .service(web::resource(&format!("{org}/climate-risk")).route(web::get().to(climate_risk)));
    Routes::<Process>::all().into(config);
    Routes::<Asset>::all().into(config);
    Routes::<Dependency>::all().into(config);
    Routes::<Plan>::all().into(config);
    Routes::<Exercise>::listed().created().read().into(config);
}

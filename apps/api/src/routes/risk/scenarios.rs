//! Scenarios as bow-ties: stored, evaluated, drawn.

use grc_kernel::kit;
use grc_risk::{
    Scenario, ScenarioId, picture,
    scenario::{
        Side,
        evaluation::{self, Evaluation},
    },
};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use crate::{
    http::{
        call::{Answer, Body, Call, Is, Pictured, Reply, RiskRead},
        negotiate::negotiate,
        problem::Problem,
        resource::{Routes, Served, Shown, answer},
        shape::{Ty, may, must, null},
    },
    served, shapes,
};

served! { "Risk", risk;
    Scenario: "risks/scenarios", "scenario_id", "risk_scenario", "risk_scenarios";
}

const FREQUENCY: Ty = Ty::Number(0.0, f64::MAX);

shapes! {
    /// How a scenario is to be evaluated.
    ScenarioWhatIf [&[
        may("failed", Ty::List(&Ty::Line(200), 1_000), "Names of barriers to take as holding nothing back."),
    ]],
    /// A threat, evaluated.
    ThreatEvaluation [&[
        must("name", Ty::Line(200), "The threat."),
        must("frequency", FREQUENCY, "How often it comes, in times a year."),
        must("mitigated_frequency", FREQUENCY, "How often it brings the top event about."),
    ]],
    /// A consequence, evaluated.
    ConsequenceEvaluation [&[
        must("name", Ty::Line(200), "The consequence."),
        must("frequency", FREQUENCY, "How often it follows, in times a year."),
        null("loss", FREQUENCY, "What it costs each time."),
        null("annual_loss", FREQUENCY, "What it costs a year."),
    ]],
    /// What the failure of a barrier would mean.
    BarrierEvaluation [&[
        must("name", Ty::Line(200), "The barrier."),
        must("side", Ty::Word(Side::NAMES), "Where it stands."),
        must("on", Ty::Line(200), "On what."),
        must("effectiveness", Ty::Number(0.0, 1.0), "What it holds back, as it was evaluated."),
        must("top_frequency_without", FREQUENCY, "The top event's frequency without it."),
        null("annual_loss_without", FREQUENCY, "A year's loss without it."),
    ]],
    /// A scenario in numbers.
    ScenarioEvaluation [&[
        must("top_event", Ty::Line(200), "The event in the middle."),
        must("top_frequency", FREQUENCY, "How often it comes, in times a year."),
        must("threats", Ty::List(&Ty::Object(ThreatEvaluation::SHAPE), 1_000), "What brings it about."),
        must("consequences", Ty::List(&Ty::Object(ConsequenceEvaluation::SHAPE), 1_000), "What follows."),
        null("annual_loss", FREQUENCY, "A year's loss over the consequences that have one."),
        must("barriers", Ty::List(&Ty::Object(BarrierEvaluation::SHAPE), 1_000), "What each barrier is worth."),
    ]],
}

/// One scenario, or its bow-tie where `Accept` asks for a picture.
#[api_v2_operation(tags("Risk"), operation_id = "get_risk_scenario", summary = "One scenario, or its bow-tie")]
async fn get(call: Call<RiskRead>) -> Result<Reply<Pictured<Shown<Scenario>>>, Problem> {
    let picture = negotiate(call.header("accept"), &["application/json", "image/svg+xml"])? == "image/svg+xml";
    let id = ScenarioId(call.param(Scenario::ID)?);
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let scenario = kit::get::<Scenario>(ctx, uow.risk(), id).await?;
        if !picture {
            return Ok(answer(ctx, uow, scenario).await?);
        }
        let svg = picture::bow_tie(&scenario, &evaluation::evaluate(&scenario, &[]));
        Ok(Answer::media("image/svg+xml", svg.into_bytes()))
    })
    .await
}

/// Evaluates a scenario, as it is or with barriers that failed.
#[api_v2_operation(tags("Risk"), operation_id = "evaluate_risk_scenario", summary = "What a scenario amounts to")]
async fn evaluate(call: Call<RiskRead>, body: Body<ScenarioWhatIf>) -> Result<Reply<Is<ScenarioEvaluation>>, Problem> {
    let input = if body.bytes().is_empty() { body.read_or_empty()? } else { body.read()? };
    let failed: Vec<String> = input.get("failed").unwrap_or_default();
    let id = ScenarioId(call.param(Scenario::ID)?);
    call.outside(body.bytes(), async || {
        let ctx = call.ctx();
        let scenario = call.app.db.read(call.org, async |uow| kit::get::<Scenario>(&ctx, uow.risk(), id).await).await?;
        evaluation::check_failed(&scenario, &failed).map_err(Problem::fields)?;
        Ok(Answer::ok(shown(&scenario, &evaluation::evaluate(&scenario, &failed))))
    })
    .await
}

fn shown(scenario: &Scenario, evaluation: &Evaluation) -> Value {
    let threats = evaluation.threats.iter().map(|threat| {
        json!({
            "name": threat.name, "frequency": threat.frequency, "mitigated_frequency": threat.mitigated_frequency,
        })
    });
    let consequences = evaluation.consequences.iter().map(
        |one| json!({"name": one.name, "frequency": one.frequency, "loss": one.loss, "annual_loss": one.annual_loss}),
    );
    let barriers = evaluation.barriers.iter().map(|barrier| {
        json!({
            "name": barrier.name,
            "side": barrier.side.as_str(),
            "on": barrier.on,
            "effectiveness": barrier.effectiveness,
            "top_frequency_without": barrier.top_frequency_without,
            "annual_loss_without": barrier.annual_loss_without,
        })
    });
    json!({
        "top_event": scenario.top_event,
        "top_frequency": evaluation.top_frequency,
        "threats": threats.collect::<Vec<_>>(),
        "consequences": consequences.collect::<Vec<_>>(),
        "annual_loss": evaluation.annual_loss,
        "barriers": barriers.collect::<Vec<_>>(),
    })
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let evaluating = "/api/v1/orgs/{org_id}/risks/scenarios/{scenario_id}/evaluate";
    Routes::<Scenario>::listed().created().on_one(web::get().to(get)).updated().deleted().with_history().into(config);
    config.service(web::resource(evaluating).route(web::post().to(evaluate)));
}

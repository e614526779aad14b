//! What of the story is more than a record: policies that an engine checks, decisions that it takes, what is asked of
//! vendors and what is attested to partners.

use grc_flows::{
    attesting::{self, Ask},
    playbook as flows,
};
use grc_identity::Secrets;
use grc_incident::IncidentId;
use grc_kernel::{Ctx, Repo, Resource};
use grc_policy::{
    decision::{self, Question},
    engine::EngineError,
    path::DecisionPath,
    playbook, policy,
};
use grc_vendor::{Attestation, Grant, VendorId, a2a::attestation};
use serde_json::Value;

use super::{
    Stage,
    acts::{Request, id},
};
use crate::{a2a::Signing, http::problem::Problem, serve::App};

fn unwell(error: EngineError) -> Problem {
    Problem::new(503, format!("the policy engine: {error}"))
}

/// Puts a policy that the engine finds nothing wrong in.
pub(super) async fn put(stage: &mut Stage<'_>, ctx: &Ctx, name: &str, request: &Request) -> Result<(), Problem> {
    let rego = request.must("rego")?;
    let set = policy::candidate(ctx, stage.uow.policy(), name, &rego).await?;
    policy::refuse_errors(&stage.app.engine.check(&set, name).await.map_err(unwell)?)?;
    policy::put(ctx, stage.uow.policy(), name, rego, None::<i64>).await?;
    Ok(())
}

/// Takes a decision, and gives its actions to the incident that it is about.
pub(super) async fn decide(stage: &mut Stage<'_>, ctx: &Ctx, request: &Request) -> Result<(), Problem> {
    let path = match request.text("playbook") {
        Some(name) => playbook::path_of(&name),
        None => DecisionPath::parse(&request.must("path")?),
    };
    let path = path.map_err(|error| Problem::fields(vec![error]))?;
    let mut input = request.body.get("input").and_then(Value::as_object).cloned().unwrap_or_default();
    let incident = request.text("incident_id").map(|text| id(&text)).transpose()?.map(IncidentId);
    if let Some(incident) = incident {
        flows::tell(ctx, stage.uow, incident, &mut input).await?;
    }
    let asked = Question { path, input, incident: incident.map(|incident| incident.0) };
    let set = decision::policies(ctx, stage.uow.policy(), &asked.path).await?;
    let engine = &stage.app.engine;
    let said = engine.evaluate(&set, &asked.path, &Value::Object(asked.input.clone())).await;
    let decision = decision::draft(ctx, &asked, &set, engine.kind_for(&asked.path), &said);
    let actions = playbook::actions_of(said.map_err(unwell)?.result.as_ref());
    match incident {
        Some(incident) => {
            let actions = actions.map_err(Problem::fields)?;
            flows::apply(ctx, stage.uow, decision, asked, incident, actions).await?;
        }
        None => decision::record(ctx, stage.uow.policy(), &decision, asked.input).await?,
    }
    Ok(())
}

/// Lets a partner ask for attestations, with a key that nobody sees.
pub(super) async fn grant(stage: &mut Stage<'_>, ctx: &Ctx, request: &Request) -> Result<(), Problem> {
    attesting::let_ask(ctx, stage.uow, request.making::<Grant>()?, stage.app.secrets.random()).await?;
    Ok(())
}

/// Wants a vendor asked: a job does it, and notes that nobody answers at an address that does not exist.
pub(super) async fn ask(stage: &mut Stage<'_>, ctx: &Ctx, vendor: &str, request: &Request) -> Result<(), Problem> {
    let vendor = VendorId(id(vendor)?);
    let outbound = &stage.app.a2a.outbound;
    let fits = |url: &str| outbound.target(url).map(|_| ()).map_err(|refused| refused.to_string());
    let changes = request.making::<Attestation>()?;
    attestation::request(ctx, stage.uow.vendor(), vendor, changes, &stage.app.public_url, fits).await?;
    Ok(())
}

/// Attests the completed assessments to the first partner that was let ask.
pub(super) async fn attest(app: &App, ctx: &Ctx) -> Result<(), Problem> {
    app.db
        .write(ctx.org, async |uow| -> Result<(), Problem> {
            let page = Repo::<Grant>::page(uow.vendor(), ctx.org, &Grant::LIST.query().limited(1)).await?;
            let Some(grant) = page.items.first() else { return Ok(()) };
            let ask = Ask {
                frameworks: grant.frameworks.clone(),
                requested_evidence: vec!["security-policy".to_owned()],
                audience: Some("https://grc.larch-insurance.example".to_owned()),
                nonce: None,
            };
            let sealer = Signing { tokens: &app.tokens, issuer: &app.public_url };
            attesting::attest(ctx, uow, Some(grant), ask, &sealer).await?;
            Ok(())
        })
        .await
}

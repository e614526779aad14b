//! Policy decisions: an organization's policies in Rego, decisions with their log, playbooks applied to incidents.
//!
//! An engine works outside of any transaction: what it needs is read before, what came of it is kept after. A decision that
//! failed is kept, too, before its caller is refused.

use grc_flows::playbook as flows;
use grc_incident::IncidentId;
use grc_kernel::{Access, Ctx, FieldError, Permission, Refusal, Resource, Uuid, resource::write_record};
use grc_policy::{
    Decision, DecisionId, Policy, Version,
    decision::{self, ACTIONS, Outcome, Question},
    engine::{EMBEDDED, EngineError, INPUT_MAX, OPA, PolicySet, Verdict, has_nul},
    path::DecisionPath,
    playbook::{self, Action},
    policy,
};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};

use crate::{
    http::{
        call::{Answer, Body, Call, Is, Nothing, Own, PolicyAdmin, Reply},
        problem::Problem,
        resource::{Extra, Get, Making, Routes, Shown, answer},
        shape::{Input, Ty, may, must, null},
    },
    serve::App,
    served, shapes,
};

served! { "Policy decisions", policy;
    Policy: "opa/policies", "policy_id", "opa_policy", "opa_policies";
    Version: "opa/policy-versions", "version_id", "opa_policy_version", "opa_policy_versions";
    Decision: "opa/decisions", "decision_id", "policy_decision", "policy_decisions",
        async fn extra(_: &Ctx, _: &mut Uow, records: &[Self]) -> Result<Option<Vec<Extra>>, Refusal> {
            Ok(Some(records.iter().map(Decision::extra).collect()))
        };
}

shapes! {
    /// What is to be decided.
    PolicyQuestion [&[
        may("org_id", Ty::Id, "The organization; it may be left out by a key, and by whoever belongs to one only."),
        may("path", Ty::Line(200), "The path of the document, as in the API of an Open Policy Agent: under `incident/playbooks` or `org`."),
        may("playbook", Ty::Word(playbook::NAMES), "A shipped playbook, instead of a path.").sample(r#""phishing""#),
        may("input", Ty::Any, "The input of the policies, 256 KiB at most."),
        may("incident_id", Ty::Id, "The incident that it is about: the policies are told of it under `input.incident`."),
        may("apply", Ty::Bool, "Whether the actions become tasks and timeline entries of the incident, each once."),
    ]],
    /// A decision that was taken.
    PolicyVerdict [
        &[
            must("decision_id", Ty::Id, "The decision, as the log has it."),
            must("path", Ty::Line(200), "What was asked for."),
            must("outcome", Ty::Word(Outcome::NAMES), "Whether there is a document at the path. Undefined never means yes."),
            must("result", Ty::Json, "The document; null where there is none."),
        ],
        ACTIONS,
        &[
            must("engine", Ty::Word(&[EMBEDDED, OPA]), "Which engine decided."),
            null("bundle_digest", Ty::Line(64), "SHA-256 over the names and digests of the policies, where the engine tells them."),
            must("input_digest", Ty::Line(64), "SHA-256 over the RFC 8785 form of the input."),
            must("duration_ms", Ty::Number(0.0, f64::MAX), "How long it took, in milliseconds."),
            null("incident_id", Ty::Id, "The incident that it was about."),
            must("applied", Ty::Bool, "Whether the actions were applied."),
            must("task_ids", Ty::List(&Ty::Id, playbook::ACTIONS_MAX), "The tasks that were made."),
            must("skipped_actions", Ty::List(&Ty::Line(100), playbook::ACTIONS_MAX), "The actions that the incident was given before."),
        ],
    ],
    /// A decision of the log, with what was asked.
    @stored PolicyDecisionDetail [
        &[must("org_id", Ty::Id, "The organization.")],
        <Decision as Resource>::MEMBERS,
        ACTIONS,
        &[must("input", Ty::Any, "What was asked.")],
    ],
}

const READ: Permission = Permission::new("policy", Access::Read);

/// Takes a decision by policies.
#[api_v2_operation(tags("Policy decisions"), operation_id = "decide", summary = "Take a decision, or apply a playbook")]
async fn decide(call: Call<Own>, body: Body<PolicyQuestion>) -> Result<Reply<Is<PolicyVerdict>>, Problem> {
    let input = body.read()?;
    let org = org_of(&call, &input).await?;
    let call = call.within(org, READ).await?;
    if let Some(kept) = call.kept(body.bytes()).await? {
        return Ok(kept);
    }
    let is_applied = input.get("apply").unwrap_or(false);
    if is_applied {
        call.ctx().require(Permission::new("incident", Access::Write)).map_err(Refusal::from)?;
    }
    let mut asked = question(&input)?;
    let incident = asked.incident.map(IncidentId);
    if is_applied && incident.is_none() {
        return Err(Refusal::field("incident_id", "required", "names the incident that the actions are for").into());
    }
    let ctx = call.ctx();
    let set: Result<PolicySet, Problem> = call
        .app
        .db
        .read(call.org, async |uow| {
            if let Some(id) = incident {
                flows::tell(&ctx, uow, id, &mut asked.input).await?;
            }
            Ok(decision::policies(&ctx, uow.policy(), &asked.path).await?)
        })
        .await;
    let set = set?;
    let said = call.app.engine.evaluate(&set, &asked.path, &Value::Object(asked.input.clone())).await;
    let decision = decision::draft(&ctx, &asked, &set, call.app.engine.kind_for(&asked.path), &said);
    match judged(said, is_applied) {
        Err(problem) => {
            let kept: Result<(), Problem> = call
                .app
                .db
                .write(call.org, async |uow| Ok(decision::record(&ctx, uow.policy(), &decision, asked.input).await?))
                .await;
            kept?;
            Err(problem)
        }
        Ok(actions) => {
            let incident = incident.filter(|_| is_applied);
            call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
                let done = match incident {
                    Some(id) => flows::apply(ctx, uow, decision, asked, id, actions.clone()).await?,
                    None => {
                        decision::record(ctx, uow.policy(), &decision, asked.input).await?;
                        flows::Applied { decision, tasks: Vec::new(), skipped: Vec::new() }
                    }
                };
                Ok(Answer::ok(verdict(&done, &actions)))
            })
            .await
        }
    }
}

/// Takes a decision within a transaction of somebody else's, as the demo's story does: for texts that are our own.
pub(crate) async fn decide_for(app: &App, ctx: &Ctx, uow: &mut Uow, input: &Input) -> Result<(), Problem> {
    let mut asked = question(input)?;
    let incident = asked.incident.map(IncidentId);
    if let Some(id) = incident {
        flows::tell(ctx, uow, id, &mut asked.input).await?;
    }
    let set = decision::policies(ctx, uow.policy(), &asked.path).await?;
    let said = app.engine.evaluate(&set, &asked.path, &Value::Object(asked.input.clone())).await;
    let decision = decision::draft(ctx, &asked, &set, app.engine.kind_for(&asked.path), &said);
    let is_applied = input.get("apply").unwrap_or(false);
    let actions = judged(said, is_applied)?;
    match incident.filter(|_| is_applied) {
        Some(id) => flows::apply(ctx, uow, decision, asked, id, actions).await.map(drop)?,
        None => decision::record(ctx, uow.policy(), &decision, asked.input).await?,
    }
    Ok(())
}

/// The organization that a question is for.
async fn org_of(call: &Call<Own>, input: &Input) -> Result<Uuid, Problem> {
    if let Some(org) = input.get("org_id") {
        return Ok(org);
    }
    let only = match &call.caller {
        Some(caller) => call.app.callers.only_org(caller).await?,
        None => None,
    };
    let missing = || Refusal::field("org_id", "required", "names the organization, as you belong to several or none");
    Ok(only.ok_or_else(missing)?.0)
}

/// What a body asks.
fn question(body: &Input) -> Result<Question, Refusal> {
    let path = match (body.get::<String>("path"), body.get::<String>("playbook")) {
        (Some(path), None) => DecisionPath::parse(&path)?,
        (None, Some(name)) => playbook::path_of(&name)?,
        (None, None) => {
            return Err(Refusal::field("path", "required", "says what is to be decided, or `playbook` does"));
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::field("playbook", "conflict", "stands for a path: say one of the two"));
        }
    };
    let input: Map<String, Value> = body.get("input").unwrap_or_default();
    let whole = Value::Object(input.clone());
    if whole.to_string().len() > INPUT_MAX {
        return Err(Refusal::field("input", "too_long", format!("may have at most {INPUT_MAX} bytes")));
    }
    if has_nul(&whole) {
        return Err(Refusal::field("input", "control_character", "may not hold NUL characters"));
    }
    let named = body.get::<Uuid>("incident_id").or_else(|| {
        if !body.get("apply").unwrap_or(false) {
            return None;
        }
        // With the incident's context at hand, nobody need name it twice.
        let said = input.get("incident_id").or_else(|| input.get("incident")?.get("id"))?;
        Uuid::parse_str(said.as_str()?).ok()
    });
    Ok(Question { path, input, incident: named })
}

/// The actions of what an engine said, or why its caller is refused.
fn judged(said: Result<Verdict, EngineError>, is_applied: bool) -> Result<Vec<Action>, Problem> {
    let verdict = said.map_err(|error| match error {
        EngineError::Unavailable(detail) => Problem::new(503, detail),
        error => Problem::fields(vec![FieldError::new("path", error.code(), error.to_string())]),
    })?;
    let actions = playbook::actions_of(verdict.result.as_ref());
    if !is_applied {
        return Ok(actions.unwrap_or_default());
    }
    if verdict.result.is_none() {
        let detail = "is undefined for this input: there is nothing to apply";
        return Err(Problem::fields(vec![FieldError::new("path", "undefined", detail)]));
    }
    actions.map_err(Problem::fields)
}

fn verdict(done: &flows::Applied, actions: &[Action]) -> Value {
    let decision = &done.decision;
    let tasks: Vec<String> = done.tasks.iter().map(|task| task.id.to_string()).collect();
    json!({
        "decision_id": decision.id.to_string(),
        "path": decision.path,
        "outcome": decision.outcome.as_str(),
        "result": decision.result,
        "actions": actions.iter().map(Action::to_json).collect::<Vec<_>>(),
        "engine": decision.engine,
        "bundle_digest": decision.bundle_digest,
        "input_digest": decision.input_digest,
        "duration_ms": decision.duration_ms,
        "incident_id": decision.incident_id.map(|id| id.to_string()),
        "applied": decision.applied,
        "task_ids": tasks,
        "skipped_actions": done.skipped,
    })
}

/// One policy, by its name.
#[api_v2_operation]
async fn get(call: Call<Get<Policy>>) -> Result<Reply<Is<Shown<Policy>>>, Problem> {
    let name = call.named("policy_id");
    policy::check_name(&name)?;
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let found = policy::get(ctx, uow.policy(), &name).await?;
        answer(ctx, uow, found).await
    })
    .await
}

/// Puts a policy under a name, in place of the one there is. Its text must compile: what is wrong with it is told with line
/// and column.
#[api_v2_operation(tags("Policy decisions"), operation_id = "put_opa_policy", summary = "Put a policy")]
async fn put(call: Call<PolicyAdmin>, body: Body<Making<Policy>>) -> Result<Reply<Is<Shown<Policy>>>, Problem> {
    let rego = body.read()?.text("rego");
    let (name, seen) = (call.named("policy_id"), call.if_match()?);
    let ctx = call.ctx();
    let set: Result<PolicySet, Problem> =
        call.app.db.read(call.org, async |uow| Ok(policy::candidate(&ctx, uow.policy(), &name, &rego).await?)).await;
    match call.app.engine.check(&set?, &name).await {
        Ok(errors) => policy::refuse_errors(&errors)?,
        Err(EngineError::Unavailable(detail)) => return Err(Problem::new(503, detail)),
        Err(error) => return Err(Refusal::field("rego", error.code(), error.to_string()).into()),
    }
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
        let (put, _) = policy::put(ctx, uow.policy(), &name, rego, seen).await?;
        answer(ctx, uow, put).await
    })
    .await
}

/// Removes a policy. Its versions stay.
#[api_v2_operation(tags("Policy decisions"), operation_id = "delete_opa_policy", summary = "Remove a policy")]
async fn delete(call: Call<PolicyAdmin>) -> Result<Reply<Nothing>, Problem> {
    let (name, seen) = (call.named("policy_id"), call.if_match()?);
    policy::check_name(&name)?;
    call.write(&[], async |ctx, uow| -> Result<Answer, Refusal> {
        policy::remove(ctx, uow.policy(), &name, seen).await?;
        Ok(Answer::none())
    })
    .await
}

/// One decision of the log, with what was asked.
#[api_v2_operation]
async fn get_decision(call: Call<Get<Decision>>) -> Result<Reply<Is<PolicyDecisionDetail>>, Problem> {
    let id = DecisionId(call.param("decision_id")?);
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let (found, asked) = decision::get(ctx, uow.policy(), id).await?;
        let mut extra = found.extra();
        extra.push(("input", Value::Object(asked)));
        let mut text = String::with_capacity(4_096);
        write_record(&found, None, &extra, &mut text);
        Ok(Answer::text(text, found.meta.revision))
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/api/v1/opa/decisions").route(web::post().to(decide)));
    Routes::<Policy>::listed()
        .on_one(web::get().to(get))
        .on_one(web::put().to(put))
        .on_one(web::delete().to(delete))
        .into(config);
    Routes::<Version>::listed().read().into(config);
    Routes::<Decision>::listed().on_one(web::get().to(get_decision)).into(config);
}

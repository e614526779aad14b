//! Decisions and their log.
//!
//! Every decision is kept with what it was asked, what it was taken by and what came of it, those that failed too. The
//! input is kept apart from the rest, so that a page of the log stays small; both are written once.

use async_trait::async_trait;
use grc_kernel::{
    Access, Ctx, Fact, Meta, Refusal, Repo, Resource, Rules, Uuid, kit, resource,
    shape::{Member, Ty, must},
    typed_id, wire_enum,
};
use serde_json::{Map, Value, json};

use crate::{
    engine::{EMBEDDED, EngineError, PolicySet, Verdict, input_digest},
    path::DecisionPath,
    playbook::{self, Action},
    policy,
    ports::Tx,
};

typed_id! {
    /// A decision.
    DecisionId,
}

wire_enum! {
    /// What came of a decision.
    pub enum Outcome {
        /// There is a document at the path.
        Defined = "defined",
        /// There is none: nothing was allowed.
        Undefined = "undefined",
        /// The policies could not be evaluated, or were stopped: nothing was allowed.
        Failed = "failed",
    }
}

/// An action, as an answer shows it.
const ACTION: grc_kernel::shape::Shape = grc_kernel::shape::Shape {
    name: "PlaybookAction",
    doc: "What a playbook says is to be done.",
    members: &[&[
        must("id", Ty::Line(100), "What it is called within its playbook; it is applied to an incident once."),
        must("type", Ty::Word(&["task", "note"]), "Whether it becomes a task or an entry of the timeline."),
        must("title", Ty::Line(200), "What is to be done."),
        grc_kernel::shape::null("description", Ty::Text(20_000), "How."),
        grc_kernel::shape::null("phase", Ty::Line(100), "The phase of the response that it belongs to."),
        grc_kernel::shape::null("priority", Ty::Line(100), "How much it matters."),
        grc_kernel::shape::null("due_in_minutes", Ty::Int(0, i64::MAX), "Until when, in minutes."),
        must("due_from", Ty::Word(&["now", "detected_at"]), "What the minutes run from."),
    ]],
    view: grc_kernel::shape::View::Plain,
};

/// What the answers with a decision show beyond its members.
pub const ACTIONS: &[Member] =
    &[must("actions", Ty::List(&Ty::Object(&ACTION), playbook::ACTIONS_MAX), "What is to be done, by its result.")
        .computed()];

resource! {
    /// A decision, as the log keeps it.
    pub struct Decision(DecisionId) as "PolicyDecision" {
        kind: "policy_decision", table: "policy_decisions", area: "policy", name: "path", sort: ("created_at", true),
        read: Access::Audit, delete: Access::Admin, extra: ACTIONS,
    }
    /// What was asked for.
    path: String = Ty::Line(200), computed, sorts, filters;
    /// What came of it.
    outcome: Outcome = Ty::Word(Outcome::NAMES), computed;
    /// The document at the path; null where there is none.
    result: Value = Ty::Json, computed;
    /// Why there is none, where it failed.
    error: Option<String> = Ty::Text(2_000), computed;
    /// Which engine decided: `embedded` or `opa`.
    engine: String = Ty::Line(20), computed, filters;
    /// SHA-256 over the names and digests of the policies, where the engine tells them.
    bundle_digest: Option<String> = Ty::Line(64), computed, filters;
    /// SHA-256 over the RFC 8785 form of the input.
    input_digest: String = Ty::Line(64), computed, filters;
    /// How long it took, in milliseconds.
    duration_ms: f64 = Ty::Number(0.0, f64::MAX), computed, sorts;
    /// The incident that it was about, where one was named.
    incident_id: Option<Uuid> = Ty::Id, computed;
    /// Whether its actions were applied to the incident.
    applied: bool = Ty::Bool, computed;
}

resource! {
    /// What a decision was asked.
    pub struct Input(DecisionId) as "PolicyDecisionInput" {
        kind: "policy_decision_input", table: "policy_decision_inputs", area: "policy", name: "id",
        sort: ("created_at", true), read: Access::Audit, delete: Access::Admin,
    }
    /// The input.
    input: Map<String, Value> = Ty::Any, computed;
}

#[async_trait]
impl Rules for Decision {
    type Tx = Tx;
    const APPEND_ONLY: bool = true;
}

#[async_trait]
impl Rules for Input {
    type Tx = Tx;
    const APPEND_ONLY: bool = true;
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The path.
    pub path: DecisionPath,
    /// The input.
    pub input: Map<String, Value>,
    /// The incident that it is about.
    pub incident: Option<Uuid>,
}

/// What a decision is to be taken by: what is shipped, and for the organization's own paths its own policies. A shipped
/// playbook answers the same whatever else an organization wrote.
pub async fn policies(ctx: &Ctx, tx: &mut Tx, path: &DecisionPath) -> Result<PolicySet, Refusal> {
    ctx.require(policy::Policy::permission(Access::Read))?;
    let own = if path.is_own() { policy::all(ctx, tx).await? } else { Vec::new() };
    Ok(policy::set_of(ctx, &own))
}

/// The record of a decision that an engine of a kind was asked for, not yet stored.
pub fn draft(
    ctx: &Ctx,
    asked: &Question,
    set: &PolicySet,
    engine: &str,
    said: &Result<Verdict, EngineError>,
) -> Decision {
    let mut decision = Decision::blank(ctx.new_id(), ctx.org, Meta::new(ctx));
    decision.path = asked.path.to_string();
    decision.input_digest = input_digest(&Value::Object(asked.input.clone()));
    decision.incident_id = asked.incident;
    match said {
        Ok(verdict) => {
            decision.outcome = if verdict.result.is_some() { Outcome::Defined } else { Outcome::Undefined };
            decision.result = verdict.result.clone().unwrap_or_default();
            decision.engine = verdict.engine.to_owned();
            decision.bundle_digest.clone_from(&verdict.bundle_digest);
            decision.duration_ms = verdict.duration_ms;
        }
        Err(error) => {
            decision.outcome = Outcome::Failed;
            decision.error = Some(error.to_string().chars().take(2_000).collect());
            decision.engine = engine.to_owned();
            // What another's engine decided by, only its answer tells.
            decision.bundle_digest = (engine == EMBEDDED).then(|| set.digest());
        }
    }
    decision
}

/// Stores a decision without a fact of its own: whoever applies it tells of both.
pub async fn store(ctx: &Ctx, tx: &mut Tx, decision: &Decision, input: Map<String, Value>) -> Result<(), Refusal> {
    ctx.require(policy::Policy::permission(Access::Read))?;
    let mut kept = Input::blank(decision.id, ctx.org, Meta::new(ctx));
    kept.input = input;
    Repo::<Decision>::insert(tx, decision).await?;
    Ok(Repo::<Input>::insert(tx, &kept).await?)
}

/// Stores a decision and tells of it.
pub async fn record(ctx: &Ctx, tx: &mut Tx, decision: &Decision, input: Map<String, Value>) -> Result<(), Refusal> {
    store(ctx, tx, decision, input).await?;
    let fact = Fact::note(Decision::KIND, decision.id.0, "created").with(decision.picture());
    Ok(tx.journal().record(ctx, fact).await?)
}

/// A decision of the log, and what it was asked.
pub async fn get(ctx: &Ctx, tx: &mut Tx, id: DecisionId) -> Result<(Decision, Map<String, Value>), Refusal> {
    let decision = kit::get::<Decision>(ctx, tx, id).await?;
    let input = Repo::<Input>::find(tx, ctx.org, id).await?;
    Ok((decision, input.map(|kept| kept.input).unwrap_or_default()))
}

impl Decision {
    /// What the journal tells of it: enough to find it and to see whether it was altered, and nothing of what was asked.
    pub fn picture(&self) -> Value {
        json!({
            "path": self.path, "outcome": self.outcome.as_str(), "engine": self.engine, "error": self.error,
            "bundle_digest": self.bundle_digest, "input_digest": self.input_digest,
            "result_digest": input_digest(&self.result), "incident_id": self.incident_id, "applied": self.applied,
        })
    }

    /// The actions that its result gives. A result of which that cannot be read gives none.
    pub fn actions(&self) -> Vec<Action> {
        playbook::actions_of(Some(&self.result)).unwrap_or_default()
    }

    /// What an answer shows beyond the members.
    pub fn extra(&self) -> Vec<(&'static str, Value)> {
        vec![("actions", Value::Array(self.actions().iter().map(Action::to_json).collect()))]
    }
}

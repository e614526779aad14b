//! From a request of the story to the use case that stands behind its route.

use grc_assessments::{Assessment, Control, assessment};
use grc_bcm::{Asset, Dependency, Exercise, Plan, Process};
use grc_coordination::Link;
use grc_evidence::{
    Evidence,
    service::{self as evidence, Settled},
    store,
};
use grc_flows::{attesting, incident as flows};
use grc_identity::{Secrets, api_key, member, rules};
use grc_incident::{Incident, IncidentId, Review, Task, TimelineEntry, response, review};
use grc_kernel::{
    Actor, AssessmentId, Changes, Ctx, EvidenceId, Role, Uuid, kit,
    resource::{Cell, Codec},
    shape::{Input, Shape},
};
use grc_policy::policy;
use grc_reports::Report;
use grc_risk::{
    Acceptance, AcceptanceId, Analysis, AnalysisId, Appetite, Entry, EntryId, Kri, KriId, Scenario, Treatment,
    acceptance::{self, Decision},
    appetite,
    fair::run::{self, Run},
    kri::reading,
};
use grc_uow::Uow;
use grc_vendor::{
    Assessment as VendorAssessment, Contract, Grant, Questionnaire, Service, Vendor, assessment as vendor_assessment,
};
use serde_json::{Map, Value};

use super::{
    Stage, documents,
    story::{Method, Step},
};
use crate::{
    http::{
        problem::Problem,
        resource::{Changing, Making, Served},
        shape::Shaped,
    },
    routes::{
        opa::{self, PolicyQuestion},
        risk::kris::{self, KriReadings},
    },
};

/// A step with ids and moments in it.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: Vec<String>,
    pub(super) body: Value,
}

impl Request {
    fn read(&self, shape: &'static Shape) -> Result<Input, Problem> {
        Ok(shape.read_form(self.body.to_string().as_bytes())?)
    }

    pub(super) fn making<R: Served>(&self) -> Result<Changes<R>, Problem> {
        Ok(Changes::read(&self.read(<Making<R> as Shaped>::SHAPE)?))
    }

    fn changing<R: Served>(&self) -> Result<Changes<R>, Problem> {
        Ok(Changes::read(&self.read(<Changing<R> as Shaped>::SHAPE)?))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.body.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    fn must(&self, name: &str) -> Result<String, Problem> {
        self.text(name).ok_or_else(|| Problem::new(500, format!("{name} is missing")))
    }

    fn ids(&self, name: &str) -> Result<Vec<Uuid>, Problem> {
        let items = self.body.get(name).and_then(Value::as_array);
        items.into_iter().flatten().map(|item| id(item.as_str().unwrap_or_default())).collect()
    }
}

pub(super) fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::new(500, format!("«{text}» is no id")))
}

/// Carries a request out; the id of what it made.
pub(super) async fn carry_out(
    stage: &mut Stage<'_>,
    ctx: &Ctx,
    step: &Step,
    request: Request,
) -> Result<Option<Uuid>, Problem> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (request.method, path.as_slice()) {
        (Method::Post, ["users"]) => person(stage, ctx, step, &request).await.map(Some),
        (Method::Post, ["api-keys"]) => key(stage, ctx, &request).await.map(Some),
        (Method::Post, ["evidence"]) => upload(stage, ctx, step, &request).await.map(Some),
        _ if own(stage, ctx, &request, &path).await? => Ok(None),
        _ => any(ctx, stage.uow, &request, &path).await.map(Some),
    }
}

/// The routes that have use cases of their own; false where the request is to none of them.
async fn own(stage: &mut Stage<'_>, ctx: &Ctx, request: &Request, path: &[&str]) -> Result<bool, Problem> {
    let uow = &mut *stage.uow;
    match (request.method, path) {
        (Method::Post, ["assessments", at, "execute"]) => {
            assessment::execute(ctx, uow.assessments(), AssessmentId(id(at)?), 0).await?;
        }
        (Method::Put, ["risks", "appetite"]) => {
            appetite::decide(ctx, uow.risk(), None, request.making::<Appetite>()?).await?;
        }
        (Method::Post, ["risks", "register", risk, "acceptances", at, "decide"]) => {
            let decision = Decision::parse(&request.must("decision")?).unwrap_or(Decision::Rejected);
            let (risk, at) = (EntryId(id(risk)?), AcceptanceId(id(at)?));
            acceptance::decide(ctx, uow.risk(), risk, at, decision, request.text("comment")).await?;
        }
        (Method::Post, ["risks", "kris", at, "values"]) => {
            let given = kris::given(&request.read(KriReadings::SHAPE)?)?;
            reading::record(ctx, uow.risk(), KriId(id(at)?), given).await?;
        }
        (Method::Post, ["risks", "fair", at, "run"]) => {
            let plan = run::plan(ctx, uow.risk(), AnalysisId(id(at)?), request.making::<Run>()?).await?;
            let settings = plan.run.settings()?;
            let outcome = stage.app.simulator.run(ctx.org, plan.analysis.clone(), settings).await?;
            run::record(ctx, uow.risk(), plan, &outcome).await?;
        }
        (Method::Put, ["vendors", "assessments", at, "answers"]) => {
            let answers = request.body.get("answers").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
            vendor_assessment::answer(ctx, uow.vendor(), id(at)?.into(), None, &answers).await?;
        }
        (Method::Post, ["vendors", "assessments", at, "complete"]) => {
            let findings = request.body.get("findings").cloned();
            let findings = findings.and_then(|value| Codec::from_cell(Cell::Json(value)).ok());
            vendor_assessment::complete(ctx, uow.vendor(), id(at)?.into(), findings, request.text("notes")).await?;
        }
        (Method::Patch, ["incidents", at]) => {
            let changes = request.changing::<Incident>()?;
            response::amend(ctx, uow.incident(), IncidentId(id(at)?), None, false, changes).await?;
        }
        (Method::Post, ["incidents", at, "acknowledge"]) => {
            response::acknowledge(ctx, uow.incident(), IncidentId(id(at)?), request.text("notes")).await?;
        }
        (Method::Post, ["incidents", at, "close"]) => {
            response::close(ctx, uow.incident(), IncidentId(id(at)?), request.text("notes")).await?;
        }
        (Method::Put, ["incidents", at, "review"]) => {
            review::write(ctx, uow.incident(), IncidentId(id(at)?), None, request.making::<Review>()?).await?;
        }
        (Method::Post, ["incidents", at, "evidence", "collect"]) => {
            let wanted: Vec<EvidenceId> = request.ids("evidence_ids")?.into_iter().map(EvidenceId).collect();
            let notes = request.text("notes");
            flows::collect(ctx, uow, IncidentId(id(at)?), &wanted, notes.as_deref()).await?;
        }
        (Method::Put, ["opa", "policies", name]) => {
            let rego = request.must("rego")?;
            let set = policy::candidate(ctx, uow.policy(), name, &rego).await?;
            let errors = stage.app.engine.check(&set, name).await;
            policy::refuse_errors(&errors.map_err(|error| Problem::new(503, error.to_string()))?)?;
            policy::put(ctx, uow.policy(), name, rego, None).await?;
        }
        (Method::Post, ["opa", "decisions"]) => {
            opa::decide_for(stage.app, ctx, uow, &request.read(PolicyQuestion::SHAPE)?).await?
        }
        (Method::Post, ["a2a", "grants"]) => {
            attesting::let_ask(ctx, uow, request.making::<Grant>()?, stage.app.secrets.random()).await?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

macro_rules! resources {
    ($ctx:expr, $uow:expr, $request:expr, $path:expr; $($resource:ty),+ $(,)?) => {$(
        if let Some(id) = on::<$resource>($ctx, $uow, $request, $path).await? {
            return Ok(id);
        }
    )+};
}

/// The routes that every resource has.
async fn any(ctx: &Ctx, uow: &mut Uow, request: &Request, path: &[&str]) -> Result<Uuid, Problem> {
    resources!(ctx, uow, request, path;
        Control, Assessment, Report,
        Entry, Treatment, Acceptance, Kri, Analysis, Scenario,
        Vendor, Service, Contract, Questionnaire, VendorAssessment,
        Incident, Task, TimelineEntry,
        Process, Asset, Dependency, Plan, Exercise,
        grc_coordination::Task, Link,
    );
    Err(Problem::new(500, "the story knows no such route"))
}

/// Creates or changes a record where the path is one of the resource's.
async fn on<R: Served>(ctx: &Ctx, uow: &mut Uow, request: &Request, path: &[&str]) -> Result<Option<Uuid>, Problem> {
    let record = match (request.method, path.split_last()) {
        (Method::Post, _) => {
            let Some(parents) = fits(R::PATH, path) else { return Ok(None) };
            let mut changes = request.making::<R>()?;
            if let (Some((member, _)), Some(parent)) = (R::PARENT, parents.last()) {
                changes = changes.set(member, Cell::Id(*parent));
            }
            kit::create(ctx, R::tx(uow), changes).await?
        }
        (Method::Patch, Some((one, list))) if fits(R::PATH, list).is_some() => match Uuid::parse_str(one) {
            Ok(one) => kit::amend(ctx, R::tx(uow), R::Id::from(one), None, request.changing::<R>()?).await?,
            Err(_) => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(record.id().into()))
}

/// The ids in a path, where it is one that a resource's list has.
fn fits(list: &str, path: &[&str]) -> Option<Vec<Uuid>> {
    let parts: Vec<&str> = list.split('/').collect();
    if parts.len() != path.len() {
        return None;
    }
    let mut ids = Vec::new();
    for (part, given) in parts.into_iter().zip(path) {
        if part.starts_with('{') {
            ids.push(Uuid::parse_str(given).ok()?);
        } else if part != *given {
            return None;
        }
    }
    Some(ids)
}

async fn person(stage: &mut Stage<'_>, ctx: &Ctx, step: &Step, request: &Request) -> Result<Uuid, Problem> {
    let (name, role) = (request.must("name")?, request.must("role")?);
    let password = step.active.then(|| rules::token(stage.app.secrets.random()));
    let (passwords, secrets) = (&stage.app.passwords, &stage.app.secrets);
    let command = member::AddMember { email: request.must("email")?, name: name.clone(), role: role.clone(), password };
    let added = member::add(ctx, stage.uow.identity(), passwords, secrets, command).await?;
    let id = added.member.account.id;
    if let Some(known) = &step.name {
        stage.people.insert(known.clone(), Actor::user(id, name, Role::parse(&role)));
    }
    Ok(id.0)
}

/// Issues a key whose secret nobody sees.
async fn key(stage: &mut Stage<'_>, ctx: &Ctx, request: &Request) -> Result<Uuid, Problem> {
    let scopes = request.body.get("scopes").and_then(Value::as_array);
    let scopes = scopes.map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let command =
        api_key::IssueKey { name: request.must("name")?, role: request.must("role")?, scopes, expires_at: None };
    let issued = api_key::issue(ctx, stage.uow.identity(), &stage.app.secrets, command).await?;
    Ok(issued.key.id.0)
}

/// Announces a file, puts its bytes into the store and has them inspected, as an upload goes.
async fn upload(stage: &mut Stage<'_>, ctx: &Ctx, step: &Step, request: &Request) -> Result<Uuid, Problem> {
    let store = stage.app.store.clone().ok_or_else(|| Problem::new(503, "the demo needs an evidence store"))?;
    let named = step.document.as_deref().and_then(documents::text);
    let text = step.text.as_deref().or(named).ok_or_else(|| Problem::new(500, "the file has no text"))?;
    let made = kit::create(ctx, stage.uow.evidence(), request.making::<Evidence>()?).await?;
    store.put(&made.object_key, text.as_bytes()).await?;
    let inspection = store::inspect(store.as_ref(), &made).await?;
    match evidence::settle(ctx, stage.uow.evidence(), made.id, inspection).await? {
        Settled::Stored(evidence) => Ok(evidence.id.0),
        Settled::Rejected(reason) => Err(Problem::new(409, reason)),
    }
}

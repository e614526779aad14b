//! The demo organization: this project run as a hosted service, with its suppliers, risks, incidents and plans.
//!
//! What happened in it is told in `story/`, domain by domain, as the requests that its people sent: when, by whom, to
//! which route, with which body. Each goes through the use case behind that route, in the order of time and with the
//! clock of its moment, so that timelines, clocks of a response, readings and the audit log read as they would after a
//! year. Ages are counted back from now. All of it is one transaction: the demo is there whole, or not at all.
//!
//! The evidence for the frameworks is real: the project's own documents, as they were when the binary was built.

mod acts;
mod attestations;
mod documents;
mod story;

use std::{collections::HashMap, sync::Arc, time::Duration};

use grc_assessments::{Assessment, Finding};
use grc_identity::organization::{self, OpenOrganization};
use grc_kernel::{Actor, Changes, Ctx, OrgId, Refusal, Repo, Resource, Role, Uuid, kit, list::Scalar, shape::Shape};
use grc_uow::Uow;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    adapters::clock,
    http::{problem::Problem, resource::Changing, shape::Shaped},
    serve::App,
};

/// The organization's handle, by which a second start finds it.
const SLUG: &str = "sovereign-grc-demo";
/// How long the organization is said to have been there.
const FOUNDED: time::Duration = time::Duration::days(401);
/// How often it is looked whether the assessments are done, and how often at most.
const LOOKS: (Duration, usize) = (Duration::from_millis(100), 600);

/// What people made of findings that the built-in evaluator could not settle: the framework, the requirement, the change.
const VERDICTS: &[(&str, &str, &str)] = &[
    ("SOC2_TYPE2", "CC9.2", "Supplier reviews are on file since version 3 of the questionnaire."),
    ("NIST_CSF_2", "RS.MA-01", "The plan was used in earnest when the storage of the host failed."),
];

/// The demo while it is told.
struct Stage<'a> {
    app: &'a App,
    uow: &'a mut Uow,
    org: OrgId,
    now: OffsetDateTime,
    names: HashMap<String, Uuid>,
    people: HashMap<String, Actor>,
}

/// Loads the demo organization where it is not there yet, and executes its assessments.
pub async fn load(app: &App) -> Result<(), Problem> {
    let email = &app.config.bootstrap_email;
    let found: Result<_, Problem> = app
        .db
        .read(OrgId::PLATFORM, async |uow| {
            let taken = uow.identity().organizations().slug_taken(SLUG).await?;
            Ok((taken, uow.identity().accounts().find_by_email(email).await?))
        })
        .await;
    let (taken, admin) = found?;
    if taken {
        return Ok(());
    }
    let admin = admin.ok_or_else(|| Problem::new(409, format!("there is no account {email} to own the demo")))?;
    let mut actor = Actor::user(admin.id, admin.name, Some(Role::Admin));
    actor.platform_admin = true;
    let org = OrgId(app.ids.next());
    app.db
        .write(org, async |uow| -> Result<(), Problem> {
            let people = HashMap::from([("admin".to_owned(), actor.clone())]);
            let names = HashMap::from([("admin".to_owned(), actor.id)]);
            let mut stage = Stage { app, uow, org, now: clock::now(), names, people };
            stage.found().await?;
            for step in story::all(stage.now).map_err(|wrong| Problem::new(500, wrong))? {
                stage.tell(&step).await?;
            }
            Ok(())
        })
        .await?;
    app.wake.notify_waiters();
    if app.config.workers > 0 {
        judge(app, &Ctx::new(org, actor, clock::now(), "demo", Arc::clone(&app.ids))).await?;
    }
    Ok(())
}

impl Stage<'_> {
    /// Opens the organization, and learns the names of the frameworks.
    async fn found(&mut self) -> Result<(), Problem> {
        let open = OpenOrganization {
            name: "Sovereign GRC (demo)".to_owned(),
            slug: Some(SLUG.to_owned()),
            industry: Some("Software".to_owned()),
            country: Some("DE".to_owned()),
            timezone: Some("UTC".to_owned()),
            settings: None,
        };
        let ctx = self.ctx("admin", self.now - FOUNDED)?;
        organization::open(&ctx, self.uow.identity(), open).await?;
        for key in ["SOC2_TYPE2", "NIST_CSF_2"] {
            let framework = self.uow.assessments().frameworks().find_by_key(self.org, key).await?;
            let framework = framework.ok_or_else(|| Problem::new(500, format!("{key} is not built in")))?;
            self.names.insert(key.to_owned(), framework.id.0);
        }
        Ok(())
    }

    /// Does what a step tells.
    async fn tell(&mut self, step: &story::Step) -> Result<(), Problem> {
        let outcome = async {
            let ctx = self.ctx(&step.by, step.at)?;
            let request = acts::Request {
                method: step.method,
                path: step.path.split('/').map(|part| self.named_part(part)).collect::<Result<_, _>>()?,
                body: self.named(&step.body)?,
            };
            acts::carry_out(self, &ctx, step, request).await
        };
        let made = outcome.await.map_err(|problem| Problem {
            detail: format!("{} {}: {}", step.method, step.path, problem.detail),
            ..problem
        })?;
        if let (Some(name), Some(id)) = (&step.name, made) {
            self.names.insert(name.clone(), id);
        }
        Ok(())
    }

    fn ctx(&self, who: &str, at: OffsetDateTime) -> Result<Ctx, Problem> {
        let actor = self.people.get(who).ok_or_else(|| unknown(who))?;
        Ok(Ctx::new(self.org, actor.clone(), at, "demo", Arc::clone(&self.app.ids)))
    }

    fn named_part(&self, part: &str) -> Result<String, Problem> {
        match part.strip_prefix('@') {
            Some(name) => Ok(self.names.get(name).ok_or_else(|| unknown(name))?.to_string()),
            None => Ok(part.to_owned()),
        }
    }

    /// A body with ids in the place of names, and moments in that of ages.
    fn named(&self, value: &Value) -> Result<Value, Problem> {
        Ok(match value {
            Value::String(text) => match text.strip_prefix('@') {
                Some(age) if story::is_age(age) => {
                    story::moment(age, self.now).ok_or_else(|| unknown(age))?.to_string().into()
                }
                _ => self.named_part(text)?.into(),
            },
            Value::Array(items) => items.iter().map(|item| self.named(item)).collect::<Result<_, _>>()?,
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| Ok((name.clone(), self.named(value)?)));
                Value::Object(members.collect::<Result<_, Problem>>()?)
            }
            other => other.clone(),
        })
    }
}

fn unknown(name: &str) -> Problem {
    Problem::new(500, format!("the demo's story names nothing @{name} before it uses it"))
}

/// Waits until the workers have executed the assessments, enters what people made of two findings, and attests.
async fn judge(app: &App, ctx: &Ctx) -> Result<(), Problem> {
    let (pause, looks) = LOOKS;
    for _ in 0..looks {
        let running = Assessment::LIST
            .query()
            .only("status", vec![Scalar::Text("pending".to_owned()), Scalar::Text("in_progress".to_owned())]);
        let left: Result<i64, Refusal> = app
            .db
            .read(ctx.org, async |uow| Ok(kit::count::<Assessment>(ctx, uow.assessments(), &running).await?))
            .await;
        if left? == 0 {
            let ctx = ctx.clone().at(clock::now());
            verdicts(app, &ctx).await?;
            return attestations::attest(app, &ctx).await;
        }
        tokio::time::sleep(pause).await;
    }
    tracing::warn!("the demo's assessments are still being executed: nobody judged their findings");
    Ok(())
}

async fn verdicts(app: &App, ctx: &Ctx) -> Result<(), Problem> {
    let shape: &'static Shape = <Changing<Finding> as Shaped>::SHAPE;
    for (framework, control, note) in VERDICTS {
        let body = json!({"status": "pass", "remediation_notes": note});
        let changes = Changes::<Finding>::read(&shape.read_form(body.to_string().as_bytes())?);
        let of = Finding::LIST
            .query()
            .only("framework_key", vec![Scalar::Text((*framework).to_owned())])
            .only("control_ref", vec![Scalar::Text((*control).to_owned())])
            .limited(1);
        app.db
            .write(ctx.org, async |uow| -> Result<(), Refusal> {
                let page = Repo::<Finding>::page(uow.assessments(), ctx.org, &of).await?;
                if let Some(finding) = page.items.first() {
                    kit::amend(ctx, uow.assessments(), finding.id, None, changes).await?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

//! Jobs: work that outlasts its request, how far it is, and how it is stopped.

use grc_assessments::assessment;
use grc_evidence::bulk::service as bulk;
use grc_kernel::{
    Access, AssessmentId, Ctx, Job, JobId, JobStatus, ListQuery, Permission, Record, Refusal, ReportId, kit,
    list::{Scalar, Test},
};
use grc_reports::service as reports;
use grc_risk::fair::run::{self as fair, Run};
use grc_transfer::{Import, ImportId, service as transfers};
use grc_uow::Uow;
use grc_vendor::a2a::attestation;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::{
        call::{Answer, AnyRead, AnyWrite, Call, Is, Listed, Reply},
        export,
        list::{Ask, Listing},
        problem::Problem,
        shape::{Ty, must, null},
    },
    shapes,
    transfer::target,
};

shapes! {
    /// What a job is about.
    JobSubject [&[
        must("type", Ty::Line(100), "The type of the record, as in links and in the audit log."),
        must("id", Ty::Id, "Its id."),
        null("path", Ty::Line(300), "Where it is read, within the organization: an import there has its counts and rows."),
    ]],
    /// Work that outlasts its request.
    JobBody [&[
        must("id", Ty::Id, "Its id."),
        must("org_id", Ty::Id, "The organization."),
        must("kind", Ty::Line(100), "What is done."),
        must("status", Ty::Word(JobStatus::NAMES), "Where it stands."),
        must("progress", Ty::Int(0, 100), "How far it is, in hundredths."),
        must("result", Ty::Object(<JobSubject as crate::http::shape::Shaped>::SHAPE), "The record that it is about, which has what came of it."),
        null("error", Ty::Text(20_000), "Why it failed, or its last attempt did."),
        must("items", Ty::List(&Ty::Any, 0), "None here: what became of each row or file stands with the record."),
        must("attempts", Ty::Int(0, i64::MAX), "How often a worker took it."),
        must("created_at", Ty::Time, "When it was wanted."),
        must("updated_at", Ty::Time, "When it last moved."),
        must("created_by", Ty::Id, "Who wanted it."),
    ]],
}

impl Listing for JobBody {
    const SPEC: &'static grc_kernel::ListSpec = &grc_kernel::job::LIST;
    type Item = Self;
}

/// A kind of job: what it is about, and what reading and stopping it takes.
struct JobKind {
    kind: &'static str,
    subject: &'static str,
    area: &'static str,
    stops: Access,
    /// Where the record is read, where its id alone says it.
    path: Option<&'static str>,
}

const fn kind(
    kind: &'static str,
    subject: &'static str,
    area: &'static str,
    stops: Access,
    path: Option<&'static str>,
) -> JobKind {
    JobKind { kind, subject, area, stops, path }
}

/// The kinds that are shown. What the service does for itself, such as removing files, is nobody's matter.
const KINDS: &[JobKind] = &[
    kind(assessment::JOB, "assessment", "assessment", Access::Review, Some("assessments")),
    kind(attestation::JOB, "attestation", "vendor", Access::Write, None),
    kind(bulk::JOB, "evidence_import", "evidence", Access::Review, Some("evidence/bulk-import")),
    kind(fair::JOB, "fair_run", "risk", Access::Write, None),
    kind(reports::JOB, "report", "report", Access::Review, Some("reports")),
    kind(transfers::JOB, "import", "import", Access::Write, Some("imports")),
];

impl JobKind {
    fn of(kind: &str) -> Option<&'static Self> {
        KINDS.iter().find(|known| known.kind == kind)
    }

    fn read(&self) -> Permission {
        Permission::new(self.area, Access::Read)
    }
}

/// The list within what the caller may read.
fn within(ctx: &Ctx) -> ListQuery {
    let readable = KINDS.iter().filter(|kind| ctx.actor.may(kind.read()));
    let readable = readable.map(|kind| Scalar::Text(kind.kind.to_owned())).collect();
    grc_kernel::job::LIST.query().within("kind", Test::AnyOf(readable))
}

fn shown(job: &Job) -> Value {
    let mut body = job.snapshot();
    let kind = JobKind::of(&job.kind);
    if let Value::Object(members) = &mut body {
        members.remove("subject_id");
        let path = kind.and_then(|kind| kind.path).map(|path| format!("/{path}/{}", job.subject));
        let about = json!({"type": kind.map_or("", |kind| kind.subject), "id": job.subject, "path": path});
        members.insert("result".into(), about);
        members.insert("items".into(), json!([]));
    }
    body
}

/// A job that the caller may read.
async fn found(ctx: &Ctx, uow: &mut Uow, id: Uuid) -> Result<(Job, &'static JobKind), Problem> {
    let job = uow.transfer().jobs().find(ctx.org, JobId(id)).await?.ok_or_else(Problem::not_found)?;
    let kind = JobKind::of(&job.kind).ok_or_else(Problem::not_found)?;
    if !ctx.actor.may(kind.read()) {
        return Err(Problem::new(403, format!("this needs the permission {}", kind.read())));
    }
    Ok((job, kind))
}

/// The organization's jobs, those that the caller may read.
#[api_v2_operation(tags("Jobs"), operation_id = "list_jobs", summary = "The organization's jobs")]
async fn list(
    call: Call<AnyRead>,
    _path: web::Path<Uuid>,
    ask: Ask<JobBody>,
) -> Result<Reply<Listed<JobBody>>, Problem> {
    let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| uow.transfer().jobs().page(ctx.org, query).await;
    export::listed_within(&call, &ask, within(&call.ctx()), read, shown).await
}

/// One job.
#[api_v2_operation(tags("Jobs"), operation_id = "get_job", summary = "One job")]
async fn get(call: Call<AnyRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<JobBody>>, Problem> {
    let id = path.into_inner().1;
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let (job, _) = found(ctx, uow, id).await?;
        Ok(Answer::resource(shown(&job)))
    })
    .await
}

/// Stops a job that waits or runs.
#[api_v2_operation(
    tags("Jobs"),
    operation_id = "cancel_job",
    summary = "Stop a job",
    description = "What it did by then counts, unless it was all or nothing; nothing more is done. Of a job that is over, 409."
)]
async fn cancel(call: Call<AnyWrite>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<JobBody>>, Problem> {
    let id = path.into_inner().1;
    call.write(&[], async |ctx, uow| -> Result<Answer, Problem> {
        let (job, kind) = found(ctx, uow, id).await?;
        if kind.kind != transfers::JOB {
            ctx.require(Permission::new(kind.area, kind.stops)).map_err(Refusal::from)?;
        }
        if !matches!(job.status, JobStatus::Queued | JobStatus::Running) {
            let detail = format!("the job is {}", job.status.as_str());
            return Err(Refusal::Illegal { detail, available: Vec::new() }.into());
        }
        stop(ctx, uow, &job).await?;
        let (job, _) = found(ctx, uow, id).await?;
        Ok(Answer::resource(shown(&job)))
    })
    .await
}

const STOPPED: &str = "it was stopped on request";

/// Stops a job as its domain does, with the record that it is about.
async fn stop(ctx: &Ctx, uow: &mut Uow, job: &Job) -> Result<(), Refusal> {
    match job.kind.as_str() {
        assessment::JOB => assessment::cancel(ctx, uow.assessments(), AssessmentId(job.subject)).await.map(|_| ()),
        fair::JOB => {
            let run = kit::find::<Run>(ctx, uow.risk(), fair::RunId(job.subject)).await?;
            fair::cancel(ctx, uow.risk(), run.analysis_id, run.id).await.map(|_| ())
        }
        transfers::JOB => {
            let import = kit::find::<Import>(ctx, uow.transfer(), ImportId(job.subject)).await?;
            if let Some(target) = target::of_name(&import.resource) {
                ctx.require(target.write)?;
            }
            transfers::cancel(ctx, uow.transfer(), import.id).await
        }
        kind => {
            uow.transfer().jobs().cancel(ctx.org, kind, job.subject).await?;
            match kind {
                attestation::JOB => {
                    attestation::fail(ctx, uow.vendor(), attestation::AttestationId(job.subject), STOPPED).await
                }
                bulk::JOB => bulk::fail(ctx, uow.evidence(), job.subject.into(), STOPPED).await,
                reports::JOB => reports::fail(ctx, uow.reports(), ReportId(job.subject), STOPPED).await,
                _ => Ok(()),
            }
        }
    }
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/api/v1/orgs/{org_id}/jobs").route(web::get().to(list)))
        .service(web::resource("/api/v1/orgs/{org_id}/jobs/{job_id}").route(web::get().to(get)))
        .service(web::resource("/api/v1/orgs/{org_id}/jobs/{job_id}/cancel").route(web::post().to(cancel)));
}

//! Assessments and findings.

use std::cell::Cell;

use grc_assessments::{
    Assessment, AssessmentStatus, Finding, assessment,
    finding::{self, Counts, Lifecycle, Severity, Stats, Summary, Verdict},
};
use grc_kernel::{AssessmentId, Refusal, Resource, kit};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    http::{
        call::{Answer, AssessmentRead, AssessmentReview, Begun, Body, Call, FindingRead, Is, Reply, Right},
        limits::Standing,
        params::{Declares, Param, Params},
        problem::Problem,
        resource::{Routes, Shown, answer},
        shape::{Ty, must, null},
    },
    served, shapes,
};

served! { "Assessments", assessments;
    Assessment: "assessments", "assessment_id", "assessment", "assessments",
        const IMPORTED: bool = false;,
        const SUMMARIES: &'static [(&'static str, &'static str)] = &[
            ("list_assessments", "The organization's assessments"),
            ("create_assessment", "Open an assessment"),
            ("update_assessment", "Change an assessment"),
            ("delete_assessment", "Delete an assessment with its findings"),
        ];;
}

served! { "Findings", assessments;
    Finding: "findings", "finding_id", "finding", "findings",
        const IMPORTED: bool = false;,
        const SUMMARIES: &'static [(&'static str, &'static str)] = &[
            ("list_findings", "The organization's findings"),
            ("get_finding_history", "Every change of a finding"),
        ];;
}

shapes! {
    /// No members.
    NoBody [],
    /// How far an execution is.
    AssessmentProgress [&[
        must("status", Ty::Word(AssessmentStatus::NAMES), "Where it stands."),
        must("progress", Ty::Int(0, 100), "floor(100 x evaluated / total)."),
        must("controls_evaluated", Ty::Int(0, i64::MAX), "Controls evaluated."),
        must("controls_total", Ty::Int(0, i64::MAX), "Controls in scope."),
        null("current_control", Ty::Line(100), "The control evaluated last."),
        must("available_transitions", Ty::List(&Ty::Word(AssessmentStatus::NAMES), 6), "The states it may move to."),
    ]],
    /// Findings by verdict.
    VerdictCounts [&[
        must("pass", Ty::Int(0, i64::MAX), "Met."),
        must("fail", Ty::Int(0, i64::MAX), "Not met."),
        must("partial", Ty::Int(0, i64::MAX), "Met in part."),
        must("not_applicable", Ty::Int(0, i64::MAX), "Not applicable."),
    ]],
    /// The results of one family.
    FamilyResult [&[
        must("family", Ty::Text(100), "The family."),
        must("title", Ty::Text(200), "Its title."),
        must("pass", Ty::Int(0, i64::MAX), "Met."),
        must("fail", Ty::Int(0, i64::MAX), "Not met."),
        must("partial", Ty::Int(0, i64::MAX), "Met in part."),
        must("not_applicable", Ty::Int(0, i64::MAX), "Not applicable."),
        null("score", Ty::Number(0.0, 100.0), "The score in percent."),
    ]],
    /// How far evidence reaches.
    EvidenceCoverage [&[
        must("with_evidence", Ty::Int(0, i64::MAX), "Findings that cite evidence."),
        must("without_evidence", Ty::Int(0, i64::MAX), "Findings that cite none."),
        must("needs_review", Ty::Int(0, i64::MAX), "Findings that a person should look at."),
    ]],
    /// The results of an assessment.
    AssessmentSummary [&[
        must("assessment_id", Ty::Id, "The assessment."),
        must("status", Ty::Word(AssessmentStatus::NAMES), "Where it stands."),
        null("score", Ty::Number(0.0, 100.0), "(pass + 0.5 x partial) / (pass + partial + fail), in percent with one decimal."),
        must("counts", Ty::Object(VerdictCounts::SHAPE), "All findings."),
        must("by_family", Ty::List(&Ty::Object(FamilyResult::SHAPE), 10_000), "By family."),
        must("by_severity", Ty::Counts, "Failing and partial findings by severity."),
        must("evidence", Ty::Object(EvidenceCoverage::SHAPE), "How far evidence reaches."),
    ]],
    /// Counts over findings.
    FindingStats [&[
        must("total", Ty::Int(0, i64::MAX), "All."),
        must("by_status", Ty::Counts, "By verdict."),
        must("by_severity", Ty::Counts, "Failing and partial ones by severity."),
        must("by_lifecycle", Ty::Counts, "By lifecycle."),
        must("needs_review", Ty::Int(0, i64::MAX), "That a person should look at."),
        must("unassigned", Ty::Int(0, i64::MAX), "That nobody answers for."),
    ]],
}

/// Says how many more executions the organization may have at once.
fn note_executions<R: Right>(call: &Call<R>, running: Option<i64>, refused: Option<&Problem>) {
    let Some(limit) = u32::try_from(call.app.config.executions).ok().filter(|limit| *limit > 0) else { return };
    let full = refused.filter(|problem| problem.status == 429);
    let running = if full.is_some() { Some(limit) } else { running.and_then(|count| u32::try_from(count).ok()) };
    if let Some(running) = running {
        // Nobody knows when an execution ends; what a refused caller is told to wait is a good guess.
        let reset_in = full.and_then(|problem| problem.retry_after).unwrap_or(if running > 0 { 30 } else { 0 });
        call.note_limit(Standing { limit, remaining: limit.saturating_sub(running), reset_in });
    }
}

macro_rules! moves {
    ($($(#[doc = $doc:literal])+ $name:ident: $id:literal, $summary:literal, $reply:ident $status:literal $(, $limit:ident)?;)+) => {$(
        $(#[doc = $doc])+
        #[api_v2_operation(tags("Assessments"), operation_id = $id, summary = $summary)]
        async fn $name(
            call: Call<AssessmentReview>,
            path: web::Path<(Uuid, Uuid)>,
            body: Body<NoBody>,
        ) -> Result<Reply<$reply<Shown<Assessment>>>, Problem> {
            body.read_or_empty()?;
            let id = path.into_inner().1.into();
            let running = Cell::new(None);
            let reply = call
                .write(body.bytes(), async |ctx, uow| {
                    let moved = assessment::$name(ctx, uow.assessments(), id $(, call.app.config.$limit)?).await?;
                    running.set(Some(assessment::count_running(ctx, uow.assessments()).await?));
                    Ok::<_, Refusal>(answer(ctx, uow, moved).await?.status($status))
                })
                .await;
            note_executions(&call, running.get(), reply.as_ref().err());
            // What begins wants a job done, and what halts leaves room for another.
            call.app.wake.notify_one();
            reply
        }
    )+};
}

moves! {
    /// Begins the execution, as a durable job.
    execute: "execute_assessment", "Execute an assessment", Begun 202, executions;
    /// Halts the execution; what is evaluated stays.
    pause: "pause_assessment", "Pause an execution", Is 200;
    /// Goes on where the execution stopped.
    resume: "resume_assessment", "Resume an execution", Begun 202, executions;
    /// Gives an assessment up.
    cancel: "cancel_assessment", "Cancel an execution", Is 200;
}

fn progress(a: &Assessment) -> Value {
    json!({
        "status": a.status.as_str(), "progress": a.progress(), "controls_evaluated": a.controls_evaluated,
        "controls_total": a.controls_total, "current_control": a.current_control,
        "available_transitions": a.available_transitions(),
    })
}

/// How far the execution is.
#[api_v2_operation(tags("Assessments"), operation_id = "get_assessment_status", summary = "How far an execution is")]
async fn status(
    call: Call<AssessmentRead>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<Is<AssessmentProgress>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| {
        kit::get::<Assessment>(ctx, uow.assessments(), id).await.map(|a| Answer::ok(progress(&a)))
    })
    .await
}

fn counts(c: &Counts) -> Map<String, Value> {
    [("pass", c.pass), ("fail", c.fail), ("partial", c.partial), ("not_applicable", c.not_applicable)]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect()
}

fn summarised(assessment: &Assessment, summary: &Summary) -> Value {
    let families: Vec<Value> = summary
        .by_family
        .iter()
        .map(|family| {
            let mut members = counts(&family.counts);
            members.insert("family".into(), family.family.clone().into());
            members.insert("title".into(), family.title.clone().into());
            members.insert("score".into(), json!(family.counts.score()));
            Value::Object(members)
        })
        .collect();
    let severities: Map<String, Value> =
        summary.by_severity.iter().map(|(s, count)| (s.as_str().to_owned(), (*count).into())).collect();
    json!({
        "assessment_id": assessment.id.to_string(),
        "status": assessment.status.as_str(),
        "score": summary.counts.score(),
        "counts": counts(&summary.counts),
        "by_family": families,
        "by_severity": severities,
        "evidence": {
            "with_evidence": summary.with_evidence, "without_evidence": summary.without_evidence, "needs_review": summary.needs_review,
        },
    })
}

/// The results so far.
#[api_v2_operation(
    tags("Assessments"),
    operation_id = "get_assessment_summary",
    summary = "Score, results by family and severity, evidence coverage"
)]
async fn summary(
    call: Call<AssessmentRead>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<Is<AssessmentSummary>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| {
        assessment::summary(ctx, uow.assessments(), id).await.map(|(a, s)| Answer::ok(summarised(&a, &s)))
    })
    .await
}

fn counted<W: Copy>(pairs: &[(W, i64)], name: fn(W) -> &'static str) -> Map<String, Value> {
    pairs.iter().map(|(word, count)| (name(*word).to_owned(), (*count).into())).collect()
}

fn statistics(stats: &Stats) -> Value {
    json!({
        "total": stats.total,
        "by_status": counted(&stats.by_status, Verdict::as_str),
        "by_severity": counted(&stats.by_severity, Severity::as_str),
        "by_lifecycle": counted(&stats.by_lifecycle, Lifecycle::as_str),
        "needs_review": stats.needs_review,
        "unassigned": stats.unassigned,
    })
}

/// What is counted.
struct Counted;

impl Params for Counted {
    const ALL: &'static [Param] =
        &[Param { name: "assessment_id", doc: "Only the findings of this assessment.", required: false, id: true }];
}

/// Counts over findings, of one assessment (`?assessment_id=`) or of all.
#[api_v2_operation(tags("Findings"), operation_id = "get_finding_stats", summary = "Counts over findings")]
async fn stats(
    call: Call<FindingRead>,
    _path: web::Path<Uuid>,
    _params: Declares<Counted>,
) -> Result<Reply<Is<FindingStats>>, Problem> {
    let mut assessment = None;
    for (name, value) in call.query() {
        let wrong = |code, detail: &str| Problem::fields(vec![grc_kernel::FieldError::new(&name, code, detail)]);
        if name != "assessment_id" {
            return Err(wrong("unknown", "is not a parameter of this route"));
        }
        assessment = Some(AssessmentId(Uuid::parse_str(&value).map_err(|_| wrong("type", "must be a UUID"))?));
    }
    call.read(async |ctx, uow| {
        finding::stats(ctx, uow.assessments(), assessment).await.map(|s| Answer::ok(statistics(&s)))
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let one = "/api/v1/orgs/{org_id}/assessments/{assessment_id}";
    let findings = "/api/v1/orgs/{org_id}/findings";
    config
        .service(web::resource(&format!("{one}/execute")).route(web::post().to(execute)))
        .service(web::resource(&format!("{one}/pause")).route(web::post().to(pause)))
        .service(web::resource(&format!("{one}/resume")).route(web::post().to(resume)))
        .service(web::resource(&format!("{one}/cancel")).route(web::post().to(cancel)))
        .service(web::resource(&format!("{one}/status")).route(web::get().to(status)))
        .service(web::resource(&format!("{one}/summary")).route(web::get().to(summary)))
        .service(web::resource(&format!("{findings}/stats")).route(web::get().to(stats)));
    Routes::<Assessment>::all().into(config);
    Routes::<Finding>::listed().read().updated().with_history().into(config);
}

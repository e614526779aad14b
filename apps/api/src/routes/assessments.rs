//! Assessments and findings.

use grc_assessments::{
    Assessment, AssessmentStatus, AssessmentsError,
    assessment::{self, AmendAssessment, EvaluatorKind, OpenAssessment},
    finding::{self, AmendFinding, Counts, EvaluatedBy, Lifecycle, Severity, Stats, Summary, Verdict},
};
use grc_kernel::{
    AssessmentId, FindingId, FrameworkId, Page, Record, UserId, journal,
    list::{ListRequest, Scalar},
    record::timestamp,
};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    http::{
        call::{
            Answer, AssessmentRead, AssessmentReview, AssessmentWrite, Begun, Body, Call, FindingRead, FindingReview,
            Is, New, Nothing, PageOf, Reply,
        },
        list::{Ask, Listing, page_of, page_of_records},
        problem::Problem,
        shape::{Ty, may, must, null},
    },
    shapes,
};

const ANY_SEVERITY: &[&str] = &["critical", "high", "medium", "low", "info", "informational"];

shapes! {
    /// An assessment.
    @stored AssessmentBody [&[
        must("org_id", Ty::Id, "The organization."),
        must("framework_id", Ty::Id, "The framework measured against."),
        must("framework_key", Ty::Line(64), "The framework's key."),
        must("name", Ty::Line(200), "Its name."),
        null("scope", Ty::Text(20_000), "What of the organization is assessed."),
        null("baseline", Ty::Line(50), "The baseline in scope."),
        must("control_refs", Ty::List(&Ty::Line(100), 2_000), "Only these controls, where given."),
        null("carry_forward_from", Ty::Id, "The assessment carried forward from."),
        must("evaluator", Ty::Word(EvaluatorKind::NAMES), "Who judges."),
        null("due_date", Ty::Date, "By when it should be done."),
        must("status", Ty::Word(AssessmentStatus::NAMES), "Where it stands."),
        must("available_transitions", Ty::List(&Ty::Word(AssessmentStatus::NAMES), 6), "The states it may move to."),
        must("progress", Ty::Int(0, 100), "The share of controls evaluated, in whole percent."),
        must("controls_total", Ty::Int(0, i64::MAX), "Controls in scope."),
        must("controls_evaluated", Ty::Int(0, i64::MAX), "Of them evaluated."),
        null("current_control", Ty::Line(100), "The control evaluated last."),
        null("started_at", Ty::Time, "When execution began."),
        null("completed_at", Ty::Time, "When it was completed."),
        null("error", Ty::Text(20_000), "Why it failed."),
    ]],
    /// A new assessment.
    AssessmentCreate [&[
        must("framework_id", Ty::Id, "The framework."),
        must("name", Ty::Line(200), "Its name."),
        may("scope", Ty::Text(20_000), "What of the organization is assessed."),
        may("baseline", Ty::Line(50), "A baseline of the framework, in any case; ALL takes every active control."),
        may("control_refs", Ty::List(&Ty::Line(100), 2_000), "Only these controls."),
        may("carry_forward_from", Ty::Id, "An assessment of the same framework to carry forward from."),
        may("evaluator", Ty::Word(EvaluatorKind::NAMES), "Who judges."),
        may("due_date", Ty::Date, "By when it should be done."),
    ]],
    /// A change of an assessment.
    AssessmentPatch [&[
        may("name", Ty::Line(200), "Its name."),
        may("scope", Ty::Text(20_000), "What of the organization is assessed."),
        may("due_date", Ty::Date, "By when it should be done."),
    ]],
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
    /// A passage of evidence that a verdict rests on.
    CitationBody [&[
        must("evidence_id", Ty::Id, "The evidence."),
        must("filename", Ty::Line(255), "Its file name."),
        must("excerpt", Ty::Text(1_000), "The passage."),
        must("start", Ty::Int(0, i64::MAX), "Where it begins in the extracted text, in bytes."),
        must("end", Ty::Int(0, i64::MAX), "Where it ends."),
    ]],
    /// What an assessment found for one control.
    @stored FindingBody [&[
        must("org_id", Ty::Id, "The organization."),
        must("assessment_id", Ty::Id, "The assessment."),
        must("framework_key", Ty::Line(64), "The framework's key."),
        must("control_ref", Ty::Line(100), "The control."),
        must("control_title", Ty::Line(200), "Its title."),
        must("family", Ty::Text(100), "Its family."),
        must("family_title", Ty::Text(200), "The family's title."),
        must("status", Ty::Word(Verdict::NAMES), "The verdict."),
        must("severity", Ty::Word(Severity::NAMES), "How grave it is."),
        must("lifecycle", Ty::Word(Lifecycle::NAMES), "What becomes of it."),
        must("rationale", Ty::Text(100_000), "Why the verdict is what it is."),
        must("citations", Ty::List(&Ty::Object(CitationBody::SHAPE), 100), "What it rests on."),
        must("confidence", Ty::Number(0.0, 1.0), "How sure the evaluator is."),
        must("needs_review", Ty::Bool, "Whether a person should look at it."),
        null("remediation_notes", Ty::Text(20_000), "How it was or will be mended."),
        null("owner_id", Ty::Id, "Who answers for it."),
        null("due_date", Ty::Date, "By when."),
        must("evaluated_by", Ty::Word(EvaluatedBy::NAMES), "Who judged."),
    ]],
    /// A change of a finding; changing the verdict, severity or rationale makes it a person's.
    FindingPatch [&[
        may("status", Ty::Word(Verdict::NAMES), "The verdict."),
        may("severity", Ty::Word(ANY_SEVERITY), "How grave it is; informational is taken for info."),
        may("lifecycle", Ty::Word(Lifecycle::NAMES), "What becomes of it."),
        may("rationale", Ty::Text(20_000), "Why."),
        may("remediation_notes", Ty::Text(20_000), "How it was or will be mended."),
        may("owner_id", Ty::Id, "Who answers for it: an active member."),
        may("due_date", Ty::Date, "By when."),
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
    /// One change of a record.
    ChangeRecord [&[
        must("id", Ty::Id, "Its id."),
        must("occurred_at", Ty::Time, "When."),
        must("actor", Ty::Any, "Who: type, id and name."),
        must("action", Ty::Line(100), "What."),
        null("revision", Ty::Int(1, i64::MAX), "The revision after it."),
        null("before", Ty::Any, "The picture before."),
        null("after", Ty::Any, "The picture after."),
        must("request_id", Ty::Line(128), "In which request."),
    ]],
}

/// The list of assessments.
pub struct Assessments;

impl Listing for Assessments {
    const SPEC: &'static grc_kernel::ListSpec = &assessment::LIST;
    type Item = AssessmentBody;
}

/// The list of findings.
pub struct Findings;

impl Listing for Findings {
    const SPEC: &'static grc_kernel::ListSpec = &finding::LIST;
    type Item = FindingBody;
}

/// The organization's assessments.
#[api_v2_operation(tags("Assessments"), operation_id = "list_assessments", summary = "The organization's assessments")]
async fn list(
    call: Call<AssessmentRead>,
    _path: web::Path<Uuid>,
    ask: Ask<Assessments>,
) -> Result<Reply<PageOf<AssessmentBody>>, Problem> {
    let request = ask.read()?;
    call.read(async |ctx, uow| -> Result<Answer, AssessmentsError> {
        Ok(page_of_records(assessment::page(ctx, uow.assessments(), &request.query).await?, &request))
    })
    .await
}

/// Opens an assessment.
#[api_v2_operation(tags("Assessments"), operation_id = "create_assessment", summary = "Open an assessment")]
async fn create(
    call: Call<AssessmentReview>,
    _path: web::Path<Uuid>,
    body: Body<AssessmentCreate>,
) -> Result<Reply<New<AssessmentBody>>, Problem> {
    let input = body.form()?;
    let command = OpenAssessment {
        framework_id: FrameworkId(input.get("framework_id").unwrap_or_default()),
        name: input.text("name"),
        scope: input.get("scope"),
        baseline: input.get("baseline"),
        control_refs: input.get("control_refs"),
        carry_forward_from: input.get("carry_forward_from").map(AssessmentId),
        evaluator: input.get("evaluator"),
        due_date: input.get("due_date"),
    };
    let org = call.org;
    call.write(body.bytes(), async |ctx, uow| {
        let made = assessment::open(ctx, uow.assessments(), command).await?;
        Ok::<_, AssessmentsError>(Answer::created(
            made.snapshot(),
            format!("/api/v1/orgs/{org}/assessments/{}", made.id),
        ))
    })
    .await
}

/// One assessment.
#[api_v2_operation(tags("Assessments"), operation_id = "get_assessment", summary = "One assessment")]
async fn get(call: Call<AssessmentRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<AssessmentBody>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| {
        assessment::get(ctx, uow.assessments(), id).await.map(|a| Answer::resource(a.snapshot()))
    })
    .await
}

/// Changes an assessment's name, scope or due date.
#[api_v2_operation(tags("Assessments"), operation_id = "update_assessment", summary = "Change an assessment")]
async fn update(
    call: Call<AssessmentReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<AssessmentPatch>,
) -> Result<Reply<Is<AssessmentBody>>, Problem> {
    let id = path.into_inner().1.into();
    let input = body.form()?;
    let seen = call.if_match()?;
    let command =
        AmendAssessment { name: input.patch("name"), scope: input.patch("scope"), due_date: input.patch("due_date") };
    call.write(body.bytes(), async |ctx, uow| {
        assessment::amend(ctx, uow.assessments(), id, seen, command).await.map(|a| Answer::resource(a.snapshot()))
    })
    .await
}

/// Deletes an assessment with its findings; not while it runs or is paused.
#[api_v2_operation(
    tags("Assessments"),
    operation_id = "delete_assessment",
    summary = "Delete an assessment with its findings"
)]
async fn delete(call: Call<AssessmentWrite>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Nothing>, Problem> {
    let id = path.into_inner().1.into();
    let seen = call.if_match()?;
    call.write(&[], async |ctx, uow| {
        assessment::delete(ctx, uow.assessments(), id, seen).await.map(|()| Answer::none())
    })
    .await
}

/// Begins the execution, as a durable job.
#[api_v2_operation(tags("Assessments"), operation_id = "execute_assessment", summary = "Execute an assessment")]
async fn execute(
    call: Call<AssessmentReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<NoBody>,
) -> Result<Reply<Begun<AssessmentBody>>, Problem> {
    body.read_or_empty()?;
    let id = path.into_inner().1.into();
    let limit = call.app.config.executions;
    let reply = call
        .write(body.bytes(), async |ctx, uow| {
            assessment::execute(ctx, uow.assessments(), id, limit).await.map(|a| Answer::accepted(a.snapshot()))
        })
        .await;
    call.app.wake.notify_one();
    reply
}

/// Halts the execution; what is evaluated stays.
#[api_v2_operation(tags("Assessments"), operation_id = "pause_assessment", summary = "Pause an execution")]
async fn pause(
    call: Call<AssessmentReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<NoBody>,
) -> Result<Reply<Is<AssessmentBody>>, Problem> {
    body.read_or_empty()?;
    let id = path.into_inner().1.into();
    call.write(body.bytes(), async |ctx, uow| {
        assessment::pause(ctx, uow.assessments(), id).await.map(|a| Answer::resource(a.snapshot()))
    })
    .await
}

/// Goes on where the execution stopped.
#[api_v2_operation(tags("Assessments"), operation_id = "resume_assessment", summary = "Resume an execution")]
async fn resume(
    call: Call<AssessmentReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<NoBody>,
) -> Result<Reply<Begun<AssessmentBody>>, Problem> {
    body.read_or_empty()?;
    let id = path.into_inner().1.into();
    let limit = call.app.config.executions;
    let reply = call
        .write(body.bytes(), async |ctx, uow| {
            assessment::resume(ctx, uow.assessments(), id, limit).await.map(|a| Answer::accepted(a.snapshot()))
        })
        .await;
    call.app.wake.notify_one();
    reply
}

/// Gives an assessment up.
#[api_v2_operation(tags("Assessments"), operation_id = "cancel_assessment", summary = "Cancel an execution")]
async fn cancel(
    call: Call<AssessmentReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<NoBody>,
) -> Result<Reply<Is<AssessmentBody>>, Problem> {
    body.read_or_empty()?;
    let id = path.into_inner().1.into();
    call.write(body.bytes(), async |ctx, uow| {
        assessment::cancel(ctx, uow.assessments(), id).await.map(|a| Answer::resource(a.snapshot()))
    })
    .await
}

fn progress(a: &Assessment) -> Value {
    json!({
        "status": a.status.as_str(), "progress": a.progress(), "controls_evaluated": a.controls_evaluated,
        "controls_total": a.controls_total, "current_control": a.current_control, "available_transitions": a.status.available(),
    })
}

/// How far the execution is.
#[api_v2_operation(tags("Assessments"), operation_id = "get_assessment_status", summary = "How far an execution is")]
async fn status(
    call: Call<AssessmentRead>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<Is<AssessmentProgress>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| assessment::get(ctx, uow.assessments(), id).await.map(|a| Answer::ok(progress(&a))))
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

/// The organization's findings.
#[api_v2_operation(tags("Findings"), operation_id = "list_findings", summary = "The organization's findings")]
async fn list_findings(
    call: Call<FindingRead>,
    _path: web::Path<Uuid>,
    ask: Ask<Findings>,
) -> Result<Reply<PageOf<FindingBody>>, Problem> {
    let request = ask.read()?;
    call.read(async |ctx, uow| -> Result<Answer, AssessmentsError> {
        Ok(page_of_records(finding::page(ctx, uow.assessments(), &request.query).await?, &request))
    })
    .await
}

/// One finding.
#[api_v2_operation(tags("Findings"), operation_id = "get_finding", summary = "One finding")]
async fn get_finding(
    call: Call<FindingRead>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<Is<FindingBody>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| finding::get(ctx, uow.assessments(), id).await.map(|f| Answer::resource(f.snapshot())))
        .await
}

/// Changes a finding.
#[api_v2_operation(tags("Findings"), operation_id = "update_finding", summary = "Change a finding")]
async fn update_finding(
    call: Call<FindingReview>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<FindingPatch>,
) -> Result<Reply<Is<FindingBody>>, Problem> {
    let id = path.into_inner().1.into();
    let input = body.form()?;
    let seen = call.if_match()?;
    let command = AmendFinding {
        status: input.patch("status"),
        severity: input.patch("severity"),
        lifecycle: input.patch("lifecycle"),
        rationale: input.patch("rationale"),
        remediation_notes: input.patch("remediation_notes"),
        owner_id: input.patch::<Uuid>("owner_id").map(UserId),
        due_date: input.patch("due_date"),
    };
    call.write(body.bytes(), async |ctx, uow| {
        finding::amend(ctx, uow.assessments(), id, seen, command).await.map(|f| Answer::resource(f.snapshot()))
    })
    .await
}

/// Every change of a finding, the oldest first.
#[api_v2_operation(tags("Findings"), operation_id = "get_finding_history", summary = "Every change of a finding")]
async fn history(
    call: Call<FindingRead>,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<PageOf<ChangeRecord>>, Problem> {
    let id: FindingId = path.into_inner().1.into();
    call.read(async |ctx, uow| -> Result<Answer, AssessmentsError> {
        finding::get(ctx, uow.assessments(), id).await?;
        let query = journal::LIST.query().only("resource_id", vec![Scalar::Id(id.0)]).limited(1_000);
        let page: Page<journal::Entry> = uow.app().journal_page(ctx.org, &query).await?;
        let request = ListRequest { query, fields: None };
        Ok(page_of(page, &request, |entry| {
            json!({
                "id": entry.id.to_string(), "occurred_at": timestamp(entry.occurred_at),
                "actor": {"type": entry.actor_kind, "id": entry.actor_id.to_string(), "name": entry.actor_name},
                "action": entry.action, "revision": entry.revision, "before": entry.before, "after": entry.after,
                "request_id": entry.request_id,
            })
        }))
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

/// Counts over findings, of one assessment (`?assessment_id=`) or of all.
#[api_v2_operation(tags("Findings"), operation_id = "get_finding_stats", summary = "Counts over findings")]
async fn stats(call: Call<FindingRead>, _path: web::Path<Uuid>) -> Result<Reply<Is<FindingStats>>, Problem> {
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
    config
        .service(
            web::resource("/api/v1/orgs/{org_id}/assessments").route(web::get().to(list)).route(web::post().to(create)),
        )
        .service(
            web::resource(one).route(web::get().to(get)).route(web::patch().to(update)).route(web::delete().to(delete)),
        )
        .service(web::resource(&format!("{one}/execute")).route(web::post().to(execute)))
        .service(web::resource(&format!("{one}/pause")).route(web::post().to(pause)))
        .service(web::resource(&format!("{one}/resume")).route(web::post().to(resume)))
        .service(web::resource(&format!("{one}/cancel")).route(web::post().to(cancel)))
        .service(web::resource(&format!("{one}/status")).route(web::get().to(status)))
        .service(web::resource(&format!("{one}/summary")).route(web::get().to(summary)))
        .service(web::resource("/api/v1/orgs/{org_id}/findings").route(web::get().to(list_findings)))
        .service(web::resource("/api/v1/orgs/{org_id}/findings/stats").route(web::get().to(stats)))
        .service(
            web::resource("/api/v1/orgs/{org_id}/findings/{finding_id}")
                .route(web::get().to(get_finding))
                .route(web::patch().to(update_finding)),
        )
        .service(web::resource("/api/v1/orgs/{org_id}/findings/{finding_id}/history").route(web::get().to(history)));
}

//! Incidents: the register, the response, its record, and what it adds up to.

mod export;
pub mod metrics;

use grc_flows::incident as flows;
use grc_incident::{Exhibit, Incident, IncidentId, Review, Task, TimelineEntry, incident::BESIDES, response, review};
use grc_kernel::{
    Changes, Ctx, EvidenceId, Refusal, Repo, Resource, Uuid, kit,
    list::{ListQuery, Scalar, Sort},
    resource::write_record,
};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::Value;

use crate::{
    http::{
        call::{Answer, Body, Call, IncidentRead, IncidentWrite, Is, New, Reply, Right},
        problem::Problem,
        resource::{self, Create, Extra, Get, Making, Routes, Shown, Update, answer},
        shape::{Shaped, Ty, may, must},
    },
    served, shapes,
};

/// How many tasks and timeline entries one incident shows; their lists have all.
const SHOWN_MAX: usize = 200;
const PARENT: (&str, &str) = ("incident_id", "incident_id");

served! { "Incidents", incident;
    Incident: "incidents", "incident_id", "incident", "incidents",
        async fn extra(ctx: &Ctx, _: &mut Uow, records: &[Self]) -> Result<Option<Vec<Extra>>, Refusal> {
            Ok(Some(records.iter().map(|incident| incident.extra(ctx.now)).collect()))
        };
    TimelineEntry: "incidents/{incident_id}/timeline", "entry_id", "incident_timeline_entry", "incident_timeline",
        const PARENT: Option<(&'static str, &'static str)> = Some(PARENT);;
    Task: "incidents/{incident_id}/tasks", "task_id", "incident_task", "incident_tasks",
        const PARENT: Option<(&'static str, &'static str)> = Some(PARENT);;
    Review: "incidents/{incident_id}/review", "incident_id", "incident_review", "incident_reviews";
    Exhibit: "incidents/{incident_id}/evidence", "exhibit_id", "incident_exhibit", "incident_evidence",
        const PARENT: Option<(&'static str, &'static str)> = Some(PARENT);;
}

shapes! {
    /// An incident with its tasks and its timeline.
    @stored IncidentDetail [
        &[must("org_id", Ty::Id, "The organization.")],
        Incident::MEMBERS,
        Incident::MOVES,
        BESIDES,
        &[
            must("tasks", Ty::List(&Ty::Object(Shown::<Task>::SHAPE), SHOWN_MAX), "The first 200 tasks, the oldest first; the list of tasks has all."),
            must("timeline", Ty::List(&Ty::Object(Shown::<TimelineEntry>::SHAPE), SHOWN_MAX), "The last 200 entries of the timeline, the oldest of them first; the timeline has all."),
        ],
    ],
    /// What changes an incident; `phase` moves the response.
    @patch IncidentChange [
        Incident::MEMBERS,
        &[may("force", Ty::Bool, "Whether phases may be left out: for admins and the commander, with notes.")],
    ],
    /// What may be said of a step.
    IncidentRemark [&[may("notes", Ty::Text(20_000), "What there is to say of it.")]],
    /// Evidence that belongs to an incident.
    EvidenceCollection [&[
        must("evidence_ids", Ty::List(&Ty::Id, 1_000), "The stored evidence.").at_least(1),
        may("notes", Ty::Text(20_000), "Why it is collected."),
    ]],
    /// The evidence that was named, as it belongs to the incident now.
    CollectedEvidence [&[
        must("items", Ty::List(&Ty::Object(Shown::<Exhibit>::SHAPE), 1_000), "One for each piece of evidence."),
    ]],
}

/// The answer with one incident.
async fn detail(ctx: &Ctx, uow: &mut Uow, incident: Incident) -> Result<Answer, Refusal> {
    let of = |query: ListQuery| query.only("incident_id", vec![Scalar::Id(incident.id.0)]).limited(SHOWN_MAX);
    let tasks = Repo::<Task>::page(uow.incident(), ctx.org, &of(Task::LIST.query())).await?.items;
    let mut last = of(TimelineEntry::LIST.query());
    if let Some(field) = TimelineEntry::LIST.field("sequence") {
        last.sort = Sort { field, descending: true };
    }
    let mut timeline = Repo::<TimelineEntry>::page(uow.incident(), ctx.org, &last).await?.items;
    timeline.reverse();
    let mut text = String::with_capacity(4_096);
    write_record(&incident, None, &incident.extra(ctx.now), &mut text);
    // The record is an object: what belongs to it goes before its end.
    text.pop();
    text.push_str(",\"tasks\":");
    array(&tasks, &mut text);
    text.push_str(",\"timeline\":");
    array(&timeline, &mut text);
    text.push('}');
    Ok(Answer::text(text, incident.meta.revision))
}

fn array<R: Resource>(records: &[R], text: &mut String) {
    text.push('[');
    for (i, record) in records.iter().enumerate() {
        text.push_str(if i > 0 { "," } else { "" });
        write_record(record, None, &[], text);
    }
    text.push(']');
}

/// Opens an incident.
#[api_v2_operation]
async fn create(
    call: Call<Create<Incident>>,
    body: Body<Making<Incident>>,
) -> Result<Reply<New<IncidentDetail>>, Problem> {
    let changes = Changes::<Incident>::read(&body.form()?);
    let path = call.path();
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
        let opened = kit::create(ctx, uow.incident(), changes).await?;
        let location = format!("{path}/{}", opened.id);
        Ok(detail(ctx, uow, opened).await?.status(201).with("location", location))
    })
    .await
}

/// One incident, with its clocks, tasks and timeline.
#[api_v2_operation]
async fn get(call: Call<Get<Incident>>) -> Result<Reply<Is<IncidentDetail>>, Problem> {
    let id = id(&call)?;
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let found = kit::get::<Incident>(ctx, uow.incident(), id).await?;
        detail(ctx, uow, found).await
    })
    .await
}

/// Changes an incident. `phase` moves the response, with `notes` where it goes back.
#[api_v2_operation]
async fn update(
    call: Call<Update<Incident>>,
    body: Body<IncidentChange>,
) -> Result<Reply<Is<IncidentDetail>>, Problem> {
    let input = body.form()?;
    let (changes, force) = (Changes::<Incident>::read(&input), input.get("force").unwrap_or(false));
    let (id, seen) = (id(&call)?, call.if_match()?);
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
        let changed = response::amend(ctx, uow.incident(), id, seen, force, changes).await?;
        detail(ctx, uow, changed).await
    })
    .await
}

/// Takes an incident on.
#[api_v2_operation(tags("Incidents"), operation_id = "acknowledge_incident", summary = "Take an incident on")]
async fn acknowledge(
    call: Call<IncidentWrite>,
    body: Body<IncidentRemark>,
) -> Result<Reply<Is<IncidentDetail>>, Problem> {
    let notes = body.read_or_empty()?.get("notes");
    let id = id(&call)?;
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
        let taken = response::acknowledge(ctx, uow.incident(), id, notes).await?;
        detail(ctx, uow, taken).await
    })
    .await
}

/// Closes an incident whose response is over, whose review is written and that has no open task.
#[api_v2_operation(tags("Incidents"), operation_id = "close_incident", summary = "Close an incident")]
async fn close(call: Call<IncidentWrite>, body: Body<IncidentRemark>) -> Result<Reply<Is<IncidentDetail>>, Problem> {
    let notes = body.read_or_empty()?.get("notes");
    let id = id(&call)?;
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
        let closed = response::close(ctx, uow.incident(), id, notes).await?;
        detail(ctx, uow, closed).await
    })
    .await
}

/// What was learned from an incident.
#[api_v2_operation(tags("Incidents"), operation_id = "get_incident_review", summary = "The review of an incident")]
async fn get_review(call: Call<IncidentRead>) -> Result<Reply<Is<Shown<Review>>>, Problem> {
    let id = id(&call)?;
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let written = review::get(ctx, uow.incident(), id).await?;
        answer(ctx, uow, written).await
    })
    .await
}

/// Writes what was learned, in place of what was written before. A single text is taken for a list of one.
#[api_v2_operation(
    tags("Incidents"),
    operation_id = "put_incident_review",
    summary = "Write the review of an incident"
)]
async fn put_review(
    call: Call<IncidentWrite>,
    body: Body<Making<Review>>,
) -> Result<Reply<Is<Shown<Review>>>, Problem> {
    let input = Making::<Review>::SHAPE.read_form(&listed(body.bytes(), &["lessons", "actions"]))?;
    let changes = Changes::<Review>::read(&input);
    let (id, seen) = (id(&call)?, call.if_match()?);
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
        let written = review::write(ctx, uow.incident(), id, seen, changes).await?;
        answer(ctx, uow, written).await
    })
    .await
}

/// A body in which members that are a single text are a list of it. One that is not JSON stays as it is, for its reader
/// to refuse.
fn listed(bytes: &[u8], members: &[&str]) -> Vec<u8> {
    let Ok(Value::Object(mut body)) = grc_kernel::shape::parse(bytes) else { return bytes.to_vec() };
    for member in members {
        if let Some(value) = body.get_mut(*member).filter(|value| value.is_string()) {
            *value = Value::Array(vec![value.take()]);
        }
    }
    Value::Object(body).to_string().into_bytes()
}

/// Collects stored evidence for an incident, each piece once.
#[api_v2_operation(
    tags("Incidents"),
    operation_id = "collect_incident_evidence",
    summary = "Collect stored evidence for an incident"
)]
async fn collect(
    call: Call<IncidentWrite>,
    body: Body<EvidenceCollection>,
) -> Result<Reply<New<CollectedEvidence>>, Problem> {
    let input = body.read()?;
    let ids: Vec<EvidenceId> =
        input.get::<Vec<Uuid>>("evidence_ids").unwrap_or_default().into_iter().map(EvidenceId).collect();
    let notes: Option<String> = input.get("notes");
    let id = id(&call)?;
    let location = call.path().replace("/evidence/collect", "/evidence");
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Refusal> {
        let exhibits = flows::collect(ctx, uow, id, &ids, notes.as_deref()).await?;
        let mut text = String::from("{\"items\":");
        array(&exhibits, &mut text);
        text.push('}');
        Ok(Answer::plain_text(text).status(201).with("location", location))
    })
    .await
}

fn id<R: Right>(call: &Call<R>) -> Result<IncidentId, Problem> {
    Ok(call.param("incident_id")?.into())
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let all = "/api/v1/orgs/{org_id}/incidents";
    let one = format!("{all}/{{incident_id}}");
    config
        .service(web::resource(&format!("{all}/metrics")).route(web::get().to(metrics::overall)))
        .service(web::resource(all).route(web::get().to(resource::list::<Incident>)).route(web::post().to(create)))
        .service(
            web::resource(&one)
                .route(web::get().to(get))
                .route(web::patch().to(update))
                .route(web::delete().to(resource::delete::<Incident>)),
        )
        .service(web::resource(&format!("{one}/history")).route(web::get().to(resource::history::<Incident>)))
        .service(web::resource(&format!("{one}/acknowledge")).route(web::post().to(acknowledge)))
        .service(web::resource(&format!("{one}/close")).route(web::post().to(close)))
        .service(
            web::resource(&format!("{one}/review")).route(web::get().to(get_review)).route(web::put().to(put_review)),
        )
        .service(web::resource(&format!("{one}/metrics")).route(web::get().to(metrics::of_one)))
        .service(web::resource(&format!("{one}/evidence/collect")).route(web::post().to(collect)))
        .service(web::resource(&format!("{one}/evidence/export")).route(web::get().to(export::export)))
        .service(web::resource(&format!("{one}/evidence")).route(web::get().to(resource::list::<Exhibit>)));
    Routes::<Task>::all().into(config);
    Routes::<TimelineEntry>::listed().created().read().into(config);
}

//! The controls that an organization runs.

use grc_assessments::{
    AssessmentsError,
    control::{
        self, Category, ControlInput, CsfFunction, Effectiveness, Frequency, Standing, Status, rules::ComputedStatus,
    },
};
use grc_kernel::{EvidenceId, Record, UserId};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::{
        call::{Answer, Body, Call, ControlRead, ControlWrite, Is, New, Nothing, PageOf, Reply},
        list::{Ask, Listing, page_of},
        problem::Problem,
        shape::{Input, Member, Shaped, Ty, may, must, null},
    },
    shapes,
};

const SETTABLE: &[Member] = &[
    may("ref_id", Ty::Line(100), "The organization's own number for it."),
    may("description", Ty::Text(20_000), "What it does."),
    may("csf_function", Ty::Word(CsfFunction::NAMES), "The CSF 2.0 function that it serves."),
    may("status", Ty::Word(Status::NAMES), "How far it is; planned at first."),
    may("owner_id", Ty::Id, "Who answers for it: an active member."),
    may("frequency", Ty::Word(Frequency::NAMES), "How often it is carried out."),
    may("requirements", Ty::List(&Ty::Line(200), 1_000), "The requirements that it meets, KEY:ref."),
    may("evidence", Ty::List(&Ty::Id, 1_000), "The evidence for it."),
    may("effectiveness", Ty::Object(EffectivenessBody::SHAPE), "How well it works."),
];

shapes! {
    /// How well a control works: the product of the three (FAIR-CAM).
    EffectivenessBody [&[
        must("efficacy", Ty::Number(0.0, 1.0), "How well it works where it works."),
        must("coverage", Ty::Number(0.0, 1.0), "The share of the assets that it covers."),
        must("reliability", Ty::Number(0.0, 1.0), "The share of the time that it works as intended."),
    ]],
    /// A control that the organization runs.
    @stored ControlBody [&[
        must("org_id", Ty::Id, "The organization."),
        must("name", Ty::Line(200), "Its name."),
        null("ref_id", Ty::Line(100), "The organization's own number for it."),
        null("description", Ty::Text(20_000), "What it does."),
        must("category", Ty::Word(Category::NAMES), "What kind of measure it is."),
        null("csf_function", Ty::Word(CsfFunction::NAMES), "The CSF 2.0 function that it serves."),
        must("status", Ty::Word(Status::NAMES), "How far it is."),
        null("owner_id", Ty::Id, "Who answers for it."),
        null("frequency", Ty::Word(Frequency::NAMES), "How often it is carried out."),
        must("requirements", Ty::List(&Ty::Line(200), 1_000), "The requirements that it meets, KEY:ref."),
        must("evidence", Ty::List(&Ty::Id, 1_000), "The evidence for it."),
        null("effectiveness", Ty::Object(EffectivenessBody::SHAPE), "How well it works."),
        must("computed_status", Ty::Word(ComputedStatus::NAMES), "How it stands, by the facts."),
        must("reasons", Ty::List(&Ty::Text(1_000), 2_000), "Why it stands so."),
    ]],
    /// A new control.
    ControlCreate [&[
        must("name", Ty::Line(200), "Its name."),
        must("category", Ty::Word(Category::NAMES), "What kind of measure it is."),
    ], SETTABLE],
    /// A change of a control.
    ControlPatch [&[
        may("name", Ty::Line(200), "Its name."),
        may("category", Ty::Word(Category::NAMES), "What kind of measure it is."),
    ], SETTABLE],
}

/// The list of controls.
pub struct Controls;

impl Listing for Controls {
    const SPEC: &'static grc_kernel::ListSpec = &control::LIST;
    type Item = ControlBody;
}

fn shown(standing: &Standing) -> Value {
    let mut body = standing.control.snapshot();
    if let Value::Object(members) = &mut body {
        members.insert("computed_status".into(), standing.computed_status.as_str().into());
        members.insert("reasons".into(), json!(standing.reasons));
    }
    body
}

fn command(input: &Input) -> ControlInput {
    ControlInput {
        name: input.patch("name"),
        ref_id: input.patch("ref_id"),
        description: input.patch("description"),
        category: input.patch("category"),
        csf_function: input.patch("csf_function"),
        status: input.patch("status"),
        owner_id: input.patch::<Uuid>("owner_id").map(UserId),
        frequency: input.patch("frequency"),
        requirements: input.patch("requirements"),
        evidence: input.patch::<Vec<Uuid>>("evidence").map(|ids| ids.into_iter().map(EvidenceId).collect()),
        effectiveness: input.patch::<Input>("effectiveness").map(|e| Effectiveness {
            efficacy: e.get("efficacy").unwrap_or(0.0),
            coverage: e.get("coverage").unwrap_or(0.0),
            reliability: e.get("reliability").unwrap_or(0.0),
        }),
    }
}

/// The organization's controls.
#[api_v2_operation(
    tags("Controls"),
    operation_id = "list_controls",
    summary = "The controls that the organization runs"
)]
async fn list(
    call: Call<ControlRead>,
    _path: web::Path<Uuid>,
    ask: Ask<Controls>,
) -> Result<Reply<PageOf<ControlBody>>, Problem> {
    let request = ask.read()?;
    call.read(async |ctx, uow| -> Result<Answer, AssessmentsError> {
        Ok(page_of(control::page(ctx, uow.assessments(), &request.query).await?, &request, shown))
    })
    .await
}

/// Adds a control.
#[api_v2_operation(tags("Controls"), operation_id = "create_control", summary = "Add a control")]
async fn create(
    call: Call<ControlWrite>,
    _path: web::Path<Uuid>,
    body: Body<ControlCreate>,
) -> Result<Reply<New<ControlBody>>, Problem> {
    let command = command(&body.form()?);
    let org = call.org;
    call.write(body.bytes(), async |ctx, uow| {
        let made = control::open(ctx, uow.assessments(), command).await?;
        let location = format!("/api/v1/orgs/{org}/controls/{}", made.control.id);
        Ok::<_, AssessmentsError>(Answer::created(shown(&made), location))
    })
    .await
}

/// One control, with its standing.
#[api_v2_operation(
    tags("Controls"),
    operation_id = "get_control",
    summary = "One control, with its computed status and reasons"
)]
async fn get(call: Call<ControlRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<ControlBody>>, Problem> {
    let id = path.into_inner().1.into();
    call.read(async |ctx, uow| control::get(ctx, uow.assessments(), id).await.map(|s| Answer::resource(shown(&s))))
        .await
}

/// Changes a control.
#[api_v2_operation(tags("Controls"), operation_id = "update_control", summary = "Change a control")]
async fn update(
    call: Call<ControlWrite>,
    path: web::Path<(Uuid, Uuid)>,
    body: Body<ControlPatch>,
) -> Result<Reply<Is<ControlBody>>, Problem> {
    let id = path.into_inner().1.into();
    let command = command(&body.form()?);
    let seen = call.if_match()?;
    call.write(body.bytes(), async |ctx, uow| {
        control::amend(ctx, uow.assessments(), id, seen, command).await.map(|s| Answer::resource(shown(&s)))
    })
    .await
}

/// Removes a control.
#[api_v2_operation(tags("Controls"), operation_id = "delete_control", summary = "Remove a control")]
async fn delete(call: Call<ControlWrite>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Nothing>, Problem> {
    let id = path.into_inner().1.into();
    let seen = call.if_match()?;
    call.write(&[], async |ctx, uow| control::delete(ctx, uow.assessments(), id, seen).await.map(|()| Answer::none()))
        .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/v1/orgs/{org_id}/controls").route(web::get().to(list)).route(web::post().to(create)),
        )
        .service(
            web::resource("/api/v1/orgs/{org_id}/controls/{control_id}")
                .route(web::get().to(get))
                .route(web::patch().to(update))
                .route(web::delete().to(delete)),
        );
}

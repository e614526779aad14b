//! The risk register.

use grc_kernel::{Ctx, ListSpec, Refusal, Resource};
use grc_risk::{
    Acceptance, AcceptanceId, Appetite, Entry, EntryId, Matrix, Treatment,
    acceptance::{self, Decision},
    appetite, heatmap, matrix,
};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use crate::{
    http::{
        call::{Answer, Body, Call, Is, Pictured, Reply, RiskAdmin, RiskRead, RiskReview},
        list::{Ask, Listing},
        negotiate::negotiate,
        problem::Problem,
        resource::{Making, Routes, Shown, answer, render},
        shape::{Ty, may, must},
    },
    served, shapes,
};

served! { "Risk", risk;
    Entry: "risks/register", "entry_id", "risk", "risks";
    Treatment: "risks/register/{entry_id}/treatments", "treatment_id", "treatment", "treatments",
        const PARENT: Option<(&'static str, &'static str)> = Some(("risk_id", "entry_id"));;
    Acceptance: "risks/register/{entry_id}/acceptances", "acceptance_id", "acceptance", "acceptances",
        const PARENT: Option<(&'static str, &'static str)> = Some(("risk_id", "entry_id"));,
        fn at(self, ctx: &Ctx) -> Self { Self::at(self, ctx.now) };
    Matrix: "risks/matrix", "org_id", "risk_matrix", "risk_matrices";
    Appetite: "risks/appetite", "org_id", "risk_appetite", "risk_appetites";
}

shapes! {
    /// A decision on an acceptance.
    AcceptanceDecision [&[
        must("decision", Ty::Word(Decision::NAMES), "What is decided."),
        may("comment", Ty::Text(20_000), "Why."),
    ]],
    /// Nothing need be said.
    RiskNothing [&[]],
    /// A cell of the heat map that has entries.
    HeatMapCell [&[
        must("likelihood", Ty::Int(1, 10), "The likelihood."),
        must("impact", Ty::Int(1, 10), "The impact."),
        must("count", Ty::Int(1, i64::MAX), "How many entries have both."),
    ]],
    /// How many risks lie in each cell of the matrix; cells without any are left out.
    HeatMap [&[
        must("inherent", Ty::List(&Ty::Object(HeatMapCell::SHAPE), 100), "Before treatment."),
        must("residual", Ty::List(&Ty::Object(HeatMapCell::SHAPE), 100), "With treatment; a risk without a residual counts with its inherent."),
    ]],
}

/// Decides on an acceptance.
#[api_v2_operation(tags("Risk"), operation_id = "decide_acceptance", summary = "Approve or reject an acceptance")]
async fn decide(
    call: Call<RiskReview>,
    body: Body<AcceptanceDecision>,
) -> Result<Reply<Is<Shown<Acceptance>>>, Problem> {
    let input = body.read()?;
    let decision = Decision::parse(&input.text("decision")).unwrap_or(Decision::Rejected);
    let comment = input.get("comment");
    let (risk, id) = acceptance_of_path(&call)?;
    call.write(body.bytes(), async |ctx, uow| {
        let decided = acceptance::decide(ctx, uow.risk(), risk, id, decision, comment).await?;
        answer(ctx, uow, decided).await
    })
    .await
}

/// Takes an acceptance back.
#[api_v2_operation(tags("Risk"), operation_id = "revoke_acceptance", summary = "Revoke an acceptance")]
async fn revoke(call: Call<RiskReview>, body: Body<RiskNothing>) -> Result<Reply<Is<Shown<Acceptance>>>, Problem> {
    body.read_or_empty()?;
    let (risk, id) = acceptance_of_path(&call)?;
    call.write(body.bytes(), async |ctx, uow| {
        let revoked = acceptance::revoke(ctx, uow.risk(), risk, id).await?;
        answer(ctx, uow, revoked).await
    })
    .await
}

fn acceptance_of_path(call: &Call<RiskReview>) -> Result<(EntryId, AcceptanceId), Problem> {
    Ok((call.param("entry_id")?.into(), call.param("acceptance_id")?.into()))
}

/// The filters of the heat map: those of the register.
struct HeatMapOf;

impl Listing for HeatMapOf {
    const SPEC: &'static ListSpec = Entry::LIST;
    type Item = Shown<Entry>;
    const PAGED: bool = false;
    const PICTURE: bool = true;
}

fn counted(counts: &heatmap::Counts) -> Value {
    counts
        .iter()
        .map(|((likelihood, impact), count)| json!({"likelihood": likelihood, "impact": impact, "count": count}))
        .collect()
}

/// The heat map, as JSON or, where `Accept` or `format=svg` asks for it, as a picture.
#[api_v2_operation(
    tags("Risk"),
    operation_id = "get_risk_heatmap",
    summary = "How many risks lie in each cell of the matrix"
)]
async fn heat_map(call: Call<RiskRead>, ask: Ask<HeatMapOf>) -> Result<Reply<Pictured<HeatMap>>, Problem> {
    let picture = ask.wants_svg()?
        || negotiate(call.header("accept"), &["application/json", "image/svg+xml"])? == "image/svg+xml";
    let query = ask.read()?.query;
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let map = heatmap::get(ctx, uow.risk(), &query).await?;
        Ok(if picture {
            Answer::media("image/svg+xml", grc_risk::picture::heat_map(&map).into_bytes())
        } else {
            Answer::ok(json!({"inherent": counted(&map.inherent), "residual": counted(&map.residual)}))
        })
    })
    .await
}

macro_rules! settings {
    ($($module:ident: $resource:ty, $get:ident, $put:ident, $get_id:literal, $put_id:literal, $what:literal;)+) => {$(
        #[doc = concat!("The organization's ", $what, ".")]
        #[api_v2_operation(tags("Risk"), operation_id = $get_id, summary = $what)]
        async fn $get(call: Call<RiskRead>) -> Result<Reply<Is<Shown<$resource>>>, Problem> {
            call.read(async |ctx, uow| {
                let current = $module::get(ctx, uow.risk()).await?;
                answer(ctx, uow, current).await
            })
            .await
        }

        #[doc = concat!("Decides on the ", $what, ".")]
        #[api_v2_operation(tags("Risk"), operation_id = $put_id, summary = $what)]
        async fn $put(call: Call<RiskAdmin>, body: Body<Making<$resource>>) -> Result<Reply<Is<Shown<$resource>>>, Problem> {
            let changes = grc_kernel::Changes::read(&body.form()?);
            let seen = call.if_match()?;
            call.write(body.bytes(), async |ctx, uow| {
                let (decided, moved) = $module::decide(ctx, uow.risk(), seen, changes).await?;
                let revision = decided.meta.revision;
                let text = render(ctx, uow, decided).await?;
                // How many entries it moved is said once, of this change.
                let text = format!("{},\"moved\":{moved}}}", text.strip_suffix('}').unwrap_or(&text));
                Ok::<_, Refusal>(Answer::text(text, revision))
            })
            .await
        }
    )+};
}

settings! {
    matrix: Matrix, get_matrix, put_matrix, "get_risk_matrix", "put_risk_matrix", "The risk matrix";
    appetite: Appetite, get_appetite, put_appetite, "get_risk_appetite", "put_risk_appetite", "The risk appetite";
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let org = "/api/v1/orgs/{org_id}/risks";
    let acceptance = format!("{org}/register/{{entry_id}}/acceptances/{{acceptance_id}}");
    config
        .service(web::resource(&format!("{org}/heatmap")).route(web::get().to(heat_map)))
        .service(
            web::resource(&format!("{org}/matrix")).route(web::get().to(get_matrix)).route(web::put().to(put_matrix)),
        )
        .service(
            web::resource(&format!("{org}/appetite"))
                .route(web::get().to(get_appetite))
                .route(web::put().to(put_appetite)),
        )
        .service(web::resource(&format!("{acceptance}/decide")).route(web::post().to(decide)))
        .service(web::resource(&format!("{acceptance}/revoke")).route(web::post().to(revoke)));
    Routes::<Entry>::all().with_history().into(config);
    Routes::<Treatment>::listed().created().updated().deleted().into(config);
    Routes::<Acceptance>::listed().created().into(config);
}

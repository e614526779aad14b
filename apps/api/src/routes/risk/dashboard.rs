//! The dashboard.

use grc_kernel::{ListSpec, Refusal, Resource, record::timestamp};
use grc_risk::{
    Entry,
    dashboard::{self, Dashboard, Expected, MOVED_WITHIN, Mover, OverdueTreatment, SHOWN},
    entry::{Category, Status},
    treatment::TreatmentStatus,
};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};

use crate::{
    http::{
        call::{Answer, Call, Is, Reply, RiskRead},
        list::{Ask, Listing},
        problem::Problem,
        resource::Shown,
        shape::{Member, Ty, must, null},
    },
    shapes,
};

const COUNT: Ty = Ty::Int(0, i64::MAX);
const LOSS: Ty = Ty::Number(0.0, f64::MAX);
const SCORE: Ty = Ty::Int(1, 100);

const RISK: &[Member] = &[
    must("id", Ty::Id, "The risk."),
    null("ref_id", Ty::Line(100), "The organization's own number for it."),
    must("title", Ty::Line(200), "What may happen."),
    must("category", Ty::Word(Category::NAMES), "What kind of risk it is."),
    must("status", Ty::Word(Status::NAMES), "Where it stands."),
    must("score", SCORE, "The score that stands: residual, or inherent without it."),
    must("level", Ty::Line(50), "The level that stands."),
    null("owner_id", Ty::Id, "Who answers for it."),
    null("review_date", Ty::Date, "When it is looked at again."),
];

shapes! {
    /// A risk on the dashboard.
    DashboardRisk [RISK],
    /// A risk whose score is another one than thirty days ago.
    DashboardMover [&[
        must("id", Ty::Id, "The risk."),
        must("title", Ty::Line(200), "What may happen."),
        must("category", Ty::Word(Category::NAMES), "What kind of risk it is."),
        must("from_score", SCORE, "The score before."),
        must("to_score", SCORE, "The score now."),
        must("change", Ty::Int(-99, 99), "How far it moved; above zero is worse."),
        must("since", Ty::Time, "When it was first changed in these days."),
    ]],
    /// A treatment that should be over.
    DashboardTreatment [&[
        must("id", Ty::Id, "The treatment."),
        must("title", Ty::Line(200), "What is done."),
        must("risk_id", Ty::Id, "The risk."),
        must("risk_title", Ty::Line(200), "The risk's title."),
        null("owner_id", Ty::Id, "Who does it."),
        must("status", Ty::Word(TreatmentStatus::NAMES), "How far it is."),
        must("due_date", Ty::Date, "Until when it should have been done."),
    ]],
    /// Treatments that should be over.
    DashboardTreatments [&[
        must("count", COUNT, "How many there are."),
        must("items", Ty::List(&Ty::Object(DashboardTreatment::SHAPE), SHOWN), "The longest overdue."),
    ]],
    /// Risks that should have been looked at again.
    DashboardReviews [&[
        must("count", COUNT, "How many there are."),
        must("items", Ty::List(&Ty::Object(DashboardRisk::SHAPE), SHOWN), "The longest overdue."),
    ]],
    /// What the risks of a category are expected to lose a year.
    DashboardLoss [&[
        must("category", Ty::Word(Category::NAMES), "The category."),
        must("expected_annual_loss", LOSS, "The sum of the means of the latest runs."),
        must("analyses", COUNT, "How many analyses have such a run."),
        null("money", LOSS, "What is borne of it, where the appetite says so in money."),
        must("over", Ty::Bool, "Whether more is expected than is borne."),
    ]],
    /// What is above the appetite. Closed risks are left out.
    DashboardBreaches [&[
        must("above_appetite", COUNT, "How many risks are above the appetite of their category."),
        must("above_tolerance", COUNT, "How many are above its tolerance."),
        must("money", Ty::List(&Ty::Object(DashboardLoss::SHAPE), 10), "The categories that are expected to lose more than is borne."),
    ]],
    /// How the register stands.
    RiskDashboard [&[
        must("total", COUNT, "How many risks there are."),
        must("by_category", Ty::Counts, "How many of each category."),
        must("by_level", Ty::Counts, "How many of each level that stands: residual, or inherent without it."),
        must("by_status", Ty::Counts, "How many of each status."),
        must("top", Ty::List(&Ty::Object(DashboardRisk::SHAPE), SHOWN), "The ten with the greatest scores; no closed ones."),
        must("movers", Ty::List(&Ty::Object(DashboardMover::SHAPE), SHOWN), "Those that moved farthest in thirty days."),
        must("overdue_treatments", Ty::Object(DashboardTreatments::SHAPE), "Treatments that should be over."),
        must("overdue_reviews", Ty::Object(DashboardReviews::SHAPE), "Risks that should have been looked at again."),
        must("kris", Ty::Counts, "How many indicators have each colour, whatever risks are asked for."),
        must("expected_annual_loss", LOSS, "The sum of the means of the latest runs of linked analyses."),
        must("expected_annual_loss_by_category", Ty::List(&Ty::Object(DashboardLoss::SHAPE), 10), "The same by category."),
        must("appetite_breaches", Ty::Object(DashboardBreaches::SHAPE), "What is above the appetite."),
        must("moved_since", Ty::Time, "How far back moves are looked for."),
    ]],
}

/// The filters of the dashboard: those of the register.
struct DashboardOf;

impl Listing for DashboardOf {
    const SPEC: &'static ListSpec = Entry::LIST;
    type Item = Shown<Entry>;
    const PAGED: bool = false;
}

/// How the register stands: counts, the greatest, the movers, what is overdue, indicators, losses, breaches.
#[api_v2_operation(tags("Risk"), operation_id = "get_risk_dashboard", summary = "How the register stands")]
async fn get(call: Call<RiskRead>, ask: Ask<DashboardOf>) -> Result<Reply<Is<RiskDashboard>>, Problem> {
    let query = ask.read()?.query;
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let dashboard = dashboard::get(ctx, uow.risk(), &query).await?;
        let mut shown = shown(&dashboard);
        if let Value::Object(members) = &mut shown {
            members.insert("moved_since".into(), timestamp(ctx.now - MOVED_WITHIN).into());
        }
        Ok(Answer::ok(shown))
    })
    .await
}

fn counts<'a>(counts: impl Iterator<Item = (&'a str, i64)>) -> Value {
    Value::Object(counts.map(|(name, count)| (name.to_owned(), count.into())).collect::<Map<_, _>>())
}

fn list<T>(items: &[T], show: impl Fn(&T) -> Value) -> Value {
    items.iter().map(show).collect()
}

fn shown(dashboard: &Dashboard) -> Value {
    let over: Vec<Expected> = dashboard.expected.iter().filter(|expected| is_over(expected)).cloned().collect();
    let (treatments, reviews) = (&dashboard.overdue_treatments, &dashboard.overdue_reviews);
    json!({
        "total": dashboard.total,
        "by_category": counts(dashboard.by_category.iter().map(|(category, n)| (category.as_str(), *n))),
        "by_level": counts(dashboard.by_level.iter().map(|(level, n)| (level.as_str(), *n))),
        "by_status": counts(dashboard.by_status.iter().map(|(status, n)| (status.as_str(), *n))),
        "top": list(&dashboard.top, risk),
        "movers": list(&dashboard.movers, mover),
        "overdue_treatments": {"count": treatments.count, "items": list(&treatments.items, treatment)},
        "overdue_reviews": {"count": reviews.count, "items": list(&reviews.items, risk)},
        "kris": counts(dashboard.kris.iter().map(|(colour, n)| (colour.as_str(), *n))),
        "expected_annual_loss": dashboard.expected_annual_loss(),
        "expected_annual_loss_by_category": list(&dashboard.expected, loss),
        "appetite_breaches": {
            "above_appetite": dashboard.above_appetite,
            "above_tolerance": dashboard.above_tolerance,
            "money": list(&over, loss),
        },
    })
}

fn risk(risk: &Entry) -> Value {
    json!({
        "id": risk.id.to_string(),
        "ref_id": risk.ref_id,
        "title": risk.title,
        "category": risk.category.as_str(),
        "status": risk.status.as_str(),
        "score": risk.score,
        "level": risk.level(),
        "owner_id": risk.owner_id.map(|id| id.to_string()),
        "review_date": risk.review_date.map(|date| date.to_string()),
    })
}

fn mover(mover: &Mover) -> Value {
    json!({
        "id": mover.id.to_string(),
        "title": mover.title,
        "category": mover.category.as_str(),
        "from_score": mover.from_score,
        "to_score": mover.to_score,
        "change": mover.to_score - mover.from_score,
        "since": timestamp(mover.since),
    })
}

fn treatment(treatment: &OverdueTreatment) -> Value {
    json!({
        "id": treatment.id.to_string(),
        "title": treatment.title,
        "risk_id": treatment.risk_id.to_string(),
        "risk_title": treatment.risk_title,
        "owner_id": treatment.owner_id.map(|id| id.to_string()),
        "status": treatment.status.as_str(),
        "due_date": treatment.due_date.to_string(),
    })
}

fn is_over(expected: &Expected) -> bool {
    expected.money.is_some_and(|money| expected.annual_loss > money)
}

fn loss(expected: &Expected) -> Value {
    json!({
        "category": expected.category.as_str(),
        "expected_annual_loss": expected.annual_loss,
        "analyses": expected.analyses,
        "money": expected.money,
        "over": is_over(expected),
    })
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/api/v1/orgs/{org_id}/risks/dashboard").route(web::get().to(get)));
}

//! Vendors: the register, services, contracts, questionnaires, assessments, and the register in numbers.

use grc_kernel::{
    Ctx, Refusal,
    resource::{Cell, Codec, Nested},
};
use grc_uow::Uow;
use grc_vendor::{
    Assessment, Contract, Questionnaire, Service, Vendor,
    agreement::{self, Standing},
    assessment::{self, Finding},
    stats::{self, HORIZON_DAYS},
};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Map, Value, json};

use crate::{
    http::{
        call::{Answer, Body, Call, Is, Reply, VendorRead, VendorReview, VendorWrite},
        list::Shorthand,
        problem::Problem,
        resource::{Extra, Routes, Shown, answer},
        shape::{Input, Ty, may, must},
    },
    served, shapes,
};

served! { "Vendors", vendor;
    Vendor: "vendors", "vendor_id", "vendor", "vendors",
        fn at(self, ctx: &Ctx) -> Self { Self::at(self, ctx.now) };
    Service: "vendors/{vendor_id}/services", "service_id", "vendor_service", "vendor_services",
        const PARENT: Option<(&'static str, &'static str)> = Some(("vendor_id", "vendor_id"));;
    Contract: "vendors/contracts", "contract_id", "vendor_contract", "vendor_contracts",
        const SHORTHANDS: &'static [Shorthand] = &[EXPIRING];,
        async fn extra(ctx: &Ctx, uow: &mut Uow, records: &[Self]) -> Result<Option<Vec<Extra>>, Refusal> {
            let standing = agreement::standing(ctx, uow.vendor(), records).await?;
            Ok(Some(standing.into_iter().map(shown).collect()))
        };
    Questionnaire: "vendors/questionnaires", "template_id", "vendor_questionnaire", "vendor_questionnaires";
    Assessment: "vendors/assessments", "assessment_id", "vendor_assessment", "vendor_assessments";
}

const EXPIRING: Shorthand = Shorthand {
    name: "expiring_within_days",
    doc: "Only contracts in force that end within so many days from today.",
    range: (0, 3_650),
    narrow: agreement::expiring,
};

/// What an answer shows of a contract beyond its own members.
fn shown(standing: Standing) -> Extra {
    let missing: Vec<&str> = standing.missing.iter().map(|clause| clause.as_str()).collect();
    vec![
        ("days_left", json!(standing.days_left)),
        ("supports_critical_function", json!(standing.critical)),
        ("missing_clauses", json!(missing)),
    ]
}

const COUNT: Ty = Ty::Int(0, i64::MAX);

shapes! {
    /// All answers of a vendor assessment, as they are from now on.
    VendorAnswers [&[
        must("answers", Ty::Any, "The answers by the key of their question: an option's value or a list of them, a number, a text or a day, as the question wants it; null is no answer."),
    ]],
    /// What whoever completes a vendor assessment has to say of it.
    VendorCompletion [&[
        may("findings", Ty::List(&Ty::Object(Finding::SHAPE), 200), "What it found wanting, in place of what was noted so far."),
        may("notes", Ty::Text(20_000), "What is noted of it."),
    ]],
    /// How many vendors there are of each status.
    VendorsByStatus [&[
        must("active", COUNT, "Those that supply."),
        must("inactive", COUNT, "Those that supply nothing at the moment."),
        must("pending", COUNT, "Those that are looked at first."),
        must("offboarded", COUNT, "Those that are gone."),
    ]],
    /// How many vendors there are of each tier.
    VendorsByTier [&[
        must("critical", COUNT, "Critical ones."),
        must("high", COUNT, "High ones."),
        must("medium", COUNT, "Medium ones."),
        must("low", COUNT, "Low ones."),
    ]],
    /// How many vendors there are in each band of ratings.
    VendorsByBand [&[
        must("critical", COUNT, "75 and above."),
        must("high", COUNT, "50 and above."),
        must("medium", COUNT, "25 and above."),
        must("low", COUNT, "Below 25."),
        must("unrated", COUNT, "Without a rating or a score."),
    ]],
    /// The register of vendors in numbers.
    VendorStats [&[
        must("total", COUNT, "All vendors."),
        must("by_status", Ty::Object(VendorsByStatus::SHAPE), "By status."),
        must("by_tier", Ty::Object(VendorsByTier::SHAPE), "By tier."),
        must("by_rating_band", Ty::Object(VendorsByBand::SHAPE), "By rating band."),
        must("reviews_due", COUNT, "Vendors whose review is due, but for offboarded ones."),
        must("reviews_upcoming", COUNT, "Those whose review comes due within the horizon."),
        must("contracts_expiring", COUNT, "Contracts in force that end within the horizon."),
        must("contracts_lapsed", COUNT, "Contracts said to be in force whose end has passed."),
        must("attestations_valid", COUNT, "Vendors that have a verified attestation which still holds."),
        must("horizon_days", COUNT, "How many days ahead the numbers look."),
    ]],
}

/// Gives the answers of an assessment, all at once.
#[api_v2_operation(
    tags("Vendors"),
    operation_id = "put_vendor_assessment_answers",
    summary = "Answer a vendor assessment"
)]
async fn put_answers(
    call: Call<VendorWrite>,
    body: Body<VendorAnswers>,
) -> Result<Reply<Is<Shown<Assessment>>>, Problem> {
    let input = body.read()?;
    let given: Map<String, Value> = input.get("answers").unwrap_or_default();
    let id = call.param("assessment_id")?.into();
    let seen = call.if_match()?;
    call.write(body.bytes(), async |ctx, uow| {
        let answered = assessment::answer(ctx, uow.vendor(), id, seen, &given).await?;
        answer(ctx, uow, answered).await
    })
    .await
}

/// Completes an assessment: scores it, and puts it under the vendor's residual score and next review.
#[api_v2_operation(
    tags("Vendors"),
    operation_id = "complete_vendor_assessment",
    summary = "Judge the answers of a vendor assessment"
)]
async fn complete(
    call: Call<VendorReview>,
    body: Body<VendorCompletion>,
) -> Result<Reply<Is<Shown<Assessment>>>, Problem> {
    let input = if body.bytes().is_empty() { Input::default() } else { body.read()? };
    let findings = input.members().get("findings").filter(|value| !value.is_null()).cloned();
    let findings = findings.and_then(|value| Codec::from_cell(Cell::Json(value)).ok());
    let notes = input.get("notes");
    let id = call.param("assessment_id")?.into();
    call.write(body.bytes(), async |ctx, uow| {
        let completed = assessment::complete(ctx, uow.vendor(), id, findings, notes).await?;
        answer(ctx, uow, completed).await
    })
    .await
}

/// The register in numbers.
#[api_v2_operation(tags("Vendors"), operation_id = "get_vendor_stats", summary = "The register of vendors in numbers")]
async fn numbers(call: Call<VendorRead>) -> Result<Reply<Is<VendorStats>>, Problem> {
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let stats = stats::get(ctx, uow.vendor()).await?;
        Ok(Answer::ok(json!({
            "total": stats.total,
            "by_status": stats.by_status,
            "by_tier": stats.by_tier,
            "by_rating_band": stats.by_rating_band,
            "reviews_due": stats.reviews_due,
            "reviews_upcoming": stats.reviews_upcoming,
            "contracts_expiring": stats.contracts_expiring,
            "contracts_lapsed": stats.contracts_lapsed,
            "attestations_valid": stats.attestations_valid,
            "horizon_days": HORIZON_DAYS,
        })))
    })
    .await
}

/// The routes. Those of one vendor come last: its path would match the names of the others.
pub fn routes(config: &mut web::ServiceConfig) {
    let vendors = "/api/v1/orgs/{org_id}/vendors";
    let assessment = format!("{vendors}/assessments/{{assessment_id}}");
    config
        .service(web::resource(&format!("{vendors}/stats")).route(web::get().to(numbers)))
        .service(web::resource(&format!("{assessment}/answers")).route(web::put().to(put_answers)))
        .service(web::resource(&format!("{assessment}/complete")).route(web::post().to(complete)));
    Routes::<Assessment>::all().into(config);
    Routes::<Questionnaire>::all().into(config);
    Routes::<Contract>::all().into(config);
    Routes::<Service>::all().into(config);
    Routes::<Vendor>::all().into(config);
}

#[cfg(test)]
mod tests {
    use grc_vendor::{rules::tiering::Tier, vendor::Status};

    use super::*;
    use crate::http::shape::{Shape, Shaped};

    #[test]
    fn every_status_tier_and_band_has_its_number() {
        let names = |shape: &'static Shape| shape.all().map(|m| m.name).collect::<Vec<_>>();
        assert_eq!(names(VendorsByStatus::SHAPE), Status::NAMES);
        assert_eq!(names(VendorsByTier::SHAPE), Tier::NAMES);
        let bands: Vec<&str> = Tier::NAMES.iter().copied().chain([stats::UNRATED]).collect();
        assert_eq!(names(VendorsByBand::SHAPE), bands);
    }
}

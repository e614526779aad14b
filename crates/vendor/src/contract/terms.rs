//! The same for what a vendor signs and answers: contracts, questionnaires, assessments.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a suite fails by panicking")]

use grc_kernel::{
    Changes, Ctx, Fault, FaultKind, Resource, Role, Uuid, kit,
    resource::{Cell, Codec, Ids, One, Words},
};
use serde_json::{Map, Value, json};
use time::{Duration, macros::date};

use super::{Outcome, change, fields, service, tiering};
use crate::{
    Assessment, AssessmentId, Contract, Questionnaire, Service, Vendor,
    agreement::{self, Arrangement, ContractStatus, Cost},
    assessment::{self, AssessmentStatus, Finding, FindingStatus},
    ports::Tx,
    rules::{
        assurance::Severity,
        clauses::Clause,
        tiering::{Tier, plus_months},
    },
    stats,
    vendor::named,
};

pub(super) async fn contracts(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let vendor = kit::create(ctx, tx, named("Hoster")).await?.id;
    let other = kit::create(ctx, tx, named("Other")).await?.id;
    let theirs = kit::create(ctx, tx, service(other, "Theirs", true)).await?.id;
    let own = kit::create(ctx, tx, service(vendor, "Hosting", true)).await?.id;
    let made = |reference: &str, more: Box<dyn FnOnce(&mut Contract) + Send>| {
        let reference = reference.to_owned();
        change(move |c: &mut Contract| {
            (c.vendor_id, c.reference) = (vendor, reference);
            more(c);
        })
    };
    let today = ctx.now.date();
    let full = made(
        "C-1",
        Box::new(move |c| {
            c.arrangement_type = Arrangement::Overarching;
            c.service_ids = Ids(vec![own]);
            c.start_date = Some(date!(2025 - 01 - 01));
            c.end_date = Some(today + Duration::days(30));
            c.annual_cost = Some(One(Cost { amount: "1234.50".into(), currency: "eur".into() }));
            c.data_at_rest_countries = vec!["de".into(), "IE".into()];
            c.clauses = Words(vec![Clause::AuditRight, Clause::ServiceLevels]);
        }),
    );
    let contract = kit::create(ctx, tx, full).await?;
    assert_eq!(kit::get::<Contract>(ctx, tx, contract.id).await?, contract);
    assert_eq!((contract.status, contract.data_at_rest_countries.join(" ")), (ContractStatus::Active, "DE IE".into()));
    let standing = agreement::standing(ctx, tx, std::slice::from_ref(&contract)).await?;
    let [standing] = standing.as_slice() else { panic!("one contract, one standing") };
    assert_eq!((standing.days_left, standing.critical, standing.missing.len()), (Some(30), true, 13));
    assert_eq!(kit::remove::<Service>(ctx, tx, own, None).await.unwrap_err().kind(), FaultKind::Conflict);
    assert_eq!(kit::remove::<Vendor>(ctx, tx, vendor, None).await.unwrap_err().kind(), FaultKind::Conflict);

    let again = kit::create(ctx, tx, made("C-1", Box::new(|_| {}))).await.unwrap_err();
    assert_eq!(again.kind(), FaultKind::Conflict, "a reference names one contract");
    let wrong = made(
        "C-2",
        Box::new(move |c| {
            c.arrangement_type = Arrangement::Subsequent;
            c.service_ids = Ids(vec![own, theirs, own]);
            c.start_date = Some(date!(2026 - 01 - 02));
            c.end_date = Some(date!(2026 - 01 - 01));
            c.annual_cost = Some(One(Cost { amount: "-1".into(), currency: "XXX".into() }));
            c.governing_law_country = Some("UK".into());
        }),
    );
    let expected = [
        "end_date out_of_order",
        "overarching_contract_id required",
        "service_ids[2] repeated",
        "governing_law_country invalid",
        "annual_cost.amount invalid",
        "annual_cost.currency invalid",
        "service_ids[1] unknown_reference",
    ];
    assert_eq!(fields(kit::create(ctx, tx, wrong).await), expected);
    let above = contract.id;
    let under = made(
        "C-2",
        Box::new(move |c| {
            c.arrangement_type = Arrangement::Subsequent;
            c.overarching_contract_id = Some(above);
            c.end_date = Some(today - Duration::days(1));
        }),
    );
    let under = kit::create(ctx, tx, under).await?;
    let below = under.id;
    let loose = change(move |c: &mut Contract| c.overarching_contract_id = Some(below));
    assert_eq!(fields(kit::amend(ctx, tx, below, None, loose).await), ["overarching_contract_id invalid"]);
    let stepped = change(|c: &mut Contract| c.arrangement_type = Arrangement::Standalone);
    assert_eq!(fields(kit::amend(ctx, tx, above, None, stepped).await), ["arrangement_type invalid"]);
    assert_eq!(kit::remove::<Contract>(ctx, tx, above, None).await.unwrap_err().kind(), FaultKind::Conflict);

    for (days, found) in [(29, vec![]), (30, vec!["C-1"]), (0, vec![])] {
        let page = kit::page::<Contract>(ctx, tx, &agreement::expiring(Contract::LIST.query(), days, ctx.now)).await?;
        assert_eq!(page.items.iter().map(|c| c.reference.as_str()).collect::<Vec<_>>(), found, "{days}");
    }
    let numbers = stats::get(ctx, tx).await?;
    assert_eq!((numbers.contracts_expiring, numbers.contracts_lapsed), (1, 1));
    let ended = change(|c: &mut Contract| c.status = ContractStatus::Terminated);
    assert_eq!(kit::amend(ctx, tx, below, None, ended).await?.terminated_on, Some(today));
    for id in [below, above] {
        kit::remove::<Contract>(ctx, tx, id, None).await?;
    }
    for (service, vendor) in [(own, vendor), (theirs, other)] {
        kit::remove::<Service>(ctx, tx, service, None).await?;
        kit::remove::<Vendor>(ctx, tx, vendor, None).await?;
    }
    Ok(())
}

fn asked() -> Changes<Questionnaire> {
    let sections = json!([{"title": "Security", "questions": [
        {"key": "mfa", "text": "Is there a second factor?", "type": "yes_no", "weight": 3},
        {"key": "kind", "text": "Which?", "type": "single_choice", "category": "Factors",
         "options": [{"value": "key", "score": 100}, {"value": "sms", "score": 40}],
         "visible_if": {"question": "mfa", "equals": "yes"}},
    ]}]);
    change(move |q: &mut Questionnaire| {
        q.name = "Security".into();
        q.sections = Codec::from_cell(Cell::Json(sections)).unwrap_or_default();
    })
}

fn given(answers: Value) -> Map<String, Value> {
    answers.as_object().cloned().unwrap_or_default()
}

fn near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-9)
}

pub(super) async fn assessments(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let template = kit::create(ctx, tx, asked()).await?;
    assert_eq!((template.question_count, template.version.as_str()), (2, "1"));
    assert_eq!(kit::get::<Questionnaire>(ctx, tx, template.id).await?, template);
    let vendor = kit::create(ctx, tx, named("Hoster").and(|v: &mut Vendor| v.tiering = tiering(2))).await?.id;
    let of = template.id;
    let begin = move || change(move |a: &mut Assessment| (a.vendor_id, a.template_id) = (vendor, of));
    let first = kit::create(ctx, tx, begin()).await?;
    assert_eq!(
        (first.status, first.title.as_deref(), first.questions_visible),
        (AssessmentStatus::Draft, Some("Security"), 1)
    );
    assert_eq!(kit::remove::<Questionnaire>(ctx, tx, of, None).await.unwrap_err().kind(), FaultKind::Conflict);
    let early = assessment::complete(ctx, tx, first.id, None, None).await.unwrap_err();
    assert_eq!(early.available_transitions(), Some(vec!["sent", "in_progress", "cancelled"]));

    let wrong = assessment::answer(ctx, tx, first.id, None, &given(json!({"mfa": "perhaps", "x": 1}))).await;
    assert_eq!(fields(wrong), ["answers.mfa invalid", "answers.x unknown"]);
    let half = assessment::answer(ctx, tx, first.id, Some(1), &given(json!({"mfa": true}))).await?;
    assert_eq!((half.status, half.coverage, half.score), (AssessmentStatus::InProgress, 0.5, Some(100.0)));
    assert_eq!(half.answers.get("mfa"), Some(&json!("yes")));
    let direct = change(|a: &mut Assessment| a.status = AssessmentStatus::Completed);
    let direct = kit::amend(ctx, tx, first.id, None, direct).await.unwrap_err();
    assert_eq!(direct.available_transitions(), Some(vec!["submitted", "cancelled"]));
    let viewer = ctx.clone().with_role(Role::Viewer);
    let refused = assessment::complete(&viewer, tx, first.id, None, None).await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Forbidden);

    // Completed: inherent 50, coverage 1/2, score 100, so half of it is answered for.
    let auditor = ctx.clone().with_role(Role::Auditor);
    let done = assessment::complete(&auditor, tx, first.id, None, Some("Thin.".into())).await?;
    assert_eq!((done.status, done.completed_by), (AssessmentStatus::Completed, Some(ctx.actor.id)));
    let judged = kit::get::<Vendor>(ctx, tx, vendor).await?;
    assert!(near(judged.residual_score, 25.0) && near(done.residual_score, 25.0), "{:?}", judged.residual_score);
    assert_eq!((judged.last_assessment_id, judged.last_assessed_at), (Some(first.id.0), Some(ctx.now)));
    let later = ctx.now + Duration::days(2 * 365 + 1);
    assert!(near(judged.clone().at(later).residual_score, 37.5) || judged.at(later).residual_score > Some(37.4));
    let twice = assessment::complete(ctx, tx, first.id, None, None).await.unwrap_err();
    assert_eq!(twice.kind(), FaultKind::Conflict);
    let late = assessment::answer(ctx, tx, first.id, None, &given(json!({}))).await.unwrap_err();
    assert_eq!(late.kind(), FaultKind::Conflict);

    // A second one takes its place; findings raise what it leaves, and closing them lowers it again.
    let second = kit::create(ctx, tx, begin()).await?;
    assessment::answer(ctx, tx, second.id, None, &given(json!({"mfa": "yes", "kind": "sms"}))).await?;
    let finding = |status| Finding {
        title: "Text messages".into(),
        severity: Severity::High,
        status,
        question: Some("kind".into()),
        due_date: Some(date!(2026 - 06 - 01)),
        notes: None,
    };
    let unknown = Finding { question: Some("other".into()), ..finding(FindingStatus::Open) };
    let at = ctx.clone().at(ctx.now + Duration::days(10));
    let wrong = assessment::complete(&at, tx, second.id, Some(vec![unknown]), None).await;
    assert_eq!(fields(wrong), ["findings[0].question unknown_reference"]);
    let done = assessment::complete(&at, tx, second.id, Some(vec![finding(FindingStatus::Open)]), None).await?;
    assert!(near(done.score, 85.0) && near(Some(done.coverage), 1.0), "{:?}", done.score);
    let judged = kit::get::<Vendor>(&at, tx, vendor).await?;
    assert!(near(judged.residual_score, 50.0 * (1.0 - 0.85 * 0.9)), "{:?}", judged.residual_score);
    assert_eq!(judged.next_review_date, Some(plus_months(at.now.date(), 12)));
    let mended = change(move |a: &mut Assessment| a.findings = vec![finding(FindingStatus::Closed)]);
    kit::amend(&at, tx, second.id, None, mended).await?;
    let mended = kit::get::<Vendor>(&at, tx, vendor).await?;
    assert!(near(mended.residual_score, 50.0 * 0.2_f64.max(0.15)), "{:?}", mended.residual_score);
    let old = change(|a: &mut Assessment| a.findings = Vec::new());
    kit::amend(&at, tx, first.id, None, old).await?;
    assert_eq!(kit::get::<Vendor>(&at, tx, vendor).await?.meta.revision, mended.meta.revision);

    // With the last one goes what it gave.
    kit::remove::<Assessment>(&at, tx, second.id, None).await?;
    let before = kit::get::<Vendor>(&at, tx, vendor).await?;
    assert!(near(before.residual_score, 25.0) && before.last_assessment_id == Some(first.id.0));
    kit::remove::<Assessment>(&at, tx, first.id, None).await?;
    let bare = kit::get::<Vendor>(&at, tx, vendor).await?;
    assert_eq!((bare.residual_score, bare.assurance, bare.last_assessment_id), (Some(50.0), None, None));

    // Without tiering answers the middle of the tier stands in for the inherent score.
    let plain = change(|v: &mut Vendor| (v.tiering, v.risk_tier) = (None, Tier::Critical));
    kit::amend(ctx, tx, vendor, None, plain).await?;
    let third = kit::create(ctx, tx, begin()).await?;
    assessment::answer(ctx, tx, third.id, None, &given(json!({"mfa": false}))).await?;
    assessment::complete(ctx, tx, third.id, None, None).await?;
    let judged = kit::get::<Vendor>(ctx, tx, vendor).await?;
    assert_eq!((judged.inherent_score, judged.residual_score), (None, Some(87.5)));

    kit::amend(ctx, tx, of, None, change(|q: &mut Questionnaire| q.retired = true)).await?;
    assert_eq!(fields(kit::create(ctx, tx, begin()).await), ["template_id retired"]);
    let nothing = AssessmentId(Uuid::from_u128(1));
    assert_eq!(assessment::complete(ctx, tx, nothing, None, None).await.unwrap_err().kind(), FaultKind::NotFound);
    kit::remove::<Assessment>(ctx, tx, third.id, None).await?;
    kit::remove::<Questionnaire>(ctx, tx, of, None).await?;
    kit::remove::<Vendor>(ctx, tx, vendor, None).await?;
    Ok(())
}

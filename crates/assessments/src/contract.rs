//! What every adapter of this domain must show: run on memory here and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row and whose actor exist; the built-in frameworks are there.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a suite fails by panicking")]

use grc_kernel::{
    Changes, Ctx, Job, JobId, JobStatus, Refusal, Repo, Resource, StoreError, Uuid, kit, list::Scalar, resource::Cell,
};

use crate::{
    Assessment, Control, Finding,
    assessment::{self, AssessmentStatus},
    control::{self, Category, Status},
    evaluator::{Builtin, Corpus},
    execution,
    finding::{self, EvaluatedBy, Verdict},
    framework::{self, catalog, oscal},
    ports::Tx,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    frameworks(ctx, tx).await?;
    controls(ctx, tx).await?;
    assessments(ctx, tx).await
}

async fn frameworks(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let page = framework::page(tx, &[ctx.org], &framework::LIST.query()).await?;
    assert!(page.items.len() >= catalog::builtin().len(), "the built-in frameworks are seeded");
    let soc2 = tx.frameworks().find_by_key(ctx.org, "SOC2_TYPE2").await?.ok_or("SOC 2 is built in")?;
    let one = tx.frameworks().find_requirement_by_ref(soc2.id, "CC6.1").await?.ok_or("CC6.1")?;
    assert_eq!(tx.frameworks().find_requirement(soc2.id, one.id).await?.as_ref(), Some(&one));
    let family = framework::REQUIREMENTS.query().only("family", vec![Scalar::Text("CC6".into())]);
    assert_eq!(framework::requirements(tx, &[], soc2.id, &family).await?.items.len(), 8);
    let names = ["SOC2_TYPE2:CC6.1".to_owned(), "SOC2_TYPE2:CC99".to_owned(), "nonsense".to_owned()];
    assert_eq!(tx.frameworks().unknown_names(ctx.org, &names).await?, names.get(1..).unwrap_or_default());
    let text = oscal::write(&soc2, &tx.frameworks().requirements(soc2.id).await?).to_string();
    let (import, _) = oscal::read(&text, Some("OWN_RULES"), None).map_err(|e| format!("{e:?}"))?;
    let own = framework::import(ctx, tx, import.clone()).await?;
    assert!(matches!(framework::import(ctx, tx, import).await, Err(Refusal::Conflict(_))));
    assert_eq!(tx.frameworks().document(own.id).await?.as_deref(), Some(text.as_str()));
    assert_eq!(tx.frameworks().find(&[], own.id).await?, None, "others do not see it");
    assert_eq!(tx.frameworks().requirements(own.id).await?.len(), 61);
    framework::delete(ctx, tx, own.id, Some(1)).await?;
    assert_eq!(tx.frameworks().find(&[ctx.org], own.id).await?, None);
    Ok(())
}

async fn controls(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let input = Changes::with(|control: &mut Control| {
        control.name = "Ζugriffsprüfung".into();
        control.category = Category::Process;
        control.status = Status::Active;
        control.requirements = vec!["SOC2_TYPE2:CC6.1".into(), "NIST_CSF_2:PR.AA-05".into()];
    });
    let made = kit::create(ctx, tx, input).await?;
    assert_eq!(Repo::<Control>::find(tx, ctx.org, made.id).await?.as_ref(), Some(&made));
    let named = |name: &str| vec![name.to_owned()];
    assert_eq!(execution::naming(ctx, tx, &named("NIST_CSF_2:PR.AA-05")).await?, std::slice::from_ref(&made));
    assert!(execution::naming(ctx, tx, &named("SOC2_TYPE2:CC6.2")).await?.is_empty());
    let facts = tx.facts(ctx.org, std::slice::from_ref(&made)).await?;
    assert_eq!(facts, [control::ControlFacts::default()]);
    let by_requirement = Control::LIST.query().only("requirements", vec![Scalar::Text("SOC2_TYPE2:CC6.1".into())]);
    assert_eq!(Repo::<Control>::page(tx, ctx.org, &by_requirement).await?.items, std::slice::from_ref(&made));
    let mut changed = made.clone();
    changed.meta.touch(ctx);
    assert!(matches!(Repo::update(tx, &changed, 5).await, Err(StoreError::Stale)));
    let ghost = Uuid::from_u128(77);
    assert_eq!(tx.missing(ctx.org, "evidence", &[ghost]).await?, [ghost]);
    kit::remove::<Control>(ctx, tx, made.id, None).await?;
    assert_eq!(Repo::<Control>::find(tx, ctx.org, made.id).await?, None);
    Ok(())
}

async fn assessments(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let soc2 = tx.frameworks().find_by_key(ctx.org, "SOC2_TYPE2").await?.ok_or("SOC 2 is built in")?;
    let open = || {
        Changes::with(move |assessment: &mut Assessment| {
            assessment.framework_id = soc2.id;
            assessment.name = "First".into();
            assessment.control_refs = vec!["CC6.1".into(), "CC6.2".into(), "CC6.3".into()];
        })
    };
    let first = kit::create(ctx, tx, open()).await?;
    assert_eq!(Repo::<Assessment>::find(tx, ctx.org, first.id).await?.as_ref(), Some(&first));
    assert_eq!(assessment::count_running(ctx, tx).await?, 0);
    let running = assessment::execute(ctx, tx, first.id, 1).await?;
    assert_eq!((running.controls_total, running.status), (3, AssessmentStatus::InProgress));
    assert_eq!(assessment::count_running(ctx, tx).await?, 1);
    let second = kit::create(ctx, tx, open()).await?;
    let refused = assessment::execute(ctx, tx, second.id, 1).await;
    assert!(matches!(refused, Err(Refusal::Limited(why, 30)) if why.starts_with("1 assessments")));
    let items = tx.next_scope(ctx.org, first.id, 2).await?;
    assert_eq!(items.iter().map(|item| item.control_ref.as_str()).collect::<Vec<_>>(), ["CC6.1", "CC6.2"]);
    let stranger = Job {
        id: JobId(Uuid::from_u128(5)),
        org: ctx.org,
        kind: assessment::JOB.into(),
        subject: first.id.0,
        payload: serde_json::json!({}),
        status: JobStatus::Running,
        progress: 0,
        attempts: 1,
        max_attempts: 5,
        run_at: ctx.now,
        fence: 1,
        error: None,
        created_by: ctx.actor.id,
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    let lost = execution::plan(ctx, tx, &stranger, 2).await;
    assert!(matches!(lost, Err(Refusal::Store(StoreError::Stale))), "a lost lease writes nothing");
    findings(ctx, tx, &running).await?;
    assessment::cancel(ctx, tx, first.id).await?;
    kit::remove::<Assessment>(ctx, tx, first.id, None).await?;
    assert!(kit::page::<Finding>(ctx, tx, &Finding::LIST.query()).await?.items.is_empty(), "findings go with it");
    Ok(())
}

async fn findings(ctx: &Ctx, tx: &mut Tx, running: &Assessment) -> Outcome {
    let plan = execution::batch_for_tests(ctx, tx, running, 2).await?;
    let judged = plan.judge(ctx, &Builtin, &Corpus::default());
    assert_eq!(tx.insert_new(&judged).await?, 2);
    let again = plan.judge(ctx, &Builtin, &Corpus::default());
    assert_eq!(tx.insert_new(&again).await?, 0, "a control keeps its first finding");
    let page = Repo::<Finding>::page(tx, ctx.org, &Finding::LIST.query()).await?;
    assert_eq!(page.items.len(), 2);
    let one = page.items.first().ok_or("two findings")?.clone();
    assert_eq!(Repo::<Finding>::find(tx, ctx.org, one.id).await?.as_ref(), Some(&one));
    let amend = Changes::<Finding>::none()
        .set("status", Cell::Text("pass".into()))
        .set("remediation_notes", Cell::Text("Für alle eingeführt".into()));
    let amended = kit::amend(ctx, tx, one.id, Some(1), amend).await?;
    assert_eq!((amended.status, amended.evaluated_by), (Verdict::Pass, EvaluatedBy::Human));
    assert!(matches!(Repo::update(tx, &amended, 1).await, Err(StoreError::Stale)));
    let tallies = tx.tally_findings(ctx.org, Some(running.id)).await?;
    let summary = finding::Summary::of(&tallies);
    assert_eq!((summary.counts.pass, summary.counts.fail), (1, 1));
    let refs = ["CC6.1", "CC6.3"].map(|name| Scalar::Text(name.into())).to_vec();
    let of_controls =
        Finding::LIST.query().only("assessment_id", vec![Scalar::Id(running.id.0)]).only("control_ref", refs);
    assert_eq!(Repo::<Finding>::page(tx, ctx.org, &of_controls).await?.items.len(), 1);
    let search = grc_kernel::list::ListQuery { search: vec!["eingeführt".into()], ..Finding::LIST.query() };
    assert_eq!(Repo::<Finding>::page(tx, ctx.org, &search).await?.items, [amended]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use grc_kernel::{OrgId, resource::MemTables};

    use super::*;

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        futures::executor::block_on(suite(&ctx, &mut MemTables::default())).unwrap();
    }
}

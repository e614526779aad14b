//! What every adapter of this domain must show: run on memory here and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row and whose actor exist; the built-in frameworks are there.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a suite fails by panicking")]

use grc_kernel::{Ctx, EvidenceId, Job, JobId, JobStatus, Patch, StoreError, Uuid, list::Scalar};

use crate::{
    assessment::{self, AssessmentStatus, OpenAssessment},
    control::{self, ControlInput},
    evaluator::{Builtin, Corpus},
    execution,
    finding::{self, AmendFinding, EvaluatedBy, Verdict},
    framework::{self, catalog, oscal},
    ports::AssessmentsTx,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut dyn AssessmentsTx) -> Outcome {
    frameworks(ctx, tx).await?;
    controls(ctx, tx).await?;
    assessments(ctx, tx).await
}

async fn frameworks(ctx: &Ctx, tx: &mut dyn AssessmentsTx) -> Outcome {
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
    assert!(matches!(framework::import(ctx, tx, import).await, Err(crate::AssessmentsError::Conflict(_))));
    assert_eq!(tx.frameworks().document(own.id).await?.as_deref(), Some(text.as_str()));
    assert_eq!(tx.frameworks().find(&[], own.id).await?, None, "others do not see it");
    assert_eq!(tx.frameworks().requirements(own.id).await?.len(), 61);
    framework::delete(ctx, tx, own.id, Some(1)).await?;
    assert_eq!(tx.frameworks().find(&[ctx.org], own.id).await?, None);
    Ok(())
}

async fn controls(ctx: &Ctx, tx: &mut dyn AssessmentsTx) -> Outcome {
    let input = ControlInput {
        name: Patch::Set("Ζugriffsprüfung".into()),
        category: Patch::Set("process".into()),
        status: Patch::Set("active".into()),
        requirements: Patch::Set(vec!["SOC2_TYPE2:CC6.1".into(), "NIST_CSF_2:PR.AA-05".into()]),
        ..ControlInput::default()
    };
    let made = control::open(ctx, tx, input).await?.control;
    assert_eq!(tx.controls().find(ctx.org, made.id).await?.as_ref(), Some(&made));
    let named = |name: &str| vec![name.to_owned()];
    assert_eq!(
        tx.controls().for_requirements(ctx.org, &named("NIST_CSF_2:PR.AA-05")).await?,
        std::slice::from_ref(&made)
    );
    assert!(tx.controls().for_requirements(ctx.org, &named("SOC2_TYPE2:CC6.2")).await?.is_empty());
    let facts = tx.controls().facts(ctx.org, std::slice::from_ref(&made)).await?;
    assert_eq!(facts, [control::ControlFacts::default()]);
    let by_requirement = control::LIST.query().only("requirements", vec![Scalar::Text("SOC2_TYPE2:CC6.1".into())]);
    assert_eq!(tx.controls().page(ctx.org, &by_requirement).await?.items, std::slice::from_ref(&made));
    let mut changed = made.clone();
    changed.meta.touch(ctx);
    assert!(matches!(tx.controls().update(&changed, 5).await, Err(StoreError::Stale)));
    let ghost = EvidenceId(Uuid::from_u128(77));
    assert_eq!(tx.references().missing_evidence(ctx.org, &[ghost]).await?, [ghost]);
    control::delete(ctx, tx, made.id, None).await?;
    assert_eq!(tx.controls().find(ctx.org, made.id).await?, None);
    Ok(())
}

async fn assessments(ctx: &Ctx, tx: &mut dyn AssessmentsTx) -> Outcome {
    let soc2 = tx.frameworks().find_by_key(ctx.org, "SOC2_TYPE2").await?.ok_or("SOC 2 is built in")?;
    let open = OpenAssessment {
        framework_id: soc2.id,
        name: "First".into(),
        scope: None,
        baseline: None,
        control_refs: Some(vec!["CC6.1".into(), "CC6.2".into(), "CC6.3".into()]),
        carry_forward_from: None,
        evaluator: None,
        due_date: None,
    };
    let first = assessment::open(ctx, tx, open.clone()).await?;
    assert_eq!(tx.assessment_repo().find(ctx.org, first.id).await?.as_ref(), Some(&first));
    assert_eq!(tx.assessment_repo().count_running(ctx.org).await?, 0);
    let running = assessment::execute(ctx, tx, first.id, 1).await?;
    assert_eq!((running.controls_total, running.status), (3, AssessmentStatus::InProgress));
    assert_eq!(tx.assessment_repo().count_running(ctx.org).await?, 1);
    let second = assessment::open(ctx, tx, open).await?;
    let refused = assessment::execute(ctx, tx, second.id, 1).await;
    assert!(matches!(refused, Err(crate::AssessmentsError::TooManyRunning(1))));
    let items = tx.assessment_repo().next_scope(ctx.org, first.id, 2).await?;
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
    };
    let lost = execution::plan(ctx, tx, &stranger, 2).await;
    assert!(matches!(lost, Err(crate::AssessmentsError::Store(StoreError::Stale))), "a lost lease writes nothing");
    findings(ctx, tx, &running).await?;
    assessment::cancel(ctx, tx, first.id).await?;
    assessment::delete(ctx, tx, first.id, None).await?;
    assert!(tx.findings().page(ctx.org, &finding::LIST.query()).await?.items.is_empty(), "findings go with it");
    Ok(())
}

async fn findings(ctx: &Ctx, tx: &mut dyn AssessmentsTx, running: &crate::Assessment) -> Outcome {
    let plan = execution::batch_for_tests(ctx, tx, running, 2).await?;
    let judged = plan.judge(ctx, &Builtin, &Corpus::default());
    assert_eq!(tx.findings().insert_new(&judged).await?, 2);
    let again = plan.judge(ctx, &Builtin, &Corpus::default());
    assert_eq!(tx.findings().insert_new(&again).await?, 0, "a control keeps its first finding");
    let page = tx.findings().page(ctx.org, &finding::LIST.query()).await?;
    assert_eq!(page.items.len(), 2);
    let one = page.items.first().ok_or("two findings")?.clone();
    assert_eq!(tx.findings().find(ctx.org, one.id).await?.as_ref(), Some(&one));
    let amend = AmendFinding {
        status: Patch::Set("pass".into()),
        remediation_notes: Patch::Set("Für alle eingeführt".into()),
        ..AmendFinding::default()
    };
    let amended = finding::amend(ctx, tx, one.id, Some(1), amend).await?;
    assert_eq!((amended.status, amended.evaluated_by), (Verdict::Pass, EvaluatedBy::Human));
    assert!(matches!(tx.findings().update(&amended, 1).await, Err(StoreError::Stale)));
    let tallies = tx.findings().tally(ctx.org, Some(running.id)).await?;
    let summary = finding::Summary::of(&tallies);
    assert_eq!((summary.counts.pass, summary.counts.fail), (1, 1));
    let refs = ["CC6.1".to_owned(), "CC6.3".to_owned()];
    assert_eq!(tx.findings().of_controls(ctx.org, running.id, &refs).await?.len(), 1);
    let search = grc_kernel::list::ListQuery { search: vec!["eingeführt".into()], ..finding::LIST.query() };
    assert_eq!(tx.findings().page(ctx.org, &search).await?.items, [amended]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use grc_kernel::OrgId;

    use super::*;
    use crate::mem::MemTx;

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tx = MemTx { store: crate::mem::Store::with_builtin(), ..MemTx::default() };
        futures::executor::block_on(suite(&ctx, &mut tx)).unwrap();
    }
}

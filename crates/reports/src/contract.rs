//! What every adapter of this domain must show: run on memory here and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row and whose actor exist; `assessment` is one of its own.

#![allow(clippy::panic, reason = "a suite fails by panicking")]

use grc_kernel::{AssessmentId, Ctx, StoreError, Uuid};

use crate::{
    ReportsError,
    model::{self, ReportStatus},
    ports::ReportsTx,
    service::{self, RequestReport},
};

/// The whole suite.
pub async fn suite(
    ctx: &Ctx,
    tx: &mut dyn ReportsTx,
    assessment: AssessmentId,
) -> Result<(), Box<dyn std::error::Error>> {
    let bad = RequestReport { kind: "poem".into(), format: "html".into(), ..RequestReport::default() };
    let Err(ReportsError::Invalid(errors)) = service::request(ctx, tx, bad).await else { panic!("it is invalid") };
    assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["type", "assessment_id"]);
    let foreign = Some(AssessmentId(Uuid::from_u128(404)));
    let request =
        RequestReport { kind: "compliance_summary".into(), format: "html".into(), assessment_id: foreign, title: None };
    assert!(matches!(service::request(ctx, tx, request.clone()).await, Err(ReportsError::Invalid(_))));
    let report = service::request(ctx, tx, RequestReport { assessment_id: Some(assessment), ..request }).await?;
    assert_eq!(tx.report_repo().find(ctx.org, report.id).await?.as_ref(), Some(&report));
    assert!(matches!(service::download(ctx, tx, report.id).await, Err(ReportsError::Conflict(_))), "not there yet");
    let mut done = report.clone();
    done.status = ReportStatus::Completed;
    done.meta.touch(ctx);
    tx.report_repo().put_output(ctx.org, report.id, b"<html>").await?;
    tx.report_repo().update(&done, 1).await?;
    assert!(matches!(tx.report_repo().update(&done, 1).await, Err(StoreError::Stale)));
    assert_eq!(service::download(ctx, tx, report.id).await?, (done, b"<html>".to_vec()));
    assert_eq!(service::page(ctx, tx, &model::LIST.query()).await?.items.len(), 1);
    service::delete(ctx, tx, report.id, Some(2)).await?;
    assert_eq!(tx.report_repo().output(ctx.org, report.id).await?, None);
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
        let assessment = AssessmentId(Uuid::from_u128(2));
        let mut tx = MemTx::default();
        tx.store.assessments.insert((ctx.org, assessment), "Q1".into());
        futures::executor::block_on(suite(&ctx, &mut tx, assessment)).unwrap();
    }
}

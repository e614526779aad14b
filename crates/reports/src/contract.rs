//! What every adapter of this domain must show: run on memory here and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row and whose actor exist; `assessment` is one of its own.

#![allow(clippy::panic, reason = "a suite fails by panicking")]

use grc_kernel::{AssessmentId, Changes, Ctx, Refusal, Repo, Resource, Rules, StoreError, Uuid, kit, resource::Cell};

use crate::{Report, model::ReportStatus, ports::Tx, service};

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx, assessment: AssessmentId) -> Result<(), Box<dyn std::error::Error>> {
    let [_, making, _] = Report::SHAPES;
    let bad = making.read_form(br#"{"type": "poem", "format": "html"}"#).map_err(|error| format!("{error:?}"))?;
    let Err(Refusal::Invalid(errors)) = kit::create::<Report>(ctx, tx, Changes::read(&bad)).await else {
        panic!("it is invalid")
    };
    assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["type", "assessment_id"]);
    let request = |about: AssessmentId| {
        Changes::<Report>::none()
            .set("type", Cell::Text("compliance_summary".into()))
            .set("format", Cell::Text("html".into()))
            .set("assessment_id", Cell::Id(about.0))
    };
    let foreign = AssessmentId(Uuid::from_u128(404));
    assert!(matches!(kit::create(ctx, tx, request(foreign)).await, Err(Refusal::Invalid(_))));
    let report = kit::create(ctx, tx, request(assessment)).await?;
    assert_eq!(Repo::<Report>::find(tx, ctx.org, report.id).await?.as_ref(), Some(&report));
    assert!(matches!(service::download(ctx, tx, report.id).await, Err(Refusal::Conflict(_))), "not there yet");
    let mut done = report.clone();
    done.status = ReportStatus::Completed;
    done.meta.touch(ctx);
    tx.put_output(ctx.org, report.id, b"<html>").await?;
    Repo::update(tx, &done, 1).await?;
    assert!(matches!(Repo::update(tx, &done, 1).await, Err(StoreError::Stale)));
    assert_eq!(service::download(ctx, tx, report.id).await?, (done, b"<html>".to_vec()));
    assert_eq!(kit::page::<Report>(ctx, tx, &Report::LIST.query()).await?.items.len(), 1);
    Report::remove(ctx, tx, report.id, grc_kernel::IfMatch::is(2)).await?;
    assert_eq!(tx.output(ctx.org, report.id).await?, None);
    Ok(())
}

#[cfg(test)]
mod tests {
    use grc_kernel::{OrgId, resource, resource::MemTables, shape::Ty};

    use super::*;

    resource! {
        /// What stands for the assessments of their own domain.
        pub struct Subject(AssessmentId) as "Subject" {
            kind: "assessment", table: "assessments", area: "assessment", name: "name", sort: ("created_at", true),
        }
        /// Its name.
        name: String = Ty::Line(200), required;
    }

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let assessment = AssessmentId(Uuid::from_u128(2));
        let mut tx = MemTables::default();
        let mut subject = Subject::blank(assessment, ctx.org, grc_kernel::Meta::new(&ctx));
        subject.name = "Q1".into();
        futures::executor::block_on(async {
            Repo::insert(&mut tx, &subject).await.unwrap();
            suite(&ctx, &mut tx, assessment).await.unwrap();
        });
    }
}

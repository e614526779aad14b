//! What every adapter of this domain must show: run on memory here and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row and whose actor exist; the requirement `SOC2_TYPE2:CC6.1`
//! is known.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a suite fails by panicking")]

use grc_kernel::{
    Changes, Ctx, EvidenceId, FindingId, IfMatch, Refusal, Repo, Resource, Rules, StoreError, Uuid, kit, list::Scalar,
    resource::Cell,
};
use time::Duration;

use crate::{
    Evidence, handing,
    model::{self, EvidenceStatus, Review, Touch},
    ports::Tx,
    service::{self, Settled},
    store::Inspection,
};

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Result<(), Box<dyn std::error::Error>> {
    let announce = || {
        Changes::with(|evidence: &mut Evidence| {
            evidence.filename = "Přístupová politika.md".into();
            evidence.content_type = "text/markdown; charset=utf-8".into();
            evidence.control_refs = vec!["SOC2_TYPE2:CC6.1".into()];
        })
    };
    let bad = announce().and(|evidence| {
        evidence.filename = "a/b".into();
        evidence.control_refs = vec!["SOC2_TYPE2:CC99".into()];
        evidence.finding_id = Some(FindingId(Uuid::from_u128(3)));
    });
    let Err(Refusal::Invalid(errors)) = kit::create(ctx, tx, bad).await else { panic!("it is invalid") };
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["filename", "control_refs[0]", "finding_id"]);

    let made = kit::create(ctx, tx, announce()).await?;
    assert_eq!(made.content_type, "text/markdown");
    assert_eq!(Repo::<Evidence>::find(tx, ctx.org, made.id).await?.as_ref(), Some(&made));
    let by_key = Evidence::LIST.query().only("object_key", vec![Scalar::Text(made.object_key.clone())]);
    assert_eq!(kit::page::<Evidence>(ctx, tx, &by_key).await?.items, std::slice::from_ref(&made));
    let text = "Každý přístup má vlastníka.".to_owned();
    let inspection = Inspection { size: 31, sha256: "ab".repeat(32), agreed: Ok(()), text: Some(text.clone()) };
    let Settled::Stored(stored) = service::settle(ctx, tx, made.id, inspection.clone()).await? else {
        panic!("it is stored")
    };
    assert_eq!((stored.status, stored.text_length), (EvidenceStatus::Stored, Some(27)));
    let again = service::settle(ctx, tx, made.id, inspection).await?;
    assert_eq!(again, Settled::Stored(stored.clone()), "completing twice is completing once");
    assert_eq!(service::get(ctx, tx, made.id).await?, ((*stored).clone(), Some(text.clone())));

    let name = "SOC2_TYPE2:CC6.1".to_owned();
    let found = tx.with_texts(ctx.org, &[name], &[]).await?;
    assert_eq!(found, [((*stored).clone(), Some(text))]);
    assert!(tx.with_texts(ctx.org, &["SOC2_TYPE2:CC6.2".to_owned()], &[]).await?.is_empty());
    assert_eq!(tx.with_texts(ctx.org, &[], &[made.id]).await?.len(), 1);

    let amend = Changes::none()
        .set("review", Cell::Text("approved".into()))
        .set("retention_until", Cell::Time(ctx.now + Duration::days(9)));
    let amended = Evidence::amend(ctx, tx, made.id, IfMatch::is(stored.meta.revision), amend).await?;
    assert_eq!(amended.review, Review::Approved);
    assert!(matches!(Repo::update(tx, &amended, 1).await, Err(StoreError::Stale)));
    assert!(
        matches!(Evidence::remove(ctx, tx, made.id, IfMatch::ANY).await, Err(Refusal::Conflict(_))),
        "it is retained"
    );
    let held = service::hold(ctx, tx, made.id, Some("litigation")).await?;
    assert!(held.legal_hold);
    service::hold(ctx, tx, made.id, None).await?;
    let touches = service::custody_page(ctx, tx, made.id, &model::CUSTODY.query()).await?;
    let touches: Vec<&str> = touches.items.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(touches.len(), 4, "{touches:?}");

    let second = kit::create(ctx, tx, announce().and(|evidence| evidence.control_refs.clear())).await?;
    let lie = Inspection { size: 4, sha256: "cd".repeat(32), agreed: Err("it is a program".into()), text: None };
    assert!(matches!(service::settle(ctx, tx, second.id, lie).await?, Settled::Rejected(_)));
    let stored_only = Evidence::LIST.query().only("status", vec![Scalar::Text("stored".into())]);
    assert_eq!(kit::page::<Evidence>(ctx, tx, &stored_only).await?.items.len(), 1);
    let tagged = Evidence::LIST.query().only("control_ref", vec![Scalar::Text("SOC2_TYPE2:CC6.1".into())]);
    assert_eq!(kit::page::<Evidence>(ctx, tx, &tagged).await?.items.len(), 1);
    handed_over(ctx, tx, made.id, second.id).await?;
    Evidence::remove(ctx, tx, second.id, IfMatch::ANY).await?;
    assert_eq!(kit::page::<Evidence>(ctx, tx, &Evidence::LIST.query()).await?.items.len(), 1);
    assert!(matches!(service::get(ctx, tx, second.id).await, Err(Refusal::NotFound(_))));
    Ok(())
}

async fn handed_over(
    ctx: &Ctx,
    tx: &mut Tx,
    stored: EvidenceId,
    rejected: EvidenceId,
) -> Result<(), Box<dyn std::error::Error>> {
    let absent = EvidenceId(Uuid::from_u128(5));
    let named: Vec<(String, EvidenceId)> =
        [stored, absent, rejected].into_iter().enumerate().map(|(i, id)| (format!("ids[{i}]"), id)).collect();
    let Err(Refusal::Invalid(errors)) = handing::link(ctx, tx, &named, "case 1").await else {
        panic!("two of them cannot be linked")
    };
    let errors: Vec<_> = errors.into_iter().map(|e| (e.field, e.code)).collect();
    assert_eq!(errors, [("ids[1]".to_owned(), "unknown_reference"), ("ids[2]".to_owned(), "not_stored")]);
    let linked = handing::link(ctx, tx, &named[..1], "case 1").await?;
    assert_eq!(linked.iter().map(|e| e.id).collect::<Vec<_>>(), [stored]);
    let exported = handing::export(ctx, tx, &[rejected, stored, absent], "case 1").await?;
    assert_eq!(exported.len(), 2, "what is not stored is told, what is not there is not");
    let record = handing::custody(ctx, tx, &[stored, rejected], &model::CUSTODY.query()).await?.items;
    let mut last: Vec<_> = record.iter().filter(|e| e.reason.as_deref() == Some("case 1")).collect();
    last.sort_by_key(|event| event.id);
    let last: Vec<_> = last.into_iter().map(|e| (e.evidence, e.event, e.sha256.clone())).collect();
    let hash = linked[0].sha256.clone();
    assert_eq!(last, [(stored, Touch::Linked, hash.clone()), (stored, Touch::Exported, hash)]);
    assert!(handing::custody(ctx, tx, &[], &model::CUSTODY.query()).await?.items.is_empty());
    Ok(())
}

#[cfg(test)]
mod tests {
    use grc_kernel::{OrgId, resource::MemTables};

    use super::*;
    use crate::mem::KnownRequirements;

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tx = MemTables::default();
        tx.keep(|known: &mut KnownRequirements| known.0.insert("SOC2_TYPE2:CC6.1".into()));
        futures::executor::block_on(suite(&ctx, &mut tx)).unwrap();
    }
}

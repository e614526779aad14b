//! The use cases in memory: each item once, whatever happens to its worker.

use futures::executor::block_on;
use grc_kernel::{
    Ctx, EvidenceId, Job, JobStatus, OrgId, Refusal, Repo, Resource, StoreError, Uuid, resource::MemTables,
};

use super::{
    BulkItem, ImportId, ImportStatus, ItemStatus, manifest,
    model::ItemError,
    plan,
    service::{self, Archive},
};
use crate::{
    Evidence, EvidenceStatus, Inspection, Source,
    mem::KnownRequirements,
    model::{CUSTODY, Touch},
    ports::{Files, Tx},
    service::PURGE_JOB,
};

const ORG: OrgId = OrgId(Uuid::from_u128(1));

fn inspected(text: &str) -> Inspection {
    let size = i64::try_from(text.len()).unwrap();
    Inspection { size, sha256: "ab".repeat(32), agreed: Ok(()), text: Some(text.to_owned()) }
}

/// An import of three rows, one of them not in the archive, and its job as a worker has it.
async fn begun(ctx: &Ctx, tx: &mut MemTables) -> (ImportId, Job) {
    tx.keep(|known: &mut KnownRequirements| known.0.insert("SOC2_TYPE2:CC6.1".into()));
    let rows =
        "filename,control_refs,retention_until\na.txt,SOC2_TYPE2:CC6.1,2030-01-01\nb.txt,SOC2_TYPE2:NO,\nabsent,,\n";
    let planned = plan::of_archive(manifest::read_csv(rows.as_bytes()).unwrap(), &["manifest.csv", "a.txt", "b.txt"]);
    let id: ImportId = ctx.new_id();
    let archive = Archive { key: service::archive_key(ctx, id), sha256: "cd".repeat(32), size: 400 };
    let made = service::begin(ctx, tx, id, Some(archive), planned).await.unwrap();
    assert_eq!((made.status, made.items_total, made.items_failed), (ImportStatus::Queued, 3, 1));
    (id, claim(tx))
}

/// Takes the job, as a worker does: whoever had it before has lost it.
fn claim(tx: &mut MemTables) -> Job {
    let job = tx.jobs.jobs.iter_mut().find(|job| job.kind == service::JOB).unwrap();
    (job.status, job.fence) = (JobStatus::Running, job.fence + 1);
    job.clone()
}

async fn touches(tx: &mut Tx, id: EvidenceId) -> Vec<Touch> {
    let page = tx.custody(ORG, &[id], &CUSTODY.query()).await.unwrap();
    page.items.into_iter().map(|touch| touch.event).collect()
}

#[test]
fn an_item_becomes_evidence_once_and_its_faults_are_its_own() {
    block_on(async {
        let ctx = Ctx::for_tests(ORG);
        let tx = &mut MemTables::default();
        let (id, job) = begun(&ctx, tx).await;
        let (import, _) = service::start(&ctx, tx, &job).await.unwrap().unwrap();
        assert_eq!(import.status, ImportStatus::Running);
        let items = service::next(&ctx, tx, id).await.unwrap();
        assert_eq!(items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a.txt", "b.txt"]);
        let evidence = service::judge(&ctx, tx, &items[0]).await.unwrap();
        let again = service::judge(&ctx, tx, &items[0]).await.unwrap();
        assert_eq!((again.id, &again.object_key), (evidence.id, &evidence.object_key), "its place is always the same");
        let kept = service::keep(&ctx, tx, &job, items[0].id, &inspected("hello")).await.unwrap().unwrap();
        assert_eq!((kept.status, kept.source, kept.size), (EvidenceStatus::Stored, Source::Bulk, Some(5)));
        assert!(kept.retention_until.is_some());
        assert_eq!(tx.text(ORG, kept.id).await.unwrap().as_deref(), Some("hello"));
        assert_eq!(service::keep(&ctx, tx, &job, items[0].id, &inspected("hello")).await.unwrap(), None);
        assert_eq!(touches(tx, kept.id).await, [Touch::Uploaded]);

        let Err(Refusal::Invalid(errors)) = service::judge(&ctx, tx, &items[1]).await else {
            panic!("no such control")
        };
        let errors: Vec<ItemError> = errors.iter().map(ItemError::from).collect();
        service::refuse(&ctx, tx, &job, items[1].id, Some("some/key"), errors).await.unwrap();
        assert!(service::next(&ctx, tx, id).await.unwrap().is_empty());
        service::finish(&ctx, tx, &job).await.unwrap();
        let (import, standing, items) = service::get(&ctx, tx, id).await.unwrap();
        assert_eq!((import.status, import.items_stored, import.items_failed), (ImportStatus::Completed, 1, 2));
        assert_eq!((standing.percent(3), items.len()), (100, 3));
        assert_eq!(items[1].errors[0].field, "control_refs[0]");
        let purged = tx.jobs.jobs.iter().filter(|job| job.kind == PURGE_JOB).count();
        assert_eq!(purged, 2, "the bytes of the item and the archive");
        let again = claim(tx);
        assert!(service::start(&ctx, tx, &again).await.unwrap().is_none());
    });
}

#[test]
fn a_worker_that_lost_the_job_stores_nothing() {
    block_on(async {
        let ctx = Ctx::for_tests(ORG);
        let tx = &mut MemTables::default();
        let (id, slow) = begun(&ctx, tx).await;
        service::start(&ctx, tx, &slow).await.unwrap();
        let items = service::next(&ctx, tx, id).await.unwrap();
        let quick = claim(tx);
        let late = service::keep(&ctx, tx, &slow, items[0].id, &inspected("late")).await;
        assert!(matches!(late, Err(Refusal::Store(StoreError::Stale))));
        let late = service::refuse(&ctx, tx, &slow, items[0].id, None, Vec::new()).await;
        assert!(matches!(late, Err(Refusal::Store(StoreError::Stale))));
        assert!(service::keep(&ctx, tx, &quick, items[0].id, &inspected("quick")).await.unwrap().is_some());
        let all = Repo::<Evidence>::page(tx, ORG, &Evidence::LIST.query()).await.unwrap().items;
        assert_eq!(all.len(), 1);
    });
}

#[test]
fn an_import_that_is_refused_or_given_up_says_why_and_has_its_archive_removed() {
    block_on(async {
        let ctx = Ctx::for_tests(ORG);
        let tx = &mut MemTables::default();
        let (id, job) = begun(&ctx, tx).await;
        service::start(&ctx, tx, &job).await.unwrap();
        service::reject(&ctx, tx, &job, "an entry lies").await.unwrap();
        let (import, _, items) = service::get(&ctx, tx, id).await.unwrap();
        assert_eq!((import.status, import.error.as_deref()), (ImportStatus::Failed, Some("an entry lies")));
        assert_eq!(items.iter().filter(|item| item.status == ItemStatus::Queued).count(), 2);
        assert!(
            tx.jobs
                .jobs
                .iter()
                .any(|job| job.kind == PURGE_JOB && job.payload["object_key"] == service::archive_key(&ctx, id))
        );
        service::fail(&ctx, tx, id, "again").await.unwrap();
        assert_eq!(service::get(&ctx, tx, id).await.unwrap().0.error.as_deref(), Some("an entry lies"));
        let item = BulkItem::LIST.query().limited(9);
        assert_eq!(Repo::<BulkItem>::page(tx, ORG, &item).await.unwrap().items.len(), 3);
    });
}

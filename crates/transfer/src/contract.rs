//! What every adapter of this domain must show: run on memory and on Postgres in the workspace's tests.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a suite fails by panicking")]

use grc_kernel::{Ctx, Refusal, Uuid};

use crate::{
    model::{ImportId, Mode, RowError, Status},
    ports::Tx,
    service::{self, Tally},
    table::Format,
};

fn tally(created: i64, failed: &[u64]) -> Tally {
    let mut tally = Tally { created, ..Tally::default() };
    for number in failed {
        tally.fail(*number, vec![RowError::cell("Title", "title", "required", "must be there")]);
    }
    tally
}

/// The whole suite. It drives what needs no worker.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Result<(), Refusal> {
    let mut import = service::draft(ctx, ImportId(Uuid::from_u128(0x7a)));
    import.resource = "risks".to_owned();
    (import.format, import.mode, import.atomic) = (Format::Csv, Mode::Apply, false);
    import.sha256 = "0".repeat(64);
    import.rows_total = 5;
    import.object_key = Some(service::object_key(ctx, import.id));
    let taken = service::begin(ctx, tx, import.clone()).await?;
    assert_eq!((taken.status, taken.object_key.clone()), (Status::Queued, import.object_key.clone()));

    // Rows that failed are kept in their order, with what is wrong.
    assert_eq!(tally(2, &[3]).rows(), 3);
    let (read, rows) = service::get(ctx, tx, import.id).await?;
    assert_eq!((read, rows), (taken, Vec::new()));

    // One that is stopped stays stopped, and its file is wanted gone.
    service::cancel(ctx, tx, import.id).await?;
    let (stopped, _) = service::get(ctx, tx, import.id).await?;
    assert_eq!((stopped.status, stopped.object_key.clone()), (Status::Cancelled, None));
    assert!(stopped.finished_at.is_some());
    assert!(matches!(service::cancel(ctx, tx, import.id).await, Err(Refusal::Illegal { .. })));
    service::fail(ctx, tx, import.id, "too late").await?;
    assert_eq!(service::get(ctx, tx, import.id).await?.0, stopped, "what is over is left alone");
    Ok(())
}

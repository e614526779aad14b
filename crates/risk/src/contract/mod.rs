//! What every adapter of this domain must show: run on memory and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row exists and of which the actor is an active member.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a suite fails by panicking")]

mod dashboard;
mod fair;
mod kris;
mod register;
mod scenarios;

use grc_kernel::{Ctx, Fault, Refusal};

use crate::ports::Tx;

type Outcome = Result<(), Refusal>;

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    register::suite(ctx, tx).await?;
    kris::suite(ctx, tx).await?;
    fair::suite(ctx, tx).await?;
    scenarios::suite(ctx, tx).await?;
    dashboard::suite(ctx, tx).await
}

fn fields<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Vec<String> {
    outcome.unwrap_err().fields().into_iter().map(|e| format!("{} {}", e.field, e.code)).collect()
}

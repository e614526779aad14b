//! The register's own statements in memory.

use async_trait::async_trait;
use grc_kernel::{Ctx, StoreResult, resource::InMemory};

use crate::{Appetite, Entry, Matrix, matrix, ports::Register};

#[async_trait]
impl<T: InMemory> Register for T {
    async fn relevel(&mut self, ctx: &Ctx, given: &Matrix) -> StoreResult<i64> {
        self.tables().change_all(ctx, |entry: &mut Entry| {
            let (inherent, residual) = matrix::levels(given, entry);
            entry.inherent_level = inherent.unwrap_or_default();
            entry.residual_level = residual;
        })
    }

    async fn reweigh(&mut self, ctx: &Ctx, appetite: &Appetite) -> StoreResult<i64> {
        self.tables().change_all(ctx, |entry: &mut Entry| {
            (entry.above_appetite, entry.above_tolerance) = appetite.weigh(entry.category, entry.standing_score());
        })
    }
}

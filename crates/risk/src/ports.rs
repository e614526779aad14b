//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{Ctx, JournalTx, Repo, StoreResult, resource::References};

use crate::{Acceptance, Appetite, Entry, Matrix, Treatment};

/// What the register needs beyond what every resource has: statements over all of its entries.
#[async_trait]
pub trait Register: Send {
    /// Gives every entry of the organization the levels that a matrix calls for; how many got another one. Each of
    /// them is a change of its entry: its revision and time move.
    async fn relevel(&mut self, ctx: &Ctx, matrix: &Matrix) -> StoreResult<i64>;
    /// Says of every entry whether it is above an appetite and tolerance; likewise.
    async fn reweigh(&mut self, ctx: &Ctx, appetite: &Appetite) -> StoreResult<i64>;
}

/// A transaction over this domain's repositories.
pub trait RiskTx:
    JournalTx + References + Register + Repo<Entry> + Repo<Treatment> + Repo<Acceptance> + Repo<Matrix> + Repo<Appetite>
{
}

impl<T> RiskTx for T where
    T: JournalTx
        + References
        + Register
        + Repo<Entry>
        + Repo<Treatment>
        + Repo<Acceptance>
        + Repo<Matrix>
        + Repo<Appetite>
{
}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn RiskTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn RiskTx;

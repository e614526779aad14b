//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{Ctx, JobsTx, JournalTx, Repo, StoreResult, resource::References};

use crate::{Acceptance, Appetite, Breach, Entry, EntryId, Kri, Matrix, Reading, Treatment, kri::reading::Kept};

/// What the register needs beyond what every resource has: statements over all of its entries.
#[async_trait]
pub trait Register: Send {
    /// Gives every entry of the organization the levels that a matrix calls for; how many got another one. Each of
    /// them is a change of its entry: its revision and time move.
    async fn relevel(&mut self, ctx: &Ctx, matrix: &Matrix) -> StoreResult<i64>;
    /// Says of every entry whether it is above an appetite and tolerance; likewise.
    async fn reweigh(&mut self, ctx: &Ctx, appetite: &Appetite) -> StoreResult<i64>;
}

/// What indicators need beyond that.
#[async_trait]
pub trait Indicators: Send {
    /// Stores readings of one indicator, sorted by time, in one statement. One of a moment that has a reading already
    /// takes its place.
    async fn keep_readings(&mut self, readings: &[Reading]) -> StoreResult<Vec<Kept>>;
    /// Takes a risk that is about to go off every indicator that names it.
    async fn forget_risk(&mut self, ctx: &Ctx, risk: EntryId) -> StoreResult<()>;
}

macro_rules! transaction {
    ($($part:path),+ $(,)?) => {
        /// A transaction over this domain's repositories.
        pub trait RiskTx: JournalTx + JobsTx + References $(+ $part)+ {}

        impl<T: JournalTx + JobsTx + References $(+ $part)+> RiskTx for T {}
    };
}

transaction!(
    Register,
    Indicators,
    Repo<Entry>,
    Repo<Treatment>,
    Repo<Acceptance>,
    Repo<Matrix>,
    Repo<Appetite>,
    Repo<Kri>,
    Repo<Reading>,
    Repo<Breach>,
);

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn RiskTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn RiskTx;

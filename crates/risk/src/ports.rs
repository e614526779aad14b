//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{Ctx, JobsTx, JournalTx, OrgId, Repo, StoreResult, resource::References};

use crate::{
    Acceptance, Analysis, AnalysisId, Appetite, Breach, Entry, EntryId, Kri, Matrix, Reading, Treatment,
    fair::{FairResult, Run, RunId},
    kri::reading::Kept,
};

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

/// What analyses need beyond that.
#[async_trait]
pub trait Simulations: Send {
    /// The latest completed run of each of these analyses that has one.
    async fn latest_runs(&mut self, org: OrgId, analyses: &[AnalysisId]) -> StoreResult<Vec<Run>>;
    /// Notes how far a run is that is not over. No change of the run in the sense of its revision.
    async fn advance_run(&mut self, org: OrgId, run: RunId, percent: i64) -> StoreResult<()>;
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
    Simulations,
    Repo<Entry>,
    Repo<Treatment>,
    Repo<Acceptance>,
    Repo<Matrix>,
    Repo<Appetite>,
    Repo<Kri>,
    Repo<Reading>,
    Repo<Breach>,
    Repo<Analysis>,
    Repo<Run>,
    Repo<FairResult>,
);

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn RiskTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn RiskTx;

//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{Ctx, JobsTx, JournalTx, ListQuery, OrgId, Repo, StoreResult, resource::References};
use time::{Date, OffsetDateTime};

use crate::{
    Acceptance, Analysis, AnalysisId, Appetite, Breach, Entry, EntryId, Kri, Matrix, Reading, Scenario, Treatment,
    dashboard::{Expected, Firsts, Mover, OverdueTreatment},
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

/// What the dashboard needs beyond that. Each looks only at the risks that the register's list request matches, and
/// shows as many items as its limit says.
#[async_trait]
pub trait Overview: Send {
    /// Risks whose score is another one than before their first change since a time, the farthest moved first.
    async fn movers(&mut self, org: OrgId, query: &ListQuery, since: OffsetDateTime) -> StoreResult<Vec<Mover>>;
    /// Treatments that are not over and were due before a day, the longest overdue first.
    async fn overdue_treatments(
        &mut self,
        org: OrgId,
        query: &ListQuery,
        today: Date,
    ) -> StoreResult<Firsts<OverdueTreatment>>;
    /// What the latest runs of the risks' analyses expect to be lost, by category.
    async fn expected_losses(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Vec<Expected>>;
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
    Overview,
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
    Repo<Scenario>,
);

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn RiskTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn RiskTx;

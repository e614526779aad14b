//! What this domain needs from the outside.

use async_trait::async_trait;
use grc_kernel::{JournalTx, ListQuery, OrgId, Repo, StoreResult, resource::References};

use crate::{
    Exhibit, Incident, Review, Task, TimelineEntry,
    metrics::{Group, Measures},
};

/// Times over many incidents.
#[async_trait]
pub trait ResponseTimes: Send {
    /// The times over the incidents that a list request matches: all together, by severity, by month of detection.
    /// There is a group for all even where there are none.
    async fn response_times(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Vec<(Group, Measures)>>;
}

/// A transaction over this domain's repositories.
pub trait IncidentTx:
    JournalTx
    + References
    + ResponseTimes
    + Repo<Incident>
    + Repo<TimelineEntry>
    + Repo<Task>
    + Repo<Review>
    + Repo<Exhibit>
{
}

impl<T> IncidentTx for T where
    T: JournalTx
        + References
        + ResponseTimes
        + Repo<Incident>
        + Repo<TimelineEntry>
        + Repo<Task>
        + Repo<Review>
        + Repo<Exhibit>
{
}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn IncidentTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn IncidentTx;

//! The domain's own statements in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_kernel::{ListQuery, OrgId, Repo, StoreResult, resource::InMemory};

use crate::{
    Incident,
    metrics::{self, Group, Measures},
    ports::ResponseTimes,
};

#[async_trait]
impl<T: InMemory> ResponseTimes for T {
    async fn response_times(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Vec<(Group, Measures)>> {
        let every = ListQuery { limit: usize::MAX, after: None, ..query.clone() };
        let incidents = Repo::<Incident>::page(self.tables(), org, &every).await?.items;
        let mut severities: BTreeMap<_, Vec<&Incident>> = BTreeMap::new();
        let mut months: BTreeMap<String, Vec<&Incident>> = BTreeMap::new();
        for incident in &incidents {
            severities.entry(incident.severity).or_default().push(incident);
            let at = incident.detected_at;
            let month = format!("{:04}-{:02}", at.year(), u8::from(at.month()));
            months.entry(month).or_default().push(incident);
        }
        let mut groups = vec![(Group::All, metrics::over(incidents.iter()))];
        groups.extend(severities.into_iter().map(|(severity, of)| {
            (Group::Severity(severity), metrics::over(of.into_iter().collect::<Vec<_>>().iter().copied()))
        }));
        groups.extend(months.into_iter().map(|(month, of)| (Group::Month(month), metrics::over(of.iter().copied()))));
        Ok(groups)
    }
}

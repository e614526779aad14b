//! How contracts stand: what is left of their time, and what they should say and do not.

use std::collections::{BTreeSet, HashMap};

use grc_kernel::{
    Ctx, ListQuery, Refusal, Repo, Resource, Uuid,
    list::{Filter, Scalar, Test},
};
use time::{Date, Duration, OffsetDateTime};

use super::{Contract, ContractStatus};
use crate::{
    Service, ServiceId,
    ports::Tx,
    rules::clauses::{self, Clause},
};

/// How a contract stands at a time, and by the services that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The days to its end, negative after it.
    pub days_left: Option<i64>,
    /// Whether one of its services supports a critical or important function.
    pub critical: bool,
    /// What it must say and does not.
    pub missing: Vec<Clause>,
}

/// How contracts stand. The services of all of them are read at once.
pub async fn standing(ctx: &Ctx, tx: &mut Tx, contracts: &[Contract]) -> Result<Vec<Standing>, Refusal> {
    let ids: BTreeSet<Uuid> = contracts.iter().flat_map(|c| &c.service_ids.0).map(|id| id.0).collect();
    let ids: Vec<ServiceId> = ids.into_iter().map(ServiceId).collect();
    let services: HashMap<_, _> = Repo::<Service>::find_many(tx, ctx.org, &ids)
        .await?
        .into_iter()
        .map(|service| (service.id.0, service))
        .collect();
    let today = ctx.now.date();
    let standing = contracts.iter().map(|contract| {
        let named: Vec<&Service> = contract.service_ids.0.iter().filter_map(|id| services.get(&id.0)).collect();
        let critical = named.iter().any(|service| service.supports_critical_function);
        // As long as no service is named, nothing is known that would let it off.
        let ict = named.is_empty() || named.iter().any(|service| service.ict_service_type.is_some());
        Standing {
            days_left: contract.end_date.map(|end| (end - today).whole_days()),
            critical,
            missing: clauses::missing(&contract.clauses.0, ict, critical),
        }
    });
    Ok(standing.collect())
}

/// Contracts in force that end within so many days from a time.
pub fn expiring(query: ListQuery, days: i64, now: OffsetDateTime) -> ListQuery {
    let until = now.date().checked_add(Duration::days(days)).unwrap_or(Date::MAX);
    let mut query = query.only("status", vec![Scalar::Text(ContractStatus::Active.as_str().to_owned())]);
    if let Some(field) = Contract::LIST.field("end_date") {
        query.filters.push(Filter { field, test: Test::AtLeast(Scalar::Date(now.date())) });
        query.filters.push(Filter { field, test: Test::AtMost(Scalar::Date(until)) });
    }
    query
}

//! What a run answers beyond its figures: percentiles, curves, the tornado. Kept beside the run, so that lists and the
//! journal stay light.

use async_trait::async_trait;
use grc_fair::Outcome;
use grc_kernel::{Ctx, Meta, Rules, resource, shape::Ty, typed_id};
use serde_json::{Map, Value};

use super::run::Run;
use crate::ports::Tx;

typed_id! {
    /// The id of a result: its run's.
    ResultId,
}

/// The members of a result that are kept here.
pub const DETAILS: [&str; 7] =
    ["percentiles", "exceedance_curve", "return_periods", "severity", "node_means", "loss_form_shares", "tornado"];

// No resource of the service's register: it is reached through its run only.
resource! {
    /// What a run answers beyond its figures.
    pub struct FairResult(ResultId) as "FairResult" {
        kind: "fair_result", table: "fair_results", area: "risk", name: "id", sort: ("created_at", true),
    }
    /// The members by name.
    document: Map<String, Value> = Ty::Any, computed;
}

#[async_trait]
impl Rules for FairResult {
    type Tx = Tx;
}

/// The result of a run, out of the engine's outcome.
pub fn of(ctx: &Ctx, run: &Run, outcome: &Outcome) -> FairResult {
    let mut document = match outcome.to_json() {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    document.retain(|name, _| DETAILS.contains(&name.as_str()));
    FairResult { id: ResultId(run.id.0), org: ctx.org, document, meta: Meta::new(ctx) }
}

//! Quantitative analyses by FAIR: how often a loss happens, what it costs, and what that makes of a year.
//!
//! The model, its rules and its simulation are the crate `grc-fair`'s. Here an analysis is kept ([`Analysis`]) and
//! [`run`]: each run has what was asked, the figures that lists show, and a [`result`] with everything else.

pub mod result;
pub mod run;

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, FieldError, Refusal, Repo, Resource, Rules, StoreResult,
    list::Scalar,
    resource,
    shape::{Member, Preset, Shape, Ty, View, forms, must, null},
    typed_id, wire_enum,
};
use serde_json::{Map, Value, json};

use crate::{entry::EntryId, ports::Tx};

pub use result::FairResult;
pub use run::{Run, RunId};

typed_id! {
    /// A quantitative analysis.
    AnalysisId,
}

wire_enum! {
    /// How a year is simulated.
    pub enum Mode {
        /// A number of events, then each event's loss.
        Event = "event",
        /// One frequency times one loss, as spreadsheets have it: the same mean, a far too thin tail.
        Product = "product",
    }
}

/// Amounts of money, without a currency.
pub const MONEY: Ty = Ty::Number(0.0, 1e18);

/// The names of a model's nodes.
pub const NODES: forms::Form = forms::form(
    concat!(
        "^(lef|tef|contact_frequency|probability_of_action|vulnerability|threat_capability|resistance_strength|",
        "loss_magnitude|primary_loss|secondary_event_frequency|secondary_loss)$"
    ),
    "lef",
);
/// A model, for examples.
pub const MODEL: &str = r#"{
    "lef": {"type": "pert", "min": 0.1, "mode": 0.5, "max": 2},
    "loss_magnitude": {"type": "lognormal", "low": 10000, "high": 1000000}
}"#;

/// The latest run in an analysis.
pub const LATEST: Shape = Shape {
    name: "FairLatestRun",
    doc: "The latest completed run of an analysis.",
    members: &[&[
        must("id", Ty::Id, "The run."),
        must("created_at", Ty::Time, "When it was started."),
        must("trials", Ty::Int(1_000, 100_000_000), "The simulated years."),
        must("mean", MONEY, "The expected annual loss."),
        must("var_95", MONEY, "The annual loss that one year in twenty exceeds."),
        null("p_over_tolerance", Ty::Number(0.0, 1.0), "How likely a year above the tolerance is."),
        must("current", Ty::Bool, "Whether the analysis is still what was run."),
    ]],
    view: View::Plain,
};

const LATEST_RUN: &[Member] = &[null("latest_run", Ty::Object(&LATEST), "The latest completed run.")];

resource! {
    /// A quantitative analysis by FAIR.
    pub struct Analysis(AnalysisId) as "FairAnalysis" {
        kind: "fair_analysis", table: "fair_analyses", area: "risk", name: "name", sort: ("created_at", true),
        extra: LATEST_RUN,
    }
    /// What it is called.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What is assumed, and on what grounds.
    description: Option<String> = Ty::Text(20_000), searches;
    /// The risk that it measures.
    risk_id: Option<EntryId> = Ty::Ref("risk");
    /// The distributions by the names of their nodes; a change replaces the whole.
    model: Map<String, Value> = Ty::Any, required, of_form(NODES), sample(MODEL);
    /// How a year is simulated.
    mode: Mode = Ty::Word(Mode::NAMES), preset(Preset::Text("event"));
    /// The annual loss that is borne willingly.
    appetite: Option<f64> = MONEY;
    /// The annual loss that is borne at most.
    tolerance: Option<f64> = MONEY;
}

#[async_trait]
impl Rules for Analysis {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        check.extend(after.parse().err().unwrap_or_default());
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        let open = Run::LIST
            .query()
            .only("analysis_id", vec![Scalar::Id(record.id.0)])
            .only("status", run::OPEN.iter().map(|status| Scalar::Text(status.as_str().to_owned())).collect())
            .limited(1_000);
        for open in Repo::<Run>::page(tx, ctx.org, &open).await?.items {
            tx.jobs().cancel(ctx.org, run::JOB, open.id.0).await?;
        }
        Ok(())
    }
}

impl Analysis {
    /// The analysis as the engine takes it.
    pub fn parse(&self) -> Result<grc_fair::Analysis, Vec<FieldError>> {
        let mut body = json!({"model": self.model, "mode": self.mode.as_str()});
        if let Value::Object(members) = &mut body {
            for (name, amount) in [("appetite", self.appetite), ("tolerance", self.tolerance)] {
                members.extend(amount.map(|amount| (name.to_owned(), json!(amount))));
            }
        }
        grc_fair::Analysis::parse(&body)
    }

    /// What its answers show of its latest run.
    pub fn latest(&self, run: Option<&Run>) -> Value {
        let Some(run) = run else { return Value::Null };
        let current = self.parse().is_ok_and(|analysis| analysis.digest() == run.input_digest);
        json!({
            "id": run.id.to_string(),
            "created_at": grc_kernel::record::timestamp(run.meta.created_at),
            "trials": run.trials,
            "mean": run.mean,
            "var_95": run.var_95,
            "p_over_tolerance": run.p_over_tolerance,
            "current": current,
        })
    }
}

/// The latest completed run of each of these analyses that has one.
pub async fn latest_runs(ctx: &Ctx, tx: &mut Tx, analyses: &[Analysis]) -> StoreResult<BTreeMap<AnalysisId, Run>> {
    let ids: Vec<AnalysisId> = analyses.iter().map(|analysis| analysis.id).collect();
    let runs = tx.latest_runs(ctx.org, &ids).await?;
    Ok(runs.into_iter().map(|run| (run.analysis_id, run)).collect())
}

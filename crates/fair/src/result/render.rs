//! Results as JSON, member by member as the contract names them.

use serde_json::{Map, Value, json};

use super::{LossSummary, Outcome, Percentiles, Severity};

impl Outcome {
    /// The wire's form. Equal results give equal bytes.
    pub fn to_json(&self) -> Value {
        let mut members = self.losses.members();
        let bars: Vec<_> = self
            .tornado
            .iter()
            .map(|bar| json!({"factor": bar.factor, "low": bar.low, "high": bar.high, "swing": bar.swing}))
            .collect();
        let rest = [
            ("severity", self.severity.to_json()),
            ("node_means", json!(self.node_means)),
            ("loss_form_shares", json!(self.loss_form_shares)),
            ("tornado", bars.into()),
            ("trials", self.trials.into()),
            ("seed", self.seed.into()),
            ("engine_version", self.engine_version.into()),
            ("input_digest", self.input_digest.as_str().into()),
        ];
        members.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(members)
    }
}

impl Severity {
    fn to_json(&self) -> Value {
        json!({"mean": self.mean, "percentiles": percentiles(&self.percentiles)})
    }
}

impl LossSummary {
    /// The members of the wire's form that describe the year's loss.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let curve: Vec<_> =
            self.exceedance_curve.iter().map(|p| json!({"loss": p.loss, "probability": p.probability})).collect();
        let periods: Vec<_> = self.return_periods.iter().map(|p| json!({"years": p.years, "loss": p.loss})).collect();
        let members = [
            ("mean", self.mean.into()),
            ("standard_error", self.standard_error.into()),
            ("sd", self.sd.into()),
            ("percentiles", percentiles(&self.percentiles)),
            ("p_zero", self.p_zero.into()),
            ("var_95", self.var_95.into()),
            ("var_99", self.var_99.into()),
            ("tvar_95", self.tvar_95.into()),
            ("tvar_99", self.tvar_99.into()),
            ("exceedance_curve", curve.into()),
            ("return_periods", periods.into()),
            ("p_over_appetite", self.p_over_appetite.into()),
            ("p_over_tolerance", self.p_over_tolerance.into()),
        ];
        members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }
}

fn percentiles(percentiles: &Percentiles) -> Value {
    Value::Object(percentiles.iter().map(|(name, loss)| ((*name).to_owned(), (*loss).into())).collect())
}

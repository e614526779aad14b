//! What a treatment is worth: a model before and after it, under the same fortune.
//!
//! A node that both models have draws from the same stream in the same trial and event, so that the two years
//! differ by the treatment and not by chance. The reduction is therefore known far better than either mean.

use grc_kernel::FieldError;
use serde_json::{Value, json};

use crate::{
    engine::{Moments, Run, Tally, Watch, Worker, Years},
    error::SimulationError,
    model::{Analysis, check::MONEY_MAX},
    result::Outcome,
};

/// Two results and what lies between them. A change is the later number less the earlier, so that a fall is
/// negative; the reduction is the fall of the mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Without the treatment.
    pub before: Outcome,
    /// With it.
    pub after: Outcome,
    /// What the treatment costs a year.
    pub annual_cost: f64,
    /// How much less a year loses, in the mean.
    pub reduction: f64,
    /// The standard error of the reduction, over the differences of the paired years.
    pub reduction_standard_error: f64,
    /// The reduction less the cost.
    pub net_benefit: f64,
    /// The reduction over the cost; none where it costs nothing.
    pub benefit_cost_ratio: Option<f64>,
    /// The return on security investment, `(reduction - cost) / cost`; none where it costs nothing.
    pub rosi: Option<f64>,
    /// The years in which the reduction earns one year's cost; none where there is no reduction.
    pub payback_years: Option<f64>,
    /// The change of the 95th percentile.
    pub var_95_change: f64,
    /// The change of the 99th percentile.
    pub var_99_change: f64,
    /// The change of the mean loss from the 95th percentile up.
    pub tvar_95_change: f64,
    /// The change of the probability to exceed the tolerance, where both sides have one.
    pub p_over_tolerance_change: Option<f64>,
}

/// Simulates both sides with common random numbers.
pub fn compare(
    before: &Analysis,
    after: &Analysis,
    annual_cost: f64,
    run: &Run,
    watch: &Watch<'_>,
) -> Result<Comparison, SimulationError> {
    if !(0.0..=MONEY_MAX).contains(&annual_cost) {
        let detail = format!("must be from 0 to {MONEY_MAX}");
        return Err(SimulationError::Invalid(vec![FieldError::new("annual_cost", "out_of_range", detail)]));
    }
    let sides = [before, after].map(|side| (Years::new(side, run.seed(), 0), side.bounds()));
    let keep = run.keep();
    let (blocks, workers) = run.pool(watch).run(
        || [Worker::new(), Worker::new()],
        |[first_worker, second_worker], first, trials| {
            let [(years_before, bounds_before), (years_after, bounds_after)] = &sides;
            let place = (first, trials);
            let one = first_worker.block(years_before, place, keep, *bounds_before, watch)?;
            let other = second_worker.block(years_after, place, keep, *bounds_after, watch)?;
            let saved: Vec<_> =
                first_worker.losses.iter().zip(&second_worker.losses).map(|(before, after)| before - after).collect();
            Some((one, other, Moments::of(&saved)))
        },
    )?;
    let mut saved = Moments::default();
    let (mut blocks_before, mut blocks_after) = (Vec::with_capacity(blocks.len()), Vec::with_capacity(blocks.len()));
    for (one, other, moments) in blocks {
        saved = saved.and(moments);
        blocks_before.push(one);
        blocks_after.push(other);
    }
    let (gathered_before, gathered_after) =
        workers.into_iter().map(|[one, other]| (one.gathering, other.gathering)).unzip();
    let before = Outcome::of(before, run, &Tally::of(run.trials(), blocks_before, gathered_before));
    let after = Outcome::of(after, run, &Tally::of(run.trials(), blocks_after, gathered_after));
    Ok(Comparison::of(before, after, annual_cost, saved))
}

impl Comparison {
    fn of(before: Outcome, after: Outcome, annual_cost: f64, saved: Moments) -> Self {
        let reduction = saved.mean;
        let per_cost = |amount: f64| (annual_cost > 0.0).then(|| amount / annual_cost);
        let (old, new) = (&before.losses, &after.losses);
        Self {
            annual_cost,
            reduction,
            reduction_standard_error: saved.standard_error(),
            net_benefit: reduction - annual_cost,
            benefit_cost_ratio: per_cost(reduction),
            rosi: per_cost(reduction - annual_cost),
            payback_years: (reduction > 0.0).then(|| annual_cost / reduction),
            var_95_change: new.var_95 - old.var_95,
            var_99_change: new.var_99 - old.var_99,
            tvar_95_change: new.tvar_95 - old.tvar_95,
            p_over_tolerance_change: old.p_over_tolerance.zip(new.p_over_tolerance).map(|(old, new)| new - old),
            before,
            after,
        }
    }

    /// The wire's form. Equal comparisons give equal bytes.
    pub fn to_json(&self) -> Value {
        json!({
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "annual_cost": self.annual_cost,
            "reduction": self.reduction,
            "reduction_standard_error": self.reduction_standard_error,
            "net_benefit": self.net_benefit,
            "benefit_cost_ratio": self.benefit_cost_ratio,
            "rosi": self.rosi,
            "payback_years": self.payback_years,
            "var_95_change": self.var_95_change,
            "var_99_change": self.var_99_change,
            "tvar_95_change": self.tvar_95_change,
            "p_over_tolerance_change": self.p_over_tolerance_change,
            "trials": self.before.trials,
            "seed": self.before.seed,
            "engine_version": self.before.engine_version,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn analysis(tef: f64, vulnerability: f64) -> Analysis {
        Analysis::parse(&json!({"model": {
            "tef": {"type": "pert", "min": 0.5 * tef, "mode": tef, "max": 2.0 * tef},
            "vulnerability": {"type": "constant", "value": vulnerability},
            "loss_magnitude": {"type": "lognormal", "low": 1e4, "high": 1e6},
        }}))
        .unwrap()
    }

    fn compared(after: f64, cost: f64) -> Comparison {
        let run = Run::new(50_000, 3).unwrap();
        compare(&analysis(4.0, 0.5), &analysis(4.0, after), cost, &run, &Watch::nobody()).unwrap()
    }

    #[test]
    fn the_paired_years_know_the_reduction_better_than_either_mean() {
        let c = compared(0.4, 20_000.0);
        let exact = 0.2 * c.before.node_means["lef"] * c.before.node_means["loss_magnitude"];
        assert!((c.reduction - exact).abs() < 4.0 * c.reduction_standard_error);
        let unpaired = c.before.losses.standard_error.hypot(c.after.losses.standard_error);
        assert!(c.reduction_standard_error < 0.5 * unpaired, "{} {unpaired}", c.reduction_standard_error);
        assert!((c.reduction - (c.before.losses.mean - c.after.losses.mean)).abs() < 1e-6 * c.reduction);
        assert!((c.rosi.unwrap() - (c.reduction - 20_000.0) / 20_000.0).abs() < 1e-12);
        assert!((c.payback_years.unwrap() - 20_000.0 / c.reduction).abs() < 1e-12);
        assert!(c.var_95_change < 0.0);
    }

    #[test]
    fn no_change_is_no_reduction() {
        let c = compared(0.5, 0.0);
        assert_eq!((c.reduction, c.rosi, c.payback_years, c.var_95_change), (0.0, None, None, 0.0));
        assert_eq!(c.before.losses, c.after.losses);
    }

    #[test]
    fn a_cost_is_an_amount() {
        let run = Run::new(1_000, 3).unwrap();
        let one = analysis(1.0, 0.5);
        for cost in [-1.0, f64::NAN, 1e300] {
            let error = compare(&one, &one, cost, &run, &Watch::nobody()).unwrap_err();
            assert!(matches!(error, SimulationError::Invalid(fields) if fields[0].field == "annual_cost"));
        }
    }
}

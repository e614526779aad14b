//! What holds for every model, and for whatever is passed off as one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use grc_fair::{Analysis, Outcome, Run, Watch, compare, simulate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Three numbers in order.
fn ordered(top: f64) -> impl Strategy<Value = (f64, f64, f64)> {
    [0.0..top, 0.0..top, 0.0..top].prop_map(|mut three| {
        three.sort_by(f64::total_cmp);
        (three[0], three[1], three[2])
    })
}

/// A distribution within 0 and `top`.
fn within(top: f64) -> BoxedStrategy<Value> {
    prop_oneof![
        (0.0..top).prop_map(|value| json!({"type": "constant", "value": value})),
        (ordered(top), 0.0..20.0).prop_map(|((min, mode, max), lambda)| {
            json!({"type": "pert", "min": min, "mode": mode, "max": max, "lambda": lambda})
        }),
        ordered(top).prop_map(|(min, mode, max)| json!({"type": "triangular", "min": min, "mode": mode, "max": max})),
        ordered(top).prop_map(|(min, _, max)| json!({"type": "uniform", "min": min, "max": max})),
        (ordered(top), 0.3..20.0, 0.3..20.0).prop_map(|((min, _, max), alpha, beta)| {
            json!({"type": "beta", "alpha": alpha, "beta": beta, "min": min, "max": max})
        }),
    ]
    .boxed()
}

fn rate() -> BoxedStrategy<Value> {
    prop_oneof![
        within(8.0),
        (0.0..8.0).prop_map(|rate| json!({"type": "poisson", "rate": rate})),
        (0.0..8.0, 0.1..10.0).prop_map(|(mean, size)| json!({"type": "negative_binomial", "mean": mean, "size": size})),
        (0.0..=1.0).prop_map(|p| json!({"type": "bernoulli", "p": p})),
    ]
    .boxed()
}

fn loss() -> BoxedStrategy<Value> {
    prop_oneof![
        within(1e7),
        (1.0..1e5, 1.5..1e3).prop_map(|(low, ratio)| json!({"type": "lognormal", "low": low, "high": low * ratio})),
        (1.0..1e5, 1.5..1e2)
            .prop_map(|(median, ratio)| json!({"type": "lognormal", "median": median, "p95": median * ratio})),
    ]
    .boxed()
}

fn model() -> impl Strategy<Value = Value> {
    let frequency = prop_oneof![
        rate().prop_map(|lef| json!({"lef": lef})),
        (rate(), within(1.0)).prop_map(|(tef, v)| json!({"tef": tef, "vulnerability": v})),
        (rate(), within(1.0), within(100.0), within(100.0)).prop_filter_map("one scale", |(cf, p, t, r)| {
            // A capability of at most 1 beside a resistance of up to 100 is refused: they are on two scales.
            let top = |dist: &Value| dist["max"].as_f64().or(dist["value"].as_f64()).unwrap();
            let fraction = |top: f64| top > 0.0 && top <= 1.0;
            let (threat, resistance) = (top(&t), top(&r));
            let apart = (fraction(threat) && resistance > 1.0) || (fraction(resistance) && threat > 1.0);
            let model = json!({"contact_frequency": cf, "probability_of_action": p,
                "threat_capability": t, "resistance_strength": r});
            (!apart).then_some(model)
        }),
    ];
    let losses = prop_oneof![
        loss().prop_map(|loss| json!({"loss_magnitude": loss})),
        (loss(), loss(), within(1.0), loss()).prop_map(|(a, b, p, c)| {
            json!({"primary_loss": {"response": a, "replacement": b}, "secondary_event_frequency": p,
                "secondary_loss": c})
        }),
    ];
    (frequency, losses, prop_oneof![Just("event"), Just("product")]).prop_map(|(frequency, losses, mode)| {
        let mut model = frequency.as_object().unwrap().clone();
        model.extend(losses.as_object().unwrap().clone());
        json!({"model": model, "mode": mode, "appetite": 1e4, "tolerance": 1e6})
    })
}

fn sound(outcome: &Outcome) {
    let losses = &outcome.losses;
    let text = outcome.to_json().to_string();
    assert!(losses.percentiles.iter().zip(losses.percentiles.iter().skip(1)).all(|(a, b)| a.1 <= b.1), "{text}");
    assert!(losses.return_periods.iter().zip(losses.return_periods.iter().skip(1)).all(|(a, b)| a.loss <= b.loss));
    let curve = &losses.exceedance_curve;
    assert!(curve.iter().zip(curve.iter().skip(1)).all(|(a, b)| a.loss < b.loss && a.probability >= b.probability));
    assert!(losses.tvar_95 >= losses.var_95 * (1.0 - 1e-12) && losses.tvar_99 >= losses.var_99 * (1.0 - 1e-12));
    assert!(losses.tvar_99 >= losses.tvar_95 * (1.0 - 1e-12), "{text}");
    assert!(losses.p_over_appetite >= losses.p_over_tolerance);
    for share in [losses.p_zero, losses.p_over_appetite.unwrap(), losses.p_over_tolerance.unwrap()] {
        assert!((0.0..=1.0).contains(&share));
    }
    let numbers = [losses.mean, losses.sd, losses.standard_error, losses.tvar_99, outcome.severity.mean];
    assert!(numbers.iter().all(|x| x.is_finite() && *x >= 0.0), "{text}");
    assert!(outcome.node_means.values().chain(outcome.loss_form_shares.values()).all(|x| x.is_finite()), "{text}");
}

/// A number that nobody means.
fn hostile() -> impl Strategy<Value = f64> {
    let odd = [0.0, -0.0, 1.0, -1.0, 0.5, 1e308, -1e308, 5e-324, 1e-300, 2.5e-308, 1e18, 1.000_000_1e18, 1e9, 100.0];
    prop_oneof![
        4 => proptest::sample::select(odd.to_vec()),
        1 => proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL,
    ]
}

/// Any of the distributions, with numbers of that kind.
fn hostile_dist() -> impl Strategy<Value = Value> {
    let kinds =
        ["constant", "pert", "triangular", "uniform", "lognormal", "beta", "poisson", "negative_binomial", "bernoulli"];
    let names = [
        "value",
        "min",
        "mode",
        "max",
        "lambda",
        "low",
        "high",
        "confidence",
        "median",
        "p95",
        "alpha",
        "beta",
        "rate",
        "mean",
        "size",
        "p",
    ];
    let needed = |kind: &str| -> Vec<&'static str> {
        match kind {
            "constant" => vec!["value"],
            "pert" => vec!["min", "mode", "max", "lambda"],
            "triangular" => vec!["min", "mode", "max"],
            "uniform" => vec!["min", "max"],
            "lognormal" => vec!["low", "high"],
            "beta" => vec!["alpha", "beta"],
            "poisson" => vec!["rate"],
            "negative_binomial" => vec!["mean", "size"],
            _ => vec!["p"],
        }
    };
    let kind = proptest::sample::select(kinds.to_vec());
    (kind, proptest::collection::vec(hostile(), 4), any::<bool>(), proptest::sample::select(names.to_vec())).prop_map(
        move |(kind, mut numbers, sorted, extra)| {
            if sorted {
                numbers.iter_mut().for_each(|x| *x = x.abs());
                numbers[..3].sort_by(f64::total_cmp);
            }
            let mut dist = json!({"type": kind});
            for (name, number) in needed(kind).into_iter().zip(&numbers) {
                dist[name] = json!(number);
            }
            if !sorted {
                dist[extra] = json!(numbers[3]);
            }
            dist
        },
    )
}

/// What is allowed, to the edge.
fn edge(kind: &str) -> BoxedStrategy<Value> {
    let all = match kind {
        "rate" => vec![
            json!({"type": "poisson", "rate": 0}),
            json!({"type": "poisson", "rate": 5e-324}),
            json!({"type": "poisson", "rate": 3_000}),
            json!({"type": "negative_binomial", "mean": 1, "size": 0.001}),
            json!({"type": "negative_binomial", "mean": 900, "size": 1e6}),
            json!({"type": "negative_binomial", "mean": 1e-300, "size": 0.001}),
            json!({"type": "bernoulli", "p": 1}),
            json!({"type": "bernoulli", "p": 5e-324}),
            json!({"type": "constant", "value": 1e-300}),
            json!({"type": "pert", "min": 0, "mode": 0, "max": 1e4, "lambda": 1_000}),
            json!({"type": "beta", "alpha": 0.05, "beta": 1e6, "min": 0, "max": 1e5}),
            json!({"type": "lognormal", "low": 1e-4, "high": 1}),
            json!({"type": "lognormal", "low": 5e-324, "high": 1e-320}),
        ],
        "probability" => vec![
            json!({"type": "constant", "value": 0}),
            json!({"type": "constant", "value": 1}),
            json!({"type": "bernoulli", "p": 0.5}),
            json!({"type": "beta", "alpha": 0.05, "beta": 0.05}),
            json!({"type": "uniform", "min": 0, "max": 5e-324}),
            json!({"type": "triangular", "min": 1, "mode": 1, "max": 1}),
            json!({"type": "pert", "min": 0.999_999_999_999_999, "mode": 1, "max": 1}),
        ],
        "capability" => vec![
            json!({"type": "constant", "value": 0}),
            json!({"type": "constant", "value": 100}),
            json!({"type": "uniform", "min": 0, "max": 100}),
            json!({"type": "pert", "min": 0, "mode": 99, "max": 100, "lambda": 1_000}),
            json!({"type": "beta", "alpha": 1e6, "beta": 1e6, "min": 49, "max": 50}),
            json!({"type": "triangular", "min": 0, "mode": 0, "max": 100}),
        ],
        _ => vec![
            json!({"type": "constant", "value": 0}),
            json!({"type": "constant", "value": 5e-324}),
            json!({"type": "constant", "value": 1e18}),
            json!({"type": "pert", "min": 0, "mode": 0, "max": 1e18}),
            json!({"type": "pert", "min": 1, "mode": 1.000_000_000_000_000_2, "max": 1.000_000_000_000_000_4}),
            json!({"type": "uniform", "min": 1e18, "max": 1e18}),
            json!({"type": "triangular", "min": 5e-324, "mode": 1e-300, "max": 1e-300}),
            json!({"type": "lognormal", "low": 1e-300, "high": 1e-294}),
            json!({"type": "lognormal", "low": 1, "high": 1e7}),
            json!({"type": "lognormal", "median": 1e-10, "p95": 1e-8}),
            json!({"type": "lognormal", "low": 1e17, "high": 2e17, "confidence": 0.999_999}),
            json!({"type": "beta", "alpha": 0.05, "beta": 0.05, "min": 0, "max": 1e18}),
        ],
    };
    proptest::sample::select(all).boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_are_in_order_and_near_their_expectation(model in model(), seed: u64) {
        let analysis = Analysis::parse(&model).unwrap();
        let outcome = simulate(&analysis, &Run::new(4_000, seed).unwrap(), &Watch::nobody()).unwrap();
        sound(&outcome);
        let exact = analysis.model().expected();
        let miss = (outcome.losses.mean - exact).abs();
        // Seven standard errors, and room for years so rare that four thousand do not show their spread.
        prop_assert!(miss <= 7.0 * outcome.losses.standard_error + 0.05 * exact + 1e-9 || outcome.losses.p_zero > 0.9
            || model.to_string().contains("lognormal"), "{} is not {}", outcome.losses.mean, exact);
    }

    #[test]
    fn an_analysis_survives_being_written_and_read(model in model()) {
        let analysis = Analysis::parse(&model).unwrap();
        let again = Analysis::parse(&analysis.to_json()).unwrap();
        prop_assert_eq!(again.digest(), analysis.digest());
        prop_assert_eq!(again, analysis);
    }

    #[test]
    fn less_vulnerability_never_costs_more(tef in rate(), loss in loss(), v in 0.0..1.0, cut in 0.0..1.0) {
        let side = |v: f64| Analysis::parse(&json!({"model": {
            "tef": tef, "vulnerability": {"type": "constant", "value": v}, "loss_magnitude": loss}})).unwrap();
        let run = Run::new(2_000, 3).unwrap();
        let c = compare(&side(v), &side(v * cut), 0.0, &run, &Watch::nobody()).unwrap();
        prop_assert!(c.reduction >= -1e-9 * c.before.losses.mean);
        let (before, after) = (&c.before.losses.percentiles, &c.after.losses.percentiles);
        for ((name, before), (_, after)) in before.iter().zip(after) {
            prop_assert!(after <= before, "{}: {} {}", name, before, after);
        }
    }

    #[test]
    fn hostile_numbers_are_refused_or_simulated(
        tef in hostile_dist(), v in hostile_dist(), t in hostile_dist(), loss in hostile_dist(), contest: bool,
        product: bool, appetite in hostile(),
    ) {
        let mut model = json!({"tef": tef, "loss_magnitude": loss});
        if contest {
            model["threat_capability"] = v;
            model["resistance_strength"] = t;
        } else {
            model["vulnerability"] = v;
        }
        let mode = if product { "product" } else { "event" };
        let value = json!({"model": model, "mode": mode, "appetite": appetite, "tolerance": appetite});
        match Analysis::parse(&value) {
            Err(errors) => prop_assert!(!errors.is_empty()),
            Ok(analysis) => {
                let outcome = simulate(&analysis, &Run::new(1_000, 1).unwrap(), &Watch::nobody()).unwrap();
                sound(&outcome);
            }
        }
    }

    #[test]
    fn everything_allowed_can_be_simulated(
        tef in edge("rate"), v in edge("probability"), t in edge("capability"), r in edge("capability"),
        one in edge("loss"), other in edge("loss"), contest: bool, product: bool,
    ) {
        let mut model = json!({"tef": tef, "primary_loss": {"response": one, "reputation": other},
            "secondary_event_frequency": v, "secondary_loss": other});
        if contest {
            model["threat_capability"] = t;
            model["resistance_strength"] = r;
        } else {
            model["vulnerability"] = v;
        }
        let mode = if product { "product" } else { "event" };
        let value = json!({"model": model, "mode": mode, "appetite": 0, "tolerance": 1e18});
        let analysis = Analysis::parse(&value).unwrap();
        let outcome = simulate(&analysis, &Run::new(1_000, 1).unwrap(), &Watch::nobody()).unwrap();
        sound(&outcome);
        prop_assert_eq!(Analysis::parse(&analysis.to_json()).unwrap(), analysis);
    }
}

//! Sums of several analyses, independent and correlated.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use grc_fair::{Analysis, Correlation, Portfolio, PortfolioOutcome, Run, SimulationError, Watch, portfolio, simulate};
use serde_json::json;

fn analysis(lef: serde_json::Value) -> Analysis {
    let lm = json!({"type": "pert", "min": 1e4, "mode": 1e5, "max": 1e6});
    Analysis::parse(&json!({"model": {"lef": lef, "loss_magnitude": lm}})).unwrap()
}

fn members() -> Vec<Analysis> {
    vec![
        analysis(json!({"type": "pert", "min": 0.1, "mode": 0.5, "max": 2})),
        analysis(json!({"type": "pert", "min": 0.1, "mode": 0.5, "max": 2})),
        analysis(json!({"type": "poisson", "rate": 700})),
        analysis(json!({"type": "negative_binomial", "mean": 3, "size": 0.5})),
    ]
}

fn run(members: Vec<Analysis>, correlation: Option<Correlation>, threads: usize) -> PortfolioOutcome {
    let all = Portfolio { members, correlation, appetite: Some(1e8), tolerance: None };
    portfolio(&all, &Run::new(60_000, 9).unwrap().on_threads(threads), &Watch::nobody()).unwrap()
}

fn common(correlation: f64) -> Option<Correlation> {
    Some(Correlation::Common(correlation))
}

#[test]
fn a_sum_has_the_sum_of_the_means_and_of_the_variances() {
    let sum = run(members(), None, 2);
    let means: f64 = sum.members.iter().map(|member| member.mean).sum();
    assert!((sum.losses.mean / means - 1.0).abs() < 1e-9);
    assert!((sum.members.iter().map(|member| member.share).sum::<f64>() - 1.0).abs() < 1e-9);
    let variance: f64 = sum.members.iter().map(|member| member.standard_error.powi(2)).sum();
    assert!((sum.losses.standard_error.powi(2) / variance - 1.0).abs() < 0.03);
    assert_eq!(sum.members[0].input_digest, sum.members[1].input_digest);
    assert_ne!(sum.members[0].mean.to_bits(), sum.members[1].mean.to_bits(), "the same analysis twice is two risks");
    assert!(sum.diversification_95 > 0.0);
}

#[test]
fn correlation_leaves_the_members_alone_and_fattens_the_tail_of_the_sum() {
    let alike = || vec![members()[0].clone(); 6];
    let (independent, correlated) = (run(alike(), None, 2), run(alike(), common(0.8), 2));
    for (one, other) in independent.members.iter().zip(&correlated.members) {
        assert!((one.mean - other.mean).abs() < 5.0 * one.standard_error.hypot(other.standard_error));
        assert!((one.var_95 / other.var_95 - 1.0).abs() < 0.03, "{} {}", one.var_95, other.var_95);
    }
    assert!(correlated.losses.var_99 > 1.2 * independent.losses.var_99);
    assert!(correlated.losses.p_zero > 2.0 * independent.losses.p_zero);
    assert!(correlated.diversification_95 < independent.diversification_95);
}

#[test]
fn a_matrix_of_one_number_is_that_number() {
    let matrix = |r: f64| (0..4).map(|i| (0..4).map(|j| if i == j { 1.0 } else { r }).collect()).collect();
    let (one, other) = (run(members(), common(0.5), 2), run(members(), Some(Correlation::Matrix(matrix(0.5))), 2));
    assert!((one.losses.sd / other.losses.sd - 1.0).abs() < 0.03, "{} {}", one.losses.sd, other.losses.sd);
    let none = run(members(), Some(Correlation::Matrix(matrix(0.0))), 2);
    assert!((none.losses.sd / run(members(), None, 2).losses.sd - 1.0).abs() < 0.03);
}

#[test]
fn opposite_frequencies_steady_the_sum() {
    let pair = || vec![analysis(json!({"type": "uniform", "min": 0, "max": 20})); 2];
    let opposite = Correlation::Matrix(vec![vec![1.0, -0.9], vec![-0.9, 1.0]]);
    let (independent, opposed) = (run(pair(), None, 1), run(pair(), Some(opposite), 1));
    assert!(opposed.losses.sd < 0.7 * independent.losses.sd, "{} {}", opposed.losses.sd, independent.losses.sd);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let bytes = |threads| run(members(), common(0.3), threads).to_json().to_string();
    let one = bytes(1);
    for threads in [2, 3, 8] {
        assert_eq!(bytes(threads), one);
    }
}

#[test]
fn a_portfolio_of_one_is_that_one() {
    let one = members()[0].clone();
    let alone = simulate(&one, &Run::new(60_000, 9).unwrap(), &Watch::nobody()).unwrap();
    let sum = run(vec![one], None, 1);
    assert_eq!((sum.losses.mean, sum.losses.percentiles), (alone.losses.mean, alone.losses.percentiles));
    assert!((sum.members[0].var_95 / alone.losses.var_95 - 1.0).abs() < 2e-3);
}

#[test]
fn what_makes_no_sum_is_refused() {
    let fields = |members: Vec<Analysis>, correlation, appetite| {
        let all = Portfolio { members, correlation, appetite, tolerance: None };
        match portfolio(&all, &Run::new(1_000, 1).unwrap(), &Watch::nobody()).unwrap_err() {
            SimulationError::Invalid(fields) => fields.into_iter().map(|f| f.field).collect::<Vec<_>>(),
            other => vec![other.to_string()],
        }
    };
    assert_eq!(fields(vec![], None, Some(-1.0)), ["members", "appetite"]);
    assert_eq!(fields(members(), common(1.5), None), ["correlation"]);
    assert!(Correlation::parse(&json!("high")).is_err() && Correlation::parse(&json!([[1, "x"]])).is_err());
    let read = Correlation::parse(&json!([[1, 0.5], [0.5, 1]])).unwrap();
    assert_eq!(Correlation::parse(&read.to_json()).unwrap(), read);
}

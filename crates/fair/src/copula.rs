//! Frequencies that go together: a Gaussian copula over the members of a portfolio.
//!
//! Each member's year has two normal numbers, one behind its rate and one behind its count; over the members
//! either kind has the stated correlation, and the two kinds are independent of each other. A number becomes
//! the probability at which the member's own quantile is taken, so that every member keeps its own
//! distribution. Severities stay independent.

use grc_kernel::FieldError;
use libm::sqrt;
use serde_json::Value;

use crate::{
    engine::{Shocks, Stream, Table, Years},
    num::{len, tail_bits},
    special::normal_cdf,
};

/// The most members of a portfolio that may have a matrix.
pub const MATRIX_MAX: usize = 100;

/// How the frequencies of a portfolio's members go together.
#[derive(Clone, Debug, PartialEq)]
pub enum Correlation {
    /// The same between any two, from 0 to below 1.
    Common(f64),
    /// One number for each pair: symmetric, with ones on the diagonal, positive definite.
    Matrix(Vec<Vec<f64>>),
}

impl Correlation {
    /// Reads a number or a matrix.
    pub fn parse(value: &Value) -> Result<Self, FieldError> {
        let wrong = || FieldError::new("correlation", "type", "must be a number, or a list of lists of numbers");
        if let Some(common) = value.as_f64() {
            return Ok(Self::Common(common));
        }
        let row = |row: &Value| row.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
        let rows = value.as_array().ok_or_else(wrong)?;
        rows.iter().map(row).collect::<Option<_>>().map(Self::Matrix).ok_or_else(wrong)
    }

    /// The wire's form.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Common(common) => (*common).into(),
            Self::Matrix(rows) => rows.iter().map(|row| Value::from(row.clone())).collect(),
        }
    }
}

/// How correlated normals are made of independent ones.
#[derive(Clone, Debug)]
enum Mixture {
    /// A part of a number that all share, and a part of one's own.
    Shared { common: f64, own: f64 },
    /// The lower triangle whose product with its mirror image is the matrix (Cholesky).
    Triangle(Vec<Vec<f64>>),
}

/// A correlation made ready for simulating.
#[derive(Clone, Debug)]
pub(crate) struct Coupling {
    mixture: Mixture,
    normal: Table,
    /// The rate's and the count's independent numbers, for each member.
    own: Vec<[Stream; 2]>,
    shared: [Stream; 2],
}

/// Independent normals of a block, drawn once for all members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Normals {
    columns: Vec<[Vec<f64>; 2]>,
}

impl Coupling {
    pub(crate) fn new(correlation: &Correlation, members: usize, seed: u64) -> Result<Self, FieldError> {
        let mixture = match correlation {
            Correlation::Common(common) if (0.0..1.0).contains(common) => {
                Mixture::Shared { common: sqrt(*common), own: sqrt(1.0 - common) }
            }
            Correlation::Common(_) => {
                let detail = "one number for all pairs must be from 0 to below 1; give a matrix for anything else";
                return Err(wrong(detail));
            }
            Correlation::Matrix(rows) => Mixture::Triangle(triangle(rows, members)?),
        };
        let streams = |member: u64| ["copula.rate", "copula.count"].map(|name| Stream::new(seed, member, name));
        Ok(Self {
            mixture,
            normal: Table::normal(),
            own: (0..len(members)).map(streams).collect(),
            shared: ["copula.shared_rate", "copula.shared_count"].map(|name| Stream::new(seed, 0, name)),
        })
    }

    /// The independent numbers that the block's members have in common.
    pub(crate) fn normals(&self, first: u64, trials: u64, into: &mut Normals) {
        let columns = |streams: &[Stream; 2]| {
            streams.map(|stream| (first..first + trials).map(|trial| self.normal.draw(stream.bits(trial, 0))).collect())
        };
        into.columns = match &self.mixture {
            Mixture::Shared { .. } => vec![columns(&self.shared)],
            Mixture::Triangle(_) => self.own.iter().map(columns).collect(),
        };
    }

    /// A member's shocks in the block.
    pub(crate) fn shocks(&self, member: usize, years: &Years, first: u64, normals: &Normals, into: &mut Shocks) {
        let (rates, counts) = years.shocked();
        let trials = normals.columns.first().map_or(0, |[rates, _]| rates.len());
        let kinds = [(0, rates, &mut into.rates), (1, counts, &mut into.counts)];
        for (kind, wanted, column) in kinds {
            column.clear();
            if wanted {
                let places = 0..trials;
                column.extend(places.map(|place| probability_bits(self.mixed(member, kind, first, place, normals))));
            }
        }
    }

    fn mixed(&self, member: usize, kind: usize, first: u64, place: usize, normals: &Normals) -> f64 {
        let column = |columns: &[Vec<f64>; 2]| columns.get(kind).and_then(|column| column.get(place)).copied();
        match &self.mixture {
            Mixture::Shared { common, own } => {
                let shared = normals.columns.first().and_then(column).unwrap_or(0.0);
                let bits =
                    self.own.get(member).and_then(|streams| streams.get(kind)).map(|s| s.bits(first + len(place), 0));
                common * shared + own * bits.map_or(0.0, |bits| self.normal.draw(bits))
            }
            Mixture::Triangle(rows) => {
                let weights = rows.get(member).map(Vec::as_slice).unwrap_or_default();
                weights.iter().zip(&normals.columns).map(|(w, columns)| w * column(columns).unwrap_or(0.0)).sum()
            }
        }
    }
}

/// The normal distribution function at `z`, times 2^64.
fn probability_bits(z: f64) -> u64 {
    let tail = tail_bits(normal_cdf(-z.abs()));
    if z < 0.0 { tail } else { !tail }
}

fn wrong(detail: impl Into<String>) -> FieldError {
    FieldError::new("correlation", "out_of_range", detail)
}

/// Cholesky's factor of a matrix that is one of correlations.
fn triangle(rows: &[Vec<f64>], members: usize) -> Result<Vec<Vec<f64>>, FieldError> {
    if members > MATRIX_MAX {
        return Err(wrong(format!("a matrix may have at most {MATRIX_MAX} rows; give one number for all pairs")));
    }
    if rows.len() != members || rows.iter().any(|row| row.len() != members) {
        return Err(wrong(format!("must have {members} rows of {members} numbers, one for each analysis")));
    }
    let at = |i: usize, j: usize| rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(f64::NAN);
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(members);
    for i in 0..members {
        // Written so that NaN, which equals nothing, is refused.
        if !((0..members).all(|j| at(i, j) == at(j, i) && at(i, j).abs() <= 1.0) && at(i, i) == 1.0) {
            return Err(wrong("must be symmetric, with ones on the diagonal and numbers from -1 to 1"));
        }
        let mut row: Vec<f64> = Vec::with_capacity(i + 1);
        for (j, other) in factor.iter().enumerate() {
            let done: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.push((at(i, j) - done) / other.last().copied().unwrap_or(1.0));
        }
        let rest = 1.0 - row.iter().map(|a| a * a).sum::<f64>();
        if rest < 1e-9 {
            return Err(wrong("is not positive definite: no numbers have these correlations"));
        }
        row.push(sqrt(rest));
        factor.push(row);
    }
    Ok(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::unit;

    #[test]
    fn a_triangle_is_the_root_of_its_matrix() {
        let rows = vec![vec![1.0, 0.5, -0.2], vec![0.5, 1.0, 0.1], vec![-0.2, 0.1, 1.0]];
        let factor = triangle(&rows, 3).unwrap();
        for i in 0..3 {
            for j in 0..=i {
                let product: f64 = factor[i].iter().zip(&factor[j]).map(|(a, b)| a * b).sum();
                assert!((product - rows[i][j]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_no_numbers_can_have_is_refused() {
        let bad = [
            Correlation::Common(1.0),
            Correlation::Common(-0.1),
            Correlation::Common(f64::NAN),
            Correlation::Matrix(vec![vec![1.0]]),
            Correlation::Matrix(vec![vec![1.0, 0.5], vec![0.4, 1.0]]),
            Correlation::Matrix(vec![vec![0.9, 0.5], vec![0.5, 0.9]]),
            Correlation::Matrix(vec![vec![1.0, 1.0], vec![1.0, 1.0]]),
            Correlation::Matrix(vec![vec![1.0, f64::NAN], vec![f64::NAN, 1.0]]),
        ];
        for correlation in bad {
            assert_eq!(Coupling::new(&correlation, 2, 1).unwrap_err().field, "correlation", "{correlation:?}");
        }
    }

    #[test]
    fn a_normal_number_becomes_its_probability_in_either_tail() {
        for z in [-7.0, -1.5, -0.2, 0.0, 0.3, 2.0] {
            assert!((unit(probability_bits(z)) - normal_cdf(z)).abs() < 1e-15, "{z}");
        }
        assert!(probability_bits(9.0) > probability_bits(8.0));
        assert_eq!(probability_bits(-40.0), 0);
    }
}

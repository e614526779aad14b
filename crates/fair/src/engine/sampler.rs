//! Drawing from a distribution, one number for 64 bits, rising with them.

use libm::sqrt;

use super::table::Table;
use crate::{
    dist::Dist,
    num::{fraction, unit},
};

/// A distribution made ready for drawing.
#[derive(Clone, Debug)]
pub(crate) enum Sampler {
    Constant(f64),
    Uniform { min: f64, width: f64 },
    Triangular { min: f64, max: f64, turn: f64, left: f64, right: f64 },
    Table(Table),
}

impl Sampler {
    /// The sampler of anything but a count; a count's is its mean.
    pub(crate) fn new(dist: &Dist) -> Self {
        match *dist {
            Dist::Uniform { min, max } => Self::Uniform { min, width: max - min },
            Dist::Triangular { min, mode, max } => Self::Triangular {
                min,
                max,
                turn: (mode - min) / (max - min),
                left: (max - min) * (mode - min),
                right: (max - min) * (max - mode),
            },
            _ => Table::of(dist).map_or(Self::Constant(dist.mean()), Self::Table),
        }
    }

    /// The value, if there is but one.
    pub(crate) fn constant(&self) -> Option<f64> {
        match self {
            Self::Constant(value) => Some(*value),
            _ => None,
        }
    }

    /// The quantile at `bits / 2^64`.
    #[inline]
    pub(crate) fn draw(&self, bits: u64) -> f64 {
        match self {
            Self::Table(table) => table.draw(bits),
            Self::Constant(value) => *value,
            Self::Uniform { min, width } => min + width * unit(bits),
            Self::Triangular { min, max, turn, left, right } => {
                let u = fraction(bits);
                if u < *turn { min + sqrt(u * left) } else { max - sqrt((1.0 - u) * right) }
            }
        }
    }
}

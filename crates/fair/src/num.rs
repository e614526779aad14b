//! Conversions between integers and floating point that cannot truncate by surprise.
//!
//! The workspace forbids `as`; these say what happens at the edges instead.

/// 2^52: at this size the spacing of `f64` is one, so the mantissa is the integer.
const UNIT_SPACING: f64 = 4_503_599_627_370_496.0;
const MANTISSA: u64 = (1 << 52) - 1;
const ONE: u64 = 0x3FF0_0000_0000_0000;
const TWO_32: f64 = 4_294_967_296.0;

/// An integer as `f64`, rounded once above 2^53.
pub(crate) fn float(n: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & 0xFFFF_FFFF).unwrap_or(u32::MAX));
    half(n >> 32) * TWO_32 + half(n)
}

/// A length as `f64`.
pub(crate) fn float_len(n: usize) -> f64 {
    float(u64::try_from(n).unwrap_or(u64::MAX))
}

/// The integer part of a number; below zero it is 0, above 2^52 it stays there.
pub(crate) fn whole(x: f64) -> u64 {
    // A NaN has no order: `max` turns it into the bound.
    let positive = x.floor().max(0.0);
    (positive.min(UNIT_SPACING - 1.0) + UNIT_SPACING).to_bits() & MANTISSA
}

/// The integer nearest to a number from 0 to 2^51, as an integer and as `f64`.
#[inline]
pub(crate) fn nearest(x: f64) -> (u64, f64) {
    let shifted = x + UNIT_SPACING;
    (shifted.to_bits() & MANTISSA, shifted - UNIT_SPACING)
}

/// An index; one that does not fit a `usize` is beyond every slice anyway.
pub(crate) fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// A length as `u64`.
pub(crate) fn len(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// The top 52 bits as a number in `[0, 1)`.
pub(crate) fn fraction(bits: u64) -> f64 {
    f64::from_bits((bits >> 12) | ONE) - 1.0
}

/// The top 52 bits as a number strictly inside 0 to 1: the middle of one of 2^52 equal cells.
pub(crate) fn unit(bits: u64) -> f64 {
    fraction(bits) + f64::EPSILON / 2.0
}

/// `p * 2^64` for `p` from 0 to one half, as the 63-bit distance from the end of the unit interval.
pub(crate) fn tail_bits(p: f64) -> u64 {
    let scaled = p.clamp(0.0, 0.5) * TWO_32;
    let high = whole(scaled);
    let low = whole((scaled - float(high)) * TWO_32);
    ((high << 32) | low).min((1 << 63) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_value() {
        for n in [0, 1, 4_294_967_295, 4_294_967_296, (1 << 53) - 1] {
            assert!((float(n) - f64::from_bits(n_bits(n))).abs() < f64::EPSILON, "{n}");
        }
        assert_eq!([whole(-1.0), whole(0.999), whole(1.0), whole(1e8 + 0.5)], [0, 0, 1, 100_000_000]);
        assert_eq!(whole(f64::NAN), 0);
        assert_eq!(whole(1e300), MANTISSA);
    }

    /// The bits of an integer's floating point form, through its decimal text.
    fn n_bits(n: u64) -> u64 {
        n.to_string().parse::<f64>().unwrap().to_bits()
    }

    #[test]
    fn a_unit_is_never_zero_or_one() {
        assert!(unit(0) > 0.0);
        assert!(unit(u64::MAX) < 1.0);
        assert_eq!(tail_bits(0.5), (1 << 63) - 1);
        assert_eq!(tail_bits(0.25), 1 << 62);
        assert_eq!(tail_bits(0.0), 0);
    }
}

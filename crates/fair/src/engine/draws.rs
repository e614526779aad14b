//! Random numbers that are a function of where they are used.
//!
//! A draw is the SplitMix64 mixture of a key and a counter: the key says the seed, the member of a portfolio and
//! the node of the tree, the counter the trial and the event. Nothing is carried from one draw to the next. Any
//! thread may therefore simulate any trial, and two variants of a model meet the same fortune in the same trial
//! as far as they have the same nodes, which is what common random numbers are.

/// The odd fraction of 2^64 in the golden ratio, which SplitMix64 steps by.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Stafford's thirteenth variant of the 64-bit finaliser: a bijection in which every input bit moves every
/// output bit.
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The draws of one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream of a node by its name.
    pub(crate) fn new(seed: u64, member: u64, name: &str) -> Self {
        let start = mix(mix(seed.wrapping_add(STEP)).wrapping_add(member.wrapping_mul(STEP)));
        Self(name.bytes().fold(start, |key, byte| mix(key.wrapping_add(STEP) ^ u64::from(byte))))
    }

    /// 64 bits for an event of a trial. Draws that a year has once are those of event 0.
    #[inline]
    pub(crate) fn bits(self, trial: u64, event: u64) -> u64 {
        mix(self.0.wrapping_add(STEP.wrapping_mul(trial.wrapping_add(event << 32))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::unit;

    #[test]
    fn draws_are_uniform_and_streams_do_not_follow_each_other() {
        let (one, other) = (Stream::new(1, 0, "lef"), Stream::new(1, 0, "tef"));
        let (mut sum, mut product, mut lag) = (0.0, 0.0, 0.0);
        let n = 200_000_u32;
        let mut cells = [0_u32; 16];
        for trial in 0..u64::from(n) {
            let (a, b) = (unit(one.bits(trial, 0)) - 0.5, unit(other.bits(trial, 0)) - 0.5);
            sum += a;
            product += a * b;
            lag += a * (unit(one.bits(trial + 1, 0)) - 0.5);
            cells[usize::try_from(one.bits(trial, 3) >> 60).unwrap()] += 1;
        }
        let n = f64::from(n);
        assert!(sum.abs() / (n / 12.0).sqrt() < 4.0);
        assert!(product.abs() / (n / 144.0).sqrt() < 4.0);
        assert!(lag.abs() / (n / 144.0).sqrt() < 4.0);
        let chi: f64 = cells.iter().map(|c| (f64::from(*c) - n / 16.0).powi(2) / (n / 16.0)).sum();
        assert!(chi < 45.0, "{chi}");
    }

    #[test]
    fn seed_member_and_node_each_change_the_stream() {
        let draw = |seed, member, name| Stream::new(seed, member, name).bits(5, 7);
        let all = [draw(1, 0, "a"), draw(2, 0, "a"), draw(1, 1, "a"), draw(1, 0, "b"), draw(1, 0, "ab")];
        assert!(all.iter().enumerate().all(|(i, a)| all.iter().skip(i + 1).all(|b| a != b)));
    }
}

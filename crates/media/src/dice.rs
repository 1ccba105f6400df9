//! Seeded dice: every random choice of a shard comes from its one seed.

use serde::{Deserialize, Serialize};

/// SplitMix64: small, even, and the same on every machine. It guards nothing, it only spreads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0.5 to 1.5 times `middle`, the spread of RFC 3550 §6.3.1.
    pub(crate) fn around(&mut self, middle: u64) -> u64 {
        middle / 2 + self.next() % middle.max(1)
    }
}

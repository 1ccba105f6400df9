//! Tokens of unknown sources: so many requests a second each, a burst at first.
//!
//! There is a fixed number of buckets, and a keyed hash chooses one: nobody outside can tell who shares one with whom, and
//! a million forged sources take no more memory than one. A bucket is one number, the time at which it would be full again
//! (the "theoretical arrival time" of ITU-T I.371's cell rate algorithm); a full one is not stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::source::Source;

/// How many buckets there are: with some thousand sources at once two seldom share one, and all of them are 400 KB.
pub(crate) const BUCKETS: u16 = 16_384;
/// Full buckets are thrown out this often.
const SWEEP_US: u64 = 1_000_000;

/// All buckets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Buckets {
    key: [u8; 32],
    /// What one token takes to grow.
    token_us: u64,
    /// What an empty bucket takes to be full.
    whole_us: u64,
    /// When each that is not full will be.
    full_at_us: BTreeMap<u16, u64>,
    next_sweep_us: u64,
}

impl Buckets {
    /// Buckets that grow `rate` tokens a second, each at least 1, and hold `burst`.
    pub(crate) fn new(key: [u8; 32], rate: u32, burst: u32) -> Buckets {
        let token_us = 1_000_000 / u64::from(rate.clamp(1, 1_000_000));
        Buckets {
            key,
            token_us,
            whole_us: token_us * u64::from(burst.max(1)),
            full_at_us: BTreeMap::new(),
            next_sweep_us: 0,
        }
    }

    /// Takes tokens, all or none.
    pub(crate) fn pay(&mut self, now_us: u64, source: Source, cost: u32) -> bool {
        self.sweep(now_us);
        let slot = self.slot(source);
        let full_at_us = self.full_at(slot, now_us) + self.token_us * u64::from(cost);
        if full_at_us > now_us.saturating_add(self.whole_us) {
            return false;
        }
        self.full_at_us.insert(slot, full_at_us);
        true
    }

    /// Takes tokens, as many as there are.
    pub(crate) fn fine(&mut self, now_us: u64, source: Source, cost: u32) {
        let slot = self.slot(source);
        let full_at_us = self.full_at(slot, now_us) + self.token_us * u64::from(cost);
        self.full_at_us.insert(slot, full_at_us.min(now_us.saturating_add(self.whole_us)));
    }

    /// Gives tokens back.
    pub(crate) fn refund(&mut self, source: Source, cost: u32) {
        let slot = self.slot(source);
        if let Some(full_at_us) = self.full_at_us.get_mut(&slot) {
            *full_at_us = full_at_us.saturating_sub(self.token_us * u64::from(cost));
        }
    }

    fn full_at(&self, slot: u16, now_us: u64) -> u64 {
        self.full_at_us.get(&slot).copied().unwrap_or(0).max(now_us)
    }

    fn slot(&self, source: Source) -> u16 {
        let hash = Sha256::new().chain_update(self.key).chain_update(source.octets()).finalize();
        u16::from_be_bytes([hash[0], hash[1]]) % BUCKETS
    }

    fn sweep(&mut self, now_us: u64) {
        if now_us >= self.next_sweep_us {
            self.next_sweep_us = now_us.saturating_add(SWEEP_US);
            self.full_at_us.retain(|_, full_at_us| *full_at_us > now_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const SECOND: u64 = 1_000_000;

    fn source(number: u32) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn a_burst_then_the_rate_then_the_burst_again_after_a_rest() {
        let mut buckets = Buckets::new([1; 32], 10, 30);
        let mut granted = |from_us: u64, to_us: u64| {
            (from_us..to_us).step_by(1_000).filter(|now_us| buckets.pay(*now_us, source(1), 1)).count()
        };
        assert_eq!(granted(0, 20_000), 20, "one a millisecond is within the burst");
        assert_eq!(granted(20_000, 10 * SECOND), 10 + 99, "the rest of the burst, then ten a second");
        assert_eq!(granted(20 * SECOND, 20 * SECOND + 25_000), 25, "rested");
    }

    #[test]
    fn a_fine_empties_and_a_refund_fills() {
        let mut buckets = Buckets::new([1; 32], 10, 30);
        buckets.fine(SECOND, source(1), 1_000);
        assert!(!buckets.pay(SECOND, source(1), 1));
        buckets.refund(source(1), 2);
        assert!(buckets.pay(SECOND, source(1), 2));
        assert!(!buckets.pay(SECOND, source(1), 1));
        buckets.refund(source(2), 5);
        assert!(!buckets.pay(SECOND, source(2), 31), "no bucket holds more than its burst");
    }

    #[test]
    fn a_million_sources_take_no_more_room_than_the_buckets_and_rested_ones_none() {
        let mut buckets = Buckets::new([1; 32], 10, 30);
        for number in 0..1_000_000 {
            buckets.pay(SECOND, source(number), 1);
        }
        assert_eq!(buckets.full_at_us.len(), usize::from(BUCKETS));
        buckets.pay(60 * SECOND, source(1), 1);
        assert_eq!(buckets.full_at_us.len(), 1);
    }
}

//! What one leg receives, counted as RFC 3550 Appendix A does: sequence, loss, jitter.

use serde::{Deserialize, Serialize};

/// A sequence number this far ahead is a new start, not a loss (RFC 3550 A.1 `MAX_DROPOUT`).
const DROPOUT_MAX: i32 = 3_000;
/// A sequence number this far back is a new start, not disorder (RFC 3550 A.1 `MAX_MISORDER`).
const MISORDER_MAX: i32 = 100;

/// What a packet is among those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Taken.
    New,
    /// Came before, or is too old to matter.
    Duplicate,
    /// Its source began anew: another SSRC, or a jump confirmed by a second packet.
    Restarted,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reception {
    started: bool,
    ssrc: u32,
    base: u64,
    highest: u64,
    /// Bit n: the packet n before the highest has come.
    window: u64,
    received: u64,
    lost_before: u64,
    received_before: u64,
    jump_to: Option<u16>,
    transit: Option<u32>,
    jitter_x16: u32,
    expected_at_report: u64,
    received_at_report: u64,
}

/// The numbers of a reception report block (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) ssrc: u32,
    pub(crate) fraction_lost: u8,
    pub(crate) lost: u32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
}

impl Reception {
    /// Notes a packet from the locked source.
    pub(crate) fn packet(&mut self, ssrc: u32, sequence: u16) -> Arrival {
        if !self.started || ssrc != self.ssrc {
            return self.restart(ssrc, sequence);
        }
        let ahead = i32::from(sequence.wrapping_sub(self.highest as u16) as i16);
        if !(-MISORDER_MAX..=DROPOUT_MAX).contains(&ahead) {
            if self.jump_to == Some(sequence) {
                return self.restart(ssrc, sequence);
            }
            self.jump_to = Some(sequence.wrapping_add(1));
            return Arrival::Duplicate;
        }
        self.jump_to = None;
        if ahead > 0 {
            self.window = if ahead < 64 { (self.window << ahead) | 1 } else { 1 };
            self.highest += ahead as u64;
        } else if !self.fill(-ahead as u32) {
            return Arrival::Duplicate;
        }
        self.received += 1;
        Arrival::New
    }

    /// Interarrival jitter (RFC 3550 A.8), from audio packets only: events repeat their timestamp.
    pub(crate) fn arrived(&mut self, now_us: u64, timestamp: u32) {
        let arrival = (now_us.wrapping_mul(8) / 1_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = (transit.wrapping_sub(before) as i32).unsigned_abs().min(80_000);
            self.jitter_x16 = self.jitter_x16 + change - ((self.jitter_x16 + 8) >> 4);
        }
    }

    /// The next report block; it starts the interval of the one after.
    pub(crate) fn report(&mut self) -> Option<Report> {
        if !self.started {
            return None;
        }
        let expected = self.expected();
        let expected_interval = expected.saturating_sub(self.expected_at_report);
        let received_interval = self.received.saturating_sub(self.received_at_report);
        self.expected_at_report = expected;
        self.received_at_report = self.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        Some(Report {
            ssrc: self.ssrc,
            fraction_lost: lost_interval.saturating_mul(256).checked_div(expected_interval).unwrap_or(0).min(255) as u8,
            lost: expected.saturating_sub(self.received).min(0x7F_FFFF) as u32,
            highest: self.highest as u32,
            jitter: self.jitter_x16 >> 4,
        })
    }

    /// Packets taken, through all restarts.
    pub fn received(&self) -> u64 {
        self.received_before + self.received
    }

    /// Packets that never came, through all restarts.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.expected().saturating_sub(self.received)
    }

    /// Interarrival jitter in microseconds.
    pub fn jitter_us(&self) -> u32 {
        (self.jitter_x16 >> 4).saturating_mul(125)
    }

    fn expected(&self) -> u64 {
        if self.started { self.highest - self.base + 1 } else { 0 }
    }

    fn restart(&mut self, ssrc: u32, sequence: u16) -> Arrival {
        // One cycle of room below the first packet, for those that it overtook.
        let first = u64::from(sequence) + 0x1_0000;
        *self = Self {
            started: true,
            ssrc,
            base: first,
            highest: first,
            window: 1,
            received: 1,
            lost_before: self.lost(),
            received_before: self.received(),
            jitter_x16: self.jitter_x16,
            ..Self::default()
        };
        Arrival::Restarted
    }

    fn fill(&mut self, back: u32) -> bool {
        if back >= 64 || self.window & (1 << back) != 0 {
            return false;
        }
        self.window |= 1 << back;
        self.base = self.base.min(self.highest - u64::from(back));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sequences: impl IntoIterator<Item = u16>) -> (u64, u64) {
        let mut reception = Reception::default();
        for sequence in sequences {
            reception.packet(1, sequence);
        }
        (reception.received(), reception.lost())
    }

    #[test]
    fn loss_reordering_and_duplicates_are_told_apart() {
        assert_eq!(after([1, 2, 3, 4]), (4, 0));
        assert_eq!(after([1, 2, 4, 5]), (4, 1));
        assert_eq!(after([1, 2, 4, 3, 5]), (5, 0), "late is not lost");
        assert_eq!(after([1, 2, 2, 2, 5]), (3, 2), "a duplicate hides no loss");
        assert_eq!(after([10, 9, 8, 12]), (4, 1), "overtaken at the very start");
        assert_eq!(after([65_534, 65_535, 0, 2]), (4, 1), "around the end of the numbers");
    }

    #[test]
    fn a_jump_needs_a_second_packet() {
        assert_eq!(after([1, 2, 30_000, 3]), (3, 0), "one stray packet changes nothing");
        assert_eq!(after([1, 2, 30_000, 30_001, 30_002]), (4, 0), "a new start is no loss");
    }

    #[test]
    fn another_ssrc_is_a_new_start_and_keeps_the_totals() {
        let mut reception = Reception::default();
        for (ssrc, sequence) in [(1, 1), (1, 3), (2, 900), (2, 902)] {
            reception.packet(ssrc, sequence);
        }
        assert_eq!((reception.received(), reception.lost()), (4, 2));
    }

    #[test]
    fn the_report_counts_its_own_interval() {
        let mut reception = Reception::default();
        assert_eq!(reception.report(), None);
        (0..10).for_each(|sequence| {
            reception.packet(9, sequence);
        });
        assert_eq!(reception.report().map(|report| report.fraction_lost), Some(0));
        [12, 14].into_iter().for_each(|sequence| {
            reception.packet(9, sequence);
        });
        let report = reception.report().unwrap();
        assert_eq!((report.fraction_lost, report.lost), ((3 * 256 / 5) as u8, 3));
    }

    #[test]
    fn jitter_is_that_of_the_rfc() {
        let mut steady = Reception::default();
        let mut shaken = Reception::default();
        for packet in 0..1_000u64 {
            steady.arrived(packet * 20_000, 160 * packet as u32);
            shaken.arrived(packet * 20_000 + (packet % 2) * 5_000, 160 * packet as u32);
        }
        assert_eq!(steady.jitter_us(), 0);
        assert!((4_500..=5_100).contains(&shaken.jitter_us()), "{}", shaken.jitter_us());
    }
}

//! The outgoing RTP line of one leg: one SSRC, consecutive sequence numbers, and timestamps that
//! advance by real time, whatever feeds the leg (wire rule M1).

use serde::{Deserialize, Serialize};

/// How far ahead of real time a line may be when a new feed takes over: 10 ms. Further ahead, the
/// feed waits until real time has come nearer, so that many changes never add up.
const LEAD_SAMPLES_MAX: i32 = 80;
/// How far behind real time a new feed may go on without a jump: 40 ms, which peers take for jitter.
const LAG_SAMPLES_MAX: i32 = 320;
/// A feed that goes on without a seam may stray this far (60 ms).
const STRAY_SAMPLES_MAX: u32 = 480;
/// A telephone event may claim to last until this far ahead of real time (200 ms).
const EVENT_AHEAD_MAX: i32 = 1_600;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    ssrc: u32,
    next_sequence: u16,
    /// Timestamp just after the last sample sent.
    end: u32,
    /// Timestamp of the last packet sent.
    last: u32,
    last_us: u64,
    origin_us: u64,
    /// Real time and the line's timestamps differ by this many 1/256 samples; it follows a forwarded
    /// peer's clock slowly.
    offset_x256: i64,
    started: bool,
    packets: u64,
    octets: u64,
}

impl Line {
    pub(crate) fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32) -> Self {
        Self {
            ssrc,
            next_sequence: first_sequence,
            end: first_timestamp,
            last: first_timestamp,
            last_us: 0,
            origin_us: 0,
            offset_x256: 0,
            started: false,
            packets: 0,
            octets: 0,
        }
    }

    /// Timestamp of a new packet sent now; `None` when the line is so far ahead that it should wait.
    /// `continuing`: its first sample follows the last one sent without a seam.
    pub(crate) fn place(&mut self, now_us: u64, continuing: bool) -> Option<u32> {
        self.start(now_us);
        let behind = self.ideal(now_us).wrapping_sub(self.end) as i32;
        if continuing && behind.unsigned_abs() <= STRAY_SAMPLES_MAX {
            return Some(self.end);
        }
        if behind < -LEAD_SAMPLES_MAX {
            return None;
        }
        Some(self.end.wrapping_add((behind - LAG_SAMPLES_MAX).max(0) as u32))
    }

    pub(crate) fn next_sequence(&self) -> u16 {
        self.next_sequence
    }

    /// How many samples `timestamp` is ahead of real time.
    pub(crate) fn lead(&mut self, now_us: u64, timestamp: u32) -> i32 {
        self.start(now_us);
        timestamp.wrapping_sub(self.ideal(now_us)) as i32
    }

    /// Notes a packet that was sent; a reordered one moves neither sequence nor end.
    pub(crate) fn sent(&mut self, now_us: u64, sequence: u16, timestamp: u32, samples: u32, octets: usize) {
        if !self.count(sequence, octets) {
            return;
        }
        self.advance(timestamp.wrapping_add(samples));
        self.last = timestamp;
        self.last_us = now_us;
    }

    /// Follows a forwarded peer's clock: `lead` is how far ahead it was when it took over, and what it has
    /// strayed from that since is its clock's error (or jitter, which averages out).
    pub(crate) fn follow(&mut self, now_us: u64, timestamp: u32, lead: i32) {
        let stray = self.lead(now_us, timestamp).wrapping_sub(lead);
        if stray.unsigned_abs() <= STRAY_SAMPLES_MAX {
            self.offset_x256 += i64::from(stray);
        }
    }

    /// Notes a telephone event that was sent: its timestamp is its beginning and says nothing of now.
    pub(crate) fn sent_event(&mut self, now_us: u64, sequence: u16, timestamp: u32, duration: u16, octets: usize) {
        if !self.count(sequence, octets) {
            return;
        }
        // A duration that lies must not send the line ahead of its time.
        let end = timestamp.wrapping_add(u32::from(duration));
        let ahead = (self.lead(now_us, end) - EVENT_AHEAD_MAX).max(0) as u32;
        self.advance(end.wrapping_sub(ahead));
    }

    /// Timestamp that stands for `now_us`, for a sender report (RFC 3550 §6.4.1).
    pub(crate) fn timestamp_at(&self, now_us: u64) -> u32 {
        self.last.wrapping_add((now_us.saturating_sub(self.last_us) * 8 / 1_000) as u32)
    }

    /// The SSRC, the same for the stream's whole life.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Timestamp just after the last sample sent.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Packets sent so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Payload bytes sent so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Counts a packet; `false` when it is one that others have overtaken.
    fn count(&mut self, sequence: u16, octets: usize) -> bool {
        self.packets += 1;
        self.octets += octets as u64;
        let ahead = sequence.wrapping_sub(self.next_sequence) as i16;
        if ahead >= 0 {
            self.next_sequence = sequence.wrapping_add(1);
        }
        ahead >= 0
    }

    fn advance(&mut self, end: u32) {
        if (end.wrapping_sub(self.end) as i32) > 0 {
            self.end = end;
        }
    }

    fn start(&mut self, now_us: u64) {
        if !self.started {
            self.started = true;
            self.origin_us = now_us;
            self.offset_x256 = i64::from(self.end) << 8;
        }
    }

    fn ideal(&self, now_us: u64) -> u32 {
        let elapsed = (now_us.saturating_sub(self.origin_us) as i64) * 8 / 1_000;
        (elapsed + (self.offset_x256 >> 8)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_feed_has_no_seams() {
        let mut line = Line::new(1, 65_534, u32::MAX - 100);
        for packet in 0..500u32 {
            let now = 1_000_000 + u64::from(packet) * 20_000;
            let timestamp = line.place(now, packet > 0).unwrap();
            assert_eq!(timestamp, (u32::MAX - 100).wrapping_add(160 * packet));
            assert_eq!(line.next_sequence(), 65_534u16.wrapping_add(packet as u16));
            line.sent(now, line.next_sequence(), timestamp, 160, 160);
        }
    }

    #[test]
    fn m1_a_pause_advances_the_timestamp_by_real_time() {
        let mut line = Line::new(1, 0, 0);
        let first = line.place(0, false).unwrap();
        line.sent(0, 0, first, 160, 160);
        let after = line.place(10_000_000, false).unwrap();
        assert!((80_000 - LAG_SAMPLES_MAX as u32..=80_000).contains(&after), "{after}");
    }

    #[test]
    fn m1_a_thousand_changes_of_feed_do_not_run_ahead() {
        let mut line = Line::new(1, 0, 0);
        let mut now = 0;
        for change in 0..1_000u64 {
            now += 1_000 + change % 19_000;
            if let Some(timestamp) = line.place(now, false) {
                line.sent(now, line.next_sequence(), timestamp, 160, 160);
            }
            let lead = i64::from(line.end()) - (now as i64) * 8 / 1_000;
            assert!((-500..=2_000).contains(&lead), "{change}: {lead}");
        }
    }
}

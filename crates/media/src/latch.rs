//! Where a leg's RTP may come from, and where ours goes (wire rule M6): symmetric RTP with a short
//! probation, then locked to its source.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::limits::{LATCH_SILENCE_US, PROBATION_PACKETS, PROBATION_PAUSE_US};

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// From the locked source.
    Accepted,
    /// From a source that must first show that it means it.
    Probation,
    /// From anybody else.
    Foreign,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latch {
    negotiated: SocketAddr,
    locked: Option<SocketAddr>,
    candidate: Option<Candidate>,
    accepted_us: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    next_sequence: u16,
    packets: u8,
    last_us: u64,
}

impl Latch {
    pub(crate) fn new(negotiated: SocketAddr) -> Self {
        Self { negotiated, locked: None, candidate: None, accepted_us: 0 }
    }

    /// Judges a packet that is valid RTP of a negotiated payload type.
    pub(crate) fn admit(&mut self, now_us: u64, source: SocketAddr, ssrc: u32, sequence: u16) -> Admission {
        match self.locked {
            Some(locked) if locked == source => {
                self.accepted_us = now_us;
                Admission::Accepted
            }
            Some(_) if source == self.negotiated && now_us.saturating_sub(self.accepted_us) >= LATCH_SILENCE_US => {
                self.lock(now_us, source)
            }
            Some(_) => Admission::Foreign,
            None if source == self.negotiated => self.lock(now_us, source),
            None => self.probation(now_us, source, ssrc, sequence),
        }
    }

    /// Where RTP is sent: to the source once locked, to the negotiated address before.
    pub fn destination(&self) -> SocketAddr {
        self.locked.unwrap_or(self.negotiated)
    }

    /// The source that packets are taken from, once there is one.
    pub fn locked(&self) -> Option<SocketAddr> {
        self.locked
    }

    pub(crate) fn negotiated(&self) -> SocketAddr {
        self.negotiated
    }

    fn lock(&mut self, now_us: u64, source: SocketAddr) -> Admission {
        self.locked = Some(source);
        self.candidate = None;
        self.accepted_us = now_us;
        Admission::Accepted
    }

    fn probation(&mut self, now_us: u64, source: SocketAddr, ssrc: u32, sequence: u16) -> Admission {
        let fresh = Candidate { source, ssrc, next_sequence: sequence.wrapping_add(1), packets: 1, last_us: now_us };
        match &mut self.candidate {
            Some(candidate) if candidate.source == source => {
                if candidate.ssrc != ssrc || candidate.next_sequence != sequence {
                    *candidate = fresh;
                    return Admission::Probation;
                }
                candidate.packets += 1;
                candidate.next_sequence = fresh.next_sequence;
                candidate.last_us = now_us;
                if candidate.packets >= PROBATION_PACKETS {
                    return self.lock(now_us, source);
                }
                Admission::Probation
            }
            Some(candidate) if now_us.saturating_sub(candidate.last_us) < PROBATION_PAUSE_US => Admission::Foreign,
            _ => {
                self.candidate = Some(fresh);
                Admission::Probation
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Admission::{Accepted, Foreign, Probation};

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    /// Each packet: milliseconds, source port, sequence, and what is expected. Port 10 is negotiated.
    fn check(packets: &[(u64, u16, u16, Admission)]) -> Latch {
        let mut latch = Latch::new(address(10));
        for &(at_ms, port, sequence, expected) in packets {
            assert_eq!(latch.admit(at_ms * 1_000, address(port), 7, sequence), expected, "at {at_ms} ms");
        }
        latch
    }

    #[test]
    fn m6_the_negotiated_address_is_taken_at_once() {
        let latch = check(&[(0, 10, 1, Accepted), (20, 11, 1, Foreign), (40, 10, 2, Accepted)]);
        assert_eq!(latch.destination(), address(10));
    }

    #[test]
    fn m6_another_source_passes_probation_and_then_is_the_only_one() {
        let latch = check(&[
            (0, 20, 1, Probation),
            (20, 20, 2, Probation),
            (40, 20, 3, Probation),
            (60, 20, 4, Accepted),
            (61, 30, 1, Foreign),
            (80, 20, 5, Accepted),
            (90, 10, 1, Foreign),
        ]);
        assert_eq!(latch.destination(), address(20));
    }

    #[test]
    fn m6_a_spray_of_packets_is_never_taken() {
        check(&[
            (0, 20, 1, Probation),
            (1, 20, 900, Probation),
            (2, 21, 1, Foreign),
            (3, 20, 44, Probation),
            (4, 20, 2, Probation),
        ]);
    }

    #[test]
    fn m6_a_candidate_that_pauses_gives_way() {
        check(&[(0, 20, 1, Probation), (100, 21, 1, Foreign), (300, 21, 2, Probation), (301, 10, 1, Accepted)]);
    }

    #[test]
    fn m6_the_negotiated_address_takes_over_a_lock_that_went_silent() {
        check(&[
            (0, 20, 1, Probation),
            (1, 20, 2, Probation),
            (2, 20, 3, Probation),
            (3, 20, 4, Accepted),
            (1_000, 10, 1, Foreign),
            (2_003, 30, 1, Foreign),
            (2_004, 10, 2, Accepted),
            (2_005, 20, 5, Foreign),
        ]);
    }
}

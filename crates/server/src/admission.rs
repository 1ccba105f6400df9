//! How many connections there may be: in all, from one source, and of those that have not finished their handshake. One
//! source can neither take all the places nor keep others from their handshakes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The part of all handshakes that one source may hold: one in so many.
const HANDSHAKE_SHARE: usize = 4;

/// The limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdmissionLimits {
    /// Connections that were accepted, in all.
    pub(crate) connections_max: usize,
    /// Of one source.
    pub(crate) connections_per_source_max: usize,
    /// TLS and WebSocket handshakes at a time.
    pub(crate) handshakes_max: usize,
}

/// Counts who is in.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    limits: AdmissionLimits,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: Count,
    handshakes: Count,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_source: BTreeMap<IpAddr, usize>,
}

/// A place that was given; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Seat {
    counts: Arc<Mutex<Counts>>,
    source: IpAddr,
    is_handshake: bool,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits) -> Admission {
        Admission { limits, counts: Arc::default() }
    }

    /// A place for a connection from an address; `None` when there is none left.
    pub(crate) fn connection(&self, remote: IpAddr) -> Option<Seat> {
        let limits = self.limits;
        self.seat(remote, false, limits.connections_max, limits.connections_per_source_max)
    }

    /// A place for its handshake.
    pub(crate) fn handshake(&self, remote: IpAddr) -> Option<Seat> {
        let most = self.limits.handshakes_max;
        self.seat(remote, true, most, most.div_ceil(HANDSHAKE_SHARE))
    }

    fn seat(&self, remote: IpAddr, is_handshake: bool, most: usize, of_source_most: usize) -> Option<Seat> {
        let source = source_of(remote);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.of(is_handshake);
        let of_source = count.by_source.get(&source).copied().unwrap_or_default();
        if count.total >= most || of_source >= of_source_most {
            return None;
        }
        count.total += 1;
        count.by_source.insert(source, of_source + 1);
        Some(Seat { counts: self.counts.clone(), source, is_handshake })
    }
}

impl Counts {
    fn of(&mut self, is_handshake: bool) -> &mut Count {
        if is_handshake { &mut self.handshakes } else { &mut self.connections }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.of(self.is_handshake);
        count.total = count.total.saturating_sub(1);
        if let Some(of_source) = count.by_source.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                count.by_source.remove(&self.source);
            }
        }
    }
}

/// One host has an IPv6 network of 64 bits to itself.
fn source_of(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_in_all_and_by_source_and_given_back() {
        let limits = AdmissionLimits { connections_max: 3, connections_per_source_max: 2, handshakes_max: 8 };
        let admission = Admission::new(limits);
        let seats = [admission.connection(ip("192.0.2.1")), admission.connection(ip("192.0.2.1"))];
        assert!(seats.iter().all(Option::is_some));
        assert!(admission.connection(ip("::ffff:192.0.2.1")).is_none(), "the same source");
        let other = admission.connection(ip("2001:db8::1"));
        assert!(other.is_some() && admission.connection(ip("192.0.2.3")).is_none(), "no place at all");
        drop(seats);
        let again = admission.connection(ip("2001:db8::2:3:4:5"));
        assert!(again.is_some() && admission.connection(ip("2001:db8::9")).is_none(), "one network of 64 bits");
        drop((other, again));
        assert!(admission.counts.lock().unwrap().connections.by_source.is_empty());
    }

    #[test]
    fn one_source_holds_a_quarter_of_the_handshakes() {
        let limits = AdmissionLimits { connections_max: 9, connections_per_source_max: 9, handshakes_max: 8 };
        let admission = Admission::new(limits);
        let held: Vec<_> = (0..9).filter_map(|_| admission.handshake(ip("192.0.2.1"))).collect();
        assert_eq!(held.len(), 2);
        assert!(admission.handshake(ip("192.0.2.2")).is_some());
    }
}

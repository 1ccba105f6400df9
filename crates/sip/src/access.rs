//! Who a packet comes from, as far as the way tells that it came: the certificate of its connection before its source
//! address; of networks the longest prefix wins, and a port beats none.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::endpoint::Endpoint;
use crate::interface::{Access, ConnectionHandle, Flow, PeerId, TrustedPeer};

/// The peer that a source address belongs to.
fn peer_of(access: &Access, source: SocketAddr) -> Option<PeerId> {
    access
        .peers
        .iter()
        .filter(|peer| matches(peer, source))
        .max_by_key(|peer| (peer.prefix, peer.port.is_some()))
        .map(|peer| peer.peer)
}

impl Endpoint {
    /// The peer of a certificate that bears these names (RFC 5922 §7.2: whole names; no wildcard stands for one). Where it bears
    /// those of several, the source says which of them it is; where that says nothing, it proves none.
    pub(crate) fn peer_named(&self, names: &[String], source: SocketAddr) -> Option<PeerId> {
        let peers = self.peers_named(names);
        let at_source = || peer_of(&self.access, source).filter(|peer| peers.contains(peer));
        peers.first().copied().filter(|_| peers.len() == 1).or_else(at_source)
    }

    /// Every peer of which a certificate with these names bears one.
    pub(crate) fn peers_named(&self, names: &[String]) -> BTreeSet<PeerId> {
        names.iter().filter_map(|name| self.access.certificate_names.get(name)).copied().collect()
    }

    /// The peer that has shown its certificate on a connection.
    pub(crate) fn peer_on(&self, connection: ConnectionHandle) -> Option<PeerId> {
        let stream = self.stack.streams.get(connection)?;
        self.peer_named(&stream.peer_names, stream.place.remote)
    }

    /// The peer whose calls come this way. A certificate tells more than an address does.
    pub(crate) fn peer_by(&self, flow: &Flow) -> Option<PeerId> {
        flow.connection.and_then(|connection| self.peer_on(connection)).or_else(|| self.peer_from(flow.remote))
    }

    /// The peer whose configured networks this source is in.
    pub(crate) fn peer_from(&self, source: SocketAddr) -> Option<PeerId> {
        peer_of(&self.access, source)
    }

    /// As [`Endpoint::peer_by`], or the one of [`Endpoint::peer_at`].
    pub(crate) fn peer_along(&self, flow: &Flow) -> Option<PeerId> {
        self.peer_by(flow).or_else(|| self.peer_at(flow.remote))
    }

    /// The peer that an address belongs to, by the networks that are configured or because a registrar that keeps a line of
    /// ours is there: it answered our REGISTER, so it is what our configured name leads to. Such a peer is heard; its calls
    /// still prove themselves by our Contact.
    pub(crate) fn peer_at(&self, source: SocketAddr) -> Option<PeerId> {
        let registrar = || {
            let here = |(_, address): &(&String, &SocketAddr)| address.ip() == source.ip();
            let (line, _) = self.registrars.iter().find(here)?;
            self.access.lines.get(line).copied()
        };
        peer_of(&self.access, source).or_else(registrar)
    }
}

fn matches(peer: &TrustedPeer, source: SocketAddr) -> bool {
    if peer.port.is_some_and(|port| port != source.port()) {
        return false;
    }
    match (peer.network, source.ip()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32u32.saturating_sub(u32::from(peer.prefix));
            let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
            u32::from(network) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128u32.saturating_sub(u32::from(peer.prefix));
            let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
            u128::from(network) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: u32, network: &str, prefix: u8, port: Option<u16>) -> TrustedPeer {
        TrustedPeer { peer: PeerId(id), network: network.parse().unwrap(), prefix, port }
    }

    #[test]
    fn the_longest_prefix_wins_and_a_port_beats_none() {
        let access = Access {
            peers: vec![
                peer(1, "10.0.0.0", 8, None),
                peer(2, "10.1.0.0", 16, None),
                peer(3, "10.1.0.0", 16, Some(5070)),
                peer(4, "2001:db8::", 32, None),
                peer(5, "192.0.2.7", 32, Some(5060)),
            ],
            ..Access::default()
        };
        let cases = [
            ("10.2.3.4:5060", Some(1)),
            ("10.1.3.4:5060", Some(2)),
            ("10.1.3.4:5070", Some(3)),
            ("[2001:db8:1::1]:5060", Some(4)),
            ("[2001:db9::1]:5060", None),
            ("192.0.2.7:5060", Some(5)),
            ("192.0.2.7:5061", None),
            ("192.0.2.8:5060", None),
        ];
        for (source, expected) in cases {
            assert_eq!(peer_of(&access, source.parse().unwrap()), expected.map(PeerId), "{source}");
        }
    }

    #[test]
    fn a_prefix_of_zero_or_beyond_the_address_does_not_panic() {
        for prefix in [0, 200] {
            let access = Access { peers: vec![peer(1, "10.0.0.1", prefix, None)], ..Access::default() };
            assert_eq!(peer_of(&access, "10.0.0.1:1".parse().unwrap()), Some(PeerId(1)));
        }
    }
}

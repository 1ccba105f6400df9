//! The sockets of one media thread: one for RTP a leg, one for RTCP where that has a port of its own. This one is opened once the
//! leg's media is agreed: phones that ring in vain, and those that multiplex, never need it, and a socket costs more than a message.
//!
//! They are not connected to their peers: that would save a twelfth of a packet's cost, but the kernel would then hide
//! the foreign packets that are to be counted, and the negotiated address that may take a silent lock over (wire rule
//! M6).

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use baton_media::{PacketKind, Sink, StreamId};
use rustix::event::epoll;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// See the module.
#[derive(Debug)]
pub(crate) struct MediaSockets {
    epoll: OwnedFd,
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: BTreeMap<StreamId, u32>,
    receive_buffer_bytes: usize,
    /// Packets handed to the kernel.
    pub(crate) sent: u64,
    /// Packets that the kernel refused; they are dropped, as real-time traffic is.
    pub(crate) refused: u64,
}

/// A place for a leg; its generation tells a late readiness from one of the leg that has the place now.
#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    leg: Option<Leg>,
}

#[derive(Debug)]
struct Leg {
    stream: StreamId,
    rtp: UdpSocket,
    /// Where RTCP is received, once that is needed.
    rtcp_address: Option<SocketAddr>,
    rtcp: Option<UdpSocket>,
}

/// A packet in the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) stream: StreamId,
    pub(crate) kind: PacketKind,
    pub(crate) source: SocketAddr,
    pub(crate) bytes: usize,
}

impl MediaSockets {
    pub(crate) fn new(epoll: OwnedFd, receive_buffer_bytes: usize) -> Self {
        Self {
            epoll,
            slots: Vec::new(),
            free: Vec::new(),
            index: BTreeMap::new(),
            receive_buffer_bytes,
            sent: 0,
            refused: 0,
        }
    }

    /// Binds a leg's sockets. Opening one that is open does nothing.
    pub(crate) fn open(
        &mut self,
        stream: StreamId,
        local: SocketAddr,
        local_rtcp: Option<SocketAddr>,
    ) -> Result<(), String> {
        if self.index.contains_key(&stream) {
            return Ok(());
        }
        let rtp = self.bind(local).map_err(|error| format!("cannot bind {local}: {error}"))?;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        if let Err(error) = watch(&self.epoll, &rtp, token(slot, place.generation, PacketKind::Rtp)) {
            self.free.push(slot);
            return Err(format!("cannot watch {local}: {error}"));
        }
        place.leg = Some(Leg { stream, rtp, rtcp_address: local_rtcp, rtcp: None });
        self.index.insert(stream, slot);
        Ok(())
    }

    /// Opens the socket for RTCP of a leg whose peer has a port of its own for it. When somebody else has taken ours meanwhile,
    /// the leg goes on without; the next call tries again.
    pub(crate) fn open_rtcp(&mut self, stream: StreamId) {
        let Some(slot) = self.index.get(&stream).copied() else { return };
        let Some(place) = self.slots.get(slot as usize) else { return };
        let Some(Leg { rtcp: None, rtcp_address: Some(address), .. }) = place.leg else { return };
        let opened = self.bind(address).and_then(|socket| {
            watch(&self.epoll, &socket, token(slot, place.generation, PacketKind::Rtcp))?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => {
                if let Some(leg) = self.slots.get_mut(slot as usize).and_then(|place| place.leg.as_mut()) {
                    leg.rtcp = Some(socket);
                }
            }
            Err(error) => tracing::warn!(%address, stream = stream.0, %error, "a leg has no RTCP"),
        }
    }

    /// Closes a leg's sockets.
    pub(crate) fn close(&mut self, stream: StreamId) {
        let Some(slot) = self.index.remove(&stream) else { return };
        if let Some(place) = self.slots.get_mut(slot as usize) {
            place.leg = None; // closing takes them out of epoll, too
            place.generation = place.generation.wrapping_add(1) & GENERATION_MASK;
            self.free.push(slot);
        }
    }

    /// One packet of the socket that `token` names; `None` when there is none after all.
    pub(crate) fn receive(&self, token: u64, buffer: &mut [u8]) -> Option<Arrived> {
        let (slot, generation, kind) = parts(token);
        let leg = self.slots.get(slot).filter(|place| place.generation == generation)?.leg.as_ref()?;
        let socket = match kind {
            PacketKind::Rtp => &leg.rtp,
            PacketKind::Rtcp => leg.rtcp.as_ref()?,
        };
        let (bytes, source) = socket.recv_from(buffer).ok()?;
        Some(Arrived { stream: leg.stream, kind, source, bytes })
    }

    /// How many legs are open.
    pub(crate) fn legs(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn epoll(&self) -> &OwnedFd {
        &self.epoll
    }

    fn bind(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        // A leg has few packets on their way; more would only be late ones.
        SockRef::from(&socket).set_recv_buffer_size(self.receive_buffer_bytes)?;
        Ok(socket.into())
    }
}

impl Sink for MediaSockets {
    fn send(&mut self, stream: StreamId, kind: PacketKind, destination: SocketAddr, packet: &[u8]) {
        let leg = self
            .index
            .get(&stream)
            .and_then(|slot| self.slots.get(*slot as usize))
            .and_then(|place| place.leg.as_ref());
        let Some(leg) = leg else { return };
        let socket = match kind {
            PacketKind::Rtp => Some(&leg.rtp),
            PacketKind::Rtcp => leg.rtcp.as_ref(),
        };
        match socket.map(|socket| socket.send_to(packet, destination)) {
            Some(Ok(_)) => self.sent += 1,
            _ => self.refused += 1,
        }
    }
}

/// The highest bit stays 0, so that no leg has the token of the wake-up or the timer.
const GENERATION_MASK: u32 = 0x7FFF_FFFF;

fn token(slot: u32, generation: u32, kind: PacketKind) -> u64 {
    (u64::from(generation) << 32) | (u64::from(slot) << 1) | u64::from(kind == PacketKind::Rtcp)
}

fn parts(token: u64) -> (usize, u32, PacketKind) {
    let kind = if token & 1 == 1 { PacketKind::Rtcp } else { PacketKind::Rtp };
    ((token as u32 >> 1) as usize, (token >> 32) as u32, kind)
}

fn watch(epoll: &OwnedFd, socket: &UdpSocket, token: u64) -> io::Result<()> {
    epoll::add(epoll, socket.as_fd(), epoll::EventData::new_u64(token), epoll::EventFlags::IN)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets() -> MediaSockets {
        MediaSockets::new(epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(), 65_536)
    }

    fn local() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn a_place_is_given_again_but_late_readiness_of_the_old_leg_is_ignored() {
        let mut sockets = sockets();
        sockets.open(StreamId(1), local(), Some(local())).unwrap();
        let old = token(0, 0, PacketKind::Rtp);
        sockets.close(StreamId(1));
        sockets.open(StreamId(2), local(), None).unwrap();
        let address = sockets.slots[0].leg.as_ref().unwrap().rtp.local_addr().unwrap();
        let peer = UdpSocket::bind(local()).unwrap();
        peer.send_to(b"hello", address).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(sockets.receive(old, &mut buffer), None);
        let arrived = sockets.receive(token(0, 1, PacketKind::Rtp), &mut buffer).unwrap();
        assert_eq!((arrived.stream, arrived.bytes, arrived.source), (StreamId(2), 5, peer.local_addr().unwrap()));
        assert_eq!(sockets.receive(token(0, 1, PacketKind::Rtcp), &mut buffer), None, "it has no such socket");
    }

    /// Two neighbouring ports that nobody has at the moment.
    fn pair() -> [SocketAddr; 2] {
        loop {
            let rtp = UdpSocket::bind(local()).unwrap().local_addr().unwrap();
            let rtcp = SocketAddr::new(rtp.ip(), rtp.port() ^ 1);
            if UdpSocket::bind(rtcp).is_ok() {
                return [rtp, rtcp];
            }
        }
    }

    #[test]
    fn the_port_for_rtcp_is_bound_when_it_is_needed() {
        let (mut sockets, [rtp, rtcp]) = (sockets(), pair());
        sockets.open(StreamId(1), rtp, Some(rtcp)).unwrap();
        drop(UdpSocket::bind(rtcp).expect("nobody needs it yet"));
        sockets.open_rtcp(StreamId(1));
        sockets.open_rtcp(StreamId(1));
        sockets.open_rtcp(StreamId(2));
        assert!(UdpSocket::bind(rtcp).is_err());
        let peer = UdpSocket::bind(local()).unwrap();
        peer.send_to(b"rtcp", rtcp).unwrap();
        let arrived = sockets.receive(token(0, 0, PacketKind::Rtcp), &mut [0; 64]).unwrap();
        assert_eq!((arrived.stream, arrived.kind, arrived.bytes), (StreamId(1), PacketKind::Rtcp, 4));
    }

    #[test]
    fn a_leg_whose_port_for_rtcp_is_taken_has_rtp_and_rtcp_when_it_is_free() {
        let (mut sockets, [rtp, rtcp]) = (sockets(), pair());
        sockets.open(StreamId(1), rtp, Some(rtcp)).unwrap();
        let taken = UdpSocket::bind(rtcp).unwrap();
        sockets.open_rtcp(StreamId(1));
        let peer = UdpSocket::bind(local()).unwrap();
        let address = peer.local_addr().unwrap();
        for kind in [PacketKind::Rtcp, PacketKind::Rtp] {
            sockets.send(StreamId(1), kind, address, b"hello");
        }
        assert_eq!((sockets.sent, sockets.refused), (1, 1));
        drop(taken);
        sockets.open_rtcp(StreamId(1));
        sockets.send(StreamId(1), PacketKind::Rtcp, address, b"hello");
        assert_eq!(peer.recv_from(&mut [0; 64]).unwrap().1, rtp);
        assert_eq!(peer.recv_from(&mut [0; 64]).unwrap().1, rtcp);
    }

    #[test]
    fn a_port_in_use_is_named() {
        let taken = UdpSocket::bind(local()).unwrap();
        let address = taken.local_addr().unwrap();
        let reason = sockets().open(StreamId(1), address, None).unwrap_err();
        assert!(reason.starts_with(&format!("cannot bind {address}: ")), "{reason}");
    }
}

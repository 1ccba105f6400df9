//! A UDP socket of ours, and how long each datagram had waited in it.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use baton_sip::ListenerId;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
};
use rustix::time::{ClockId, clock_gettime};

/// A datagram cannot have waited for longer: the wall clock was set meanwhile.
const AGE_US_MAX: u64 = 60_000_000;

/// A socket that tells when each datagram arrived.
#[derive(Debug)]
pub(crate) struct UdpListener {
    pub(crate) id: ListenerId,
    pub(crate) socket: UdpSocket,
    /// Room for the kernel's word on one datagram.
    control: Box<[u8]>,
}

/// A datagram in the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) bytes: usize,
    pub(crate) source: SocketAddr,
    /// When the kernel took it, by the wall clock, in microseconds since the Unix epoch; absent where it does not say.
    arrived_us: Option<u64>,
}

impl UdpListener {
    /// Asks the kernel for the time of arrival; without it datagrams count as new.
    pub(crate) fn new(id: ListenerId, socket: UdpSocket) -> UdpListener {
        if let Err(error) = setsockopt(&socket, ReceiveTimestampns, &true) {
            tracing::warn!(%error, "the kernel does not tell when datagrams arrive; overload is noticed by the inbox alone");
        }
        UdpListener { id, socket, control: nix::cmsg_space!(nix::sys::time::TimeSpec).into_boxed_slice() }
    }

    /// The next datagram, without waiting.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Datagram> {
        let mut parts = [IoSliceMut::new(buffer)];
        let received = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut self.control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let stamp = received.cmsgs().into_iter().flatten().find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(at) => Some(at),
            _ => None,
        });
        let arrived_us = stamp.and_then(|at| microseconds(at.tv_sec(), at.tv_nsec()));
        let source = received.address.as_ref().and_then(address_of).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Datagram { bytes: received.bytes, source, arrived_us })
    }
}

impl Datagram {
    /// How long it has waited until now, in microseconds.
    pub(crate) fn age_us(&self) -> u64 {
        let now = clock_gettime(ClockId::Realtime);
        let ages = microseconds(now.tv_sec, now.tv_nsec).zip(self.arrived_us);
        ages.map(|(now_us, arrived_us)| now_us.saturating_sub(arrived_us))
            .filter(|age_us| *age_us <= AGE_US_MAX)
            .unwrap_or(0)
    }
}

fn microseconds(seconds: i64, nanoseconds: i64) -> Option<u64> {
    let whole_us = u64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
    whole_us.checked_add(u64::try_from(nanoseconds).ok()? / 1_000)
}

fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_datagram_is_as_old_as_it_has_waited() {
        for loopback in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = UdpSocket::bind(loopback) else { continue };
            let (sender, address) = (UdpSocket::bind(loopback).unwrap(), socket.local_addr().unwrap());
            let mut listener = UdpListener::new(ListenerId(0), socket);
            let mut buffer = [0; 64];
            // The kernel begins to note times a moment after it was asked to, later when the machine is busy.
            let mut notes_times = || {
                sender.send_to(b"early", address).unwrap();
                std::thread::sleep(Duration::from_millis(2));
                listener.receive(&mut buffer).unwrap().age_us() >= 1_000
            };
            assert!((0..1_000).any(|_| notes_times()), "no times are noted");
            sender.send_to(b"first", address).unwrap();
            std::thread::sleep(Duration::from_millis(30));
            sender.send_to(b"second", address).unwrap();
            let first = listener.receive(&mut buffer).unwrap();
            assert_eq!((first.bytes, first.source), (5, sender.local_addr().unwrap()));
            let second = listener.receive(&mut buffer).unwrap();
            assert_eq!(&buffer[..second.bytes], b"second");
            assert!(second.age_us() + 25_000 < first.age_us(), "{first:?} {second:?}");
            assert_eq!(listener.receive(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn a_wall_clock_that_was_set_makes_nothing_old() {
        let source = "127.0.0.1:1".parse().unwrap();
        let arrived = |arrived_us| Datagram { bytes: 0, source, arrived_us };
        assert_eq!([arrived(None), arrived(Some(0)), arrived(Some(u64::MAX))].map(|each| each.age_us()), [0; 3]);
    }
}

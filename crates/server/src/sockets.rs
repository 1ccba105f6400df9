//! Binds sockets, and says in one sentence why one cannot be bound.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// The kernel's buffer is the bounded inbox for datagrams: at 600 bytes a message it holds some thousands.
const DATAGRAM_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Connections that wait to be accepted.
const TCP_BACKLOG: i32 = 1_024;

/// A non-blocking UDP socket. `place` names the key that the address comes from.
///
/// # Errors
/// One sentence.
pub(crate) fn bind_udp(address: SocketAddr, place: &str) -> Result<UdpSocket, String> {
    let bind = || -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // The kernel grants less than asked for without CAP_NET_ADMIN; a smaller buffer is no reason not to start.
        let _ = socket.set_recv_buffer_size(DATAGRAM_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(DATAGRAM_BUFFER_BYTES);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    bind().map_err(|error| sentence("UDP", address, place, &error))
}

/// A non-blocking TCP listener. `place` names the key that the address comes from.
///
/// # Errors
/// One sentence.
pub(crate) fn bind_tcp(address: SocketAddr, place: &str) -> Result<TcpListener, String> {
    let bind = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Connections of the last run that are still being closed do not hold the port.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(TCP_BACKLOG)?;
        Ok(socket.into())
    };
    bind().map_err(|error| sentence("TCP", address, place, &error))
}

fn sentence(transport: &str, address: SocketAddr, place: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::AddrInUse => format!("port {} is in use by another program", address.port()),
        ErrorKind::AddrNotAvailable => format!("{} is no address of this machine", address.ip()),
        ErrorKind::PermissionDenied => format!("port {} needs privileges that this user lacks", address.port()),
        _ => error.to_string(),
    };
    format!("cannot listen on {transport} {address}: {why} ({place})")
}

/// The address that a peer is told: the bound one, or, when that is unspecified, the one that the default route uses. A
/// connected UDP socket tells it; no packet is sent. Without a route it is the loopback address.
pub(crate) fn reachable_address(bound: IpAddr) -> IpAddr {
    if !bound.is_unspecified() {
        return bound;
    }
    // Documentation addresses (RFC 5737, RFC 3849): routed by default, reached by nobody.
    let (any, elsewhere, loopback): (IpAddr, IpAddr, IpAddr) = match bound {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => {
            let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
            (Ipv6Addr::UNSPECIFIED.into(), documentation.into(), Ipv6Addr::LOCALHOST.into())
        }
    };
    let ask = || -> io::Result<IpAddr> {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((elsewhere, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    ask().ok().filter(|address| !address.is_unspecified()).unwrap_or(loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_its_key() {
        let first = bind_udp("127.0.0.1:0".parse().unwrap(), "x").unwrap();
        let address = first.local_addr().unwrap();
        let sentence = bind_udp(address, "sip.listeners[0] in baton.toml").unwrap_err();
        let port = address.port();
        assert_eq!(
            sentence,
            format!(
                "cannot listen on UDP 127.0.0.1:{port}: port {port} is in use by another program (sip.listeners[0] in baton.toml)"
            )
        );
        let first = bind_tcp("127.0.0.1:0".parse().unwrap(), "x").unwrap();
        let sentence = bind_tcp(first.local_addr().unwrap(), "api.listen").unwrap_err();
        assert!(sentence.contains("is in use by another program (api.listen)"), "{sentence}");
    }

    #[test]
    fn an_address_of_another_machine_is_said_so() {
        let sentence = bind_udp("192.0.2.1:0".parse().unwrap(), "media.address").unwrap_err();
        assert!(sentence.ends_with("192.0.2.1 is no address of this machine (media.address)"), "{sentence}");
    }

    #[test]
    fn a_bound_address_is_the_one_told() {
        assert_eq!(reachable_address([192, 0, 2, 7].into()), IpAddr::from([192, 0, 2, 7]));
        assert!(!reachable_address([0, 0, 0, 0].into()).is_unspecified());
    }
}

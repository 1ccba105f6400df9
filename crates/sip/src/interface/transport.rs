//! Below: transports, flows, what comes from the wire and what goes to it.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ConnectionHandle, Event, ListenerId};
use crate::guard::Load;
use crate::trace::Traced;

/// The transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transport {
    /// UDP, one message a datagram.
    Udp,
    /// TCP, framed by Content-Length.
    Tcp,
    /// TLS over TCP, framed like TCP.
    Tls,
    /// WebSocket (RFC 7118), one message a WebSocket message. Only peers open these connections.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// How it stands in a Via (RFC 3261 §20.42, RFC 7118 §4.1).
    pub fn via_token(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The `transport` parameter of a URI. Both WebSockets are `ws`: RFC 7118 §5.2.4 registers no other value.
    pub fn uri_parameter(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws | Transport::Wss => "ws",
        }
    }

    /// Whether it delivers what it takes, so that nothing is sent again by us. All of them but UDP have connections.
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Whether it is encrypted, so that `sips` may use it (RFC 3261 §26.2.2).
    pub fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// The port where none is named (RFC 3261 §19.1.2, RFC 7118 §5.2).
    pub fn standard_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5_060,
            Transport::Tls => 5_061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

/// A way to a peer: where bytes come from or go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// Our socket.
    pub listener: ListenerId,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The stream connection; `None` on UDP.
    pub connection: Option<ConnectionHandle>,
}

/// Where a request of ours goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// Along a flow that exists (a registered phone's).
    Flow(Flow),
    /// To an address; a connection is opened, or an open one to it is used again. With TLS the peer's certificate must
    /// bear the address or one of the names.
    Address {
        /// The transport.
        transport: Transport,
        /// The address.
        remote: SocketAddr,
        /// Names that the peer is known by, in lower case: a TLS connection to or from the address whose verified certificate
        /// bears one is this peer's (RFC 5923 §9.1).
        #[serde(default)]
        shows: Vec<String>,
    },
    /// To a host name, which the driver looks up ([`Output::Resolve`]); its addresses are tried one after the other while they
    /// do not answer, cannot be reached or say 503 (RFC 3263 §4.3). With TLS the peer's certificate must bear the name.
    Name {
        /// The transport; without one the DNS names it, else it is UDP (RFC 3263 §4.1).
        transport: Option<Transport>,
        /// A host name.
        host: String,
        /// The port; without one the DNS names the servers (RFC 3263 §4.2).
        port: Option<u16>,
    },
}

impl Destination {
    /// To an address, of which no name is known.
    pub fn address(transport: Transport, remote: SocketAddr) -> Self {
        Destination::Address { transport, remote, shows: Vec::new() }
    }
}

/// What comes in from below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A datagram.
    Datagram {
        /// Our socket.
        listener: ListenerId,
        /// Its sender.
        source: SocketAddr,
        /// The whole datagram.
        bytes: Bytes,
    },
    /// A stream connection is up: one that was accepted, or one that [`Output::Connect`] asked for.
    StreamOpened {
        /// The connection.
        connection: ConnectionHandle,
        /// The listener it belongs to, whose transport it has.
        listener: ListenerId,
        /// The peer.
        remote: SocketAddr,
        /// The names by which the peer is known for certain, in lower case: those that its verified certificate bears (RFC
        /// 5922 §7.1); of a connection of ours to a named host only that name, if the certificate bears it as a whole name, for
        /// no wildcard stands for one (§7.2). Empty where none was shown.
        peer_names: Vec<String>,
    },
    /// Bytes of a stream connection, cut anywhere; of a WebSocket, one whole message.
    StreamBytes {
        /// The connection.
        connection: ConnectionHandle,
        /// The bytes.
        bytes: Bytes,
    },
    /// A stream connection has ended or could not be opened. What waits on it fails (503).
    StreamClosed {
        /// The connection.
        connection: ConnectionHandle,
    },
    /// The answer to [`Output::Resolve`]; empty when the name has no address.
    Resolved {
        /// The query's number.
        query: u64,
        /// Addresses and the transport to each, best first.
        addresses: Vec<(Transport, SocketAddr)>,
    },
    /// How far the node is behind: new calls give way to those in progress.
    Load(Load),
    /// Whether every message that comes or goes is told ([`Output::Trace`]).
    Trace(bool),
    /// The clock has reached [`crate::Endpoint::next_timeout_us`].
    Timeout,
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// Send these bytes. On a connection that is not yet open the driver keeps them, in order.
    Transmit {
        /// The way.
        flow: Flow,
        /// A whole message.
        bytes: Bytes,
    },
    /// Open a stream connection; answered by [`Input::StreamOpened`] or [`Input::StreamClosed`].
    Connect {
        /// The new connection's (even) number.
        connection: ConnectionHandle,
        /// The listener whose transport it has, and whose address is used as the source host.
        listener: ListenerId,
        /// The peer.
        remote: SocketAddr,
        /// Host names, in lower case, and addresses; the peer's certificate must bear one. The first is whom it is asked for.
        /// Empty where the transport has no certificates.
        names: Vec<String>,
    },
    /// Close a stream connection: framing was lost, a message did not end in time, or it idled too long.
    Close {
        /// The connection.
        connection: ConnectionHandle,
    },
    /// Look a host name up; answered by [`Input::Resolved`].
    Resolve {
        /// The query's number.
        query: u64,
        /// The name.
        host: String,
        /// The port to put into the addresses; without one the servers that the DNS names ([`crate::locate`]).
        port: Option<u16>,
        /// The transport; without one those that the DNS names.
        transport: Option<Transport>,
    },
    /// A message came or went; only while it is wanted ([`Input::Trace`]).
    Trace(Box<Traced>),
    /// Something for the contact.
    Event(Event),
}

//! The edge between a shard and what drives it: which socket, and where packets go.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::command::StreamId;

/// Which of a stream's sockets a packet came on or goes out by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PacketKind {
    /// The RTP socket; with RTCP multiplexed it carries both (RFC 5761).
    Rtp,
    /// The RTCP socket.
    Rtcp,
}

/// Takes the packets that a shard sends, at once and in order.
pub trait Sink {
    /// Sends `packet` from `stream`'s socket to `destination`. A stream without an RTCP socket sends
    /// RTCP from its RTP socket. What cannot be sent is dropped: it is real-time traffic.
    fn send(&mut self, stream: StreamId, kind: PacketKind, destination: SocketAddr, packet: &[u8]);
}

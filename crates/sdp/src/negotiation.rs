//! Offer/answer (RFC 3264) for one audio leg.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// An audio codec that can be negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 µ-law (static payload type 0).
    Pcmu,
    /// G.711 A-law (static payload type 8).
    Pcma,
}

/// What we can do, the same for all offers and answers of a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Codecs, best first.
    pub codecs: Vec<Codec>,
    /// Whether RFC 4733 telephone events are offered and accepted.
    pub telephone_event: bool,
    /// Preferred packet time in milliseconds: 10, 20, 30, 40 or 60.
    pub ptime_ms: u8,
    /// Whether RTCP multiplexing (RFC 5761) is offered and accepted.
    pub rtcp_mux: bool,
}

/// Our end of the leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalMedia {
    /// The address that the peer can reach.
    pub address: IpAddr,
    /// RTP port (even); RTCP is at the next one unless multiplexed.
    pub port: u16,
}

/// How the peer holds us (wire rule D6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RemoteHold {
    /// It does not: `sendrecv` (or `recvonly`: it only listens).
    #[default]
    None,
    /// `sendonly`: it sends (its own music, perhaps), and does not listen.
    SendOnly,
    /// `inactive`.
    Inactive,
    /// RFC 2543: connection address 0.0.0.0 (or `::`).
    ZeroAddress,
}

/// How we hold the peer, in the dialect that it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LocalHold {
    /// We do not, or it need not know.
    #[default]
    None,
    /// `sendonly` (RFC 3264 §8.4): it hears us, our music, and is not heard.
    SendOnly,
    /// `inactive`: nothing flows, it may play music of its own.
    Inactive,
    /// Connection address 0.0.0.0 or `::` (RFC 2543 §B.5), beside `sendonly` for those that read directions: it sends nothing, and
    /// hears us.
    ZeroAddress,
}

/// The outcome of an offer and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiated {
    /// Where the peer receives RTP. With [`RemoteHold::ZeroAddress`] the last real one, if there was one.
    pub remote: SocketAddr,
    /// Where the peer receives RTCP (`a=rtcp` of RFC 3605, else port + 1); `None` when multiplexed.
    pub remote_rtcp: Option<SocketAddr>,
    /// The codec.
    pub codec: Codec,
    /// The payload type that we send it as (the peer's number).
    pub payload_type_send: u8,
    /// The payload type that we receive it as (our number).
    pub payload_type_receive: u8,
    /// The payload type of telephone events that we send, if both sides have them at 8 kHz.
    pub dtmf_payload_type_send: Option<u8>,
    /// The payload type of telephone events that we receive.
    pub dtmf_payload_type_receive: Option<u8>,
    /// Packet time to send, in milliseconds.
    pub ptime_ms: u8,
    /// We may send: the peer listens.
    pub send: bool,
    /// The peer may send.
    pub receive: bool,
    /// Whether and how the peer holds us.
    pub remote_hold: RemoteHold,
    /// Whether and how our description holds the peer.
    pub local_hold: LocalHold,
}

/// Why a description was refused. All of them mean 488, but [`SdpError::Malformed`] 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum SdpError {
    /// Not a session description.
    #[error("not a session description: {0}")]
    Malformed(String),
    /// It has no audio stream over RTP/AVP that we can use.
    #[error("no usable audio stream")]
    NoAudio,
    /// No codec in common.
    #[error("no codec in common")]
    NoCodec,
    /// The answer does not fit the offer, or the pending offer is stale: another exchange came between.
    #[error("the answer does not belong to the present offer")]
    Stale,
}

impl SdpError {
    /// The SIP status that says so: 400 or 488.
    pub fn status(&self) -> u16 {
        match self {
            SdpError::Malformed(_) => 400,
            SdpError::NoAudio | SdpError::NoCodec | SdpError::Stale => 488,
        }
    }
}

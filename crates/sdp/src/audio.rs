//! Reading one `m=audio` line as something to exchange RTP with.

use std::net::{IpAddr, SocketAddr};

use crate::description::{Address, Description, Direction, Media};
use crate::negotiation::{Capabilities, Codec, LocalMedia, RemoteHold};

/// The clock of the codecs, and therefore of their telephone events (RFC 4733 §2.1), in hertz.
pub(crate) const CLOCK_RATE: u32 = 8000;

/// Packet times that can be sent, in milliseconds, longest first.
const PTIMES_MS: [u8; 5] = [60, 40, 30, 20, 10];

/// An audio stream of the peer's that RTP can be exchanged with.
#[derive(Debug)]
pub(crate) struct Audio<'a> {
    media: &'a Media<'a>,
    description: &'a Description<'a>,
    address: IpAddr,
}

/// Who may send, given the peer's direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    /// We may send.
    pub(crate) send: bool,
    /// The peer may send.
    pub(crate) receive: bool,
    /// Whether and how the peer holds us.
    pub(crate) hold: RemoteHold,
    /// The direction to answer with (RFC 3264 §6.1).
    pub(crate) answer: Direction,
}

impl<'a> Audio<'a> {
    /// The stream of the `m=` line `index`, unless it is disabled, no plain RTP audio, or out of reach of `local`.
    pub(crate) fn read(description: &'a Description<'a>, index: usize, local: LocalMedia) -> Option<Self> {
        let media = description.media.get(index)?;
        // AVPF and SAVP are other profiles: answering them as AVP breaks RFC 3264 §6.1, so they are refused.
        let plain = media.kind.eq_ignore_ascii_case("audio") && media.protocol.eq_ignore_ascii_case("RTP/AVP");
        if !plain || media.port == 0 {
            return None;
        }
        let Address::Ip(address) = media.level.address.or(description.session.address)? else {
            return None;
        };
        let reachable = address.is_unspecified() || address.is_ipv4() == local.address.to_canonical().is_ipv4();
        reachable.then_some(Self { media, description, address })
    }

    /// The codecs of `among` that the stream names, with its payload types, in its order, each once.
    pub(crate) fn codecs(&self, among: &[Codec]) -> Vec<(Codec, u8)> {
        let mut found: Vec<(Codec, u8)> = Vec::new();
        for payload_type in self.payload_types() {
            if let Some(codec) = self.codec(payload_type)
                && among.contains(&codec)
                && !found.iter().any(|(known, _)| *known == codec)
            {
                found.push((codec, payload_type));
            }
        }
        found
    }

    /// The payload type of its telephone events at the codecs' clock.
    pub(crate) fn telephone_event(&self) -> Option<u8> {
        self.payload_types().find(|payload_type| self.is_mapped(*payload_type, "telephone-event"))
    }

    /// The dynamic payload types that it uses for something else than `telephone-event` and our codecs.
    pub(crate) fn foreign_payload_types(&self) -> impl Iterator<Item = u8> {
        self.payload_types().filter(|payload_type| {
            *payload_type >= 96
                && self.codec(*payload_type).is_none()
                && !self.is_mapped(*payload_type, "telephone-event")
        })
    }

    /// Where it receives RTP; the address is unspecified in the hold of RFC 2543.
    pub(crate) fn rtp(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.media.port)
    }

    /// Where it receives RTCP: where `a=rtcp` says (RFC 3605), else one port higher.
    pub(crate) fn rtcp(&self) -> Option<SocketAddr> {
        match self.media.level.rtcp {
            Some((port, address)) => Some(SocketAddr::new(address.unwrap_or(self.address), port)),
            None => Some(SocketAddr::new(self.address, self.media.port.checked_add(1)?)),
        }
    }

    /// Whether it has `a=rtcp-mux`.
    pub(crate) fn rtcp_mux(&self) -> bool {
        self.media.level.rtcp_mux
    }

    /// The packet time to send to it, in milliseconds: the peer's wish, else ours, in steps that we can send.
    pub(crate) fn ptime_ms(&self, capabilities: &Capabilities) -> u8 {
        let (own, session) = (&self.media.level, &self.description.session);
        let wished = own.ptime_ms.or(session.ptime_ms).unwrap_or(u16::from(capabilities.ptime_ms));
        let most = own.ptime_ms_max.or(session.ptime_ms_max).unwrap_or(u16::MAX);
        let bound = wished.min(most);
        PTIMES_MS.into_iter().find(|ptime| u16::from(*ptime) <= bound).unwrap_or(10)
    }

    /// Who may send. The media's own direction goes before the session's; without any it is `sendrecv` (D6).
    pub(crate) fn flow(&self) -> Flow {
        let direction = self.media.level.direction.or(self.description.session.direction);
        Flow::new(direction.unwrap_or(Direction::SendRecv), self.address.is_unspecified())
    }

    fn payload_types(&self) -> impl Iterator<Item = u8> {
        let numbers = self.media.formats.iter().filter_map(|format| format.parse().ok());
        numbers.filter(|number| *number <= 127)
    }

    /// The codec of a payload type: by its `a=rtpmap`, else by the static table (RFC 3551 §6).
    fn codec(&self, payload_type: u8) -> Option<Codec> {
        let is_mapped = self.media.level.mappings.iter().any(|mapping| mapping.payload_type == payload_type);
        match payload_type {
            0 if !is_mapped => Some(Codec::Pcmu),
            8 if !is_mapped => Some(Codec::Pcma),
            _ if self.is_mapped(payload_type, "PCMU") => Some(Codec::Pcmu),
            _ if self.is_mapped(payload_type, "PCMA") => Some(Codec::Pcma),
            _ => None,
        }
    }

    fn is_mapped(&self, payload_type: u8, encoding: &str) -> bool {
        self.media.level.mappings.iter().any(|mapping| {
            mapping.payload_type == payload_type
                && mapping.encoding.eq_ignore_ascii_case(encoding)
                && mapping.clock_rate == CLOCK_RATE
                && mapping.channels == 1
        })
    }
}

impl Flow {
    fn new(direction: Direction, zero_address: bool) -> Self {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        let (send, receive, hold, answer) = match (direction, zero_address) {
            (SendRecv, false) => (true, true, RemoteHold::None, SendRecv),
            (RecvOnly, false) => (true, false, RemoteHold::None, SendOnly),
            (SendOnly, false) => (false, true, RemoteHold::SendOnly, RecvOnly),
            (Inactive, _) => (false, false, RemoteHold::Inactive, Inactive),
            // RFC 3264 §8.4: nothing is sent to the zero address; the peer itself may go on sending.
            (SendRecv | SendOnly, true) => (false, true, RemoteHold::ZeroAddress, RecvOnly),
            (RecvOnly, true) => (false, false, RemoteHold::ZeroAddress, Inactive),
        };
        Self { send, receive, hold, answer }
    }
}

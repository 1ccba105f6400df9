//! Writing our descriptions.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use itoa::Buffer;
use serde::{Deserialize, Serialize};

use crate::audio::CLOCK_RATE;
use crate::description::{Description, Direction};
use crate::negotiation::{Codec, LocalMedia};

/// The `m=` lines of a session: later descriptions keep their number and order (RFC 3264 §8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    /// Which of them is our audio; the others are refused.
    pub(crate) audio: usize,
}

/// An `m=` line, as much as refusing it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    kind: String,
    protocol: String,
    /// Separated by blanks; empty for our audio, which prints its own.
    formats: String,
}

/// Our audio stream.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    pub(crate) local: LocalMedia,
    pub(crate) codecs: &'a [(Codec, u8)],
    pub(crate) telephone_event: Option<u8>,
    pub(crate) ptime_ms: u8,
    pub(crate) rtcp_mux: bool,
    pub(crate) direction: Direction,
    /// The hold of RFC 2543: our connection address is none.
    pub(crate) zero_address: bool,
}

impl Lines {
    /// One audio stream, the session of our own first offer.
    pub(crate) fn audio_only() -> Self {
        let line = Line { kind: "audio".into(), protocol: "RTP/AVP".into(), formats: String::new() };
        Self { lines: vec![line], audio: 0 }
    }

    /// The lines of the peer's offer.
    pub(crate) fn of(description: &Description, audio: usize) -> Self {
        let lines = description.media.iter().enumerate().map(|(index, media)| Line {
            kind: media.kind.to_owned(),
            protocol: media.protocol.to_owned(),
            formats: if index == audio { String::new() } else { media.formats.join(" ") },
        });
        Self { lines: lines.collect(), audio }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The description from its `s=` line on; what stands before it is [`origin`]'s.
    pub(crate) fn print(&self, stream: &Stream) -> String {
        let mut body = String::with_capacity(320);
        let (network, mut address) = network(stream.local);
        if stream.zero_address {
            address = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        }
        body.extend(["s=-\r\nc=IN ", network, " "]);
        push_address(&mut body, address);
        body.push_str("\r\nt=0 0\r\n");
        for (index, line) in self.lines.iter().enumerate() {
            if index == self.audio {
                stream.print(line, &mut body);
            } else {
                line.print_refused(&mut body);
            }
        }
        body
    }
}

impl Line {
    /// RFC 3264 §6: port 0, the rest as it was offered; at least one format has to stand there.
    fn print_refused(&self, body: &mut String) {
        let formats = if self.formats.is_empty() { "0" } else { &self.formats };
        body.extend(["m=", &self.kind, " 0 ", &self.protocol, " ", formats, "\r\n"]);
    }
}

impl Stream<'_> {
    fn print(&self, line: &Line, body: &mut String) {
        body.extend(["m=audio ", Buffer::new().format(self.local.port), " ", &line.protocol]);
        for (_, payload_type) in self.codecs {
            body.extend([" ", Buffer::new().format(*payload_type)]);
        }
        if let Some(payload_type) = self.telephone_event {
            body.extend([" ", Buffer::new().format(payload_type)]);
        }
        body.push_str("\r\n");
        let mut rate = Buffer::new();
        let rate = rate.format(CLOCK_RATE);
        for (codec, payload_type) in self.codecs {
            body.extend(["a=rtpmap:", Buffer::new().format(*payload_type), " ", codec.encoding(), "/", rate, "\r\n"]);
        }
        if let Some(payload_type) = self.telephone_event {
            let mut buffer = Buffer::new();
            let payload_type = buffer.format(payload_type);
            body.extend(["a=rtpmap:", payload_type, " telephone-event/", rate, "\r\n"]);
            body.extend(["a=fmtp:", payload_type, " 0-15\r\n"]);
        }
        body.extend(["a=ptime:", Buffer::new().format(self.ptime_ms), "\r\n"]);
        if self.rtcp_mux {
            body.push_str("a=rtcp-mux\r\n");
        }
        body.extend(["a=", self.direction.name(), "\r\n"]);
    }
}

impl Codec {
    /// Its name in `a=rtpmap`.
    fn encoding(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// Its static payload type (RFC 3551 §6).
    pub(crate) fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

/// A whole description: the `o=` line of this version before its `body` (wire rule D2).
pub(crate) fn with_origin(local: LocalMedia, session_id: u64, version: u64, body: &str) -> Bytes {
    let (network, address) = network(local);
    // Room for the two numbers and the address at their longest.
    let mut text = String::with_capacity(body.len() + 112);
    text.extend([
        "v=0\r\no=- ",
        Buffer::new().format(session_id),
        " ",
        Buffer::new().format(version),
        " IN ",
        network,
        " ",
    ]);
    push_address(&mut text, address);
    text.extend(["\r\n", body]);
    Bytes::from(text)
}

/// The standard library takes five times as long for an IPv4 address.
fn push_address(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            text.push_str(Buffer::new().format(a));
            for octet in [b, c, d] {
                text.extend([".", Buffer::new().format(octet)]);
            }
        }
        IpAddr::V6(address) => {
            // Writing into a `String` does not fail.
            let _ = write!(text, "{address}");
        }
    }
}

fn network(local: LocalMedia) -> (&'static str, IpAddr) {
    let address = local.address.to_canonical();
    (if address.is_ipv4() { "IP4" } else { "IP6" }, address)
}

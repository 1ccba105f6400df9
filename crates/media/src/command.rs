//! What a shard is told and what it tells back: complete desired state, never steps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Names one leg's RTP. The number is the connection's (and the SIP session's) own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId(pub u64);

/// Names one conversation's bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomId(pub u64);

/// An audio codec that a stream can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 µ-law, RTP payload type 0 (RFC 3551 §4.5.14).
    Pcmu,
    /// G.711 A-law, RTP payload type 8 (RFC 3551 §4.5.14).
    Pcma,
}

/// Whose tone plan is played (ITU-T E.180).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum ToneCountry {
    /// ETSI countries, Germany: 425 Hz.
    #[default]
    De,
    /// North America: 440+480 Hz ring-back, 480+620 Hz busy.
    Us,
    /// United Kingdom: 400+450 Hz double ring.
    Uk,
    /// France: 440 Hz.
    Fr,
}

/// A call-progress tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tone {
    /// The far end is alerting.
    RingBack(ToneCountry),
    /// The far end is busy.
    Busy(ToneCountry),
    /// No circuit, or the call failed for another reason.
    Congestion(ToneCountry),
    /// A short beep, once (a queue position, a reminder).
    Beep,
}

/// What one party hears at this moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hears {
    /// Nothing is sent but comfort silence, so that the stream's clock goes on (wire rule M1).
    Silence,
    /// A call-progress tone, repeated in its country's cadence.
    Tone(Tone),
    /// Hold music, by the name under which the driver loaded it; an unknown name plays the default.
    Music(String),
    /// A spoken prompt, played in a loop with a pause, by name; an unknown name plays a beep.
    Prompt(String),
    /// These parties, and nobody else. One party with the same codec is forwarded packet by packet;
    /// more, or another codec, are mixed at the tick.
    Parties(BTreeSet<StreamId>),
}

/// Who hears what in one room. It is the whole truth of the room: who is not named hears silence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MixPlan {
    /// For each stream, what it hears.
    pub hears: BTreeMap<StreamId, Hears>,
}

/// The negotiated side of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamConfiguration {
    /// Where the peer said it receives RTP.
    pub remote: SocketAddr,
    /// Where the peer receives RTCP; `None` with RTCP multiplexed on the RTP port (RFC 5761).
    pub remote_rtcp: Option<SocketAddr>,
    /// The codec in both directions.
    pub codec: Codec,
    /// The payload type that the peer wants to receive the codec as.
    pub payload_type_send: u8,
    /// The payload type under which the codec arrives.
    pub payload_type_receive: u8,
    /// The payload type of RFC 4733 events that we send, if negotiated.
    pub dtmf_payload_type_send: Option<u8>,
    /// The payload type of RFC 4733 events that arrive, if negotiated.
    pub dtmf_payload_type_receive: Option<u8>,
    /// Packet time that we send, in milliseconds: 10, 20, 30, 40 or 60.
    pub ptime_ms: u8,
    /// Whether we may send (the peer receives).
    pub send: bool,
    /// Whether what arrives is taken (the peer may send, and does not hold us).
    pub receive: bool,
}

/// What the core tells a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Bind the stream's sockets. Answered by [`Event::OpenFailed`] only when it fails.
    Open {
        /// The new stream.
        stream: StreamId,
        /// Local RTP address; its port is even.
        local: SocketAddr,
        /// Local RTCP address (RTP port + 1); `None` when multiplexed from the start.
        local_rtcp: Option<SocketAddr>,
    },
    /// The stream's negotiated side, whole; replaces what was there.
    Configure {
        /// The stream.
        stream: StreamId,
        /// All of it.
        configuration: StreamConfiguration,
    },
    /// Who hears whom in a room, whole; replaces what was there. An empty plan removes the room.
    SetMix {
        /// The room.
        room: RoomId,
        /// All of it.
        plan: MixPlan,
    },
    /// Play a prompt once to a stream, over whatever it hears; answered by [`Event::PlayEnded`].
    Play {
        /// The stream that hears it.
        stream: StreamId,
        /// The prompt's name.
        prompt: String,
    },
    /// Send DTMF digits to the stream's peer, as RFC 4733 events when negotiated, in-band otherwise.
    SendDigits {
        /// The stream towards the peer.
        stream: StreamId,
        /// `0`–`9`, `*`, `#`, `A`–`D`; others are ignored. At most 32.
        digits: String,
    },
    /// End the stream: its sockets are closed and [`Event::Closed`] reports its statistics.
    Close {
        /// The stream.
        stream: StreamId,
    },
}

/// What one stream measured over its life (or so far).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// RTP packets taken from the peer.
    pub packets_received: u64,
    /// RTP packets sent to the peer.
    pub packets_sent: u64,
    /// Packets that never came, by sequence number (RFC 3550 §6.4.1).
    pub packets_lost: u64,
    /// Packets from a source that is not the locked one (wire rule M6).
    pub packets_foreign: u64,
    /// Packets that were no valid RTP.
    pub packets_malformed: u64,
    /// Interarrival jitter in microseconds (RFC 3550 §6.4.1).
    pub jitter_us: u32,
    /// Round-trip time in microseconds from RTCP; 0 when unknown.
    pub round_trip_us: u32,
    /// Mean opinion score × 100 (ITU-T G.107 E-model), 100–450; 0 without traffic.
    pub mos_x100: u16,
}

/// What a shard tells the core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A digit came from the peer: RFC 4733 event or in-band. Told once per key press, at its end.
    Digit {
        /// The stream it came on.
        stream: StreamId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// How long the key was down, in milliseconds.
        duration_ms: u32,
    },
    /// No RTP came for `for_ms` though some should (wire rule M7); told once until audio is back.
    Silent {
        /// The stream.
        stream: StreamId,
        /// How long, in milliseconds.
        for_ms: u32,
    },
    /// RTP came (again): the first packet after `Open`, or after [`Event::Silent`].
    Audible {
        /// The stream.
        stream: StreamId,
    },
    /// A prompt started by [`Command::Play`] has ended.
    PlayEnded {
        /// The stream.
        stream: StreamId,
    },
    /// The stream's socket could not be bound.
    OpenFailed {
        /// The stream.
        stream: StreamId,
        /// The operating system's reason.
        reason: String,
    },
    /// The stream has ended; its ports are free.
    Closed {
        /// The stream.
        stream: StreamId,
        /// What it measured.
        statistics: Statistics,
    },
}

impl MixPlan {
    /// What `stream` hears under this plan.
    pub fn of(&self, stream: StreamId) -> &Hears {
        self.hears.get(&stream).unwrap_or(&Hears::Silence)
    }
}

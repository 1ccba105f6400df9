//! One leg's receiving and sending side: where its packets come from and go to, what it measured, and
//! the one line of RTP towards it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::command::{Codec, Statistics, StreamConfiguration, StreamId, Tone};
use crate::dtmf::{DigitSender, EventPayload, EventReceiver};
use crate::g711;
use crate::in_band::KeyDetector;
use crate::io::{PacketKind, Sink};
use crate::jitter_buffer::JitterBuffer;
use crate::latch::Latch;
use crate::limits::{EVENT_LOST_US, FRAME_SAMPLES};
use crate::line::Line;
use crate::packet::{HEADER_BYTES, HeaderFields, PacketView};
use crate::quality::mos_x100;
use crate::reception::Reception;
use crate::rtcp::{COMPOUND_BYTES_MAX, Compound, SenderInfo};

/// Longest packet that we build: 60 ms of G.711.
const FRAME_BYTES_MAX: usize = 480;
/// Sequence numbers a forwarded packet may be ahead or late; beyond, the line is anchored anew.
const SEQUENCE_STRAY_MAX: i16 = 64;
/// A forwarded timestamp may be this far behind real time (network delay: 1 s; a long key press: 10 s) …
const AUDIO_BEHIND_MAX: i32 = 8_000;
const EVENT_BEHIND_MAX: i32 = 80_000;
/// … and this far ahead of it (500 ms).
const AHEAD_MAX: i32 = 4_000;

/// Who feeds this leg at this moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Feed {
    /// Nothing is sent: not negotiated yet, or the peer does not receive.
    Drop,
    /// Sound of our own, made at the tick.
    Generate(Generator),
    /// One other leg's packets, each as it comes. Another law goes through a table.
    Forward {
        /// Its slot in the shard.
        from: u32,
    },
    /// The sum of other legs, at the tick.
    Mix(Mix),
}

/// Sound of our own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Generator {
    /// Comfort silence.
    Silence,
    /// A call-progress tone.
    Tone(Tone),
    /// Hold music: a track of the library, in a loop, going on where it was left.
    Music(u16),
    /// A prompt: a track of the library, in a loop with pauses.
    Prompt(u16),
}

/// The legs that are mixed for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// Slots in the shard, and places among the room's members.
    pub(crate) heard: Vec<(u32, u16)>,
    /// All that the room mixes, less this leg's own: summed once for everybody.
    pub(crate) all_but_own: bool,
    /// The leg that was forwarded until now: its next packet is waited for, for this many ticks, so that
    /// the change makes no gap (wire rule M3).
    pub(crate) awaited: Option<(u16, u8)>,
}

/// How a forwarded leg's numbers map to the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Anchor {
    from: u32,
    ssrc: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
    first_sequence: u16,
    /// How far ahead of real time its first packet was put, in samples.
    lead: i32,
}

/// A key press of another party that passes to this leg while it is mixed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventRelay {
    pub(crate) from: u32,
    pub(crate) timestamp_in: u32,
    pub(crate) timestamp: u32,
    pub(crate) ended: bool,
    pub(crate) last_us: u64,
}

/// A prompt that plays once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Playing {
    pub(crate) track: u16,
    pub(crate) position: u32,
}

/// A packet of another leg on its way through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing<'a> {
    pub(crate) now_us: u64,
    /// The other leg's slot.
    pub(crate) from: u32,
    pub(crate) view: &'a PacketView,
}

/// What a payload type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadKind {
    Audio(Codec),
    Event,
    Other,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) configuration: Option<StreamConfiguration>,
    pub(crate) latch: Option<Latch>,
    pub(crate) line: Line,
    pub(crate) reception: Reception,
    pub(crate) jitter: JitterBuffer,
    pub(crate) events: EventReceiver,
    /// Only without telephone events.
    pub(crate) keys: Option<Box<KeyDetector>>,

    pub(crate) feed: Feed,
    anchor: Option<Anchor>,
    /// The next packet follows the last one without a seam.
    pub(crate) continuing: bool,
    /// Timestamp (of the forwarded leg) that the line's end stands for.
    pub(crate) continues_at: Option<u32>,
    /// The only heard leg pauses, so comfort silence is sent.
    pub(crate) filling: bool,
    pub(crate) music_position: u32,
    pub(crate) position: u32,
    pub(crate) playing: Option<Playing>,
    pub(crate) digits: DigitSender,
    pub(crate) digit_timestamp: Option<u32>,
    pub(crate) event_relay: Option<EventRelay>,
    /// The key press that is being passed on, heard from its beginning: whose, and its timestamp there.
    pub(crate) event_heard: Option<(u32, u32)>,
    framer: Vec<u8>,

    pub(crate) room: u32,
    pub(crate) member: u16,
    /// Slots of those who hear this leg, and how many of them do so by the mixer.
    pub(crate) listeners: Vec<u32>,
    pub(crate) mix_listeners: u16,

    pub(crate) since_us: u64,
    pub(crate) heard_us: u64,
    pub(crate) audible: bool,
    pub(crate) silent_told: bool,
    /// Samples of the peer's packets; 0 before the first.
    pub(crate) frame_samples: u16,
    frame_change: (u16, u8),
    pub(crate) foreign: u64,
    pub(crate) malformed: u64,

    pub(crate) rtcp_source: Option<SocketAddr>,
    pub(crate) report_due_us: u64,
    pub(crate) sender_report: Option<(u32, u64)>,
    pub(crate) round_trip_us: u32,
    packets_at_report: u64,
    /// Whether any RTCP was sent.
    reported: bool,
}

impl Stream {
    pub(crate) fn new(id: StreamId, room: u32, now_us: u64, line: Line) -> Self {
        Self {
            id,
            configuration: None,
            latch: None,
            line,
            reception: Reception::default(),
            jitter: JitterBuffer::new(),
            events: EventReceiver::default(),
            keys: None,
            feed: Feed::Drop,
            anchor: None,
            continuing: false,
            continues_at: None,
            filling: false,
            music_position: 0,
            position: 0,
            playing: None,
            digits: DigitSender::new(),
            digit_timestamp: None,
            event_relay: None,
            event_heard: None,
            framer: Vec::with_capacity(FRAME_BYTES_MAX + FRAME_SAMPLES),
            room,
            member: 0,
            listeners: Vec::with_capacity(4),
            mix_listeners: 0,
            since_us: now_us,
            heard_us: 0,
            audible: false,
            silent_told: false,
            frame_samples: 0,
            frame_change: (0, 0),
            foreign: 0,
            malformed: 0,
            rtcp_source: None,
            report_due_us: u64::MAX,
            sender_report: None,
            round_trip_us: 0,
            packets_at_report: 0,
            reported: false,
        }
    }

    pub(crate) fn configure(&mut self, now_us: u64, mut configuration: StreamConfiguration) {
        if !matches!(configuration.ptime_ms, 10 | 20 | 30 | 40 | 60) {
            configuration.ptime_ms = 20;
        }
        let before = self.configuration.as_ref();
        if before.is_none_or(|before| before.codec != configuration.codec || before.ptime_ms != configuration.ptime_ms)
        {
            self.framer.clear();
        }
        if configuration.receive && !before.is_some_and(|before| before.receive) {
            self.since_us = now_us;
            self.silent_told = false;
        }
        if self.latch.as_ref().is_none_or(|latch| latch.negotiated() != configuration.remote) {
            self.latch = Some(Latch::new(configuration.remote));
        }
        if before.is_none_or(|before| before.remote_rtcp != configuration.remote_rtcp) {
            self.rtcp_source = None;
        }
        if configuration.dtmf_payload_type_receive.is_some() {
            self.keys = None;
        } else if self.keys.is_none() {
            self.keys = Some(Box::new(KeyDetector::new()));
        }
        self.configuration = Some(configuration);
    }

    /// What a payload type stands for. Peers that agreed on one law do send the other at times, so the
    /// Whether the peer has been heard: only then is there somebody for whom a pause of the source has to be filled.
    pub(crate) fn is_heard(&self) -> bool {
        self.latch.as_ref().is_some_and(|latch| latch.locked().is_some())
    }

    /// static types of both are known (RFC 3551 §6).
    pub(crate) fn payload_kind(&self, payload_type: u8) -> PayloadKind {
        let Some(configuration) = &self.configuration else { return PayloadKind::Other };
        match payload_type {
            known if known == configuration.payload_type_receive => PayloadKind::Audio(configuration.codec),
            known if Some(known) == configuration.dtmf_payload_type_receive => PayloadKind::Event,
            0 => PayloadKind::Audio(Codec::Pcmu),
            8 => PayloadKind::Audio(Codec::Pcma),
            _ => PayloadKind::Other,
        }
    }

    pub(crate) fn may_send(&self) -> bool {
        self.configuration.as_ref().is_some_and(|configuration| configuration.send)
    }

    pub(crate) fn may_receive(&self) -> bool {
        self.configuration.as_ref().is_some_and(|configuration| configuration.receive)
    }

    pub(crate) fn codec(&self) -> Codec {
        self.configuration.as_ref().map_or(Codec::Pcmu, |configuration| configuration.codec)
    }

    /// Samples of the packets that we send.
    pub(crate) fn packet_samples(&self) -> usize {
        self.configuration.as_ref().map_or(FRAME_SAMPLES, |configuration| usize::from(configuration.ptime_ms) * 8)
    }

    /// Whether something other than the feed speaks to this leg.
    pub(crate) fn overridden(&self) -> bool {
        self.playing.is_some() || self.digits.sounds()
    }

    /// Whether a tick would send something, or must go by.
    pub(crate) fn needs_tick(&self) -> bool {
        let own = match self.feed {
            Feed::Drop => false,
            Feed::Forward { .. } => self.filling || !self.digits.quiet(),
            Feed::Generate(_) | Feed::Mix(_) => true,
        };
        own || self.playing.is_some()
    }

    /// Whether a key press passes to this leg, so that sound waits.
    pub(crate) fn relays_event(&self, now_us: u64) -> bool {
        let Some(relay) = &self.event_relay else { return false };
        !relay.ended && now_us.saturating_sub(relay.last_us) < EVENT_LOST_US
    }

    /// The next packet begins anew on the line, wherever real time has got to.
    pub(crate) fn break_line(&mut self) {
        self.anchor = None;
        self.continuing = false;
        self.continues_at = None;
    }

    /// Follows the length of the peer's packets; `true` when three in a row agree on another one.
    pub(crate) fn frame_changed(&mut self, samples: usize) -> bool {
        let samples = samples.min(usize::from(u16::MAX)) as u16;
        if samples == self.frame_samples {
            self.frame_change.1 = 0;
            return false;
        }
        self.frame_change =
            if self.frame_change.0 == samples { (samples, self.frame_change.1 + 1) } else { (samples, 1) };
        if self.frame_change.1 < 3 && self.frame_samples != 0 {
            return false;
        }
        self.frame_samples = samples;
        self.frame_change = (0, 0);
        true
    }

    /// Sends another leg's packet on this one's line, rewritten in place. An event gives its duration so far.
    pub(crate) fn forward<S: Sink>(
        &mut self,
        passing: Passing<'_>,
        payload_type: u8,
        event_duration: Option<u16>,
        packet: &mut [u8],
        sink: &mut S,
    ) {
        let Passing { now_us, view, .. } = passing;
        if std::mem::take(&mut self.filling) {
            self.break_line();
        }
        let Some((sequence, timestamp)) = self.place_forwarded(passing, event_duration.is_some()) else {
            return;
        };
        let fields = HeaderFields { marker: view.marker, payload_type, sequence, timestamp, ssrc: self.line.ssrc() };
        let Some(destination) = self.latch.as_ref().map(Latch::destination) else { return };
        let Some(outgoing) = fields.rewrite(packet, &view.payload) else { return };
        sink.send(self.id, PacketKind::Rtp, destination, outgoing);
        let octets = view.payload.len();
        match event_duration {
            Some(duration) => self.line.sent_event(now_us, sequence, timestamp, duration, octets),
            None => {
                self.line.sent(now_us, sequence, timestamp, octets as u32, octets);
                let lead = self.anchor.as_ref().map_or(0, |anchor| anchor.lead);
                self.line.follow(now_us, timestamp, lead);
            }
        }
    }

    fn place_forwarded(&mut self, passing: Passing<'_>, event: bool) -> Option<(u16, u32)> {
        let Passing { now_us, from, view } = passing;
        if let Some(anchor) = self.anchor.as_ref().filter(|anchor| anchor.from == from && anchor.ssrc == view.ssrc) {
            let sequence = view.sequence.wrapping_add(anchor.sequence_offset);
            let timestamp = view.timestamp.wrapping_add(anchor.timestamp_offset);
            let ahead = sequence.wrapping_sub(self.line.next_sequence()) as i16;
            let lead = self.line.lead(now_us, timestamp);
            let behind_max = if event { EVENT_BEHIND_MAX } else { AUDIO_BEHIND_MAX };
            if ahead.unsigned_abs() <= SEQUENCE_STRAY_MAX as u16 && (-behind_max..=AHEAD_MAX).contains(&lead) {
                let of_this_anchor = sequence.wrapping_sub(anchor.first_sequence) as i16 >= 0;
                return of_this_anchor.then_some((sequence, timestamp));
            }
        }
        self.anchor = None;
        let mut timestamp = self.line.place(now_us, self.continuing)?;
        if let Some(expected) = self.continues_at.take() {
            let gap = view.timestamp.wrapping_sub(expected) as i32;
            if gap < 0 && gap > -AHEAD_MAX {
                self.continues_at = Some(expected);
                return None; // overtaken by what has been sent already
            }
            if gap < FRAME_BYTES_MAX as i32 {
                timestamp = timestamp.wrapping_add(gap.max(0) as u32);
            }
        }
        self.continuing = false;
        let sequence = self.line.next_sequence();
        self.anchor = Some(Anchor {
            from,
            ssrc: view.ssrc,
            sequence_offset: sequence.wrapping_sub(view.sequence),
            timestamp_offset: timestamp.wrapping_sub(view.timestamp),
            first_sequence: sequence,
            lead: self.line.lead(now_us, timestamp),
        });
        Some((sequence, timestamp))
    }

    /// Sends 20 ms of codes in the peer's packet time.
    pub(crate) fn emit<S: Sink>(&mut self, now_us: u64, codes: &[u8], sink: &mut S) {
        let size = self.packet_samples();
        if self.framer.is_empty() && codes.len() == size {
            self.emit_packet(now_us, codes, sink);
            return;
        }
        if self.framer.len() + codes.len() > FRAME_BYTES_MAX + FRAME_SAMPLES {
            self.framer.clear();
        }
        self.framer.extend_from_slice(codes);
        while self.framer.len() >= size {
            let mut packet = [0; FRAME_BYTES_MAX];
            packet[..size].copy_from_slice(&self.framer[..size]);
            self.framer.drain(..size);
            self.emit_packet(now_us, &packet[..size], sink);
        }
    }

    /// What waits for a full packet is given up: packets of another leg come next.
    pub(crate) fn clear_framer(&mut self) {
        self.framer.clear();
    }

    fn emit_packet<S: Sink>(&mut self, now_us: u64, codes: &[u8], sink: &mut S) {
        let Some(configuration) = &self.configuration else { return };
        let Some(timestamp) = self.line.place(now_us, self.continuing) else { return };
        let sequence = self.line.next_sequence();
        let fields = HeaderFields {
            marker: self.line.packets() == 0, // a talk-spurt begins once (RFC 3551 §4.1)
            payload_type: configuration.payload_type_send,
            sequence,
            timestamp,
            ssrc: self.line.ssrc(),
        };
        self.anchor = None;
        self.continuing = true;
        self.send_built(fields, codes, sink);
        self.line.sent(now_us, sequence, timestamp, codes.len() as u32, codes.len());
    }

    /// Sends one packet of a telephone event of our own.
    pub(crate) fn emit_event<S: Sink>(
        &mut self,
        now_us: u64,
        payload_type: u8,
        timestamp: u32,
        marker: bool,
        event: EventPayload,
        sink: &mut S,
    ) {
        let sequence = self.line.next_sequence();
        let fields = HeaderFields { marker, payload_type, sequence, timestamp, ssrc: self.line.ssrc() };
        let payload = event.bytes();
        self.anchor = None;
        self.continuing = true;
        self.send_built(fields, &payload, sink);
        self.line.sent_event(now_us, sequence, timestamp, event.duration, payload.len());
    }

    /// Where an event that begins now stands on the line.
    pub(crate) fn event_start(&mut self, now_us: u64) -> u32 {
        self.line.place(now_us, true).unwrap_or(self.line.end())
    }

    fn send_built<S: Sink>(&self, fields: HeaderFields, payload: &[u8], sink: &mut S) {
        let mut buffer = [0; HEADER_BYTES + FRAME_BYTES_MAX];
        let Some(destination) = self.latch.as_ref().map(Latch::destination) else { return };
        if let Some(packet) = fields.build(payload, &mut buffer) {
            sink.send(self.id, PacketKind::Rtp, destination, packet);
        }
    }

    /// Sends what waits of a leg that was mixed and is forwarded from now on, so that nothing of it is
    /// lost and the mixer's delay is given back (wire rule M3).
    pub(crate) fn hand_back<S: Sink>(&mut self, now_us: u64, law: Codec, waiting: &mut [u8], end: u32, sink: &mut S) {
        g711::transcode(law, self.codec(), waiting);
        self.framer.clear();
        self.continuing = true;
        for codes in waiting.chunks(self.packet_samples()) {
            self.emit_packet(now_us, codes, sink);
        }
        self.continues_at = Some(end);
        self.continuing = true;
    }

    /// Sends a compound RTCP packet.
    pub(crate) fn report<S: Sink>(&mut self, now_us: u64, name: &str, goodbye: bool, sink: &mut S) {
        // RFC 3550 §6.3.7: nobody says goodbye who has never said anything.
        if goodbye && self.line.packets() == 0 && !self.reported {
            return;
        }
        let Some(configuration) = &self.configuration else { return };
        let Some(latch) = &self.latch else { return };
        let (kind, destination) = match configuration.remote_rtcp {
            None => (PacketKind::Rtp, latch.destination()),
            Some(negotiated) => (PacketKind::Rtcp, self.rtcp_source.unwrap_or(negotiated)),
        };
        let sends = self.line.packets() > self.packets_at_report;
        self.packets_at_report = self.line.packets();
        let compound = Compound {
            ssrc: self.line.ssrc(),
            sender: sends.then(|| SenderInfo {
                now_us,
                timestamp: self.line.timestamp_at(now_us),
                packets: self.line.packets(),
                octets: self.line.octets(),
            }),
            report: self.reception.report(),
            last_sender_report: self.sender_report.map_or((0, 0), |(middle, at_us)| {
                (middle, (now_us.saturating_sub(at_us).min(60_000_000_000) * 65_536 / 1_000_000) as u32)
            }),
            name,
            goodbye,
        };
        let mut buffer = [0; COMPOUND_BYTES_MAX];
        if let Some(length) = compound.write(&mut buffer) {
            sink.send(self.id, kind, destination, &buffer[..length]);
            self.reported = true;
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let (received, lost) = (self.reception.received(), self.reception.lost());
        let loss = lost as f64 / (received + lost).max(1) as f64;
        let jitter_us = self.reception.jitter_us();
        Statistics {
            packets_received: received,
            packets_sent: self.line.packets(),
            packets_lost: lost,
            packets_foreign: self.foreign,
            packets_malformed: self.malformed,
            jitter_us,
            round_trip_us: self.round_trip_us,
            mos_x100: if received == 0 { 0 } else { mos_x100(loss, self.round_trip_us, jitter_us) },
        }
    }
}

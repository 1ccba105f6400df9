//! A world of peers around one shard, in virtual time. Every test talks to the shard through it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use baton_media::*;
use baton_media::{g711, goertzel, packet::PacketView};

/// The Unix epoch's 1.7 billionth second.
pub const START_US: u64 = 1_700_000_000_000_000;
pub const DTMF: u8 = 101;

/// A packet that a peer was sent.
#[derive(Debug, Clone)]
pub struct Received {
    pub at_us: u64,
    pub view: PacketView,
    pub payload: Vec<u8>,
}

/// One phone.
#[derive(Debug)]
pub struct Peer {
    pub id: StreamId,
    pub address: SocketAddr,
    pub configuration: StreamConfiguration,
    /// The tone it sends; `None`: it is silent, and sends nothing.
    pub hz: Option<f32>,
    pub amplitude: f32,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub position: usize,
    pub samples: usize,
    /// Its next packet, by its own clock, and how wrong that clock is.
    pub due_us: f64,
    pub drift_ppm: f64,
    /// The greatest random delay of its packets.
    pub shake_us: u64,
    pub received: Vec<Received>,
    pub reports: Vec<(u64, PacketKind, SocketAddr, Vec<u8>)>,
}

pub struct World {
    pub shard: MediaShard,
    pub now_us: u64,
    pub peers: BTreeMap<u64, Peer>,
    pub events: Vec<Event>,
    /// Packets on their way: arrival time and order, stream, source, bytes.
    flying: BTreeMap<(u64, u64), Flying>,
    order: u64,
    dice: u64,
}

type Flying = (StreamId, PacketKind, SocketAddr, Vec<u8>);

struct Wire<'a> {
    now_us: u64,
    peers: &'a mut BTreeMap<u64, Peer>,
}

impl Sink for Wire<'_> {
    fn send(&mut self, stream: StreamId, kind: PacketKind, destination: SocketAddr, packet: &[u8]) {
        let peer = self.peers.get_mut(&stream.0).expect("only open streams send");
        if kind == PacketKind::Rtcp || packet::is_rtcp(packet) {
            peer.reports.push((self.now_us, kind, destination, packet.to_vec()));
            return;
        }
        assert_eq!(destination, peer.address, "stream {}", stream.0);
        let view = PacketView::parse(packet).expect("we send valid RTP");
        let payload = packet[view.payload.clone()].to_vec();
        peer.received.push(Received { at_us: self.now_us, view, payload });
    }
}

pub fn address(stream: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, stream as u8], 4_000 + stream as u16))
}

pub fn configuration(stream: u64, codec: Codec) -> StreamConfiguration {
    let payload_type = if codec == Codec::Pcmu { 0 } else { 8 };
    StreamConfiguration {
        remote: address(stream),
        remote_rtcp: None,
        codec,
        payload_type_send: payload_type,
        payload_type_receive: payload_type,
        dtmf_payload_type_send: Some(DTMF),
        dtmf_payload_type_receive: Some(DTMF),
        ptime_ms: 20,
        send: true,
        receive: true,
    }
}

pub fn parties(ids: &[u64]) -> Hears {
    Hears::Parties(ids.iter().copied().map(StreamId).collect::<BTreeSet<_>>())
}

pub fn music() -> Hears {
    Hears::Music("hold".into())
}

impl World {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        Self {
            shard: MediaShard::new(config, 42),
            now_us: START_US,
            peers: BTreeMap::new(),
            events: Vec::new(),
            flying: BTreeMap::new(),
            order: 0,
            dice: 7,
        }
    }

    /// Peers 1, 2, 3 … with these codecs, each with its own tone: 400, 600, 800 … Hz.
    pub fn with_peers(codecs: &[Codec]) -> Self {
        let mut world = Self::new();
        for (at, codec) in codecs.iter().enumerate() {
            world.add(at as u64 + 1, *codec);
        }
        world
    }

    pub fn add(&mut self, id: u64, codec: Codec) -> &mut Peer {
        let peer = Peer {
            id: StreamId(id),
            address: address(id),
            configuration: configuration(id, codec),
            hz: Some(hz(id)),
            amplitude: 6_000.0,
            ssrc: 0x1000 + id as u32,
            sequence: (id as u16).wrapping_mul(30_011),
            timestamp: (id as u32).wrapping_mul(2_000_000_011),
            position: 0,
            samples: 160,
            due_us: self.now_us as f64 + 1_300.0 * id as f64,
            drift_ppm: 0.0,
            shake_us: 0,
            received: Vec::new(),
            reports: Vec::new(),
        };
        let configuration = peer.configuration.clone();
        self.peers.insert(id, peer);
        let local = SocketAddr::from(([198, 51, 100, 1], 20_000 + 2 * id as u16));
        self.command(Command::Open { stream: StreamId(id), local, local_rtcp: None });
        self.command(Command::Configure { stream: StreamId(id), configuration });
        self.peer(id)
    }

    pub fn peer(&mut self, id: u64) -> &mut Peer {
        self.peers.get_mut(&id).unwrap()
    }

    pub fn command(&mut self, command: Command) {
        let mut wire = Wire { now_us: self.now_us, peers: &mut self.peers };
        self.shard.handle_command(self.now_us, command, &mut wire);
        self.drain();
    }

    pub fn configure(&mut self, id: u64, change: impl FnOnce(&mut StreamConfiguration)) {
        let peer = self.peer(id);
        change(&mut peer.configuration);
        peer.address = peer.configuration.remote;
        let configuration = peer.configuration.clone();
        self.command(Command::Configure { stream: StreamId(id), configuration });
    }

    pub fn mix(&mut self, hears: &[(u64, Hears)]) {
        let hears = hears.iter().map(|(id, hears)| (StreamId(*id), hears.clone())).collect();
        self.command(Command::SetMix { room: RoomId(1), plan: MixPlan { hears } });
    }

    /// Everybody hears everybody else.
    pub fn join(&mut self, ids: &[u64]) {
        let plan: Vec<_> = ids
            .iter()
            .map(|id| (*id, parties(&ids.iter().copied().filter(|other| other != id).collect::<Vec<_>>())))
            .collect();
        self.mix(&plan);
    }

    /// A packet arrives from anywhere.
    pub fn inject(&mut self, id: u64, kind: PacketKind, source: SocketAddr, packet: &[u8]) {
        let mut packet = packet.to_vec();
        let mut wire = Wire { now_us: self.now_us, peers: &mut self.peers };
        self.shard.handle_packet(self.now_us, StreamId(id), kind, source, &mut packet, &mut wire);
        self.drain();
    }

    /// A telephone event packet from a peer, now; `start` is the event's timestamp.
    pub fn event_packet(&mut self, id: u64, start: u32, code: u8, end: bool, duration: u16, marker: bool) {
        let [high, low] = duration.to_be_bytes();
        let peer = self.peer(id);
        let payload = [code, if end { 0x8A } else { 0x0A }, high, low];
        let packet = rtp_packet(marker, DTMF, peer.sequence, start, peer.ssrc, &payload);
        peer.sequence = peer.sequence.wrapping_add(1);
        let source = peer.address;
        self.inject(id, PacketKind::Rtp, source, &packet);
    }

    /// A peer presses a key for 100 ms instead of speaking. `drop_ends` leaves the end packets out.
    pub fn press(&mut self, id: u64, code: u8, drop_ends: bool) {
        let hz = self.peer(id).hz.take();
        let start = self.peer(id).timestamp;
        for packet in 1..=5u16 {
            self.event_packet(id, start, code, false, packet * 160, packet == 1);
            self.run_ms(20);
        }
        for _ in 0..if drop_ends { 0 } else { 3 } {
            self.event_packet(id, start, code, true, 960, false);
        }
        let now_us = self.now_us;
        let peer = self.peer(id);
        peer.timestamp = start.wrapping_add(960);
        peer.hz = hz;
        peer.due_us = now_us as f64 + 20_000.0;
    }

    pub fn run_ms(&mut self, ms: u64) {
        let until = self.now_us + ms * 1_000;
        loop {
            self.take_off(until);
            let arrival = self.flying.keys().next().map(|key| key.0);
            let tick = self.shard.next_tick_us().unwrap_or(u64::MAX);
            let next = arrival.unwrap_or(u64::MAX).min(tick);
            if next > until {
                break;
            }
            self.now_us = self.now_us.max(next);
            if arrival.is_some_and(|arrival| arrival <= tick) {
                let (_, (stream, kind, source, packet)) = self.flying.pop_first().unwrap();
                self.inject(stream.0, kind, source, &packet);
            } else {
                let mut wire = Wire { now_us: self.now_us, peers: &mut self.peers };
                self.shard.tick(self.now_us, &mut wire);
                self.drain();
            }
        }
        self.now_us = until;
    }

    /// Every peer sends what is due before anything else happens.
    fn take_off(&mut self, until: u64) {
        let horizon = self.flying.keys().next().map_or(until, |key| key.0.min(until));
        let horizon = horizon.min(self.shard.next_tick_us().unwrap_or(u64::MAX));
        for peer in self.peers.values_mut() {
            while peer.due_us as u64 <= horizon {
                let due_us = peer.due_us as u64;
                let samples = peer.samples;
                peer.due_us += samples as f64 * 125.0 * (1.0 - peer.drift_ppm / 1e6);
                let Some(packet) = peer.speak() else { continue };
                self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let shake = if peer.shake_us == 0 { 0 } else { (self.dice >> 33) % peer.shake_us };
                self.order += 1;
                let key = (due_us.max(self.now_us) + shake, self.order);
                self.flying.insert(key, (peer.id, PacketKind::Rtp, peer.address, packet));
            }
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.shard.poll_output() {
            self.events.push(event);
        }
    }

    /// What a peer was sent in the last `ms`, as sound laid out by its timestamps.
    pub fn heard(&mut self, id: u64, ms: u64) -> Vec<i16> {
        let from = self.now_us - ms * 1_000;
        self.peer(id).sound(from)
    }

    /// Which peers a peer has heard in the last `ms`, by their tones.
    pub fn hears_whom(&mut self, id: u64, ms: u64) -> Vec<u64> {
        let sound = self.heard(id, ms);
        self.peers.keys().copied().filter(|other| goertzel::hears(&sound, hz(*other))).collect()
    }

    pub fn digits(&self) -> String {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Digit { stream, digit, .. } => Some(format!("{}:{digit} ", stream.0)),
                _ => None,
            })
            .collect()
    }

    /// M1 for every peer: see [`Peer::check_line`].
    pub fn check_lines(&self) {
        self.peers.values().for_each(Peer::check_line);
    }
}

/// The tone of a peer.
pub fn hz(id: u64) -> f32 {
    200.0 + 200.0 * id as f32
}

/// Built by the `rtp` crate, which is thus the oracle of our own reader.
pub fn rtp_packet(marker: bool, payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    use webrtc_util::marshal::Marshal;
    let header = rtp::header::Header {
        version: 2,
        marker,
        payload_type,
        sequence_number: sequence,
        timestamp,
        ssrc,
        ..Default::default()
    };
    rtp::packet::Packet { header, payload: payload.to_vec().into() }.marshal().unwrap().to_vec()
}

impl Peer {
    /// Its next packet; its clock goes on even when it is silent.
    fn speak(&mut self) -> Option<Vec<u8>> {
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(self.samples as u32);
        let from = self.position;
        self.position += self.samples;
        let sound = goertzel::sine(self.hz?, self.amplitude, from, self.samples);
        let mut codes = vec![0; self.samples];
        g711::encode_into(self.configuration.codec, &sound, &mut codes);
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some(rtp_packet(false, self.configuration.payload_type_receive, sequence, timestamp, self.ssrc, &codes))
    }

    /// What it was sent since `from_us`, laid out by timestamps; what is missing is silence.
    pub fn sound(&self, from_us: u64) -> Vec<i16> {
        let mut sound: Vec<i16> = Vec::new();
        let mut start = None;
        for received in self.received.iter().filter(|received| received.at_us >= from_us) {
            let Some(codec) = codec_of(received.view.payload_type) else { continue };
            let start = *start.get_or_insert(received.view.timestamp);
            let at = received.view.timestamp.wrapping_sub(start) as usize;
            assert!(at < 8_000 * 3_600, "the timestamp ran away");
            sound.resize(sound.len().max(at), 0);
            sound.truncate(at);
            sound.extend(received.payload.iter().map(|code| g711::decode(codec, *code)));
        }
        sound
    }

    /// M1: one SSRC, consecutive sequence numbers, timestamps that never overlap, and that advance by
    /// real time within 80 ms.
    pub fn check_line(&self) {
        let Some(first) = self.received.first() else { return };
        let mut end = first.view.timestamp;
        for (at, received) in self.received.iter().enumerate() {
            let view = &received.view;
            assert_eq!(view.ssrc, first.view.ssrc, "{:?}: one SSRC", self.id);
            assert_eq!(view.sequence, first.view.sequence.wrapping_add(at as u16), "{:?}: consecutive", self.id);
            if view.payload_type == DTMF {
                end = view
                    .timestamp
                    .wrapping_add(u32::from(u16::from_be_bytes([received.payload[2], received.payload[3]])));
                continue;
            }
            assert!(view.timestamp.wrapping_sub(end) as i32 >= 0, "{:?}: packet {at} overlaps", self.id);
            end = view.timestamp.wrapping_add(received.payload.len() as u32);
            let real = ((received.at_us - first.at_us) * 8 / 1_000) as i64;
            let line = i64::from(view.timestamp.wrapping_sub(first.view.timestamp));
            assert!((line - real).abs() <= 640, "{:?}: packet {at} is {} samples off real time", self.id, line - real);
        }
    }

    /// The longest stretch of time between two packets since `from_us`, in milliseconds.
    pub fn longest_wait_ms(&self, from_us: u64) -> u64 {
        let times: Vec<_> = self.received.iter().map(|received| received.at_us).filter(|at| *at >= from_us).collect();
        times.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).max().unwrap_or(u64::MAX)
    }
}

pub fn codec_of(payload_type: u8) -> Option<Codec> {
    match payload_type {
        0 => Some(Codec::Pcmu),
        8 => Some(Codec::Pcma),
        _ => None,
    }
}

/// The largest step between neighbouring samples: a click shows here.
pub fn largest_step(sound: &[i16]) -> u16 {
    sound.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0)
}

/// How many 10 ms pieces lack the tone.
pub fn pieces_without(sound: &[i16], hz: f32, amplitude: f32) -> usize {
    sound.chunks_exact(80).filter(|piece| goertzel::amplitude(piece, hz) < amplitude * 0.7).count()
}

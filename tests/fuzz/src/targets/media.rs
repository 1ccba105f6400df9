//! RTP and RTCP from anywhere on the sockets of four legs, between the core's commands and the clock. What is sent is valid,
//! and towards each leg one line of packets (wire rule M1); after the legs have ended nothing is left.
//!
//! A step is its kind, its leg, its length, and as many bytes of a packet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use baton_media::packet::{PacketView, is_rtcp};
use baton_media::{
    Codec, Command, Config, Event, Hears, MediaShard, MixPlan, PacketKind, RoomId, Sink, StreamConfiguration, StreamId,
    Tone, ToneCountry,
};

use super::START_US;

/// The legs.
const LEGS: u64 = 4;
/// Most packets that one step sends: each leg's ticks, made up for after a pause, and its reports.
const PACKETS_MAX: usize = 200;
/// How far a number may be from the next one: what was lost or overtaken on its way here stays so when it is forwarded.
const STRAY_MAX: i16 = 64;

pub(crate) fn rtp(data: &[u8]) {
    Bench::new().run(data, PacketKind::Rtp);
}

pub(crate) fn rtcp(data: &[u8]) {
    Bench::new().run(data, PacketKind::Rtcp);
}

/// What was sent.
#[derive(Default)]
struct Wire {
    sent: usize,
    /// The line to each leg: its source, and the sequence number that comes next.
    lines: BTreeMap<StreamId, (u32, u16)>,
}

impl Sink for Wire {
    fn send(&mut self, stream: StreamId, kind: PacketKind, _: SocketAddr, packet: &[u8]) {
        self.sent += 1;
        if kind == PacketKind::Rtcp || is_rtcp(packet) {
            assert!(packet.len().is_multiple_of(4) && packet[0] >> 6 == 2, "we send valid RTCP");
            return;
        }
        let view = PacketView::parse(packet).expect("we send valid RTP");
        let (ssrc, next) = self.lines.entry(stream).or_insert((view.ssrc, view.sequence));
        assert_eq!(view.ssrc, *ssrc, "M1: one source");
        let ahead = view.sequence.wrapping_sub(*next) as i16;
        assert!(ahead.abs() <= STRAY_MAX, "M1: consecutive numbers, not {ahead} further");
        if ahead >= 0 {
            *next = view.sequence.wrapping_add(1);
        }
    }
}

struct Bench {
    shard: MediaShard,
    wire: Wire,
    now_us: u64,
}

impl Bench {
    fn new() -> Bench {
        let mut bench = Bench { shard: MediaShard::new(Config::default(), 1), wire: Wire::default(), now_us: START_US };
        for leg in 0..LEGS {
            let local = address(1, leg);
            bench.command(Command::Open { stream: StreamId(leg), local, local_rtcp: None });
            bench.command(Command::Configure { stream: StreamId(leg), configuration: configuration(leg, leg as u8) });
        }
        bench.mix(0);
        bench
    }

    fn run(&mut self, data: &[u8], kind: PacketKind) {
        let mut rest = data;
        while let [what, leg, length, tail @ ..] = rest {
            let (bytes, next) = tail.split_at(usize::from(*length).min(tail.len()));
            rest = next;
            self.wire.sent = 0;
            self.step(*what, u64::from(*leg) % LEGS, bytes, kind);
            assert!(self.wire.sent <= PACKETS_MAX, "one step sent {}", self.wire.sent);
        }
        for leg in 0..LEGS {
            self.command(Command::Close { stream: StreamId(leg) });
        }
        self.command(Command::SetMix { room: RoomId(1), plan: MixPlan::default() });
        let closed =
            std::iter::from_fn(|| self.shard.poll_output()).filter(|event| matches!(event, Event::Closed { .. }));
        assert!(closed.count() >= LEGS as usize, "each leg that ends is told of");
        self.pass(1_000_000);
        assert_eq!((self.shard.streams(), self.shard.next_tick_us()), (0, None), "nothing is left");
    }

    fn step(&mut self, what: u8, leg: u64, bytes: &[u8], kind: PacketKind) {
        let stream = StreamId(leg);
        match what % 16 {
            0..=8 => {
                // From where it was agreed, or from elsewhere.
                let source = if what < 128 { address(2, leg) } else { address(3, u64::from(what) % 3) };
                let mut packet = bytes.to_vec();
                let (now_us, kind) = (self.now_us, if what & 0x40 == 0 { kind } else { PacketKind::Rtp });
                self.shard.handle_packet(now_us, stream, kind, source, &mut packet, &mut self.wire);
            }
            9 | 10 => self.pass(bytes.iter().map(|byte| u64::from(*byte) * 1_000).sum()),
            11 => self.mix(bytes.first().copied().unwrap_or(0)),
            12 => {
                let choice = bytes.first().copied().unwrap_or(0);
                self.command(Command::Configure { stream, configuration: configuration(leg, choice) });
            }
            13 => self.command(Command::SendDigits { stream, digits: String::from_utf8_lossy(bytes).into_owned() }),
            14 => self.command(Command::Play { stream, prompt: "any".into() }),
            _ => self.pass(20_000),
        }
        while self.shard.poll_output().is_some() {}
    }

    fn command(&mut self, command: Command) {
        self.shard.handle_command(self.now_us, command, &mut self.wire);
    }

    fn pass(&mut self, wait_us: u64) {
        let until_us = self.now_us + wait_us.min(2_000_000);
        while let Some(due_us) = self.shard.next_tick_us().filter(|due_us| *due_us <= until_us) {
            assert!(due_us > self.now_us || due_us <= until_us);
            self.now_us = self.now_us.max(due_us);
            self.wire.sent = 0;
            self.shard.tick(self.now_us, &mut self.wire);
            assert!(
                self.shard.next_tick_us() > Some(self.now_us) || self.shard.next_tick_us().is_none(),
                "time goes on"
            );
        }
        self.now_us = until_us;
    }

    /// Who hears whom, two bits a leg.
    fn mix(&mut self, choice: u8) {
        let all: BTreeSet<StreamId> = (0..LEGS).map(StreamId).collect();
        let hears = (0..LEGS).map(|leg| {
            let others = all.iter().copied().filter(|other| other.0 != leg).collect();
            let hears = match choice >> (2 * leg) & 3 {
                0 => Hears::Parties([StreamId(leg ^ 1)].into()),
                1 => Hears::Parties(others),
                2 => Hears::Music("hold".into()),
                _ => Hears::Tone(Tone::RingBack(ToneCountry::De)),
            };
            (StreamId(leg), hears)
        });
        let plan = MixPlan { hears: hears.collect() };
        self.command(Command::SetMix { room: RoomId(1), plan });
    }
}

fn address(network: u8, leg: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, network, leg as u8 + 1], 4_000))
}

fn configuration(leg: u64, choice: u8) -> StreamConfiguration {
    let (codec, payload_type) = if choice & 1 == 0 { (Codec::Pcma, 8) } else { (Codec::Pcmu, 0) };
    let dtmf = (choice & 2 == 0).then_some(101);
    StreamConfiguration {
        remote: address(2, leg),
        remote_rtcp: (choice & 4 != 0).then(|| SocketAddr::from(([192, 0, 2, leg as u8 + 1], 4_001))),
        codec,
        payload_type_send: payload_type,
        payload_type_receive: payload_type,
        dtmf_payload_type_send: dtmf,
        dtmf_payload_type_receive: dtmf,
        ptime_ms: [20, 10, 30, 40, 60][usize::from(choice >> 5) % 5],
        send: choice & 8 == 0,
        receive: choice & 16 == 0,
    }
}

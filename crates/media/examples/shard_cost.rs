//! Prints what the shard's arithmetic costs on this machine: `cargo run --release -p baton-media --example shard_cost`.
//!
//! It is CPU time of this thread, without sockets; ten groups are ticked for every 20 ms.

use std::hint::black_box;
use std::net::SocketAddr;

use baton_media::*;

/// Counts what is sent.
#[derive(Default)]
struct Counter {
    packets: u64,
    bytes: u64,
}

impl Sink for Counter {
    fn send(&mut self, _stream: StreamId, _kind: PacketKind, _destination: SocketAddr, packet: &[u8]) {
        self.packets += 1;
        self.bytes += black_box(packet).len() as u64;
    }
}

const START_US: u64 = 1_700_000_000_000_000;

fn address(stream: u64) -> SocketAddr {
    SocketAddr::from(([10, (stream >> 16) as u8, (stream >> 8) as u8, stream as u8], 4_000))
}

struct Load {
    shard: MediaShard,
    sent: Counter,
    streams: u64,
    now_us: u64,
    spent_receive: f64,
    spent_tick: f64,
    packets_in: u64,
}

/// Rooms of `size` parties, all hearing each other; every other one with the other law if `mixed_laws`.
fn load(rooms: u64, size: u64, mixed_laws: bool) -> Load {
    let mut shard = MediaShard::new(Config::default(), 1);
    let mut sent = Counter::default();
    for stream in 0..rooms * size {
        let other = mixed_laws && stream % 2 == 1;
        let (codec, payload_type) = if other { (Codec::Pcma, 8) } else { (Codec::Pcmu, 0) };
        let id = StreamId(stream);
        shard.handle_command(START_US, Command::Open { stream: id, local: address(0), local_rtcp: None }, &mut sent);
        let configuration = StreamConfiguration {
            remote: address(stream),
            remote_rtcp: None,
            codec,
            payload_type_send: payload_type,
            payload_type_receive: payload_type,
            dtmf_payload_type_send: Some(101),
            dtmf_payload_type_receive: Some(101),
            ptime_ms: 20,
            send: true,
            receive: true,
        };
        shard.handle_command(START_US, Command::Configure { stream: id, configuration }, &mut sent);
    }
    for room in 0..rooms {
        let members: Vec<StreamId> = (room * size..(room + 1) * size).map(StreamId).collect();
        let hears = members
            .iter()
            .map(|id| (*id, Hears::Parties(members.iter().copied().filter(|other| other != id).collect())))
            .collect();
        shard.handle_command(START_US, Command::SetMix { room: RoomId(room), plan: MixPlan { hears } }, &mut sent);
    }
    Load { shard, sent, streams: rooms * size, now_us: START_US, spent_receive: 0.0, spent_tick: 0.0, packets_in: 0 }
}

impl Load {
    fn run(&mut self, frames: u32) {
        let mut packets: Vec<Vec<u8>> = (0..self.streams).map(packet).collect();
        let mut work = [0u8; 172];
        for frame in 0..frames {
            let begun = clock_ns();
            for (stream, packet) in packets.iter_mut().enumerate() {
                packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
                packet[4..8].copy_from_slice(&(frame * 160).to_be_bytes());
                work.copy_from_slice(packet);
                let stream = stream as u64;
                let source = address(stream);
                self.shard.handle_packet(
                    self.now_us,
                    StreamId(stream),
                    PacketKind::Rtp,
                    source,
                    &mut work,
                    &mut self.sent,
                );
            }
            let between = clock_ns();
            self.packets_in += self.streams;
            for _ in 0..10 {
                self.now_us += 2_000;
                self.shard.tick(self.now_us, &mut self.sent);
            }
            while self.shard.poll_output().is_some() {}
            self.spent_receive += between - begun;
            self.spent_tick += clock_ns() - between;
        }
    }
}

fn packet(stream: u64) -> Vec<u8> {
    let mut packet = vec![0x80, if stream % 2 == 1 { 8 } else { 0 }, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    packet.extend((0..160).map(|at| (at * 7 + stream) as u8));
    packet
}

/// CPU time of this thread, so that a busy machine does not show.
fn clock_ns() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn main() {
    println!("{:44} {:>12} {:>14} {:>10}", "", "ns/packet in", "ns/room tick", "packets out");
    for (name, rooms, size, mixed_laws) in [
        ("one call, forwarded", 1, 2, false),
        ("1,000 calls, forwarded", 1_000, 2, false),
        ("1,000 calls, µ-law to A-law", 1_000, 2, true),
        ("one room of three, mixed", 1, 3, false),
        ("1,000 rooms of three, mixed", 1_000, 3, false),
        ("1,000 rooms of three, both laws", 1_000, 3, true),
        ("2,000 held parties, music", 2_000, 1, false),
    ] {
        let mut load = load(rooms, size, mixed_laws);
        if size == 1 {
            for room in 0..rooms {
                let hears = [(StreamId(room), Hears::Music("hold".into()))].into();
                load.shard.handle_command(
                    START_US,
                    Command::SetMix { room: RoomId(room), plan: MixPlan { hears } },
                    &mut load.sent,
                );
            }
        }
        let frames = (400_000 / load.streams).clamp(200, 100_000) as u32;
        load.run(frames / 10 + 20);
        (load.spent_receive, load.spent_tick, load.packets_in, load.sent) = (0.0, 0.0, 0, Counter::default());
        load.run(frames);
        let ticks = f64::from(frames) * rooms as f64;
        println!(
            "{name:44} {:>12.0} {:>14.0} {:>10}",
            load.spent_receive / load.packets_in as f64,
            load.spent_tick / ticks,
            load.sent.packets
        );
    }
}

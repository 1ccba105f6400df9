//! The media thread with sockets of its own.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

use baton_media::{Codec, Hears, MixPlan, RoomId, StreamConfiguration, g711, goertzel, packet::PacketView};

use super::*;

#[allow(clippy::disallowed_methods)] // a test's clock
fn clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64
}

/// A phone on a real socket, and the leg towards it.
struct Phone {
    id: u64,
    socket: UdpSocket,
    leg: SocketAddr,
    sent: u32,
}

struct Bench {
    thread: MediaThread,
    events: mpsc::Receiver<Event>,
    phones: Vec<Phone>,
}

fn free_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn bench(phones: u64) -> Bench {
    let (sender, events) = mpsc::channel();
    let callback = Box::new(move |event| sender.send(event).unwrap_or(()));
    let thread = MediaThread::start(MediaThreadConfig::default(), clock, callback).unwrap();
    let mut bench = Bench { thread, events, phones: Vec::new() };
    for id in 1..=phones {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let leg = free_port();
        bench.command(Command::Open { stream: StreamId(id), local: leg, local_rtcp: None });
        let configuration = StreamConfiguration {
            remote: socket.local_addr().unwrap(),
            remote_rtcp: None,
            codec: Codec::Pcmu,
            payload_type_send: 0,
            payload_type_receive: 0,
            dtmf_payload_type_send: None,
            dtmf_payload_type_receive: Some(101),
            ptime_ms: 20,
            send: true,
            receive: true,
        };
        bench.command(Command::Configure { stream: StreamId(id), configuration });
        // Comfort silence comes as soon as the leg stands.
        let (_, source) = socket.recv_from(&mut [0; 2_048]).unwrap();
        assert_eq!(source, leg);
        bench.phones.push(Phone { id, socket, leg, sent: 0 });
    }
    bench
}

impl Bench {
    fn command(&self, command: Command) {
        self.thread.inbox().send(command).unwrap();
        self.thread.inbox().ring();
    }

    fn join(&self) {
        let ids: Vec<StreamId> = self.phones.iter().map(|phone| StreamId(phone.id)).collect();
        let others = |id| Hears::Parties(ids.iter().copied().filter(|other| *other != id).collect());
        let hears = ids.iter().map(|id| (*id, others(*id))).collect();
        self.command(Command::SetMix { room: RoomId(1), plan: MixPlan { hears } });
    }

    /// Everybody speaks for `packets` times 20 ms; what each heard, as sound.
    fn talk(&mut self, packets: u32) -> Vec<Vec<i16>> {
        let mut heard = vec![Vec::new(); self.phones.len()];
        for _ in 0..packets {
            for phone in &mut self.phones {
                phone.speak();
            }
            std::thread::sleep(Duration::from_millis(20));
            for (phone, heard) in self.phones.iter().zip(&mut heard) {
                phone.listen(heard);
            }
        }
        heard
    }

    fn event(&self) -> Event {
        self.events.recv_timeout(Duration::from_secs(5)).unwrap()
    }
}

fn hz(id: u64) -> f32 {
    300.0 + 200.0 * id as f32
}

impl Phone {
    fn speak(&mut self) {
        let sound = goertzel::sine(hz(self.id), 6_000.0, self.sent as usize * 160, 160);
        let mut packet = vec![0x80, 0];
        packet.extend((self.sent as u16).to_be_bytes());
        packet.extend((self.sent * 160).to_be_bytes());
        packet.extend([0, 0, 0, self.id as u8]);
        packet.extend(sound.iter().map(|sample| g711::encode(Codec::Pcmu, *sample)));
        self.socket.send_to(&packet, self.leg).unwrap();
        self.sent += 1;
    }

    fn listen(&self, heard: &mut Vec<i16>) {
        self.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2_048];
        while let Ok((bytes, source)) = self.socket.recv_from(&mut buffer) {
            assert_eq!(source, self.leg);
            let view = PacketView::parse(&buffer[..bytes]).unwrap();
            if view.payload_type == 0 {
                heard.extend(buffer[view.payload].iter().map(|code| g711::decode(Codec::Pcmu, *code)));
            }
        }
        self.socket.set_nonblocking(false).unwrap();
    }
}

/// Which phones are heard in a sound.
fn whom(sound: &[i16]) -> Vec<u64> {
    let end = &sound[sound.len().saturating_sub(2_400)..];
    (1..=5).filter(|id| goertzel::hears(end, hz(*id))).collect()
}

#[test]
fn real_packets_are_forwarded_mixed_and_counted() {
    let mut bench = bench(3);
    bench.join();
    let heard = bench.talk(40);
    for (heard, others) in heard.iter().zip([[2, 3], [1, 3], [1, 2]]) {
        assert_eq!(whom(heard), others);
    }
    let left = bench.phones.pop().unwrap();
    bench.join();
    let heard = bench.talk(25);
    assert_eq!(heard.iter().map(|heard| whom(heard)).collect::<Vec<_>>(), [[2], [1]]);
    bench.command(Command::Close { stream: StreamId(left.id) });
    let closed = std::iter::from_fn(|| Some(bench.event())).find_map(|event| match event {
        Event::Closed { stream, statistics } => Some((stream, statistics)),
        _ => None,
    });
    let (stream, statistics) = closed.unwrap();
    assert_eq!((stream, statistics.packets_received), (StreamId(3), 40));
    assert!(UdpSocket::bind(left.leg).is_ok(), "its port is free when that is told");
    let counters = bench.thread.counters();
    bench.thread.stop();
    assert_eq!(counters.packets_received.load(Ordering::Relaxed), 3 * 40 + 2 * 25);
}

#[test]
fn a_leg_that_cannot_be_bound_is_told_and_the_others_go_on() {
    let mut bench = bench(2);
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _holder = UdpSocket::bind(taken).unwrap();
    bench.command(Command::Open { stream: StreamId(9), local: taken, local_rtcp: None });
    assert!(matches!(bench.event(), Event::OpenFailed { stream: StreamId(9), .. }));
    bench.join();
    let heard = bench.talk(25);
    assert_eq!(heard.iter().map(|heard| whom(heard)).collect::<Vec<_>>(), [[2], [1]]);
    bench.thread.stop();
}

#[test]
fn under_load_the_thread_wakes_by_the_clock() {
    let mut pace = Pace::default();
    let (mut received, mut forwarded) = (0, 0);
    for (received_more, forwarded_more, expected) in [
        (799, 799, None),
        (800, 800, Some(PACE_US)),
        (700, 700, Some(PACE_US)),
        (590, 590, None),
        (29, 0, None),
        (30, 0, Some(MIXED_PACE_US)),
        (30, 1, None),
        (900, 100, Some(PACE_US)),
    ] {
        received += received_more;
        forwarded += forwarded_more;
        let now_us = pace.window_us + PACE_WINDOW_US;
        assert_eq!(pace.interval_us(now_us, received, forwarded), expected, "{received_more} in 100 ms");
    }
}

#[test]
fn a_full_queue_gives_the_command_back_and_a_dead_one_says_so() {
    let (sender, commands) = sync_channel(1);
    let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap();
    let inbox = MediaInbox { sender, wake: Arc::new(Wake { event, pending: AtomicBool::new(false) }) };
    let close = Command::Close { stream: StreamId(1) };
    assert!(inbox.send(close.clone()).is_ok());
    assert_eq!(inbox.send(close.clone()), Err(NotSent::Full(Box::new(close.clone()))));
    drop(commands);
    assert_eq!(inbox.send(close), Err(NotSent::Ended));
}

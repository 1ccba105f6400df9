//! Prints what a call costs an endpoint, both of its sides in one process, while many calls stand:
//! `cargo run --release -p baton-sip --example call_cost`.
#![allow(clippy::disallowed_methods, reason = "a stopwatch reads the clock")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use baton_sip::{
    Access, Command, Config, Destination, Endpoint, Event, Input, Listener, ListenerId, OutgoingInvite, Output, Party,
    PeerId, SessionId, Transport, TrustedPeer,
};
use bytes::Bytes;

const CALLS: u64 = 20_000;
const CALLS_A_SECOND: u64 = 1_500;
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

fn address(side: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, side + 1], 5060))
}

fn endpoint(side: u8) -> Endpoint {
    let listener = Listener {
        id: ListenerId(0),
        transport: Transport::Udp,
        local: address(side),
        advertised: address(side),
        verifies_peers: false,
    };
    let config = Config { listeners: vec![listener], ..Config::default() };
    let mut endpoint = Endpoint::new(config, [side; 32]);
    let peer = TrustedPeer { peer: PeerId(1), network: address(1 - side).ip(), prefix: 32, port: None };
    let access = Access { peers: vec![peer], ..Access::default() };
    let _ = endpoint.command(1, Command::SetAccess(access));
    endpoint
}

/// Two endpoints and the wire between them, without a delay.
struct Loop {
    sides: [Endpoint; 2],
    now_us: u64,
    messages: u64,
}

impl Loop {
    /// Carries messages until there are none; the callee answers each call.
    fn settle(&mut self) {
        let mut wire: VecDeque<(usize, Bytes)> = VecDeque::new();
        let mut answers: VecDeque<SessionId> = VecDeque::new();
        loop {
            for side in 0..2 {
                while let Some(output) = self.sides[side].poll_output() {
                    match output {
                        Output::Transmit { bytes, .. } => wire.push_back((1 - side, bytes)),
                        Output::Event(Event::Incoming { session, .. }) => answers.push_back(session),
                        _ => {}
                    }
                }
            }
            if let Some((to, bytes)) = wire.pop_front() {
                self.messages += 1;
                let source = address(1 - to as u8);
                self.sides[to].handle(self.now_us, Input::Datagram { listener: ListenerId(0), source, bytes });
            } else if let Some(session) = answers.pop_front() {
                let _ = self.sides[1].command(self.now_us, Command::Ring { session, status: 180, sdp: None });
                let sdp = Bytes::from_static(SDP);
                let _ = self.sides[1].command(self.now_us, Command::Answer { session, sdp, identity: None });
            } else {
                break;
            }
        }
        for side in &mut self.sides {
            if side.next_timeout_us().is_some_and(|at_us| at_us <= self.now_us) {
                side.handle(self.now_us, Input::Timeout);
            }
        }
    }

    fn call(&mut self) -> SessionId {
        let session = self.sides[0].allocate_session();
        let party = |uri: &str| Party { uri: uri.into(), ..Party::default() };
        let invite = OutgoingInvite {
            uri: "sip:bob@192.0.2.2".into(),
            destination: Destination::address(Transport::Udp, address(1)),
            other_flows: Vec::new(),
            voice: Default::default(),
            route: Vec::new(),
            from: party("sip:alice@example.com"),
            to: party("sip:bob@example.com"),
            asserted_identity: None,
            referred_by: None,
            replaces: None,
            headers: Vec::new(),
            sdp: Some(Bytes::from_static(SDP)),
            credentials: None,
            max_forwards: 70,
            redirects_max: 0,
            patience_ms: None,
        };
        let _ = self.sides[0].command(self.now_us, Command::Invite { session, invite: Box::new(invite) });
        session
    }
}

/// Resident memory in kilobytes, where the system tells it.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn main() {
    let mut world = Loop { sides: [endpoint(0), endpoint(1)], now_us: 1, messages: 0 };
    let before_kb = resident_kb();
    let began = Instant::now();
    let mut standing = VecDeque::new();
    for _ in 0..CALLS {
        world.now_us += 1_000_000 / CALLS_A_SECOND;
        standing.push_back(world.call());
        world.settle();
    }
    let set_up = began.elapsed();
    let transactions: usize = world.sides.iter().map(Endpoint::transactions_len).sum();
    let kb = resident_kb().saturating_sub(before_kb);
    let began = Instant::now();
    while let Some(session) = standing.pop_front() {
        world.now_us += 1_000_000 / CALLS_A_SECOND;
        let end = Command::End { session, status: 480, reason: None };
        let _ = world.sides[0].command(world.now_us, end);
        world.settle();
    }
    let taken_down = began.elapsed();
    let calls = u32::try_from(CALLS).unwrap_or(u32::MAX);
    println!("both sides of a call: set-up {:?}, end {:?}", set_up / calls, taken_down / calls);
    println!("a message, sent and received: {:?}", (set_up + taken_down) / u32::try_from(world.messages).unwrap_or(1));
    println!(
        "standing calls {CALLS}, transactions at the peak {transactions}, {:.1} kB a call with both sides",
        kb as f64 / CALLS as f64
    );
    println!("left: {} sessions", world.sides.iter().map(Endpoint::sessions_len).sum::<usize>());
}

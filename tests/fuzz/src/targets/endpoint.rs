//! The SIP endpoint under any sequence of messages, commands and moments: it sends nothing that does not read, keeps its
//! limits, tells nothing of a session after its end, and when all is ended and time has passed nothing is left.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use baton_sip::{
    Access, Account, Command, Config, ConnectionHandle, Credentials, Destination, Endpoint, ErrandId, ErrandKind,
    Event, GuardConfig, Input, ListenerId, Load, OutgoingErrand, OutgoingInvite, Output, Party, PeerId,
    ReliableProvisionals, SessionId, TransferId, Transport, TrustedPeer,
};
use bytes::Bytes;

use super::{ACCOUNTS, MACHINE, OUTPUTS_MAX, START_US, WAKES_MAX, hashes, is_well_formed, listeners};
use crate::hand::{Hand, Letter};
use crate::steps::{Step, steps};

const SESSIONS_MAX: usize = 12;
const TRANSACTIONS_MAX: usize = 60;
/// Most bytes of an endpoint, printed, in which nothing lives any more.
const IDLE_BYTES_MAX: usize = 100_000;
const USERS: &[&str] = &["100", "anna-desk", "+4989222", "bert-desk", "nobody"];
/// A trunk, a phone, a stranger.
const SOURCES: &[([u8; 4], u16)] = &[([192, 0, 2, 9], 5_060), ([198, 51, 100, 10], 5_060), ([203, 0, 113, 7], 5_060)];
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

pub(crate) fn run(data: &[u8]) {
    let mut table = Table::new(data.first().copied().unwrap_or(0));
    for step in steps(data) {
        table.step(step);
    }
    table.end();
}

struct Table {
    endpoint: Endpoint,
    now_us: u64,
    hand: Hand,
    sessions: Vec<SessionId>,
    over: BTreeSet<SessionId>,
    transfers: Vec<(SessionId, TransferId)>,
    connections: Vec<ConnectionHandle>,
    queries: Vec<u64>,
    number: u64,
}

impl Table {
    fn new(choice: u8) -> Table {
        let config = Config {
            listeners: listeners(),
            sessions_max: SESSIONS_MAX,
            transactions_max: TRANSACTIONS_MAX,
            reliable_provisionals: [
                ReliableProvisionals::Required,
                ReliableProvisionals::WithDescription,
                ReliableProvisionals::Always,
            ][usize::from(choice) % 3],
            session_expires_s: if choice & 4 == 0 { 0 } else { 90 },
            guard: GuardConfig { unknown_burst: 20, unknown_rate: 5, ..GuardConfig::default() },
            ..Config::default()
        };
        let mut endpoint = Endpoint::new(config, [9; 32]);
        let accounts = ACCOUNTS.iter().map(|account| {
            let (ha1_md5, ha1_sha256) = hashes(account);
            ((*account).to_owned(), Account { ha1_md5, ha1_sha256 })
        });
        let peer = TrustedPeer { peer: PeerId(1), network: SOURCES[0].0.into(), prefix: 32, port: None };
        let access = Access { accounts: accounts.collect(), peers: vec![peer], ..Access::default() };
        endpoint.command(START_US, Command::SetAccess(access)).expect("it is always taken");
        Table {
            endpoint,
            now_us: START_US,
            hand: Hand::new(SocketAddr::from(MACHINE), USERS),
            sessions: Vec::new(),
            over: BTreeSet::new(),
            transfers: Vec::new(),
            connections: Vec::new(),
            queries: Vec::new(),
            number: 0,
        }
    }

    fn step(&mut self, step: Step) {
        let source = SocketAddr::from(step.one(7, SOURCES));
        match step.kind(20) {
            0..=7 => {
                if let Some(letter) = self.hand.write(step, source) {
                    self.deliver(letter, step);
                }
            }
            8 | 9 => self.command(step),
            10 => self.call(step),
            11 | 12 => self.pass(step),
            13 => {
                let letter = self.hand.register(step, source, step.one(2, ACCOUNTS));
                self.deliver(letter, step);
            }
            14 => self.stream(step, source),
            15 => self.resolve(step),
            16 => self.weigh(step),
            17 => self.errand(step),
            18 => {
                self.endpoint.streams_lost(self.now_us);
                self.connections.clear();
            }
            _ => {
                let bytes = Bytes::copy_from_slice(&step.seed().to_le_bytes()[1..]);
                self.feed(Input::Datagram { listener: ListenerId(0), source, bytes });
            }
        }
        self.take_outputs();
        assert!(self.endpoint.sessions_len() <= SESSIONS_MAX, "the limit of sessions holds");
        assert!(self.endpoint.transactions_len() <= TRANSACTIONS_MAX + SESSIONS_MAX * 4, "that of transactions too");
    }

    /// A letter comes as a datagram, or along a connection that is open.
    fn deliver(&mut self, (source, bytes): Letter, step: Step) {
        match step.of(4, &self.connections) {
            Some(connection) if step.byte(4) >= 192 => {
                let middle = usize::from(step.byte(5)) % (bytes.len() + 1);
                for bytes in [bytes.slice(..middle), bytes.slice(middle..)] {
                    self.feed(Input::StreamBytes { connection, bytes });
                }
            }
            _ => self.feed(Input::Datagram { listener: ListenerId(0), source, bytes }),
        }
    }

    fn feed(&mut self, input: Input) {
        self.endpoint.handle(self.now_us, input);
    }

    fn command(&mut self, step: Step) {
        let Some(session) = step.of(1, &self.sessions) else { return };
        let sdp = Bytes::from_static(SDP.as_bytes());
        let reason = String::new();
        let transfers: Vec<TransferId> =
            self.transfers.iter().filter(|(whose, _)| *whose == session).map(|(_, transfer)| *transfer).collect();
        let transfer = step.of(3, &transfers).unwrap_or(TransferId(u64::from(step.byte(3))));
        let command = match step.byte(2) % 15 {
            0 => Command::Ring { session, status: step.one(3, &[180, 183, 199]), sdp: step.bit(4, 0).then_some(sdp) },
            1 | 2 => Command::Answer { session, sdp, identity: step.bit(3, 0).then(party) },
            3 => {
                Command::Refuse { session, status: step.one(3, &[486, 404, 302, 699]), reason, retry_after_s: Some(5) }
            }
            4 => Command::Offer { session, sdp, identity: step.bit(3, 0).then(party) },
            5 | 6 => Command::AcceptOffer { session, sdp },
            7 => Command::RefuseOffer { session, status: step.one(3, &[488, 491]) },
            8 => Command::Identify { session, identity: party(), by_offer: session.0 % 2 == 0 },
            9 => Command::AcceptTransfer { session, transfer },
            10 => Command::RefuseTransfer { session, transfer, status: 603 },
            11 => Command::ReportTransfer { session, transfer, status: step.one(4, &[100, 180, 200, 486]), reason },
            12 => {
                let target =
                    step.one(3, &["sip:c@example.com", "tel:+4940", "rubbish", "sip:c@h?Replaces=a%3Bto-tag%3Db"]);
                Command::Transfer {
                    session,
                    target: target.into(),
                    referred_by: step.bit(4, 0).then(|| "<sip:a@b>".into()),
                }
            }
            13 => Command::SendDigit { session, digit: step.one(3, &['5', '#', 'x']), duration_ms: 100 },
            _ => Command::End { session, status: 480, reason: step.bit(3, 0).then(|| "SIP;cause=200".into()) },
        };
        let is_end = matches!(command, Command::End { .. } | Command::Refuse { .. });
        if self.endpoint.command(self.now_us, command).is_ok() && is_end {
            self.over.insert(session);
        }
    }

    fn call(&mut self, step: Step) {
        self.number += 2;
        let session = SessionId(self.number);
        let remote = SocketAddr::from(step.one(1, SOURCES));
        let host = "far.example".to_owned();
        let destination = match step.byte(2) % 8 {
            0..=3 => Destination::address(Transport::Udp, remote),
            4 => Destination::address(step.one(3, &[Transport::Tcp, Transport::Tls, Transport::Ws]), remote),
            5 => Destination::Name { transport: None, host, port: None },
            6 => Destination::Name { transport: Some(Transport::Tcp), host, port: Some(5_060) },
            _ => Destination::address(Transport::Udp, "[2001:db8::1]:5060".parse().expect("an address")),
        };
        let padding = "x".repeat(if step.bit(4, 4) { 1_300 } else { 0 });
        let invite = OutgoingInvite {
            uri: step
                .one(3, &["sip:b@192.0.2.9", "sips:b@far.example", "tel:+49", "sip:b@192.0.2.9;transport=tcp", "\r\n"])
                .into(),
            destination,
            other_flows: Vec::new(),
            voice: Default::default(),
            route: if step.bit(4, 0) { vec!["<sip:192.0.2.200;lr>".into()] } else { Vec::new() },
            from: party(),
            to: party(),
            asserted_identity: step.bit(4, 1).then(party),
            referred_by: None,
            replaces: None,
            headers: vec![("X-Padding".into(), padding)],
            sdp: step.bit(4, 2).then(|| Bytes::from_static(SDP.as_bytes())),
            credentials: step.bit(4, 3).then(credentials),
            max_forwards: 70,
            redirects_max: step.byte(5) % 4,
            patience_ms: step.bit(4, 5).then_some(2_000),
        };
        if self.endpoint.command(self.now_us, Command::Invite { session, invite: Box::new(invite) }).is_ok() {
            self.sessions.push(session);
        }
    }

    fn errand(&mut self, step: Step) {
        self.number += 2;
        let errand = ErrandId(self.number);
        let register = ErrandKind::Register { expires_s: u32::from(step.byte(3)), user: "line1".into() };
        let remote = SocketAddr::from(step.one(1, SOURCES));
        let destination = match step.byte(2) % 3 {
            0 => Destination::Name { transport: None, host: "far.example".into(), port: None },
            _ => Destination::address(Transport::Udp, remote),
        };
        let request = OutgoingErrand {
            kind: if step.bit(4, 0) { register } else { ErrandKind::Options },
            uri: "sip:far.example".into(),
            destination,
            from: party(),
            to: party(),
            call_id: step.bit(4, 1).then(|| "again".into()),
            cseq: u32::from(step.byte(5)),
            credentials: step.bit(4, 2).then(credentials),
        };
        let _ = self.endpoint.command(self.now_us, Command::Errand { errand, request: Box::new(request) });
        if step.bit(4, 7) {
            let _ = self.endpoint.command(self.now_us, Command::ForgetErrand { errand });
        }
    }

    /// Time passes: to the next deadlines, or by so much, however late the clock then is.
    fn pass(&mut self, step: Step) {
        if step.bit(1, 0) {
            self.now_us += u64::from(step.byte(2)) * step.one(3, &[1_000, 20_000, 1_000_000]);
            return self.feed(Input::Timeout);
        }
        for _ in 0..=step.byte(2) % 8 {
            let Some(due_us) = self.endpoint.next_timeout_us() else { return };
            self.now_us = self.now_us.max(due_us);
            self.feed(Input::Timeout);
            self.take_outputs();
        }
    }

    fn stream(&mut self, step: Step, remote: SocketAddr) {
        match step.byte(1) % 4 {
            0 | 1 => {
                let connection = ConnectionHandle(u64::from(step.byte(2) % 8) * 2 + 1);
                let listener = ListenerId(u16::from(step.byte(3) % 3) + 1);
                self.feed(Input::StreamOpened { connection, listener, remote, peer_names: Vec::new() });
                self.connections.push(connection);
            }
            2 => {
                let Some(connection) = step.of(2, &self.connections) else { return };
                self.feed(Input::StreamClosed { connection });
                self.connections.retain(|each| *each != connection);
            }
            _ => {
                let Some(connection) = step.of(2, &self.connections) else { return };
                let bytes = step.one(3, &["\r\n\r\n", "\r\n", "INVITE ", "rubbish\r\n", "SIP/2.0 200 OK\r\n\r\n"]);
                self.feed(Input::StreamBytes { connection, bytes: Bytes::from_static(bytes.as_bytes()) });
            }
        }
    }

    fn resolve(&mut self, step: Step) {
        let Some(query) = step.of(1, &self.queries) else { return };
        let addresses: Vec<(Transport, SocketAddr)> =
            SOURCES.iter().map(|each| (Transport::Udp, (*each).into())).collect();
        let most = usize::from(step.byte(2)) % (addresses.len() + 1);
        self.feed(Input::Resolved { query, addresses: addresses[..most].to_vec() });
        if !step.bit(3, 0) {
            self.queries.retain(|each| *each != query);
        }
    }

    fn weigh(&mut self, step: Step) {
        match step.byte(1) % 4 {
            0 => self.feed(Input::Trace(step.bit(2, 0))),
            1 => {
                let address = SocketAddr::from(step.one(2, SOURCES)).ip();
                let _ = self.endpoint.command(self.now_us, Command::LiftBan { address });
            }
            _ => {
                let permille = u32::from(step.byte(2)) * 4;
                let behind_us = u64::from(step.byte(3)) * 10_000;
                self.feed(Input::Load(Load { behind_us, inbox_permille: permille, store_permille: permille }));
            }
        }
    }

    fn take_outputs(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.endpoint.poll_output() {
            outputs += 1;
            assert!(outputs <= OUTPUTS_MAX, "one input sets off {outputs} outputs");
            match output {
                Output::Transmit { flow, bytes } => {
                    is_well_formed(&bytes);
                    self.hand.hear(flow.remote, &bytes);
                }
                Output::Connect { connection, .. } => self.connections.push(connection),
                Output::Close { connection } => self.connections.retain(|each| *each != connection),
                Output::Resolve { query, .. } => self.queries.push(query),
                Output::Trace(_) => {}
                Output::Event(event) => self.take_event(&event),
            }
        }
    }

    fn take_event(&mut self, event: &Event) {
        let Some(session) = event.session() else { return };
        assert!(!self.over.contains(&session), "{event:?} after the session's end");
        match event {
            Event::Incoming { .. } => self.sessions.push(session),
            Event::TransferAsked { transfer, .. } => self.transfers.push((session, *transfer)),
            Event::Ended { .. } | Event::Refused { .. } => {
                self.over.insert(session);
            }
            _ => {}
        }
    }

    /// Everybody hangs up, nobody answers, and time runs out.
    fn end(&mut self) {
        for session in self.sessions.clone() {
            if self.endpoint.command(self.now_us, Command::End { session, status: 480, reason: None }).is_ok() {
                self.over.insert(session);
            }
        }
        self.take_outputs();
        for account in ACCOUNTS {
            let _ = self.endpoint.command(self.now_us, Command::Unregister { account: (*account).to_owned() });
        }
        let mut wakes = 0;
        while let Some(due_us) = self.endpoint.next_timeout_us() {
            wakes += 1;
            assert!(wakes <= WAKES_MAX, "the endpoint does not come to rest");
            self.now_us = self.now_us.max(due_us);
            self.feed(Input::Timeout);
            self.take_outputs();
        }
        self.endpoint.streams_lost(self.now_us);
        self.take_outputs();
        assert_eq!((self.endpoint.sessions_len(), self.endpoint.transactions_len()), (0, 0), "{:#?}", self.endpoint);
        assert_eq!(self.endpoint.next_timeout_us(), None);
        let idle = format!("{:?}", self.endpoint).len();
        assert!(idle <= IDLE_BYTES_MAX, "{idle} bytes are left");
    }
}

fn party() -> Party {
    Party { display: "A \"b\"".into(), uri: "sip:+4989222@example.com".into(), user: "+4989222".into() }
}

fn credentials() -> Credentials {
    Credentials { username: "u".into(), password: "p".into() }
}

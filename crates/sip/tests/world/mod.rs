//! Two endpoints, or one endpoint and a hand that writes messages, in virtual time.

#![allow(dead_code, reason = "each test file uses its part of the world")]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use baton_sip::*;
use bytes::Bytes;

pub const SECOND: u64 = 1_000_000;
pub const MILLISECOND: u64 = 1_000;
pub const START_US: u64 = 1_700_000_000 * SECOND;
pub const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
pub const ANSWER: &str =
    "v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";

pub fn sdp(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub fn party(uri: &str) -> Party {
    Party { display: String::new(), uri: uri.into(), user: String::new() }
}

pub fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, side as u8 + 1], 5060))
}

pub fn config(side: usize) -> Config {
    let listener = |id, transport| Listener {
        id: ListenerId(id),
        transport,
        local: address(side),
        advertised: address(side),
        verifies_peers: false,
    };
    Config { listeners: vec![listener(0, Transport::Udp), listener(1, Transport::Tcp)], ..Config::default() }
}

pub fn peers() -> Access {
    let peer = |number: u32, text: &str| TrustedPeer {
        peer: PeerId(number),
        network: text.parse().unwrap(),
        prefix: 24,
        port: None,
    };
    Access { peers: vec![peer(1, "192.0.2.0")], ..Access::default() }
}

pub fn invite_to(side: usize, offer: Option<&str>) -> OutgoingInvite {
    OutgoingInvite {
        uri: format!("sip:bob@{}", address(side)),
        destination: Destination::address(Transport::Udp, address(side)),
        other_flows: Vec::new(),
        voice: Default::default(),
        route: Vec::new(),
        from: party("sip:alice@example.com"),
        to: party("sip:bob@example.com"),
        asserted_identity: None,
        referred_by: None,
        replaces: None,
        headers: Vec::new(),
        sdp: offer.map(sdp),
        credentials: None,
        max_forwards: 70,
        redirects_max: 0,
        patience_ms: None,
    }
}

/// The first word of a request, the status of a response with its CSeq method: `INVITE`, `200 INVITE`.
pub fn title(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split(' ');
    let first = words.next().unwrap_or("").to_owned();
    if first != "SIP/2.0" {
        return first;
    }
    let status = words.next().unwrap_or("").to_owned();
    let method = header(&text, "CSeq").split_whitespace().nth(1).unwrap_or("").to_owned();
    format!("{status} {method}")
}

/// The value of a header in a message's text; empty when it is absent.
pub fn header(text: &str, name: &str) -> String {
    headers(text, name).into_iter().next().unwrap_or_default()
}

pub fn headers(text: &str, name: &str) -> Vec<String> {
    let head = text.split("\r\n\r\n").next().unwrap_or("");
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .collect()
}

/// A tag in a From or To value.
pub fn tag(value: &str) -> String {
    value.split(";tag=").nth(1).unwrap_or("").split([';', '>']).next().unwrap_or("").to_owned()
}

/// What a datagram's fate is asked by: its number, its sender and its title.
pub type Fate = Box<dyn FnMut(usize, &str) -> Verdict>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Deliver,
    Lose,
    Twice,
    Late(u64),
}

/// Two endpoints that trust each other, joined by a network of 10 ms.
pub struct Pair {
    pub now_us: u64,
    pub nodes: [Endpoint; 2],
    pub events: [VecDeque<Event>; 2],
    pub ladder: Vec<String>,
    pub texts: Vec<String>,
    pub fate: Fate,
    in_flight: BTreeMap<(u64, u64), (usize, usize, Bytes)>,
    sent: u64,
}

impl Pair {
    pub fn new() -> Pair {
        Pair::with(|_, _| {})
    }

    pub fn with(change: impl Fn(usize, &mut Config)) -> Pair {
        let node = |side: usize| {
            let mut config = config(side);
            change(side, &mut config);
            let mut node = Endpoint::new(config, [side as u8 + 1; 32]);
            node.command(START_US, Command::SetAccess(peers())).unwrap();
            node
        };
        Pair {
            now_us: START_US,
            nodes: [node(0), node(1)],
            events: [VecDeque::new(), VecDeque::new()],
            ladder: Vec::new(),
            texts: Vec::new(),
            fate: Box::new(|_, _| Verdict::Deliver),
            in_flight: BTreeMap::new(),
            sent: 0,
        }
    }

    pub fn lose(mut self, fate: impl FnMut(usize, &str) -> Verdict + 'static) -> Pair {
        self.fate = Box::new(fate);
        self
    }

    pub fn command(&mut self, side: usize, command: Command) -> Result<(), CommandRefused> {
        let done = self.nodes[side].command(self.now_us, command);
        self.drain(side);
        done
    }

    pub fn run(&mut self, duration_us: u64) {
        let until_us = self.now_us + duration_us;
        while let Some(at_us) = self.next_us().filter(|at_us| *at_us <= until_us) {
            self.now_us = self.now_us.max(at_us);
            self.step();
        }
        self.now_us = until_us;
    }

    /// Long enough for messages, too brief for retransmissions.
    pub fn settle(&mut self) {
        self.run(400 * MILLISECOND);
    }

    /// Long enough for every wait of RFC 3261.
    pub fn run_out(&mut self) {
        self.run(400 * SECOND);
    }

    /// A datagram that seems to come from the other side.
    pub fn inject(&mut self, side: usize, bytes: Bytes) {
        let input = Input::Datagram { listener: ListenerId(0), source: address(1 - side), bytes };
        self.nodes[side].handle(self.now_us, input);
        self.drain(side);
    }

    pub fn event(&mut self, side: usize) -> Option<Event> {
        self.events[side].pop_front()
    }

    pub fn take_ladder(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ladder)
    }

    /// Writes both endpoints down and reads them back.
    pub fn freeze_and_revive(&mut self) {
        for node in &mut self.nodes {
            let text = serde_json::to_string(node).unwrap();
            let revived: Endpoint = serde_json::from_str(&text).unwrap();
            assert!(*node == revived, "what was written down reads back the same");
            *node = revived;
        }
    }

    pub fn assert_empty(&self) {
        for (side, node) in self.nodes.iter().enumerate() {
            assert_eq!((node.sessions_len(), node.transactions_len()), (0, 0), "side {side}: {node:#?}");
            assert_eq!(node.next_timeout_us(), None, "side {side}");
        }
    }

    fn next_us(&self) -> Option<u64> {
        let packet = self.in_flight.keys().next().map(|(at_us, _)| *at_us);
        let timers = self.nodes.iter().filter_map(Endpoint::next_timeout_us);
        timers.chain(packet).min()
    }

    fn step(&mut self) {
        if let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now_us) {
            let (from, to, bytes) = entry.remove();
            let input = Input::Datagram { listener: ListenerId(0), source: address(from), bytes };
            self.nodes[to].handle(self.now_us, input);
            return self.drain(to);
        }
        for side in 0..2 {
            if self.nodes[side].next_timeout_us().is_some_and(|at_us| at_us <= self.now_us) {
                self.nodes[side].handle(self.now_us, Input::Timeout);
                self.drain(side);
            }
        }
    }

    fn drain(&mut self, side: usize) {
        while let Some(output) = self.nodes[side].poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.send(side, flow, bytes),
                Output::Event(event) => self.events[side].push_back(event),
                other => panic!("not of this world: {other:?}"),
            }
        }
    }

    fn send(&mut self, from: usize, flow: Flow, bytes: Bytes) {
        let title = title(&bytes);
        self.ladder.push(format!("{} {title}", if from == 0 { ">" } else { "<" }));
        self.texts.push(String::from_utf8_lossy(&bytes).into_owned());
        let Some(to) = (0..2).find(|side| address(*side) == flow.remote) else { return };
        let delays: &[u64] = match (self.fate)(from, &title) {
            Verdict::Deliver => &[10 * MILLISECOND],
            Verdict::Lose => &[],
            Verdict::Twice => &[10 * MILLISECOND, 30 * MILLISECOND],
            Verdict::Late(delay_us) => &[delay_us],
        };
        for delay_us in delays {
            self.sent += 1;
            self.in_flight.insert((self.now_us + delay_us, self.sent), (from, to, bytes.clone()));
        }
    }
}

/// A call from side 0 to side 1, in the state that its name says.
impl Pair {
    pub fn calling(&mut self, offer: Option<&str>) -> (SessionId, SessionId) {
        let caller = self.nodes[0].allocate_session();
        let invite = Box::new(invite_to(1, offer));
        self.command(0, Command::Invite { session: caller, invite }).unwrap();
        self.run(50 * MILLISECOND);
        match self.event(1) {
            Some(Event::Incoming { session, .. }) => (caller, session),
            other => panic!("no call came: {other:?}"),
        }
    }

    pub fn talking(&mut self) -> (SessionId, SessionId) {
        let (caller, callee) = self.calling(Some(OFFER));
        self.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
        self.settle();
        assert!(matches!(self.event(0), Some(Event::Answered { .. })));
        assert!(matches!(self.event(1), Some(Event::Confirmed { .. })));
        self.ladder.clear();
        (caller, callee)
    }

    pub fn end(&mut self, side: usize, session: SessionId) {
        self.command(side, Command::End { session, status: 480, reason: None }).unwrap();
    }

    pub fn no_events(&mut self) {
        for side in 0..2 {
            assert_eq!(self.event(side), None, "side {side}");
        }
    }
}

/// One endpoint and a hand that writes messages to it.
pub struct Desk {
    pub now_us: u64,
    pub endpoint: Endpoint,
    pub events: VecDeque<Event>,
    pub sent: VecDeque<String>,
    pub flows: VecDeque<Flow>,
    pub outputs: VecDeque<Output>,
    pub source: SocketAddr,
    /// What is sent goes along this connection, if there is one, else by UDP.
    pub connection: Option<ConnectionHandle>,
}

impl Desk {
    pub fn new() -> Desk {
        Desk::with(config(0), peers())
    }

    pub fn with(config: Config, access: Access) -> Desk {
        let mut endpoint = Endpoint::new(config, [9; 32]);
        endpoint.command(START_US, Command::SetAccess(access)).unwrap();
        Desk {
            now_us: START_US,
            endpoint,
            events: VecDeque::new(),
            sent: VecDeque::new(),
            flows: VecDeque::new(),
            outputs: VecDeque::new(),
            source: address(1),
            connection: None,
        }
    }

    /// A peer at this address has opened a TCP connection, which it sends along from now on.
    pub fn connect(&mut self, connection: ConnectionHandle, remote: SocketAddr) {
        let (listener, peer_names) = (ListenerId(1), Vec::new());
        self.handle(Input::StreamOpened { connection, listener, remote, peer_names });
        (self.connection, self.source) = (Some(connection), remote);
    }

    /// Sends a message: lines as in the test's text, a blank line and a body after `--` if there is one.
    pub fn send(&mut self, text: &str) -> &mut Self {
        let bytes = message(text);
        let input = match self.connection {
            Some(connection) => Input::StreamBytes { connection, bytes },
            None => Input::Datagram { listener: ListenerId(0), source: self.source, bytes },
        };
        self.handle(input)
    }

    pub fn handle(&mut self, input: Input) -> &mut Self {
        self.endpoint.handle(self.now_us, input);
        self.drain();
        self
    }

    pub fn command(&mut self, command: Command) -> Result<(), CommandRefused> {
        let done = self.endpoint.command(self.now_us, command);
        self.drain();
        done
    }

    pub fn run(&mut self, duration_us: u64) {
        let until_us = self.now_us + duration_us;
        while let Some(at_us) = self.endpoint.next_timeout_us().filter(|at_us| *at_us <= until_us) {
            self.now_us = self.now_us.max(at_us);
            self.endpoint.handle(self.now_us, Input::Timeout);
            self.drain();
        }
        self.now_us = until_us;
    }

    /// The titles of what was sent since the last look.
    pub fn titles(&mut self) -> Vec<String> {
        self.sent.drain(..).map(|text| title(text.as_bytes())).collect()
    }

    /// The next message sent.
    pub fn next(&mut self) -> String {
        self.flows.pop_front();
        self.sent.pop_front().expect("a message was sent")
    }

    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Answers the request in `request`, which the endpoint sent.
    pub fn answer(&mut self, request: &str, status: &str, to_tag: &str, extra: &str) -> &mut Self {
        let to = header(request, "To");
        let to = if tag(&to).is_empty() && !to_tag.is_empty() { format!("{to};tag={to_tag}") } else { to };
        let text = format!(
            "SIP/2.0 {status}\nVia: {}\nFrom: {}\nTo: {to}\nCall-ID: {}\nCSeq: {}\n{extra}",
            header(request, "Via"),
            header(request, "From"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
        );
        self.send(&text)
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, flow } => {
                    self.sent.push_back(String::from_utf8_lossy(&bytes).into_owned());
                    self.flows.push_back(flow);
                }
                Output::Event(event) => self.events.push_back(event),
                other => self.outputs.push_back(other),
            }
        }
    }
}

/// Bytes of a message written with plain line ends. What follows a line `--` is the body; Content-Length is added.
pub fn message(text: &str) -> Bytes {
    let (head, body) = text.split_once("\n--\n").unwrap_or((text, ""));
    let mut out = String::new();
    for line in head.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        out.push_str(line);
        out.push_str("\r\n");
    }
    let body = body.replace("\r\n", "\n").replace('\n', "\r\n");
    out.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    Bytes::from(out)
}

impl Desk {
    pub fn no_event(&mut self) {
        assert_eq!(self.event(), None);
    }
}

/// A hand-written phone (192.0.2.2) that has called the endpoint, and was answered.
pub struct Phone {
    pub desk: Desk,
    pub session: SessionId,
    /// The 200 that answered it.
    pub ok: String,
    /// The endpoint's tag.
    pub tag: String,
}

impl Phone {
    pub fn invite(extra: &str) -> String {
        format!(
            "INVITE sip:desk@192.0.2.1 SIP/2.0\n\
             Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKinvite;rport\n\
             Max-Forwards: 70\n\
             From: <sip:phone@example.com>;tag=phonetag\n\
             To: <sip:desk@example.com>\n\
             Call-ID: phonecall\n\
             CSeq: 1 INVITE\n\
             Contact: <sip:phone@192.0.2.2:5060>\n\
             {extra}\n\
             Content-Type: application/sdp\n--\n{OFFER}"
        )
    }

    pub fn answered() -> Phone {
        Phone::answered_with("")
    }

    pub fn answered_with(extra: &str) -> Phone {
        let mut desk = Desk::new();
        desk.send(&Phone::invite(extra));
        let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
        desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
        let ok = desk.sent.pop_back().unwrap();
        desk.titles();
        desk.flows.clear();
        let tag = tag(&header(&ok, "To"));
        let mut phone = Phone { desk, session, ok, tag };
        let ack = phone.request("ACK", 1, "z9hG4bKack", "");
        phone.desk.send(&ack);
        assert_eq!(phone.desk.event(), Some(Event::Confirmed { session }));
        phone
    }

    /// A request of the phone's in the dialog.
    pub fn request(&self, method: &str, cseq: u32, branch: &str, extra: &str) -> String {
        format!(
            "{method} sip:desk@192.0.2.1 SIP/2.0\n\
             Via: SIP/2.0/UDP 192.0.2.2:5060;branch={branch};rport\n\
             Max-Forwards: 70\n\
             From: <sip:phone@example.com>;tag=phonetag\n\
             To: <sip:desk@example.com>;tag={}\n\
             Call-ID: phonecall\n\
             CSeq: {cseq} {method}\n\
             Contact: <sip:phone@192.0.2.2:5060>\n\
             {extra}",
            self.tag
        )
    }
}

//! `cargo bench -p baton-contact`: what the core itself takes for a bridged call from trunk to trunk, without sockets, threads and
//! store: CPU time per call and per message, in memory, in virtual time. Calls come at a rate and last a second, and the
//! transactions of those that are over stay for their 32 s, as in service.

#![allow(clippy::unwrap_used, missing_docs, reason = "a measurement that cannot go on may panic")]

use std::collections::VecDeque;
use std::net::SocketAddr;

use baton_contact::directory::{Directory, Route, Trunk};
use baton_contact::{Config, Core, Input, Output};
use baton_media::{Command, Event, Statistics};
use baton_sip::{Listener, ListenerId, Transport};
use bytes::Bytes;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Calls a second, and how many are measured.
const RATE: u64 = 3_000;
const CALLS: u64 = 10_000;
/// How long a call lasts, in calls that begin meanwhile.
const LASTS: usize = RATE as usize;

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n\
                     a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

struct Bench {
    core: Core,
    now_us: u64,
    /// What was sent since the last look, with its destination.
    sent: Vec<(SocketAddr, Bytes)>,
    closed: Vec<baton_media::StreamId>,
    messages: u64,
}

/// What is needed to end a call.
struct Up {
    number: u64,
    to: String,
}

fn main() {
    let mut bench = Bench::new();
    let mut up = VecDeque::new();
    let mut calls = |bench: &mut Bench, from: u64, count: u64| {
        for number in from..from + count {
            bench.now_us += 1_000_000 / RATE;
            bench.tick();
            up.push_back(bench.begin(number));
            if up.len() > LASTS {
                let call = up.pop_front().unwrap();
                bench.end(&call);
            }
        }
    };
    // Soon after the start, and when as many transactions are forgotten as begin.
    let mut from = 0;
    for warm_up in [RATE, 35 * RATE] {
        calls(&mut bench, from, warm_up);
        let (before, messages) = (cpu_us(), bench.messages);
        calls(&mut bench, from + warm_up, CALLS);
        let (used, messages) = (cpu_us() - before, bench.messages - messages);
        println!(
            "a bridged call: {:.1} µs of CPU in the core; a message in or out: {:.2} µs (at the end {} transactions)",
            used / CALLS as f64,
            used / messages as f64,
            bench.core.gauges().transactions
        );
        from += warm_up + CALLS;
    }
}

impl Bench {
    fn new() -> Bench {
        let trunk = |name: &str, address: &str| Trunk {
            name: name.into(),
            address: address.into(),
            tandem: true,
            max_calls: 100_000,
            ..Trunk::default()
        };
        let directory = Directory {
            trunks: vec![trunk("a", "127.0.0.2:5070"), trunk("b", "127.0.0.3:5070")],
            routes: vec![Route { prefix: "9".into(), trunk: "b".into(), ..Route::default() }],
            ..Directory::default()
        };
        let mut config = Config { media_ports: (10_000, 60_000), ..Config::default() };
        let local = "127.0.0.1:5060".parse().unwrap();
        let (id, transport) = (ListenerId(0), Transport::Udp);
        config.sip.listeners = vec![Listener { id, transport, local, advertised: local, verifies_peers: false }];
        config.sip.sessions_max = 100_000;
        config.sip.transactions_max = 10_000_000;
        config.limits.conversations_max = 100_000;
        let core = Core::new(config, [7; 32], directory);
        let mut bench =
            Bench { core, now_us: 1_700_000_000_000_000, sent: Vec::new(), closed: Vec::new(), messages: 0 };
        bench.drain();
        bench
    }

    fn tick(&mut self) {
        while self.core.next_timeout_us().is_some_and(|due_us| due_us <= self.now_us) {
            self.core.handle(self.now_us, Input::Timeout);
            self.drain();
        }
    }

    fn drain(&mut self) {
        loop {
            while let Some(output) = self.core.poll_output() {
                match output {
                    Output::Sip(baton_sip::Output::Transmit { flow, bytes }) => {
                        self.messages += 1;
                        self.sent.push((flow.remote, bytes));
                    }
                    Output::Media(_, Command::Close { stream }) => self.closed.push(stream),
                    _ => {}
                }
            }
            let Some(stream) = self.closed.pop() else { return };
            self.core.handle(self.now_us, Input::Media(Event::Closed { stream, statistics: Statistics::default() }));
        }
    }

    fn take(&mut self, source: &str, text: String) {
        self.messages += 1;
        let datagram = baton_sip::Input::Datagram {
            listener: ListenerId(0),
            source: source.parse().unwrap(),
            bytes: Bytes::from(text),
        };
        self.core.handle(self.now_us, Input::Sip(datagram));
        self.drain();
    }

    /// The last message sent that begins like this.
    fn sent(&mut self, beginning: &str) -> String {
        let found = self.sent.iter().rev().find(|(_, bytes)| bytes.starts_with(beginning.as_bytes()));
        let text = found.map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap());
        text.unwrap_or_else(|| panic!("no {beginning} among {:?}", self.sent))
    }

    fn begin(&mut self, number: u64) -> Up {
        self.sent.clear();
        let head = request_head("INVITE", number, 1, "");
        let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}", OFFER.len());
        self.take("127.0.0.2:5070", head + &body);
        let invite = self.sent("INVITE");
        self.take("127.0.0.3:5070", response(&invite, "180 Ringing", ""));
        let answer = OFFER.replace("127.0.0.2", "127.0.0.3");
        self.take("127.0.0.3:5070", response(&invite, "200 OK", &answer));
        let to = line(&self.sent("SIP/2.0 200"), "To").to_owned();
        self.take("127.0.0.2:5070", request_head("ACK", number, 1, &to) + "Content-Length: 0\r\n\r\n");
        Up { number, to }
    }

    fn end(&mut self, call: &Up) {
        self.sent.clear();
        self.take("127.0.0.2:5070", request_head("BYE", call.number, 2, &call.to) + "Content-Length: 0\r\n\r\n");
        let bye = self.sent("BYE");
        self.take("127.0.0.3:5070", response(&bye, "200 OK", ""));
    }
}

fn request_head(method: &str, number: u64, cseq: u32, to: &str) -> String {
    let uri = if to.is_empty() { format!("sip:9{number:06}@127.0.0.1") } else { "sip:127.0.0.1:5060".to_owned() };
    let to = if to.is_empty() { format!("<{uri}>") } else { to.to_owned() };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bK-{method}-{number}-{cseq};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:5{number:06}@127.0.0.2>;tag=a{number}\r\nTo: {to}\r\n\
         Call-ID: a{number}-1796023562210\r\nCSeq: {cseq} {method}\r\nContact: <sip:127.0.0.2:5070>\r\n"
    )
}

fn response(request: &str, status: &str, sdp: &str) -> String {
    let [via, from, to, call_id, cseq] = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| line(request, name));
    let to = if to.contains("tag=") { to.to_owned() } else { format!("{to};tag=b") };
    let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\
         Contact: <sip:127.0.0.3:5070>\r\n{kind}Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    let lines = message.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(found, _)| *found == name).map(|(_, value)| value).next().unwrap()
}

/// CPU time of this thread, in microseconds.
fn cpu_us() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

//! Callers and callees in one thread: an open-loop load of calls, judged message by message.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll;

use crate::media::{Content, FirstHeard, Media, StreamId};
use crate::message::{Message, NO_BODY, body, description};
use crate::system;

pub(crate) const MILLISECOND: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;

/// RFC 3261's T1, at which requests and 200s are sent again, doubling.
const T1: u64 = 500 * MILLISECOND;

/// A request is given up after this many sendings.
const SENDINGS_MAX: u32 = 6;

/// What a call of the load is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From trunk A by prefix to trunk B, hung up by the caller.
    Tandem,
    /// The same, and the callee refers the caller to another number of trunk B after this many milliseconds.
    Transfer(u64),
    /// To a conference room; the party's tone.
    Room(u32, usize),
}

/// One call, seen from its caller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) started: u64,
    /// The INVITE reached the callee.
    pub(crate) invited: u64,
    /// The 200 reached the caller.
    pub(crate) answered: u64,
    /// The caller's BYE was answered, or the far BYE came.
    pub(crate) ended: u64,
    /// The final status, or 0 for a timeout.
    pub(crate) failed: Option<u16>,
    pub(crate) referred: u64,
    pub(crate) refer_status: u16,
    pub(crate) target_invited: u64,
    /// The referred caller heard the target, and the target the caller.
    pub(crate) caller_heard: u64,
    pub(crate) target_heard: u64,
    /// The last NOTIFY said so.
    pub(crate) notified: u16,
    caller: usize,
    callee: Option<usize>,
    target: Option<usize>,
}

/// How the calls of a load look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// From the answer to the caller's BYE; `None`: until [`Load::hang_up_all`].
    pub(crate) hold: Option<u64>,
    pub(crate) media: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling,
    Ringing,
    Answering,
    Up,
    Closing,
    Over,
}

#[derive(Debug)]
struct Leg {
    side: usize,
    call: usize,
    state: State,
    call_id: String,
    ours: String,
    theirs: String,
    remote: String,
    sequence: u32,
    /// What is sent again until it is answered.
    pending: String,
    /// Which sending timer counts.
    generation: u32,
    stream: Option<StreamId>,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    SendAgain { leg: usize, generation: u32, sendings: u32 },
    HangUp { leg: usize },
    Refer { call: usize },
}

/// A trunk peer.
#[derive(Debug)]
struct Side {
    socket: UdpSocket,
    address: SocketAddr,
    server: SocketAddr,
    sink: u16,
    _sink: UdpSocket,
}

/// The load.
#[derive(Debug)]
pub(crate) struct Load {
    sides: [Side; 2],
    epoll: OwnedFd,
    legs: Vec<Leg>,
    by_call_id: [HashMap<String, usize>; 2],
    timers: BinaryHeap<Reverse<(u64, Timer)>>,
    owners: HashMap<StreamId, (usize, usize)>,
    pub(crate) calls: Vec<Call>,
    shapes: Vec<Shape>,
    pub(crate) media: Media,
    run: u64,
    /// Messages received in the run.
    pub(crate) messages: u64,
    /// How far behind its schedule a call was started, at most.
    pub(crate) lateness: u64,
    /// Whether an OPTIONS has been answered.
    pub(crate) server_answers: bool,
    pub(crate) verbose: bool,
}

/// The two trunk peers' addresses.
pub(crate) const PEERS: [&str; 2] = ["127.0.0.2:5070", "127.0.0.3:5070"];

impl Load {
    /// Both peers talk to `server`, or to each other without one.
    pub(crate) fn new(server: Option<SocketAddr>) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> = PEERS.iter().filter_map(|peer| peer.parse().ok()).collect();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let side = |index: usize| -> io::Result<Side> {
            let address = addresses[index];
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            system::prepare(socket.as_fd(), 8 * 1024 * 1024)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &socket, data, epoll::EventFlags::IN)?;
            let sink = UdpSocket::bind((address.ip(), 0))?;
            Ok(Side {
                socket,
                address,
                server: server.unwrap_or(addresses[1 - index]),
                sink: sink.local_addr()?.port(),
                _sink: sink,
            })
        };
        Ok(Self {
            sides: [side(0)?, side(1)?],
            epoll,
            legs: Vec::new(),
            by_call_id: [HashMap::new(), HashMap::new()],
            timers: BinaryHeap::new(),
            owners: HashMap::new(),
            calls: Vec::new(),
            shapes: Vec::new(),
            media: Media::new()?,
            run: system::now() / MILLISECOND,
            messages: 0,
            lateness: 0,
            server_answers: false,
            verbose: std::env::var_os("BENCH_VERBOSE").is_some(),
        })
    }

    /// Asks the server whether it is there; [`Load::server_answers`] tells.
    pub(crate) fn ask(&mut self) -> io::Result<()> {
        let side = &self.sides[0];
        let (address, server, unique) = (side.address, side.server, system::now());
        let text = format!(
            "OPTIONS sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKo{unique};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bench@{address}>;tag=o{unique}\r\nTo: <sip:{server}>\r\n\
             Call-ID: options-{unique}\r\nCSeq: 1 OPTIONS\r\n{NO_BODY}"
        );
        self.send(0, &text);
        self.run_until(system::now() + 50 * MILLISECOND)
    }

    /// Starts `count` calls at `rate` a second, on schedule whatever happens, and returns after the last.
    pub(crate) fn start(&mut self, rate: f64, count: usize, shape: Shape) -> io::Result<()> {
        let begin = system::now();
        for index in 0..count {
            let at = begin + (index as f64 / rate * SECOND as f64) as u64;
            self.run_until(at)?;
            self.lateness = self.lateness.max(system::now().saturating_sub(at));
            self.invite(shape)?;
        }
        Ok(())
    }

    /// Hangs up all calls, at 200 a second.
    pub(crate) fn hang_up_all(&mut self) -> io::Result<()> {
        for call in 0..self.calls.len() {
            let leg = self.calls[call].caller;
            if self.legs[leg].state == State::Up {
                self.bye(leg);
                self.run_until(system::now() + 5 * MILLISECOND)?;
            }
        }
        self.run_until(system::now() + 300 * MILLISECOND)
    }

    /// Runs until all calls have ended or failed, at most for `limit` nanoseconds.
    pub(crate) fn settle(&mut self, limit: u64) -> io::Result<()> {
        let end = system::now() + limit;
        while system::now() < end && self.calls.iter().any(|call| call.ended == 0 && call.failed.is_none()) {
            self.run_until((system::now() + 50 * MILLISECOND).min(end))?;
        }
        Ok(())
    }

    /// Forgets all calls, for the next step on the same server.
    pub(crate) fn forget(&mut self) {
        for stream in self.legs.iter().filter_map(|leg| leg.stream) {
            self.media.close(stream);
        }
        self.legs.clear();
        self.calls.clear();
        self.shapes.clear();
        self.timers.clear();
        self.owners.clear();
        self.by_call_id = [HashMap::new(), HashMap::new()];
        self.run += 1;
        self.lateness = 0;
    }

    /// How many calls are answered and not ended.
    pub(crate) fn up(&self) -> usize {
        self.calls.iter().filter(|call| call.answered != 0 && call.ended == 0).count()
    }

    /// The caller's stream of a call.
    pub(crate) fn caller_stream(&self, call: usize) -> Option<StreamId> {
        self.legs[self.calls[call].caller].stream
    }

    /// Works until `end`: messages, timers, RTP.
    pub(crate) fn run_until(&mut self, end: u64) -> io::Result<()> {
        loop {
            let now = system::now();
            self.fire_timers(now);
            if self.media.next_at().is_some_and(|at| at <= now) {
                self.media.turn()?;
                self.take_first_heard();
            }
            if now >= end {
                return Ok(());
            }
            self.wait(end)?;
        }
    }

    fn wait(&mut self, end: u64) -> io::Result<()> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let until = [timer, self.media.next_at()].into_iter().flatten().fold(end, u64::min);
        let wait = until.saturating_sub(system::now());
        let timeout = rustix::time::Timespec {
            tv_sec: i64::try_from(wait / SECOND).unwrap_or(0),
            tv_nsec: i64::try_from(wait % SECOND).unwrap_or(0),
        };
        let mut events = Vec::with_capacity(4);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            self.receive(event.data.u64() as usize);
        }
        Ok(())
    }

    fn receive(&mut self, side: usize) {
        let mut buffer = [0; 8192];
        // Bounded, so that a flood does not keep the schedule waiting; epoll tells again.
        for _ in 0..64 {
            let Some((length, at)) = system::receive(self.sides[side].socket.as_fd(), &mut buffer) else {
                return;
            };
            self.messages += 1;
            let Some(message) = Message::parse(&buffer[..length]) else { continue };
            if self.verbose {
                eprintln!("<< {} {}", PEERS[side], String::from_utf8_lossy(&buffer[..length]));
            }
            match message.status() {
                Some(status) => self.take_response(side, &message, status, at),
                None => self.take_request(side, &message, at),
            }
        }
    }

    fn send(&mut self, side: usize, text: &str) {
        if self.verbose {
            eprintln!(">> {} {text}", PEERS[side]);
        }
        let side = &self.sides[side];
        // A full send buffer is a loss like any other.
        let _ = side.socket.send_to(text.as_bytes(), side.server);
    }

    fn send_until_answered(&mut self, leg: usize, text: String) {
        self.send(self.legs[leg].side, &text);
        self.legs[leg].pending = text;
        self.legs[leg].generation += 1;
        let generation = self.legs[leg].generation;
        self.timers.push(Reverse((system::now() + T1, Timer::SendAgain { leg, generation, sendings: 1 })));
    }

    fn answered(&mut self, leg: usize) {
        self.legs[leg].generation += 1;
        self.legs[leg].pending.clear();
    }

    fn fire_timers(&mut self, now: u64) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            match timer {
                Timer::SendAgain { leg, generation, sendings } => self.send_again(leg, generation, sendings, now),
                Timer::HangUp { leg } if self.legs[leg].state == State::Up => self.bye(leg),
                Timer::HangUp { .. } => {}
                Timer::Refer { call } => self.refer(call),
            }
        }
    }

    fn send_again(&mut self, leg: usize, generation: u32, sendings: u32, now: u64) {
        if self.legs[leg].generation != generation || self.legs[leg].pending.is_empty() {
            return;
        }
        if sendings >= SENDINGS_MAX {
            let call = self.legs[leg].call;
            self.fail(call, 0);
            self.over(leg);
            return;
        }
        let text = self.legs[leg].pending.clone();
        self.send(self.legs[leg].side, &text);
        let timer = Timer::SendAgain { leg, generation, sendings: sendings + 1 };
        self.timers.push(Reverse((now + (T1 << sendings.min(3)), timer)));
    }

    /// Opens a leg's media and gives the description for it.
    fn describe(&mut self, leg: usize) -> io::Result<String> {
        let call = self.legs[leg].call;
        let shape = self.shapes[call];
        let side = self.legs[leg].side;
        if shape.media && self.legs[leg].stream.is_none() {
            let (content, room) = match shape.kind {
                Kind::Room(room, tone) => (Content::Tone(tone), Some(room)),
                _ => (Content::Stamps, None),
            };
            let (stream, port) = self.media.open(self.sides[side].address.ip(), content, room)?;
            self.owners.insert(stream, (call, leg));
            self.legs[leg].stream = Some(stream);
            self.legs[leg].port = port;
        }
        let port = if self.legs[leg].port == 0 { self.sides[side].sink } else { self.legs[leg].port };
        Ok(description(self.sides[side].address.ip(), port, self.sides[side].sink))
    }

    fn start_media(&mut self, leg: usize, message: &Message) {
        if let (Some(stream), Some(remote)) = (self.legs[leg].stream, message.media()) {
            self.media.start(stream, remote);
        }
    }

    fn add_leg(&mut self, side: usize, call: usize, state: State, call_id: &str) -> usize {
        let leg = self.legs.len();
        self.by_call_id[side].insert(call_id.to_owned(), leg);
        self.legs.push(Leg {
            side,
            call,
            state,
            call_id: call_id.to_owned(),
            ours: String::new(),
            theirs: String::new(),
            remote: String::new(),
            sequence: 1,
            pending: String::new(),
            generation: 0,
            stream: None,
            port: 0,
        });
        leg
    }

    fn invite(&mut self, shape: Shape) -> io::Result<()> {
        let call = self.calls.len();
        let call_id = format!("a{call}-{}", self.run);
        let caller = self.add_leg(0, call, State::Calling, &call_id);
        self.calls.push(Call { caller, ..Call::default() });
        self.shapes.push(shape);
        let (address, server) = (self.sides[0].address, self.sides[0].server);
        let number = match shape.kind {
            Kind::Tandem | Kind::Transfer(_) => format!("9{call:06}"),
            Kind::Room(room, _) => format!("70{room:02}"),
        };
        let end = body(&self.describe(caller)?);
        let leg = &mut self.legs[caller];
        leg.ours = format!("<sip:5{call:06}@{address}>;tag={call_id}");
        leg.theirs = format!("<sip:{number}@{server}>");
        leg.remote = format!("sip:{number}@{server}");
        let text = request(leg, "INVITE", address, &format!("Supported: replaces\r\n{end}"));
        self.calls[call].started = system::now();
        self.send_until_answered(caller, text);
        Ok(())
    }

    /// A request within the leg's dialog.
    fn in_dialog(&mut self, leg: usize, method: &str, rest: &str) -> String {
        self.legs[leg].sequence += 1;
        let address = self.sides[self.legs[leg].side].address;
        request(&self.legs[leg], method, address, rest)
    }

    fn bye(&mut self, leg: usize) {
        self.legs[leg].state = State::Closing;
        let text = self.in_dialog(leg, "BYE", NO_BODY);
        self.send_until_answered(leg, text);
    }

    fn refer(&mut self, call: usize) {
        let Some(leg) = self.calls[call].callee else { return };
        if self.legs[leg].state != State::Up {
            return;
        }
        let server = self.sides[1].server;
        let rest =
            format!("Refer-To: <sip:8{call:06}@{server}>\r\nReferred-By: <sip:9{call:06}@{server}>\r\n{NO_BODY}");
        let text = self.in_dialog(leg, "REFER", &rest);
        self.calls[call].referred = system::now();
        self.send_until_answered(leg, text);
    }

    fn over(&mut self, leg: usize) {
        self.answered(leg);
        self.legs[leg].state = State::Over;
        if let Some(stream) = self.legs[leg].stream.take() {
            self.media.close(stream);
        }
        let call = &mut self.calls[self.legs[leg].call];
        if call.caller == leg && call.ended == 0 {
            call.ended = system::now();
        }
    }

    fn fail(&mut self, call: usize, status: u16) {
        self.calls[call].failed.get_or_insert(status);
    }

    fn take_response(&mut self, side: usize, message: &Message, status: u16, at: u64) {
        let call_id = message.header("Call-ID", "i").unwrap_or_default();
        if call_id.starts_with("options-") {
            self.server_answers = true;
        }
        let Some(leg) = self.by_call_id[side].get(call_id).copied() else { return };
        match message.cseq_method() {
            "INVITE" => self.take_invite_response(leg, message, status, at),
            "BYE" if status >= 200 => self.over(leg),
            "REFER" if status >= 200 => {
                self.answered(leg);
                let call = self.legs[leg].call;
                self.calls[call].refer_status = status;
                if status >= 300 {
                    self.fail(call, status);
                }
            }
            _ => {}
        }
    }

    fn take_invite_response(&mut self, leg: usize, message: &Message, status: u16, at: u64) {
        let is_new = matches!(self.legs[leg].state, State::Calling | State::Ringing);
        if status < 200 {
            if is_new {
                self.answered(leg);
                self.legs[leg].state = State::Ringing;
            }
            return;
        }
        let side = self.legs[leg].side;
        let address = self.sides[side].address;
        let branch_of_invite = self.legs[leg].sequence;
        if let Some(to) = message.header("To", "t")
            && is_new
        {
            self.legs[leg].theirs = to.to_owned();
        }
        if status >= 300 {
            let ack = acknowledgement(&self.legs[leg], address, branch_of_invite, true);
            self.send(side, &ack);
            let call = self.legs[leg].call;
            self.fail(call, status);
            self.over(leg);
            return;
        }
        if let Some(contact) = message.contact()
            && is_new
        {
            self.legs[leg].remote = contact.to_owned();
        }
        let ack = acknowledgement(&self.legs[leg], address, 1, false);
        self.send(side, &ack);
        if is_new {
            self.answered(leg);
            self.legs[leg].state = State::Up;
            self.start_media(leg, message);
            let call = self.legs[leg].call;
            self.calls[call].answered = at;
            if let Some(hold) = self.shapes[call].hold {
                self.timers.push(Reverse((system::now() + hold, Timer::HangUp { leg })));
            }
        }
    }

    fn take_request(&mut self, side: usize, message: &Message, at: u64) {
        let call_id = message.header("Call-ID", "i").unwrap_or_default();
        let leg = self.by_call_id[side].get(call_id).copied();
        match (message.method(), leg) {
            ("INVITE", None) => self.take_invite(side, message, at),
            ("INVITE", Some(leg)) => self.take_invite_again(leg, message),
            ("ACK", Some(leg)) => self.take_ack(leg),
            ("ACK", None) => {}
            ("BYE", Some(leg)) => {
                self.reply(side, message, "200 OK", NO_BODY);
                self.over(leg);
            }
            ("NOTIFY", Some(leg)) => {
                self.reply(side, message, "200 OK", NO_BODY);
                let status = message.body.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
                let call = self.legs[leg].call;
                self.calls[call].notified = status.unwrap_or(self.calls[call].notified);
            }
            ("UPDATE", Some(leg)) if !message.body.is_empty() => self.take_offer(leg, message),
            ("OPTIONS", _) | (_, Some(_)) => self.reply(side, message, "200 OK", NO_BODY),
            (_, None) => self.reply(side, message, "481 Call/Transaction Does Not Exist", NO_BODY),
        }
    }

    fn reply(&mut self, side: usize, message: &Message, status: &str, rest: &str) {
        let text = message.response(status, "bench", rest);
        self.send(side, &text);
    }

    /// A new call: its number names the call of the load (9…: callee, 8…: target of a transfer).
    fn take_invite(&mut self, side: usize, message: &Message, at: u64) {
        let user = message.request_user();
        let call = user.get(1..).and_then(|number| number.parse::<usize>().ok());
        let Some(call) = call.filter(|call| *call < self.calls.len()) else {
            self.reply(side, message, "404 Not Found", NO_BODY);
            return;
        };
        let call_id = message.header("Call-ID", "i").unwrap_or_default();
        let leg = self.add_leg(side, call, State::Answering, call_id);
        if user.starts_with('8') {
            self.calls[call].target = Some(leg);
            self.calls[call].target_invited = at;
        } else {
            self.calls[call].callee = Some(leg);
            self.calls[call].invited = at;
        }
        let Ok(sdp) = self.describe(leg) else {
            self.reply(side, message, "503 Service Unavailable", NO_BODY);
            return;
        };
        let tag = format!("b{leg}");
        self.legs[leg].ours = format!("{};tag={tag}", message.header("To", "t").unwrap_or_default());
        self.legs[leg].theirs = message.header("From", "f").unwrap_or_default().to_owned();
        self.legs[leg].remote = message.contact().unwrap_or_default().to_owned();
        let contact = format!("Contact: <sip:{user}@{}>\r\n", self.sides[side].address);
        let trying = message.response("100 Trying", "", NO_BODY);
        let ringing = message.response("180 Ringing", &tag, &format!("{contact}{NO_BODY}"));
        let answer = message.response("200 OK", &tag, &format!("{contact}{ALLOW}{}", body(&sdp)));
        self.send(side, &trying);
        self.send(side, &ringing);
        self.send_until_answered(leg, answer);
        self.start_media(leg, message);
    }

    /// A retransmission, or a re-INVITE.
    fn take_invite_again(&mut self, leg: usize, message: &Message) {
        if self.legs[leg].state == State::Answering {
            let text = self.legs[leg].pending.clone();
            self.send(self.legs[leg].side, &text);
        } else {
            self.take_offer(leg, message);
        }
    }

    fn take_offer(&mut self, leg: usize, message: &Message) {
        let Ok(sdp) = self.describe(leg) else { return };
        let side = self.legs[leg].side;
        let contact = format!("Contact: <sip:bench@{}>\r\n", self.sides[side].address);
        self.reply(side, message, "200 OK", &format!("{contact}{}", body(&sdp)));
        self.start_media(leg, message);
    }

    fn take_ack(&mut self, leg: usize) {
        if self.legs[leg].state != State::Answering {
            return;
        }
        self.answered(leg);
        self.legs[leg].state = State::Up;
        let call = self.legs[leg].call;
        if let Kind::Transfer(delay) = self.shapes[call].kind
            && self.calls[call].callee == Some(leg)
        {
            self.timers.push(Reverse((system::now() + delay * MILLISECOND, Timer::Refer { call })));
        }
    }

    /// After a transfer: when the caller and the target first heard each other.
    fn take_first_heard(&mut self) {
        for FirstHeard { listener, speaker, at } in std::mem::take(&mut self.media.first_heard) {
            let (Some((call, listener)), Some((_, speaker))) = (self.owners.get(&listener), self.owners.get(&speaker))
            else {
                continue;
            };
            let call = &mut self.calls[*call];
            let (caller, target) = (Some(call.caller), call.target);
            if Some(*listener) == caller && Some(*speaker) == target && call.caller_heard == 0 {
                call.caller_heard = at;
            }
            if Some(*listener) == target && Some(*speaker) == caller && call.target_heard == 0 {
                call.target_heard = at;
            }
        }
    }
}

const ALLOW: &str = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE\r\nSupported: replaces\r\n";

fn request(leg: &Leg, method: &str, address: SocketAddr, rest: &str) -> String {
    let Leg { call_id, ours, theirs, remote, sequence, .. } = leg;
    format!(
        "{method} {remote} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}-{sequence};rport\r\n\
         Max-Forwards: 70\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {sequence} {method}\r\n\
         Contact: <sip:bench@{address}>\r\n{ALLOW}{rest}"
    )
}

/// RFC 3261 §17.1.1.3 for a refusal: the INVITE's own branch and URI. §13.2.2.4 for a 200: a transaction of its own.
fn acknowledgement(leg: &Leg, address: SocketAddr, sequence: u32, refused: bool) -> String {
    let Leg { call_id, ours, theirs, remote, .. } = leg;
    let own = if refused { "" } else { "-ack" };
    format!(
        "ACK {remote} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}-{sequence}{own};rport\r\n\
         Max-Forwards: 70\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {sequence} ACK\r\n{NO_BODY}"
    )
}
